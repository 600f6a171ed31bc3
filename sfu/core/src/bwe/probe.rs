//! Short bursts above the estimate, to see whether the path carries more.

use std::num::NonZeroU32;
use std::time::{Duration, Instant};

use super::Bitrate;
use super::history::Ack;

/// What to send now as part of a probe: padding or repeated packets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ProbeRequest {
    /// About this many bytes, all with [`super::SendKind::Probe`].
    pub bytes: usize,
}

/// What a cluster measured.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct ProbeResult {
    pub(super) bits_per_second: f64,
    /// It arrived more slowly than it was sent: this is what the path carries.
    pub(super) saturated: bool,
    /// So much of it was lost that it proves nothing about a higher rate.
    pub(super) lossy: bool,
}

/// Decides when to probe and reads the result.
///
/// ```text
/// Idle ──due──▶ Sending ──all sent──▶ Waiting ──result or 500 ms──▶ Idle
/// ```
#[derive(Debug)]
pub(super) struct Prober {
    desired: Bitrate,
    state: State,
    /// Number of the last cluster.
    cluster: NonZeroU32,
    next: Option<Instant>,
}

#[derive(Debug)]
enum State {
    Idle,
    Sending { cluster: Cluster, began: Instant },
    Waiting { cluster: Cluster, ended: Instant },
}

/// One burst.
#[derive(Debug, Clone, Copy)]
struct Cluster {
    rate: Bitrate,
    goal_bytes: usize,
    sent_bytes: usize,
    sent_packets: u32,
    acks: Acks,
}

#[derive(Debug, Clone, Copy, Default)]
struct Acks {
    packets: u32,
    bytes: usize,
    first: Option<Ack>,
    last: Option<Ack>,
    newest_arrival: i64,
}

/// Probes go this far beyond what is desired: the allocation wants room above a layer before it steps up.
const DESIRED_ROOM: f64 = 1.4;

/// A cluster lasts this long, so that it fills a link's buffer enough to show.
const LENGTH: Duration = Duration::from_millis(40);
/// Fewer packets measure nothing.
const MIN_PACKETS: u32 = 5;
const MIN_BYTES: usize = 1_500;
/// Between two probes that found nothing. A returning path must be found within a few seconds.
const INTERVAL: Duration = Duration::from_secs(3);
/// After the estimate fell: it may have been a false alarm.
const AFTER_DECREASE: Duration = Duration::from_millis(1_200);
/// After a probe that found room: look for more at once.
const SOON: Duration = Duration::from_millis(150);
/// Feedback for a cluster comes within a round trip and a feedback interval.
const RESULT_TIMEOUT: Duration = Duration::from_millis(600);
/// Time between two parts of a cluster.
const SLOT: Duration = Duration::from_millis(5);

impl Default for Prober {
    fn default() -> Self {
        Self { desired: Bitrate::ZERO, state: State::Idle, cluster: NonZeroU32::MIN, next: None }
    }
}

impl Prober {
    pub(super) fn set_desired(&mut self, desired: Bitrate) {
        self.desired = desired;
    }

    /// Bits per second beyond which nobody wants to know; infinite while nothing is desired.
    pub(super) fn highest_useful(&self) -> f64 {
        if self.desired == Bitrate::ZERO { f64::INFINITY } else { self.desired.as_f64() * DESIRED_ROOM }
    }

    /// The estimate fell: the next probe waits, and a burst under way is void.
    pub(super) fn on_decrease(&mut self, now: Instant) {
        self.next = Some(now + AFTER_DECREASE);
        self.state = State::Idle;
    }

    /// Something that held the estimate down has ended: the next probe comes at once.
    pub(super) fn hurry(&mut self, now: Instant) {
        self.next = Some(now);
    }

    /// Cluster that a packet of `bytes` belongs to. Media that leaves meanwhile is part of the burst too: it
    /// takes its share of the path.
    pub(super) fn on_send(&mut self, bytes: usize) -> Option<NonZeroU32> {
        match &mut self.state {
            State::Sending { cluster, .. } => {
                cluster.sent_bytes += bytes;
                cluster.sent_packets += 1;
                Some(self.cluster)
            }
            State::Idle | State::Waiting { .. } => None,
        }
    }

    /// True while a burst is under way: the queue that shows is its own.
    pub(super) const fn is_probing(&self) -> bool {
        !matches!(self.state, State::Idle)
    }

