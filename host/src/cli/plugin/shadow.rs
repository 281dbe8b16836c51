//! `orderdock plugin shadow`: what another release would have made of a connection's last orders. Nothing is sent.

use std::{path::PathBuf, sync::Arc, time::Duration};

use clap::Args;
use comfy_table::Cell;
use indicatif::{ProgressBar, ProgressStyle};
use serde::Serialize;

use super::super::{
    Failure, changes,
    connection::stored,
    open::{self, Beside},
    output::{Output, cell, plain},
};
use crate::{
    config::{Period, read_plugin_settings, read_tables},
    domain::{call::Tables, clock::Millis, id::Digest, problem::Problem},
    ledger::connections::{ConnectionRecord, ReleaseRecord},
    pipeline::{
        rerun::With,
        shadow::{self, Cost, Plan, Report},
    },
    plugin::{Mapper, settings_check},
};

/// Most orders that are run.
const MOST: u32 = 1_000_000;

/// What is compared.
#[derive(Debug, Args)]
pub struct Arguments {
    /// The connection's name.
    connection: String,
    /// The release that may come: digest (its first digits are enough), name, or name@version.
    #[arg(long)]
    release: String,
    /// With plugin settings from this TOML file; else with those in force.
    #[arg(long, value_name = "FILE")]
    settings: Option<PathBuf>,
    /// With look-up tables from this TOML file; else with those in force.
    #[arg(long, value_name = "FILE")]
    tables: Option<PathBuf>,
    /// The last so many orders.
    #[arg(long, default_value_t = 500, value_parser = clap::value_parser!(u32).range(1..=i64::from(MOST)))]
    orders: u32,
    /// The orders of that time instead, such as `7d` or `36h`.
    #[arg(long, conflicts_with = "orders", value_name = "TIME")]
    since: Option<String>,
}

/// One side.
#[derive(Serialize)]
struct Side {
    release: Digest,
    name: String,
    version: String,
}

/// Both sides over the same orders: what is told as JSON.
#[derive(Serialize)]
pub struct Compared {
    connection: String,
    before: Side,
    after: Side,
    seconds: f64,
    #[serde(flatten)]
    report: Report,
}

impl Compared {
    /// Whether anything differs, or nothing could be compared.
    pub fn differs(&self) -> bool {
        self.report.differs() || self.report.orders == 0
    }

    /// In a few words, as it is kept with an activation.
    pub fn words(&self) -> String {
        let Report { orders, identical, .. } = self.report;
        format!(
            "shadow run: {} of {} {} the same",
            changes::grouped(identical),
            changes::grouped(orders),
            changes::noun(orders)
        )
    }
}

/// What is run beside what is in force; none is as it is in force.
pub struct May<'a> {
    /// Release.
    pub release: &'a ReleaseRecord,
    /// The plugin's settings.
    pub settings: Option<serde_json::Value>,
    /// Look-up tables.
    pub tables: Option<Tables>,
}

/// Runs the command.
///
/// # Errors
/// When it can't be run; when something differs.
pub async fn run(arguments: &Arguments, beside: &Beside, output: Output) -> Result<(), Failure> {
    let record = beside.connection(&arguments.connection).await?;
    let release = beside.release(&arguments.release).await?;
    let config = stored(&record)?;
    let mut problems = Vec::new();
    let settings = match &arguments.settings {
        None => config.plugin.settings.clone(),
        Some(path) => read_plugin_settings(path, &text(path)?)
            .map_err(|mut found| problems.append(&mut found))
            .unwrap_or_default(),
    };
    let tables = match &arguments.tables {
        None => None,
        Some(path) => {
            Some(read_tables(path, &text(path)?).map_err(|mut found| problems.append(&mut found)).unwrap_or_default())
        }
    };
    if problems.is_empty() {
        let wrong = settings_check(&release.description.settings_schema, &settings.to_json());
        problems.extend(wrong.into_iter().map(|problem: Problem| settings.locate(problem)));
    }
    if !problems.is_empty() {
        let name = format!("{}@{}", plain(&release.description.name), plain(&release.description.version));
        return Err(Failure::problems(format!("{name} can't be run with these settings"), problems));
    }
    let may = May { release: &release, settings: arguments.settings.as_ref().map(|_| settings.to_json()), tables };
    let compared = compare(&record, may, period(arguments, beside).await?, beside, output).await?;
    output.either(&compared, || tell(&compared, output));
    if compared.report.differs() { Err(Failure::different()) } else { Ok(()) }
}

/// Runs a connection's orders since then, at most so many, with what is in force and with what may be.
///
/// # Errors
/// When there are none, or they can't be run.
pub async fn compare(
    record: &ConnectionRecord,
    may: May<'_>,
    (since_ms, limit): (Millis, u32),
    beside: &Beside,
    output: Output,
) -> Result<Compared, Failure> {
    let force = &record.activation;
    let before = With {
        release: force.release.clone(),
        settings: beside.ledger.plugin_settings(&record.id, force.settings_revision).await?.to_string().into(),
        tables: beside.ledger.tables(&record.id, force.tables_revision).await?.into(),
    };
    let after = With {
        release: may.release.digest.clone(),
        settings: may.settings.map_or_else(|| Arc::clone(&before.settings), |it| Arc::new(it.to_string())),
        tables: may.tables.map_or_else(|| Arc::clone(&before.tables), Arc::new),
    };
    let passes = beside.ledger.mapped_passes(&record.id, since_ms, limit).await?;
    if passes.is_empty() {
        return Err(Failure::not_found(format!(
            "connection {} has no orders on record that could be run again",
            record.name
        )));
    }
    let names = beside.ledger.releases().await?;
    let engine: Arc<dyn Mapper> = open::engine_with(beside, &[&before.release, &after.release]).await?;
    let (old, new) = (side(&before.release, &names), side(&after.release, &names));
    let bar = bar(passes.len(), output);
    let began = beside.clock.since_boot();
    let at_once = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let revisions = Some((force.settings_revision, force.tables_revision));
    let plan = Plan { passes, before, revisions, after, at_once };
    let report = shadow::shadow(beside.ledger.as_ref(), &engine, plan, |done| {
        bar.set_position(u64::try_from(done).unwrap_or(0))
    })
    .await?;
    bar.finish_and_clear();
    let took = beside.clock.since_boot().saturating_sub(began);
    Ok(Compared { connection: record.name.clone(), before: old, after: new, seconds: took.as_secs_f64(), report })
}

