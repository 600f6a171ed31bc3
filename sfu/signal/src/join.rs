//! Who joins: the token's claims and the query of `/rtc` become a [`Join`].

use std::collections::BTreeMap;

use auth::room::{RoomClaims, VideoGrant};
use base64::Engine as _;
use base64::engine::general_purpose::{URL_SAFE, URL_SAFE_NO_PAD};
use livekit_protocol as lk;
use serde::Deserialize;
use sfu_core::room::ConnectionId;
use sfu_core::room::limits::RoomLimits;
use sfu_core::room::message::{Carried, ParticipantInfo, Source};
use sfu_core::room::participant::Join;
use sfu_core::room::permission::Permission;
use sfu_core::room::sid::ParticipantSid;

/// The query of `/rtc`; unknown parameters are ignored.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct JoinQuery {
    /// The room token, where a browser cannot set a header. Cut from logs.
    pub access_token: String,
    auto_subscribe: String,
    adaptive_stream: String,
    reconnect: String,
    sid: String,
    protocol: String,
    client_protocol: String,
    sdk: String,
    browser: String,
    capabilities: String,
    publish: String,
    attributes: String,
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
}

/// Checks claims and query; `connection` is the signal connection that will be opened.
///
/// # Errors
/// See [`NotAllowed`].
pub fn entry(
    claims: RoomClaims,
    query: &JoinQuery,
    connection: ConnectionId,
    limits: &RoomLimits,
) -> Result<Entry, NotAllowed> {
    let token = claims.token;
    let grant = token.video.ok_or(NotAllowed::NoGrant)?;
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
    let mut identity = token.identity;
    if !query.publish.is_empty() {
        // A second connection of the same person that only publishes.
        identity = format!("{identity}#{}", query.publish);
        permission.can_subscribe = false;
    }
    let mut attributes = token.attributes;
    attributes.extend(query_attributes(&query.attributes).ok_or(NotAllowed::OutOfBounds)?);
    let long = |text: &str| text.chars().count() > limits.name_chars;
    let attribute_bytes: usize = attributes.iter().map(|(key, value)| key.len() + value.len()).sum();
    if long(&identity)
        || long(&token.name)
        || long(&grant.room)
        || token.metadata.len() > limits.metadata_bytes
        || attribute_bytes > limits.metadata_bytes
    {
        return Err(NotAllowed::OutOfBounds);
    }
    let resume = is_on(&query.reconnect, false).then(|| ParticipantSid::from_wire(&query.sid));
    let join = Join {
        identity,
        name: token.name,
        metadata: token.metadata,
        attributes,
        permission,
        auto_subscribe: is_on(&query.auto_subscribe, true),
        adaptive_stream: is_on(&query.adaptive_stream, false),
        kind: Carried(participant_kind(&token.kind)),
        kind_details: kind_details(&token.kind_details),
        client_protocol: Carried(query.client_protocol.parse().unwrap_or(0)),
        capabilities: capabilities(&query.capabilities),
        receives_red: !query.browser.eq_ignore_ascii_case("safari"),
        connection: Some(connection),
    };
    Ok(Entry { room: grant.room, join, resume })
}

/// The grant that a refreshed token carries.
#[must_use]
pub fn grant_of(room: &str, info: &ParticipantInfo) -> VideoGrant {
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
        ..VideoGrant::join(room)
    }
}

/// The name of a participant's kind in a token.
#[must_use]
pub fn kind_name(kind: Carried) -> String {
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
mod tests {
    use auth::room::RoomToken;

    use super::*;

    fn claims(grant: VideoGrant) -> RoomClaims {
        RoomClaims {
            issuer: "key".to_owned(),
            token: RoomToken { identity: "ada".to_owned(), video: Some(grant), ..RoomToken::default() },
            not_before: None,
            expires_at: 0,
        }
    }

    fn enter(grant: VideoGrant, query: &JoinQuery) -> Result<Entry, NotAllowed> {
        entry(claims(grant), query, ConnectionId(1), &RoomLimits::default())
    }

    #[test]
    fn absent_rights_follow_livekits_defaults() {
        let permission = enter(VideoGrant::join("hall"), &JoinQuery::default()).unwrap().join.permission;
        assert!(permission.can_publish && permission.can_subscribe && permission.can_publish_data);
        assert!(!permission.can_update_metadata && !permission.hidden);
        let listener = VideoGrant { can_publish: Some(false), ..VideoGrant::join("hall") };
        assert!(!enter(listener, &JoinQuery::default()).unwrap().join.permission.can_publish_data);
    }

    #[test]
    fn a_token_without_join_or_room_opens_nothing() {
        assert_eq!(enter(VideoGrant::default(), &JoinQuery::default()).unwrap_err(), NotAllowed::NoGrant);
        assert_eq!(enter(VideoGrant::join(""), &JoinQuery::default()).unwrap_err(), NotAllowed::NoRoom);
    }

    #[test]
    fn a_second_connection_that_only_publishes_has_its_own_identity() {
        let query = JoinQuery { publish: "screen".to_owned(), ..JoinQuery::default() };
        let join = enter(VideoGrant::join("hall"), &query).unwrap().join;
        assert_eq!(join.identity, "ada#screen");
        assert!(!join.permission.can_subscribe);
    }
}
