//! Requests and indications of a TURN client (RFC 8656 §17, §18), and the answers.

use std::net::SocketAddr;

use crate::stun::{
    Attribute, BINDING, Class, ERROR_CODE, Frame, MESSAGE_INTEGRITY, MessageWriter, ParseError,
};
use crate::stun::{TransactionId, USERNAME, XOR_MAPPED_ADDRESS};

/// What a client wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Method {
    Binding,
    Allocate,
    Refresh,
    Send,
    Data,
    CreatePermission,
    ChannelBind,
}

impl Method {
    fn new(bits: u16) -> Option<Self> {
        Some(match bits {
            BINDING => Self::Binding,
            0x0003 => Self::Allocate,
            0x0004 => Self::Refresh,
            0x0006 => Self::Send,
            0x0007 => Self::Data,
            0x0008 => Self::CreatePermission,
            0x0009 => Self::ChannelBind,
            _ => return None,
        })
    }

    pub(super) const fn bits(self) -> u16 {
        match self {
            Self::Binding => BINDING,
            Self::Allocate => 0x0003,
            Self::Refresh => 0x0004,
            Self::Send => 0x0006,
            Self::Data => 0x0007,
            Self::CreatePermission => 0x0008,
            Self::ChannelBind => 0x0009,
        }
    }
}

/// What a client sends; it borrows the datagram.
#[derive(Debug)]
pub(super) struct Message<'a> {
    frame: Frame<'a>,
    pub(super) class: Class,
    pub(super) method: Method,
    /// Offset of MESSAGE-INTEGRITY.
    pub(super) integrity_at: Option<usize>,
    pub(super) username: Option<&'a str>,
    pub(super) has_realm: bool,
    pub(super) nonce: Option<&'a [u8]>,
    /// The wanted protocol towards peers (RFC 8656 §18.8).
    pub(super) transport: Option<u8>,
    /// The wanted family's number.
    pub(super) family: Option<u8>,
    pub(super) lifetime: Option<u32>,
    pub(super) channel: Option<u16>,
    /// The first XOR-PEER-ADDRESS.
    pub(super) peer: Option<SocketAddr>,
    pub(super) data: Option<&'a [u8]>,
    /// Wants a reserved port, or one next to another.
    pub(super) wants_port: bool,
    /// Required attributes that nobody here understands; more than a few are not listed.
    pub(super) unknown: Vec<u16>,
}

impl<'a> Message<'a> {
    /// Reads a message. Every attribute lies inside the datagram afterwards.
    pub(super) fn parse(bytes: &'a [u8]) -> Result<Self, ParseError> {
        let frame = Frame::parse(bytes)?;
        let (class, bits) = Class::split(frame.kind());
        let mut message = Self {
            frame,
            class,
            method: Method::new(bits).ok_or(ParseError::Method)?,
            integrity_at: None,
            username: None,
            has_realm: false,
            nonce: None,
            transport: None,
            family: None,
            lifetime: None,
            channel: None,
            peer: None,
            data: None,
            wants_port: false,
            unknown: Vec::new(),
        };
        for attribute in frame.attributes() {
            message.note(attribute?)?;
        }
        Ok(message)
    }

    pub(super) fn transaction(&self) -> TransactionId {
        self.frame.transaction()
    }

    pub(super) fn is_signed_with(&self, key: &aws_lc_rs::hmac::Key) -> bool {
        self.integrity_at.is_some_and(|at| self.frame.is_signed_with(at, key))
    }

    /// All peer addresses, in order.
    pub(super) fn peers(&self) -> impl Iterator<Item = SocketAddr> {
        let addresses = self.frame.attributes().flatten().filter(|a| a.kind == XOR_PEER_ADDRESS);
        addresses.filter_map(|attribute| self.frame.xor_address(attribute.value))
    }

    fn note(&mut self, attribute: Attribute<'a>) -> Result<(), ParseError> {
        let Attribute { kind, value, at } = attribute;
        let malformed = ParseError::Attribute(kind);
        match kind {
            MESSAGE_INTEGRITY => self.integrity_at = Some(at),
            USERNAME => self.username = Some(std::str::from_utf8(value).map_err(|_| malformed)?),
            REALM => self.has_realm = true,
            NONCE => self.nonce = Some(value),
            // Both have three reserved bytes.
            REQUESTED_TRANSPORT => self.transport = Some(quad(value, malformed)?[0]),
            REQUESTED_ADDRESS_FAMILY => self.family = Some(quad(value, malformed)?[0]),
            LIFETIME => self.lifetime = Some(u32::from_be_bytes(quad(value, malformed)?)),
            CHANNEL_NUMBER => {
                let [a, b, ..] = quad(value, malformed)?;
                self.channel = Some(u16::from_be_bytes([a, b]));
            }
            XOR_PEER_ADDRESS => {
                let peer = self.frame.xor_address(value).ok_or(malformed)?;
                self.peer.get_or_insert(peer);
            }
            DATA => self.data = Some(value),
            EVEN_PORT | RESERVATION_TOKEN => self.wants_port = true,
            // RFC 8489 §14: the upper half may be ignored. The ICE attributes stand in checks of clients that
            // ask their TURN server for their own address.
            0x8000.. | ERROR_CODE | XOR_MAPPED_ADDRESS | PRIORITY | USE_CANDIDATE => {}
            _ if self.unknown.len() < MAX_UNKNOWN => self.unknown.push(kind),
            _ => {}
        }
        Ok(())
    }
}

/// An answer to a message.
pub(super) fn answer(message: &Message<'_>, class: Class) -> MessageWriter {
    MessageWriter::of_kind(class.bits() | message.method.bits(), message.transaction())
}

/// A Data indication without a signature: a peer's bytes for a client without a channel.
pub(super) fn data_indication(peer: SocketAddr, transaction: TransactionId, data: &[u8]) -> Vec<u8> {
    MessageWriter::of_kind(Class::Indication.bits() | Method::Data.bits(), transaction)
        .xor_address(XOR_PEER_ADDRESS, peer)
        .attribute(DATA, data)
        .unsigned()
}

fn quad(value: &[u8], malformed: ParseError) -> Result<[u8; 4], ParseError> {
    value.try_into().map_err(|_| malformed)
}

/// Unknown attributes that a refusal lists.
const MAX_UNKNOWN: usize = 4;

pub(super) const UNKNOWN_ATTRIBUTES: u16 = 0x000a;
pub(super) const CHANNEL_NUMBER: u16 = 0x000c;
pub(super) const LIFETIME: u16 = 0x000d;
pub(super) const XOR_PEER_ADDRESS: u16 = 0x0012;
pub(super) const DATA: u16 = 0x0013;
pub(super) const REALM: u16 = 0x0014;
pub(super) const NONCE: u16 = 0x0015;
pub(super) const XOR_RELAYED_ADDRESS: u16 = 0x0016;
pub(super) const REQUESTED_ADDRESS_FAMILY: u16 = 0x0017;
pub(super) const EVEN_PORT: u16 = 0x0018;
pub(super) const REQUESTED_TRANSPORT: u16 = 0x0019;
pub(super) const RESERVATION_TOKEN: u16 = 0x0022;
const PRIORITY: u16 = 0x0024;
const USE_CANDIDATE: u16 = 0x0025;
