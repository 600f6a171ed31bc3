//! Playlists of a recording, from its index (`wire::media::IndexChunk`).
//!
//! Decides file names and which sets a playlist shows; does not know where the sets come from. Mixer (live)
//! and MAR (replay) render with these, so a viewer's URL means the same before and after the end.
//!
//! ```text
//! index.m3u8                 multivariant, with rewind        → <rendition>.m3u8, text/<id>.m3u8
//! live.m3u8                  multivariant, last segments only → live-<rendition>.m3u8
//! <rendition>.m3u8           media playlist                   → <rendition>/init-<run>.mp4, <rendition>/<number>.m4s
//! text/<id>.m3u8             captions                         → text/<id>/<number>.vtt
//! ```

use std::time::Duration;

use wire::media::{RenditionInfo, RenditionKind, SegmentSet};

use crate::multivariant::{AudioRendition, MultivariantPlaylist, SubtitleRendition, VideoRendition};
use crate::playlist::{Lifecycle, MediaPlaylist, Segment, target_duration_s};
use crate::vtt::WebVtt;

/// Length that segments aim at, in seconds.
pub const NOMINAL_SEGMENT_S: u64 = 2;

/// Sets that a sliding playlist shows: 6 × 2 s, twice the three target durations that players stay behind
/// (bis §6.3.3), so that a reload that comes late still finds its place.
pub const SLIDING_SETS: usize = 6;

/// `<rendition>/init-<run>.mp4`.
#[must_use]
pub fn init_path(rendition: &str, run: u32) -> String {
    format!("{rendition}/init-{run}.mp4")
}

/// `<rendition>/<number>.m4s`.
#[must_use]
pub fn segment_path(rendition: &str, number: u64) -> String {
    format!("{rendition}/{number}.m4s")
}

/// `index/<number, 6 digits>.json`: where chunk `number` of the recording index lies.
#[must_use]
pub fn index_chunk_path(number: u32) -> String {
    format!("index/{number:06}.json")
}

/// `text/<id>/<number>.vtt`, relative to `index.m3u8`.
#[must_use]
pub fn text_segment_path(track: &str, number: u64) -> String {
    format!("text/{track}/{number}.vtt")
}

/// Which media playlists a multivariant playlist leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum View {
    /// The whole recording so far.
    Rewind,
    /// The last [`SLIDING_SETS`].
    Live,
}

impl View {
    /// `<rendition>.m3u8` or `live-<rendition>.m3u8`.
    #[must_use]
    pub fn playlist_name(self, rendition: &str) -> String {
        match self {
            Self::Rewind => format!("{rendition}.m3u8"),
            Self::Live => format!("live-{rendition}.m3u8"),
        }
    }
}

/// The multivariant playlist. Bandwidths are what `renditions` say, or more when a segment needed more.
#[must_use]
pub fn multivariant(
    renditions: &[RenditionInfo],
    sets: &[SegmentSet],
    subtitles: Vec<SubtitleRendition>,
    view: View,
) -> String {
    let mut playlist = MultivariantPlaylist { subtitles, ..MultivariantPlaylist::default() };
    for (index, rendition) in renditions.iter().enumerate() {
        let uri = view.playlist_name(&rendition.name);
        let codecs = rendition.codecs.clone();
        let bandwidth_bps = rendition.bandwidth_bps.max(peak_bandwidth_bps(sets, index));
        match rendition.kind {
            RenditionKind::Video { width, height, frame_rate } => {
                playlist.video.push(VideoRendition { uri, codecs, bandwidth_bps, width, height, frame_rate });
            }
            RenditionKind::Audio { channels } => {
                playlist.audio = Some(AudioRendition { uri, codecs, bandwidth_bps, channels });
            }
        }
    }
    playlist.to_string()
}

