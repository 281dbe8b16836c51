//! A ledger with one connection in it, a clock that tests move, and short ways to make orders travel.

use std::sync::{
    Arc,
    atomic::{AtomicI64, AtomicU64, Ordering},
};

use crate::{
    domain::{
        Order,
        call::{Description, Purpose, Tables},
        clock::{Clock, Millis},
        decision::Opening,
        delivery::Repeat,
        id::{AttemptToken, ConnectionId, Digest, HostId, OrderKey, PassKey, ShopId},
        judge::{Reading, judge},
        pass::PassState,
        policy::{PaymentRule, StatusMap, TakePolicy},
        random::Random,
        sight::{Actor, Sight},
        transport::Phase,
        verdict::Acceptance,
    },
    ledger::{
        Ledger, Result,
        connections::{ConnectionDraft, SealedSecret, ShopIdentity},
        effects::EffectBody,
        orders::{Recorded, SightBatch},
        passes::{AttemptEnd, Claim, ClaimKind, Guard, Move, NewAttempt, NewPins, Pins, To},
        reports::{OrderDetail, OrderRow},
        sql::{Address, Me, Role, SqlLedger, writer::Time},
    },
};

pub const LEASE: Millis = 30_000;

/// A clock that stands until a test moves it.
#[derive(Debug)]
pub struct TestClock(AtomicI64);

impl TestClock {
    pub fn move_on(&self, ms: Millis) {
        self.0.fetch_add(ms, Ordering::SeqCst);
    }
}

impl Clock for TestClock {
    fn now_ms(&self) -> Millis {
        self.0.load(Ordering::SeqCst)
    }
    fn since_boot(&self) -> std::time::Duration {
        std::time::Duration::from_millis(u64::try_from(self.now_ms()).unwrap())
    }
}

/// Bytes that never repeat, also between ledgers of one database, and between the process that made a database's template and
/// one that uses it.
#[derive(Debug)]
pub struct Counting(AtomicU64);

impl Counting {
    pub fn new() -> Self {
        static LEDGERS: AtomicU64 = AtomicU64::new(0);
        Self(AtomicU64::new(LEDGERS.fetch_add(1, Ordering::SeqCst) << 40))
    }
}

impl Random for Counting {
    fn bytes(&self) -> [u8; 16] {
        let process = u128::from(std::process::id()) << 64;
        (process + u128::from(self.0.fetch_add(1, Ordering::SeqCst)) + 1).to_be_bytes()
    }
}

pub struct Rig {
    pub ledger: Arc<dyn Ledger>,
    pub clock: Arc<TestClock>,
    pub connection: ConnectionId,
    pub shop: ShopId,
    pub host: HostId,
    place: Place,
}

/// What must outlive the ledger.
enum Place {
    Folder { _it: tempfile::TempDir },
    Database { _it: Option<orderdock_postgres::Database>, url: String },
}

/// A database of PostgreSQL with the ledger's tables.
pub async fn database() -> orderdock_postgres::Database {
    let made = tokio::task::spawn_blocking(|| {
        orderdock_postgres::database(&super::super::migrations::postgres_text(), |url| {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
            runtime.block_on(async {
                open_with_clock(url, clock()).await?.close().await;
                Ok(())
            })
        })
    });
    made.await.unwrap().unwrap()
}

/// How tests reach a database.
pub fn address(url: &str) -> Address {
    Address {
        url: url.to_owned().into(),
        password: None,
        root_cert: None,
        pooler: false,
        application: "orderdock test".into(),
    }
}

/// A ledger in PostgreSQL whose time is the test's.
pub async fn open_with_clock(url: &str, clock: Arc<TestClock>) -> Result<SqlLedger> {
    let clock: Arc<dyn Clock> = clock;
    // Several ledgers of one test are several hosts: each has a folder of its own.
    let folder = tempfile::tempdir().unwrap();
    let host = HostId("host-1".into());
    let me = Some(Me { id: &host, folder: folder.path() });
    SqlLedger::open_at(&address(url), Arc::clone(&clock), Time::Given(clock), Arc::new(Counting::new()), me).await
}

