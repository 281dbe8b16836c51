//! Deliveries into a folder on the local file system (lifecycle section 6).
//!
//! The steps are separate calls, because the pipeline commits between them:
//! `plan` → commit the write-ahead row with [`FilePlan`] and [`Listing`] → `write_temporaries` → commit phase *renaming*
//! → `rename_all` → record. After a crash, or when `rename_all` stopped: `recover` → commit what it told → `forget`.
//!
//! All steps run on tokio's blocking threads. Dropping the future of a step does not stop it; that is the same as a
//! paused former owner, and `recover` withdraws the files from under it.

mod answers;
mod disk;
mod error;
mod names;
mod recover;
mod settings;
mod steps;

use std::sync::Arc;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

pub use self::{
    answers::{Before, Listing, Look, Seen, Stamp},
    error::FolderError,
    names::matches,
    settings::{FolderSettings, OUT},
};
use self::{disk::Dir, steps::Steps};
use super::render::{self, Secrets, StoredBody, sha256_hex};
use crate::domain::{clock::Millis, delivery::FileDelivery, problem::Problem, transport::Phase, verdict::FileCheck};

/// A file as the write-ahead row keeps it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlannedFile {
    /// Name.
    pub name: String,
    /// sha256 of its bytes, secrets in place, in lower-case hex.
    pub sha256: String,
}

/// What is going to be in the folder; stored with the write-ahead row before anything is written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FilePlan {
    /// Proof of ownership; part of every temporary name. A new one for every writing.
    pub token: String,
    /// In the order of renaming, the trigger last.
    pub files: Vec<PlannedFile>,
    /// Placed under an earlier token of the same delivery.
    #[serde(default)]
    pub earlier: Vec<PlannedFile>,
    /// Name of the trigger, if it is the same for every order.
    pub constant_trigger: Option<String>,
}

impl FilePlan {
    /// The plan that finishes the rest after [`Recovery::FinishRest`], with a new token.
    #[must_use]
    pub fn rest(&self, rest: &[String], token: impl Into<String>) -> Self {
        let (files, placed): (Vec<_>, Vec<_>) = self.files.iter().cloned().partition(|file| rest.contains(&file.name));
        let earlier = self.earlier.iter().cloned().chain(placed).collect();
        Self { token: token.into(), files, earlier, constant_trigger: self.constant_trigger.clone() }
    }

    fn is_constant_trigger(&self, name: &str) -> bool {
        self.constant_trigger.as_deref() == Some(name)
    }
}

/// A file with every secret in its place. No `Debug`.
#[derive(Clone)]
pub struct ReadyFile {
    /// Name.
    pub name: String,
    /// Content.
    pub bytes: Vec<u8>,
}

/// The stored form of a file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RedactedFile {
    /// Name.
    pub name: String,
    /// Content.
    pub body: StoredBody,
}

/// A file delivery, ready for its steps.
pub struct Prepared {
    /// For the write-ahead row and every step.
    pub plan: FilePlan,
    /// For `write_temporaries`, in the plan's order.
    pub contents: Vec<ReadyFile>,
    /// For the attempt.
    pub redacted: Vec<RedactedFile>,
}

/// A file that is in place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Placed {
    /// Name.
    pub name: String,
    /// The same bytes lay there before; ours were not put beside them.
    pub already_there: bool,
}

/// `rename_all` did not come to its end; `recover` tells what follows.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{error} ({} files were in place by then)", .placed.len())]
pub struct Stopped {
    /// What was in place by then.
    pub placed: Vec<Placed>,
    /// Why.
    pub error: FolderError,
}

/// How far one file got.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FileState {
    /// The ERP has not seen it and, from now on, never will.
    NeverPlaced,
    /// In the folder with our bytes.
    InPlace,
    /// It was in place and is no longer: taken.
    Gone,
    /// Link and unlink were interrupted: never there, or taken.
    Doubtful,
}

