//! Answers from hell, at both network edges: servers that break every rule, each counting what reached it. Whatever they do,
//! one call is one request at most, and what may have been processed is never taken for anything but unknown.

#![expect(clippy::unwrap_used, reason = "tests")]

use std::{
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use orderdock::{
    destination::{
        http::{Exchange, Gate, HttpDestination, HttpSender as _, HttpSettings},
        render::Secrets,
    },
    domain::{
        clock::{Clock, Millis},
        delivery::{HttpDelivery, Repeat, Segment},
        transport::{Reading, TransportFailure, read_failure, read_status},
        verdict::DefaultVerdict,
    },
    shop::{Shop as _, ShopError, evolutionx, http::HttpSettings as ShopHttp},
};
use orderdock_tests::{erp::Behaviour, rig::Rig, shop::world::now_ms};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    task::JoinSet,
};

/// What a server does with a connection, step by step; at the end it closes.
#[derive(Clone)]
enum Step {
    /// Reads one whole request, and counts it.
    Read,
    /// Reads that many bytes of it.
    ReadSome(usize),
    /// Writes.
    Write(Vec<u8>),
    /// Writes so for ever.
    WriteForEver(Vec<u8>),
    /// Writes a byte every so many milliseconds.
    Drip(Vec<u8>, u64),
    /// Resets instead of closing.
    Reset,
    /// Does nothing more.
    Hang,
}

/// What reached a server.
#[derive(Default)]
struct Counted {
    connections: AtomicU32,
    requests: AtomicU32,
}

impl Counted {
    fn now(&self) -> (u32, u32) {
        (self.connections.load(Ordering::SeqCst), self.requests.load(Ordering::SeqCst))
    }
}

/// A server that does the same with each connection.
async fn server(steps: Vec<Step>) -> (String, Arc<Counted>, tokio::task::JoinHandle<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    let counted = Arc::new(Counted::default());
    let counts = Arc::clone(&counted);
    let task = tokio::spawn(async move {
        let mut connections = JoinSet::new();
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            counts.connections.fetch_add(1, Ordering::SeqCst);
            let (steps, counts) = (steps.clone(), Arc::clone(&counts));
            connections.spawn(async move {
                // A caller that goes away ends it too.
                let _ended = serve(stream, &steps, &counts).await;
            });
        }
    });
    (base, counted, task)
}

async fn serve(mut stream: TcpStream, steps: &[Step], counts: &Counted) -> std::io::Result<()> {
    let mut buffer = Vec::new();
    for step in steps {
        match step {
            Step::Read => {
                if !read_request(&mut stream, &mut buffer).await? {
                    return Ok(());
                }
                counts.requests.fetch_add(1, Ordering::SeqCst);
            }
            Step::ReadSome(bytes) => {
                let mut some = vec![0; *bytes];
                stream.read_exact(&mut some).await?;
            }
            Step::Write(bytes) => stream.write_all(bytes).await?,
            Step::WriteForEver(bytes) => loop {
                stream.write_all(bytes).await?;
            },
            Step::Drip(bytes, ms) => {
                for byte in bytes {
                    stream.write_all(&[*byte]).await?;
                    tokio::time::sleep(Duration::from_millis(*ms)).await;
                }
            }
            Step::Reset => {
                stream.set_zero_linger()?;
                return Ok(());
            }
            Step::Hang => tokio::time::sleep(Duration::from_secs(600)).await,
        }
    }
    stream.shutdown().await?;
    // What is still coming is read, or the close would become a reset.
    let mut rest = [0; 4096];
    while stream.read(&mut rest).await? > 0 {}
    Ok(())
}

/// Head and body by its content length; false if the connection ended before.
async fn read_request(stream: &mut TcpStream, buffer: &mut Vec<u8>) -> std::io::Result<bool> {
    loop {
        if let Some(at) = buffer.windows(4).position(|four| four == b"\r\n\r\n") {
            let head = String::from_utf8_lossy(&buffer[..at]).to_ascii_lowercase();
            let length = head.lines().find_map(|line| line.strip_prefix("content-length:"));
            let whole = at + 4 + length.map_or(0, |length| length.trim().parse::<usize>().unwrap());
            if buffer.len() >= whole {
                buffer.drain(..whole);
                return Ok(true);
            }
        }
        if stream.read_buf(buffer).await? == 0 {
            return Ok(false);
        }
    }
}

