//! People enter an event and see what is on.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use ids::EventId;

use super::body::{Body, Id};
use crate::caller::{ClientAddress, EventCaller, PersonCaller};
use crate::model::event::{EventPreview, Reception};
use crate::model::person::{Entry, Experience, Me};
use crate::problem::{Problem, ProblemBody};
use crate::state::App;

#[utoipa::path(get, path = "/event-previews/{slug}", tag = "experience",
    params(("slug" = String, Path, description = "The event's slug or id")), responses(
    (status = 200, body = EventPreview),
    (status = 404, body = ProblemBody, content_type = "application/problem+json", description = "not-found")
))]
/// What a visitor sees before entering
pub(crate) async fn preview(
    State(app): State<App>,
    Path(slug): Path<String>,
) -> Result<Json<EventPreview>, Problem> {
    app.event_preview(&slug).await.map(Json)
}

#[utoipa::path(post, path = "/experience", tag = "experience", request_body = Entry, responses(
    (status = 201, body = Experience),
    (status = 401, body = ProblemBody, content_type = "application/problem+json", description = "dead-invitation"),
    (status = 403, body = ProblemBody, content_type = "application/problem+json", description = "The event is for invited people"),
    (status = 404, body = ProblemBody, content_type = "application/problem+json", description = "not-found"),
    (status = 429, body = ProblemBody, content_type = "application/problem+json", description = "too-many-attempts")
))]
/// Enter an event
pub(crate) async fn enter(
    State(app): State<App>,
    address: ClientAddress,
    Body(body): Body<Entry>,
) -> Result<(StatusCode, Json<Experience>), Problem> {
    let experience = app.enter(body, address).await?;
    Ok((StatusCode::CREATED, Json(experience)))
}

#[utoipa::path(get, path = "/experience/me", tag = "experience", security(("experience" = [])), responses(
    (status = 200, body = Me),
    (status = 401, body = ProblemBody, content_type = "application/problem+json", description = "unauthorised")
))]
/// Who the bearer is
pub(crate) async fn me(State(app): State<App>, caller: PersonCaller) -> Result<Json<Me>, Problem> {
    app.me(caller).await.map(Json)
}

#[utoipa::path(get, path = "/events/{event_id}/reception", tag = "experience",
    security(("organiser" = []), ("experience" = [])), params(("event_id" = String, Path)), responses(
    (status = 200, body = Reception),
    (status = 401, body = ProblemBody, content_type = "application/problem+json", description = "unauthorised"),
    (status = 404, body = ProblemBody, content_type = "application/problem+json", description = "not-found")
))]
/// What is on
pub(crate) async fn reception(
    State(app): State<App>,
    caller: EventCaller,
    Id(id): Id<EventId>,
) -> Result<Json<Reception>, Problem> {
    app.reception(&caller, &id).await.map(Json)
}
