//! Organisers sign in and out, and keep their profile.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};

use super::body::Body;
use crate::caller::{ClientAddress, OrganiserCaller, SameSite};
use crate::model::organiser::{OrganiserSession, Profile, SignIn, SignInLink};
use crate::problem::{Problem, ProblemBody};
use crate::state::App;

#[utoipa::path(post, path = "/auth/sign-in", tag = "auth", request_body = SignIn, responses(
    (status = 200, body = OrganiserSession, description = "Signed in; sets the session cookie"),
    (status = 401, body = ProblemBody, content_type = "application/problem+json", description = "wrong-password"),
    (status = 429, body = ProblemBody, content_type = "application/problem+json", description = "too-many-attempts")
))]
/// Sign in with a password
pub(crate) async fn sign_in(
    State(app): State<App>,
    _: SameSite,
    address: ClientAddress,
    Body(body): Body<SignIn>,
) -> Result<Response, Problem> {
    let signed_in = app.sign_in(&body, address).await?;
    Ok((app.session_cookie(&signed_in.secret), Json(signed_in.session)).into_response())
}

#[utoipa::path(post, path = "/auth/link", tag = "auth", request_body = SignInLink, responses(
    (status = 200, body = OrganiserSession, description = "Signed in; sets the session cookie"),
    (status = 401, body = ProblemBody, content_type = "application/problem+json", description = "dead-link"),
    (status = 429, body = ProblemBody, content_type = "application/problem+json", description = "too-many-attempts")
))]
/// Sign in with a one-time link
pub(crate) async fn sign_in_with_link(
    State(app): State<App>,
    _: SameSite,
    address: ClientAddress,
    Body(body): Body<SignInLink>,
) -> Result<Response, Problem> {
    let signed_in = app.sign_in_with_link(&body, address).await?;
    Ok((app.session_cookie(&signed_in.secret), Json(signed_in.session)).into_response())
}

#[utoipa::path(get, path = "/auth/session", tag = "auth", security(("organiser" = [])), responses(
    (status = 200, body = OrganiserSession),
    (status = 401, body = ProblemBody, content_type = "application/problem+json", description = "Not signed in")
))]
/// Who is signed in
pub(crate) async fn session(
    State(app): State<App>,
    caller: OrganiserCaller,
) -> Result<Json<OrganiserSession>, Problem> {
    app.organiser_session(&caller).await.map(Json)
}

#[utoipa::path(post, path = "/auth/sign-out", tag = "auth", security(("organiser" = [])), responses(
    (status = 204, description = "Signed out; the cookie is removed"),
    (status = 401, body = ProblemBody, content_type = "application/problem+json", description = "Not signed in")
))]
/// Sign out
pub(crate) async fn sign_out(State(app): State<App>, caller: OrganiserCaller) -> Result<Response, Problem> {
    app.sign_out(&caller).await?;
    Ok((app.no_session_cookie(), StatusCode::NO_CONTENT).into_response())
}

#[utoipa::path(put, path = "/auth/profile", tag = "auth", security(("organiser" = [])), request_body = Profile, responses(
    (status = 200, body = OrganiserSession),
    (status = 401, body = ProblemBody, content_type = "application/problem+json", description = "Not signed in, or the current password is wrong"),
    (status = 409, body = ProblemBody, content_type = "application/problem+json", description = "email-taken"),
    (status = 422, body = ProblemBody, content_type = "application/problem+json", description = "invalid")
))]
/// Change name, address or password
pub(crate) async fn change_profile(
    State(app): State<App>,
    caller: OrganiserCaller,
    Body(body): Body<Profile>,
) -> Result<Json<OrganiserSession>, Problem> {
    app.change_profile(&caller, &body).await.map(Json)
}
