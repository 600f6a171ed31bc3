//! An upper bound from loss, for paths whose queue is too short to show in the delay (GCC §6).

use std::time::{Duration, Instant};

/// Loss of the current second, and the bound that came of the seconds before.
#[derive(Debug)]
pub(super) struct LossBound {
    bound: f64,
    lost: u32,
    total: u32,
    began: Option<Instant>,
}

const WINDOW: Duration = Duration::from_secs(1);
/// With fewer packets than this a second's share means nothing; the window then goes on.
const MIN_PACKETS: u32 = 20;

impl Default for LossBound {
    fn default() -> Self {
        Self { bound: f64::INFINITY, lost: 0, total: 0, began: None }
    }
}

impl LossBound {
    /// Takes the counts of one feedback message; `target` is the estimate from the delay.
    pub(super) fn add(&mut self, now: Instant, lost: u32, received: u32, target: f64) {
        let began = *self.began.get_or_insert(now);
        self.lost += lost;
        self.total += lost + received;
        if now.saturating_duration_since(began) < WINDOW || self.total < MIN_PACKETS {
            return;
        }
        let share = f64::from(self.lost) / f64::from(self.total);
        if share > 0.1 {
            self.bound = self.bound.min(target) * (1.0 - 0.5 * share);
        } else if share < 0.02 {
            self.bound *= 1.08;
            if self.bound > 2.0 * target {
                self.bound = f64::INFINITY;
            }
        }
        (self.lost, self.total, self.began) = (0, 0, Some(now));
    }

    /// A probe went through without loss at this rate.
    pub(super) fn raise_to(&mut self, bits_per_second: f64) {
        self.bound = self.bound.max(bits_per_second);
    }

    pub(super) fn bound(&self) -> f64 {
        self.bound
    }
}
