//! One working host for one SQLite file: an operating system's lock on a file beside it, which ends with the process
//! however it ends. The command line opens the database beside the host, without this lock.

use std::{
    fs::{File, OpenOptions},
    io::{Read as _, Seek as _, Write as _},
    path::{Path, PathBuf},
};

use rustix::fs::{FlockOperation, flock};

use super::errors::unavailable;
use crate::ledger::Result;

/// The lock, held until it is dropped.
#[derive(Debug)]
pub struct HostLock {
    file: File,
}

impl Drop for HostLock {
    fn drop(&mut self) {
        // Closing the file is not enough: a child that is being started has a copy until it runs its program, and the lock
        // would last as long (flock(2)). Where this fails, closing ends it.
        let _ended = flock(&self.file, FlockOperation::Unlock);
    }
}

/// Where the lock of a database lies.
fn lock_path(database: &Path) -> PathBuf {
    let mut name = database.as_os_str().to_owned();
    name.push(".lock");
    PathBuf::from(name)
}

impl HostLock {
    /// Takes the lock, or says who has it. `holder` is written into the file for the next one to read.
    ///
    /// # Errors
    /// `Unavailable` when another host works on the database, or the file can't be made.
    pub fn take(database: &Path, place: &str, holder: &str) -> Result<Self> {
        Self::take_or(
            database,
            place,
            holder,
            "works on it already; stop that one first, one database has one working host",
        )
    }

    /// The same, with what the holder does in other words.
    ///
    /// # Errors
    /// As [`Self::take`].
    pub fn take_or(database: &Path, place: &str, holder: &str, words_of_refusal: &str) -> Result<Self> {
        let path = lock_path(database);
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(&path)
            .map_err(|error| unavailable(place, format!("its lock {} can't be opened: {error}", path.display())))?;
        if flock(&file, FlockOperation::NonBlockingLockExclusive).is_err() {
            let mut words = String::new();
            // Whoever holds it may be writing its name just now; then it is told without one.
            let _ = file.read_to_string(&mut words);
            let holder = if words.trim().is_empty() { "another process".to_owned() } else { words.trim().to_owned() };
            return Err(unavailable(place, format!("{holder} {words_of_refusal}")));
        }
        // Who holds the lock is a courtesy; the lock itself does not depend on it.
        let _ = file.set_len(0).and_then(|()| file.rewind()).and_then(|()| file.write_all(holder.as_bytes()));
        Ok(Self { file })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_ends_with_its_holder_though_a_child_that_is_being_started_has_a_copy() {
        let folder = tempfile::tempdir().unwrap();
        let take = || HostLock::take(&folder.path().join("ledger.db"), "here", "me");
        let held = take().unwrap();
        let copy = held.file.try_clone().unwrap();
        assert!(take().is_err());
        drop(held);
        assert!(take().is_ok());
        drop(copy);
    }
}
