//! What loss says of the rate, for paths whose queue is full or too short to show in the delay (GCC §6).
//!
//! Loss that does not shrink when less is sent is the path's own: a radio link loses its share whatever is
//! sent. Only what comes on top of it lowers the estimate.

use std::time::{Duration, Instant};

/// What one feedback message told of packets.
///
/// Probes are counted apart: a receiver that does not know the retransmission stream, as Firefox before it learned the
/// stream's MID, drops all of them, and they would seem lost. What a probe itself shows is for [`super::probe`] to say.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Fates {
    /// Packets that this message is the first to miss.
    pub(super) missing: u32,
    /// Packets that were missed before and did not come meanwhile.
    pub(super) lost: u32,
    pub(super) received: u32,
    /// Bytes of the lost and the received.
    pub(super) bytes: u64,
    /// Packets that feedback has passed over, so that nothing will be heard of them.
    pub(super) unreported: u32,
    /// Probe packets that it was the first to tell of, received or not.
    pub(super) probes: u32,
}

impl Fates {
    pub(super) fn lose(&mut self, bytes: u16, is_probe: bool) {
        if !is_probe {
            self.lost += 1;
            self.bytes += u64::from(bytes);
        }
    }
}

/// Loss of the current second, and the bound that came of the seconds before.
#[derive(Debug)]
pub(super) struct LossBound {
    bound: f64,
    second: Window,
    /// The present moment, and whether half of the last one was lost.
    moment: Window,
    was_halved: bool,
    /// Packets that were under way when the bound fell say nothing of the new rate.
    deaf_until: Option<Instant>,
    /// Highest rate of the present descent, and the share of loss at it.
    descent: Option<(f64, f64)>,
    /// Share that the path loses at any rate.
    inherent: f64,
}

/// Fates since a moment.
#[derive(Debug, Clone, Copy, Default)]
struct Window {
    seen: Fates,
    began: Option<Instant>,
}

/// What a full window says.
#[derive(Debug, Clone, Copy)]
struct Observed {
    /// Share that was lost.
    share: f64,
    /// Bits per second that were sent.
    sent: f64,
    /// How far the share lies from the true one by chance (one and a half standard deviations), if the true one
    /// is `inherent`.
    chance: f64,
}

const SECOND: Duration = Duration::from_secs(1);
/// With fewer packets than this a second's share means nothing; the window then goes on.
const SECOND_PACKETS: u32 = 20;
/// Two moments in a row of which half is lost are a queue that has no room left, and no burst of the path's own.
/// Together they are the 300 ms that the delay takes to tell the same.
const MOMENT: Duration = Duration::from_millis(150);
const MOMENT_PACKETS: u32 = 12;
const HALF: f64 = 0.4;
/// Above this share the bound falls, below the other one nothing is bound.
const HIGH: f64 = 0.1;
const LOW: f64 = 0.05;
/// Above this share the queue is full: what arrives is what the path carries.
const FULL: f64 = 0.3;
/// Of what arrives through a full queue so much is sent on, so that the queue drains.
const DRAIN: f64 = 0.9;
/// A full queue and the way there and back: until then feedback speaks of what was sent before.
const DEAF: Duration = Duration::from_millis(400);
/// When this part of the rate is left and most of the loss stayed, the loss is the path's own.
const FELL_TO: f64 = 0.75;
const STAYED: f64 = 0.7;
/// A path gets worse slowly; each second it may own so much more.
const WORSE: f64 = 0.002;
/// What the path owns follows a lower share by this part each second.
const BETTER: f64 = 0.2;

impl Default for LossBound {
    fn default() -> Self {
        Self {
            bound: f64::INFINITY,
            second: Window::default(),
            moment: Window::default(),
            was_halved: false,
            deaf_until: None,
            descent: None,
            inherent: 0.0,
        }
    }
}

impl Window {
    fn add(&mut self, now: Instant, fates: Fates) {
        self.began.get_or_insert(now);
        self.seen.lost += fates.lost;
        self.seen.received += fates.received;
        self.seen.bytes += fates.bytes;
    }

    /// What it says once it is long and full enough; the next window then begins.
    #[expect(clippy::cast_precision_loss, reason = "a second holds far less than 2^53 bytes")]
    fn take(&mut self, now: Instant, length: Duration, packets: u32, inherent: f64) -> Option<Observed> {
        let elapsed = now.saturating_duration_since(self.began?);
        let total = self.seen.lost + self.seen.received;
        if elapsed < length || total < packets {
            return None;
        }
        let share = f64::from(self.seen.lost) / f64::from(total);
        let sent = self.seen.bytes as f64 * 8.0 / elapsed.as_secs_f64();
        let chance = 1.5 * (inherent * (1.0 - inherent) / f64::from(total)).sqrt();
        *self = Self { seen: Fates::default(), began: Some(now) };
        Some(Observed { share, sent, chance })
    }
}

