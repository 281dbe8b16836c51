//! The programs that show Orderdock at work: the demo, the trials and the benchmarks, with everything they need built first.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::toolchain::{self, Target};
use crate::workspace::Workspace;
use crate::{components, run, say};

/// Builds host, tests and plugins, then becomes the demo.
///
/// # Errors
/// When something does not build, or when one of the demo's own claims does not hold.
pub fn demo(workspace: &Workspace, arguments: &[String]) -> anyhow::Result<()> {
    components::build_all(workspace, &toolchain::find(workspace, Target::default())?)?;
    let folder = build(workspace, false)?;
    become_program(workspace, &folder.join("demo"), arguments)
}

/// Builds host, tests and plugins, the host with its failpoints, then becomes one of the programs that try it.
///
/// # Errors
/// When something does not build, or when the host does not hold.
pub fn trial(workspace: &Workspace, name: &str, arguments: &[String]) -> anyhow::Result<()> {
    components::build_all(workspace, &toolchain::find(workspace, Target::default())?)?;
    let folder = build(workspace, false)?;
    become_program(workspace, &folder.join(name), arguments)
}

/// Builds what simulates, and becomes it. It needs no plugin: the simulation has its own.
///
/// # Errors
/// When something does not build, or when a seed fails.
pub fn simulate(workspace: &Workspace, arguments: &[String]) -> anyhow::Result<()> {
    let folder = build(workspace, false)?;
    become_program(workspace, &folder.join("sim"), arguments)
}

/// Builds for release, then becomes the benchmark program.
///
/// # Errors
/// When something does not build or the benchmark program fails.
pub fn bench(workspace: &Workspace, arguments: &[String]) -> anyhow::Result<()> {
    components::build_all(workspace, &toolchain::find(workspace, Target::default())?)?;
    let folder = build(workspace, true)?;
    become_program(workspace, &folder.join("bench"), arguments)
}

/// Builds every program of the workspace and returns the folder that they are in. Always in the whole workspace: with a
/// selection of packages cargo would unify features differently, and compile what `cargo test` and `cargo run` share once
/// more. For release only what is measured: each program is put together from all of its crates there, which takes minutes.
///
/// # Errors
/// When something does not build.
pub fn build(workspace: &Workspace, release: bool) -> anyhow::Result<PathBuf> {
    let step = say::Step::start(if release { "programs, for release" } else { "programs" });
    let mut cargo = workspace.cargo();
    cargo.args(["build", "--workspace"]);
    match release {
        true => cargo.args(["--release", "--bin", "bench", "--bin", "orderdock"]),
        false => cargo.arg("--bins"),
    };
    run::show(&mut cargo)?;
    let folder = workspace.cargo_target()?.join(if release { "release" } else { "debug" });
    step.done("built");
    Ok(folder)
}

/// Takes our place, so that Ctrl-C and the exit code are the program's own affair.
fn become_program(workspace: &Workspace, program: &Path, arguments: &[String]) -> anyhow::Result<()> {
    let mut command = Command::new(program.with_extension(std::env::consts::EXE_EXTENSION));
    command.current_dir(workspace.root()).args(arguments);
    run::instead(&mut command)
}
