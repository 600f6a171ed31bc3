//! How much one subscriber's path carries, and which layers fit into it.
//!
//! The boundary is [`Bwe::on_send`], [`Bwe::on_feedback`] and [`Bwe::poll`]; what is inside may change. It
//! sends nothing: a probe is a request to the caller. [`allocate`] turns the estimate into layers.
//!
//! ```text
//! on_send ─▶ history ◀─ on_feedback ─▶ delay trend ─▶ increase | hold | decrease ─┐
//!                            ├───────▶ loss ───────▶ upper bound ──────────────────┼─▶ estimate
//!                            └───────▶ probe clusters ─────────────────────────────┘
//! ```

mod acked;
mod allocation;
mod bitrate;
mod climb;
mod delay;
mod history;
mod loss;
mod probe;

use std::time::{Duration, Instant};

pub use allocation::{Allocation, Demand, Priority, allocate};
pub use bitrate::{Bitrate, RateMeter};
pub use climb::Climb;
pub use probe::ProbeRequest;

use self::acked::AckedRate;
use self::delay::{DelayTrend, Usage};
use self::history::{Ack, History};
use self::loss::{Fates, LossBound};
use self::probe::Prober;
use crate::rtcp::TwccFeedback;
use crate::rtp::SeqNo;

/// Why a packet was sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SendKind {
    /// Media.
    Media,
    /// Answer to a NACK.
    Retransmission,
    /// Part of a probe.
    Probe,
}

/// What the path carries, and what the estimator wants next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Estimate {
    /// Everything sent to this subscriber together must stay below it.
    pub bitrate: Bitrate,
    /// Send this now, if anything.
    pub probe: Option<ProbeRequest>,
}

/// Bounds of the estimate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BweConfig {
    /// Before any feedback.
    pub start: Bitrate,
    /// Never below: sound still goes through.
    pub min: Bitrate,
    /// Never above.
    pub max: Bitrate,
}

impl Default for BweConfig {
    fn default() -> Self {
        Self { start: Bitrate::from_kbps(800), min: Bitrate::from_kbps(50), max: Bitrate::from_kbps(50_000) }
    }
}

/// What the estimate rests on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Knowledge {
    /// Nothing was heard of the path.
    Nothing,
    /// It carries what was sent; until then, the first probes may find more.
    CarriesMore(Instant),
    /// It showed a limit, or had its time.
    Measured,
}

/// Estimator for one subscriber's transport.
#[derive(Debug)]
pub struct Bwe {
    config: BweConfig,
    history: History,
    trend: DelayTrend,
    acked: AckedRate,
    loss: LossBound,
    prober: Prober,
    /// Bits per second that the delay allows.
    target: f64,
    /// What the link carried when it was last full; growth near it is slow.
    link: Option<f64>,
    last_update: Option<Instant>,
    last_decrease: Option<Instant>,
    /// Overuse while little was sent; a second one soon after it is believed.
    first_strike: Option<Instant>,
    /// Something is out since then, and nothing has been heard since.
    waiting_since: Option<Instant>,
    /// The estimate falls then, unless something is heard before.
    silent_at: Option<Instant>,
    knowledge: Knowledge,
    acks: Vec<Ack>,
}

/// A backlog drains within this time after a decrease; a second decrease on the same backlog is wrong.
const DECREASE_INTERVAL: Duration = Duration::from_millis(300);
/// Share of the acknowledged rate that remains after overuse, so that the queue drains.
const BACKOFF: f64 = 0.85;
/// With less than this share of the estimate acknowledged, it is we who send little.
const APPLICATION_LIMITED: f64 = 0.6;
/// What a first, doubtful sign of overuse leaves of the estimate.
const FIRST_STRIKE: f64 = 0.8;
/// A second sign within this time confirms it.
const STRIKES_WITHIN: Duration = Duration::from_millis(1_000);
/// Growth per second while the link's limit is unknown.
const GROWTH: f64 = 1.08;
/// Near the limit: one packet of the size that a picture of this rate has, each 200 ms (GCC §5.5, with a usual
/// response time).
const RESPONSE_SECONDS: f64 = 0.2;
const FRAMES_PER_SECOND: f64 = 30.0;
const PACKET_BITS: f64 = 9_600.0;
/// And no slower than this, in bits per second each second.
const LEAST_GROWTH: f64 = 4_000.0;
/// The estimate grows on its own only up to this multiple of what was acknowledged; beyond it only a probe
/// proves anything.
const ACKED_CAP: f64 = 1.5;
/// Without any sign of a limit the estimate counts as a guess for so long after the first feedback: the first
/// probes take a second, and a picture that was paused meanwhile would stay away for longer.
const GUESSING: Duration = Duration::from_secs(2);
/// A probe that carried so many times the estimate has found no limit yet.
const ROOM_FOUND: f64 = 1.5;
/// Feedback comes each 50 to 100 ms; without any for this long the path is gone or full.
const FEEDBACK_TIMEOUT: Duration = Duration::from_millis(1500);
/// Without feedback for so long, and with so many packets lost, the path was gone.
const OUTAGE: Duration = Duration::from_millis(500);
const OUTAGE_PACKETS: u32 = 8;

