//! Media playlists: which segments of one rendition there are.
//!
//! Writes sliding, EVENT and VOD playlists (bis §4.4.3.5) from one segment list; does not choose which
//! segments are in it.

use std::fmt;
use std::time::Duration;

use crate::time::iso8601;

/// One segment of a media playlist.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Segment {
    /// Relative to the playlist.
    pub uri: String,
    /// Length of its media.
    pub duration: Duration,
    /// UTC microseconds of its first sample. `None`: the playlist has no wall-clock times.
    pub started_at_us: Option<i64>,
    /// Another run than the segment before: its timestamps or its coding do not continue, so
    /// `EXT-X-DISCONTINUITY` (bis §4.4.4.3) goes in front.
    pub run: u32,
    /// Its init segment (`EXT-X-MAP`), relative to the playlist. `None`: WebVTT has none.
    pub init_uri: Option<String>,
}

/// How a playlist grows and ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lifecycle {
    /// Live; old segments leave at the front.
    Sliding,
    /// Live; segments are only appended, viewers may go back to the start.
    Event,
    /// An EVENT playlist that got its end: what a viewer who watched it grow sees last.
    EndedEvent,
    /// Whole from the beginning.
    Vod,
}

impl Lifecycle {
    fn playlist_type(self) -> Option<&'static str> {
        match self {
            Self::Sliding => None,
            Self::Event | Self::EndedEvent => Some("EVENT"),
            Self::Vod => Some("VOD"),
        }
    }

    fn ended(self) -> bool {
        match self {
            Self::Sliding | Self::Event => false,
            Self::EndedEvent | Self::Vod => true,
        }
    }
}

/// A media playlist (bis §4.4.3).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MediaPlaylist {
    /// How it grows and ends.
    pub lifecycle: Lifecycle,
    /// No segment's rounded duration is longer (bis §4.4.3.1); the same in every rendition.
    pub target_duration_s: u64,
    /// Number of the first segment.
    pub first_number: u64,
    /// Discontinuities in front of the first segment that have left the playlist.
    pub discontinuities_before: u64,
    /// In order, without holes.
    pub segments: Vec<Segment>,
}

/// The playlist's text. O(n) in segments.
impl fmt::Display for MediaPlaylist {
    fn fmt(&self, text: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(text, "#EXTM3U\n#EXT-X-VERSION:{VERSION}")?;
        writeln!(text, "#EXT-X-TARGETDURATION:{}", self.target_duration_s)?;
        writeln!(text, "#EXT-X-INDEPENDENT-SEGMENTS")?;
        if let Some(kind) = self.lifecycle.playlist_type() {
            writeln!(text, "#EXT-X-PLAYLIST-TYPE:{kind}")?;
        }
        writeln!(text, "#EXT-X-MEDIA-SEQUENCE:{}", self.first_number)?;
        if self.discontinuities_before > 0 {
            writeln!(text, "#EXT-X-DISCONTINUITY-SEQUENCE:{}", self.discontinuities_before)?;
        }
        let mut before: Option<&Segment> = None;
        for segment in &self.segments {
            write_segment(text, before, segment)?;
            before = Some(segment);
        }
        if self.lifecycle.ended() {
            writeln!(text, "#EXT-X-ENDLIST")?;
        }
        Ok(())
    }
}

fn write_segment(text: &mut fmt::Formatter<'_>, before: Option<&Segment>, segment: &Segment) -> fmt::Result {
    if before.is_some_and(|before| before.run != segment.run) {
        writeln!(text, "#EXT-X-DISCONTINUITY")?;
    }
    if let Some(init) = &segment.init_uri
        && before.and_then(|before| before.init_uri.as_ref()) != Some(init)
    {
        writeln!(text, "#EXT-X-MAP:URI=\"{init}\"")?;
    }
    if let Some(at_us) = segment.started_at_us {
        writeln!(text, "#EXT-X-PROGRAM-DATE-TIME:{}", iso8601(at_us))?;
    }
    let us = segment.duration.as_micros();
    writeln!(text, "#EXTINF:{}.{:06},\n{}", us / 1_000_000, us % 1_000_000, segment.uri)
}

/// The smallest target duration that these lengths allow, at least `nominal_s`: lengths are rounded to the
/// nearest second before they are compared (bis §4.4.3.1), so audio of 2.005 s fits a target of 2.
#[must_use]
pub fn target_duration_s(nominal_s: u64, durations: impl IntoIterator<Item = Duration>) -> u64 {
    let rounded = |duration: Duration| (duration + Duration::from_millis(500)).as_secs();
    durations.into_iter().map(rounded).fold(nominal_s.max(1), u64::max)
}

