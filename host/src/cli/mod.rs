//! The command line: a file per command, arguments and a `run` that reads as a list of steps. The only place with clap.

mod changes;
mod check;
mod compile;
mod config;
mod connection;
mod database;
mod fit;
mod host;
mod identity;
mod log;
mod open;
mod order;
mod output;
mod plugin;
mod publisher;
mod reconcile;
mod serve;
mod sync;
mod trust;

use std::path::PathBuf;

use clap::{Parser, Subcommand};

use self::output::Output;
use crate::{domain::problem::Problem, ledger::LedgerError};

/// Exit code: everything went well.
pub const OK: u8 = 0;
/// Exit code: it was tried and did not work; the message says what and why.
pub const FAILED: u8 = 1;
/// Exit code: the command line, a file or a setting is wrong; nothing was changed.
pub const USAGE: u8 = 2;
/// Exit code: there is no such order, connection or release.
pub const NOT_FOUND: u8 = 3;
/// Exit code: refused, because a person must decide first; the message says what.
pub const REFUSED: u8 = 4;

/// Exit code: it was run again and came out differently.
pub const DIFFERENT: u8 = 5;

/// Carries web orders into back offices: each one once, in the back office's own format, and somebody knows when that
/// failed.
#[derive(Debug, Parser)]
#[command(
    name = "orderdock",
    version,
    after_help = "First steps:
  orderdock config example > orderdock.toml      a host file, everything explained
  orderdock config example connection > acme.toml
  orderdock plugin add json-post.wasm            keep a plugin; prints its digest
  orderdock connection apply acme.toml           connect a shop to a destination
  orderdock check                                everything at once
  orderdock serve                                work until stopped
  orderdock order why 10042                      why is order 10042 where it is?

Exit codes: 0 done, 1 tried and failed, 2 wrong input (nothing was changed),
3 no such thing, 4 a person must decide, 5 run again and different."
)]
pub struct Cli {
    /// The host's file; else ORDERDOCK_CONFIG, else orderdock.toml in this folder, else the defaults.
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Print JSON, for scripts.
    #[arg(long, global = true)]
    json: bool,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Work: look at shops, send orders, tell everybody, until stopped.
    Serve(serve::Arguments),
    /// Look at everything and list every problem: files, database, shops, destinations, plugins, mail.
    Check(check::Arguments),
    /// Connect shops to destinations.
    #[command(subcommand)]
    Connection(connection::Command),
    /// Write plugins, and keep them.
    #[command(subcommand)]
    Plugin(plugin::Command),
    /// Whose signatures count.
    #[command(subcommand)]
    Publisher(publisher::Command),
    /// What became of orders, why, and sending them again.
    #[command(subcommand)]
    Order(order::Command),
    /// Look at a shop now instead of at its next time.
    Sync(sync::Arguments),
    /// List what was sent and answered, newest first.
    Log(log::Arguments),
    /// The hosts that share the database: list them, empty one for an upgrade.
    #[command(subcommand)]
    Host(host::Command),
    /// The database's schema and rights.
    #[command(subcommand)]
    Database(database::Command),
    /// After a restored backup: compare ledger, shops and ERPs, then let orders be sent again.
    Reconcile(reconcile::Arguments),
    /// The files that Orderdock reads.
    #[command(subcommand)]
    Config(config::Command),
    /// What the host runs to compile a component.
    #[command(hide = true)]
    CompileComponent(compile::Arguments),
}

/// Why a command did not do what it was asked.
#[derive(Debug)]
pub struct Failure {
    code: u8,
    message: String,
    problems: Vec<Problem>,
}

impl Failure {
    /// It was tried and did not work.
    pub fn failed(message: impl Into<String>) -> Self {
        Self { code: FAILED, message: message.into(), problems: Vec::new() }
    }

    /// It was tried and did not work, and the output says so already.
    pub fn told() -> Self {
        Self::failed(String::new())
    }

    /// It was run again and came out differently; the output says how.
    pub fn different() -> Self {
        Self { code: DIFFERENT, message: String::new(), problems: Vec::new() }
    }

    /// The same, with what was therefore not done.
    pub fn different_because(message: impl Into<String>) -> Self {
        Self { message: message.into(), ..Self::different() }
    }

    /// The input is wrong.
    pub fn usage(message: impl Into<String>) -> Self {
        Self { code: USAGE, message: message.into(), problems: Vec::new() }
    }

    /// The input is wrong in these ways.
    pub fn problems(message: impl Into<String>, problems: Vec<Problem>) -> Self {
        Self { code: USAGE, message: message.into(), problems }
    }

    /// No such thing.
    pub fn not_found(message: impl Into<String>) -> Self {
        Self { code: NOT_FOUND, message: message.into(), problems: Vec::new() }
    }

    /// A person must decide first.
    pub fn refused(message: impl Into<String>) -> Self {
        Self { code: REFUSED, message: message.into(), problems: Vec::new() }
    }
}

impl From<LedgerError> for Failure {
    fn from(error: LedgerError) -> Self {
        let code = match error {
            LedgerError::NotFound { .. } => NOT_FOUND,
            LedgerError::Refused(_) => REFUSED,
            _ => FAILED,
        };
        Self { code, message: error.to_string(), problems: Vec::new() }
    }
}

/// Runs the command line; gives the exit code.
pub async fn run() -> u8 {
    let cli = Cli::parse();
    let output = Output::new(cli.json);
    let result = match cli.command {
        Command::Config(command) => config::run(&command, output),
        Command::CompileComponent(arguments) => compile::run(&arguments),
        command => work(command, cli.config, output).await,
    };
    match result {
        Ok(()) => OK,
        Err(failure) => {
            if !failure.message.is_empty() {
                output.problems(&failure.message, &failure.problems);
            }
            failure.code
        }
    }
}

async fn work(command: Command, config: Option<PathBuf>, output: Output) -> Result<(), Failure> {
    let settings = open::settings(config.as_deref(), output)?;
    match command {
        Command::Serve(arguments) => serve::run(&arguments, settings, output).await,
        Command::Check(arguments) => check::run(&arguments, settings, output).await,
        Command::Connection(command) => connection::run(command, open::beside(settings).await?, output).await,
        Command::Plugin(command) => plugin::run(command, settings, output).await,
        Command::Publisher(command) => publisher::run(command, open::beside(settings).await?, output).await,
        Command::Order(command) => order::run(command, open::beside(settings).await?, output).await,
        Command::Sync(arguments) => sync::run(&arguments, open::beside(settings).await?, output).await,
        Command::Log(arguments) => log::run(&arguments, open::beside(settings).await?, output).await,
        Command::Host(command) => host::run(command, open::beside(settings).await?, output).await,
        Command::Database(command) => database::run(&command, settings, output).await,
        Command::Reconcile(arguments) => reconcile::run(&arguments, open::beside(settings).await?, output).await,
        Command::Config(command) => config::run(&command, output),
        Command::CompileComponent(arguments) => compile::run(&arguments),
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    #[test]
    fn the_command_line_is_consistent() {
        super::Cli::command().debug_assert();
    }
}