pub fn clock() -> Arc<TestClock> {
    Arc::new(TestClock(AtomicI64::new(1_700_000_000_000)))
}

impl Rig {
    pub async fn sqlite() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let clock = clock();
        let path = folder.path().join("ledger.db");
        let clocked: Arc<dyn Clock> = Arc::clone(&clock) as _;
        let ledger = SqlLedger::open(&path, clocked, Arc::new(Counting::new()), Role::Working).await.unwrap();
        Self::with(Arc::new(ledger), clock, Place::Folder { _it: folder }).await
    }

    pub async fn postgres() -> Self {
        let database = database().await;
        let clock = clock();
        let url = database.url();
        let ledger = open_with_clock(&url, Arc::clone(&clock)).await.unwrap();
        Self::with(Arc::new(ledger), clock, Place::Database { _it: Some(database), url }).await
    }

    /// In a database that somebody else keeps.
    pub async fn at(url: &str) -> Self {
        let clock = clock();
        let ledger = open_with_clock(url, Arc::clone(&clock)).await.unwrap();
        Self::with(Arc::new(ledger), clock, Place::Database { _it: None, url: url.to_owned() }).await
    }

    /// The same connection and clock, for another ledger of the same database.
    pub fn beside(&self, ledger: Arc<dyn Ledger>) -> Self {
        Self {
            ledger,
            clock: Arc::clone(&self.clock),
            connection: self.connection.clone(),
            shop: self.shop.clone(),
            host: self.host.clone(),
            place: Place::Database { _it: None, url: self.url().to_owned() },
        }
    }

    /// The database's address.
    pub fn url(&self) -> &str {
        match &self.place {
            Place::Database { url, .. } => url,
            Place::Folder { .. } => panic!("a file has no address"),
        }
    }

    /// Runs SQL beside the ledger.
    pub fn sql(&self, sql: &str) -> String {
        orderdock_postgres::sql(self.url(), sql).unwrap()
    }

    /// Holds what a statement locks for a while, in a session of its own.
    pub fn holding(&self, sql: &str, time: std::time::Duration) -> std::thread::JoinHandle<()> {
        let (url, sql) = (self.url().to_owned(), format!("begin; {sql}; select pg_sleep({})", time.as_secs_f64()));
        let held = std::thread::spawn(move || drop(orderdock_postgres::sql(&url, &sql).unwrap()));
        while self
            .sql("select count(*) from pg_stat_activity where query like '%pg_sleep(%' and pid <> pg_backend_pid()")
            == "0"
        {
            std::thread::sleep(std::time::Duration::from_millis(5));
        }
        held
    }

    async fn with(ledger: Arc<dyn Ledger>, clock: Arc<TestClock>, place: Place) -> Self {
        ledger.add_release(&release(1), b"component", &description(), "me").await.unwrap();
        let applied = ledger.apply_connection(draft("one")).await.unwrap();
        let record = ledger.connections(false).await.unwrap().remove(0);
        assert_eq!(record.id, applied.connection);
        Self { ledger, clock, connection: applied.connection, shop: record.shop_id, host: "host-1".into(), place }
    }

    pub fn advance(&self, ms: Millis) {
        self.clock.0.fetch_add(ms, Ordering::SeqCst);
    }

    pub fn now(&self) -> Millis {
        self.clock.now_ms()
    }

    pub fn order(&self, id: &str) -> OrderKey {
        OrderKey { connection: self.connection.clone(), shop: self.shop.clone(), shop_order_id: id.to_owned() }
    }

    pub fn pass(&self, id: &str, pass: u32) -> PassKey {
        PassKey { order: self.order(id), pass }
    }

    /// What one read showed.
    pub async fn see(&self, sights: Vec<Sight>, single: bool) -> Vec<Recorded> {
        self.see_at(sights, single, self.now()).await
    }

    pub async fn see_at(&self, sights: Vec<Sight>, single: bool, began_ms: Millis) -> Vec<Recorded> {
        let reading = Reading { began_ms, single, first_sweep: false };
        let batch = SightBatch {
            connection: self.connection.clone(),
            shop: self.shop.clone(),
            sights: Arc::new(sights),
            judge: Arc::new(move |sight, history, other| judge(&policy(), sight, reading, history, other)),
            began_ms,
            single,
            is_new: Arc::new(|status| policy().status.is_new(status)),
        };
        self.ledger.record_sights(batch).await.unwrap()
    }

    /// Makes a new order wait.
    pub async fn offer(&self, id: &str) {
        let recorded = self.see(vec![sight(id, "New Order")], false).await;
        assert_eq!(recorded[0].opened, Some(1), "{recorded:?}");
    }

    pub async fn claim(&self) -> Vec<Claim> {
        self.ledger.claim(&self.connection, &self.host, ClaimKind::Work, 10, LEASE).await.unwrap()
    }

    pub async fn look(&self) -> Vec<Claim> {
        self.ledger.claim(&self.connection, &self.host, ClaimKind::Look, 10, LEASE).await.unwrap()
    }

    pub async fn claim_one(&self) -> Claim {
        let mut claims = self.claim().await;
        assert_eq!(claims.len(), 1, "{claims:?}");
        claims.remove(0)
    }

    /// Commits the write-ahead row of a claimed pass.
    pub async fn send(&self, claim: &Claim, attempt: &str) -> Result<()> {
        self.ledger.apply(to_sending(claim, attempt)).await
    }

    /// Offers an order, claims it and commits its write-ahead row.
    pub async fn sending(&self, id: &str, attempt: &str) -> Claim {
        self.offer(id).await;
        let claim = self.claim_one().await;
        self.send(&claim, attempt).await.unwrap();
        claim
    }

    /// The same, and then the pass is given up on an attempt that was never answered.
    pub async fn given_up(&self, id: &str, attempt: &str) {
        let claim = self.sending(id, attempt).await;
        let unknown = To::Unknown { because: "no answer".into(), next_look_ms: self.now(), deadline_ms: self.now() };
        self.ledger.apply(by_lease(&claim, PassState::Sending, unknown)).await.unwrap();
        let look = self.look().await.remove(0);
        let given_up = To::GivenUp { because: "nobody can tell".into() };
        self.ledger.apply(by_lease(&look, PassState::Unknown, given_up)).await.unwrap();
    }

    /// Offers an order and lets it fail before anything was sent.
    pub async fn failed(&self, id: &str, effects: Vec<EffectBody>) {
        self.offer(id).await;
        let claim = self.claim_one().await;
        let failed = To::Failed {
            class: crate::domain::verdict::FailureClass::Data,
            because: "no street".into(),
            field: None,
            partial_id: None,
        };
        let change = Move { effects, ..by_lease(&claim, PassState::Claimed, failed) };
        self.ledger.apply(change).await.unwrap();
    }

    pub async fn intent(&self, id: &str, after: u32) -> Result<PassKey> {
        let opening = Opening::Intent { by: "Ann".into(), why: "asked".into() };
        self.ledger.open_pass(&self.order(id), after, opening).await
    }

    pub async fn detail(&self, id: &str) -> OrderDetail {
        self.ledger.order(&self.order(id)).await.unwrap().unwrap()
    }

    pub async fn row(&self, id: &str) -> OrderRow {
        self.detail(id).await.order
    }

    pub async fn state(&self, id: &str) -> PassState {
        self.row(id).await.state.unwrap()
    }
}

