//! Stages: what an organiser sees and does, and how people join.

use ids::{AssetId, EventId, StageId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::replay::ReplaySummary;
use super::timestamp::Timestamp;

/// A stage of an event.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct Stage {
    #[schema(value_type = String)]
    pub id: StageId,
    #[schema(value_type = String)]
    pub event_id: EventId,
    pub title: String,
    pub state: StageState,
    pub programme: Programme,
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
}

/// A stage to make.
#[derive(Debug, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewStage {
    #[schema(min_length = 1, max_length = 200)]
    pub title: String,
}

/// What to change about a stage; absent members stay.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct StageChange {
    #[schema(min_length = 1, max_length = 200)]
    pub title: Option<String>,
}

/// All stages of an event, in the order in which they were made.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct StageList {
    pub items: Vec<Stage>,
}

/// Where a stage is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum StageState {
    /// Never live, or not since it last ended.
    OffAir,
    /// Going live: no picture for viewers yet.
    Starting,
    /// On air.
    Live,
    /// The last seconds are being stored.
    Ending,
    /// Was live; the replay is there.
    Ended,
}

/// How tiles are placed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Layout {
    /// The first person fills the picture.
    Solo,
    /// The first two share it.
    SideBySide,
    /// All, in equal tiles.
    Grid,
}

impl From<Layout> for wire::mixer::LayoutKind {
    fn from(layout: Layout) -> Self {
        match layout {
            Layout::Solo => Self::Solo,
            Layout::SideBySide => Self::SideBySide,
            Layout::Grid => Self::Grid,
        }
    }
}

/// Who is on the picture and how.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Programme {
    pub layout: Layout,
    /// Identities of backstage participants, in tile order. The others are neither seen nor heard.
    #[schema(max_items = 16)]
    pub on_stage: Vec<String>,
}

/// How to join a stage.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct StageEntry {
    pub role: StageRole,
}

/// As what to join a stage.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum StageRole {
    /// Organisers and invited speakers.
    Backstage,
    /// Everybody in the event.
    Viewer,
}

/// What joining a stage gives.
#[derive(Debug, Serialize, ToSchema)]
#[serde(tag = "role", rename_all = "snake_case")]
pub(crate) enum StageJoin {
    /// A way into the backstage room.
    Backstage(RoomJoin),
    /// What to play.
    Viewer(Watch),
}

/// A way into a room for a LiveKit client.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct RoomJoin {
    /// `ws:` or `wss:` address of the SFU, without a path.
    pub room_url: String,
    /// LiveKit-compatible room token; use it within ten minutes.
    pub room_token: String,
    /// Name of the room.
    pub room: String,
    /// The bearer's identity in the room.
    pub identity: String,
}

/// What a viewer of a stage plays.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Watch {
    pub state: StageState,
    /// The live playlist while the stage is on air, afterwards the newest replay; `null` before the first.
    pub hls_url: Option<String>,
    #[schema(value_type = Option<String>, format = DateTime)]
    pub live_since: Option<Timestamp>,
    pub viewers: u32,
}

/// How many watch a stage.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Viewers {
    pub viewers: u32,
}

/// Everything the control room shows.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct StageStatus {
    #[schema(value_type = String)]
    pub stage_id: StageId,
    pub state: StageState,
    pub programme: Programme,
    /// When go-live was asked.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub live_since: Option<Timestamp>,
    #[schema(value_type = Option<String>, format = DateTime)]
    pub ended_at: Option<Timestamp>,
    /// Asset of the running recording, or of the last one.
    #[schema(value_type = Option<String>)]
    pub replay_id: Option<AssetId>,
    /// Plays live and, at the same address, as the replay.
    pub hls_url: Option<String>,
    /// Length of what is recorded, in milliseconds.
    pub recorded_ms: Option<u64>,
    /// Storage has everything up to this moment.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub saved_up_to: Option<Timestamp>,
    pub viewers: u32,
    /// `null` while the stage is off the air.
    pub health: Option<StageHealth>,
    /// Everybody in the backstage room.
    pub backstage: Vec<BackstageParticipant>,
    /// The last recording's replay, once it plays.
    pub replay: Option<ReplaySummary>,
    /// What is wrong at the moment, for people; the system keeps trying.
    pub trouble: Option<String>,
}

/// How the programme's mixer is doing.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct StageHealth {
    /// Frames per second of the programme.
    pub fps: f64,
    /// Frames that came too late for the picture.
    pub late_frames: u64,
    /// CPU seconds per second.
    pub cpu_cores: f64,
    /// Loudness of the programme in dBFS.
    pub level_dbfs: f64,
    /// Tracks that reach the mixer.
    pub sources: u32,
    /// Times the mixer was restarted.
    pub restarts: u32,
    /// Segment files that wait for storage.
    pub waiting_files: u64,
    /// Bytes of them.
    pub waiting_bytes: u64,
}

/// One participant of the backstage room.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct BackstageParticipant {
    pub identity: String,
    pub name: String,
    pub kind: BackstageKind,
    /// In the programme now.
    pub on_stage: bool,
    /// Publishes a camera picture, not muted.
    pub camera: bool,
    /// Publishes a microphone, not muted.
    pub microphone: bool,
    /// Shares a screen.
    pub screen: bool,
    #[schema(value_type = String, format = DateTime)]
    pub joined_at: Timestamp,
}

/// What a backstage participant is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum BackstageKind {
    /// An organiser who runs the stage.
    Producer,
    /// An invited speaker.
    Speaker,
    /// Brought a room token that this service did not make.
    Other,
}

/// A way into a session.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SessionEntry {
    /// True: camera, microphone and screen may be published. False: only watch and listen.
    pub on_screen: bool,
}
