//! `orderdock host …`: the hosts that share the database.

use std::time::Duration;

use clap::Subcommand;
use serde_json::json;

use super::{
    Failure,
    open::{Beside, person},
    output::{Output, cell, plain},
};
use crate::{
    domain::{clock::Millis, time},
    ledger::fleet::HostRow,
    pipeline::fleet::is_alive,
};

/// The hosts that share the database.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// List them: version, last sign of life, orders in hand.
    List,
    /// Empty one, for an upgrade: it takes nothing new and ends what it is sending; the others do the rest. Waits until
    /// nothing is in hand.
    Drain {
        /// Its name, or its id.
        name: String,
        /// Let it work again. (A restart does that too.)
        #[arg(long)]
        undo: bool,
        /// Why, for the others.
        #[arg(long, default_value = "")]
        why: String,
        /// Seconds to wait until it is empty; 0 does not wait.
        #[arg(long, default_value_t = 600)]
        wait: u32,
    },
}

/// How often the wait looks.
const LOOK: Duration = Duration::from_millis(500);

/// Runs one.
///
/// # Errors
/// The ledger's, no such host, or it did not become empty in time.
pub async fn run(command: Command, beside: Beside, output: Output) -> Result<(), Failure> {
    match command {
        Command::List => list(&beside, output).await,
        Command::Drain { name, undo: true, .. } => {
            let host = beside.ledger.drain(&name, None).await?;
            output.either(&json!({ "host": host }), || output.line(format!("{} works again.", plain(&host.name))));
            Ok(())
        }
        Command::Drain { name, why, wait, .. } => drain(&beside, &name, &why, wait, output).await,
    }
}

/// What a host is doing, in a word.
fn condition(host: &HostRow, alive: bool) -> &'static str {
    match (host.ended_ms.is_some(), alive, host.drain.is_some(), host.in_hand) {
        (true, ..) => "ended",
        (_, false, ..) => "gone",
        (_, _, true, 0) => "empty",
        (_, _, true, _) => "emptying",
        _ => "at work",
    }
}

async fn list(beside: &Beside, output: Output) -> Result<(), Failure> {
    let (hosts, now) = (beside.ledger.hosts().await?, beside.ledger.now_ms().await?);
    let lease = beside.settings.fleet.lease.duration();
    let seen = |host: &HostRow| Duration::from_millis(u64::try_from(now.saturating_sub(host.seen_ms)).unwrap_or(0));
    let all: Vec<_> = hosts
        .iter()
        .map(|host| {
            let condition = condition(host, is_alive(host, now, lease));
            json!({
                "id": host.id, "name": host.name, "version": host.version, "condition": condition,
                "seen": at(host.seen_ms), "seen_seconds_ago": seen(host).as_secs(), "started": at(host.started_ms),
                "in_hand": host.in_hand, "drain": host.drain,
            })
        })
        .collect();
    output.either(&json!({ "hosts": all }), || {
        if hosts.is_empty() {
            output.line("No host has worked on this database yet.");
            return;
        }
        let rows = hosts.iter().map(|host| {
            let condition = condition(host, is_alive(host, now, lease));
            let why = host.drain.as_deref().filter(|why| !why.is_empty());
            vec![
                cell(&host.name),
                cell(host.id.as_str()),
                cell(&host.version),
                cell(why.map_or_else(|| condition.to_owned(), |why| format!("{condition}: {why}"))),
                cell(format!("{} s ago", seen(host).as_secs())),
                cell(host.in_hand.to_string()),
                cell(at(host.started_ms)),
            ]
        });
        output.table(&["host", "id", "version", "is", "last seen", "in hand", "started"], rows.collect());
    });
    Ok(())
}

fn at(ms: Millis) -> String {
    time::rfc3339(ms)
}

async fn drain(beside: &Beside, name: &str, why: &str, wait: u32, output: Output) -> Result<(), Failure> {
    let by = person();
    let why = if why.is_empty() { format!("by {by}") } else { format!("{why} (by {by})") };
    let mut host = beside.ledger.drain(name, Some(why)).await?;
    let lease = beside.settings.fleet.lease.duration();
    let asked_ms = beside.ledger.now_ms().await?;
    let others = beside.ledger.hosts().await?;
    let helped = others.iter().any(|it| it.id != host.id && it.drain.is_none() && is_alive(it, asked_ms, lease));
    if !helped {
        output.remark("remark: no other host is at work; orders wait until one is");
    }
    let looks = u64::from(wait) * 1_000 / u64::try_from(LOOK.as_millis()).unwrap_or(500);
    let mut empty = false;
    for _ in 0..=looks {
        let now = beside.ledger.now_ms().await?;
        let known = beside.ledger.hosts().await?.into_iter().find(|it| it.id == host.id);
        host = known.ok_or_else(|| Failure::not_found(format!("host {name} is not known any more")))?;
        // What it says of itself counts from when it had been told.
        empty = !is_alive(&host, now, lease) || (host.in_hand == 0 && host.seen_ms > asked_ms + SETTLE_MS);
        if empty || wait == 0 {
            break;
        }
        tokio::time::sleep(LOOK).await;
    }
    if !empty && wait > 0 {
        return Err(Failure::failed(format!(
            "{} still has {} orders in hand; it goes on emptying (`--undo` lets it work again)",
            host.name, host.in_hand
        )));
    }
    output.either(&json!({ "host": host, "empty": empty }), || {
        let words = if empty { "is empty: it may be stopped" } else { "takes nothing new and ends what is under way" };
        output.line(format!("{} {words}.", plain(&host.name)));
    });
    Ok(())
}

/// A host notices the wish within a second; a sign of life that is younger than that may be from before.
const SETTLE_MS: Millis = 1_500;
