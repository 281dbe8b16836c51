//! Fifty connections, each with a shop and an ERP of its own, on one host as it is by default; one of the ERPs takes orders and
//! never answers. How long the others' orders take from the list to their ERP, against the same where all answer.

use anyhow::{Context as _, bail};

use super::{
    Database, Figures, Options,
    hosts::{Host, Wish},
    percentile, say,
    servers::Servers,
};

const SECTION: &str = "one hanging ERP";

/// Orders that are already with the ERP that hangs when the measuring begins: more than a connection has places.
const AHEAD: usize = 20;

/// Measures.
///
/// # Errors
/// When the host does not start, or the others' orders do not arrive.
pub async fn measure(options: &Options, figures: &mut Figures) -> anyhow::Result<()> {
    if options.database == Some(Database::Postgres) {
        return Ok(());
    }
    let (connections, rounds) = if options.quick { (5, 2) } else { (50, 15) };
    let mut sides = Vec::new();
    for hangs in [false, true] {
        say(&format!("{connections} ERPs, {}", if hangs { "one hangs" } else { "all answer" }));
        sides.push(Side::start(connections, hangs).await?);
    }
    // In turns, so that a busy moment of the machine falls on both.
    for round in 0..=rounds {
        for side in &mut sides {
            side.round(round > 0).await?;
        }
    }
    let mut figured = Vec::new();
    for side in sides {
        let Side { host, mut times, .. } = side;
        host.end().await?;
        figured.push([percentile(&mut times, 50), percentile(&mut times, 99)]);
    }
    let [[all_50, all_99], [one_50, one_99]] = figured[..] else { bail!("two sides were measured") };
    let about =
        |what: &str, percent: u8| format!("from the list to the ERP, {connections} connections, {what}: {percent} %");
    figures.add(SECTION, "hanging_none_p50_ms", about("all answer", 50), all_50);
    figures.add(SECTION, "hanging_one_p50_ms", about("one hangs, the others", 50), one_50);
    figures.add(SECTION, "hanging_none_p99_ms", about("all answer", 99), all_99);
    figures.add(SECTION, "hanging_one_p99_ms", about("one hangs, the others", 99), one_99);
    let about = "99 % with one hanging / all answering";
    figures.add_with_target(SECTION, "hanging_p99_ratio", about, one_99 / all_99, "≤ 1.1 ×");
    Ok(())
}

/// One host and its fifty.
struct Side {
    _folder: tempfile::TempDir,
    host: Host,
    /// The first is the one that hangs, or in its place answers like the others and is not looked at either.
    first: Servers,
    others: Vec<Servers>,
    times: Vec<f64>,
}

impl Side {
    async fn start(connections: usize, hangs: bool) -> anyhow::Result<Self> {
        let folder = tempfile::tempdir()?;
        let mut all = Vec::with_capacity(connections);
        for _ in 0..connections {
            let servers = Servers::start().await?;
            servers.add(1);
            all.push(servers);
        }
        let listed: Vec<&Servers> = all.iter().collect();
        let wish = Wish { database: None, hosts: 1, at_once: None, servers: &listed };
        let mut hosts = Host::start_all(folder.path(), &wish).await?;
        let host = hosts.pop().context("no host")?;
        for servers in &all {
            host.carried(servers).await?;
        }
        let others = all.split_off(1);
        let first = all.pop().context("no connection")?;
        if hangs {
            first.hang();
            first.add(AHEAD);
        }
        host.command(&["sync", "bench"]).await?;
        Ok(Self { _folder: folder, host, first, others, times: Vec::new() })
    }

    /// One order for each connection, all at once.
    async fn round(&mut self, counts: bool) -> anyhow::Result<()> {
        self.first.add(1);
        let ids: Vec<usize> = self.others.iter().map(|servers| servers.add(1)).collect();
        self.host.command(&["sync"]).await?;
        for (servers, id) in self.others.iter().zip(ids) {
            self.host.carried(servers).await?;
            if counts {
                self.times.extend(servers.seen_to_sent_ms(id));
            }
        }
        Ok(())
    }
}
