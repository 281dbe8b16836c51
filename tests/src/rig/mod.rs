//! The rig: the real `orderdock` as a process of its own between fakes that keep ledgers, each test with all of it to itself.
//!
//! Fakes run inside the test, so that it can look into their ledgers at any moment and set their faults at once. What the
//! host itself says is asked by the real command line with `--json`; what it did is judged by the fakes.

mod files;
mod fleet;
pub mod inside;
mod terminal;
mod watch;

use std::{
    path::{Path, PathBuf},
    process::{ExitStatus, Stdio},
    time::Duration,
};

pub use rustix::process::Signal;
use rustix::process::{Pid, kill_process};
use serde_json::Value;
pub use terminal::AtTerminal;
use tokio::{
    io::{AsyncBufReadExt as _, BufReader},
    process::{Child, ChildStdout, Command},
};

use crate::{
    erp::FakeErp,
    mail::MailCatcher,
    shop::{self, FakeShop},
};

/// The account at the fake shop.
pub const ACCOUNT: &str = "acme";
/// The connection's name.
pub const CONNECTION: &str = "json";
/// The ERP's token: nobody but the ERP may ever see it.
pub const ERP_TOKEN: &str = "erp-canary-4f1d9c7b2a";
/// The shop's token.
pub const SHOP_TOKEN: &str = "evo-acme";
/// The push connection's token.
pub const PUSH_TOKEN: &str = "push-canary-77aa01";
/// What arms the host's failpoints (its module `failpoint` says how).
const FAILPOINTS: &str = "ORDERDOCK_FAILPOINTS";
/// How long a test waits for anything that should happen at once. Generous: a machine that runs all tests at the same time
/// may leave a host without a processor for seconds. What must not take so long is measured by the test that says so.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// Where the built programs are: beside this program, or beside its folder where it is a test.
fn programs() -> PathBuf {
    let own = std::env::current_exe().expect("a program knows its own file");
    let folder = own.parent().expect("a program lies in a folder");
    if folder.ends_with("deps") { folder.parent().expect("tests run below the target folder") } else { folder }
        .to_owned()
}

/// The binary `orderdock`.
///
/// # Panics
/// When it was not built.
#[must_use]
pub fn orderdock() -> PathBuf {
    let path = programs().join("orderdock");
    assert!(path.is_file(), "{} is missing: run `cargo build --workspace --bins` first", path.display());
    path
}

/// The component of a plugin.
///
/// # Panics
/// When it was not built.
#[must_use]
pub fn component(name: &str) -> PathBuf {
    let path = programs().join("../components").join(name).with_extension("wasm");
    assert!(path.is_file(), "{} is missing: run `cargo xtask plugins` first", path.display());
    path
}

/// What a command said.
#[derive(Debug)]
pub struct Said {
    /// Exit code; -1 after a signal.
    pub code: i32,
    /// Standard output.
    pub out: String,
    /// Standard error.
    pub err: String,
}

impl Said {
    /// Its JSON.
    ///
    /// # Panics
    /// When it is none.
    #[must_use]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("not JSON ({error}): {self:?}"))
    }

    /// Everything it said.
    #[must_use]
    pub fn all(&self) -> String {
        format!("{}{}", self.out, self.err)
    }
}

/// A host at work.
pub struct Serving {
    child: Child,
    /// Where its API listens.
    pub listen: String,
    _out: BufReader<ChildStdout>,
}

impl Serving {
    fn id(&self) -> u32 {
        self.child.id().expect("a host that was not waited for has an id")
    }

    /// Sends a signal. The host may have ended meanwhile.
    pub fn signal(&self, signal: Signal) -> bool {
        i32::try_from(self.id()).ok().and_then(Pid::from_raw).is_some_and(|id| kill_process(id, signal).is_ok())
    }

    /// Memory that it has in use, in KiB.
    ///
    /// # Panics
    /// When it has ended.
    #[must_use]
    pub fn resident_kib(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.id())).expect("the host lives");
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("a process has memory");
        line.trim().trim_end_matches("kB").trim().parse().expect("a number")
    }

    /// SIGKILL, and waits until the process is gone.
    pub async fn kill(mut self) {
        self.child.kill().await.expect("a child can be killed");
    }

    /// SIGTERM, and waits until it has ended in good order.
    pub async fn stop(mut self) -> ExitStatus {
        self.signal(Signal::TERM);
        let waited = tokio::time::timeout(PATIENCE, self.child.wait()).await;
        waited.expect("it ends").expect("a child can be waited for")
    }
}

