//! One recording with its journal and its files: what is recorded is durable first.
//!
//! Keeps the order that every reader relies on: file, then journal, then memory. Playlists and
//! uploads read the memory, so they never name what a crash could take back.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use bytes::Bytes;
use ids::{AssetId, StageId};
use journal::{Journal, JournalError, Survives};
use mixer_core::recording::{Entry, EntryError, Recording};
use tokio::sync::watch;
use wire::media::SETS_PER_CHUNK;

use crate::spool::Spool;

/// Why a change was not recorded.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LedgerError {
    /// The disk refuses.
    #[error("the spool refuses")]
    Disk(#[from] std::io::Error),
    /// The journal cannot be opened.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// The change does not fit the recording.
    #[error(transparent)]
    Entry(#[from] EntryError),
}

/// A recording, its journal and its spool folder.
#[derive(Debug)]
pub(crate) struct Ledger {
    spool: Spool,
    journal: Mutex<Journal<Entry>>,
    recording: RwLock<Recording>,
    changes: watch::Sender<u64>,
}

impl Ledger {
    /// Begins a recording, or goes on with the one that the folder holds. Blocks.
    ///
    /// # Errors
    /// When the disk refuses or the folder holds the journal of something else.
    pub(crate) fn open(
        dir: PathBuf,
        renditions: &[&str],
        stage_id: &StageId,
        asset_id: &AssetId,
    ) -> Result<Self, LedgerError> {
        let spool = Spool::open(dir, renditions)?;
        let (mut journal, entries) = Journal::open(&spool.journal_path())?;
        let recording = if entries.is_empty() {
            let (stage_id, asset_id) = (stage_id.clone(), asset_id.clone());
            let opened = Entry::Opened { stage_id: stage_id.clone(), asset_id: asset_id.clone() };
            journal.append(&opened, Survives::Machine)?;
            Recording::new(stage_id, asset_id)
        } else {
            Recording::replay(entries)?
        };
        Ok(Self::new(spool, journal, recording))
    }

    /// Goes on with the recording in a folder; `None` when it has none. Blocks.
    ///
    /// # Errors
    /// When the disk refuses or the journal is damaged.
    pub(crate) fn resume(
        dir: &Path,
        renditions: &[&str],
        kept_sets: u64,
    ) -> Result<Option<Self>, LedgerError> {
        let spool = Spool::open(dir.to_owned(), renditions)?;
        let (journal, entries) = Journal::open(&spool.journal_path())?;
        if entries.is_empty() {
            return Ok(None);
        }
        let recording = Recording::replay(entries)?;
        spool.tidy(&recording, kept_sets)?;
        Ok(Some(Self::new(spool, journal, recording)))
    }

    fn new(spool: Spool, journal: Journal<Entry>, recording: Recording) -> Self {
        let (changes, _) = watch::channel(0);
        Self { spool, journal: Mutex::new(journal), recording: RwLock::new(recording), changes }
    }

    /// Makes a change durable, then visible.
    ///
    /// # Errors
    /// When it does not fit or the disk refuses; nothing has changed then.
    pub(crate) async fn record(self: &Arc<Self>, entry: Entry) -> Result<(), LedgerError> {
        self.record_with(Vec::new(), entry).await
    }

    /// Makes written files durable, then the change that names them, then makes that visible.
    ///
    /// # Errors
    /// When it does not fit or the disk refuses; nothing has changed then.
    pub(crate) async fn record_with(
        self: &Arc<Self>,
        files: Vec<String>,
        entry: Entry,
    ) -> Result<(), LedgerError> {
        let ledger = Arc::clone(self);
        blocking(move || {
            ledger.spool.sync(&files)?;
            let mut journal = ledger.journal.lock().unwrap_or_else(PoisonError::into_inner);
            ledger.read(|recording| recording.check(&entry))?;
            journal.append(&entry, survives(&entry))?;
            ledger.recording.write().unwrap_or_else(PoisonError::into_inner).apply(entry)?;
            ledger.changes.send_modify(|version| *version += 1);
            Ok(())
        })
        .await
    }

    /// Writes a file that [`Self::record_with`] makes durable.
    ///
    /// # Errors
    /// When the disk refuses.
    pub(crate) async fn write_file(&self, path: String, bytes: Bytes) -> Result<(), LedgerError> {
        let spool = self.spool.clone();
        blocking(move || Ok(spool.write(&path, &bytes)?)).await
    }

    /// Reads a file. `None`: it is not (or no longer) in the spool.
    ///
    /// # Errors
    /// When the disk refuses.
    pub(crate) async fn read_file(&self, path: String) -> Result<Option<Bytes>, LedgerError> {
        let spool = self.spool.clone();
        blocking(move || Ok(spool.read(&path)?.map(Bytes::from))).await
    }

    /// Looks at the recording. Keep it short: a change waits meanwhile.
    pub(crate) fn read<T>(&self, look: impl FnOnce(&Recording) -> T) -> T {
        look(&self.recording.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Counts the changes.
    #[must_use]
    pub(crate) fn changes(&self) -> watch::Receiver<u64> {
        self.changes.subscribe()
    }

    /// How many changes there were.
    #[must_use]
    pub(crate) fn version(&self) -> u64 {
        *self.changes.borrow()
    }

    /// The files.
    #[must_use]
    pub(crate) fn spool(&self) -> &Spool {
        &self.spool
    }
}

/// That a set is saved is found out again by saving it again: it need not survive power loss, except where a
/// chunk of the index closes, because a closed chunk is never written with less in it.
fn survives(entry: &Entry) -> Survives {
    match entry {
        Entry::SetSaved { number } if !(number + 1).is_multiple_of(SETS_PER_CHUNK as u64) => {
            Survives::Process
        }
        Entry::SetSaved { .. }
        | Entry::Opened { .. }
        | Entry::RunStarted { .. }
        | Entry::Renditions { .. }
        | Entry::SetDurable { .. }
        | Entry::EndAsked
        | Entry::Sealed => Survives::Machine,
    }
}

/// Runs file work on a thread that may block.
pub(crate) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, LedgerError> + Send + 'static,
) -> Result<T, LedgerError> {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done,
        Err(error) if error.is_panic() => std::panic::resume_unwind(error.into_panic()),
        Err(_cancelled) => Err(std::io::Error::from(std::io::ErrorKind::Interrupted).into()),
    }
}
