//! The rig: the real `orderdock` as a process of its own between fakes that keep ledgers, each test with all of it to itself.
//!
//! Fakes run inside the test, so that it can look into their ledgers at any moment and set their faults at once. What the
//! host itself says is asked by the real command line with `--json`; what it did is judged by the fakes.

use std::{
    path::{Path, PathBuf},
    process::{ExitStatus, Stdio},
    time::Duration,
};

use serde_json::Value;
use tokio::{
    io::{AsyncBufReadExt as _, BufReader},
    process::{Child, ChildStdout, Command},
    time::Instant,
};

use crate::{
    erp::FakeErp,
    mail::MailCatcher,
    orders,
    shop::{self, FakeShop, Key, ShopKind},
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
/// How long a test waits for anything that should happen at once. Generous: builders share the machine.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// Where the built programs are: beside this test's own folder.
fn programs() -> PathBuf {
    let own = std::env::current_exe().expect("a test knows its own file");
    own.parent().and_then(Path::parent).expect("tests run below the target folder").to_owned()
}

/// The binary `orderdock`.
///
/// # Panics
/// When it was not built.
#[must_use]
pub fn orderdock() -> PathBuf {
    let path = programs().join("orderdock");
    assert!(path.is_file(), "{} is missing: run `cargo build -p orderdock` first", path.display());
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
    client: reqwest::Client,
    dir: tempfile::TempDir,
}

impl Rig {
    /// Fakes, a host file and the json-post plugin; nothing is connected or at work.
    pub async fn bare() -> Self {
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
        let rig = Self { shop, erp, mail, host: None, environment, client, dir };
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

    /// Uploads json-post.
    pub async fn add_plugin(&self) {
        let added = self.run(&["plugin", "add", component("json-post").to_str().expect("a path of text")]).await;
        assert_eq!(added.code, 0, "{added:?}");
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

    /// Writes a file into the test's folder.
    pub fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.dir().join(name);
        std::fs::write(&path, text).expect("the test's folder can be written");
        path
    }

    /// The usual host file. Compiled code is shared by all tests: only the first of them compiles.
    #[must_use]
    pub fn host_file(&self) -> String {
        format!(
            "data_dir = \"data\"\nlisten = \"127.0.0.1:0\"\n\
             [plugins]\ncache_dir = \"{}\"\ninstances = 8\n\
             [heartbeat]\nevery = \"1s\"\n\
             [log]\nfilter = \"info,orderdock=debug\"\n\
             [smtp]\nhost = \"127.0.0.1\"\nport = {}\nsecurity = \"none\"\nfrom = \"Orderdock <orders@example.test>\"\ngather = \"0s\"\n",
            programs().join("../tmp/plugin-cache").display(),
            self.mail.address().port(),
        )
    }

    /// The usual connection's file: EvolutionX to json-post, quick repeats, and lists that do not lag. `more` may hold
    /// further keys as `table.key = value` lines, which win over the usual ones.
    #[must_use]
    pub fn connection_file(&self, more: &str) -> String {
        let usual = format!(
            r#"
            name = "{CONNECTION}"
            [shop]
            kind = "evolutionx"
            base_address = "{}"
            account = "{ACCOUNT}"
            [shop.settings]
            read_lag_s = 0
            http = {{ requests_per_minute = 0, default_wait_s = 1 }}
            [shop.secrets]
            token = {{ env = "EVO_TOKEN" }}
            [take]
            from = "2020-01-01"
            [plugin]
            release = "json-post@0.1.0"
            [plugin.settings]
            [destination]
            kind = "http"
            [destination.settings]
            base_address = "{}"
            authentication = {{ kind = "header", name = "Authorization", secret = "token" }}
            [destination.secrets]
            token = {{ env = "ERP_TOKEN" }}
            [retry]
            first_wait = "1s"
            longest_wait = "1s"
            [unknown]
            lookup_for = "1s"
            settling = "1s"
            [notify]
            to = ["staff@example.test"]
            "#,
            self.shop.evo(),
            self.erp.base_address(),
        );
        let mut table: toml::Table = toml::from_str(&usual).expect("the usual file is TOML");
        overlay(&mut table, toml::from_str(more).unwrap_or_else(|error| panic!("not TOML: {more}: {error}")));
        toml::to_string(&table).expect("a table has a text")
    }

    /// Applies the usual connection with changes.
    pub async fn connect(&self, more: &str) {
        let file = self.write("connection.toml", &self.connection_file(more));
        let said = self.run(&["connection", "apply", file.to_str().expect("a path of text")]).await;
        assert_eq!(said.code, 0, "{said:?}");
    }

    async fn apply(&self, name: &str, usual: toml::Table, more: &str) {
        let mut table = usual;
        overlay(&mut table, toml::from_str(more).unwrap_or_else(|error| panic!("not TOML: {more}: {error}")));
        let file = self.write(&format!("{name}.toml"), &toml::to_string(&table).expect("a table has a text"));
        let said = self.run(&["connection", "apply", file.to_str().expect("a path of text")]).await;
        assert_eq!(said.code, 0, "{said:?}");
    }

    /// Applies a connection `woo` to the WooCommerce face of the fake shop.
    pub async fn connect_woo(&self, more: &str) {
        let mut table: toml::Table = toml::from_str(&self.connection_file("")).expect("TOML");
        table.insert("name".to_owned(), "woo".into());
        let shop = toml::toml! {
            kind = "woocommerce"
            [settings]
            http = { requests_per_minute = 0 }
            [secrets]
            consumer_key = { env = "WOO_KEY" }
            consumer_secret = { env = "WOO_SECRET" }
        };
        table.insert("shop".to_owned(), shop.into());
        let address = format!("shop.base_address = \"{}\"\n", self.shop.woo());
        let status =
            "status.new = [\"processing\"]\nstatus.success = \"erp-delivered\"\nstatus.failure = \"erp-failed\"\n";
        self.apply("woo", table, &format!("{address}{status}{more}")).await;
    }

    /// Asks for a sweep of `woo`, and waits until it was made.
    pub async fn sync_woo(&self) {
        let lists =
            |rig: &Self| rig.shop.requests("woo GET /wp-json/wc/v3/orders") + rig.shop.requests("woo GET /orders");
        let before = lists(self);
        self.ask(&["sync", "woo"]).await;
        self.until("the shop was asked for its list", |rig| lists(rig) > before).await;
    }

    /// Applies a connection `pushed` for any system that pushes.
    pub async fn connect_push(&self, more: &str) {
        let mut table: toml::Table = toml::from_str(&self.connection_file("")).expect("TOML");
        table.insert("name".to_owned(), "pushed".into());
        let shop = toml::toml! {
            kind = "push"
            [secrets]
            token = { env = "PUSH_TOKEN" }
        };
        table.insert("shop".to_owned(), shop.into());
        self.apply("pushed", table, more).await;
    }

    /// A request to the host's API: status and body.
    pub async fn http(&self, method: &str, path: &str, token: Option<&str>, body: &str) -> (u16, String) {
        let listen = &self.host.as_ref().expect("a host is at work").listen;
        let method = method.parse().expect("a method");
        let mut request = self.client.request(method, format!("http://{listen}{path}")).body(body.to_owned());
        if let Some(token) = token {
            request = request.bearer_auth(token);
        }
        let answer = request.send().await.expect("the API answers");
        (answer.status().as_u16(), answer.text().await.expect("the API answers with text"))
    }

    /// Waits until `/readyz` says something.
    ///
    /// # Panics
    /// When it does not in time.
    pub async fn until_ready(&self, what: &str, seen: impl Fn(&Value) -> bool) {
        let end = Instant::now() + PATIENCE;
        loop {
            let (_, text) = self.http("GET", "/readyz", None, "").await;
            if serde_json::from_str(&text).is_ok_and(|ready| seen(&ready)) {
                return;
            }
            assert!(Instant::now() < end, "waited in vain until the host {what}: {text}\n{}", self.tail());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(orderdock());
        command.current_dir(self.dir()).args(["--config", "orderdock.toml"]).args(arguments).kill_on_drop(true);
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

    /// Runs a command that must succeed; its JSON.
    pub async fn ask(&self, arguments: &[&str]) -> Value {
        let said = self.run(&[arguments, &["--json"]].concat()).await;
        assert_eq!(said.code, 0, "{arguments:?}: {said:?}");
        said.json()
    }

    /// Starts the host and waits until it works. Its log goes to `serve.log`, start after start.
    pub async fn serve(&mut self) {
        let log = std::fs::OpenOptions::new().create(true).append(true).open(self.dir().join("serve.log"));
        let mut child = self
            .command(&["serve", "--announce"])
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
            other => panic!("the host does not start ({other:?}): {}", self.log()),
        };
        let listen = told["listen"].as_str().expect("the announcement has an address").to_owned();
        self.host = Some(Serving { child, listen, _out: out });
    }

    /// SIGKILL, and waits until the process is gone.
    pub async fn kill(&mut self) {
        let mut serving = self.host.take().expect("a host is at work");
        serving.child.kill().await.expect("a child can be killed");
    }

    /// Sends a signal by its name: `TERM`, `STOP`, `CONT`.
    pub async fn signal(&self, name: &str) {
        let id = self.host.as_ref().and_then(|serving| serving.child.id()).expect("a host is at work");
        let done = Command::new("kill").args([&format!("-{name}"), &id.to_string()]).status().await;
        assert!(done.expect("kill can be run").success());
    }

    /// Waits until the host has ended by itself.
    pub async fn ended(&mut self) -> ExitStatus {
        let mut serving = self.host.take().expect("a host is at work");
        let waited = tokio::time::timeout(PATIENCE, serving.child.wait()).await;
        waited.unwrap_or_else(|_| panic!("the host does not end: {}", self.log())).expect("a child can be waited for")
    }

    /// SIGTERM, and waits.
    pub async fn stop(&mut self) -> ExitStatus {
        self.signal("TERM").await;
        self.ended().await
    }

    /// All that the host logged.
    #[must_use]
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.dir().join("serve.log")).unwrap_or_default()
    }

    /// Waits for something in the fakes' ledgers.
    ///
    /// # Panics
    /// When it does not come true in time: with the log's end.
    pub async fn until(&self, what: &str, mut seen: impl FnMut(&Self) -> bool) {
        let end = Instant::now() + PATIENCE;
        while !seen(self) {
            assert!(
                Instant::now() < end,
                "waited in vain until {what}; log:\n{}\nERP: {:?}",
                self.tail(),
                self.erp.state()
            );
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// Waits until an order is in this state, as the command line shows it; gives what it shows.
    ///
    /// # Panics
    /// When it does not get there in time.
    pub async fn until_state(&self, id: u64, state: &str) -> Value {
        self.until_shown(id, &format!("order {id} is {state}"), |shown| shown["order"]["state"] == state).await
    }

    /// Waits until the command line shows something of an order; gives what it shows.
    ///
    /// # Panics
    /// When it does not in time.
    pub async fn until_shown(&self, id: u64, what: &str, seen: impl Fn(&Value) -> bool) -> Value {
        let end = Instant::now() + PATIENCE;
        loop {
            let said = self.run(&["order", "show", &id.to_string(), "--json"]).await;
            if said.code == 0 && seen(&said.json()) {
                return said.json();
            }
            assert!(Instant::now() < end, "waited in vain until {what}: {said:?}\n{}", self.tail());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Waits until the shop shows this status of an order.
    pub async fn until_status(&self, id: u64, status: &str) {
        self.until(&format!("order {id} has the status {status:?} in the shop"), |rig| {
            rig.order(id).status() == status
        })
        .await;
    }

    /// Asks for a sweep, and waits until it was made.
    pub async fn sync(&self) {
        let lists = |rig: &Self| rig.shop.requests("evo GET /orders");
        let before = lists(self);
        self.ask(&["sync", CONNECTION]).await;
        self.until("the shop was asked for its list", |rig| lists(rig) > before).await;
    }

    /// What `order why` says.
    pub async fn why(&self, id: u64) -> String {
        let said = self.run(&["order", "why", &id.to_string()]).await;
        assert_eq!(said.code, 0, "{said:?}");
        said.out
    }

    fn tail(&self) -> String {
        let log = self.log();
        let lines: Vec<&str> = log.lines().collect();
        lines[lines.len().saturating_sub(40)..].join("\n")
    }

    /// Places an ordinary paid order; its id. In the ERP its key is `WEB-<id>`.
    #[must_use]
    pub fn place(&self) -> u64 {
        self.place_with(|_| {})
    }

    /// The same, changed before it is placed.
    pub fn place_with(&self, change: impl FnOnce(&mut Value)) -> u64 {
        let mut body = self.ordinary(self.shop.world.lock().orders.len() + 1);
        change(&mut body);
        self.shop.place(ShopKind::Evo, ACCOUNT, body)
    }

    /// The body of an ordinary paid order, the nth of its kind.
    ///
    /// # Panics
    /// Never for n above 0.
    #[must_use]
    pub fn ordinary(&self, nth: usize) -> Value {
        orders::generate(7, nth).pop().expect("one was made").body(ShopKind::Evo)
    }

    /// The key of an order at the fake shop.
    #[must_use]
    pub fn key(&self, id: u64) -> Key {
        Key { shop: ShopKind::Evo, account: ACCOUNT.to_owned(), id }
    }

    /// An order at the fake shop.
    ///
    /// # Panics
    /// When there is none.
    #[must_use]
    pub fn order(&self, id: u64) -> shop::Order {
        self.shop.order(ShopKind::Evo, ACCOUNT, id).unwrap_or_else(|| panic!("the shop has no order {id}"))
    }

    /// How many orders with this id the ERP accepted.
    #[must_use]
    pub fn accepted(&self, id: u64) -> usize {
        let key = format!("WEB-{id}");
        self.erp.state().orders.iter().filter(|order| order.key == key).count()
    }

    /// How often this order was sent to the ERP, accepted or not.
    #[must_use]
    pub fn sent(&self, id: u64) -> u64 {
        self.erp.state().requests_by_key.get(&format!("WEB-{id}")).copied().unwrap_or(0)
    }
}

/// What `more` says wins.
fn overlay(usual: &mut toml::Table, more: toml::Table) {
    for (key, value) in more {
        match (usual.get_mut(&key), value) {
            (Some(toml::Value::Table(below)), toml::Value::Table(value)) => overlay(below, value),
            (_, value) => drop(usual.insert(key, value)),
        }
    }
}
