//! How many bytes the store may hold.
//!
//! Every write reserves before it touches the disk, so that a full store refuses before the first byte
//! and never leaves half an object.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::error::StoreError;

/// Bounds of a store's disk use.
#[derive(Debug, Clone)]
pub struct Limits {
    /// Most bytes of all objects and parts; `None` for what the file system has.
    pub max_bytes: Option<u64>,
    /// Bytes of the file system that stay free for everything else.
    pub keep_free_bytes: u64,
}

impl Default for Limits {
    /// Everything but 512 MiB: databases and logs on the same disk must still be able to write.
    fn default() -> Self {
        Self { max_bytes: None, keep_free_bytes: 512 << 20 }
    }
}

/// The count of used bytes.
#[derive(Debug)]
pub(super) struct Space {
    limits: Limits,
    folder: PathBuf,
    used: AtomicU64,
}

impl Space {
    /// Starts the count at what the index says.
    pub(super) fn new(limits: Limits, folder: PathBuf, used: u64) -> Arc<Self> {
        Arc::new(Self { limits, folder, used: AtomicU64::new(used) })
    }

    /// Sets `bytes` aside for a write.
    pub(super) fn reserve(self: &Arc<Self>, bytes: u64) -> Result<Reservation, StoreError> {
        let mut reservation = Reservation { space: Arc::clone(self), bytes: 0 };
        reservation.grow(bytes)?;
        Ok(reservation)
    }

    /// Gives back bytes whose files have gone.
    pub(super) fn release(&self, bytes: u64) {
        // Never below zero: the count starts from the index, which names every file.
        self.used.fetch_sub(bytes, Ordering::Relaxed);
    }

    /// Bytes in use, writes in progress included.
    pub(super) fn used(&self) -> u64 {
        self.used.load(Ordering::Relaxed)
    }

    fn take(&self, bytes: u64) -> Result<(), StoreError> {
        let used = self.used.fetch_add(bytes, Ordering::Relaxed);
        let over_limit = self.limits.max_bytes.is_some_and(|max| used.saturating_add(bytes) > max);
        if over_limit || !self.disk_has(bytes) {
            self.release(bytes);
            return Err(StoreError::Full { used_bytes: used, wanted_bytes: bytes });
        }
        Ok(())
    }

    /// Asks the file system; bytes that other writes have reserved but not written are not counted, the
    /// reserve covers them.
    fn disk_has(&self, bytes: u64) -> bool {
        let Ok(stat) = nix::sys::statvfs::statvfs(&self.folder) else { return true };
        let free = stat.blocks_available().saturating_mul(stat.fragment_size());
        free >= bytes.saturating_add(self.limits.keep_free_bytes)
    }
}

/// Bytes set aside; given back when dropped.
#[derive(Debug)]
pub(super) struct Reservation {
    space: Arc<Space>,
    bytes: u64,
}

impl Reservation {
    /// Sets more bytes aside.
    pub(super) fn grow(&mut self, bytes: u64) -> Result<(), StoreError> {
        self.space.take(bytes)?;
        self.bytes += bytes;
        Ok(())
    }

    /// Bytes set aside.
    pub(super) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// The first `bytes` are an object's now; the rest is given back.
    pub(super) fn keep(mut self, bytes: u64) {
        let rest = self.bytes.saturating_sub(bytes);
        self.space.release(rest);
        self.bytes = 0;
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        self.space.release(self.bytes);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn space(max_bytes: u64) -> Arc<Space> {
        let limits = Limits { max_bytes: Some(max_bytes), keep_free_bytes: 0 };
        Space::new(limits, std::env::temp_dir(), 0)
    }

    #[test]
    fn a_failed_write_gives_its_bytes_back() {
        let space = space(100);
        drop(space.reserve(80).unwrap());
        assert_eq!(space.used(), 0);
    }

    #[test]
    fn what_does_not_fit_is_refused_and_changes_nothing() {
        let space = space(100);
        space.reserve(60).unwrap().keep(60);
        assert!(matches!(space.reserve(41), Err(StoreError::Full { used_bytes: 60, wanted_bytes: 41 })));
        assert_eq!(space.used(), 60);
    }

    #[test]
    fn a_shorter_object_than_announced_gives_the_rest_back() {
        let space = space(100);
        space.reserve(60).unwrap().keep(10);
        assert_eq!(space.used(), 10);
    }
}
