//! ① One RTP packet from bytes (RFC 3550 §5.1), and counters that wrap made continuous. Nothing is kept.

use bytes::Bytes;

/// What the mixer needs of one packet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Packet {
    /// Sequence number as sent.
    pub(crate) seq: u16,
    /// RTP time as sent.
    pub(crate) rtp_time: u32,
    /// Last packet of a frame, for video.
    pub(crate) marker: bool,
    /// Without header, extensions and padding; may be empty.
    pub(crate) payload: Bytes,
}

/// Reads one packet; `None` when its lengths do not add up. Shares the bytes.
pub(crate) fn parse(packet: &Bytes) -> Option<Packet> {
    let fixed: [u8; 12] = *packet.first_chunk()?;
    if fixed[0] >> 6 != 2 {
        return None;
    }
    let mut start = 12 + 4 * usize::from(fixed[0] & 0x0f);
    if fixed[0] & 0x10 != 0 {
        let extension: [u8; 4] = *packet.get(start..)?.first_chunk()?;
        start += 4 + 4 * usize::from(u16::from_be_bytes([extension[2], extension[3]]));
    }
    let padding = if fixed[0] & 0x20 != 0 { usize::from(*packet.last()?) } else { 0 };
    let end = packet.len().checked_sub(padding)?;
    if start > end {
        return None;
    }
    Some(Packet {
        seq: u16::from_be_bytes([fixed[2], fixed[3]]),
        rtp_time: u32::from_be_bytes([fixed[4], fixed[5], fixed[6], fixed[7]]),
        marker: fixed[1] & 0x80 != 0,
        payload: packet.slice(start..end),
    })
}

/// Makes 32-bit RTP times continuous: each is the one nearest to its predecessor.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct UnwrapTime {
    last: Option<(u32, i64)>,
}

impl UnwrapTime {
    /// Continuous ticks; remembers the value.
    pub(crate) fn unwrap(&mut self, rtp_time: u32) -> i64 {
        let ticks = match self.last {
            None => i64::from(rtp_time),
            Some((raw, ticks)) => ticks + i64::from(rtp_time.wrapping_sub(raw).cast_signed()),
        };
        self.last = Some((rtp_time, ticks));
        ticks
    }
}

/// Makes 16-bit sequence numbers continuous.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct UnwrapSeq {
    last: Option<(u16, i64)>,
}

impl UnwrapSeq {
    /// Continuous number; remembers the value.
    pub(crate) fn unwrap(&mut self, seq: u16) -> i64 {
        let number = match self.last {
            None => i64::from(seq),
            Some((raw, number)) => number + i64::from(seq.wrapping_sub(raw).cast_signed()),
        };
        self.last = Some((seq, number));
        number
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn header_extension_and_padding_are_not_payload() {
        let mut bytes = vec![0xb1, 0x80 | 96, 0, 5, 0, 0, 0, 9, 1, 2, 3, 4];
        bytes.extend([7, 7, 7, 7]); // one CSRC
        bytes.extend([0xbe, 0xde, 0, 1, 0, 0, 0, 0]); // extension of one word
        bytes.extend([42, 43, 0, 0, 3]); // two bytes of payload, three of padding
        let packet = parse(&Bytes::from(bytes)).unwrap();
        assert_eq!((packet.seq, packet.rtp_time, packet.marker), (5, 9, true));
        assert_eq!(packet.payload.as_ref(), [42, 43]);
    }

    #[test]
    fn no_length_makes_it_read_past_the_end() {
        let whole = [0xbf, 96, 0, 5, 0, 0, 0, 9, 1, 2, 3, 4, 9, 9, 0xff, 0xff, 200];
        for length in 0..whole.len() {
            assert_eq!(parse(&Bytes::copy_from_slice(&whole[..length])), None);
        }
    }

    #[test]
    fn times_and_numbers_continue_over_the_wrap_in_both_directions() {
        let mut time = UnwrapTime::default();
        let start = time.unwrap(u32::MAX - 10);
        assert_eq!(time.unwrap(20) - start, 31);
        assert_eq!(time.unwrap(u32::MAX - 10), start);
        let mut seq = UnwrapSeq::default();
        let start = seq.unwrap(65_535);
        assert_eq!(seq.unwrap(1) - start, 2);
    }
}
