//! Tokens that play one signed playback id.
//!
//! Decides that the bearer may play exactly this playback id now. Whether a playback id needs a token at all
//! is MAR's rule.

use std::time::Duration;

use ids::PlaybackId;
use serde::{Deserialize, Serialize};

use crate::token::{Hs256, LEEWAY, Refused, strict_validation, unix_seconds};

/// Makes and checks playback tokens; held by MAR only.
#[derive(Debug, Clone)]
pub struct PlaybackKey(Hs256);

/// A fresh playback token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Minted {
    /// Goes into `?token=`.
    pub token: String,
    /// Seconds since 1970.
    pub expires_at: u64,
}

impl PlaybackKey {
    /// The key from its bytes (32 random ones).
    #[must_use]
    pub fn from_secret(secret: &[u8]) -> Self {
        Self(Hs256::new(secret))
    }

    /// A token that plays this playback id for `lifetime`.
    #[must_use]
    pub fn mint(&self, playback_id: &PlaybackId, lifetime: Duration) -> Minted {
        let expires_at = unix_seconds() + lifetime.as_secs();
        let token = self.0.sign(&Claims {
            iss: ISSUER.to_owned(),
            aud: AUDIENCE.to_owned(),
            sub: playback_id.clone(),
            exp: expires_at,
        });
        Minted { token, expires_at }
    }

    /// Checks that this token plays this playback id now.
    ///
    /// # Errors
    /// Says why not; answer 403 without the reason.
    pub fn verify(&self, token: &str, playback_id: &PlaybackId) -> Result<(), Refused> {
        let claims: Claims = self.0.verify(token, &strict_validation(AUDIENCE, &[ISSUER], LEEWAY))?;
        if claims.sub == *playback_id { Ok(()) } else { Err(Refused::Audience) }
    }
}

#[derive(Serialize, Deserialize)]
struct Claims {
    iss: String,
    aud: String,
    sub: PlaybackId,
    exp: u64,
}

const ISSUER: &str = "media";
const AUDIENCE: &str = "playback";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_plays_its_own_playback_id_only() {
        let key = PlaybackKey::from_secret(&[3; 32]);
        let minted = key.mint(&PlaybackId::from_bits(1), Duration::from_secs(60));
        assert_eq!(key.verify(&minted.token, &PlaybackId::from_bits(1)), Ok(()));
        assert_eq!(key.verify(&minted.token, &PlaybackId::from_bits(2)), Err(Refused::Audience));
    }

    #[test]
    fn a_service_token_under_the_same_bytes_plays_nothing() {
        let service = crate::service::ServiceKey::from_secret(&[3; 32]);
        let token = service.token(crate::service::ServiceName::Media, crate::service::ServiceName::Media);
        let key = PlaybackKey::from_secret(&[3; 32]);
        assert!(key.verify(&token, &PlaybackId::from_bits(1)).is_err());
    }
}
