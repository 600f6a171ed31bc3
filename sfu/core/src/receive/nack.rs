//! Which packets of an encoding are missing, and when to ask for them (RFC 4585 §6.2.1).

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use super::path::{Answers, LossShare};
use crate::rtp::{SeqIndex, SeqNo};

/// What a sequence number means after those before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Novelty {
    /// The highest so far.
    Newest,
    /// It fills a gap.
    Late,
    /// It was here already.
    Duplicate,
    /// Too far back to know.
    TooOld,
}

/// Remembers which of the last [`WINDOW`] numbers arrived, and asks for the others.
///
/// A request is repeated after the round trip, as measured from earlier requests to their answers. Where much is
/// lost the requests are, too: then it is repeated sooner, since a sender does not answer twice within its own
/// round trip (libwebrtc's `RtpPacketHistory`), and loses nothing by a request too many.
#[derive(Debug, Default)]
pub(crate) struct NackGenerator {
    highest: Option<SeqIndex>,
    /// One bit for each number of the window, by the number's low bits.
    seen: [u64; WINDOW / 64],
    /// Ascending.
    missing: VecDeque<Missing>,
    answers: Answers,
    loss: LossShare,
    /// Between two requests, when it does not follow the path.
    fixed: Option<Duration>,
    /// What was missing up to here for too long has been told.
    overdue: Option<SeqIndex>,
}

#[derive(Debug, Clone, Copy)]
struct Missing {
    index: SeqIndex,
    tries: u8,
    /// When it was asked for first, and when to ask again.
    asked: Option<Asked>,
}

#[derive(Debug, Clone, Copy)]
struct Asked {
    first: Instant,
    next: Instant,
}

impl Missing {
    /// The first request leaves at once.
    fn is_due(&self, now: Instant) -> bool {
        self.asked.is_none_or(|asked| asked.next <= now)
    }
}

/// Late packets are taken back to here: four seconds of a 2.5 Mb/s encoding.
const WINDOW: usize = 1024;
/// A jump beyond this is a new start, not a loss: nothing is asked for.
const MAX_JUMP: u64 = 500;
/// Numbers asked for at a time; the oldest are given up.
const MAX_MISSING: usize = 512;
/// An answer may come a little later than the fastest did.
const MARGIN: f64 = 1.1;
/// Where much is lost, each request is sent so many times, the copies [`SHORTEST_WAIT`] apart.
const COPIES: u8 = 3;
/// Requests are never closer: libwebrtc's `NackPeriodicProcessor` looks each 20 ms.
const SHORTEST_WAIT: Duration = Duration::from_millis(20);
/// Nor farther apart: a picture that waits for longer needs a keyframe.
const LONGEST_WAIT: Duration = Duration::from_millis(400);
/// A picture that has stood still for so long is not to wait for another round trip alone.
const PATIENCE: Duration = Duration::from_millis(800);
/// After this many requests, not counting copies, the packet counts as lost for good: libwebrtc's `kMaxNackRetries`.
const MAX_TRIES: u8 = 10;

impl NackGenerator {
    /// Asks each time after this wait, whatever the path is like: as a browser that cannot measure it.
    pub(crate) fn set_wait(&mut self, wait: Duration) {
        self.fixed = Some(wait);
    }

    /// Takes the number of a packet that arrived, padding-only ones included. `answers`: it was sent again.
    pub(crate) fn receive(&mut self, now: Instant, index: SeqIndex, answers: bool) -> Novelty {
        let Some(highest) = self.highest else {
            self.highest = Some(index);
            self.mark(index);
            return Novelty::Newest;
        };
        if index > highest {
            self.advance(highest, index);
            return Novelty::Newest;
        }
        if highest.0 - index.0 >= WINDOW as u64 {
            return Novelty::TooOld;
        }
        if self.is_seen(index) {
            return Novelty::Duplicate;
        }
        self.mark(index);
        if let Ok(place) = self.missing.binary_search_by_key(&index, |missing| missing.index) {
            let found = self.missing.remove(place);
            if let Some(asked) = found.and_then(|missing| missing.asked).filter(|_| answers) {
                self.answers.add(now.saturating_duration_since(asked.first));
            }
        }
        Novelty::Late
    }

