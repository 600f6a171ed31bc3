//! Data Channel Establishment Protocol: its two messages (RFC 8832 §5).
//!
//! It reads and writes bytes; which channel they open is `sctp`'s decision.

use crate::sctp::Reliability;

/// A DCEP message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Message {
    /// DATA_CHANNEL_OPEN.
    Open(Open),
    /// DATA_CHANNEL_ACK.
    Ack,
}

/// DATA_CHANNEL_OPEN (RFC 8832 §5.1). Priority and subprotocol are not used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Open {
    /// The channel's label.
    pub label: String,
    /// False: messages may overtake each other.
    pub ordered: bool,
    /// How long a message is repeated.
    pub reliability: Reliability,
}

/// Why bytes are not a DCEP message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ParseError {
    /// Too short for its own length fields, or longer.
    #[error("the length does not fit")]
    Length,
    /// Neither OPEN nor ACK.
    #[error("unknown message type {0}")]
    MessageType(u8),
    /// A channel type that RFC 8832 §5.1 does not list.
    #[error("unknown channel type {0:#04x}")]
    ChannelType(u8),
    /// The label is not UTF-8.
    #[error("the label is not UTF-8")]
    Label,
}

impl Message {
    /// Reads one message.
    ///
    /// # Errors
    ///
    /// See [`ParseError`].
    pub fn parse(bytes: &[u8]) -> Result<Self, ParseError> {
        match bytes.first() {
            Some(&ACK) => Ok(Self::Ack),
            Some(&OPEN) => Open::parse(bytes).map(Self::Open),
            Some(&other) => Err(ParseError::MessageType(other)),
            None => Err(ParseError::Length),
        }
    }

    /// Writes the message. A label longer than 65,535 bytes is cut at a character.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        match self {
            Self::Ack => vec![ACK],
            Self::Open(open) => open.to_bytes(),
        }
    }
}

impl Open {
    fn parse(bytes: &[u8]) -> Result<Self, ParseError> {
        let header: &[u8; OPEN_HEADER_BYTES] = bytes.first_chunk().ok_or(ParseError::Length)?;
        let parameter = u32::from_be_bytes([header[4], header[5], header[6], header[7]]);
        let label_len = usize::from(u16::from_be_bytes([header[8], header[9]]));
        let protocol_len = usize::from(u16::from_be_bytes([header[10], header[11]]));
        if bytes.len() != OPEN_HEADER_BYTES + label_len + protocol_len {
            return Err(ParseError::Length);
        }
        let reliability = match header[1] & !UNORDERED {
            RELIABLE => Reliability::Reliable,
            MAX_RETRANSMITS => Reliability::MaxRetransmits(parameter),
            MAX_LIFETIME => Reliability::MaxLifetimeMs(parameter),
            _ => return Err(ParseError::ChannelType(header[1])),
        };
        let label = &bytes[OPEN_HEADER_BYTES..OPEN_HEADER_BYTES + label_len];
        let label = std::str::from_utf8(label).map_err(|_| ParseError::Label)?.to_owned();
        Ok(Self { label, ordered: header[1] & UNORDERED == 0, reliability })
    }

    fn to_bytes(&self) -> Vec<u8> {
        let (kind, parameter) = match self.reliability {
            Reliability::Reliable => (RELIABLE, 0),
            Reliability::MaxRetransmits(times) => (MAX_RETRANSMITS, times),
            Reliability::MaxLifetimeMs(millis) => (MAX_LIFETIME, millis),
        };
        let kind = if self.ordered { kind } else { kind | UNORDERED };
        let label = &self.label[..self.label.floor_char_boundary(usize::from(u16::MAX))];
        let label_len = u16::try_from(label.len()).expect("the label was cut to 65,535 bytes");
        let mut bytes = vec![OPEN, kind];
        bytes.extend_from_slice(&PRIORITY.to_be_bytes());
        bytes.extend_from_slice(&parameter.to_be_bytes());
        bytes.extend_from_slice(&label_len.to_be_bytes());
        bytes.extend_from_slice(&[0, 0]);
        bytes.extend_from_slice(label.as_bytes());
        bytes
    }
}

const ACK: u8 = 0x02;
const OPEN: u8 = 0x03;
const OPEN_HEADER_BYTES: usize = 12;
const RELIABLE: u8 = 0x00;
const MAX_RETRANSMITS: u8 = 0x01;
const MAX_LIFETIME: u8 = 0x02;
const UNORDERED: u8 = 0x80;
/// "Normal" (RFC 8831 §6.4).
const PRIORITY: u16 = 256;

#[cfg(test)]
mod tests {
    use super::*;

    fn open(label: &str, ordered: bool, reliability: Reliability) -> Open {
        Open { label: label.to_owned(), ordered, reliability }
    }

    #[test]
    fn every_kind_of_channel_survives_the_wire() {
        for ordered in [true, false] {
            for reliability in
                [Reliability::Reliable, Reliability::MaxRetransmits(0), Reliability::MaxLifetimeMs(500)]
            {
                let message = Message::Open(open("_lossy", ordered, reliability));
                assert_eq!(Message::parse(&message.to_bytes()), Ok(message));
            }
        }
        assert_eq!(Message::parse(&Message::Ack.to_bytes()), Ok(Message::Ack));
    }

    /// What Chromium sends for `{ordered: false, maxRetransmits: 0}`.
    #[test]
    fn reads_what_a_browser_writes() {
        let mut bytes = vec![0x03, 0x81, 0x01, 0x00, 0, 0, 0, 0, 0x00, 0x06, 0x00, 0x03];
        bytes.extend_from_slice(b"_lossyxyz");
        let wanted = open("_lossy", false, Reliability::MaxRetransmits(0));
        assert_eq!(Message::parse(&bytes), Ok(Message::Open(wanted)));
    }

    #[test]
    fn lengths_that_lie_are_refused() {
        let bytes = Message::Open(open("label", true, Reliability::Reliable)).to_bytes();
        for len in 0..bytes.len() {
            assert!(Message::parse(&bytes[..len]).is_err(), "length {len}");
        }
        for claimed in [0_u16, 4, 6, 1000, 65_535] {
            let mut forged = bytes.clone();
            forged[8..10].copy_from_slice(&claimed.to_be_bytes());
            assert_eq!(Message::parse(&forged), Err(ParseError::Length));
        }
        let mut forged = bytes;
        forged[1] = 0x07;
        assert_eq!(Message::parse(&forged), Err(ParseError::ChannelType(0x07)));
        forged[0] = 0x00;
        assert_eq!(Message::parse(&forged), Err(ParseError::MessageType(0)));
    }

    #[test]
    fn an_endless_label_is_cut_at_a_character() {
        let label = "ä".repeat(40_000);
        let bytes = Message::Open(open(&label, true, Reliability::Reliable)).to_bytes();
        let Ok(Message::Open(read)) = Message::parse(&bytes) else { panic!("it is an OPEN") };
        assert_eq!(read.label.len(), 65_534);
    }
}
