//! Waiting before the next try: longer each time, spread by chance.
//!
//! Counts failures and says a delay; sleeps not, and takes its chance from the caller.

use std::time::Duration;

/// Jittered exponential back-off: a delay between half and all of `min(cap, base × 2^failures)`, so
/// that many who failed together do not return together.
#[derive(Debug, Clone, Copy)]
pub struct Backoff {
    base: Duration,
    cap: Duration,
    failures: u32,
}

impl Backoff {
    /// No failure yet.
    #[must_use]
    pub const fn new(base: Duration, cap: Duration) -> Self {
        Self { base, cap, failures: 0 }
    }

    /// A try failed: how long to wait. `chance` is a uniformly random number.
    pub fn on_failure(&mut self, chance: u32) -> Duration {
        let ceiling = self.base.saturating_mul(1_u32.checked_shl(self.failures).unwrap_or(u32::MAX));
        self.failures = self.failures.saturating_add(1);
        // At least half, so that the sequence surely grows.
        ceiling.min(self.cap).mul_f64(0.5 + f64::from(chance) / f64::from(u32::MAX) / 2.0)
    }

    /// A try succeeded.
    pub fn on_success(&mut self) {
        self.failures = 0;
    }

    /// Failures since the last success.
    #[must_use]
    pub fn failures(&self) -> u32 {
        self.failures
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delays_grow_to_the_cap_and_begin_again_after_a_success() {
        let mut backoff = Backoff::new(Duration::from_millis(100), Duration::from_secs(1));
        let delays: Vec<_> = (0..6).map(|_| backoff.on_failure(u32::MAX).as_millis()).collect();
        assert_eq!(delays, [100, 200, 400, 800, 1_000, 1_000]);
        assert_eq!(backoff.failures(), 6);
        backoff.on_success();
        assert_eq!(backoff.on_failure(0), Duration::from_millis(50));
        for _ in 0..100 {
            assert!(backoff.on_failure(7) <= Duration::from_secs(1));
        }
    }
}
