//! The whole journey: `orderdock serve` as a process of its own, with every commit durable, against the bare loop with
//! the same servers. They take turns, so that a busy moment of the machine falls on all of them; medians count.

use std::path::Path;

use anyhow::{bail, ensure};

use super::{
    Figures, Options,
    bare::Bare,
    commits::Commits,
    float,
    hosts::{Host, Wish},
    percentile, say,
    servers::{Calls, Servers},
};

const SECTION: &str = "journey";

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
        let hosts = start(folder.path(), &servers, server.as_ref(), store.hosts(), at_once).await?;
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
    let mut hosts = start(folder.path(), &servers, server.as_ref(), 1, 16).await?;
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

async fn start(
    folder: &Path,
    servers: &Servers,
    server: Option<&orderdock_postgres::Server>,
    hosts: usize,
    at_once: usize,
) -> anyhow::Result<Vec<Host>> {
    let database = server.map(|server| server.url("hosts"));
    Host::start_all(folder, &Wish { database, hosts, at_once: Some(at_once), servers: &[servers] }).await
}
