//! The HTTP routes: `/rtc` and `/rtc/v1` (one transport instead of two), their `validate`, `/twirp`, `/whip`.

use std::sync::Arc;

use auth::Refused;
use axum::Router;
use axum::extract::ws::WebSocketUpgrade;
use axum::extract::{DefaultBodyLimit, FromRequestParts, Query, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use sfu_core::room::ConnectionId;
use sfu_signal::join::{Entry, Hello, JoinQuery, NotAllowed, entry};
use tower_http::cors::{Any, CorsLayer};

use crate::service::Shared;
use crate::{api, signal, whip};

/// Every route of the SFU.
///
/// Any origin is welcome: the token is the authority, and it never stands in a cookie.
pub(crate) fn router(shared: Arc<Shared>) -> Router {
    let cors = CorsLayer::new().allow_origin(Any).allow_methods(Any).allow_headers(Any);
    let body = DefaultBodyLimit::max(shared.limits.api_body_bytes);
    // Clients that were given a URL with a slash at its end ask for two.
    let slashes = ["", "/"];
    let routes = slashes.into_iter().fold(Router::new(), |routes, slash| {
        routes
            .route(&format!("{slash}/rtc"), get(connect))
            .route(&format!("{slash}/rtc/validate"), get(validate))
            .route(&format!("{slash}/rtc/v1"), get(connect_single))
            .route(&format!("{slash}/rtc/v1/validate"), get(validate_single))
            .route(&format!("{slash}/twirp/livekit.RoomService/{{method}}"), post(api::call))
            .route(&format!("{slash}/twirp/{{service}}/{{method}}"), post(api::unknown_service))
    });
    routes.layer(body).layer(cors).merge(whip::router()).with_state(shared)
}

/// Why nobody is let in; texts as LiveKit's, because clients show them.
#[derive(Debug, thiserror::Error)]
enum Rejected {
    #[error("invalid authorization token")]
    Token(#[from] Refused),
    #[error(transparent)]
    Entry(#[from] NotAllowed),
    #[error("the server is full")]
    Full,
    #[error("not found")]
    NotWebSocket,
}

impl IntoResponse for Rejected {
    fn into_response(self) -> Response {
        let status = match self {
            Self::Token(_) | Self::Entry(NotAllowed::NoGrant | NotAllowed::NoRight) => {
                StatusCode::UNAUTHORIZED
            }
            Self::Entry(
                NotAllowed::NoRoom
                | NotAllowed::NoIdentity
                | NotAllowed::NoJoinRequest
                | NotAllowed::JoinRequest(_)
                | NotAllowed::OutOfBounds,
            ) => StatusCode::BAD_REQUEST,
            Self::Full => StatusCode::SERVICE_UNAVAILABLE,
            Self::NotWebSocket => StatusCode::NOT_FOUND,
        };
        (status, self.to_string()).into_response()
    }
}

/// `GET /rtc`: the signal connection.
async fn connect(
    State(shared): State<Arc<Shared>>,
    Query(query): Query<JoinQuery>,
    parts: Parts,
) -> Result<Response, Rejected> {
    open(shared, &query, query.hello(), parts).await
}

/// `GET /rtc/v1`: the signal connection of a client with a single transport.
async fn connect_single(
    State(shared): State<Arc<Shared>>,
    Query(query): Query<JoinQuery>,
    parts: Parts,
) -> Result<Response, Rejected> {
    open(shared, &query, query.single(), parts).await
}

/// `GET /rtc/validate`: what a client asks when its socket did not open, to learn why.
async fn validate(
    State(shared): State<Arc<Shared>>,
    Query(query): Query<JoinQuery>,
    headers: HeaderMap,
) -> Result<&'static str, Rejected> {
    admit(&shared, &query, query.hello(), &headers)?;
    Ok("success")
}

/// `GET /rtc/v1/validate`.
async fn validate_single(
    State(shared): State<Arc<Shared>>,
    Query(query): Query<JoinQuery>,
    headers: HeaderMap,
) -> Result<&'static str, Rejected> {
    admit(&shared, &query, query.single(), &headers)?;
    Ok("success")
}

async fn open(
    shared: Arc<Shared>,
    query: &JoinQuery,
    hello: Result<Hello, NotAllowed>,
    mut parts: Parts,
) -> Result<Response, Rejected> {
    let entry = admit(&shared, query, hello, &parts.headers)?;
    let upgrade =
        WebSocketUpgrade::from_request_parts(&mut parts, &()).await.map_err(|_| Rejected::NotWebSocket)?;
    let permit = Arc::clone(&shared.signal_permits).try_acquire_owned().map_err(|_| Rejected::Full)?;
    let bytes = shared.limits.signal_message_bytes;
    // axum's defaults cost 128 KiB a socket; messages are small but for session descriptions.
    let upgrade = upgrade.read_buffer_size(1 << 10).write_buffer_size(4 << 10).max_write_buffer_size(4 << 20);
    let upgrade = upgrade.max_message_size(bytes).max_frame_size(bytes);
    Ok(upgrade.on_upgrade(move |socket| async move {
        signal::serve(socket, shared, entry).await;
        drop(permit);
    }))
}

/// Token first: a stranger learns nothing of what else is wrong.
fn admit(
    shared: &Shared,
    query: &JoinQuery,
    hello: Result<Hello, NotAllowed>,
    headers: &HeaderMap,
) -> Result<(ConnectionId, Entry), Rejected> {
    let header = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    let token = match (header, query.access_token.as_str()) {
        (Some(_), _) | (None, "") => auth::bearer(header)?,
        (None, token) => token,
    };
    let claims = shared.api_keys.verify(token)?;
    let connection = shared.next_connection();
    Ok((connection, entry(claims, hello?, connection, &shared.limits.room)?))
}
