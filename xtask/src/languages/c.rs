//! C: clang, without any library but the SDK's own few functions, linked by Rust's linker for wasm.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, bail};

use super::{Chain, Guest, component, made, stage};
use crate::workspace::Workspace;
use crate::{run, setup, toolchain};

/// Debian's, newest first; one of them is installed when none is there.
const CLANGS: [&str; 5] = ["clang", "clang-22", "clang-19", "clang-16", "clang-14"];
const PACKAGES: [&str; 2] = ["clang-14", "lld-14"];

struct C {
    clang: &'static str,
    version: String,
    linker: PathBuf,
}

/// Finds a clang that knows wasm, and a linker.
pub(super) fn find(workspace: &Workspace) -> anyhow::Result<Box<dyn Chain>> {
    let clang = match clang() {
        Some(clang) => clang,
        None => {
            setup::install(&PACKAGES).context("no clang that can compile for wasm32")?;
            clang().context("clang was installed, but can't compile for wasm32")?
        }
    };
    let version = run::ask(Command::new(clang).arg("--version"))?;
    Ok(Box::new(C { clang, version, linker: linker(workspace)? }))
}

fn clang() -> Option<&'static str> {
    CLANGS.into_iter().find(|name| {
        run::ask(Command::new(name).arg("--print-targets")).is_ok_and(|targets| targets.contains("wasm32"))
    })
}

/// clang starts its linker by name and calls it as that name says, so Rust's gets the name that it needs.
fn linker(workspace: &Workspace) -> anyhow::Result<PathBuf> {
    let systems = [
        "/usr/bin/wasm-ld",
        "/usr/bin/wasm-ld-22",
        "/usr/bin/wasm-ld-19",
        "/usr/bin/wasm-ld-16",
        "/usr/bin/wasm-ld-14",
    ];
    if let Some(path) = systems.into_iter().map(PathBuf::from).find(|path| path.exists()) {
        return Ok(path);
    }
    let rusts = toolchain::linker(workspace)?;
    let name = super::toolchain_folder(workspace, "c").join("wasm-ld");
    std::fs::create_dir_all(name.parent().context("a folder")?)?;
    let _ = std::fs::remove_file(&name);
    #[cfg(unix)]
    std::os::unix::fs::symlink(&rusts, &name).context("wasm-ld")?;
    if !name.exists() {
        bail!("no wasm-ld; type: sudo apt-get install lld-22");
    }
    Ok(name)
}

impl Chain for C {
    fn identity(&self) -> String {
        format!("{}{}{}", self.version, self.linker.display(), include_str!("c.rs"))
    }

    fn build(&self, workspace: &Workspace, guest: &Guest) -> anyhow::Result<Vec<u8>> {
        let sdk = workspace.root().join("sdk/c");
        let core = stage(workspace, guest)?.join("core.wasm");
        let mut clang = Command::new(self.clang);
        clang.args(["--target=wasm32-unknown-unknown", "-std=c11", "-ffreestanding", "-nostdlib", "-nostdlibinc"]);
        // Names are kept, so that a trap's stack can be read.
        clang.args(["-O2", "-mbulk-memory", "-Wall", "-Wextra", "-Werror", "-Wl,--no-entry"]);
        clang.arg(format!("-fuse-ld={}", self.linker.display()));
        for folder in ["libc", "include", "bindings"] {
            clang.arg("-I").arg(sdk.join(folder));
        }
        for folder in ["libc", "src", "bindings"].map(|folder| sdk.join(folder)).iter().chain([&guest.folder]) {
            clang.args(sources(folder)?);
        }
        run::ask(clang.arg("-o").arg(&core))?;
        component(workspace, &made(&core)?, None)
    }
}

fn sources(folder: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let entries = std::fs::read_dir(folder).with_context(|| format!("{} cannot be read", folder.display()))?;
    let mut sources: Vec<PathBuf> = entries
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_some_and(|end| end == "c"))
        .collect();
    sources.sort();
    Ok(sources)
}
