//! What the media service (MAR + MTS) answers other services under `/internal/media/v1` (service tokens
//! only), and the recording index that mixer and MAR share in the bucket.
//!
//! ```text
//! POST  /recordings                      NewRecording → Recording     asset `preparing` with a playback id
//! PUT   /recordings/{asset_id}/mixer     MixerClaim → 204             who serves it while it is live
//! POST  /recordings/{asset_id}/finish    FinishRecording → Asset      the bucket holds all; asset `ready`
//! POST  /assets/{asset_id}/playback-token    → PlaybackToken          for signed playback ids
//! GET   /assets/{asset_id}/jobs          [JobInfo]                    what is made of the asset
//! POST  /jobs/{job_id}/cancel            JobInfo                      a running transform is killed
//! POST  /jobs/{job_id}/retry             JobInfo                      a failed or cancelled one is queued again
//! ```
//! Assets, uploads and text tracks are MAR's public API, `/media/v1`, and open to service tokens too.

use ids::{AssetId, JobId, PlaybackId, StageId};
use serde::{Deserialize, Serialize};

/// Asks for the asset of a stage that goes live.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewRecording {
    /// The stage.
    pub stage_id: StageId,
    /// Title of the asset.
    pub title: String,
    /// Who may play it.
    pub policy: PlaybackPolicy,
}

/// The asset of a stage.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recording {
    /// The asset.
    pub asset_id: AssetId,
    /// Under which `/hls/<playback id>/index.m3u8` plays, live and afterwards.
    pub playback_id: PlaybackId,
    /// Who may play it.
    pub policy: PlaybackPolicy,
}

/// Who may play a playback id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PlaybackPolicy {
    /// Anybody who knows it.
    Public,
    /// Who brings a token made for it.
    Signed,
}

/// Says which mixer service owns a live recording.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MixerClaim {
    /// Base URL of that mixer service, without a path.
    pub mixer_url: String,
}

/// Says that a recording is whole in the bucket.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FinishRecording {
    /// Number of chunks of the recording index.
    pub index_chunks: u32,
}

/// A token for a signed playback id.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlaybackToken {
    /// Goes into `?token=`.
    pub token: String,
    /// UTC microseconds.
    pub expires_at_us: i64,
}

/// A transform of an asset.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobInfo {
    /// Its name.
    pub id: JobId,
    /// `probe`, `ladder`, `mp4` or `pictures`.
    pub transform: String,
    /// `queued`, `running`, `done`, `failed` or `cancelled`.
    pub state: String,
    /// 0 to 100.
    pub percent: u8,
    /// Why it failed, for people.
    pub error: Option<String>,
}

/// Segment sets per chunk of the recording index: 150 × 2 s = 5 min.
pub const SETS_PER_CHUNK: usize = 150;

/// One chunk of a recording's index, at `recordings/<asset_id>/index/<number, 6 digits>.json`.
///
/// A chunk with [`SETS_PER_CHUNK`] sets never changes again; the last one is rewritten as it grows. It
/// names only objects that the bucket has acknowledged.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct IndexChunk {
    /// Position of the chunk, from 0.
    pub number: u32,
    /// What each set holds, in playlist order. The same in every chunk of a recording.
    pub renditions: Vec<RenditionInfo>,
    /// Segment sets in order.
    pub sets: Vec<SegmentSet>,
}

/// One rendition of a recording.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RenditionInfo {
    /// File-name safe: `v720`, `v360`, `audio`.
    pub name: String,
    /// Picture or sound.
    pub kind: RenditionKind,
    /// RFC 6381, read from the init segment.
    pub codecs: String,
    /// Peak over one segment.
    pub bandwidth_bps: u64,
}

/// Picture or sound.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "type")]
pub enum RenditionKind {
    /// Picture only.
    Video {
        /// Pixels.
        width: u32,
        /// Pixels.
        height: u32,
        /// Frames per second.
        frame_rate: f64,
    },
    /// Sound only, shared by all video renditions.
    Audio {
        /// Channels.
        channels: u32,
    },
}

/// The segments of one number, one per rendition and in the order of [`IndexChunk::renditions`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SegmentSet {
    /// Media sequence number, from 0, without holes.
    pub number: u64,
    /// UTC microseconds of the first sample: `EXT-X-PROGRAM-DATE-TIME`.
    pub started_at_us: i64,
    /// Which run of the child made it. Another run than the set before means `EXT-X-DISCONTINUITY`, and
    /// its init segment is `<rendition>/init-<run>.mp4`.
    pub run: u32,
    /// Media time of the first sample since the stage began, in milliseconds; what `tfdt` says.
    pub offset_ms: u64,
    /// One per rendition.
    pub segments: Vec<SegmentInfo>,
}

/// One segment, at `recordings/<asset_id>/<rendition>/<number>.m4s`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SegmentInfo {
    /// Microseconds of media.
    pub duration_us: u64,
    /// Bytes.
    pub size_bytes: u64,
}
