//! The folder between a host and its ERP: real files, each step of the host taken at one moment of the simulation, and an ERP
//! that takes whole sets away.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use async_trait::async_trait;
use orderdock::destination::folder::Turns;
use tokio::time::sleep;

use super::{
    erp,
    run::Scene,
    world::{Away, Dice, Fate},
};

/// The folder.
#[derive(Debug)]
pub struct Inbox {
    folder: tempfile::TempDir,
}

impl Inbox {
    /// An empty one, in memory where there is some.
    pub fn empty() -> Self {
        let folder = tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).expect("a folder");
        std::fs::create_dir(folder.path().join("inbox")).expect("a folder");
        Self { folder }
    }

    /// Where files are dropped.
    pub fn path(&self) -> PathBuf {
        self.folder.path().join("inbox")
    }

    fn elsewhere(&self) -> PathBuf {
        self.folder.path().join("elsewhere")
    }
}

/// One host's way to the folder.
pub struct FolderSeam {
    /// The run.
    pub scene: Arc<Scene>,
    /// Whose.
    pub fate: Arc<Fate>,
    /// Its name in the trace.
    pub host: String,
}

#[async_trait]
impl Turns for FolderSeam {
    async fn begin(&self, step: &'static str) {
        self.fate.alive().await;
        if matches!(step, "write temporaries" | "rename all" | "recover" | "forget") {
            self.scene.strike(&self.fate, &self.host);
            sleep(self.scene.dice.time(0, 20)).await;
            self.fate.alive().await;
            self.scene.trace.note(format_args!("{} folder: {step}", self.host));
        }
    }

    async fn end(&self, _: &'static str) {
        // Who died or was stopped meanwhile does not go on from here.
        self.fate.alive().await;
    }
}

/// The ERP takes sets, whole ones as a rule, until the run is over.
pub async fn take(scene: Arc<Scene>, dice: Dice) {
    loop {
        sleep(dice.time(200, 10_000)).await;
        if scene.is_away(Away::Erp) {
            continue;
        }
        let inbox = scene.inbox.path();
        for name in names(&inbox) {
            let Some(stem) = name.strip_suffix(".json") else { continue };
            let trigger = inbox.join(format!("{stem}.go"));
            let hasty = scene.in_trouble() && scene.plan.hasty > 0 && dice.chance(scene.plan.hasty);
            if !trigger.exists() && !hasty {
                continue;
            }
            let bytes = std::fs::read(inbox.join(&name)).expect("what is listed can be read");
            std::fs::remove_file(inbox.join(&name)).expect("what was read can be removed");
            let _waited_for = std::fs::remove_file(&trigger);
            scene.erp.take_file(&scene, &erp::wanted(&bytes));
        }
    }
}

/// The folder is not mounted for a while.
pub async fn unmount(scene: Arc<Scene>) {
    let mut away = false;
    while scene.in_trouble() || away {
        let now = scene.is_away(Away::Folder);
        if now != away {
            let (inbox, elsewhere) = (scene.inbox.path(), scene.inbox.elsewhere());
            let (from, to) = if now { (inbox, elsewhere) } else { (elsewhere, inbox) };
            std::fs::rename(from, to).expect("a folder can be moved");
            scene.trace.note(format_args!("the folder is {}", if now { "GONE" } else { "back" }));
            away = now;
        }
        sleep(Duration::from_millis(500)).await;
    }
}

fn names(folder: &Path) -> Vec<String> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let mut names: Vec<String> = entries.flatten().filter_map(|entry| entry.file_name().into_string().ok()).collect();
    names.sort();
    names
}
