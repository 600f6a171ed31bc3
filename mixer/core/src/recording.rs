//! The life of a recording: which sets exist, which are saved, and how it goes on after a restart.
//!
//! Holds the truth that the journal on disk repeats; every change is an [`Entry`], and applying the
//! journal's entries in order gives the same recording again. It writes no file and starts no child.
//!
//! ```text
//!             first set                 end               all saved, told to MAR
//! Starting ──────────────▶ Live ──────────────▶ Draining ──────────────────────▶ Sealed
//!     └───────────────────────────end──────────────▲
//! ```

use ids::{AssetId, StageId};
use serde::{Deserialize, Serialize};
use wire::media::{RenditionInfo, SegmentSet};

use crate::index::chunk_count;

/// One change of a recording, and one line of its journal.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "type")]
pub enum Entry {
    /// The first line.
    Opened {
        /// Whose recording.
        stage_id: StageId,
        /// What it becomes.
        asset_id: AssetId,
    },
    /// A child is about to start. Its number is used up even if it makes nothing: its init segments have
    /// the number in their names, and such a name is never written twice.
    RunStarted {
        /// From 0.
        run: u32,
    },
    /// The ladder as its first init segments say it; before the first set.
    Renditions {
        /// In the order of every set.
        renditions: Vec<RenditionInfo>,
    },
    /// A set is durable in the spool.
    SetDurable {
        /// The set.
        set: SegmentSet,
    },
    /// The bucket holds every set up to this number.
    SetSaved {
        /// Number of the newest.
        number: u64,
    },
    /// No further run will start.
    EndAsked,
    /// The bucket holds everything and MAR knows.
    Sealed,
}

/// Why an entry does not fit the recording: the journal is damaged, or the program is wrong.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EntryError {
    /// The journal does not begin with [`Entry::Opened`], or has it twice.
    #[error("a recording is opened once, first")]
    NotOpened,
    /// Numbers have no holes.
    #[error("set {number} does not follow {sets} sets")]
    Hole {
        /// What came.
        number: u64,
        /// How many there are.
        sets: usize,
    },
    /// A set before the ladder was known, or with another number of segments.
    #[error("set {0} does not fit the ladder")]
    Ladder(u64),
    /// A run's number was used before.
    #[error("run {0} started before")]
    RunAgain(u32),
    /// A set that does not exist cannot be saved.
    #[error("set {0} is saved but does not exist")]
    SavedUnknown(u64),
    /// Something came after the end, or the seal before it.
    #[error("not possible when {0:?}")]
    Phase(Phase),
}

/// Where a recording is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// No set exists.
    Starting,
    /// The live playlist has a segment.
    Live,
    /// No further run will start; the bucket does not hold everything yet.
    Draining,
    /// The bucket holds everything and MAR knows.
    Sealed,
}

/// How the next run begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NextRun {
    /// Its number.
    pub run: u32,
    /// Number of its first segment.
    pub first_segment: u64,
    /// UTC microseconds of media time zero. `None`: no set exists, the run starts at zero.
    pub epoch_us: Option<i64>,
    /// End of the last set, in microseconds of media time. The run starts at `max(now − epoch, this)`, so
    /// that a clock that stepped back cannot make two runs overlap.
    pub resume_at_us: u64,
}

/// A recording.
#[derive(Debug, Clone, PartialEq)]
pub struct Recording {
    stage_id: StageId,
    asset_id: AssetId,
    phase: Phase,
    next_run: u32,
    renditions: Vec<RenditionInfo>,
    sets: Vec<SegmentSet>,
    saved: usize,
}

impl Recording {
    /// A recording without any run.
    #[must_use]
    pub fn new(stage_id: StageId, asset_id: AssetId) -> Self {
        let (renditions, sets) = (Vec::new(), Vec::new());
        Self { stage_id, asset_id, phase: Phase::Starting, next_run: 0, renditions, sets, saved: 0 }
    }

    /// The recording that a journal describes.
    ///
    /// # Errors
    /// At the first entry that does not fit.
    pub fn replay(entries: impl IntoIterator<Item = Entry>) -> Result<Self, EntryError> {
        let mut entries = entries.into_iter();
        let Some(Entry::Opened { stage_id, asset_id }) = entries.next() else {
            return Err(EntryError::NotOpened);
        };
        let mut recording = Self::new(stage_id, asset_id);
        for entry in entries {
            recording.apply(entry)?;
        }
        Ok(recording)
    }

    /// Whether an entry fits. Ask before writing it to the journal.
    ///
    /// # Errors
    /// Says why it does not.
    pub fn check(&self, entry: &Entry) -> Result<(), EntryError> {
        match entry {
            Entry::Opened { .. } => Err(EntryError::NotOpened),
            Entry::RunStarted { run } if *run < self.next_run => Err(EntryError::RunAgain(*run)),
            Entry::RunStarted { .. } => self.in_phase(&[Phase::Starting, Phase::Live]),
            Entry::SetDurable { set } => self.check_set(set),
            Entry::SetSaved { number } if *number >= self.sets.len() as u64 => {
                Err(EntryError::SavedUnknown(*number))
            }
            Entry::Sealed => self.in_phase(&[Phase::Draining, Phase::Sealed]),
            // The end may be asked twice, or again after the seal.
            Entry::SetSaved { .. } | Entry::Renditions { .. } | Entry::EndAsked => Ok(()),
        }
    }

