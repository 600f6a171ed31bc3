//! What the mixer service answers under `/internal/mixer/v1` (service tokens only).
//!
//! ```text
//! PUT    /stages/{stage_id}          StageSpec → StageStatus   wanted state, idempotent; starts or changes it
//! GET    /stages/{stage_id}          StageStatus
//! POST   /stages/{stage_id}/end      StageStatus               drains, seals the recording; idempotent
//! GET    /recordings/{asset_id}/{path}   live playlists and segments, byte ranges allowed
//! ```
//! While a stage is live its playlists are `index.m3u8` (multivariant), `<rendition>.m3u8`; its segments
//! `<rendition>/<number>.m4s`, init segments `<rendition>/init-<run>.mp4`, exactly as under
//! `recordings/<asset_id>/` in the bucket.

use ids::{AssetId, StageId};
use serde::{Deserialize, Serialize};

/// The wanted state of a live stage.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StageSpec {
    /// Name of the backstage room in the SFU.
    pub room: String,
    /// The asset that the recording becomes.
    pub asset_id: AssetId,
    /// Where the tiles go.
    pub layout: LayoutKind,
    /// Who is on the picture and heard, in tile order. Everybody else in the room is backstage.
    pub on_stage: Vec<OnStage>,
    /// Shown while nobody is on stage.
    pub title: String,
}

/// One participant on the stage.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OnStage {
    /// The participant's identity in the room.
    pub identity: String,
    /// The name plate's text.
    pub name: String,
}

/// How tiles are placed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LayoutKind {
    /// The first participant fills the picture.
    Solo,
    /// The first two share it.
    SideBySide,
    /// All, in equal tiles.
    Grid,
}

/// What a stage's mixer is doing.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StageStatus {
    /// The stage.
    pub stage_id: StageId,
    /// Its asset.
    pub asset_id: AssetId,
    /// Where it is in its life.
    pub state: StageState,
    /// Milliseconds from the first to the last published segment, gaps included.
    pub duration_ms: u64,
    /// UTC microseconds of the end of the newest segment set that the bucket acknowledged.
    pub saved_up_to_us: Option<i64>,
    /// Segment files that wait for the bucket.
    pub spool_files: u64,
    /// Bytes of them.
    pub spool_bytes: u64,
    /// How the recording gets to the bucket.
    pub saving: Saving,
    /// Times the child was restarted.
    pub restarts: u32,
    /// Health as the child last told it.
    pub health: Option<Health>,
}

/// How a recording gets to the bucket.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "state")]
pub enum Saving {
    /// Segments follow within seconds after they are made.
    Following,
    /// The bucket does not take them; they wait in the spool, the oldest since then.
    Waiting {
        /// UTC microseconds.
        since_us: i64,
    },
    /// The spool is full: the stage pauses until the bucket takes what waits.
    SpoolFull,
}

/// Life of a stage in the mixer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StageState {
    /// The child starts; no segment yet.
    Starting,
    /// The live playlist has a segment.
    Live,
    /// End was asked; the last segments go to the bucket.
    Draining,
    /// Sealed: the bucket holds everything.
    Ended,
}

/// A second of a mixer child's life.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Health {
    /// Output frames per second.
    pub fps: f64,
    /// Frames that came too late for the picture since the start.
    pub late_frames: u64,
    /// CPU seconds per second of the child.
    pub cpu_cores: f64,
    /// Sound level in dBFS (RMS over the last second).
    pub level_dbfs: f64,
    /// Tracks that arrive from the SFU.
    pub sources: u32,
}
