//! ⑥ Renumbering: the subscriber sees one sequence without gaps of our making.

use crate::rtp::SeqIndex;

/// Where an incoming number goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// It gets this number. `pictures_skipped` frames were left out before it since the switch.
    At { index: SeqIndex, pictures_skipped: u16 },
    /// It is from before the switch: this subscriber has moved on.
    BeforeSwitch,
    /// It is so late that its number is no longer known.
    Forgotten,
}

/// From this incoming number on, outgoing = incoming + offset.
#[derive(Debug, Clone, Copy)]
struct Step {
    from: SeqIndex,
    offset: i64,
    pictures_skipped: u16,
}

/// Maps the numbers of one source to the subscriber's, since one switch.
///
/// A number that is left out on purpose leaves no gap: everything after it moves down by one. A gap of the
/// publisher's path stays, since its packet may still come.
#[derive(Debug)]
pub(super) struct SequenceMap {
    start: SeqIndex,
    highest: SeqIndex,
    /// Ascending; the newest [`STEPS`].
    steps: [Step; STEPS],
    len: usize,
}

/// With every second frame left out this covers the last 40 frames: more than a second.
const STEPS: usize = 20;

/// A larger jump of the publisher's numbers is a new start. The subscriber's numbers go on without it, since
/// its roll-over counter survives no jump of half the number space.
const MAX_JUMP: u64 = 3_000;

impl SequenceMap {
    /// Starts with the incoming number `start`, which becomes `first`.
    pub(super) fn new(start: SeqIndex, first: SeqIndex) -> Self {
        let step = Step { from: start, offset: difference(first, start), pictures_skipped: 0 };
        Self { start, highest: start, steps: [step; STEPS], len: 1 }
    }

    /// The highest incoming number so far.
    pub(super) fn highest(&self) -> SeqIndex {
        self.highest
    }

    /// Place of an incoming packet that is to be sent.
    pub(super) fn place(&mut self, incoming: SeqIndex) -> Place {
        if incoming > self.highest {
            if incoming.0 - self.highest.0 > MAX_JUMP {
                let newest = self.newest();
                let gap = i64::try_from(incoming.0 - self.highest.0 - 1).unwrap_or(0);
                self.push(Step { from: incoming, offset: newest.offset - gap, ..newest });
            }
            self.highest = incoming;
        }
        self.look_up(incoming)
    }

    /// Place of an incoming number without taking note of it.
    pub(super) fn look_up(&self, incoming: SeqIndex) -> Place {
        if incoming < self.start {
            return Place::BeforeSwitch;
        }
        let step = self.steps[..self.len].iter().rev().find(|step| step.from <= incoming);
        let Some(step) = step else { return Place::Forgotten };
        match incoming.0.checked_add_signed(step.offset) {
            Some(index) => Place::At { index: SeqIndex(index), pictures_skipped: step.pictures_skipped },
            None => Place::Forgotten,
        }
    }

    /// Leaves an incoming number out. Returns false when it is too late for that: its number is promised.
    pub(super) fn skip(&mut self, incoming: SeqIndex, is_new_picture: bool) -> bool {
        if incoming <= self.highest {
            return false;
        }
        self.highest = incoming;
        let newest = self.newest();
        let step = Step {
            from: SeqIndex(incoming.0 + 1),
            offset: newest.offset - 1,
            pictures_skipped: newest.pictures_skipped.wrapping_add(u16::from(is_new_picture)),
        };
        if newest.from == incoming && self.len > 1 {
            // Nothing was sent under the newest step.
            self.steps[self.len - 1] = step;
        } else {
            self.push(step);
        }
        true
    }

    /// The number after the highest goes to a packet of our own: everything that is still to come moves up by one.
    pub(super) fn insert(&mut self) {
        let newest = self.newest();
        let step = Step { from: SeqIndex(self.highest.0 + 1), offset: newest.offset + 1, ..newest };
        if newest.from == step.from {
            // Nothing was sent under the newest step.
            self.steps[self.len - 1] = step;
        } else {
            self.push(step);
        }
    }

    fn newest(&self) -> Step {
        self.steps[self.len - 1]
    }

    fn push(&mut self, step: Step) {
        if self.len == STEPS {
            self.steps.copy_within(1.., 0);
            self.len -= 1;
        }
        self.steps[self.len] = step;
        self.len += 1;
    }
}

fn difference(a: SeqIndex, b: SeqIndex) -> i64 {
    a.0.wrapping_sub(b.0).cast_signed()
}
