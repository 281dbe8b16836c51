//! The whole journey: `orderdock serve` as a process of its own, with every commit durable, against the bare loop with
//! the same servers. They take turns, so that a busy moment of the machine falls on all of them; medians count.

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

use super::{
    Figures, Options,
    bare::Bare,
    commits::Commits,
    percentile, say,
    servers::{Calls, Servers},
    workspace,
};

const SECTION: &str = "journey";

/// Longest time that a run may take before it counts as stuck.
const STUCK: Duration = Duration::from_secs(180);

/// How much is measured.
struct Size {
    repeats: usize,
    /// Orders of a run one at a time.
    alone: usize,
    /// Orders of a run with several in flight.
    together: usize,
    /// Orders whose way from the list to the ERP is timed.
    single: usize,
}

/// Where the ledger lies.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Store {
    /// In a file.
    Sqlite,
    /// In a server that flushes as a real one does, with so many hosts.
    Postgres(usize),
}

impl Store {
    fn hosts(self) -> usize {
        if let Self::Postgres(hosts) = self { hosts } else { 1 }
    }

    /// Begin of the figures' names, and what people read.
    fn words(self) -> (String, String) {
        match self {
            Self::Sqlite => ("journey".to_owned(), String::new()),
            Self::Postgres(1) => ("postgres".to_owned(), "PostgreSQL, ".to_owned()),
            Self::Postgres(hosts) => (format!("postgres_{hosts}_hosts"), format!("PostgreSQL, {hosts} hosts, ")),
        }
    }
}

/// Measures.
///
/// # Errors
/// When the host does not start, or orders do not arrive.
pub async fn measure(options: &Options, figures: &mut Figures) -> anyhow::Result<()> {
    let size = if options.quick {
        Size { repeats: 1, alone: 20, together: 60, single: 3 }
    } else {
        Size { repeats: 3, alone: 1_000, together: 3_000, single: 30 }
    };
    let wanted = |at_once: usize| options.in_flight.is_none_or(|only| only == at_once);
    let stores = [Store::Sqlite, Store::Postgres(1), Store::Postgres(2), Store::Postgres(4)];
    for store in stores.into_iter().filter(|store| options.takes(*store != Store::Sqlite)) {
        for (at_once, count) in [(1, size.alone), (16, size.together)] {
            // Several hosts share the work of many orders; one at a time there is nothing to share.
            if wanted(at_once) && (store.hosts() == 1 || at_once > 1) {
                compare(store, at_once, count, size.repeats, figures).await?;
            }
        }
        if options.in_flight.is_none() && store.hosts() == 1 {
            latency(store, size.single, figures).await?;
        }
    }
    Ok(())
}

/// A server for the hosts, and one database in it for them and one for the bare loop.
fn server(store: Store) -> anyhow::Result<Option<orderdock_postgres::Server>> {
    if store == Store::Sqlite {
        return Ok(None);
    }
    let options = orderdock_postgres::Options { fsync: true, ..orderdock_postgres::Options::default() };
    let server = orderdock_postgres::Server::start(&options)?;
    for database in ["hosts", "bare"] {
        server.create(database)?;
    }
    Ok(Some(server))
}

async fn compare(
    store: Store,
    at_once: usize,
    count: usize,
    repeats: usize,
    figures: &mut Figures,
) -> anyhow::Result<()> {
    let (mut journey, mut calls_only, mut commits_too) = (Vec::new(), Vec::new(), Vec::new());
    let (mut calls, mut cpu) = (Calls::default(), Vec::new());
    let (begin, words) = store.words();
    for repeat in 1..=repeats {
        say(&format!("journey, {words}{at_once} in flight, run {repeat} of {repeats}"));
        let folder = tempfile::tempdir()?;
        let servers = Servers::start().await?;
        let server = server(store)?;
        servers.add(count);
        let hosts = Host::start_all(folder.path(), &servers, server.as_ref(), store.hosts(), at_once).await?;
        let Some(first) = hosts.first() else { bail!("no host") };
        journey.push(float(count) / first.carried(&servers).await?);
        cpu.push(hosts.iter().map(Host::cpu_ms).sum::<f64>() / float(count));
        for host in hosts {
            host.end().await?;
        }
        calls = servers.calls();
        let list_every = count / usize::try_from(calls.list)?.max(1);
        let commits = match &server {
            None => Commits::open(&folder.path().join("bare.db")).await?,
            Some(server) => Commits::open_postgres(&server.url("bare")).await?,
        };
        for (times, commits) in [(&mut commits_too, Some(commits)), (&mut calls_only, None)] {
            let first = servers.add(count);
            times.push(Bare::new(&servers, list_every, commits)?.run(first, count, at_once).await?);
            ensure!(servers.left() == 0, "the bare loop left orders behind");
        }
    }
    let [journey, calls_only, commits_too] =
        [&mut journey, &mut calls_only, &mut commits_too].map(|rates| percentile(rates, 50));
    let name = |what: &str| format!("{begin}_{at_once}_{what}");
    let about = |what: &str| match at_once {
        1 => format!("{words}one at a time: {what}"),
        _ => format!("{words}{at_once} in flight: {what}"),
    };
    figures.add(SECTION, name("orders_per_s"), about("orders"), journey);
    figures.add(SECTION, name("calls_only_per_s"), about("(a) the same calls, nothing kept"), calls_only);
    figures.add(SECTION, name("commits_per_s"), about("(b) the same calls, four durable commits"), commits_too);
    figures.add(SECTION, name("calls_only_ratio"), about("journey / (a)"), journey / calls_only);
    figures.add_with_target(SECTION, name("commits_ratio"), about("journey / (b)"), journey / commits_too, "≥ 0.65 ×");
    let cpu = percentile(&mut cpu, 50);
    figures.add(SECTION, name("cpu_ms"), about("processor time of the hosts for each order"), cpu);
    let each = |calls: u32| f64::from(calls) / float(count);
    let (shop, erp) = (calls.get + calls.put + calls.note, calls.erp);
    figures.add(SECTION, name("shop_calls"), about("calls to the shop for each order (lists aside)"), each(shop));
    figures.add(SECTION, name("erp_calls"), about("calls to the ERP for each order"), each(erp));
    Ok(())
}

