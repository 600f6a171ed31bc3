//! Organisers upload video files.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use ids::{EventId, UploadId};

use super::body::{Body, Id, IdempotencyKey};
use crate::caller::OrganiserCaller;
use crate::model::upload::{NewUpload, Upload};
use crate::problem::{Problem, ProblemBody};
use crate::state::App;

#[utoipa::path(post, path = "/events/{event_id}/uploads", tag = "replays", security(("organiser" = [])),
    params(("event_id" = String, Path), ("Idempotency-Key" = Option<String>, Header)),
    request_body = NewUpload, responses(
    (status = 201, body = Upload),
    (status = 404, body = ProblemBody, content_type = "application/problem+json", description = "not-found"),
    (status = 422, body = ProblemBody, content_type = "application/problem+json", description = "invalid")
))]
/// Begin an upload
pub(crate) async fn create_upload(
    State(app): State<App>,
    caller: OrganiserCaller,
    Id(id): Id<EventId>,
    key: IdempotencyKey,
    Body(body): Body<NewUpload>,
) -> Result<(StatusCode, Json<Upload>), Problem> {
    let upload = app.create_upload(&caller, &id, key, &body).await?;
    Ok((StatusCode::CREATED, Json(upload)))
}

#[utoipa::path(get, path = "/uploads/{upload_id}", tag = "replays", security(("organiser" = [])),
    params(("upload_id" = String, Path)), responses(
    (status = 200, body = Upload),
    (status = 404, body = ProblemBody, content_type = "application/problem+json", description = "not-found")
))]
/// What is left to upload
pub(crate) async fn upload(
    State(app): State<App>,
    caller: OrganiserCaller,
    Id(id): Id<UploadId>,
) -> Result<Json<Upload>, Problem> {
    app.upload(&caller, &id).await.map(Json)
}

#[utoipa::path(post, path = "/uploads/{upload_id}/complete", tag = "replays", security(("organiser" = [])),
    params(("upload_id" = String, Path)), responses(
    (status = 200, body = Upload),
    (status = 404, body = ProblemBody, content_type = "application/problem+json", description = "not-found"),
    (status = 409, body = ProblemBody, content_type = "application/problem+json", description = "Parts are missing")
))]
/// Complete an upload
pub(crate) async fn complete_upload(
    State(app): State<App>,
    caller: OrganiserCaller,
    Id(id): Id<UploadId>,
) -> Result<Json<Upload>, Problem> {
    app.complete_upload(&caller, &id).await.map(Json)
}
