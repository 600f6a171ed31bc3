//! WHIP and WHEP (RFC 9725, draft-ietf-wish-whep): publishing and playing over plain HTTP.
//!
//! It decides status codes, headers and whose session a URL is; the session itself speaks to the shard as any
//! signal connection does ([`session`]). The URL of a session is no credential: every request but a preflight
//! needs a room token, and only a token of the session's own participant finds it.

mod body;
mod refused;
mod session;

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::{OriginalUri, Path, Query, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, get};
use sfu_core::sdp::{Fragment, SessionDescription};
use sfu_signal::join::{JoinQuery, NotAllowed, entry};
use sfu_signal::whep::{self, PlayQuery, Programme};
use sfu_signal::whip;
use tower_http::cors::{AllowHeaders, Any, CorsLayer};
use tower_http::set_header::SetResponseHeaderLayer;

use self::refused::Refused;
use self::session::{Opened, Opening, Patched, Purpose};
use crate::service::Shared;

pub(crate) use self::session::Sessions;

/// The endpoints, WHIP's also under LiveKit's name, and the sessions below them.
pub(crate) fn router() -> Router<Arc<Shared>> {
    let endpoint = || reserved().post(publish).layer(accepts(ACCEPT_POST, OFFER));
    let player = || reserved().post(play).layer(accepts(ACCEPT_POST, OFFER));
    let session = || reserved().patch(change).delete(end).layer(accepts(ACCEPT_PATCH, FRAGMENT));
    let routes = ["", "/"].into_iter().fold(Router::new(), |routes, slash| {
        routes
            .route(&format!("{slash}/whip"), endpoint())
            .route(&format!("{slash}/whip/v1"), endpoint())
            .route(&format!("{slash}/whep"), player())
            .route(&format!("{slash}/whip/{{session}}"), session())
            .route(&format!("{slash}/whep/{{session}}"), session())
            .route(&format!("{slash}/whip/v1/{{session}}"), session())
    });
    // `*` does not cover `Authorization` (Fetch §3.3.4), so the asked headers are repeated.
    let cors = CorsLayer::new()
        .allow_origin(Any)
        .allow_methods(Any)
        .allow_headers(AllowHeaders::mirror_request())
        .expose_headers([header::LOCATION, header::ETAG, header::LINK])
        .max_age(PREFLIGHT_AGE);
    routes.layer(cors)
}

/// RFC 9725 §4.1: nothing to read at these URLs, and every other method is kept for later.
fn reserved() -> MethodRouter<Arc<Shared>> {
    get(|| async { StatusCode::NO_CONTENT }).fallback(|| async { Refused::Method })
}

fn accepts(name: &'static str, media_type: &'static str) -> SetResponseHeaderLayer<HeaderValue> {
    let name = HeaderName::from_static(name);
    SetResponseHeaderLayer::overriding(name, HeaderValue::from_static(media_type))
}

