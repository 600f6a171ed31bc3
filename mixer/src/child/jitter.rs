//! ② Puts the packets of one track back into sequence. It waits for a missing packet, but not for long; it
//! asks for nothing and does not look inside.
//!
//! ```text
//! arriving: 7 8 10 11 ── 9 within MAX_WAIT ──▶ 7 8 9 10 11
//!                     └─ MAX_WAIT passes ────▶ 7 8 (gap) 10 11
//! ```

use std::collections::BTreeMap;
use std::time::Duration;

use super::rtp::UnwrapSeq;

/// How long a packet waits for the ones before it. Reordering on the internet is a few milliseconds; 60 ms
/// also let in most retransmissions that the SFU asked for, and take a fifth of the mix's allowance.
pub(crate) const MAX_WAIT: Duration = Duration::from_millis(60);
/// Packets that wait at most: 60 ms of 50 Mb/s.
const MAX_WAITING: usize = 512;
/// A jump this far means that the sender began anew (RFC 3550 §A.1 uses 3,000 forwards).
const RESTART_JUMP: i64 = 3_000;

/// Reorder buffer of one track.
#[derive(Debug)]
pub(crate) struct Jitter<T> {
    unwrap: UnwrapSeq,
    /// The number that comes next; `None` before the first packet.
    next: Option<i64>,
    waiting: BTreeMap<i64, Waiting<T>>,
    restarted: bool,
    late: u64,
    lost: u64,
}

#[derive(Debug)]
struct Waiting<T> {
    since: Duration,
    item: T,
}

/// A packet in its turn.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct InTurn<T> {
    /// One or more packets are missing in front of it.
    pub(crate) after_gap: bool,
    /// The packet.
    pub(crate) item: T,
}

impl<T> Jitter<T> {
    /// Empty; the first packet that comes is the first in sequence.
    pub(crate) fn new() -> Self {
        let waiting = BTreeMap::new();
        Self { unwrap: UnwrapSeq::default(), next: None, waiting, restarted: false, late: 0, lost: 0 }
    }

    /// Takes a packet. One that comes twice or after its turn is dropped and counted.
    pub(crate) fn handle(&mut self, now: Duration, seq: u16, item: T) {
        let mut number = self.unwrap.unwrap(seq);
        if self.next.is_some_and(|next| (number - next).abs() > RESTART_JUMP) {
            self.waiting.clear();
            self.unwrap = UnwrapSeq::default();
            number = self.unwrap.unwrap(seq);
            self.next = Some(number);
            self.restarted = true;
        }
        if number < *self.next.get_or_insert(number) || self.waiting.contains_key(&number) {
            self.late += 1;
            return;
        }
        self.waiting.insert(number, Waiting { since: now, item });
    }

    /// Next packet in sequence, if its turn has come. Call until `None` after every `handle` and timeout.
    pub(crate) fn poll(&mut self, now: Duration) -> Option<InTurn<T>> {
        let (&number, first) = self.waiting.first_key_value()?;
        let next = self.next.unwrap_or(number);
        // The longest wait counts: packets behind a gap may have come before the first of them.
        let full = self.waiting.len() > MAX_WAITING;
        if number > next && !full && now < self.oldest(first.since) + MAX_WAIT {
            return None;
        }
        let (_, Waiting { item, .. }) = self.waiting.pop_first()?;
        self.next = Some(number + 1);
        self.lost += u64::try_from(number - next).unwrap_or(0);
        Some(InTurn { after_gap: number > next || std::mem::take(&mut self.restarted), item })
    }

    /// When [`Self::poll`] will give up on a missing packet; `None` while none is missing.
    pub(crate) fn poll_timeout(&self) -> Option<Duration> {
        let (_, first) = self.waiting.first_key_value()?;
        Some(self.oldest(first.since) + MAX_WAIT)
    }

    /// Packets that came after their turn, so far.
    pub(crate) fn late(&self) -> u64 {
        self.late
    }

    /// Packets that never came in time, so far.
    pub(crate) fn lost(&self) -> u64 {
        self.lost
    }

    fn oldest(&self, first: Duration) -> Duration {
        self.waiting.values().map(|waiting| waiting.since).fold(first, Duration::min)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    fn drain(jitter: &mut Jitter<u16>, now: Duration) -> Vec<(u16, bool)> {
        std::iter::from_fn(|| jitter.poll(now)).map(|turn| (turn.item, turn.after_gap)).collect()
    }

    #[test]
    fn a_swapped_pair_comes_out_in_order_and_without_a_gap() {
        let mut jitter = Jitter::new();
        for seq in [7, 9, 8, 10] {
            jitter.handle(ms(0), seq, seq);
        }
        assert_eq!(drain(&mut jitter, ms(0)), [(7, false), (8, false), (9, false), (10, false)]);
        assert_eq!(jitter.poll_timeout(), None);
    }

    #[test]
    fn a_missing_packet_is_given_up_after_the_wait() {
        let mut jitter = Jitter::new();
        jitter.handle(ms(0), 7, 7);
        jitter.handle(ms(5), 9, 9);
        jitter.handle(ms(8), 10, 10);
        assert_eq!(drain(&mut jitter, ms(64)), [(7, false)]);
        assert_eq!(jitter.poll_timeout(), Some(ms(65)));
        assert_eq!(drain(&mut jitter, ms(65)), [(9, true), (10, false)]);
        assert_eq!((jitter.lost(), jitter.late()), (1, 0));
    }

    #[test]
    fn a_packet_after_its_turn_is_dropped_and_counted() {
        let mut jitter = Jitter::new();
        jitter.handle(ms(0), 7, 7);
        jitter.handle(ms(0), 9, 9);
        drain(&mut jitter, ms(100));
        jitter.handle(ms(101), 8, 8);
        jitter.handle(ms(101), 9, 9);
        assert_eq!(drain(&mut jitter, ms(500)), []);
        assert_eq!(jitter.late(), 2);
    }

    #[test]
    fn the_sequence_continues_over_its_wrap() {
        let mut jitter = Jitter::new();
        for seq in [65_534, 0, 65_535, 1] {
            jitter.handle(ms(0), seq, seq);
        }
        assert_eq!(drain(&mut jitter, ms(0)), [(65_534, false), (65_535, false), (0, false), (1, false)]);
    }

    #[test]
    fn a_sender_that_begins_anew_is_followed_at_once() {
        let mut jitter = Jitter::new();
        jitter.handle(ms(0), 100, 100);
        jitter.handle(ms(20), 40_000, 40_000);
        assert_eq!(drain(&mut jitter, ms(20)), [(40_000, true)]);
    }

    #[test]
    fn a_flood_behind_a_gap_is_bounded() {
        let mut jitter = Jitter::new();
        jitter.handle(ms(0), 0, 0);
        for seq in 2..1_000 {
            jitter.handle(ms(0), seq, seq);
        }
        assert!(!drain(&mut jitter, ms(0)).is_empty());
        assert!(jitter.waiting.len() <= MAX_WAITING);
    }
}
