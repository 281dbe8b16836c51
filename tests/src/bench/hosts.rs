//! The real `orderdock serve`, built beside this program, with its connections: what is measured.

use std::{
    fmt::Write as _,
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use anyhow::{Context as _, bail, ensure};
use tokio::{
    process::{Child, Command},
    time::timeout,
};

use super::{servers::Servers, workspace};

/// Longest time that a run may take before it counts as stuck.
const STUCK: Duration = Duration::from_secs(180);

/// What is to be started.
pub struct Wish<'a> {
    /// Address of the database; none: a file in the host's folder.
    pub database: Option<String>,
    /// How many hosts share it.
    pub hosts: usize,
    /// Places for orders, shared by all hosts; none: as a host has them by itself.
    pub at_once: Option<usize>,
    /// A connection for each: the first is called `bench`.
    pub servers: &'a [&'a Servers],
}

/// `orderdock serve` at work.
pub struct Host {
    folder: PathBuf,
    process: Child,
}

impl Host {
    /// Starts the hosts with their connections, each host in a folder of its own.
    ///
    /// # Errors
    /// When one can't be set up.
    pub async fn start_all(folder: &Path, wish: &Wish<'_>) -> anyhow::Result<Vec<Self>> {
        let component = workspace().join("target/components/json-post.wasm");
        ensure!(component.exists(), "{}; `cargo xtask plugins` builds the components", component.display());
        let component = component.display().to_string();
        let mut all = Vec::with_capacity(wish.hosts);
        for number in 0..wish.hosts {
            let folder = folder.join(number.to_string());
            std::fs::create_dir(&folder)?;
            // Secrets are sealed with a key that the hosts of one database share.
            let mut config = String::from("data_dir = \"data\"\nlisten = \"127.0.0.1:0\"\nkey_file = \"../key\"\n");
            if let Some(database) = &wish.database {
                let _ = writeln!(config, "database = \"{database}\"");
            }
            if let Some(places) = wish.at_once.map(|at_once| at_once.div_ceil(wish.hosts)) {
                let _ =
                    write!(config, "[limits]\norders_at_once = {places}\norders_at_once_per_connection = {places}\n");
            }
            config.push_str("[log]\nfilter = \"warn\"\n");
            std::fs::write(folder.join("orderdock.toml"), config)?;
            std::fs::write(folder.join("token"), "bench")?;
            if number == 0 {
                run(&folder, &["plugin", "add", &component]).await?;
                for (number, servers) in wish.servers.iter().enumerate() {
                    let name = if number == 0 { "bench".to_owned() } else { format!("bench-{number}") };
                    std::fs::write(folder.join("bench.toml"), connection(&name, servers))?;
                    run(&folder, &["connection", "apply", "bench.toml"]).await?;
                }
            }
            all.push(Self { process: serve(&folder)?, folder });
        }
        Ok(all)
    }

    /// Ends it, and starts it anew on what it left; `between` has the database for itself.
    ///
    /// # Errors
    /// When it does not stop or start, or what `between` says.
    pub async fn again(&mut self, between: impl Future<Output = anyhow::Result<()>>) -> anyhow::Result<()> {
        let id = self.process.id().and_then(|id| rustix::process::Pid::from_raw(i32::try_from(id).ok()?));
        let id = id.context("the host has ended by itself")?;
        rustix::process::kill_process(id, rustix::process::Signal::TERM)?;
        self.process.wait().await?;
        between.await?;
        self.process = serve(&self.folder)?;
        Ok(())
    }

    /// Where its own database file lies, if it has one.
    pub fn database_file(&self) -> PathBuf {
        self.folder.join("data/orderdock.db")
    }

    /// Runs the command line beside it.
    ///
    /// # Errors
    /// What it says.
    pub async fn command(&self, arguments: &[&str]) -> anyhow::Result<()> {
        run(&self.folder, arguments).await
    }

    /// Seconds until every order is done.
    ///
    /// # Errors
    /// When they do not arrive.
    pub async fn carried(&self, servers: &Servers) -> anyhow::Result<f64> {
        match timeout(STUCK, servers.done()).await {
            Ok(seconds) => Ok(seconds),
            Err(_) => bail!("{} orders did not arrive; the host says: {}", servers.left(), self.log()),
        }
    }

    /// Processor time that the host has used, in milliseconds (proc(5): fields 14 and 15, in hundredths of a second).
    pub fn cpu_ms(&self) -> f64 {
        let id = self.process.id().unwrap_or_default();
        let stat = std::fs::read_to_string(format!("/proc/{id}/stat")).unwrap_or_default();
        // The name before it may hold spaces, and ends with the last parenthesis.
        let fields = stat.rsplit(')').next().unwrap_or_default().split_whitespace();
        fields.skip(11).take(2).filter_map(|field| field.parse::<f64>().ok()).sum::<f64>() * 10.0
    }

    fn log(&self) -> String {
        std::fs::read_to_string(self.folder.join("log")).unwrap_or_default().chars().take(4_000).collect()
    }

    /// Ends the host. What it still had to record is not part of what is measured.
    ///
    /// # Errors
    /// When it does not end.
    pub async fn end(mut self) -> anyhow::Result<()> {
        self.process.kill().await.context("the host did not end")
    }
}

fn serve(folder: &Path) -> anyhow::Result<Child> {
    let log = std::fs::OpenOptions::new().create(true).append(true).open(folder.join("log"))?;
    let mut command = command(folder, &["serve"])?;
    Ok(command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log).kill_on_drop(true).spawn()?)
}

/// The program that was built beside this one.
fn command(folder: &Path, arguments: &[&str]) -> anyhow::Result<Command> {
    let program = std::env::current_exe()?.with_file_name("orderdock");
    ensure!(program.exists(), "{} was not built; use `cargo xtask bench`", program.display());
    let mut command = Command::new(program);
    command.current_dir(folder).args(arguments);
    Ok(command)
}

async fn run(folder: &Path, arguments: &[&str]) -> anyhow::Result<()> {
    let output = command(folder, arguments)?.output().await?;
    ensure!(
        output.status.success(),
        "`orderdock {}` failed: {}",
        arguments.join(" "),
        String::from_utf8_lossy(&output.stderr)
    );
    Ok(())
}

/// The connection: no schedule gets in between, the shop sets no limit, orders of any age are taken.
fn connection(name: &str, servers: &Servers) -> String {
    format!(
        r#"name = "{name}"
[shop]
kind = "evolutionx"
base_address = "{}"
account = "bench"
[shop.settings.http]
requests_per_minute = 0
[shop.secrets]
token = {{ file = "token" }}
[take]
from = "2020-01-01"
[plugin]
release = "json-post@0.1.0"
[destination]
kind = "http"
[destination.settings]
base_address = "{}"
[schedule]
cron = "0 0 1 1 *"
"#,
        servers.shop, servers.erp
    )
}
