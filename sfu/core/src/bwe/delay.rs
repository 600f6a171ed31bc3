//! Whether a queue grows on the path: the slope of the one-way delay over the last packet groups
//! (draft-ietf-rmcat-gcc-02 §4, with a trend line in place of the Kalman filter).

use std::collections::VecDeque;

/// What the delay says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Usage {
    /// The queue drains.
    Under,
    /// No change.
    #[default]
    Normal,
    /// The queue grows.
    Over,
}

/// Packets sent within 5 ms of each other count as one, and so do packets that arrive in one burst.
#[derive(Debug, Clone, Copy)]
struct Group {
    first_sent: i64,
    last_sent: i64,
    first_arrived: i64,
    last_arrived: i64,
}

impl Group {
    const fn new(sent: i64, arrived: i64) -> Self {
        Self { first_sent: sent, last_sent: sent, first_arrived: arrived, last_arrived: arrived }
    }

    /// True when a packet belongs to the group.
    const fn takes(&self, sent: i64, arrived: i64) -> bool {
        let (sent_later, arrived_later) = (sent - self.last_sent, arrived - self.last_arrived);
        // Packets that waited for the receiver's processor arrive faster than they were sent.
        let is_burst = arrived_later <= BURST_GAP_MICROS
            && arrived_later < sent_later
            && arrived - self.first_arrived <= BURST_MICROS;
        sent - self.first_sent <= GROUP_MICROS || is_burst
    }
}

/// The detector. Times are in microseconds, delays in milliseconds.
#[derive(Debug)]
pub(super) struct DelayTrend {
    current: Option<Group>,
    previous: Option<Group>,
    accumulated: f64,
    smoothed: f64,
    /// Arrival (ms) and smoothed delay (ms).
    points: VecDeque<(f64, f64)>,
    deltas: u32,
    threshold: f64,
    threshold_updated: Option<f64>,
    over_since: Option<f64>,
    last_slope: f64,
    jitter: Jitter,
    packet_ms: f64,
    base: Base,
    usage: Usage,
}

/// The shortest smoothed delay of the last seconds, against which a queue shows.
#[derive(Debug, Clone, Copy, Default)]
struct Base {
    current: Option<f64>,
    previous: Option<f64>,
    since: f64,
}

impl Base {
    /// Takes a smoothed delay; returns the shortest (ms).
    fn update(&mut self, arrived: f64, delay: f64) -> f64 {
        if arrived - self.since > BASE_MS {
            self.previous = self.current.take();
            self.since = arrived;
        }
        let current = self.current.map_or(delay, |shortest| shortest.min(delay));
        self.current = Some(current);
        self.previous.map_or(current, |previous| previous.min(current))
    }
}

/// How much the delay of a group varies for itself (ms). A queue that grows or drains adds about the same from group
/// to group, so what counts is how much one step differs from the last.
#[derive(Debug, Clone, Copy, Default)]
struct Jitter {
    step: f64,
    deviation: f64,
    /// How many groups it is the mean of, up to [`JITTER_GROUPS`].
    groups: f64,
}

impl Jitter {
    fn add(&mut self, step: f64) {
        // Of independent delays with deviation 1 such differences have a mean magnitude of 1.95.
        let sample = (step - self.step).abs() / 1.95;
        self.step = step;
        self.groups = (self.groups + 1.0).min(JITTER_GROUPS);
        self.deviation += (sample.min(MAX_JITTER_MS) - self.deviation) / self.groups;
    }
}

/// Groups over which jitter is averaged: some two seconds.
const JITTER_GROUPS: f64 = 128.0;
/// A blackout is no jitter.
const MAX_JITTER_MS: f64 = 100.0;
/// A queue counts when it is longer than so many deviations of the jitter.
const JITTERS: f64 = 2.0;

const GROUP_MICROS: i64 = 5_000;
const BURST_GAP_MICROS: i64 = 5_000;
const BURST_MICROS: i64 = 100_000;
const POINTS: usize = 20;
const SMOOTHING: f64 = 0.9;
/// The slope of a point is multiplied by this and by the number of deltas (at most [`MAX_DELTAS`]), so that
/// it compares with a threshold in milliseconds.
const GAIN: f64 = 4.0;
const MAX_DELTAS: u32 = 60;
const FIRST_THRESHOLD: f64 = 12.5;
/// The threshold follows the trend slowly upwards and quickly downwards, so that competing flows do not
/// starve us (GCC §4.4).
const THRESHOLD_UP: f64 = 0.0087;
const THRESHOLD_DOWN: f64 = 0.039;
/// Overuse must last this long (ms).
const OVERUSE_MS: f64 = 10.0;
/// A queue shorter than this (ms) is no overuse, whatever the trend: a single late packet bends the line for
/// half a second, while its successors are on time again.
const MIN_QUEUE_MS: f64 = 12.0;
/// Half of the time over which the shortest delay is remembered; clocks drift apart.
const BASE_MS: f64 = 5_000.0;
/// After such a silence in arrivals the old trend means nothing.
const STALE_MICROS: i64 = 2_000_000;

