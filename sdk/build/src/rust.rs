//! Rust: a compiler for WebAssembly, and a crate compiled by it.
//!
//! Two ways: the target that is installed for the active Rust; Debian's own compiler with the standard library's source,
//! built along (`-Z build-std`), for machines that can reach a package mirror but not the Rust project's server.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::{BuildError, Project, Voice, component, run};

/// Debian's compiler for browsers, kept current with the stable releases, and its standard library's source.
pub const DEBIAN_PACKAGES: [&str; 2] = ["rustc-web", "rust-web-src"];
const DEBIAN_RUSTC: &str = "/usr/bin/rustc";

/// What guests are compiled for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Target {
    /// Components import nothing but the contract: quickest to start, and nothing else to be reasoned about.
    #[default]
    Unknown,
    /// Components also import WASI, so that a panic's text reaches standard error.
    Wasip2,
}

impl Target {
    /// As rustc calls it.
    #[must_use]
    pub fn triple(self) -> &'static str {
        match self {
            Self::Unknown => "wasm32-unknown-unknown",
            Self::Wasip2 => "wasm32-wasip2",
        }
    }
}

/// A compiler that can build guests.
#[derive(Debug)]
pub struct Compiler {
    /// What it compiles for.
    pub target: Target,
    /// Which compiler, in full: another one makes other bytes.
    pub identity: String,
    /// Debian's way: the linker to use. None: cargo as it is.
    pub debian_linker: Option<PathBuf>,
}

impl Compiler {
    /// Finds one for a project.
    ///
    /// # Errors
    /// When there is none: what to type.
    pub fn find(folder: &Path) -> Result<Self, BuildError> {
        if run::ask(Command::new("cargo").arg("--version").current_dir(folder)).is_none() {
            let why = "`cargo` does not start";
            return Err(BuildError::missing(
                "Rust",
                why,
                &[
                    "curl --proto '=https' --tlsv1.2 -sSf https://sh.rustup.rs | sh",
                    "rustup target add wasm32-unknown-unknown",
                ],
            ));
        }
        let unknown = Self::installed(folder, Target::Unknown);
        unknown.or_else(|error| {
            Self::installed(folder, Target::Wasip2).or_else(|_| Self::debian(folder)).map_err(|_| error)
        })
    }

    /// The active Rust's own, if it has the target.
    ///
    /// # Errors
    /// When it has not.
    pub fn installed(folder: &Path, target: Target) -> Result<Self, BuildError> {
        let mut print = rustc(folder);
        let library =
            run::ask(print.args(["--print", "target-libdir", "--target", target.triple()])).unwrap_or_default();
        if !has_core_library(Path::new(library.trim())) {
            let tool = format!("the Rust target {}", target.triple());
            let add = format!("rustup target add {}", target.triple());
            return Err(BuildError::missing(&tool, "the active Rust has no standard library for it", &[&add]));
        }
        let identity = run::ask(rustc(folder).arg("-vV")).unwrap_or_default();
        Ok(Self { target, identity, debian_linker: None })
    }

    /// Debian's, if its packages are installed.
    ///
    /// # Errors
    /// When they are not, or no linker is there.
    pub fn debian(folder: &Path) -> Result<Self, BuildError> {
        if !debian_is_installed() {
            let add = format!("sudo apt-get install --no-install-recommends {}", DEBIAN_PACKAGES.join(" "));
            return Err(BuildError::missing("Debian's compiler for wasm", "its packages are not installed", &[&add]));
        }
        let version = run::ask(Command::new(DEBIAN_RUSTC).arg("-vV")).unwrap_or_default();
        let linker = linker(folder).ok_or_else(|| {
            let why = "neither rustup's rust-lld nor wasm-ld is there";
            BuildError::missing("a linker for wasm", why, &["sudo apt-get install lld-22"])
        })?;
        Ok(Self { target: Target::Unknown, identity: format!("build-std {version}"), debian_linker: Some(linker) })
    }

    /// Adds to a `cargo build` what this compiler needs.
    pub fn prepare(&self, cargo: &mut Command) {
        cargo.args(["--target", self.target.triple()]);
        // Flags in the environment are meant for this machine's code (`target-cpu=native`), not for wasm.
        cargo.env_remove("RUSTFLAGS").env_remove("CARGO_ENCODED_RUSTFLAGS");
        if let Some(linker) = &self.debian_linker {
            // The compiler must fit the library's source, so it is Debian's; cargo stays ours. `RUSTC_BOOTSTRAP` lets
            // a stable compiler build the standard library. Both for this one command only.
            cargo.env("RUSTC", DEBIAN_RUSTC).env("RUSTC_BOOTSTRAP", "1");
            cargo.args(["-Z", "build-std=std,panic_abort", "--config"]);
            cargo.arg(format!("target.{}.linker={:?}", self.target.triple(), linker.display().to_string()));
        }
    }

