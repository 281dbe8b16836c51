//! The host: opens a lane for each connection, follows what administrators change, and stops in good order.

use std::{
    collections::{BTreeMap, HashSet},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use futures_util::{StreamExt as _, stream};
use serde::Serialize;
use tokio::sync::{Notify, Semaphore, watch};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{
    breaker, canary, effects, fleet, heartbeat,
    intents::{self, Carried},
    lane::{Lane, LaneError},
    lease::Leases,
    mails,
    parts::Parts,
    retention, sweep,
    work::{self, Shared, Signals, supervised},
};
use crate::{
    domain::{
        id::{ConnectionId, PassKey},
        problem::Problem,
    },
    ledger::{
        LedgerError,
        connections::{ConnectionRecord, Intent, LeftIntent},
        fleet::Wake,
        standstill::Standstill,
    },
};

/// How long until a connection that could not be opened, or an intent that could not be carried out, is tried again.
const OPEN_AGAIN: Duration = Duration::from_secs(5);

/// Connections that are opened at the same time: each takes a few questions to the ledger.
const OPENED_AT_ONCE: usize = 16;

/// How often the ledger is looked after.
const TEND_EVERY: Duration = Duration::from_secs(1);

/// The ledger is read that often even if nobody has changed anything: another host may have left an intent behind.
const FOLLOW_AT_LEAST: Duration = Duration::from_secs(10);

/// The host can't go on, because its ledger can't be written any more and only a restart cures that.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "the part of Orderdock that writes the ledger has broken off, which is a bug of Orderdock; everything was stopped"
)]
pub struct LedgerEnded;

