//! How fast one signal connection may speak.

use std::time::{Duration, Instant};

/// A token bucket that first delays and then gives up.
#[derive(Debug)]
pub(crate) struct Rate {
    per_second: f64,
    burst: f64,
    excess: Duration,
    tokens: f64,
    at: Instant,
    over_since: Option<Instant>,
}

/// What to do before the next message is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Go on.
    Go,
    /// Wait first.
    Wait(Duration),
    /// It has been too fast for too long.
    Close,
}

impl Rate {
    pub(crate) fn new(per_second: u32, burst: u32, excess: Duration, now: Instant) -> Self {
        let burst = f64::from(burst.max(1));
        let per_second = f64::from(per_second.max(1));
        Self { per_second, burst, excess, tokens: burst, at: now, over_since: None }
    }

    /// Counts one message.
    pub(crate) fn handle_message(&mut self, now: Instant) -> Verdict {
        let elapsed = now.saturating_duration_since(self.at).as_secs_f64();
        self.at = now;
        self.tokens = (self.tokens + elapsed * self.per_second).min(self.burst) - 1.0;
        if self.tokens >= 0.0 {
            // Half a burst in hand: it has calmed down.
            if self.tokens > self.burst / 2.0 {
                self.over_since = None;
            }
            return Verdict::Go;
        }
        let since = *self.over_since.get_or_insert(now);
        if now.saturating_duration_since(since) > self.excess {
            return Verdict::Close;
        }
        Verdict::Wait(Duration::from_secs_f64(-self.tokens / self.per_second))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A client that always has the next message ready.
    #[test]
    fn a_flood_is_slowed_to_the_rate_and_then_closed() {
        let start = Instant::now();
        let mut now = start;
        let mut rate = Rate::new(50, 100, Duration::from_secs(10), now);
        let mut messages = 0_u32;
        loop {
            match rate.handle_message(now) {
                Verdict::Go => messages += 1,
                Verdict::Wait(delay) => {
                    messages += 1;
                    now += delay;
                }
                Verdict::Close => break,
            }
        }
        assert!(now - start > Duration::from_secs(10));
        assert!((550..=650).contains(&messages), "{messages} messages in {:?}", now - start);
    }

    #[test]
    fn a_burst_within_the_bucket_waits_for_nothing() {
        let now = Instant::now();
        let mut rate = Rate::new(50, 100, Duration::from_secs(10), now);
        assert!((0..100).all(|_| rate.handle_message(now) == Verdict::Go));
        assert!(matches!(rate.handle_message(now), Verdict::Wait(_)));
    }
}
