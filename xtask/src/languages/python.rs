//! Python: componentize-py in a virtual environment of its own.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, bail};
use orderdock_build::python::{PYTHON, componentize};
use orderdock_build::{Voice, run::version};

use super::{Chain, Guest, copy_folder, installed_once, made, stage, toolchain_folder};
use crate::workspace::Workspace;
use crate::{run, setup};

const PIP_LIMIT: Duration = Duration::from_secs(5 * 60);

struct Python {
    tool: PathBuf,
    requirements: String,
}

/// Finds Python and installs componentize-py.
pub(super) fn find(workspace: &Workspace) -> anyhow::Result<Box<dyn Chain>> {
    let requirements = std::fs::read_to_string(workspace.root().join("sdk/python/requirements.txt"))
        .context("sdk/python/requirements.txt")?;
    let folder = toolchain_folder(workspace, "python");
    environment(workspace, &folder, &requirements)?;
    Ok(Box::new(Python { tool: folder.join("bin/componentize-py"), requirements }))
}

/// A virtual environment with these packages.
pub(super) fn environment(workspace: &Workspace, folder: &Path, requirements: &str) -> anyhow::Result<()> {
    installed_once(workspace, folder, requirements, |folder| {
        python()?;
        let create = || run::ask(Command::new("python3").args(["-m", "venv"]).arg(folder));
        if create().is_err() {
            // Debian leaves the part that makes environments to a package of its own.
            setup::install(&["python3-venv"]).context("python3 can't make a virtual environment")?;
            create()?;
        }
        let list = folder.join("requirements.txt");
        std::fs::write(&list, requirements)?;
        let mut pip = Command::new(folder.join("bin/pip"));
        pip.args(["install", "--quiet", "--disable-pip-version-check", "--requirement"]).arg(list);
        run::show_within(&mut pip, PIP_LIMIT)
    })
}

fn python() -> anyhow::Result<()> {
    let ask = || run::ask(Command::new("python3").arg("--version"));
    let answer = match ask() {
        Ok(answer) => answer,
        Err(_) => {
            setup::install(&["python3", "python3-venv"]).context("python3 is missing")?;
            ask()?
        }
    };
    match version(&answer) {
        Some(found) if found >= PYTHON => Ok(()),
        _ => bail!("{} is too old; {}.{} or later is needed", answer.trim(), PYTHON.0, PYTHON.1),
    }
}

impl Chain for Python {
    fn identity(&self) -> String {
        format!("{}{}", self.requirements, include_str!("../../../sdk/build/src/python.rs"))
    }

    fn build(&self, workspace: &Workspace, guest: &Guest) -> anyhow::Result<Vec<u8>> {
        let stage = stage(workspace, guest)?;
        copy_folder(&workspace.root().join("sdk/python/orderdock"), &stage.join("orderdock"))?;
        copy_folder(&guest.folder, &stage)?;
        let component = stage.join("component.wasm");
        componentize(&self.tool, &workspace.root().join("wit"), &stage, &component, Voice::Kept)?;
        made(&component)
    }
}
