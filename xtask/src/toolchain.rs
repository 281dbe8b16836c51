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
use orderdock_build::rust::{self, Compiler, DEBIAN_PACKAGES};

use crate::workspace::{Workspace, setting};
use crate::{run, say, setup};

/// Usually it takes seconds; a server that is out of reach can hang for long.
const RUSTUP_LIMIT: Duration = Duration::from_secs(3 * 60);

/// What guests are compiled for; see [`orderdock_build::rust::Target`].
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

impl From<Target> for rust::Target {
    fn from(target: Target) -> Self {
        match target {
            Target::Unknown => Self::Unknown,
            Target::Wasip2 => Self::Wasip2,
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

/// Finds a compiler, installing what is missing where that is possible, and says which it is.
///
/// # Errors
/// When no way works: the sentence says what was tried, why each failed and what to type.
pub fn find(workspace: &Workspace, target: Target) -> anyhow::Result<Compiler> {
    let target = rust::Target::from(target);
    let only = setting("ORDERDOCK_WASM_TOOLCHAIN").map(|word| parse(&word)).transpose()?;
    let rustup_is_hopeless =
        rustup_failed_before(workspace) && target == rust::Target::Unknown && rust::debian_is_installed();
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

fn installed(workspace: &Workspace, target: rust::Target) -> anyhow::Result<Compiler> {
    let compiler = Compiler::installed(workspace.root(), target)?;
    say::line(&format!("wasm tool chain: the target {} installed for the active Rust", target.triple()));
    Ok(compiler)
}

fn by_rustup(workspace: &Workspace, target: rust::Target) -> anyhow::Result<Compiler> {
    let step = say::Step::start(format!("rustup target add {}", target.triple()));
    let mut rustup = Command::new("rustup");
    // A stack trace of rustup's own helps nobody here; its sentence does.
    rustup.current_dir(workspace.root()).args(["target", "add", target.triple()]).env("RUST_BACKTRACE", "0");
    let added = run::show_within(&mut rustup, RUSTUP_LIMIT);
    match added.and_then(|()| Ok(Compiler::installed(workspace.root(), target)?)) {
        Ok(compiler) => {
            step.done("added");
            // If it is not there, all the better.
            let _ = std::fs::remove_file(failure_note(workspace));
            say::line(&format!("wasm tool chain: the target {}, added by rustup", target.triple()));
            Ok(compiler)
        }
        Err(error) => {
            step.done("did not work");
            remember_rustup_failure(workspace)?;
            Err(error)
        }
    }
}

fn by_debian(workspace: &Workspace, target: rust::Target) -> anyhow::Result<Compiler> {
    if target != rust::Target::Unknown {
        bail!("Debian's compiler can only build for {}", rust::Target::Unknown.triple());
    }
    if !rust::debian_is_installed() {
        setup::install(&DEBIAN_PACKAGES)?;
    }
    let compiler = Compiler::debian(workspace.root())?;
    let release = compiler.identity.lines().next().unwrap_or_default().trim_start_matches("build-std ");
    let linker = compiler.debian_linker.as_deref().unwrap_or(Path::new("rust-lld")).display();
    say::line(&format!(
        "wasm tool chain: Debian's {release} with the standard library built from source, linked by {linker}"
    ));
    Ok(compiler)
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
}
