//! `orderdock plugin build`: the project in this folder becomes a component.

use std::path::PathBuf;

use clap::Args;
use orderdock_build::{Built, Project, Voice};
use serde_json::json;

use super::workshop::failure;
use crate::{
    cases::bytes,
    cli::{Failure, output::Output},
};

/// What to build.
#[derive(Debug, Args)]
pub struct Arguments {
    /// The project's folder.
    #[arg(long, value_name = "FOLDER", default_value = ".")]
    dir: PathBuf,
    /// Where to write the component; else into the project's folder, by its name.
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

/// Runs the command.
///
/// # Errors
/// A tool that is missing, or a source that does not compile.
pub fn run(arguments: &Arguments, output: Output) -> Result<(), Failure> {
    let project = Project::open(&arguments.dir).map_err(failure)?;
    let voice = if output.json { Voice::Kept } else { Voice::Live };
    let Built { component, bytes: size } = project.build(arguments.out.as_deref(), voice).map_err(failure)?;
    let result = json!({ "component": component, "bytes": size, "language": project.language.name() });
    output.either(&result, || output.line(format!("Built {} ({}).", component.display(), bytes(size as u64))));
    Ok(())
}
