//! Answer folders: what lay there before we wrote, what is new since, and what an answer says.

use std::{collections::BTreeMap, path::PathBuf};

use serde::{Deserialize, Serialize};

use super::{
    disk::{Dir, Entry},
    error::FolderError,
    names,
    settings::OUT,
    steps::Steps,
};
use crate::domain::{
    clock::Millis,
    verdict::{FileCheck, FileMeaning},
};

/// With more files than this in a folder, the listing keeps the newest change instead of every name: a folder of years
/// must not be copied into every order's row.
const MOST_NAMED: usize = 5_000;

/// What makes a file the same file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stamp {
    /// Inode.
    pub inode: u64,
    /// Bytes.
    pub size: u64,
    /// Last write, nanoseconds since 1970.
    pub modified_ns: i64,
}

/// What lay in one folder.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Before {
    /// Every file.
    Files(BTreeMap<String, Stamp>),
    /// The newest change (`ctime`, the file system's own clock) in nanoseconds since 1970.
    ChangedBefore(i64),
}

/// What lay in the answer folders and in the folder itself; stored with the write-ahead row.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Listing {
    /// Slot → what lay there.
    pub slots: BTreeMap<String, Before>,
}

/// An answer file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    /// Slot of its folder.
    pub slot: String,
    /// Name.
    pub name: String,
    /// Bytes.
    pub size: u64,
    /// Has not changed for long enough to be read.
    pub stable: bool,
    /// Index of the check that it fits.
    pub check: usize,
}

/// One look at all folders that checks name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Look {
    /// New files, by slot and name.
    pub seen: Vec<Seen>,
    /// Indexes of the `gone` checks whose pattern nothing fits any more.
    pub gone: Vec<usize>,
}

impl Steps {
    /// Path of a slot.
    pub(super) fn slot(&self, slot: &str) -> Result<PathBuf, FolderError> {
        if slot == OUT {
            return Ok(self.settings.path.clone());
        }
        match self.settings.answers.get(slot) {
            // Joining keeps an absolute path as it is.
            Some(path) => Ok(self.settings.path.join(path)),
            None => Err(FolderError::UnknownSlot { slot: slot.to_owned() }),
        }
    }

    fn slots(&self) -> impl Iterator<Item = &str> {
        self.settings.answers.keys().map(String::as_str).chain([OUT])
    }

    /// Regular files with their stamps.
    fn files(dir: &Dir, wanted: impl Fn(&str) -> bool) -> Result<Vec<(String, Entry)>, FolderError> {
        let mut files = Vec::new();
        for name in dir.names()? {
            // A link is nobody's answer: it could show us any file of this machine. One that vanished is not there.
            if wanted(&name)
                && let Some(entry) = dir.entry(&name)?
                && entry.regular
            {
                files.push((name, entry));
            }
        }
        Ok(files)
    }

    pub(super) fn listing(&self) -> Result<Listing, FolderError> {
        let mut listing = Listing::default();
        for slot in self.slots() {
            let files = Self::files(&Dir::open(&self.slot(slot)?)?, |_| true)?;
            let before = if files.len() > MOST_NAMED {
                Before::ChangedBefore(files.iter().map(|(_, entry)| entry.changed_ns).max().unwrap_or_default())
            } else {
                Before::Files(files.into_iter().map(|(name, entry)| (name, stamp(entry))).collect())
            };
            listing.slots.insert(slot.to_owned(), before);
        }
        Ok(listing)
    }

    /// Names now, as `slot/name`, at most `most`: what `deadline-passed` shows.
    pub(super) fn present(&self, most: usize) -> Result<Vec<String>, FolderError> {
        let mut present = Vec::new();
        for slot in self.slots() {
            let files = Self::files(&Dir::open(&self.slot(slot)?)?, |_| true)?;
            present.extend(files.into_iter().map(|(name, _)| format!("{slot}/{name}")));
        }
        present.truncate(most);
        Ok(present)
    }

    pub(super) fn look(&self, since: &Listing, checks: &[FileCheck], now_ms: Millis) -> Result<Look, FolderError> {
        let mut look = Look::default();
        let mut slots: Vec<&str> = checks.iter().map(|check| check.folder.as_str()).collect();
        slots.sort_unstable();
        slots.dedup();
        for slot in slots {
            let here = || checks.iter().enumerate().filter(|(_, check)| check.folder == slot);
            let dir = Dir::open(&self.slot(slot)?)?;
            let names = dir.names()?;
            for (index, check) in here().filter(|(_, check)| check.meaning == FileMeaning::Gone) {
                if !names.iter().any(|name| names::matches(&check.pattern, name)) {
                    look.gone.push(index);
                }
            }
            for name in names {
                let fits =
                    |check: &FileCheck| check.meaning != FileMeaning::Gone && names::matches(&check.pattern, &name);
                let Some((check, _)) = here().find(|(_, check)| fits(check)) else { continue };
                let Some(entry) = dir.entry(&name)?.filter(|entry| entry.regular) else { continue };
                if !is_new(since.slots.get(slot), &name, entry) {
                    continue;
                }
                let quiet_ms = now_ms.saturating_sub(entry.changed_ns / 1_000_000);
                let stable = quiet_ms >= i64::from(self.settings.stable_s) * 1_000;
                look.seen.push(Seen { slot: slot.to_owned(), name, size: entry.size, stable, check });
            }
        }
        Ok(look)
    }

    pub(super) fn read(&self, slot: &str, name: &str) -> Result<Option<Vec<u8>>, FolderError> {
        if name.is_empty() || name == "." || name == ".." || name.contains(['/', '\0']) {
            return Err(FolderError::InvalidName {
                name: name.escape_default().to_string(),
                why: "an answer is read by its plain name".to_owned(),
            });
        }
        Dir::open(&self.slot(slot)?)?.read(name, self.settings.answer_cap)
    }
}

fn stamp(entry: Entry) -> Stamp {
    Stamp { inode: entry.inode, size: entry.size, modified_ns: entry.modified_ns }
}

/// Whether a file came, or was written, after the listing. A folder that was not listed was added since: all is new.
fn is_new(before: Option<&Before>, name: &str, entry: Entry) -> bool {
    match before {
        None => true,
        Some(Before::Files(files)) => files.get(name) != Some(&stamp(entry)),
        Some(Before::ChangedBefore(newest)) => entry.changed_ns > *newest,
    }
}
