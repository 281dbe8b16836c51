//! Fuzzing: the targets of `fuzz/`, built on the stable compiler with the fuzzer's counters, each run for a while from the
//! small corpus in the tree. No sanitizer and no nightly compiler: the code under test has no `unsafe`, so what can be found
//! is a panic or a broken promise, and both stop the program by themselves.

use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context as _, bail};

use crate::workspace::Workspace;
use crate::{run, say};

/// What makes the compiler count edges and compared values (LLVM's SanitizerCoverage).
const COUNTERS: &str = "-Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
    -Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table \
    -Cllvm-args=-sanitizer-coverage-trace-compares";
/// Longer inputs find nothing that shorter ones do not, and slow the search down.
const LONGEST: &str = "-max_len=8192";

/// Runs all targets, or one, for `seconds` each; `0` only runs the corpus.
///
/// # Errors
/// When something does not build, or a target finds something: the input lies in `fuzz/artifacts/`.
pub fn fuzz(workspace: &Workspace, seconds: u32, only: Option<&str>) -> anyhow::Result<()> {
    let folder = workspace.root().join("fuzz");
    let targets = targets(&folder)?;
    if let Some(only) = only.filter(|only| !targets.iter().any(|name| name == only)) {
        bail!("there is no target `{only}`; there are {}", targets.join(", "));
    }
    let triple = triple()?;
    let built = workspace.root().join("target/fuzz");
    let step = say::Step::start("fuzz targets");
    let mut cargo = workspace.cargo();
    // With `--target` the counters stay out of build scripts and macros, which have nobody to count for them.
    cargo.args([
        "build",
        "--release",
        "--bins",
        "--manifest-path",
        "fuzz/Cargo.toml",
        "--target",
        &triple,
        "--target-dir",
    ]);
    run::show(cargo.arg(&built).env("RUSTFLAGS", COUNTERS).env_remove("CARGO_ENCODED_RUSTFLAGS"))?;
    step.done("built");
    let mut found = Vec::new();
    for name in targets.iter().filter(|name| only.is_none_or(|only| only == name.as_str())) {
        let program = built.join(&triple).join("release").join(name);
        if !one(workspace, &folder, name, &program, seconds)? {
            found.push(name.as_str());
        }
    }
    if found.is_empty() {
        return Ok(());
    }
    bail!("something was found by {}; the inputs lie in fuzz/artifacts/", found.join(", "))
}

/// Runs one; whether it found nothing.
fn one(workspace: &Workspace, folder: &Path, name: &str, program: &Path, seconds: u32) -> anyhow::Result<bool> {
    let step = say::Step::start(name);
    // What is found on the way stays below `target`; the corpus in the tree is only read.
    let grown = workspace.root().join("target/fuzz/corpus").join(name);
    let artifacts = folder.join("artifacts").join(name);
    for made in [&grown, &artifacts] {
        std::fs::create_dir_all(made).with_context(|| format!("{} could not be made", made.display()))?;
    }
    let mut command = Command::new(program);
    command.current_dir(folder).stdin(Stdio::null()).stdout(Stdio::null());
    command.args([LONGEST, "-timeout=10", "-rss_limit_mb=2048", "-print_final_stats=1"]);
    command.arg(format!("-artifact_prefix={}/", artifacts.display()));
    command.arg(if seconds == 0 { "-runs=0".to_owned() } else { format!("-max_total_time={seconds}") });
    let output = command.arg(&grown).arg(folder.join("corpus").join(name)).output();
    let output = output.with_context(|| format!("{} did not start", program.display()))?;
    let said = String::from_utf8_lossy(&output.stderr);
    if !output.status.success() {
        let end: Vec<&str> = said.lines().rev().take(30).collect();
        for line in end.into_iter().rev() {
            say::line(&format!("    {line}"));
        }
        step.done("found something");
        return Ok(false);
    }
    let word_behind = |line: Option<&str>, mark: &str| -> String {
        let rest = line.and_then(|line| line.split_once(mark)).map(|(_, rest)| rest.trim());
        rest.and_then(|rest| rest.split_whitespace().next()).unwrap_or("?").to_owned()
    };
    let last = |mark: &str| said.lines().rev().find(|line| line.contains(mark));
    let runs = word_behind(last("stat::number_of_executed_units:"), "units:");
    let edges = word_behind(last(" cov: "), " cov: ");
    step.done(&format!("{runs} runs, {edges} edges, nothing found"));
    Ok(true)
}

/// The targets, by name.
fn targets(folder: &Path) -> anyhow::Result<Vec<String>> {
    let entries = std::fs::read_dir(folder.join("targets")).context("fuzz/targets cannot be read")?;
    let paths = entries.flatten().map(|entry| entry.path());
    let mut names: Vec<String> =
        paths.filter_map(|path| Some(path.file_stem()?.to_string_lossy().into_owned())).collect();
    names.sort();
    Ok(names)
}

/// This machine, as rustc calls it.
fn triple() -> anyhow::Result<String> {
    let said = run::ask(Command::new("rustc").arg("-vV"))?;
    let host = said.lines().find_map(|line| line.strip_prefix("host: "));
    Ok(host.context("`rustc -vV` names no host")?.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_target_is_built_and_has_a_corpus() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().join("fuzz");
        let manifest = std::fs::read_to_string(folder.join("Cargo.toml")).unwrap();
        for name in targets(&folder).unwrap() {
            assert!(manifest.contains(&format!("path = \"targets/{name}.rs\"")), "{name} is not in fuzz/Cargo.toml");
            let seeds = std::fs::read_dir(folder.join("corpus").join(&name)).map(Iterator::count).unwrap_or(0);
            assert!(seeds > 0, "{name} has no corpus");
        }
    }
}
