//! Who joins: the token's claims and what the client says of itself become a [`Join`].

use std::collections::BTreeMap;
use std::time::Duration;

use auth::room::{RoomClaims, RoomToken, VideoGrant};
use base64::Engine as _;
use base64::engine::general_purpose::{URL_SAFE, URL_SAFE_NO_PAD};
use livekit_protocol as lk;
use lk::signal_request::Message;
use serde::Deserialize;
use sfu_core::room::limits::RoomLimits;
use sfu_core::room::message::{Carried, ParticipantInfo, Request, Source};
use sfu_core::room::participant::{Join, Lifeline, Transports};
use sfu_core::room::permission::Permission;
use sfu_core::room::sid::ParticipantSid;
use sfu_core::room::{ConnectionId, RoomOptions};

use crate::join_request::{self, BadJoinRequest};
use crate::request::{self, Incoming};

/// The query of `/rtc` and `/rtc/v1`; unknown parameters are ignored.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct JoinQuery {
    /// The room token, where a browser cannot set a header. Cut from logs.
    pub access_token: String,
    auto_subscribe: String,
    adaptive_stream: String,
    subscriber_allow_pause: String,
    reconnect: String,
    sid: String,
    protocol: String,
    client_protocol: String,
    sdk: String,
    browser: String,
    capabilities: String,
    publish: String,
    attributes: String,
    join_request: String,
}

/// What a client says of itself when it connects, whichever way it says it.
#[derive(Debug, Clone, Default)]
pub struct Hello {
    /// Its second connection, which only publishes, has this name.
    publish: String,
    /// Replaces the token's text; empty: does not.
    metadata: String,
    /// Pairs beside the token's.
    attributes: BTreeMap<String, String>,
    auto_subscribe: bool,
    adaptive_stream: bool,
    may_pause: bool,
    client_protocol: i32,
    capabilities: Vec<Carried>,
    browser: String,
    resume: Option<ParticipantSid>,
    transports: Transports,
    requests: Vec<Request>,
}

impl JoinQuery {
    /// Reads the query. A `join_request` wins over the single parameters; it means a single transport.
    ///
    /// # Errors
    /// A value is not what it should be.
    pub fn hello(&self) -> Result<Hello, NotAllowed> {
        if !self.join_request.is_empty() {
            return Ok(requested(join_request::read(&self.join_request)?));
        }
        Ok(Hello {
            publish: self.publish.clone(),
            metadata: String::new(),
            attributes: query_attributes(&self.attributes).ok_or(NotAllowed::OutOfBounds)?,
            auto_subscribe: is_on(&self.auto_subscribe, true),
            adaptive_stream: is_on(&self.adaptive_stream, false),
            may_pause: is_on(&self.subscriber_allow_pause, true),
            client_protocol: self.client_protocol.parse().unwrap_or(0),
            capabilities: capabilities(&self.capabilities),
            browser: self.browser.clone(),
            resume: is_on(&self.reconnect, false).then(|| ParticipantSid::from_wire(&self.sid)),
            transports: Transports::Two,
            requests: Vec::new(),
        })
    }

    /// As [`Self::hello`], of a client that must send a `join_request`.
    ///
    /// # Errors
    /// It did not, or it is not understood.
    pub fn single(&self) -> Result<Hello, NotAllowed> {
        if self.join_request.is_empty() {
            return Err(NotAllowed::NoJoinRequest);
        }
        self.hello()
    }
}

/// A join request; its tracks and its offer become the connection's first requests.
fn requested(wire: lk::JoinRequest) -> Hello {
    let client = wire.client_info.unwrap_or_default();
    let settings = wire.connection_settings.unwrap_or_default();
    let sync_state = wire.sync_state.filter(|_| wire.reconnect).map(Message::SyncState);
    let tracks = wire.add_track_requests.into_iter().map(Message::AddTrack);
    let offer = wire.publisher_offer.map(Message::Offer);
    let room_word = |message| match request::convert(message) {
        Incoming::Room(request) => Some(request),
        Incoming::Ping(_) | Incoming::PingRequest(_) | Incoming::Refused(_) | Incoming::Ignored => None,
    };
    Hello {
        publish: String::new(),
        metadata: wire.metadata,
        attributes: wire.participant_attributes.into_iter().collect(),
        auto_subscribe: settings.auto_subscribe,
        adaptive_stream: settings.adaptive_stream,
        may_pause: settings.subscriber_allow_pause.unwrap_or(true),
        client_protocol: client.client_protocol,
        capabilities: client.capabilities.into_iter().map(Carried).take(32).collect(),
        browser: client.browser,
        resume: wire.reconnect.then(|| ParticipantSid::from_wire(&wire.participant_sid)),
        transports: Transports::Single,
        requests: sync_state.into_iter().chain(tracks).chain(offer).filter_map(room_word).collect(),
    }
}

