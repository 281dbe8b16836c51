//! The two programs that show Orderdock at work: the demo and the benchmarks, with everything they need built first.

use crate::toolchain::Target;
use crate::workspace::Workspace;
use crate::{components, run, say};

/// Builds host, tests and plugins, then runs the demo.
///
/// # Errors
/// When something does not build, or when one of the demo's own claims does not hold.
pub fn demo(workspace: &Workspace, arguments: &[String]) -> anyhow::Result<()> {
    components::build_all(workspace, Target::default())?;
    let step = say::Step::start("the host and the demo's shop, ERP and mail catcher");
    let packages = ["--package", "orderdock", "--package", "orderdock-tests"];
    run::show(workspace.cargo().arg("build").args(packages).arg("--bins"))?;
    step.done("built");
    let step = say::Step::start("demo");
    run::show(
        // The same selection of packages: cargo would otherwise unify features anew and build once more.
        workspace
            .cargo()
            .args(["run", "--quiet", "--package", "orderdock-tests", "--bin", "demo", "--"])
            .args(arguments),
    )?;
    step.done("every claim holds");
    Ok(())
}

/// Builds for release and runs the benchmarks.
///
/// # Errors
/// When something does not build or the benchmark program fails.
pub fn bench(workspace: &Workspace, arguments: &[String]) -> anyhow::Result<()> {
    components::build_all(workspace, Target::default())?;
    let step = say::Step::start("host and benchmarks, for release");
    let packages = ["--package", "orderdock", "--package", "orderdock-tests"];
    run::show(workspace.cargo().args(["build", "--release"]).args(packages).arg("--bins"))?;
    step.done("built");
    run::show(
        workspace
            .cargo()
            .args(["run", "--release", "--quiet", "--package", "orderdock-tests", "--bin", "bench", "--"])
            .args(arguments),
    )
}
