//! Deliveries over HTTP against the fake ERP: one request each, whatever it answers, and the evidence of how far it got.

#![expect(clippy::unwrap_used, reason = "tests")]

use std::{
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use orderdock::{
    destination::{
        http::{Exchange, Gate, HttpDestination, HttpSender as _, HttpSettings, Request},
        render::Secrets,
    },
    domain::{
        delivery::{HttpDelivery, Repeat, Segment},
        transport::{Phase, Reading, TransportFailure, read_failure},
    },
};
use orderdock_port::Port;
use orderdock_tests::{
    erp::{Behaviour, FakeErp, Options},
    tls::Authority,
};
use tokio::{io::AsyncReadExt as _, net::TcpListener};

fn open() -> Gate {
    Arc::new(|| true)
}

fn delivery(body: &str) -> HttpDelivery {
    HttpDelivery {
        method: "POST".into(),
        path: "orders".into(),
        query: Vec::new(),
        headers: Vec::new(),
        body: vec![Segment::Bytes(body.as_bytes().to_vec())],
        content_type: Some("application/json".into()),
        repeat: Repeat::Never,
        sensitive: false,
    }
}

fn request(destination: &HttpDestination, key: &str) -> Request {
    let body = format!("{{\"order_number\":\"{key}\"}}");
    destination.request(&delivery(&body), &Secrets::new(), "idem-1").unwrap().0
}

fn destination(base: &str, change: impl FnOnce(&mut HttpSettings)) -> HttpDestination {
    let mut settings = HttpSettings::new(base);
    change(&mut settings);
    HttpDestination::open(&settings, &Secrets::new()).unwrap()
}

/// One order to a fake that behaves so, with a time limit of some seconds.
async fn one(dir: &Path, behaviour: Behaviour) -> (Exchange, FakeErp) {
    let erp = FakeErp::start(dir).await.unwrap();
    erp.rule("*", behaviour);
    let destination = destination(&erp.base_address(), |settings| settings.time_limit_s = 4);
    let exchange = destination.send(request(&destination, "WEB-1"), open()).await;
    (exchange, erp)
}

/// What an exchange came to: status, or failure.
fn outcome(exchange: &Exchange) -> String {
    match &exchange.result {
        Ok(answer) => answer.status.to_string(),
        Err(TransportFailure::TimedOut(_)) => "timed out".into(),
        Err(TransportFailure::Lost(_)) => "lost".into(),
        Err(TransportFailure::Oversized(_)) => "oversized".into(),
        Err(TransportFailure::Malformed(_)) => "malformed".into(),
        Err(other) => format!("{other:?}"),
    }
}

#[tokio::test]
async fn every_answer_costs_exactly_one_request() {
    let cases: Vec<(Behaviour, &str, Phase)> = vec![
        (Behaviour::accept(), "201", Phase::Body),
        (Behaviour::Refuse { status: 422, message: "no such article".into() }, "422", Phase::Body),
        (Behaviour::ErrorInside { message: "no".into() }, "200", Phase::Body),
        (Behaviour::Location, "204", Phase::Body),
        (Behaviour::Duplicate, "409", Phase::Body),
        (Behaviour::Throttle { retry_after: "120".into() }, "429", Phase::Body),
        (Behaviour::Unavailable, "503", Phase::Body),
        (Behaviour::Broken { message: None, accepted: false }, "500", Phase::Body),
        (Behaviour::Broken { message: Some("sql".into()), accepted: true }, "500", Phase::Body),
        (Behaviour::Silence, "timed out", Phase::Sent),
        (Behaviour::Reset, "lost", Phase::Sent),
        (Behaviour::Gateway { status: 502 }, "502", Phase::Body),
        (Behaviour::Gateway { status: 504 }, "504", Phase::Body),
        (Behaviour::Cut, "lost", Phase::Headers),
        (Behaviour::CutChunks, "lost", Phase::Headers),
        (Behaviour::TooLong, "lost", Phase::Headers),
        (Behaviour::Garbage, "malformed", Phase::Sent),
        (Behaviour::Html { status: 200 }, "200", Phase::Body),
        (Behaviour::Drip, "timed out", Phase::Sent),
        (Behaviour::Endless { declared: true }, "oversized", Phase::Headers),
        (Behaviour::Endless { declared: false }, "oversized", Phase::Headers),
        (Behaviour::Redirect { status: 302 }, "302", Phase::Body),
        (Behaviour::Redirect { status: 307 }, "307", Phase::Body),
        (Behaviour::Redirect { status: 308 }, "308", Phase::Body),
        (Behaviour::Slow { ms: 300 }, "201", Phase::Body),
        (Behaviour::Informational, "201", Phase::Body),
        (Behaviour::Switch, "malformed", Phase::Headers),
    ];
    for (behaviour, expected, phase) in cases {
        let dir = tempfile::tempdir().unwrap();
        let accepts = behaviour.accepts();
        let (exchange, erp) = one(dir.path(), behaviour.clone()).await;
        assert_eq!(outcome(&exchange), expected, "{behaviour:?}: {exchange:?}");
        assert_eq!(exchange.evidence.phase, phase, "{behaviour:?}: {exchange:?}");
        assert_eq!(exchange.evidence.sent_bytes, 24, "{behaviour:?}");
        if let Err(failure) = &exchange.result {
            assert_eq!(read_failure(failure, exchange.evidence.phase), Reading::Unknown, "{behaviour:?}");
        }
        let state = erp.state();
        assert_eq!((state.requests, state.connections), (1, 1), "{behaviour:?}");
        assert_eq!(state.orders.len(), usize::from(accepts), "{behaviour:?}");
    }
}

#[tokio::test]
async fn an_answer_arrives_whole_with_its_headers() {
    let dir = tempfile::tempdir().unwrap();
    let (exchange, erp) = one(dir.path(), Behaviour::Location).await;
    let answer = exchange.result.unwrap();
    assert!(answer.headers.contains(&("location".into(), "/api/orders/SO-1".into())), "{answer:?}");
    assert!(answer.body.is_empty());
    drop(erp);
    let dir = tempfile::tempdir().unwrap();
    let (exchange, _erp) = one(dir.path(), Behaviour::accept()).await;
    assert_eq!(exchange.result.unwrap().body, "{\"object\":{\"order_id\":\"SO-1\"},\"message\":\"created\"}");
    assert!(exchange.evidence.peer.is_some());
    let phases: Vec<_> = exchange.evidence.times.iter().map(|(phase, _)| *phase).collect();
    assert_eq!(phases, [Phase::Resolve, Phase::Connect, Phase::Sent, Phase::Headers, Phase::Body]);
}

#[tokio::test]
async fn the_cap_counts_while_reading() {
    let dir = tempfile::tempdir().unwrap();
    let (exchange, _erp) = one(dir.path(), Behaviour::Endless { declared: false }).await;
    assert!(exchange.evidence.received_bytes < (1 << 20) + 1_000_000, "{:?}", exchange.evidence);
    let dir = tempfile::tempdir().unwrap();
    let (exchange, _erp) = one(dir.path(), Behaviour::Endless { declared: true }).await;
    assert_eq!(exchange.evidence.received_bytes, 0, "a declared length over the cap is refused before reading");
}

/// A server that only counts connections and the bytes that came.
async fn counting() -> (String, Arc<AtomicUsize>, tokio::task::JoinHandle<Vec<u8>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}/api", listener.local_addr().unwrap());
    let connections = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&connections);
    let task = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        counted.fetch_add(1, Ordering::SeqCst);
        let mut bytes = Vec::new();
        let _ = stream.read_to_end(&mut bytes).await;
        bytes
    });
    (base, connections, task)
}

