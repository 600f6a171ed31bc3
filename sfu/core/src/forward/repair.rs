//! ⑦ Retransmission from the ring (RFC 4588).

use std::time::{Duration, Instant};

use super::forwarding::Turn;
use super::sent::Sent;
use super::writing::{MAX_PREFIX_BYTES, Outgoing};
use super::{Forwarding, Leg, Seal, SendArena};
use crate::bwe::SendKind;
use crate::receive::Reception;
use crate::rtp::{SeqIndex, SeqNo};
use crate::stats::ForwardCounters;

/// One NACK asks for at most this many packets; a storm is cut here and by the budget.
const MAX_NACKED: usize = 256;

impl Forwarding {
    /// Sends again what the subscriber misses, as far as it is remembered and the budget allows.
    pub fn retransmit<S: Seal, T: Copy + PartialEq>(
        &mut self,
        now: Instant,
        missing: impl Iterator<Item = SeqNo>,
        reception: &Reception,
        leg: &mut Leg<'_, S, T>,
        arena: &mut SendArena<T>,
        counters: &mut ForwardCounters,
    ) {
        let mut turn = Turn { now, reception, leg, arena, counters };
        let is_lossy = turn.leg.congestion.as_deref().is_some_and(super::Congestion::is_lossy);
        let trip = if is_lossy { Duration::ZERO } else { self.round_trip().unwrap_or_default() };
        let twice = turn.leg.congestion.as_deref().is_some_and(|congestion| congestion.answers_twice(now));
        let patience = trip.mul_f64(SAME_TRIP).max(SHORTEST_TRIP);
        for seq in missing.take(MAX_NACKED) {
            turn.counters.nacks += 1;
            let Some((sent, bytes)) = self.remembered(seq, reception) else {
                turn.counters.rtx_missing += 1;
                continue;
            };
            if self.given_up.is_some_and(|until| sent.index <= until) {
                turn.counters.rtx_missing += 1;
                continue;
            }
            if self.repeats.is_under_way(sent.index, now, patience) {
                turn.counters.rtx_under_way += 1;
                continue;
            }
            // Whatever was sent again and is asked for once more gets two answers as well: a picture has waited for long.
            let copies = if twice || self.repeats.has(sent.index) { 2 } else { 1 };
            let mut is_sent = false;
            for _ in 0..copies {
                let budget = turn.leg.congestion.as_deref_mut();
                if budget.is_some_and(|congestion| !congestion.may_retransmit(now, bytes)) {
                    turn.counters.rtx_over_budget += 1;
                } else if self.send_again(&mut turn, &sent, SendKind::Retransmission).is_some() {
                    turn.counters.rtx += 1;
                    is_sent = true;
                }
            }
            if is_sent {
                self.repeats.note(sent.index, now);
            }
        }
    }

    /// A sent packet that can be sent again, and the bytes of its payload.
    fn remembered(&self, seq: SeqNo, reception: &Reception) -> Option<(Sent, usize)> {
        self.config.rtx?;
        let sent = self.sent.find(seq).filter(|sent| !sent.is_filler)?;
        let packet = reception.packet(sent.encoding, sent.packet)?;
        Some((sent, packet.payload.len()))
    }

    /// Wraps a sent packet into the retransmission stream; returns the datagram's length.
    pub(super) fn send_again<S: Seal, T: Copy + PartialEq>(
        &mut self,
        turn: &mut Turn<'_, '_, S, T>,
        sent: &Sent,
        kind: SendKind,
    ) -> Option<usize> {
        let rtx = self.config.rtx?;
        let packet = turn.reception.packet(sent.encoding, sent.packet)?;
        let mut scratch = [0; MAX_PREFIX_BYTES];
        let (rewritten, payload, _) = self.rewrite(sent, packet, &mut scratch);
        let mut descriptor = None;
        let descriptor = self.rewrite_descriptor(turn.reception, sent, packet, &mut descriptor);
        // RFC 4588 §4: the original sequence number, then the original payload.
        let mut prefix = [0; MAX_PREFIX_BYTES + 2];
        prefix[..2].copy_from_slice(&sent.index.seq().0.to_be_bytes());
        prefix[2..2 + rewritten.len()].copy_from_slice(rewritten);
        let prefix = &prefix[..2 + rewritten.len()];
        let index = self.take_rtx_index();
        let out = Outgoing {
            ssrc: rtx.ssrc,
            pt: rtx.pt,
            index,
            time: sent.time,
            marker: sent.marker,
            padding: false,
            extensions_of: Some(packet),
            descriptor,
            prefix,
            payload,
            kind,
        };
        self.write(turn, &out)
    }

    pub(super) fn take_rtx_index(&mut self) -> SeqIndex {
        let index = self.next_rtx;
        self.next_rtx.0 += 1;
        index
    }
}

/// When packets were last sent again, for the newest of them.
#[derive(Debug, Default)]
pub(super) struct Repeats {
    last: [Option<(SeqIndex, Instant)>; Self::LEN],
    next: usize,
}

impl Repeats {
    /// A burst of losses in a round trip.
    const LEN: usize = 32;

    fn note(&mut self, index: SeqIndex, now: Instant) {
        self.last[self.next] = Some((index, now));
        self.next = (self.next + 1) % Self::LEN;
    }

    /// It was sent again lately.
    fn has(&self, index: SeqIndex) -> bool {
        self.last.iter().flatten().any(|&(known, _)| known == index)
    }

    fn is_under_way(&self, index: SeqIndex, now: Instant, patience: Duration) -> bool {
        let near = |at: Instant| now.saturating_duration_since(at) < patience;
        self.last.iter().flatten().any(|&(known, at)| known == index && near(at))
    }
}

/// A repeated NACK within this share of a round trip cannot know of the first answer. On a path that loses much
/// it is answered all the same: the first answer may well be lost, and the picture waits for it.
const SAME_TRIP: f64 = 0.8;
/// And within this time on any path.
const SHORTEST_TRIP: Duration = Duration::from_millis(10);
