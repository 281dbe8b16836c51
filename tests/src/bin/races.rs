//! Races as a program: `cargo xtask races` builds everything that it needs, then runs it. Exit codes: 0 it held, 1 it did
//! not, 2 wrong arguments.

use std::{io::Write as _, process::ExitCode, time::Duration};

use clap::Parser;
use orderdock_tests::{
    crash::cell::Database,
    races::{self, Options},
};

/// Several hosts on one database, of which random ones stand still for longer than their leases; judged by the fakes'
/// ledgers. The seed repeats who sleeps, not how the machine interleaves it. Many hosts and orders want programs that are
/// quicker than a debug build's: CARGO_PROFILE_DEV_OPT_LEVEL=2 in the environment makes them so.
#[derive(Parser)]
#[command(name = "cargo xtask races", bin_name = "cargo xtask races")]
struct Arguments {
    /// How many hosts share the database
    #[arg(long, default_value_t = 2)]
    hosts: usize,
    /// How many orders they carry
    #[arg(long, default_value_t = 1_000)]
    orders: usize,
    /// Where the ledger is; SQLite takes one host
    #[arg(long, value_enum, default_value = "postgres")]
    database: Database,
    /// The hosts' lease in seconds; a machine that has not the time for so many hosts needs a longer one
    #[arg(long, default_value_t = 3)]
    lease: u64,
    /// Repeat a run
    #[arg(long)]
    seed: Option<u64>,
    /// Print the verdict as JSON
    #[arg(long)]
    json: bool,
}

#[tokio::main]
async fn main() -> anyhow::Result<ExitCode> {
    let Arguments { hosts, orders, database, lease, seed, json } = Arguments::parse();
    let wrong = match (database, hosts) {
        (Database::Sqlite, 2..) => Some("SQLite has one working host: add `--hosts 1`, or take PostgreSQL"),
        _ => database.missing(),
    };
    if let Some(why) = wrong {
        writeln!(std::io::stderr(), "error: {why}")?;
        return Ok(ExitCode::from(2));
    }
    let seed = seed.unwrap_or_else(|| u64::from(std::process::id()) * 7_919);
    writeln!(std::io::stderr(), "seed {seed}")?;
    let verdict =
        races::run(&Options { hosts, orders, database, seed, lease: Duration::from_secs(lease), bar: true }).await;
    writeln!(std::io::stdout(), "{}", if json { serde_json::to_string_pretty(&verdict)? } else { verdict.text() })?;
    Ok(if verdict.wrong.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
