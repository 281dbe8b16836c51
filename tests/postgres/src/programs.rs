//! PostgreSQL's programs: where Debian puts them, and as whom they run. A server refuses to run as root.

use std::{
    path::{Path, PathBuf},
    process::{Command, Output},
};

use anyhow::Context as _;

/// What to do when they are not there.
const MISSING: &str =
    "PostgreSQL is not installed; run `cargo xtask setup`, or: sudo apt-get install postgresql pgbouncer";

/// The folder with the newest version's programs.
fn folder() -> anyhow::Result<PathBuf> {
    let mut versions: Vec<(u32, PathBuf)> = std::fs::read_dir("/usr/lib/postgresql")
        .context(MISSING)?
        .filter_map(Result::ok)
        .filter_map(|entry| Some((entry.file_name().to_str()?.parse().ok()?, entry.path().join("bin"))))
        .filter(|(_, bin): &(u32, PathBuf)| bin.join("initdb").exists())
        .collect();
    versions.sort();
    Ok(versions.pop().context(MISSING)?.1)
}

/// Whether we are root, and so have to become another user.
fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// A program of PostgreSQL, run as its own user where we are root.
pub fn program(name: &str) -> anyhow::Result<Command> {
    let path = if name == "pgbouncer" { pgbouncer()? } else { folder()?.join(name) };
    if !is_root() {
        return Ok(Command::new(path));
    }
    let mut command = Command::new("runuser");
    command.args(["-u", "postgres", "--"]).arg(path);
    Ok(command)
}

fn pgbouncer() -> anyhow::Result<PathBuf> {
    ["/usr/sbin/pgbouncer", "/usr/bin/pgbouncer"]
        .into_iter()
        .map(PathBuf::from)
        .find(|path| path.exists())
        .context("PgBouncer is not installed; run `cargo xtask setup`, or: sudo apt-get install pgbouncer")
}

/// Gives a folder or file to the user that the server runs as.
pub fn give(path: &Path) -> anyhow::Result<()> {
    if is_root() {
        done(Command::new("chown").arg("-R").arg("postgres").arg(path), "chown")?;
    }
    Ok(())
}

/// Runs a program to its end.
pub fn done(command: &mut Command, what: &str) -> anyhow::Result<Output> {
    let output = command.output().with_context(|| format!("{what} can't be run"))?;
    anyhow::ensure!(
        output.status.success(),
        "{what} failed: {}{}",
        String::from_utf8_lossy(&output.stderr),
        String::from_utf8_lossy(&output.stdout)
    );
    Ok(output)
}
