//! This host among those that share its database: its signs of life, its turns, and the wish that it be emptied.
//!
//! A turn is what only one host does at a time: looking at a connection's shop (and saying there that we are alive), and the
//! clean-up. Whoever has it keeps it, renewed with each sign of life, so each slot of a schedule fires once for the fleet;
//! when its host is gone, the next one takes it. What we believe of a turn counts from before the query, like a lease.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use tokio::sync::Notify;

use super::{
    parts::{Parts, millis},
    work::{Shared, pause},
};
use crate::{
    domain::id::{ConnectionId, HostId},
    ledger::{
        LedgerError,
        fleet::{HostRow, Sign},
    },
};

/// Between two signs of life while we are being emptied, or when the ledger did not take one.
const SOON: Duration = Duration::from_secs(1);

/// Where this host stands.
#[derive(Default)]
pub struct Place {
    /// Subject → until when it is ours, by the clock that counts suspend.
    turns: Mutex<HashMap<String, Duration>>,
    draining: AtomicBool,
    /// What is under way beside passes: orders whose effects are being paid.
    busy: AtomicUsize,
    changed: Notify,
}

/// Something under way, until it is dropped.
pub struct Busy(std::sync::Arc<Place>);

impl Drop for Busy {
    fn drop(&mut self) {
        self.0.busy.fetch_sub(1, Ordering::AcqRel);
    }
}

/// Whose turn it is to look at a connection's shop.
pub fn sweep_of(connection: &ConnectionId) -> String {
    format!("sweep {connection}")
}

impl Place {
    /// Whether this host shall take nothing new.
    pub fn is_draining(&self) -> bool {
        self.draining.load(Ordering::Acquire)
    }

    /// Whether the turn is ours as far as we know.
    pub fn has(&self, parts: &Parts, subject: &str) -> bool {
        self.lock().get(subject).is_some_and(|until| parts.clock.since_boot() < *until)
    }

    /// Takes the turn, or keeps it.
    ///
    /// # Errors
    /// The ledger's.
    pub async fn take(&self, parts: &Parts, subject: &str) -> Result<bool, LedgerError> {
        if self.is_draining() {
            return Ok(false);
        }
        let before = parts.clock.since_boot();
        let ours = parts.ledger.take_turn(subject, &parts.host, millis(parts.pace.lease)).await?;
        if ours {
            self.lock().insert(subject.to_owned(), before + parts.pace.lease);
        } else {
            self.lock().remove(subject);
        }
        Ok(ours)
    }

    /// Takes up which turns a sign of life found to be ours. One that was taken while it was under way is not among them, and
    /// ours all the same: only what we believed before, and believe unchanged, can be lost.
    fn learn(&self, believed: &HashMap<String, Duration>, ours: &[String], until: Duration) {
        let mut turns = self.lock();
        turns.retain(|subject, known| believed.get(subject) != Some(known) || ours.contains(subject));
        for subject in ours {
            let known = turns.entry(subject.clone()).or_insert(until);
            *known = until.max(*known);
        }
    }

    /// Says that something is under way that is no pass.
    pub fn busy(self: &std::sync::Arc<Self>) -> Busy {
        self.busy.fetch_add(1, Ordering::AcqRel);
        Busy(std::sync::Arc::clone(self))
    }

