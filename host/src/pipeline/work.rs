//! The worker loop of one connection: claim, take each pass through its journey, wait for a signal or the next due time.
//!
//! Two bounds keep one connection from delaying another: its own share of places, and places of the whole host that are
//! given out first come, first served. A hanging ERP fills its own share and no more.

use std::{
    panic::AssertUnwindSafe,
    sync::{Arc, Mutex},
    time::Duration,
};

use futures_util::FutureExt as _;
use tokio::{
    sync::{Notify, OwnedSemaphorePermit, Semaphore, watch},
    time::Instant,
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{
    age::Ages,
    effects, fleet,
    journey::{Journey, Stopped},
    lane::Lane,
    lease::{Held, Leases},
    parts::{Parts, millis},
    quarantine::Faults,
};
use crate::{
    domain::clock::Millis,
    failpoint::{self, Point},
    ledger::{
        LedgerError,
        passes::{Claim, ClaimKind},
    },
};

/// A loop looks at least this often, signal or not.
const LOOK_AT_LEAST: Duration = Duration::from_secs(1);

/// Unknown and awaited passes are looked for this often at most: each look is a commit that new orders would wait for.
const LOOKS_AT_MOST_EVERY: Duration = Duration::from_millis(200);

/// How one loop of a connection wakes another, and what loops share.
pub struct Signals {
    /// There may be something to claim.
    pub work: Notify,
    /// The shop is owed something.
    pub effects: Notify,
    /// Somebody wants a sweep now.
    pub sweep: Notify,
    /// A sweep was good.
    pub swept: Notify,
    /// Mail is owed; shared by the whole host.
    pub mails: Arc<Notify>,
    /// Orders whose effects are paid at once.
    pub effect_places: Arc<Semaphore>,
    /// How often the plugin failed in a row.
    pub faults: Faults,
    /// How long we know of what is in doubt.
    pub ages: Ages,
    /// The newest stamp of a change that a good look was shown: the shop's own time.
    pub newest_ms: Mutex<Option<Millis>>,
}

impl Signals {
    /// Those of one connection, with so many passes at work at once.
    #[must_use]
    pub fn new(mails: Arc<Notify>, at_once: usize) -> Self {
        Self {
            work: Notify::new(),
            effects: Notify::new(),
            sweep: Notify::new(),
            swept: Notify::new(),
            mails,
            effect_places: effects::places(at_once),
            faults: Faults::default(),
            ages: Ages::default(),
            newest_ms: Mutex::new(None),
        }
    }
}

/// What all loops of a host share.
pub struct Shared {
    /// What we work with.
    pub parts: Arc<Parts>,
    /// Our leases.
    pub leases: Arc<Leases>,
    /// Places of the whole host.
    pub places: Arc<Semaphore>,
    /// Stop taking; end what is under way.
    pub stop: CancellationToken,
    /// Every task that must end before the host does.
    pub tasks: TaskTracker,
    /// This host among the others.
    pub fleet: Arc<fleet::Place>,
}

/// Works until stopped.
pub async fn run(shared: Arc<Shared>, signals: Arc<Signals>, mut lane: watch::Receiver<Arc<Lane>>) {
    let own = Arc::new(Semaphore::new(shared.parts.pace.per_connection));
    let mut next_look = Instant::now();
    loop {
        if shared.stop.is_cancelled() {
            return;
        }
        let woken = signals.work.notified();
        // Places first, the lane after: while we waited for one, the connection may have been paused or changed.
        let Some(places) = places(&shared, &own).await else { return };
        let now = Arc::clone(&lane.borrow_and_update());
        let looks = Instant::now() >= next_look;
        if looks {
            next_look = Instant::now() + LOOKS_AT_MOST_EVERY;
        }
        let claimed = match look_back(&shared, &signals, &now).await {
            Ok(()) => claim(&shared, &now, places, looks).await,
            Err(error) => Err(error),
        };
        // With every claim, so that a clock that is set on and back again does not go unseen.
        if let Ok(moment) = shared.parts.ledger.now_ms().await {
            signals.ages.observe(moment, shared.parts.clock.since_boot());
        }
        match claimed {
            Ok(claimed) if !claimed.is_empty() => {
                for (place, claim, before) in claimed {
                    start(&shared, &signals, &now, place, claim, before);
                }
                continue;
            }
            Ok(_) => {}
            Err(error) => {
                tracing::error!(connection = %now.record.name, %error, "passes could not be claimed");
                pause(&shared, LOOK_AT_LEAST).await;
            }
        }
        let wait = until_due(&shared, &now).await;
        tokio::select! {
            biased;
            () = shared.stop.cancelled() => return,
            () = woken => {}
            changed = lane.changed() => if changed.is_err() { return },
            () = tokio::time::sleep(wait) => {}
        }
    }
}

/// Once, before anything is claimed: what the ledger recorded last says whether its clock was set back meanwhile.
async fn look_back(shared: &Shared, signals: &Signals, lane: &Lane) -> Result<(), LedgerError> {
    if signals.ages.has_to_look_back() {
        let ledger = &shared.parts.ledger;
        let newest = ledger.newest_attempt_ms(&lane.record.id).await?;
        signals.ages.look_back(newest, ledger.now_ms().await?, shared.parts.clock.since_boot());
    }
    Ok(())
}

type Place = (OwnedSemaphorePermit, OwnedSemaphorePermit);

/// Every place that is free, and at least one. `None` when the host stops.
async fn places(shared: &Arc<Shared>, own: &Arc<Semaphore>) -> Option<Vec<Place>> {
    let first = async {
        let mine = Arc::clone(own).acquire_owned().await.ok()?;
        Some((mine, Arc::clone(&shared.places).acquire_owned().await.ok()?))
    };
    let mut places = tokio::select! {
        biased;
        () = shared.stop.cancelled() => return None,
        place = first => vec![place?],
    };
    while let Ok(mine) = Arc::clone(own).try_acquire_owned() {
        let Ok(of_host) = Arc::clone(&shared.places).try_acquire_owned() else { break };
        places.push((mine, of_host));
    }
    Some(places)
}

/// Claims as much as there is room for: first the looks that are due, then work.
async fn claim(
    shared: &Arc<Shared>,
    lane: &Arc<Lane>,
    mut places: Vec<Place>,
    looks: bool,
) -> Result<Vec<(Place, Claim, Duration)>, LedgerError> {
    let parts = &shared.parts;
    let shut = lane.shut(parts);
    // While nothing is sent there, one order may try when that is due.
    let may_try = match &shut {
        Some(shut) => shut.is_due(parts.ledger.now_ms().await?),
        None => true,
    };
    let work = if lane.maps() && may_try { ClaimKind::Work } else { ClaimKind::LeftBehind };
    let mut claimed = Vec::new();
    for kind in looks.then_some(ClaimKind::Look).into_iter().chain([work]) {
        let mut room = u32::try_from(places.len()).unwrap_or(u32::MAX);
        if room == 0 {
            break;
        }
        if shut.is_some() && kind == ClaimKind::Work {
            room = 1;
        }
        let before = parts.clock.since_boot();
        let (connection, lease_ms) = (&lane.record.id, millis(parts.pace.lease));
        let claiming = match lane.limits() {
            Some(limits) => parts.ledger.claim_within(connection, &parts.host, kind, room, lease_ms, limits),
            None => parts.ledger.claim(connection, &parts.host, kind, room, lease_ms),
        };
        // A test counts only the claims that find work.
        let tried = match kind {
            ClaimKind::Look => claiming.await,
            _ if failpoint::awaited(Point::Claim) && !is_due(parts, lane).await => Ok(Vec::new()),
            _ => failpoint::around(Point::Claim, claiming).await,
        };
        let found = match tried {
            Ok(found) => found,
            // What was claimed already is worked on.
            Err(_) if !claimed.is_empty() => break,
            Err(error) => return Err(error),
        };
        for claim in found {
            if let Some(place) = places.pop() {
                claimed.push((place, claim, before));
            }
        }
    }
    Ok(claimed)
}

/// Whether there is something to claim.
async fn is_due(parts: &Parts, lane: &Lane) -> bool {
    let due = (parts.ledger.next_due_ms(&lane.record.id).await, parts.ledger.now_ms().await);
    matches!(due, (Ok(Some(due)), Ok(now)) if due <= now)
}

/// Lets go of a lease however a journey ends, a panic included: what nobody works on must run out.
struct Hold {
    leases: Arc<Leases>,
    held: Arc<Held>,
}

impl Drop for Hold {
    fn drop(&mut self) {
        self.leases.drop_lease(&self.held);
    }
}

fn start(shared: &Arc<Shared>, signals: &Arc<Signals>, lane: &Arc<Lane>, place: Place, claim: Claim, before: Duration) {
    let held = shared.leases.hold(&shared.parts, &claim.pass.key, &claim.token, before);
    let hold = Hold { leases: Arc::clone(&shared.leases), held: Arc::clone(&held) };
    let sent_before = claim.pass.sent;
    let mut journey = Journey {
        parts: Arc::clone(&shared.parts),
        lane: Arc::clone(lane),
        signals: Arc::clone(signals),
        held,
        pass: claim.pass,
        attempt: claim.attempt,
        order: None,
        sent_before,
        logins: std::sync::Mutex::default(),
        claimed_logins: std::sync::Mutex::new(claim.logins),
        payment: None,
        quarantine: None,
        mapping: None,
    };
    let signals = Arc::clone(signals);
    let shared_stop = shared.stop.clone();
    shared.tasks.spawn(async move {
        let result = journey.go().await;
        drop(hold);
        drop(place);
        journey.pay().await;
        match result {
            Ok(()) => {}
            Err(Stopped::Ledger(LedgerError::Lost { what })) => {
                tracing::warn!(%what, "another worker has it now; nothing was changed");
            }
            Err(Stopped::Ledger(error)) => {
                tracing::error!(order.number = %journey.pass.order_number, %error, "a pass could not go on");
                // What is recorded stands; whoever claims it when the lease has run out goes on from there.
            }
        }
        if !shared_stop.is_cancelled() {
            signals.work.notify_one();
        }
    });
}

/// How long until the next pass becomes due.
async fn until_due(shared: &Shared, lane: &Lane) -> Duration {
    let due = match (shared.parts.ledger.next_due_ms(&lane.record.id).await, shared.parts.ledger.now_ms().await) {
        (Ok(Some(due)), Ok(now)) => u64::try_from(due.saturating_sub(now).max(0)).unwrap_or(0),
        (Ok(None), Ok(_)) => return LOOK_AT_LEAST,
        _ => return LOOK_AT_LEAST,
    };
    // What is overdue and was not claimed is not ours to take now: do not spin.
    match due {
        _ if !lane.maps() || lane.shut(&shared.parts).is_some() => LOOK_AT_LEAST,
        0 => LOOKS_AT_MOST_EVERY,
        due => Duration::from_millis(due).min(LOOK_AT_LEAST),
    }
}

/// Waits, unless the host stops.
pub async fn pause(shared: &Shared, time: Duration) {
    tokio::select! {
        biased;
        () = shared.stop.cancelled() => {}
        () = tokio::time::sleep(time) => {}
    }
}

/// Runs a loop of the host again if it should ever panic: a connection must not die silently while others live.
pub async fn supervised<F, R>(shared: Arc<Shared>, name: &'static str, make: F)
where
    F: Fn() -> R + Send,
    R: Future<Output = ()> + Send,
{
    while AssertUnwindSafe(make()).catch_unwind().await.is_err() {
        tracing::error!(name, "a loop of the host broke off; this is a bug of Orderdock; it is started again");
        pause(&shared, Duration::from_secs(1)).await;
        // Some go on while the host stops.
        if shared.stop.is_cancelled() {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }
}
