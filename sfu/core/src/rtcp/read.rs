//! Reading compound packets. Every length is bounded by the datagram; nothing is copied.

use super::{NtpTime, TwccFeedback, format, packet_type};
use crate::rtp::{RtpTime, SeqNo, Ssrc};

/// Why bytes are not RTCP. The packets before the bad one count; the rest of the datagram is dropped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RtcpError {
    /// A length reaches beyond the datagram or below what its type needs.
    #[error("an RTCP packet of type {0} is cut")]
    Truncated(u8),
    /// The first two bits are not 2.
    #[error("RTCP version {0} is not 2")]
    Version(u8),
    /// Status chunks and receive deltas of a transport-wide feedback do not add up.
    #[error("a transport-wide feedback contradicts itself")]
    Feedback,
}

/// One packet of a compound.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RtcpPacket<'a> {
    /// SR.
    SenderReport(SenderReport<'a>),
    /// RR.
    ReceiverReport(ReportBlocks<'a>),
    /// BYE.
    Bye(Bye<'a>),
    /// Generic NACK for one media source.
    Nack(Nack<'a>),
    /// Picture loss indication for this source.
    Pli(Ssrc),
    /// Full intra request: the sources asked for.
    Fir(FirTargets<'a>),
    /// Transport-wide congestion control feedback.
    TransportFeedback(TwccFeedback<'a>),
    /// SDES, REMB, XR, APP and everything unknown: nothing that the SFU acts on.
    Other,
}

/// Walks the packets of one datagram.
#[must_use]
pub fn packets(compound: &[u8]) -> Packets<'_> {
    Packets { rest: compound }
}

/// Iterator of [`packets`]; ends after the first error.
#[derive(Debug, Clone)]
pub struct Packets<'a> {
    rest: &'a [u8],
}

impl<'a> Iterator for Packets<'a> {
    type Item = Result<RtcpPacket<'a>, RtcpError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        let found = split(self.rest).and_then(|(head, body, rest)| {
            self.rest = rest;
            read(head, body)
        });
        if found.is_err() {
            self.rest = &[];
        }
        Some(found)
    }
}

/// Count or format (five bits) and packet type.
#[derive(Clone, Copy)]
struct Head {
    count: u8,
    kind: u8,
}

/// Splits the first packet off: its head, its body after the first word (padding cut), and the rest.
fn split(bytes: &[u8]) -> Result<(Head, &[u8], &[u8]), RtcpError> {
    let &[first, kind, len_high, len_low] = bytes.first_chunk().ok_or(RtcpError::Truncated(0))?;
    if first >> 6 != 2 {
        return Err(RtcpError::Version(first >> 6));
    }
    let len = 4 * (usize::from(u16::from_be_bytes([len_high, len_low])) + 1);
    let packet = bytes.get(..len).ok_or(RtcpError::Truncated(kind))?;
    let mut body = &packet[4..];
    if first & 0x20 != 0 {
        let padding = body.last().map_or(0, |&last| usize::from(last));
        if padding == 0 || padding > body.len() {
            return Err(RtcpError::Truncated(kind));
        }
        body = &body[..body.len() - padding];
    }
    Ok((Head { count: first & 0x1f, kind }, body, &bytes[len..]))
}

fn read(head: Head, body: &[u8]) -> Result<RtcpPacket<'_>, RtcpError> {
    let cut = RtcpError::Truncated(head.kind);
    match head.kind {
        packet_type::SENDER_REPORT => {
            let fixed: &[u8; 24] = body.first_chunk().ok_or(cut)?;
            let blocks = ReportBlocks::new(&body[24..], head.count).ok_or(cut)?;
            Ok(RtcpPacket::SenderReport(SenderReport {
                ssrc: ssrc_at(fixed, 0),
                ntp: NtpTime(u64::from(u32_at(fixed, 4)) << 32 | u64::from(u32_at(fixed, 8))),
                rtp_time: RtpTime(u32_at(fixed, 12)),
                packets: u32_at(fixed, 16),
                octets: u32_at(fixed, 20),
                blocks,
            }))
        }
        packet_type::RECEIVER_REPORT => {
            let after = body.get(4..).ok_or(cut)?;
            Ok(RtcpPacket::ReceiverReport(ReportBlocks::new(after, head.count).ok_or(cut)?))
        }
        packet_type::BYE => {
            let sources = body.get(..4 * usize::from(head.count)).ok_or(cut)?;
            Ok(RtcpPacket::Bye(Bye { sources }))
        }
        packet_type::TRANSPORT_FEEDBACK if head.count == format::NACK => {
            let fixed: &[u8; 8] = body.first_chunk().ok_or(cut)?;
            Ok(RtcpPacket::Nack(Nack { media: ssrc_at(fixed, 4), items: &body[8..] }))
        }
        packet_type::TRANSPORT_FEEDBACK if head.count == format::TWCC => {
            TwccFeedback::parse(body).map(RtcpPacket::TransportFeedback)
        }
        packet_type::PAYLOAD_FEEDBACK if head.count == format::PLI => {
            let fixed: &[u8; 8] = body.first_chunk().ok_or(cut)?;
            Ok(RtcpPacket::Pli(ssrc_at(fixed, 4)))
        }
        packet_type::PAYLOAD_FEEDBACK if head.count == format::FIR => {
            let items = body.get(8..).ok_or(cut)?;
            Ok(RtcpPacket::Fir(FirTargets { items }))
        }
        _ => Ok(RtcpPacket::Other),
    }
}

