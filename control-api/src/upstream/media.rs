//! The media service: recordings (`wire::media`), and its public API for assets, uploads and text tracks.

use std::sync::Arc;
use std::time::Duration;

use auth::service::{ServiceKey, ServiceName};
use axum::body::Bytes;
use ids::{AssetId, JobId, PlaybackId, TextTrackId, UploadId};
use reqwest::Method;
use serde::Deserialize;
use serde_json::json;
use wire::media::{JobInfo, NewRecording, PlaybackPolicy, PlaybackToken, Recording};

use super::{Upstream, UpstreamError};
use crate::cache::Cache;
use crate::model::replay::ReplayState;
use crate::model::timestamp::Timestamp;
use crate::model::upload::UploadState;

/// A client of `/internal/media/v1` and `/media/v1`.
#[derive(Debug, Clone)]
pub(crate) struct MediaClient {
    upstream: Upstream,
    key: ServiceKey,
    assets: Arc<Cache<AssetId, Asset>>,
    tokens: Arc<Cache<AssetId, PlaybackToken>>,
}

/// An asset with what hangs on it.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Asset {
    pub(crate) status: ReplayState,
    pub(crate) duration_ms: Option<u64>,
    pub(crate) error: Option<AssetError>,
    pub(crate) playback_ids: Vec<Playback>,
    pub(crate) tracks: Vec<Track>,
    pub(crate) static_renditions: Vec<StaticRendition>,
}

/// Why an asset cannot be played.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct AssetError {
    pub(crate) detail: String,
}

/// A public name of an asset.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Playback {
    pub(crate) id: PlaybackId,
    pub(crate) policy: PlaybackPolicy,
}

/// Captions of an asset.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Track {
    pub(crate) id: TextTrackId,
    pub(crate) language: String,
    pub(crate) name: String,
}

/// A file beside the playlists.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct StaticRendition {
    pub(crate) name: String,
}

/// An upload.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Upload {
    pub(crate) id: UploadId,
    pub(crate) asset_id: AssetId,
    pub(crate) status: UploadStatus,
    pub(crate) size_bytes: u64,
    pub(crate) part_size_bytes: u64,
    pub(crate) part_count: u64,
    pub(crate) stored_parts: Vec<u64>,
}

/// Life of an upload in MAR.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum UploadStatus {
    Waiting,
    Completed,
    Cancelled,
    Expired,
}

impl From<UploadStatus> for UploadState {
    fn from(status: UploadStatus) -> Self {
        match status {
            UploadStatus::Waiting => Self::Waiting,
            UploadStatus::Completed => Self::Complete,
            UploadStatus::Cancelled => Self::Cancelled,
            UploadStatus::Expired => Self::Errored,
        }
    }
}

/// What to do with a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum JobChange {
    /// Stop it; a running one is killed.
    Cancel,
    /// Queue a failed or cancelled one again.
    Retry,
}

/// Where to put one part.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct PartUrl {
    pub(crate) number: u64,
    pub(crate) url: String,
}

#[derive(Deserialize)]
struct Data<T> {
    data: T,
}

impl MediaClient {
    pub(crate) fn new(http: reqwest::Client, base_url: &str, key: ServiceKey) -> Self {
        let upstream = Upstream::new(http, "media", base_url);
        Self { upstream, key, assets: Arc::default(), tokens: Arc::default() }
    }

    /// Makes the asset of a stage that goes live; repeated with the same key it answers with the same one.
    pub(crate) async fn make_recording(
        &self,
        key: &str,
        wanted: &NewRecording,
    ) -> Result<Recording, UpstreamError> {
        let request = self.request(Method::POST, "/internal/media/v1/recordings");
        self.upstream.json(request.header("Idempotency-Key", key).json(wanted)).await
    }

    /// True when nothing will be recorded into the asset any more.
    pub(crate) async fn is_settled(&self, id: &AssetId) -> Result<bool, UpstreamError> {
        self.forget(id);
        Ok(match self.asset(id).await? {
            None => true,
            Some(asset) => matches!(asset.status, ReplayState::Ready | ReplayState::Errored),
        })
    }

    /// An asset as it was a few seconds ago, for lists. `None` if there is none.
    pub(crate) async fn asset(&self, id: &AssetId) -> Result<Option<Asset>, UpstreamError> {
        match self.assets.get(id) {
            Some(asset) => Ok(Some(asset)),
            None => self.fetch(id).await,
        }
    }

    /// An asset as it is now; once it is ready, as it was within the last second. `None` if there is none.
    ///
    /// What a job that is known to be done has made is in it.
    pub(crate) async fn asset_now(&self, id: &AssetId) -> Result<Option<Asset>, UpstreamError> {
        match self.assets.get_younger(id, FRESH).filter(|asset| asset.status == ReplayState::Ready) {
            Some(asset) => Ok(Some(asset)),
            None => self.fetch(id).await,
        }
    }

    async fn fetch(&self, id: &AssetId) -> Result<Option<Asset>, UpstreamError> {
        let request = self.request(Method::GET, &format!("/media/v1/assets/{id}"));
        let asset = match self.upstream.json::<Data<Asset>>(request).await {
            Ok(Data { data }) => data,
            Err(UpstreamError::Missing { .. }) => return Ok(None),
            Err(error) => return Err(error),
        };
        let fresh_for = if asset.status == ReplayState::Ready { READY_FRESH } else { FRESH };
        self.assets.put(id, asset.clone(), fresh_for);
        Ok(Some(asset))
    }

