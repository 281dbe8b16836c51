//! The connections at work on this host: the loops of each, and how these are told of changes.

use std::{
    collections::{BTreeMap, HashSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::sync::{Notify, watch};
use tokio_util::sync::CancellationToken;

use super::super::{
    effects, heartbeat,
    lane::Lane,
    sweep,
    work::{self, Shared, Signals, supervised},
};
use crate::domain::id::ConnectionId;

/// What a connection was taken up with: where both are the same, there is nothing to take up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TakenUp {
    /// The record's revision.
    pub revision: u64,
    /// Whether the whole host was paused.
    pub host_paused: bool,
}

/// A connection at work: its loops, and how they are told of changes.
struct Running {
    with: TakenUp,
    lane: watch::Sender<Arc<Lane>>,
    signals: Arc<Signals>,
    stop: CancellationToken,
}

/// All connections at work.
#[derive(Default)]
pub struct AtWork(Mutex<BTreeMap<ConnectionId, Running>>);

impl AtWork {
    /// Each with its signals.
    pub fn all(&self) -> Vec<(Arc<Lane>, Arc<Signals>)> {
        self.lock().values().map(both).collect()
    }

    /// Each lane.
    pub fn lanes(&self) -> Vec<Arc<Lane>> {
        self.lock().values().map(|running| Arc::clone(&running.lane.borrow())).collect()
    }

    /// One with its signals, if it is at work.
    pub fn find(&self, id: &ConnectionId) -> Option<(Arc<Lane>, Arc<Signals>)> {
        self.lock().get(id).map(both)
    }

    /// What one was taken up with, if it is at work.
    pub fn taken_up(&self, id: &ConnectionId) -> Option<TakenUp> {
        self.lock().get(id).map(|running| running.with)
    }

    /// There is something to claim for one.
    pub fn work_came(&self, id: &ConnectionId) {
        if let Some(running) = self.lock().get(id) {
            running.signals.work.notify_one();
        }
    }

    /// There may be something to claim, or to pay to a shop, for any.
    pub fn something_came(&self) {
        for running in self.lock().values() {
            running.signals.work.notify_one();
            running.signals.effects.notify_one();
        }
    }

    /// The same, and every shop is to be looked at.
    pub fn look_everywhere(&self) {
        for running in self.lock().values() {
            running.signals.sweep.notify_one();
        }
        self.something_came();
    }

    /// Takes up an opened connection: the loops of one that is at work go on with it, those of another one are started, as a
    /// part of this host. Whether they were started.
    pub fn take_up(&self, lane: Lane, with: TakenUp, host: &Shared, mails: &Arc<Notify>) -> bool {
        let (id, lane) = (lane.record.id.clone(), Arc::new(lane));
        let mut all = self.lock();
        if let Some(running) = all.get_mut(&id) {
            running.with = with;
            running.lane.send_replace(lane);
            return false;
        }
        all.insert(id, start(lane, with, host, mails));
        true
    }

    /// The loops of all end; they stay known, because the host ends with them.
    pub fn stop(&self) {
        for running in self.lock().values() {
            running.stop.cancel();
        }
    }

    /// The loops of all end, and may be started again later.
    pub fn end_all(&self) {
        for running in std::mem::take(&mut *self.lock()).into_values() {
            running.stop.cancel();
        }
    }

    /// The same for those that are not among these.
    pub fn end_all_but(&self, known: &HashSet<&ConnectionId>) {
        self.lock().retain(|id, running| {
            let stays = known.contains(id);
            if !stays {
                running.stop.cancel();
            }
            stays
        });
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<ConnectionId, Running>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn both(running: &Running) -> (Arc<Lane>, Arc<Signals>) {
    (Arc::clone(&running.lane.borrow()), Arc::clone(&running.signals))
}

/// Starts the loops of a connection.
fn start(lane: Arc<Lane>, with: TakenUp, host: &Shared, mails: &Arc<Notify>) -> Running {
    let signals = Arc::new(Signals::new(Arc::clone(mails), host.parts.pace.per_connection));
    let stop = host.stop.child_token();
    // The loops of one connection stop with it; the rest is the host's.
    let shared = Arc::new(Shared {
        parts: Arc::clone(&host.parts),
        leases: Arc::clone(&host.leases),
        places: Arc::clone(&host.places),
        stop: stop.clone(),
        tasks: host.tasks.clone(),
        fleet: Arc::clone(&host.fleet),
    });
    let (sender, receiver) = watch::channel(lane);
    let given = (Arc::clone(&shared), Arc::clone(&signals), receiver);
    let (a, b, c, d) = (given.clone(), given.clone(), given.clone(), given);
    let tasks = &host.tasks;
    tasks.spawn(supervised(Arc::clone(&shared), "work", move || {
        work::run(Arc::clone(&a.0), Arc::clone(&a.1), a.2.clone())
    }));
    tasks.spawn(supervised(Arc::clone(&shared), "effects", move || {
        effects::run(Arc::clone(&b.0), Arc::clone(&b.1), b.2.clone())
    }));
    tasks.spawn(supervised(Arc::clone(&shared), "sweep", move || {
        sweep::run(Arc::clone(&c.0), Arc::clone(&c.1), c.2.clone())
    }));
    tasks.spawn(supervised(Arc::clone(&shared), "heartbeat", move || {
        heartbeat::run(Arc::clone(&d.0), Arc::clone(&d.1), d.2.clone())
    }));
    Running { with, lane: sender, signals, stop }
}
