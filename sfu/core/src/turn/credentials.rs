//! Short-lived passwords that need no table (draft-uberti-behave-turn-rest-00), and what requests are signed
//! with (RFC 8489 §9.2).

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use rtc_crypto::{HashAlgorithm, RTCCryptoProvider};

use crate::seed::Seed;

/// What the passwords are derived from; the same for all servers of an installation.
#[derive(Clone)]
pub struct Secret {
    key: hmac::Key,
    provider: Arc<dyn RTCCryptoProvider>,
}

/// What a client is told; never logged.
#[derive(Clone, PartialEq, Eq)]
pub struct Credentials {
    /// When they end, and whose they are: `1767225600:k3V…`.
    pub username: String,
    /// Base 64 of the name's HMAC-SHA-1.
    pub password: String,
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials").field("username", &self.username).finish_non_exhaustive()
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}

impl Secret {
    /// Takes at least 32 bytes of a cryptographic random source.
    ///
    /// # Panics
    /// Never: the build chooses a provider.
    #[must_use]
    pub fn new(bytes: &[u8]) -> Self {
        let provider = rtc_crypto::default_provider().expect("the crate's features choose a provider");
        Self { key: hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, bytes), provider }
    }

    /// Credentials of one person until a second of UTC.
    ///
    /// Its name is a digest of `person`: quotas follow the person, and what passes the network in the clear names
    /// nobody.
    #[must_use]
    pub fn issue(&self, person: &[&str], expires_unix: u64) -> Credentials {
        let username = format!("{expires_unix}:{}", self.name_of(person));
        let password = self.password(&username);
        Credentials { username, password }
    }

    /// How a person is called in its usernames, at every join the same.
    #[must_use]
    pub fn name_of(&self, person: &[&str]) -> String {
        let mut context = hmac::Context::with_key(&self.key);
        for part in person {
            context.update(&part.len().to_be_bytes());
            context.update(part.as_bytes());
        }
        URL_SAFE_NO_PAD.encode(&context.sign().as_ref()[..NAME_BYTES])
    }

    /// The long-term key that signs this user's requests (RFC 8489 §9.2.2); only who was issued the name can
    /// have it.
    ///
    /// # Panics
    /// Never: every provider has MD5.
    #[must_use]
    pub fn key_of(&self, username: &str) -> LongTermKey {
        let text = format!("{username}:{REALM}:{}", self.password(username));
        let digest = self.provider.crypto().hash(HashAlgorithm::Md5, text.as_bytes());
        // Every client uses MD5: RFC 8489 §18.5.1.1 keeps it for those without PASSWORD-ALGORITHMS.
        let digest = digest.expect("every provider has MD5");
        LongTermKey(digest.try_into().expect("an MD5 digest has 16 bytes"))
    }

    fn password(&self, username: &str) -> String {
        STANDARD.encode(hmac::sign(&self.key, username.as_bytes()))
    }
}

/// Signs the requests of one username, and the answers to them.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct LongTermKey([u8; 16]);

impl LongTermKey {
    /// For one signature: what a library makes of a key is a kilobyte, too much to keep in each allocation.
    #[must_use]
    pub fn signer(&self) -> hmac::Key {
        hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, &self.0)
    }
}

impl fmt::Debug for LongTermKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("LongTermKey(..)")
    }
}

/// A username that has the form of ours.
#[derive(Debug, Clone, Copy)]
pub(super) struct Username<'a> {
    pub(super) text: &'a str,
    /// The last second in which it opens something.
    pub(super) expires_unix: i64,
    /// Whose it is.
    pub(super) person: &'a str,
}

impl<'a> Username<'a> {
    pub(super) fn parse(text: &'a str) -> Option<Self> {
        let (expires, person) = text.split_once(':').filter(|_| text.len() <= MAX_USERNAME_BYTES)?;
        Some(Self { text, expires_unix: expires.parse().ok()?, person })
    }
}

/// Nonces that need no table either: an end and a tag over it and the client's address.
#[derive(Debug)]
pub(super) struct Nonces {
    key: hmac::Key,
    start: Instant,
}