#[tokio::test]
async fn a_refused_gate_lets_not_one_byte_out() {
    for body in ["{\"order_number\":\"WEB-1\"}", "", &"x".repeat(5_000_000)] {
        let (base, connections, bytes) = counting().await;
        let destination = destination(&base, |_| {});
        let (request, _) = destination.request(&delivery(body), &Secrets::new(), "k").unwrap();
        let asked = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&asked);
        let gate: Gate = Arc::new(move || {
            count.fetch_add(1, Ordering::SeqCst);
            false
        });
        let exchange = destination.send(request, gate).await;
        assert_eq!(exchange.result.unwrap_err(), TransportFailure::LeaseShort);
        assert_eq!(exchange.evidence.phase, Phase::Connect);
        assert_eq!(exchange.evidence.sent_bytes, 0);
        assert_eq!(bytes.await.unwrap(), b"", "not even the head may leave");
        assert_eq!(connections.load(Ordering::SeqCst), 1, "the gate is asked after the connection stands");
        assert_eq!(asked.load(Ordering::SeqCst), 1);
    }
}

#[tokio::test]
async fn an_empty_body_is_sent_when_it_is_handed_over() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let destination = destination(&format!("http://{}", listener.local_addr().unwrap()), |_| {});
    let (request, _) = destination.request(&delivery(""), &Secrets::new(), "k").unwrap();
    let sending = destination.send(request, open());
    let serving = async {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut bytes = vec![0; 4096];
        let read = stream.read(&mut bytes).await.unwrap();
        drop(stream);
        String::from_utf8_lossy(&bytes[..read]).into_owned()
    };
    let (exchange, head) = tokio::join!(sending, serving);
    assert_eq!(outcome(&exchange), "lost");
    assert_eq!(exchange.evidence.phase, Phase::Sent);
    assert!(head.starts_with("POST /orders HTTP/1.1\r\n"), "{head}");
    assert!(head.contains("content-length: 0\r\n") && head.contains("connection: close\r\n"), "{head}");
}

