//! Finding a compiler for WebAssembly: the only special need of this workspace.
//!
//! Three ways, in this order: the target that is installed for the active Rust; `rustup target add`; Debian's own
//! compiler with the standard library's source, built along (`-Z build-std`). The last one is for machines that can
//! reach a package mirror but not the Rust project's server. The way taken is always printed.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, bail};
use clap::ValueEnum;

use crate::workspace::{Workspace, setting};
use crate::{run, say, setup};

/// Usually it takes seconds; a server that is out of reach can hang for long.
const RUSTUP_LIMIT: Duration = Duration::from_secs(3 * 60);

/// Debian's compiler for browsers, kept current with the stable releases, and its standard library's source.
const DEBIAN_PACKAGES: [&str; 2] = ["rustc-web", "rust-web-src"];
const DEBIAN_RUSTC: &str = "/usr/bin/rustc";

/// What guests are compiled for.
#[derive(Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum Target {
    /// Components import nothing but the contract: quickest to start, and nothing else to be reasoned about.
    #[default]
    #[value(name = "wasm32-unknown-unknown")]
    Unknown,
    /// Components also import WASI, so that a panic's text reaches standard error.
    #[value(name = "wasm32-wasip2")]
    Wasip2,
}

impl Target {
    /// As rustc calls it.
    pub fn triple(self) -> &'static str {
        match self {
            Self::Unknown => "wasm32-unknown-unknown",
            Self::Wasip2 => "wasm32-wasip2",
        }
    }
}

/// A way to a compiler for WebAssembly.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    Installed,
    Rustup,
    Debian,
}

impl std::fmt::Display for Way {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str(match self {
            Self::Installed => "installed",
            Self::Rustup => "rustup",
            Self::Debian => "debian",
        })
    }
}

/// A compiler that can build guests.
pub struct Toolchain {
    target: Target,
    /// Which compiler, in full: another one makes other bytes.
    identity: String,
    /// Debian's way: the linker to use. None: cargo as it is.
    debian_linker: Option<PathBuf>,
}

impl Toolchain {
    /// What the components are compiled for.
    pub fn target(&self) -> Target {
        self.target
    }

    /// Changes whenever the same source could give other bytes.
    pub fn identity(&self) -> &str {
        &self.identity
    }

    /// Adds to a `cargo build` what this compiler needs.
    pub fn prepare(&self, cargo: &mut Command) {
        cargo.args(["--target", self.target.triple()]);
        if let Some(linker) = &self.debian_linker {
            // The compiler must fit the library's source, so it is Debian's; cargo stays ours. `RUSTC_BOOTSTRAP` lets
            // a stable compiler build the standard library. Both for this one command only.
            cargo.env("RUSTC", DEBIAN_RUSTC).env("RUSTC_BOOTSTRAP", "1");
            cargo.args(["-Z", "build-std=std,panic_abort", "--config"]);
            cargo.arg(format!("target.{}.linker={:?}", self.target.triple(), linker.display().to_string()));
        }
    }
}

/// Finds a compiler, installing what is missing where that is possible, and says which it is.
///
/// # Errors
/// When no way works: the sentence says what was tried, why each failed and what to type.
pub fn find(workspace: &Workspace, target: Target) -> anyhow::Result<Toolchain> {
    let only = setting("ORDERDOCK_WASM_TOOLCHAIN").map(|word| parse(&word)).transpose()?;
    let rustup_is_hopeless = rustup_failed_before(workspace) && debian_is_ready(target);
    let mut failures = Vec::new();
    for way in order(only, rustup_is_hopeless) {
        if way == Way::Debian && rustup_is_hopeless && only.is_none() {
            let note = failure_note(workspace);
            say::line(&format!("rustup failed earlier; to have it tried again, remove {}", workspace.short(&note)));
        }
        let tried = match way {
            Way::Installed => installed(workspace, target),
            Way::Rustup => by_rustup(workspace, target),
            Way::Debian => by_debian(workspace, target),
        };
        match tried {
            Ok(chain) => return Ok(chain),
            Err(error) => failures.push(format!("  {way}: {error:#}")),
        }
    }
    bail!("no compiler for {} was found:\n{}", target.triple(), failures.join("\n"))
}

fn parse(word: &str) -> anyhow::Result<Way> {
    match word {
        "installed" => Ok(Way::Installed),
        "rustup" => Ok(Way::Rustup),
        "debian" => Ok(Way::Debian),
        other => bail!("ORDERDOCK_WASM_TOOLCHAIN is `{other}`; it must be `installed`, `rustup` or `debian`"),
    }
}

/// The ways to try. When rustup failed once and Debian's compiler came to help, every later run takes that at once
/// instead of waiting for rustup's time limit again.
fn order(only: Option<Way>, rustup_is_hopeless: bool) -> Vec<Way> {
    match only {
        Some(way) => vec![way],
        None if rustup_is_hopeless => vec![Way::Installed, Way::Debian],
        None => vec![Way::Installed, Way::Rustup, Way::Debian],
    }
}

fn installed(workspace: &Workspace, target: Target) -> anyhow::Result<Toolchain> {
    installed_check(workspace, target)?;
    let chain = ours(workspace, target)?;
    say::line(&format!("wasm tool chain: the target {} installed for the active Rust", target.triple()));
    Ok(chain)
}

