//! Assets, their playback ids and text tracks.

use std::time::Duration;

use axum::body::to_bytes;
use axum::extract::{Request, State};
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;
use ids::{AssetId, PlaybackId, StageId, TextTrackId};
use serde::Deserialize;
use wire::media::{PlaybackPolicy, PlaybackToken};

use super::App;
use super::caller::Caller;
use super::extract::{Asked, Ids, Json};
use super::view::{self, AssetResource, AssetSummary, Data, Page, PlaybackResource, TrackResource};
use crate::error::MediaError;
use crate::registry::MAX_VTT_BYTES;

type Answer<T> = Result<axum::Json<T>, MediaError>;

#[derive(Debug, Deserialize)]
pub(super) struct ListQuery {
    limit: Option<usize>,
    cursor: Option<String>,
    stage_id: Option<StageId>,
}

#[derive(Debug, Deserialize)]
pub(super) struct NewPlaybackId {
    policy: PlaybackPolicy,
}

#[derive(Debug, Deserialize)]
pub(super) struct NewTrack {
    language: String,
    name: String,
    #[serde(default)]
    default: bool,
}

#[derive(Debug, Deserialize)]
pub(super) struct TokenWish {
    lifetime_s: Option<u64>,
}

pub(super) async fn list(
    State(app): State<App>,
    _: Caller,
    Asked(query): Asked<ListQuery>,
) -> Answer<Page<AssetSummary>> {
    let after = query.cursor.as_deref().map(read_cursor).transpose()?;
    let limit = query.limit.unwrap_or(DEFAULT_PAGE).clamp(1, MAX_PAGE);
    let page = app.registry.assets(after, query.stage_id.as_ref(), limit).await?;
    Ok(axum::Json(Page {
        data: page.assets.into_iter().map(AssetSummary::from).collect(),
        next_cursor: page.next.map(|(at_us, id)| BASE64.encode(format!("{at_us}:{id}"))),
    }))
}

pub(super) async fn show(
    State(app): State<App>,
    _: Caller,
    Ids(id): Ids<AssetId>,
) -> Answer<Data<AssetResource>> {
    let found = app.registry.view(&id).await?;
    Ok(axum::Json(view::asset(found, &app.public_url)))
}

pub(super) async fn remove(
    State(app): State<App>,
    _: Caller,
    Ids(id): Ids<AssetId>,
) -> Result<StatusCode, MediaError> {
    app.registry.delete_asset(&id).await?;
    Ok(StatusCode::NO_CONTENT)
}

pub(super) async fn add_playback_id(
    State(app): State<App>,
    _: Caller,
    Ids(id): Ids<AssetId>,
    Json(new): Json<NewPlaybackId>,
) -> Result<(StatusCode, axum::Json<Data<PlaybackResource>>), MediaError> {
    let name = app.registry.add_playback_id(&id, new.policy).await?;
    let data = view::playback(name, &app.public_url);
    Ok((StatusCode::CREATED, axum::Json(Data { data })))
}

pub(super) async fn remove_playback_id(
    State(app): State<App>,
    _: Caller,
    Ids((id, playback_id)): Ids<(AssetId, PlaybackId)>,
) -> Result<StatusCode, MediaError> {
    app.registry.remove_playback_id(&id, &playback_id).await?;
    Ok(StatusCode::NO_CONTENT)
}

pub(super) async fn playback_token(
    State(app): State<App>,
    _: Caller,
    Ids(id): Ids<PlaybackId>,
    Json(wish): Json<TokenWish>,
) -> Answer<Data<PlaybackToken>> {
    let name = app.registry.playback_name(&id).await?;
    let lifetime_s = wish.lifetime_s.unwrap_or(DEFAULT_TOKEN_S).clamp(1, MAX_TOKEN_S);
    let data = app.registry.playback_token(&name.id, Duration::from_secs(lifetime_s));
    Ok(axum::Json(Data { data }))
}

pub(super) async fn list_tracks(
    State(app): State<App>,
    _: Caller,
    Ids(id): Ids<AssetId>,
) -> Answer<Page<TrackResource>> {
    app.registry.asset(&id).await?;
    let tracks = app.registry.text_tracks(&id).await?;
    Ok(axum::Json(Page { data: tracks.into_iter().map(TrackResource::from).collect(), next_cursor: None }))
}

pub(super) async fn add_track(
    State(app): State<App>,
    _: Caller,
    Ids(id): Ids<AssetId>,
    Asked(new): Asked<NewTrack>,
    request: Request,
) -> Result<(StatusCode, axum::Json<Data<TrackResource>>), MediaError> {
    let file = to_bytes(request.into_body(), MAX_VTT_BYTES).await.map_err(|_| {
        MediaError::Invalid(format!("the caption file is cut or has more than {MAX_VTT_BYTES} bytes"))
    })?;
    let names = (new.language.as_str(), new.name.as_str());
    let track = app.registry.add_text_track(&id, names, new.default, &file).await?;
    Ok((StatusCode::CREATED, axum::Json(Data { data: track.into() })))
}

pub(super) async fn show_track(
    State(app): State<App>,
    _: Caller,
    Ids((id, track_id)): Ids<(AssetId, TextTrackId)>,
) -> Result<impl IntoResponse, MediaError> {
    let captions = app.registry.captions(&id, &track_id).await?;
    Ok(([(header::CONTENT_TYPE, "text/vtt; charset=utf-8")], captions.render()))
}

pub(super) async fn remove_track(
    State(app): State<App>,
    _: Caller,
    Ids((id, track_id)): Ids<(AssetId, TextTrackId)>,
) -> Result<StatusCode, MediaError> {
    app.registry.remove_text_track(&id, &track_id).await?;
    Ok(StatusCode::NO_CONTENT)
}

fn read_cursor(cursor: &str) -> Result<(i64, String), MediaError> {
    let malformed = || MediaError::Invalid("`cursor` is not one of ours".to_owned());
    let bytes = BASE64.decode(cursor).map_err(|_| malformed())?;
    let text = String::from_utf8(bytes).map_err(|_| malformed())?;
    let (at_us, id) = text.split_once(':').ok_or_else(malformed)?;
    Ok((at_us.parse().map_err(|_| malformed())?, id.to_owned()))
}

/// Assets per page when the caller does not say.
const DEFAULT_PAGE: usize = 25;

/// Most assets per page.
const MAX_PAGE: usize = 100;

/// A playback token outlives a long session.
const DEFAULT_TOKEN_S: u64 = 6 * 3600;

/// And no more than a week.
const MAX_TOKEN_S: u64 = 7 * 24 * 3600;
