//! While a stage is live: its mixer has the newest, the bucket has the rest.

use std::time::Duration;

use auth::service::{ServiceKey, ServiceName};
use axum::body::Body;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::Response;
use ids::AssetId;

use super::answer::{self, Lifetime, PLAYLIST};
use super::path::File;
use super::replay::Stand;
use super::{Origin, Viewing};
use crate::error::MediaError;

/// Calls mixers. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct MixerClient {
    http: reqwest::Client,
    key: ServiceKey,
}

/// What a mixer says of a recording.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Pulse {
    /// It works on it.
    Alive,
    /// It does not know it, or does not answer.
    Gone,
}

impl MixerClient {
    /// Makes the client; nothing is sent yet.
    ///
    /// # Errors
    /// When no TLS back end can be set up.
    pub(crate) fn new(key: ServiceKey) -> Result<Self, reqwest::Error> {
        let http = reqwest::Client::builder()
            .connect_timeout(Duration::from_secs(2))
            .read_timeout(Duration::from_secs(5))
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .build()?;
        Ok(Self { http, key })
    }

    async fn get(
        &self,
        mixer_url: &str,
        asset_id: &AssetId,
        path: &str,
        range: Option<&str>,
    ) -> Result<reqwest::Response, reqwest::Error> {
        let url = format!("{mixer_url}/internal/mixer/v1/recordings/{asset_id}/{path}");
        let mut request =
            self.http.get(url).bearer_auth(self.key.token(ServiceName::Media, ServiceName::Mixer));
        if let Some(range) = range {
            request = request.header(header::RANGE, range);
        }
        request.send().await
    }

    /// Asks whether a mixer works on a recording.
    pub(crate) async fn pulse(&self, mixer_url: &str, asset_id: &AssetId) -> Pulse {
        match self.get(mixer_url, asset_id, "index.m3u8", None).await {
            Ok(answer) if answer.status().is_success() => Pulse::Alive,
            Ok(answer) if answer.status() == StatusCode::SERVICE_UNAVAILABLE => Pulse::Alive,
            Ok(_) | Err(_) => Pulse::Gone,
        }
    }
}

impl Origin {
    /// A file of a recording that is not finished.
    pub(super) async fn live(
        &self,
        viewing: &Viewing,
        path: &str,
        file: &File,
    ) -> Result<Response, MediaError> {
        let asset_id = &viewing.asset.id;
        let recording = self.registry.live_recording(asset_id).await?.ok_or(MediaError::NotReady)?;
        if let Some(with_captions) = self.live_with_captions(viewing, file).await? {
            return Ok(with_captions);
        }
        let Some(mixer_url) = recording.mixer_url else { return Err(MediaError::Starting) };
        let answer = self.mixers.get(&mixer_url, asset_id, path, viewing.range.as_deref()).await;
        match answer {
            Ok(answer) if answer.status().is_success() => relay(viewing, file, answer).await,
            Ok(answer) if answer.status() == StatusCode::SERVICE_UNAVAILABLE => Err(MediaError::Starting),
            Ok(answer) if answer.status() == StatusCode::RANGE_NOT_SATISFIABLE => {
                relay(viewing, file, answer).await
            }
            Ok(_) => self.bucket_file(viewing, file).await,
            Err(error) => {
                // Without the URL: it names the recording, and the next log line may be public.
                tracing::debug!(error = %error.without_url(), "a mixer does not answer");
                self.bucket_file(viewing, file).await
            }
        }
    }

    /// The multivariant playlist of a live recording that has captions: mixers know nothing of them.
    async fn live_with_captions(
        &self,
        viewing: &Viewing,
        file: &File,
    ) -> Result<Option<Response>, MediaError> {
        match file {
            File::Multivariant(_) => {}
            File::Media(..)
            | File::Segment { .. }
            | File::TextPlaylist(_)
            | File::TextSegment(..)
            | File::Static(_) => return Ok(None),
        }
        if self.registry.text_tracks(&viewing.asset.id).await?.is_empty() {
            return Ok(None);
        }
        let index = self.registry.indexes().present(&viewing.asset.prefix).await?;
        if index.sets.is_empty() {
            return Ok(None);
        }
        self.index_file(viewing, &index, Stand::Open, file).await.map(Some)
    }

    /// The mixer does not have it: what the bucket has acknowledged is still true.
    async fn bucket_file(&self, viewing: &Viewing, file: &File) -> Result<Response, MediaError> {
        let index = self.registry.indexes().present(&viewing.asset.prefix).await?;
        self.index_file(viewing, &index, Stand::Open, file).await
    }
}

async fn relay(viewing: &Viewing, file: &File, answer: reqwest::Response) -> Result<Response, MediaError> {
    match file {
        File::Multivariant(_) | File::Media(..) => {
            let text = answer.text().await.map_err(|_| MediaError::Starting)?;
            Ok(answer::text(viewing, PLAYLIST, Lifetime::Live, viewing.signed(text)))
        }
        File::Segment { .. } | File::TextPlaylist(_) | File::TextSegment(..) | File::Static(_) => {
            Ok(stream(viewing, answer))
        }
    }
}

fn stream(viewing: &Viewing, answer: reqwest::Response) -> Response {
    let (status, from) = (answer.status(), answer.headers().clone());
    let mut response = Response::new(Body::from_stream(answer.bytes_stream()));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    for name in [header::CONTENT_TYPE, header::CONTENT_LENGTH, header::CONTENT_RANGE, header::ACCEPT_RANGES] {
        if let Some(value) = from.get(&name) {
            headers.insert(name, value.clone());
        }
    }
    let lifetime = match (status.is_success(), viewing.name.policy) {
        (true, wire::media::PlaybackPolicy::Public) => "public, max-age=31536000, immutable",
        (true, wire::media::PlaybackPolicy::Signed) => "private, max-age=31536000, immutable",
        (false, _) => "no-store",
    };
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(lifetime));
    response
}
