//! Stages: set up, join, take to air, end.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use ids::{EventId, StageId};

use super::body::{Body, Id, IdempotencyKey};
use crate::caller::{EventCaller, OrganiserCaller, PersonCaller};
use crate::model::stage::{
    NewStage, Programme, Stage, StageChange, StageEntry, StageJoin, StageList, StageStatus, Viewers,
};
use crate::problem::{Problem, ProblemBody};
use crate::state::App;

#[utoipa::path(get, path = "/events/{event_id}/stages", tag = "stages",
    security(("organiser" = []), ("experience" = [])), params(("event_id" = String, Path)), responses(
    (status = 200, body = StageList),
    (status = 404, body = ProblemBody, content_type = "application/problem+json", description = "not-found")
))]
/// The event's stages
pub(crate) async fn list_stages(
    State(app): State<App>,
    caller: EventCaller,
    Id(id): Id<EventId>,
) -> Result<Json<StageList>, Problem> {
    app.stages(&caller, &id).await.map(Json)
}

#[utoipa::path(post, path = "/events/{event_id}/stages", tag = "stages", security(("organiser" = [])),
    params(("event_id" = String, Path), ("Idempotency-Key" = Option<String>, Header)),
    request_body = NewStage, responses(
    (status = 201, body = Stage),
    (status = 404, body = ProblemBody, content_type = "application/problem+json", description = "not-found"),
    (status = 422, body = ProblemBody, content_type = "application/problem+json", description = "invalid")
))]
/// Make a stage
pub(crate) async fn create_stage(
    State(app): State<App>,
    caller: OrganiserCaller,
    Id(id): Id<EventId>,
    key: IdempotencyKey,
    Body(body): Body<NewStage>,
) -> Result<(StatusCode, Json<Stage>), Problem> {
    let stage = app.create_stage(&caller, &id, key, &body).await?;
    Ok((StatusCode::CREATED, Json(stage)))
}

#[utoipa::path(get, path = "/stages/{stage_id}", tag = "stages",
    security(("organiser" = []), ("experience" = [])), params(("stage_id" = String, Path)), responses(
    (status = 200, body = Stage),
    (status = 404, body = ProblemBody, content_type = "application/problem+json", description = "not-found")
))]
/// One stage
pub(crate) async fn stage(
    State(app): State<App>,
    caller: EventCaller,
    Id(id): Id<StageId>,
) -> Result<Json<Stage>, Problem> {
    app.stage(&caller, &id).await.map(Json)
}

#[utoipa::path(patch, path = "/stages/{stage_id}", tag = "stages", security(("organiser" = [])),
    params(("stage_id" = String, Path)), request_body = StageChange, responses(
    (status = 200, body = Stage),
    (status = 404, body = ProblemBody, content_type = "application/problem+json", description = "not-found"),
    (status = 422, body = ProblemBody, content_type = "application/problem+json", description = "invalid")
))]
/// Change a stage
pub(crate) async fn change_stage(
    State(app): State<App>,
    caller: OrganiserCaller,
    Id(id): Id<StageId>,
    Body(body): Body<StageChange>,
) -> Result<Json<Stage>, Problem> {
    app.change_stage(&caller, &id, &body).await.map(Json)
}

#[utoipa::path(delete, path = "/stages/{stage_id}", tag = "stages", security(("organiser" = [])),
    params(("stage_id" = String, Path)), responses(
    (status = 204, description = "Gone; its replays stay"),
    (status = 404, body = ProblemBody, content_type = "application/problem+json", description = "not-found"),
    (status = 409, body = ProblemBody, content_type = "application/problem+json", description = "stage-on-air")
))]
/// Delete a stage
pub(crate) async fn delete_stage(
    State(app): State<App>,
    caller: OrganiserCaller,
    Id(id): Id<StageId>,
) -> Result<StatusCode, Problem> {
    app.delete_stage(&caller, &id).await.map(|()| StatusCode::NO_CONTENT)
}