/// One order in an idle host, from the list that shows it to its arrival in the ERP.
async fn latency(store: Store, count: usize, figures: &mut Figures) -> anyhow::Result<()> {
    let (begin, words) = store.words();
    say(&format!("{words}from list to ERP"));
    let folder = tempfile::tempdir()?;
    let servers = Servers::start().await?;
    let server = server(store)?;
    servers.add(1);
    let mut hosts = Host::start_all(folder.path(), &servers, server.as_ref(), 1, 16).await?;
    let Some(host) = hosts.pop() else { bail!("no host") };
    host.carried(&servers).await?;
    let mut times = Vec::with_capacity(count);
    for _ in 0..count {
        let id = servers.add(1);
        host.command(&["sync", "bench"]).await?;
        host.carried(&servers).await?;
        times.extend(servers.seen_to_sent_ms(id));
    }
    host.end().await?;
    let name = |percent: u8| format!("{begin}_list_to_erp_p{percent}_ms");
    let about = |what: &str| format!("{words}from the list to the ERP, idle host: {what}");
    figures.add(SECTION, name(50), about("median"), percentile(&mut times, 50));
    figures.add(SECTION, name(95), about("95 %"), percentile(&mut times, 95));
    Ok(())
}

/// `orderdock serve` with one connection.
struct Host {
    folder: PathBuf,
    process: Child,
}

impl Host {
    /// Starts so many hosts that share `at_once` places and, with a server, one database.
    async fn start_all(
        folder: &Path,
        servers: &Servers,
        server: Option<&orderdock_postgres::Server>,
        hosts: usize,
        at_once: usize,
    ) -> anyhow::Result<Vec<Self>> {
        let component = workspace().join("target/components/json-post.wasm");
        ensure!(component.exists(), "{}; `cargo xtask plugins` builds the components", component.display());
        let component = component.display().to_string();
        let places = at_once.div_ceil(hosts);
        let mut all = Vec::with_capacity(hosts);
        for number in 0..hosts {
            let folder = folder.join(number.to_string());
            std::fs::create_dir(&folder)?;
            // Secrets are sealed with a key that the hosts of one database share.
            let mut config = String::from("data_dir = \"data\"\nlisten = \"127.0.0.1:0\"\nkey_file = \"../key\"\n");
            if let Some(server) = server {
                let _ = writeln!(config, "database = \"{}\"", server.url("hosts"));
            }
            let _ = write!(
                config,
                "[limits]\norders_at_once = {places}\norders_at_once_per_connection = {places}\n[log]\nfilter = \"warn\"\n"
            );
            std::fs::write(folder.join("orderdock.toml"), config)?;
            std::fs::write(folder.join("token"), "bench")?;
            std::fs::write(folder.join("bench.toml"), connection(servers))?;
            if number == 0 {
                run(&folder, &["plugin", "add", &component]).await?;
                run(&folder, &["connection", "apply", "bench.toml"]).await?;
            }
            let log = std::fs::File::create(folder.join("log"))?;
            let process = command(&folder, &["serve"])?
                .stdin(Stdio::null())
                .stdout(Stdio::null())
                .stderr(log)
                .kill_on_drop(true)
                .spawn()?;
            all.push(Self { folder, process });
        }
        Ok(all)
    }

    async fn command(&self, arguments: &[&str]) -> anyhow::Result<()> {
        run(&self.folder, arguments).await
    }

    /// Seconds until every order is done.
    async fn carried(&self, servers: &Servers) -> anyhow::Result<f64> {
        match timeout(STUCK, servers.done()).await {
            Ok(seconds) => Ok(seconds),
            Err(_) => bail!("{} orders did not arrive; the host says: {}", servers.left(), self.log()),
        }
    }

    /// Processor time that the host has used, in milliseconds (proc(5): fields 14 and 15, in hundredths of a second).
    fn cpu_ms(&self) -> f64 {
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
    async fn end(mut self) -> anyhow::Result<()> {
        self.process.kill().await.context("the host did not end")
    }
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
fn connection(servers: &Servers) -> String {
    format!(
        r#"name = "bench"
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

#[expect(clippy::cast_precision_loss, reason = "some thousand orders")]
fn float(count: usize) -> f64 {
    count as f64
}
