//! A STUN message as a header and attributes, whatever its method (RFC 8489 §5, §14).
//!
//! It decides what lies inside the datagram and what its integrity covers. What an attribute means is decided
//! by who reads it: `stun` for checks, `turn` for relays.

use std::net::{IpAddr, SocketAddr};

use aws_lc_rs::hmac;

use super::{HEADER_BYTES, ParseError, TransactionId};

/// A message whose length and magic cookie are right; it borrows the datagram.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Frame<'a> {
    bytes: &'a [u8],
}

/// One attribute of a message.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Attribute<'a> {
    pub(crate) kind: u16,
    /// Without padding.
    pub(crate) value: &'a [u8],
    /// Offset of its header in the message.
    pub(crate) at: usize,
}

impl<'a> Frame<'a> {
    /// Checks the header.
    pub(crate) fn parse(bytes: &'a [u8]) -> Result<Self, ParseError> {
        let header = bytes.get(..HEADER_BYTES).ok_or(ParseError::Length)?;
        let length = usize::from(read_u16(header, 2));
        if header[0] > 3 || length % 4 != 0 || bytes.len() != HEADER_BYTES + length {
            return Err(ParseError::Length);
        }
        if header[4..8] != MAGIC_COOKIE {
            return Err(ParseError::Cookie);
        }
        Ok(Self { bytes })
    }

    /// Method and class.
    pub(crate) fn kind(&self) -> u16 {
        read_u16(self.bytes, 0)
    }

    /// Matches a response to its request.
    pub(crate) fn transaction(&self) -> TransactionId {
        let mut id = [0; 12];
        id.copy_from_slice(&self.bytes[8..HEADER_BYTES]);
        TransactionId(id)
    }

    /// The attributes that count: what follows MESSAGE-INTEGRITY, except FINGERPRINT, is ignored
    /// (RFC 8489 §14.5). FINGERPRINT is checked and not handed out. Nothing follows an error.
    pub(crate) fn attributes(&self) -> Attributes<'a> {
        Attributes { bytes: self.bytes, at: HEADER_BYTES, signed: false }
    }

    /// Checks the MESSAGE-INTEGRITY attribute at offset `at` under a key (RFC 8489 §14.5).
    pub(crate) fn is_signed_with(&self, at: usize, key: &hmac::Key) -> bool {
        let Some(tag) = self.bytes.get(at + ATTRIBUTE_HEADER_BYTES..at + INTEGRITY_BYTES) else {
            return false;
        };
        let mut header = [0; HEADER_BYTES];
        header.copy_from_slice(&self.bytes[..HEADER_BYTES]);
        // The length that was signed ends with MESSAGE-INTEGRITY, whatever follows it.
        let Ok(length) = u16::try_from(at + INTEGRITY_BYTES - HEADER_BYTES) else { return false };
        header[2..4].copy_from_slice(&length.to_be_bytes());
        let mut context = hmac::Context::with_key(key);
        context.update(&header);
        context.update(&self.bytes[HEADER_BYTES..at]);
        aws_lc_rs::constant_time::verify_slices_are_equal(context.sign().as_ref(), tag).is_ok()
    }

    /// Reads the value of an attribute in the form of XOR-MAPPED-ADDRESS (RFC 8489 §14.2).
    pub(crate) fn xor_address(&self, value: &[u8]) -> Option<SocketAddr> {
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

/// Walks over the attributes of a message.
pub(crate) struct Attributes<'a> {
    bytes: &'a [u8],
    at: usize,
    /// MESSAGE-INTEGRITY has passed.
    signed: bool,
}

impl<'a> Attributes<'a> {
    /// Reads the attribute at the walk's place and moves on.
    fn step(&mut self) -> Result<Attribute<'a>, ParseError> {
        let at = self.at;
        let header = self.bytes.get(at..at + ATTRIBUTE_HEADER_BYTES).ok_or(ParseError::Length)?;
        let (kind, length) = (read_u16(header, 0), usize::from(read_u16(header, 2)));
        let start = at + ATTRIBUTE_HEADER_BYTES;
        let value = self.bytes.get(start..start + length).ok_or(ParseError::Attribute(kind))?;
        self.at = start + length.next_multiple_of(4);
        if self.at > self.bytes.len() {
            return Err(ParseError::Attribute(kind));
        }
        if kind == FINGERPRINT {
            self.check_fingerprint(at, value)?;
        }
        Ok(Attribute { kind, value, at })
    }

    fn check_fingerprint(&self, at: usize, value: &[u8]) -> Result<(), ParseError> {
        let wanted = crc32(&self.bytes[..at]) ^ FINGERPRINT_XOR;
        // RFC 8489 §14.7: it is the last attribute, so the length field needs no patch.
        let is_last = at + FINGERPRINT_BYTES == self.bytes.len();
        if value == wanted.to_be_bytes() && is_last { Ok(()) } else { Err(ParseError::Fingerprint) }
    }
}

impl<'a> Iterator for Attributes<'a> {
    type Item = Result<Attribute<'a>, ParseError>;

    fn next(&mut self) -> Option<Self::Item> {
        while self.at < self.bytes.len() {
            let step = self.step();
            let Ok(attribute) = step else {
                self.at = self.bytes.len();
                return Some(step);
            };
            if self.signed || attribute.kind == FINGERPRINT {
                continue;
            }
            if attribute.kind == MESSAGE_INTEGRITY {
                self.signed = true;
                if attribute.value.len() != INTEGRITY_BYTES - ATTRIBUTE_HEADER_BYTES {
                    self.at = self.bytes.len();
                    return Some(Err(ParseError::Attribute(MESSAGE_INTEGRITY)));
                }
            }
            return Some(Ok(attribute));
        }
        None
    }
}

/// CRC-32 of ISO-HDLC, as FINGERPRINT uses it (RFC 8489 §14.7).
pub(super) fn crc32(bytes: &[u8]) -> u32 {
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

pub(super) const MAGIC_COOKIE: [u8; 4] = [0x21, 0x12, 0xa4, 0x42];
/// Upper half of the cookie: masks the port.
pub(super) const MAGIC_PORT: u16 = 0x2112;
pub(super) const ATTRIBUTE_HEADER_BYTES: usize = 4;
/// MESSAGE-INTEGRITY with its header: HMAC-SHA-1 has 20 bytes.
pub(super) const INTEGRITY_BYTES: usize = 24;
/// FINGERPRINT with its header.
pub(super) const FINGERPRINT_BYTES: usize = 8;
/// "STUN" in ASCII (RFC 8489 §14.7).
pub(super) const FINGERPRINT_XOR: u32 = 0x5354_554e;

pub(crate) const USERNAME: u16 = 0x0006;
pub(crate) const MESSAGE_INTEGRITY: u16 = 0x0008;
pub(crate) const ERROR_CODE: u16 = 0x0009;
pub(crate) const XOR_MAPPED_ADDRESS: u16 = 0x0020;
pub(super) const FINGERPRINT: u16 = 0x8028;
