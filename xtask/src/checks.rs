//! Everything that must hold before a change is merged, in one command; the CI calls exactly this.

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context as _, bail};

use crate::workspace::{Workspace, setting};
use crate::{components, languages, programs, run, say, setup};

/// Adding a component to Rust takes seconds, or the server is out of reach.
const COMPONENT_LIMIT: Duration = Duration::from_secs(60);

/// Tests at once, at least: most of the suite waits for servers and signals. On two processors the journeys took 28 s with
/// two at once, and 10 s with eight.
const THREADS: usize = 8;

/// What came out of one check.
struct Outcome {
    name: &'static str,
    /// None: could not be run here.
    held: Option<bool>,
    detail: String,
    time: Duration,
}

/// Runs all checks.
///
/// # Errors
/// When set-up or a check fails. Checks after a failed one still run, so that one run shows everything.
pub fn run_all(workspace: &Workspace, arguments: &[String]) -> anyhow::Result<()> {
    let chain = setup::everything(workspace)?;
    components::build_all(workspace, &chain)?;
    let skipped = languages::build(workspace, None)?;
    if setting("UBL_XSD_DIR").is_none() {
        say::line("UBL_XSD_DIR is not set: UBL orders will not be validated against the standard's schema.");
    }
    let outcomes = [
        check("rustfmt", || formatting(workspace)),
        check("tests", || tests(workspace, arguments)),
        check("clippy", || clippy(workspace)),
        check("rustdoc", || documentation(workspace)),
    ];
    say::line("==> summary");
    for outcome in &outcomes {
        let word = match outcome.held {
            Some(true) => "ok",
            Some(false) => "FAILED",
            None => "NOT RUN",
        };
        say::line(&format!("    {:<8} {word:<8} {} ({})", outcome.name, outcome.detail, say::seconds(outcome.time)));
    }
    for reason in &skipped {
        say::line(&format!("    language SKIPPED  {reason}"));
    }
    let failed: Vec<_> = outcomes.iter().filter(|it| it.held == Some(false)).map(|it| it.name).collect();
    if failed.is_empty() { Ok(()) } else { bail!("failed: {}", failed.join(", ")) }
}

/// Runs one check under a heading; its answer is a detail for the summary, or none when its tool is not there.
fn check(name: &'static str, body: impl FnOnce() -> anyhow::Result<Option<String>>) -> Outcome {
    let step = say::Step::start(name);
    let (held, detail) = match body() {
        Ok(Some(detail)) => (Some(true), detail),
        Ok(None) => (None, format!("type: rustup component add {name}")),
        Err(error) => (Some(false), format!("{error:#}")),
    };
    let time = step.elapsed();
    step.done(match held {
        Some(true) => "ok",
        Some(false) => "FAILED",
        None => "not run, the tool is missing",
    });
    Outcome { name, held, detail, time }
}

fn formatting(workspace: &Workspace) -> anyhow::Result<Option<String>> {
    if !available(workspace, "fmt", "rustfmt") {
        return Ok(None);
    }
    run::show(workspace.cargo().args(["fmt", "--all", "--check"]))?;
    Ok(Some("formatted".to_owned()))
}

fn clippy(workspace: &Workspace) -> anyhow::Result<Option<String>> {
    if !available(workspace, "clippy", "clippy") {
        return Ok(None);
    }
    run::show(workspace.cargo().args(["clippy", "--workspace", "--all-targets", "--", "--deny", "warnings"]))?;
    Ok(Some("no warnings".to_owned()))
}

fn documentation(workspace: &Workspace) -> anyhow::Result<Option<String>> {
    let arguments = ["doc", "--workspace", "--no-deps", "--document-private-items"];
    run::show(workspace.cargo().args(arguments).env("RUSTDOCFLAGS", "--deny rustdoc::broken_intra_doc_links"))?;
    Ok(Some("no broken links".to_owned()))
}

