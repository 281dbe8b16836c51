//! A stage: the real `orderdock` between a fake shop, a fake ERP and a mail catcher, each a process of its own in one
//! folder. For the demo and for every test that judges the binary by the fakes' ledgers.

pub mod books;
pub mod process;

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::{Context as _, anyhow, bail};
use orderdock_port::Port;
use serde_json::Value;
use tokio::time::Instant;

use self::{books::ShopBook, process::Process};
use crate::{
    erp::{Accepted, Rule},
    mail::{self, Caught},
    shop::world::ShopKind,
};

/// What a command of `orderdock` said.
#[derive(Clone, Debug)]
pub struct Said {
    /// Exit code; none when a signal ended it.
    pub code: Option<i32>,
    /// Standard output.
    pub out: String,
    /// Standard error.
    pub remarks: String,
}

/// The stage. Dropping it kills everything on it.
pub struct Stage {
    folder: PathBuf,
    programs: PathBuf,
    http: reqwest::Client,
    /// Of shop, ERP and mail server: theirs also while they are down.
    ports: [Port; 3],
    shop: Option<Process>,
    erp: Option<Process>,
    mail: Option<Process>,
    host: Option<Process>,
}

impl Stage {
    /// An empty stage in a folder, which is made. Nothing runs yet.
    ///
    /// # Errors
    /// When the folder can't be made, or our own programs are not found beside this one.
    pub fn new(folder: &Path) -> anyhow::Result<Self> {
        let _installed_before = rustls::crypto::ring::default_provider().install_default();
        std::fs::create_dir_all(folder.join("logs")).with_context(|| format!("{} can't be made", folder.display()))?;
        let http = reqwest::Client::builder().no_proxy().tls_certs_only([]).timeout(Duration::from_secs(60)).build()?;
        let programs = programs()?;
        let folder = std::fs::canonicalize(folder)?;
        let ports = [Port::free()?, Port::free()?, Port::free()?];
        Ok(Self { folder, programs, http, ports, shop: None, erp: None, mail: None, host: None })
    }

    /// Its folder.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Where a program of ours lies.
    #[must_use]
    pub fn program(&self, name: &str) -> PathBuf {
        self.programs.join(name).with_extension(std::env::consts::EXE_EXTENSION)
    }

    /// The host's file.
    #[must_use]
    pub fn config(&self) -> PathBuf {
        self.folder.join("orderdock.toml")
    }

    async fn start(&self, program: &str, arguments: &[&str]) -> anyhow::Result<Process> {
        let log = self.folder.join("logs").join(format!("{program}.log"));
        let mut all = Vec::new();
        if program != "orderdock" {
            let folder = self.folder.join(program);
            all.extend(["--dir".to_owned(), folder.display().to_string()]);
        }
        all.extend(arguments.iter().map(|argument| (*argument).to_owned()));
        Process::start(&self.program(program), &all, &self.folder, &log).await
    }

    /// Starts the fake shop; its ledger is in `fake-shop/`. Started again, it goes on from there at the same port.
    ///
    /// # Errors
    /// When it does not start.
    pub async fn start_shop(&mut self) -> anyhow::Result<()> {
        let port = self.ports[0].number().to_string();
        self.shop = None;
        self.shop = Some(self.start("fake-shop", &["--no-flush", "--port", &port]).await?);
        Ok(())
    }

    /// Starts the fake ERP; its ledger is in `fake-erp/`. Started again, it goes on from there at the same port.
    ///
    /// # Errors
    /// When it does not start.
    pub async fn start_erp(&mut self) -> anyhow::Result<()> {
        let port = self.ports[1].number().to_string();
        self.erp = None;
        self.erp = Some(self.start("fake-erp", &["--port", &port]).await?);
        Ok(())
    }

    /// Starts the mail catcher; its mails are in `mail-catcher/`.
    ///
    /// # Errors
    /// When it does not start.
    pub async fn start_mail(&mut self) -> anyhow::Result<()> {
        let port = self.ports[2].number().to_string();
        self.mail = None;
        self.mail = Some(self.start("mail-catcher", &["--port", &port]).await?);
        Ok(())
    }

    /// Starts `orderdock serve` with the host's file.
    ///
    /// # Errors
    /// When it does not start.
    pub async fn start_host(&mut self) -> anyhow::Result<()> {
        let config = self.config().display().to_string();
        self.host = Some(self.start("orderdock", &["--config", &config, "serve", "--announce"]).await?);
        Ok(())
    }

