//! The master key: 32 bytes, from a file that only we may read or from the configuration.

use std::{
    fs,
    io::{self, Read, Write},
    os::unix::fs::{OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf},
};

use base64::{Engine, prelude::BASE64_STANDARD};
use secrecy::{ExposeSecret, SecretBox, SecretString};
use sha2::{Digest, Sha256};

use super::{Randomness, RandomnessError};

/// Length of the key in bytes.
const KEY_LEN: usize = 32;

/// Why there is no master key.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// The file could not be read or written.
    #[error("the key file {} can't be {doing}: {source}", .path.display())]
    File {
        /// Which file.
        path: PathBuf,
        /// `read` or `written`.
        doing: &'static str,
        /// What the system said.
        source: io::Error,
    },
    /// The file holds something else.
    #[error(
        "the key file {} does not hold a key: it must be 32 bytes in base64, on one line; put the right file back, or move this one away to start with a new key (stored secrets must then be given again)",
        .0.display()
    )]
    NotAKey(PathBuf),
    /// Others can read it.
    #[error("the key file {} can be read by others (mode {mode:o}); run `chmod 600` on it", .path.display())]
    Exposed {
        /// Which file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// The configured key is not a key.
    #[error("the configured key is not 32 bytes in base64; make one with `openssl rand -base64 32`")]
    BadText,
    /// No key could be made.
    #[error(transparent)]
    Random(#[from] RandomnessError),
}

/// The key that all stored secrets are sealed with. Its `Debug` shows the id only.
pub struct MasterKey {
    bytes: SecretBox<[u8; KEY_LEN]>,
}

impl MasterKey {
    /// Reads the key file, or makes one (mode 0600) when it is missing.
    ///
    /// # Errors
    /// When the file can't be read or made, holds something else, or others can read it.
    pub fn from_file(path: &Path, random: &dyn Randomness) -> Result<Self, KeyError> {
        match Self::read(path) {
            Err(KeyError::File { source, .. }) if source.kind() == io::ErrorKind::NotFound => {
                Self::create(path, random)?;
                // Read back what lies there: another process may have been first, and then its key counts.
                Self::read(path)
            }
            other => other,
        }
    }

    /// Takes the key as base64 text, as the environment gives it.
    ///
    /// # Errors
    /// When it is not 32 bytes.
    pub fn from_base64(text: &SecretString) -> Result<Self, KeyError> {
        Self::decode(text.expose_secret()).ok_or(KeyError::BadText)
    }

    /// What the key is known by: sealed values carry it, so that a wrong key is told from damaged data.
    #[must_use]
    pub fn id(&self) -> [u8; 4] {
        let digest = Sha256::new_with_prefix(b"orderdock key id v1").chain_update(self.expose()).finalize();
        let mut id = [0; 4];
        id.iter_mut().zip(digest).for_each(|(to, from)| *to = from);
        id
    }

    pub(super) fn expose(&self) -> &[u8; KEY_LEN] {
        self.bytes.expose_secret()
    }

    fn decode(text: &str) -> Option<Self> {
        let bytes = BASE64_STANDARD.decode(text.trim()).ok()?;
        Some(Self { bytes: SecretBox::new(Box::new(bytes.try_into().ok()?)) })
    }

    fn read(path: &Path) -> Result<Self, KeyError> {
        let fail = |source| KeyError::File { path: path.to_owned(), doing: "read", source };
        let mut file = fs::File::open(path).map_err(fail)?;
        let mode = file.metadata().map_err(fail)?.permissions().mode() & 0o777;
        if mode & 0o077 != 0 {
            return Err(KeyError::Exposed { path: path.to_owned(), mode });
        }
        let mut text = String::new();
        // A wrong path may name something endless.
        if Read::by_ref(&mut file).take(256).read_to_string(&mut text).is_err() {
            return Err(KeyError::NotAKey(path.to_owned()));
        }
        Self::decode(&text).ok_or_else(|| KeyError::NotAKey(path.to_owned()))
    }

    /// Writes a new key under a temporary name and links it into place, so that nobody ever reads half a key and no key
    /// that is already there is overwritten.
    fn create(path: &Path, random: &dyn Randomness) -> Result<(), KeyError> {
        let fail = |source| KeyError::File { path: path.to_owned(), doing: "written", source };
        let mut key = [0; KEY_LEN];
        random.fill(&mut key)?;
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        fs::create_dir_all(folder).map_err(fail)?;
        let mut name = path.file_name().unwrap_or_default().to_owned();
        name.push(format!(".{}.new", std::process::id()));
        let temporary = folder.join(name);
        let written = (|| {
            let mut file = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&temporary)?;
            writeln!(file, "{}", BASE64_STANDARD.encode(key))?;
            file.sync_all()?;
            match fs::hard_link(&temporary, path) {
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
                other => other,
            }?;
            fs::File::open(folder)?.sync_all()
        })();
        let removed = fs::remove_file(&temporary);
        written.map_err(fail)?;
        removed.map_err(fail)
    }
}

impl std::fmt::Debug for MasterKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "MasterKey({})", hex::encode(self.id()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::seal::OsRandom;

    #[test]
    fn a_missing_key_is_made_once_for_us_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("deep/orderdock.key");
        let made = MasterKey::from_file(&path, &OsRandom).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        let again = MasterKey::from_file(&path, &OsRandom).unwrap();
        assert_eq!(made.expose(), again.expose());
        assert_eq!(fs::read_dir(path.parent().unwrap()).unwrap().count(), 1, "no temporary is left");
        let text = SecretString::from(fs::read_to_string(&path).unwrap());
        assert_eq!(MasterKey::from_base64(&text).unwrap().expose(), made.expose());
    }

    #[test]
    fn a_bad_key_file_is_never_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("orderdock.key");
        fs::write(&path, "c2hvcnQ=").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        assert!(matches!(MasterKey::from_file(&path, &OsRandom), Err(KeyError::Exposed { mode: 0o644, .. })));
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        assert!(matches!(MasterKey::from_file(&path, &OsRandom), Err(KeyError::NotAKey(_))));
        assert_eq!(fs::read_to_string(&path).unwrap(), "c2hvcnQ=");
    }

    #[test]
    fn the_key_is_not_shown() {
        let key = MasterKey::from_base64(&SecretString::from(BASE64_STANDARD.encode([7; 32]))).unwrap();
        assert_eq!(format!("{key:?}").len(), "MasterKey(00000000)".len());
        assert!(MasterKey::from_base64(&SecretString::from("too short")).is_err());
    }
}
