//! `orderdock plugin test`: a project's cases through its real component, with the host's limits.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
};

use clap::Args;
use orderdock_build::Voice;
use serde::Serialize;

use super::workshop::{self, Subject};
use crate::{
    cases::{Case, Made, Mode, Release, bytes, list, run_case, units},
    cli::{
        Failure,
        output::{Output, plain},
    },
    config::HostSettings,
};

/// What to test.
#[derive(Debug, Args)]
pub struct Arguments {
    /// A component; else the one of the project in this folder, built anew where a source is newer.
    file: Option<PathBuf>,
    /// The project's folder.
    #[arg(long, value_name = "FOLDER", default_value = ".")]
    dir: PathBuf,
    /// The cases; else `cases` in the project's folder.
    #[arg(long, value_name = "FOLDER")]
    cases: Option<PathBuf>,
    /// Only cases whose name contains this.
    #[arg(long, value_name = "TEXT")]
    filter: Option<String>,
    /// Show the difference and keep what came as what is expected.
    #[arg(long)]
    bless: bool,
}

/// How a case went.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum Went {
    Passed,
    Failed,
    Blessed,
}

/// What came of a case.
#[derive(Debug, Serialize)]
struct Report {
    case: String,
    result: Went,
    /// Differences and faults, each over several lines.
    problems: Vec<String>,
    /// Of the costliest call.
    cpu_used: u64,
    cpu_allowed: u64,
    memory_peak: u64,
    memory_allowed: u64,
    wall_us: u64,
    calls: usize,
    log: Vec<String>,
}

/// What came of all.
#[derive(Debug, Serialize)]
pub struct Summary {
    plugin: String,
    reports: Vec<Report>,
    /// How many passed.
    pub passed: usize,
    /// How many failed.
    pub failed: usize,
    /// How many were kept anew.
    pub blessed: usize,
}

/// Runs the command.
///
/// # Errors
/// Cases that failed, or what keeps them from being run.
pub async fn run(arguments: Arguments, settings: HostSettings, output: Output) -> Result<(), Failure> {
    let voice = if output.json { Voice::Kept } else { Voice::Live };
    let subject = Subject::find(arguments.file, &arguments.dir, voice, output)?;
    let own = subject.project.as_ref().map_or_else(|| arguments.dir.join("cases"), |project| project.cases());
    let cases = arguments.cases.unwrap_or(own);
    let wanted = Wanted { cases, filter: arguments.filter, bless: arguments.bless };
    let summary = all(&subject.component, wanted, &settings, output).await?;
    if output.json {
        output.value(&summary);
    }
    if summary.failed == 0 { Ok(()) } else { Err(Failure::told()) }
}

/// Which cases to run, and how.
pub struct Wanted {
    /// Where they lie.
    pub cases: PathBuf,
    /// Only those.
    pub filter: Option<String>,
    /// Keep what came.
    pub bless: bool,
}

/// Runs cases through a component and says, line by line, how each went.
///
/// # Errors
/// What keeps them from being run.
pub async fn all(
    component: &Path,
    wanted: Wanted,
    settings: &HostSettings,
    output: Output,
) -> Result<Summary, Failure> {
    let folders = list(&wanted.cases).map_err(Failure::usage)?;
    let fits = |path: &PathBuf| {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        wanted.filter.as_ref().is_none_or(|text| name.contains(text.as_str()))
    };
    let folders: Vec<PathBuf> = folders.into_iter().filter(fits).collect();
    if folders.is_empty() {
        let text = wanted.filter.unwrap_or_default();
        return Err(Failure::not_found(format!("no case in {} has `{text}` in its name", wanted.cases.display())));
    }
    let (mut release, size) = workshop::admit(component, settings).await?;
    let title = workshop::title(&release, component, size);
    if !output.json {
        output.line(plain(&title));
    }
    let bless = wanted.bless;
    let run = tokio::task::spawn_blocking(move || {
        let (mut reports, mut unnamed) = (Vec::new(), BTreeSet::new());
        for folder in folders {
            let report = report(&mut release, &folder, bless, &mut unnamed);
            if !output.json {
                show(&report, output);
            }
            reports.push(report);
        }
        (reports, unnamed)
    });
    let (reports, unnamed) = run.await.map_err(|error| Failure::failed(format!("the cases broke off: {error}")))?;
    let count = |result| reports.iter().filter(|report| report.result == result).count();
    let summary = Summary {
        plugin: title,
        passed: count(Went::Passed),
        failed: count(Went::Failed),
        blessed: count(Went::Blessed),
        reports,
    };
    if !output.json {
        for table in &unnamed {
            output.line(plain(&format!("warning: {}", workshop::unnamed(table))));
        }
        close(&summary, bless, output);
    }
    Ok(summary)
}

