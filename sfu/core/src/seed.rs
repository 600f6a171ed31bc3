//! Random bytes as an input: every secret and identifier of a transport is derived from one seed.
//!
//! It decides how bytes are derived; where the seed comes from (the system's random source, or a test's
//! literal) is not decided here.

use std::fmt;

use aws_lc_rs::hmac;

/// 256 secret bits from which one transport derives its ICE credentials.
///
/// Two transports must never share a seed: their credentials would be equal.
#[derive(Clone)]
pub struct Seed([u8; 32]);

impl Seed {
    /// Takes 32 bytes of a cryptographic random source.
    #[must_use]
    pub const fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// Derives 32 bytes for the `counter`-th use of `label` (HMAC-SHA-256 of both under the seed).
    #[must_use]
    pub fn derive(&self, label: &str, counter: u64) -> [u8; 32] {
        let key = hmac::Key::new(hmac::HMAC_SHA256, &self.0);
        let mut context = hmac::Context::with_key(&key);
        context.update(label.as_bytes());
        context.update(&counter.to_be_bytes());
        let mut bytes = [0; 32];
        bytes.copy_from_slice(context.sign().as_ref());
        bytes
    }
}

impl fmt::Debug for Seed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Seed(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_label_and_counter_gives_other_bytes() {
        let seed = Seed::new([7; 32]);
        assert_eq!(seed.derive("ice", 0), seed.derive("ice", 0));
        assert_ne!(seed.derive("ice", 0), seed.derive("ice", 1));
        assert_ne!(seed.derive("ice", 0), seed.derive("ssrc", 0));
        assert_ne!(seed.derive("ice", 0), Seed::new([8; 32]).derive("ice", 0));
    }
}
