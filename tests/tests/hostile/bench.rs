//! A runtime with a guest in it, and what a call needs.

use std::{
    collections::BTreeMap,
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use orderdock::{
    domain::{
        Decimal, Instant, Line, Order, Totals,
        call::{Context, Purpose, Tables},
        clock::{Clock, Millis},
        delivery::{Delivery, DeliveryContent, Rejection, Segment},
        id::Digest,
        verdict::{DefaultVerdict, Response, Verdict},
    },
    plugin::{Called, Limit, Mapper, PluginFault, Runtime, Settings},
};

/// Moves a microsecond at every look, so that times in reports repeat.
#[derive(Default)]
pub struct Counter(AtomicU64);

impl Clock for Counter {
    fn now_ms(&self) -> Millis {
        0
    }

    fn since_boot(&self) -> Duration {
        Duration::from_micros(self.0.fetch_add(1, Ordering::Relaxed))
    }
}

pub struct Bench {
    pub runtime: Arc<Runtime>,
    pub release: Digest,
    _dir: tempfile::TempDir,
}

pub fn guest(name: &str) -> Vec<u8> {
    let components = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../target/components/guests");
    let path = components.join(name).with_extension("wasm");
    std::fs::read(&path).unwrap_or_else(|error| {
        panic!("{}: {error}; `cargo xtask plugins` builds the test guests", path.display());
    })
}

pub fn settings() -> Settings {
    Settings { concurrent: 4, memory_bytes: 16 << 20, output_bytes: 4 << 20, ..Settings::default() }
}

pub fn runtime(settings: Settings) -> (Arc<Runtime>, tempfile::TempDir) {
    let dir = tempfile::tempdir().unwrap();
    let runtime = Runtime::new(settings, &dir.path().join("code"), Arc::new(Counter::default())).unwrap();
    (runtime, dir)
}

pub async fn bench_with(settings: Settings) -> Bench {
    bench_of("hostile", settings).await
}

pub async fn bench_of(name: &str, settings: Settings) -> Bench {
    let (runtime, dir) = runtime(settings);
    let (release, description) = runtime.admit(&guest(name)).await.unwrap();
    assert_eq!(description.name, name);
    assert!(runtime.knows(&release));
    Bench { runtime, release, _dir: dir }
}

pub async fn bench() -> Bench {
    bench_with(settings()).await
}

pub fn order(lines: usize) -> Arc<Order> {
    let decimal = |text: &str| Decimal::new(text).unwrap();
    let line = |n: usize| Line {
        id: n.to_string(),
        sku: Some(format!("A-{n}")),
        description: "Café chair".to_owned(),
        quantity: decimal("2"),
        unit_price_net: Some(decimal("19.90")),
        ..Line::default()
    };
    Arc::new(Order {
        shop_order_id: "4711".to_owned(),
        order_number: "WEB-10042".to_owned(),
        source: "push".to_owned(),
        channel: String::new(),
        location: String::new(),
        status: "New Order".to_owned(),
        placed_at: Instant::new("2026-11-22T01:19:18Z").unwrap(),
        modified_at: None,
        paid_at: None,
        payment_state: orderdock::domain::PaymentState::Paid,
        currency: "EUR".to_owned(),
        prices_include_tax: false,
        buyer: orderdock::domain::Buyer::default(),
        billing_address: Some(orderdock::domain::Address::default()),
        delivery_addresses: vec![orderdock::domain::Address {
            street: vec!["High Street 1".to_owned()],
            ..orderdock::domain::Address::default()
        }],
        lines: (0..lines).map(line).collect(),
        payments: Vec::new(),
        totals: Totals { gross: decimal("39.80"), ..Totals::default() },
        buyer_reference: String::new(),
        buyer_note: String::new(),
        staff_note: String::new(),
        custom_fields: vec![("colour".to_owned(), "blue".to_owned())],
        raw_json: "{}".to_owned(),
        extra: Vec::new(),
    })
}

pub fn context(what: &str) -> Context {
    Context {
        purpose: Purpose::Create,
        connection: "acme-webshop".to_owned(),
        settings: serde_json::json!({ "do": what }).to_string(),
        pass: 1,
        attempt: 1,
        step: 0,
        idempotency_key: "key-1".to_owned(),
        document_number: 7,
        mapped_at: "2026-11-22T02:00:00Z".to_owned(),
        shop_time_zone: "Europe/Berlin".to_owned(),
        erp_time_zone: "Europe/Berlin".to_owned(),
        request_id: "request-1".to_owned(),
        previous: None,
        logins: vec!["session".to_owned()],
    }
}

pub fn tables() -> Arc<Tables> {
    Arc::new(BTreeMap::from([("skus".to_owned(), BTreeMap::from([("A-1".to_owned(), "4000-1".to_owned())]))]))
}

pub type Mapped = Called<Result<Delivery, Rejection>>;

impl Bench {
    pub async fn map(&self, what: &str) -> Mapped {
        self.map_lines(what, 8).await
    }

    pub async fn map_lines(&self, what: &str, lines: usize) -> Mapped {
        self.runtime.map_order(&self.release, order(lines), context(what), tables()).await
    }

    pub async fn map_pass(&self, what: &str, pass: u32) -> Mapped {
        let context = Context { pass, ..context(what) };
        self.runtime.map_order(&self.release, order(8), context, tables()).await
    }

    pub async fn read(&self, what: &str) -> Called<Verdict> {
        let response = Response::Http {
            status: 200,
            headers: vec![("content-type".to_owned(), "application/json".to_owned())],
            body: b"{}".to_vec(),
        };
        self.runtime
            .parse_response(
                &self.release,
                order(8),
                context(what),
                tables(),
                b"state".to_vec(),
                response,
                DefaultVerdict::Accepted,
            )
            .await
    }

    /// Whatever happened before: the next order of the same release, in the same engine, is mapped.
    pub async fn still_works(&self) {
        let called = self.map("good").await;
        assert!(matches!(called.result, Ok(Ok(_))), "{:?}", called.result);
        assert!(called.usage.cpu_used > 0);
    }

    /// Runs a misbehaviour twice: the same fault, the same units, and the next order is fine.
    pub async fn fault(&self, what: &str) -> PluginFault {
        let first = self.map(what).await;
        let second = self.map(what).await;
        assert_eq!(first.usage.cpu_used, second.usage.cpu_used, "{what}: CPU units repeat");
        assert_eq!(first.usage.memory_peak, second.usage.memory_peak, "{what}: memory repeats");
        let fault = first.result.expect_err("the guest was let through");
        assert_eq!(Err(&fault), second.result.as_ref().map(|_| ()), "{what}: the fault repeats");
        self.still_works().await;
        fault
    }
}

pub fn path(called: &Mapped) -> String {
    match &called.result.as_ref().unwrap().as_ref().unwrap().content {
        DeliveryContent::Http(http) => http.path.clone(),
        DeliveryContent::Files(_) => panic!("files were made"),
    }
}

pub fn limit(fault: &PluginFault) -> Limit {
    match fault {
        PluginFault::OverLimit { limit, .. } => *limit,
        other => panic!("no limit was hit: {other}"),
    }
}

pub fn problems(fault: PluginFault) -> Vec<String> {
    match fault {
        PluginFault::BadOutput { problems, .. } => problems,
        other => panic!("nothing was wrong with the output: {other}"),
    }
}

/// The first piece of the body that was made.
pub fn body(called: &Mapped) -> String {
    match &called.result.as_ref().unwrap().as_ref().unwrap().content {
        DeliveryContent::Http(http) => match &http.body[0] {
            Segment::Bytes(bytes) => String::from_utf8(bytes.clone()).unwrap(),
            Segment::Secret { .. } => panic!("a secret was made"),
        },
        DeliveryContent::Files(_) => panic!("files were made"),
    }
}
