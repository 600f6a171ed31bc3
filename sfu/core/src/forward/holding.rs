//! ⑧ What the pacer holds back of one subscription, and when a backlog is given up.

use std::time::Instant;

use super::forwarding::Turn;
use super::pacer::MAX_HELD;
use super::{Forwarding, Leg, Seal, SendArena};
use crate::receive::{EncodingIndex, MAX_ENCODINGS, Reception};
use crate::ring::{PacketRef, RingPacket};
use crate::stats::ForwardCounters;

impl Forwarding {
    /// The pacer holds packets back: call [`Self::forward_held`] after [`super::SLOT`].
    #[must_use]
    pub fn is_held(&self) -> bool {
        self.held.iter().any(Option::is_some)
    }

    /// Once after a backlog was given up, or after the publisher stopped the layers that are sent: the encoding
    /// whose keyframe to ask for.
    pub fn take_starved(&mut self) -> Option<EncodingIndex> {
        let starved = std::mem::take(&mut self.is_starved);
        self.waits_for().or_else(|| self.current()).filter(|_| starved)
    }

    /// Sends what the pacer has held back, as far as it may leave now.
    pub fn forward_held<S: Seal, T: Copy + PartialEq>(
        &mut self,
        now: Instant,
        reception: &Reception,
        leg: &mut Leg<'_, S, T>,
        arena: &mut SendArena<T>,
        counters: &mut ForwardCounters,
    ) {
        let mut turn = Turn { now, reception, leg, arena, counters };
        for place in 0..reception.stream_count().min(MAX_ENCODINGS) {
            let Ok(encoding) = u8::try_from(place).map(EncodingIndex) else { return };
            let Some(held) = self.held[place].take() else { continue };
            // What is fresh has its turn when this one ends.
            self.forward_some(&mut turn, encoding, held.0..reception.fresh(encoding).start);
        }
    }

    pub(super) fn must_wait<S: Seal, T>(&self, turn: &mut Turn<'_, '_, S, T>) -> bool {
        let congestion = turn.leg.congestion.as_deref_mut();
        !self.config.codec.is_audio() && congestion.is_some_and(|c| !c.may_send(turn.now))
    }

    /// Everything from this packet on waits, unless it has waited for too long.
    pub(super) fn hold<S: Seal, T>(
        &mut self,
        turn: &mut Turn<'_, '_, S, T>,
        (encoding, name): (EncodingIndex, PacketRef),
        packet: RingPacket<'_>,
        end: u64,
    ) {
        if turn.now.saturating_duration_since(packet.facts.received_at) > MAX_HELD {
            turn.counters.held_too_long += end - name.0;
            self.start_anew();
            self.is_starved = true;
        } else {
            turn.counters.held += 1;
            self.held[encoding.index()] = Some(name);
        }
    }
}
