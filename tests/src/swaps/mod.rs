//! Swaps under load: one release after the other is put in force while orders flow, on one host or several. Each delivery names
//! the release that mapped it, and the fake ERP's book is the judge: nothing lost, nothing doubled, nothing mapped by a
//! release other than that of the activation that its pass is pinned to.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use orderdock::{
    config::{ConnectionSettings, Opaque},
    domain::{
        clock::{Clock, Millis},
        id::{Digest, OrderKey},
    },
    ledger::{
        Ledger,
        activations::{ActivationKind, NewActivation},
        connections::{ConnectionRecord, Intent},
        sql::{Address, Role, SqlLedger},
    },
    pipeline::system::{SystemClock, SystemRandom},
};
use serde::Serialize;
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use crate::{crash::cell::Database, rig::Rig};

/// How long an order may take to the ERP before that is a failure.
const STUCK: Duration = Duration::from_secs(60);

/// "All hosts follow within a second", with room for a machine that runs all tests at once; less than the ten seconds after
/// which a host reads everything even if it was told of nothing.
pub const FOLLOWED: Millis = 5_000;

/// How to run.
#[derive(Clone, Debug)]
pub struct Options {
    /// Hosts; SQLite has one.
    pub hosts: usize,
    /// Where the ledger is.
    pub database: Database,
    /// Swaps.
    pub swaps: usize,
    /// Releases that take turns.
    pub releases: usize,
    /// Time between two swaps.
    pub every: Duration,
    /// Orders that are placed for each ten swaps.
    pub orders: usize,
}

/// What was found.
#[derive(Debug, Default, Serialize)]
pub struct Verdict {
    /// Swaps.
    pub swaps: usize,
    /// Seconds that they took.
    pub seconds: f64,
    /// Orders.
    pub orders: usize,
    /// Activations that orders were mapped with.
    pub activations_met: usize,
    /// Milliseconds after which the old activation was still mapped with: median.
    pub behind_p50_ms: Millis,
    /// 95 %.
    pub behind_p95_ms: Millis,
    /// At most.
    pub behind_max_ms: Millis,
    /// Everything that is wrong.
    pub wrong: Vec<String>,
}

/// Runs, and judges.
///
/// # Panics
/// When a host does not start, or an order does not arrive.
pub async fn run(options: &Options) -> Verdict {
    let mut rig = Rig::bare_on(options.database.address().await).await;
    rig.write("orderdock.toml", &rig.fleet_file("first", ""));
    let mut releases = Vec::new();
    for number in 0..options.releases.max(2) {
        let name = format!("r{number}");
        releases.push((Digest(rig.add_variant(&name, "good").await), name));
    }
    rig.connect(&format!("plugin.release = \"{}\"\n", releases[0].0)).await;
    rig.serve().await;
    let mut others = Vec::new();
    for number in 1..options.hosts {
        others.push(rig.serve_beside(&format!("host-{number}"), "").await);
    }
    let ledger = open(&rig).await;
    let mut verdict = Verdict { swaps: options.swaps, ..Verdict::default() };
    let (mut ids, begun) = (Vec::new(), Instant::now());
    for swap in 1..=options.swaps {
        let (release, name) = &releases[swap % releases.len()];
        activate(ledger.as_ref(), release, name).await;
        if swap % 10 == 0 {
            ids.extend((0..options.orders).map(|_| rig.place()));
        }
        if swap % 40 == 0 {
            look(ledger.as_ref()).await;
        }
        sleep(options.every).await;
    }
    verdict.seconds = begun.elapsed().as_secs_f64();
    // From now on nothing changes any more: soon everything is mapped by the last one.
    sleep(Duration::from_millis(FOLLOWED.unsigned_abs())).await;
    let last: Vec<u64> = (0..20).map(|_| rig.place()).collect();
    look(ledger.as_ref()).await;
    let all: Vec<u64> = ids.iter().chain(&last).copied().collect();
    let end = Instant::now() + STUCK;
    while all.iter().any(|id| !matches!(rig.order(*id).status(), "In Progress" | "On Hold")) {
        assert!(
            Instant::now() < end,
            "orders do not come to an end: {}",
            rig.log().chars().rev().take(2_000).collect::<String>()
        );
        sleep(Duration::from_millis(50)).await;
    }
    judge(&rig, ledger.as_ref(), &releases, &all, &last, &mut verdict).await;
    for other in others {
        other.stop().await;
    }
    verdict
}

/// The ledger, opened beside the hosts.
pub async fn open(rig: &Rig) -> Arc<dyn Ledger> {
    let (clock, random) = (Arc::new(SystemClock), Arc::new(SystemRandom));
    let ledger = match &rig.database {
        None => {
            let clock: Arc<dyn Clock> = clock;
            SqlLedger::open(&rig.data().join("orderdock.db"), clock, random, Role::Beside).await
        }
        Some(url) => {
            let address = Address {
                url: url.clone().into(),
                password: None,
                root_cert: None,
                pooler: false,
                application: "orderdock swaps".into(),
            };
            SqlLedger::open_postgres(&address, clock, random, None).await
        }
    };
    Arc::new(ledger.expect("the ledger opens beside the hosts"))
}

async fn record(ledger: &dyn Ledger) -> ConnectionRecord {
    ledger.connections(false).await.expect("the ledger answers").remove(0)
}

