//! Races: several hosts on one database carry many orders while random ones of them stand still (SIGSTOP) for longer than
//! their leases, so that others take over what they had in hand, and then go on (SIGCONT) as if nothing had been. Judged by
//! the fakes' ledgers.
//!
//! The one window that nobody can fence, between the last check of the lease and the first byte, is met by the look-up:
//! what is caught in it ends as unknown and is then found, or not, in the ERP.

use std::{collections::BTreeMap, time::Duration};

use indicatif::{ProgressBar, ProgressStyle};
use tokio::time::{Instant, sleep};

use crate::{
    chaos::Verdict,
    crash::{
        cell::{Database, Route},
        judge,
        scenario::LOOK_UP,
    },
    orders::Dice,
    rig::{CONNECTION, Rig, Serving, Signal},
    shop::world::now_ms,
};

/// Orders that are looked at closely in the end.
const DETAILS: usize = 500;

/// Orders that are placed and not at an end yet, at most: a shop's list that never ends would be another test.
const AFLOAT: usize = 2_000;

/// How long everything may stand without any order coming to its end, before that is a failure.
const STUCK: Duration = Duration::from_secs(180);

/// The word for a pause.
const SLEPT: &str = "slept past its lease";

/// How to run.
#[derive(Clone, Debug)]
pub struct Options {
    /// Hosts; SQLite has one.
    pub hosts: usize,
    /// Orders.
    pub orders: usize,
    /// Where the ledger is.
    pub database: Database,
    /// Chance.
    pub seed: u64,
    /// The hosts' lease: a pause that is longer than the usual one would make the run a matter of hours.
    pub lease: Duration,
    /// Show how far it is.
    pub bar: bool,
}

/// What a host that wakes in the middle of a write does at once may take that long on a busy machine.
const WAKING: Duration = Duration::from_secs(5);

/// A host, and until when it stands still.
struct Member {
    serving: Serving,
    asleep_until: Option<Instant>,
    /// Since when, by the shop's clock.
    asleep_ms: i64,
}

/// The times in which a host stood still, by the shop's clock.
type Sleeps = Vec<(i64, i64)>;

/// Runs, and judges.
///
/// # Panics
/// When a host does not start, or nothing moves any more.
pub async fn run(options: &Options) -> Verdict {
    let mut rig = Rig::bare_on(options.database.address().await).await;
    // One key for all: what one host sealed, the others must be able to open.
    rig.environment.push(("ORDERDOCK_KEY".to_owned(), "b3JkZXJkb2NrIHRyaWFsIGtleSBvZiAzMiBieXRlcyE=".to_owned()));
    // The command line reads no failpoints, only hosts do.
    rig.arm(Some(&format!("lease={}s", options.lease.as_secs())));
    rig.add_plugin().await;
    rig.connect(&look_up(options.hosts)).await;
    let mut fleet = Vec::new();
    for number in 1..=options.hosts.max(1) {
        let config = format!("host-{number}.toml");
        // On SQLite the one host keeps the folder that the command line looks into.
        let folder = if options.hosts > 1 { format!("data-{number}") } else { "data".to_owned() };
        rig.write(&config, &rig.host_file().replace("data_dir = \"data\"", &format!("data_dir = \"{folder}\"")));
        fleet.push(Member { serving: rig.start(&config, "serve.log").await, asleep_until: None, asleep_ms: 0 });
    }
    let began = Instant::now();
    let mut verdict = Verdict { seed: options.seed, ..Verdict::default() };
    let (orders, sleeps) = carry(&rig, &mut fleet, options, &mut verdict).await;
    let last_blow = Instant::now();
    verdict.seconds = began.elapsed().as_secs();
    let (wrong, seen) = judge::judge(&rig, Route::Http, &orders, STUCK, DETAILS).await;
    verdict.quiet_after_s = last_blow.elapsed().as_secs_f64();
    verdict.orders = orders.len();
    verdict.requests = rig.erp.state().requests;
    let (again, wrong): (Vec<String>, Vec<String>) = wrong.into_iter().partition(|what| what.contains(judge::REPEATED));
    verdict.wrong = wrong;
    if !again.is_empty() {
        verdict.events.insert(judge::REPEATED.to_owned(), u32::try_from(again.len()).unwrap_or(u32::MAX));
        let unexplained = orders
            .iter()
            .flat_map(|id| repeats(&rig.order(*id), *id))
            .filter(|at| !at.is_of_a_sleeper(options.lease, &sleeps));
        let unexplained: Vec<String> = unexplained.map(|at| at.told()).collect();
        if !unexplained.is_empty() {
            verdict.wrong.extend(again);
            verdict.wrong.extend(unexplained);
        }
    }
    let log = rig.log();
    let counted = [
        ("a late write refused", "another worker has it now"),
        ("a send refused at the first byte", "lease was about to run out"),
        ("outcome unknown", "to=\"unknown\""),
    ];
    for (event, words) in counted {
        let times = u32::try_from(log.matches(words).count()).unwrap_or(u32::MAX);
        if times > 0 {
            verdict.events.insert(event.to_owned(), times);
        }
    }
    let mut states = BTreeMap::new();
    for one in seen {
        *states.entry(one.state).or_default() += 1;
    }
    verdict.states = states;
    verdict
}

/// What the connection says of its ERP: how long a request may take, and when "not found" counts. The ERP flushes one order
/// after the other, and every host has eight requests for it: one that waits there for longer than the connection says is
/// accepted behind the look-up that did not find it, and has been sent once more by then, as the connection allows.
fn look_up(hosts: usize) -> String {
    let (limit, settling) = (2 + hosts, 1 + hosts);
    let patient = LOOK_UP.replace("time_limit_s = 2", &format!("time_limit_s = {limit}")).replace("30s", "10m");
    format!("{patient}unknown.settling = \"{settling}s\"\n")
}

