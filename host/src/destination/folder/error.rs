//! What can be wrong with a folder: which one, what, and what to do.

use std::path::{Path, PathBuf};

use rustix::io::Errno;

/// Why a step in a folder did not succeed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FolderError {
    /// Not there, or not mounted.
    #[error("the folder {path} does not exist; create it or mount it")]
    Missing {
        /// Which.
        path: PathBuf,
    },
    /// A file stands where the folder should be.
    #[error("{path} is not a folder; set the path of a folder")]
    NotAFolder {
        /// Which.
        path: PathBuf,
    },
    /// Permission, or a read-only file system.
    #[error("{path} can't be written: {reason}; give the user that Orderdock runs as the right to write there")]
    NotWritable {
        /// What.
        path: PathBuf,
        /// The system's words.
        reason: String,
    },
    /// No space or no quota.
    #[error("{path} can't be written: {reason}; free some space there")]
    Full {
        /// What.
        path: PathBuf,
        /// The system's words.
        reason: String,
    },
    /// The name is used by something else.
    #[error(
        "{path} is already there with other content; move it away, or build the name so that it is this order's alone"
    )]
    NameTaken {
        /// What.
        path: PathBuf,
    },
    /// An earlier trigger was not taken yet.
    #[error("the trigger {path} of an earlier order is still there; the ERP has to take it first")]
    TriggerPresent {
        /// What.
        path: PathBuf,
    },
    /// Our temporary file is gone: a new owner withdrew it.
    #[error("the temporary file of {name} is gone; another worker has taken this pass over")]
    Superseded {
        /// Whose.
        name: String,
    },
    /// A name that may not be written, or the wrong set of files.
    #[error("the file name `{name}` can't be used: {why}")]
    InvalidName {
        /// Which, escaped.
        name: String,
        /// Why.
        why: String,
    },
    /// A slot that the settings don't have.
    #[error("the destination has no answer folder `{slot}`; name its path under `answers`")]
    UnknownSlot {
        /// Which.
        slot: String,
    },
    /// An answer file is larger than allowed.
    #[error("{path} is larger than {cap} bytes; raise `answer_cap` if it really is an answer")]
    TooLarge {
        /// Which.
        path: PathBuf,
        /// The setting.
        cap: u64,
    },
    /// Anything else that the system said.
    #[error("{path}: can't {action}: {reason}")]
    Io {
        /// What.
        path: PathBuf,
        /// What was tried.
        action: String,
        /// The system's words.
        reason: String,
    },
}

impl FolderError {
    /// Whether it may pass by itself, so that the order waits instead of failing: a mount comes back, space is freed.
    #[must_use]
    pub fn may_pass(&self) -> bool {
        matches!(
            self,
            Self::Missing { .. }
                | Self::NotWritable { .. }
                | Self::Full { .. }
                | Self::TriggerPresent { .. }
                | Self::Io { .. }
        )
    }

    pub(super) fn from_errno(path: &Path, action: &str, errno: Errno) -> Self {
        let path = path.to_owned();
        let reason = std::io::Error::from(errno).to_string();
        match errno {
            Errno::ACCESS | Errno::PERM | Errno::ROFS => Self::NotWritable { path, reason },
            Errno::NOSPC | Errno::DQUOT => Self::Full { path, reason },
            _ => Self::Io { path, action: action.to_owned(), reason },
        }
    }

    pub(super) fn from_io(path: &Path, action: &str, error: &std::io::Error) -> Self {
        match Errno::from_io_error(error) {
            Some(errno) => Self::from_errno(path, action, errno),
            None => Self::Io { path: path.to_owned(), action: action.to_owned(), reason: error.to_string() },
        }
    }
}
