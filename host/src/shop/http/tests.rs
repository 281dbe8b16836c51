//! The client against a plain socket: what only the wire shows.

use std::sync::{
    Mutex,
    atomic::{AtomicU32, Ordering},
};

use orderdock_port::Port;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};

use super::*;
use crate::domain::clock::Millis;

struct Still;

impl Clock for Still {
    fn now_ms(&self) -> Millis {
        0
    }
    fn since_boot(&self) -> Duration {
        Duration::ZERO
    }
}

/// Answers every request with the same bytes; counts connections and keeps what came.
struct Wire {
    base: Url,
    connections: Arc<AtomicU32>,
    requests: Arc<Mutex<Vec<String>>>,
}

async fn wire(answer: &'static str, keep: bool) -> Wire {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}/api/", listener.local_addr().unwrap()).parse().unwrap();
    let (connections, requests) = (Arc::new(AtomicU32::new(0)), Arc::new(Mutex::new(Vec::new())));
    let (counter, kept) = (connections.clone(), requests.clone());
    tokio::spawn(async move {
        while let Ok((mut socket, _)) = listener.accept().await {
            counter.fetch_add(1, Ordering::SeqCst);
            let kept = kept.clone();
            tokio::spawn(async move {
                let mut buffer = vec![0; 65_536];
                while let Ok(read @ 1..) = socket.read(&mut buffer).await {
                    kept.lock().unwrap().push(String::from_utf8_lossy(&buffer[..read]).into_owned());
                    if socket.write_all(answer.as_bytes()).await.is_err() || !keep {
                        break;
                    }
                }
            });
        }
    });
    Wire { base, connections, requests }
}

fn client(base: &Url) -> Client {
    Client::new(base, &HttpSettings::default(), &"Bearer secret".to_owned().into(), "application/json", Arc::new(Still))
        .unwrap()
}

const OK: &str = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n{}";

#[tokio::test]
async fn an_addition_has_a_connection_of_its_own() {
    let wire = wire(OK, true).await;
    let client = client(&wire.base);
    for _ in 0..3 {
        client.ask(Ask::get("/orders")).await.unwrap();
    }
    assert_eq!(wire.connections.load(Ordering::SeqCst), 1, "reads share one");
    for _ in 0..3 {
        client.ask(Ask::write(Method::POST, "/notes", "{}".to_owned())).await.unwrap();
    }
    assert_eq!(wire.connections.load(Ordering::SeqCst), 4);
}

#[tokio::test]
async fn the_request_is_what_was_meant() {
    let wire = wire(OK, true).await;
    let client = client(&wire.base);
    client.ask(Ask::get(path_with_id("/orders/{id}", "../a b/é?#")).with("status", "New Order")).await.unwrap();
    let request = wire.requests.lock().unwrap()[0].clone();
    let head = request.lines().next().unwrap();
    assert_eq!(head, "GET /api/orders/..%2Fa%20b%2F%C3%A9%3F%23?status=New+Order HTTP/1.1");
    assert!(request.contains("authorization: Bearer secret\r\n"), "{request}");
    assert_eq!(path_with_id("/orders/{id}", ".."), "/orders/-");
}

#[tokio::test]
async fn a_lost_answer_is_unclear_and_nothing_is_repeated() {
    for answer in ["", "HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\n{", "garbage\r\n\r\n"] {
        let wire = wire(answer, false).await;
        let client = client(&wire.base);
        let told = client.ask(Ask::write(Method::PUT, "/orders/1", "{}".to_owned())).await.unwrap_err();
        assert!(matches!(told, ShopError::Unclear(_)), "{answer:?}: {told}");
        assert_eq!(wire.requests.lock().unwrap().len(), 1, "{answer:?}");
    }
}

#[tokio::test]
async fn redirects_are_not_followed() {
    let wire = wire("HTTP/1.1 302 Found\r\nlocation: /elsewhere\r\ncontent-length: 0\r\n\r\n", true).await;
    let told = client(&wire.base).ask(Ask::get("/orders")).await.unwrap_err().to_string();
    assert!(told.contains("redirect to /elsewhere"), "{told}");
    assert_eq!(wire.requests.lock().unwrap().len(), 1);
}

#[tokio::test]
async fn a_closed_port_and_an_unknown_name_are_unreachable() {
    let closed = Port::free().unwrap();
    let base: Url = format!("http://{}/", closed.address()).parse().unwrap();
    let told = client(&base).ask(Ask::get("/orders")).await.unwrap_err();
    assert!(matches!(&told, ShopError::Unreachable { .. }), "{told}");
    assert!(!told.to_string().contains("secret"));
}

#[test]
fn settings_that_can_t_be_right_are_told() {
    let told = |base: &str, settings: HttpSettings, secret: &str| {
        let made = Client::new(
            &base.parse().unwrap(),
            &settings,
            &secret.to_owned().into(),
            "application/json",
            Arc::new(Still),
        );
        made.err().unwrap_or_default().into_iter().map(|problem| problem.place).collect::<Vec<_>>()
    };
    let none = HttpSettings::default;
    assert_eq!(told("http://127.0.0.1:1/", none(), "Bearer x"), Vec::<String>::new());
    assert_eq!(told("http://[::1]:1/", none(), "Bearer x"), Vec::<String>::new());
    assert_eq!(told("http://shop.example/", none(), "Bearer x\n"), ["shop.base_address", "shop.secrets"]);
    assert_eq!(
        told("http://shop.example/", HttpSettings { allow_plain_http: true, ..none() }, "Bearer x"),
        Vec::<String>::new()
    );
    let missing = HttpSettings { extra_ca_file: Some("/nowhere/ca.pem".into()), time_limit_s: 0, ..none() };
    assert_eq!(told("http://127.0.0.1:1/", missing, "Bearer x"), ["shop.http.time_limit_s", "shop.http.extra_ca_file"]);
    let empty = tempfile::NamedTempFile::new().unwrap();
    let empty = HttpSettings { extra_ca_file: Some(empty.path().to_owned()), ..none() };
    assert_eq!(told("http://127.0.0.1:1/", empty, "Bearer x"), ["shop.http.extra_ca_file"]);
}
