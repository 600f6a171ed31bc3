//! Files of one recording on the local disk: `<data>/spool/<asset id>/`.
//!
//! Writes files, and makes them durable before anybody may name them. It does not know which files should
//! exist; the journal beside them does, and what it does not name is rubbish. All calls block.

use std::fs::{self, File};
use std::io;
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
        sync_all([Some(dir.as_path()), dir.parent()].into_iter().flatten())?;
        Ok(Self { dir })
    }

    /// Where the journal lies.
    #[must_use]
    pub(crate) fn journal_path(&self) -> PathBuf {
        self.dir.join("journal")
    }

    /// Writes a file under a path like `v720/3.m4s`. It is not durable before [`Self::sync`], and nobody may
    /// name it before; what an incomplete set of an earlier run left under the name is replaced.
    ///
    /// # Errors
    /// When the disk refuses.
    pub(crate) fn write(&self, path: &str, bytes: &[u8]) -> io::Result<()> {
        fs::write(self.dir.join(path), bytes)
    }

    /// Makes written files durable, names included.
    ///
    /// All at once, because a file system commits what waits together: one after the other, the files of a
    /// set took longer than the set on a busy disk.
    ///
    /// # Errors
    /// When the disk refuses. After a failed fsync the pages count as clean although they are lost, so
    /// these files must not be used.
    pub(crate) fn sync(&self, paths: &[String]) -> io::Result<()> {
        let files: Vec<PathBuf> = paths.iter().map(|path| self.dir.join(path)).collect();
        let mut dirs: Vec<&Path> = files.iter().filter_map(|file| file.parent()).collect();
        dirs.sort_unstable();
        dirs.dedup();
        sync_all(files.iter().map(PathBuf::as_path))?;
        sync_all(dirs.into_iter())
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

    /// Removes segments of sets that do not exist, and saved ones older than the newest `kept`.
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
                if unwanted {
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

/// fsync of files or folders, side by side.
fn sync_all<'a>(paths: impl Iterator<Item = &'a Path>) -> io::Result<()> {
    std::thread::scope(|scope| {
        let syncing: Vec<_> = paths.map(|path| scope.spawn(move || File::open(path)?.sync_all())).collect();
        syncing.into_iter().try_for_each(|each| match each.join() {
            Ok(synced) => synced,
            Err(panic) => std::panic::resume_unwind(panic),
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_of_an_incomplete_set_is_replaced() {
        let folder = testkit::temp_dir();
        let spool = Spool::open(folder.path().join("ast"), &["v720"]).unwrap();
        spool.write("v720/0.m4s", b"longer").unwrap();
        spool.write("v720/0.m4s", b"two").unwrap();
        spool.sync(&["v720/0.m4s".to_owned()]).unwrap();
        assert_eq!(spool.read("v720/0.m4s").unwrap().as_deref(), Some(&b"two"[..]));
        assert_eq!(spool.read("v720/1.m4s").unwrap(), None);
    }

    #[test]
    fn a_file_that_was_not_written_is_not_durable() {
        let folder = testkit::temp_dir();
        let spool = Spool::open(folder.path().join("ast"), &["v720"]).unwrap();
        assert!(spool.write("audio/0.m4s", b"no such folder").is_err());
        assert!(spool.sync(&["v720/0.m4s".to_owned()]).is_err());
    }
}