    /// The wish that this host be emptied was read; whether that is news.
    pub fn set_draining(&self, drain: bool) -> bool {
        let news = self.draining.swap(drain, Ordering::AcqRel) != drain;
        if news {
            self.changed.notify_one();
        }
        news
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<String, Duration>> {
        self.turns.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How many orders are in hand: passes, and effects that are being paid.
pub fn in_hand(shared: &Shared) -> usize {
    shared.leases.count() + shared.fleet.busy.load(Ordering::Acquire)
}

fn sign(shared: &Shared, first: bool) -> Sign {
    Sign {
        host: shared.parts.host.clone(),
        name: shared.parts.host_name.clone(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        in_hand: u32::try_from(in_hand(shared)).unwrap_or(u32::MAX),
        first,
    }
}

/// The first sign of life; whether the ledger took it.
pub async fn greet(shared: &Shared) -> bool {
    let greeted = shared.parts.ledger.sign_of_life(&sign(shared, true), millis(shared.parts.pace.lease)).await;
    greeted.is_ok()
}

/// Gives signs of life until the host has ended.
pub async fn run(shared: std::sync::Arc<Shared>, greeted: bool, ended: tokio_util::sync::CancellationToken) {
    let parts = &shared.parts;
    let mut known = BTreeMap::new();
    let (mut first, mut told) = (!greeted, false);
    loop {
        let (place, before) = (&shared.fleet, parts.clock.since_boot());
        let believed = place.lock().clone();
        let sign = sign(&shared, first);
        let mut wait = parts.pace.renew_every;
        match parts.ledger.sign_of_life(&sign, millis(parts.pace.lease)).await {
            Ok(standing) => {
                first = false;
                place.set_draining(standing.drain.is_some());
                let until = before + parts.pace.lease;
                place.learn(&believed, &standing.turns, until);
                if place.is_draining() {
                    wait = SOON;
                    told = drained(&shared, told, sign.in_hand).await;
                } else {
                    told = false;
                }
                if let Err(error) = look_around(parts, &mut known).await {
                    tracing::debug!(%error, "the other hosts could not be looked at");
                }
            }
            Err(error) => {
                wait = SOON;
                tracing::warn!(%error, "the database did not take a sign of life");
            }
        }
        tokio::select! {
            biased;
            () = ended.cancelled() => break,
            () = place.changed.notified() => {}
            () = tokio::time::sleep(wait) => {}
        }
    }
    if let Err(error) = parts.ledger.leave(&parts.host).await {
        tracing::warn!(%error, "the database could not be told that this host ends");
    }
}

/// Gives turns back, and says once when nothing is in hand any more.
async fn drained(shared: &Shared, told: bool, in_hand: u32) -> bool {
    if !shared.fleet.lock().is_empty() {
        match shared.parts.ledger.end_turns(&shared.parts.host).await {
            Ok(()) => shared.fleet.lock().clear(),
            Err(error) => tracing::warn!(%error, "turns could not be given back"),
        }
    }
    if in_hand == 0 && !told {
        tracing::info!("this host is empty: nothing is in hand, and it takes nothing new; it may be stopped");
    }
    in_hand == 0
}

/// Says which hosts came and went.
async fn look_around(parts: &Parts, known: &mut BTreeMap<HostId, bool>) -> Result<(), LedgerError> {
    let now = parts.ledger.now_ms().await?;
    for host in parts.ledger.hosts().await?.into_iter().filter(|host| host.id != parts.host) {
        let alive = is_alive(&host, now, parts.pace.lease);
        let before = known.insert(host.id.clone(), alive);
        match (before, alive) {
            (Some(false) | None, true) => {
                tracing::info!(host = %host.name, version = %host.version, "another host works on this database");
            }
            (Some(true), false) if host.ended_ms.is_none() => tracing::warn!(
                host = %host.name, in_hand = host.in_hand,
                "another host gives no signs of life: what it had in hand is taken up by the others"
            ),
            (Some(true), false) => tracing::info!(host = %host.name, "another host has ended"),
            _ => {}
        }
    }
    Ok(())
}

/// Whether a host is at work, as far as the ledger can tell.
pub fn is_alive(host: &HostRow, now_ms: i64, lease: Duration) -> bool {
    host.ended_ms.is_none() && now_ms.saturating_sub(host.seen_ms) <= millis(lease)
}

/// Waits like [`pause`], or until a wake from the database.
pub async fn pause_or_wake(
    shared: &Shared,
    time: Duration,
    wakes: &mut Option<tokio::sync::broadcast::Receiver<crate::ledger::fleet::Wake>>,
) -> Option<crate::ledger::fleet::Wake> {
    use crate::ledger::fleet::Wake;
    use tokio::sync::broadcast::error::RecvError;
    let Some(receiver) = wakes else {
        pause(shared, time).await;
        return None;
    };
    tokio::select! {
        biased;
        () = shared.stop.cancelled() => None,
        () = tokio::time::sleep(time) => None,
        heard = receiver.recv() => match heard {
            Ok(wake) => Some(wake),
            // What was missed may have been anything.
            Err(RecvError::Lagged(_)) => Some(Wake::Changed),
            Err(RecvError::Closed) => { *wakes = None; None }
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_turn_that_is_taken_while_a_sign_of_life_is_under_way_is_not_lost_by_it() {
        let (place, at) = (Place::default(), Duration::from_secs);
        place.lock().extend([("kept".to_owned(), at(10)), ("lost".to_owned(), at(10)), ("again".to_owned(), at(10))]);
        let believed = place.lock().clone();
        place.lock().extend([("taken meanwhile".to_owned(), at(21)), ("again".to_owned(), at(22))]);
        place.learn(&believed, &["kept".to_owned()], at(20));
        let known: BTreeMap<String, Duration> = place.lock().clone().into_iter().collect();
        let expected = [("again", 22), ("kept", 20), ("taken meanwhile", 21)];
        assert_eq!(known, expected.map(|(subject, until)| (subject.to_owned(), at(until))).into());
    }
}
