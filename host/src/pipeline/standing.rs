//! How the host and its connections stand, for whoever watches: one look into the ledger and one into memory.

use std::collections::BTreeMap;

use super::{
    host::{ConnectionHealth, Host},
    parts::Parts,
};
use crate::{
    domain::id::ConnectionId,
    ledger::{Result, connections::ConnectionState},
    metrics::{ConnectionStanding, OrdersIn, Standing},
};

/// How things are now. `health` is what `/readyz` says; not `ready` is what it says without looking into the ledger.
pub async fn now(parts: &Parts, host: &Host, health: &[ConnectionHealth], ready: bool) -> Standing {
    let connections = match connections(parts, health).await {
        Ok(connections) => Some(connections),
        Err(error) => {
            tracing::warn!(%error, "the ledger could not be read for metrics");
            None
        }
    };
    Standing { ready: ready && connections.is_some(), connections, ..without_ledger(host) }
}

/// What is known without asking the database.
pub fn without_ledger(host: &Host) -> Standing {
    Standing { version: env!("CARGO_PKG_VERSION"), ready: false, in_hand: host.in_hand(), connections: None }
}

async fn connections(parts: &Parts, health: &[ConnectionHealth]) -> Result<Vec<ConnectionStanding>> {
    let ledger = &parts.ledger;
    let paused = ledger.host_pause().await?.is_some();
    let (now_ms, backlog) = (ledger.now_ms().await?, ledger.backlog().await?);
    let mut all = BTreeMap::<ConnectionId, ConnectionStanding>::new();
    for record in ledger.connections(false).await? {
        let one = ConnectionStanding {
            paused: paused || record.state == ConnectionState::Paused,
            quarantined: record.quarantine.is_some(),
            breaker_open: record.shut.is_some(),
            name: record.name,
            ..ConnectionStanding::default()
        };
        all.insert(record.id, one);
    }
    let by_name: BTreeMap<&str, &ConnectionHealth> = health.iter().map(|one| (one.name.as_str(), one)).collect();
    for one in all.values_mut() {
        if let Some(health) = by_name.get(one.name.as_str()) {
            one.alive = health.alive;
            one.breaker_open |= health.waits_because.is_some();
        }
    }
    for of in backlog.orders {
        if let Some(one) = all.get_mut(&of.connection) {
            let oldest_s = u64::try_from(now_ms.saturating_sub(of.since_ms) / 1_000).unwrap_or(0);
            one.orders.push(OrdersIn { state: of.state.as_str().to_owned(), orders: of.orders, oldest_s });
        }
    }
    for (id, [owed, stuck, mails]) in backlog.effects {
        if let Some(one) = all.get_mut(&id) {
            (one.effects_owed, one.effects_stuck, one.mails_owed) = (owed, stuck, mails);
        }
    }
    for (id, questions) in backlog.questions {
        if let Some(one) = all.get_mut(&id) {
            one.questions = questions;
        }
    }
    Ok(all.into_values().collect())
}
