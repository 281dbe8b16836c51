//! More hosts on the rig's database: each a process with a folder, a name and a log of its own, and the master key of all.

use std::{process::Stdio, time::Duration};

use serde_json::Value;
use tokio::{
    io::{AsyncBufReadExt as _, BufReader},
    process::{Child, ChildStdout},
    time::Instant,
};

use super::{PATIENCE, Rig};

/// Signs of life, and so takeovers, in a test's time: the shortest lease that a host may have.
pub const LEASE: Duration = Duration::from_secs(15);

/// Another host at work.
pub struct Beside {
    /// What it is called.
    pub name: String,
    /// Where its API listens.
    pub listen: String,
    child: Child,
    _out: BufReader<ChildStdout>,
}

impl Rig {
    /// The usual stage with the usual connection on this database; nothing is at work yet. `host` is added to each host's
    /// file, `more` to the connection's.
    pub async fn fleet(database: &str, host: &str, more: &str) -> Self {
        let rig = Self::bare_on(Some(database.to_owned())).await;
        rig.write("orderdock.toml", &rig.fleet_file("first", host));
        rig.add_plugin().await;
        rig.connect(more).await;
        rig
    }

    /// The file of one host among several.
    #[must_use]
    pub fn fleet_file(&self, name: &str, more: &str) -> String {
        let (folder, lease) =
            (if name == "first" { "data".to_owned() } else { format!("data-{name}") }, LEASE.as_secs());
        let key = self.data().join("orderdock.key");
        let file = self.host_file().replace("data_dir = \"data\"", &format!("data_dir = \"{folder}\""));
        format!("key_file = \"{}\"\n{file}[fleet]\nname = \"{name}\"\nlease = \"{lease}s\"\n{more}", key.display())
    }

    /// Starts one more host and waits until it works.
    ///
    /// # Panics
    /// When it does not start.
    pub async fn serve_beside(&self, name: &str, more: &str) -> Beside {
        let file = self.write(&format!("{name}.toml"), &self.fleet_file(name, more));
        let log =
            std::fs::OpenOptions::new().create(true).append(true).open(self.dir().join(format!("serve-{name}.log")));
        let file = file.to_str().expect("a path of text");
        let mut command = tokio::process::Command::new(super::orderdock());
        command.current_dir(self.dir()).args(["--config", file, "serve", "--announce"]).kill_on_drop(true);
        let mut child = command
            .env("USER", "tester")
            .envs(self.environment.iter().cloned())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(log.expect("the log can be written"))
            .spawn()
            .expect("orderdock can be run");
        let mut out = BufReader::new(child.stdout.take().expect("piped"));
        let mut line = String::new();
        let read = tokio::time::timeout(PATIENCE, out.read_line(&mut line)).await;
        let told: Value = match read {
            Ok(Ok(_)) if !line.is_empty() => serde_json::from_str(&line).expect("the announcement is JSON"),
            other => panic!("host {name} does not start ({other:?}): {}", self.log_of(name)),
        };
        let listen = told["listen"].as_str().expect("the announcement has an address").to_owned();
        Beside { name: name.to_owned(), listen, child, _out: out }
    }

    /// All that another host logged.
    #[must_use]
    pub fn log_of(&self, name: &str) -> String {
        std::fs::read_to_string(self.dir().join(format!("serve-{name}.log"))).unwrap_or_default()
    }

    /// What `/readyz` of a host says.
    pub async fn readyz(&self, listen: &str) -> Value {
        let answer = self.client.get(format!("http://{listen}/readyz")).send().await.expect("the API answers");
        answer.json().await.expect("readyz is JSON")
    }

    /// `host list`, by name.
    pub async fn hosts(&self) -> Vec<Value> {
        self.ask(&["host", "list"]).await["hosts"].as_array().cloned().unwrap_or_default()
    }

    /// Waits for something in the fakes' ledgers, longer than for what happens at once: for what a lease delays.
    ///
    /// # Panics
    /// When it does not come true in time.
    pub async fn until_within(&self, time: Duration, what: &str, mut seen: impl FnMut(&Self) -> bool) {
        let end = Instant::now() + time;
        while !seen(self) {
            assert!(
                Instant::now() < end,
                "waited in vain until {what}; log:\n{}\nERP: {:?}",
                self.tail(),
                self.erp.state()
            );
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

impl Beside {
    /// SIGKILL, and waits until the process is gone.
    pub async fn kill(mut self) {
        self.child.kill().await.expect("a child can be killed");
    }

    /// Sends a signal by its name.
    pub async fn signal(&self, name: &str) {
        let id = self.child.id().expect("it runs");
        let done = tokio::process::Command::new("kill").args([&format!("-{name}"), &id.to_string()]).status().await;
        assert!(done.expect("kill can be run").success());
    }

    /// SIGTERM, and waits.
    pub async fn stop(mut self) -> std::process::ExitStatus {
        self.signal("TERM").await;
        let waited = tokio::time::timeout(PATIENCE, self.child.wait()).await;
        waited.expect("it ends").expect("a child can be waited for")
    }
}
