//! When a subscription may step up again after a step up that did not last.

use std::time::{Duration, Instant};

use super::Bitrate;

/// Memory of one subscription's steps.
///
/// A step up that is taken back soon was wrong: the next one waits, longer each time. A viewer would rather
/// have a small picture than one that changes its size again and again. A path that has since shown that it carries
/// much more ends the wait: the step was too early, as when everybody joins at once, and not wrong.
#[derive(Debug)]
pub struct Climb {
    first_wait: Duration,
    /// When, and with which estimate.
    last_up: Option<(Instant, Bitrate)>,
    /// How long the next wait is.
    wait: Option<Duration>,
    not_before: Option<Instant>,
    /// The estimate that the step relied on which was taken back.
    failed_with: Bitrate,
}

/// So many times the estimate that a failed step relied on make the next one another matter.
const MUCH_MORE: u64 = 2;
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
        Self { first_wait, last_up: None, wait: None, not_before: None, failed_with: Bitrate::ZERO }
    }

    /// True when a step up may be tried with this estimate.
    #[must_use]
    pub fn may_step_up(&self, now: Instant, estimate: Bitrate) -> bool {
        self.not_before.is_none_or(|at| at <= now) || estimate.0 / MUCH_MORE >= self.failed_with.0
    }

    /// It stepped up, as this estimate allowed.
    pub fn on_step_up(&mut self, now: Instant, estimate: Bitrate) {
        self.last_up = Some((now, estimate));
    }

    /// It stepped down for lack of bandwidth.
    pub fn on_step_down(&mut self, now: Instant) {
        let last = self.last_up.take();
        if let Some((_, estimate)) = last.filter(|&(at, _)| now.saturating_duration_since(at) <= LASTS) {
            let wait = self.wait.map_or(self.first_wait, |wait| (2 * wait).min(LONGEST_WAIT));
            self.wait = Some(wait);
            (self.not_before, self.failed_with) = (Some(now + wait), estimate);
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
        let same = Bitrate::from_kbps(500);
        let mut climb = Climb::new(Climb::LAYERS);
        assert!(climb.may_step_up(start, same));
        climb.on_step_up(start, same);
        climb.on_step_down(at(5));
        assert!(!climb.may_step_up(at(19), same) && climb.may_step_up(at(20), same));
        climb.on_step_up(at(20), same);
        climb.on_step_down(at(25));
        assert!(!climb.may_step_up(at(54), same) && climb.may_step_up(at(55), same));
        climb.on_step_up(at(55), same);
        climb.on_step_down(at(90));
        assert!(climb.may_step_up(at(90), same), "that one lasted");
    }

    #[test]
    fn a_path_that_carries_twice_as_much_ends_the_wait() {
        let start = Instant::now();
        let mut climb = Climb::new(Climb::LAYERS);
        climb.on_step_up(start, Bitrate::from_kbps(500));
        climb.on_step_down(start + Duration::from_secs(1));
        let soon = start + Duration::from_secs(2);
        assert!(!climb.may_step_up(soon, Bitrate::from_kbps(999)));
        assert!(climb.may_step_up(soon, Bitrate::from_kbps(1_000)));
    }
}
