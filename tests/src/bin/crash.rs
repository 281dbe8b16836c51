//! The crash matrix as a program: `cargo xtask crash` builds everything that it needs, then runs it. Exit codes: 0 every
//! cell that could be tried held, 1 one did not, 2 wrong arguments.

use std::{io::Write as _, process::ExitCode};

use clap::Parser;
use orderdock_tests::crash::{
    cell::{Action, Cell, Database, Route},
    matrix,
};

/// Kills, pauses or fails the host at each of its failpoints, starts it again, and judges by the fakes' ledgers.
#[derive(Parser)]
#[command(name = "cargo xtask crash", bin_name = "cargo xtask crash")]
struct Arguments {
    /// What happens at each point
    #[arg(long, value_enum, default_value = "kill")]
    action: Action,
    /// Only points that begin so, for example `F7` or `F13.after`
    #[arg(long)]
    only: Vec<String>,
    /// Only this database
    #[arg(long, value_enum)]
    database: Option<Database>,
    /// Only this route
    #[arg(long, value_enum)]
    route: Option<Route>,
    /// Each point once, as the test suite does
    #[arg(long)]
    reduced: bool,
    /// How many cells at a time
    #[arg(long, default_value_t = 4)]
    jobs: usize,
    /// Print each cell as JSON instead of the table
    #[arg(long)]
    json: bool,
}

#[tokio::main]
async fn main() -> anyhow::Result<ExitCode> {
    let arguments = Arguments::parse();
    let mut cells = if arguments.reduced {
        Database::ALL.into_iter().flat_map(Cell::reduced).collect()
    } else {
        Cell::all(arguments.action)
    };
    let named = |cell: &Cell, name: &String| cell.place() == *name || cell.point.name() == *name;
    cells.retain(|cell| {
        (arguments.only.is_empty() || arguments.only.iter().any(|name| named(cell, name)))
            && arguments.database.is_none_or(|database| cell.database == database)
            && arguments.route.is_none_or(|route| cell.route == route)
    });
    // A panic of a cell is told with the cell.
    std::panic::set_hook(Box::new(|_| {}));
    let lines = matrix::run(cells, arguments.jobs, true).await;
    let text = if arguments.json { serde_json::to_string_pretty(&lines)? } else { matrix::table(&lines) };
    writeln!(std::io::stdout(), "{text}")?;
    let broken = lines.iter().any(|line| line.outcome == "broken");
    Ok(if broken { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}