/// One stage for one test.
pub struct Rig {
    /// The shop.
    pub shop: FakeShop,
    /// The ERP.
    pub erp: FakeErp,
    /// The mail server.
    pub mail: MailCatcher,
    /// The host, while it works.
    pub host: Option<Serving>,
    /// Environment of every process.
    pub environment: Vec<(String, String)>,
    /// The host's `database`; none is its default.
    pub database: Option<String>,
    client: reqwest::Client,
    dir: tempfile::TempDir,
}

impl Rig {
    /// Fakes and a host file; nothing is connected or at work.
    pub async fn bare() -> Self {
        Self::bare_on(None).await
    }

    /// The same with the ledger in this database; none: SQLite in the host's folder.
    pub async fn bare_on(database: Option<String>) -> Self {
        let dir = tempfile::tempdir().expect("a temporary folder can be made");
        let options = shop::Options { flush: false, ..shop::Options::default() };
        let shop = FakeShop::start_with(&dir.path().join("shop"), options).await;
        let erp = FakeErp::start(&dir.path().join("erp")).await.expect("the fake ERP starts");
        let mail = MailCatcher::start(&dir.path().join("mail")).await.expect("the mail catcher starts");
        let environment = [
            ("EVO_TOKEN", SHOP_TOKEN),
            ("ERP_TOKEN", ERP_TOKEN),
            ("PUSH_TOKEN", PUSH_TOKEN),
            ("WOO_KEY", "ck_acme"),
            ("WOO_SECRET", "cs_acme"),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .to_vec();
        // The first of the process wins; whoever came before chose the same one.
        let _chosen = rustls::crypto::ring::default_provider().install_default();
        let client = reqwest::Client::builder().no_proxy().build().expect("a client without TLS needs nothing");
        let rig = Self { shop, erp, mail, host: None, environment, database, client, dir };
        rig.write("orderdock.toml", &rig.host_file());
        rig
    }

    /// The same, with the usual connection applied.
    pub async fn connected() -> Self {
        Self::connected_with("").await
    }

    /// The same; `more` is added to the connection's file (see [`Rig::connection_file`]).
    pub async fn connected_with(more: &str) -> Self {
        let rig = Self::bare().await;
        rig.add_plugin().await;
        rig.connect(more).await;
        rig
    }

    /// The same, at work.
    pub async fn working_with(more: &str) -> Self {
        let mut rig = Self::connected_with(more).await;
        rig.serve().await;
        rig
    }

    /// Folder of the test.
    #[must_use]
    pub fn dir(&self) -> &Path {
        self.dir.path()
    }

    /// The host's own folder.
    #[must_use]
    pub fn data(&self) -> PathBuf {
        self.dir().join("data")
    }

    /// A request to the host's API: status and body.
    pub async fn http(&self, method: &str, path: &str, token: Option<&str>, body: &str) -> (u16, String) {
        self.http_at(&self.host.as_ref().expect("a host is at work").listen, method, path, token, body).await
    }

    /// A request to a host's API: status and body.
    pub async fn http_at(
        &self,
        listen: &str,
        method: &str,
        path: &str,
        token: Option<&str>,
        body: &str,
    ) -> (u16, String) {
        let method = method.parse().expect("a method");
        let mut request = self.client.request(method, format!("http://{listen}{path}")).body(body.to_owned());
        if let Some(token) = token {
            request = request.bearer_auth(token);
        }
        let answer = request.send().await.expect("the API answers");
        (answer.status().as_u16(), answer.text().await.expect("the API answers with text"))
    }

    fn command(&self, arguments: &[&str]) -> Command {
        self.command_with("orderdock.toml", arguments)
    }

    fn command_with(&self, config: &str, arguments: &[&str]) -> Command {
        let mut command = Command::new(orderdock());
        command.current_dir(self.dir()).args(["--config", config]).args(arguments).kill_on_drop(true);
        command.env("USER", "tester").envs(self.environment.iter().cloned());
        command
    }

    /// Runs the command line.
    pub async fn run(&self, arguments: &[&str]) -> Said {
        let output = self.command(arguments).stdin(Stdio::null()).output().await.expect("orderdock can be run");
        Said {
            code: output.status.code().unwrap_or(-1),
            out: String::from_utf8_lossy(&output.stdout).into_owned(),
            err: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }

    /// Runs the command line with this as its standard input.
    pub async fn run_with(&self, arguments: &[&str], input: &str) -> Said {
        let path = self.dir().join("standard-input");
        std::fs::write(&path, input).expect("the test's folder can be written");
        let input = std::fs::File::open(path).expect("just written");
        let output = self.command(arguments).stdin(input).output().await.expect("orderdock can be run");
        Said {
            code: output.status.code().unwrap_or(-1),
            out: String::from_utf8_lossy(&output.stdout).into_owned(),
            err: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }

    /// Runs a command that must succeed; its JSON.
    pub async fn ask(&self, arguments: &[&str]) -> Value {
        let said = self.run(&[arguments, &["--json"]].concat()).await;
        assert_eq!(said.code, 0, "{arguments:?}: {said:?}");
        said.json()
    }

    /// Starts the host and waits until it works. Its log goes to `serve.log`, start after start.
    pub async fn serve(&mut self) {
        self.host = Some(self.start("orderdock.toml", "serve.log").await);
    }

    /// Starts a host with a file of its own, and waits until it works.
    pub async fn start(&self, config: &str, log: &str) -> Serving {
        let path = self.dir().join(log);
        let log = std::fs::OpenOptions::new().create(true).append(true).open(&path);
        let mut child = self
            .command_with(config, &["serve", "--announce"])
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
            other => {
                panic!("the host does not start ({other:?}): {}", std::fs::read_to_string(path).unwrap_or_default())
            }
        };
        let armed = self.environment.iter().any(|(name, _)| name == FAILPOINTS);
        assert!(
            !armed || told["failpoints"] == FAILPOINTS,
            "this `orderdock` has no failpoints: build it together with the tests, `cargo build --workspace --bins`"
        );
        let listen = told["listen"].as_str().expect("the announcement has an address").to_owned();
        Serving { child, listen, _out: out }
    }

    /// SIGKILL, and waits until the process is gone.
    pub async fn kill(&mut self) {
        self.host.take().expect("a host is at work").kill().await;
    }

    /// Sends a signal to the host.
    pub fn signal(&self, signal: Signal) {
        assert!(self.host.as_ref().expect("a host is at work").signal(signal));
    }

    /// Waits until the host has ended by itself.
    pub async fn ended(&mut self) -> ExitStatus {
        let mut serving = self.host.take().expect("a host is at work");
        let waited = tokio::time::timeout(PATIENCE, serving.child.wait()).await;
        waited.unwrap_or_else(|_| panic!("the host does not end: {}", self.log())).expect("a child can be waited for")
    }

    /// Arms failpoints for the next start; none disarms them.
    pub fn arm(&mut self, text: Option<&str>) {
        self.environment.retain(|(name, _)| name != FAILPOINTS);
        self.environment.extend(text.map(|text| (FAILPOINTS.to_owned(), text.to_owned())));
    }

    /// Waits until the host stands still (SIGSTOP), by its own doing or ours.
    pub async fn stands_still(&self) {
        let id = self.host.as_ref().expect("a host is at work").id();
        let end = tokio::time::Instant::now() + PATIENCE;
        loop {
            let stat = std::fs::read_to_string(format!("/proc/{id}/stat")).expect("the host lives");
            // The state is the word behind the name, which stands in parentheses.
            if stat.rsplit(')').next().is_some_and(|rest| rest.trim_start().starts_with('T')) {
                return;
            }
            assert!(tokio::time::Instant::now() < end, "the host does not stand still: {}", self.log());
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// SIGTERM, and waits.
    pub async fn stop(&mut self) -> ExitStatus {
        self.signal(Signal::TERM);
        self.ended().await
    }

    /// All that the host logged.
    #[must_use]
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.dir().join("serve.log")).unwrap_or_default()
    }

    fn tail(&self) -> String {
        let log = self.log();
        let lines: Vec<&str> = log.lines().collect();
        lines[lines.len().saturating_sub(40)..].join("\n")
    }
}
