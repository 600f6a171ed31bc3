//! All stages of this mixer service: opened, found again after a restart, forgotten when they are over.
//!
//! Decides which wishes are taken (one live recording per stage, none when the spool is full); the life of
//! one stage is [`crate::stage`]'s business.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use ids::{AssetId, StageId};
use mixer_core::recording::Phase;
use tokio::sync::Mutex;
use tokio::task::JoinSet;
use tokio::time::Instant;
use wire::mixer::{StageSpec, StageStatus};

use crate::ledger::{Ledger, LedgerError, blocking};
use crate::stage::{Context, Stage};

/// Why a wish is not taken.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Refusal {
    /// No such stage here.
    #[error("there is no such stage")]
    UnknownStage,
    /// Its recording of another asset is not over.
    #[error("the stage still records into {0}")]
    OtherRecording(AssetId),
    /// The recording belongs to another stage.
    #[error("the asset records another stage")]
    OtherStage,
    /// Too much waits for the bucket already.
    #[error("{bytes} bytes wait for the bucket, {limit} are allowed")]
    SpoolFull {
        /// Waiting.
        bytes: u64,
        /// Allowed.
        limit: u64,
    },
    /// The service stops.
    #[error("the mixer is shutting down")]
    ShuttingDown,
    /// The spool cannot be used.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
}

/// The stages of this service.
#[derive(Debug)]
pub(crate) struct Stages {
    context: Arc<Context>,
    open: RwLock<HashMap<StageId, Entry>>,
    /// Held while stages are added or the service stops.
    opening: Mutex<Opening>,
}

/// Whether stages may be added.
#[derive(Debug)]
enum Opening {
    Allowed,
    Closed,
}

#[derive(Debug, Clone)]
struct Entry {
    stage: Arc<Stage>,
    /// When it was first seen sealed.
    sealed_at: Option<Instant>,
}

impl Stages {
    pub(crate) fn new(context: Arc<Context>) -> Self {
        Self { context, open: RwLock::default(), opening: Mutex::new(Opening::Allowed) }
    }

    fn spool_dir(&self) -> PathBuf {
        self.context.config.data_dir.join("spool")
    }

    /// Finds the recordings that an earlier process left: whole ones are removed, ended ones are finished,
    /// the others wait for somebody to ask for their stage again, while their files go to the bucket.
    pub(crate) async fn resume(&self) -> Result<(), LedgerError> {
        let dir = self.spool_dir();
        let (ladder, kept) = (self.context.config.ladder.clone(), self.context.config.kept_sets);
        let ledgers = blocking(move || {
            let names: Vec<&str> = ladder.names().collect();
            std::fs::create_dir_all(&dir)?;
            let mut ledgers = Vec::new();
            for folder in std::fs::read_dir(&dir)? {
                let path = folder?.path();
                match Ledger::resume(&path, &names, kept) {
                    Ok(Some(ledger)) => ledgers.push(ledger),
                    Ok(None) => {}
                    // Its files stay for a person to look at; the other stages must run.
                    Err(error) => tracing::error!(?path, %error, "a recording in the spool is damaged"),
                }
            }
            Ok(ledgers)
        })
        .await?;
        for ledger in ledgers {
            let (phase, waiting) = ledger.read(|recording| (recording.phase(), recording.unsaved().len()));
            if phase == Phase::Sealed {
                forget(&ledger);
                continue;
            }
            let stage = Stage::start(Arc::clone(&self.context), ledger);
            let (id, asset) = (stage.stage_id().clone(), stage.asset_id());
            tracing::info!(stage = %id, %asset, ?phase, waiting, "a recording is found again in the spool");
            if phase == Phase::Draining {
                stage.end().await;
            }
            self.insert(id, stage);
        }
        Ok(())
    }

    /// Makes the wanted state true: starts, resumes or changes a stage.
    pub(crate) async fn show(&self, id: &StageId, spec: StageSpec) -> Result<StageStatus, Refusal> {
        let opening = self.opening.lock().await;
        if matches!(*opening, Opening::Closed) {
            return Err(Refusal::ShuttingDown);
        }
        let known = self.find(id);
        let stage = match known {
            Some(stage) if *stage.asset_id() == spec.asset_id => stage,
            Some(stage) if stage.phase() != Phase::Sealed => {
                return Err(Refusal::OtherRecording(stage.asset_id().clone()));
            }
            Some(_) | None => self.open(id, &spec).await?,
        };
        drop(opening);
        if matches!(stage.phase(), Phase::Starting | Phase::Live) {
            stage.show(spec).await;
        }
        Ok(stage.status())
    }

    async fn open(&self, id: &StageId, spec: &StageSpec) -> Result<Arc<Stage>, Refusal> {
        if self.recording(&spec.asset_id).is_some() {
            return Err(Refusal::OtherStage);
        }
        let (bytes, limit) = (self.unsaved_bytes(), self.context.config.spool_limit_bytes / 2);
        if bytes >= limit {
            self.context.metrics.refused_stages.inc();
            return Err(Refusal::SpoolFull { bytes, limit });
        }
        let dir = self.spool_dir().join(spec.asset_id.as_str());
        let (ladder, stage_id, asset_id) =
            (self.context.config.ladder.clone(), id.clone(), spec.asset_id.clone());
        let ledger = blocking(move || {
            let names: Vec<&str> = ladder.names().collect();
            Ledger::open(dir, &names, &stage_id, &asset_id)
        })
        .await?;
        if ledger.read(|recording| recording.stage_id() != id) {
            return Err(Refusal::OtherStage);
        }
        let stage = Stage::start(Arc::clone(&self.context), ledger);
        self.insert(id.clone(), Arc::clone(&stage));
        Ok(stage)
    }

