//! Files of one recording on the local disk: `<data>/spool/<asset id>/`.
//!
//! Makes a file durable before anybody may name it: temporary file, fsync, rename, fsync of the folder. It
//! does not know which files should exist; the journal beside them does. All calls block.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use hls::recording::segment_path;
use mixer_core::recording::Recording;

/// The folder of one recording.
#[derive(Debug, Clone)]
pub(crate) struct Spool {
    dir: PathBuf,
}

impl Spool {
    /// Opens the folder, and makes it and one folder per rendition.
    ///
    /// # Errors
    /// When the disk refuses.
    pub(crate) fn open(dir: PathBuf, renditions: &[&str]) -> io::Result<Self> {
        for rendition in renditions {
            fs::create_dir_all(dir.join(rendition))?;
        }
        sync_dir(&dir)?;
        if let Some(parent) = dir.parent() {
            sync_dir(parent)?;
        }
        Ok(Self { dir })
    }

    /// Where the journal lies.
    #[must_use]
    pub(crate) fn journal_path(&self) -> PathBuf {
        self.dir.join("journal")
    }

    /// Makes a file durable under a path like `v720/3.m4s`. A file of that name is replaced: an incomplete
    /// set of an earlier run.
    ///
    /// # Errors
    /// When the disk refuses; the name is then not there, or holds what it held before.
    pub(crate) fn write(&self, path: &str, bytes: &[u8]) -> io::Result<()> {
        let target = self.dir.join(path);
        let draft = target.with_extension(DRAFT);
        let written = (|| {
            let mut file = File::create(&draft)?;
            file.write_all(bytes)?;
            // After a failed fsync the pages count as clean although they are lost, so nothing is tried
            // again on this file.
            file.sync_all()?;
            fs::rename(&draft, &target)?;
            target.parent().map_or(Ok(()), sync_dir)
        })();
        if written.is_err() {
            // What is left is removed with the next tidy.
            let _ = fs::remove_file(&draft);
        }
        written
    }

    /// Reads a file. `None`: it is not (or no longer) here.
    ///
    /// # Errors
    /// When the disk refuses.
    pub(crate) fn read(&self, path: &str) -> io::Result<Option<Vec<u8>>> {
        match fs::read(self.dir.join(path)) {
            Ok(bytes) => Ok(Some(bytes)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Removes a file; one that is not there is fine.
    pub(crate) fn remove(&self, path: &str) {
        if let Err(error) = fs::remove_file(self.dir.join(path))
            && error.kind() != io::ErrorKind::NotFound
        {
            tracing::warn!(%error, path, "a spool file cannot be removed");
        }
    }

    /// Removes drafts, segments of sets that do not exist, and saved ones older than the newest `kept`.
    ///
    /// # Errors
    /// When a folder cannot be read.
    pub(crate) fn tidy(&self, recording: &Recording, kept: u64) -> io::Result<()> {
        let end = recording.sets().len() as u64;
        let start = (recording.saved().len() as u64).saturating_sub(kept);
        for rendition in fs::read_dir(&self.dir)? {
            let rendition = rendition?;
            if !rendition.file_type()?.is_dir() {
                continue;
            }
            for file in fs::read_dir(rendition.path())? {
                let file = file?;
                let name = file.file_name();
                let name = name.to_string_lossy();
                let number = name.strip_suffix(".m4s").and_then(|number| number.parse::<u64>().ok());
                let unwanted = number.is_some_and(|number| !(start..end).contains(&number));
                if unwanted || name.ends_with(DRAFT) {
                    self.remove(&format!("{}/{name}", rendition.file_name().to_string_lossy()));
                }
            }
        }
        Ok(())
    }

    /// Removes the saved set of this number.
    pub(crate) fn evict(&self, renditions: &[&str], number: u64) {
        for rendition in renditions {
            self.remove(&segment_path(rendition, number));
        }
    }

    /// Removes everything. The spool is of no use afterwards.
    ///
    /// # Errors
    /// When the disk refuses.
    pub(crate) fn destroy(&self) -> io::Result<()> {
        fs::remove_dir_all(&self.dir)
    }
}

fn sync_dir(dir: &Path) -> io::Result<()> {
    File::open(dir)?.sync_all()
}

/// Extension of files that are not whole yet.
const DRAFT: &str = "draft";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_written_file_is_whole_and_leaves_no_draft() {
        let folder = testkit::temp_dir();
        let spool = Spool::open(folder.path().join("ast"), &["v720"]).unwrap();
        spool.write("v720/0.m4s", b"one").unwrap();
        spool.write("v720/0.m4s", b"two").unwrap();
        assert_eq!(spool.read("v720/0.m4s").unwrap().as_deref(), Some(&b"two"[..]));
        assert_eq!(spool.read("v720/1.m4s").unwrap(), None);
        assert_eq!(fs::read_dir(folder.path().join("ast/v720")).unwrap().count(), 1);
    }

    #[test]
    fn a_failed_write_leaves_the_name_free() {
        let folder = testkit::temp_dir();
        let spool = Spool::open(folder.path().join("ast"), &["v720"]).unwrap();
        assert!(spool.write("audio/0.m4s", b"no such folder").is_err());
        assert_eq!(spool.read("audio/0.m4s").unwrap(), None);
    }
}
