//! One run: hosts that come and go, staff who act, and an end at which everything has come to rest.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use orderdock::{
    domain::{
        call::{Description, Purpose},
        decision::Decision,
        id::{ConnectionId, HostId, OrderKey, ShopId},
        pass::PassState,
        sight::Actor,
    },
    ledger::{
        Ledger,
        connections::{ConnectionDraft, Connections as _, Intent, ShopIdentity},
        reports::{OrderDetail, Reports as _},
    },
    pipeline::{
        host::Host,
        parts::{Pace, Parts},
    },
    seal::{MasterKey, OsRandom, Sealer},
};
use secrecy::SecretString;
use serde_json::json;
use tokio::time::{Instant, sleep, sleep_until};

use super::{
    erp::{Erp, SETTLING},
    files::{self, Inbox},
    judge,
    ledger::LedgerSeam,
    plugin::{FILES, Mailbox, RELEASE, SimMailer, SimOpener, SimPlugin},
    shop::{ARCHIVED, Books, FAILURE, NEW, SUCCESS},
    world::{Away, Dice, Fate, Life, Plan, SimClock, Trace, jump_dice},
};
use crate::model::ModelLedger;

/// What is broken on purpose, to see that the judges notice.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Mutant {
    /// Moves are not guarded.
    pub no_fence: bool,
    /// A send is not recorded.
    pub no_write_ahead: bool,
}

/// How a run went.
#[derive(Clone, Debug)]
pub struct Report {
    /// Its seed.
    pub seed: u64,
    /// What went wrong; nothing, if all went well.
    pub wrong: Vec<String>,
    /// Of everything that happened: the same seed has the same one.
    pub hash: u64,
    /// How much happened.
    pub events: u64,
    /// Orders that were offered, and how many the ERP accepted.
    pub orders: usize,
    /// How many orders the ERP accepted.
    pub accepted: usize,
    /// Simulated time.
    pub lasted: Duration,
    /// The events, if they were to be kept.
    pub trace: Vec<String>,
    /// What the seed stands for.
    pub plan: String,
}

/// A connection.
#[derive(Clone, Debug)]
pub struct Line {
    /// Its id.
    pub connection: ConnectionId,
    /// Its shop's.
    pub shop: ShopId,
}

/// Everything outside the hosts.
pub struct Scene {
    /// Randomness.
    pub dice: Arc<Dice>,
    /// Which faults there are.
    pub plan: Plan,
    /// What is broken on purpose.
    pub mutant: Mutant,
    /// When the run began.
    pub start: Instant,
    /// When faults end.
    pub calm: Instant,
    /// What happened.
    pub trace: Arc<Trace>,
    /// The database.
    pub model: ModelLedger,
    /// The shop.
    pub shop: Books,
    /// The ERP.
    pub erp: Erp,
    /// The mail server.
    pub mails: Mailbox,
    /// The connections.
    pub lines: Vec<Line>,
    /// Where files are dropped; it ends with the run.
    pub inbox: Inbox,
    /// When the database's clock was set on last, and how far it went back in all.
    pub jumped: Mutex<(Option<Instant>, Duration)>,
}

impl Scene {
    /// Whether the database's clock was set on a moment ago: to it, every lease was over at once. Moves are fenced all the
    /// same; a note that somebody was just writing may be written by another one too (docs/reliability.md says so).
    pub fn leases_were_cut(&self) -> bool {
        let jumped = self.jumped.lock().unwrap_or_else(PoisonError::into_inner);
        jumped.0.is_some_and(|at| at.elapsed() < Duration::from_secs(120))
    }

    /// Whether things still go wrong.
    pub fn in_trouble(&self) -> bool {
        Instant::now() < self.calm
    }

