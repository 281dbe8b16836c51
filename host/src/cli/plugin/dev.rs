//! `orderdock plugin dev`: builds and tests whenever a file of the project changes, until Ctrl-C.
//!
//! The project's few files are looked at three times a second: that works on every system, and in shared folders of virtual
//! machines and containers, where a kernel's own messages about changes do not arrive.

use std::{
    collections::BTreeMap,
    path::PathBuf,
    time::{Duration, SystemTime},
};

use clap::Args;
use orderdock_build::{Project, Voice};

use super::{
    test::{self, Wanted},
    workshop::failure,
};
use crate::{
    cases::bytes,
    cli::{Failure, output::Output},
    config::HostSettings,
};

/// Between two looks. A change counts when the next look finds no other: an editor that saves, and a version control that
/// switches, change several files at once.
const LOOK: Duration = Duration::from_millis(300);

/// What to watch.
#[derive(Debug, Args)]
pub struct Arguments {
    /// The project's folder.
    #[arg(long, value_name = "FOLDER", default_value = ".")]
    dir: PathBuf,
    /// Only cases whose name contains this.
    #[arg(long, value_name = "TEXT")]
    filter: Option<String>,
}

/// Runs the command.
///
/// # Errors
/// No project.
pub async fn run(arguments: Arguments, settings: HostSettings, output: Output) -> Result<(), Failure> {
    let project = Project::open(&arguments.dir).map_err(failure)?;
    output.line(format!("Watching {} ({}); Ctrl-C ends.", project.folder.display(), project.language.title()));
    let ended = std::pin::pin!(tokio::signal::ctrl_c());
    let mut work = std::pin::pin!(rounds(&project, arguments.filter, &settings, output));
    tokio::select! {
        biased;
        // Where the signal can't be listened to, it ends us anyway.
        _ended = ended => output.line("\nEnded."),
        () = &mut work => {}
    }
    Ok(())
}

/// A round at once, and one after each change.
async fn rounds(project: &Project, filter: Option<String>, settings: &HostSettings, output: Output) {
    let mut known = Look::at(project);
    loop {
        round(project, filter.clone(), settings, output).await;
        let changed = loop {
            tokio::time::sleep(LOOK).await;
            let now = Look::at(project);
            if now == known {
                continue;
            }
            tokio::time::sleep(LOOK).await;
            let settled = Look::at(project);
            if settled == now {
                break settled;
            }
        };
        for path in changed.since(&known).iter().take(3) {
            output.line(format!("\n{} changed.", path.strip_prefix(&project.folder).unwrap_or(path).display()));
        }
        known = changed;
    }
}

/// The project's files and when each was changed.
#[derive(PartialEq)]
struct Look(BTreeMap<PathBuf, SystemTime>);

impl Look {
    fn at(project: &Project) -> Self {
        let mut files = project.sources();
        files.extend(project.case_files());
        Self(files)
    }

    /// Files that are new, changed or gone.
    fn since(&self, before: &Self) -> Vec<PathBuf> {
        let differs = |path: &&PathBuf| self.0.get(*path) != before.0.get(*path);
        let mut all: Vec<PathBuf> = self.0.keys().chain(before.0.keys()).filter(differs).cloned().collect();
        all.dedup();
        all
    }
}

/// One build, if it is needed, and the cases. What goes wrong is told, and the next change is waited for.
async fn round(project: &Project, filter: Option<String>, settings: &HostSettings, output: Output) {
    if project.is_stale() {
        let task = project.clone();
        match tokio::task::spawn_blocking(move || task.build(None, Voice::Kept)).await {
            Ok(Ok(built)) => output.line(format!("Built ({}).", bytes(built.bytes as u64))),
            Ok(Err(error)) => return output.line(format!("{error}")),
            Err(error) => return output.line(format!("the build broke off: {error}")),
        }
    }
    let wanted = Wanted { cases: project.cases(), filter, bless: false };
    if let Err(failure) = test::all(&project.component(), wanted, settings, output).await {
        output.line(failure.message);
    }
}
