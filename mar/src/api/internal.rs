//! What other services ask (`wire::media`).

use std::time::Duration;

use axum::extract::{OriginalUri, State};
use axum::http::{HeaderMap, StatusCode};
use ids::AssetId;
use wire::media::{FinishRecording, MixerClaim, NewRecording, PlaybackToken, Recording};

use super::App;
use super::caller::{Caller, OnlyService};
use super::extract::{Ids, Json, request_key};
use super::view::{self, AssetResource};
use crate::error::MediaError;

/// A viewer's page asks for a fresh one when it is loaded.
const TOKEN_LIFETIME: Duration = Duration::from_secs(6 * 3600);

pub(super) async fn create_recording(
    State(app): State<App>,
    OnlyService(service): OnlyService,
    OriginalUri(uri): OriginalUri,
    headers: HeaderMap,
    Json(new): Json<NewRecording>,
) -> Result<(StatusCode, axum::Json<Recording>), MediaError> {
    let key = request_key(Caller::Service(service), &headers, uri.path(), &new)?;
    let recording = app.registry.create_recording(&new, key.as_ref()).await?;
    Ok((StatusCode::CREATED, axum::Json(recording)))
}

pub(super) async fn claim_recording(
    State(app): State<App>,
    _: OnlyService,
    Ids(asset_id): Ids<AssetId>,
    Json(claim): Json<MixerClaim>,
) -> Result<StatusCode, MediaError> {
    app.registry.claim_recording(&asset_id, &claim.mixer_url).await?;
    Ok(StatusCode::NO_CONTENT)
}

pub(super) async fn finish_recording(
    State(app): State<App>,
    _: OnlyService,
    Ids(asset_id): Ids<AssetId>,
    Json(finish): Json<FinishRecording>,
) -> Result<axum::Json<AssetResource>, MediaError> {
    let asset = app.registry.finish_recording(&asset_id, finish.index_chunks).await?;
    let found = app.registry.view(&asset.id).await?;
    Ok(axum::Json(view::asset(found, &app.public_url).data))
}

pub(super) async fn playback_token(
    State(app): State<App>,
    _: OnlyService,
    Ids(asset_id): Ids<AssetId>,
) -> Result<axum::Json<PlaybackToken>, MediaError> {
    let name = app.registry.signed_name(&asset_id).await?;
    Ok(axum::Json(app.registry.playback_token(&name.id, TOKEN_LIFETIME)))
}