/// What follows from what a crash left.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Recovery {
    /// The ERP has seen nothing: write all anew, with a new token.
    WriteAnew,
    /// Write and rename these with [`FilePlan::rest`]; the others are in place.
    FinishRest {
        /// Names.
        rest: Vec<String>,
    },
    /// Delivered, or awaiting an answer.
    AllPlaced {
        /// Taken already.
        gone: Vec<String>,
    },
    /// The ERP took a part before the rest was there, and will not get the rest: awaiting an answer if answers are
    /// watched, else unknown.
    TakenEarly {
        /// Taken.
        gone: Vec<String>,
        /// Never placed.
        rest: Vec<String>,
    },
    /// Unknown.
    Doubtful {
        /// Which.
        names: Vec<String>,
    },
}

/// A recovery with its evidence.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recovered {
    /// What follows.
    pub outcome: Recovery,
    /// How far each file got.
    pub files: Vec<(String, FileState)>,
}

/// The steps of a file drop.
#[async_trait]
pub trait FileDrop: Send + Sync {
    /// What lies in the answer folders now: for the write-ahead row.
    async fn listing(&self) -> Result<Listing, FolderError>;

    /// Writes and flushes the temporaries. On any error nothing was visible and nothing is left.
    /// [`FolderError::TriggerPresent`] = wait; [`FolderError::NameTaken`] = failed.
    async fn write_temporaries(&self, plan: &FilePlan, contents: Vec<ReadyFile>) -> Result<(), FolderError>;

    /// Renames all into place, the trigger last, and flushes the folder. Only after phase *renaming* is committed.
    async fn rename_all(&self, plan: &FilePlan) -> Result<Vec<Placed>, Stopped>;

    /// Takes the temporaries from whoever had the plan, and says how far it got. `phase` is the committed one. May be
    /// repeated until [`FileDrop::forget`], and says the same.
    async fn recover(&self, plan: &FilePlan, phase: Phase) -> Result<Recovered, FolderError>;

    /// Cleans up after a recovery whose outcome is committed.
    async fn forget(&self, plan: &FilePlan) -> Result<(), FolderError>;

    /// New answer files, and what is gone. An error is no look: a deadline is not judged by it.
    async fn look(&self, since: &Listing, checks: &[FileCheck], now_ms: Millis) -> Result<Look, FolderError>;

    /// What lies in the folders, as `slot/name`, at most `most`: for `deadline-passed`.
    async fn present(&self, most: usize) -> Result<Vec<String>, FolderError>;

    /// Reads an answer file; none if it is gone or not a regular file.
    async fn read(&self, slot: &str, name: &str) -> Result<Option<Vec<u8>>, FolderError>;

    /// Tokens whose temporary or withdrawn files lie in the folder: under way, or left by a crash.
    async fn tokens_there(&self) -> Result<Vec<String>, FolderError>;

    /// Removes every temporary and withdrawn file of these tokens; how many there were.
    async fn clear(&self, tokens: Vec<String>) -> Result<usize, FolderError>;
}

