//! Segment sets: a number exists only when all renditions of it are there.
//!
//! Collects the segments of one run of the child and says when a set is whole and may be made durable. It
//! writes nothing. What is incomplete when the run ends never existed; the next run makes that number
//! again.

use std::collections::VecDeque;

use wire::media::{SegmentInfo, SegmentSet};

/// One segment of one rendition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MadeSegment {
    /// Position of its rendition in the ladder.
    pub rendition: usize,
    /// Media sequence number.
    pub number: u64,
    /// UTC microseconds of the first sample.
    pub started_at_us: i64,
    /// Microseconds of media time of the first sample.
    pub offset_us: u64,
    /// Microseconds of media.
    pub duration_us: u64,
    /// Bytes.
    pub size_bytes: u64,
}

/// Why a child's segment cannot be used; the run must end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AssemblyError {
    /// Each rendition makes each number once, in order.
    #[error("rendition {rendition} made number {number}, {wanted} was next")]
    OutOfOrder {
        /// Position in the ladder.
        rendition: usize,
        /// What came.
        number: u64,
        /// What should have come.
        wanted: u64,
    },
    /// There is no such rendition.
    #[error("there is no rendition {0}")]
    UnknownRendition(usize),
    /// More segments wait for another rendition than may be kept.
    #[error(
        "rendition {rendition} is {MAX_AHEAD} segments ahead of another: this machine cannot make the ladder"
    )]
    TooFarAhead {
        /// Position in the ladder.
        rendition: usize,
    },
    /// A segment without media.
    #[error("rendition {rendition}, number {number}: a segment of no length")]
    Empty {
        /// Position in the ladder.
        rendition: usize,
        /// Its number.
        number: u64,
    },
}

/// The segment sets of one run.
#[derive(Debug, Clone)]
pub struct Assembler {
    run: u32,
    /// Number of the first incomplete set.
    first: u64,
    /// Incomplete sets from `first` on; in each, one place per rendition.
    waiting: VecDeque<Vec<Option<MadeSegment>>>,
    /// Next number of each rendition.
    next: Vec<u64>,
}

impl Assembler {
    /// For a run whose first segment has number `first`.
    #[must_use]
    pub fn new(run: u32, first: u64, renditions: usize) -> Self {
        Self { run, first, waiting: VecDeque::new(), next: vec![first; renditions] }
    }

    /// Whether a rendition may make this number now. Ask before the file of that number is written.
    ///
    /// # Errors
    /// When the child broke the order; the run cannot go on.
    pub fn check_order(&self, rendition: usize, number: u64) -> Result<(), AssemblyError> {
        let wanted = *self.next.get(rendition).ok_or(AssemblyError::UnknownRendition(rendition))?;
        if number == wanted { Ok(()) } else { Err(AssemblyError::OutOfOrder { rendition, number, wanted }) }
    }

    /// Takes a segment, and returns the set that it completed.
    ///
    /// Sets come out in order, without holes: a set is whole only after every rendition has made it, and
    /// each rendition makes its numbers in order.
    ///
    /// # Errors
    /// When the child broke the order; the run cannot go on.
    pub fn handle_segment(&mut self, segment: MadeSegment) -> Result<Option<SegmentSet>, AssemblyError> {
        let MadeSegment { rendition, number, .. } = segment;
        self.check_order(rendition, number)?;
        if segment.duration_us == 0 {
            return Err(AssemblyError::Empty { rendition, number });
        }
        self.next[rendition] += 1;
        let ahead = usize::try_from(number - self.first).unwrap_or(usize::MAX);
        if ahead >= MAX_AHEAD {
            return Err(AssemblyError::TooFarAhead { rendition });
        }
        if self.waiting.len() <= ahead {
            self.waiting.resize(ahead + 1, vec![None; self.next.len()]);
        }
        self.waiting[ahead][rendition] = Some(segment);
        Ok(self.take_first())
    }

    /// Segments whose set is not whole. At the end of the run their files are rubbish.
    pub fn incomplete(&self) -> impl Iterator<Item = MadeSegment> {
        self.waiting.iter().flatten().flatten().copied()
    }