    /// Kills the host as a power cut would.
    ///
    /// # Errors
    /// When it does not run.
    pub async fn kill_host(&mut self) -> anyhow::Result<()> {
        self.host.take().context("the host does not run")?.kill().await
    }

    /// Stops the host in good order; whether it ended well.
    ///
    /// # Errors
    /// When it does not run.
    pub async fn stop_host(&mut self) -> anyhow::Result<bool> {
        self.host.take().context("the host does not run")?.stop().await
    }

    /// Whether the host runs.
    pub fn host_runs(&mut self) -> bool {
        self.host.as_mut().is_some_and(Process::runs)
    }

    /// Where the host's page and API are: `127.0.0.1:PORT`.
    ///
    /// # Errors
    /// When it does not run.
    pub fn host_address(&self) -> anyhow::Result<&str> {
        self.host.as_ref().context("the host does not run")?.text("listen")
    }

    /// Stops everything, the host first.
    ///
    /// # Errors
    /// The operating system's.
    pub async fn stop(mut self) -> anyhow::Result<()> {
        if self.host.is_some() {
            self.stop_host().await?;
        }
        for process in [self.shop.take(), self.erp.take(), self.mail.take()].into_iter().flatten() {
            process.kill().await?;
        }
        Ok(())
    }

    /// Base address of the fake shop for a connection of this kind.
    ///
    /// # Errors
    /// When it does not run.
    pub fn shop_address(&self, kind: ShopKind) -> anyhow::Result<&str> {
        let name = match kind {
            ShopKind::Evo => "evo",
            ShopKind::Woo => "woo",
        };
        self.shop.as_ref().context("the fake shop does not run")?.text(name)
    }

    /// Base address of the fake ERP.
    ///
    /// # Errors
    /// When it does not run.
    pub fn erp_address(&self) -> anyhow::Result<&str> {
        self.erp.as_ref().context("the fake ERP does not run")?.text("base_address")
    }

    /// Port of the mail catcher.
    ///
    /// # Errors
    /// When it does not run.
    pub fn mail_port(&self) -> anyhow::Result<u16> {
        let address = self.mail.as_ref().context("the mail catcher does not run")?.text("smtp")?;
        Ok(address.rsplit(':').next().unwrap_or_default().parse()?)
    }

    /// Asks the fake shop's control API: `POST` with a body, `GET` without.
    ///
    /// # Errors
    /// When it does not run or refuses.
    pub async fn shop_control(&self, path: &str, body: Option<Value>) -> anyhow::Result<Value> {
        let base = self.shop.as_ref().context("the fake shop does not run")?.text("control")?;
        let url = format!("{base}/{path}");
        let request = match &body {
            Some(body) => self.http.post(&url).json(body),
            None => self.http.get(&url),
        };
        answered(request).await.with_context(|| format!("the fake shop's {path}"))
    }

    /// Places orders in the fake shop, in the shape that it serves; gives their ids.
    ///
    /// # Errors
    /// When it does not run or refuses.
    pub async fn place(&self, shop: ShopKind, account: &str, orders: Vec<Value>) -> anyhow::Result<Vec<u64>> {
        let body = serde_json::json!({ "shop": shop, "account": account, "orders": orders });
        let told = self.shop_control("orders", Some(body)).await?;
        let ids = told.get("ids").and_then(Value::as_array).context("the fake shop gave no ids")?;
        Ok(ids.iter().filter_map(Value::as_u64).collect())
    }

    /// Replaces the fake ERP's rules.
    ///
    /// # Errors
    /// When it does not run or refuses.
    pub async fn erp_rules(&self, rules: &[Rule]) -> anyhow::Result<()> {
        let address = self.erp.as_ref().context("the fake ERP does not run")?.text("address")?;
        let request = self.http.put(format!("http://{address}/_control/rules")).json(&rules);
        answered(request).await.context("the fake ERP's rules").map(drop)
    }

    /// What the fake ERP saw and did since its start.
    ///
    /// # Errors
    /// When it does not run.
    pub async fn erp_state(&self) -> anyhow::Result<crate::erp::State> {
        let address = self.erp.as_ref().context("the fake ERP does not run")?.text("address")?;
        let state = answered(self.http.get(format!("http://{address}/_control/state"))).await?;
        Ok(serde_json::from_value(state)?)
    }

