//! The host: opens a lane for each connection, follows what administrators change, and stops in good order.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use serde::Serialize;
use tokio::sync::{Notify, Semaphore, watch};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{
    effects, heartbeat,
    lane::{Lane, LaneError},
    lease::Leases,
    mails,
    parts::Parts,
    reread::{Wish, reread},
    retention, sweep,
    work::{self, Shared, Signals, supervised},
};
use crate::{
    domain::{
        decision::Opening,
        id::{ConnectionId, PassKey},
    },
    ledger::{
        LedgerError,
        connections::{ConnectionRecord, Intent, LeftIntent},
        standstill::Standstill,
    },
};

/// How long until a connection that could not be opened is tried again.
const OPEN_AGAIN: Duration = Duration::from_secs(5);

/// How often the ledger is looked after.
const TEND_EVERY: Duration = Duration::from_secs(1);

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
}

/// The running host.
pub struct Host {
    shared: Arc<Shared>,
    mails: Arc<Notify>,
    running: Mutex<HashMap<ConnectionId, Running>>,
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
        });
        Arc::new(Self {
            shared,
            mails: Arc::new(Notify::new()),
            running: Mutex::default(),
            trouble: Mutex::default(),
            hard_stop: CancellationToken::new(),
        })
    }

    /// Works until [`Host::stop`]. Ends when everything under way has ended, or at once after [`Host::stop_now`].
    pub async fn run(self: &Arc<Self>) {
        let shared = &self.shared;
        let keeper = tokio::spawn(Arc::clone(&shared.leases).keep(Arc::clone(&shared.parts), self.hard_stop.clone()));
        let (of_mails, wake) = (Arc::clone(shared), Arc::clone(&self.mails));
        shared.tasks.spawn(supervised(Arc::clone(shared), "mails", move || {
            mails::run(Arc::clone(&of_mails), Arc::clone(&wake))
        }));
        let of_retention = Arc::clone(shared);
        shared
            .tasks
            .spawn(supervised(Arc::clone(shared), "retention", move || retention::run(Arc::clone(&of_retention))));
        let (mut seen, mut again) = (None, None);
        let (mut still, mut tended) = (None, None);
        while !shared.stop.is_cancelled() {
            if tended.is_none_or(|at| shared.parts.clock.since_boot() >= at) {
                tended = Some(shared.parts.clock.since_boot() + TEND_EVERY);
                self.tend(&mut still).await;
            }
            match shared.parts.ledger.change_number().await {
                Ok(number) if seen == Some(number) && again.is_none_or(|at| shared.parts.clock.since_boot() < at) => {}
                Ok(number) => match self.follow().await {
                    Ok(opened) => {
                        seen = Some(number);
                        // What could not be opened may only have met a moment's trouble.
                        again = (!opened).then(|| shared.parts.clock.since_boot() + OPEN_AGAIN);
                    }
                    Err(error) => {
                        tracing::error!(%error, "connections could not be read");
                        work::pause(shared, OPEN_AGAIN).await;
                    }
                },
                Err(error) => tracing::error!(%error, "the ledger can't be asked for changes"),
            }
            work::pause(shared, shared.parts.pace.notice_every).await;
        }
        shared.tasks.close();
        tokio::select! {
            biased;
            () = shared.tasks.wait() => tracing::info!("everything under way has ended"),
            () = self.hard_stop.cancelled() => tracing::warn!("stopped at once; what was under way is taken up at the next start"),
        }
        self.hard_stop.cancel();
        // The keeper only sleeps and renews; it ends with the token that was just cancelled.
        let _ended = keeper.await;
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
        self.shared.leases.count()
    }

    /// Every connection's health.
    pub async fn health(&self) -> Vec<ConnectionHealth> {
        let lanes: Vec<Arc<Lane>> = self.lock().values().map(|running| Arc::clone(&running.lane.borrow())).collect();
        let mut all = Vec::with_capacity(lanes.len());
        for lane in lanes {
            let alive = if lane.takes() { heartbeat::is_alive(&self.shared, &lane).await.ok() } else { None };
            all.push(ConnectionHealth { name: lane.record.name.clone(), alive, trouble: None });
        }
        let trouble = self.trouble.lock().unwrap_or_else(PoisonError::into_inner).clone();
        for (name, why) in trouble {
            match all.iter_mut().find(|known| known.name == name) {
                Some(known) => known.trouble = Some(why),
                None => all.push(ConnectionHealth { name, alive: Some(false), trouble: Some(why) }),
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

    /// Takes up what changed: connections, pauses, intents.
    async fn follow(self: &Arc<Self>) -> Result<bool, LedgerError> {
        let ledger = &self.shared.parts.ledger;
        let host_paused = ledger.host_pause().await?.is_some();
        let records = ledger.connections(false).await?;
        let gone: Vec<ConnectionId> =
            self.lock().keys().filter(|id| !records.iter().any(|record| &record.id == *id)).cloned().collect();
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
        for record in records {
            opened &= self.follow_one(record, host_paused).await;
        }
        for running in self.lock().values() {
            running.signals.work.notify_one();
            running.signals.effects.notify_one();
        }
        for intent in ledger.take_intents(&self.shared.parts.host).await? {
            self.carry_out(intent).await;
        }
        Ok(opened)
    }

    /// Whether the connection is at work as the ledger has it.
    async fn follow_one(self: &Arc<Self>, record: ConnectionRecord, host_paused: bool) -> bool {
        let known = self.lock().get(&record.id).map(|running| (running.revision, running.host_paused));
        if known == Some((record.revision, host_paused)) {
            return true;
        }
        let (id, name, revision) = (record.id.clone(), record.name.clone(), record.revision);
        match self.open(record).await {
            Ok(lane) => {
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
        let release = record.activation.release.clone();
        if !parts.mapper.knows(&release)
            && let Some(bytes) = parts.ledger.release_bytes(&release).await?
        {
            parts.mapper.admit(&bytes).await.map_err(|error| LaneError::Problems {
                name: record.name.clone(),
                problems: vec![crate::domain::problem::Problem::new("plugin.release", error.to_string())],
            })?;
        }
        Lane::open(parts, record).await
    }

    fn start(self: &Arc<Self>, lane: Arc<Lane>, revision: u64, host_paused: bool) {
        let signals = Arc::new(Signals::new(Arc::clone(&self.mails)));
        let stop = self.shared.stop.child_token();
        // The loops of one connection stop with it; the rest is the host's.
        let shared = Arc::new(Shared {
            parts: Arc::clone(&self.shared.parts),
            leases: Arc::clone(&self.shared.leases),
            places: Arc::clone(&self.shared.places),
            stop: stop.clone(),
            tasks: self.shared.tasks.clone(),
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
        tasks
            .spawn(supervised(Arc::clone(&shared), "heartbeat", move || heartbeat::run(Arc::clone(&d.0), d.2.clone())));
        self.lock().insert(id, Running { revision, host_paused, lane: sender, signals, stop });
    }

    async fn carry_out(self: &Arc<Self>, left: LeftIntent) {
        let found = {
            let running = self.lock();
            running
                .get(&left.connection)
                .map(|running| (Arc::clone(&running.lane.borrow()), Arc::clone(&running.signals)))
        };
        let Some((lane, signals)) = found else {
            tracing::warn!(connection = %left.connection, "an intent was left for a connection that is not at work");
            return;
        };
        match left.intent {
            Intent::Sync => signals.sweep.notify_one(),
            Intent::Look { shop_order_id } => {
                let shared = Arc::clone(&self.shared);
                self.shared.tasks.spawn(async move {
                    if let Err(error) = sweep::look(&shared, &signals, &lane, &shop_order_id).await {
                        tracing::warn!(order = %shop_order_id, %error, "an order could not be looked at");
                    }
                });
            }
            Intent::Reread { shop_order_id, pass, release } => {
                let parts = Arc::clone(&self.shared.parts);
                let wish = Wish { pass: PassKey { order: lane.key(&shop_order_id), pass }, release, by: left.by };
                self.shared.tasks.spawn(async move {
                    if let Err(error) = reread(&parts, &lane, &signals, wish).await {
                        tracing::warn!(order = %shop_order_id, %error, "a stored answer could not be read again");
                    }
                });
            }
            Intent::Reset { shop_order_id, after, why } => {
                let shared = Arc::clone(&self.shared);
                let by = left.by;
                self.shared.tasks.spawn(async move {
                    let opening = Opening::Intent { by, why };
                    let (ledger, key) = (&shared.parts.ledger, lane.key(&shop_order_id));
                    // The shop is told before the pass is open: else our New could come after the pass's own status.
                    let closed = matches!(ledger.order(&key).await, Ok(Some(detail))
                        if detail.order.pass.unwrap_or(0) == after
                            && detail.order.state.is_none_or(|state| state.is_closed()));
                    if closed
                        && let Some(new) = lane.status().new.first()
                        && let Err(error) = lane.shop.set_status(&shop_order_id, new).await
                    {
                        tracing::warn!(order = %shop_order_id, %error, "the status could not be set back in the shop");
                    }
                    match ledger.open_pass(&key, after, opening).await {
                        Ok(_) => signals.work.notify_one(),
                        Err(error) => {
                            tracing::warn!(order = %shop_order_id, %error, "a reset could not be carried out")
                        }
                    }
                });
            }
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<ConnectionId, Running>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
