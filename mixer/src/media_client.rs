//! Calls to the media service: who serves a live recording, and that it is whole.
//!
//! One try per call; when to try again is the caller's decision.

use std::time::Duration;

use auth::service::{ServiceKey, ServiceName};
use ids::AssetId;
use reqwest::StatusCode;
use wire::media::{FinishRecording, MixerClaim};

/// Why a call to the media service did not succeed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum MediaError {
    /// It did not answer.
    #[error("the media service does not answer")]
    Unreachable(#[from] reqwest::Error),
    /// It has no such recording (any more): trying again is useless.
    #[error("the media service refuses: {0}")]
    Refused(StatusCode),
    /// It is in trouble.
    #[error("the media service answers {0}")]
    Failed(StatusCode),
}

/// A client of `/internal/media/v1`.
#[derive(Debug, Clone)]
pub(crate) struct MediaClient {
    http: reqwest::Client,
    base_url: String,
    key: ServiceKey,
}

impl MediaClient {
    /// Prepares the client; nothing is sent yet.
    ///
    /// # Errors
    /// When no TLS back end can be set up.
    pub(crate) fn new(base_url: &str, key: ServiceKey) -> Result<Self, reqwest::Error> {
        let http = reqwest::Client::builder()
            .timeout(Duration::from_secs(5))
            .redirect(reqwest::redirect::Policy::none())
            .build()?;
        Ok(Self { http, base_url: base_url.trim_end_matches('/').to_owned(), key })
    }

    /// Says that `mixer_url` serves the live recording.
    ///
    /// # Errors
    /// When the media service did not take it.
    pub(crate) async fn claim(&self, asset: &AssetId, mixer_url: &str) -> Result<(), MediaError> {
        let request = self.http.put(self.url(asset, "mixer"));
        self.send(request.json(&MixerClaim { mixer_url: mixer_url.to_owned() })).await
    }

    /// Says that the bucket holds the whole recording.
    ///
    /// # Errors
    /// When the media service did not take it.
    pub(crate) async fn finish(&self, asset: &AssetId, index_chunks: u32) -> Result<(), MediaError> {
        let request = self.http.post(self.url(asset, "finish"));
        self.send(request.json(&FinishRecording { index_chunks })).await
    }

    fn url(&self, asset: &AssetId, action: &str) -> String {
        format!("{}/internal/media/v1/recordings/{asset}/{action}", self.base_url)
    }

    async fn send(&self, request: reqwest::RequestBuilder) -> Result<(), MediaError> {
        let token = self.key.token(ServiceName::Mixer, ServiceName::Media);
        let status = request.bearer_auth(token).send().await?.status();
        match status {
            _ if status.is_success() => Ok(()),
            StatusCode::NOT_FOUND | StatusCode::GONE => Err(MediaError::Refused(status)),
            _ => Err(MediaError::Failed(status)),
        }
    }
}
