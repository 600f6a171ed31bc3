//! Which files a playback id has, by the last part of their URL.

use hls::recording::View;
use ids::TextTrackId;

/// A file below `/hls/<playback id>/`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum File {
    /// `index.m3u8`, `live.m3u8`.
    Multivariant(View),
    /// `<rendition>.m3u8`, `live-<rendition>.m3u8`.
    Media(View, String),
    /// `<rendition>/init-<run>.mp4`, `<rendition>/<number>.m4s`: named as in the bucket.
    Segment {
        /// Which rendition.
        rendition: String,
        /// As in the bucket.
        path: String,
    },
    /// `text/<id>.m3u8`.
    TextPlaylist(TextTrackId),
    /// `text/<id>/<number>.vtt`.
    TextSegment(TextTrackId, u64),
    /// `poster.jpg`, `storyboard.vtt`, `storyboard-<number>.jpg`, `video.mp4`.
    Static(String),
}

impl File {
    /// Reads a path; `None` for everything that no playback id has.
    pub(crate) fn parse(path: &str) -> Option<Self> {
        let parts: Vec<&str> = path.split('/').collect();
        match parts.as_slice() {
            ["index.m3u8"] => Some(Self::Multivariant(View::Rewind)),
            ["live.m3u8"] => Some(Self::Multivariant(View::Live)),
            ["poster.jpg" | "storyboard.vtt" | "video.mp4"] => Some(Self::Static(path.to_owned())),
            [name] => Self::parse_single(name),
            ["text", name] => Some(Self::TextPlaylist(name.strip_suffix(".m3u8")?.parse().ok()?)),
            ["text", id, name] => {
                Some(Self::TextSegment(id.parse().ok()?, number(name.strip_suffix(".vtt")?)?))
            }
            [rendition, name] => {
                let known = name
                    .strip_suffix(".m4s")
                    .or_else(|| name.strip_prefix("init-")?.strip_suffix(".mp4"))
                    .and_then(number);
                known?;
                let rendition = plain(rendition)?.to_owned();
                Some(Self::Segment { rendition, path: path.to_owned() })
            }
            _ => None,
        }
    }

    fn parse_single(name: &str) -> Option<Self> {
        if let Some(digits) = name.strip_prefix("storyboard-").and_then(|rest| rest.strip_suffix(".jpg")) {
            number(digits)?;
            return Some(Self::Static(name.to_owned()));
        }
        let rendition = name.strip_suffix(".m3u8")?;
        match rendition.strip_prefix("live-") {
            Some(rendition) => Some(Self::Media(View::Live, plain(rendition)?.to_owned())),
            None => Some(Self::Media(View::Rewind, plain(rendition)?.to_owned())),
        }
    }
}

/// A rendition's name: it becomes part of a key and of another service's URL.
fn plain(name: &str) -> Option<&str> {
    let known = |c: u8| c.is_ascii_alphanumeric() || c == b'-' || c == b'_';
    ((1..=32).contains(&name.len()) && name.bytes().all(known)).then_some(name)
}

/// A number as we write it: no sign, no leading zero.
fn number(digits: &str) -> Option<u64> {
    let number: u64 = digits.parse().ok()?;
    (number.to_string() == digits).then_some(number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_of_file_is_known() {
        let segment = |rendition: &str, path: &str| {
            Some(File::Segment { rendition: rendition.to_owned(), path: path.to_owned() })
        };
        assert_eq!(File::parse("index.m3u8"), Some(File::Multivariant(View::Rewind)));
        assert_eq!(File::parse("live.m3u8"), Some(File::Multivariant(View::Live)));
        assert_eq!(File::parse("v720.m3u8"), Some(File::Media(View::Rewind, "v720".into())));
        assert_eq!(File::parse("live-v720.m3u8"), Some(File::Media(View::Live, "v720".into())));
        assert_eq!(File::parse("v720/0.m4s"), segment("v720", "v720/0.m4s"));
        assert_eq!(File::parse("v720/init-3.mp4"), segment("v720", "v720/init-3.mp4"));
        assert_eq!(File::parse("storyboard-2.jpg"), Some(File::Static("storyboard-2.jpg".into())));
        let id = TextTrackId::from_bits(5);
        assert_eq!(File::parse(&format!("text/{id}.m3u8")), Some(File::TextPlaylist(id.clone())));
        assert_eq!(File::parse(&format!("text/{id}/7.vtt")), Some(File::TextSegment(id, 7)));
    }

    #[test]
    fn nothing_else_is() {
        for path in [
            "",
            "/",
            "..",
            "../index.m3u8",
            "v720/../../x/0.m4s",
            "v720/00.m4s",
            "v720/+1.m4s",
            "v720/-1.m4s",
            "index/000000.json",
            "text/x.m3u8",
            "a/b/c/d",
            "%2e%2e.m3u8",
            "é.m3u8",
            "v720/0.m4s/",
            "source",
        ] {
            assert_eq!(File::parse(path), None, "{path}");
        }
    }
}
