//! When a subscription may step up again after a step up that did not last.

use std::time::{Duration, Instant};

/// Memory of one subscription's steps.
///
/// A step up that is taken back soon was wrong: the next one waits, longer each time. A viewer would rather
/// have a small picture than one that changes its size again and again.
#[derive(Debug)]
pub struct Climb {
    first_wait: Duration,
    last_up: Option<Instant>,
    /// How long the next wait is.
    wait: Option<Duration>,
    not_before: Option<Instant>,
}

/// A step up that is taken back within this time was wrong.
const LASTS: Duration = Duration::from_secs(10);
const LONGEST_WAIT: Duration = Duration::from_secs(60);

impl Climb {
    /// Of layers: up and down in this time are four switches a minute at most.
    pub const LAYERS: Duration = Duration::from_secs(15);

    /// Of pauses: it comes sooner, nothing being worse than no picture.
    pub const PAUSES: Duration = Duration::from_secs(4);

    /// No step yet; the first wait will be this long.
    #[must_use]
    pub const fn new(first_wait: Duration) -> Self {
        Self { first_wait, last_up: None, wait: None, not_before: None }
    }

    /// True when a step up may be tried.
    #[must_use]
    pub fn may_step_up(&self, now: Instant) -> bool {
        self.not_before.is_none_or(|at| at <= now)
    }

    /// It stepped up.
    pub fn on_step_up(&mut self, now: Instant) {
        self.last_up = Some(now);
    }

    /// It stepped down for lack of bandwidth.
    pub fn on_step_down(&mut self, now: Instant) {
        if self.last_up.take().is_some_and(|at| now.saturating_duration_since(at) <= LASTS) {
            let wait = self.wait.map_or(self.first_wait, |wait| (2 * wait).min(LONGEST_WAIT));
            self.wait = Some(wait);
            self.not_before = Some(now + wait);
        } else {
            self.wait = None;
        }
    }
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "virtual time may begin anywhere")]
mod tests {
    use super::*;

    #[test]
    fn each_step_up_that_does_not_last_makes_the_next_one_wait_longer() {
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        let mut climb = Climb::new(Climb::LAYERS);
        assert!(climb.may_step_up(start));
        climb.on_step_up(start);
        climb.on_step_down(at(5));
        assert!(!climb.may_step_up(at(19)) && climb.may_step_up(at(20)));
        climb.on_step_up(at(20));
        climb.on_step_down(at(25));
        assert!(!climb.may_step_up(at(54)) && climb.may_step_up(at(55)));
        climb.on_step_up(at(55));
        climb.on_step_down(at(90));
        assert!(climb.may_step_up(at(90)), "that one lasted");
    }
}
