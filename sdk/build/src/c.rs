//! C: clang, without any library but the SDK's own few functions, linked by a linker for wasm.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::{BuildError, Project, Voice, component, run, rust};

/// Debian's names among them, newest first.
const CLANGS: [&str; 6] = ["clang", "clang-22", "clang-21", "clang-19", "clang-16", "clang-14"];
const LINKERS: [&str; 6] = ["wasm-ld", "wasm-ld-22", "wasm-ld-21", "wasm-ld-19", "wasm-ld-16", "wasm-ld-14"];

/// A clang that knows wasm.
#[must_use]
pub fn clang() -> Option<&'static str> {
    CLANGS.into_iter().find(|name| {
        run::ask(Command::new(name).arg("--print-targets")).is_some_and(|targets| targets.contains("wasm32"))
    })
}

/// A linker for wasm: the system's, else Rust's. clang calls its linker as its name says, so Rust's gets the name that it
/// needs, in `folder`.
///
/// # Errors
/// When there is none.
pub fn linker(folder: &Path) -> Result<PathBuf, BuildError> {
    let system = LINKERS.into_iter().map(|name| Path::new("/usr/bin").join(name)).find(|path| path.exists());
    if let Some(path) = system {
        return Ok(path);
    }
    let missing = || {
        let why = "neither the system nor rustup's Rust has one";
        BuildError::missing("wasm-ld", why, &["sudo apt-get install lld-22"])
    };
    let rusts = rust::linker(folder).ok_or_else(missing)?;
    let name = folder.join("wasm-ld");
    std::fs::create_dir_all(folder).map_err(BuildError::file(folder))?;
    // A link of an earlier Rust may be there.
    let _ = std::fs::remove_file(&name);
    #[cfg(unix)]
    std::os::unix::fs::symlink(&rusts, &name).map_err(BuildError::file(&name))?;
    if name.exists() { Ok(name) } else { Err(missing()) }
}

/// Compiles the C files of `sources` with the SDK's into a core module.
///
/// # Errors
/// When a folder can't be read or clang fails.
pub fn compile(
    clang: &str,
    linker: &Path,
    sdk: &Path,
    sources: &[PathBuf],
    core: &Path,
    voice: Voice,
) -> Result<(), BuildError> {
    let mut command = Command::new(clang);
    command.args(["--target=wasm32-unknown-unknown", "-std=c11", "-ffreestanding", "-nostdlib", "-nostdlibinc"]);
    // Names are kept, so that a trap's stack can be read.
    command.args(["-O2", "-mbulk-memory", "-Wall", "-Wextra", "-Werror", "-Wl,--no-entry"]);
    command.arg(format!("-fuse-ld={}", linker.display()));
    for folder in ["libc", "include", "bindings"] {
        command.arg("-I").arg(sdk.join(folder));
    }
    for folder in ["libc", "src", "bindings"].map(|folder| sdk.join(folder)).iter().chain(sources) {
        command.args(files(folder)?);
    }
    run::make(command.arg("-o").arg(core), voice)
}

fn files(folder: &Path) -> Result<Vec<PathBuf>, BuildError> {
    let entries = std::fs::read_dir(folder).map_err(BuildError::file(folder))?;
    let mut files: Vec<PathBuf> = entries
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_some_and(|end| end == "c"))
        .collect();
    files.sort();
    Ok(files)
}

pub(crate) fn build(project: &Project, voice: Voice) -> Result<Vec<u8>, BuildError> {
    let clang = clang().ok_or_else(|| {
        let why = "no `clang` on the PATH can compile for wasm32";
        BuildError::missing("clang", why, &["sudo apt-get install clang-22 lld-22"])
    })?;
    let stage = tempfile::tempdir().map_err(BuildError::file(Path::new("a temporary folder")))?;
    let core = stage.path().join("core.wasm");
    let mut sources = vec![project.folder.clone()];
    sources.extend(Some(project.folder.join("src")).filter(|folder| folder.is_dir()));
    compile(clang, &linker(stage.path())?, &project.sdk()?, &sources, &core, voice)?;
    component::of_plain(&project.wit()?.path, &std::fs::read(&core).map_err(BuildError::file(&core))?, None)
}
