//! `/internal/mixer/v1`: what other services ask of the mixer (`wire::mixer`).
//!
//! Translates requests into calls and outcomes into answers; the only place that knows status codes.

use std::sync::Arc;

use auth::service::ServiceName;
use axum::extract::{Path, Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use bucket::BucketError;
use bytes::Bytes;
use hls::recording::{init_path, segment_path};
use ids::{AssetId, StageId};
use serve::Problem;
use wire::mixer::{StageSpec, StageStatus};

use crate::content::{Content, SEGMENT_CACHE};
use crate::paths::RecordingFile;
use crate::range::{self, Wanted};
use crate::stage::{Context, NoPlaylist, Playlist, Stage};
use crate::stages::{Refusal, Stages};

#[derive(Clone)]
struct App {
    context: Arc<Context>,
    stages: Arc<Stages>,
}

/// The service's routes.
pub(crate) fn router(context: Arc<Context>, stages: Arc<Stages>) -> Router {
    let app = App { context, stages };
    let routes = Router::new()
        .route("/stages/{stage_id}", get(stage_status).put(show_stage))
        .route("/stages/{stage_id}/end", post(end_stage))
        .route("/recordings/{asset_id}/{*path}", get(recording_file))
        .layer(from_fn_with_state(app.clone(), only_services))
        .with_state(app);
    Router::new().nest("/internal/mixer/v1", routes)
}

async fn only_services(State(app): State<App>, request: Request, next: Next) -> Response {
    let header = request.headers().get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    match app.context.config.service_key.verify(header, ServiceName::Mixer) {
        Ok(_caller) => next.run(request).await,
        Err(reason) => {
            tracing::debug!(%reason, "a call to the mixer is refused");
            Problem::new(StatusCode::UNAUTHORIZED, "unauthorised", "A service token is needed")
                .into_response()
        }
    }
}

async fn show_stage(
    State(app): State<App>,
    Path(stage_id): Path<StageId>,
    Json(spec): Json<StageSpec>,
) -> Result<Json<StageStatus>, Problem> {
    Ok(Json(app.stages.show(&stage_id, spec).await?))
}

async fn stage_status(
    State(app): State<App>,
    Path(stage_id): Path<StageId>,
) -> Result<Json<StageStatus>, Problem> {
    Ok(Json(app.stages.status(&stage_id)?))
}

async fn end_stage(
    State(app): State<App>,
    Path(stage_id): Path<StageId>,
) -> Result<Json<StageStatus>, Problem> {
    Ok(Json(app.stages.end(&stage_id).await?))
}

async fn recording_file(
    State(app): State<App>,
    Path((asset_id, path)): Path<(AssetId, String)>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let stage = app.stages.recording(&asset_id).ok_or_else(unknown_file)?;
    let file = RecordingFile::parse(&path, app.context.config.ladder.names()).ok_or_else(unknown_file)?;
    let playlist = match file {
        RecordingFile::Multivariant(view) => Playlist::Multivariant(view),
        RecordingFile::Media(view, rendition) => Playlist::Media(view, rendition),
        RecordingFile::Init { rendition, run } => {
            let made = stage.ledger().read(|recording| run < recording.next_run().run);
            return media_file(&app, &stage, rendition, init_path(rendition, run), made, &headers).await;
        }
        RecordingFile::Segment { rendition, number } => {
            let made = stage.ledger().read(|recording| number < recording.sets().len() as u64);
            return media_file(&app, &stage, rendition, segment_path(rendition, number), made, &headers)
                .await;
        }
    };
    let text = stage.playlist(playlist)?;
    Ok(([(header::CONTENT_TYPE, PLAYLIST_TYPE), (header::CACHE_CONTROL, PLAYLIST_CACHE)], text)
        .into_response())
}

/// A segment or init segment: from the spool while it is there, else from the bucket.
async fn media_file(
    app: &App,
    stage: &Stage,
    rendition: &str,
    path: String,
    made: bool,
    headers: &HeaderMap,
) -> Result<Response, Problem> {
    if !made {
        return Err(unknown_file());
    }
    let audio = app.context.config.ladder.audio.name == rendition;
    let content = if audio { Content::Audio } else { Content::Video };
    let range = headers.get(header::RANGE).and_then(|value| value.to_str().ok());
    let local = stage.ledger().read_file(path.clone()).await.map_err(Refusal::from)?;
    let (status, bytes, content_range) = match local {
        Some(bytes) => from_spool(bytes, range),
        None => from_bucket(app, &stage.key(&path), range).await?,
    };
    let mut response = (status, bytes).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content.kind().media_type));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(SEGMENT_CACHE));
    headers.insert(header::ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    if let Some(range) = content_range.and_then(|range| HeaderValue::try_from(range).ok()) {
        headers.insert(header::CONTENT_RANGE, range);
    }
    Ok(response)
}

