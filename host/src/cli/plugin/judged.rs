//! How a verdict is asked for and shown: what `add`, `check` and `show` have in common.

use std::path::{Path, PathBuf};

use clap::Args;
use comfy_table::Cell;
use indicatif::{ProgressBar, ProgressStyle};
use serde::de::DeserializeOwned;
use tokio::runtime::Handle;

use crate::{
    cases::{Case, Mode, Release, bytes, list, run_case, units},
    cli::{
        Failure,
        open::{Beside, runtime},
        output::{Output, cell, plain},
    },
    config::HostSettings,
    domain::{
        admission::{Admission, Item, Judged, Kept, Outcome, Override},
        id::Digest,
        pass::Colour,
        time,
    },
    ledger::connections::ReleaseRecord,
    plugin::{Brief, Judgement, judge},
};

/// Problems of cases that are kept with the verdict.
const CASES: usize = 10;

/// What a plugin is judged with.
#[derive(Clone, Debug, Default, Args)]
pub struct With {
    /// Settings to judge it with, as JSON or TOML; without it, the least that its schema asks for.
    #[arg(long, value_name = "FILE")]
    settings: Option<PathBuf>,
    /// Look-up tables to judge it with, as JSON or TOML: table → key → value; without it, tables that know every code.
    #[arg(long, value_name = "FILE")]
    tables: Option<PathBuf>,
    /// Its own cases: a folder for each (`orderdock plugin test` runs them too). Those of a file, in `cases` beside it, are found
    /// without this; a registry holds the component alone, and so does the ledger.
    #[arg(long, value_name = "FOLDER")]
    cases: Option<PathBuf>,
}

impl With {
    /// The same, with the cases that lie beside a component as in a project's folder, where no others are given.
    #[must_use]
    pub fn with_cases_beside(&self, component: &Path) -> Self {
        let beside = component.parent().map(|folder| folder.join("cases"));
        let beside = beside.filter(|cases| list(cases).is_ok());
        Self { cases: self.cases.clone().or(beside), ..self.clone() }
    }

    fn brief(&self, known: bool) -> Result<Brief, Failure> {
        Ok(Brief {
            known,
            settings: self.settings.as_deref().map(from_file).transpose()?,
            tables: self.tables.as_deref().map(from_file).transpose()?,
        })
    }

    /// Judges a component, with a bar that shows how far it is. `known`: a verdict that this program found before will do.
    ///
    /// # Errors
    /// Files that can't be read; an engine that can't start. A bad plugin is a verdict.
    pub async fn judge(&self, component: &[u8], known: bool, settings: &HostSettings) -> Result<Judgement, Failure> {
        let brief = self.brief(known)?;
        let runtime = runtime(settings)?;
        // Drawn to standard error, and only where that is a terminal.
        let bar = ProgressBar::new(0);
        if let Ok(style) = ProgressStyle::with_template("judging {bar:40} {pos}/{len} calls, {eta} left") {
            bar.set_style(style);
        }
        let shown = bar.clone();
        let progress = move |done: usize, of: usize| {
            shown.set_length(u64::try_from(of).unwrap_or_default());
            shown.set_position(u64::try_from(done).unwrap_or_default());
        };
        let mut judgement = judge(&runtime, component, &brief, &progress).await;
        bar.finish_and_clear();
        match (&self.cases, &judgement.description) {
            (Some(folder), Some(description)) => {
                let release = Release::new(Handle::current(), runtime, judgement.digest.clone(), description.clone());
                judgement.admission.put(cases(release, folder).await?);
            }
            (Some(_), None) => judgement.admission.put(Judged::not_judged(Item::Cases, "the release can't be run")),
            (None, _) => {}
        }
        Ok(judgement)
    }
}

/// Runs a plugin's own cases.
async fn cases(mut release: Release, folder: &Path) -> Result<Judged, Failure> {
    let folders = list(folder).map_err(Failure::usage)?;
    let count = folders.len();
    let run = tokio::task::spawn_blocking(move || {
        let mut problems = Vec::new();
        for folder in folders {
            match Case::load(&folder) {
                Ok(case) => {
                    let found = run_case(&mut release, &case, Mode::Compare);
                    problems.extend(found.into_iter().map(|text| format!("case {}: {text}", case.name)));
                }
                Err(text) => problems.push(text),
            }
        }
        problems
    });
    let mut problems = run.await.map_err(|error| Failure::failed(format!("the cases broke off: {error}")))?;
    if count == 0 {
        return Ok(Judged::not_judged(Item::Cases, format!("{} holds no case", folder.display())));
    }
    if problems.is_empty() {
        return Ok(Judged::passed(Item::Cases, vec![format!("{count} cases passed")]));
    }
    let more = problems.len().saturating_sub(CASES);
    problems.truncate(CASES);
    if more > 0 {
        problems.push(format!("and {more} more: `orderdock plugin test` shows all"));
    }
    Ok(Judged::failed(Item::Cases, problems))
}