impl Bwe {
    /// Knows nothing yet.
    #[must_use]
    pub fn new(config: BweConfig) -> Self {
        Self {
            config,
            history: History::default(),
            trend: DelayTrend::default(),
            acked: AckedRate::default(),
            loss: LossBound::default(),
            prober: Prober::default(),
            target: config.start.as_f64(),
            link: None,
            last_update: None,
            last_decrease: None,
            first_strike: None,
            waiting_since: None,
            silent_at: None,
            knowledge: Knowledge::Nothing,
            acks: Vec::new(),
        }
    }

    /// A packet of `bytes` (UDP payload) left under this transport-wide number; numbers are consecutive.
    pub fn on_send(&mut self, now: Instant, seq: SeqNo, bytes: usize, kind: SendKind) {
        let cluster = self.prober.on_send(bytes);
        self.history.push(now, seq, bytes, (kind, cluster));
        if self.waiting_since.is_none() {
            self.waiting_since = Some(now);
            self.silent_at = Some(now + FEEDBACK_TIMEOUT);
        }
    }

    /// The subscriber told what arrived. True: its path was gone for a while, most of what was sent meanwhile
    /// is lost, and the path is back.
    pub fn on_feedback(&mut self, now: Instant, feedback: &TwccFeedback<'_>) -> bool {
        let silence = self.waiting_since.map(|at| now.saturating_duration_since(at));
        let mut acks = std::mem::take(&mut self.acks);
        acks.clear();
        let counts = self.history.on_feedback(feedback, &mut acks);
        let packet_ms = self.acked.rate().map_or(0.0, |rate| 1_000.0 * PACKET_BITS / rate.max(1.0));
        for ack in &acks {
            self.acked.add(ack.arrived_micros, ack.bytes);
            self.trend.add(ack.sent_micros, ack.arrived_micros, packet_ms);
            self.prober.on_ack(ack);
        }
        self.acks = acks;
        if self.knowledge == Knowledge::Nothing {
            self.knowledge = Knowledge::CarriesMore(now + GUESSING);
        }
        if counts == Fates::default() {
            // After a long outage the first message may speak only of what is forgotten.
            return false;
        }
        self.waiting_since = self.history.has_outstanding().then_some(now);
        self.silent_at = self.waiting_since.map(|at| at + FEEDBACK_TIMEOUT);
        let missed = counts.missing + counts.unreported;
        let returned = missed >= OUTAGE_PACKETS && silence.is_some_and(|time| time >= OUTAGE);
        if returned {
            // What an outage swallows says nothing of how much the path carries.
            self.loss.skip();
            self.history.forget_missing();
            self.trend.restart();
        } else {
            if self.loss.add(now, counts, self.target) {
                self.prober.hurry(now);
            }
            // Growth begins where the loss ended, not where it began.
            if self.loss.bound() < self.target {
                tracing::debug!(from = self.target, to = self.loss.bound(), ?counts, "much is lost");
                self.target = self.loss.bound();
                self.knowledge = Knowledge::Measured;
            }
        }
        self.update(now);
        returned
    }

    /// What the caller would send if it could, everything together; probes aim at it. Zero: no probes.
    pub fn set_desired(&mut self, desired: Bitrate) {
        self.prober.set_desired(desired);
    }

    /// The estimate now, and what to send as a probe. Call after feedback and at [`Self::poll_timeout`].
    pub fn poll(&mut self, now: Instant) -> Estimate {
        self.on_silence(now);
        if let Some(result) = self.prober.poll_result(now, self.loss.inherent()) {
            self.on_probe_result(now, result);
        }
        let bitrate = self.bitrate();
        let calm = self.is_calm(now, AFTER_DECREASE);
        let probe = if self.is_proved() { self.prober.poll(now, bitrate, calm) } else { None };
        Estimate { bitrate, probe }
    }

