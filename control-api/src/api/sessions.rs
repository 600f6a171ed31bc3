//! Sessions: rooms that attendees enter.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use ids::{EventId, SessionId};

use super::body::{Body, Id, IdempotencyKey};
use crate::caller::{EventCaller, OrganiserCaller};
use crate::model::event::{NewSession, Session, SessionChange, SessionList};
use crate::model::stage::{RoomJoin, SessionEntry};
use crate::problem::{Problem, ProblemBody};
use crate::state::App;

#[utoipa::path(get, path = "/events/{event_id}/sessions", tag = "sessions",
    security(("organiser" = []), ("experience" = [])), params(("event_id" = String, Path)), responses(
    (status = 200, body = SessionList),
    (status = 404, body = ProblemBody, content_type = "application/problem+json", description = "not-found")
))]
/// The event's sessions
pub(crate) async fn list_sessions(
    State(app): State<App>,
    caller: EventCaller,
    Id(id): Id<EventId>,
) -> Result<Json<SessionList>, Problem> {
    app.sessions(&caller, &id).await.map(Json)
}

#[utoipa::path(post, path = "/events/{event_id}/sessions", tag = "sessions", security(("organiser" = [])),
    params(("event_id" = String, Path), ("Idempotency-Key" = Option<String>, Header)),
    request_body = NewSession, responses(
    (status = 201, body = Session),
    (status = 404, body = ProblemBody, content_type = "application/problem+json", description = "not-found"),
    (status = 422, body = ProblemBody, content_type = "application/problem+json", description = "invalid")
))]
/// Make a session
pub(crate) async fn create_session(
    State(app): State<App>,
    caller: OrganiserCaller,
    Id(id): Id<EventId>,
    key: IdempotencyKey,
    Body(body): Body<NewSession>,
) -> Result<(StatusCode, Json<Session>), Problem> {
    let session = app.create_session(&caller, &id, key, &body).await?;
    Ok((StatusCode::CREATED, Json(session)))
}

#[utoipa::path(get, path = "/sessions/{session_id}", tag = "sessions",
    security(("organiser" = []), ("experience" = [])), params(("session_id" = String, Path)), responses(
    (status = 200, body = Session),
    (status = 404, body = ProblemBody, content_type = "application/problem+json", description = "not-found")
))]
/// One session
pub(crate) async fn session(
    State(app): State<App>,
    caller: EventCaller,
    Id(id): Id<SessionId>,
) -> Result<Json<Session>, Problem> {
    app.session(&caller, &id).await.map(Json)
}

#[utoipa::path(patch, path = "/sessions/{session_id}", tag = "sessions", security(("organiser" = [])),
    params(("session_id" = String, Path)), request_body = SessionChange, responses(
    (status = 200, body = Session),
    (status = 404, body = ProblemBody, content_type = "application/problem+json", description = "not-found"),
    (status = 422, body = ProblemBody, content_type = "application/problem+json", description = "invalid")
))]
/// Change a session
pub(crate) async fn change_session(
    State(app): State<App>,
    caller: OrganiserCaller,
    Id(id): Id<SessionId>,
    Body(body): Body<SessionChange>,
) -> Result<Json<Session>, Problem> {
    app.change_session(&caller, &id, body).await.map(Json)
}

#[utoipa::path(delete, path = "/sessions/{session_id}", tag = "sessions", security(("organiser" = [])),
    params(("session_id" = String, Path)), responses(
    (status = 204, description = "Gone; whoever is in the room is sent away"),
    (status = 404, body = ProblemBody, content_type = "application/problem+json", description = "not-found")
))]
/// Delete a session
pub(crate) async fn delete_session(
    State(app): State<App>,
    caller: OrganiserCaller,
    Id(id): Id<SessionId>,
) -> Result<StatusCode, Problem> {
    app.delete_session(&caller, &id).await.map(|()| StatusCode::NO_CONTENT)
}

#[utoipa::path(post, path = "/sessions/{session_id}/join", tag = "sessions",
    security(("organiser" = []), ("experience" = [])), params(("session_id" = String, Path)),
    request_body = SessionEntry, responses(
    (status = 200, body = RoomJoin),
    (status = 404, body = ProblemBody, content_type = "application/problem+json", description = "not-found")
))]
/// Join a session
pub(crate) async fn join_session(
    State(app): State<App>,
    caller: EventCaller,
    Id(id): Id<SessionId>,
    Body(body): Body<SessionEntry>,
) -> Result<Json<RoomJoin>, Problem> {
    app.join_session(&caller, &id, body.on_screen).await.map(Json)
}