    /// What the fake ERP has accepted, by its file.
    ///
    /// # Errors
    /// When the file can't be read.
    pub fn erp_book(&self) -> anyhow::Result<Vec<Accepted>> {
        books::erp_book(&self.folder.join("fake-erp"))
    }

    /// The fake shop's ledger, by its file; nothing is read yet.
    #[must_use]
    pub fn shop_book(&self) -> ShopBook {
        ShopBook::of(&self.folder.join("fake-shop"))
    }

    /// The mails that were caught.
    ///
    /// # Errors
    /// When the folder can't be read.
    pub fn mails(&self) -> anyhow::Result<Vec<Caught>> {
        Ok(mail::read_index(&self.folder.join("mail-catcher"))?)
    }

    /// Runs a command of `orderdock` with the host's file, and waits for its end.
    ///
    /// # Errors
    /// When it can't be started; its exit code is the caller's to judge.
    pub async fn run(&self, arguments: &[&str]) -> anyhow::Result<Said> {
        let output = tokio::process::Command::new(self.program("orderdock"))
            .arg("--config")
            .arg(self.config())
            .args(arguments)
            .current_dir(&self.folder)
            .kill_on_drop(true)
            .output()
            .await?;
        let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
        Ok(Said { code: output.status.code(), out: text(output.stdout), remarks: text(output.stderr) })
    }

    /// Runs a command that must succeed; gives what it printed.
    ///
    /// # Errors
    /// When it fails; what it said is in the sentence.
    pub async fn orderdock(&self, arguments: &[&str]) -> anyhow::Result<String> {
        let said = self.run(arguments).await?;
        if said.code != Some(0) {
            bail!("`orderdock {}` failed:\n{}{}", arguments.join(" "), said.remarks, said.out);
        }
        Ok(said.out)
    }

    /// The same with `--json`.
    ///
    /// # Errors
    /// When it fails or prints something else.
    pub async fn orderdock_json(&self, arguments: &[&str]) -> anyhow::Result<Value> {
        let mut all = arguments.to_vec();
        all.push("--json");
        let out = self.orderdock(&all).await?;
        serde_json::from_str(&out).with_context(|| format!("`orderdock {}` printed no JSON", all.join(" ")))
    }

    /// Keeps a plugin that `cargo xtask plugins` built, by its crate's name; gives its release as `name@version`.
    ///
    /// # Errors
    /// When it was not built or is refused.
    pub async fn add_plugin(&self, name: &str) -> anyhow::Result<String> {
        let file = component(name);
        if !file.is_file() {
            bail!("{} is missing: `cargo xtask plugins` builds it", file.display());
        }
        let told = self.orderdock_json(&["plugin", "add", &file.display().to_string()]).await?;
        let text =
            |name: &str| told.pointer(&format!("/description/{name}")).and_then(Value::as_str).unwrap_or_default();
        Ok(format!("{}@{}", text("name"), text("version")))
    }
}

async fn answered(request: reqwest::RequestBuilder) -> anyhow::Result<Value> {
    let answer = request.send().await?;
    let (status, text) = (answer.status(), answer.text().await?);
    if !status.is_success() {
        bail!("{status}: {text}");
    }
    Ok(if text.is_empty() { Value::Null } else { serde_json::from_str(&text)? })
}

/// The folder that cargo puts our programs into: the one that this program is in, or is in a folder of.
fn programs() -> anyhow::Result<PathBuf> {
    let here = std::env::current_exe()?;
    let found = here.ancestors().skip(1).take(3).find(|folder| folder.join("orderdock").is_file());
    found.map(Path::to_owned).ok_or_else(|| {
        anyhow!("`orderdock` is not beside {}: `cargo build --workspace --bins` builds it", here.display())
    })
}

/// The component of a plugin, as `cargo xtask plugins` leaves it.
#[must_use]
pub fn component(name: &str) -> PathBuf {
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap_or(Path::new(""));
    workspace.join("target/components").join(format!("{name}.wasm"))
}

/// Asks again and again until there is an answer; gives up after `limit`.
///
/// # Errors
/// The question's own, or that it took too long: `what` was waited for.
pub async fn until<T>(
    what: &str,
    limit: Duration,
    mut ask: impl AsyncFnMut() -> anyhow::Result<Option<T>>,
) -> anyhow::Result<T> {
    let begun = Instant::now();
    loop {
        if let Some(found) = ask().await? {
            return Ok(found);
        }
        if begun.elapsed() > limit {
            bail!("waited {} s in vain: {what}", limit.as_secs());
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}
