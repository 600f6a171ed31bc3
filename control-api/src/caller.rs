//! Who calls: extractors that turn a cookie or a token into an organiser or a person.
//!
//! They decide identity only. Whether the caller may touch an object is decided where the object is loaded.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use auth::Refused;
use axum::extract::{ConnectInfo, FromRequestParts};
use axum::http::request::Parts;
use axum::http::{HeaderMap, Method, header};
use ids::{EventId, OrganisationId, OrganiserId};

use crate::model::person::Person;
use crate::problem::Problem;
use crate::state::App;

/// A signed-in organiser. A request that changes something was checked against cross-site forgery.
#[derive(Debug, Clone)]
pub(crate) struct OrganiserCaller {
    pub(crate) id: OrganiserId,
    pub(crate) name: String,
    pub(crate) organisation_id: OrganisationId,
    /// Hash of the session's secret: the session's key in the database.
    pub(crate) session_hash: String,
    pub(crate) csrf_token: String,
}

impl FromRequestParts<App> for OrganiserCaller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        let secret = cookie(&parts.headers, app.cookie_name()).ok_or(Problem::Unauthorised)?;
        let caller = app.auth.organiser(secret).await?.ok_or(Problem::Unauthorised)?;
        if !matches!(parts.method, Method::GET | Method::HEAD) {
            check_origin(&parts.headers, app)?;
            let sent = parts.headers.get("x-csrf-token").map(|value| value.as_bytes()).unwrap_or_default();
            if !crate::secret::equal(sent, caller.csrf_token.as_bytes()) {
                return Err(Problem::CrossSite);
            }
        }
        Ok(caller)
    }
}

/// A person inside an event, by experience token. Was looked up: a revoked invitation ends here.
#[derive(Debug, Clone)]
pub(crate) struct PersonCaller(pub(crate) Person);

impl FromRequestParts<App> for PersonCaller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        let header = parts.headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
        let experience = auth::bearer(header).and_then(|token| app.experience_key.verify(token));
        let experience = experience.map_err(|refused: Refused| {
            tracing::debug!(%refused, "an experience token was refused");
            Problem::Unauthorised
        })?;
        let person = app.attendees.person(&experience.event_id, &experience.person_id).await?;
        let person = person.ok_or(Problem::Unauthorised)?;
        if experience.role == person.role.into() {
            app.presence.seen(&person.event_id, &person.id);
            Ok(Self(person))
        } else {
            Err(Problem::Unauthorised)
        }
    }
}

/// An organiser or a person. A bearer token, when there is one, decides: the browser sends the cookie along
/// unasked.
#[derive(Debug, Clone)]
pub(crate) enum EventCaller {
    /// By cookie.
    Organiser(OrganiserCaller),
    /// By experience token.
    Person(PersonCaller),
}

impl FromRequestParts<App> for EventCaller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        if parts.headers.contains_key(header::AUTHORIZATION) {
            PersonCaller::from_request_parts(parts, app).await.map(Self::Person)
        } else {
            OrganiserCaller::from_request_parts(parts, app).await.map(Self::Organiser)
        }
    }
}

impl EventCaller {
    /// The person's event must be this one; an organiser's is checked by its organisation.
    pub(crate) async fn enter(
        &self,
        app: &App,
        event: &EventId,
    ) -> Result<crate::platform::EventFacts, Problem> {
        let facts = app.events.event(event).await?.ok_or(Problem::NotFound)?;
        let inside = match self {
            Self::Organiser(organiser) => organiser.organisation_id == facts.organisation_id,
            Self::Person(PersonCaller(person)) => person.event_id == *event,
        };
        if inside { Ok(facts) } else { Err(Problem::NotFound) }
    }
}

/// Where the connection comes from: the key of rate limits.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ClientAddress(pub(crate) IpAddr);

impl<S: Send + Sync> FromRequestParts<S> for ClientAddress {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let peer = parts.extensions.get::<ConnectInfo<SocketAddr>>();
        // Without a listener that tells (a test that calls the router), everybody shares one key.
        Ok(Self(peer.map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |ConnectInfo(peer)| peer.ip())))
    }
}

/// The request does not come from a page of another site. For operations that set the cookie.
pub(crate) struct SameSite;

impl FromRequestParts<App> for SameSite {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        check_origin(&parts.headers, app).map(|()| Self)
    }
}

/// Browsers send `Origin` with every request that is not a GET; scripts need not.
fn check_origin(headers: &HeaderMap, app: &App) -> Result<(), Problem> {
    match headers.get(header::ORIGIN) {
        None => Ok(()),
        Some(origin) if origin.to_str().is_ok_and(|origin| app.origins.allow(origin)) => Ok(()),
        Some(_) => Err(Problem::CrossSite),
    }
}

fn cookie<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    let lines = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    let mut cookies = lines.flat_map(|line| line.split(';')).filter_map(|pair| pair.trim().split_once('='));
    cookies.find(|(found, _)| *found == name).map(|(_, value)| value)
}