/// A connection at work: its loops, and how they are told of changes.
struct Running {
    revision: u64,
    host_paused: bool,
    lane: watch::Sender<Arc<Lane>>,
    signals: Arc<Signals>,
    stop: CancellationToken,
}

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
    running: Mutex<BTreeMap<ConnectionId, Running>>,
    trouble: Mutex<BTreeMap<String, String>>,
    /// Connections whose release this host can't get ready, and why.
    not_ready: Mutex<BTreeMap<String, String>>,
    /// Somebody gets releases ready.
    getting_ready: Arc<tokio::sync::Mutex<()>>,
    /// Intents that this host is at.
    carrying: Mutex<HashSet<i64>>,
    /// Intents that could not be carried out at once.
    put_off: Mutex<HashSet<i64>>,
    /// Something is to be tried again soon.
    again_soon: AtomicBool,
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
            shared,
            mails: Arc::new(Notify::new()),
            running: Mutex::default(),
            trouble: Mutex::default(),
            not_ready: Mutex::default(),
            getting_ready: Arc::default(),
            carrying: Mutex::default(),
            put_off: Mutex::default(),
            again_soon: AtomicBool::new(false),
            hard_stop: CancellationToken::new(),
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
        let (of_canaries, host) = (Arc::clone(shared), Arc::clone(self));
        shared.tasks.spawn(supervised(Arc::clone(shared), "canaries", move || {
            let host = Arc::clone(&host);
            canary::run(Arc::clone(&of_canaries), move || host.lanes())
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

    /// Follows what changes in the ledger, and looks after it, until the host stops or its ledger has ended.
    async fn lead(self: &Arc<Self>) {
        let shared = &self.shared;
        let mut wakes = shared.parts.ledger.wakes();
        let mut seen = None;
        let mut again = shared.parts.clock.since_boot();
        let (mut still, mut tended) = (None, None);
        while !shared.stop.is_cancelled() {
            if tended.is_none_or(|at| shared.parts.clock.since_boot() >= at) {
                tended = Some(shared.parts.clock.since_boot() + TEND_EVERY);
                self.tend(&mut still).await;
            }
            match shared.parts.ledger.change_number().await {
                Ok(number) if seen == Some(number) && shared.parts.clock.since_boot() < again => {}
                Ok(number) => match self.follow().await {
                    Ok(opened) => {
                        seen = Some(number);
                        // What could not be opened may only have met a moment's trouble.
                        let wait = if opened { FOLLOW_AT_LEAST } else { OPEN_AGAIN };
                        again = shared.parts.clock.since_boot() + wait;
                    }
                    Err(error) => {
                        tracing::error!(%error, "connections could not be read");
                        work::pause(shared, OPEN_AGAIN).await;
                    }
                },
                Err(error) => tracing::error!(%error, "the ledger can't be asked for changes"),
            }
            if self.again_soon.swap(false, Ordering::AcqRel) {
                again = again.min(shared.parts.clock.since_boot() + OPEN_AGAIN);
            }
            tokio::select! {
                biased;
                wake = fleet::pause_or_wake(shared, shared.parts.pace.notice_every, &mut wakes) => {
                    if let Some(wake) = wake {
                        self.woken(&wake);
                    }
                }
                () = shared.parts.ledger.ended() => break,
            }
        }
    }

    /// Another host or the command line committed something.
    fn woken(&self, wake: &Wake) {
        let running = self.lock();
        match wake {
            // The change's number, which is looked at next, tells what it was.
            Wake::Changed => {}
            Wake::Work(connection) => {
                if let Some(running) = running.get(connection) {
                    running.signals.work.notify_one();
                }
            }
        }
    }

    /// Stop taking, end what is under way.
    pub fn stop(&self) {
        self.shared.stop.cancel();
        for running in self.lock().values() {
            running.stop.cancel();
        }
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

    /// The connections at work.
    fn at_work(&self) -> Vec<(Arc<Lane>, Arc<Signals>)> {
        let of = |running: &Running| (Arc::clone(&running.lane.borrow()), Arc::clone(&running.signals));
        self.lock().values().map(of).collect()
    }

    /// Every connection at work.
    fn lanes(&self) -> Vec<Arc<Lane>> {
        self.lock().values().map(|running| Arc::clone(&running.lane.borrow())).collect()
    }

    /// Every connection's health.
    pub async fn health(&self) -> Vec<ConnectionHealth> {
        let lanes = self.at_work();
        let mut all = Vec::with_capacity(lanes.len());
        for (lane, _) in lanes {
            let alive = if lane.takes() { heartbeat::is_alive(&self.shared, &lane).await.ok() } else { None };
            let waits_because = lane.shut(&self.shared.parts).map(|shut| shut.sentence());
            all.push(ConnectionHealth { name: lane.record.name.clone(), alive, trouble: None, waits_because });
        }
        let mut trouble = self.not_ready.lock().unwrap_or_else(PoisonError::into_inner).clone();
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

    /// Looks after the ledger. When a standstill is over, everything is looked at at once.
    async fn tend(&self, still: &mut Option<Standstill>) {
        let ledger = &self.shared.parts.ledger;
        if let Err(error) = ledger.tend().await {
            tracing::error!(%error, "the ledger could not be looked after");
        }
        breaker::watch(&self.shared, &self.at_work()).await;
        let now = ledger.standstill();
        if now.is_some() == still.is_some() {
            return;
        }
        match &now {
            Some(why) => tracing::error!(%why, "nothing is taken or sent"),
            None => {
                tracing::info!("orders are taken and sent again");
                for running in self.lock().values() {
                    running.signals.sweep.notify_one();
                    running.signals.work.notify_one();
                    running.signals.effects.notify_one();
                }
                self.mails.notify_one();
            }
        }
        *still = now;
    }

    /// Takes up what changed: connections, pauses, intents, the wish that this host be emptied.
    async fn follow(self: &Arc<Self>) -> Result<bool, LedgerError> {
        let ledger = &self.shared.parts.ledger;
        let me = &self.shared.parts.host;
        let drain = ledger.hosts().await?.into_iter().find(|host| &host.id == me).and_then(|host| host.drain);
        if self.shared.fleet.set_draining(drain.is_some()) {
            match &drain {
                Some(why) => tracing::info!(%why, "nothing new is taken; what is under way ends"),
                None => tracing::info!("at work again"),
            }
        }
        if drain.is_some() {
            for running in std::mem::take(&mut *self.lock()).into_values() {
                running.stop.cancel();
            }
            return Ok(true);
        }
        let host_paused = ledger.host_pause().await?.is_some();
        let records = ledger.connections(false).await?;
        let known: HashSet<&ConnectionId> = records.iter().map(|record| &record.id).collect();
        let gone: Vec<ConnectionId> = self.lock().keys().filter(|id| !known.contains(id)).cloned().collect();
        for id in gone {
            if let Some(running) = self.lock().remove(&id) {
                running.stop.cancel();
            }
        }
        self.trouble
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .retain(|name, _| records.iter().any(|record| &record.name == name));
        let mut opened = true;
        let each: Vec<_> = records.iter().map(|record| self.follow_one(record, host_paused)).collect();
        let mut opening = stream::iter(each).buffer_unordered(OPENED_AT_ONCE);
        while let Some(one) = opening.next().await {
            opened &= one;
        }
        drop(opening);
        self.get_ready();
        for running in self.lock().values() {
            running.signals.work.notify_one();
            running.signals.effects.notify_one();
        }
        self.take_intents(&records).await?;
        Ok(opened)
    }

    /// Whether the connection is at work as the ledger has it.
    async fn follow_one(self: &Arc<Self>, record: &ConnectionRecord, host_paused: bool) -> bool {
        let known = self
            .lock()
            .get(&record.id)
            .map(|running| (running.revision, running.host_paused, Arc::clone(&running.lane.borrow())));
        if let Some((revision, paused, lane)) = known
            && (revision, paused) == (record.revision, host_paused)
        {
            breaker::say(&self.shared.parts, &lane, record).await;
            return true;
        }
        let (id, name, revision) = (record.id.clone(), record.name.clone(), record.revision);
        match self.open(record.clone()).await {
            Ok(lane) => {
                breaker::say(&self.shared.parts, &lane, &lane.record).await;
                self.trouble.lock().unwrap_or_else(PoisonError::into_inner).remove(&name);
                let lane = Arc::new(lane);
                if let Some(running) = self.lock().get_mut(&id) {
                    running.revision = revision;
                    running.host_paused = host_paused;
                    running.lane.send_replace(lane);
                    tracing::info!(connection = %name, "took up a change");
                    return true;
                }
                self.start(lane, revision, host_paused);
                tracing::info!(connection = %name, "connection at work");
                true
            }
            Err(error) => {
                tracing::error!(connection = %name, %error, "the connection can't work; it goes on as it was, if it was");
                self.trouble.lock().unwrap_or_else(PoisonError::into_inner).insert(name, error.to_string());
                false
            }
        }
    }

    async fn open(&self, record: ConnectionRecord) -> Result<Lane, LaneError> {
        let parts = &self.shared.parts;
        let before = self.lock().get(&record.id).map(|running| Arc::clone(&running.lane.borrow()));
        if let Some(before) = &before {
            // What is at work goes on as it was until what is put in its place is ready here.
            let tried = record.canary.as_ref().map(|canary| &canary.activation.release);
            for release in [Some(&record.activation.release), tried].into_iter().flatten() {
                if !before.releases().any(|known| known == release) {
                    parts.mapper.prepare(release).await.map_err(|error| LaneError::Problems {
                        name: record.name.clone(),
                        problems: vec![Problem::new("plugin.release", error.to_string())],
                    })?;
                }
            }
        }
        Lane::open_after(parts, record, before.as_deref()).await
    }

    /// Gets releases ready that this host never had, one after the other, while orders flow: a host that joins a fleet with a
    /// thousand of them would otherwise start only when all are compiled. An order that comes before waits for its own.
    fn get_ready(self: &Arc<Self>) {
        let Ok(alone) = Arc::clone(&self.getting_ready).try_lock_owned() else { return };
        let host = Arc::clone(self);
        self.shared.tasks.spawn(async move {
            let _alone = alone;
            let (mapper, mut not_ready) = (&host.shared.parts.mapper, BTreeMap::new());
            for lane in host.lanes() {
                for release in lane.releases().filter(|release| !mapper.knows(release)) {
                    let Some(ready) = host.shared.stop.run_until_cancelled(mapper.prepare(release)).await else {
                        return;
                    };
                    if let Err(error) = ready {
                        tracing::error!(connection = %lane.record.name, %error, "a release can't be got ready");
                        not_ready.insert(lane.record.name.clone(), error.to_string());
                    }
                }
            }
            *host.not_ready.lock().unwrap_or_else(PoisonError::into_inner) = not_ready;
        });
    }

    fn start(self: &Arc<Self>, lane: Arc<Lane>, revision: u64, host_paused: bool) {
        let signals = Arc::new(Signals::new(Arc::clone(&self.mails), self.shared.parts.pace.per_connection));
        let stop = self.shared.stop.child_token();
        // The loops of one connection stop with it; the rest is the host's.
        let shared = Arc::new(Shared {
            parts: Arc::clone(&self.shared.parts),
            leases: Arc::clone(&self.shared.leases),
            places: Arc::clone(&self.shared.places),
            stop: stop.clone(),
            tasks: self.shared.tasks.clone(),
            fleet: Arc::clone(&self.shared.fleet),
        });
        let id = lane.record.id.clone();
        let (sender, receiver) = watch::channel(lane);
        let tasks = &self.shared.tasks;
        let given = (Arc::clone(&shared), Arc::clone(&signals), receiver);
        let (a, b, c, d) = (given.clone(), given.clone(), given.clone(), given);
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
        self.lock().insert(id, Running { revision, host_paused, lane: sender, signals, stop });
    }

    /// Takes up what people left. What this host is at already is not begun again.
    async fn take_intents(self: &Arc<Self>, records: &[ConnectionRecord]) -> Result<(), LedgerError> {
        let ledger = &self.shared.parts.ledger;
        for left in ledger.take_intents(&self.shared.parts.host, intents::LEASE_MS).await? {
            let Some(at_it) = self.begin(left.number) else { continue };
            let found = {
                let running = self.lock();
                running
                    .get(&left.connection)
                    .map(|running| (Arc::clone(&running.lane.borrow()), Arc::clone(&running.signals)))
            };
            let Some((lane, signals)) = found else {
                if records.iter().any(|record| record.id == left.connection) {
                    // It can't work at the moment; what was left for it waits.
                    ledger.give_back_intent(left.number).await?;
                    self.again_soon.store(true, Ordering::Release);
                } else {
                    tracing::warn!(connection = %left.connection, "an intent was left for a connection that was removed");
                    ledger.end_intent(left.number).await?;
                }
                continue;
            };
            let host = Arc::clone(self);
            self.shared.tasks.spawn(async move {
                let carried = intents::carry_out(&host.shared, &signals, &lane, &left).await;
                host.carried(&lane, &left, carried).await;
                drop(at_it);
            });
        }
        Ok(())
    }

    async fn carried(&self, lane: &Lane, left: &LeftIntent, carried: Carried) {
        let ledger = &self.shared.parts.ledger;
        let recorded = match carried {
            Carried::Over => {
                self.put_off().remove(&left.number);
                ledger.end_intent(left.number).await
            }
            Carried::Later(why) => {
                tracing::warn!(connection = %lane.record.name, intent = left.number, %why, "an intent is tried again");
                let first = self.put_off().insert(left.number);
                if let (true, Intent::Reset { shop_order_id, after, .. }) = (first, &left.intent) {
                    let pass = PassKey { order: lane.key(shop_order_id), pass: *after };
                    intents::note(
                        &self.shared,
                        &pass,
                        format!("It can't be set back yet, which is tried again: {why}"),
                    )
                    .await;
                }
                self.again_soon.store(true, Ordering::Release);
                ledger.give_back_intent(left.number).await
            }
        };
        if let Err(error) = recorded {
            tracing::error!(intent = left.number, %error, "what became of an intent could not be recorded");
        }
    }

    /// `None` when this host is at the intent already. Dropping what it gives ends that, a panic included.
    fn begin(self: &Arc<Self>, number: i64) -> Option<AtIntent> {
        let mut all = self.carrying.lock().unwrap_or_else(PoisonError::into_inner);
        all.insert(number).then(|| AtIntent { host: Arc::clone(self), number })
    }

    fn put_off(&self) -> std::sync::MutexGuard<'_, HashSet<i64>> {
        self.put_off.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, BTreeMap<ConnectionId, Running>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// This host is at an intent.
struct AtIntent {
    host: Arc<Host>,
    number: i64,
}

impl Drop for AtIntent {
    fn drop(&mut self) {
        self.host.carrying.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.number);
    }
}
