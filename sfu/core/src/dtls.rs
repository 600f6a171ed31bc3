//! DTLS 1.2 behind a small interface: certificate, fingerprint, handshake guard, and the library's adapter.
//!
//! It decides which records reach the library and which keys media gets. It does not know paths: a datagram
//! that comes here is from a checked source.

mod certificate;

pub use certificate::{Certificate, CertificateError, Fingerprint};

/// `a=setup` (RFC 4145 §4, RFC 8842 §5.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Setup {
    /// Either; only in offers.
    ActPass,
    /// Will send the ClientHello.
    Active,
    /// Waits for the ClientHello.
    Passive,
}

impl Setup {
    /// The attribute's value.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ActPass => "actpass",
            Self::Active => "active",
            Self::Passive => "passive",
        }
    }

    /// Reads the attribute's value; `holdconn` and anything unknown is `None`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "actpass" => Some(Self::ActPass),
            "active" => Some(Self::Active),
            "passive" => Some(Self::Passive),
            _ => None,
        }
    }
}
