//! Where things are: the workspace's folders, cargo, and the only reading of the environment in this program.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Context as _;
use serde_json::Value;

use crate::run;

/// The workspace that this program was built in.
pub struct Workspace {
    root: PathBuf,
}

impl Workspace {
    /// Finds the workspace: cargo names the package's folder when it runs us, else the folder at build time is used.
    ///
    /// # Errors
    /// When that folder has no parent.
    pub fn of_this_program() -> anyhow::Result<Self> {
        let package = setting("CARGO_MANIFEST_DIR").unwrap_or_else(|| env!("CARGO_MANIFEST_DIR").to_owned());
        let root = Path::new(&package).parent().context("the xtask crate has no folder above it")?;
        Ok(Self { root: root.to_owned() })
    }

    /// The folder with the workspace's `Cargo.toml`.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Where finished components lie. Fixed, so that tests know it without asking.
    pub fn components(&self) -> PathBuf {
        self.root.join("target/components")
    }

    /// Where the guests' compiler works. Its own folder: a different compiler must not make cargo rebuild the host.
    pub fn wasm_target(&self) -> PathBuf {
        self.root.join("target/wasm")
    }

    /// The cargo that runs us, to be started at the workspace's root.
    pub fn cargo(&self) -> Command {
        let mut command = Command::new(setting("CARGO").unwrap_or_else(|| "cargo".to_owned()));
        command.current_dir(&self.root);
        // What the outer `cargo run` tells us about ourselves. Build scripts that watch it (ring's does) would otherwise
        // run again, and with them half of the dependencies, whenever `cargo test` and `cargo xtask` take turns.
        for (name, _) in std::env::vars_os() {
            if name.to_str().is_some_and(about_this_crate) {
                command.env_remove(name);
            }
        }
        command
    }

    /// Where cargo puts what it builds for this machine; the user may have set it anywhere.
    ///
    /// # Errors
    /// When cargo does not say.
    pub fn cargo_target(&self) -> anyhow::Result<PathBuf> {
        let metadata = self.metadata()?;
        let folder = metadata.get("target_directory").and_then(Value::as_str);
        Ok(PathBuf::from(folder.context("`cargo metadata` gives no `target_directory`")?))
    }

    /// What cargo knows about the workspace's own crates.
    ///
    /// # Errors
    /// When cargo fails or answers something else than JSON.
    pub fn metadata(&self) -> anyhow::Result<Value> {
        let answer = run::ask(self.cargo().args(["metadata", "--no-deps", "--format-version", "1"]))?;
        serde_json::from_str(&answer).context("`cargo metadata` answered no JSON")
    }

    /// A path as a person at the workspace's root would type it.
    pub fn short<'a>(&self, path: &'a Path) -> std::path::Display<'a> {
        path.strip_prefix(&self.root).unwrap_or(path).display()
    }
}

/// Whether cargo sets this variable for the crate that it runs.
fn about_this_crate(name: &str) -> bool {
    let families = ["CARGO_PKG_", "CARGO_MANIFEST_"];
    let single = ["CARGO_BIN_NAME", "CARGO_CRATE_NAME", "CARGO_PRIMARY_PACKAGE", "OUT_DIR"];
    families.iter().any(|start| name.starts_with(start)) || single.contains(&name)
}

/// An environment variable that is set, not empty and text.
#[expect(clippy::disallowed_methods, reason = "this tool is not the host; its reading of the environment is here only")]
pub fn setting(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_user_sets_for_cargo_is_kept() {
        assert!(about_this_crate("CARGO_PKG_VERSION_MAJOR") && about_this_crate("CARGO_MANIFEST_DIR"));
        assert!(!about_this_crate("CARGO_TARGET_DIR") && !about_this_crate("CARGO_TERM_COLOR"));
    }
}
