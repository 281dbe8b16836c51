//! Python: componentize-py, which snapshots what `plugin.py` imports.

use std::path::Path;
use std::process::Command;

use crate::{BuildError, Project, Voice, run};

/// Oldest Python that the case runner works with; the component brings its own.
pub const PYTHON: (u32, u32) = (3, 11);

/// Makes a component of the modules below `root`, which begin in `plugin.py`.
///
/// # Errors
/// When the tool fails.
pub fn componentize(tool: &Path, wit: &Path, root: &Path, component: &Path, voice: Voice) -> Result<(), BuildError> {
    let mut command = Command::new(tool);
    command.arg("--quiet").arg("--wit-path").arg(wit).args(["--world", "plugin"]);
    // Everything that the plugin imports is loaded now and kept; WASI is not needed then.
    command.args(["componentize", "plugin", "--stub-wasi", "--python-path"]).arg(root).arg("--output").arg(component);
    run::make(command.current_dir(root).env("PYTHONDONTWRITEBYTECODE", "1").env("RUST_BACKTRACE", "0"), voice)
}

pub(crate) fn build(project: &Project, voice: Voice) -> Result<Vec<u8>, BuildError> {
    let tool = project.program("componentize-py").ok_or_else(|| {
        let folder = project.folder.display();
        let why = "it is neither in the project's .venv nor on the PATH";
        let make = format!("cd {folder} && python3 -m venv .venv");
        BuildError::missing("componentize-py", why, &[&make, ".venv/bin/pip install -r requirements.txt"])
    })?;
    // Everything below the folder that it is given is looked through, the virtual environment too.
    let stage = project.stage(&["wit_world"])?;
    let component = stage.path().join("component.wasm");
    componentize(&tool, &project.wit()?.path, stage.path(), &component, voice)?;
    std::fs::read(&component).map_err(BuildError::file(&component))
}
