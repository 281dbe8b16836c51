//! The mark: how far the ledger was when it was seen last, kept in a file beside the database and not inside it. A ledger
//! that is behind its mark was restored from a backup, and has forgotten what was sent since.
//!
//! It is written after a commit, never ahead of one, so that it is never above a ledger that is well: a crash raises no
//! false alarm. It is written before the first byte of a send leaves, so that nothing that an ERP may have seen is missed. It
//! is flushed to the disk once a second: only a power cut within that second can take the mark back, and only a backup that
//! is younger than that second would then go unnoticed.

use std::{
    fs::{File, OpenOptions},
    io::{self, Read as _},
    os::unix::fs::{FileExt as _, OpenOptionsExt as _},
    path::Path,
    sync::{Mutex, PoisonError},
};

use crate::domain::clock::Millis;

/// What the mark says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Seen {
    /// The highest sequence that was seen committed.
    pub sequence: u64,
    /// When, by the machine's clock.
    pub at_ms: Millis,
    /// The ledger was found behind it, and nobody has accepted that yet.
    pub behind: bool,
}

/// The open file.
#[derive(Debug)]
pub struct Mark {
    file: Mutex<(File, Seen)>,
}

impl Seen {
    /// One length whatever is in it: it is overwritten in place and needs no space on a full disk.
    fn text(self) -> String {
        let word = if self.behind { "behind" } else { "good  " };
        let text = format!("orderdock-mark 1 {:020} {:020} {word}", self.sequence, self.at_ms.max(0));
        format!("{text} {:08x}\n", sum(&text))
    }

    fn read(text: &str) -> Option<Self> {
        let (text, sum_given) = text.trim_end().rsplit_once(' ')?;
        let mut words = text.strip_prefix("orderdock-mark 1 ")?.split_whitespace();
        let seen = Self {
            sequence: words.next()?.parse().ok()?,
            at_ms: words.next()?.parse().ok()?,
            behind: words.next()? == "behind",
        };
        (u32::from_str_radix(sum_given, 16).ok()? == sum(text)).then_some(seen)
    }
}

/// FNV-1a: tells a torn line from a whole one.
fn sum(text: &str) -> u32 {
    text.bytes().fold(0x811c_9dc5, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193))
}

/// What the mark at `path` says; none if there is none, or it can't be read as one.
///
/// # Errors
/// The file is there and can't be read.
pub fn look(path: &Path) -> io::Result<Option<Seen>> {
    match File::open(path) {
        Ok(file) => read(&file, path),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

fn read(file: &File, path: &Path) -> io::Result<Option<Seen>> {
    let mut text = String::new();
    file.take(4096).read_to_string(&mut text)?;
    let seen = Seen::read(&text);
    if seen.is_none() && !text.is_empty() {
        tracing::warn!(path = %path.display(), "the mark of the ledger can't be read; it is begun anew");
    }
    Ok(seen)
}

impl Mark {
    /// Opens the mark for the working host, making it if it is missing.
    ///
    /// # Errors
    /// When the file can't be made or written.
    pub fn open(path: &Path) -> io::Result<Self> {
        let file = OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).open(path)?;
        let seen = read(&file, path)?.unwrap_or_default();
        let mark = Self { file: Mutex::new((file, seen)) };
        mark.write(seen)?;
        mark.flush()?;
        Ok(mark)
    }

    /// What it says.
    pub fn seen(&self) -> Seen {
        self.lock().1
    }

    /// Takes note of a committed sequence. The mark never goes back.
    ///
    /// # Errors
    /// When the file can't be written.
    pub fn note(&self, sequence: u64, at_ms: Millis) -> io::Result<()> {
        let mut held = self.lock();
        if sequence <= held.1.sequence {
            return Ok(());
        }
        let seen = Seen { sequence, at_ms, ..held.1 };
        held.0.write_all_at(seen.text().as_bytes(), 0)?;
        held.1 = seen;
        Ok(())
    }

    /// Says whether the ledger is known to be behind.
    ///
    /// # Errors
    /// When the file can't be written.
    pub fn set_behind(&self, behind: bool) -> io::Result<()> {
        let seen = Seen { behind, ..self.seen() };
        self.write(seen)?;
        self.flush()
    }

    fn write(&self, seen: Seen) -> io::Result<()> {
        let mut held = self.lock();
        held.0.write_all_at(seen.text().as_bytes(), 0)?;
        held.1 = seen;
        Ok(())
    }

    /// Brings it to the disk.
    ///
    /// # Errors
    /// When the disk fails.
    pub fn flush(&self) -> io::Result<()> {
        // A second descriptor, so that nobody waits for the disk with the lock in hand.
        let file = self.lock().0.try_clone()?;
        file.sync_data()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, (File, Seen)> {
        self.file.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_only_grows_and_is_read_back() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("orderdock.db.mark");
        assert_eq!(look(&path).unwrap(), None);
        let mark = Mark::open(&path).unwrap();
        assert_eq!(mark.seen(), Seen::default());
        mark.note(7, 1_000).unwrap();
        mark.note(5, 2_000).unwrap();
        assert_eq!(look(&path).unwrap(), Some(Seen { sequence: 7, at_ms: 1_000, behind: false }));
        let length = std::fs::metadata(&path).unwrap().len();
        mark.set_behind(true).unwrap();
        mark.note(u64::MAX, 3_000).unwrap();
        assert_eq!(std::fs::metadata(&path).unwrap().len(), length, "it never needs more space");
        drop(mark);
        assert_eq!(Mark::open(&path).unwrap().seen(), Seen { sequence: u64::MAX, at_ms: 3_000, behind: true });
    }

    #[test]
    fn a_torn_one_is_none() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("mark");
        let text = Seen { sequence: 7, at_ms: 1, behind: false }.text().replace('7', "8");
        for torn in [text.as_str(), "", "orderdock-mark 1", "\u{0}\u{0}"] {
            std::fs::write(&path, torn).unwrap();
            assert_eq!(look(&path).unwrap(), None, "{torn:?}");
        }
    }
}