    /// Something happens to a host in the middle of what it does. Idle hosts make no such calls, so this finds the moments
    /// that matter, which a kill at a random time nearly never does.
    pub fn strike(&self, fate: &Arc<Fate>, host: &str) {
        let (dice, plan) = (&self.dice, &self.plan);
        if !self.in_trouble() || plan.strikes == 0 || !dice.chance(plan.strikes) || fate.now() != Life::Running {
            return;
        }
        let pause = plan.pause.filter(|_| !plan.crashes || dice.chance(600));
        match pause {
            Some(most) => {
                let time = dice.time(1_000, most.as_millis() as u64);
                self.trace.note(format_args!("{host} STOPS for {time:?}, at work"));
                fate.set(Life::Paused);
                let (fate, trace, host) = (Arc::clone(fate), Arc::clone(&self.trace), host.to_owned());
                tokio::spawn(async move {
                    sleep(time).await;
                    trace.note(format_args!("{host} GOES ON"));
                    fate.set(Life::Running);
                });
            }
            None if plan.crashes => {
                self.trace.note(format_args!("{host} IS KILLED, at work"));
                fate.set(Life::Dead);
            }
            None => {}
        }
    }

    /// Which connection an order belongs to.
    pub fn line_of(&self, id: &str) -> usize {
        id.parse::<usize>().map_or(0, |number| number % self.lines.len())
    }

    /// Which connection this is.
    pub fn line(&self, connection: &ConnectionId) -> usize {
        self.lines.iter().position(|line| &line.connection == connection).expect("a connection of this run")
    }

    /// Whether something is away just now.
    pub fn is_away(&self, what: Away) -> bool {
        self.plan.is_away(what, self.start.elapsed())
    }

    /// An order's key.
    pub fn key(&self, id: &str) -> OrderKey {
        let Line { connection, shop } = self.lines[self.line_of(id)].clone();
        OrderKey { connection, shop, shop_order_id: id.to_owned() }
    }

    /// What the ledger knows of an order.
    pub async fn detail(&self, id: &str) -> Option<OrderDetail> {
        self.model.order(&self.key(id)).await.expect("the model answers")
    }
}

/// Runs a seed.
pub fn run(seed: u64, mutant: Mutant, keep_trace: bool) -> Report {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
    runtime.expect("a runtime").block_on(play(seed, mutant, keep_trace))
}

async fn play(seed: u64, mutant: Mutant, keep_trace: bool) -> Report {
    let dice = Arc::new(Dice::new(seed));
    let mut plan = Plan::of(&dice, seed);
    if mutant != Mutant::default() {
        // Where a rule is missing, the moments in which it is needed come often.
        plan = Plan { hosts: plan.hosts.max(2), strikes: 150, pause: Some(Duration::from_secs(90)), ..plan };
    }
    let start = Instant::now();
    let clock = Arc::new(SimClock::new(start, 0));
    let model = ModelLedger::new(Arc::clone(&clock) as _, Arc::clone(&dice) as _);
    let model = if mutant.no_fence { model.without_fence() } else { model };
    let inbox = Inbox::empty();
    let lines = connect(&model, &plan, &inbox).await;
    let scene = Arc::new(Scene {
        calm: start + plan.trouble,
        trace: Arc::new(Trace::new(start, keep_trace)),
        dice,
        plan,
        mutant,
        start,
        model,
        shop: Books::default(),
        erp: Erp::default(),
        mails: Mailbox::default(),
        lines,
        inbox,
        jumped: Mutex::default(),
    });
    for number in 0..scene.plan.hosts {
        tokio::spawn(life_of_a_host(Arc::clone(&scene), number));
    }
    tokio::spawn(buyers(Arc::clone(&scene)));
    if scene.plan.staff {
        tokio::spawn(staff(Arc::clone(&scene)));
    }
    if scene.plan.jumps {
        tokio::spawn(set_the_clock(Arc::clone(&scene), clock, jump_dice(seed)));
    }
    if scene.plan.files {
        tokio::spawn(files::take(Arc::clone(&scene), Dice::new(seed ^ 0xf11e)));
        tokio::spawn(files::unmount(Arc::clone(&scene)));
    }
    sleep_until(scene.calm).await;
    let mut wrong = rest(&scene).await;
    wrong.extend(judge::judge(&scene).await);
    let lasted = start.elapsed();
    let (hash, events, trace) = scene.trace.take();
    Report {
        seed,
        wrong,
        hash,
        events,
        orders: scene.shop.all().len(),
        accepted: scene.erp.count(),
        lasted,
        trace,
        plan: format!("{:?}", scene.plan),
    }
}

