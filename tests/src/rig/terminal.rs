//! The command line at a terminal, where it may ask. `script` (of bsdutils, without which there is no Debian) gives it a
//! pseudo terminal and passes on what is typed.

use std::{path::Path, process::Stdio, time::Duration};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    process::{Child, ChildStdin, ChildStdout, Command},
};

use super::{PATIENCE, Rig, Said, orderdock};

/// A bare machine may have no pseudo terminals until they are mounted; for this program alone they are, which root may.
const WITH_TERMINALS: &str = "mount -t devpts -o newinstance,ptmxmode=0666 devpts /dev/pts \
    && mount --bind /dev/pts/ptmx /dev/ptmx && exec script \"$@\"";

/// A command that runs at a terminal.
pub struct AtTerminal {
    child: Child,
    keys: ChildStdin,
    screen: ChildStdout,
    said: String,
}

impl Rig {
    /// Runs the command line at a terminal; `redirected` is what a shell may be told behind it, such as `> file`.
    ///
    /// # Panics
    /// When it can't be run.
    #[must_use]
    pub fn at_terminal(&self, arguments: &[&str], redirected: &str) -> AtTerminal {
        let program = orderdock().display().to_string();
        let words: Vec<String> = [program.as_str(), "--config", "orderdock.toml"]
            .iter()
            .chain(arguments)
            .map(|word| format!("'{}'", word.replace('\'', r"'\''")))
            .collect();
        // A pseudo terminal has no width until it is given one.
        let line = format!("stty cols 140 && exec {} {redirected}", words.join(" "));
        let mut command = if Path::new("/dev/pts/ptmx").exists() {
            Command::new("script")
        } else {
            let mut command = Command::new("unshare");
            command.args(["--mount", "sh", "-c", WITH_TERMINALS, "script"]);
            command
        };
        command.args(["--quiet", "--return", "--command", &line, "/dev/null"]).current_dir(self.dir());
        command.env("USER", "tester").env("SHELL", "/bin/sh").envs(self.environment.iter().cloned());
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).kill_on_drop(true);
        let mut child = command.spawn().expect("`script` can be run (bsdutils)");
        let (keys, screen) = (child.stdin.take().expect("piped"), child.stdout.take().expect("piped"));
        AtTerminal { child, keys, screen, said: String::new() }
    }
}

impl AtTerminal {
    /// Waits until these words stand there; everything that stands there then.
    ///
    /// # Panics
    /// When it ends without them, or they do not come.
    pub async fn until(&mut self, words: &str) -> &str {
        while !self.said.contains(words) {
            let more = self.more(PATIENCE * 3).await;
            assert!(more, "it ended without {words:?}: {}", self.said);
        }
        &self.said
    }

    /// Types something. A line ends with a carriage return, as the key sends it.
    ///
    /// # Panics
    /// When nobody is there any more.
    pub async fn types(&mut self, text: &str) {
        self.keys.write_all(text.as_bytes()).await.expect("the terminal is there");
        self.keys.flush().await.expect("the terminal is there");
    }

    /// Waits for the end. Standard output and standard error are one at a terminal.
    ///
    /// # Panics
    /// When it does not come.
    pub async fn ends(mut self) -> Said {
        while self.more(PATIENCE * 3).await {}
        let status = tokio::time::timeout(PATIENCE, self.child.wait()).await.expect("it ends").expect("a child");
        Said { code: status.code().unwrap_or(-1), out: self.said, err: String::new() }
    }

    /// Whether more came.
    async fn more(&mut self, within: Duration) -> bool {
        let mut bytes = [0; 4096];
        let read = tokio::time::timeout(within, self.screen.read(&mut bytes)).await;
        let read = read.unwrap_or_else(|_| panic!("nothing more comes after {}", self.said));
        let count = read.expect("the terminal can be read");
        self.said.push_str(&String::from_utf8_lossy(&bytes[..count]));
        count > 0
    }
}
