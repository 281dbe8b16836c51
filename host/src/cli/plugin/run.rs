//! `orderdock plugin run`: what a plugin would send for one order, and what it makes of answers, for the eyes. Nothing is sent.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use orderdock_build::Voice;
use orderdock_plugin::testing::{Answer, Mapper as _};
use orderdock_plugin::{Purpose, Verdict};
use serde_json::{Value, json};

use super::{
    display,
    workshop::{self, Subject},
};
use crate::{
    cases::{Made, Release, bytes, units},
    cli::{
        Failure,
        output::{Output, plain},
    },
    config::HostSettings,
    plugin::settings_check,
};

/// What to run.
#[derive(Debug, Args)]
pub struct Arguments {
    /// A component; else the one of the project in this folder, built anew where a source is newer.
    file: Option<PathBuf>,
    /// The order: a file in the canonical form, or a case's folder.
    #[arg(long, value_name = "FILE")]
    order: PathBuf,
    /// The plugin's settings, TOML or JSON; a connection's file will do.
    #[arg(long, value_name = "FILE")]
    settings: Option<PathBuf>,
    /// Look-up tables, TOML or JSON: `[skus]`, then `"MUG" = "4711"`.
    #[arg(long, value_name = "FILE")]
    tables: Option<PathBuf>,
    /// An answer, as in a case's `responses/`; given again, the answer to the next call of a conversation.
    #[arg(long, value_name = "FILE")]
    response: Vec<PathBuf>,
    /// What to ask the plugin for.
    #[arg(long, value_enum)]
    purpose: Option<For>,
    /// The project's folder.
    #[arg(long, value_name = "FOLDER", default_value = ".")]
    dir: PathBuf,
}

/// Purposes.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum For {
    /// A new order.
    Create,
    /// Does the ERP have it?
    LookUp,
    /// It was changed.
    Update,
    /// It was cancelled.
    Cancel,
}

/// Runs the command.
///
/// # Errors
/// Files that do not read, a plugin that fails.
pub async fn run(arguments: Arguments, settings: HostSettings, output: Output) -> Result<(), Failure> {
    let voice = if output.json { Voice::Kept } else { Voice::Live };
    let mut case = workshop::case(&arguments.order)?;
    if let Some(file) = &arguments.settings {
        case.context.settings = workshop::settings_text(file)?;
    }
    if let Some(file) = &arguments.tables {
        case.tables = workshop::tables(file)?;
    }
    case.context.purpose = match arguments.purpose {
        None => case.context.purpose,
        Some(For::Create) => Purpose::Create,
        Some(For::LookUp) => Purpose::LookUp,
        Some(For::Update) => Purpose::Update,
        Some(For::Cancel) => Purpose::Cancel,
    };
    let mut answers = Vec::new();
    for file in &arguments.response {
        let answer = Answer::load(file, &serde_json::Map::new(), &case.context.settings);
        answers.push(answer.map_err(Failure::usage)?);
    }
    let subject = Subject::find(arguments.file, &arguments.dir, voice, output)?;
    let (mut release, size) = workshop::admit(&subject.component, &settings).await?;
    if !output.json {
        output.line(plain(&workshop::title(&release, &subject.component, size)));
        warn(&release, &case.context.settings, output);
        if !release.description().purposes.contains(&crate::cases::context(&case.context).purpose) {
            let word = word(case.context.purpose);
            output
                .remark(format!("warning: the host never asks for {word}: the description does not list that purpose"));
        }
    }
    let run = tokio::task::spawn_blocking(move || play(&mut release, &case, &answers, output));
    let result = run.await.map_err(|error| Failure::failed(format!("the call broke off: {error}")))??;
    if output.json {
        output.value(&result);
    }
    Ok(())
}

/// The contract's name of a purpose.
fn word(purpose: Purpose) -> &'static str {
    match purpose {
        Purpose::Create => "create",
        Purpose::LookUp => "look-up",
        Purpose::Update => "update",
        Purpose::Cancel => "cancel",
    }
}

/// The host would refuse such settings before any order; a plugin may be tried with them all the same.
fn warn(release: &Release, settings: &str, output: Output) {
    let schema = &release.description().settings_schema;
    let settings: Value = serde_json::from_str(settings).unwrap_or_default();
    for problem in settings_check(schema, &settings) {
        output.remark(format!("warning: the host would refuse these settings: {problem}"));
    }
}

/// Maps the order, then hands over the answers one after the other. What came, as JSON.
fn play(
    release: &mut Release,
    case: &crate::cases::Case,
    answers: &[Answer],
    output: Output,
) -> Result<Value, Failure> {
    let words = !output.json;
    let mapped = release.map_order(&case.order, &case.context, &case.tables).map_err(Failure::failed)?;
    let mut calls = Vec::new();
    let delivery = match mapped {
        Err(rejection) => {
            if words {
                display::rejection(&rejection, output);
                costs(release, output);
            }
            let rejected = serde_json::to_value(&rejection).unwrap_or_default();
            return Ok(json!({ "rejected": rejected, "cost": cost(release) }));
        }
        Ok(delivery) => delivery,
    };
    if words {
        display::delivery(&delivery, output);
        costs(release, output);
    }
    calls.push(json!({ "delivery": serde_json::to_value(&delivery).unwrap_or_default(), "cost": cost(release) }));
    let mut state = delivery.state;
    let mut step = case.context.step;
    for answer in answers {
        let mut context = case.context.clone();
        context.step = step;
        let given = answer.state.as_ref().unwrap_or(&state);
        let verdict = release.parse_response(&case.order, &context, &case.tables, given, &answer.response);
        let verdict = verdict.map_err(Failure::failed)?;
        if words {
            output.line("");
            display::verdict(&verdict, output);
            costs(release, output);
        }
        calls.push(json!({ "verdict": serde_json::to_value(&verdict).unwrap_or_default(), "cost": cost(release) }));
        match verdict {
            Verdict::Next(next) => {
                state = next.delivery.state;
                step = step.saturating_add(1);
            }
            Verdict::AwaitingAnswer(awaiting) => state = awaiting.state,
            _ => {}
        }
    }
    Ok(json!({ "calls": calls }))
}

fn cost(release: &mut Release) -> Value {
    let made = std::mem::take(&mut release.made);
    made.last().map_or(Value::Null, |call| json!({ "usage": call.usage, "log": call.log, "look_ups": call.look_ups }))
}

/// What the last call cost, looked up and logged.
fn costs(release: &Release, output: Output) {
    let Some(Made { usage, log, look_ups, .. }) = release.made.last() else { return };
    for look_up in look_ups {
        let found = look_up.value.as_ref().map_or("not there".to_owned(), |value| format!("`{value}`"));
        output.line(plain(&format!("  looked up  {}.{} → {found}", look_up.table, look_up.key)));
    }
    for table in release.unnamed_tables(look_ups) {
        output.line(plain(&format!("  warning    {}", workshop::unnamed(&table))));
    }
    for line in log {
        output.line(plain(&format!("  log        {}: {}", line.level, line.message)));
    }
    output.line(format!(
        "  cost       {} of {} CPU units, {} of memory, {}.{} ms",
        units(usage.cpu_used),
        units(usage.cpu_allowed),
        bytes(usage.memory_peak),
        usage.wall_us / 1_000,
        usage.wall_us % 1_000 / 100,
    ));
}