async fn connect(model: &ModelLedger, plan: &Plan, inbox: &Inbox) -> Vec<Line> {
    let describe = |purposes| Description {
        name: "sim".into(),
        version: "1.0.0".into(),
        publisher: "us".into(),
        erp: "simulated".into(),
        help: String::new(),
        settings_schema: json!({}),
        purposes,
        deliveries: Vec::new(),
        secrets: Vec::new(),
        tables: Vec::new(),
        folders: Vec::new(),
    };
    let purposes = if plan.look_up { vec![Purpose::Create, Purpose::LookUp] } else { vec![Purpose::Create] };
    model.add_release(&RELEASE.into(), b"", &describe(purposes), "sim").await.expect("a release");
    if plan.files {
        let only = describe(vec![Purpose::Create]);
        model.add_release(&FILES.into(), b"", &only, "sim").await.expect("a release");
    }
    for number in 0..plan.connections {
        let files = plan.files && number + 1 == plan.connections;
        let release = if files { FILES } else { RELEASE };
        let name = if number == 0 { "sim".to_owned() } else { format!("sim-{number}") };
        let destination = match files {
            true => json!({ "kind": "folder", "settings": { "path": inbox.path() } }),
            false => {
                json!({ "kind": "http", "settings": { "base_address": format!("http://127.0.0.1:{}/", 9 + number) } })
            }
        };
        let config = json!({
            "name": name,
            "shop": { "kind": "push" },
            "status": { "new": [NEW], "success": SUCCESS, "failure": FAILURE, "ignored": [ARCHIVED] },
            "take": { "payment": "any", "api_users": "take", "shipped": false, "share": false },
            "plugin": { "release": release },
            "destination": destination,
            "schedule": { "cron": "* * * * *", "time_zone": "UTC", "jitter_s": 0 },
            "retry": { "retry_for": "20m", "first_wait": "2s", "longest_wait": "1m", "trusts_503": false },
            "unknown": {
                "lookup_for": "15m", "settling": format!("{}s", SETTLING.as_secs()), "shop_reset_confirms": true
            },
            "notify": { "to": ["staff@example.com"] },
            "time_zones": { "shop": "UTC", "erp": "UTC" },
        });
        let account = if number == 0 { String::new() } else { number.to_string() };
        let draft = ConnectionDraft {
            name,
            shop: ShopIdentity { kind: "push".into(), base_address: String::new(), account },
            shop_change: None,
            config,
            release: release.into(),
            plugin_settings: json!({}),
            tables: Default::default(),
            secrets: Vec::new(),
            take_from_ms: None,
            by: "sim".into(),
            why: String::new(),
        };
        model.apply_connection(draft).await.expect("a connection");
    }
    let mut records = model.connections(false).await.expect("connections");
    records.sort_by(|one, other| one.name.cmp(&other.name));
    records.into_iter().map(|record| Line { connection: record.id, shop: record.shop_id }).collect()
}

