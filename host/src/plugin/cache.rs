//! Releases on disk: the component as uploaded, and its compiled code beside it.
//!
//! Compiled code is run as it is, so the directory is one that only the host can write, and each file of code has a
//! checksum next to it: a damaged or half-written one is compiled again instead of being run. Code is named by the release
//! and by what the engine is (version and settings): after an update it is simply not found, and made anew.
//!
//! A release is named by its SHA-256, as everywhere. The checksum is our own affair and is taken each time that code is
//! loaded: BLAKE3, because SHA-256 was two thirds of what loading took.

use std::{
    fs,
    io::{self, Read as _, Write as _},
    os::unix::fs::{DirBuilderExt as _, MetadataExt as _, PermissionsExt as _},
    path::{Path, PathBuf},
    time::{Duration, UNIX_EPOCH},
};

use sha2::{Digest as _, Sha256};

use crate::domain::{clock::Millis, id::Digest};

/// Code that nobody used for that long is removed; it is compiled again when somebody does.
const UNUSED: Duration = Duration::from_secs(30 * 86_400);

/// How exactly it is known when code was used last: noting it at each load would be a write each time.
const NOTED: Duration = Duration::from_secs(86_400);

/// Bytes of code that are read and summed at a time: they stay in the processor's cache in between.
const PIECE: usize = 128 * 1024;

/// Nothing is written for that long.
const HALF_WRITTEN: Duration = Duration::from_secs(86_400);

/// The directory.
#[derive(Clone, Debug)]
pub(super) struct Cache {
    dir: PathBuf,
    compatibility: String,
}

/// The digest of a component's bytes.
pub(super) fn digest(bytes: &[u8]) -> Digest {
    Digest(hex::encode(Sha256::digest(bytes)))
}