/// The media playlist of one rendition, `None` when the recording has no rendition of that name.
///
/// `sets` are all sets of the recording, from number 0; a sliding playlist shows the last
/// [`SLIDING_SETS`] of them.
#[must_use]
pub fn media_playlist(
    renditions: &[RenditionInfo],
    sets: &[SegmentSet],
    rendition: &str,
    lifecycle: Lifecycle,
) -> Option<String> {
    let index = renditions.iter().position(|each| each.name == rendition)?;
    let segment = |set: &SegmentSet| Segment {
        uri: segment_path(rendition, set.number),
        duration: duration(set, index),
        started_at_us: Some(set.started_at_us),
        run: set.run,
        init_uri: Some(init_path(rendition, set.run)),
    };
    Some(render(sets, lifecycle, segment))
}

/// The media playlist of a caption track, relative to `text/`: numbers, lengths, dates and discontinuities
/// are those of the first rendition. Its segments are what [`text_segment`] makes.
#[must_use]
pub fn text_playlist(sets: &[SegmentSet], track: &str, lifecycle: Lifecycle) -> String {
    let segment = |set: &SegmentSet| Segment {
        uri: format!("{track}/{}.vtt", set.number),
        duration: duration(set, 0),
        started_at_us: Some(set.started_at_us),
        run: set.run,
        init_uri: None,
    };
    render(sets, lifecycle, segment)
}

/// The caption segment of one number, `None` when there is no such set.
///
/// Cue times of `captions` count from the start of the replay as the player shows it: the sum of the
/// segments before, without the gaps that a restart left. O(n) in sets.
#[must_use]
pub fn text_segment(sets: &[SegmentSet], captions: &WebVtt, number: u64) -> Option<String> {
    let at = sets.iter().position(|set| set.number == number)?;
    let start: Duration = sets[..at].iter().map(|set| duration(set, 0)).sum();
    let end = start + duration(&sets[at], 0);
    Some(captions.segment(start..end, mpegts_time(&sets[at])))
}

/// Seconds from the first to the last segment without the gaps: how long the player says it is.
#[must_use]
pub fn played_duration(sets: &[SegmentSet]) -> Duration {
    sets.iter().map(|set| duration(set, 0)).sum()
}

/// `tfdt` of a set on the 90 kHz clock that `X-TIMESTAMP-MAP` counts (bis §3.1.4), which wraps at 33 bits.
#[must_use]
pub fn mpegts_time(set: &SegmentSet) -> u64 {
    set.offset_ms.wrapping_mul(90) & ((1 << 33) - 1)
}

fn render(sets: &[SegmentSet], lifecycle: Lifecycle, segment: impl Fn(&SegmentSet) -> Segment) -> String {
    let first = match lifecycle {
        Lifecycle::Sliding => sets.len().saturating_sub(SLIDING_SETS),
        Lifecycle::Event | Lifecycle::EndedEvent | Lifecycle::Vod => 0,
    };
    // A break counts as gone once the set behind it has left or is the first that is shown.
    let breaks =
        sets[..sets.len().min(first + 1)].windows(2).filter(|pair| pair[0].run != pair[1].run).count();
    // One target for all renditions, hence over all of their segments (bis §6.2.4).
    let lengths = sets.iter().flat_map(|set| (0..set.segments.len()).map(move |index| duration(set, index)));
    MediaPlaylist {
        lifecycle,
        target_duration_s: target_duration_s(NOMINAL_SEGMENT_S, lengths),
        first_number: sets.get(first).map_or(0, |set| set.number),
        discontinuities_before: u64::try_from(breaks).unwrap_or(u64::MAX),
        segments: sets[first..].iter().map(segment).collect(),
    }
    .to_string()
}

fn duration(set: &SegmentSet, rendition: usize) -> Duration {
    Duration::from_micros(set.segments.get(rendition).map_or(0, |segment| segment.duration_us))
}

/// Largest segment bit rate so far (bis §4.4.6.2, `BANDWIDTH`). Segments under half a second say nothing of
/// a rate: the last one of a recording may be a single frame.
fn peak_bandwidth_bps(sets: &[SegmentSet], rendition: usize) -> u64 {
    let segments = sets.iter().filter_map(|set| set.segments.get(rendition));
    let long = segments.filter(|segment| segment.duration_us >= 500_000);
    long.map(|segment| segment.size_bytes.saturating_mul(8_000_000) / segment.duration_us).max().unwrap_or(0)
}

#[cfg(test)]
mod tests;
