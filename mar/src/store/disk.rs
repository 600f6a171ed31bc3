//! The store's files: written under a temporary name, made durable, renamed, read by position.
//!
//! A file's name is 128 random bits of our own, so no key can reach outside the folder. A file appears
//! under its final name only after `fdatasync`, and its folder is synced before anybody is told.

use std::collections::HashSet;
use std::fs::{self, File};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use tokio::sync::mpsc;

use super::error::StoreError;
use super::model::Extent;
use super::random_name;

/// Bytes per read of a body: two reads cover a usual segment.
const READ_CHUNK: u64 = 512 << 10;

/// Reads in advance of a slow reader.
const READ_AHEAD: usize = 2;

/// The store's folders.
#[derive(Debug, Clone)]
pub(super) struct Disk {
    temporary: PathBuf,
    objects: PathBuf,
}

impl Disk {
    /// Makes the folders and removes what an earlier process left unfinished.
    pub(super) fn open(root: &Path) -> io::Result<Self> {
        let disk = Self { temporary: root.join("tmp"), objects: root.join("objects") };
        if disk.temporary.exists() {
            fs::remove_dir_all(&disk.temporary)?;
        }
        fs::create_dir_all(&disk.temporary)?;
        for byte in 0..=u8::MAX {
            fs::create_dir_all(disk.objects.join(format!("{byte:02x}")))?;
        }
        sync_folder(&disk.objects)?;
        sync_folder(root)?;
        Ok(disk)
    }

    /// Removes files that the index does not name; returns how many. Only before the first write.
    pub(super) fn remove_strangers(&self, known: &HashSet<String>) -> io::Result<usize> {
        let mut removed = 0;
        for folder in fs::read_dir(&self.objects)? {
            for file in fs::read_dir(folder?.path())? {
                let file = file?;
                if !file.file_name().to_str().is_some_and(|name| known.contains(name)) {
                    fs::remove_file(file.path())?;
                    removed += 1;
                }
            }
        }
        Ok(removed)
    }

    /// A fresh temporary file.
    pub(super) async fn create(&self) -> io::Result<NewFile> {
        let name = random_name();
        let path = self.temporary.join(&name);
        let file = tokio::fs::OpenOptions::new().write(true).create_new(true).open(&path).await?;
        Ok(NewFile { name, file, path: Guarded(Some(path)) })
    }

    /// Makes a written file durable under its final name.
    pub(super) async fn publish(&self, new: NewFile) -> Result<Published, StoreError> {
        let NewFile { name, file, mut path } = new;
        let file = file.into_std().await;
        let target = self.path(&name);
        let published = blocking(move || {
            // A failed sync means lost bytes: the file goes, and nobody may try the sync again.
            file.sync_data()?;
            let from = path.0.take().unwrap_or_default();
            let guard = Guarded(Some(from.clone()));
            fs::rename(&from, &target)?;
            guard.keep();
            let published = Published { path: Guarded(Some(target.clone())), name };
            sync_folder(target.parent().unwrap_or(&target))?;
            Ok(published)
        })
        .await?;
        Ok(published)
    }

    /// Gives the bytes of a file a second name: a copy that costs no bytes.
    pub(super) async fn link(&self, file: &str) -> Result<Published, StoreError> {
        let (from, name) = (self.path(file), random_name());
        let target = self.path(&name);
        let published = blocking(move || {
            fs::hard_link(&from, &target)?;
            let published = Published { path: Guarded(Some(target.clone())), name };
            sync_folder(target.parent().unwrap_or(&target))?;
            Ok(published)
        })
        .await?;
        Ok(published)
    }

    /// Removes files that the index has forgotten. One that resists is found at the next start.
    pub(super) async fn remove(&self, extents: &[Extent]) {
        for extent in extents {
            if let Err(error) = tokio::fs::remove_file(self.path(&extent.file)).await {
                tracing::warn!(%error, file = extent.file, "a file of the store stays until the next start");
            }
        }
    }

    /// Bytes `range` of the extents' bytes, in pieces of at most half a mebibyte.
    ///
    /// Files are opened one after the other, the first before this returns.
    pub(super) async fn read(
        &self,
        extents: Vec<Extent>,
        range: std::ops::Range<u64>,
    ) -> Result<mpsc::Receiver<io::Result<Bytes>>, StoreError> {
        let (sender, receiver) = mpsc::channel(READ_AHEAD);
        let mut slices = slices(&extents, range).into_iter();
        let Some(first) = slices.next() else { return Ok(receiver) };
        let file = self.open_file(&first.file).await?;
        let disk = self.clone();
        tokio::spawn(async move {
            let mut next = Some((file, first));
            while let Some((file, slice)) = next.take() {
                if !send_slice(&sender, file, slice.from, slice.until).await {
                    return;
                }
                let Some(slice) = slices.next() else { return };
                match disk.open_file(&slice.file).await {
                    Ok(file) => next = Some((file, slice)),
                    Err(error) => {
                        let _ = sender.send(Err(error)).await;
                        return;
                    }
                }
            }
        });
        Ok(receiver)
    }