#[tokio::test]
async fn what_never_left_is_provably_not_processed() {
    let closed = Port::free().unwrap();
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let cases = [
        (format!("http://{}", closed.address()), Phase::Connect),
        ("https://name.invalid".to_owned(), Phase::Resolve),
        ("https://169.254.169.254/latest".to_owned(), Phase::Resolve),
        (format!("https://{}", silent.local_addr().unwrap()), Phase::Tls),
    ];
    for (base, phase) in cases {
        let destination = destination(&base, |settings| settings.time_limit_s = 4);
        let exchange = destination.send(request(&destination, "WEB-1"), open()).await;
        assert_eq!(exchange.evidence.phase, phase, "{base}: {exchange:?}");
        let failure = exchange.result.unwrap_err();
        assert_eq!(read_failure(&failure, phase), Reading::NotProcessed, "{base}: {failure:?}");
        assert_eq!(exchange.evidence.sent_bytes, 0);
    }
}

#[tokio::test]
async fn a_request_for_another_place_is_not_sent() {
    let dir = tempfile::tempdir().unwrap();
    let erp = FakeErp::start(dir.path()).await.unwrap();
    let here = destination(&erp.base_address(), |_| {});
    let elsewhere = destination("https://erp.example/api", |_| {});
    let exchange = elsewhere.send(request(&here, "WEB-1"), open()).await;
    assert!(matches!(exchange.result, Err(TransportFailure::Resolve(_))), "{exchange:?}");
    assert_eq!(erp.state().connections, 0);
}

#[tokio::test]
async fn a_plain_name_that_leads_off_this_machine_is_refused_when_it_is_resolved() {
    // 0.0.0.0 reaches this machine on Linux, and is still not a loopback address.
    let mut settings = HttpSettings::new("http://0.0.0.0:9");
    assert!(HttpDestination::open(&settings, &Secrets::new()).is_err());
    settings.allow_plain_http = true;
    let destination = HttpDestination::open(&settings, &Secrets::new()).unwrap();
    let exchange = destination.send(request(&destination, "WEB-1"), open()).await;
    assert!(matches!(exchange.result, Err(TransportFailure::Resolve(_))), "{exchange:?}");
}

#[tokio::test]
async fn a_large_order_arrives_byte_for_byte() {
    let dir = tempfile::tempdir().unwrap();
    let erp = FakeErp::start(dir.path()).await.unwrap();
    let destination = destination(&erp.base_address(), |_| {});
    let body = format!("{{\"order_number\":\"WEB-1\",\"note\":\"{}\"}}", "ä".repeat(2_500_000));
    let (request, redacted) = destination.request(&delivery(&body), &Secrets::new(), "k").unwrap();
    let exchange = destination.send(request, open()).await;
    assert_eq!(outcome(&exchange), "201");
    assert_eq!(exchange.evidence.sent_bytes, body.len() as u64);
    assert_eq!(erp.state().orders[0].sha256, redacted.body.sha256);
    assert_eq!(redacted.body.bytes.len(), 256 << 10);
    assert!(redacted.body.note.is_some());
}

