//! STUN messages as ICE-lite needs them: Binding requests in, Binding responses out (RFC 8489, RFC 8445).
//!
//! It reads and writes bytes and checks their integrity; which pair a check selects is `ice`'s decision.

mod frame;
mod writer;

use std::net::SocketAddr;

use aws_lc_rs::hmac;

pub(crate) use frame::{Attribute, ERROR_CODE, Frame, MESSAGE_INTEGRITY, USERNAME, XOR_MAPPED_ADDRESS};
pub use writer::MessageWriter;

/// Length of the fixed header (RFC 8489 §5).
pub const HEADER_BYTES: usize = 20;

/// 96 bits that match a response to its request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct TransactionId(pub [u8; 12]);

/// Message class (RFC 8489 §5).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    /// Wants a response.
    Request,
    /// Wants none.
    Indication,
    /// Answers a request.
    Success,
    /// Refuses a request.
    Error,
}

impl Class {
    /// Its two bits at their places in the message type.
    pub(crate) const fn bits(self) -> u16 {
        match self {
            Self::Request => 0x0000,
            Self::Indication => 0x0010,
            Self::Success => 0x0100,
            Self::Error => 0x0110,
        }
    }

    /// The class and the method of a message type.
    pub(crate) const fn split(kind: u16) -> (Self, u16) {
        let class = match kind & 0x0110 {
            0x0000 => Self::Request,
            0x0010 => Self::Indication,
            0x0100 => Self::Success,
            _ => Self::Error,
        };
        (class, kind & !0x0110)
    }
}

/// Whether a STUN message answers one: the upper bit of its class is the lowest of its first byte.
pub(crate) fn is_answer(message: &[u8]) -> bool {
    message.first().is_some_and(|first| first & 1 == 1)
}

/// Why bytes are not a Binding message that we can use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ParseError {
    /// Shorter than a header, or than its own length field says, or longer.
    #[error("the length does not fit")]
    Length,
    /// The magic cookie of RFC 8489 §5 is missing.
    #[error("no magic cookie")]
    Cookie,
    /// Not the Binding method.
    #[error("not a Binding message")]
    Method,
    /// An attribute runs over the end, or has a length that its type forbids.
    #[error("attribute {0:#06x} is malformed")]
    Attribute(u16),
    /// FINGERPRINT is there and wrong.
    #[error("wrong fingerprint")]
    Fingerprint,
}

/// A parsed Binding message that borrows the datagram.
#[derive(Debug, Clone, Copy)]
pub struct Message<'a> {
    frame: Frame<'a>,
    class: Class,
    username: Option<&'a str>,
    /// Offset of the MESSAGE-INTEGRITY attribute.
    integrity_at: Option<usize>,
    use_candidate: bool,
    role: Option<Role>,
    mapped: Option<SocketAddr>,
    error_code: Option<u16>,
}

/// Which role the sender of a check says it has (RFC 8445 §7.1.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// ICE-CONTROLLING with its tie-breaker.
    Controlling(u64),
    /// ICE-CONTROLLED with its tie-breaker.
    Controlled(u64),
}

impl<'a> Message<'a> {
    /// Reads a Binding message. Every attribute lies inside the datagram afterwards.
    ///
    /// # Errors
    ///
    /// See [`ParseError`].
    pub fn parse(bytes: &'a [u8]) -> Result<Self, ParseError> {
        let frame = Frame::parse(bytes)?;
        let (class, BINDING) = Class::split(frame.kind()) else { return Err(ParseError::Method) };
        let mut message = Self {
            frame,
            class,
            username: None,
            integrity_at: None,
            use_candidate: false,
            role: None,
            mapped: None,
            error_code: None,
        };
        for attribute in frame.attributes() {
            message.note_attribute(attribute?)?;
        }
        Ok(message)
    }

    /// Request, response or indication.
    #[must_use]
    pub const fn class(&self) -> Class {
        self.class
    }

    /// Matches a response to its request.
    #[must_use]
    pub fn transaction(&self) -> TransactionId {
        self.frame.transaction()
    }

    /// USERNAME, if there is one before MESSAGE-INTEGRITY.
    #[must_use]
    pub const fn username(&self) -> Option<&'a str> {
        self.username
    }

    /// True if the controlling peer nominates this pair (RFC 8445 §7.3.1.5).
    #[must_use]
    pub const fn use_candidate(&self) -> bool {
        self.use_candidate
    }

    /// The sender's role, if it says one.
    #[must_use]
    pub const fn role(&self) -> Option<Role> {
        self.role
    }

    /// XOR-MAPPED-ADDRESS of a response.
    #[must_use]
    pub const fn mapped_address(&self) -> Option<SocketAddr> {
        self.mapped
    }

    /// Code of an error response, 300 to 699.
    #[must_use]
    pub const fn error_code(&self) -> Option<u16> {
        self.error_code
    }

    /// Checks MESSAGE-INTEGRITY under the short-term password (RFC 8489 §14.5); false if there is none.
    #[must_use]
    pub fn is_authentic(&self, password: &str) -> bool {
        let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, password.as_bytes());
        self.integrity_at.is_some_and(|at| self.frame.is_signed_with(at, &key))
    }

    fn note_attribute(&mut self, attribute: Attribute<'a>) -> Result<(), ParseError> {
        let Attribute { kind, value, at } = attribute;
        let malformed = ParseError::Attribute(kind);
        match kind {
            USERNAME => {
                // 508 bytes is the limit of RFC 8489 §14.3.
                if value.len() > 508 {
                    return Err(malformed);
                }
                self.username = Some(std::str::from_utf8(value).map_err(|_| malformed)?);
            }
            MESSAGE_INTEGRITY => self.integrity_at = Some(at),
            USE_CANDIDATE => self.use_candidate = true,
            ICE_CONTROLLING => self.role = Some(Role::Controlling(read_u64(value).ok_or(malformed)?)),
            ICE_CONTROLLED => self.role = Some(Role::Controlled(read_u64(value).ok_or(malformed)?)),
            XOR_MAPPED_ADDRESS => self.mapped = Some(self.frame.xor_address(value).ok_or(malformed)?),
            ERROR_CODE => {
                let &[_, _, class, number, ..] = value else { return Err(malformed) };
                // RFC 8489 §14.8: hundreds from 3 to 6, and a number below 100.
                if !(3..=6).contains(&(class & 7)) || number > 99 {
                    return Err(malformed);
                }
                self.error_code = Some(u16::from(class & 7) * 100 + u16::from(number));
            }
            PRIORITY if value.len() != 4 => return Err(malformed),
            // RFC 8489 §6.3.1 wants 420 for an unknown required attribute. An authentic check with one is
            // still a check: refusing it would only break a newer browser.
            _ => {}
        }
        Ok(())
    }
}

fn read_u64(bytes: &[u8]) -> Option<u64> {
    Some(u64::from_be_bytes(bytes.try_into().ok()?))
}

/// The method of connectivity checks.
pub(crate) const BINDING: u16 = 0x0001;

const PRIORITY: u16 = 0x0024;
const USE_CANDIDATE: u16 = 0x0025;
const ICE_CONTROLLED: u16 = 0x8029;
const ICE_CONTROLLING: u16 = 0x802a;

#[cfg(test)]
mod tests;