#[utoipa::path(post, path = "/stages/{stage_id}/join", tag = "stages",
    security(("organiser" = []), ("experience" = [])), params(("stage_id" = String, Path)),
    request_body = StageEntry, responses(
    (status = 200, body = StageJoin),
    (status = 403, body = ProblemBody, content_type = "application/problem+json", description = "Backstage is for organisers and invited speakers"),
    (status = 404, body = ProblemBody, content_type = "application/problem+json", description = "not-found")
))]
/// Join a stage
pub(crate) async fn join_stage(
    State(app): State<App>,
    caller: EventCaller,
    Id(id): Id<StageId>,
    Body(body): Body<StageEntry>,
) -> Result<Json<StageJoin>, Problem> {
    app.join_stage(&caller, &id, body.role).await.map(Json)
}

#[utoipa::path(put, path = "/stages/{stage_id}/programme", tag = "stages", security(("organiser" = [])),
    params(("stage_id" = String, Path)), request_body = Programme, responses(
    (status = 200, body = Programme),
    (status = 404, body = ProblemBody, content_type = "application/problem+json", description = "not-found"),
    (status = 422, body = ProblemBody, content_type = "application/problem+json", description = "invalid")
))]
/// Put people on stage, and choose the layout
///
/// Works before going live and while live.
pub(crate) async fn set_programme(
    State(app): State<App>,
    caller: OrganiserCaller,
    Id(id): Id<StageId>,
    Body(body): Body<Programme>,
) -> Result<Json<Programme>, Problem> {
    app.set_programme(&caller, &id, body).await.map(Json)
}

#[utoipa::path(post, path = "/stages/{stage_id}/go-live", tag = "stages", security(("organiser" = [])),
    params(("stage_id" = String, Path)), responses(
    (status = 200, body = StageStatus, description = "Going live, or live already"),
    (status = 404, body = ProblemBody, content_type = "application/problem+json", description = "not-found"),
    (status = 409, body = ProblemBody, content_type = "application/problem+json", description = "stage-ending")
))]
/// Take the stage to air
///
/// Each time makes a new recording. Poll the status until `state` is `live`.
pub(crate) async fn go_live(
    State(app): State<App>,
    caller: OrganiserCaller,
    Id(id): Id<StageId>,
) -> Result<Json<StageStatus>, Problem> {
    app.go_live(&caller, &id).await.map(Json)
}

#[utoipa::path(post, path = "/stages/{stage_id}/end", tag = "stages", security(("organiser" = [])),
    params(("stage_id" = String, Path)), responses(
    (status = 200, body = StageStatus, description = "Ending, or off the air already"),
    (status = 404, body = ProblemBody, content_type = "application/problem+json", description = "not-found")
))]
/// Take the stage off the air
pub(crate) async fn end_stage(
    State(app): State<App>,
    caller: OrganiserCaller,
    Id(id): Id<StageId>,
) -> Result<Json<StageStatus>, Problem> {
    app.end_stage(&caller, &id).await.map(Json)
}

#[utoipa::path(get, path = "/stages/{stage_id}/status", tag = "stages",
    security(("organiser" = []), ("experience" = [])), params(("stage_id" = String, Path)), responses(
    (status = 200, body = StageStatus),
    (status = 403, body = ProblemBody, content_type = "application/problem+json", description = "For organisers and this stage's speakers"),
    (status = 404, body = ProblemBody, content_type = "application/problem+json", description = "not-found")
))]
/// What the control room shows
pub(crate) async fn stage_status(
    State(app): State<App>,
    caller: EventCaller,
    Id(id): Id<StageId>,
) -> Result<Json<StageStatus>, Problem> {
    app.stage_status(&caller, &id).await.map(Json)
}

#[utoipa::path(post, path = "/stages/{stage_id}/watching", tag = "stages", security(("experience" = [])),
    params(("stage_id" = String, Path)), responses(
    (status = 200, body = Viewers, description = "Counted for half a minute"),
    (status = 404, body = ProblemBody, content_type = "application/problem+json", description = "not-found")
))]
/// Say that the bearer still watches
///
/// Send it every ten to fifteen seconds while the picture plays.
pub(crate) async fn watching(
    State(app): State<App>,
    caller: PersonCaller,
    Id(id): Id<StageId>,
) -> Result<Json<Viewers>, Problem> {
    app.watching(&caller, &id).await.map(Json)
}