fn report(release: &mut Release, folder: &Path, bless: bool, unnamed: &mut BTreeSet<String>) -> Report {
    release.made.clear();
    let name = folder.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let (mut problems, mut result) = match Case::load(folder) {
        Err(text) => (vec![text], Went::Failed),
        Ok(case) => {
            let problems = run_case(release, &case, Mode::Compare);
            match problems.as_slice() {
                [] => (problems, Went::Passed),
                _ if bless => match run_case(release, &case, Mode::Bless).as_slice() {
                    [] => (problems, Went::Blessed),
                    left => {
                        let kept = "what else came of this case was kept: look at the difference".to_owned();
                        (left.iter().cloned().chain([kept]).collect(), Went::Failed)
                    }
                },
                _ => (problems, Went::Failed),
            }
        }
    };
    let made = std::mem::take(&mut release.made);
    unnamed.extend(made.iter().flat_map(|call| release.unnamed_tables(&call.look_ups)));
    let mapped: Vec<&Made> = made.iter().filter(|call| call.function == "map-order").collect();
    if let [first, second, ..] = mapped.as_slice()
        && first.usage.cpu_used != second.usage.cpu_used
    {
        let units = [first.usage.cpu_used, second.usage.cpu_used];
        problems
            .push(format!("the same order cost {} CPU units, and then {}: what does it look at?", units[0], units[1]));
        result = Went::Failed;
    }
    let costliest = made.iter().max_by_key(|call| call.usage.cpu_used).map(|call| call.usage).unwrap_or_default();
    let log = made.iter().flat_map(|call| &call.log).map(|line| format!("{}: {}", line.level, line.message)).collect();
    Report {
        case: name,
        result,
        problems,
        cpu_used: costliest.cpu_used,
        cpu_allowed: costliest.cpu_allowed,
        memory_peak: made.iter().map(|call| call.usage.memory_peak).max().unwrap_or_default(),
        memory_allowed: costliest.memory_allowed,
        wall_us: made.iter().map(|call| call.usage.wall_us).max().unwrap_or_default(),
        calls: made.len(),
        log,
    }
}

fn show(report: &Report, output: Output) {
    let word = match report.result {
        Went::Passed => "ok    ",
        Went::Failed => "FAILED",
        Went::Blessed => "kept  ",
    };
    let cost = if report.calls == 0 {
        String::new()
    } else {
        let time = report.wall_us;
        let time = if time < 10_000 {
            format!("{}.{} ms", time / 1_000, time % 1_000 / 100)
        } else {
            format!("{} ms", time / 1_000)
        };
        format!("{:>8} units {:>8} {time:>8}", units(report.cpu_used), bytes(report.memory_peak))
    };
    // Names longer than the column are shown whole: a cut one names no folder.
    output.line(format!("  {word} {:<36} {cost}", plain(&report.case)).trim_end());
    for problem in &report.problems {
        for line in plain(problem).lines() {
            output.line(format!("      {line}"));
        }
    }
}

fn close(summary: &Summary, bless: bool, output: Output) {
    let mut words = vec![format!("{} passed", summary.passed)];
    if summary.failed > 0 {
        words.push(format!("{} FAILED", summary.failed));
    }
    if summary.blessed > 0 {
        words.push(format!("{} kept anew: look at the difference before you commit it", summary.blessed));
    }
    output.line(format!("{}.", words.join(", ")));
    if summary.failed > 0 && !bless {
        output.line("`-` is expected, `+` came. If what came is right: orderdock plugin test --bless");
    }
}