    fn take_first(&mut self) -> Option<SegmentSet> {
        let segments: Vec<MadeSegment> = self.waiting.front()?.iter().copied().collect::<Option<_>>()?;
        self.waiting.pop_front();
        let number = self.first;
        self.first += 1;
        // The picture comes first in the ladder and its borders are the sharp ones: a segment of sound
        // begins at the next AAC frame, up to 21 ms later.
        let lead = segments.first()?;
        Some(SegmentSet {
            number,
            started_at_us: lead.started_at_us,
            run: self.run,
            offset_ms: lead.offset_us / 1_000,
            segments: segments
                .iter()
                .map(|each| SegmentInfo { duration_us: each.duration_us, size_bytes: each.size_bytes })
                .collect(),
        })
    }
}

/// 150 × 2 s: five minutes. A bound of what waits on the disk, not a judgement: a starved machine encodes the
/// pictures later than the sound and catches up; whether a rendition has stopped, [`crate::progress`] says.
const MAX_AHEAD: usize = 150;

#[cfg(test)]
mod tests {
    use super::*;

    fn segment(rendition: usize, number: u64) -> MadeSegment {
        MadeSegment {
            rendition,
            number,
            started_at_us: 1_000_000 * i64::try_from(number).unwrap() + i64::try_from(rendition).unwrap(),
            offset_us: 2_000_000 * number + 999,
            duration_us: 2_000_000,
            size_bytes: 100 + u64::try_from(rendition).unwrap(),
        }
    }

    #[test]
    fn a_number_exists_when_all_renditions_of_it_are_there() {
        let mut assembler = Assembler::new(3, 7, 3);
        assert_eq!(assembler.handle_segment(segment(2, 7)), Ok(None));
        assert_eq!(assembler.handle_segment(segment(2, 8)), Ok(None));
        assert_eq!(assembler.handle_segment(segment(0, 7)), Ok(None));
        let set = assembler.handle_segment(segment(1, 7)).unwrap().unwrap();
        assert_eq!((set.number, set.run, set.started_at_us, set.offset_ms), (7, 3, 7_000_000, 14_000));
        let sizes: Vec<_> = set.segments.iter().map(|each| each.size_bytes).collect();
        assert_eq!(sizes, [100, 101, 102], "in the order of the ladder, not of arrival");
    }

    #[test]
    fn what_is_incomplete_at_the_end_is_known() {
        let mut assembler = Assembler::new(0, 0, 2);
        for (rendition, number) in [(0, 0), (1, 0), (1, 1), (1, 2)] {
            assembler.handle_segment(segment(rendition, number)).unwrap();
        }
        assert_eq!(assembler.incomplete().collect::<Vec<_>>(), [segment(1, 1), segment(1, 2)]);
    }

    #[test]
    fn a_child_that_breaks_the_order_is_noticed() {
        let mut assembler = Assembler::new(0, 5, 2);
        for (bad, error) in [
            (segment(0, 4), AssemblyError::OutOfOrder { rendition: 0, number: 4, wanted: 5 }),
            (segment(0, 6), AssemblyError::OutOfOrder { rendition: 0, number: 6, wanted: 5 }),
            (segment(2, 5), AssemblyError::UnknownRendition(2)),
            (
                MadeSegment { duration_us: 0, ..segment(0, 5) },
                AssemblyError::Empty { rendition: 0, number: 5 },
            ),
        ] {
            assert_eq!(assembler.handle_segment(bad), Err(error));
        }
    }

    #[test]
    fn a_starved_picture_catches_up_with_its_sound() {
        let mut assembler = Assembler::new(0, 0, 2);
        for number in 0..100 {
            assert_eq!(assembler.handle_segment(segment(1, number)), Ok(None));
        }
        let sets: Vec<_> = (0..100)
            .map(|number| assembler.handle_segment(segment(0, number)).unwrap().unwrap().number)
            .collect();
        assert_eq!(sets, (0..100).collect::<Vec<_>>());
        assert_eq!(assembler.incomplete().count(), 0);
    }

    #[test]
    fn a_rendition_that_never_comes_does_not_fill_memory() {
        let mut assembler = Assembler::new(0, 0, 2);
        let refused = (0..1_000).find_map(|number| assembler.handle_segment(segment(0, number)).err());
        assert_eq!(refused, Some(AssemblyError::TooFarAhead { rendition: 0 }));
        assert_eq!(assembler.incomplete().count(), MAX_AHEAD);
    }
}
