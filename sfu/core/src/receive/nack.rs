//! Which packets of an encoding are missing, and when to ask for them (RFC 4585 §6.2.1).

use std::collections::VecDeque;
use std::time::{Duration, Instant};

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
#[derive(Debug, Default)]
pub(crate) struct NackGenerator {
    highest: Option<SeqIndex>,
    /// One bit for each number of the window, by the number's low bits.
    seen: [u64; WINDOW / 64],
    /// Ascending.
    missing: VecDeque<Missing>,
}

#[derive(Debug, Clone, Copy)]
struct Missing {
    index: SeqIndex,
    tries: u8,
    /// When to ask; the first time at once.
    due: Option<Instant>,
}

/// Late packets are taken back to here: four seconds of a 2.5 Mb/s encoding.
const WINDOW: usize = 1024;
/// A jump beyond this is a new start, not a loss: nothing is asked for.
const MAX_JUMP: u64 = 500;
/// Numbers asked for at a time; the oldest are given up.
const MAX_MISSING: usize = 512;
/// Until the first repeat of a request: a usual round trip.
const REPEAT: Duration = Duration::from_millis(60);
/// Each repeat waits this much longer: the path may be longer, or its queue full.
const REPEAT_MORE: Duration = Duration::from_millis(40);
/// No repeat waits longer.
const LONGEST_REPEAT: Duration = Duration::from_millis(250);
/// After this many requests the packet counts as lost for good.
const MAX_TRIES: u8 = 10;

impl NackGenerator {
    /// Takes the number of a packet that arrived, padding-only ones included.
    pub(crate) fn receive(&mut self, index: SeqIndex) -> Novelty {
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
            self.missing.remove(place);
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
                self.missing.push_back(Missing { index: SeqIndex(number), tries: 0, due: None });
            }
        }
        self.highest = Some(index);
        self.mark(index);
    }

    /// Puts the numbers that are due into `out`, ascending.
    pub(crate) fn poll(&mut self, now: Instant, out: &mut Vec<SeqNo>) {
        self.missing.retain(|missing| missing.tries < MAX_TRIES || missing.due.is_none_or(|due| due > now));
        for missing in &mut self.missing {
            if missing.due.is_none_or(|due| due <= now) {
                missing.tries += 1;
                let wait = REPEAT + REPEAT_MORE * u32::from(missing.tries - 1);
                missing.due = Some(now + wait.min(LONGEST_REPEAT));
                out.push(missing.index.seq());
            }
        }
    }

    /// True when a number has not been asked for yet.
    pub(crate) fn is_urgent(&self) -> bool {
        self.missing.back().is_some_and(|missing| missing.due.is_none())
    }

    /// When the earliest repeat is due.
    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        self.missing.iter().filter_map(|missing| missing.due).min()
    }

    /// Forgets everything: the stream started anew.
    pub(crate) fn reset(&mut self) {
        *self = Self::default();
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
