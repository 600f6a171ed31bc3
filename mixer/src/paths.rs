//! Paths under a recording: which file a viewer asks for.
//!
//! Accepts exactly the names that playlists give, and nothing that could lead elsewhere; whether the file
//! exists is not decided here.

use hls::recording::View;

/// A file of a recording.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RecordingFile<'a> {
    /// `index.m3u8` or `live.m3u8`.
    Multivariant(View),
    /// `<rendition>.m3u8` or `live-<rendition>.m3u8`.
    Media(View, &'a str),
    /// `<rendition>/init-<run>.mp4`.
    Init {
        /// Of the ladder.
        rendition: &'a str,
        /// From 0.
        run: u32,
    },
    /// `<rendition>/<number>.m4s`.
    Segment {
        /// Of the ladder.
        rendition: &'a str,
        /// Media sequence number.
        number: u64,
    },
}

impl<'a> RecordingFile<'a> {
    /// Reads a path; `renditions` are the names of the ladder. `None`: no playlist gives this name.
    pub(crate) fn parse(path: &'a str, mut renditions: impl Iterator<Item = &'a str>) -> Option<Self> {
        if let Some(name) = path.strip_suffix(".m3u8") {
            return match name {
                "index" => Some(Self::Multivariant(View::Rewind)),
                "live" => Some(Self::Multivariant(View::Live)),
                _ => {
                    let live = name.strip_prefix("live-").map(|name| (View::Live, name));
                    let (view, name) = live.unwrap_or((View::Rewind, name));
                    renditions.find(|each| *each == name).map(|rendition| Self::Media(view, rendition))
                }
            };
        }
        let (folder, file) = path.split_once('/')?;
        let rendition = renditions.find(|each| *each == folder)?;
        if let Some(number) = file.strip_suffix(".m4s") {
            let number = number.parse().ok()?;
            return (file == format!("{number}.m4s")).then_some(Self::Segment { rendition, number });
        }
        let run = file.strip_prefix("init-")?.strip_suffix(".mp4")?.parse().ok()?;
        (file == format!("init-{run}.mp4")).then_some(Self::Init { rendition, run })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(path: &str) -> Option<RecordingFile<'_>> {
        RecordingFile::parse(path, ["v720", "audio"].into_iter())
    }

    #[test]
    fn the_names_of_playlists_are_files() {
        let v720 = "v720";
        for (path, file) in [
            ("index.m3u8", RecordingFile::Multivariant(View::Rewind)),
            ("live.m3u8", RecordingFile::Multivariant(View::Live)),
            ("v720.m3u8", RecordingFile::Media(View::Rewind, v720)),
            ("live-v720.m3u8", RecordingFile::Media(View::Live, v720)),
            ("v720/init-3.mp4", RecordingFile::Init { rendition: v720, run: 3 }),
            ("v720/0.m4s", RecordingFile::Segment { rendition: v720, number: 0 }),
        ] {
            assert_eq!(parse(path), Some(file), "{path}");
        }
    }

    #[test]
    fn other_names_are_not() {
        for path in [
            "",
            "journal",
            "../x.m3u8",
            "v720/../journal",
            "v720/00.m4s",
            "v720/+1.m4s",
            "v1080/0.m4s",
            "v720/0.m4s.draft",
            "v720/init-.mp4",
            "v720/init-01.mp4",
            "/v720/0.m4s",
            "v720/0/0.m4s",
            "live-live-v720.m3u8",
            "v720/-1.m4s",
            "v720/18446744073709551616.m4s",
        ] {
            assert_eq!(parse(path), None, "{path}");
        }
    }
}
