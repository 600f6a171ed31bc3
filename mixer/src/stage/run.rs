//! One run of a stage's child: its messages become durable segment sets.
//!
//! Decides whether the child keeps its promises (init before media, numbers in order, whole boxes); a child
//! that breaks one is ended by the caller. It does not start or stop processes.

use std::sync::Arc;

use bytes::Bytes;
use hls::fmp4::Fmp4Error;
use hls::recording::{init_path, segment_path};
use mixer_core::assembly::{Assembler, AssemblyError, MadeSegment};
use mixer_core::recording::{Entry, NextRun};

use crate::child_protocol::{Init, Segment};
use crate::config::Ladder;
use crate::ledger::{Ledger, LedgerError};

/// Why a run must end.
#[derive(Debug, thiserror::Error)]
pub(super) enum RunError {
    /// The child speaks of a rendition that the ladder does not have.
    #[error("the child made the unknown rendition {0}")]
    UnknownRendition(String),
    /// The child repeats the number of another run.
    #[error("the child counts run {0}")]
    OtherRun(u32),
    /// Media before its init segment.
    #[error("the child sent media of {0} before its init segment")]
    NoInit(String),
    /// The child's bytes are not whole boxes.
    #[error("the child sent damaged boxes")]
    Boxes(#[from] Fmp4Error),
    /// The child broke the order of segments.
    #[error(transparent)]
    Assembly(#[from] AssemblyError),
    /// The disk refuses.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
}

/// The segments of one run.
#[derive(Debug)]
pub(super) struct Run {
    number: u32,
    ladder: Ladder,
    ledger: Arc<Ledger>,
    assembler: Assembler,
    /// From the init segments, in the order of the ladder.
    codecs: Vec<Option<String>>,
    /// Init segments that were written and are not durable; the first set needs them.
    inits: Vec<String>,
}

impl Run {
    /// For a run that begins as `next` says.
    pub(super) fn new(next: &NextRun, ladder: Ladder, ledger: Arc<Ledger>) -> Self {
        Self {
            number: next.run,
            assembler: Assembler::new(next.run, next.first_segment, ladder.names().count()),
            codecs: vec![None; ladder.names().count()],
            inits: Vec::new(),
            ladder,
            ledger,
        }
    }

    /// Takes an init segment. With the last one of the first run the ladder is known.
    pub(super) async fn handle_init(&mut self, init: &Init, bytes: Bytes) -> Result<(), RunError> {
        let position = self.position(&init.rendition, init.run)?;
        let track = hls::fmp4::read_init(&bytes)?;
        let path = init_path(&init.rendition, self.number);
        self.ledger.write_file(path.clone(), bytes).await?;
        self.inits.push(path);
        self.codecs[position] = Some(track.codecs);
        let codecs: Option<Vec<String>> = self.codecs.iter().cloned().collect();
        if let Some(codecs) = codecs
            && self.ledger.read(|recording| recording.renditions().is_empty())
        {
            let renditions = self.ladder.renditions(&codecs);
            self.ledger.record(Entry::Renditions { renditions }).await?;
        }
        Ok(())
    }

    /// Takes a segment; with the last rendition of its number the set becomes durable. True: there is a new
    /// set.
    pub(super) async fn handle_segment(&mut self, segment: &Segment, bytes: Bytes) -> Result<bool, RunError> {
        let position = self.position(&segment.rendition, segment.run)?;
        if self.codecs[position].is_none() {
            return Err(RunError::NoInit(segment.rendition.clone()));
        }
        self.assembler.check_order(position, segment.number)?;
        hls::fmp4::whole(&bytes)?;
        let size_bytes = bytes.len() as u64;
        self.ledger.write_file(segment_path(&segment.rendition, segment.number), bytes).await?;
        let set = self.assembler.handle_segment(MadeSegment {
            rendition: position,
            number: segment.number,
            started_at_us: segment.pdt_us,
            offset_us: segment.offset_us,
            duration_us: segment.duration_us,
            size_bytes,
        })?;
        let Some(set) = set else { return Ok(false) };
        let set = self.ledger.read(|recording| recording.dated(set));
        let mut files = std::mem::take(&mut self.inits);
        files.extend(self.ladder.names().map(|name| segment_path(name, set.number)));
        self.ledger.record_with(files, Entry::SetDurable { set }).await?;
        Ok(true)
    }

    /// Removes the segments whose sets were never whole, and says how many. Their numbers are made again.
    pub(super) fn discard_incomplete(&self) -> u64 {
        let names: Vec<&str> = self.ladder.names().collect();
        let mut discarded = 0;
        for segment in self.assembler.incomplete() {
            self.ledger.spool().remove(&segment_path(names[segment.rendition], segment.number));
            discarded += 1;
        }
        discarded
    }

    fn position(&self, rendition: &str, run: u32) -> Result<usize, RunError> {
        if run != self.number {
            return Err(RunError::OtherRun(run));
        }
        self.ladder.position(rendition).ok_or_else(|| RunError::UnknownRendition(rendition.to_owned()))
    }
}