/// Something that we wrote to the shop twice, by the shop's clock.
#[derive(Clone, Copy, Debug)]
struct Repeat {
    order: u64,
    first_ms: i64,
    again_ms: i64,
}

impl Repeat {
    /// The window that lifecycle section 4 names, for a write to the shop: a host looked, was stopped before the first byte for
    /// longer than its lease, another one wrote meanwhile, and the first one wrote as soon as it went on. Nobody can fence
    /// that; anything else is a broken promise. For the ERP there is no such excuse.
    fn is_of_a_sleeper(&self, lease: Duration, sleeps: &Sleeps) -> bool {
        let lease = i64::try_from(lease.as_millis()).unwrap_or(i64::MAX);
        let waking = i64::try_from(WAKING.as_millis()).unwrap_or(i64::MAX);
        sleeps.iter().any(|&(from_ms, to_ms)| {
            to_ms - from_ms >= lease
                && (from_ms..=to_ms).contains(&self.first_ms)
                && (to_ms..=to_ms + waking).contains(&self.again_ms)
        })
    }

    fn told(&self) -> String {
        let Self { order, first_ms, again_ms } = self;
        format!(
            "order {order}: written at {first_ms} and at {again_ms}, and no host woke before the second from a sleep over the first"
        )
    }
}

/// What of an order was written to the shop twice.
fn repeats(order: &crate::shop::Order, id: u64) -> Vec<Repeat> {
    let us = crate::shop::Actor::orderdock();
    let statuses: Vec<_> = order.history.iter().filter(|change| change.actor == us).collect();
    let twice = statuses.windows(2).filter(|two| two[0].status == two[1].status);
    let mut found: Vec<Repeat> =
        twice.map(|two| Repeat { order: id, first_ms: two[0].at_ms, again_ms: two[1].at_ms }).collect();
    let mut notes: BTreeMap<&str, i64> = BTreeMap::new();
    for note in order.notes.iter().filter(|note| note.actor == us) {
        if let Some(first_ms) = notes.insert(&note.text, note.at_ms) {
            found.push(Repeat { order: id, first_ms, again_ms: note.at_ms });
        }
    }
    found
}

/// Places the orders and lets hosts sleep, until every order has come to its end in the shop.
async fn carry(rig: &Rig, fleet: &mut [Member], options: &Options, verdict: &mut Verdict) -> (Vec<u64>, Sleeps) {
    let bar = if options.bar { ProgressBar::new(options.orders as u64) } else { ProgressBar::hidden() };
    let style = ProgressStyle::with_template("{bar:40} {pos}/{len} orders  {elapsed}  {msg}");
    bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
    let bodies: Vec<_> = (1..=24).map(|nth| rig.ordinary(nth)).collect();
    let mut dice = Dice::new(options.seed);
    let mut sleeps = Sleeps::new();
    let (mut orders, mut afloat) = (Vec::new(), Vec::new());
    let mut next_sync = Instant::now();
    let mut moved = Instant::now();
    while orders.len() < options.orders || !afloat.is_empty() {
        while afloat.len() < AFLOAT && orders.len() < options.orders {
            let id = rig.place_with(|body| *body = bodies[orders.len() % bodies.len()].clone());
            orders.push(id);
            afloat.push(id);
        }
        if Instant::now() >= next_sync {
            next_sync = Instant::now() + Duration::from_secs(2);
            rig.run(&["sync", CONNECTION]).await;
        }
        sleep_and_wake(fleet, options.lease, &mut dice, verdict, &mut sleeps).await;
        let before = afloat.len();
        afloat.retain(|id| !matches!(rig.order(*id).status(), "In Progress" | "On Hold"));
        if afloat.len() < before {
            moved = Instant::now();
        }
        assert!(moved.elapsed() < STUCK, "{} orders do not come to an end, such as {:?}", afloat.len(), afloat.first());
        bar.set_position((orders.len() - afloat.len()) as u64);
        bar.set_message(format!("{} asleep", fleet.iter().filter(|one| one.asleep_until.is_some()).count()));
        sleep(Duration::from_millis(200)).await;
    }
    for one in fleet {
        one.serving.signal(Signal::CONT);
        if one.asleep_until.is_some() {
            sleeps.push((one.asleep_ms, now_ms()));
        }
    }
    bar.finish_and_clear();
    (orders, sleeps)
}

/// Wakes who has slept enough, and perhaps puts one more to sleep; where there are several, one always stays awake.
async fn sleep_and_wake(
    fleet: &mut [Member],
    lease: Duration,
    dice: &mut Dice,
    verdict: &mut Verdict,
    sleeps: &mut Sleeps,
) {
    for one in fleet.iter_mut() {
        if one.asleep_until.is_some_and(|until| Instant::now() >= until) {
            one.asleep_until = None;
            sleeps.push((one.asleep_ms, now_ms()));
            one.serving.signal(Signal::CONT);
        }
    }
    let awake = fleet.iter().filter(|one| one.asleep_until.is_none()).count();
    let may_sleep = if fleet.len() > 1 { awake > 1 } else { awake > 0 };
    // About one a second for each four hosts.
    if !may_sleep || dice.below(20) >= fleet.len().div_ceil(4) {
        return;
    }
    let chosen = dice.below(fleet.len());
    if let Some(one) = fleet.get_mut(chosen).filter(|one| one.asleep_until.is_none()) {
        let longer = Duration::from_millis(dice.below(3_000) as u64);
        one.asleep_ms = now_ms();
        one.serving.signal(Signal::STOP);
        one.asleep_until = Some(Instant::now() + lease + longer);
        verdict.note(SLEPT);
    }
}
