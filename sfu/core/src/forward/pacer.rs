//! ⑧ When a burst exceeds what the path carries, the rest leaves in slots of a few packets.
//!
//! It holds no packet: what waits stays in the publication's ring, and each [`super::Forwarding`] knows where
//! it stopped. Under budget a packet leaves in the turn that received it. Sound is never held back.

use std::time::{Duration, Instant};

use crate::bwe::Bitrate;

/// Held packets are looked at this often.
pub const SLOT: Duration = Duration::from_millis(5);

/// Faster than the estimate, so that a keyframe does not add to the delay of the frames after it for long;
/// slower than libwebrtc's 2.5, because a bottleneck's queue is what the burst would fill.
const PACE: f64 = 1.5;

/// What leaves at once: a frame of 30 per second is 33 ms of the rate, and its sound goes beside it.
const DEPTH: Duration = Duration::from_millis(50);

/// Three packets of full size leave at once on any path.
const MIN_DEPTH_BYTES: usize = 3_600;

/// A packet that has waited for so long is worth less than a keyframe of a smaller layer.
pub(super) const MAX_HELD: Duration = Duration::from_millis(400);

/// A token bucket in bytes that everything fills out and only pictures obey.
#[derive(Debug, Default)]
pub(super) struct Pacer {
    credit: f64,
    at: Option<Instant>,
}

impl Pacer {
    /// True while a packet may leave now.
    #[expect(clippy::cast_precision_loss, reason = "bytes of a slot are far below 2^53")]
    pub(super) fn may_send(&mut self, now: Instant, estimate: Bitrate) -> bool {
        let depth = estimate.bytes_in(DEPTH).max(MIN_DEPTH_BYTES) as f64;
        match self.at {
            None => self.credit = depth,
            Some(at) => {
                let seconds = now.saturating_duration_since(at).as_secs_f64();
                let earned = estimate.as_f64() * PACE / 8.0 * seconds;
                // Debts of sound and retransmissions are bounded, or pictures would wait for old sins.
                self.credit = (self.credit.max(-depth) + earned).min(depth);
            }
        }
        self.at = Some(now);
        self.credit > 0.0
    }

    /// A datagram of `bytes` left.
    #[expect(clippy::cast_precision_loss, reason = "bytes of a datagram")]
    pub(super) fn on_send(&mut self, bytes: usize) {
        self.credit -= bytes as f64;
    }
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "virtual time may begin anywhere")]
mod tests {
    use super::*;

    /// Bytes that leave within `slots` slots when there is always something to send.
    fn sent(estimate: Bitrate, slots: u32) -> usize {
        let start = Instant::now();
        let mut pacer = Pacer::default();
        let mut bytes = 0;
        for slot in 0..=slots {
            while pacer.may_send(start + SLOT * slot, estimate) {
                pacer.on_send(1_200);
                bytes += 1_200;
            }
        }
        bytes
    }

    #[test]
    fn a_frame_leaves_at_once_and_the_rest_of_a_burst_at_one_and_a_half_times_the_estimate() {
        let estimate = Bitrate::from_kbps(2_000);
        let at_once = sent(estimate, 0);
        assert!((12_500..=13_700).contains(&at_once), "{at_once}");
        let in_a_second = sent(estimate, 200) - at_once;
        assert!((370_000..=380_000).contains(&in_a_second), "{in_a_second}");
    }

    #[test]
    fn a_slot_of_a_usual_path_holds_one_to_three_packets() {
        for kbps in [500, 2_000, 3_800] {
            let estimate = Bitrate::from_kbps(kbps);
            let packets = (sent(estimate, 200) - sent(estimate, 0)) / 1_200;
            assert!((50..=600).contains(&packets), "{kbps} kb/s: {packets} packets in 200 slots");
        }
    }
}
