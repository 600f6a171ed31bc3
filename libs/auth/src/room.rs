//! Room tokens in LiveKit's format: HS256, signed with an API secret, issued by its API key.
//!
//! Decides which identity the bearer has and what its grant says; the same tokens open the server APIs. What
//! a grant means for one request is decided by the SFU.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::token::{Hs256, Refused, base_validation, unix_seconds, unverified_claims};

/// The API keys of an installation with their secrets.
#[derive(Debug, Clone)]
pub struct ApiKeys {
    by_key: HashMap<String, Hs256>,
    signer: String,
}

/// One API key and its secret, as in `DAIS_API_KEY` and `DAIS_API_SECRET`.
#[derive(Clone, PartialEq, Eq)]
pub struct ApiKeyPair {
    /// Public name of the key; stands in `iss`.
    pub key: String,
    /// Shared secret.
    pub secret: String,
}

impl std::fmt::Debug for ApiKeyPair {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "ApiKeyPair({}, ..)", self.key)
    }
}

impl ApiKeys {
    /// Accepts tokens of all these pairs and signs with the first.
    #[must_use]
    pub fn new(first: &ApiKeyPair, others: &[ApiKeyPair]) -> Self {
        let pairs = std::iter::once(first).chain(others);
        let by_key = pairs.map(|pair| (pair.key.clone(), Hs256::new(pair.secret.as_bytes()))).collect();
        Self { by_key, signer: first.key.clone() }
    }

    /// A token for this identity. `lifetime` bounds the join, not the stay: the SFU refreshes the tokens of
    /// connected participants.
    #[must_use]
    pub fn mint(&self, token: RoomToken, lifetime: Duration) -> String {
        let now = unix_seconds();
        let claims = RoomClaims {
            issuer: self.signer.clone(),
            token: RoomToken { token_id: token.token_id.or_else(|| Some(token.identity.clone())), ..token },
            not_before: Some(now),
            expires_at: now + lifetime.as_secs(),
        };
        self.by_key[&self.signer].sign(&claims)
    }

    /// Checks a token and returns its claims; [`RoomToken::identity`] is filled from `jti` if `sub` is
    /// absent.
    ///
    /// # Errors
    /// Says why it is refused; LiveKit's clients expect 401.
    pub fn verify(&self, token: &str) -> Result<RoomClaims, Refused> {
        let named: Issuer = unverified_claims(token)?;
        let key = self.by_key.get(&named.iss).ok_or(Refused::UnknownIssuer)?;
        let mut claims: RoomClaims = key.verify(token, &base_validation(LEEWAY))?;
        if claims.token.identity.is_empty() {
            claims.token.identity = claims.token.token_id.clone().unwrap_or_default();
        }
        Ok(claims)
    }
}

/// What a room token says.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RoomClaims {
    /// The API key that signed it.
    #[serde(rename = "iss")]
    pub issuer: String,
    /// Who and what.
    #[serde(flatten)]
    pub token: RoomToken,
    /// Seconds since 1970.
    #[serde(rename = "nbf", default, skip_serializing_if = "Option::is_none")]
    pub not_before: Option<u64>,
    /// Seconds since 1970.
    #[serde(rename = "exp")]
    pub expires_at: u64,
}

/// The part of a room token that its maker chooses.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct RoomToken {
    /// The participant's identity: unique in the room.
    #[serde(rename = "sub", skip_serializing_if = "String::is_empty")]
    pub identity: String,
    /// Token id; also the identity of old tokens without `sub`.
    #[serde(rename = "jti", skip_serializing_if = "Option::is_none")]
    pub token_id: Option<String>,
    /// Display name.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// `standard`, `ingress`, `egress`, `sip` or `agent`; empty means `standard`.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub kind: String,
    /// Refines `kind`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub kind_details: Vec<String>,
    /// Free text for the application.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub metadata: String,
    /// Key-value pairs for the application.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub attributes: BTreeMap<String, String>,
    /// Hash of a webhook body (base64).
    #[serde(skip_serializing_if = "String::is_empty")]
    pub sha256: String,
    /// What the bearer may do.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub video: Option<VideoGrant>,
    /// Settings of the room if this join makes it (LiveKit's `RoomConfiguration` in proto3 JSON).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub room_config: Option<serde_json::Value>,
    /// Name of a preset of room settings.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub room_preset: String,
}

/// LiveKit's video grant. `None` differs from `Some(false)`: see the methods.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct VideoGrant {
    /// May make and delete rooms.
    #[serde(skip_serializing_if = "is_false")]
    pub room_create: bool,
    /// May list rooms.
    #[serde(skip_serializing_if = "is_false")]
    pub room_list: bool,
    /// May record.
    #[serde(skip_serializing_if = "is_false")]
    pub room_record: bool,
    /// May moderate `room`.
    #[serde(skip_serializing_if = "is_false")]
    pub room_admin: bool,
    /// May join `room`.
    #[serde(skip_serializing_if = "is_false")]
    pub room_join: bool,
    /// The room that the grant is about.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub room: String,
    /// Absent means true: see [`Self::may_publish`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub can_publish: Option<bool>,
    /// Absent means true: see [`Self::may_subscribe`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub can_subscribe: Option<bool>,
    /// Absent means what `can_publish` says: see [`Self::may_publish_data`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub can_publish_data: Option<bool>,
    /// `camera`, `microphone`, `screen_share`, `screen_share_audio`; empty means all.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub can_publish_sources: Vec<String>,
    /// Absent means false.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub can_update_own_metadata: Option<bool>,
    /// May manage ingresses.
    #[serde(skip_serializing_if = "is_false")]
    pub ingress_admin: bool,
    /// Invisible to the others.
    #[serde(skip_serializing_if = "is_false")]
    pub hidden: bool,
    /// A recorder.
    #[serde(skip_serializing_if = "is_false")]
    pub recorder: bool,
    /// An agent.
    #[serde(skip_serializing_if = "is_false")]
    pub agent: bool,
    /// May subscribe to metrics.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub can_subscribe_metrics: Option<bool>,
    /// May manage an agent session.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub can_manage_agent_session: Option<bool>,
    /// Room to forward or move a participant to.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub destination_room: String,
}