/// Why somebody is not let in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotAllowed {
    /// The token has no right to join a room.
    #[error("permissions denied")]
    NoGrant,
    /// The token names no room.
    #[error("no room name")]
    NoRoom,
    /// The token names nobody.
    #[error("identity cannot be empty")]
    NoIdentity,
    /// It may not publish, or not choose its own metadata and attributes.
    #[error("permissions denied")]
    NoRight,
    /// Only a join request opens this path.
    #[error("join_request is required")]
    NoJoinRequest,
    /// The join request is not one.
    #[error(transparent)]
    JoinRequest(#[from] BadJoinRequest),
    /// A name or text of the token or the query is too long or not what it should be.
    #[error("a name or text is out of bounds")]
    OutOfBounds,
}

/// What a client wants.
#[derive(Debug, Clone)]
pub struct Entry {
    /// The room.
    pub room: String,
    /// As whom and how.
    pub join: Join,
    /// The session to go on with, when it resumes.
    pub resume: Option<ParticipantSid>,
    /// What the client asked in the same breath, to be asked as soon as it has joined.
    pub requests: Vec<Request>,
    /// Of the room, if this join opens it.
    pub options: RoomOptions,
    /// What the token said beside who joins: a renewed one says it again.
    pub claims: RoomToken,
}

/// Checks claims and what the client says; `connection` is the signal connection that will be opened.
///
/// # Errors
/// See [`NotAllowed`].
pub fn entry(
    claims: RoomClaims,
    hello: Hello,
    connection: ConnectionId,
    limits: &RoomLimits,
) -> Result<Entry, NotAllowed> {
    let mut token = claims.token;
    let grant = token.video.take().ok_or(NotAllowed::NoGrant)?;
    if !grant.room_join {
        return Err(NotAllowed::NoGrant);
    }
    if grant.room.is_empty() {
        return Err(NotAllowed::NoRoom);
    }
    if token.identity.is_empty() {
        return Err(NotAllowed::NoIdentity);
    }
    let mut permission = permission(&grant);
    let mut identity = token.identity.clone();
    if !hello.publish.is_empty() {
        // A second connection of the same person that only publishes.
        if !permission.can_publish {
            return Err(NotAllowed::NoRight);
        }
        identity = format!("{identity}#{}", hello.publish);
        permission.can_subscribe = false;
    }
    let own = !hello.metadata.is_empty() || !hello.attributes.is_empty();
    if own && !permission.can_update_metadata {
        return Err(NotAllowed::NoRight);
    }
    let mut attributes = token.attributes.clone();
    // An empty value does not delete what the token says.
    attributes.extend(hello.attributes.into_iter().filter(|(_, value)| !value.is_empty()));
    let metadata = if hello.metadata.is_empty() { token.metadata.clone() } else { hello.metadata };
    let options = room_options(token.room_config.as_ref())?;
    let long = |text: &str| text.chars().count() > limits.name_chars;
    let attribute_bytes: usize = attributes.iter().map(|(key, value)| key.len() + value.len()).sum();
    if long(&identity)
        || long(&token.name)
        || long(&grant.room)
        || metadata.len() > limits.metadata_bytes
        || attribute_bytes > limits.metadata_bytes
        || options.metadata.len() > limits.metadata_bytes
        || hello.requests.len() > limits.tracks_per_participant + 2
    {
        return Err(NotAllowed::OutOfBounds);
    }
    let join = Join {
        identity,
        name: token.name.clone(),
        metadata,
        attributes,
        permission,
        auto_subscribe: hello.auto_subscribe,
        adaptive_stream: hello.adaptive_stream,
        may_pause: hello.may_pause,
        kind: Carried(participant_kind(&token.kind)),
        kind_details: kind_details(&token.kind_details),
        client_protocol: Carried(hello.client_protocol),
        capabilities: hello.capabilities,
        receives_red: !hello.browser.eq_ignore_ascii_case("safari"),
        transports: hello.transports,
        connection: Some(connection),
        lifeline: Lifeline::Signal,
        moderates: grant.room_admin,
    };
    let claims = RoomToken { video: Some(grant.clone()), ..token };
    Ok(Entry { room: grant.room, join, resume: hello.resume, requests: hello.requests, options, claims })
}

/// The token that says what a participant may do now, and what its first one said of anything else.
#[must_use]
pub fn renewed(first: &RoomToken, info: ParticipantInfo) -> RoomToken {
    RoomToken {
        kind: kind_name(info.kind),
        video: Some(grant_of(first.video.as_ref().unwrap_or(&VideoGrant::default()), &info)),
        identity: info.identity,
        name: info.name,
        metadata: info.metadata,
        attributes: info.attributes,
        token_id: None,
        ..first.clone()
    }
}

