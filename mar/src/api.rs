//! The registry over HTTP: `/media/v1` in Mux's words, `/internal/media/v1` as `wire::media` says.
//!
//! Handlers parse, call one method of the registry, and answer; `problem` alone knows status codes.
//!
//! ```text
//! GET    /media/v1/assets?limit&cursor&stage_id       newest first
//! GET    /media/v1/assets/{id}                        DELETE removes it and its files
//! POST   /media/v1/assets/{id}/playback-ids           {"policy":"public"|"signed"}; DELETE …/{playback_id}
//! GET    /media/v1/assets/{id}/tracks                 POST ?language=en&name=English&default=true, body text/vtt
//! GET    /media/v1/assets/{id}/tracks/{track_id}      the file, text/vtt; DELETE removes it
//! POST   /media/v1/playback-ids/{id}/token            {"lifetime_s":3600}
//! POST   /media/v1/uploads                            {"title","size_bytes","policy"}
//! GET    /media/v1/uploads/{id}                       which parts are there; DELETE gives it up
//! POST   /media/v1/uploads/{id}/part-urls             {"numbers":[1,2]}
//! POST   /media/v1/uploads/{id}/complete
//! ```
//! Callers bring a service token, or HTTP Basic with the API key pair. Writes take `Idempotency-Key`.

use std::sync::Arc;

use auth::service::ServiceKey;
use axum::Router;
use axum::routing::{delete, get, post, put};

use crate::registry::Registry;

mod assets;
mod caller;
mod extract;
mod internal;
mod problem;
mod uploads;
mod view;

/// The key pair of server programs, as LiveKit and Mux have one.
#[derive(Clone)]
pub struct ApiPair {
    /// Its public half.
    pub key: String,
    /// Its secret half.
    pub secret: String,
}

impl std::fmt::Debug for ApiPair {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ApiPair").field("key", &self.key).finish_non_exhaustive()
    }
}

/// What the handlers work with.
#[derive(Debug, Clone)]
pub(crate) struct App {
    pub(crate) registry: Registry,
    pub(crate) service_key: ServiceKey,
    pub(crate) api_pair: Arc<ApiPair>,
    /// Base of the URLs in answers, without a slash at the end.
    pub(crate) public_url: Arc<str>,
}

/// Routes of the registry.
pub(crate) fn router(app: App) -> Router {
    let public = Router::new()
        .route("/assets", get(assets::list))
        .route("/assets/{id}", get(assets::show).delete(assets::remove))
        .route("/assets/{id}/playback-ids", post(assets::add_playback_id))
        .route("/assets/{id}/playback-ids/{playback_id}", delete(assets::remove_playback_id))
        .route("/assets/{id}/tracks", get(assets::list_tracks).post(assets::add_track))
        .route("/assets/{id}/tracks/{track_id}", get(assets::show_track).delete(assets::remove_track))
        .route("/playback-ids/{id}/token", post(assets::playback_token))
        .route("/uploads", post(uploads::create))
        .route("/uploads/{id}", get(uploads::show).delete(uploads::cancel))
        .route("/uploads/{id}/part-urls", post(uploads::part_urls))
        .route("/uploads/{id}/complete", post(uploads::complete));
    let internal = Router::new()
        .route("/recordings", post(internal::create_recording))
        .route("/recordings/{asset_id}/mixer", put(internal::claim_recording))
        .route("/recordings/{asset_id}/finish", post(internal::finish_recording))
        .route("/assets/{asset_id}/playback-token", post(internal::playback_token));
    Router::new().nest("/media/v1", public).nest("/internal/media/v1", internal).with_state(app)
}