#[tokio::test]
async fn the_fake_keeps_what_it_accepted_over_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    for round in 1..=2 {
        let erp = FakeErp::start(dir.path()).await.unwrap();
        let destination = destination(&erp.base_address(), |_| {});
        destination.send(request(&destination, "WEB-1"), open()).await.result.unwrap();
        assert_eq!(erp.state().orders.len(), round);
        if round == 2 {
            assert_eq!(erp.state().doubled(), ["WEB-1"]);
        }
    }
}

#[tokio::test]
async fn many_slow_orders_do_not_wait_for_each_other() {
    let dir = tempfile::tempdir().unwrap();
    let erp = FakeErp::start(dir.path()).await.unwrap();
    erp.rule("*", Behaviour::Slow { ms: 2_000 });
    let destination = Arc::new(destination(&erp.base_address(), |_| {}));
    let mut sends = tokio::task::JoinSet::new();
    for number in 0..20 {
        let destination = Arc::clone(&destination);
        sends.spawn(async move { destination.send(request(&destination, &format!("WEB-{number}")), open()).await });
    }
    let all = tokio::time::timeout(Duration::from_secs(30), sends.join_all()).await.expect("one after the other");
    assert!(all.iter().all(|exchange| exchange.result.is_ok()));
    assert_eq!(erp.state().connections, 20);
}

#[tokio::test]
async fn tls_goes_by_the_destinations_own_authority() {
    let dir = tempfile::tempdir().unwrap();
    let authority = Authority::new();
    let tls = Some(authority.server("127.0.0.1"));
    let erp = FakeErp::start_with(dir.path(), Options { tls, ..Options::default() }).await.unwrap();
    let (right, wrong) = (dir.path().join("right.pem"), dir.path().join("wrong.pem"));
    std::fs::write(&right, authority.pem()).unwrap();
    std::fs::write(&wrong, Authority::new().pem()).unwrap();
    let trusting =
        |ca: Option<&Path>| destination(&erp.base_address(), |settings| settings.ca_file = ca.map(Path::to_owned));
    for untrusted in [trusting(None), trusting(Some(&wrong))] {
        let exchange = untrusted.send(request(&untrusted, "WEB-1"), open()).await;
        let Err(TransportFailure::Tls(why)) = &exchange.result else { panic!("{exchange:?}") };
        assert!(why.contains("an authority that is not known here") && why.contains("ca_file"), "{why}");
        assert_eq!((exchange.evidence.phase, exchange.evidence.sent_bytes), (Phase::Tls, 0));
    }
    let trusted = trusting(Some(&right));
    for round in 1..=3 {
        let exchange = trusted.send(request(&trusted, &format!("WEB-{round}")), open()).await;
        assert_eq!(outcome(&exchange), "201", "{exchange:?}");
        let phases: Vec<_> = exchange.evidence.times.iter().map(|(phase, _)| *phase).collect();
        assert_eq!(phases, [Phase::Resolve, Phase::Connect, Phase::Tls, Phase::Sent, Phase::Headers, Phase::Body]);
    }
    // The gate stands behind the handshake.
    let exchange = trusted.send(request(&trusted, "WEB-4"), Arc::new(|| false)).await;
    assert_eq!(exchange.result.unwrap_err(), TransportFailure::LeaseShort);
    assert_eq!(exchange.evidence.phase, Phase::Tls);
    let state = erp.state();
    assert_eq!((state.requests, state.connections, state.orders.len()), (3, 3, 3));
    for (name, content) in
        [("empty.pem", ""), ("broken.pem", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")]
    {
        let path = dir.path().join(name);
        std::fs::write(&path, content).unwrap();
        let mut settings = HttpSettings::new(erp.base_address());
        settings.ca_file = Some(path);
        let problems = HttpDestination::open(&settings, &Secrets::new()).err().unwrap();
        assert!(problems[0].to_string().contains(name), "{problems:?}");
    }
}
