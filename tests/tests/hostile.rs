//! Hostile guests against the plugin room: each is told apart, said in words, and harms nobody else.
//!
//! `tests/guests/hostile` misbehaves as its settings say; what can't be written in Rust is written as text components.

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
        delivery::{Delivery, DeliveryContent, Rejection, RejectionClass, Segment},
        id::Digest,
        verdict::{DefaultVerdict, Response, Verdict},
    },
    plugin::{AdmissionError, Called, Limit, Mapper, PluginFault, Runtime, Settings},
};

/// Moves a microsecond at every look, so that times in reports repeat.
#[derive(Default)]
struct Counter(AtomicU64);

impl Clock for Counter {
    fn now_ms(&self) -> Millis {
        0
    }

    fn since_boot(&self) -> Duration {
        Duration::from_micros(self.0.fetch_add(1, Ordering::Relaxed))
    }
}

struct Bench {
    runtime: Arc<Runtime>,
    release: Digest,
    _dir: tempfile::TempDir,
}

fn guest() -> Vec<u8> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../target/components/guests/hostile.wasm");
    std::fs::read(&path).unwrap_or_else(|error| {
        panic!("{}: {error}; `cargo xtask plugins` builds the test guests", path.display());
    })
}

fn settings() -> Settings {
    Settings { concurrent: 4, memory_bytes: 16 << 20, output_bytes: 4 << 20, ..Settings::default() }
}

fn runtime(settings: Settings) -> (Arc<Runtime>, tempfile::TempDir) {
    let dir = tempfile::tempdir().unwrap();
    let runtime = Runtime::new(settings, &dir.path().join("code"), Arc::new(Counter::default())).unwrap();
    (runtime, dir)
}

async fn bench_with(settings: Settings) -> Bench {
    let (runtime, dir) = runtime(settings);
    let (release, description) = runtime.admit(&guest()).await.unwrap();
    assert_eq!(description.name, "hostile");
    assert!(runtime.knows(&release));
    Bench { runtime, release, _dir: dir }
}

async fn bench() -> Bench {
    bench_with(settings()).await
}

