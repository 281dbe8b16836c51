//! What a crash left tells what happened (lifecycle section 6).
//!
//! The rule says: unlink each old temporary; it was there = that file was never renamed. Unlinking alone would destroy
//! that evidence: a crash between it and the commit of what it told would let the next recovery read "missing = it was
//! renamed", and an order that never arrived would count as taken. So a temporary is *withdrawn*: renamed to another of
//! our names. Its former owner finds it gone all the same, and every later recovery reads the same story, until the
//! pipeline has committed it and says `forget`.

use super::{
    FilePlan, FileState, PlannedFile, Recovered, Recovery,
    disk::{Dir, Entry, Way},
    error::FolderError,
    names,
    steps::Steps,
};
use crate::domain::transport::Phase;

impl Steps {
    /// Withdraws what is left of a plan and says how far it got.
    pub(super) fn recover(&self, plan: &FilePlan, phase: Phase) -> Result<Recovered, FolderError> {
        self.sound(plan)?;
        let dir = self.out()?;
        let way = self.way(&dir, &plan.token)?;
        // A worker that was killed while it tried the folder's ways left its trial files; they belong to nobody.
        let (tried, renamed) = names::probe(&plan.token);
        dir.unlink(&tried)?;
        dir.unlink(&renamed)?;
        let torn = way == Way::LinkUnlink || self.settings.network || dir.is_remote()?;
        let mut files = Vec::with_capacity(plan.earlier.len() + plan.files.len());
        for file in &plan.earlier {
            files.push((file.name.clone(), in_place(&dir, &file.name, &file.sha256)?));
        }
        // Files are placed one after the other: at most the first that was still there can have been under way.
        let mut first_left = true;
        for (index, file) in plan.files.iter().enumerate() {
            let left = withdraw(&dir, &plan.token, index)?;
            let state = match left {
                // Until the phase *renaming* is committed nobody renames, whatever is missing.
                _ if phase < Phase::Renaming => FileState::NeverPlaced,
                None => in_place(&dir, &file.name, &file.sha256)?,
                Some(left) if torn && first_left => torn_off(&dir, plan, file, left)?,
                Some(_) => FileState::NeverPlaced,
            };
            first_left &= left.is_none();
            files.push((file.name.clone(), state));
        }
        // What we conclude may be committed at once: it has to be on the disk first.
        dir.sync()?;
        Ok(Recovered { outcome: conclude(plan, &files), files })
    }

    /// Removes what recoveries withdrew; to be called after what they told was committed.
    pub(super) fn forget(&self, plan: &FilePlan) -> Result<(), FolderError> {
        self.sound(plan)?;
        let dir = self.out()?;
        for index in 0..plan.files.len() {
            dir.unlink(&names::withdrawn(&plan.token, index))?;
        }
        Ok(())
    }
}

/// Takes a temporary away from its former owner. None: it was not there, now or at an earlier recovery.
fn withdraw(dir: &Dir, token: &str, index: usize) -> Result<Option<Entry>, FolderError> {
    let withdrawn = names::withdrawn(token, index);
    dir.withdraw(&names::temporary(token, index), &withdrawn)?;
    dir.entry(&withdrawn)
}

/// A file whose temporary is gone was renamed. Other bytes under its name are somebody else's: ours were taken.
fn in_place(dir: &Dir, name: &str, sha256: &str) -> Result<FileState, FolderError> {
    Ok(match dir.holds(name, sha256)? {
        Some(true) => FileState::InPlace,
        Some(false) | None => FileState::Gone,
    })
}

/// Link and unlink leave both names for a moment; so does a rename on a network that is done as a copy, or was answered with an
/// error after it was done and then tried again.
fn torn_off(dir: &Dir, plan: &FilePlan, file: &PlannedFile, left: Entry) -> Result<FileState, FolderError> {
    Ok(match dir.entry(&file.name)? {
        Some(target) if target.inode == left.inode => FileState::InPlace,
        // A constant trigger of these bytes may be any other order's.
        Some(_) if !plan.is_constant_trigger(&file.name) && dir.holds(&file.name, &file.sha256)? == Some(true) => {
            FileState::InPlace
        }
        // Its second name is elsewhere: it was linked, and moved away by the ERP.
        _ if left.links > 1 => FileState::Gone,
        // Never linked, or linked and then copied and deleted by the ERP.
        _ => FileState::Doubtful,
    })
}

fn conclude(plan: &FilePlan, files: &[(String, FileState)]) -> Recovery {
    let having = |state| -> Vec<String> {
        files.iter().filter(|(_, found)| *found == state).map(|(name, _)| name.clone()).collect()
    };
    let (rest, gone) = (having(FileState::NeverPlaced), having(FileState::Gone));
    let (there, doubtful) = (having(FileState::InPlace), having(FileState::Doubtful));
    // Only a constant trigger is left or in doubt: its data says whether the ERP still needs it.
    if let [name] = [rest.as_slice(), doubtful.as_slice()].concat().as_slice()
        && plan.is_constant_trigger(name)
        && there.len() + gone.len() > 0
    {
        return match (there.is_empty(), gone.is_empty()) {
            (false, true) => Recovery::FinishRest { rest: vec![name.clone()] },
            (true, _) => Recovery::AllPlaced { gone },
            (false, false) => Recovery::TakenEarly { gone, rest: vec![name.clone()] },
        };
    }
    if !doubtful.is_empty() {
        return Recovery::Doubtful { names: doubtful };
    }
    if rest.is_empty() {
        return Recovery::AllPlaced { gone };
    }
    if !gone.is_empty() {
        return Recovery::TakenEarly { gone, rest };
    }
    if there.is_empty() { Recovery::WriteAnew } else { Recovery::FinishRest { rest } }
}