impl Nonces {
    pub(super) fn new(seed: &Seed, start: Instant) -> Self {
        Self { key: hmac::Key::new(hmac::HMAC_SHA256, &seed.derive("turn nonce", 0)), start }
    }

    /// A nonce for requests of this address.
    pub(super) fn make(&self, now: Instant, client: SocketAddr) -> String {
        self.write(self.seconds(now).saturating_add(NONCE_SECONDS), client)
    }

    /// Whether it is ours, this address's, and not over.
    pub(super) fn accepts(&self, now: Instant, client: SocketAddr, nonce: &[u8]) -> bool {
        let Ok(bytes) = URL_SAFE_NO_PAD.decode(nonce) else { return false };
        let Some((&end, _)) = bytes.split_first_chunk() else { return false };
        let end = u32::from_be_bytes(end);
        let ours = self.write(end, client);
        let equal = aws_lc_rs::constant_time::verify_slices_are_equal(ours.as_bytes(), nonce).is_ok();
        equal && self.seconds(now) < end
    }

    fn write(&self, end: u32, client: SocketAddr) -> String {
        let mut context = hmac::Context::with_key(&self.key);
        context.update(&end.to_be_bytes());
        match client.ip() {
            std::net::IpAddr::V4(ip) => context.update(&ip.octets()),
            std::net::IpAddr::V6(ip) => context.update(&ip.octets()),
        }
        context.update(&client.port().to_be_bytes());
        URL_SAFE_NO_PAD.encode([&end.to_be_bytes()[..], &context.sign().as_ref()[..8]].concat())
    }

    fn seconds(&self, now: Instant) -> u32 {
        u32::try_from(now.saturating_duration_since(self.start).as_secs()).unwrap_or(u32::MAX)
    }
}

/// Four letters: the realm is in every challenge.
pub(super) const REALM: &str = "dais";

/// 72 bits keep a million people apart.
const NAME_BYTES: usize = 9;

/// Twenty digits, a colon, and a name.
const MAX_USERNAME_BYTES: usize = 64;

/// After so long a client is asked to sign with another nonce.
const NONCE_SECONDS: u32 = 3600;

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    /// Both by Python's `hmac` and `hashlib`.
    #[test]
    fn passwords_and_keys_are_those_of_the_convention() {
        let secret = Secret::new(b"north");
        assert_eq!(secret.password("1433895918:user"), "/gk4t5tUc08OpM3NjrVjHSFVNmY=");
        let digest = u128::from_be_bytes(secret.key_of("1433895918:user").0);
        assert_eq!(digest, 0x23b3_d84e_3f46_d776_e357_625c_a09b_09ea);
    }

    #[test]
    fn a_person_keeps_its_name_and_nobody_shares_it() {
        let secret = Secret::new(&[7; 32]);
        let name = |person: &[&str], expires| {
            let issued = secret.issue(person, expires);
            Username::parse(&issued.username).unwrap().person.to_owned()
        };
        assert_eq!(name(&["hall", "ada"], 1), name(&["hall", "ada"], 2));
        assert_ne!(name(&["hall", "ada"], 1), name(&["halla", "da"], 1));
        assert_ne!(secret.issue(&["hall"], 1).password, secret.issue(&["hall"], 2).password);
    }

    #[test]
    fn a_nonce_is_good_for_one_address_and_one_hour() {
        let start = crate::turn::tests::epoch();
        let nonces = Nonces::new(&Seed::new([1; 32]), start);
        let (ada, bob) = ("192.0.2.1:5000".parse().unwrap(), "192.0.2.1:5001".parse().unwrap());
        let nonce = nonces.make(start, ada);
        let late = start + Duration::from_secs(3600);
        assert!(nonces.accepts(start, ada, nonce.as_bytes()));
        assert!(!nonces.accepts(start, bob, nonce.as_bytes()));
        assert!(!nonces.accepts(late, ada, nonce.as_bytes()));
        assert!(!Nonces::new(&Seed::new([2; 32]), start).accepts(start, ada, nonce.as_bytes()));
        for broken in ["", "AAAA", "AAAAAAAAAAAAAAAA", "not base 64 at all"] {
            assert!(!nonces.accepts(start, ada, broken.as_bytes()));
        }
    }
}
