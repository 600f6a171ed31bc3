//! Our certificate, and the fingerprints that tie a DTLS association to an SDP (RFC 8122 §5).

use std::fmt;
use std::sync::Arc;

use rtc_crypto::RTCCryptoProvider;

/// SHA-256 of a certificate in DER form.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Fingerprint([u8; 32]);

impl Fingerprint {
    /// Takes the digest of a certificate in DER form.
    #[must_use]
    pub fn of(der: &[u8]) -> Self {
        let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, der);
        let mut bytes = [0; 32];
        bytes.copy_from_slice(digest.as_ref());
        Self(bytes)
    }

    /// Reads the value of `a=fingerprint`, for instance `sha-256 12:AB:…`.
    ///
    /// `None` for other hash functions: every browser sends SHA-256, and RFC 8827 §6.5 demands it.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (function, digits) = text.trim().split_once(' ')?;
        if !function.eq_ignore_ascii_case("sha-256") {
            return None;
        }
        let mut bytes = [0; 32];
        let mut pairs = digits.trim().split(':');
        for byte in &mut bytes {
            let pair = pairs.next().filter(|pair| pair.len() == 2)?;
            *byte = u8::from_str_radix(pair, 16).ok()?;
        }
        pairs.next().is_none().then_some(Self(bytes))
    }
}

/// `sha-256 12:AB:…`, as it stands after `a=fingerprint:`.
impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("sha-256 ")?;
        for (place, byte) in self.0.iter().enumerate() {
            write!(f, "{}{byte:02X}", if place == 0 { "" } else { ":" })?;
        }
        Ok(())
    }
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Fingerprint({self})")
    }
}

/// Why no certificate could be made.
#[derive(Debug, thiserror::Error)]
pub enum CertificateError {
    /// The crypto provider is not built in.
    #[error("no crypto provider: {0}")]
    Provider(rtc_crypto::CryptoError),
    /// Key generation or self-signing failed.
    #[error("no self-signed certificate: {0}")]
    SelfSign(rtc_shared::error::Error),
}

/// A self-signed certificate with its key; cheap to clone, shared by all transports of a process.
#[derive(Clone)]
pub struct Certificate {
    pub(crate) inner: Arc<Inner>,
}

pub(crate) struct Inner {
    pub(crate) certificate: rtc_dtls::crypto::Certificate,
    pub(crate) provider: Arc<dyn RTCCryptoProvider>,
    fingerprint: Fingerprint,
}

impl Certificate {
    /// Makes a key pair and signs it. Takes the library's own randomness.
    ///
    /// # Errors
    ///
    /// See [`CertificateError`].
    pub fn generate() -> Result<Self, CertificateError> {
        let provider = rtc_crypto::default_provider().map_err(CertificateError::Provider)?;
        let names = vec!["dais".to_owned()];
        let certificate = rtc_dtls::crypto::Certificate::generate_self_signed(names, provider.crypto())
            .map_err(CertificateError::SelfSign)?;
        let fingerprint = Fingerprint::of(certificate.certificate[0].as_ref());
        Ok(Self { inner: Arc::new(Inner { certificate, provider, fingerprint }) })
    }

    /// What stands in our SDP.
    #[must_use]
    pub fn fingerprint(&self) -> Fingerprint {
        self.inner.fingerprint
    }
}

impl fmt::Debug for Certificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Certificate").field("fingerprint", &self.fingerprint()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fingerprint_survives_its_text_form_in_either_case() {
        let fingerprint = Fingerprint::of(b"certificate");
        assert_eq!(Fingerprint::parse(&fingerprint.to_string()), Some(fingerprint));
        assert_eq!(Fingerprint::parse(&fingerprint.to_string().to_lowercase()), Some(fingerprint));
        assert_eq!(Fingerprint::parse("SHA-256 12:ab"), None);
        assert_eq!(Fingerprint::parse("sha-1 12:ab"), None);
        assert_eq!(Fingerprint::parse(&format!("{fingerprint}:00")), None);
    }
}