fn text(status: &str, headers: &str, body: &str) -> Vec<u8> {
    format!("HTTP/1.1 {status}\r\n{headers}\r\n{body}").into_bytes()
}

const CREATED: &str = r#"{"object":{"order_id":"SO-1"},"message":"created"}"#;

fn created() -> Vec<u8> {
    text("201 Created", &format!("content-length: {}\r\n", CREATED.len()), CREATED)
}

/// What the caller is to make of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Means {
    /// A complete answer with this status.
    Answer(u16),
    /// Unknown: it may have been processed.
    Unknown,
    /// Provably not one byte was sent.
    NotProcessed,
    /// A complete answer with this status, or unknown: which of them is a matter of what arrives first.
    Either(u16),
}

fn means(exchange: &Exchange) -> Means {
    match &exchange.result {
        Ok(answer) => Means::Answer(answer.status),
        Err(failure) => match read_failure(failure, exchange.evidence.phase) {
            Reading::NotProcessed => Means::NotProcessed,
            _ => Means::Unknown,
        },
    }
}

/// A server that does something before it has read anything may be faster than the first byte: then nothing was sent.
fn may_be_first(steps: &[Step]) -> bool {
    !matches!(steps.first(), Some(Step::Read | Step::ReadSome(_)))
}

fn delivery(length: usize) -> HttpDelivery {
    HttpDelivery {
        method: "POST".into(),
        path: "orders".into(),
        query: Vec::new(),
        headers: Vec::new(),
        body: vec![Segment::Bytes(vec![b'x'; length])],
        content_type: Some("application/json".into()),
        repeat: Repeat::Never,
        sensitive: false,
    }
}

fn open() -> Gate {
    Arc::new(|| true)
}

async fn send(base: &str, length: usize) -> Exchange {
    let mut settings = HttpSettings::new(base);
    // What answers must be heard although all of these servers keep the machine busy at once.
    settings.time_limit_s = 4;
    let destination = HttpDestination::open(&settings, &Secrets::new()).unwrap();
    let (request, _) = destination.request(&delivery(length), &Secrets::new(), "k").unwrap();
    destination.send(request, open()).await
}

/// HTTP/2's settings and a GOAWAY, as a server sends them that speaks nothing else (RFC 9113 sections 6.5 and 6.8).
fn goaway() -> Vec<u8> {
    let mut frames = vec![0, 0, 0, 4, 0, 0, 0, 0, 0];
    frames.extend([0, 0, 8, 7, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 7]);
    frames
}

