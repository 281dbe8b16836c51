//! What an administrator sets for a folder.

use std::{collections::BTreeMap, path::PathBuf};

use serde::{Deserialize, Serialize};

/// A folder on the local file system that an ERP reads from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FolderSettings {
    /// The folder that files are written to; slot `out` in checks.
    pub path: PathBuf,
    /// Answer folders: slot → path, absolute or below `path`.
    #[serde(default)]
    pub answers: BTreeMap<String, PathBuf>,
    /// Name of the trigger, where the ERP insists on the same one for every order. The host then waits while it is there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub constant_trigger: Option<String>,
    /// Patterns (`*`, `?`) of the names that the ERP takes from the folder; our temporary names must match none.
    #[serde(default)]
    pub erp_watches: Vec<String>,
    /// Seconds for which an answer file must not have changed before it is read.
    #[serde(default = "stable_s")]
    pub stable_s: u32,
    /// Most bytes of an answer file.
    #[serde(default = "answer_cap")]
    pub answer_cap: u64,
    /// Most bytes of a file that are kept with an attempt.
    #[serde(default = "stored_body_cap")]
    pub stored_body_cap: u32,
    /// Places files by link and unlink even where renaming without replacing works: for file systems that claim it.
    #[serde(default)]
    pub link_and_unlink: bool,
    /// The folder lies on a network: what a crash left of a rename proves less there. Found out by itself for NFS, SMB, AFS, 9P
    /// and everything that is mounted by FUSE.
    #[serde(default)]
    pub network: bool,
}

impl FolderSettings {
    /// Everything at its default.
    #[must_use]
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self {
            path: path.into(),
            answers: BTreeMap::new(),
            constant_trigger: None,
            erp_watches: Vec::new(),
            stable_s: stable_s(),
            answer_cap: answer_cap(),
            stored_body_cap: stored_body_cap(),
            link_and_unlink: false,
            network: false,
        }
    }
}

/// The slot of the folder that we write to.
pub const OUT: &str = "out";

fn stable_s() -> u32 {
    10
}

fn answer_cap() -> u64 {
    1 << 20
}

fn stored_body_cap() -> u32 {
    256 << 10
}
