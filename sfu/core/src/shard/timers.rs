//! Deadlines of everything in a shard.
//!
//! It decides what is due next without asking everybody: a heap, in which a deadline that moved later stays
//! where it was and is asked again when it comes up.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};
use std::time::Instant;

use super::RoomKey;
use super::media::MediaKey;
use super::peer::TransportKey;
use crate::room::ParticipantKey;

/// What wants to be called at its deadline.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Timer {
    /// ICE, DTLS and SCTP of a transport.
    Transport(TransportKey),
    /// A room.
    Room(RoomKey),
    /// Negotiation and liveness of a participant.
    Seat(ParticipantKey),
    /// Reports, NACKs and keyframe requests of a publication.
    Reception(MediaKey),
    /// Connection qualities of everybody.
    Connections,
    /// A publisher may be told to send less.
    Qualities(MediaKey),
    /// Transport-wide feedback towards a publisher.
    Feedback(TransportKey),
    /// Estimate, probes and reports towards a subscriber.
    Sending(TransportKey),
    /// Packets that the pacer holds back from a subscriber.
    Pacing(TransportKey),
    /// What other shards are told of a publication.
    Relay(MediaKey),
}

/// All deadlines.
#[derive(Debug, Default)]
pub(super) struct Timers {
    heap: BinaryHeap<Reverse<(Instant, Timer)>>,
    /// The earliest entry of each timer; others in the heap are stale.
    earliest: HashMap<Timer, Instant>,
}

impl Timers {
    /// Sees to it that the timer comes up at `at` or earlier.
    pub(super) fn schedule(&mut self, timer: Timer, at: Option<Instant>) {
        let Some(at) = at else { return };
        match self.earliest.get(&timer) {
            Some(&earlier) if earlier <= at => {}
            Some(_) | None => {
                self.earliest.insert(timer, at);
                self.heap.push(Reverse((at, timer)));
            }
        }
    }

    /// Forgets a timer whose owner is gone.
    pub(super) fn remove(&mut self, timer: Timer) {
        self.earliest.remove(&timer);
    }

    /// The next deadline.
    pub(super) fn next_deadline(&mut self) -> Option<Instant> {
        self.drop_stale();
        self.heap.peek().map(|Reverse((at, _))| *at)
    }

    /// Takes out one timer that is due.
    pub(super) fn pop_due(&mut self, now: Instant) -> Option<Timer> {
        self.drop_stale();
        let &Reverse((at, timer)) = self.heap.peek()?;
        if at > now {
            return None;
        }
        self.heap.pop();
        self.earliest.remove(&timer);
        Some(timer)
    }

    fn drop_stale(&mut self) {
        while let Some(Reverse((at, timer))) = self.heap.peek() {
            if self.earliest.get(timer) == Some(at) {
                return;
            }
            self.heap.pop();
        }
    }
}
