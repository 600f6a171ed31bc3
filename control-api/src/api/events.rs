//! Organisers set up events.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use ids::EventId;

use super::body::{Body, Id, IdempotencyKey, Params};
use crate::caller::OrganiserCaller;
use crate::model::event::{Event, EventChange, EventPage, NewEvent, PageQuery};
use crate::problem::{Problem, ProblemBody};
use crate::state::App;

#[utoipa::path(get, path = "/events", tag = "events", security(("organiser" = [])), params(PageQuery), responses(
    (status = 200, body = EventPage),
    (status = 401, body = ProblemBody, content_type = "application/problem+json", description = "Not signed in")
))]
/// The organisation's events
pub(crate) async fn list_events(
    State(app): State<App>,
    caller: OrganiserCaller,
    Params(page): Params<PageQuery>,
) -> Result<Json<EventPage>, Problem> {
    app.events(&caller, &page).await.map(Json)
}

#[utoipa::path(post, path = "/events", tag = "events", security(("organiser" = [])), request_body = NewEvent,
    params(("Idempotency-Key" = Option<String>, Header, description = "Repeating it answers with the first event")), responses(
    (status = 201, body = Event),
    (status = 401, body = ProblemBody, content_type = "application/problem+json", description = "Not signed in"),
    (status = 409, body = ProblemBody, content_type = "application/problem+json", description = "slug-taken"),
    (status = 422, body = ProblemBody, content_type = "application/problem+json", description = "invalid")
))]
/// Make an event
pub(crate) async fn create_event(
    State(app): State<App>,
    caller: OrganiserCaller,
    key: IdempotencyKey,
    Body(body): Body<NewEvent>,
) -> Result<(StatusCode, Json<Event>), Problem> {
    let event = app.create_event(&caller, key, &body).await?;
    Ok((StatusCode::CREATED, Json(event)))
}

#[utoipa::path(get, path = "/events/{event_id}", tag = "events", security(("organiser" = [])),
    params(("event_id" = String, Path)), responses(
    (status = 200, body = Event),
    (status = 404, body = ProblemBody, content_type = "application/problem+json", description = "not-found")
))]
/// One event
pub(crate) async fn event(
    State(app): State<App>,
    caller: OrganiserCaller,
    Id(id): Id<EventId>,
) -> Result<Json<Event>, Problem> {
    app.own_event(&caller, &id).await.map(Json)
}

#[utoipa::path(patch, path = "/events/{event_id}", tag = "events", security(("organiser" = [])),
    params(("event_id" = String, Path)), request_body = EventChange, responses(
    (status = 200, body = Event),
    (status = 404, body = ProblemBody, content_type = "application/problem+json", description = "not-found"),
    (status = 409, body = ProblemBody, content_type = "application/problem+json", description = "slug-taken"),
    (status = 422, body = ProblemBody, content_type = "application/problem+json", description = "invalid")
))]
/// Change an event
pub(crate) async fn change_event(
    State(app): State<App>,
    caller: OrganiserCaller,
    Id(id): Id<EventId>,
    Body(body): Body<EventChange>,
) -> Result<Json<Event>, Problem> {
    app.change_event(&caller, &id, body).await.map(Json)
}

#[utoipa::path(delete, path = "/events/{event_id}", tag = "events", security(("organiser" = [])),
    params(("event_id" = String, Path)), responses(
    (status = 204, description = "Gone, with its stages, sessions, people and invitations"),
    (status = 404, body = ProblemBody, content_type = "application/problem+json", description = "not-found"),
    (status = 409, body = ProblemBody, content_type = "application/problem+json", description = "stage-on-air, has-replays")
))]
/// Delete an event
pub(crate) async fn delete_event(
    State(app): State<App>,
    caller: OrganiserCaller,
    Id(id): Id<EventId>,
) -> Result<StatusCode, Problem> {
    app.delete_event(&caller, &id).await.map(|()| StatusCode::NO_CONTENT)
}