fn by_rustup(workspace: &Workspace, target: Target) -> anyhow::Result<Toolchain> {
    let step = say::Step::start(format!("rustup target add {}", target.triple()));
    let mut rustup = Command::new("rustup");
    // A stack trace of rustup's own helps nobody here; its sentence does.
    rustup.current_dir(workspace.root()).args(["target", "add", target.triple()]).env("RUST_BACKTRACE", "0");
    if let Err(error) = run::show_within(&mut rustup, RUSTUP_LIMIT).and_then(|()| installed_check(workspace, target)) {
        step.done("did not work");
        remember_rustup_failure(workspace)?;
        return Err(error);
    }
    step.done("added");
    // If it is not there, all the better.
    let _ = std::fs::remove_file(failure_note(workspace));
    say::line(&format!("wasm tool chain: the target {}, added by rustup", target.triple()));
    ours(workspace, target)
}

fn by_debian(workspace: &Workspace, target: Target) -> anyhow::Result<Toolchain> {
    if target != Target::Unknown {
        bail!("Debian's compiler can only build for {}", Target::Unknown.triple());
    }
    if !debian_is_ready(target) {
        setup::install(&DEBIAN_PACKAGES)?;
    }
    let version = run::ask(Command::new(DEBIAN_RUSTC).arg("-vV"))?;
    let linker = linker(workspace)?;
    let release = version.lines().next().unwrap_or_default();
    say::line(&format!(
        "wasm tool chain: Debian's {release} with the standard library built from source, linked by {}",
        linker.display()
    ));
    Ok(Toolchain { target, identity: format!("build-std {version}"), debian_linker: Some(linker) })
}

/// rustup's Rust brings the linker that Debian's compiler needs; Debian's own will do too.
///
/// # Errors
/// When there is none.
pub fn linker(workspace: &Workspace) -> anyhow::Result<PathBuf> {
    let sysroot = run::ask(rustc(workspace).args(["--print", "sysroot"]))?;
    let version = run::ask(rustc(workspace).arg("-vV"))?;
    let host = version.lines().find_map(|line| line.strip_prefix("host: ")).context("`rustc -vV` names no host")?;
    let ours = Path::new(sysroot.trim()).join("lib/rustlib").join(host).join("bin/rust-lld");
    let candidates = [ours, PathBuf::from("/usr/bin/wasm-ld-22"), PathBuf::from("/usr/bin/wasm-ld")];
    candidates
        .into_iter()
        .find(|path| path.exists())
        .context("no linker for wasm: neither rustup's rust-lld nor wasm-ld; type: sudo apt-get install lld-22")
}

fn ours(workspace: &Workspace, target: Target) -> anyhow::Result<Toolchain> {
    let version = run::ask(rustc(workspace).arg("-vV"))?;
    Ok(Toolchain { target, identity: version, debian_linker: None })
}

/// Whether the Rust that `rustc` on the PATH stands for has the target.
fn installed_check(workspace: &Workspace, target: Target) -> anyhow::Result<()> {
    let folder = run::ask(rustc(workspace).args(["--print", "target-libdir", "--target", target.triple()]))?;
    let folder = Path::new(folder.trim());
    if !has_core_library(folder) {
        bail!("{} is not installed for the active Rust (no core library in {})", target.triple(), folder.display());
    }
    Ok(())
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

fn debian_is_ready(target: Target) -> bool {
    target == Target::Unknown && setup::installed(&DEBIAN_PACKAGES)
}

fn failure_note(workspace: &Workspace) -> PathBuf {
    workspace.wasm_target().join("rustup-failed")
}

fn rustup_failed_before(workspace: &Workspace) -> bool {
    failure_note(workspace).exists()
}

fn remember_rustup_failure(workspace: &Workspace) -> anyhow::Result<()> {
    let note = failure_note(workspace);
    std::fs::create_dir_all(workspace.wasm_target())
        .and_then(|()| std::fs::write(&note, "Remove this file to have `rustup target add` tried again.\n"))
        .with_context(|| format!("{} could not be written", workspace.short(&note)))
}

fn rustc(workspace: &Workspace) -> Command {
    let mut command = Command::new("rustc");
    command.current_dir(workspace.root());
    command
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ways_are_tried_in_order() {
        assert_eq!(order(None, false), [Way::Installed, Way::Rustup, Way::Debian]);
        assert_eq!(order(None, true), [Way::Installed, Way::Debian]);
        assert_eq!(order(Some(Way::Rustup), true), [Way::Rustup]);
    }

    #[test]
    fn an_unknown_way_is_refused() {
        let error = parse("nix").unwrap_err().to_string();
        assert!(error.contains("`nix`") && error.contains("`debian`"), "{error}");
    }

    #[test]
    fn an_empty_target_folder_is_not_a_target() {
        let folder = tempfile::tempdir().unwrap();
        assert!(!has_core_library(folder.path()));
        std::fs::write(folder.path().join("libcore-0123.rlib"), "").unwrap();
        assert!(has_core_library(folder.path()));
    }
}
