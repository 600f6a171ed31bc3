//! ④ Where a frame lies on the mix's clock: RTP time → the sender's NTP time → running time. One offset per
//! participant, so that picture and sound stay together. Pure arithmetic on `now`; it holds no frame.
//!
//! ```text
//! ntp = report.ntp + (rtp − report.rtp) / clock rate             per track (RFC 3550 §6.4.1)
//! pts = ntp + offset,  offset = min(arrival − ntp)               per participant
//! ```
//! The smallest `arrival − ntp` belongs to the packet that queued least on its way.

use std::time::Duration;

use super::rtp::UnwrapTime;
use super::time::{ntp_to_ns, ticks_to_ns, to_ns};

/// An offset is left alone while the measured minimum is this near: the compositor would follow a change at
/// once, the audio mixer only in steps of its alignment threshold, and the two would part.
const DEAD_BAND_NS: i64 = 10_000_000;
/// Correction per [`WINDOW`]: 1 ms/s is ten times the drift of a bad quartz, and nobody sees it.
const SLEW_NS: i64 = 1_000_000;
/// The minimum is taken over this long.
const WINDOW: Duration = Duration::from_secs(1);
/// Further off than this, the path or the sender's clock has changed, not drifted: go there at once. Later
/// by so much, frames would begin to miss the mix's allowance.
const STEP_NS: i64 = 150_000_000;
/// A step to later needs so many windows in a row, because a burst of queueing looks the same.
const STEP_WINDOWS: u32 = 3;

/// Clock of one track: RTP time to the sender's NTP time.
#[derive(Debug)]
pub(crate) struct TrackClock {
    rate: u32,
    unwrap: UnwrapTime,
    mapping: Mapping,
}

/// ```text
/// Unmapped ──sender report──▶ Reported ◀──sender report── Assumed ◀──no report in time── Unmapped
/// ```
#[derive(Debug, Clone, Copy)]
enum Mapping {
    /// No report yet; the smallest `arrival − rtp` so far, ns.
    Unmapped { earliest_ns: Option<i64> },
    /// None came: the quickest packet so far is taken to have travelled in no time.
    Assumed { earliest_ns: i64 },
    /// As the last sender report says.
    Reported { ntp_ns: i64, ticks: i64 },
}

impl TrackClock {
    /// For a track with this RTP clock rate.
    pub(crate) fn new(rate: u32) -> Self {
        Self { rate, unwrap: UnwrapTime::default(), mapping: Mapping::Unmapped { earliest_ns: None } }
    }

    /// Takes a sender report. Returns what packets seen before the first report say about the offset.
    pub(crate) fn handle_report(&mut self, ntp: u64, rtp_time: u32) -> Option<i64> {
        let (ntp_ns, ticks) = (ntp_to_ns(ntp), self.unwrap.unwrap(rtp_time));
        let before = std::mem::replace(&mut self.mapping, Mapping::Reported { ntp_ns, ticks });
        let earliest_ns = match before {
            Mapping::Unmapped { earliest_ns } => earliest_ns?,
            Mapping::Assumed { earliest_ns } => earliest_ns,
            Mapping::Reported { .. } => return None,
        };
        // arrival − ntp = (arrival − rtp) − (report.ntp − report.rtp)
        Some(earliest_ns - (ntp_ns - ticks_to_ns(ticks, self.rate)))
    }

    /// Takes the RTP time of a packet that came `now`: its continuous ticks, and `arrival − ntp` once the
    /// track has a report.
    pub(crate) fn handle_packet(&mut self, now: Duration, rtp_time: u32) -> (i64, Option<i64>) {
        let ticks = self.unwrap.unwrap(rtp_time);
        let seen = to_ns(now) - ticks_to_ns(ticks, self.rate);
        let seen_ntp = match &mut self.mapping {
            Mapping::Unmapped { earliest_ns } => {
                *earliest_ns = Some(earliest_ns.map_or(seen, |earliest| earliest.min(seen)));
                None
            }
            Mapping::Assumed { .. } => None,
            Mapping::Reported { ntp_ns, ticks: at } => {
                Some(to_ns(now) - *ntp_ns - ticks_to_ns(ticks - *at, self.rate))
            }
        };
        (ticks, seen_ntp)
    }

    /// Running time of a continuous RTP time, given the participant's offset. `None` while the track has no
    /// report, real or assumed, or the participant no offset.
    pub(crate) fn running_ns(&self, ticks: i64, offset_ns: Option<i64>) -> Option<i64> {
        match self.mapping {
            Mapping::Unmapped { .. } => None,
            Mapping::Assumed { earliest_ns } => Some(earliest_ns + ticks_to_ns(ticks, self.rate)),
            Mapping::Reported { ntp_ns, ticks: at } => {
                Some(ntp_ns + ticks_to_ns(ticks - at, self.rate) + offset_ns?)
            }
        }
    }

    /// Gives up waiting for a report. Lip sync with the participant's other tracks is then only as good as
    /// their delays on the network are equal; the first report mends it.
    pub(crate) fn assume_report(&mut self) {
        if let Mapping::Unmapped { earliest_ns: Some(earliest_ns) } = self.mapping {
            self.mapping = Mapping::Assumed { earliest_ns };
        }
    }
}

/// Offset between one participant's NTP time and running time, shared by all of its tracks.
#[derive(Debug, Default)]
pub(crate) struct ParticipantClock {
    offset_ns: Option<i64>,
    window: Option<Window>,
    far_windows: u32,
    steps: u64,
}

#[derive(Debug, Clone, Copy)]
struct Window {
    min_ns: i64,
    end: Duration,
}

impl ParticipantClock {
    /// Takes one `arrival − ntp`. With `free`, the track it comes from has not pushed a frame yet and may
    /// lower the offset without a limit.
    pub(crate) fn observe(&mut self, now: Duration, seen_ns: i64, free: bool) {
        let offset = *self.offset_ns.get_or_insert(seen_ns);
        // Nothing arrives before it is sent: a packet far earlier than the offset allows proves it wrong.
        if seen_ns < offset && (free || seen_ns < offset - STEP_NS) {
            self.steps += u64::from(!free);
            self.offset_ns = Some(seen_ns);
        }
        let window = self.window.get_or_insert(Window { min_ns: seen_ns, end: now + WINDOW });
        window.min_ns = window.min_ns.min(seen_ns);
        if now >= window.end {
            let min_ns = window.min_ns;
            *window = Window { min_ns: seen_ns, end: now + WINDOW };
            self.follow(min_ns);
        }
    }

    /// Added to a sender's NTP time it gives running time; `None` before the first packet with a report.
    pub(crate) fn offset_ns(&self) -> Option<i64> {
        self.offset_ns
    }

    /// Times that the offset was moved after its start.
    pub(crate) fn steps(&self) -> u64 {
        self.steps
    }

    fn follow(&mut self, min_ns: i64) {
        let Some(offset) = self.offset_ns else { return };
        let error = min_ns - offset;
        self.far_windows = if error > STEP_NS { self.far_windows + 1 } else { 0 };
        let change = if self.far_windows >= STEP_WINDOWS {
            self.far_windows = 0;
            error
        } else if error.abs() <= DEAD_BAND_NS || error > STEP_NS {
            0
        } else {
            error.clamp(-SLEW_NS, SLEW_NS)
        };
        if change != 0 {
            self.steps += 1;
            self.offset_ns = Some(offset + change);
        }
    }
}

#[cfg(test)]
mod tests;
