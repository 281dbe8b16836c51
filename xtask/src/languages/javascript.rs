//! JavaScript: componentize-qjs, from the SDK's own lock file, in node.

use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, bail};

use super::{Chain, Guest, copy_folder, installed_once, made, stage, toolchain_folder, version};
use crate::workspace::Workspace;
use crate::{run, setup};

/// Oldest node that componentize-qjs and the case runner work with.
const NODE: u32 = 18;
const NPM_LIMIT: Duration = Duration::from_secs(3 * 60);

/// The template as it comes out when an author forgets what the host needs: a test asks what the host says to that.
const ASYNCHRONOUS: &str = "asynchronous";

struct Javascript {
    /// The lock file: what is installed.
    lock: String,
}

/// Finds node and installs componentize-qjs.
pub(super) fn find(workspace: &Workspace) -> anyhow::Result<Box<dyn Chain>> {
    if node().is_err() {
        setup::install(&["nodejs", "npm"]).context("node is missing")?;
        node()?;
    }
    let sdk = workspace.root().join("sdk/js");
    let lock = std::fs::read_to_string(sdk.join("package-lock.json")).context("sdk/js/package-lock.json")?;
    installed_once(workspace, &toolchain_folder(workspace, "js"), &lock, |folder| {
        for file in ["package.json", "package-lock.json"] {
            std::fs::copy(sdk.join(file), folder.join(file)).with_context(|| format!("sdk/js/{file}"))?;
        }
        let mut npm = Command::new("npm");
        // Not `npm ci`: it refuses a lock file that lacks another platform's optional binding, which a mirror may not carry.
        // What the lock file does name is installed as it says there, by digest.
        npm.args(["install", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]).current_dir(folder);
        run::show_within(&mut npm, NPM_LIMIT)
    })?;
    Ok(Box::new(Javascript { lock }))
}

fn node() -> anyhow::Result<()> {
    let answer = run::ask(Command::new("node").arg("--version"))?;
    match version(&answer) {
        Some((major, _)) if major >= NODE => Ok(()),
        _ => bail!("node is {}; version {NODE} or later is needed", answer.trim()),
    }
}

impl Chain for Javascript {
    fn identity(&self) -> String {
        format!("{}{}", self.lock, include_str!("javascript.rs"))
    }

    fn guests(&self) -> &'static [&'static str] {
        &["json-post", "template", ASYNCHRONOUS]
    }

    fn build(&self, workspace: &Workspace, guest: &Guest) -> anyhow::Result<Vec<u8>> {
        let stage = stage(workspace, guest)?;
        // As npm would lay it out for an author.
        let sdk = workspace.root().join("sdk/js");
        let installed = stage.join("node_modules/@orderdock/plugin");
        copy_folder(&sdk.join("src"), &installed.join("src"))?;
        std::fs::copy(sdk.join("package.json"), installed.join("package.json"))?;
        let asynchronous = guest.folder.ends_with(ASYNCHRONOUS);
        copy_folder(&if asynchronous { sdk.join("template") } else { guest.folder.clone() }, &stage)?;
        let component = stage.join("component.wasm");
        // Not `bin/componentize-qjs`: node 18, which Debian 12 has, does not take a file without an ending for a module.
        let tool = toolchain_folder(workspace, "js").join("node_modules/componentize-qjs/cli.mjs");
        let mut command = Command::new("node");
        command.arg(tool).arg("--wit").arg(workspace.root().join("wit")).args(["--world", "plugin", "--js"]);
        command.arg(stage.join("plugin.js")).arg("--module-root").arg(&stage);
        // Without `--sync` the component would use the asynchronous convention, which the host refuses; WASI is not needed.
        command.args(["--stub-wasi", "--output"]).arg(&component).args((!asynchronous).then_some("--sync"));
        run::ask(&mut command)?;
        made(&component)
    }
}