impl LossBound {
    /// Takes what one feedback message told; `estimate` is what the delay allows. True: the loss has ended.
    pub(super) fn add(&mut self, now: Instant, fates: Fates, estimate: f64) -> bool {
        if self.deaf_until.is_some_and(|until| now < until) {
            return false;
        }
        self.second.add(now, fates);
        self.moment.add(now, fates);
        if let Some(observed) = self.moment.take(now, MOMENT, MOMENT_PACKETS, self.inherent) {
            let is_halved = observed.share - self.inherent > HALF;
            if is_halved && self.was_halved {
                self.fall(now, observed, estimate);
                return false;
            }
            self.was_halved = is_halved;
        }
        let observed = self.second.take(now, SECOND, SECOND_PACKETS, self.inherent);
        observed.is_some_and(|observed| self.on_second(now, observed, estimate))
    }

    fn on_second(&mut self, now: Instant, observed: Observed, estimate: f64) -> bool {
        let Observed { share, chance, .. } = observed;
        let has_eased = self.inherent > share + LOW + chance;
        self.inherent = if has_eased {
            share
        } else if share < self.inherent {
            self.inherent - BETTER * (self.inherent - share)
        } else {
            share.min(self.inherent + WORSE)
        };
        let excess = share - self.inherent - chance;
        if excess > HIGH {
            self.fall(now, observed, estimate);
        } else if excess < LOW {
            let was_bound = self.bound.is_finite();
            (self.bound, self.descent) = (f64::INFINITY, None);
            return was_bound || has_eased;
        }
        false
    }

    /// An outage: the second that it is in counts for nothing.
    pub(super) fn skip(&mut self) {
        self.listen_anew();
        self.deaf_until = None;
    }

    /// A probe went through without loss at this rate.
    pub(super) fn raise_to(&mut self, bits_per_second: f64) {
        self.bound = self.bound.max(bits_per_second);
    }

    pub(super) fn bound(&self) -> f64 {
        self.bound
    }

    /// Share that the path loses at any rate.
    pub(super) fn inherent(&self) -> f64 {
        self.inherent
    }

    #[cfg(test)]
    pub(super) fn assume_inherent(&mut self, share: f64) {
        self.inherent = share;
    }

    fn listen_anew(&mut self) {
        (self.second, self.moment, self.was_halved) = (Window::default(), Window::default(), false);
    }

    fn fall(&mut self, now: Instant, Observed { share, sent, .. }: Observed, estimate: f64) {
        let (sent_then, share_then) = *self.descent.get_or_insert((sent, share));
        if sent > sent_then {
            self.descent = Some((sent, share));
        } else if sent < FELL_TO * sent_then && share > STAYED * share_then && share < FULL {
            self.inherent = share;
            (self.bound, self.descent) = (f64::INFINITY, None);
            return;
        }
        // The loss was seen at the rate that was sent, however much the estimate allowed.
        let bound = self.bound.min(estimate);
        self.bound = if share > FULL {
            DRAIN * bound.min(sent * (1.0 - share))
        } else {
            bound.min(sent) * (1.0 - 0.5 * share)
        };
        self.listen_anew();
        self.deaf_until = Some(now + DEAF);
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
            let fates =
                Fates { lost, received: 1_000 - lost, bytes: (sent / 8.0) as u64, ..Fates::default() };
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

    /// Half of each 50 ms of packets is lost, from the first on.
    #[test]
    fn a_queue_that_is_full_from_the_start_shows_within_300_ms_and_one_burst_does_not() {
        let start = Instant::now();
        let lost_of = |moment: u64, lost: u32| {
            let fates = Fates { lost, received: 10 - lost, bytes: 6_250, ..Fates::default() };
            (start + Duration::from_millis(50 * moment), fates)
        };
        let mut full = LossBound::default();
        for (now, fates) in (0..=7).map(|moment| lost_of(moment, 5)) {
            full.add(now, fates, 2e6);
        }
        assert!((400_000.0..500_000.0).contains(&full.bound()), "1 Mb/s sent: {}", full.bound());
        let mut burst = LossBound::default();
        for (now, fates) in (0..=15).map(|moment| lost_of(moment, if moment == 4 { 10 } else { 0 })) {
            burst.add(now, fates, 2e6);
        }
        assert!(burst.bound().is_infinite());
    }
}