/// `POST /whip`: opens a session that publishes.
async fn publish(
    State(shared): State<Arc<Shared>>,
    OriginalUri(uri): OriginalUri,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Refused> {
    let claims = claims(&shared, &headers)?;
    let mut entry =
        entry(claims, JoinQuery::default().hello()?, shared.next_connection(), &shared.limits.room)?;
    whip::as_ingress(&mut entry.join);
    // Who may not join sends no megabytes.
    let offer = body::read(&headers, body, OFFER, shared.limits.signal_message_bytes).await?;
    let description = SessionDescription::parse_within(&offer, &shared.limits.sdp)?;
    let tracks = whip::tracks(&description, &entry.join.permission)?;
    let remote = description.remote().ok_or(whip::OfferRefused::NoTransport)?;
    let purpose = Purpose::Publish(tracks);
    let opened =
        session::open(&shared, Opening { entry, offer, theirs: remote.credentials, purpose }).await?;
    Ok(created(&shared, &uri, opened))
}

/// `POST /whep`: opens a session that plays.
async fn play(
    State(shared): State<Arc<Shared>>,
    OriginalUri(uri): OriginalUri,
    Query(query): Query<PlayQuery>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Refused> {
    let claims = claims(&shared, &headers)?;
    let mut entry =
        entry(claims, JoinQuery::default().hello()?, shared.next_connection(), &shared.limits.room)?;
    if !entry.join.permission.can_subscribe {
        return Err(whip::OfferRefused::NotAllowed.into());
    }
    whep::as_player(&mut entry.join);
    let offer = body::read(&headers, body, OFFER, shared.limits.signal_message_bytes).await?;
    let offer = whep::receiving(&offer);
    let description = SessionDescription::parse_within(&offer, &shared.limits.sdp)?;
    let purpose = Purpose::Play(Programme::new(&description, query)?);
    let remote = description.remote().ok_or(whip::OfferRefused::NoTransport)?;
    let opened =
        session::open(&shared, Opening { entry, offer, theirs: remote.credentials, purpose }).await?;
    let answer = whep::without_sources(&opened.answer);
    Ok(created(&shared, &uri, Opened { answer, ..opened }))
}

fn created(shared: &Shared, uri: &Uri, opened: Opened) -> Response {
    let mut response = (StatusCode::CREATED, opened.answer).into_response();
    let fields = response.headers_mut();
    fields.insert(header::CONTENT_TYPE, HeaderValue::from_static(OFFER));
    insert(fields, header::LOCATION, &format!("{}/{}", uri.path().trim_end_matches('/'), opened.id));
    insert(fields, header::ETAG, &opened.tag);
    for link in shared.ice_servers.links(&opened.room, &opened.identity) {
        insert(fields, header::LINK, &link);
    }
    response
}

/// `PATCH`: trickle ICE and ICE restarts.
async fn change(
    State(shared): State<Arc<Shared>>,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Refused> {
    let session = find(&shared, &headers, &id)?;
    let fragment = body::read(&headers, body, FRAGMENT, MAX_FRAGMENT_BYTES).await?;
    let fragment = Fragment::parse(&fragment)?;
    let if_match = headers.get(header::IF_MATCH).map(|value| value.to_str().unwrap_or_default().to_owned());
    match session.patch(if_match, fragment).await? {
        Patched::Trickled => Ok(StatusCode::NO_CONTENT.into_response()),
        Patched::Restarted { reply, tag } => {
            let mut response = (StatusCode::OK, reply).into_response();
            let fields = response.headers_mut();
            fields.insert(header::CONTENT_TYPE, HeaderValue::from_static(FRAGMENT));
            insert(fields, header::ETAG, &tag);
            Ok(response)
        }
    }
}

/// `DELETE`: ends the session; answered when the participant has left.
async fn end(
    State(shared): State<Arc<Shared>>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<StatusCode, Refused> {
    find(&shared, &headers, &id)?.end().await;
    Ok(StatusCode::OK)
}

/// The session of this URL, if the token is its participant's; another's looks like none.
fn find(shared: &Shared, headers: &HeaderMap, id: &str) -> Result<session::Session, Refused> {
    let claims = claims(shared, headers)?;
    let grant = claims.token.video.filter(|grant| grant.room_join).ok_or(NotAllowed::NoGrant)?;
    shared.sessions.find(id, &grant.room, &claims.token.identity).ok_or(Refused::NoSession)
}

fn claims(shared: &Shared, headers: &HeaderMap) -> Result<auth::room::RoomClaims, Refused> {
    let header = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    Ok(shared.api_keys.verify(auth::bearer(header)?)?)
}

/// Adds a header; a configured text that is no header value is left out.
fn insert(headers: &mut HeaderMap, name: HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        headers.append(name, value);
    }
}

const OFFER: &str = "application/sdp";
const FRAGMENT: &str = "application/trickle-ice-sdpfrag";
const ACCEPT_POST: &str = "accept-post";
const ACCEPT_PATCH: &str = "accept-patch";

/// A client with ten interfaces trickles some 6 KB.
const MAX_FRAGMENT_BYTES: usize = 64 << 10;

/// How long a browser need not ask again whether it may.
const PREFLIGHT_AGE: Duration = Duration::from_secs(3600);
