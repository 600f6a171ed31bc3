//! Writing STUN messages.

use std::net::{IpAddr, SocketAddr};

use aws_lc_rs::hmac;

use super::frame::{
    ERROR_CODE, FINGERPRINT, FINGERPRINT_BYTES, FINGERPRINT_XOR, INTEGRITY_BYTES, MAGIC_COOKIE, MAGIC_PORT,
    MESSAGE_INTEGRITY, USERNAME, XOR_MAPPED_ADDRESS, crc32,
};
use super::{
    BINDING, Class, HEADER_BYTES, ICE_CONTROLLED, ICE_CONTROLLING, PRIORITY, Role, TransactionId,
    USE_CANDIDATE,
};

/// Writes one message into a buffer of its own.
///
/// Attributes are appended in call order; [`MessageWriter::sign`] must come after them and ends the message.
#[derive(Debug)]
pub struct MessageWriter {
    bytes: Vec<u8>,
}

impl MessageWriter {
    /// Starts a Binding message without attributes. Allocates once.
    #[must_use]
    pub fn new(class: Class, transaction: TransactionId) -> Self {
        Self::of_kind(class.bits() | BINDING, transaction)
    }

    /// Starts a message whose method and class are `kind` (RFC 8489 §5).
    #[must_use]
    pub fn of_kind(kind: u16, transaction: TransactionId) -> Self {
        let mut bytes = Vec::with_capacity(128);
        bytes.extend_from_slice(&kind.to_be_bytes());
        bytes.extend_from_slice(&[0, 0]);
        bytes.extend_from_slice(&MAGIC_COOKIE);
        bytes.extend_from_slice(&transaction.0);
        Self { bytes }
    }

    /// Adds USERNAME.
    #[must_use]
    pub fn username(self, username: &str) -> Self {
        self.attribute(USERNAME, username.as_bytes())
    }

    /// Adds PRIORITY (RFC 8445 §7.1.1).
    #[must_use]
    pub fn priority(self, priority: u32) -> Self {
        self.attribute(PRIORITY, &priority.to_be_bytes())
    }

    /// Adds ICE-CONTROLLING or ICE-CONTROLLED.
    #[must_use]
    pub fn role(self, role: Role) -> Self {
        match role {
            Role::Controlling(tie_breaker) => self.attribute(ICE_CONTROLLING, &tie_breaker.to_be_bytes()),
            Role::Controlled(tie_breaker) => self.attribute(ICE_CONTROLLED, &tie_breaker.to_be_bytes()),
        }
    }

    /// Adds USE-CANDIDATE.
    #[must_use]
    pub fn use_candidate(self) -> Self {
        self.attribute(USE_CANDIDATE, &[])
    }

    /// Adds ERROR-CODE without a reason phrase.
    #[must_use]
    pub fn error_code(self, code: u16) -> Self {
        let class = u8::try_from(code / 100).unwrap_or(5);
        let number = u8::try_from(code % 100).unwrap_or(0);
        self.attribute(ERROR_CODE, &[0, 0, class, number])
    }

    /// Adds XOR-MAPPED-ADDRESS (RFC 8489 §14.2).
    #[must_use]
    pub fn mapped_address(self, address: SocketAddr) -> Self {
        self.xor_address(XOR_MAPPED_ADDRESS, address)
    }

    /// Adds an attribute in the form of XOR-MAPPED-ADDRESS.
    #[must_use]
    pub fn xor_address(self, kind: u16, address: SocketAddr) -> Self {
        let port = (address.port() ^ MAGIC_PORT).to_be_bytes();
        let (family, ip) = match address.ip() {
            IpAddr::V4(ip) => (1, ip.octets().to_vec()),
            IpAddr::V6(ip) => (2, ip.octets().to_vec()),
        };
        let mut value = vec![0, family, port[0], port[1]];
        value.extend(ip.iter().zip(&self.bytes[4..HEADER_BYTES]).map(|(byte, mask)| byte ^ mask));
        self.attribute(kind, &value)
    }

    /// Adds MESSAGE-INTEGRITY under the short-term password, then FINGERPRINT, and returns the message.
    #[must_use]
    pub fn sign(self, password: &str) -> Vec<u8> {
        self.sign_with(&hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, password.as_bytes()))
    }

    /// The same under a key.
    #[must_use]
    pub fn sign_with(mut self, key: &hmac::Key) -> Vec<u8> {
        self.set_length(INTEGRITY_BYTES);
        let tag = hmac::sign(key, &self.bytes);
        self = self.attribute(MESSAGE_INTEGRITY, tag.as_ref());
        self.set_length(FINGERPRINT_BYTES);
        let crc = crc32(&self.bytes) ^ FINGERPRINT_XOR;
        self = self.attribute(FINGERPRINT, &crc.to_be_bytes());
        self.bytes
    }

    /// Returns the message unsigned.
    #[must_use]
    pub fn unsigned(self) -> Vec<u8> {
        self.bytes
    }

    /// Adds any attribute.
    ///
    /// # Panics
    /// When the message gets longer than 65,535 bytes.
    #[must_use]
    pub fn attribute(mut self, kind: u16, value: &[u8]) -> Self {
        let length = u16::try_from(value.len()).expect("attributes are short");
        self.bytes.extend_from_slice(&kind.to_be_bytes());
        self.bytes.extend_from_slice(&length.to_be_bytes());
        self.bytes.extend_from_slice(value);
        self.bytes.resize(self.bytes.len().next_multiple_of(4), 0);
        self.set_length(0);
        self
    }

    /// Writes the length of the attributes so far plus `more` bytes.
    fn set_length(&mut self, more: usize) {
        let length = u16::try_from(self.bytes.len() - HEADER_BYTES + more).expect("messages are short");
        self.bytes[2..4].copy_from_slice(&length.to_be_bytes());
    }
}
