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

    /// Bits per second of the last moment; `None` when little arrived in it.
    ///
    /// While a queue grows this is what the link carries, also when little was sent before.
    #[expect(clippy::cast_precision_loss, reason = "a moment holds far less than 2^53")]
    pub(super) fn latest(&self) -> Option<f64> {
        let &(last, _) = self.arrivals.back()?;
        let moment = || self.arrivals.iter().rev().take_while(|(at, _)| last - at <= SHORTEST_MICROS);
        if moment().count() < 5 {
            return None;
        }
        let bytes: usize = moment().map(|&(_, bytes)| bytes).sum();
        Some(bytes as f64 * 8_000_000.0 / SHORTEST_MICROS as f64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_latest_rate_is_that_of_a_link_which_has_just_filled() {
        let mut acked = AckedRate::default();
        assert_eq!(acked.latest(), None);
        // 300 kb/s for half a second, then what 600 kb/s carry.
        let slow = (0..20).map(|packet| packet * 25_000);
        let fast = (0..12).map(|packet| 500_000 + packet * 12_500);
        slow.chain(fast).for_each(|at| acked.add(at, 938));
        let (rate, latest) = (acked.rate().unwrap(), acked.latest().unwrap());
        assert!((340_000.0..460_000.0).contains(&rate), "{rate}");
        assert!((560_000.0..660_000.0).contains(&latest), "{latest}");
    }
}
