//! ② Sorts a datagram of the media port by its first bytes (RFC 7983 §7).
//!
//! It decides what a datagram claims to be and which transport a STUN check names; it authenticates nothing.

use crate::stun;

/// What a datagram claims to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DatagramKind {
    /// First byte 0 to 3.
    Stun,
    /// First byte 20 to 63.
    Dtls,
    /// First byte 128 to 191, second not an RTCP packet type.
    Rtp,
    /// First byte 128 to 191, second 192 to 223 (RFC 5761 §4).
    Rtcp,
}

/// Largest datagram that any peer may send. Longer ones are dropped before anything reads them.
///
/// Ethernet's 1,500 bytes; TCP frames (RFC 4571) obey the same bound.
pub const MAX_DATAGRAM_BYTES: usize = 1500;

/// Says what the datagram claims to be; `None` if it is nothing that we serve, or longer than
/// [`MAX_DATAGRAM_BYTES`], or too short for its own fixed header.
#[must_use]
pub fn classify(datagram: &[u8]) -> Option<DatagramKind> {
    if datagram.len() > MAX_DATAGRAM_BYTES {
        return None;
    }
    let (&first, &second) = (datagram.first()?, datagram.get(1)?);
    let (kind, shortest) = match first {
        0..=3 => (DatagramKind::Stun, stun::HEADER_BYTES),
        20..=63 => (DatagramKind::Dtls, DTLS_RECORD_HEADER_BYTES),
        128..=191 if (192..=223).contains(&second) => (DatagramKind::Rtcp, RTCP_HEADER_BYTES),
        128..=191 => (DatagramKind::Rtp, RTP_HEADER_BYTES),
        _ => return None,
    };
    (datagram.len() >= shortest).then_some(kind)
}

/// The two halves of a connectivity check's USERNAME (RFC 8445 §7.2.2), seen from the receiver.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StunUsername<'a> {
    /// Our user fragment: names the transport.
    pub local: &'a str,
    /// The peer's user fragment.
    pub remote: &'a str,
}

/// Finds the USERNAME of a Binding request, so that the shard can find the transport by our ufrag.
///
/// `None` if the datagram is no well-formed Binding request with a USERNAME of two parts.
/// Nothing is authenticated here: that is [`crate::transport::Transport::handle_datagram`]'s first step.
#[must_use]
pub fn stun_username(datagram: &[u8]) -> Option<StunUsername<'_>> {
    let message = stun::Message::parse(datagram).ok()?;
    if message.class() != stun::Class::Request {
        return None;
    }
    let (local, remote) = message.username()?.split_once(':')?;
    Some(StunUsername { local, remote })
}

/// Finds our ufrag in the answer to one of our own checks: an answer has no USERNAME, but its transaction id is
/// ours, and begins with the ufrag of the transport that asked.
///
/// `None` if the datagram is no answer. Nothing else is checked here.
#[must_use]
pub fn stun_answer_ufrag(datagram: &[u8]) -> Option<&str> {
    let id = datagram.get(8..stun::HEADER_BYTES).filter(|_| stun::is_answer(datagram))?;
    crate::ice::ufrag_of(id)
}

/// RFC 3550 §5.1.
const RTP_HEADER_BYTES: usize = 12;
/// Common header and sender SSRC (RFC 3550 §6.4.2).
const RTCP_HEADER_BYTES: usize = 8;
/// RFC 6347 §4.1.
const DTLS_RECORD_HEADER_BYTES: usize = 13;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sorts_by_the_first_two_bytes() {
        let mut datagram = [0_u8; 40];
        for first in 0..=255_u8 {
            for second in [0, 96, 191, 192, 200, 223, 224, 255] {
                (datagram[0], datagram[1]) = (first, second);
                let wanted = match first {
                    0..=3 => Some(DatagramKind::Stun),
                    20..=63 => Some(DatagramKind::Dtls),
                    128..=191 if (192..=223).contains(&second) => Some(DatagramKind::Rtcp),
                    128..=191 => Some(DatagramKind::Rtp),
                    _ => None,
                };
                assert_eq!(classify(&datagram), wanted);
            }
        }
    }

    #[test]
    fn refuses_what_is_too_short_or_too_long() {
        assert_eq!(classify(&[]), None);
        assert_eq!(classify(&[128]), None);
        assert_eq!(classify(&[128, 96, 0]), None);
        assert_eq!(classify(&[22; 12]), None);
        assert_eq!(classify(&[128; 1500]), Some(DatagramKind::Rtp));
        assert_eq!(classify(&[128; 1501]), None);
    }
}
