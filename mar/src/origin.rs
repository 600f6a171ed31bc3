//! The HLS origin, `/hls/<playback id>/…`: one URL while a stage is live and as its replay.
//!
//! ```text
//!                 ┌ a mixer owns it ──▶ proxied to that mixer; what it lacks comes from the bucket
//! playback id ──▶ ┤ nobody answers  ──▶ EVENT playlists from the index in the bucket
//!                 └ ready           ──▶ VOD playlists from the index in the bucket
//! ```
//! Decides who may play and which playlist tells what; renders through `hls`, reads through `bucket`.

use std::sync::Arc;

use axum::Router;
use axum::extract::{Path, Query, Request, State};
use axum::http::{HeaderName, HeaderValue, Method, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use ids::PlaybackId;
use serde::Deserialize;
use tower_http::cors::{Any, CorsLayer};
use wire::media::PlaybackPolicy;

use crate::asset::{Asset, AssetState, PlaybackName};
use crate::error::MediaError;
use crate::metrics::Metrics;
use crate::registry::Registry;

mod answer;
mod fresh;
mod live;
mod memory;
mod path;
mod replay;

pub(crate) use self::live::{MixerClient, Pulse};
use self::memory::{Found, Memory};
use self::path::File;

/// What the origin works with.
#[derive(Debug, Clone)]
pub(crate) struct Origin {
    registry: Registry,
    mixers: MixerClient,
    memory: Arc<Memory>,
    metrics: Metrics,
}

impl Origin {
    pub(crate) fn new(registry: Registry, mixers: MixerClient, metrics: Metrics) -> Self {
        Self { registry, mixers, memory: Arc::default(), metrics }
    }
}

/// The token of a signed playback id; never logged.
#[derive(Deserialize)]
struct TokenQuery {
    token: Option<String>,
}

/// One request, checked.
struct Viewing {
    found: Arc<Found>,
    token: Option<String>,
    range: Option<String>,
}

impl Viewing {
    fn name(&self) -> &PlaybackName {
        &self.found.name
    }

    fn asset(&self) -> &Asset {
        &self.found.asset
    }

    /// A playlist's text with the token in every URI, if the playback id needs one.
    fn signed(&self, playlist: String) -> String {
        match (self.name().policy, &self.token) {
            (PlaybackPolicy::Signed, Some(token)) => hls::rewrite::with_token(&playlist, token),
            (PlaybackPolicy::Signed, None) | (PlaybackPolicy::Public, _) => playlist,
        }
    }
}

/// Routes of the origin. Any page may play what it may play.
pub(crate) fn router(origin: Origin) -> Router {
    let cors = CorsLayer::new()
        .allow_origin(Any)
        .allow_methods([Method::GET, Method::HEAD])
        .allow_headers([header::RANGE, header::IF_NONE_MATCH])
        .expose_headers([
            header::CONTENT_LENGTH,
            header::CONTENT_RANGE,
            header::ETAG,
            header::DATE,
            header::RETRY_AFTER,
        ])
        .max_age(std::time::Duration::from_secs(86_400));
    Router::new().route("/hls/{playback_id}/{*path}", get(play)).layer(cors).with_state(origin)
}

async fn play(
    State(origin): State<Origin>,
    Path((playback_id, path)): Path<(String, String)>,
    Query(query): Query<TokenQuery>,
    request: Request,
) -> Response {
    let range = request.headers().get(header::RANGE).and_then(|value| value.to_str().ok());
    let mut response = match origin.play(&playback_id, &path, query.token, range.map(str::to_owned)).await {
        Ok(response) => response,
        Err(error) => error.into_response(),
    };
    // What is served here was uploaded or spoken by people; a browser shall not guess what it is.
    let headers = response.headers_mut();
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(CROSS_ORIGIN_RESOURCE_POLICY, HeaderValue::from_static("cross-origin"));
    origin.metrics.count_answer(response.status());
    response
}

impl Origin {
    async fn play(
        &self,
        playback_id: &str,
        path: &str,
        token: Option<String>,
        range: Option<String>,
    ) -> Result<Response, MediaError> {
        let unknown = || MediaError::NotFound("playback id");
        let playback_id: PlaybackId = playback_id.parse().map_err(|_| unknown())?;
        let found = self.find(&playback_id).await?;
        self.registry.check_playback(&found.name, token.as_deref())?;
        let file = File::parse(path).ok_or(MediaError::NotFound("file"))?;
        let viewing = Viewing { found, token, range };
        if let File::Static(static_name) = &file {
            return self.static_file(&viewing, static_name).await;
        }
        match &viewing.asset().state {
            AssetState::Ready(playable) => self.replay(&viewing, *playable, &file).await,
            AssetState::Preparing => self.live(&viewing, path, &file).await,
            AssetState::Waiting | AssetState::Errored(_) => Err(MediaError::NotReady),
        }
    }
}

const CROSS_ORIGIN_RESOURCE_POLICY: HeaderName = HeaderName::from_static("cross-origin-resource-policy");