    /// Makes a change that is durable in the journal.
    ///
    /// # Errors
    /// When it does not fit ([`Self::check`]); the recording is then as before.
    pub fn apply(&mut self, entry: Entry) -> Result<(), EntryError> {
        self.check(&entry)?;
        match entry {
            Entry::Opened { .. } => {}
            Entry::RunStarted { run } => self.next_run = run + 1,
            Entry::Renditions { renditions } => self.renditions = renditions,
            Entry::SetDurable { set } => {
                if self.phase == Phase::Starting {
                    self.phase = Phase::Live;
                }
                self.sets.push(set);
            }
            Entry::SetSaved { number } => {
                let saved = usize::try_from(number).map_or(self.saved, |number| number + 1);
                self.saved = self.saved.max(saved);
            }
            Entry::EndAsked if self.phase == Phase::Sealed => {}
            Entry::EndAsked => self.phase = Phase::Draining,
            Entry::Sealed => self.phase = Phase::Sealed,
        }
        Ok(())
    }

    fn check_set(&self, set: &SegmentSet) -> Result<(), EntryError> {
        // A draining recording still gets what its last run had in flight.
        self.in_phase(&[Phase::Starting, Phase::Live, Phase::Draining])?;
        if set.number != self.sets.len() as u64 {
            return Err(EntryError::Hole { number: set.number, sets: self.sets.len() });
        }
        if self.renditions.is_empty() || set.segments.len() != self.renditions.len() {
            return Err(EntryError::Ladder(set.number));
        }
        Ok(())
    }

    fn in_phase(&self, allowed: &[Phase]) -> Result<(), EntryError> {
        if allowed.contains(&self.phase) { Ok(()) } else { Err(EntryError::Phase(self.phase)) }
    }

    /// How the next run begins.
    #[must_use]
    pub fn next_run(&self) -> NextRun {
        NextRun {
            run: self.next_run,
            first_segment: self.sets.len() as u64,
            epoch_us: self.epoch_us(),
            resume_at_us: self.sets.last().map_or(0, end_of_media_us),
        }
    }

    /// A set of a new run with its date moved so that it does not lie before the end of the set in front
    /// (a clock that stepped back); sets inside a run are left as they are.
    #[must_use]
    pub fn dated(&self, mut set: SegmentSet) -> SegmentSet {
        if let Some(last) = self.sets.last()
            && last.run != set.run
        {
            set.started_at_us = set.started_at_us.max(last.started_at_us + signed(longest_us(last)));
        }
        set
    }

    /// Whose recording.
    #[must_use]
    pub fn stage_id(&self) -> &StageId {
        &self.stage_id
    }

    /// What it becomes.
    #[must_use]
    pub fn asset_id(&self) -> &AssetId {
        &self.asset_id
    }

    /// Where it is in its life.
    #[must_use]
    pub fn phase(&self) -> Phase {
        self.phase
    }

    /// The ladder; empty until its first init segments are known.
    #[must_use]
    pub fn renditions(&self) -> &[RenditionInfo] {
        &self.renditions
    }

    /// All durable sets, from number 0.
    #[must_use]
    pub fn sets(&self) -> &[SegmentSet] {
        &self.sets
    }

    /// The sets that the bucket holds, from number 0.
    #[must_use]
    pub fn saved(&self) -> &[SegmentSet] {
        &self.sets[..self.saved]
    }

    /// The sets that wait for the bucket.
    #[must_use]
    pub fn unsaved(&self) -> &[SegmentSet] {
        &self.sets[self.saved..]
    }

    /// Bytes of the sets that wait for the bucket.
    #[must_use]
    pub fn unsaved_bytes(&self) -> u64 {
        self.unsaved().iter().flat_map(|set| &set.segments).map(|segment| segment.size_bytes).sum()
    }

    /// Milliseconds from the first sample to the end of the last, gaps included.
    #[must_use]
    pub fn duration_ms(&self) -> u64 {
        let (Some(first), Some(last)) = (self.sets.first(), self.sets.last()) else { return 0 };
        (last.offset_ms + longest_us(last) / 1_000).saturating_sub(first.offset_ms)
    }

    /// UTC microseconds of the end of the newest saved set.
    #[must_use]
    pub fn saved_up_to_us(&self) -> Option<i64> {
        self.saved().last().map(|set| set.started_at_us + signed(longest_us(set)))
    }

    /// UTC microseconds of the end of the oldest set that waits for the bucket: about when it was made.
    #[must_use]
    pub fn oldest_unsaved_us(&self) -> Option<i64> {
        self.unsaved().first().map(|set| set.started_at_us + signed(longest_us(set)))
    }

    /// How many chunks the index of the whole recording has.
    #[must_use]
    pub fn index_chunks(&self) -> u32 {
        chunk_count(self.sets.len())
    }

    fn epoch_us(&self) -> Option<i64> {
        self.sets.first().map(|set| set.started_at_us - signed(set.offset_ms * 1_000))
    }
}

/// Sets keep media time in milliseconds, rounded down: one more is surely behind the end.
fn end_of_media_us(set: &SegmentSet) -> u64 {
    (set.offset_ms + 1) * 1_000 + longest_us(set)
}

fn longest_us(set: &SegmentSet) -> u64 {
    set.segments.iter().map(|segment| segment.duration_us).max().unwrap_or(0)
}

fn signed(us: u64) -> i64 {
    i64::try_from(us).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests;