/// Runs all tests, every one even when some fail. Their output goes through us, so that the summary can count.
fn tests(workspace: &Workspace, arguments: &[String]) -> anyhow::Result<Option<String>> {
    // The suite starts the real `orderdock`, which `cargo test` alone builds only for tests inside its own package.
    programs::build(workspace, false)?;
    let mut cargo = workspace.cargo();
    cargo.args(["test", "--workspace", "--no-fail-fast"]).args(arguments).stdin(Stdio::null()).stdout(Stdio::piped());
    if setting("RUST_TEST_THREADS").is_none() {
        let processors = std::thread::available_parallelism().map_or(1, usize::from);
        cargo.env("RUST_TEST_THREADS", processors.max(THREADS).to_string());
    }
    let mut child = cargo.spawn().context("`cargo test` did not start")?;
    let output = child.stdout.take().context("`cargo test` has no standard output")?;
    let mut count = Count::default();
    for line in BufReader::new(output).split(b'\n') {
        let line = line?;
        count.add(&String::from_utf8_lossy(&line));
        let mut ours = std::io::stdout().lock();
        // Nobody listens any more: the tests and their count still matter.
        let _ = ours.write_all(&line).and_then(|()| ours.write_all(b"\n")).and_then(|()| ours.flush());
    }
    let status = child.wait()?;
    if status.success() { Ok(Some(count.to_string())) } else { bail!("{count}") }
}

/// Sums of the lines with which each test program closes.
#[derive(Default)]
struct Count {
    passed: u64,
    failed: u64,
    ignored: u64,
    programs: u64,
    failures: Vec<String>,
}

impl Count {
    /// Reads `test result: ok. 12 passed; 0 failed; 0 ignored; …` and `test some::name ... FAILED`.
    fn add(&mut self, line: &str) {
        if let Some(name) = line.strip_prefix("test ").and_then(|rest| rest.strip_suffix(" ... FAILED")) {
            self.failures.push(name.to_owned());
        }
        let Some((_, numbers)) = line.strip_prefix("test result: ").and_then(|rest| rest.split_once(". ")) else {
            return;
        };
        self.programs = self.programs.saturating_add(1);
        for part in numbers.split("; ") {
            let Some((number, word)) = part.split_once(' ') else { continue };
            let Ok(number) = number.parse::<u64>() else { continue };
            let sum = match word {
                "passed" => &mut self.passed,
                "failed" => &mut self.failed,
                "ignored" => &mut self.ignored,
                _ => continue,
            };
            *sum = sum.saturating_add(number);
        }
    }
}

impl std::fmt::Display for Count {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { passed, failed, ignored, programs, failures } = self;
        write!(out, "{passed} passed, {failed} failed, {ignored} ignored in {programs} test programs")?;
        if !failures.is_empty() {
            write!(out, ": {}", failures.join(", "))?;
        }
        Ok(())
    }
}

/// Whether a tool of the Rust distribution is there, after one short try to add it: a minimal Rust has neither
/// formatter nor linter.
fn available(workspace: &Workspace, subcommand: &str, component: &str) -> bool {
    let answers = || run::ask(workspace.cargo().args([subcommand, "--version"])).is_ok();
    if answers() {
        return true;
    }
    say::line(&format!("    {component} is missing: trying `rustup component add {component}`"));
    let mut rustup = Command::new("rustup");
    rustup.current_dir(workspace.root()).args(["component", "add", component]);
    match run::show_within(&mut rustup, COMPONENT_LIMIT) {
        Ok(()) => answers(),
        Err(error) => {
            say::line(&format!("    {error:#}"));
            false
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_closing_lines_of_test_programs_are_summed() {
        let mut count = Count::default();
        for line in [
            "running 3 tests",
            "test ledger::claims ... ok",
            "test ledger::leases ... FAILED",
            "test result: FAILED. 2 passed; 1 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.01s",
            "test result: ok. 40 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 1.20s",
        ] {
            count.add(line);
        }
        assert_eq!(count.to_string(), "42 passed, 1 failed, 1 ignored in 2 test programs: ledger::leases");
    }
}