    /// A component of what the compiler made.
    ///
    /// # Errors
    /// When it is not the core of a plugin.
    pub fn component(&self, module: Vec<u8>) -> Result<Vec<u8>, BuildError> {
        match self.target {
            Target::Unknown => component::of_typed(&module),
            // Its linker has made a component already.
            Target::Wasip2 => Ok(module),
        }
    }
}

/// Whether Debian's compiler can be used at once.
#[must_use]
pub fn debian_is_installed() -> bool {
    let mut query = Command::new("dpkg-query");
    let status = run::ask(query.args(["--show", "--showformat", "${Status}\n"]).args(DEBIAN_PACKAGES));
    status.is_some_and(|lines| {
        lines.lines().count() == DEBIAN_PACKAGES.len() && lines.lines().all(|line| line == "install ok installed")
    })
}

/// rustup's Rust brings a linker for wasm; the system's will do too.
#[must_use]
pub fn linker(folder: &Path) -> Option<PathBuf> {
    let sysroot = run::ask(rustc(folder).args(["--print", "sysroot"])).unwrap_or_default();
    let version = run::ask(rustc(folder).arg("-vV")).unwrap_or_default();
    let host = version.lines().find_map(|line| line.strip_prefix("host: ")).unwrap_or_default();
    let ours = Path::new(sysroot.trim()).join("lib/rustlib").join(host).join("bin/rust-lld");
    let candidates = [ours, PathBuf::from("/usr/bin/wasm-ld-22"), PathBuf::from("/usr/bin/wasm-ld")];
    candidates.into_iter().find(|path| path.is_file())
}

fn rustc(folder: &Path) -> Command {
    let mut command = Command::new("rustc");
    command.current_dir(folder);
    command
}

/// A target's folder can be there and empty: what counts is a compiled `core` in it.
fn has_core_library(folder: &Path) -> bool {
    std::fs::read_dir(folder).is_ok_and(|entries| {
        entries.flatten().any(|entry| {
            let name = entry.file_name().to_string_lossy().into_owned();
            name.starts_with("libcore-") && name.ends_with(".rlib")
        })
    })
}

/// Builds an author's project. cargo names the module that it made.
pub(crate) fn build(project: &Project, voice: Voice) -> Result<Vec<u8>, BuildError> {
    let compiler = Compiler::find(&project.folder)?;
    let mut cargo = Command::new("cargo");
    cargo.args(["build", "--lib", "--profile", "guest", "--message-format", "json-render-diagnostics"]);
    compiler.prepare(&mut cargo);
    cargo.current_dir(&project.folder).stdin(std::process::Stdio::null());
    // Words for people come on standard error, what was made on standard output.
    cargo.stdout(std::process::Stdio::piped());
    cargo.stderr(if voice == Voice::Live { std::process::Stdio::inherit() } else { std::process::Stdio::piped() });
    let failed = |said: String| BuildError::Failed { what: "`cargo build`".to_owned(), said };
    let output =
        cargo.spawn().and_then(std::process::Child::wait_with_output).map_err(|error| failed(error.to_string()))?;
    if !output.status.success() {
        return Err(failed(String::from_utf8_lossy(&output.stderr).trim().to_owned()));
    }
    let said = String::from_utf8_lossy(&output.stdout);
    let module = said.lines().rev().find_map(|line| made(line, &project.folder)).ok_or_else(|| {
        let what = "made no wasm: Cargo.toml needs `[lib] crate-type = [\"cdylib\", \"rlib\"]`";
        BuildError::Project(format!("`cargo build` {what}"))
    })?;
    compiler.component(std::fs::read(&module).map_err(BuildError::file(&module))?)
}

/// The module that a line of cargo's messages names, if it is of the project's own crate.
fn made(line: &str, folder: &Path) -> Option<PathBuf> {
    let message: serde_json::Value = serde_json::from_str(line).ok()?;
    let manifest = Path::new(message.get("manifest_path")?.as_str()?);
    if manifest.parent()?.canonicalize().ok()? != folder.canonicalize().ok()? {
        return None;
    }
    let files = message.get("filenames")?.as_array()?;
    files.iter().filter_map(|file| file.as_str()).find(|file| file.ends_with(".wasm")).map(PathBuf::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_target_folder_is_not_a_target() {
        let folder = tempfile::tempdir().unwrap();
        assert!(!has_core_library(folder.path()));
        std::fs::write(folder.path().join("libcore-0123.rlib"), "").unwrap();
        assert!(has_core_library(folder.path()));
    }
}