/// Puts a release in force, and a setting with its name.
///
/// # Panics
/// When the ledger refuses.
pub async fn activate(ledger: &dyn Ledger, release: &Digest, name: &str) -> Millis {
    let record = record(ledger).await;
    let settings: ConnectionSettings = serde_json::from_value(record.config.clone()).expect("our own file");
    let plugin_settings = json!({ "warehouse": name });
    let opaque = Opaque::from_value(plugin_settings.as_object().cloned().unwrap_or_default());
    let tables = settings.tables.clone();
    let config = settings.mapping_with(release.as_str(), opaque, tables.clone());
    let wish = NewActivation {
        connection: record.id.clone(),
        instead_of: record.activation.number,
        kind: ActivationKind::Activated,
        repeats: None,
        release: release.clone(),
        plugin_settings,
        tables,
        config: serde_json::to_value(&config).expect("settings have a JSON form"),
        by: "the test".to_owned(),
        why: "because".to_owned(),
    };
    ledger.activate(wish).await.expect("it is put in force").at_ms
}

/// Asks for a look at the shop.
///
/// # Panics
/// When the ledger refuses.
pub async fn look(ledger: &dyn Ledger) {
    let id = record(ledger).await.id;
    ledger.leave_intent(&id, Intent::Sync, "the test").await.expect("it is left");
}

async fn judge(
    rig: &Rig,
    ledger: &dyn Ledger,
    releases: &[(Digest, String)],
    all: &[u64],
    last: &[u64],
    verdict: &mut Verdict,
) {
    let record = record(ledger).await;
    let activations = ledger.activations(&record.id).await.expect("the ledger answers");
    let by_number: BTreeMap<u32, _> = activations.iter().map(|it| (it.number, it)).collect();
    let state = rig.erp.state();
    let wrong = &mut verdict.wrong;
    wrong.extend(state.doubled().into_iter().map(|key| format!("the ERP has {key} twice")));
    if usize::try_from(record.activation.number) != Ok(verdict.swaps + 1) {
        wrong.push(format!("{} swaps made activation {}", verdict.swaps, record.activation.number));
    }
    let mut met = BTreeMap::<u32, u32>::new();
    let mut behind = Vec::new();
    for id in all {
        let key = format!("WEB-{id}");
        let Some(order) = state.orders.iter().find(|order| order.key == key) else {
            wrong.push(format!("{key} is not in the ERP"));
            continue;
        };
        let body: Value = serde_json::from_str(&order.body).unwrap_or_default();
        let at =
            OrderKey { connection: record.id.clone(), shop: record.shop_id.clone(), shop_order_id: id.to_string() };
        let Some(detail) = ledger.order(&at).await.expect("the ledger answers") else {
            wrong.push(format!("{key} is not in the ledger"));
            continue;
        };
        let [pass] = detail.passes.as_slice() else {
            wrong.push(format!("{key} has {} passes", detail.passes.len()));
            continue;
        };
        let pinned = pass.activation.and_then(|number| by_number.get(&number));
        let Some(pinned) = pinned else {
            wrong.push(format!("{key} is pinned to no activation: {:?}", pass.activation));
            continue;
        };
        *met.entry(pinned.number).or_default() += 1;
        let name = releases.iter().find(|(digest, _)| *digest == pinned.release).map_or("", |(_, name)| name);
        let settings = body["settings"].as_str().unwrap_or_default();
        // The first activation has no settings; any other says its release's name in them.
        let of_settings = pinned.number == 1 || settings.contains(&format!("\"{name}\""));
        if body["release"] != name || pass.release.as_deref() != Some(pinned.release.as_str()) || !of_settings {
            let mapped = format!("by {} with {settings}", body["release"]);
            wrong.push(format!("{key} is pinned to activation {} ({name}) and was mapped {mapped}", pinned.number));
        }
        if last.contains(id) && pinned.number != record.activation.number {
            wrong.push(format!(
                "{key} came {FOLLOWED} ms after the last swap and was mapped by activation {}",
                pinned.number
            ));
        }
        if let (Some(next), Some(attempt)) = (by_number.get(&(pinned.number + 1)), detail.attempts.first()) {
            behind.push((attempt.recorded_ms - next.at_ms).max(0));
        }
    }
    behind.sort_unstable();
    let at = |percent: usize| behind.get(behind.len() * percent / 100).or(behind.last()).copied().unwrap_or_default();
    (verdict.behind_p50_ms, verdict.behind_p95_ms) = (at(50), at(95));
    verdict.behind_max_ms = behind.last().copied().unwrap_or_default();
    verdict.orders = all.len();
    verdict.activations_met = met.len();
}

impl Verdict {
    /// For people.
    #[must_use]
    pub fn text(&self) -> String {
        let mut text = format!(
            "{} swaps in {:.1} s, {} orders mapped with {} activations; behind a swap: median {} ms, 95 % {} ms, at most {} ms\n",
            self.swaps,
            self.seconds,
            self.orders,
            self.activations_met,
            self.behind_p50_ms,
            self.behind_p95_ms,
            self.behind_max_ms
        );
        if self.wrong.is_empty() {
            text.push_str("nothing lost, nothing doubled, nothing mapped by the wrong release");
        }
        for wrong in &self.wrong {
            text.push_str(&format!("WRONG: {wrong}\n"));
        }
        text
    }
}
