//! The reserve: a file beside the SQLite database that keeps space on its disk. When the disk is full it is given up, so
//! that the outcome of what is under way can still be recorded; when there is space again it is made anew.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Write as _},
    os::unix::fs::{MetadataExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
    sync::atomic::{AtomicU64, Ordering},
};

use rustix::{
    fs::{FallocateFlags, fallocate, statvfs},
    io::Errno,
};

/// The file, and whether it is there.
#[derive(Debug)]
pub struct Reserve {
    path: PathBuf,
    bytes: u64,
    /// Odd while it is given up; grows with each change.
    state: AtomicU64,
}

impl Reserve {
    /// The reserve of a database, not yet made.
    pub fn beside(database: &Path, bytes: u64) -> Self {
        let mut name = database.as_os_str().to_owned();
        name.push(".reserve");
        Self { path: PathBuf::from(name), bytes, state: AtomicU64::new(1) }
    }

    /// How large it is.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Whether it is given up, or could not be made.
    pub fn is_given_up(&self) -> bool {
        self.state.load(Ordering::Acquire) % 2 == 1
    }

    /// A number that tells later whether the reserve was given up in between.
    pub fn state(&self) -> u64 {
        self.state.load(Ordering::Acquire)
    }

    /// Gives the space free. True if there is space now that there was not at `since`: by this call or by another's.
    pub fn give_up(&self, since: u64) -> bool {
        if self.state.compare_exchange(since & !1, since | 1, Ordering::AcqRel, Ordering::Acquire).is_err() {
            // Somebody else was quicker; or it was given up before, and there is nothing left to give.
            return since.is_multiple_of(2);
        }
        match fs::remove_file(&self.path) {
            Ok(()) => true,
            Err(error) => {
                tracing::error!(path = %self.path.display(), %error, "the reserve could not be given up");
                false
            }
        }
    }

    /// Makes it where it is missing, and only if as much again stays free: else it would be given up at once.
    ///
    /// # Errors
    /// Why there is none.
    pub fn make(&self) -> io::Result<()> {
        if self.bytes > 0 && !self.stands()? {
            let folder = self.path.parent().filter(|folder| !folder.as_os_str().is_empty());
            let found = statvfs(folder.unwrap_or(Path::new(".")))?;
            if found.f_bavail.saturating_mul(found.f_frsize) < self.bytes.saturating_mul(2) {
                return Err(io::ErrorKind::StorageFull.into());
            }
            if let Err(error) = self.fill() {
                // What was half made takes the very space that is missing.
                let _ = fs::remove_file(&self.path);
                return Err(error);
            }
        }
        let state = self.state();
        if state % 2 == 1 {
            self.state.store(state.wrapping_add(1), Ordering::Release);
        }
        Ok(())
    }

    /// Whether it is there with all its blocks: a copy made by a backup may be hollow.
    fn stands(&self) -> io::Result<bool> {
        match fs::metadata(&self.path) {
            Ok(found) => Ok(found.len() == self.bytes && found.blocks().saturating_mul(512) >= self.bytes),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(error) => Err(error),
        }
    }

    fn fill(&self) -> io::Result<()> {
        let file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&self.path)?;
        match fallocate(&file, FallocateFlags::empty(), 0, self.bytes) {
            Ok(()) => {}
            // A file system that can't set blocks aside takes them when they are written.
            Err(Errno::OPNOTSUPP | Errno::NOSYS | Errno::INVAL) => write_out(&file, self.bytes)?,
            Err(errno) => return Err(errno.into()),
        }
        file.sync_all()
    }
}

/// Not zeros: some file systems keep no blocks for them.
fn write_out(mut file: &File, bytes: u64) -> io::Result<()> {
    let piece = [0xa5_u8; 64 * 1024];
    let mut left = bytes;
    while left > 0 {
        let length = usize::try_from(left).unwrap_or(piece.len()).min(piece.len());
        file.write_all(piece.get(..length).unwrap_or(&piece))?;
        left = left.saturating_sub(length as u64);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_made_given_up_once_and_made_again() {
        let folder = tempfile::tempdir().unwrap();
        let reserve = Reserve::beside(&folder.path().join("orderdock.db"), 1 << 20);
        assert!(reserve.is_given_up(), "until it is made");
        reserve.make().unwrap();
        let path = folder.path().join("orderdock.db.reserve");
        let blocks = fs::metadata(&path).unwrap().blocks();
        assert!(!reserve.is_given_up() && blocks * 512 >= 1 << 20, "it takes its space for real: {blocks}");
        let since = reserve.state();
        assert!(reserve.give_up(since) && reserve.is_given_up() && !path.exists());
        assert!(reserve.give_up(since), "a neighbour that failed before may try again too");
        assert!(!reserve.give_up(reserve.state()), "nothing is left to give");
        reserve.make().unwrap();
        assert!(!reserve.is_given_up() && path.exists());
        // A hollow copy is no reserve.
        File::create(&path).unwrap().set_len(1 << 20).unwrap();
        reserve.make().unwrap();
        assert!(fs::metadata(&path).unwrap().blocks() * 512 >= 1 << 20);
    }

    #[test]
    fn it_is_not_made_where_there_is_no_room() {
        let folder = tempfile::tempdir().unwrap();
        let reserve = Reserve::beside(&folder.path().join("orderdock.db"), 1 << 60);
        assert!(reserve.make().is_err() && reserve.is_given_up());
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0, "and nothing half made stays");
        // None is wanted: nothing is missing.
        let none = Reserve::beside(&folder.path().join("other.db"), 0);
        none.make().unwrap();
        assert!(!none.is_given_up());
    }
}
