//! Transport-wide congestion control feedback
//! (draft-holmer-rmcat-transport-wide-cc-extensions-01 §3.1), both directions.

use std::time::Duration;

use super::write::{begin, end, push_ssrc};
use super::{RtcpError, format, packet_type};
use crate::rtp::{SeqNo, Ssrc};

/// One number of a feedback and, if the packet arrived, when.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Arrival {
    /// Transport-wide sequence number.
    pub seq: SeqNo,
    /// Arrival on the receiver's clock, counted from the start of the feedback's 24-bit reference time
    /// (which wraps after 12.4 days); may be below zero by a negative first delta. `None`: not received.
    pub at_micros: Option<i64>,
}

/// A validated feedback message, still in its wire form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TwccFeedback<'a> {
    /// First number that the message speaks of.
    pub base: SeqNo,
    /// Numbers it speaks of.
    pub count: u16,
    /// Running number of the message.
    pub feedback_count: u8,
    /// Units of 64 ms, 24 bits, signed on the wire.
    reference: i32,
    chunks: &'a [u8],
    deltas: &'a [u8],
}

impl<'a> TwccFeedback<'a> {
    /// Reads the body of a feedback message, from its sender SSRC on.
    ///
    /// # Errors
    /// [`RtcpError`] when chunks or deltas end too early.
    pub fn parse(body: &'a [u8]) -> Result<Self, RtcpError> {
        let fixed: &[u8; 16] =
            body.first_chunk().ok_or(RtcpError::Truncated(packet_type::TRANSPORT_FEEDBACK))?;
        let count = u16::from_be_bytes([fixed[10], fixed[11]]);
        let reference = i32::from_be_bytes([fixed[12], fixed[13], fixed[14], 0]) >> 8;
        let (chunks, deltas) = measure(&body[16..], count)?;
        Ok(Self {
            base: SeqNo(u16::from_be_bytes([fixed[8], fixed[9]])),
            count,
            feedback_count: fixed[15],
            reference,
            chunks,
            deltas,
        })
    }

    /// Every number in order, with its arrival.
    #[must_use]
    pub fn arrivals(&self) -> Arrivals<'a> {
        Arrivals {
            statuses: Statuses::new(self.chunks, self.count),
            deltas: self.deltas,
            seq: self.base,
            at_micros: i64::from(self.reference) * REFERENCE_MICROS,
        }
    }
}

/// Iterator of [`TwccFeedback::arrivals`].
#[derive(Debug, Clone)]
pub struct Arrivals<'a> {
    statuses: Statuses<'a>,
    deltas: &'a [u8],
    seq: SeqNo,
    at_micros: i64,
}

impl Iterator for Arrivals<'_> {
    type Item = Arrival;

    fn next(&mut self) -> Option<Arrival> {
        let status = self.statuses.next()?;
        let seq = self.seq;
        self.seq = seq.next();
        let delta = match status {
            Status::Small => {
                let (&byte, rest) = self.deltas.split_first()?;
                self.deltas = rest;
                Some(i64::from(byte))
            }
            Status::Large => {
                let (&bytes, rest) = self.deltas.split_first_chunk()?;
                self.deltas = rest;
                Some(i64::from(i16::from_be_bytes(bytes)))
            }
            Status::Lost => None,
        };
        if let Some(delta) = delta {
            self.at_micros += delta * DELTA_MICROS;
        }
        Some(Arrival { seq, at_micros: delta.map(|_| self.at_micros) })
    }
}

/// Appends one feedback message and returns how many of `arrivals` it holds.
///
/// `arrivals` are consecutive numbers, the first one received; the times count from the recorder's own start.
/// Fewer than all are taken when a delta exceeds 16 bits (8.2 s): the rest goes into the next message.
pub fn write_twcc(
    out: &mut Vec<u8>,
    (sender, media): (Ssrc, Ssrc),
    feedback_count: u8,
    base: SeqNo,
    arrivals: &[Option<Duration>],
) -> usize {
    let first = arrivals.iter().flatten().next().copied().unwrap_or_default();
    let reference = first.as_micros() / REFERENCE_MICROS.unsigned_abs() as u128;
    let at = begin(out, format::TWCC, packet_type::TRANSPORT_FEEDBACK);
    push_ssrc(out, sender);
    push_ssrc(out, media);
    out.extend_from_slice(&base.0.to_be_bytes());
    let count_at = out.len();
    out.extend_from_slice(&[0, 0]);
    // The 24-bit field wraps; a receiver unwraps it (§3.1, "reference time").
    let reference_bytes = (reference & 0x00ff_ffff).to_be_bytes();
    out.extend_from_slice(&reference_bytes[13..16]);
    out.push(feedback_count);

    let (taken, steps) = deltas(arrivals, reference);
    for group in steps.chunks(7) {
        // Two-bit status vector (§3.1.4): symbol size 1, seven symbols, high bits first.
        let mut chunk = 0xc000u16;
        for (place, step) in group.iter().enumerate() {
            chunk |= step.map_or(0, |step| if is_small(step) { 1 } else { 2 }) << (12 - 2 * place);
        }
        out.extend_from_slice(&chunk.to_be_bytes());
    }
    for step in steps.iter().flatten() {
        match u8::try_from(*step) {
            Ok(small) => out.push(small),
            Err(_) => out.extend_from_slice(&step.to_be_bytes()),
        }
    }
    while !(out.len() - at).is_multiple_of(4) {
        out.push(0);
    }
    let count = u16::try_from(taken).unwrap_or(u16::MAX);
    out[count_at..count_at + 2].copy_from_slice(&count.to_be_bytes());
    end(out, at);
    taken
}