/// Status, bytes and `Content-Range` of a file.
type Part = (StatusCode, Bytes, Option<String>);

async fn from_bucket(app: &App, key: &str, range: Option<&str>) -> Result<Part, Problem> {
    // Several ranges at once are answered with the whole (RFC 9110 §14.2 allows that).
    let range = range.filter(|range| !range.contains(','));
    let opened = app.context.bucket.open(key, range).await;
    let (whole, range, bytes) = match opened {
        Ok(object) => (object.size_bytes, object.range.clone(), object.bytes().await),
        Err(error) => (0, 0..0, Err(error)),
    };
    match bytes {
        Ok(bytes) if range == (0..whole) => Ok((StatusCode::OK, bytes, None)),
        Ok(bytes) => {
            let content_range = format!("bytes {}-{}/{whole}", range.start, range.end.saturating_sub(1));
            Ok((StatusCode::PARTIAL_CONTENT, bytes, Some(content_range)))
        }
        Err(BucketError::NotFound { .. }) => Err(unknown_file()),
        Err(BucketError::InvalidRange { .. }) => Err(Problem::new(
            StatusCode::RANGE_NOT_SATISFIABLE,
            "invalid-range",
            "The range lies outside the file",
        )),
        Err(
            error @ (BucketError::PreconditionFailed { .. }
            | BucketError::TooLarge { .. }
            | BucketError::Refused { .. }
            | BucketError::Unreachable { .. }
            | BucketError::LocalFile(_)),
        ) => Err(bucket_down(&error)),
    }
}

fn from_spool(bytes: Bytes, range: Option<&str>) -> Part {
    let length = bytes.len();
    match range::wanted(range, length) {
        Wanted::Whole => (StatusCode::OK, bytes, None),
        Wanted::Part(part) => {
            let content_range = format!("bytes {}-{}/{length}", part.start, part.end - 1);
            (StatusCode::PARTIAL_CONTENT, bytes.slice(part), Some(content_range))
        }
        Wanted::Unsatisfiable => {
            (StatusCode::RANGE_NOT_SATISFIABLE, Bytes::new(), Some(format!("bytes */{length}")))
        }
    }
}

fn unknown_file() -> Problem {
    Problem::new(StatusCode::NOT_FOUND, "no-such-file", "The recording has no such file")
}

fn bucket_down(error: &BucketError) -> Problem {
    tracing::warn!(%error, "an old segment cannot be read");
    Problem::new(StatusCode::SERVICE_UNAVAILABLE, "bucket-unreachable", "The recording cannot be read now")
        .retry_after(2)
}

impl From<NoPlaylist> for Problem {
    fn from(reason: NoPlaylist) -> Self {
        match reason {
            NoPlaylist::NotYet => {
                Problem::new(StatusCode::SERVICE_UNAVAILABLE, "no-segment-yet", "The stage is starting")
                    .detail("The first segment is there within seconds.")
                    .retry_after(1)
            }
            NoPlaylist::Unknown => unknown_file(),
        }
    }
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        let detail = refusal.to_string();
        let problem = match &refusal {
            Refusal::UnknownStage => {
                Problem::new(StatusCode::NOT_FOUND, "unknown-stage", "This mixer has no such stage")
            }
            Refusal::OtherRecording(asset_id) => {
                Problem::new(StatusCode::CONFLICT, "stage-records", "The stage has another recording")
                    .member("asset_id", asset_id.as_str())
            }
            Refusal::OtherStage => {
                Problem::new(StatusCode::CONFLICT, "asset-of-another-stage", "The asset is taken")
            }
            Refusal::SpoolFull { .. } => {
                Problem::new(StatusCode::SERVICE_UNAVAILABLE, "spool-full", "Too much waits for the bucket")
                    .retry_after(30)
            }
            Refusal::ShuttingDown => {
                Problem::new(StatusCode::SERVICE_UNAVAILABLE, "shutting-down", "The mixer is shutting down")
                    .retry_after(2)
            }
            Refusal::Ledger(_) => {
                tracing::error!(%refusal, "the spool refuses");
                Problem::new(StatusCode::SERVICE_UNAVAILABLE, "spool-broken", "The spool cannot be used")
                    .retry_after(10)
            }
        };
        problem.detail(detail)
    }
}

const PLAYLIST_TYPE: &str = "application/vnd.apple.mpegurl";

/// Half a target duration (2 s): a cache may not hide a new segment for longer (bis §6.3.4 lets players
/// reload after that time).
const PLAYLIST_CACHE: &str = "public, max-age=1";
