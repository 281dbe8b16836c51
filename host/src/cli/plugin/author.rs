//! The commands of plugin authors, who have a project's folder and no host: `new`, `build`, `test`, `run`, `dev`. None opens a
//! database.

use clap::Subcommand;

use super::{build, dev, new, run as one, test};
use crate::{
    cli::{Failure, output::Output},
    config::HostSettings,
};

/// For authors.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Begin a plugin: a project that builds, with cases, the SDK and the contract.
    New(new::Arguments),
    /// Make the component of the project in this folder.
    Build(build::Arguments),
    /// Run the project's cases through its component, with the host's limits.
    Test(test::Arguments),
    /// Show what a plugin would send for one order, and what it makes of an answer.
    Run(one::Arguments),
    /// Build and test whenever a file changes, until Ctrl-C.
    Dev(dev::Arguments),
}

/// Runs the command.
///
/// # Errors
/// What went wrong.
pub async fn run(command: Command, settings: HostSettings, output: Output) -> Result<(), Failure> {
    match command {
        Command::New(arguments) => new::run(&arguments, output),
        Command::Build(arguments) => build::run(&arguments, output),
        Command::Test(arguments) => test::run(arguments, settings, output).await,
        Command::Run(arguments) => one::run(arguments, settings, output).await,
        Command::Dev(arguments) => dev::run(arguments, settings, output).await,
    }
}
