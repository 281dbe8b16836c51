//! `orderdock config`: examples of the files that Orderdock reads.

use clap::{Subcommand, ValueEnum};

use super::{Failure, output::Output};
use crate::config::{CONNECTION_EXAMPLE, HOST_EXAMPLE};

/// The files that Orderdock reads.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Print a file with every setting explained.
    Example {
        /// Which file.
        #[arg(value_enum, default_value_t = Which::Host)]
        which: Which,
    },
}

/// Which file.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum Which {
    /// The host's own, `orderdock.toml`.
    Host,
    /// A connection.
    Connection,
}

/// Prints it.
///
/// # Errors
/// None today.
pub fn run(command: &Command, output: Output) -> Result<(), Failure> {
    let Command::Example { which } = command;
    output.text(match which {
        Which::Host => HOST_EXAMPLE,
        Which::Connection => CONNECTION_EXAMPLE,
    });
    Ok(())
}