/// A host that is killed, stopped and started again until the trouble is over.
async fn life_of_a_host(scene: Arc<Scene>, number: usize) {
    let dice = &scene.dice;
    let mut starts = 0;
    loop {
        starts += 1;
        let name = format!("h{number}.{starts}");
        scene.trace.note(format_args!("{name} starts"));
        let fate = Arc::new(Fate::default());
        start_host(&scene, &fate, &name);
        loop {
            tokio::select! {
                biased;
                () = fate.dead() => {}
                () = sleep(dice.time(5_000, 120_000)) => {}
            }
            if fate.now() == Life::Dead {
                sleep(dice.time(500, 60_000)).await;
                break;
            }
            if !scene.in_trouble() {
                return;
            }
            if let Some(most) = scene.plan.pause.filter(|_| dice.chance(500) && fate.now() == Life::Running) {
                fate.set(Life::Paused);
                let time = dice.time(1_000, most.as_millis() as u64);
                scene.trace.note(format_args!("{name} STOPS for {time:?}"));
                sleep(time).await;
                scene.trace.note(format_args!("{name} GOES ON"));
                fate.set(Life::Running);
            }
            if scene.plan.crashes && dice.chance(400) {
                scene.trace.note(format_args!("{name} IS KILLED"));
                fate.set(Life::Dead);
            }
        }
    }
}

fn start_host(scene: &Arc<Scene>, fate: &Arc<Fate>, name: &str) {
    let skew = scene.dice.between(0, scene.plan.skew_ms * 2) as i64 - scene.plan.skew_ms as i64;
    let (host, shared, of_it) = (name.to_owned(), || Arc::clone(scene), || Arc::clone(fate));
    let ledger: Arc<dyn Ledger> = Arc::new(LedgerSeam { scene: shared(), fate: of_it(), host: host.clone() });
    let key = MasterKey::from_base64(&SecretString::from(BASE64_STANDARD.encode([7; 32]))).expect("a key");
    let parts = Parts {
        host: HostId(host.clone()),
        host_name: host.clone(),
        clock: Arc::new(SimClock::new(scene.start, skew)),
        calendar: Arc::new(SimClock::new(scene.start, skew)),
        random: Arc::clone(&scene.dice) as _,
        ledger,
        mapper: Arc::new(SimPlugin { scene: shared() }),
        mailer: Some(Arc::new(SimMailer { scene: shared(), fate: of_it() })),
        mail_from: "orderdock@example.com".to_owned(),
        opener: Arc::new(SimOpener { scene: shared(), fate: of_it(), host }),
        // Nothing of the simulation is sealed, so no randomness is drawn.
        destinations: Arc::default(),
        sealer: Arc::new(Sealer::new(&key, Arc::new(OsRandom))),
        metrics: Arc::new(orderdock::metrics::Metrics::new().expect("metrics that fit each other")),
        pace: Pace { notice_every: Duration::from_secs(2), ..Pace::default() },
    };
    let host = Host::new(Arc::new(parts));
    tokio::spawn(async move { host.run().await });
}

/// Somebody sets the database's clock: an hour or a day, on or back; mostly right again after a while.
async fn set_the_clock(scene: Arc<Scene>, clock: Arc<SimClock>, dice: Dice) {
    const HOUR_MS: i64 = 3_600_000;
    let mut off_ms = 0;
    loop {
        sleep(dice.time(5_000, 200_000)).await;
        if !scene.in_trouble() {
            return;
        }
        let by_ms = match off_ms {
            // A day back makes a run a day longer.
            0 if dice.chance(60) => dice.pick(&[24 * HOUR_MS, -24 * HOUR_MS]),
            0 => dice.pick(&[HOUR_MS, -HOUR_MS]),
            wrong => -wrong,
        };
        off_ms += by_ms;
        clock.jump(by_ms);
        {
            let mut jumped = scene.jumped.lock().unwrap_or_else(PoisonError::into_inner);
            if by_ms > 0 {
                jumped.0 = Some(Instant::now());
            }
            jumped.1 += Duration::from_millis(by_ms.min(0).unsigned_abs());
        }
        scene.trace.note(format_args!("THE DATABASE'S CLOCK is set by {} h", by_ms / HOUR_MS));
    }
}

/// Orders come in.
async fn buyers(scene: Arc<Scene>) {
    for number in 1..=scene.plan.orders {
        sleep(scene.dice.time(0, 40_000)).await;
        let bad = scene.dice.chance(scene.plan.bad_orders);
        scene.trace.note(format_args!("order {number} is placed{}", if bad { ", a bad one" } else { "" }));
        scene.shop.offer(&number.to_string(), bad);
    }
}

