//! JavaScript: componentize-qjs in node.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::{BuildError, Project, Voice, run};

/// Oldest node that componentize-qjs and the case runner work with.
pub const NODE: u32 = 18;

/// What is started of componentize-qjs. Not `bin/componentize-qjs`: node 18, which Debian 12 has, does not take a file without
/// an ending for a module.
pub const TOOL: &str = "cli.mjs";

/// Whether a node is there that is new enough.
///
/// # Errors
/// When there is none.
pub fn node() -> Result<(), BuildError> {
    let answer = run::ask(Command::new("node").arg("--version"));
    match answer.as_deref().and_then(run::version) {
        Some((major, _)) if major >= NODE => Ok(()),
        _ => {
            let found = answer.map_or("`node` does not start".to_owned(), |answer| format!("it is {}", answer.trim()));
            let why = format!("{found}; version {NODE} or later is needed");
            Err(BuildError::missing("node", why, &["sudo apt-get install nodejs npm"]))
        }
    }
}

/// How esbuild makes `plugin.js` of `plugin.ts`.
pub(crate) const TYPES_AWAY: [&str; 5] =
    ["plugin.ts", "--format=esm", "--target=es2022", "--outfile=plugin.js", "--log-level=warning"];

/// Makes a component of the modules below `root`, which begin in `plugin.js`. An asynchronous one is what the host refuses.
///
/// # Errors
/// When the tool fails.
pub fn componentize(
    tool: &Path,
    wit: &Path,
    root: &Path,
    asynchronous: bool,
    component: &Path,
    voice: Voice,
) -> Result<(), BuildError> {
    let mut command = Command::new("node");
    command.arg(tool).arg("--wit").arg(wit).args(["--world", "plugin", "--js"]).arg(root.join("plugin.js"));
    // Without `--sync` the component would use the asynchronous convention, which the host refuses; WASI is not needed.
    command.arg("--module-root").arg(root).args(["--stub-wasi", "--output"]).arg(component);
    run::make(command.args((!asynchronous).then_some("--sync")), voice)
}

/// The tool as node finds it: in the project's `node_modules`, or those of a folder above.
fn tool(folder: &Path) -> Option<PathBuf> {
    let own = |folder: &Path| folder.join("node_modules/componentize-qjs").join(TOOL);
    folder.ancestors().map(own).find(|path| path.is_file())
}

pub(crate) fn build(project: &Project, voice: Voice) -> Result<Vec<u8>, BuildError> {
    node()?;
    let folder = &project.folder;
    let install = format!("cd {} && npm install", folder.display());
    let tool = tool(folder).ok_or_else(|| {
        BuildError::missing("componentize-qjs", "there is none in the project's node_modules", &[&install])
    })?;
    types_away(folder, voice)?;
    // The tool reads nothing outside of one folder, and npm links the SDK from the side.
    let stage = project.stage(&["node_modules"])?;
    let modules = folder.join("node_modules");
    if modules.is_dir() {
        copy_modules(&modules, &stage.path().join("node_modules"))?;
    }
    let sdk = stage.path().join("node_modules/@orderdock/plugin");
    if !sdk.is_dir() && folder.join("orderdock/package.json").is_file() {
        crate::project::copy(&folder.join("orderdock"), &sdk, &[])?;
    }
    let component = stage.path().join("component.wasm");
    // It takes half a second, and what it says of success is of no use.
    componentize(&tool, &project.wit()?.path, stage.path(), false, &component, Voice::Kept)?;
    std::fs::read(&component).map_err(BuildError::file(&component))
}

/// Packages that a plugin may use, links followed; the tool itself is a large one that none uses.
fn copy_modules(from: &Path, to: &Path) -> Result<(), BuildError> {
    for entry in std::fs::read_dir(from).map_err(BuildError::file(from))?.flatten() {
        let name = entry.file_name();
        let text = name.to_string_lossy();
        let tool = ["typescript", "esbuild", "@esbuild", "@andreiltd"].contains(&text.as_ref());
        if tool || text.starts_with('.') || text.starts_with("componentize-qjs") {
            continue;
        }
        if text.starts_with('@') {
            copy_modules(&entry.path(), &to.join(name))?;
        } else {
            let real = entry.path().canonicalize().map_err(BuildError::file(&entry.path()))?;
            crate::project::copy(&real, &to.join(name), &[])?;
        }
    }
    Ok(())
}

/// Makes `plugin.js` of `plugin.ts`, by the compiler that the project has.
fn types_away(folder: &Path, voice: Voice) -> Result<(), BuildError> {
    if !folder.join("plugin.ts").is_file() {
        return Ok(());
    }
    let find = |name: &str| {
        let own = |folder: &Path| folder.join("node_modules/.bin").join(name);
        folder.ancestors().map(own).find(|path| path.is_file())
    };
    let mut command = if let Some(esbuild) = find("esbuild") {
        let mut command = Command::new(esbuild);
        command.args(TYPES_AWAY);
        command
    } else if let Some(tsc) = find("tsc") {
        let mut command = Command::new(tsc);
        if !folder.join("tsconfig.json").is_file() {
            command.args(["plugin.ts", "--module", "nodenext", "--target", "es2022", "--strict"]);
        }
        command
    } else {
        let why = "plugin.ts is there, but no compiler that makes plugin.js of it";
        return Err(BuildError::missing("esbuild or tsc", why, &["npm install --save-dev esbuild"]));
    };
    run::make(command.current_dir(folder), voice)
}
