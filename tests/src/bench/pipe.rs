//! What a partner would run instead of a plugin: a process of Node or Python that is started once, gets an order a line
//! through a pipe and gives the body back. The same plugin's code, without wasm, without limits, without a fresh start.

use std::{
    io::{BufRead as _, BufReader, Write as _},
    path::Path,
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
};

use anyhow::Context as _;

use super::workspace;

/// A process at the other end of a pipe.
pub struct Peer {
    child: Child,
    into: ChildStdin,
    out: BufReader<ChildStdout>,
    line: String,
}

impl Peer {
    /// Starts Node or Python with json-post of that language; none where its tool chain is missing.
    pub fn start(language: &str, case: &Path, scratch: &Path) -> anyhow::Result<Option<Self>> {
        let root = workspace();
        let drivers = root.join("tests/src/bench/pipe");
        let mut command = match language {
            "js" => {
                let mut node = Command::new("node");
                node.arg(drivers.join("map.mjs")).arg(root.join("sdk/js"));
                node.arg(root.join("sdk/js/json-post/plugin.js"));
                node
            }
            "python" => {
                let tools = root.join("target/toolchains/python/bin");
                if !tools.join("componentize-py").exists() {
                    return Ok(None);
                }
                let mut generate = Command::new(tools.join("componentize-py"));
                generate.arg("--wit-path").arg(root.join("wit")).args(["--world", "plugin", "bindings"]).arg(scratch);
                anyhow::ensure!(generate.output()?.status.success(), "the bindings for Python can't be made");
                let mut python = Command::new(tools.join("python"));
                let path = std::env::join_paths([root.join("sdk/python"), scratch.to_owned()])?;
                python.arg(drivers.join("map.py")).env("PYTHONPATH", path).env("PYTHONDONTWRITEBYTECODE", "1");
                python.current_dir(root.join("sdk/python/json-post"));
                python
            }
            _ => return Ok(None),
        };
        let started = command.arg(case).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn();
        let Ok(mut child) = started else { return Ok(None) };
        let (into, out) = (child.stdin.take().context("no pipe")?, child.stdout.take().context("no pipe")?);
        Ok(Some(Self { child, into, out: BufReader::new(out), line: String::new() }))
    }

    /// Maps an order, given as JSON on one line; the body.
    pub fn map(&mut self, order: &str) -> anyhow::Result<String> {
        writeln!(self.into, "{order}")?;
        self.into.flush()?;
        self.line.clear();
        self.out.read_line(&mut self.line)?;
        serde_json::from_str(&self.line).context("the process at the other end of the pipe gave no body")
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        let _gone = self.child.kill();
        let _ended = self.child.wait();
    }
}