/// Reads JSON, or TOML where the name says so.
fn from_file<T: DeserializeOwned>(file: &Path) -> Result<T, Failure> {
    let failed = |why: String| Failure::usage(format!("{}: {why}", file.display()));
    let text = std::fs::read_to_string(file).map_err(|error| failed(format!("it can't be read: {error}")))?;
    if file.extension().is_some_and(|end| end == "toml") {
        return toml::from_str(&text).map_err(|error| failed(error.to_string()));
    }
    serde_json::from_str(&text).map_err(|error| failed(error.to_string()))
}

/// The verdict as a table, with what people decided about it, and what mapping costs.
pub fn show(admission: &Admission, overrides: &[Override], output: Output) {
    let rows = admission
        .items
        .iter()
        .map(|judged| {
            let over = overrides.iter().find(|over| over.item == judged.item);
            let mut found = judged.found.join("\n");
            if let Some(over) = over {
                found.push_str(&format!(
                    "\noverridden by {} at {}: {}",
                    over.by,
                    time::rfc3339(over.at_ms),
                    over.reason
                ));
            }
            vec![cell(judged.item.as_str()), outcome(judged.outcome, over.is_some(), output), cell(found)]
        })
        .collect();
    output.table(&["looked at", "outcome", "found"], rows);
    let Some(cost) = &admission.cost else { return };
    let percent = |used: u64, allowed: u64| used.saturating_mul(100) / allowed.max(1);
    output.line(format!(
        "\n{} orders: {} delivered, {} refused by the plugin\nCPU:     {} units for each line; at worst {} ({} % of what is \
         allowed) for \"{}\"\nMemory:  {} for each line; at worst {} ({} % of what is allowed) for \"{}\"",
        cost.orders,
        cost.delivered,
        cost.refused,
        units(cost.cpu_per_line),
        units(cost.cpu.used),
        percent(cost.cpu.used, cost.cpu.allowed),
        plain(&cost.cpu.order),
        bytes(cost.memory_per_line),
        bytes(cost.memory.used),
        percent(cost.memory.used, cost.memory.allowed),
        plain(&cost.memory.order),
    ));
}

fn outcome(outcome: Outcome, overridden: bool, output: Output) -> Cell {
    match outcome {
        Outcome::Failed if overridden => output.state("overridden", Colour::Amber),
        Outcome::Failed => output.state(outcome.words(), Colour::Red),
        Outcome::NotJudged => output.state(outcome.words(), Colour::Amber),
        Outcome::Passed => output.state(outcome.words(), Colour::Green),
    }
}

/// Refuses a release that is held, before anything else is asked of it. One that is at work already stays at work.
///
/// # Errors
/// Exit code 4: a person must decide.
pub async fn put_to_work(beside: &Beside, release: &ReleaseRecord, at_work: Option<&Digest>) -> Result<(), Failure> {
    if at_work == Some(&release.digest) {
        return Ok(());
    }
    let known = beside.ledger.admissions(Some(&release.digest)).await?;
    match known.first().and_then(|(_, kept)| held(kept, release.digest.as_str())) {
        Some(why) => Err(Failure::refused(why)),
        None => Ok(()),
    }
}

/// What failed now and did not before, by name; none if nothing did.
pub fn worse(before: &Admission, now: &Admission) -> Option<String> {
    let failed_before = |item: Item| before.failed().any(|judged| judged.item == item);
    let names: Vec<_> = now.failed().map(|it| it.item).filter(|it| !failed_before(*it)).map(Item::as_str).collect();
    (!names.is_empty()).then(|| names.join(", "))
}

/// What keeps a release from being used, in a sentence with what to do; none if nothing does.
pub fn held(kept: &Kept, digest: &str) -> Option<String> {
    let standing = kept.standing();
    if standing.is_empty() {
        return None;
    }
    let names = standing.iter().map(|item| item.as_str()).collect::<Vec<_>>().join(", ");
    let short = digest.get(..12).unwrap_or(digest);
    Some(if standing.iter().copied().all(Item::can_be_overridden) {
        format!(
            "the release may not be used, because it failed {names}; to take it nevertheless, for each: `orderdock plugin \
             override {short} ITEM --reason WHY`"
        )
    } else {
        format!("this is not a plugin that can be used: it failed {names}")
    })
}
