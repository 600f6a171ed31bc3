//! Organisers invite speakers and attendees.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use ids::{EventId, InvitationId};

use super::body::{Body, Id, IdempotencyKey, Ids};
use crate::caller::OrganiserCaller;
use crate::model::person::{Invitation, InvitationList, NewInvitation};
use crate::problem::{Problem, ProblemBody};
use crate::state::App;

#[utoipa::path(get, path = "/events/{event_id}/invitations", tag = "events", security(("organiser" = [])),
    params(("event_id" = String, Path)), responses(
    (status = 200, body = InvitationList),
    (status = 404, body = ProblemBody, content_type = "application/problem+json", description = "not-found")
))]
/// The event's invitations
pub(crate) async fn list_invitations(
    State(app): State<App>,
    caller: OrganiserCaller,
    Id(id): Id<EventId>,
) -> Result<Json<InvitationList>, Problem> {
    app.invitations(&caller, &id).await.map(Json)
}

#[utoipa::path(post, path = "/events/{event_id}/invitations", tag = "events", security(("organiser" = [])),
    params(("event_id" = String, Path), ("Idempotency-Key" = Option<String>, Header)),
    request_body = NewInvitation, responses(
    (status = 201, body = Invitation),
    (status = 404, body = ProblemBody, content_type = "application/problem+json", description = "not-found"),
    (status = 422, body = ProblemBody, content_type = "application/problem+json", description = "invalid")
))]
/// Invite somebody
pub(crate) async fn invite(
    State(app): State<App>,
    caller: OrganiserCaller,
    Id(id): Id<EventId>,
    key: IdempotencyKey,
    Body(body): Body<NewInvitation>,
) -> Result<(StatusCode, Json<Invitation>), Problem> {
    let invitation = app.invite(&caller, &id, key, &body).await?;
    Ok((StatusCode::CREATED, Json(invitation)))
}

#[utoipa::path(delete, path = "/events/{event_id}/invitations/{invitation_id}", tag = "events",
    security(("organiser" = [])), params(("event_id" = String, Path), ("invitation_id" = String, Path)), responses(
    (status = 204, description = "Revoked: the link and every token made from it stop working"),
    (status = 404, body = ProblemBody, content_type = "application/problem+json", description = "not-found")
))]
/// Revoke an invitation
pub(crate) async fn revoke_invitation(
    State(app): State<App>,
    caller: OrganiserCaller,
    Ids(event, invitation): Ids<EventId, InvitationId>,
) -> Result<StatusCode, Problem> {
    app.revoke_invitation(&caller, &event, &invitation).await.map(|()| StatusCode::NO_CONTENT)
}