impl VideoGrant {
    /// A grant to join this room with everything that absent claims allow.
    #[must_use]
    pub fn join(room: &str) -> Self {
        Self { room_join: true, room: room.to_owned(), ..Self::default() }
    }

    /// May publish media.
    #[must_use]
    pub fn may_publish(&self) -> bool {
        self.can_publish.unwrap_or(true)
    }

    /// May subscribe to media.
    #[must_use]
    pub fn may_subscribe(&self) -> bool {
        self.can_subscribe.unwrap_or(true)
    }

    /// May publish data packets.
    #[must_use]
    pub fn may_publish_data(&self) -> bool {
        self.can_publish_data.unwrap_or_else(|| self.may_publish())
    }

    /// May change its own name, metadata and attributes.
    #[must_use]
    pub fn may_update_own_metadata(&self) -> bool {
        self.can_update_own_metadata.unwrap_or(false)
    }

    /// May publish from this source (`camera`, …).
    #[must_use]
    pub fn may_publish_source(&self, source: &str) -> bool {
        self.may_publish()
            && (self.can_publish_sources.is_empty()
                || self.can_publish_sources.iter().any(|allowed| allowed.eq_ignore_ascii_case(source)))
    }
}

#[derive(Deserialize)]
struct Issuer {
    iss: String,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde's skip_serializing_if passes a reference")]
fn is_false(value: &bool) -> bool {
    !value
}

/// LiveKit's own leeway: participants' tokens are also made by other people's servers.
const LEEWAY: Duration = Duration::from_secs(60);

#[cfg(test)]
mod tests {
    use super::*;

    fn keys() -> ApiKeys {
        let pair = |key: &str| ApiKeyPair { key: key.to_owned(), secret: format!("secret of {key}") };
        ApiKeys::new(&pair("one"), &[pair("two")])
    }

    #[test]
    fn a_minted_token_is_understood() {
        let token = RoomToken {
            identity: "ada".into(),
            name: "Ada".into(),
            video: Some(VideoGrant { can_publish: Some(false), ..VideoGrant::join("hall") }),
            ..RoomToken::default()
        };
        let claims = keys().verify(&keys().mint(token, Duration::from_secs(60))).unwrap();
        assert_eq!((claims.issuer.as_str(), claims.token.identity.as_str()), ("one", "ada"));
        let grant = claims.token.video.unwrap();
        assert!(
            grant.room_join && !grant.may_publish() && !grant.may_publish_data() && grant.may_subscribe()
        );
    }

    #[test]
    fn absent_permissions_differ_from_refused_ones() {
        let absent: VideoGrant = serde_json::from_str(r#"{"roomJoin":true,"room":"hall"}"#).unwrap();
        assert!(absent.may_publish() && absent.may_publish_data() && !absent.may_update_own_metadata());
        let refused: VideoGrant =
            serde_json::from_str(r#"{"canPublish":false,"canPublishData":true}"#).unwrap();
        assert!(!refused.may_publish() && refused.may_publish_data());
        assert_eq!(serde_json::to_string(&absent).unwrap(), r#"{"roomJoin":true,"room":"hall"}"#);
    }

    #[test]
    fn every_configured_key_is_accepted_and_no_other() {
        let sign = |key: &str, secret: &str| {
            Hs256::new(secret.as_bytes())
                .sign(&serde_json::json!({"iss": key, "sub": "x", "exp": unix_seconds() + 9}))
        };
        assert!(keys().verify(&sign("two", "secret of two")).is_ok());
        assert_eq!(keys().verify(&sign("two", "secret of one")).unwrap_err(), Refused::Signature);
        assert_eq!(keys().verify(&sign("three", "secret of two")).unwrap_err(), Refused::UnknownIssuer);
    }

    #[test]
    fn the_token_id_is_the_identity_of_a_token_without_subject() {
        let token = Hs256::new(b"secret of one").sign(
            &serde_json::json!({"iss": "one", "jti": "old", "exp": unix_seconds() + 9, "video": {"roomJoin": true}}),
        );
        assert_eq!(keys().verify(&token).unwrap().token.identity, "old");
    }

    #[test]
    fn a_minute_late_is_still_in_time_and_two_are_not() {
        let sign = |exp: u64| {
            Hs256::new(b"secret of one").sign(&serde_json::json!({"iss": "one", "sub": "x", "exp": exp}))
        };
        assert!(keys().verify(&sign(unix_seconds() - 30)).is_ok());
        assert_eq!(keys().verify(&sign(unix_seconds() - 120)).unwrap_err(), Refused::Expired);
    }

    #[test]
    fn an_experience_token_opens_no_room() {
        let key = crate::experience::ExperienceKey::from_secret(b"secret of one");
        let person = crate::experience::Experience {
            event_id: ids::EventId::from_bits(1),
            person_id: ids::PersonId::from_bits(1),
            role: crate::experience::Role::Speaker,
        };
        assert!(keys().verify(&key.mint(&person, Duration::from_secs(60))).is_err());
    }
}