    /// Ends a stage; the answer comes before everything is saved.
    pub(crate) async fn end(&self, id: &StageId) -> Result<StageStatus, Refusal> {
        let stage = self.find(id).ok_or(Refusal::UnknownStage)?;
        stage.end().await;
        Ok(stage.status())
    }

    /// What a stage is doing.
    pub(crate) fn status(&self, id: &StageId) -> Result<StageStatus, Refusal> {
        self.find(id).map(|stage| stage.status()).ok_or(Refusal::UnknownStage)
    }

    /// The stage that records into this asset.
    pub(crate) fn recording(&self, asset_id: &AssetId) -> Option<Arc<Stage>> {
        let open = self.open.read().unwrap_or_else(PoisonError::into_inner);
        open.values().find(|entry| entry.stage.asset_id() == asset_id).map(|entry| Arc::clone(&entry.stage))
    }

    /// Stops all children and waits, at most so long, until the bucket has everything and replays play.
    pub(crate) async fn suspend(&self, patience: Duration) {
        *self.opening.lock().await = Opening::Closed;
        let mut suspending = JoinSet::new();
        for stage in self.all() {
            suspending.spawn(async move { stage.suspend().await });
        }
        if tokio::time::timeout(patience, suspending.join_all()).await.is_err() {
            let bytes = self.unsaved_bytes();
            tracing::error!(
                bytes,
                "the mixer stops before the bucket has everything; it goes on at its start"
            );
        }
    }

    /// Runs for ever: watches the spool's size, pauses the stages while it is full, and forgets recordings that ended a while ago.
    pub(crate) async fn keep_house(&self) {
        let mut ticks = tokio::time::interval(HOUSEKEEPING);
        let mut alarmed_at: Option<Instant> = None;
        loop {
            ticks.tick().await;
            self.forget_sealed();
            let (bytes, limit) = (self.unsaved_bytes(), self.context.config.spool_limit_bytes);
            self.context.metrics.spool_bytes.set(i64::try_from(bytes).unwrap_or(i64::MAX));
            let full = is_full(self.context.spool_is_full(), bytes, limit);
            self.context.set_spool_full(full);
            if full && alarmed_at.is_none_or(|at| at.elapsed() >= ALARM_INTERVAL) {
                tracing::error!(bytes, limit, "the spool is full: stages pause until the bucket answers");
                alarmed_at = Some(Instant::now());
            }
        }
    }

    fn forget_sealed(&self) {
        let mut open = self.open.write().unwrap_or_else(PoisonError::into_inner);
        open.retain(|_, entry| {
            if entry.stage.phase() != Phase::Sealed {
                return true;
            }
            let sealed_at = *entry.sealed_at.get_or_insert_with(Instant::now);
            let keep = sealed_at.elapsed() < SEALED_KEPT;
            if !keep {
                forget(entry.stage.ledger());
            }
            keep
        });
    }

    fn unsaved_bytes(&self) -> u64 {
        self.all().iter().map(|stage| stage.ledger().read(|recording| recording.unsaved_bytes())).sum()
    }

    fn all(&self) -> Vec<Arc<Stage>> {
        let open = self.open.read().unwrap_or_else(PoisonError::into_inner);
        open.values().map(|entry| Arc::clone(&entry.stage)).collect()
    }

    fn find(&self, id: &StageId) -> Option<Arc<Stage>> {
        let open = self.open.read().unwrap_or_else(PoisonError::into_inner);
        open.get(id).map(|entry| Arc::clone(&entry.stage))
    }

    fn insert(&self, id: StageId, stage: Arc<Stage>) {
        let entry = Entry { stage, sealed_at: None };
        let replaced = self.open.write().unwrap_or_else(PoisonError::into_inner).insert(id, entry);
        // Only a sealed recording is replaced: MAR serves it from the bucket.
        if let Some(replaced) = replaced {
            forget(replaced.stage.ledger());
        }
    }
}

/// Removes the files of a sealed recording; the bucket has them all.
fn forget(ledger: &Ledger) {
    if let Err(error) = ledger.spool().destroy() {
        tracing::warn!(%error, "a sealed recording cannot be removed from the spool");
    }
}

/// Whether stages must pause. They go on when there is room for a while, so that they do not go on and off
/// with every segment.
fn is_full(was_full: bool, bytes: u64, limit: u64) -> bool {
    if was_full { bytes > limit / 4 * 3 } else { bytes >= limit }
}

/// A stage of 4 Mb/s writes half a megabyte meanwhile.
const HOUSEKEEPING: Duration = Duration::from_secs(1);

/// Once a minute is enough to be seen and not enough to drown the log.
const ALARM_INTERVAL: Duration = Duration::from_secs(60);

/// After the seal players still load the last playlists from here until the origin reads the bucket.
const SEALED_KEPT: Duration = Duration::from_secs(300);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_spool_has_room_again_when_a_quarter_is_free() {
        let mut full = false;
        let after: Vec<bool> = [99, 100, 80, 76, 75, 99, 100]
            .into_iter()
            .map(|bytes| {
                full = is_full(full, bytes, 100);
                full
            })
            .collect();
        assert_eq!(after, [false, true, true, true, false, false, true]);
    }
}
