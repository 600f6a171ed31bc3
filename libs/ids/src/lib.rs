//! Identities that cross a service's border, each its own type.
//!
//! An id is `<prefix>_<22 base-62 characters>` (128 random bits). The type is decided here; who may use an
//! id is not.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Why a text is not an id of the wanted kind.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a {kind} id: it must be `{prefix}_` and 22 letters or digits")]
pub struct InvalidId {
    /// The kind of id that was wanted.
    pub kind: &'static str,
    /// Its prefix, without the underscore.
    pub prefix: &'static str,
}

macro_rules! id {
    ($(#[$doc:meta])* $name:ident, $prefix:literal) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// Characters before the underscore.
            pub const PREFIX: &'static str = $prefix;

            /// Makes the id that these 128 random bits name.
            #[must_use]
            pub fn from_bits(bits: u128) -> Self {
                Self(format!("{}_{}", $prefix, base62(bits)))
            }

            /// The text form.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        #[cfg(feature = "random")]
        impl $name {
            /// A fresh id from the system's random source.
            #[must_use]
            pub fn random() -> Self {
                Self::from_bits(random_bits())
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl FromStr for $name {
            type Err = InvalidId;
            fn from_str(text: &str) -> Result<Self, InvalidId> {
                Self::try_from(text.to_owned())
            }
        }

        impl TryFrom<String> for $name {
            type Error = InvalidId;
            fn try_from(text: String) -> Result<Self, InvalidId> {
                let body = text.strip_prefix(concat!($prefix, "_"));
                if body.is_some_and(|b| b.len() == BODY_LEN && b.bytes().all(|c| c.is_ascii_alphanumeric())) {
                    Ok(Self(text))
                } else {
                    Err(InvalidId { kind: stringify!($name), prefix: $prefix })
                }
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> String {
                id.0
            }
        }
    };
}

id!(
    /// An organisation: the owner of events.
    OrganisationId, "org");
id!(
    /// An organiser's account.
    OrganiserId, "usr");
id!(
    /// An event.
    EventId, "evt");
id!(
    /// A stage of an event: backstage room, programme, live HLS, recordings.
    StageId, "stg");
id!(
    /// A session of an event: one room that attendees enter.
    SessionId, "ses");
id!(
    /// A person inside one event: attendee or speaker.
    PersonId, "per");
id!(
    /// An invitation to one event.
    InvitationId, "inv");
id!(
    /// A media asset in MAR.
    AssetId, "ast");
id!(
    /// The public name under which an asset is played; many per asset.
    PlaybackId, "pb");
id!(
    /// A direct upload.
    UploadId, "upl");
id!(
    /// A text track of an asset.
    TextTrackId, "trk");
id!(
    /// A job: one attempt to make a transform.
    JobId, "job");
id!(
    /// A domain event (CloudEvents `id`).
    DomainEventId, "dev");

const BODY_LEN: usize = 22;
const ALPHABET: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// 22 digits of base 62 hold 128 bits: log2(62) × 22 = 130.99.
fn base62(mut bits: u128) -> String {
    let mut text = [b'0'; BODY_LEN];
    for digit in text.iter_mut().rev() {
        *digit = ALPHABET[usize::try_from(bits % 62).unwrap_or(0)];
        bits /= 62;
    }
    text.iter().map(|&c| char::from(c)).collect()
}

#[cfg(feature = "random")]
fn random_bits() -> u128 {
    let mut bytes = [0_u8; 16];
    getrandom::fill(&mut bytes).expect("the system's random source answers");
    u128::from_le_bytes(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_survives_its_text_form() {
        let id = StageId::from_bits(u128::MAX);
        assert_eq!(id.as_str().len(), "stg_".len() + BODY_LEN);
        assert_eq!(id.as_str().parse::<StageId>(), Ok(id));
    }

    #[test]
    fn an_id_of_another_kind_is_refused() {
        let stage = StageId::from_bits(7).to_string();
        assert_eq!(stage.parse::<EventId>(), Err(InvalidId { kind: "EventId", prefix: "evt" }));
        assert!("stg_../../../../../../etc/pa".parse::<StageId>().is_err());
    }
}
