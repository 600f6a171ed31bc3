//! Assembles the router and the OpenAPI document.

use std::time::Duration;

use axum::extract::{DefaultBodyLimit, State};
use axum::http::{Method, header};
use axum::middleware::from_fn_with_state;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use tower_http::cors::{Any, CorsLayer};
use utoipa::openapi::schema::Schema;
use utoipa::openapi::security::{ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::{OpenApi as OpenApiDocument, RefOr};
use utoipa::{Modify, OpenApi};
use utoipa_axum::router::{OpenApiRouter, UtoipaMethodRouterExt as _};
use utoipa_axum::routes;

use super::{auth, events, experience, invitations, replays, sessions, stages, uploads};
use crate::metrics;
use crate::problem::{Problem, ProblemBody};
use crate::state::App;

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Dais control API",
        version = "1",
        description = "Events, stages, sessions and replays. Errors are RFC 9457 problems. Times are RFC 3339."
    ),
    modifiers(&Security),
    components(schemas(ProblemBody)),
    tags(
        (name = "auth", description = "Organisers sign in"),
        (name = "events", description = "Organisers set up events"),
        (name = "experience", description = "People enter an event and see what is on"),
        (name = "stages", description = "Backstage, on air, ended"),
        (name = "sessions", description = "Rooms that attendees enter"),
        (name = "replays", description = "What was recorded or uploaded")
    )
)]
struct Document;

struct Security;

impl Modify for Security {
    fn modify(&self, document: &mut OpenApiDocument) {
        let components = document.components.get_or_insert_default();
        let cookie = ApiKey::Cookie(ApiKeyValue::with_description(
            "__Host-dais",
            "Set by signing in (`dais_session` where the public URL is plain HTTP). Requests that change \
             something also need the header X-CSRF-Token.",
        ));
        components.add_security_scheme("organiser", SecurityScheme::ApiKey(cookie));
        let bearer = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).bearer_format("JWT");
        components.add_security_scheme("experience", SecurityScheme::Http(bearer.build()));
    }
}

/// Answers hold every member, some of them `null`; only what clients send may leave members away.
fn require_members_of_answers(document: &mut OpenApiDocument) {
    let components = document.components.get_or_insert_default();
    for (name, schema) in &mut components.schemas {
        let sent = name.starts_with("New") || name.ends_with("Change") || SENT.contains(&name.as_str());
        if !sent && let RefOr::T(schema) = schema {
            require_members(schema);
        }
    }
}

#[expect(clippy::wildcard_enum_match_arm, reason = "the foreign enum is non-exhaustive")]
fn require_members(schema: &mut Schema) {
    match schema {
        Schema::Object(object) => object.required = object.properties.keys().cloned().collect(),
        Schema::AllOf(all) => {
            for item in &mut all.items {
                if let RefOr::T(item) = item {
                    require_members(item);
                }
            }
        }
        _ => {}
    }
}

/// Bodies of requests, besides `New…` and `…Change`; and problems, whose details vary.
const SENT: [&str; 8] =
    ["SignIn", "SignInLink", "Profile", "InvitedEntry", "OpenEntry", "StageEntry", "SessionEntry", "Problem"];

/// The OpenAPI document as it is served and committed: pretty JSON with a final newline.
///
/// # Panics
/// Never: the document is made of plain values.
#[must_use]
pub fn openapi_json() -> String {
    let document = document();
    let mut text = serde_json::to_string_pretty(&document).expect("the document is plain values");
    text.push('\n');
    text
}

fn document() -> OpenApiDocument {
    let mut document = documented().split_for_parts().1;
    require_members_of_answers(&mut document);
    document
}

/// The router with everything under `/api/v1`.
pub(crate) fn router(app: App) -> Router {
    let (router, _) = documented().split_for_parts();
    router
        .route("/api/v1/openapi.json", get(openapi))
        .route("/api/v1/{*rest}", axum::routing::any(missing))
        .method_not_allowed_fallback(wrong_method)
        .layer(DefaultBodyLimit::max(MAX_BODY_BYTES))
        .layer(from_fn_with_state(app.clone(), metrics::measure))
        .layer(other_origins())
        .with_state(app)
}

/// Any page may do what attendees do, with a token that it holds: parts of an event stand in other sites'
/// pages. It may never act as an organiser: without `Access-Control-Allow-Credentials` browsers keep the
/// cookie back, and `X-CSRF-Token` is not among the headers that they let such a page send.
fn other_origins() -> CorsLayer {
    CorsLayer::new()
        .allow_origin(Any)
        .allow_methods([Method::GET, Method::POST])
        .allow_headers([header::AUTHORIZATION, header::CONTENT_TYPE])
        .expose_headers([header::RETRY_AFTER])
        .max_age(PREFLIGHT_KEPT)
}

fn documented() -> OpenApiRouter<App> {
    OpenApiRouter::with_openapi(Document::openapi()).nest(
        "/api/v1",
        OpenApiRouter::new()
            .routes(routes!(auth::sign_in))
            .routes(routes!(auth::sign_in_with_link))
            .routes(routes!(auth::session))
            .routes(routes!(auth::sign_out))
            .routes(routes!(auth::change_profile))
            .routes(routes!(events::list_events, events::create_event))
            .routes(routes!(events::event, events::change_event, events::delete_event))
            .routes(routes!(experience::preview))
            .routes(routes!(experience::reception))
            .routes(routes!(experience::enter))
            .routes(routes!(experience::me))
            .routes(routes!(invitations::list_invitations, invitations::invite))
            .routes(routes!(invitations::revoke_invitation))
            .routes(routes!(stages::list_stages, stages::create_stage))
            .routes(routes!(stages::stage, stages::change_stage, stages::delete_stage))
            .routes(routes!(stages::join_stage))
            .routes(routes!(stages::set_programme))
            .routes(routes!(stages::go_live))
            .routes(routes!(stages::end_stage))
            .routes(routes!(stages::stage_status))
            .routes(routes!(stages::watching))
            .routes(routes!(sessions::list_sessions, sessions::create_session))
            .routes(routes!(sessions::session, sessions::change_session, sessions::delete_session))
            .routes(routes!(sessions::join_session))
            .routes(routes!(replays::list_replays))
            .routes(routes!(replays::replay, replays::delete_replay))
            .routes(
                routes!(replays::list_captions, replays::add_caption)
                    .layer(DefaultBodyLimit::max(MAX_CAPTION_BYTES)),
            )
            .routes(routes!(replays::caption, replays::delete_caption))
            .routes(routes!(replays::cancel_job))
            .routes(routes!(replays::retry_job))
            .routes(routes!(uploads::create_upload))
            .routes(routes!(uploads::upload))
            .routes(routes!(uploads::complete_upload)),
    )
}

async fn openapi(State(_): State<App>) -> Response {
    Json(document()).into_response()
}

async fn missing() -> Problem {
    Problem::NotFound
}

async fn wrong_method() -> Problem {
    Problem::WrongMethod
}

/// Browsers keep the answer to a preflight for two hours at most.
const PREFLIGHT_KEPT: Duration = Duration::from_secs(7_200);

/// Captions of a long day; MAR takes as much.
const MAX_CAPTION_BYTES: usize = 4 << 20;

/// No body but captions comes near this.
const MAX_BODY_BYTES: usize = 64 * 1024;
