//! Swaps as a program: `cargo xtask swaps` builds everything that it needs, then runs it. Exit codes: 0 it held, 1 it did
//! not, 2 wrong arguments.

use std::{io::Write as _, process::ExitCode, time::Duration};

use clap::Parser;
use orderdock_tests::{
    crash::cell::Database,
    swaps::{Options, run},
};

/// Releases that take turns while orders flow; judged by what the fake ERP wrote down.
#[derive(Parser)]
#[command(name = "cargo xtask swaps", bin_name = "cargo xtask swaps")]
struct Arguments {
    /// How many hosts share the database
    #[arg(long, default_value_t = 2)]
    hosts: usize,
    /// How many swaps
    #[arg(long, default_value_t = 1_000)]
    swaps: usize,
    /// How many releases take turns
    #[arg(long, default_value_t = 4)]
    releases: usize,
    /// Milliseconds between two swaps
    #[arg(long, default_value_t = 30)]
    every: u64,
    /// Orders for each ten swaps
    #[arg(long, default_value_t = 20)]
    orders: usize,
    /// Where the ledger is; SQLite takes one host
    #[arg(long, value_enum, default_value = "postgres")]
    database: Database,
    /// Print the verdict as JSON
    #[arg(long)]
    json: bool,
}

#[tokio::main]
async fn main() -> anyhow::Result<ExitCode> {
    let Arguments { hosts, swaps, releases, every, orders, database, json } = Arguments::parse();
    let wrong = match (database, hosts) {
        (Database::Sqlite, 2..) => Some("SQLite has one working host: add `--hosts 1`, or take PostgreSQL"),
        _ => database.missing(),
    };
    if let Some(why) = wrong {
        writeln!(std::io::stderr(), "error: {why}")?;
        return Ok(ExitCode::from(2));
    }
    let every = Duration::from_millis(every);
    let verdict = run(&Options { hosts, database, swaps, releases, every, orders }).await;
    writeln!(std::io::stdout(), "{}", if json { serde_json::to_string_pretty(&verdict)? } else { verdict.text() })?;
    Ok(if verdict.wrong.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