    /// Asks again next time.
    pub(crate) fn forget(&self, id: &AssetId) {
        self.assets.remove(id);
    }

    pub(crate) async fn delete_asset(&self, id: &AssetId) -> Result<(), UpstreamError> {
        self.forget(id);
        let request = self.request(Method::DELETE, &format!("/media/v1/assets/{id}"));
        match self.upstream.send(request).await {
            Err(UpstreamError::Missing { .. }) => Ok(()),
            other => other.map(|_| ()),
        }
    }

    /// A token for the asset's signed playback id, with at least half of its life ahead.
    pub(crate) async fn playback_token(&self, id: &AssetId) -> Result<PlaybackToken, UpstreamError> {
        if let Some(token) = self.tokens.get(id) {
            return Ok(token);
        }
        let request = self.request(Method::POST, &format!("/internal/media/v1/assets/{id}/playback-token"));
        let token: PlaybackToken = self.upstream.json(request).await?;
        self.tokens.put(id, token.clone(), Timestamp(token.expires_at_us).remaining() / 2);
        Ok(token)
    }

    /// What is made of an asset.
    pub(crate) async fn jobs(&self, id: &AssetId) -> Result<Vec<JobInfo>, UpstreamError> {
        let request = self.request(Method::GET, &format!("/internal/media/v1/assets/{id}/jobs"));
        self.upstream.json(request).await
    }

    /// Cancels a job, or queues it again.
    pub(crate) async fn change_job(&self, id: &JobId, change: JobChange) -> Result<JobInfo, UpstreamError> {
        let change = match change {
            JobChange::Cancel => "cancel",
            JobChange::Retry => "retry",
        };
        let request = self.request(Method::POST, &format!("/internal/media/v1/jobs/{id}/{change}"));
        self.upstream.json(request).await
    }

    pub(crate) async fn add_track(
        &self,
        id: &AssetId,
        (language, name): (&str, &str),
        vtt: Bytes,
    ) -> Result<Track, UpstreamError> {
        self.forget(id);
        let query: String = url::form_urlencoded::Serializer::new(String::new())
            .append_pair("language", language)
            .append_pair("name", name)
            .finish();
        let request = self.request(Method::POST, &format!("/media/v1/assets/{id}/tracks?{query}"));
        let request = request.header("Content-Type", "text/vtt").body(vtt);
        self.upstream.json::<Data<Track>>(request).await.map(|Data { data }| data)
    }

    /// The captions as WebVTT.
    pub(crate) async fn track(&self, id: &AssetId, track: &TextTrackId) -> Result<String, UpstreamError> {
        let request = self.request(Method::GET, &format!("/media/v1/assets/{id}/tracks/{track}"));
        self.upstream.send(request).await.map(|vtt| String::from_utf8_lossy(&vtt).into_owned())
    }

    pub(crate) async fn delete_track(&self, id: &AssetId, track: &TextTrackId) -> Result<(), UpstreamError> {
        self.forget(id);
        let request = self.request(Method::DELETE, &format!("/media/v1/assets/{id}/tracks/{track}"));
        self.upstream.send(request).await.map(|_| ())
    }

    pub(crate) async fn create_upload(
        &self,
        key: Option<String>,
        title: &str,
        size_bytes: u64,
        policy: PlaybackPolicy,
    ) -> Result<Upload, UpstreamError> {
        let mut request = self.request(Method::POST, "/media/v1/uploads");
        if let Some(key) = key {
            request = request.header("Idempotency-Key", key);
        }
        let request = request.json(&json!({ "title": title, "size_bytes": size_bytes, "policy": policy }));
        self.upstream.json::<Data<Upload>>(request).await.map(|Data { data }| data)
    }

    pub(crate) async fn upload(&self, id: &UploadId) -> Result<Upload, UpstreamError> {
        let request = self.request(Method::GET, &format!("/media/v1/uploads/{id}"));
        self.upstream.json::<Data<Upload>>(request).await.map(|Data { data }| data)
    }

    pub(crate) async fn part_urls(
        &self,
        id: &UploadId,
        numbers: &[u64],
    ) -> Result<Vec<PartUrl>, UpstreamError> {
        let request = self.request(Method::POST, &format!("/media/v1/uploads/{id}/part-urls"));
        let request = request.json(&json!({ "numbers": numbers }));
        self.upstream.json::<Data<Vec<PartUrl>>>(request).await.map(|Data { data }| data)
    }

    pub(crate) async fn complete_upload(&self, id: &UploadId) -> Result<Upload, UpstreamError> {
        let request = self.request(Method::POST, &format!("/media/v1/uploads/{id}/complete"));
        self.upstream.json::<Data<Upload>>(request).await.map(|Data { data }| data)
    }

    fn request(&self, method: Method, path: &str) -> reqwest::RequestBuilder {
        let token = self.key.token(ServiceName::ControlApi, ServiceName::Media);
        self.upstream.request(method, path).bearer_auth(token)
    }
}

/// Progress is looked at by people who wait.
const FRESH: Duration = Duration::from_secs(1);

/// Posters and captions appear on ready assets.
const READY_FRESH: Duration = Duration::from_secs(5);