/// Largest number of statuses that one of our messages holds; it then stays within 1,100 bytes.
pub(crate) const MAX_STATUSES: usize = 400;

/// Deltas in 250 µs against the arrival before, for as many arrivals as fit 16 bits.
fn deltas(arrivals: &[Option<Duration>], reference: u128) -> (usize, Vec<Option<i16>>) {
    let mut steps = Vec::with_capacity(arrivals.len().min(MAX_STATUSES));
    let mut before = i128::try_from(reference).unwrap_or(0) * i128::from(REFERENCE_MICROS / DELTA_MICROS);
    for arrival in arrivals.iter().take(MAX_STATUSES) {
        let Some(arrival) = arrival else {
            steps.push(None);
            continue;
        };
        let ticks = i128::try_from(arrival.as_micros() / DELTA_MICROS.unsigned_abs() as u128).unwrap_or(0);
        let Ok(step) = i16::try_from(ticks - before) else { break };
        before = ticks;
        steps.push(Some(step));
    }
    (steps.len(), steps)
}

const fn is_small(step: i16) -> bool {
    step >= 0 && step <= 255
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Status {
    Lost,
    Small,
    Large,
}

impl Status {
    /// `None` for the reserved symbol 3.
    const fn from_symbol(symbol: u16) -> Option<Self> {
        match symbol {
            0 => Some(Self::Lost),
            1 => Some(Self::Small),
            2 => Some(Self::Large),
            _ => None,
        }
    }

    const fn delta_bytes(self) -> usize {
        match self {
            Self::Lost => 0,
            Self::Small => 1,
            Self::Large => 2,
        }
    }
}

/// Statuses of the packet chunks in order; ends after `left` of them, or early at a reserved symbol.
#[derive(Debug, Clone)]
struct Statuses<'a> {
    chunks: &'a [u8],
    left: u16,
    chunk: u16,
    in_chunk: u16,
}

impl<'a> Statuses<'a> {
    fn new(chunks: &'a [u8], count: u16) -> Self {
        Self { chunks, left: count, chunk: 0, in_chunk: 0 }
    }
}

impl Iterator for Statuses<'_> {
    type Item = Status;

    fn next(&mut self) -> Option<Status> {
        if self.left == 0 {
            return None;
        }
        while self.in_chunk == 0 {
            let (&bytes, rest) = self.chunks.split_first_chunk()?;
            self.chunks = rest;
            self.chunk = u16::from_be_bytes(bytes);
            self.in_chunk = match self.chunk >> 14 {
                // Run length (§3.1.3): 13 bits; a run of zero holds nothing.
                0 | 1 => self.chunk & 0x1fff,
                2 => 14,
                _ => 7,
            };
        }
        self.left -= 1;
        self.in_chunk -= 1;
        let symbol = match self.chunk >> 14 {
            0 | 1 => self.chunk >> 13 & 3,
            2 => self.chunk >> self.in_chunk & 1,
            _ => self.chunk >> (2 * self.in_chunk) & 3,
        };
        Status::from_symbol(symbol)
    }
}

/// Splits what follows the fixed part into chunks and deltas, and checks that both are complete.
fn measure(bytes: &[u8], count: u16) -> Result<(&[u8], &[u8]), RtcpError> {
    let mut statuses = Statuses::new(bytes, count);
    let mut seen = 0;
    let mut delta_bytes = 0;
    for status in statuses.by_ref() {
        seen += 1;
        delta_bytes += status.delta_bytes();
    }
    let chunk_bytes = bytes.len() - statuses.chunks.len();
    let deltas = bytes.get(chunk_bytes..chunk_bytes + delta_bytes).ok_or(RtcpError::Feedback)?;
    if seen != count {
        return Err(RtcpError::Feedback);
    }
    Ok((&bytes[..chunk_bytes], deltas))
}

/// Unit of the reference time: 64 ms.
const REFERENCE_MICROS: i64 = 64_000;
/// Unit of a receive delta: 250 µs.
const DELTA_MICROS: i64 = 250;