pub fn policy() -> TakePolicy {
    TakePolicy {
        status: StatusMap {
            new: vec!["New Order".into()],
            success: Some("In Progress".into()),
            failure: Some("On Hold".into()),
            ignored: std::collections::BTreeSet::new(),
        },
        payment: PaymentRule::Any,
        take_from_ms: 0,
        skip_api_users: false,
        shipped: false,
        has_stamp: false,
        names_actors: false,
        share: false,
        shop_reset_confirms: true,
        read_lag_ms: 60_000,
    }
}

pub fn order_of(id: &str) -> Order {
    serde_json::from_value(serde_json::json!({
        "shop_order_id": id, "order_number": format!("W-{id}"), "placed_at": "2026-01-01T00:00:00Z", "currency": "EUR",
        "lines": [], "totals": {"gross": "1.00"}, "payment_state": "paid"
    }))
    .unwrap()
}

pub fn sight(id: &str, status: &str) -> Sight {
    Sight {
        shop_order_id: id.into(),
        order_number: format!("W-{id}"),
        status: status.into(),
        placed_ms: Some(1),
        modified_ms: None,
        processed_stamp: None,
        shipped: false,
        cancelled: false,
        creator: Some(Actor::Buyer),
        status_actor: None,
        order: Ok(Box::new(order_of(id))),
    }
}

