//! `ChannelData` messages, and where messages end in a stream (RFC 8656 §12.4, §12.5).

/// Bytes of channel number and length.
pub(super) const CHANNEL_HEADER_BYTES: usize = 4;

/// Longest message of a stream: a Send indication around the longest datagram.
pub const MAX_FRAME_BYTES: usize = 1600;

/// A number of RFC 8656 §12: 0x4000 to 0x4FFF.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct ChannelNumber(u16);

impl ChannelNumber {
    /// `None` outside of the range.
    pub(super) fn new(number: u16) -> Option<Self> {
        (0x4000..=0x4fff).contains(&number).then_some(Self(number))
    }

    pub(super) const fn get(self) -> u16 {
        self.0
    }
}

/// Reads a `ChannelData` message; bytes behind its data are padding.
pub(super) fn parse(bytes: &[u8]) -> Option<(ChannelNumber, &[u8])> {
    let (&[a, b, c, d], rest) = bytes.split_first_chunk()?;
    let data = rest.get(..usize::from(u16::from_be_bytes([c, d])))?;
    Some((ChannelNumber::new(u16::from_be_bytes([a, b]))?, data))
}

/// A stream holds something else than TURN: it cannot be read on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the stream holds no TURN message")]
pub struct NotTurn;

/// Length of the message with which these bytes of a TCP or TLS stream begin, padding included; `None` until
/// enough has come to tell.
///
/// # Errors
/// [`NotTurn`], also when the message is longer than [`MAX_FRAME_BYTES`].
pub fn stream_frame_bytes(stream: &[u8]) -> Result<Option<usize>, NotTurn> {
    let Some(&[first, _, c, d]) = stream.first_chunk() else { return Ok(None) };
    let length = usize::from(u16::from_be_bytes([c, d]));
    let bytes = match first {
        0..=3 => crate::stun::HEADER_BYTES + length,
        0x40..=0x4f => CHANNEL_HEADER_BYTES + length.next_multiple_of(4),
        _ => return Err(NotTurn),
    };
    if bytes > MAX_FRAME_BYTES || bytes % 4 != 0 { Err(NotTurn) } else { Ok(Some(bytes)) }
}