/// The checksum of a file, which may be large.
fn checksum(path: &Path) -> io::Result<String> {
    let (mut file, mut sum, mut piece) = (fs::File::open(path)?, blake3::Hasher::new(), vec![0; PIECE]);
    loop {
        match file.read(&mut piece)? {
            0 => return Ok(sum.finalize().to_hex().to_string()),
            read => sum.update(piece.get(..read).unwrap_or_default()),
        };
    }
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
        Ok(Self { dir: dir.to_owned(), compatibility })
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

    /// A verdict that was found before, by the same program with the same brief (`key`). Judging gives the same each time, so
    /// doing it again would only take time.
    pub(super) fn verdict(&self, digest: &Digest, key: &str) -> Option<String> {
        fs::read_to_string(is_digest(digest).then(|| self.verdict_path(digest, key))?).ok()
    }

    /// Keeps one. That it could not be kept only costs time later.
    pub(super) fn keep_verdict(&self, digest: &Digest, key: &str, verdict: &str) {
        if let Err(error) = self.write(&self.verdict_path(digest, key), verdict.as_bytes()) {
            tracing::warn!(%digest, %error, "a verdict can't be kept and will be found anew");
        }
    }

    fn verdict_path(&self, digest: &Digest, key: &str) -> PathBuf {
        self.dir.join(format!("{digest}.{key}.{}.verdict", self.compatibility))
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
        (checksum(&path).ok()? == sum.trim()).then_some(path)
    }

    /// Keeps compiled code and returns its file.
    ///
    /// # Errors
    /// When the directory can't be written.
    pub(super) fn keep_code(&self, digest: &Digest, code: &[u8]) -> io::Result<PathBuf> {
        self.write(&self.sum_path(digest), blake3::hash(code).to_hex().as_bytes())?;
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

    /// Notes that the release's code was used now, so that [`Cache::sweep`] leaves it.
    pub(super) fn used(&self, digest: &Digest, now_ms: Millis) {
        let now = UNIX_EPOCH + Duration::from_millis(u64::try_from(now_ms).unwrap_or(0));
        let noted = fs::metadata(self.code_path(digest)).and_then(|found| found.modified());
        if noted.is_ok_and(|noted| now.duration_since(noted).unwrap_or_default() < NOTED) {
            return;
        }
        for path in [self.code_path(digest), self.sum_path(digest)] {
            // Best effort: code that is swept in error is only compiled again.
            let _ = fs::File::open(path).and_then(|file| file.set_modified(now));
        }
    }

    /// Removes code of other engines, code that was not used for long, components that no ledger knows, and half-written
    /// files. Everything here can be made again but a component, so those that the ledger knows stay.
    ///
    /// # Errors
    /// When the directory can't be listed.
    pub(super) fn sweep(&self, known: &[Digest], now_ms: Millis) -> io::Result<usize> {
        let now = UNIX_EPOCH + Duration::from_millis(u64::try_from(now_ms).unwrap_or(0));
        let mut removed = 0;
        for entry in fs::read_dir(&self.dir)? {
            let entry = entry?;
            let name = entry.file_name();
            let Some(name) = name.to_str() else { continue };
            let Ok(age) = entry.metadata().and_then(|found| found.modified()).map(|at| now.duration_since(at)) else {
                continue;
            };
            let age = age.unwrap_or_default();
            let ours = format!(".{}", self.compatibility);
            let code = [".cwasm", ".sum", ".verdict"].iter().find_map(|end| name.strip_suffix(end));
            let stale = match (code, name.strip_suffix(".wasm")) {
                (Some(stem), _) => !stem.ends_with(&ours) || age > UNUSED,
                (None, Some(stem)) => age > UNUSED && !known.iter().any(|digest| digest.0 == stem),
                // What `write` had under way when the host was killed.
                (None, None) => name.starts_with(".tmp") && age > HALF_WRITTEN,
            };
            if !stale {
                continue;
            }
            match fs::remove_file(entry.path()) {
                Ok(()) => removed += 1,
                Err(error) => tracing::warn!(file = name, %error, "an old file of compiled code can't be removed"),
            }
        }
        Ok(removed)
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
    fn old_files_are_swept_and_what_is_needed_stays() {
        let dir = tempfile::tempdir().unwrap();
        let cache = Cache::open(dir.path(), "engine-2".to_owned()).unwrap();
        let other = Cache::open(dir.path(), "engine-1".to_owned()).unwrap();
        let day: Millis = 86_400_000;
        let start = 1_000 * day;
        let (used, unused, inspected) = (digest(b"used"), digest(b"unused"), digest(b"inspected"));
        for digest in [&used, &unused, &inspected] {
            cache.keep_component(digest, b"component").unwrap();
            cache.keep_code(digest, b"code").unwrap();
            other.keep_code(digest, b"code").unwrap();
        }
        fs::write(dir.path().join(".tmpAbC123"), b"half").unwrap();
        fs::write(dir.path().join("README"), b"somebody's").unwrap();
        let at = UNIX_EPOCH + Duration::from_millis(u64::try_from(start).unwrap());
        for entry in fs::read_dir(dir.path()).unwrap() {
            fs::File::open(entry.unwrap().path()).unwrap().set_modified(at).unwrap();
        }
        let known = [used.clone(), unused.clone()];
        // Another engine's code goes at once.
        assert_eq!(cache.sweep(&known, start).unwrap(), 6);
        assert!(cache.code(&used).is_some() && cache.code(&unused).is_some() && other.code(&used).is_none());
        cache.used(&used, start + 20 * day);
        assert_eq!(cache.sweep(&known, start + 31 * day).unwrap(), 6, "two of two, one component, half a file");
        assert!(cache.code(&used).is_some() && cache.code(&unused).is_none());
        assert!(cache.knows(&unused), "a component that the ledger knows stays: a pass may be pinned to it");
        assert!(!cache.knows(&inspected) && dir.path().join("README").exists());
        assert_eq!(cache.sweep(&known, start + 40 * day).unwrap(), 0);
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
