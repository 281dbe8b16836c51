//! Writing and renaming: the steps of a file drop between which the pipeline commits (lifecycle section 6).

use std::sync::OnceLock;

use super::{
    FilePlan, FolderSettings, Placed, PlannedFile, ReadyFile, Stopped,
    disk::{Dir, NotPlaced, Way},
    error::FolderError,
    names,
};
use crate::{
    destination::render::sha256_hex,
    failpoint::{self, Point},
};

/// How often a name is tried that is taken and free again by turns.
const TRIES: usize = 8;

/// The blocking half of a folder destination.
pub(super) struct Steps {
    pub(super) settings: FolderSettings,
    /// Found out once: it is the file system's, which does not change under a mounted folder.
    way: OnceLock<Way>,
}

impl Steps {
    pub(super) fn new(settings: FolderSettings) -> Self {
        Self { settings, way: OnceLock::new() }
    }

    pub(super) fn out(&self) -> Result<Dir, FolderError> {
        Dir::open(&self.settings.path)
    }

    /// How files are placed in this folder, tried on files of our own.
    pub(super) fn way(&self, dir: &Dir, mark: &str) -> Result<Way, FolderError> {
        if let Some(way) = self.way.get() {
            return Ok(*way);
        }
        if self.settings.link_and_unlink {
            return Ok(*self.way.get_or_init(|| Way::LinkUnlink));
        }
        let (from, to) = names::probe(mark);
        // A probe that a crash left.
        dir.unlink(&from)?;
        dir.unlink(&to)?;
        dir.create(&from, b"")?;
        let way = match dir.place(&from, &to, Way::Rename) {
            Ok(()) => Way::Rename,
            Err(_) => Way::LinkUnlink,
        };
        dir.unlink(&from)?;
        dir.unlink(&to)?;
        Ok(*self.way.get_or_init(|| way))
    }

    /// Step 2: temporary names, written and flushed. Whatever fails, the ERP has seen nothing and nothing is left.
    pub(super) fn write_temporaries(&self, plan: &FilePlan, contents: &[ReadyFile]) -> Result<(), FolderError> {
        self.sound(plan)?;
        if plan.files.len() != contents.len() {
            return Err(mixed_up("", "the contents are not those of the plan"));
        }
        for (file, content) in plan.files.iter().zip(contents) {
            if file.name != content.name || file.sha256 != sha256_hex(&content.bytes) {
                return Err(mixed_up(&file.name, "its content is not the one that was recorded"));
            }
        }
        let dir = self.out()?;
        self.way(&dir, &plan.token)?;
        for file in &plan.files {
            // Told before anything is visible, instead of half way through the renames.
            Self::lies_there(&dir, plan, file)?;
        }
        let written = contents
            .iter()
            .enumerate()
            .try_for_each(|(index, content)| dir.create(&names::temporary(&plan.token, index), &content.bytes))
            .and_then(|()| dir.sync());
        if written.is_err() {
            for index in 0..contents.len() {
                // Best effort: what stays behind is found by its token.
                let _ = dir.unlink(&names::temporary(&plan.token, index));
            }
        }
        written
    }

    /// Whether our bytes lie under the name already; an error if something else does.
    fn lies_there(dir: &Dir, plan: &FilePlan, file: &PlannedFile) -> Result<bool, FolderError> {
        let path = dir.at(&file.name);
        if plan.is_constant_trigger(&file.name) {
            return match dir.entry(&file.name)? {
                Some(_) => Err(FolderError::TriggerPresent { path }),
                None => Ok(false),
            };
        }
        match dir.holds(&file.name, &file.sha256)? {
            Some(false) => Err(FolderError::NameTaken { path }),
            there => Ok(there.is_some()),
        }
    }

    /// Step 4: renames in order, the trigger last, and flushes the folder.
    pub(super) fn rename_all(&self, plan: &FilePlan) -> Result<Vec<Placed>, Stopped> {
        let mut placed = Vec::with_capacity(plan.files.len());
        match self.rename_each(plan, &mut placed) {
            Ok(()) => Ok(placed),
            Err(error) => Err(Stopped { placed, error }),
        }
    }

    fn rename_each(&self, plan: &FilePlan, placed: &mut Vec<Placed>) -> Result<(), FolderError> {
        self.sound(plan)?;
        let dir = self.out()?;
        let way = self.way(&dir, &plan.token)?;
        for (index, file) in plan.files.iter().enumerate() {
            let already_there = Self::place(&dir, way, plan, &names::temporary(&plan.token, index), file)?;
            placed.push(Placed { name: file.name.clone(), already_there });
            if index == 0 {
                failpoint::reached(Point::WholeRequest);
            }
        }
        failpoint::reached(Point::Headers);
        dir.sync()
    }

    /// Places one file; true if its bytes lay there already.
    fn place(dir: &Dir, way: Way, plan: &FilePlan, temporary: &str, file: &PlannedFile) -> Result<bool, FolderError> {
        let superseded = || FolderError::Superseded { name: file.name.clone() };
        for _ in 0..TRIES {
            match dir.place(temporary, &file.name, way) {
                Ok(()) => return Ok(false),
                Err(NotPlaced::NoTemporary) => return Err(superseded()),
                Err(NotPlaced::Error(error)) => return Err(error),
                Err(NotPlaced::Taken) => {
                    if Self::lies_there(dir, plan, file)? {
                        // An earlier send of the same bytes lies there untaken: ours would be the second one.
                        return if dir.unlink(temporary)? { Ok(true) } else { Err(superseded()) };
                    }
                    // What had the name was taken in this moment: the name is free, and our file still has to go there.
                }
            }
        }
        Err(FolderError::NameTaken { path: dir.at(&file.name) })
    }

    /// Whose files of ours lie there.
    pub(super) fn tokens_there(&self) -> Result<Vec<String>, FolderError> {
        let mut tokens: Vec<String> =
            self.out()?.own_names()?.iter().filter_map(|name| names::token_of(name)).map(str::to_owned).collect();
        tokens.dedup();
        Ok(tokens)
    }

    /// Removes what these tokens left.
    pub(super) fn clear(&self, tokens: &[String]) -> Result<usize, FolderError> {
        let dir = self.out()?;
        let mut removed = 0;
        for name in dir.own_names()? {
            let theirs = names::token_of(&name).is_some_and(|token| tokens.iter().any(|known| known == token));
            if theirs && dir.unlink(&name)? {
                removed += 1;
            }
        }
        dir.sync()?;
        Ok(removed)
    }

    /// Names are checked again by whoever is about to write them.
    pub(super) fn sound(&self, plan: &FilePlan) -> Result<(), FolderError> {
        if !names::token_is_usable(&plan.token) {
            return Err(mixed_up(&plan.token, "a token must be 1 to 80 letters, digits, `-` or `_`"));
        }
        for file in plan.earlier.iter().chain(&plan.files) {
            if let Some(why) = names::refused(&file.name) {
                return Err(mixed_up(&file.name, why));
            }
        }
        Ok(())
    }
}

fn mixed_up(name: &str, why: &str) -> FolderError {
    FolderError::InvalidName { name: name.escape_default().to_string(), why: why.to_owned() }
}
