//! Replays: assets of an event, their captions and jobs.

use ids::{AssetId, EventId, JobId, StageId, TextTrackId};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::timestamp::Timestamp;

/// Life of a replay.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum ReplayState {
    /// The media has not arrived (an upload that is not complete).
    Waiting,
    /// Being recorded or made.
    Preparing,
    /// Plays.
    Ready,
    /// Cannot be played.
    Errored,
}

/// A replay in a list.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct ReplaySummary {
    /// The asset's id.
    #[schema(value_type = String)]
    pub id: AssetId,
    #[schema(value_type = String)]
    pub event_id: EventId,
    /// The stage it was recorded on; `null` for an upload.
    #[schema(value_type = Option<String>)]
    pub stage_id: Option<StageId>,
    pub title: String,
    pub state: ReplayState,
    pub duration_ms: Option<u64>,
    /// A picture; `null` until one is made.
    pub poster_url: Option<String>,
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
}

/// All replays of an event, newest first.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ReplayList {
    pub items: Vec<ReplaySummary>,
}

/// A replay with everything its page needs.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct Replay {
    #[serde(flatten)]
    pub summary: ReplaySummary,
    /// Multivariant playlist, with a token if the event is for invited people. `null` until it plays.
    pub hls_url: Option<String>,
    /// WebVTT with pictures for the seek bar; `null` until it is made.
    pub storyboard_url: Option<String>,
    /// An MP4 to download; `null` until it is made.
    pub mp4_url: Option<String>,
    pub captions: Vec<Caption>,
    /// What is being made of it, or was.
    pub jobs: Vec<Job>,
    /// Why `state` is `errored`, for people.
    pub error: Option<String>,
}

/// One language of captions.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct Caption {
    #[schema(value_type = String)]
    pub id: TextTrackId,
    /// BCP 47, such as `en` or `pt-BR`.
    pub language: String,
    /// As a menu shows it.
    pub label: String,
    pub state: ReplayState,
}

/// All captions of a replay.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct CaptionList {
    pub items: Vec<Caption>,
}

/// What captions to add.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct NewCaption {
    /// BCP 47, such as `en` or `pt-BR`.
    pub language: String,
    /// As a menu shows it; absent: the language.
    pub label: Option<String>,
}

/// Something that is made from an asset.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct Job {
    #[schema(value_type = String)]
    pub id: JobId,
    /// `probe`, `ladder`, `mp4` or `pictures`.
    pub kind: String,
    /// `queued`, `running`, `done`, `failed` or `cancelled`.
    pub state: String,
    /// 0 to 100.
    pub percent: u8,
    /// Why it failed, for people.
    pub error: Option<String>,
}
