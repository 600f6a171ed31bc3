//! Whether a child still works: how long ago each of its renditions moved, not how far they are apart.
//!
//! On a starved machine an encoder is slow and its rendition falls behind the others, without end if need
//! be. To start such a child again would only make the machine busier; it catches up when it may. A
//! rendition that does not move at all is another thing: it never will. Takes its time from the caller.

use std::time::Duration;

/// The renditions of one run and when each moved last.
///
/// Times are since any fixed moment, on a monotonic clock.
#[derive(Debug, Clone)]
pub struct Progress {
    patience: Patience,
    renditions: Vec<Moved>,
}

/// How long a rendition may stand still.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Patience {
    /// Before it has moved at all: plug-ins are loaded and first frames decoded.
    pub start: Duration,
    /// Afterwards.
    pub still: Duration,
}

#[derive(Debug, Clone, Copy)]
struct Moved {
    /// Microseconds of media that are encoded.
    up_to_us: u64,
    at: Duration,
}

impl Progress {
    /// A run of so many renditions that begins `now`.
    #[must_use]
    pub fn new(now: Duration, renditions: usize, patience: Patience) -> Self {
        Self { patience, renditions: vec![Moved { up_to_us: 0, at: now }; renditions] }
    }

    /// Takes up to where each rendition is encoded, in the order of the ladder, in microseconds since the
    /// run began. What repeats itself is no progress.
    pub fn handle_encoded(&mut self, now: Duration, up_to_us: &[u64]) {
        for (moved, &up_to_us) in self.renditions.iter_mut().zip(up_to_us) {
            if up_to_us > moved.up_to_us {
                *moved = Moved { up_to_us, at: now };
            }
        }
    }

    /// When the child is to be given up if nothing moves until then.
    #[must_use]
    pub fn deadline(&self) -> Duration {
        let deadline = |moved: &Moved| match moved.up_to_us {
            0 => moved.at + self.patience.start,
            _ => moved.at + self.patience.still,
        };
        self.renditions.iter().map(deadline).min().unwrap_or(Duration::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATIENCE: Patience = Patience { start: seconds(45), still: seconds(15) };

    const fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    /// Runs `length` seconds; each second the renditions are encoded up to what `up_to` says, in thousandths
    /// of a second. Returns the second in which the child is given up.
    fn given_up(length: u64, up_to: impl Fn(u64) -> [u64; 3]) -> Option<u64> {
        let mut progress = Progress::new(Duration::ZERO, 3, PATIENCE);
        (1..=length).find(|&second| {
            progress.handle_encoded(seconds(second), &up_to(second).map(|ms| ms * 1_000));
            seconds(second) >= progress.deadline()
        })
    }

    /// The large picture is encoded at a twentieth of its pace for an hour, the sound at its own: they end
    /// 57 minutes apart.
    #[test]
    fn a_starved_child_that_falls_ever_further_behind_is_left_alone() {
        assert_eq!(given_up(3_600, |second| [second * 50, second * 100, second * 1_000]), None);
    }

    #[test]
    fn a_machine_that_stands_still_for_a_while_and_catches_up_is_left_alone() {
        let up_to = |second: u64| if (60..72).contains(&second) { 59_000 } else { second * 1_000 };
        assert_eq!(given_up(3_600, |second| [up_to(second); 3]), None);
    }

    #[test]
    fn one_rendition_that_stands_still_is_noticed_whatever_the_others_do() {
        for still in 0..3 {
            let up_to = |second: u64| {
                let mut all = [second * 1_000; 3];
                all[still] = all[still].min(100_000);
                all
            };
            assert_eq!(given_up(3_600, up_to), Some(115), "rendition {still}");
        }
    }

    #[test]
    fn a_start_may_take_longer_but_not_for_ever() {
        let late = |second: u64| second.saturating_sub(40) * 1_000;
        assert_eq!(given_up(600, |second| [late(second), second * 1_000, second * 1_000]), None);
        assert_eq!(given_up(600, |second| [0, second * 1_000, second * 1_000]), Some(45));
    }

    #[test]
    fn a_child_that_says_nothing_is_given_up() {
        let mut progress = Progress::new(seconds(7), 2, PATIENCE);
        assert_eq!(progress.deadline(), seconds(52));
        progress.handle_encoded(seconds(8), &[1, 1]);
        assert_eq!(progress.deadline(), seconds(23));
    }
}
