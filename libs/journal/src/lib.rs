//! A journal: one line of JSON per change, written before the change counts.
//!
//! Knows lines and durability; what the entries mean is their owner's business. A line that the machine's end
//! cut off is dropped when the journal is opened. All calls block.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::marker::PhantomData;
use std::path::{Path, PathBuf};

use serde::Serialize;
use serde::de::DeserializeOwned;

/// Why a journal cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// The disk refuses.
    #[error("the journal cannot be used")]
    Io(#[from] io::Error),
    /// A line before the last one is not an entry: somebody else wrote here, or the disk lost data.
    #[error("{path}: line {line} is damaged")]
    Damaged {
        /// Where.
        path: PathBuf,
        /// From 1.
        line: usize,
    },
}

/// What an entry must survive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Survives {
    /// The end of this process.
    Process,
    /// Power loss.
    Machine,
}

/// An open journal of entries of one type, at its end.
#[derive(Debug)]
pub struct Journal<E> {
    file: File,
    path: PathBuf,
    /// Length up to which all lines are whole.
    whole_bytes: u64,
    /// What lies behind it must go before the next line: a write failed, perhaps in the middle.
    torn: bool,
    entries: PhantomData<fn(E) -> E>,
}

impl<E: Serialize + DeserializeOwned> Journal<E> {
    /// Opens or makes the file, drops an unfinished last line, and returns the entries.
    ///
    /// # Errors
    /// When the disk refuses, or a line that was followed by another one cannot be read.
    pub fn open(path: &Path) -> Result<(Self, Vec<E>), JournalError> {
        let mut file = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path)?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes)?;
        let (mut entries, mut good) = (Vec::new(), 0);
        for line in bytes.split_inclusive(|byte| *byte == b'\n') {
            match serde_json::from_slice(line) {
                Ok(entry) if line.ends_with(b"\n") => entries.push(entry),
                // JSON has no proper prefix that is whole, so only the last line can be a cut one.
                Ok(_) | Err(_) if good + line.len() == bytes.len() => break,
                Ok(_) | Err(_) => {
                    return Err(JournalError::Damaged { path: path.to_owned(), line: entries.len() + 1 });
                }
            }
            good += line.len();
        }
        let whole_bytes = good as u64;
        file.set_len(whole_bytes)?;
        file.seek(SeekFrom::Start(whole_bytes))?;
        file.sync_all()?;
        sync_folder(path)?;
        Ok((Self::at_end(file, path, whole_bytes), entries))
    }

    /// Adds an entry. When this returns it survives the process's end, and with [`Survives::Machine`] the
    /// machine's end, as all entries before it do then.
    ///
    /// # Errors
    /// When the disk refuses; the entry is then not in the journal.
    pub fn append(&mut self, entry: &E, survives: Survives) -> io::Result<()> {
        self.append_all(std::slice::from_ref(entry), survives)
    }

    /// Adds entries with one write, as [`Self::append`] does one.
    ///
    /// # Errors
    /// When the disk refuses; none of the entries is then in the journal.
    pub fn append_all(&mut self, entries: &[E], survives: Survives) -> io::Result<()> {
        let lines = lines(entries)?;
        if self.torn {
            self.file.set_len(self.whole_bytes)?;
            self.file.seek(SeekFrom::Start(self.whole_bytes))?;
        }
        self.torn = true;
        self.file.write_all(&lines)?;
        match survives {
            Survives::Machine => self.file.sync_data()?,
            Survives::Process => {}
        }
        self.torn = false;
        self.whole_bytes += lines.len() as u64;
        Ok(())
    }

    /// Puts these entries in the place of all that were; either the old ones or these survive the machine's end.
    ///
    /// # Errors
    /// When the disk refuses; the journal is as before then.
    pub fn replace(&mut self, entries: &[E]) -> io::Result<()> {
        let lines = lines(entries)?;
        let fresh = self.path.with_extension("fresh");
        let mut file = OpenOptions::new().read(true).write(true).create(true).truncate(true).open(&fresh)?;
        file.write_all(&lines)?;
        file.sync_all()?;
        fs::rename(&fresh, &self.path)?;
        sync_folder(&self.path)?;
        *self = Self::at_end(file, &self.path, lines.len() as u64);
        Ok(())
    }

    /// Length of the file.
    #[must_use]
    pub fn len_bytes(&self) -> u64 {
        self.whole_bytes
    }

    fn at_end(file: File, path: &Path, whole_bytes: u64) -> Self {
        Self { file, path: path.to_owned(), whole_bytes, torn: false, entries: PhantomData }
    }
}

fn lines<E: Serialize>(entries: &[E]) -> io::Result<Vec<u8>> {
    let mut lines = Vec::new();
    for entry in entries {
        serde_json::to_writer(&mut lines, entry)?;
        lines.push(b'\n');
    }
    Ok(lines)
}

/// Makes a new name in the file's folder durable.
fn sync_folder(path: &Path) -> io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    File::open(folder.unwrap_or(Path::new(".")))?.sync_all()
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
    #[serde(tag = "type", rename_all = "snake_case")]
    enum Entry {
        Opened { name: String },
        Saved { number: u64 },
        Sealed,
    }

    fn entries() -> Vec<Entry> {
        vec![Entry::Opened { name: "x".to_owned() }, Entry::Saved { number: 3 }, Entry::Saved { number: 4 }]
    }

    fn read(path: &Path) -> Vec<Entry> {
        Journal::open(path).unwrap().1
    }

    #[test]
    fn a_journal_cut_anywhere_keeps_its_whole_lines_and_goes_on() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("journal");
        let (mut journal, none) = Journal::open(&path).unwrap();
        assert_eq!(none, []);
        journal.append(&entries()[0], Survives::Machine).unwrap();
        journal.append_all(&entries()[1..], Survives::Machine).unwrap();
        let whole = fs::read(&path).unwrap();
        assert_eq!(journal.len_bytes(), whole.len() as u64);
        for cut in 0..whole.len() {
            fs::write(&path, &whole[..cut]).unwrap();
            let lines = whole[..cut].iter().filter(|byte| **byte == b'\n').count();
            let (mut journal, known) = Journal::open(&path).unwrap();
            assert_eq!(known, entries()[..lines], "cut at {cut}");
            journal.append(&Entry::Sealed, Survives::Process).unwrap();
            assert_eq!(read(&path).last(), Some(&Entry::Sealed));
            assert_eq!(read(&path).len(), lines + 1);
        }
    }

    #[test]
    fn a_line_damaged_in_the_middle_is_an_error_with_its_number() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("journal");
        fs::write(&path, "{\"type\":\"sealed\"}\nrubbish\n{\"type\":\"sealed\"}\n").unwrap();
        let opened = Journal::<Entry>::open(&path).map(|_| ());
        assert!(matches!(opened, Err(JournalError::Damaged { line: 2, .. })));
    }

    #[test]
    fn a_replaced_journal_holds_the_new_entries_and_those_that_follow() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("journal");
        let (mut journal, _) = Journal::open(&path).unwrap();
        journal.append_all(&entries(), Survives::Machine).unwrap();
        journal.replace(&entries()[2..]).unwrap();
        journal.append(&Entry::Sealed, Survives::Machine).unwrap();
        assert_eq!(read(&path), [Entry::Saved { number: 4 }, Entry::Sealed]);
        assert_eq!(journal.len_bytes(), fs::metadata(&path).unwrap().len());
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }
}