/// 9, although nothing here needs more than 7 (`EXT-X-MAP` outside I-frame playlists, bis §8): low-latency
/// players read the number as "may use parts and delta updates".
pub const VERSION: u8 = 9;

#[cfg(test)]
mod tests {
    use super::*;

    fn segment(number: u64, run: u32) -> Segment {
        Segment {
            uri: format!("v720/{number}.m4s"),
            duration: Duration::from_micros(2_000_000),
            started_at_us: Some(1_774_861_445_123_000 + i64::try_from(number).unwrap() * 2_000_000),
            run,
            init_uri: Some(format!("v720/init-{run}.mp4")),
        }
    }

    fn playlist(lifecycle: Lifecycle) -> MediaPlaylist {
        MediaPlaylist {
            lifecycle,
            target_duration_s: 2,
            first_number: 3,
            discontinuities_before: 0,
            segments: vec![segment(3, 0), segment(4, 0), segment(5, 2)],
        }
    }

    #[test]
    fn a_sliding_playlist_is_written_tag_by_tag() {
        assert_eq!(
            playlist(Lifecycle::Sliding).to_string(),
            "#EXTM3U\n#EXT-X-VERSION:9\n#EXT-X-TARGETDURATION:2\n#EXT-X-INDEPENDENT-SEGMENTS\n\
             #EXT-X-MEDIA-SEQUENCE:3\n\
             #EXT-X-MAP:URI=\"v720/init-0.mp4\"\n\
             #EXT-X-PROGRAM-DATE-TIME:2026-03-30T09:04:11.123Z\n#EXTINF:2.000000,\nv720/3.m4s\n\
             #EXT-X-PROGRAM-DATE-TIME:2026-03-30T09:04:13.123Z\n#EXTINF:2.000000,\nv720/4.m4s\n\
             #EXT-X-DISCONTINUITY\n#EXT-X-MAP:URI=\"v720/init-2.mp4\"\n\
             #EXT-X-PROGRAM-DATE-TIME:2026-03-30T09:04:15.123Z\n#EXTINF:2.000000,\nv720/5.m4s\n"
        );
    }

    #[test]
    fn only_an_ended_playlist_has_an_end() {
        for (lifecycle, kind, ended) in [
            (Lifecycle::Sliding, None, false),
            (Lifecycle::Event, Some("EVENT"), false),
            (Lifecycle::EndedEvent, Some("EVENT"), true),
            (Lifecycle::Vod, Some("VOD"), true),
        ] {
            let text = playlist(lifecycle).to_string();
            assert_eq!(text.ends_with("#EXT-X-ENDLIST\n"), ended, "{lifecycle:?}");
            let written = text.lines().find_map(|line| line.strip_prefix("#EXT-X-PLAYLIST-TYPE:"));
            assert_eq!(written, kind, "{lifecycle:?}");
        }
    }

    #[test]
    fn a_parser_of_others_reads_the_same() {
        let text = playlist(Lifecycle::Event).to_string();
        let m3u8_rs::Playlist::MediaPlaylist(read) = m3u8_rs::parse_playlist_res(text.as_bytes()).unwrap()
        else {
            panic!("not read as a media playlist");
        };
        assert_eq!(read.version, Some(9));
        assert_eq!(read.media_sequence, 3);
        assert!(read.independent_segments);
        let uris: Vec<_> = read.segments.iter().map(|segment| segment.uri.as_str()).collect();
        assert_eq!(uris, ["v720/3.m4s", "v720/4.m4s", "v720/5.m4s"]);
        let breaks: Vec<_> = read.segments.iter().map(|segment| segment.discontinuity).collect();
        assert_eq!(breaks, [false, false, true]);
        assert!(read.segments.iter().all(|segment| segment.program_date_time.is_some()));
    }

    #[test]
    fn a_segment_a_little_over_its_target_does_not_raise_it() {
        let durations = [1_984, 2_005, 2_499].map(Duration::from_millis);
        assert_eq!(target_duration_s(2, durations), 2);
        assert_eq!(target_duration_s(2, [Duration::from_millis(2_500)]), 3);
        assert_eq!(target_duration_s(0, []), 1);
    }
}
