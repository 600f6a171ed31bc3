//! The embedded S3 store: one bucket on one folder, durable before it answers.
//!
//! Decides how objects become files and rows, and what survives a crash. The S3 protocol itself
//! (signatures, XML, chunked bodies) is the `s3s` crate's; who may ask is decided by the one access key.
//!
//! ```text
//! body ─▶ tmp/<random> ─fdatasync─▶ objects/<xx>/<random> ─fsync folder─▶ row in index.db ─▶ 200
//! ```
//! A crash before the row leaves a file that nobody was told about; the next start removes it.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

mod disk;
mod edge;
mod error;
mod index;
mod intake;
mod listing;
mod model;
mod multipart;
mod objects;
mod protocol;
mod space;

pub use self::error::StoreError;
pub use self::space::Limits;

use self::disk::Disk;
use self::index::Index;
use self::space::Space;

/// How often abandoned uploads are looked for.
const EXPIRY_INTERVAL: Duration = Duration::from_secs(600);

/// Settings of an embedded store.
#[derive(Debug, Clone)]
pub struct Config {
    /// The store's own folder.
    pub folder: PathBuf,
    /// Name of its only bucket; also the first part of every path.
    pub bucket: String,
    /// The only access key.
    pub access_key: String,
    /// Its secret.
    pub secret_key: String,
    /// Bounds of disk use.
    pub limits: Limits,
    /// Unfinished multipart uploads older than this are removed.
    pub upload_lifetime: Duration,
}

/// An open store. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Store {
    config: Arc<Config>,
    disk: Disk,
    index: Index,
    space: Arc<Space>,
}

impl Store {
    /// Opens the store, and removes what an earlier process did not acknowledge.
    ///
    /// # Errors
    /// When the folder or the index cannot be read or written.
    pub async fn open(config: Config) -> Result<Self, StoreError> {
        std::fs::create_dir_all(&config.folder)?;
        let disk = Disk::open(&config.folder)?;
        let index = Index::open(&config.folder.join("index.db")).await?;
        let removed = disk.remove_strangers(&index.files().await?)?;
        if removed > 0 {
            tracing::info!(removed, "removed files of writes that were never acknowledged");
        }
        let used = index.used_bytes().await?;
        let space = Space::new(config.limits.clone(), config.folder.clone(), used);
        Ok(Self { config: Arc::new(config), disk, index, space })
    }

    /// Routes of the bucket: `/<bucket>` and everything below it.
    ///
    /// To be merged into the listener's router as it is: a signature covers the whole path and the host.
    pub fn router(&self) -> axum::Router {
        edge::router(self)
    }

    /// Answers when the store can be read.
    ///
    /// # Errors
    /// Why not.
    pub async fn ready(&self) -> Result<(), StoreError> {
        self.index.ping().await
    }

    /// Bytes of all objects, parts and writes in progress.
    #[must_use]
    pub fn used_bytes(&self) -> u64 {
        self.space.used()
    }

    /// Removes unfinished uploads that are too old; returns how many.
    ///
    /// # Errors
    /// When the index fails.
    pub async fn expire_uploads(&self, now: SystemTime) -> Result<usize, StoreError> {
        let before = micros(now) - i64::try_from(self.config.upload_lifetime.as_micros()).unwrap_or(i64::MAX);
        let expired = self.index.uploads_from_before(before).await?;
        for upload_id in &expired {
            match self.index.abort_upload(upload_id).await {
                Ok(files) => self.discard(&files).await,
                // Completed or aborted since it was listed.
                Err(StoreError::NoSuchUpload) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(expired.len())
    }

    /// Removes abandoned uploads for as long as the returned task lives.
    #[must_use]
    pub fn spawn_expiry(&self) -> tokio::task::JoinHandle<()> {
        let store = self.clone();
        tokio::spawn(async move {
            let mut ticks = tokio::time::interval(EXPIRY_INTERVAL);
            loop {
                ticks.tick().await;
                match store.expire_uploads(SystemTime::now()).await {
                    Ok(0) => {}
                    Ok(removed) => tracing::info!(removed, "removed abandoned uploads"),
                    Err(error) => tracing::warn!(%error, "abandoned uploads stay for now"),
                }
            }
        })
    }

    /// Closes the index. Requests after it fail.
    pub async fn close(&self) {
        self.index.close().await;
    }

    /// Removes files that no row names any longer, and gives their bytes back.
    async fn discard(&self, extents: &[model::Extent]) {
        self.disk.remove(extents).await;
        self.space.release(extents.iter().map(|extent| extent.size_bytes).sum());
    }
}

/// 128 random bits in hexadecimal.
fn random_name() -> String {
    let mut bytes = [0_u8; 16];
    getrandom::fill(&mut bytes).expect("the system's random source answers");
    hex::encode(bytes)
}

/// UTC microseconds of an instant; 0 for one before 1970.
fn micros(instant: SystemTime) -> i64 {
    let since = instant.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_micros()).unwrap_or(i64::MAX)
}