    pub(super) fn on_ack(&mut self, ack: &Ack) {
        if ack.cluster != Some(self.cluster) {
            return;
        }
        if let State::Sending { cluster, .. } | State::Waiting { cluster, .. } = &mut self.state {
            let acks = &mut cluster.acks;
            acks.packets += 1;
            acks.bytes += ack.bytes;
            acks.first.get_or_insert(*ack);
            acks.newest_arrival = acks.newest_arrival.max(ack.arrived_micros);
            acks.last = Some(*ack);
        }
    }

    /// What to send now. `calm`: the path shows no queue.
    pub(super) fn poll(&mut self, now: Instant, estimate: Bitrate, calm: bool) -> Option<ProbeRequest> {
        if let State::Sending { cluster, began } = &self.state {
            let elapsed = now.saturating_duration_since(*began);
            if cluster.sent_bytes >= cluster.goal_bytes || elapsed > 3 * LENGTH {
                self.state = State::Waiting { cluster: *cluster, ended: now };
                return None;
            }
            let due = cluster.rate.bytes_in(elapsed + SLOT).min(cluster.goal_bytes);
            let bytes = due.saturating_sub(cluster.sent_bytes);
            return (bytes > 0).then_some(ProbeRequest { bytes });
        }
        if !matches!(self.state, State::Idle) || self.next.is_some_and(|at| at > now) {
            return None;
        }
        // The wait is over: every feedback is an occasion now, and no timer is needed for the next one.
        self.next = None;
        if !calm {
            return None;
        }
        let rate = estimate.scaled(2.0).min(self.desired.scaled(DESIRED_ROOM));
        if rate < estimate.scaled(1.1) {
            return None;
        }
        self.cluster = self.cluster.checked_add(1).unwrap_or(NonZeroU32::MIN);
        self.next = Some(now + INTERVAL);
        let goal_bytes = rate.bytes_in(LENGTH).max(MIN_BYTES);
        let acks = Acks::default();
        let cluster = Cluster { rate, goal_bytes, sent_bytes: 0, sent_packets: 0, acks };
        self.state = State::Sending { cluster, began: now };
        Some(ProbeRequest { bytes: rate.bytes_in(SLOT).clamp(1, goal_bytes) })
    }

    /// The result of a finished cluster, once.
    ///
    /// `inherent` is the share that the path loses at any rate.
    pub(super) fn poll_result(&mut self, now: Instant, inherent: f64) -> Option<ProbeResult> {
        let State::Waiting { cluster, ended } = &self.state else { return None };
        let complete = cluster.acks.packets == cluster.sent_packets;
        if !complete && now.saturating_duration_since(*ended) < RESULT_TIMEOUT {
            return None;
        }
        let result = measure(cluster, inherent);
        let found_room = result.is_some_and(|result| !result.saturated && !result.lossy);
        if found_room {
            self.next = Some(now + SOON);
        }
        self.state = State::Idle;
        result
    }

    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        match &self.state {
            State::Idle if self.desired == Bitrate::ZERO => None,
            State::Idle => self.next,
            State::Sending { cluster, began } => {
                Some(*began + LENGTH.min(time_for(cluster.sent_bytes, cluster.rate)))
            }
            State::Waiting { ended, .. } => Some(*ended + RESULT_TIMEOUT),
        }
    }
}

/// Rates of sending and arriving, each over the gaps between its packets.
#[expect(clippy::cast_precision_loss, reason = "a cluster is a few kilobytes in some milliseconds")]
fn measure(cluster: &Cluster, inherent: f64) -> Option<ProbeResult> {
    let acks = &cluster.acks;
    let (first, last) = (acks.first?, acks.last?);
    let expected = f64::from(cluster.sent_packets) * (1.0 - inherent);
    if acks.packets < MIN_PACKETS || f64::from(acks.packets) < 0.7 * expected {
        return None;
    }
    // A gap follows each packet but the last one sent, and precedes each but the first one received.
    let sent_span = (last.sent_micros - first.sent_micros).max(1_000) as f64;
    let arrived_span = (acks.newest_arrival - first.arrived_micros).max(1_000) as f64;
    let sent = (acks.bytes - last.bytes) as f64 * 8_000_000.0 / sent_span;
    let arrived = (acks.bytes - first.bytes) as f64 * 8_000_000.0 / arrived_span;
    let saturated = arrived < 0.9 * sent;
    let bits_per_second =
        if saturated { 0.95 * arrived } else { sent.min(arrived).min(cluster.rate.as_f64()) };
    Some(ProbeResult { bits_per_second, saturated, lossy: f64::from(acks.packets) < 0.9 * expected })
}

fn time_for(bytes: usize, rate: Bitrate) -> Duration {
    let micros = bytes as u64 * 8_000_000 / rate.0.max(1);
    Duration::from_micros(micros)
}
