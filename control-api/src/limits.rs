//! Limits on attempts, in memory: per key, so many in a window that slides.

use std::collections::HashMap;
use std::collections::VecDeque;
use std::hash::Hash;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::problem::Problem;

/// Counts attempts per key.
#[derive(Debug)]
pub(crate) struct Limiter<K> {
    most: usize,
    window: Duration,
    attempts: Mutex<HashMap<K, VecDeque<Instant>>>,
}

impl<K: Eq + Hash> Limiter<K> {
    /// At most `most` attempts within `window`.
    pub(crate) fn new(most: usize, window: Duration) -> Self {
        Self { most, window, attempts: Mutex::default() }
    }

    /// Counts an attempt.
    pub(crate) fn check(&self, key: K) -> Result<(), Problem> {
        self.check_at(key, Instant::now())
    }

    fn check_at(&self, key: K, now: Instant) -> Result<(), Problem> {
        let mut attempts = self.attempts.lock().unwrap_or_else(PoisonError::into_inner);
        if attempts.len() >= MOST_KEYS && !attempts.contains_key(&key) {
            attempts
                .retain(|_, times| times.back().is_some_and(|last| now.duration_since(*last) < self.window));
            if attempts.len() >= MOST_KEYS {
                return Err(Problem::TooMany { retry_after_s: seconds(self.window) });
            }
        }
        let times = attempts.entry(key).or_default();
        while times.front().is_some_and(|first| now.duration_since(*first) >= self.window) {
            times.pop_front();
        }
        if let Some(first) = times.front().filter(|_| times.len() >= self.most) {
            let wait = self.window.saturating_sub(now.duration_since(*first));
            return Err(Problem::TooMany { retry_after_s: seconds(wait) });
        }
        times.push_back(now);
        Ok(())
    }
}

fn seconds(wait: Duration) -> u32 {
    u32::try_from(wait.as_secs() + 1).unwrap_or(u32::MAX)
}

/// Bounds memory; reached only by an attack, and then unknown keys wait.
const MOST_KEYS: usize = 100_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sixth_attempt_within_a_minute_waits() {
        let limiter = Limiter::new(5, Duration::from_secs(60));
        let start = Instant::now();
        for n in 0..5 {
            assert!(limiter.check_at("ada", start + Duration::from_secs(n)).is_ok());
        }
        let refused = limiter.check_at("ada", start + Duration::from_secs(10)).unwrap_err();
        assert!(matches!(refused, Problem::TooMany { retry_after_s: 51 }), "{refused:?}");
        assert!(limiter.check_at("bob", start + Duration::from_secs(10)).is_ok());
        assert!(limiter.check_at("ada", start + Duration::from_secs(60)).is_ok());
    }
}
