//! What the registry knows: assets, and what hangs on them.
//!
//! ```text
//! Waiting ──bytes are there──▶ Preparing ──playable──▶ Ready
//!    │                             │
//!    └──────────failed─────────────┴──────────────────▶ Errored
//! ```
//! A recording starts as `Preparing`, an upload as `Waiting`.

use ids::{AssetId, PlaybackId, StageId, TextTrackId, UploadId};
use serde::{Deserialize, Serialize};
use wire::media::PlaybackPolicy;

/// A piece of media that is or will be playable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asset {
    /// Its name for services.
    pub id: AssetId,
    /// Where it is in its life.
    pub state: AssetState,
    /// Where it came from.
    pub source: Source,
    /// For people.
    pub title: String,
    /// Where its renditions and their index lie in the bucket, without a slash at the end.
    pub prefix: String,
    /// UTC microseconds.
    pub created_at_us: i64,
    /// UTC microseconds of the last change of state or title.
    pub changed_at_us: i64,
    /// What the uploaded file is; `None` until it was looked at, and of a recording.
    pub probed: Option<Probed>,
}

/// What an uploaded file is, before anything is made of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Probed {
    /// As the file says; 0 when it does not.
    pub duration_ms: u64,
    /// Pixels as shown, after the rotation that the file asks for.
    pub width: u32,
    /// Pixels as shown.
    pub height: u32,
    /// Thousandths of a frame per second; 0 when the file does not say.
    pub frame_rate_millihertz: u32,
    /// Such as `h264`.
    pub video_codec: String,
    /// Such as `aac`; `None`: the file is silent.
    pub audio_codec: Option<String>,
}

/// Where an asset is in its life.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AssetState {
    /// Its bytes are not there yet.
    Waiting,
    /// A stage is being recorded, or a file is being transformed.
    Preparing,
    /// It plays.
    Ready(Playable),
    /// It will never play.
    Errored(Failure),
}

/// How a ready asset plays.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Playable {
    /// Chunks of its index below the prefix.
    pub index_chunks: u32,
    /// As the player shows it, without gaps.
    pub duration_ms: u64,
}

/// Why an asset will never play.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// Stable, for programs: `nothing-recorded`, `upload-expired`, `not-a-video`.
    pub kind: String,
    /// For people.
    pub detail: String,
}

impl AssetState {
    /// As stored and as the API says it.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Preparing => "preparing",
            Self::Ready(_) => "ready",
            Self::Errored(_) => "errored",
        }
    }
}

/// Where an asset came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// A stage was live.
    Recording {
        /// Which.
        stage_id: StageId,
    },
    /// Somebody uploaded a file.
    Upload,
}

/// A public name of an asset.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlaybackName {
    /// Part of the URL.
    pub id: PlaybackId,
    /// What it plays.
    pub asset_id: AssetId,
    /// Who may play it.
    pub policy: PlaybackPolicy,
}

/// A direct upload of one file in parts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Upload {
    /// Its name.
    pub id: UploadId,
    /// The asset that the file becomes.
    pub asset_id: AssetId,
    /// Where it is in its life.
    pub state: UploadState,
    /// The object that the file becomes.
    pub key: String,
    /// The store's name of the multipart upload.
    pub store_upload_id: String,
    /// Bytes of the whole file.
    pub size_bytes: u64,
    /// Bytes of every part but the last.
    pub part_size_bytes: u64,
    /// UTC microseconds.
    pub created_at_us: i64,
    /// UTC microseconds; later parts are refused.
    pub expires_at_us: i64,
}

impl Upload {
    /// Number of parts, at least one.
    #[must_use]
    pub fn part_count(&self) -> u64 {
        self.size_bytes.div_ceil(self.part_size_bytes.max(1)).max(1)
    }
}

/// Where an upload is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UploadState {
    /// Parts may come.
    Waiting,
    /// The file is whole.
    Completed,
    /// Somebody gave up.
    Cancelled,
    /// Nobody finished it in time.
    Expired,
}

impl UploadState {
    /// As stored.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Completed => "completed",
            Self::Cancelled => "cancelled",
            Self::Expired => "expired",
        }
    }
}

/// Captions or subtitles in one language.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TextTrack {
    /// Its name, part of its URL.
    pub id: TextTrackId,
    /// What it belongs to.
    pub asset_id: AssetId,
    /// BCP 47.
    pub language: String,
    /// For people; unique in the asset.
    pub name: String,
    /// Shown when the viewer chooses nothing.
    pub is_default: bool,
    /// The WebVTT file in the bucket.
    pub key: String,
}

/// A file beside the ladder, served as `/hls/<playback id>/<name>`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StaticRendition {
    /// `poster.jpg`, `storyboard.vtt`, `storyboard-0.jpg`, `video.mp4`.
    pub name: String,
    /// Where it lies in the bucket.
    pub key: String,
    /// Its media type.
    pub content_type: String,
    /// Bytes.
    pub size_bytes: u64,
}

/// A recording that is not finished.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LiveRecording {
    /// Its asset.
    pub asset_id: AssetId,
    /// Base URL of the mixer service that owns it; `None` until one has claimed it.
    pub mixer_url: Option<String>,
    /// UTC microseconds when a mixer last claimed it or answered for it.
    pub seen_at_us: i64,
}

/// Where a recording's files lie.
#[must_use]
pub fn recording_prefix(asset_id: &AssetId) -> String {
    format!("recordings/{asset_id}")
}

/// Where everything else of an asset lies: source file, captions, renditions made by transforms.
#[must_use]
pub fn asset_prefix(asset_id: &AssetId) -> String {
    format!("assets/{asset_id}")
}

/// Where the file that somebody uploaded lies.
#[must_use]
pub fn source_key(asset_id: &AssetId) -> String {
    format!("{}/source", asset_prefix(asset_id))
}
