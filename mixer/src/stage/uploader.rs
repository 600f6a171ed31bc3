//! The uploads of one stage: sets in order, then the index, then the seal.
//!
//! Decides what goes to the bucket next and tries until it is acknowledged. A set counts as saved only when
//! the bucket has every file of it; the index names only saved sets.

use std::sync::Arc;
use std::time::Duration;

use bucket::BucketError;
use bytes::Bytes;
use futures::future::try_join_all;
use hls::recording::{index_chunk_path, init_path, segment_path};
use mixer_core::backoff::Backoff;
use mixer_core::index::{chunk, chunk_of};
use mixer_core::recording::{Entry, Recording};
use tokio::sync::watch;
use wire::media::{IndexChunk, RenditionKind, SETS_PER_CHUNK, SegmentSet};

use super::{Claim, Goal, Stage};
use crate::chance;
use crate::content::Content;
use crate::ledger::LedgerError;
use crate::media_client::MediaError;

/// Runs until the recording is sealed or suspended.
pub(super) async fn upload(stage: Arc<Stage>) {
    let uploader =
        Uploader { goal: stage.goal.subscribe(), changes: stage.ledger.changes(), indexed: 0, stage };
    uploader.run().await;
}

struct Uploader {
    stage: Arc<Stage>,
    goal: watch::Receiver<Goal>,
    changes: watch::Receiver<u64>,
    /// Saved sets that the index in the bucket names, as far as this process knows.
    indexed: usize,
}

/// What is to be done next.
enum Step {
    /// This set is durable here and not in the bucket; `new_run`: nor are its init segments.
    Set { set: Box<SegmentSet>, new_run: bool },
    /// The index does not name every saved set.
    Index { chunk: Box<IndexChunk>, names: usize },
    /// The bucket has everything that there will be.
    Finish { seal: bool },
    /// Nothing, until something changes.
    Wait,
}

