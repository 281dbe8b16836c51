//! `orderdock plugin …`: releases, known by their digest, never changed. A file per command.

mod activate;
mod add;
mod author;
mod build;
pub mod canary;
mod capture;
mod check;
mod dev;
mod display;
mod figures;
pub mod history;
mod inspect;
pub mod judged;
mod list;
mod new;
mod overriding;
mod pull;
mod push;
mod quarantine;
mod remote;
mod rollback;
mod run;
mod shadow;
mod show;
mod sign;
mod test;
mod workshop;

use std::path::{Path, PathBuf};

use clap::Subcommand;

use super::{
    Failure,
    open::{self, Beside},
    output::Output,
    trust,
};
use crate::config::HostSettings;

/// Keep plugins.
#[derive(Debug, Subcommand)]
pub enum Command {
    #[command(flatten)]
    Author(author::Command),
    /// Make a case of a real order, with personal data masked.
    Capture(capture::Arguments),
    /// Judge a component and keep it as a release. Adding the same file again changes nothing.
    Add(add::Arguments),
    /// Judge a component without keeping it, or a release once more: what would keep it from being used?
    Check(check::Arguments),
    /// List releases, newest first.
    List,
    /// Show a release: what it says of itself, its settings, what it needs, how it was judged.
    Show {
        /// Digest (its first digits are enough), name, or name@version.
        release: String,
    },
    /// Take a release in spite of a failed item. Who, when and why is kept with it.
    Override(overriding::Arguments),
    /// Connections whose plugin failed too often, and what was decided about them.
    Quarantines {
        /// Only this connection.
        connection: Option<String>,
    },
    /// Let a connection's orders be mapped again by the release that failed too often.
    Unquarantine(quarantine::Arguments),
    /// Let a connection map with a release from now on. Orders under way end on what they began with; every host follows
    /// within a second.
    Activate(activate::Arguments),
    /// Put in force what is tried with some new orders.
    Promote(canary::Promotion),
    /// Let a connection map again with what it mapped with before; while something is tried with some orders, end that.
    Rollback(rollback::Arguments),
    /// What a connection mapped with: since when, by whom, why.
    History(history::Arguments),
    /// Say what another release would have made of a connection's last orders, and of the ERP's answers. Nothing is sent.
    Shadow(shadow::Arguments),
    /// Look at a file without keeping it.
    Inspect {
        /// The component, a `.wasm` file.
        file: PathBuf,
    },
    /// Publish a release to an OCI registry, in the layout that wkg reads.
    Push(push::Arguments),
    /// Fetch a release from an OCI registry and keep it, as `add` does. Every byte is checked against its digest.
    Pull(pull::Arguments),
    /// Sign a component as its publisher.
    Sign(sign::Arguments),
}

/// Runs the command.
///
/// # Errors
/// What went wrong.
pub async fn run(command: Command, settings: HostSettings, output: Output) -> Result<(), Failure> {
    match command {
        // Authors have no database.
        Command::Author(command) => author::run(command, settings, output).await,
        Command::Check(arguments) if arguments.is_file() => check::file(&arguments, &settings, output).await,
        Command::Sign(arguments) => sign::run(&arguments, &settings, output),
        command => kept(command, open::beside(settings).await?, output).await,
    }
}

async fn kept(command: Command, beside: Beside, output: Output) -> Result<(), Failure> {
    match command {
        Command::Author(command) => author::run(command, beside.settings, output).await,
        Command::Capture(arguments) => capture::run(arguments, beside, output).await,
        Command::Add(arguments) => add::run(&arguments, &beside, output).await,
        Command::Check(arguments) => check::release(&arguments, &beside, output).await,
        Command::List => list::run(&beside, output).await,
        Command::Show { release } => show::run(&release, &beside, output).await,
        Command::Override(arguments) => overriding::run(&arguments, &beside, output).await,
        Command::Quarantines { connection } => quarantine::list(connection.as_deref(), &beside, output).await,
        Command::Unquarantine(arguments) => quarantine::lift(&arguments, &beside, output).await,
        Command::Inspect { file } => inspect::run(&file, &beside, output).await,
        Command::Activate(arguments) => activate::run(&arguments, &beside, output).await,
        Command::Promote(arguments) => canary::promote(&arguments, &beside, output).await,
        Command::Rollback(arguments) => rollback::run(&arguments, &beside, output).await,
        Command::Shadow(arguments) => shadow::run(&arguments, &beside, output).await,
        Command::History(arguments) => history::run(&arguments, &beside, output).await,
        Command::Push(arguments) => push::run(&arguments, &beside, output).await,
        Command::Pull(arguments) => pull::run(&arguments, &beside, output).await,
        Command::Sign(arguments) => sign::run(&arguments, &beside.settings, output),
    }
}

/// Reads a component.
fn read(file: &Path, settings: &HostSettings) -> Result<Vec<u8>, Failure> {
    let place = file.display();
    let size =
        std::fs::metadata(file).map_err(|error| Failure::usage(format!("{place} can't be read: {error}")))?.len();
    let most = settings.plugins.release_bytes.0;
    if size > most {
        return Err(Failure::usage(format!(
            "{place} has {size} bytes; at most {most} are allowed (plugins.release_bytes)"
        )));
    }
    std::fs::read(file).map_err(|error| Failure::usage(format!("{place} can't be read: {error}")))
}

fn refused(from: &str, error: &crate::plugin::AdmissionError) -> Failure {
    Failure::usage(format!("{from} is not a plugin that can be used: {error}"))
}