    async fn open_file(&self, name: &str) -> io::Result<std::sync::Arc<File>> {
        let path = self.path(name);
        blocking(move || File::open(path).map(std::sync::Arc::new)).await
    }

    fn path(&self, name: &str) -> PathBuf {
        self.objects.join(name.get(..2).unwrap_or("00")).join(name)
    }
}

/// A temporary file that is being written; removed when dropped.
#[derive(Debug)]
pub(super) struct NewFile {
    name: String,
    /// Where the bytes go.
    pub(super) file: tokio::fs::File,
    path: Guarded,
}

/// A durable file that no row names yet; removed when dropped before [`Published::keep`].
#[derive(Debug)]
pub(super) struct Published {
    name: String,
    path: Guarded,
}

impl Published {
    /// The extent that is the whole file.
    pub(super) fn extent(&self, size_bytes: u64) -> Extent {
        Extent { file: self.name.clone(), size_bytes }
    }

    /// A row names it now.
    pub(super) fn keep(self) {
        self.path.keep();
    }
}

/// Removes its file when dropped.
#[derive(Debug)]
struct Guarded(Option<PathBuf>);

impl Guarded {
    fn keep(mut self) {
        self.0 = None;
    }
}

impl Drop for Guarded {
    fn drop(&mut self) {
        if let Some(path) = self.0.take() {
            // What cannot be removed now is a stranger at the next start.
            let _ = fs::remove_file(path);
        }
    }
}

#[derive(Debug, PartialEq, Eq)]
struct Slice {
    file: String,
    from: u64,
    until: u64,
}

/// The runs of files that hold `range`.
fn slices(extents: &[Extent], range: std::ops::Range<u64>) -> Vec<Slice> {
    let mut start = 0;
    let mut slices = Vec::new();
    for extent in extents {
        let end = start + extent.size_bytes;
        let (from, until) = (range.start.max(start), range.end.min(end));
        if from < until {
            slices.push(Slice { file: extent.file.clone(), from: from - start, until: until - start });
        }
        start = end;
    }
    slices
}

/// Sends a run of a file; false when the reader has gone or the disk failed.
async fn send_slice(
    sender: &mpsc::Sender<io::Result<Bytes>>,
    file: std::sync::Arc<File>,
    from: u64,
    until: u64,
) -> bool {
    let mut position = from;
    while position < until {
        let length = usize::try_from((until - position).min(READ_CHUNK)).unwrap_or(usize::MAX);
        let reader = std::sync::Arc::clone(&file);
        let read = blocking(move || {
            let mut buffer = vec![0; length];
            reader.read_exact_at(&mut buffer, position)?;
            Ok(Bytes::from(buffer))
        })
        .await;
        let failed = read.is_err();
        if sender.send(read).await.is_err() || failed {
            return false;
        }
        position += length as u64;
    }
    true
}

fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

/// Runs a blocking call where it stalls no socket.
async fn blocking<T: Send + 'static>(call: impl FnOnce() -> io::Result<T> + Send + 'static) -> io::Result<T> {
    tokio::task::spawn_blocking(call).await.map_err(io::Error::other)?
}

#[cfg(test)]
mod tests {
    use super::*;

    fn extents(sizes: &[u64]) -> Vec<Extent> {
        sizes
            .iter()
            .enumerate()
            .map(|(number, &size_bytes)| Extent { file: number.to_string(), size_bytes })
            .collect()
    }

    #[test]
    fn a_range_across_files_touches_only_those_files() {
        let slices = slices(&extents(&[10, 10, 10]), 15..22);
        let of = |file: &str, from, until| Slice { file: file.to_owned(), from, until };
        assert_eq!(slices, [of("1", 5, 10), of("2", 0, 2)]);
    }

    #[test]
    fn an_empty_object_has_no_slices() {
        assert!(slices(&extents(&[0]), 0..0).is_empty());
    }

    #[test]
    fn a_temporary_file_of_an_earlier_process_is_removed() {
        let folder = testkit::temp_dir();
        Disk::open(folder.path()).unwrap();
        let left = folder.path().join("tmp").join("half");
        fs::write(&left, "half an object").unwrap();
        Disk::open(folder.path()).unwrap();
        assert!(!left.exists());
    }
}
