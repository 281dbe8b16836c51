//! One connection on a stage: the test claims each pass itself and takes it through its journey, step by step.

use std::{
    path::PathBuf,
    sync::{
        Arc, Mutex,
        atomic::{AtomicI64, AtomicU32, AtomicU64, Ordering},
    },
    time::Duration,
};

use secrecy::SecretString;
use serde_json::{Value, json};
use tokio::sync::Semaphore;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{
    erp::Erp,
    interposed::Interposed,
    played::{PlayedOpener, PlayedPlugin, PlayedShop, sight},
};
use crate::{
    domain::{
        call::{Description, Purpose, Tables},
        clock::{Clock, Millis},
        decision::Opening,
        id::{Digest, OrderKey, PassKey},
        pass::PassState,
        random::Random,
    },
    ledger::{
        Ledger,
        connections::{ConnectionDraft, Connections as _, ShopIdentity},
        destinations::Destinations as _,
        orders::{Orders as _, Sweep, SweepKind},
        passes::{ClaimKind, Passes as _},
        reports::{OrderDetail, Reports as _},
        sql::{Role, SqlLedger},
    },
    pipeline::{
        journey::Journey,
        lane::Lane,
        lease::Leases,
        parts::{Pace, Parts, millis},
        sweep,
        work::{Shared, Signals},
    },
    seal::{MasterKey, OsRandom, Sealer},
};

/// A clock that stands until a test moves it.
pub struct StandingClock(AtomicI64);

impl StandingClock {
    pub fn advance(&self, ms: Millis) {
        self.0.fetch_add(ms, Ordering::SeqCst);
    }
}

impl Clock for StandingClock {
    fn now_ms(&self) -> Millis {
        self.0.load(Ordering::SeqCst)
    }
    fn since_boot(&self) -> Duration {
        Duration::from_millis(u64::try_from(self.now_ms()).unwrap())
    }
}

/// Bytes that never repeat.
#[derive(Default)]
struct Counting(AtomicU64);

impl Random for Counting {
    fn bytes(&self) -> [u8; 16] {
        (u128::from(self.0.fetch_add(1, Ordering::SeqCst)) + 1).to_be_bytes()
    }
}

pub struct Stage {
    pub clock: Arc<StandingClock>,
    pub ledger: Arc<Interposed>,
    pub plugin: Arc<PlayedPlugin>,
    pub shop: Arc<PlayedShop>,
    pub erp: Arc<Erp>,
    pub signals: Arc<Signals>,
    pub shared: Arc<Shared>,
    lane: Mutex<Option<Arc<Lane>>>,
    /// After how many failures the breaker opens. 0 unless a test is about it: one order's own rules are seen without.
    pub breaker: AtomicU32,
    folder: tempfile::TempDir,
}

pub fn release(number: u8) -> Digest {
    hex::encode([number; 32]).into()
}

/// A request may last 5 s, and an order may take 60 s to be seen: *absent* counts 65 s after the write-ahead row.
pub const COUNTS_AFTER: Millis = 65_000;

impl Stage {
    /// A connection to the ERP on loopback.
    pub async fn http() -> Self {
        Self::with(|stage| stage.to_erp("")).await
    }

    /// A connection to the ERP on loopback, with a breaker that opens after that many failures.
    pub async fn watched(failures: u32) -> Self {
        let stage = Self::http().await;
        stage.breaker.store(failures, Ordering::SeqCst);
        let destination = stage.to_erp("");
        stage.apply(1, destination, json!({})).await;
        stage
    }

    /// A connection to a folder; `more` of its settings.
    pub async fn folder(more: Value) -> Self {
        Self::with(|stage| {
            std::fs::create_dir(stage.inbox()).unwrap();
            let mut settings = json!({ "path": stage.inbox() });
            settings.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            let answers = settings.as_object_mut().unwrap().remove("answer_folders").unwrap_or_else(|| json!({}));
            json!({ "kind": "folder", "settings": settings, "answer_folders": answers })
        })
        .await
    }