impl Default for DelayTrend {
    fn default() -> Self {
        Self {
            current: None,
            previous: None,
            accumulated: 0.0,
            smoothed: 0.0,
            points: VecDeque::with_capacity(POINTS + 1),
            deltas: 0,
            threshold: FIRST_THRESHOLD,
            threshold_updated: None,
            over_since: None,
            last_slope: 0.0,
            jitter: Jitter::default(),
            packet_ms: 0.0,
            base: Base::default(),
            usage: Usage::Normal,
        }
    }
}

impl DelayTrend {
    pub(super) fn usage(&self) -> Usage {
        self.usage
    }

    /// Forgets the delays so far; the threshold stays.
    pub(super) fn restart(&mut self) {
        *self = Self { threshold: self.threshold, ..Self::default() };
    }

    /// Takes one acknowledged packet, in the order of sending, on a path that carries a full one in `packet_ms`.
    pub(super) fn add(&mut self, sent: i64, arrived: i64, packet_ms: f64) {
        self.packet_ms = packet_ms;
        let Some(mut group) = self.current else {
            self.current = Some(Group::new(sent, arrived));
            return;
        };
        if sent < group.first_sent {
            return;
        }
        if arrived - group.last_arrived > STALE_MICROS {
            self.restart();
            return;
        }
        if group.takes(sent, arrived) {
            group.last_sent = group.last_sent.max(sent);
            group.last_arrived = group.last_arrived.max(arrived);
            self.current = Some(group);
            return;
        }
        if let Some(previous) = self.previous {
            self.add_delta(previous, group);
        }
        self.previous = Some(group);
        self.current = Some(Group::new(sent, arrived));
    }

    fn add_delta(&mut self, previous: Group, group: Group) {
        let delay = (group.last_arrived - previous.last_arrived) - (group.last_sent - previous.last_sent);
        self.deltas = (self.deltas + 1).min(MAX_DELTAS);
        self.accumulated += millis(delay);
        self.jitter.add(millis(delay));
        self.smoothed = SMOOTHING * self.smoothed + (1.0 - SMOOTHING) * self.accumulated;
        let arrived = millis(group.last_arrived);
        let shortest = self.base.update(arrived, self.smoothed);
        self.points.push_back((arrived, self.smoothed));
        if self.points.len() > POINTS {
            self.points.pop_front();
        }
        if self.points.len() == POINTS {
            let slope = self.slope();
            self.detect(arrived, slope, shortest);
        }
    }

    /// Least squares through the points.
    fn slope(&self) -> f64 {
        #[expect(clippy::cast_precision_loss, reason = "at most 20 points")]
        let count = self.points.len() as f64;
        let (sum_x, sum_y) = self.points.iter().fold((0.0, 0.0), |(x, y), point| (x + point.0, y + point.1));
        let (mean_x, mean_y) = (sum_x / count, sum_y / count);
        let (above, below) = self.points.iter().fold((0.0, 0.0), |(above, below), point| {
            let (dx, dy) = (point.0 - mean_x, point.1 - mean_y);
            (above + dx * dy, below + dx * dx)
        });
        if below > 0.0 { above / below } else { 0.0 }
    }

    fn detect(&mut self, arrived: f64, slope: f64, shortest: f64) {
        let trend = f64::from(self.deltas) * slope * GAIN;
        // On a slow path frames of uneven size arrive unevenly: what one packet takes is no jitter.
        let least = MIN_QUEUE_MS + JITTERS * (self.jitter.deviation - self.packet_ms).max(0.0);
        // Jitter moves single delays, and after a late group the smoothed one stays long: a queue shows in both.
        let begins = self.smoothed.min(self.accumulated) - shortest > least;
        let stands = self.accumulated - shortest > MIN_QUEUE_MS;
        if trend > self.threshold {
            if self.usage == Usage::Over && !stands {
                self.usage = Usage::Normal;
            }
            let since = *self.over_since.get_or_insert(arrived);
            if arrived - since > OVERUSE_MS && slope >= self.last_slope && begins {
                self.usage = Usage::Over;
            }
        } else {
            self.over_since = None;
            self.usage = if trend < -self.threshold { Usage::Under } else { Usage::Normal };
        }
        self.last_slope = slope;
        let distance = trend.abs() - self.threshold;
        if distance < 15.0 {
            let gain = if distance < 0.0 { THRESHOLD_DOWN } else { THRESHOLD_UP };
            let elapsed = self.threshold_updated.map_or(0.0, |at| (arrived - at).clamp(0.0, 100.0));
            self.threshold = (self.threshold + gain * distance * elapsed).clamp(6.0, 600.0);
        }
        self.threshold_updated = Some(arrived);
    }
}

#[expect(clippy::cast_precision_loss, reason = "microseconds of a session stay below 2^53")]
fn millis(micros: i64) -> f64 {
    micros as f64 / 1000.0
}
