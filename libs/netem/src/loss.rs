//! Which datagrams are lost: independently, or in bursts.

use crate::{Loss, Rng};

/// The state of a loss process.
#[derive(Debug, Clone, Default)]
pub(crate) struct LossProcess {
    /// Inside a burst.
    is_bad: bool,
}

impl LossProcess {
    /// Draws the next datagram's fate.
    pub(crate) fn loses(&mut self, loss: Loss, rng: &mut Rng) -> bool {
        match loss {
            Loss::None => false,
            Loss::Uniform(share) => rng.happens(share),
            Loss::Bursts { share, mean } => {
                // A burst ends with probability 1/mean after each datagram; the time between bursts follows
                // from the wanted share: enter / (enter + leave) = share.
                let leave = 1.0 / mean.max(1.0);
                let enter = leave * share / (1.0 - share).max(f64::EPSILON);
                let changes = rng.happens(if self.is_bad { leave } else { enter });
                self.is_bad ^= changes;
                self.is_bad
            }
        }
    }
}
