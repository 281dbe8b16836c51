//! The host: starts what serves all connections, and stops in good order. It opens a lane for each connection (`at_work`), follows
//! what administrators change (`following`), carries out what people leave (`carrying`), and gets releases ready (`readying`).

mod at_work;
mod carrying;
mod following;
mod readying;

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

use serde::Serialize;
use tokio::sync::{Notify, Semaphore};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use self::{at_work::AtWork, carrying::Carrying, readying::Readying};
use super::{
    canary, fleet, heartbeat,
    lease::Leases,
    mails,
    parts::Parts,
    retention,
    work::{Shared, supervised},
};

/// The host can't go on, because its ledger can't be written any more and only a restart cures that.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "the part of Orderdock that writes the ledger has broken off, which is a bug of Orderdock; everything was stopped"
)]
pub struct LedgerEnded;

/// What became of a connection, for `/readyz` and the command line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ConnectionHealth {
    /// Name.
    pub name: String,
    /// Its last good sweep is recent enough. `None`: paused, or it could not be asked.
    pub alive: Option<bool>,
    /// Why it can't work, if it can't.
    pub trouble: Option<String>,
    /// Why its orders wait although it works: its ERP's trouble is not this host's.
    pub waits_because: Option<String>,
}

/// The running host.
pub struct Host {
    shared: Arc<Shared>,
    mails: Arc<Notify>,
    at_work: Arc<AtWork>,
    carrying: Arc<Carrying>,
    readying: Arc<Readying>,
    /// By name, the connections that could not be opened, and why.
    trouble: Mutex<BTreeMap<String, String>>,
    hard_stop: CancellationToken,
}

impl Host {
    /// A host that does nothing yet.
    pub fn new(parts: Arc<Parts>) -> Arc<Self> {
        let places = Arc::new(Semaphore::new(parts.pace.total));
        let shared = Arc::new(Shared {
            parts,
            leases: Arc::new(Leases::default()),
            places,
            stop: CancellationToken::new(),
            tasks: TaskTracker::new(),
            fleet: Arc::default(),
        });
        Arc::new(Self {
            mails: Arc::new(Notify::new()),
            at_work: Arc::default(),
            carrying: Carrying::new(Arc::clone(&shared)),
            readying: Arc::default(),
            trouble: Mutex::default(),
            hard_stop: CancellationToken::new(),
            shared,
        })
    }

    /// Works until [`Host::stop`]. Ends when everything under way has ended, or at once after [`Host::stop_now`].
    ///
    /// # Errors
    /// When the ledger has ended: a host that only seems to work is worse than none.
    pub async fn run(self: &Arc<Self>) -> Result<(), LedgerEnded> {
        let shared = &self.shared;
        let of_leases = (Arc::clone(shared), self.hard_stop.clone());
        let keeper = tokio::spawn(supervised(Arc::clone(shared), "leases", move || {
            Arc::clone(&of_leases.0.leases).keep(Arc::clone(&of_leases.0.parts), of_leases.1.clone())
        }));
        let (of_mails, wake) = (Arc::clone(shared), Arc::clone(&self.mails));
        shared.tasks.spawn(supervised(Arc::clone(shared), "mails", move || {
            mails::run(Arc::clone(&of_mails), Arc::clone(&wake))
        }));
        let ended = CancellationToken::new();
        // Whoever wished the process before this one emptied has had that wish.
        let greeted = fleet::greet(shared).await;
        let (of_signs, end) = (Arc::clone(shared), ended.clone());
        let signs = tokio::spawn(supervised(Arc::clone(shared), "signs of life", move || {
            fleet::run(Arc::clone(&of_signs), greeted, end.clone())
        }));
        let of_retention = Arc::clone(shared);
        shared
            .tasks
            .spawn(supervised(Arc::clone(shared), "retention", move || retention::run(Arc::clone(&of_retention))));
        let (of_canaries, at_work) = (Arc::clone(shared), Arc::clone(&self.at_work));
        shared.tasks.spawn(supervised(Arc::clone(shared), "canaries", move || {
            let at_work = Arc::clone(&at_work);
            canary::run(Arc::clone(&of_canaries), move || at_work.lanes())
        }));
        supervised(Arc::clone(shared), "changes", || self.lead()).await;
        shared.tasks.close();
        let mut result = Ok(());
        tokio::select! {
            biased;
            () = shared.parts.ledger.ended() => {
                tracing::error!("{LedgerEnded}; what was under way is taken up at the next start");
                result = Err(LedgerEnded);
                self.stop_now();
            }
            () = shared.tasks.wait() => tracing::info!("everything under way has ended"),
            () = self.hard_stop.cancelled() => tracing::warn!("stopped at once; what was under way is taken up at the next start"),
        }
        self.hard_stop.cancel();
        // The keeper only sleeps and renews; it ends with the token that was just cancelled.
        let _ended = keeper.await;
        ended.cancel();
        let _told = signs.await;
        result
    }

    /// Stop taking, end what is under way.
    pub fn stop(&self) {
        self.shared.stop.cancel();
        self.at_work.stop();
    }

    /// Stop at once.
    pub fn stop_now(&self) {
        self.stop();
        self.hard_stop.cancel();
    }

    /// Passes in hand.
    pub fn in_hand(&self) -> usize {
        fleet::in_hand(&self.shared)
    }

    /// Whether this host takes nothing new because somebody wants it empty.
    pub fn is_draining(&self) -> bool {
        self.shared.fleet.is_draining()
    }

    /// Every connection's health.
    pub async fn health(&self) -> Vec<ConnectionHealth> {
        let lanes = self.at_work.all();
        let mut all = Vec::with_capacity(lanes.len());
        for (lane, _) in lanes {
            let alive = if lane.takes() { heartbeat::is_alive(&self.shared, &lane).await.ok() } else { None };
            let waits_because = lane.shut(&self.shared.parts).map(|shut| shut.sentence());
            all.push(ConnectionHealth { name: lane.record.name.clone(), alive, trouble: None, waits_because });
        }
        let mut trouble = self.readying.in_vain();
        trouble.extend(self.trouble.lock().unwrap_or_else(PoisonError::into_inner).clone());
        for (name, why) in trouble {
            match all.iter_mut().find(|known| known.name == name) {
                Some(known) => known.trouble = Some(why),
                None => {
                    let trouble = Some(why);
                    all.push(ConnectionHealth { name, alive: Some(false), trouble, waits_because: None });
                }
            }
        }
        all.sort_by(|a, b| a.name.cmp(&b.name));
        all
    }
}