fn text(path: &std::path::Path) -> Result<String, Failure> {
    std::fs::read_to_string(path).map_err(|error| Failure::usage(format!("{} can't be read: {error}", path.display())))
}

async fn period(arguments: &Arguments, beside: &Beside) -> Result<(Millis, u32), Failure> {
    let Some(since) = &arguments.since else { return Ok((0, arguments.orders)) };
    let period: Period = since.parse().map_err(|why| Failure::usage(format!("--since {since}: {why}")))?;
    let back = Millis::try_from(period.duration().as_millis()).unwrap_or(Millis::MAX);
    Ok((beside.ledger.now_ms().await?.saturating_sub(back), MOST))
}

fn side(release: &Digest, names: &[ReleaseRecord]) -> Side {
    let known = names.iter().find(|record| &record.digest == release);
    let of = |field: fn(&ReleaseRecord) -> &String| known.map(field).cloned().unwrap_or_default();
    Side { release: release.clone(), name: of(|it| &it.description.name), version: of(|it| &it.description.version) }
}

/// Progress, for a person who waits at a terminal.
fn bar(orders: usize, output: Output) -> ProgressBar {
    // Where standard error is no terminal, the library draws nothing.
    let bar = if output.json { ProgressBar::hidden() } else { ProgressBar::new(u64::try_from(orders).unwrap_or(0)) };
    let style = ProgressStyle::with_template("{bar:40} {pos} of {len} orders, {per_sec}, {eta} left");
    if let Ok(style) = style {
        bar.set_style(style);
    }
    bar
}

/// Prints it.
pub fn tell(compared: &Compared, output: Output) {
    let Compared { connection, before, after, seconds, report } = compared;
    let named = |side: &Side| {
        let digest = side.release.as_str().get(..12).unwrap_or_default();
        format!("{}@{} ({digest})", plain(&side.name), plain(&side.version))
    };
    output.line(format!(
        "Connection {connection}: {} {}",
        changes::grouped(report.orders),
        changes::noun(report.orders)
    ));
    output.line(format!("  before  {}", named(before)));
    output.line(format!("  after   {}", named(after)));
    let different = report.orders.saturating_sub(report.identical);
    output.line(format!(
        "{} identical, {} different; {} answers of the ERP read again.",
        changes::grouped(report.identical),
        changes::grouped(different),
        changes::grouped(report.answers)
    ));
    output.line("\nOutcomes");
    for turn in &report.outcomes {
        let same = turn.before == turn.after;
        let words = if same { turn.before.clone() } else { format!("{} → {}", turn.before, turn.after) };
        output.line(changes::widest(&format!("  {:>9}  {words}", changes::grouped(turn.orders))));
        for example in turn.examples.iter().filter(|_| !same) {
            let because =
                if example.because.is_empty() { String::new() } else { format!(": {}", plain(&example.because)) };
            changes::paragraph(&format!("             {}{because}", plain(&example.order)), "               ", output);
        }
    }
    if !report.changes.is_empty() {
        output.line("\nChanges");
        changes::groups(&report.changes, output);
    }
    if report.changes_dropped > 0 {
        let dropped = changes::grouped(report.changes_dropped);
        output.line(format!("and {dropped} more changes of too many kinds to list."));
    }
    for left in &report.left {
        let text = format!(
            "Not compared: {} {} ({}), e.g. {}",
            changes::grouped(left.orders),
            changes::noun(left.orders),
            plain(&left.because),
            left.examples.join(", ")
        );
        changes::paragraph(&text, "    ", output);
    }
    output.line("\nCost");
    let (old, new) = (&report.cost_before, &report.cost_after);
    let row = |name: &str, of: fn(&Cost) -> u64| -> Vec<Cell> {
        let (before, after) = (of(old), of(new));
        vec![
            cell(name),
            cell(changes::grouped(before)),
            cell(changes::grouped(after)),
            cell(changes::ratio(before, after).trim()),
        ]
    };
    let rows = vec![
        row("CPU units, all orders", |it| it.cpu),
        row("CPU units, middle order", |it| it.cpu_middle),
        row("CPU units, dearest order", |it| it.cpu_most),
        row("memory, most (KiB)", |it| it.memory_most.div_ceil(1024)),
        row("mapping time, all (µs)", |it| it.us),
    ];
    output.table(&["", "before", "after", "change"], rows);
    output.line(format!(
        "\nThe dearest order after: {}. {}",
        plain(&new.cpu_most_order),
        speed(report.orders, *seconds)
    ));
    output.line("Nothing was sent or changed.");
}

#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a rate for people"
)]
fn speed(orders: u64, seconds: f64) -> String {
    let took = Duration::from_secs_f64(seconds.max(0.000_001));
    format!("{:.1} s, {} orders/s.", took.as_secs_f64(), changes::grouped((orders as f64 / took.as_secs_f64()) as u64))
}