/// What the ERP's server does, and what it means.
fn from_hell() -> Vec<(&'static str, usize, Vec<Step>, Means)> {
    use Means::{Answer, Either, Unknown};
    use Step::{Drip, Hang, Read, ReadSome, Reset, Write, WriteForEver};
    let head = |headers: &str| text("201 Created", headers, "");
    let continued = b"HTTP/1.1 100 Continue\r\n\r\n".to_vec();
    let half = CREATED.len() / 2;
    let many: String = (0..400).map(|n| format!("x-{n}: y\r\n")).collect();
    let large = format!("x-large: {}\r\n", "y".repeat(1 << 20));
    vec![
        ("accepts, then silence", 50, vec![Read, Hang], Unknown),
        ("accepts, then closes", 50, vec![Read], Unknown),
        ("accepts, then resets", 50, vec![Read, Reset], Unknown),
        ("closes unread", 50, vec![], Unknown),
        ("resets unread", 50, vec![Reset], Unknown),
        ("resets within the head", 50, vec![ReadSome(20), Reset], Unknown),
        ("resets within the body", 9_000_000, vec![ReadSome(500_000), Reset], Unknown),
        ("reads nothing of a large body", 30_000_000, vec![Hang], Unknown),
        (
            "answers a large body early",
            30_000_000,
            vec![ReadSome(2_000), Write(text("413 Large", "content-length: 0\r\n", ""))],
            Either(413),
        ),
        ("one byte a second", 50, vec![Read, Drip(created(), 1_000)], Unknown),
        (
            "the body one byte a second",
            50,
            vec![Read, Write(head("content-length: 50\r\n")), Drip(vec![b'x'; 50], 1_000)],
            Unknown,
        ),
        (
            "1 GB, declared",
            50,
            vec![Read, Write(head("content-length: 1000000000\r\n")), WriteForEver(vec![b'x'; 65_536])],
            Unknown,
        ),
        ("1 GB, undeclared", 50, vec![Read, Write(head("")), WriteForEver(vec![b'x'; 65_536])], Unknown),
        (
            "1 GB in chunks",
            50,
            vec![
                Read,
                Write(head("transfer-encoding: chunked\r\n")),
                WriteForEver([b"10000\r\n".as_slice(), &[b'x'; 65_536], b"\r\n"].concat()),
            ],
            Unknown,
        ),
        (
            "headers without end",
            50,
            vec![Read, Write(b"HTTP/1.1 201 Created\r\n".to_vec()), WriteForEver(b"x-more: y\r\n".to_vec())],
            Unknown,
        ),
        (
            "a body that is cut",
            50,
            vec![Read, Write(text("201 Created", &format!("content-length: {}\r\n", CREATED.len()), &CREATED[..half]))],
            Unknown,
        ),
        (
            "a body that is cut by a reset",
            50,
            vec![
                Read,
                Write(text("201 Created", &format!("content-length: {}\r\n", CREATED.len()), &CREATED[..half])),
                Reset,
            ],
            Unknown,
        ),
        (
            "a length too small",
            50,
            vec![Read, Write(text("201 Created", &format!("content-length: {half}\r\n"), CREATED))],
            Unknown,
        ),
        (
            "two lengths",
            50,
            vec![
                Read,
                Write(text(
                    "201 Created",
                    &format!("content-length: {}\r\ncontent-length: 3\r\n", CREATED.len()),
                    CREATED,
                )),
            ],
            Unknown,
        ),
        ("a negative length", 50, vec![Read, Write(text("201 Created", "content-length: -1\r\n", CREATED))], Unknown),
        (
            "a length beyond all numbers",
            50,
            vec![Read, Write(text("201 Created", "content-length: 99999999999999999999999\r\n", CREATED))],
            Unknown,
        ),
        (
            "a chunk's size beyond all numbers",
            50,
            vec![Read, Write(text("201 Created", "transfer-encoding: chunked\r\n", "fffffffffffffffff\r\nx"))],
            Unknown,
        ),
        (
            "chunks that are none",
            50,
            vec![Read, Write(text("201 Created", "transfer-encoding: chunked\r\n", "what?\r\n"))],
            Unknown,
        ),
        (
            "chunks without the last one",
            50,
            vec![Read, Write(text("201 Created", "transfer-encoding: chunked\r\n", "5\r\n{\"obj\r\n"))],
            Unknown,
        ),
        (
            "502 after accepting",
            50,
            vec![Read, Write(text("502 Bad Gateway", "content-length: 0\r\n", ""))],
            Answer(502),
        ),
        (
            "504 after accepting",
            50,
            vec![Read, Write(text("504 Gateway Timeout", "content-length: 0\r\n", ""))],
            Answer(504),
        ),
        ("the same answer twice", 50, vec![Read, Write([created(), created()].concat())], Unknown),
        ("a body behind a 204", 50, vec![Read, Write(text("204 No Content", "", "surprise"))], Unknown),
        (
            "HTTP/1.0 to the end of the connection",
            50,
            vec![Read, Write([b"HTTP/1.0 201 Created\r\n\r\n", CREATED.as_bytes()].concat())],
            Answer(201),
        ),
        ("HTTP/1.0 cut by a reset", 50, vec![Read, Write(b"HTTP/1.0 201 Created\r\n\r\n{".to_vec()), Reset], Unknown),
        ("HTTP/0.9", 50, vec![Read, Write(b"<html>created</html>".to_vec())], Unknown),
        ("HTTP/2 and GOAWAY", 50, vec![Read, Write(goaway())], Unknown),
        ("HTTP/2 before anything was asked", 50, vec![Write(goaway()), Read], Unknown),
        ("TLS where there is none", 50, vec![Read, Write(b"\x15\x03\x01\x00\x02\x02\x28".to_vec())], Unknown),
        ("a status of four digits", 50, vec![Read, Write(text("2001 Created", "content-length: 0\r\n", ""))], Unknown),
        ("a status in words", 50, vec![Read, Write(text("good", "content-length: 0\r\n", ""))], Unknown),
        ("400 headers", 50, vec![Read, Write(text("201 Created", &many, ""))], Unknown),
        ("a header of 1 MB", 50, vec![Read, Write(text("201 Created", &large, ""))], Unknown),
        ("100 Continue that nobody asked for", 50, vec![Read, Write(continued.clone()), Write(created())], Answer(201)),
        ("100 Continue, then closes", 50, vec![Read, Write(continued.clone())], Unknown),
        ("100 Continue for ever", 50, vec![Read, WriteForEver(continued)], Unknown),
        (
            "101, which nobody asked for",
            50,
            vec![Read, Write(text("101 Switching Protocols", "upgrade: h2c\r\nconnection: upgrade\r\n", ""))],
            Unknown,
        ),
        (
            "redirect 301",
            50,
            vec![Read, Write(text("301 Moved", "location: /elsewhere\r\ncontent-length: 0\r\n", ""))],
            Answer(301),
        ),
        (
            "redirect 302",
            50,
            vec![Read, Write(text("302 Found", "location: /elsewhere\r\ncontent-length: 0\r\n", ""))],
            Answer(302),
        ),
        (
            "redirect 303",
            50,
            vec![Read, Write(text("303 See", "location: /elsewhere\r\ncontent-length: 0\r\n", ""))],
            Answer(303),
        ),
        (
            "redirect 307",
            50,
            vec![Read, Write(text("307 Moved", "location: /elsewhere\r\ncontent-length: 0\r\n", ""))],
            Answer(307),
        ),
        (
            "redirect 308",
            50,
            vec![Read, Write(text("308 Moved", "location: /elsewhere\r\ncontent-length: 0\r\n", ""))],
            Answer(308),
        ),
        (
            "asks for a login",
            50,
            vec![Read, Write(text("401 No", "www-authenticate: Basic\r\ncontent-length: 0\r\n", ""))],
            Answer(401),
        ),
        (
            "asks to come again",
            50,
            vec![Read, Write(text("503 Busy", "retry-after: 0\r\ncontent-length: 0\r\n", ""))],
            Answer(503),
        ),
        (
            "408, as for an idle connection",
            50,
            vec![Read, Write(text("408 Timeout", "content-length: 0\r\nconnection: close\r\n", ""))],
            Answer(408),
        ),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_the_erp_s_server_does_one_delivery_is_one_connection_and_at_most_one_request() {
    let mut all = JoinSet::new();
    for (name, length, steps, expected) in from_hell() {
        all.spawn(async move {
            let first = may_be_first(&steps);
            let reads = steps.iter().any(|step| matches!(step, Step::Read));
            let (base, counted, task) = server(steps).await;
            let exchange = send(&base, length).await;
            let meant = means(&exchange);
            let fits = match expected {
                Means::Either(status) => meant == Means::Answer(status) || meant == Means::Unknown,
                Means::Unknown if first && meant == Means::NotProcessed => exchange.evidence.sent_bytes == 0,
                exactly => meant == exactly,
            };
            assert!(fits, "{name}: {meant:?}, not {expected:?}: {exchange:?}");
            // Longer than any repeat "at once" would take.
            tokio::time::sleep(Duration::from_millis(500)).await;
            let (connections, requests) = counted.now();
            assert_eq!(connections, 1, "{name}: {exchange:?}");
            assert!(requests <= u32::from(reads), "{name}: {requests} requests: {exchange:?}");
            assert!(exchange.evidence.received_bytes < 4 << 20, "{name}: {:?}", exchange.evidence);
            task.abort();
        });
    }
    while let Some(done) = all.join_next().await {
        done.unwrap();
    }
}

#[test]
fn a_status_alone_says_what_lifecycle_section_5_says() {
    for (status, expected) in [
        (301, DefaultVerdict::Unknown),
        (302, DefaultVerdict::Unknown),
        (303, DefaultVerdict::Unknown),
        (307, DefaultVerdict::Rejected),
        (308, DefaultVerdict::Rejected),
        (401, DefaultVerdict::Rejected),
        (502, DefaultVerdict::Unknown),
        (503, DefaultVerdict::Unknown),
        (504, DefaultVerdict::Unknown),
    ] {
        assert_eq!(read_status(status, false), expected, "{status}");
    }
}

/// The race of a kept connection: the server says that it keeps it, and ends it at the moment of the next request.
#[tokio::test]
async fn deliveries_never_share_a_connection_so_none_can_be_caught_by_its_end() {
    let kept = text("201 Created", "connection: keep-alive\r\nkeep-alive: timeout=60\r\ncontent-length: 0\r\n", "");
    let (base, counted, task) = server(vec![Step::Read, Step::Write(kept), Step::Read, Step::Reset]).await;
    for round in 1..=5 {
        let exchange = send(&base, 50).await;
        assert_eq!(means(&exchange), Means::Answer(201));
        assert_eq!(counted.now(), (round, round), "each delivery has a connection of its own");
    }
    task.abort();
}

struct MachineClock;

impl Clock for MachineClock {
    fn now_ms(&self) -> Millis {
        now_ms()
    }
    fn since_boot(&self) -> Duration {
        Duration::from_millis(u64::try_from(now_ms()).unwrap_or(0))
    }
}

fn shop_at(base: &str) -> evolutionx::EvolutionX {
    let mut settings = evolutionx::Settings { base_address: base.to_owned(), ..Default::default() };
    settings.http = ShopHttp { requests_per_minute: Some(100_000), time_limit_s: 4, ..ShopHttp::default() };
    evolutionx::EvolutionX::open(settings, &"evo-acme".to_owned().into(), Arc::new(MachineClock)).unwrap()
}

/// The same servers as a shop: a write that adds, a write that sets, and a read.
#[tokio::test(flavor = "multi_thread")]
async fn whatever_the_shop_s_server_does_one_write_is_at_most_one_request_and_its_outcome_is_not_made_up() {
    let mut all = JoinSet::new();
    for (name, length, steps, expected) in from_hell() {
        // A shop's requests are small: what the ERP's server does with large ones can't be met.
        if length > 1_000 {
            continue;
        }
        for call in ["adds", "sets", "reads"] {
            let steps = steps.clone();
            all.spawn(async move {
                let first = may_be_first(&steps);
                let (base, counted, task) = server(steps).await;
                let shop = shop_at(&base);
                let result = match call {
                    "adds" => shop.add_note("7", "delivered", "od-1-1").await,
                    "sets" => shop.set_status("7", "In Progress").await,
                    _ => shop.get("7").await.map(drop),
                };
                // What follows a complete answer is junk; the answer before it was the shop's. (An ERP's is not believed
                // then: more hangs on it, and it can be looked up.)
                let junk_behind = matches!(name, "the same answer twice" | "a body behind a 204");
                let fine = junk_behind || matches!(expected, Means::Answer(200..=299));
                match &result {
                    Ok(()) => assert!(fine && call != "reads", "{name}, {call}: taken for done"),
                    Err(ShopError::Unreachable { .. }) if first => {}
                    Err(ShopError::Unreachable { .. } | ShopError::NotFound(_)) => {
                        panic!("{name}, {call}: {result:?}, but a request may have left")
                    }
                    Err(_) => {}
                }
                tokio::time::sleep(Duration::from_millis(300)).await;
                let (connections, requests) = counted.now();
                // The library connects again where a kept connection ended before any of the request was written. What adds
                // something has a connection to itself.
                let once = requests <= 1 && (connections <= 1 || call != "adds");
                assert!(once, "{name}, {call}: {connections} connections, {requests} requests");
                task.abort();
            });
        }
    }
    while let Some(done) = all.join_next().await {
        done.unwrap();
    }
}

#[tokio::test]
async fn a_kept_connection_that_ends_under_a_write_to_the_shop_does_not_repeat_it() {
    let kept =
        text("200 OK", "connection: keep-alive\r\ncontent-type: application/json\r\ncontent-length: 2\r\n", "{}");
    for end in [vec![Step::Read, Step::Reset], vec![Step::Read]] {
        let mut steps = vec![Step::Read, Step::Write(kept.clone())];
        steps.extend(end);
        let (base, counted, task) = server(steps).await;
        let shop = shop_at(&base);
        let mut asked = 0;
        for round in 0..6 {
            let set = shop.set_status("7", "In Progress").await;
            asked += 1;
            assert!(
                set.is_ok() == (round % 2 == 0) && !matches!(set, Err(ShopError::Unreachable { .. })),
                "{round}: {set:?}"
            );
            assert_eq!(counted.now().1, asked, "a write that was read by the shop was sent again");
        }
        task.abort();
    }
}

/// What becomes of the orders: state by the rules of lifecycle section 5, as the whole host brings it about.
#[tokio::test(flavor = "multi_thread")]
async fn each_answer_from_hell_brings_its_order_where_the_rules_say_and_none_is_sent_twice() {
    let cases: Vec<(Behaviour, &str)> = vec![
        (Behaviour::accept(), "delivered"),
        (Behaviour::Informational, "delivered"),
        (Behaviour::Slow { ms: 300 }, "delivered"),
        (Behaviour::Silence, "given_up"),
        (Behaviour::Reset, "given_up"),
        (Behaviour::Drip, "given_up"),
        (Behaviour::Endless { declared: true }, "given_up"),
        (Behaviour::Endless { declared: false }, "given_up"),
        (Behaviour::Cut, "given_up"),
        (Behaviour::CutChunks, "given_up"),
        (Behaviour::TooLong, "given_up"),
        (Behaviour::Garbage, "given_up"),
        (Behaviour::Switch, "given_up"),
        (Behaviour::Gateway { status: 502 }, "given_up"),
        (Behaviour::Gateway { status: 503 }, "given_up"),
        (Behaviour::Gateway { status: 504 }, "given_up"),
        (Behaviour::Broken { message: None, accepted: true }, "given_up"),
        (Behaviour::Unavailable, "given_up"),
        (Behaviour::Redirect { status: 301 }, "given_up"),
        (Behaviour::Redirect { status: 302 }, "given_up"),
        (Behaviour::Redirect { status: 303 }, "given_up"),
        (Behaviour::Redirect { status: 307 }, "failed"),
        (Behaviour::Redirect { status: 308 }, "failed"),
        (Behaviour::Refuse { status: 422, message: "no such article".to_owned() }, "failed"),
    ];
    // One after the other: with a breaker most of them would wait for an ERP that never gets better.
    let mut rig = Rig::connected_with("destination.settings.time_limit_s = 5\nbreaker.failures = 0").await;
    let ids: Vec<u64> = cases.iter().map(|_| rig.place()).collect();
    for (id, (behaviour, _)) in ids.iter().zip(&cases) {
        rig.erp.rule(&format!("WEB-{id}"), behaviour.clone());
    }
    rig.serve().await;
    for (id, (behaviour, state)) in ids.iter().zip(&cases) {
        let shown = rig.until_shown(*id, "it is at an end", |shown| {
            matches!(shown["order"]["state"].as_str(), Some("delivered" | "failed" | "given_up"))
        });
        assert_eq!(shown.await["order"]["state"], *state, "{behaviour:?}");
        assert_eq!(rig.sent(*id), 1, "{behaviour:?}");
        assert_eq!(rig.accepted(*id), usize::from(behaviour.accepts()), "{behaviour:?}");
    }
    assert_eq!(rig.erp.state().connections, cases.len() as u64, "a connection for each order and none besides");
}

/// No ERP is ever spoken HTTP/2 with, so no refused stream and no GOAWAY can make a client repeat: a server that would
/// rather have it is told of HTTP/1.1 only.
#[tokio::test]
async fn a_server_that_prefers_http_2_is_spoken_http_1_with() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut settings = HttpSettings::new(format!("https://{}", listener.local_addr().unwrap()));
    settings.time_limit_s = 1;
    let destination = HttpDestination::open(&settings, &Secrets::new()).unwrap();
    let (request, _) = destination.request(&delivery(50), &Secrets::new(), "k").unwrap();
    let hello = async {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut hello = vec![0; 8192];
        let read = stream.read(&mut hello).await.unwrap();
        hello.truncate(read);
        hello
    };
    let (exchange, hello) = tokio::join!(destination.send(request, open()), hello);
    assert!(matches!(exchange.result, Err(TransportFailure::Tls(_))), "{exchange:?}");
    assert_eq!(read_failure(&exchange.result.unwrap_err(), exchange.evidence.phase), Reading::NotProcessed);
    // A name in ALPN stands behind its length (RFC 7301 section 3.1).
    assert!(!hello.windows(3).any(|bytes| bytes == b"\x02h2"), "HTTP/2 is offered");
}
