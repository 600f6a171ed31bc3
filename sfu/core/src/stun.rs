//! STUN messages as ICE-lite needs them: Binding requests in, Binding responses out (RFC 8489, RFC 8445).
//!
//! It reads and writes bytes and checks their integrity; which pair a check selects is `ice`'s decision.

use std::net::{IpAddr, SocketAddr};

use aws_lc_rs::hmac;

/// Length of the fixed header (RFC 8489 §5).
pub const HEADER_BYTES: usize = 20;

/// 96 bits that match a response to its request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct TransactionId(pub [u8; 12]);

/// Message class (RFC 8489 §5); the method is always Binding.
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
    bytes: &'a [u8],
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
        let header = bytes.get(..HEADER_BYTES).ok_or(ParseError::Length)?;
        let length = usize::from(read_u16(header, 2));
        if header[0] > 3 || length % 4 != 0 || bytes.len() != HEADER_BYTES + length {
            return Err(ParseError::Length);
        }
        if header[4..8] != MAGIC_COOKIE {
            return Err(ParseError::Cookie);
        }
        let class = match read_u16(header, 0) {
            0x0001 => Class::Request,
            0x0011 => Class::Indication,
            0x0101 => Class::Success,
            0x0111 => Class::Error,
            _ => return Err(ParseError::Method),
        };
        let mut message = Self {
            bytes,
            class,
            username: None,
            integrity_at: None,
            use_candidate: false,
            role: None,
            mapped: None,
            error_code: None,
        };
        let mut at = HEADER_BYTES;
        while at < bytes.len() {
            at = message.read_attribute(at)?;
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
        let mut id = [0; 12];
        id.copy_from_slice(&self.bytes[8..HEADER_BYTES]);
        TransactionId(id)
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
        let Some(at) = self.integrity_at else { return false };
        let Some(tag) = self.bytes.get(at + ATTRIBUTE_HEADER_BYTES..at + INTEGRITY_BYTES) else {
            return false;
        };
        let mut header = [0; HEADER_BYTES];
        header.copy_from_slice(&self.bytes[..HEADER_BYTES]);
        // The length that was signed ends with MESSAGE-INTEGRITY, whatever follows it.
        let Ok(length) = u16::try_from(at + INTEGRITY_BYTES - HEADER_BYTES) else { return false };
        header[2..4].copy_from_slice(&length.to_be_bytes());
        let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, password.as_bytes());
        let mut context = hmac::Context::with_key(&key);
        context.update(&header);
        context.update(&self.bytes[HEADER_BYTES..at]);
        aws_lc_rs::constant_time::verify_slices_are_equal(context.sign().as_ref(), tag).is_ok()
    }

    /// Reads the attribute at `at` and returns where the next one starts.
    fn read_attribute(&mut self, at: usize) -> Result<usize, ParseError> {
        let header = self.bytes.get(at..at + ATTRIBUTE_HEADER_BYTES).ok_or(ParseError::Length)?;
        let (kind, length) = (read_u16(header, 0), usize::from(read_u16(header, 2)));
        let start = at + ATTRIBUTE_HEADER_BYTES;
        let value = self.bytes.get(start..start + length).ok_or(ParseError::Attribute(kind))?;
        let next = start + length.next_multiple_of(4);
        if next > self.bytes.len() {
            return Err(ParseError::Attribute(kind));
        }
        if kind == FINGERPRINT {
            self.check_fingerprint(at, value)?;
        } else if self.integrity_at.is_none() {
            self.note_attribute(kind, at, value)?;
        }
        // RFC 8489 §14.5: what follows MESSAGE-INTEGRITY, except FINGERPRINT, is ignored.
        Ok(next)
    }

    fn note_attribute(&mut self, kind: u16, at: usize, value: &'a [u8]) -> Result<(), ParseError> {
        let malformed = ParseError::Attribute(kind);
        match kind {
            USERNAME => {
                // 508 bytes is the limit of RFC 8489 §14.3.
                if value.len() > 508 {
                    return Err(malformed);
                }
                self.username = Some(std::str::from_utf8(value).map_err(|_| malformed)?);
            }
            MESSAGE_INTEGRITY => {
                if value.len() != INTEGRITY_BYTES - ATTRIBUTE_HEADER_BYTES {
                    return Err(malformed);
                }
                self.integrity_at = Some(at);
            }
            USE_CANDIDATE => self.use_candidate = true,
            ICE_CONTROLLING => self.role = Some(Role::Controlling(read_u64(value).ok_or(malformed)?)),
            ICE_CONTROLLED => self.role = Some(Role::Controlled(read_u64(value).ok_or(malformed)?)),
            XOR_MAPPED_ADDRESS => self.mapped = Some(self.read_xor_address(value).ok_or(malformed)?),
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

    fn check_fingerprint(&self, at: usize, value: &[u8]) -> Result<(), ParseError> {
        let wanted = crc32(&self.bytes[..at]) ^ FINGERPRINT_XOR;
        // RFC 8489 §14.7: it is the last attribute, so the length field needs no patch.
        let is_last = at + ATTRIBUTE_HEADER_BYTES + 4 == self.bytes.len();
        if value == wanted.to_be_bytes() && is_last { Ok(()) } else { Err(ParseError::Fingerprint) }
    }

    fn read_xor_address(&self, value: &[u8]) -> Option<SocketAddr> {
        let port = read_u16(value.get(..4)?, 2) ^ MAGIC_PORT;
        let mask = &self.bytes[4..HEADER_BYTES];
        let ip = match (value[1], value.len()) {
            (1, 8) => IpAddr::from(xor::<4>(&value[4..], mask)?),
            (2, 20) => IpAddr::from(xor::<16>(&value[4..], mask)?),
            _ => return None,
        };
        Some(SocketAddr::new(ip, port))
    }
}

/// Writes one Binding message into a buffer of its own.
///
/// Attributes are appended in call order; [`MessageWriter::sign`] must come after them and ends the message.
#[derive(Debug)]
pub struct MessageWriter {
    bytes: Vec<u8>,
}

impl MessageWriter {
    /// Starts a message without attributes. Allocates once.
    #[must_use]
    pub fn new(class: Class, transaction: TransactionId) -> Self {
        let kind: u16 = match class {
            Class::Request => 0x0001,
            Class::Indication => 0x0011,
            Class::Success => 0x0101,
            Class::Error => 0x0111,
        };
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
        let port = (address.port() ^ MAGIC_PORT).to_be_bytes();
        let (family, ip) = match address.ip() {
            IpAddr::V4(ip) => (1, ip.octets().to_vec()),
            IpAddr::V6(ip) => (2, ip.octets().to_vec()),
        };
        let mut value = vec![0, family, port[0], port[1]];
        value.extend(ip.iter().zip(&self.bytes[4..HEADER_BYTES]).map(|(byte, mask)| byte ^ mask));
        self.attribute(XOR_MAPPED_ADDRESS, &value)
    }

    /// Adds MESSAGE-INTEGRITY under the short-term password, then FINGERPRINT, and returns the message.
    #[must_use]
    pub fn sign(mut self, password: &str) -> Vec<u8> {
        self.set_length(INTEGRITY_BYTES);
        let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, password.as_bytes());
        let tag = hmac::sign(&key, &self.bytes);
        self = self.attribute(MESSAGE_INTEGRITY, tag.as_ref());
        self.set_length(FINGERPRINT_BYTES);
        let crc = crc32(&self.bytes) ^ FINGERPRINT_XOR;
        self = self.attribute(FINGERPRINT, &crc.to_be_bytes());
        self.bytes
    }

    fn attribute(mut self, kind: u16, value: &[u8]) -> Self {
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

/// CRC-32 of ISO-HDLC, as FINGERPRINT uses it (RFC 8489 §14.7).
fn crc32(bytes: &[u8]) -> u32 {
    let table = &CRC_TABLE;
    !bytes.iter().fold(!0_u32, |crc, &byte| {
        let index = usize::from(crc.to_le_bytes()[0] ^ byte);
        table[index] ^ (crc >> 8)
    })
}

static CRC_TABLE: [u32; 256] = crc_table();

const fn crc_table() -> [u32; 256] {
    let mut table = [0_u32; 256];
    let mut index = 0_u32;
    while index < 256 {
        let mut crc = index;
        let mut bit = 0;
        while bit < 8 {
            crc = if crc & 1 == 1 { 0xedb8_8320 ^ (crc >> 1) } else { crc >> 1 };
            bit += 1;
        }
        table[index as usize] = crc;
        index += 1;
    }
    table
}

fn xor<const N: usize>(value: &[u8], mask: &[u8]) -> Option<[u8; N]> {
    let mut out = [0; N];
    let (value, mask) = (value.get(..N)?, mask.get(..N)?);
    for (byte, (a, b)) in out.iter_mut().zip(value.iter().zip(mask)) {
        *byte = a ^ b;
    }
    Some(out)
}

/// Reads two bytes that the caller knows to be there.
fn read_u16(bytes: &[u8], at: usize) -> u16 {
    u16::from_be_bytes([bytes[at], bytes[at + 1]])
}

fn read_u64(bytes: &[u8]) -> Option<u64> {
    Some(u64::from_be_bytes(bytes.try_into().ok()?))
}

const MAGIC_COOKIE: [u8; 4] = [0x21, 0x12, 0xa4, 0x42];
/// Upper half of the cookie: masks the port.
const MAGIC_PORT: u16 = 0x2112;
const ATTRIBUTE_HEADER_BYTES: usize = 4;
/// MESSAGE-INTEGRITY with its header: HMAC-SHA-1 has 20 bytes.
const INTEGRITY_BYTES: usize = 24;
/// FINGERPRINT with its header.
const FINGERPRINT_BYTES: usize = 8;
/// "STUN" in ASCII (RFC 8489 §14.7).
const FINGERPRINT_XOR: u32 = 0x5354_554e;

const USERNAME: u16 = 0x0006;
const MESSAGE_INTEGRITY: u16 = 0x0008;
const ERROR_CODE: u16 = 0x0009;
const XOR_MAPPED_ADDRESS: u16 = 0x0020;
const PRIORITY: u16 = 0x0024;
const USE_CANDIDATE: u16 = 0x0025;
const FINGERPRINT: u16 = 0x8028;
const ICE_CONTROLLED: u16 = 0x8029;
const ICE_CONTROLLING: u16 = 0x802a;

#[cfg(test)]
mod tests;