/// Why a step must be tried again.
#[derive(Debug, thiserror::Error)]
enum StepError {
    #[error(transparent)]
    Bucket(#[from] BucketError),
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    #[error(transparent)]
    Media(#[from] MediaError),
    #[error("the index cannot be written as JSON")]
    Json(#[from] serde_json::Error),
    /// A durable file vanished: somebody else was in the spool.
    #[error("{0} is no longer in the spool")]
    Vanished(String),
}

impl Uploader {
    async fn run(mut self) {
        let mut backoff = Backoff::new(RETRY_BASE, RETRY_CAP);
        loop {
            // Seen before the step is chosen: a change during it must not be slept over.
            let (goal, _) = (*self.goal.borrow_and_update(), *self.changes.borrow_and_update());
            let step = self.stage.ledger.read(|recording| self.next(recording, goal));
            let done = match step {
                Step::Wait => {
                    tokio::select! {
                        _changed = self.changes.changed() => {}
                        _changed = self.goal.changed() => {}
                    }
                    continue;
                }
                Step::Set { set, new_run } => self.save(&set, new_run).await,
                Step::Index { chunk, names } => self.index(&chunk, names).await,
                Step::Finish { seal } => match self.finish(seal).await {
                    Ok(()) => break,
                    // The recording goes on or is finished later by what the bucket holds.
                    Err(error) if !seal => {
                        tracing::warn!(stage = %self.stage.stage_id, %error, "a suspended recording is not finished");
                        break;
                    }
                    Err(error) => Err(error),
                },
            };
            match done {
                Ok(()) => backoff.on_success(),
                Err(error) => self.pause(&mut backoff, &error).await,
            }
        }
        self.stage.goal.send_replace(Goal::Done);
    }

    fn next(&self, recording: &Recording, goal: Goal) -> Step {
        let (saved, waiting) = (recording.saved(), recording.unsaved());
        let behind = saved.len() - self.indexed.min(saved.len());
        // While there is a backlog the index follows in steps, but a full chunk is always written before
        // the first set of the next one: after a restart only the newest chunk can be out of date.
        let due = behind > 0 && (waiting.is_empty() || behind >= 10 || saved.len() % SETS_PER_CHUNK == 0);
        if due && let Some(last) = saved.last() {
            let chunk = chunk(chunk_of(last.number), recording.renditions(), saved);
            if let Some(chunk) = chunk.map(Box::new) {
                return Step::Index { chunk, names: saved.len() };
            }
        }
        if let Some(set) = waiting.first() {
            let new_run = saved.last().is_none_or(|last| last.run != set.run);
            return Step::Set { set: Box::new(set.clone()), new_run };
        }
        match goal {
            Goal::Follow | Goal::Done => Step::Wait,
            Goal::Suspend => Step::Finish { seal: false },
            Goal::Seal => Step::Finish { seal: true },
        }
    }

    async fn save(&self, set: &SegmentSet, new_run: bool) -> Result<(), StepError> {
        let stage = &self.stage;
        let renditions = stage.ledger.read(|recording| recording.renditions().to_vec());
        let mut files = Vec::new();
        for rendition in &renditions {
            let content = match rendition.kind {
                RenditionKind::Video { .. } => Content::Video,
                RenditionKind::Audio { .. } => Content::Audio,
            };
            if new_run {
                files.push((init_path(&rendition.name, set.run), content));
            }
            files.push((segment_path(&rendition.name, set.number), content));
        }
        try_join_all(files.into_iter().map(|(path, content)| self.put_file(path, content))).await?;
        stage.ledger.record(Entry::SetSaved { number: set.number }).await?;
        let bytes = set.segments.iter().map(|segment| segment.size_bytes).sum();
        stage.context.metrics.uploaded_bytes.inc_by(bytes);
        if let Some(old) = set.number.checked_sub(stage.context.config.kept_sets) {
            let names: Vec<&str> = renditions.iter().map(|rendition| rendition.name.as_str()).collect();
            stage.ledger.spool().evict(&names, old);
        }
        Ok(())
    }

    async fn put_file(&self, path: String, content: Content) -> Result<(), StepError> {
        let bytes = self.stage.ledger.read_file(path.clone()).await?;
        let bytes = bytes.ok_or_else(|| StepError::Vanished(path.clone()))?;
        Ok(self.stage.context.bucket.put(&self.stage.key(&path), bytes, content.kind()).await?)
    }

    async fn index(&mut self, chunk: &IndexChunk, names: usize) -> Result<(), StepError> {
        let bytes = Bytes::from(serde_json::to_vec(chunk)?);
        let key = self.stage.key(&index_chunk_path(chunk.number));
        self.stage.context.bucket.put(&key, bytes, Content::Index.kind()).await?;
        self.indexed = names;
        Ok(())
    }

    async fn finish(&self, seal: bool) -> Result<(), StepError> {
        let stage = &self.stage;
        // The sender lives as long as the stage.
        let _ = stage.claim.subscribe().wait_for(|claim| *claim == Claim::Settled).await;
        let chunks = stage.ledger.read(|recording| recording.index_chunks());
        match stage.context.media.finish(&stage.asset_id, chunks).await {
            Ok(()) => {}
            // The asset is gone; its stage need not wait for ever.
            Err(error @ MediaError::Refused(_)) => {
                tracing::error!(stage = %stage.stage_id, %error, "a whole recording is not wanted");
            }
            Err(error) => return Err(error.into()),
        }
        if seal {
            stage.ledger.record(Entry::Sealed).await?;
            tracing::info!(stage = %stage.stage_id, asset = %stage.asset_id, chunks, "a recording is sealed");
        }
        Ok(())
    }

    async fn pause(&mut self, backoff: &mut Backoff, error: &StepError) {
        self.stage.context.metrics.upload_failures.inc();
        let delay = backoff.on_failure(chance());
        tracing::warn!(
            stage = %self.stage.stage_id, %error, failures = backoff.failures(), ?delay,
            "an upload failed; its segments wait in the spool"
        );
        tokio::select! {
            () = tokio::time::sleep(delay) => {}
            // The end is asked: seconds matter, so the next try is now.
            _changed = self.goal.changed() => backoff.on_success(),
        }
    }
}

impl Stage {
    /// Key of a recording's object.
    pub(crate) fn key(&self, path: &str) -> String {
        format!("recordings/{}/{path}", self.asset_id)
    }
}

/// First pause; an S3 that answered 503 is often back at once.
const RETRY_BASE: Duration = Duration::from_millis(200);

/// Longest pause, so that a long outage ends soon after the store is back.
const RETRY_CAP: Duration = Duration::from_secs(5);
