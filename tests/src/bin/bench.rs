//! The benchmarks of issue-sized claims as a program: one table on standard output, or with `--json` the figures by name.
//! `cargo xtask bench` builds everything for release and runs it.

use std::io::Write as _;

use clap::Parser;
use orderdock_tests::bench::{self, Options, Section};

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
    /// Few repetitions: shows that everything works, the figures mean little.
    #[arg(long)]
    quick: bool,
}

fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    let figures =
        bench::run(&Options { only: arguments.only, in_flight: arguments.in_flight, quick: arguments.quick })?;
    let text = if arguments.json { figures.json() } else { figures.table() };
    writeln!(std::io::stdout(), "{text}")?;
    Ok(())
}
