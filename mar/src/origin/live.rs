//! While a stage is live: its mixer has the newest, the bucket has the rest.

use std::convert::Infallible;
use std::sync::Arc;
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

/// What a mixer answered when it was asked for a playlist. Remembered whatever it is: a mixer that hangs
/// is asked by one viewer at a time, and the others learn from that.
#[derive(Debug, Clone)]
pub(super) enum LivePlaylist {
    /// Without tokens.
    Text(Arc<str>),
    /// Its first segment is on its way.
    Starting,
    /// It does not know the recording, or does not answer.
    Gone,
}

impl Origin {
    /// A file of a recording that is not finished.
    pub(super) async fn live(
        &self,
        viewing: &Viewing,
        path: &str,
        file: &File,
    ) -> Result<Response, MediaError> {
        let recording = viewing.found.live.as_ref().ok_or(MediaError::NotReady)?;
        match file {
            File::Multivariant(_) if !viewing.found.tracks.is_empty() => {
                // Mixers know nothing of captions, so this playlist comes from the index.
                let index = self.growing_index(viewing).await?;
                if !index.sets.is_empty() {
                    return self.index_file(viewing, &index, Stand::Open, file).await;
                }
            }
            File::Multivariant(_)
            | File::Media(..)
            | File::Segment { .. }
            | File::TextPlaylist(_)
            | File::TextSegment(..)
            | File::Static(_) => {}
        }
        let Some(mixer_url) = &recording.mixer_url else { return Err(MediaError::Starting) };
        match file {
            File::Multivariant(_) | File::Media(..) => {
                self.live_playlist(viewing, (mixer_url, path), file).await
            }
            File::Segment { .. } => self.live_segment(viewing, (mixer_url, path), file).await,
            File::TextPlaylist(_) | File::TextSegment(..) | File::Static(_) => {
                self.bucket_file(viewing, file).await
            }
        }
    }

    async fn live_playlist(
        &self,
        viewing: &Viewing,
        (mixer_url, path): (&str, &str),
        file: &File,
    ) -> Result<Response, MediaError> {
        let asset_id = &viewing.asset().id;
        let make = async {
            self.metrics.mixer_requests.inc();
            let answer = self.mixers.get(mixer_url, asset_id, path, None).await;
            Ok::<_, Infallible>(match answer {
                Ok(answer) if answer.status().is_success() => match answer.text().await {
                    Ok(text) => LivePlaylist::Text(text.into()),
                    Err(_) => LivePlaylist::Gone,
                },
                Ok(answer) if answer.status() == StatusCode::SERVICE_UNAVAILABLE => LivePlaylist::Starting,
                Ok(_) | Err(_) => LivePlaylist::Gone,
            })
        };
        let Ok(outcome) = self.memory.live_playlists.get(&format!("{asset_id}/{path}"), make).await;
        match outcome {
            LivePlaylist::Text(text) => {
                let text = viewing.signed(text.as_ref().to_owned());
                Ok(answer::text(viewing, PLAYLIST, Lifetime::Live, text))
            }
            LivePlaylist::Starting => Err(MediaError::Starting),
            LivePlaylist::Gone => self.bucket_file(viewing, file).await,
        }
    }

    async fn live_segment(
        &self,
        viewing: &Viewing,
        (mixer_url, path): (&str, &str),
        file: &File,
    ) -> Result<Response, MediaError> {
        self.metrics.mixer_requests.inc();
        let answer = self.mixers.get(mixer_url, &viewing.asset().id, path, viewing.range.as_deref()).await;
        match answer {
            Ok(answer) if answer.status().is_success() => Ok(stream(viewing, answer)),
            Ok(answer) if answer.status() == StatusCode::RANGE_NOT_SATISFIABLE => Ok(stream(viewing, answer)),
            Ok(_) | Err(_) => self.bucket_file(viewing, file).await,
        }
    }

    /// The mixer does not have it: what the bucket has acknowledged is still true.
    async fn bucket_file(&self, viewing: &Viewing, file: &File) -> Result<Response, MediaError> {
        let index = self.growing_index(viewing).await?;
        self.index_file(viewing, &index, Stand::Open, file).await
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
    let lifetime = match (status.is_success(), viewing.name().policy) {
        (true, wire::media::PlaybackPolicy::Public) => "public, max-age=31536000, immutable",
        (true, wire::media::PlaybackPolicy::Signed) => "private, max-age=31536000, immutable",
        (false, _) => "no-store",
    };
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(lifetime));
    response
}