fn grant_of(first: &VideoGrant, info: &ParticipantInfo) -> VideoGrant {
    let permission = &info.permission;
    VideoGrant {
        can_publish: Some(permission.can_publish),
        can_subscribe: Some(permission.can_subscribe),
        can_publish_data: Some(permission.can_publish_data),
        can_publish_sources: permission.sources.iter().map(|&s| source_name(s).to_owned()).collect(),
        can_update_own_metadata: Some(permission.can_update_metadata),
        hidden: permission.hidden,
        recorder: permission.recorder,
        agent: permission.agent,
        can_subscribe_metrics: Some(permission.can_subscribe_metrics),
        ..first.clone()
    }
}

/// What the token says of a room that its bearer opens (LiveKit's `RoomConfiguration`).
fn room_options(config: Option<&serde_json::Value>) -> Result<RoomOptions, NotAllowed> {
    let Some(config) = config else { return Ok(RoomOptions::default()) };
    let config: RoomConfiguration =
        serde_json::from_value(config.clone()).map_err(|_| NotAllowed::OutOfBounds)?;
    let seconds = |s: u32| (s > 0).then(|| Duration::from_secs(u64::from(s)));
    Ok(RoomOptions {
        metadata: config.metadata,
        empty_timeout: seconds(config.empty_timeout),
        departure_timeout: seconds(config.departure_timeout),
        max_participants: config.max_participants,
        ..RoomOptions::default()
    })
}

/// The part of it that this server knows; proto3 JSON in either spelling.
#[derive(Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
struct RoomConfiguration {
    #[serde(alias = "empty_timeout")]
    empty_timeout: u32,
    #[serde(alias = "departure_timeout")]
    departure_timeout: u32,
    #[serde(alias = "max_participants")]
    max_participants: u32,
    metadata: String,
}

/// The name of a participant's kind in a token.
fn kind_name(kind: Carried) -> String {
    lk::participant_info::Kind::try_from(kind.0)
        .map_or_else(|_| String::new(), |k| k.as_str_name().to_lowercase())
}

fn permission(grant: &VideoGrant) -> Permission {
    Permission {
        can_subscribe: grant.may_subscribe(),
        can_publish: grant.may_publish(),
        can_publish_data: grant.may_publish_data(),
        sources: grant.can_publish_sources.iter().map(|name| source_named(name)).collect(),
        hidden: grant.hidden,
        recorder: grant.recorder,
        agent: grant.agent,
        can_update_metadata: grant.may_update_own_metadata(),
        can_subscribe_metrics: grant.can_subscribe_metrics.unwrap_or(false),
    }
}

const SOURCES: [(&str, Source); 4] = [
    ("camera", Source::Camera),
    ("microphone", Source::Microphone),
    ("screen_share", Source::ScreenShare),
    ("screen_share_audio", Source::ScreenShareAudio),
];

/// An unknown name allows only tracks of unknown source.
fn source_named(name: &str) -> Source {
    SOURCES.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map_or(Source::Unknown, |&(_, s)| s)
}

fn source_name(source: Source) -> &'static str {
    SOURCES.iter().find(|(_, known)| *known == source).map_or("unknown", |&(name, _)| name)
}

fn participant_kind(name: &str) -> i32 {
    lk::participant_info::Kind::from_str_name(&name.to_uppercase()).map_or(0, |kind| kind as i32)
}

fn kind_details(names: &[String]) -> Vec<Carried> {
    names
        .iter()
        .filter_map(|name| lk::participant_info::KindDetail::from_str_name(&name.to_uppercase()))
        .map(|detail| Carried(detail as i32))
        .collect()
}

fn capabilities(list: &str) -> Vec<Carried> {
    list.split(',').filter_map(|number| number.parse().ok()).map(Carried).take(32).collect()
}

fn is_on(value: &str, default: bool) -> bool {
    match value {
        "" => default,
        "1" | "true" | "t" | "T" | "TRUE" | "True" => true,
        _ => false,
    }
}

/// Base 64 (with or without padding) of a JSON object of texts; empty when absent.
fn query_attributes(text: &str) -> Option<BTreeMap<String, String>> {
    if text.is_empty() {
        return Some(BTreeMap::new());
    }
    let bytes = URL_SAFE.decode(text).or_else(|_| URL_SAFE_NO_PAD.decode(text)).ok()?;
    serde_json::from_slice(&bytes).ok()
}

#[cfg(test)]
mod tests;
