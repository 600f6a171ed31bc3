//! What loss says of the rate, for paths whose queue is full or too short to show in the delay (GCC §6).
//!
//! Loss that does not shrink when less is sent is the path's own: a radio link loses its share whatever is
//! sent. Only what comes on top of it lowers the estimate.

use std::time::{Duration, Instant};

/// What one feedback message told of packets.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Fates {
    pub(super) lost: u32,
    pub(super) received: u32,
    /// Bytes of both.
    pub(super) bytes: u64,
}

/// Loss of the current second, and the bound that came of the seconds before.
#[derive(Debug)]
pub(super) struct LossBound {
    bound: f64,
    seen: Fates,
    began: Option<Instant>,
    /// Rate and share of loss when the present descent began.
    descent: Option<(f64, f64)>,
    /// Share that the path loses at any rate.
    inherent: f64,
}

const WINDOW: Duration = Duration::from_secs(1);
/// With fewer packets than this a second's share means nothing; the window then goes on.
const MIN_PACKETS: u32 = 20;
/// Above this share the bound falls, below the other one nothing is bound.
const HIGH: f64 = 0.1;
const LOW: f64 = 0.05;
/// Above this share the queue is full: what arrives is what the path carries.
const FULL: f64 = 0.3;
/// When this part of the rate is left and most of the loss stayed, the loss is the path's own.
const FELL_TO: f64 = 0.75;
const STAYED: f64 = 0.7;
/// A path gets worse slowly; each second it may own so much more.
const WORSE: f64 = 0.002;

impl Default for LossBound {
    fn default() -> Self {
        Self { bound: f64::INFINITY, seen: Fates::default(), began: None, descent: None, inherent: 0.0 }
    }
}

impl LossBound {
    /// Takes what one feedback message told; `estimate` is what the delay allows. True: the loss has ended.
    #[expect(clippy::cast_precision_loss, reason = "a second holds far less than 2^53 bytes")]
    pub(super) fn add(&mut self, now: Instant, fates: Fates, estimate: f64) -> bool {
        let began = *self.began.get_or_insert(now);
        self.seen.lost += fates.lost;
        self.seen.received += fates.received;
        self.seen.bytes += fates.bytes;
        let elapsed = now.saturating_duration_since(began);
        let total = self.seen.lost + self.seen.received;
        if elapsed < WINDOW || total < MIN_PACKETS {
            return false;
        }
        let share = f64::from(self.seen.lost) / f64::from(total);
        let sent = self.seen.bytes as f64 * 8.0 / elapsed.as_secs_f64();
        (self.seen, self.began) = (Fates::default(), Some(now));
        let has_eased = self.inherent > share + LOW;
        self.inherent = share.min(self.inherent + WORSE);
        let excess = share - self.inherent;
        if excess > HIGH {
            self.fall(share, sent, estimate);
        } else if excess < LOW {
            let was_bound = self.bound.is_finite();
            (self.bound, self.descent) = (f64::INFINITY, None);
            return was_bound || has_eased;
        }
        false
    }

    /// An outage: the second that it is in counts for nothing.
    pub(super) fn skip(&mut self) {
        (self.seen, self.began) = (Fates::default(), None);
    }

    /// A probe went through without loss at this rate.
    pub(super) fn raise_to(&mut self, bits_per_second: f64) {
        self.bound = self.bound.max(bits_per_second);
    }

    pub(super) fn bound(&self) -> f64 {
        self.bound
    }

    fn fall(&mut self, share: f64, sent: f64, estimate: f64) {
        let (sent_then, share_then) = *self.descent.get_or_insert((sent, share));
        if sent < FELL_TO * sent_then && share > STAYED * share_then && share < FULL {
            self.inherent = share;
            (self.bound, self.descent) = (f64::INFINITY, None);
            return;
        }
        let keep = if share > FULL { 1.0 - share } else { 1.0 - 0.5 * share };
        // The loss was seen at the rate that was sent, however much the estimate allowed.
        self.bound = self.bound.min(estimate).min(sent) * keep;
    }
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "virtual time may begin anywhere")]
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "small positive numbers")]
mod tests {
    use super::*;

    /// Sends as much as is allowed, but at least `floor`, over a path that loses `loss(rate)` of it.
    fn settle(floor: f64, loss: impl Fn(f64) -> f64) -> f64 {
        let start = Instant::now();
        let mut bound = LossBound::default();
        let mut estimate = 1e6;
        for second in 0..30 {
            let sent = f64::max(estimate, floor);
            let lost = (1_000.0 * loss(sent)) as u32;
            let fates = Fates { lost, received: 1_000 - lost, bytes: (sent / 8.0) as u64 };
            bound.add(start + Duration::from_secs(second), fates, estimate);
            estimate = (estimate * 1.08).min(bound.bound()).min(1e6);
        }
        estimate
    }

    #[test]
    fn loss_that_stays_at_any_rate_costs_nothing_in_the_end() {
        assert!(settle(0.0, |_| 0.2) > 0.9e6);
    }

    #[test]
    fn loss_of_a_full_queue_lowers_the_rate_to_what_the_path_carries() {
        let carries = |rate: f64| (1.0 - 150_000.0 / rate).max(0.0);
        let settled = settle(0.0, carries);
        assert!((100_000.0..200_000.0).contains(&settled), "{settled}");
        // And even when the sender cannot send less.
        assert!(settle(300_000.0, carries) < 100_000.0);
    }
}