fn order(lines: usize) -> Arc<Order> {
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

fn context(what: &str) -> Context {
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

fn tables() -> Arc<Tables> {
    Arc::new(BTreeMap::from([("skus".to_owned(), BTreeMap::from([("A-1".to_owned(), "4000-1".to_owned())]))]))
}

type Mapped = Called<Result<Delivery, Rejection>>;

impl Bench {
    async fn map(&self, what: &str) -> Mapped {
        self.map_lines(what, 8).await
    }

    async fn map_lines(&self, what: &str, lines: usize) -> Mapped {
        self.runtime.map_order(&self.release, order(lines), context(what), tables()).await
    }

    async fn read(&self, what: &str) -> Called<Verdict> {
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
    async fn still_works(&self) {
        let called = self.map("good").await;
        assert_eq!(path(&called), "good");
        assert!(called.usage.cpu_used > 0);
    }

    /// Runs a misbehaviour twice: the same fault, the same units, and the next order is fine.
    async fn fault(&self, what: &str) -> PluginFault {
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

fn path(called: &Mapped) -> String {
    match &called.result.as_ref().unwrap().as_ref().unwrap().content {
        DeliveryContent::Http(http) => http.path.clone(),
        DeliveryContent::Files(_) => panic!("files were made"),
    }
}

fn limit(fault: &PluginFault) -> Limit {
    match fault {
        PluginFault::OverLimit { limit, .. } => *limit,
        other => panic!("no limit was hit: {other}"),
    }
}

fn problems(fault: PluginFault) -> Vec<String> {
    match fault {
        PluginFault::BadOutput { problems, .. } => problems,
        other => panic!("nothing was wrong with the output: {other}"),
    }
}

#[tokio::test]
async fn a_good_guest_maps_and_reads() {
    let bench = bench().await;
    bench.still_works().await;
    let called = bench.read("good").await;
    let Verdict::Accepted(acceptance) = called.result.unwrap() else { panic!("not accepted") };
    assert!(acceptance.erp_order_id.unwrap().starts_with("5-"));
    let called = bench.map("look up").await;
    assert_eq!(path(&called), "4000-1/true");
    let asked: Vec<_> = called.look_ups.iter().map(|asked| (asked.table.as_str(), asked.value.is_some())).collect();
    assert_eq!(asked, [("skus", true), ("skus", false), ("no table", false)]);
}

#[tokio::test]
async fn a_rejection_is_not_a_fault() {
    let bench = bench().await;
    let rejection = bench.map("reject").await.result.unwrap().unwrap_err();
    assert_eq!(rejection.class, RejectionClass::Data);
    assert_eq!(rejection.field.as_deref(), Some("buyer.account-code"));
}

#[tokio::test]
async fn an_endless_loop_uses_up_its_units() {
    let bench = bench().await;
    let fault = bench.fault("loop").await;
    assert_eq!(limit(&fault), Limit::Cpu);
    assert!(fault.to_string().contains("mapping the order"), "{fault}");
    assert_eq!(limit(&bench.read("loop").await.result.unwrap_err()), Limit::Cpu);
}

#[tokio::test]
async fn the_wall_clock_stops_what_the_units_let_through() {
    let settings = Settings { cpu_base: u64::MAX / 2, wall_limit: Duration::from_millis(50), ..settings() };
    let bench = bench_with(settings).await;
    assert_eq!(limit(&bench.map("loop").await.result.unwrap_err()), Limit::Time);
    bench.still_works().await;
}

#[tokio::test]
async fn a_loop_lets_other_work_of_its_thread_go_on() {
    let bench = bench().await;
    let other = Arc::new(AtomicU64::new(0));
    let ticks = Arc::clone(&other);
    // The test's runtime has one thread: without yields the task below would run only after the loop was stopped.
    let task = tokio::spawn(async move {
        loop {
            ticks.fetch_add(1, Ordering::Relaxed);
            tokio::task::yield_now().await;
        }
    });
    assert_eq!(limit(&bench.map("loop").await.result.unwrap_err()), Limit::Cpu);
    task.abort();
    assert!(other.load(Ordering::Relaxed) > 10);
}

#[tokio::test]
async fn more_lines_may_use_more_units() {
    let settings = Settings { cpu_base: 3_000_000, cpu_per_byte: 0, ..settings() };
    let bench = bench_with(settings).await;
    assert_eq!(path(&bench.map_lines("work", 200).await), (10_000 * (10 + 90 * 2 + 100 * 3)).to_string());
    let small = Settings { cpu_base: 3_000_000, cpu_per_line: 0, cpu_per_byte: 0, ..self::settings() };
    assert_eq!(limit(&bench_with(small).await.map_lines("work", 200).await.result.unwrap_err()), Limit::Cpu);
}

#[tokio::test]
async fn eaten_memory_is_called_so_even_when_the_guest_caught_it() {
    let bench = bench().await;
    let fault = bench.fault("memory").await;
    assert_eq!(limit(&fault), Limit::Memory);
    assert_eq!(limit(&bench.fault("memory, caught").await), Limit::Memory);
}

#[tokio::test]
async fn recursion_without_end_hits_the_stack() {
    let bench = bench().await;
    assert_eq!(limit(&bench.fault("recursion").await), Limit::Stack);
    let PluginFault::Trap { reason, stack, .. } = bench.fault("recursion with large frames").await else {
        panic!("no trap")
    };
    assert!(reason.contains("its own stack ran over"), "{reason}");
    assert!(stack.iter().all(|frame| frame.contains("dig")), "{stack:?}");
}

#[tokio::test]
async fn huge_outputs_are_not_copied() {
    let bench = bench_with(Settings { memory_bytes: 128 << 20, ..settings() }).await;
    assert_eq!(limit(&bench.fault("huge output").await), Limit::Output);
    assert_eq!(limit(&bench.fault("many small outputs").await), Limit::Output);
    let PluginFault::Trap { reason, .. } = bench.fault("wild pointer").await else { panic!("no trap") };
    assert!(reason.contains("out of bounds"), "{reason}");
}

#[tokio::test]
async fn a_trap_shows_the_last_words_and_the_stack() {
    let bench = bench().await;
    let PluginFault::Trap { reason, stack, doing } = bench.fault("panic").await else { panic!("no trap") };
    assert_eq!(doing, "mapping the order");
    assert_eq!(reason, "line \"no such line\" of order WEB-10042 can't be priced");
    assert!(stack.iter().any(|frame| frame.contains("fail_in_a_named_function")), "{stack:?}");
    let PluginFault::Trap { reason, .. } = bench.fault("trap").await else { panic!("no trap") };
    assert!(reason.contains("panic"), "{reason}");
    let PluginFault::Trap { doing, .. } = bench.read("trap").await.result.unwrap_err() else { panic!("no trap") };
    assert_eq!(doing, "reading the answer");
}

#[tokio::test]
async fn a_log_flood_is_cut_and_counted() {
    let bench = bench().await;
    let called = bench.map("log flood").await;
    assert_eq!(path(&called), "flood");
    assert_eq!(called.log.len(), settings().log_lines);
    assert_eq!(called.usage.log_dropped, 20_000 - settings().log_lines as u64);
    assert_eq!(limit(&bench.fault("log flood without end").await), Limit::Cpu);
}

#[tokio::test]
async fn look_ups_are_bounded() {
    let bench = bench().await;
    let PluginFault::Trap { reason, .. } = bench.fault("look-up flood").await else { panic!("no trap") };
    assert_eq!(reason, "more than 50000 look-ups in one call");
}

#[tokio::test]
async fn names_that_leave_the_folder_are_refused_all_at_once() {
    let bench = bench().await;
    let problems = problems(bench.fault("path escape").await);
    assert_eq!(problems.len(), 5, "{problems:#?}");
    assert!(problems[0].starts_with("delivery.files[0].name: `../../etc/passwd` contains `/`"), "{problems:#?}");
    assert!(problems.iter().any(|problem| problem.contains("used twice")), "{problems:#?}");
}

#[tokio::test]
async fn a_request_can_not_leave_its_destination() {
    let bench = bench().await;
    let problems = problems(bench.fault("request escape").await);
    assert_eq!(problems.len(), 6, "{problems:#?}");
}

#[tokio::test]
async fn broken_text_and_oversized_state_are_refused() {
    let bench = bench().await;
    let PluginFault::Trap { reason, .. } = bench.fault("invalid UTF-8").await else { panic!("no trap") };
    assert!(reason.contains("utf-8"), "{reason}");
    let problems = problems(bench.fault("big state").await);
    assert_eq!(problems, ["delivery.state: has 65537 bytes; at most 65536 are kept"]);
}

#[tokio::test]
async fn unknown_extras_are_logged() {
    let bench = bench().await;
    let called = bench.map("unknown extra").await;
    assert_eq!(path(&called), "extra");
    assert!(called.log.iter().any(|line| line.message.ends_with("delivery.extra: priority")), "{:?}", called.log);
}

#[tokio::test]
async fn an_invalid_verdict_names_all_its_problems() {
    let bench = bench().await;
    let problems = problems(bench.read("bad verdict").await.result.unwrap_err());
    assert_eq!(problems.len(), 3, "{problems:#?}");
}

#[tokio::test]
async fn the_same_input_gives_the_same_bytes_and_units_in_every_engine() {
    let seen = async || {
        let called = bench().await.map("everything seen").await;
        let body = match called.result.unwrap().unwrap().content {
            DeliveryContent::Http(mut http) => http.body.remove(0),
            DeliveryContent::Files(_) => panic!("files were made"),
        };
        let Segment::Bytes(bytes) = body else { panic!("a secret was made") };
        (String::from_utf8(bytes).unwrap(), called.usage.cpu_used, called.usage.memory_peak)
    };
    let first = seen().await;
    assert!(first.0.contains("Café chair"), "{}", first.0);
    assert_eq!(first, seen().await);
}

#[tokio::test]
async fn many_hostile_calls_at_once_do_not_starve_the_pool() {
    let bench = Arc::new(bench().await);
    let what = ["loop", "memory", "trap", "recursion", "good", "log flood"];
    let calls: Vec<_> = (0..60)
        .map(|n| {
            let bench = Arc::clone(&bench);
            tokio::spawn(async move {
                let name = what[n % what.len()];
                (name, bench.map(name).await.result)
            })
        })
        .collect();
    for call in calls {
        let (name, result) = call.await.unwrap();
        assert_eq!(result.is_ok(), matches!(name, "good" | "log flood"), "{name}");
        assert!(!matches!(result, Err(PluginFault::NotLoaded { .. })), "{name}");
    }
    bench.still_works().await;
}

#[tokio::test]
async fn what_is_not_a_plugin_is_told_apart() {
    let (runtime, _dir) = runtime(Settings { component_bytes: 1 << 20, ..settings() });
    let refused = async |bytes: Vec<u8>| runtime.admit(&bytes).await.expect_err("it was admitted");
    assert!(matches!(refused(vec![0; (1 << 20) + 1]).await, AdmissionError::TooLarge { .. }));
    assert!(matches!(refused(b"#!/bin/sh\n".to_vec()).await, AdmissionError::NotWasm(_)));
    assert!(matches!(refused(wat::parse_str("(module)").unwrap()).await, AdmissionError::CoreModule));
    let cut = guest().get(..20_000).unwrap().to_vec();
    let error = refused(cut).await;
    assert!(matches!(error, AdmissionError::NotWasm(_)), "{error}");
    let undeclared = wat::parse_str(r#"(component (import "acme:net/socket@1.0.0" (instance)))"#).unwrap();
    let AdmissionError::ForbiddenImports { imports, allowed } = refused(undeclared).await else {
        panic!("the import was let through")
    };
    assert_eq!(imports, ["acme:net/socket@1.0.0"]);
    assert!(allowed.iter().any(|allowed| allowed.starts_with("wasi:io")));
    let empty = refused(wat::parse_str("(component)").unwrap()).await;
    assert!(matches!(empty, AdmissionError::WrongWorld(_)), "{empty}");
    assert!(empty.to_string().contains("orderdock:plugin/mapper@0.1.0"), "{empty}");
}

#[tokio::test]
async fn a_release_is_found_again_after_a_restart_and_made_anew_when_damaged() {
    let (runtime, dir) = runtime(settings());
    let (release, _) = runtime.admit(&guest()).await.unwrap();
    drop(runtime);
    let code = dir.path().join("code");
    for damage in [false, true] {
        if damage {
            for file in std::fs::read_dir(&code).unwrap() {
                let path = file.unwrap().path();
                if path.extension().is_some_and(|extension| extension == "cwasm") {
                    let mut bytes = std::fs::read(&path).unwrap();
                    let middle = bytes.len() / 2;
                    bytes[middle] ^= 0xff;
                    std::fs::write(&path, bytes).unwrap();
                }
            }
        }
        let runtime = Runtime::new(settings(), &code, Arc::new(Counter::default())).unwrap();
        assert!(runtime.knows(&release));
        let called = runtime.map_order(&release, order(1), context("good"), tables()).await;
        assert_eq!(path(&called), "good");
    }
}

#[tokio::test]
async fn an_unknown_release_is_not_loaded() {
    let (runtime, _dir) = runtime(settings());
    for name in ["0".repeat(64), "../../etc/passwd".to_owned()] {
        let release = Digest(name);
        assert!(!runtime.knows(&release));
        let called = runtime.map_order(&release, order(1), context("good"), tables()).await;
        assert!(matches!(called.result, Err(PluginFault::NotLoaded { .. })), "{:?}", called.result);
    }
}
