//! How fast the subscriber receives.

use std::collections::VecDeque;

/// Rate of acknowledged bytes over the last half second of arrivals.
#[derive(Debug, Default)]
pub(super) struct AckedRate {
    /// Arrival and bytes.
    arrivals: VecDeque<(i64, usize)>,
    bytes: usize,
}

const WINDOW_MICROS: i64 = 500_000;
const RECENT_MICROS: i64 = 200_000;
/// On a slow path a packet more or less would make the difference.
const RECENT_BYTES: usize = 10_000;
/// A shorter span says little: one burst at line rate would look like a fast path.
const SHORTEST_MICROS: i64 = 150_000;

impl AckedRate {
    pub(super) fn add(&mut self, arrived_micros: i64, bytes: usize) {
        self.arrivals.push_back((arrived_micros, bytes));
        self.bytes += bytes;
        while let Some(&(first, size)) = self.arrivals.front() {
            if arrived_micros - first <= WINDOW_MICROS || self.arrivals.len() <= 5 {
                break;
            }
            self.bytes -= size;
            self.arrivals.pop_front();
        }
    }

    /// Bits per second; `None` before enough has arrived.
    #[expect(clippy::cast_precision_loss, reason = "half a second holds far less than 2^53")]
    pub(super) fn rate(&self) -> Option<f64> {
        let (&(first, _), &(last, _)) = (self.arrivals.front()?, self.arrivals.back()?);
        if self.arrivals.len() < 5 {
            return None;
        }
        let span = (last - first).max(SHORTEST_MICROS);
        Some(self.bytes as f64 * 8_000_000.0 / span as f64)
    }

    /// The same over the last [`RECENT_MICROS`], if that was much: while a queue stands this is what the path
    /// carries, although half a second ago less was sent.
    #[expect(clippy::cast_precision_loss, reason = "half a second holds far less than 2^53")]
    pub(super) fn recent(&self) -> Option<f64> {
        let last = self.arrivals.back()?.0;
        let recent = self.arrivals.iter().rev().take_while(|(at, _)| last - at < RECENT_MICROS);
        let bytes: usize = recent.map(|(_, bytes)| bytes).sum();
        (bytes >= RECENT_BYTES).then_some(bytes as f64 * 8_000_000.0 / RECENT_MICROS as f64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_recent_rate_is_that_of_a_link_which_has_just_filled() {
        let mut acked = AckedRate::default();
        assert_eq!(acked.recent(), None);
        // 300 kb/s for half a second, then what 600 kb/s carry.
        let slow = (0..20).map(|packet| packet * 25_000);
        let fast = (0..16).map(|packet| 500_000 + packet * 12_500);
        slow.for_each(|at| acked.add(at, 938));
        assert_eq!(acked.recent(), None, "a slow path's few packets tell nothing");
        fast.for_each(|at| acked.add(at, 938));
        let (rate, recent) = (acked.rate().unwrap(), acked.recent().unwrap());
        assert!((340_000.0..480_000.0).contains(&rate), "{rate}");
        assert!((560_000.0..660_000.0).contains(&recent), "{recent}");
    }
}
