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
}
