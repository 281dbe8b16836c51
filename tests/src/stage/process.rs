//! A child process that says in one JSON line that it is ready, and can be stopped in good order or killed.

use std::{
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use anyhow::{Context as _, anyhow, bail};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tokio::{
    io::{AsyncBufReadExt as _, AsyncReadExt as _, BufReader},
    process::{Child, ChildStdin, Command},
};

/// How long a program may take to be ready: generous, because a busy machine is no defect.
const READY_WITHIN: Duration = Duration::from_secs(60);

/// How long a polite stop may take before the process is killed.
const STOP_WITHIN: Duration = Duration::from_secs(40);

/// A running child. Dropping it kills it.
pub struct Process {
    name: String,
    child: Child,
    told: Value,
    log: PathBuf,
    /// Kept open: a closed input is an event for some programs.
    _input: Option<ChildStdin>,
}

impl Process {
    /// Starts a program in a folder and waits for its JSON line. What it writes to standard error goes to `log`.
    ///
    /// # Errors
    /// When it can't be started, ends before it is ready, or is not ready in time; the end of its log is in the sentence.
    pub async fn start(program: &Path, arguments: &[String], folder: &Path, log: &Path) -> anyhow::Result<Self> {
        let name = program.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let written = std::fs::OpenOptions::new().create(true).append(true).open(log)?;
        let mut child = Command::new(program)
            .args(arguments)
            .current_dir(folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(written)
            .kill_on_drop(true)
            // A Ctrl-C at the terminal is for us: we stop the others in good order.
            .process_group(0)
            .spawn()
            .with_context(|| format!("{} did not start", program.display()))?;
        let input = child.stdin.take();
        let output = child.stdout.take().ok_or_else(|| anyhow!("{name} has no output"))?;
        let mut lines = BufReader::new(output);
        let mut line = String::new();
        let read = tokio::time::timeout(READY_WITHIN, lines.read_line(&mut line)).await;
        let told = read.ok().and_then(|read| read.ok()).and_then(|_| serde_json::from_str(&line).ok());
        let Some(told) = told else {
            let said = std::fs::read_to_string(log).unwrap_or_default();
            let end: Vec<&str> = said.lines().rev().take(8).collect();
            let end = end.into_iter().rev().collect::<Vec<_>>().join("\n  ");
            bail!("{name} did not say that it is ready; its log {} ends:\n  {end}", log.display());
        };
        // A full pipe would stop the child.
        tokio::spawn(async move {
            let mut rest = Vec::new();
            while lines.read_buf(&mut rest).await.is_ok_and(|read| read > 0) {
                rest.clear();
            }
        });
        Ok(Self { name, child, told, log: log.to_owned(), _input: input })
    }

    /// What it said when it was ready.
    #[must_use]
    pub fn told(&self) -> &Value {
        &self.told
    }

    /// One text of that.
    ///
    /// # Errors
    /// When it did not say it.
    pub fn text(&self, name: &str) -> anyhow::Result<&str> {
        self.told.get(name).and_then(Value::as_str).ok_or_else(|| anyhow!("{} did not tell its `{name}`", self.name))
    }

    /// Where its standard error goes.
    #[must_use]
    pub fn log(&self) -> &Path {
        &self.log
    }

    /// Kills it as a power cut would (SIGKILL), and waits for its end.
    ///
    /// # Errors
    /// The operating system's.
    pub async fn kill(mut self) -> anyhow::Result<()> {
        Ok(self.child.kill().await?)
    }

    /// Asks it to end (SIGTERM), waits, and kills it if it does not. Answers whether it ended by itself with success.
    ///
    /// # Errors
    /// The operating system's.
    pub async fn stop(mut self) -> anyhow::Result<bool> {
        let id = self.child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw);
        let Some(id) = id else { return Ok(self.child.wait().await?.success()) };
        kill_process(id, Signal::TERM)?;
        match tokio::time::timeout(STOP_WITHIN, self.child.wait()).await {
            Ok(status) => Ok(status?.success()),
            Err(_) => {
                self.child.kill().await?;
                Ok(false)
            }
        }
    }

    /// Whether it still runs.
    pub fn runs(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }
}
