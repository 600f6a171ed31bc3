//! DTLS 1.2 behind a small interface: certificate, fingerprint, handshake guard, and the library's adapter.
//!
//! It decides which records reach the library and which keys media gets. It does not know paths: a datagram
//! that comes here is from a checked source.
//!
//! ```text
//! datagram ─▶ Guard (reassembles, bounds, drops forgeries) ─▶ Session (the library) ─▶ keys, data, close
//! ```

mod association;
mod certificate;
mod guard;
mod hello;
mod session;

pub(crate) use association::Association;
pub use certificate::{Certificate, CertificateError, Fingerprint};
pub(crate) use hello::COOKIE_BYTES;
pub(crate) use session::Keys;

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

/// Our side of the handshake.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    /// We send the ClientHello: Pion and webrtc-rs answer an ICE-lite offer with `passive`.
    Client,
    /// We wait for it: browsers.
    Server,
}

/// What an association tells the transport.
#[derive(Debug)]
pub(crate) enum Event {
    /// The handshake is done and the peer's certificate is the expected one.
    Connected(Box<Keys>),
    /// Decrypted application data: one SCTP packet.
    Data(bytes::Bytes),
    /// The peer sent an authentic close_notify or fatal alert.
    ClosedByPeer,
    /// The peer's certificate is not the one in its SDP.
    FingerprintMismatch,
}

#[cfg(test)]
mod tests;
