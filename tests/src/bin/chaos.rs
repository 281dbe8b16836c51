//! Chaos as a program: `cargo xtask chaos` builds everything that it needs, then runs it. Exit codes: 0 it held, 1 it did
//! not, 2 wrong arguments.

use std::{io::Write as _, process::ExitCode, time::Duration};

use clap::Parser;
use orderdock_tests::{
    chaos::{self, Options},
    crash::cell::Database,
};

/// Kills, stops and starts the host at random, under load, while the shop, the ERP and the mail server misbehave; then judges
/// by their ledgers. The seed repeats what happens.
#[derive(Parser)]
#[command(name = "cargo xtask chaos", bin_name = "cargo xtask chaos")]
struct Arguments {
    /// How long
    #[arg(long, default_value_t = 1.0)]
    minutes: f64,
    /// Repeat a run
    #[arg(long)]
    seed: Option<u64>,
    /// Orders a second
    #[arg(long, default_value_t = 4)]
    rate: usize,
    /// Where the ledger is; a PostgreSQL is crashed now and then, too
    #[arg(long, value_enum, default_value = "sqlite")]
    database: Database,
    /// Print the verdict as JSON
    #[arg(long)]
    json: bool,
}

#[tokio::main]
async fn main() -> anyhow::Result<ExitCode> {
    let arguments = Arguments::parse();
    let seed = arguments.seed.unwrap_or_else(|| u64::from(std::process::id()) * 7_919);
    let time = Duration::from_secs_f64((arguments.minutes * 60.0).clamp(1.0, 86_400.0));
    writeln!(std::io::stderr(), "seed {seed}")?;
    let verdict =
        chaos::run(&Options { time, seed, rate: arguments.rate, database: arguments.database, bar: true }).await;
    let text = if arguments.json { serde_json::to_string_pretty(&verdict)? } else { verdict.text() };
    writeln!(std::io::stdout(), "{text}")?;
    Ok(if verdict.wrong.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
