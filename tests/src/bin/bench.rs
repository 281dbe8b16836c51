//! The benchmarks of issue-sized claims as a program: one table on standard output, or with `--json` the figures by name.
//! `cargo xtask bench` builds everything for release and runs it.

use std::io::Write as _;

use clap::Parser;
use orderdock_tests::bench::{self, Database, Options, Section};

/// The host's own, because what is measured is the host's code.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[derive(Parser)]
struct Arguments {
    /// Print the figures by name as JSON instead of a table.
    #[arg(long)]
    json: bool,
    /// Measure only this section.
    #[arg(long, value_enum)]
    only: Option<Section>,
    /// Measure the journey with so many orders in flight only.
    #[arg(long)]
    in_flight: Option<usize>,
    /// Measure the journey on this database only.
    #[arg(long, value_enum)]
    database: Option<Database>,
    /// Few repetitions: shows that everything works, the figures mean little.
    #[arg(long)]
    quick: bool,
}

fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    let Arguments { only, in_flight, database, quick, .. } = arguments;
    let figures = bench::run(&Options { only, in_flight, database, quick })?;
    let text = if arguments.json { figures.json() } else { figures.table() };
    writeln!(std::io::stdout(), "{text}")?;
    Ok(())
}
