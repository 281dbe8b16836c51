//! One open folder: every step goes by its descriptor and a plain name, so nothing can lead out of it.

use std::{
    fs::File,
    io::{Read as _, Write as _},
    os::fd::OwnedFd,
    path::{Path, PathBuf},
};

use rustix::{
    fs::{AtFlags, CWD, FileType, Mode, OFlags, RenameFlags, Stat},
    io::Errno,
};
use sha2::{Digest as _, Sha256};

use super::error::FolderError;

/// File systems on other machines, by the numbers of `statfs(2)`: NFS, SMB 1 to 3, AFS, Coda, 9P, Ceph, and FUSE, which may be
/// anything.
const REMOTE: [u32; 9] =
    [0x6969, 0xff53_4d42, 0xfe53_4d42, 0x517b, 0x5346_414f, 0x7375_7245, 0x0102_1997, 0x00c3_6400, 0x6573_5546];

/// How a file is put under its name without replacing another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    /// `renameat2` with `RENAME_NOREPLACE`.
    Rename,
    /// `linkat`, then `unlinkat`.
    LinkUnlink,
}

/// What lies under a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) regular: bool,
    pub(super) inode: u64,
    pub(super) links: u64,
    pub(super) size: u64,
    pub(super) modified_ns: i64,
    pub(super) changed_ns: i64,
}

/// Why a file did not come under its name.
pub(super) enum NotPlaced {
    /// Something has the name.
    Taken,
    /// The temporary is not there.
    NoTemporary,
    /// Anything else.
    Error(FolderError),
}

pub(super) struct Dir {
    fd: OwnedFd,
    path: PathBuf,
}