/// Decides when a step may begin, and who hears how it ended.
#[async_trait]
pub trait Turns: Send + Sync {
    /// Goes on when the step may begin.
    async fn begin(&self, step: &'static str);
    /// Goes on when whoever took the step may hear of it.
    async fn end(&self, step: &'static str);
}

/// An open folder destination. Holds no descriptor: a folder may be unmounted and come back.
#[derive(Clone)]
pub struct FolderDestination {
    steps: Arc<Steps>,
    turns: Option<Arc<dyn Turns>>,
}

impl FolderDestination {
    /// Checks the settings; touches no disk (that is [`FolderDestination::check`]).
    ///
    /// # Errors
    /// Everything that is wrong, with the setting's name as place.
    pub fn open(settings: &FolderSettings) -> Result<Self, Vec<Problem>> {
        let mut problems = Vec::new();
        if !settings.path.is_absolute() {
            problems.push(
                Problem::new("path", format!("`{}` is not absolute", settings.path.display()))
                    .hint("begin it with `/`: a service has no working folder to speak of"),
            );
        }
        for (slot, path) in &settings.answers {
            if slot == OUT {
                problems
                    .push(Problem::new("answers.out", "is the name of the folder itself").hint("choose another name"));
            }
            if path.as_os_str().is_empty() {
                problems.push(Problem::new(format!("answers.{slot}"), "is empty"));
            }
        }
        if let Some(trigger) = &settings.constant_trigger
            && let Some(why) = names::refused(trigger)
        {
            problems.push(Problem::new("constant_trigger", format!("`{}`: {why}", trigger.escape_default())));
        }
        for (index, pattern) in settings.erp_watches.iter().enumerate() {
            if names::matches(pattern, &names::temporary("token", 0)) {
                problems.push(
                    Problem::new(
                        format!("erp_watches[{index}]"),
                        format!("`{pattern}` also takes our temporary files"),
                    )
                    .hint("let the ERP take one ending only, such as `*.xml`"),
                );
            }
        }
        if settings.answer_cap == 0 {
            problems.push(Problem::new("answer_cap", "is 0"));
        }
        if problems.is_empty() {
            Ok(Self { steps: Arc::new(Steps::new(settings.clone())), turns: None })
        } else {
            Err(problems)
        }
    }

    /// The same, with each step taken at one moment of somebody else's choice, in the task that asks for it: for simulations,
    /// in which nothing runs beside anything else.
    #[must_use]
    pub fn in_turns(self, turns: Arc<dyn Turns>) -> Self {
        Self { turns: Some(turns), ..self }
    }

    /// The settings it was opened with.
    #[must_use]
    pub fn settings(&self) -> &FolderSettings {
        &self.steps.settings
    }

    /// Puts the secrets into their places and checks every name.
    ///
    /// # Errors
    /// Everything that is wrong with the delivery.
    pub fn plan(&self, delivery: &FileDelivery, secrets: &Secrets, token: &str) -> Result<Prepared, Vec<Problem>> {
        let mut problems = Vec::new();
        let settings = self.settings();
        let mut plan = FilePlan {
            token: token.to_owned(),
            files: Vec::new(),
            earlier: Vec::new(),
            constant_trigger: settings.constant_trigger.clone(),
        };
        let mut contents = Vec::new();
        let mut redacted = Vec::new();
        let cap = usize::try_from(settings.stored_body_cap).unwrap_or(usize::MAX);
        if delivery.files.is_empty() && delivery.trigger.is_none() {
            problems.push(Problem::new("delivery.files", "is empty"));
        }
        let places = (0..delivery.files.len()).map(|index| format!("delivery.files[{index}]"));
        let files = delivery.files.iter().chain(&delivery.trigger);
        for (file, place) in files.zip(places.chain(["delivery.trigger".to_owned()])) {
            let name_place = format!("{place}.name");
            let shown = file.name.escape_default();
            if let Some(why) = names::refused(&file.name) {
                problems.push(Problem::new(&name_place, format!("`{shown}`: {why}")));
            }
            // On a Windows share the two would be one file.
            if plan.files.iter().any(|known: &PlannedFile| known.name.eq_ignore_ascii_case(&file.name)) {
                problems.push(Problem::new(&name_place, format!("`{shown}` is there twice")));
            }
            if plan.is_constant_trigger(&file.name) && place != "delivery.trigger" {
                problems.push(Problem::new(&name_place, format!("`{shown}` is the constant trigger's name")));
            }
            match render::segments(&format!("{place}.content"), &file.content, secrets) {
                Ok(content) => {
                    let body = StoredBody::new(&content.bytes, content.redacted(), cap);
                    redacted.push(RedactedFile { name: file.name.clone(), body });
                    plan.files.push(PlannedFile { name: file.name.clone(), sha256: sha256_hex(&content.bytes) });
                    contents.push(ReadyFile { name: file.name.clone(), bytes: content.bytes });
                }
                Err(mut found) => problems.append(&mut found),
            }
        }
        if problems.is_empty() { Ok(Prepared { plan, contents, redacted }) } else { Err(problems) }
    }

    /// Tries the folder and every answer folder: what `orderdock check` shows. Leaves nothing behind.
    pub async fn check(&self) -> Vec<Problem> {
        let steps = Arc::clone(&self.steps);
        let checked = tokio::task::spawn_blocking(move || {
            let mut problems = Vec::new();
            let mut tell = |place: String, error: FolderError| problems.push(Problem::new(place, error.to_string()));
            let mark = format!("check-{}", rustix::process::getpid().as_raw_nonzero());
            let tried = steps.out().and_then(|dir| {
                let (probe, _) = names::probe(&mark);
                dir.unlink(&probe)?;
                dir.create(&probe, b"orderdock check")?;
                dir.unlink(&probe)?;
                steps.way(&dir, &mark)
            });
            if let Err(error) = tried {
                tell("path".to_owned(), error);
            }
            for slot in steps.settings.answers.keys() {
                let listed = steps.slot(slot).and_then(|path| Dir::open(&path)).and_then(|dir| dir.names());
                if let Err(error) = listed {
                    tell(format!("answers.{slot}"), error);
                }
            }
            problems
        });
        checked.await.unwrap_or_else(|error| vec![Problem::new("path", format!("the check broke off: {error}"))])
    }

    /// Runs a step on a blocking thread.
    async fn run<T, F>(&self, name: &'static str, step: F) -> Result<T, FolderError>
    where
        T: Send + 'static,
        F: FnOnce(&Steps) -> Result<T, FolderError> + Send + 'static,
    {
        self.take(name, step).await.unwrap_or_else(|error| Err(self.broken(&error)))
    }

    async fn take<T, F>(&self, name: &'static str, step: F) -> Result<T, tokio::task::JoinError>
    where
        T: Send + 'static,
        F: FnOnce(&Steps) -> T + Send + 'static,
    {
        if let Some(turns) = &self.turns {
            turns.begin(name).await;
            let done = step(&self.steps);
            turns.end(name).await;
            return Ok(done);
        }
        let steps = Arc::clone(&self.steps);
        tokio::task::spawn_blocking(move || step(&steps)).await
    }

    fn broken(&self, error: &tokio::task::JoinError) -> FolderError {
        FolderError::Io {
            path: self.steps.settings.path.clone(),
            action: "finish the step".to_owned(),
            reason: error.to_string(),
        }
    }
}

#[async_trait]
impl FileDrop for FolderDestination {
    async fn listing(&self) -> Result<Listing, FolderError> {
        self.run("listing", Steps::listing).await
    }

    async fn write_temporaries(&self, plan: &FilePlan, contents: Vec<ReadyFile>) -> Result<(), FolderError> {
        let plan = plan.clone();
        self.run("write temporaries", move |steps| steps.write_temporaries(&plan, &contents)).await
    }

    async fn rename_all(&self, plan: &FilePlan) -> Result<Vec<Placed>, Stopped> {
        let plan = plan.clone();
        let renaming = self.take("rename all", move |steps| steps.rename_all(&plan)).await;
        renaming.unwrap_or_else(|error| Err(Stopped { placed: Vec::new(), error: self.broken(&error) }))
    }

    async fn recover(&self, plan: &FilePlan, phase: Phase) -> Result<Recovered, FolderError> {
        let plan = plan.clone();
        self.run("recover", move |steps| steps.recover(&plan, phase)).await
    }

    async fn forget(&self, plan: &FilePlan) -> Result<(), FolderError> {
        let plan = plan.clone();
        self.run("forget", move |steps| steps.forget(&plan)).await
    }

    async fn look(&self, since: &Listing, checks: &[FileCheck], now_ms: Millis) -> Result<Look, FolderError> {
        let (since, checks) = (since.clone(), checks.to_vec());
        self.run("look", move |steps| steps.look(&since, &checks, now_ms)).await
    }

    async fn present(&self, most: usize) -> Result<Vec<String>, FolderError> {
        self.run("present", move |steps| steps.present(most)).await
    }

    async fn read(&self, slot: &str, name: &str) -> Result<Option<Vec<u8>>, FolderError> {
        let (slot, name) = (slot.to_owned(), name.to_owned());
        self.run("read", move |steps| steps.read(&slot, &name)).await
    }

    async fn tokens_there(&self) -> Result<Vec<String>, FolderError> {
        self.run("tokens there", Steps::tokens_there).await
    }

    async fn clear(&self, tokens: Vec<String>) -> Result<usize, FolderError> {
        self.run("clear", move |steps| steps.clear(&tokens)).await
    }
}
