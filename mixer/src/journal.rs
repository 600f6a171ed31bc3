//! The journal of one recording: one line of JSON per change, written before the change counts.
//!
//! Knows lines and durability; what the entries mean is `mixer_core::recording`'s business. A line that the
//! machine's end cut off is dropped when the journal is opened. All calls block.

use std::fs::{File, OpenOptions};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};

use mixer_core::recording::Entry;

/// Why a journal cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum JournalError {
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
pub(crate) enum Survives {
    /// The end of this process.
    Process,
    /// Power loss.
    Machine,
}

/// An open journal, at its end.
#[derive(Debug)]
pub(crate) struct Journal {
    file: File,
    /// Length up to which all lines are whole.
    whole_bytes: u64,
    /// What lies behind it must go before the next line: a write failed, perhaps in the middle.
    torn: bool,
}

impl Journal {
    /// Opens or makes the file, drops an unfinished last line, and returns the entries.
    ///
    /// # Errors
    /// When the disk refuses, or a line that was followed by another one cannot be read.
    pub(crate) fn open(path: &Path) -> Result<(Self, Vec<Entry>), JournalError> {
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
        if let Some(parent) = path.parent() {
            File::open(parent)?.sync_all()?;
        }
        Ok((Self { file, whole_bytes, torn: false }, entries))
    }

    /// Adds an entry. When this returns it survives the process's end, and with [`Survives::Machine`] the
    /// machine's end, as all entries before it do then.
    ///
    /// # Errors
    /// When the disk refuses; the entry is then not in the journal.
    pub(crate) fn append(&mut self, entry: &Entry, survives: Survives) -> io::Result<()> {
        let mut line = serde_json::to_vec(entry)?;
        line.push(b'\n');
        if self.torn {
            self.file.set_len(self.whole_bytes)?;
            self.file.seek(SeekFrom::Start(self.whole_bytes))?;
        }
        self.torn = true;
        self.file.write_all(&line)?;
        match survives {
            Survives::Machine => self.file.sync_data()?,
            Survives::Process => {}
        }
        self.torn = false;
        self.whole_bytes += line.len() as u64;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use ids::{AssetId, StageId};

    use super::*;

    fn entries() -> Vec<Entry> {
        let opened = Entry::Opened { stage_id: StageId::from_bits(1), asset_id: AssetId::from_bits(2) };
        vec![opened, Entry::RunStarted { run: 0 }, Entry::SetSaved { number: 3 }, Entry::EndAsked]
    }

    #[test]
    fn a_journal_cut_anywhere_keeps_its_whole_lines_and_goes_on() {
        let folder = testkit::temp_dir();
        let path = folder.path().join("journal");
        let (mut journal, none) = Journal::open(&path).unwrap();
        assert_eq!(none, []);
        for entry in entries() {
            journal.append(&entry, Survives::Machine).unwrap();
        }
        let whole = fs::read(&path).unwrap();
        for cut in 0..whole.len() {
            fs::write(&path, &whole[..cut]).unwrap();
            let lines = whole[..cut].iter().filter(|byte| **byte == b'\n').count();
            let (mut journal, read) = Journal::open(&path).unwrap();
            assert_eq!(read, entries()[..lines], "cut at {cut}");
            journal.append(&Entry::Sealed, Survives::Process).unwrap();
            let (_, read) = Journal::open(&path).unwrap();
            assert_eq!(read.last(), Some(&Entry::Sealed));
            assert_eq!(read.len(), lines + 1);
        }
    }

    #[test]
    fn a_line_damaged_in_the_middle_is_an_error_with_its_number() {
        let folder = testkit::temp_dir();
        let path = folder.path().join("journal");
        fs::write(&path, "{\"type\":\"end_asked\"}\nrubbish\n{\"type\":\"sealed\"}\n").unwrap();
        assert!(matches!(Journal::open(&path), Err(JournalError::Damaged { line: 2, .. })));
    }
}