    /// When [`Self::poll`] has something new without feedback.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        [self.prober.poll_timeout(), self.silent_at].into_iter().flatten().min()
    }

    /// True while no queue grows, and none did for so long.
    #[must_use]
    pub fn is_calm(&self, now: Instant, for_long: Duration) -> bool {
        self.trend.usage() != Usage::Over
            && self.last_decrease.is_none_or(|at| now.saturating_duration_since(at) > for_long)
    }

    /// True once anything was heard of the path.
    #[must_use]
    pub const fn is_proved(&self) -> bool {
        !matches!(self.knowledge, Knowledge::Nothing)
    }

    /// True while the path may well carry more than the estimate, because it showed no limit yet and the first
    /// probes are under way.
    #[must_use]
    pub fn is_guess(&self, now: Instant) -> bool {
        match self.knowledge {
            Knowledge::Nothing => true,
            Knowledge::CarriesMore(until) => now < until,
            Knowledge::Measured => false,
        }
    }

    /// The estimate, without side effects.
    #[must_use]
    pub fn bitrate(&self) -> Bitrate {
        Bitrate::from_f64(self.target.min(self.loss.bound())).clamp(self.config.min, self.config.max)
    }

    /// Share of the packets that the path loses at any rate, as far as it is known.
    #[must_use]
    pub fn inherent_loss(&self) -> f64 {
        self.loss.inherent()
    }

    #[cfg(test)]
    pub(crate) fn assume_inherent_loss(&mut self, share: f64) {
        self.loss.assume_inherent(share);
    }

    fn update(&mut self, now: Instant) {
        let acked = self.acked.rate();
        let elapsed = self.last_update.map_or(Duration::ZERO, |at| now.saturating_duration_since(at));
        self.last_update = Some(now);
        let since_decrease = self.last_decrease.map(|at| now.saturating_duration_since(at));
        let may_change =
            since_decrease.is_none_or(|time| time > DECREASE_INTERVAL) && !self.prober.is_probing();
        match self.trend.usage() {
            Usage::Over => {
                if let Some(acked) = acked.filter(|_| may_change) {
                    // A picture that has just grown fills the link now, and did not half a second ago.
                    let carried =
                        self.acked.recent().map_or(acked, |recent| recent.min(self.target).max(acked));
                    self.on_overuse(now, carried);
                }
            }
            Usage::Under => {}
            Usage::Normal if may_change => {
                let Some(acked) = acked else { return };
                let seconds = elapsed.as_secs_f64().min(1.0);
                let near = self.link.is_some_and(|link| (acked - link).abs() < 0.2 * link);
                let grown = if near {
                    self.target + careful_growth(self.target) * seconds
                } else {
                    self.target * GROWTH.powf(seconds)
                };
                // Beyond what is desired an estimate is of no use, and unproved.
                let cap = (ACKED_CAP * acked + 10_000.0).min(self.prober.highest_useful());
                if self.target < cap {
                    self.target = grown.min(cap);
                }
            }
            Usage::Normal => {}
        }
        self.clamp();
    }

    /// The delay grows. When much less is sent than the estimate allows, one such moment may as well be the
    /// receiver's processor: the estimate then falls in two steps.
    fn on_overuse(&mut self, now: Instant, acked: f64) {
        let is_limited_by_us = acked < APPLICATION_LIMITED * self.target;
        let is_confirmed =
            self.first_strike.is_some_and(|at| now.saturating_duration_since(at) < STRIKES_WITHIN);
        let target = if is_limited_by_us && !is_confirmed {
            self.first_strike = Some(now);
            (ACKED_CAP * acked).max(FIRST_STRIKE * self.target)
        } else {
            self.link = Some(acked);
            BACKOFF * acked
        };
        self.last_decrease = Some(now);
        if target < self.target {
            tracing::debug!(from = self.target, to = target, acked, "the delay grows");
            self.target = target;
            self.knowledge = Knowledge::Measured;
            self.prober.on_decrease(now);
        }
    }

    fn on_probe_result(&mut self, now: Instant, result: probe::ProbeResult) {
        tracing::debug!(?result, target = self.target, "a probe ended");
        // A short burst that arrives a little stretched on a fast path is no limit.
        if result.lossy || (result.saturated && result.bits_per_second < ROOM_FOUND * self.target) {
            self.knowledge = Knowledge::Measured;
        }
        if result.bits_per_second > self.target && !result.lossy {
            self.target = result.bits_per_second;
            if self.link.is_some_and(|link| result.bits_per_second > 1.2 * link) {
                self.link = None;
            }
        } else if result.saturated {
            let floor = self.acked.rate().unwrap_or(result.bits_per_second);
            self.target = self.target.min(result.bits_per_second.max(floor));
        }
        if !result.lossy {
            self.loss.raise_to(result.bits_per_second);
        }
        // The burst's own queue says nothing of the media after it.
        self.trend.restart();
        self.last_update = Some(now);
        self.clamp();
    }

    /// Packets are out, and nothing is heard of them.
    fn on_silence(&mut self, now: Instant) {
        if self.is_proved() && self.silent_at.is_some_and(|at| at <= now) {
            tracing::debug!(from = self.target, "no feedback");
            self.target *= 0.5;
            self.knowledge = Knowledge::Measured;
            self.silent_at = Some(now + FEEDBACK_TIMEOUT);
            self.last_decrease = Some(now);
            self.clamp();
        }
    }

    fn clamp(&mut self) {
        self.target = self.target.clamp(self.config.min.as_f64(), self.config.max.as_f64());
    }
}

/// Bits per second that a rate near the limit grows each second.
fn careful_growth(rate: f64) -> f64 {
    let frame = rate / FRAMES_PER_SECOND;
    let packet = frame / (frame / PACKET_BITS).ceil().max(1.0);
    (packet / RESPONSE_SECONDS).max(LEAST_GROWTH)
}

/// No probe this soon after a decrease: the queue that caused it still drains.
const AFTER_DECREASE: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests;
