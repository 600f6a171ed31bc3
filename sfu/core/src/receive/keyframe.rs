//! Keyframe requests of all subscribers of an encoding, merged.

use std::time::{Duration, Instant};

/// Merges requests so that a burst of joins does not become a burst of keyframes.
///
/// The first goes out at once; later ones wait for the interval's end. A request is sent again when no
/// keyframe answers it.
#[derive(Debug, Clone, Default)]
pub struct KeyframeRequests {
    pending: bool,
    last_sent: Option<Instant>,
    /// Requests sent since the last keyframe began.
    unanswered: u32,
}

/// Shortest time between two PLIs for the same SSRC; the first goes out at once.
///
/// An encoder answers each PLI with an intra frame several times its average frame size.
const MIN_INTERVAL: Duration = Duration::from_millis(500);

/// After this long without a keyframe the request counts as lost; doubles with each repeat.
const FIRST_RETRY: Duration = Duration::from_secs(1);

/// Repeats of one request: after 1, 2, 4, 8 and 16 s. A muted publisher never answers.
const MAX_REPEATS: u32 = 5;

impl KeyframeRequests {
    /// Somebody needs a keyframe.
    pub fn request(&mut self) {
        self.pending = true;
    }

    /// A keyframe began: it answers everything asked so far.
    pub fn on_keyframe(&mut self) {
        self.pending = false;
        self.unanswered = 0;
    }

    /// True when a request is to be sent now; it then counts as sent.
    pub fn poll_send(&mut self, now: Instant) -> bool {
        let due =
            self.poll_timeout().is_some_and(|at| at <= now) || (self.pending && self.last_sent.is_none());
        if due {
            self.pending = false;
            self.last_sent = Some(now);
            self.unanswered = self.unanswered.saturating_add(1);
        }
        due
    }

    /// When [`Self::poll_send`] is due; `None` when nothing is asked, or at once when nothing was ever sent.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        let last = self.last_sent?;
        if self.pending {
            return Some(last + MIN_INTERVAL);
        }
        let repeats = self.unanswered.checked_sub(1)?;
        (repeats < MAX_REPEATS).then(|| last + FIRST_RETRY * 2u32.pow(repeats))
    }

    /// True from a request until a keyframe answers it.
    #[must_use]
    pub const fn is_open(&self) -> bool {
        self.pending || self.unanswered > 0
    }

    /// True while a request waits for its first send.
    #[must_use]
    pub const fn is_pending(&self) -> bool {
        self.pending
    }
}
