//! What requests and their answers tell of a publisher's path.

use std::time::Duration;

/// How long the last answers took.
///
/// An answer does not say which of several requests it belongs to. It is counted from the first, so that none
/// seems faster than it was, and the fastest of the last few is the round trip.
#[derive(Debug, Default)]
pub(super) struct Answers {
    last: [Option<Duration>; Self::COUNT],
    next: usize,
}

impl Answers {
    const COUNT: usize = 8;

    pub(super) fn add(&mut self, took: Duration) {
        self.last[self.next] = Some(took);
        self.next = (self.next + 1) % Self::COUNT;
    }

    pub(super) fn round_trip(&self) -> Duration {
        self.last.iter().flatten().min().copied().unwrap_or(FIRST_ROUND_TRIP)
    }
}

/// Share of the last few hundred packets that did not come at first, in units of 2⁻¹⁶.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct LossShare(u32);

impl LossShare {
    const ALL: u32 = 1 << 16;
    /// The average is over about so many packets, a power of two.
    const OVER: u32 = 256;

    pub(super) fn add(&mut self, is_lost: bool) {
        self.0 -= self.0 / Self::OVER;
        self.0 += if is_lost { Self::ALL / Self::OVER } else { 0 };
    }

    pub(super) const fn is_high(self) -> bool {
        self.0 > Self::ALL / 16
    }
}

/// Before any answer was measured: libwebrtc's `kDefaultRtt`.
const FIRST_ROUND_TRIP: Duration = Duration::from_millis(100);
