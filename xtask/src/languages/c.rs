//! C: clang and a linker, installed where they are missing.

use std::path::PathBuf;
use std::process::Command;

use anyhow::Context as _;
use orderdock_build::{Voice, c, component};

use super::{Chain, Guest, made, stage, toolchain_folder};
use crate::workspace::Workspace;
use crate::{run, setup};

/// Debian's oldest that will do.
const PACKAGES: [&str; 2] = ["clang-14", "lld-14"];

struct C {
    clang: &'static str,
    version: String,
    linker: PathBuf,
}

/// Finds a clang that knows wasm, and a linker.
pub(super) fn find(workspace: &Workspace) -> anyhow::Result<Box<dyn Chain>> {
    let clang = match c::clang() {
        Some(clang) => clang,
        None => {
            setup::install(&PACKAGES).context("no clang that can compile for wasm32")?;
            c::clang().context("clang was installed, but can't compile for wasm32")?
        }
    };
    let version = run::ask(Command::new(clang).arg("--version"))?;
    Ok(Box::new(C { clang, version, linker: c::linker(&toolchain_folder(workspace, "c"))? }))
}

impl Chain for C {
    fn identity(&self) -> String {
        format!("{}{}{}", self.version, self.linker.display(), include_str!("../../../sdk/build/src/c.rs"))
    }

    fn build(&self, workspace: &Workspace, guest: &Guest) -> anyhow::Result<Vec<u8>> {
        let core = stage(workspace, guest)?.join("core.wasm");
        let sources = std::slice::from_ref(&guest.folder);
        c::compile(self.clang, &self.linker, &workspace.root().join("sdk/c"), sources, &core, Voice::Kept)?;
        Ok(component::of_plain(&workspace.root().join("wit"), &made(&core)?, None)?)
    }
}