pub fn release(number: u8) -> Digest {
    hex::encode([number; 32]).into()
}

pub fn description() -> Description {
    Description {
        name: "test".into(),
        version: "1.0.0".into(),
        publisher: "us".into(),
        erp: "none".into(),
        help: String::new(),
        settings_schema: serde_json::json!({}),
        purposes: vec![Purpose::Create],
        deliveries: Vec::new(),
        secrets: Vec::new(),
        tables: Vec::new(),
        folders: Vec::new(),
    }
}

pub fn draft(name: &str) -> ConnectionDraft {
    ConnectionDraft {
        name: name.into(),
        shop: ShopIdentity { kind: "woo".into(), base_address: "https://shop.example".into(), account: String::new() },
        shop_change: None,
        config: serde_json::json!({"schedule": "*/5 * * * *", "destination": {"kind": "http"}}),
        release: release(1),
        plugin_settings: serde_json::json!({"path": "/orders"}),
        tables: Tables::new(),
        secrets: vec![SealedSecret { slot: "shop.token".into(), sealed: vec![1, 2], fingerprint: "f1".into() }],
        take_from_ms: None,
        by: "me".into(),
        why: "first".into(),
    }
}

pub fn new_attempt(token: &str) -> NewAttempt {
    NewAttempt {
        token: token.into(),
        step: 0,
        purpose: Purpose::Create,
        repeat: Repeat::Never,
        phase: Phase::Recorded,
        settle_ms: 60_000,
        delivery: serde_json::json!({"path": "/orders"}),
        sealed_state: vec![9],
        shown: serde_json::json!({"method": "POST"}),
        hash: "h".into(),
        recovery: None,
        mapping: Some(r#"{"log":[],"usage":{"cpu_used":40,"wall_us":4}}"#.into()),
    }
}

pub fn pins(now: Millis) -> NewPins {
    NewPins {
        pins: Pins {
            activation: 1,
            release: release(1),
            settings_revision: 1,
            tables_revision: 1,
            destination: serde_json::json!({}),
            content_hash: "content".into(),
            purpose: Purpose::Create,
        },
        mapped_at_ms: now,
        order: Arc::new("{\"order\":1}".to_owned()),
    }
}

pub fn to_sending(claim: &Claim, attempt: &str) -> Move {
    let pins = claim.pass.pins.is_none().then(|| Box::new(pins(claim.pass.opened_ms)));
    by_lease(claim, claim.pass.state, To::Sending { attempt: Box::new(new_attempt(attempt)), pins })
}

pub fn by_lease(claim: &Claim, from: PassState, to: To) -> Move {
    guarded(&claim.pass.key, Guard::Lease(claim.token.clone()), from, to)
}

pub fn guarded(pass: &PassKey, guard: Guard, from: PassState, to: To) -> Move {
    Move {
        pass: pass.clone(),
        guard,
        from,
        to,
        end: None,
        asked: None,
        effects: Vec::new(),
        timeline: Vec::new(),
        confirmed: None,
        quarantine: None,
        mapping: None,
    }
}

pub fn delivered(id: &str) -> To {
    let acceptance = Acceptance { erp_order_id: Some(id.to_owned()), ..Acceptance::default() };
    To::Delivered { acceptance, already: false }
}

pub fn end(attempt: &str, outcome: &'static str) -> AttemptEnd {
    AttemptEnd {
        token: AttemptToken(attempt.to_owned()),
        phase: Phase::Body,
        outcome,
        shown: serde_json::json!({"status": 200}),
    }
}

pub fn status(word: &str) -> EffectBody {
    EffectBody::Status { status: word.into(), by_intent: false }
}

pub fn note(text: &str) -> EffectBody {
    EffectBody::Note { text: text.into() }
}
