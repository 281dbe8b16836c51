//! Leases that this host holds: renewed together, and measured by a clock that counts suspend (lifecycle section 4).
//!
//! What is left of a lease counts from *before* the query that gave or renewed it, so our idea of its end is never later
//! than the database's.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use tokio_util::sync::CancellationToken;

use super::parts::{Parts, millis};
use crate::{
    destination::http::Gate,
    domain::{
        clock::Clock,
        id::{LeaseToken, PassKey},
    },
    failpoint::{self, Guarantee},
};

/// One lease.
pub struct Held {
    /// Which pass.
    pub pass: PassKey,
    /// Proof.
    pub token: LeaseToken,
    /// Cancelled when the lease is known to be lost.
    pub lost: CancellationToken,
    until_boot_ms: AtomicU64,
}

impl Held {
    /// No lease: whoever only reads an answer again holds none, and nothing can be sent under it.
    pub fn none(pass: &PassKey) -> Self {
        let lost = CancellationToken::new();
        lost.cancel();
        Self { pass: pass.clone(), token: LeaseToken(String::new()), lost, until_boot_ms: AtomicU64::new(0) }
    }

    /// What is left of it.
    pub fn left(&self, clock: &dyn Clock) -> Duration {
        if self.lost.is_cancelled() {
            return Duration::ZERO;
        }
        Duration::from_millis(self.until_boot_ms.load(Ordering::Acquire)).saturating_sub(clock.since_boot())
    }
}

/// All leases of this host.
#[derive(Default)]
pub struct Leases {
    held: Mutex<HashMap<PassKey, Arc<Held>>>,
}

impl Leases {
    /// Takes note of a lease that was given to a query begun at `before` (time since boot).
    pub fn hold(&self, parts: &Parts, pass: &PassKey, token: &LeaseToken, before: Duration) -> Arc<Held> {
        let until = boot_ms(before + parts.pace.lease);
        let held = Arc::new(Held {
            pass: pass.clone(),
            token: token.clone(),
            lost: CancellationToken::new(),
            until_boot_ms: AtomicU64::new(until),
        });
        self.lock().insert(pass.clone(), Arc::clone(&held));
        held
    }

    /// Forgets a lease that was given back or used up.
    pub fn drop_lease(&self, held: &Held) {
        let mut all = self.lock();
        if all.get(&held.pass).is_some_and(|known| known.token == held.token) {
            all.remove(&held.pass);
        }
    }

    /// How many passes are in hand.
    pub fn count(&self) -> usize {
        self.lock().len()
    }

    /// Asked at the last possible moment before the first byte leaves.
    pub fn gate(parts: &Arc<Parts>, held: &Arc<Held>) -> Gate {
        let (parts, held) = (Arc::clone(parts), Arc::clone(held));
        Arc::new(move || {
            held.left(parts.clock.as_ref()) > parts.pace.lease_margin || failpoint::without(Guarantee::Gate)
        })
    }

    /// Renews until stopped.
    pub async fn keep(self: Arc<Self>, parts: Arc<Parts>, stop: CancellationToken) {
        let mut tick = tokio::time::interval(parts.pace.renew_every);
        tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                biased;
                () = stop.cancelled() => return,
                _ = tick.tick() => self.renew(&parts).await,
            }
        }
    }

    async fn renew(&self, parts: &Parts) {
        let all: Vec<Arc<Held>> = self.lock().values().cloned().collect();
        if all.is_empty() || failpoint::without(Guarantee::Renewal) {
            return;
        }
        let leases: Vec<_> = all.iter().map(|held| (held.pass.clone(), held.token.clone())).collect();
        let before = parts.clock.since_boot();
        match parts.ledger.renew(&leases, millis(parts.pace.lease)).await {
            Ok(ends) => {
                for (held, end) in all.iter().zip(ends) {
                    if end.is_some() {
                        held.until_boot_ms.store(boot_ms(before + parts.pace.lease), Ordering::Release);
                    } else {
                        held.lost.cancel();
                        self.drop_lease(held);
                    }
                }
            }
            // The leases run out by themselves if this goes on; the gate then keeps every send from beginning.
            Err(error) => tracing::warn!(%error, leases = leases.len(), "leases could not be renewed"),
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<PassKey, Arc<Held>>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn boot_ms(at: Duration) -> u64 {
    u64::try_from(at.as_millis()).unwrap_or(u64::MAX)
}
