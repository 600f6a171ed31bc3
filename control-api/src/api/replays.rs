//! Replays and their captions.

use axum::Json;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use ids::{AssetId, EventId, JobId, TextTrackId};

use super::body::{Id, Ids, Params, RawBody};
use crate::caller::{EventCaller, OrganiserCaller};
use crate::model::replay::{Caption, CaptionList, Job, NewCaption, Replay, ReplayList};
use crate::problem::{Problem, ProblemBody};
use crate::state::App;
use crate::upstream::media::JobChange;

#[utoipa::path(get, path = "/events/{event_id}/replays", tag = "replays",
    security(("organiser" = []), ("experience" = [])), params(("event_id" = String, Path)), responses(
    (status = 200, body = ReplayList),
    (status = 404, body = ProblemBody, content_type = "application/problem+json", description = "not-found")
))]
/// The event's replays
pub(crate) async fn list_replays(
    State(app): State<App>,
    caller: EventCaller,
    Id(id): Id<EventId>,
) -> Result<Json<ReplayList>, Problem> {
    app.replays(&caller, &id).await.map(Json)
}

#[utoipa::path(get, path = "/replays/{replay_id}", tag = "replays",
    security(("organiser" = []), ("experience" = [])), params(("replay_id" = String, Path)), responses(
    (status = 200, body = Replay),
    (status = 404, body = ProblemBody, content_type = "application/problem+json", description = "not-found")
))]
/// One replay
pub(crate) async fn replay(
    State(app): State<App>,
    caller: EventCaller,
    Id(id): Id<AssetId>,
) -> Result<Json<Replay>, Problem> {
    app.replay(&caller, &id).await.map(Json)
}

#[utoipa::path(delete, path = "/replays/{replay_id}", tag = "replays", security(("organiser" = [])),
    params(("replay_id" = String, Path)), responses(
    (status = 204, description = "Gone from storage"),
    (status = 404, body = ProblemBody, content_type = "application/problem+json", description = "not-found"),
    (status = 409, body = ProblemBody, content_type = "application/problem+json", description = "stage-on-air")
))]
/// Delete a replay
pub(crate) async fn delete_replay(
    State(app): State<App>,
    caller: OrganiserCaller,
    Id(id): Id<AssetId>,
) -> Result<StatusCode, Problem> {
    app.delete_replay(&caller, &id).await.map(|()| StatusCode::NO_CONTENT)
}

#[utoipa::path(get, path = "/replays/{replay_id}/captions", tag = "replays",
    security(("organiser" = []), ("experience" = [])), params(("replay_id" = String, Path)), responses(
    (status = 200, body = CaptionList),
    (status = 404, body = ProblemBody, content_type = "application/problem+json", description = "not-found")
))]
/// The replay's captions
pub(crate) async fn list_captions(
    State(app): State<App>,
    caller: EventCaller,
    Id(id): Id<AssetId>,
) -> Result<Json<CaptionList>, Problem> {
    app.captions(&caller, &id).await.map(Json)
}

#[utoipa::path(post, path = "/replays/{replay_id}/captions", tag = "replays", security(("organiser" = [])),
    params(("replay_id" = String, Path), NewCaption),
    request_body(content = String, content_type = "text/vtt", description = "WebVTT, at most 4 MiB"), responses(
    (status = 201, body = Caption),
    (status = 404, body = ProblemBody, content_type = "application/problem+json", description = "not-found"),
    (status = 422, body = ProblemBody, content_type = "application/problem+json", description = "Not WebVTT")
))]
/// Add captions
pub(crate) async fn add_caption(
    State(app): State<App>,
    caller: OrganiserCaller,
    Id(id): Id<AssetId>,
    Params(params): Params<NewCaption>,
    RawBody(body): RawBody,
) -> Result<(StatusCode, Json<Caption>), Problem> {
    let caption = app.add_caption(&caller, &id, &params, body).await?;
    Ok((StatusCode::CREATED, Json(caption)))
}

#[utoipa::path(get, path = "/replays/{replay_id}/captions/{caption_id}", tag = "replays",
    security(("organiser" = []), ("experience" = [])),
    params(("replay_id" = String, Path), ("caption_id" = String, Path)), responses(
    (status = 200, body = String, content_type = "text/vtt", description = "WebVTT"),
    (status = 404, body = ProblemBody, content_type = "application/problem+json", description = "not-found")
))]
/// Captions as WebVTT
pub(crate) async fn caption(
    State(app): State<App>,
    caller: EventCaller,
    Ids(replay, caption): Ids<AssetId, TextTrackId>,
) -> Result<Response, Problem> {
    let vtt = app.caption(&caller, &replay, &caption).await?;
    Ok(([(header::CONTENT_TYPE, "text/vtt; charset=utf-8")], vtt).into_response())
}

#[utoipa::path(delete, path = "/replays/{replay_id}/captions/{caption_id}", tag = "replays",
    security(("organiser" = [])), params(("replay_id" = String, Path), ("caption_id" = String, Path)), responses(
    (status = 204, description = "Gone"),
    (status = 404, body = ProblemBody, content_type = "application/problem+json", description = "not-found")
))]
/// Delete captions
pub(crate) async fn delete_caption(
    State(app): State<App>,
    caller: OrganiserCaller,
    Ids(replay, caption): Ids<AssetId, TextTrackId>,
) -> Result<StatusCode, Problem> {
    app.delete_caption(&caller, &replay, &caption).await.map(|()| StatusCode::NO_CONTENT)
}

#[utoipa::path(post, path = "/replays/{replay_id}/jobs/{job_id}/cancel", tag = "replays",
    security(("organiser" = [])), params(("replay_id" = String, Path), ("job_id" = String, Path)), responses(
    (status = 200, body = Job),
    (status = 404, body = ProblemBody, content_type = "application/problem+json", description = "not-found")
))]
/// Stop a job
pub(crate) async fn cancel_job(
    State(app): State<App>,
    caller: OrganiserCaller,
    Ids(replay, job): Ids<AssetId, JobId>,
) -> Result<Json<Job>, Problem> {
    app.change_job(&caller, (&replay, &job), JobChange::Cancel).await.map(Json)
}

#[utoipa::path(post, path = "/replays/{replay_id}/jobs/{job_id}/retry", tag = "replays",
    security(("organiser" = [])), params(("replay_id" = String, Path), ("job_id" = String, Path)), responses(
    (status = 200, body = Job),
    (status = 404, body = ProblemBody, content_type = "application/problem+json", description = "not-found")
))]
/// Queue a failed or cancelled job again
pub(crate) async fn retry_job(
    State(app): State<App>,
    caller: OrganiserCaller,
    Ids(replay, job): Ids<AssetId, JobId>,
) -> Result<Json<Job>, Problem> {
    app.change_job(&caller, (&replay, &job), JobChange::Retry).await.map(Json)
}
