//! What a listener hears of one sound track: frames that were there when they were due, and gaps.
//!
//! The playout delay follows the lateness of the last seconds: its 97th percentile and one frame, as a
//! browser's jitter buffer aims at, at least 60 ms so that the redundancy of the next packet helps.

use std::collections::{BTreeMap, VecDeque};
use std::time::{Duration, Instant};

use crate::mark::Mark;
use crate::microphone::FRAME;

/// What a listener heard of one track.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct SoundStats {
    /// Frames that were due.
    pub due: u64,
    /// Of them, those that were not there and had to be made up.
    pub concealed: u64,
}

#[derive(Default)]
pub(crate) struct Sound {
    /// Frames that came, with their capture time.
    have: BTreeMap<u32, ()>,
    /// Number and time of the frame that is due next.
    next: Option<(u32, Duration)>,
    lateness: VecDeque<i64>,
    base: Option<i64>,
    /// Playout delay after the shortest delay, in microseconds; `heard` packets ago it was measured anew.
    target: i64,
    heard: u32,
    stats: SoundStats,
}

const LATENESS_OF: usize = 250;
const MEASURE_EACH: u32 = 25;
const SHORTEST: i64 = 60_000;
const LONGEST: i64 = 400_000;

impl Sound {
    pub(crate) fn stats(&self) -> SoundStats {
        self.stats
    }

    pub(crate) fn handle(&mut self, now: Duration, mark: &Mark) {
        let delay = i64::try_from(now.as_micros()).unwrap() - i64::try_from(mark.captured_us).unwrap();
        let base = self.base.map_or(delay, |base| base.min(delay));
        self.base = Some(base);
        self.lateness.push_back(delay - base);
        if self.lateness.len() > LATENESS_OF {
            self.lateness.pop_front();
        }
        if self.heard.is_multiple_of(MEASURE_EACH) {
            self.measure();
        }
        self.heard += 1;
        let captured = Duration::from_micros(mark.captured_us);
        let (next, _) = *self.next.get_or_insert((mark.frame, captured));
        if mark.frame >= next {
            self.have.insert(mark.frame, ());
        }
    }

    /// Plays what is due.
    pub(crate) fn turn(&mut self, now: Duration) {
        let Some(delay) = self.delay() else { return };
        while let Some((frame, captured)) = self.next
            && captured + delay <= now
        {
            // Silence after the last frame is no gap: its publisher may have stopped.
            if self.have.is_empty() {
                return;
            }
            self.stats.due += 1;
            self.stats.concealed += u64::from(self.have.remove(&frame).is_none());
            self.next = Some((frame + 1, captured + FRAME));
        }
    }

    pub(crate) fn poll_timeout(&self) -> Option<Duration> {
        let (_, captured) = self.next.filter(|_| !self.have.is_empty())?;
        Some(captured + self.delay()?)
    }

    fn delay(&self) -> Option<Duration> {
        Some(Duration::from_micros(u64::try_from((self.base? + self.target).max(0)).unwrap()))
    }

    fn measure(&mut self) {
        let mut sorted: Vec<i64> = self.lateness.iter().copied().collect();
        sorted.sort_unstable();
        let percentile = sorted[(sorted.len() - 1) * 97 / 100];
        self.target = (percentile + 20_000).clamp(SHORTEST, LONGEST);
    }
}

/// Epoch-relative time, for this module's clock.
pub(crate) fn since(began: Instant, now: Instant) -> Duration {
    now.saturating_duration_since(began)
}
