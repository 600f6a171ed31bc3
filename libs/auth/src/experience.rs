//! Tokens of the event experience: one person inside one event.
//!
//! Decides who the bearer is and in which event. Whether that person was removed since, and what the role
//! allows, is control-api's to check.

use std::time::Duration;

use ids::{EventId, PersonId};
use serde::{Deserialize, Serialize};

use crate::token::{Hs256, LEEWAY, Refused, strict_validation, unix_seconds};

/// What a person is in an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// May go backstage.
    Speaker,
    /// Watches and takes part in sessions.
    Attendee,
}

/// Who brings an experience token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Experience {
    /// The event, and no other.
    pub event_id: EventId,
    /// The person.
    pub person_id: PersonId,
    /// What they are in it.
    pub role: Role,
}

/// Makes and checks experience tokens; held by control-api only.
#[derive(Debug, Clone)]
pub struct ExperienceKey(Hs256);

impl ExperienceKey {
    /// The key from its bytes (32 random ones).
    #[must_use]
    pub fn from_secret(secret: &[u8]) -> Self {
        Self(Hs256::new(secret))
    }

    /// A token that is good for `lifetime`, at most [`MAX_LIFETIME`].
    #[must_use]
    pub fn mint(&self, experience: &Experience, lifetime: Duration) -> String {
        self.0.sign(&Claims {
            iss: ISSUER.to_owned(),
            aud: AUDIENCE.to_owned(),
            sub: experience.person_id.clone(),
            event: experience.event_id.clone(),
            role: experience.role,
            exp: unix_seconds() + lifetime.min(MAX_LIFETIME).as_secs(),
        })
    }

    /// Checks a token and says who brings it.
    ///
    /// # Errors
    /// Says why it is refused; answer 401 without the reason.
    pub fn verify(&self, token: &str) -> Result<Experience, Refused> {
        let claims: Claims = self.0.verify(token, &strict_validation(AUDIENCE, &[ISSUER], LEEWAY))?;
        if claims.exp > unix_seconds() + (MAX_LIFETIME + LEEWAY).as_secs() {
            return Err(Refused::LivesTooLong);
        }
        Ok(Experience { event_id: claims.event, person_id: claims.sub, role: claims.role })
    }
}

#[derive(Serialize, Deserialize)]
struct Claims {
    iss: String,
    aud: String,
    sub: PersonId,
    event: EventId,
    role: Role,
    exp: u64,
}

const ISSUER: &str = "control-api";
const AUDIENCE: &str = "experience";

/// A person who stays longer exchanges the link again.
pub const MAX_LIFETIME: Duration = Duration::from_secs(24 * 3600);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_person_is_known_by_their_token() {
        let key = ExperienceKey::from_secret(&[5; 32]);
        let speaker = Experience {
            event_id: EventId::from_bits(1),
            person_id: PersonId::from_bits(2),
            role: Role::Speaker,
        };
        assert_eq!(key.verify(&key.mint(&speaker, Duration::from_secs(60))), Ok(speaker));
    }

    #[test]
    fn no_token_outlives_a_day() {
        let key = ExperienceKey::from_secret(&[5; 32]);
        let person = Experience {
            event_id: EventId::from_bits(1),
            person_id: PersonId::from_bits(2),
            role: Role::Attendee,
        };
        let token = key.mint(&person, MAX_LIFETIME * 30);
        let claims: serde_json::Value = crate::token::unverified_claims(&token).unwrap();
        assert!(claims["exp"].as_u64().unwrap() <= unix_seconds() + MAX_LIFETIME.as_secs());
    }
}
