//! JavaScript: componentize-qjs, from the SDK's own lock file, in node.

use std::process::Command;
use std::time::Duration;

use anyhow::Context as _;
use orderdock_build::{Voice, javascript};

use super::{Chain, Guest, copy_folder, installed_once, made, stage, toolchain_folder};
use crate::workspace::Workspace;
use crate::{run, setup};

const NPM_LIMIT: Duration = Duration::from_secs(3 * 60);

/// The template as it comes out when an author forgets what the host needs: a test asks what the host says to that.
const ASYNCHRONOUS: &str = "asynchronous";

struct Javascript {
    /// The lock file: what is installed.
    lock: String,
}

/// Finds node and installs componentize-qjs.
pub(super) fn find(workspace: &Workspace) -> anyhow::Result<Box<dyn Chain>> {
    if javascript::node().is_err() {
        setup::install(&["nodejs", "npm"]).context("node is missing")?;
        javascript::node()?;
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

impl Chain for Javascript {
    fn identity(&self) -> String {
        format!("{}{}", self.lock, include_str!("../../../sdk/build/src/javascript.rs"))
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
        let tool = toolchain_folder(workspace, "js").join("node_modules/componentize-qjs").join(javascript::TOOL);
        let wit = workspace.root().join("wit");
        javascript::componentize(&tool, &wit, &stage, asynchronous, &component, Voice::Kept)?;
        made(&component)
    }
}
