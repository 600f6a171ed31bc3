//! Resources as JSON.

use ids::{AssetId, PlaybackId, StageId, TextTrackId, UploadId};
use serde::Serialize;
use wire::media::PlaybackPolicy;

use crate::asset::{Asset, AssetState, Failure, PlaybackName, Probed, Source, TextTrack, UploadState};
use crate::registry::{AssetView, UploadStatus};

/// Every answer's resource stands in `data`, as Mux has it.
#[derive(Debug, Serialize)]
pub(crate) struct Data<T> {
    pub(crate) data: T,
}

/// A page of a list.
#[derive(Debug, Serialize)]
pub(crate) struct Page<T> {
    pub(crate) data: Vec<T>,
    /// For `?cursor=`; absent on the last page.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) next_cursor: Option<String>,
}

#[derive(Debug, Serialize)]
pub(crate) struct AssetSummary {
    id: AssetId,
    status: &'static str,
    title: String,
    source: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    stage_id: Option<StageId>,
    /// Of what plays; before that, what the uploaded file says.
    #[serde(skip_serializing_if = "Option::is_none")]
    duration_ms: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    probed: Option<Probed>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<Failure>,
    created_at_us: i64,
    changed_at_us: i64,
}

#[derive(Debug, Serialize)]
pub(crate) struct AssetResource {
    #[serde(flatten)]
    summary: AssetSummary,
    playback_ids: Vec<PlaybackResource>,
    tracks: Vec<TrackResource>,
    static_renditions: Vec<StaticResource>,
}

#[derive(Debug, Serialize)]
pub(crate) struct PlaybackResource {
    id: PlaybackId,
    policy: PlaybackPolicy,
    /// The multivariant playlist; a signed one needs `?token=`.
    hls_url: String,
}

#[derive(Debug, Serialize)]
pub(crate) struct TrackResource {
    id: TextTrackId,
    #[serde(rename = "type")]
    kind: &'static str,
    language: String,
    name: String,
    default: bool,
}

#[derive(Debug, Serialize)]
pub(crate) struct StaticResource {
    name: String,
    content_type: String,
    size_bytes: u64,
}

#[derive(Debug, Serialize)]
pub(crate) struct UploadResource {
    id: UploadId,
    asset_id: AssetId,
    status: UploadState,
    size_bytes: u64,
    part_size_bytes: u64,
    part_count: u64,
    /// Numbers of the parts that are there.
    stored_parts: Vec<i32>,
    created_at_us: i64,
    expires_at_us: i64,
}

impl From<Asset> for AssetSummary {
    fn from(asset: Asset) -> Self {
        let (duration_ms, error) = match &asset.state {
            AssetState::Waiting | AssetState::Preparing => {
                (asset.probed.as_ref().map(|probed| probed.duration_ms).filter(|&ms| ms > 0), None)
            }
            AssetState::Ready(playable) => (Some(playable.duration_ms), None),
            AssetState::Errored(failure) => (None, Some(failure.clone())),
        };
        let (source, stage_id) = match asset.source {
            Source::Recording { stage_id } => ("recording", Some(stage_id)),
            Source::Upload => ("upload", None),
        };
        Self {
            id: asset.id,
            status: asset.state.name(),
            title: asset.title,
            source,
            stage_id,
            duration_ms,
            probed: asset.probed,
            error,
            created_at_us: asset.created_at_us,
            changed_at_us: asset.changed_at_us,
        }
    }
}

/// An asset with everything that hangs on it.
pub(crate) fn asset(view: AssetView, public_url: &str) -> Data<AssetResource> {
    let files = view.static_renditions.into_iter().map(|rendition| StaticResource {
        name: rendition.name,
        content_type: rendition.content_type,
        size_bytes: rendition.size_bytes,
    });
    let resource = AssetResource {
        summary: view.asset.into(),
        playback_ids: view.playback_names.into_iter().map(|name| playback(name, public_url)).collect(),
        tracks: view.text_tracks.into_iter().map(TrackResource::from).collect(),
        static_renditions: files.collect(),
    };
    Data { data: resource }
}

/// A playback id.
pub(crate) fn playback(name: PlaybackName, public_url: &str) -> PlaybackResource {
    let hls_url = format!("{public_url}/hls/{}/index.m3u8", name.id);
    PlaybackResource { id: name.id, policy: name.policy, hls_url }
}

impl From<TextTrack> for TrackResource {
    fn from(track: TextTrack) -> Self {
        Self {
            id: track.id,
            kind: "text",
            language: track.language,
            name: track.name,
            default: track.is_default,
        }
    }
}

impl From<UploadStatus> for UploadResource {
    fn from(status: UploadStatus) -> Self {
        let part_count = status.upload.part_count();
        Self {
            part_count,
            id: status.upload.id,
            asset_id: status.upload.asset_id,
            status: status.upload.state,
            size_bytes: status.upload.size_bytes,
            part_size_bytes: status.upload.part_size_bytes,
            stored_parts: status.stored.iter().map(|part| part.number).collect(),
            created_at_us: status.upload.created_at_us,
            expires_at_us: status.upload.expires_at_us,
        }
    }
}
