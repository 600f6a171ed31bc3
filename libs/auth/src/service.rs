//! Tokens with which one service calls another.
//!
//! Decides that the caller is the service it says it is and meant to call this one. What the caller may ask
//! for is decided by the route.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::token::{Hs256, LEEWAY, Refused, bearer, strict_validation, unix_seconds};

/// A service of the system.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ServiceName {
    /// Rooms.
    Sfu,
    /// Stages.
    Mixer,
    /// Assets and transforms (MAR + MTS).
    Media,
    /// Events and everything people call.
    ControlApi,
}

impl ServiceName {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Sfu, Self::Mixer, Self::Media, Self::ControlApi];

    /// As it stands in `iss` and `aud`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Sfu => "sfu",
            Self::Mixer => "mixer",
            Self::Media => "media",
            Self::ControlApi => "control-api",
        }
    }
}

/// Makes and checks service tokens; every service of an installation holds the same key.
#[derive(Debug, Clone)]
pub struct ServiceKey(Hs256);

impl ServiceKey {
    /// The key from its bytes (32 random ones).
    #[must_use]
    pub fn from_secret(secret: &[u8]) -> Self {
        Self(Hs256::new(secret))
    }

    /// A token with which `from` calls `to` within the next [`LIFETIME`]. Make a new one for every call.
    #[must_use]
    pub fn token(&self, from: ServiceName, to: ServiceName) -> String {
        let now = unix_seconds();
        self.0.sign(&Claims {
            iss: from.as_str().to_owned(),
            sub: from,
            aud: to.as_str().to_owned(),
            iat: now,
            exp: now + LIFETIME.as_secs(),
        })
    }

    /// The value of the `Authorization` header with which `from` calls `to`.
    #[must_use]
    pub fn authorization(&self, from: ServiceName, to: ServiceName) -> String {
        format!("Bearer {}", self.token(from, to))
    }

    /// Checks the `Authorization` header of a call to `me` and says who calls.
    ///
    /// # Errors
    /// Says why the token is refused; answer 401 without the reason.
    pub fn verify(&self, authorization: Option<&str>, me: ServiceName) -> Result<ServiceName, Refused> {
        self.verify_token(bearer(authorization)?, me)
    }

    /// Checks a token without its scheme, as [`Self::verify`] does.
    ///
    /// # Errors
    /// Says why the token is refused.
    pub fn verify_token(&self, token: &str, me: ServiceName) -> Result<ServiceName, Refused> {
        let issuers = ServiceName::ALL.map(ServiceName::as_str);
        let claims: Claims = self.0.verify(token, &strict_validation(me.as_str(), &issuers, LEEWAY))?;
        if claims.iss != claims.sub.as_str() {
            return Err(Refused::UnknownIssuer);
        }
        let latest = unix_seconds() + (LIFETIME + LEEWAY).as_secs();
        if claims.exp > latest { Err(Refused::LivesTooLong) } else { Ok(claims.sub) }
    }
}

#[derive(Serialize, Deserialize)]
struct Claims {
    iss: String,
    sub: ServiceName,
    aud: String,
    iat: u64,
    exp: u64,
}

/// Long enough for a slow call to start, short enough that a leaked one is worthless soon.
pub const LIFETIME: Duration = Duration::from_secs(60);

#[cfg(test)]
mod tests {
    use super::*;

    fn key() -> ServiceKey {
        ServiceKey::from_secret(&[7; 32])
    }

    #[test]
    fn a_service_is_recognised_by_the_one_it_calls() {
        let header = key().authorization(ServiceName::ControlApi, ServiceName::Media);
        assert_eq!(key().verify(Some(&header), ServiceName::Media), Ok(ServiceName::ControlApi));
    }

    #[test]
    fn a_token_for_another_service_is_refused() {
        let header = key().authorization(ServiceName::ControlApi, ServiceName::Media);
        assert_eq!(key().verify(Some(&header), ServiceName::Mixer), Err(Refused::Audience));
    }

    #[test]
    fn a_token_that_lives_for_a_day_is_refused() {
        let day = serde_json::json!({
            "iss": "sfu", "sub": "sfu", "aud": "media", "iat": unix_seconds(), "exp": unix_seconds() + 86_400,
        });
        let token = Hs256::new(&[7; 32]).sign(&day);
        assert_eq!(key().verify_token(&token, ServiceName::Media), Err(Refused::LivesTooLong));
    }
}
