//! Benchmarks: a plain program, because what counts are ratios within one run on one machine, and those need the things
//! that are compared to take turns, which a benchmark library that measures one thing after the other does not do.
//!
//! `mapping` calls plugins with limits, without, and natively; `languages` the same plugin in five languages, and through a
//! `pipe`; `journey` lets the real `orderdock serve` carry orders from
//! a fast shop into a fast ERP (`servers`), against a `bare` loop that makes the same calls with and without the same
//! durable `commits`; `old` does that with a million old orders in the ledger, `hanging` with fifty ERPs of which one hangs;
//! `ledger` is what the ledger does alone; `releases` has a thousand of them; `swap` puts one after the other in force;
//! `shadow` runs thousands of delivered orders again. `figures` is the table.

mod bare;
mod commits;
mod figures;
mod hanging;
mod hosts;
mod journey;
mod languages;
mod ledger;
mod mapping;
mod old;
mod pipe;
mod releases;
mod servers;
mod shadow;
mod swap;

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::Context as _;
use clap::ValueEnum;

pub use figures::Figures;

/// What can be measured alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Section {
    /// One 8-line order through each plugin.
    Mapping,
    /// The same plugin in five languages.
    Languages,
    /// Orders from shop to ERP and back.
    Journey,
    /// The same with a million old orders in the ledger.
    Old,
    /// The same with fifty ERPs of which one hangs.
    Hanging,
    /// Claims and moves without HTTP.
    Ledger,
    /// A thousand releases.
    Releases,
    /// One release after the other in force.
    Swap,
    /// A shadow run over thousands of orders.
    Shadow,
}

/// What is wanted.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// Only this.
    pub only: Option<Section>,
    /// The journey with so many orders in flight only: for a look with a profiler.
    pub in_flight: Option<usize>,
    /// The journey on this database only.
    pub database: Option<Database>,
    /// Few repetitions.
    pub quick: bool,
}

/// A kind of database.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Database {
    /// A file.
    Sqlite,
    /// A server.
    Postgres,
}

impl Options {
    /// Whether the journey is measured on this kind.
    fn takes(&self, postgres: bool) -> bool {
        self.database.is_none_or(|only| (only == Database::Postgres) == postgres)
    }
}

/// Measures.
///
/// # Errors
/// When something that is measured does not work, or a program or component was not built.
pub fn run(options: &Options) -> anyhow::Result<Figures> {
    let wanted = |section| options.only.is_none_or(|only| only == section);
    let mut figures = Figures::default();
    let threads = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    if wanted(Section::Mapping) {
        say("mapping");
        threads.block_on(mapping::measure(options.quick, &mut figures)).context("mapping")?;
    }
    if wanted(Section::Languages) {
        say("languages");
        threads.block_on(languages::measure(options.quick, &mut figures)).context("languages")?;
    }
    if wanted(Section::Journey) {
        say("journey");
        threads.block_on(journey::measure(options, &mut figures)).context("journey")?;
    }
    if wanted(Section::Old) {
        say("old orders");
        threads.block_on(old::measure(options, &mut figures)).context("old orders")?;
    }
    if wanted(Section::Hanging) {
        say("one hanging ERP");
        threads.block_on(hanging::measure(options, &mut figures)).context("one hanging ERP")?;
    }
    if wanted(Section::Ledger) {
        say("ledger");
        threads.block_on(ledger::measure(options.quick, &mut figures)).context("ledger")?;
    }
    if wanted(Section::Releases) {
        say("releases");
        threads.block_on(releases::measure(options.quick, &mut figures)).context("releases")?;
    }
    if wanted(Section::Swap) {
        say("swap");
        threads.block_on(swap::measure(options.quick, &mut figures)).context("swap")?;
    }
    if wanted(Section::Shadow) {
        say("shadow run");
        threads.block_on(shadow::measure(options.quick, &mut figures)).context("shadow run")?;
    }
    Ok(figures)
}

/// Progress, for whoever waits; standard output belongs to the table.
#[expect(clippy::print_stderr, reason = "progress of a program for people")]
fn say(text: &str) {
    eprintln!("bench: {text}");
}

/// The one clock of the benchmarks.
#[expect(clippy::disallowed_methods, reason = "a benchmark measures real time")]
fn now() -> std::time::Instant {
    std::time::Instant::now()
}

fn component(name: &str) -> anyhow::Result<Vec<u8>> {
    let path = workspace().join("target/components").join(name).with_extension("wasm");
    std::fs::read(&path).with_context(|| format!("{}; `cargo xtask plugins` builds the components", path.display()))
}

fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().map(Path::to_owned).unwrap_or_default()
}

#[expect(clippy::cast_precision_loss, reason = "some thousand orders")]
fn float(count: usize) -> f64 {
    count as f64
}

fn micros(time: Duration) -> f64 {
    time.as_secs_f64() * 1e6
}

/// The middle one; sorts. Zero for nothing.
fn percentile(times: &mut [f64], percent: usize) -> f64 {
    times.sort_by(f64::total_cmp);
    times.get(times.len().saturating_mul(percent) / 100).or(times.last()).copied().unwrap_or_default()
}
