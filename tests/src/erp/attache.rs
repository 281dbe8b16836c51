//! What an unattended Attaché run looks like from outside: takes files from its inbox, moves each to `Success`, or to
//! `Failure` with a `.err` text beside it (reference: third-party integrations; the vendor publishes nothing).

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::Context as _;

/// What becomes of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fate {
    /// Moved to `Success`.
    Success,
    /// Moved to `Failure`, with this text in the `.err` file.
    Failure(String),
    /// Removed without a word.
    Eaten,
    /// Left where it is.
    Ignored,
}

/// Decides by name and content.
pub type Judge = Box<dyn Fn(&str, &[u8]) -> Fate + Send>;

/// A simulated unattended run over an inbox.
pub struct Attache {
    inbox: PathBuf,
    extension: String,
    judge: Judge,
}

impl Attache {
    /// Makes the folders.
    ///
    /// # Errors
    /// When they can't be made.
    pub fn new(inbox: &Path, judge: Judge) -> anyhow::Result<Self> {
        for folder in ["Success", "Failure"] {
            fs::create_dir_all(inbox.join(folder)).with_context(|| format!("{folder} in {}", inbox.display()))?;
        }
        Ok(Self { inbox: inbox.to_owned(), extension: "kfi".to_owned(), judge })
    }

    /// The same for other files: an XML folder eater.
    #[must_use]
    pub fn watching(mut self, extension: &str) -> Self {
        extension.clone_into(&mut self.extension);
        self
    }

    /// One run over all files that are there, in order of their names. Returns names with their fates.
    ///
    /// # Errors
    /// When a file can't be read or moved.
    pub fn run(&self) -> anyhow::Result<Vec<(String, Fate)>> {
        let mut names = Vec::new();
        for entry in fs::read_dir(&self.inbox)? {
            let path = entry?.path();
            let watched = path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case(&self.extension));
            if let (true, true, Some(name)) = (watched, path.is_file(), path.file_name().and_then(|name| name.to_str()))
            {
                names.push(name.to_owned());
            }
        }
        names.sort();
        let mut done = Vec::new();
        for name in names {
            let path = self.inbox.join(&name);
            let fate = (self.judge)(&name, &fs::read(&path)?);
            match &fate {
                Fate::Success => fs::rename(&path, self.inbox.join("Success").join(&name))?,
                Fate::Failure(text) => {
                    let failure = self.inbox.join("Failure");
                    fs::rename(&path, failure.join(&name))?;
                    fs::write(failure.join(&name).with_extension("err"), text)?;
                }
                Fate::Eaten => fs::remove_file(&path)?,
                Fate::Ignored => {}
            }
            done.push((name, fate));
        }
        Ok(done)
    }
}
