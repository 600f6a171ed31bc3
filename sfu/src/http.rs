//! The HTTP routes: `/rtc`, `/rtc/validate`, a readable 404 on `/rtc/v1*`, `/twirp`.

use std::sync::Arc;

use auth::Refused;
use axum::Router;
use axum::extract::ws::WebSocketUpgrade;
use axum::extract::{DefaultBodyLimit, FromRequestParts, Query, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{any, get, post};
use sfu_core::room::ConnectionId;
use sfu_signal::join::{Entry, JoinQuery, NotAllowed, entry};
use tower_http::cors::{Any, CorsLayer};

use crate::service::Shared;
use crate::{api, signal};

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
            .route(&format!("{slash}/rtc/v1"), any(not_yet))
            .route(&format!("{slash}/rtc/v1/validate"), any(not_yet))
            .route(&format!("{slash}/twirp/livekit.RoomService/{{method}}"), post(api::call))
            .route(&format!("{slash}/twirp/{{service}}/{{method}}"), post(api::unknown_service))
    });
    routes.layer(body).layer(cors).with_state(shared)
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
            Self::Token(_) | Self::Entry(NotAllowed::NoGrant) => StatusCode::UNAUTHORIZED,
            Self::Entry(NotAllowed::NoRoom | NotAllowed::NoIdentity | NotAllowed::OutOfBounds) => {
                StatusCode::BAD_REQUEST
            }
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
    headers: HeaderMap,
    mut parts: Parts,
) -> Result<Response, Rejected> {
    let connection = shared.next_connection();
    let entry = admit(&shared, &query, &headers, connection)?;
    let upgrade =
        WebSocketUpgrade::from_request_parts(&mut parts, &()).await.map_err(|_| Rejected::NotWebSocket)?;
    let permit = Arc::clone(&shared.signal_permits).try_acquire_owned().map_err(|_| Rejected::Full)?;
    let bytes = shared.limits.signal_message_bytes;
    // axum's defaults cost 128 KiB a socket; messages are small but for session descriptions.
    let upgrade = upgrade.read_buffer_size(4 << 10).write_buffer_size(4 << 10).max_write_buffer_size(4 << 20);
    let upgrade = upgrade.max_message_size(bytes).max_frame_size(bytes);
    Ok(upgrade.on_upgrade(move |socket| async move {
        signal::serve(socket, shared, connection, entry).await;
        drop(permit);
    }))
}

/// `GET /rtc/validate`: what a client asks when its socket did not open, to learn why.
async fn validate(
    State(shared): State<Arc<Shared>>,
    Query(query): Query<JoinQuery>,
    headers: HeaderMap,
) -> Result<&'static str, Rejected> {
    admit(&shared, &query, &headers, ConnectionId(0))?;
    Ok("success")
}

/// `/rtc/v1*`: the single peer connection is not served; livekit-client falls back to `/rtc` when it can read
/// this 404 (hence CORS), and the native clients when they see it on the upgrade.
async fn not_yet() -> (StatusCode, &'static str) {
    (StatusCode::NOT_FOUND, "not found")
}

fn admit(
    shared: &Shared,
    query: &JoinQuery,
    headers: &HeaderMap,
    connection: ConnectionId,
) -> Result<Entry, Rejected> {
    let header = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    let token = match (header, query.access_token.as_str()) {
        (Some(_), _) | (None, "") => auth::bearer(header)?,
        (None, token) => token,
    };
    let claims = shared.api_keys.verify(token)?;
    Ok(entry(claims, query, connection, &shared.limits.room)?)
}
