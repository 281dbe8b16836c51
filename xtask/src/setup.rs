//! Programs from the system's packages: xmllint, PostgreSQL, PgBouncer and docker-registry for the tests, and Debian's compiler
//! when rustup cannot help.
//! Installed when we are root on Debian or a relative of it; otherwise the exact command to type is the error.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, bail};

use orderdock_build::rust::Compiler;

use crate::toolchain::{self, Target};
use crate::workspace::Workspace;
use crate::{run, say};

/// apt waits for other installers, and mirrors can be slow; past this something is wrong.
const APT_LIMIT: Duration = Duration::from_secs(10 * 60);

/// Makes sure that everything is there which the tests need: xmllint, PostgreSQL, PgBouncer, docker-registry and a compiler for
/// wasm.
///
/// # Errors
/// When something is missing and cannot be installed: all of it at once, each with the command to type.
pub fn everything(workspace: &Workspace) -> anyhow::Result<Compiler> {
    let missing: Vec<String> = [xmllint(workspace), postgres(), registry()]
        .into_iter()
        .filter_map(|tool| Some(format!("{:#}", tool.err()?)))
        .collect();
    let tools = if missing.is_empty() { Ok(()) } else { Err(anyhow::anyhow!(missing.join("\nerror: "))) };
    let chain = toolchain::find(workspace, Target::default());
    match (tools, chain) {
        (Ok(()), chain) => chain,
        (Err(tools), Ok(_)) => Err(tools),
        (Err(tools), Err(chain)) => bail!("{tools:#}\nerror: {chain:#}"),
    }
}

/// Makes sure that xmllint is there; the plugins' tests check their XML with it.
///
/// # Errors
/// When it is missing and cannot be installed; the sentence has the command to type.
fn xmllint(workspace: &Workspace) -> anyhow::Result<()> {
    let answers = || run::ask(Command::new("xmllint").arg("--version").current_dir(workspace.root())).is_ok();
    if answers() {
        say::line("xmllint: already installed");
        return Ok(());
    }
    install(&["libxml2-utils"]).context("xmllint is missing; the tests check XML with it")?;
    if !answers() {
        bail!("xmllint does not run, although the package libxml2-utils was installed");
    }
    say::line("xmllint: installed by apt");
    Ok(())
}

/// Makes sure that PostgreSQL's programs and PgBouncer are there. Tests start servers of their own; the packages' services
/// are never started.
///
/// # Errors
/// When one is missing and cannot be installed; the sentence has the command to type.
fn postgres() -> anyhow::Result<()> {
    let there = || {
        let servers = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().filter_map(Result::ok);
        let server = servers.into_iter().any(|version| version.path().join("bin/initdb").exists());
        server && Path::new("/usr/sbin/pgbouncer").exists()
    };
    if there() {
        say::line("PostgreSQL and PgBouncer: already installed");
        return Ok(());
    }
    let _quiet = NoServices::now();
    install(&["postgresql", "pgbouncer"]).context("PostgreSQL is missing; the tests run the ledger on it too")?;
    if !there() {
        bail!("PostgreSQL's programs are not where Debian puts them, although the packages were installed");
    }
    say::line("PostgreSQL and PgBouncer: installed by apt, their services not started");
    Ok(())
}

/// Makes sure that docker-registry is there. Tests start registries of their own; the package's service is never started.
///
/// # Errors
/// When it is missing and cannot be installed; the sentence has the command to type.
fn registry() -> anyhow::Result<()> {
    let there = || Path::new("/usr/bin/docker-registry").exists();
    if there() {
        say::line("docker-registry: already installed");
        return Ok(());
    }
    let _quiet = NoServices::now();
    install(&["docker-registry"]).context("docker-registry is missing; the tests publish plugins to it")?;
    if !there() {
        bail!("docker-registry is not where Debian puts it, although the package was installed");
    }
    say::line("docker-registry: installed by apt, its service not started");
    Ok(())
}

/// Debian's own switch that lets an installed service stay down, while this lives. One that is there already is left alone.
struct NoServices(bool);

impl NoServices {
    const SWITCH: &str = "/usr/sbin/policy-rc.d";

    fn now() -> Self {
        use std::os::unix::fs::PermissionsExt as _;
        if Path::new(Self::SWITCH).exists() || std::fs::write(Self::SWITCH, "#!/bin/sh\nexit 101\n").is_err() {
            return Self(false);
        }
        Self(std::fs::set_permissions(Self::SWITCH, std::fs::Permissions::from_mode(0o755)).is_ok())
    }
}

impl Drop for NoServices {
    fn drop(&mut self) {
        if self.0 && std::fs::remove_file(Self::SWITCH).is_err() {
            say::line(&format!("    {} could not be removed; remove it", Self::SWITCH));
        }
    }
}

/// Installs Debian packages, when that is possible without asking anybody.
///
/// # Errors
/// When it is not (no apt, not root: the sentence has the command to type) or when apt fails.
pub fn install(packages: &[&str]) -> anyhow::Result<()> {
    let list = packages.join(" ");
    if !Path::new("/usr/bin/apt-get").exists() {
        bail!("no apt-get here; install what Debian calls `{list}` with this system's own package manager");
    }
    if run::ask(Command::new("id").arg("-u"))?.trim() != "0" {
        bail!("not root; type: sudo apt-get install --no-install-recommends {list}");
    }
    let step = say::Step::start(format!("apt-get install {list}"));
    // A bare machine has no package lists, or old ones whose files are gone from the mirror.
    if let Err(error) = run::show_within(apt().arg("update"), APT_LIMIT) {
        say::line(&format!("    going on with the package lists that are here: {error:#}"));
    }
    run::show_within(apt().args(["install", "--yes", "--no-install-recommends"]).args(packages), APT_LIMIT)?;
    step.done("installed");
    Ok(())
}

fn apt() -> Command {
    let mut command = Command::new("apt-get");
    // Quiet, no questions, and patient with another installer that holds the lock.
    command.args(["-qq", "-o", "DPkg::Lock::Timeout=120", "-o", "Dpkg::Use-Pty=0"]);
    command.env("DEBIAN_FRONTEND", "noninteractive");
    command
}
