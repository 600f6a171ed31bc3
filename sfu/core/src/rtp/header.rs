//! The fixed header, the extension block's place, and the padding rules (RFC 3550 §5.1).

use std::ops::Range;

use super::{Pt, RawExtensions, RtpTime, SeqNo, Ssrc};

/// Why bytes are not an RTP packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RtpError {
    /// The header, its CSRC list or its extension block does not fit.
    #[error("the packet ends inside its header")]
    Truncated,
    /// The first two bits are not 2.
    #[error("version {0} is not 2")]
    Version(u8),
    /// A payload type that reads as RTCP (RFC 5761 §4).
    #[error("payload type {0} is RTCP's")]
    PayloadType(u8),
    /// The P bit is set and the last byte says 0, or more than there is (RFC 3550 §5.1).
    #[error("padding of {padding} bytes in {available}")]
    Padding {
        /// What the last byte says.
        padding: u8,
        /// Bytes after the header.
        available: usize,
    },
}

/// Facts of one RTP header; offsets count from the packet's first byte.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RtpHeader {
    /// End of a frame (video) or start of a talk spurt (audio).
    pub marker: bool,
    /// Payload type.
    pub pt: Pt,
    /// Sequence number.
    pub seq: SeqNo,
    /// Timestamp.
    pub time: RtpTime,
    /// Source.
    pub ssrc: Ssrc,
    /// Where the payload stands, without padding. Empty in a padding-only packet.
    pub payload: Range<usize>,
    /// `(profile, place of the elements)` of the extension block.
    extension: Option<(u16, Range<usize>)>,
}

impl RtpHeader {
    /// Reads the header of a decrypted packet.
    ///
    /// # Errors
    /// [`RtpError`] when a length does not add up; the packet is then dropped and counted.
    pub fn parse(packet: &[u8]) -> Result<Self, RtpError> {
        let fixed: &[u8; 12] = packet.first_chunk().ok_or(RtpError::Truncated)?;
        let version = fixed[0] >> 6;
        if version != 2 {
            return Err(RtpError::Version(version));
        }
        let pt = Pt::new(fixed[1] & 0x7f).ok_or(RtpError::PayloadType(fixed[1] & 0x7f))?;
        let mut at = 12 + 4 * usize::from(fixed[0] & 0x0f);
        let mut extension = None;
        if fixed[0] & 0x10 != 0 {
            let head = packet.get(at..at + 4).ok_or(RtpError::Truncated)?;
            let profile = u16::from_be_bytes([head[0], head[1]]);
            let len = 4 * usize::from(u16::from_be_bytes([head[2], head[3]]));
            extension = Some((profile, at + 4..at + 4 + len));
            at += 4 + len;
        }
        if at > packet.len() {
            return Err(RtpError::Truncated);
        }
        let available = packet.len() - at;
        let mut end = packet.len();
        if fixed[0] & 0x20 != 0 {
            let padding = if available == 0 { 0 } else { packet[end - 1] };
            if padding == 0 || usize::from(padding) > available {
                return Err(RtpError::Padding { padding, available });
            }
            end -= usize::from(padding);
        }
        Ok(Self {
            marker: fixed[1] & 0x80 != 0,
            pt,
            seq: SeqNo(u16::from_be_bytes([fixed[2], fixed[3]])),
            time: RtpTime(u32::from_be_bytes([fixed[4], fixed[5], fixed[6], fixed[7]])),
            ssrc: Ssrc(u32::from_be_bytes([fixed[8], fixed[9], fixed[10], fixed[11]])),
            payload: at..end,
            extension,
        })
    }

    /// The header extension elements of the same packet, in order.
    #[must_use]
    pub fn extensions<'a>(&self, packet: &'a [u8]) -> RawExtensions<'a> {
        match &self.extension {
            Some((profile, place)) => {
                RawExtensions::new(*profile, packet.get(place.clone()).unwrap_or_default())
            }
            None => RawExtensions::new(0, &[]),
        }
    }
}