impl Dir {
    /// Opens the folder; the administrator may have set a symbolic link, so that is followed here and nowhere else.
    pub(super) fn open(path: &Path) -> Result<Self, FolderError> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let fd = rustix::fs::openat(CWD, path, flags, Mode::empty()).map_err(|errno| match errno {
            Errno::NOENT => FolderError::Missing { path: path.to_owned() },
            Errno::NOTDIR => FolderError::NotAFolder { path: path.to_owned() },
            errno => FolderError::Io {
                path: path.to_owned(),
                action: "open the folder".to_owned(),
                reason: std::io::Error::from(errno).to_string(),
            },
        })?;
        Ok(Self { fd, path: path.to_owned() })
    }

    /// Whether it lies on a file system whose renames may be carried out by another machine, or by half.
    pub(super) fn is_remote(&self) -> Result<bool, FolderError> {
        let stat =
            rustix::fs::fstatfs(&self.fd).map_err(|errno| self.failed("", "ask for the kind of file system", errno))?;
        // The width of the field differs between processors, and some kinds fill its upper half with ones.
        Ok(u32::try_from(stat.f_type & 0xffff_ffff).is_ok_and(|kind| REMOTE.contains(&kind)))
    }

    pub(super) fn at(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    fn failed(&self, name: &str, action: &str, errno: Errno) -> FolderError {
        FolderError::from_errno(&self.at(name), action, errno)
    }

    /// Writes a new file and flushes it to the disk.
    pub(super) fn create(&self, name: &str, bytes: &[u8]) -> Result<(), FolderError> {
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let fd = rustix::fs::openat(&self.fd, name, flags, Mode::from_raw_mode(0o666))
            .map_err(|errno| self.failed(name, "make the file", errno))?;
        fill(File::from(fd), bytes).map_err(|error| FolderError::from_io(&self.at(name), "write the file", &error))
    }

    /// Puts `from` under the name `to`.
    pub(super) fn place(&self, from: &str, to: &str, way: Way) -> Result<(), NotPlaced> {
        let placed = match way {
            Way::Rename => rustix::fs::renameat_with(&self.fd, from, &self.fd, to, RenameFlags::NOREPLACE),
            Way::LinkUnlink => rustix::fs::linkat(&self.fd, from, &self.fd, to, AtFlags::empty()),
        };
        match placed {
            Ok(()) => {}
            Err(Errno::EXIST) => return Err(NotPlaced::Taken),
            Err(Errno::NOENT) => return Err(NotPlaced::NoTemporary),
            Err(errno) => return Err(NotPlaced::Error(self.failed(to, "rename the file into place", errno))),
        }
        // Gone between link and unlink: a recovery has withdrawn it. It sees by the inode that this file is in place, and
        // counts on us not to begin the next one.
        if way == Way::LinkUnlink && !self.unlink(from).map_err(NotPlaced::Error)? {
            return Err(NotPlaced::NoTemporary);
        }
        Ok(())
    }

    /// Renames one of our own names to another of them; false if it was not there.
    pub(super) fn withdraw(&self, from: &str, to: &str) -> Result<bool, FolderError> {
        match rustix::fs::renameat(&self.fd, from, &self.fd, to) {
            Ok(()) => Ok(true),
            Err(Errno::NOENT) => Ok(false),
            Err(errno) => Err(self.failed(from, "withdraw the temporary file", errno)),
        }
    }

    /// Removes a name; false if it was not there.
    pub(super) fn unlink(&self, name: &str) -> Result<bool, FolderError> {
        match rustix::fs::unlinkat(&self.fd, name, AtFlags::empty()) {
            Ok(()) => Ok(true),
            Err(Errno::NOENT) => Ok(false),
            Err(errno) => Err(self.failed(name, "remove the file", errno)),
        }
    }

    /// What lies under the name, links not followed.
    pub(super) fn entry(&self, name: &str) -> Result<Option<Entry>, FolderError> {
        match rustix::fs::statat(&self.fd, name, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(stat) => Ok(Some(entry(&stat))),
            Err(Errno::NOENT) => Ok(None),
            Err(errno) => Err(self.failed(name, "look at the file", errno)),
        }
    }

    /// Whether exactly these bytes lie under the name, as a regular file; none if nothing does.
    pub(super) fn holds(&self, name: &str, sha256: &str) -> Result<Option<bool>, FolderError> {
        let Some(file) = self.regular(name)? else {
            return Ok(self.entry(name)?.map(|_| false));
        };
        let mut hash = Sha256::new();
        std::io::copy(&mut { file }, &mut Hashing(&mut hash))
            .map_err(|error| FolderError::from_io(&self.at(name), "read the file", &error))?;
        Ok(Some(hex::encode(hash.finalize()) == sha256))
    }

    /// Reads a regular file, at most `cap` bytes of it; none if there is no regular file.
    pub(super) fn read(&self, name: &str, cap: u64) -> Result<Option<Vec<u8>>, FolderError> {
        let Some(file) = self.regular(name)? else { return Ok(None) };
        let mut bytes = Vec::new();
        file.take(cap.saturating_add(1))
            .read_to_end(&mut bytes)
            .map_err(|error| FolderError::from_io(&self.at(name), "read the file", &error))?;
        if bytes.len() as u64 > cap {
            return Err(FolderError::TooLarge { path: self.at(name), cap });
        }
        Ok(Some(bytes))
    }

    /// Opens a regular file. `NONBLOCK`: a pipe under that name must not hold us up.
    fn regular(&self, name: &str) -> Result<Option<File>, FolderError> {
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let fd = match rustix::fs::openat(&self.fd, name, flags, Mode::empty()) {
            Ok(fd) => fd,
            Err(Errno::NOENT | Errno::LOOP | Errno::NXIO) => return Ok(None),
            Err(errno) => {
                return Err(FolderError::Io {
                    path: self.at(name),
                    action: "read the file".to_owned(),
                    reason: std::io::Error::from(errno).to_string(),
                });
            }
        };
        let stat = rustix::fs::fstat(&fd).map_err(|errno| self.failed(name, "look at the file", errno))?;
        Ok(entry(&stat).regular.then(|| File::from(fd)))
    }

    /// All names but our own.
    pub(super) fn names(&self) -> Result<Vec<String>, FolderError> {
        Ok(self.all_names()?.into_iter().filter(|name| !super::names::is_ours(name)).collect())
    }

    /// Our own names: files in the making, or left behind.
    pub(super) fn own_names(&self) -> Result<Vec<String>, FolderError> {
        Ok(self.all_names()?.into_iter().filter(|name| super::names::is_ours(name)).collect())
    }

    /// All names; those that are not UTF-8 are left out, since no pattern can mean them.
    fn all_names(&self) -> Result<Vec<String>, FolderError> {
        let failed = |errno| self.failed("", "list the folder", errno);
        let mut names = Vec::new();
        for entry in rustix::fs::Dir::read_from(&self.fd).map_err(failed)? {
            if let Ok(name) = entry.map_err(failed)?.file_name().to_str()
                && name != "."
                && name != ".."
            {
                names.push(name.to_owned());
            }
        }
        names.sort_unstable();
        Ok(names)
    }

    /// Flushes names to the disk.
    pub(super) fn sync(&self) -> Result<(), FolderError> {
        rustix::fs::fsync(&self.fd).map_err(|errno| self.failed("", "flush the folder", errno))
    }
}

fn fill(mut file: File, bytes: &[u8]) -> std::io::Result<()> {
    file.write_all(bytes)?;
    file.sync_all()
}

#[expect(clippy::unnecessary_cast, reason = "the widths of these fields differ between processors")]
fn entry(stat: &Stat) -> Entry {
    let ns = |seconds: i64, nanos: i64| seconds.saturating_mul(1_000_000_000).saturating_add(nanos);
    Entry {
        regular: FileType::from_raw_mode(stat.st_mode) == FileType::RegularFile,
        inode: stat.st_ino as u64,
        links: stat.st_nlink as u64,
        size: u64::try_from(stat.st_size).unwrap_or_default(),
        modified_ns: ns(stat.st_mtime as i64, stat.st_mtime_nsec as i64),
        changed_ns: ns(stat.st_ctime as i64, stat.st_ctime_nsec as i64),
    }
}

/// A hash as a writer.
struct Hashing<'a>(&'a mut Sha256);

impl std::io::Write for Hashing<'_> {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.update(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_disk_is_told_as_such() {
        let file = File::options().write(true).open("/dev/full").unwrap();
        let error = fill(file, b"x").unwrap_err();
        let told = FolderError::from_io(Path::new("/drop/a.xml"), "write the file", &error);
        assert!(matches!(told, FolderError::Full { .. }), "{told}");
        assert!(told.may_pass());
    }
}
