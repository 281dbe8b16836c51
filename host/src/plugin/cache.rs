//! Releases on disk: the component as uploaded, and its compiled code beside it.
//!
//! Compiled code is run as it is, so the directory is one that only the host can write, and each file of code has a
//! checksum next to it: a damaged or half-written one is compiled again instead of being run. Code is named by the release
//! and by what the engine is (version and settings): after an update it is simply not found, and made anew.

use std::{
    fs,
    io::{self, Write as _},
    os::unix::fs::{DirBuilderExt as _, MetadataExt as _, PermissionsExt as _},
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard},
};

use sha2::{Digest as _, Sha256};

use super::guest::lock;
use crate::domain::id::Digest;

/// The directory.
#[derive(Clone, Debug)]
pub(super) struct Cache {
    dir: PathBuf,
    compatibility: String,
    gate: Arc<Mutex<()>>,
}

/// The digest of a component's bytes.
pub(super) fn digest(bytes: &[u8]) -> Digest {
    Digest(hex::encode(Sha256::digest(bytes)))
}

/// A digest comes from the ledger or a person and becomes a file name: anything but 64 hex digits names no file.
fn is_digest(digest: &Digest) -> bool {
    digest.0.len() == 64 && digest.0.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte))
}

impl Cache {
    /// Opens the directory, making it if it is missing.
    ///
    /// # Errors
    /// When it can't be made, or belongs to somebody else.
    pub(super) fn open(dir: &Path, compatibility: String) -> io::Result<Self> {
        fs::DirBuilder::new().recursive(true).mode(0o700).create(dir)?;
        let found = fs::metadata(dir)?;
        if found.uid() != rustix::process::geteuid().as_raw() {
            let message =
                "it belongs to another user, who could replace compiled code: give the host a directory of its own";
            return Err(io::Error::new(io::ErrorKind::PermissionDenied, message));
        }
        if found.mode() & 0o077 != 0 {
            fs::set_permissions(dir, fs::Permissions::from_mode(0o700))?;
        }
        Ok(Self { dir: dir.to_owned(), compatibility, gate: Arc::default() })
    }

    fn component_path(&self, digest: &Digest) -> PathBuf {
        self.dir.join(format!("{digest}.wasm"))
    }

    fn code_path(&self, digest: &Digest) -> PathBuf {
        self.dir.join(format!("{digest}.{}.cwasm", self.compatibility))
    }

    fn sum_path(&self, digest: &Digest) -> PathBuf {
        self.dir.join(format!("{digest}.{}.sum", self.compatibility))
    }

    /// Whether the release is here.
    pub(super) fn knows(&self, digest: &Digest) -> bool {
        is_digest(digest) && self.component_path(digest).is_file()
    }

    /// The component as it was uploaded, if it is here and undamaged.
    pub(super) fn component(&self, digest: &Digest) -> Option<Vec<u8>> {
        if !is_digest(digest) {
            return None;
        }
        let bytes = fs::read(self.component_path(digest)).ok()?;
        (self::digest(&bytes) == *digest).then_some(bytes)
    }

    /// The file with the release's compiled code, if it is here for this engine and undamaged.
    pub(super) fn code(&self, digest: &Digest) -> Option<PathBuf> {
        if !is_digest(digest) {
            return None;
        }
        let path = self.code_path(digest);
        let sum = fs::read_to_string(self.sum_path(digest)).ok()?;
        let found = self::digest(&fs::read(&path).ok()?);
        (found.0 == sum.trim()).then_some(path)
    }

    /// One compilation at a time: each uses all processors already, and the second of two that want the same release
    /// then finds it done.
    pub(super) fn alone(&self) -> MutexGuard<'_, ()> {
        lock(&self.gate)
    }

    /// Keeps compiled code and returns its file.
    ///
    /// # Errors
    /// When the directory can't be written.
    pub(super) fn keep_code(&self, digest: &Digest, code: &[u8]) -> io::Result<PathBuf> {
        self.write(&self.sum_path(digest), self::digest(code).0.as_bytes())?;
        self.write(&self.code_path(digest), code)?;
        Ok(self.code_path(digest))
    }

    /// Keeps a component.
    ///
    /// # Errors
    /// When the directory can't be written.
    pub(super) fn keep_component(&self, digest: &Digest, bytes: &[u8]) -> io::Result<()> {
        self.write(&self.component_path(digest), bytes)
    }

    /// Forgets a release that turned out not to be usable.
    pub(super) fn forget(&self, digest: &Digest) {
        for path in [self.code_path(digest), self.sum_path(digest), self.component_path(digest)] {
            if let Err(error) = fs::remove_file(&path)
                && error.kind() != io::ErrorKind::NotFound
            {
                tracing::warn!(path = %path.display(), %error, "a file of a refused release can't be removed");
            }
        }
    }

    /// Under another name first: nobody ever sees half a file.
    fn write(&self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        let mut file = tempfile::NamedTempFile::new_in(&self.dir)?;
        file.write_all(bytes)?;
        file.persist(path).map_err(|error| error.error)?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn damaged_files_are_not_found() {
        let dir = tempfile::tempdir().unwrap();
        let cache = Cache::open(&dir.path().join("code"), "engine".to_owned()).unwrap();
        let digest = digest(b"component");
        cache.keep_component(&digest, b"component").unwrap();
        let path = cache.keep_code(&digest, b"code").unwrap();
        assert_eq!(cache.code(&digest).as_deref(), Some(path.as_path()));
        assert!(cache.knows(&digest));
        fs::write(&path, b"cod").unwrap();
        assert_eq!(cache.code(&digest), None);
        fs::write(cache.component_path(&digest), b"other").unwrap();
        assert_eq!(cache.component(&digest), None);
        assert!(!cache.knows(&Digest("../../etc/passwd".to_owned())));
    }

    #[test]
    fn the_directory_is_closed_to_others() {
        let dir = tempfile::tempdir().unwrap();
        let code = dir.path().join("code");
        fs::create_dir(&code).unwrap();
        fs::set_permissions(&code, fs::Permissions::from_mode(0o777)).unwrap();
        Cache::open(&code, "engine".to_owned()).unwrap();
        assert_eq!(fs::metadata(&code).unwrap().mode() & 0o777, 0o700);
    }
}