    /// Everything up to this number is given up: it is not asked for. A late packet is still taken.
    pub(crate) fn skip_to(&mut self, index: SeqIndex) {
        self.missing.clear();
        let Some(highest) = self.highest.filter(|highest| *highest < index) else { return };
        self.advance(highest, index);
        self.unmark(index);
        self.missing.clear();
    }

    /// Nothing that is missing is asked for again. A late packet is still taken.
    pub(crate) fn forget_missing(&mut self) {
        self.missing.clear();
    }

    fn advance(&mut self, highest: SeqIndex, index: SeqIndex) {
        let jump = index.0 - highest.0;
        if jump > MAX_JUMP {
            self.missing.clear();
        }
        if jump >= WINDOW as u64 {
            self.seen = [0; WINDOW / 64];
        }
        for number in (highest.0 + 1..index.0).rev().take(WINDOW) {
            self.unmark(SeqIndex(number));
        }
        if jump <= MAX_JUMP {
            for number in highest.0 + 1..index.0 {
                if self.missing.len() == MAX_MISSING {
                    self.missing.pop_front();
                }
                self.missing.push_back(Missing { index: SeqIndex(number), tries: 0, asked: None });
                self.loss.add(true);
            }
        }
        self.loss.add(false);
        self.highest = Some(index);
        self.mark(index);
    }

    /// Puts the numbers that are due into `out`, ascending. True once when one of them has been missing for so
    /// long that the picture needs a keyframe, whether it still comes or not.
    pub(crate) fn poll(&mut self, now: Instant, out: &mut Vec<SeqNo>) -> bool {
        let copies = if self.fixed.is_none() && self.loss.is_high() { COPIES } else { 1 };
        // With copies to come, the first of them may be early.
        let margin = if copies > 1 { 1.0 } else { MARGIN };
        let trip = self.fixed.unwrap_or_else(|| self.answers.round_trip().mul_f64(margin));
        let trip = trip.clamp(SHORTEST_WAIT * u32::from(COPIES), LONGEST_WAIT);
        let is_given_up = |missing: &Missing| missing.tries >= MAX_TRIES * copies && missing.is_due(now);
        let is_late = |missing: &Missing| missing.asked.is_some_and(|asked| now >= asked.first + PATIENCE);
        let is_overdue = self.fixed.is_none()
            && self.missing.iter().any(|m| Some(m.index) > self.overdue && (is_late(m) || is_given_up(m)));
        if is_overdue {
            self.overdue = self.highest;
        }
        self.missing.retain(|missing| !is_given_up(missing));
        for missing in self.missing.iter_mut().filter(|missing| missing.is_due(now)) {
            missing.tries += 1;
            let wait = if missing.tries.is_multiple_of(copies) {
                trip - SHORTEST_WAIT * u32::from(copies - 1)
            } else {
                SHORTEST_WAIT
            };
            let first = missing.asked.map_or(now, |asked| asked.first);
            missing.asked = Some(Asked { first, next: now + wait });
            out.push(missing.index.seq());
        }
        is_overdue
    }

    /// True when a number has not been asked for yet.
    pub(crate) fn is_urgent(&self) -> bool {
        self.missing.back().is_some_and(|missing| missing.asked.is_none())
    }

    /// When the earliest repeat is due.
    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        self.missing.iter().filter_map(|missing| Some(missing.asked?.next)).min()
    }

    /// Forgets all numbers: the stream started anew, on the same path.
    pub(crate) fn reset(&mut self) {
        let (answers, loss) = (std::mem::take(&mut self.answers), self.loss);
        *self = Self { answers, loss, fixed: self.fixed, ..Self::default() };
    }

    fn place(index: SeqIndex) -> (usize, u64) {
        let bit = usize::try_from(index.0 % WINDOW as u64).unwrap_or(0);
        (bit / 64, 1 << (bit % 64))
    }

    fn mark(&mut self, index: SeqIndex) {
        let (word, bit) = Self::place(index);
        self.seen[word] |= bit;
    }

    fn unmark(&mut self, index: SeqIndex) {
        let (word, bit) = Self::place(index);
        self.seen[word] &= !bit;
    }

    fn is_seen(&self, index: SeqIndex) -> bool {
        let (word, bit) = Self::place(index);
        self.seen[word] & bit != 0
    }
}
