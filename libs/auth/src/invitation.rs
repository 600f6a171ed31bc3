//! Secrets of invitation links.
//!
//! A link's secret is made from the invitation's id and a key, so that a link can be shown again and the
//! database holds nothing that opens an event. Whether the invitation still stands is control-api's to
//! check; the secret itself does not expire.

use std::sync::Arc;

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ids::InvitationId;

use crate::token::Refused;

/// Makes and checks the secrets of invitation links; held by control-api only.
#[derive(Clone)]
pub struct InvitationKey(Arc<hmac::Key>);

impl InvitationKey {
    /// The key from its bytes (32 random ones).
    #[must_use]
    pub fn from_secret(secret: &[u8]) -> Self {
        Self(Arc::new(hmac::Key::new(hmac::HMAC_SHA256, secret)))
    }

    /// What stands in the link of this invitation.
    #[must_use]
    pub fn secret(&self, id: &InvitationId) -> String {
        let tag = hmac::sign(&self.0, id.as_str().as_bytes());
        format!("{id}.{}", URL_SAFE_NO_PAD.encode(tag.as_ref()))
    }

    /// Which invitation this secret is of.
    ///
    /// # Errors
    /// When the secret was not made with this key.
    pub fn verify(&self, secret: &str) -> Result<InvitationId, Refused> {
        let (id, tag) = secret.split_once('.').ok_or(Refused::Malformed)?;
        let id: InvitationId = id.parse().map_err(|_| Refused::Malformed)?;
        let tag = URL_SAFE_NO_PAD.decode(tag).map_err(|_| Refused::Malformed)?;
        // Compares in constant time.
        hmac::verify(&self.0, id.as_str().as_bytes(), &tag).map_err(|_| Refused::Signature)?;
        Ok(id)
    }
}

impl std::fmt::Debug for InvitationKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("InvitationKey(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_maker_of_a_link_knows_its_secret() {
        let key = InvitationKey::from_secret(&[1; 32]);
        let (one, two) = (InvitationId::from_bits(1), InvitationId::from_bits(2));
        assert_eq!(key.verify(&key.secret(&one)), Ok(one.clone()));
        let tag = key.secret(&one).split_once('.').unwrap().1.to_owned();
        assert_eq!(key.verify(&format!("{two}.{tag}")), Err(Refused::Signature));
        assert_eq!(key.verify(&InvitationKey::from_secret(&[2; 32]).secret(&one)), Err(Refused::Signature));
        for garbage in ["", ".", "inv_1.x", one.as_str(), &format!("{one}.")] {
            assert!(key.verify(garbage).is_err(), "{garbage}");
        }
    }
}