/// People look at their orders now and then.
async fn staff(scene: Arc<Scene>) {
    let dice = &scene.dice;
    loop {
        sleep(dice.time(10_000, 120_000)).await;
        if !scene.in_trouble() {
            return;
        }
        let all = scene.shop.all();
        let ids: Vec<&String> = all.keys().collect();
        if ids.is_empty() {
            continue;
        }
        let id = dice.pick(&ids);
        let order = &all[id];
        let last = order.last();
        let set = |status: &'static str| {
            scene.trace.note(format_args!("staff set {id} to \"{status}\" over \"{}\"", last.status));
            scene.shop.staff_set(id, status);
        };
        match last.status {
            ARCHIVED => {}
            FAILURE => {
                if order.bad || dice.chance(200) {
                    scene.trace.note(format_args!("staff correct {id}"));
                    scene.shop.staff_correct(id);
                }
                set(if dice.chance(850) { NEW } else { ARCHIVED });
            }
            SUCCESS if dice.chance(300) => set(if dice.chance(700) { NEW } else { ARCHIVED }),
            NEW if dice.chance(300) => set(if dice.chance(600) { FAILURE } else { ARCHIVED }),
            _ => send_again(&scene, id).await,
        }
    }
}

/// A person answers a question, or asks for a pass out of the blue.
async fn send_again(scene: &Scene, id: &str) {
    let Some(detail) = scene.detail(id).await else { return };
    let asked = matches!(detail.order.decision, Decision::Question { .. });
    let closed = detail.order.state.is_some_and(PassState::is_closed);
    if !closed || !(asked || scene.dice.chance(100)) {
        return;
    }
    let after = detail.order.pass.unwrap_or(0);
    scene.trace.note(format_args!("staff want {id} sent again after pass {after}"));
    let intent = Intent::Reset { shop_order_id: id.to_owned(), after, why: "asked".to_owned() };
    scene.model.leave_intent(&scene.key(id).connection, intent, "Ann").await.expect("an intent");
}

/// Waits until nobody has anything to do any more, for long enough that a reset would have been seen.
async fn rest(scene: &Scene) -> Vec<String> {
    const STEP: Duration = Duration::from_secs(20);
    // What waits for a moment waits a day longer where the clock was set back by a day: a delay, and told as such.
    let back = scene.jumped.lock().unwrap_or_else(PoisonError::into_inner).1;
    let limit = Instant::now() + back + Duration::from_secs(6 * 3_600);
    let mut quiet = 0;
    loop {
        sleep(STEP).await;
        let busy = busy(scene).await;
        quiet = if busy.is_empty() { quiet + 1 } else { 0 };
        if quiet >= 15 + back.as_secs() / STEP.as_secs() {
            return Vec::new();
        }
        if Instant::now() > limit {
            return busy
                .into_iter()
                .map(|what| format!("six hours after the last fault, and the time that was set back, {what}"))
                .collect();
        }
    }
}

async fn busy(scene: &Scene) -> Vec<String> {
    let mut all = Vec::new();
    for (id, order) in &scene.shop.all() {
        let Some(detail) = scene.detail(id).await else {
            // What staff put away before anybody looked was never offered.
            if order.last().status == NEW {
                all.push(format!("order {id} was never seen"));
            }
            continue;
        };
        for pass in detail.passes.iter().filter(|it| !it.state.is_closed()) {
            all.push(format!("order {id}, pass {} is {} ({})", pass.pass, pass.state.as_str(), pass.because));
        }
        for effect in detail.effects.iter().filter(|it| it.state == "owed") {
            all.push(format!("order {id}: {} is owed ({})", effect.body["effect"], effect.detail));
        }
    }
    all
}

/// Whether the last word on an order was ours.
pub fn is_ours(by: Actor) -> bool {
    by == Actor::Us
}