/// A sender report (RFC 3550 §6.4.1).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SenderReport<'a> {
    /// Whose report it is.
    pub ssrc: Ssrc,
    /// Wall clock of the sender.
    pub ntp: NtpTime,
    /// The same moment on the stream's RTP clock.
    pub rtp_time: RtpTime,
    /// Packets sent so far.
    pub packets: u32,
    /// Payload bytes sent so far.
    pub octets: u32,
    /// What the sender received.
    pub blocks: ReportBlocks<'a>,
}

/// Reception of one source (RFC 3550 §6.4.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReportBlock {
    /// The source.
    pub ssrc: Ssrc,
    /// Lost since the previous report, in 1/256.
    pub fraction_lost: u8,
    /// Lost since the start; 24 bits, signed.
    pub cumulative_lost: i32,
    /// Highest sequence number received, with its roll-overs in the high half.
    pub highest_seq: u32,
    /// Interarrival jitter in RTP ticks.
    pub jitter: u32,
    /// Middle of the NTP time of the last SR; 0 when there was none.
    pub last_sr: u32,
    /// Time since that SR in 1/65536 s.
    pub delay_since_last_sr: u32,
}

/// The report blocks of an SR or RR.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReportBlocks<'a> {
    bytes: &'a [u8],
}

impl<'a> ReportBlocks<'a> {
    fn new(bytes: &'a [u8], count: u8) -> Option<Self> {
        Some(Self { bytes: bytes.get(..24 * usize::from(count))? })
    }

    /// The blocks in order.
    pub fn iter(&self) -> impl Iterator<Item = ReportBlock> + use<'a> {
        let (blocks, _) = self.bytes.as_chunks::<24>();
        blocks.iter().map(|block| {
            let lost = u32_at(block, 4) & 0x00ff_ffff;
            ReportBlock {
                ssrc: ssrc_at(block, 0),
                fraction_lost: block[4],
                // Sign-extends 24 bits.
                cumulative_lost: (lost << 8).cast_signed() >> 8,
                highest_seq: u32_at(block, 8),
                jitter: u32_at(block, 12),
                last_sr: u32_at(block, 16),
                delay_since_last_sr: u32_at(block, 20),
            }
        })
    }
}

/// The sources that say goodbye.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bye<'a> {
    sources: &'a [u8],
}

impl<'a> Bye<'a> {
    /// The sources in order.
    pub fn iter(&self) -> impl Iterator<Item = Ssrc> + use<'a> {
        let (words, _) = self.sources.as_chunks::<4>();
        words.iter().map(|&word| Ssrc(u32::from_be_bytes(word)))
    }
}

/// A generic NACK (RFC 4585 §6.2.1).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Nack<'a> {
    /// The media source.
    pub media: Ssrc,
    items: &'a [u8],
}

impl<'a> Nack<'a> {
    /// The missing sequence numbers: at most 17 for each four bytes of the datagram.
    pub fn missing(&self) -> impl Iterator<Item = SeqNo> + use<'a> {
        let (words, _) = self.items.as_chunks::<4>();
        words.iter().flat_map(|&[pid_high, pid_low, mask_high, mask_low]| {
            let pid = u16::from_be_bytes([pid_high, pid_low]);
            let mask = u16::from_be_bytes([mask_high, mask_low]);
            let following = (0..16u16).filter(move |bit| mask >> bit & 1 == 1).map(|bit| bit + 1);
            std::iter::once(0).chain(following).map(move |step| SeqNo(pid.wrapping_add(step)))
        })
    }
}

/// The sources of a full intra request (RFC 5104 §4.3.1.1).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FirTargets<'a> {
    items: &'a [u8],
}

impl<'a> FirTargets<'a> {
    /// The sources in order.
    pub fn iter(&self) -> impl Iterator<Item = Ssrc> + use<'a> {
        let (entries, _) = self.items.as_chunks::<8>();
        entries.iter().map(|entry| ssrc_at(entry, 0))
    }
}

/// `at` plus 4 is within `bytes` at every call: the arrays above have literal lengths.
fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_be_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]])
}

fn ssrc_at(bytes: &[u8], at: usize) -> Ssrc {
    Ssrc(u32_at(bytes, at))
}