    async fn with(destination: impl FnOnce(&Self) -> Value) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let clock = Arc::new(StandingClock(AtomicI64::new(1_800_000_000_000)));
        let random: Arc<dyn Random> = Arc::new(Counting::default());
        let clocked: Arc<dyn Clock> = Arc::clone(&clock) as _;
        let path = folder.path().join("ledger.db");
        let inner = SqlLedger::open(&path, Arc::clone(&clocked), Arc::clone(&random), Role::Working).await.unwrap();
        let ledger = Arc::new(Interposed::new(Arc::new(inner)));
        let (plugin, shop) = (Arc::new(PlayedPlugin::default()), Arc::new(PlayedShop::default()));
        let key = MasterKey::from_base64(&SecretString::from("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=")).unwrap();
        let parts = Arc::new(Parts {
            host: "host-1".into(),
            host_name: "host-1".to_owned(),
            calendar: Arc::clone(&clocked),
            clock: clocked,
            random,
            ledger: Arc::clone(&ledger) as Arc<dyn Ledger>,
            mapper: Arc::clone(&plugin) as _,
            mailer: None,
            mail_from: String::new(),
            opener: Arc::new(PlayedOpener(Arc::clone(&shop))),
            destinations: Arc::default(),
            sealer: Arc::new(Sealer::new(&key, Arc::new(OsRandom))),
            metrics: Arc::new(crate::metrics::Metrics::new().unwrap()),
            pace: Pace::default(),
        });
        let shared = Arc::new(Shared {
            parts,
            leases: Arc::new(Leases::default()),
            places: Arc::new(Semaphore::new(8)),
            stop: CancellationToken::new(),
            tasks: TaskTracker::new(),
            fleet: Arc::default(),
        });
        let erp = Arc::new(Erp::start().await);
        // Without places nobody pays the shop in passing: what is owed stays in the ledger for the test to see.
        let signals = Signals { effect_places: Arc::new(Semaphore::new(0)), ..Signals::new(Arc::default(), 1) };
        let (signals, lane) = (Arc::new(signals), Mutex::default());
        let breaker = AtomicU32::new(0);
        let stage = Self { clock, ledger, plugin, shop, erp, signals, shared, lane, breaker, folder };
        for number in [1, 2] {
            stage.ledger.add_release(&release(number), b"component", &description(), "me").await.unwrap();
        }
        let destination = destination(&stage);
        stage.apply(1, destination, json!({})).await;
        stage
    }

    /// The destination's table for the ERP on loopback, below a path.
    pub fn to_erp(&self, below: &str) -> Value {
        let address = format!("http://{}/{below}", self.erp.address());
        json!({ "kind": "http", "settings": { "base_address": address, "time_limit_s": 5 } })
    }

    /// The ERP goes down just before that write of the ledger.
    pub fn erp_goes_down_at(&self, call: &'static str) {
        let erp = Arc::clone(&self.erp);
        self.ledger.meet(call, 1, move || {
            let erp = Arc::clone(&erp);
            async move {
                erp.down().await;
                Ok(())
            }
        });
    }

    /// Applies the connection with this release, destination and plugin settings, and takes it up.
    pub async fn apply(&self, number: u8, destination: Value, plugin_settings: Value) {
        self.apply_with(number, destination, plugin_settings, json!({})).await;
    }

    /// The same, with `more` of the connection's settings.
    pub async fn apply_with(&self, number: u8, destination: Value, plugin_settings: Value, more: Value) {
        let mut config = json!({
            "name": "one", "shop": { "kind": "push" }, "take": { "payment": "any", "shipped": false, "share": false },
            "plugin": { "release": release(number) }, "destination": destination,
            "schedule": { "cron": "*/5 * * * *", "time_zone": "UTC", "jitter_s": 0 },
            "retry": { "retry_for": "1h", "first_wait": "10s", "longest_wait": "10m", "trusts_503": false },
            "breaker": { "failures": self.breaker.load(Ordering::SeqCst), "mail_after": "5m" },
            "unknown": { "lookup_for": "1h", "settling": "60s", "shop_reset_confirms": true },
            "notify": { "to": ["staff@example.test"] }, "time_zones": { "shop": "UTC", "erp": "UTC" },
            "status": { "new": ["New Order"], "success": "In Progress", "failure": "On Hold" },
        });
        config.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let draft = ConnectionDraft {
            name: "one".into(),
            shop: ShopIdentity { kind: "push".into(), base_address: String::new(), account: String::new() },
            shop_change: None,
            config,
            release: release(number),
            plugin_settings,
            tables: Tables::new(),
            secrets: Vec::new(),
            take_from_ms: Some(0),
            by: "me".into(),
            why: "test".into(),
        };
        self.ledger.apply_connection(draft).await.unwrap();
        let record = self.ledger.connections(false).await.unwrap().remove(0);
        let lane = Lane::open(&self.shared.parts, record).await.unwrap_or_else(|error| panic!("{error}"));
        if let Some(it) = &lane.identity {
            self.ledger.use_destination(&lane.record.id, Some((&it.id, &it.address))).await.unwrap();
        }
        *self.lane.lock().unwrap() = Some(Arc::new(lane));
    }

    pub fn lane(&self) -> Arc<Lane> {
        self.lane.lock().unwrap().clone().unwrap()
    }

    pub fn inbox(&self) -> PathBuf {
        self.folder.path().join("inbox")
    }

    pub fn now(&self) -> Millis {
        self.clock.now_ms()
    }

    pub fn advance(&self, ms: Millis) {
        self.clock.advance(ms);
    }

    pub fn key(&self, id: &str) -> OrderKey {
        self.lane().key(id)
    }

    /// The shop shows a new order, and it is taken.
    pub async fn offer(&self, id: &str) {
        self.shop.show(sight(id, "New Order"));
        let opened = sweep::look(&self.shared, &self.signals, &self.lane(), id).await.unwrap();
        assert_eq!(opened, 1, "{:?}", self.detail(id).await);
    }

    /// Claims the one pass that is due.
    pub async fn claim(&self, kind: ClaimKind) -> Journey {
        let mut all = self.claims(kind).await;
        assert_eq!(all.len(), 1, "one pass is due");
        all.remove(0)
    }

    /// Claims what is due.
    pub async fn claims(&self, kind: ClaimKind) -> Vec<Journey> {
        self.claims_of(kind, 10).await
    }

    async fn claims_of(&self, kind: ClaimKind, limit: u32) -> Vec<Journey> {
        let (parts, lane) = (&self.shared.parts, self.lane());
        let before = parts.clock.since_boot();
        let lease = millis(parts.pace.lease);
        let claims = self.ledger.claim(&lane.record.id, &parts.host, kind, limit, lease).await.unwrap();
        claims
            .into_iter()
            .map(|claim| Journey {
                parts: Arc::clone(parts),
                lane: Arc::clone(&lane),
                signals: Arc::clone(&self.signals),
                held: self.shared.leases.hold(parts, &claim.pass.key, &claim.token, before),
                sent_before: claim.pass.sent,
                pass: claim.pass,
                attempt: claim.attempt,
                order: None,
                logins: Mutex::default(),
                claimed_logins: Mutex::default(),
                payment: None,
                quarantine: None,
                mapping: None,
            })
            .collect()
    }

    /// Takes the one pass that is due through its journey.
    pub async fn work(&self) {
        self.claim(ClaimKind::Work).await.go().await.unwrap();
    }

    /// Takes the oldest of those that are due.
    pub async fn work_one(&self) {
        self.claims_of(ClaimKind::Work, 1).await.remove(0).go().await.unwrap();
    }

    /// The same for the one look that is due.
    pub async fn look(&self) {
        self.claim(ClaimKind::Look).await.go().await.unwrap();
    }

    /// Moves the clock to the moment at which the pass is due.
    pub async fn until_due(&self, id: &str) {
        let due = self.detail(id).await.passes.last().unwrap().not_before_ms;
        self.advance((due - self.now()).max(0));
    }

    /// A look at the shop that failed.
    pub async fn failed_sweep(&self, error: &str) {
        let (record, now) = (self.lane().record.clone(), self.now());
        let sweep = Sweep {
            kind: SweepKind::Poll,
            started_ms: now,
            ended_ms: now,
            seen: 0,
            opened: 0,
            error: Some(error.to_owned()),
        };
        self.ledger.record_sweep(&record.id, &record.shop_id, sweep).await.unwrap();
    }

    /// Lets every lease run out.
    pub fn leases_run_out(&self) {
        self.advance(millis(self.shared.parts.pace.lease) + 1);
    }

    pub async fn detail(&self, id: &str) -> OrderDetail {
        self.ledger.order(&self.key(id)).await.unwrap().unwrap()
    }

    pub async fn state(&self, id: &str) -> PassState {
        self.detail(id).await.order.state.unwrap()
    }

    pub async fn because(&self, id: &str) -> String {
        self.detail(id).await.order.because
    }

    /// All sentences of the timeline.
    pub async fn timeline(&self, id: &str) -> String {
        let lines: Vec<_> = self.detail(id).await.timeline.into_iter().map(|entry| entry.text).collect();
        lines.join("\n")
    }

    /// A person opens the next pass.
    pub async fn resend(&self, id: &str, after: u32) -> PassKey {
        let opening = Opening::Intent { by: "Ann".into(), why: "asked".into() };
        self.ledger.open_pass(&self.key(id), after, opening).await.unwrap()
    }
}

fn description() -> Description {
    Description {
        name: "played".into(),
        version: "1.0.0".into(),
        publisher: "us".into(),
        erp: "none".into(),
        help: String::new(),
        settings_schema: json!({}),
        purposes: vec![Purpose::Create, Purpose::LookUp],
        deliveries: Vec::new(),
        secrets: Vec::new(),
        tables: Vec::new(),
        folders: Vec::new(),
    }
}
