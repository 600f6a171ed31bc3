//! Resumable uploads of video files straight into the bucket.

use ids::{AssetId, EventId, UploadId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A file to upload.
#[derive(Debug, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewUpload {
    #[schema(min_length = 1, max_length = 200)]
    pub file_name: String,
    pub size_bytes: u64,
    /// Such as `video/mp4`.
    pub content_type: String,
    /// Title of the replay; absent: the file's name.
    pub title: Option<String>,
}

/// Life of an upload.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum UploadState {
    /// Parts are missing.
    Waiting,
    /// All there; the replay is being made.
    Complete,
    /// Gave up, or cancelled.
    Cancelled,
    /// Cannot be used.
    Errored,
}

/// An upload and what is left to do. Put each part that is not `done` to its `url`, then complete it.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Upload {
    #[schema(value_type = String)]
    pub id: UploadId,
    #[schema(value_type = String)]
    pub event_id: EventId,
    /// The replay that it becomes.
    #[schema(value_type = String)]
    pub replay_id: AssetId,
    pub state: UploadState,
    pub file_name: String,
    pub size_bytes: u64,
    /// Every part but the last has this size.
    pub part_size_bytes: u64,
    pub parts: Vec<UploadPart>,
}

/// One part of an upload.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct UploadPart {
    /// From 1.
    pub number: u32,
    /// Storage has it.
    pub done: bool,
    /// PUT the bytes here within the hour; `null` when done, and beyond the next hundred parts (ask again).
    pub url: Option<String>,
}
