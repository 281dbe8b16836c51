//! The WooCommerce adapter against the fake shop, and against calls recorded from WooCommerce 7.9.0.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex},
    time::Duration,
};

use axum::{
    Router,
    body::to_bytes,
    extract::{Request, State},
    http::StatusCode,
    response::IntoResponse,
};
use orderdock::{
    domain::{
        PaymentState,
        clock::{Clock, Millis},
        sight::{ListScope, Sight},
    },
    shop::{Shop, ShopError, ShopSettings, woocommerce},
};
use orderdock_tests::{
    orders,
    shop::{Actor, FakeShop, Fault, Key, Play, ShopKind, world::now_ms},
};
use serde_json::{Value, json};

struct MachineClock;

impl Clock for MachineClock {
    fn now_ms(&self) -> Millis {
        now_ms()
    }
    fn since_boot(&self) -> Duration {
        Duration::from_millis(u64::try_from(now_ms()).unwrap_or(0))
    }
}

fn open(base_address: String, page_size: u32) -> Arc<dyn Shop> {
    let settings = woocommerce::Settings { base_address, page_size, ..Default::default() };
    let secrets = BTreeMap::from([
        ("consumer_key".to_owned(), "ck_acme".to_owned().into()),
        ("consumer_secret".to_owned(), "cs_acme".to_owned().into()),
    ]);
    ShopSettings::Woocommerce(Box::new(settings))
        .open(&secrets, Arc::new(MachineClock))
        .map_err(|problems| format!("{problems:?}"))
        .unwrap()
}

async fn sweep(shop: &dyn Shop, scope: &ListScope) -> Result<Vec<Sight>, ShopError> {
    let (mut sights, mut cursor) = (Vec::new(), None::<String>);
    loop {
        let page = shop.list(scope, cursor.as_deref()).await?;
        sights.extend(page.sights);
        match page.next {
            Some(next) => cursor = Some(next),
            None => return Ok(sights),
        }
    }
}

fn processing() -> ListScope {
    ListScope::InStatus(vec!["processing".to_owned()])
}

/// Places orders, `per_second` of them in each second.
fn place(shop: &FakeShop, count: usize, per_second: usize) -> BTreeSet<String> {
    let bodies = orders::generate(2, count);
    let mut ids = BTreeSet::new();
    for (index, order) in bodies.iter().enumerate() {
        let mut body = order.body(ShopKind::Woo);
        body["_created_ms"] = json!(1_795_310_358_000_i64 + i64::try_from(index / per_second).unwrap() * 1000 + 345);
        ids.insert(shop.place(ShopKind::Woo, "acme", body).to_string());
    }
    ids
}

fn ids(sights: &[Sight]) -> Vec<String> {
    sights.iter().map(|sight| sight.shop_order_id.clone()).collect()
}

#[tokio::test]
async fn no_order_is_missed_while_statuses_change_between_pages() {
    // One order a second; bursts that straddle pages; everything in one second, more than two pages of it.
    for per_second in [1, 7, 60] {
        let dir = tempfile::tempdir().unwrap();
        let shop = FakeShop::start(dir.path()).await;
        let placed = place(&shop, 60, per_second);
        let woo = open(shop.woo(), 20);
        let (mut seen, mut cursor) = (Vec::new(), None::<String>);
        loop {
            let page = woo.list(&processing(), cursor.as_deref()).await.unwrap();
            for sight in &page.sights {
                woo.set_status(&sight.shop_order_id, "erp-delivered").await.unwrap();
            }
            seen.extend(ids(&page.sights));
            let Some(next) = page.next else { break };
            cursor = Some(next);
        }
        assert_eq!(seen.len(), 60, "{per_second} in a second");
        assert_eq!(seen.into_iter().collect::<BTreeSet<_>>(), placed, "{per_second} in a second");
    }
}

#[tokio::test]
async fn windows_by_change_and_by_placing_hold_the_right_orders() {
    let dir = tempfile::tempdir().unwrap();
    let shop = FakeShop::start(dir.path()).await;
    let placed: Vec<String> = place(&shop, 30, 1).into_iter().collect();
    let woo = open(shop.woo(), 4);
    let since = ListScope::PlacedSince(1_795_310_358_000 + 20_000);
    assert_eq!(sweep(&*woo, &since).await.unwrap().len(), 10);
    let before = now_ms();
    for id in &placed[3..9] {
        woo.set_erp_order_id(id, "SO-1").await.unwrap();
    }
    let changed = sweep(&*woo, &ListScope::ModifiedSince(before)).await.unwrap();
    assert_eq!(ids(&changed).into_iter().collect::<BTreeSet<_>>(), placed[3..9].iter().cloned().collect());
}

#[tokio::test]
async fn an_order_is_read_and_written_and_the_buyer_is_never_mailed() {
    let dir = tempfile::tempdir().unwrap();
    let shop = FakeShop::start(dir.path()).await;
    place(&shop, 40, 3);
    let woo = open(shop.woo(), 100);
    let sights = sweep(&*woo, &processing()).await.unwrap();
    for (sight, plain) in sights.iter().zip(orders::generate(2, 40)) {
        let order = sight.order.as_ref().unwrap_or_else(|problems| panic!("{problems:?}"));
        assert_eq!(order.buyer.company, plain.buyer.company);
        assert_eq!(order.buyer_reference, plain.reference);
        assert_eq!(order.payment_state, PaymentState::Paid);
        for (line, item) in order.lines.iter().zip(&plain.items) {
            assert_eq!(line.unit_price_net.as_ref().unwrap().as_str(), orders::money(item.price));
            assert_eq!(
                line.tax_rate.is_some(),
                plain.tax_percent > 0 && line.tax_amount.as_ref().unwrap().as_str() != "0.00"
            );
        }
    }
    let id = sights[0].shop_order_id.clone();
    assert!(!woo.has_note(&id, "m-1").await.unwrap());
    woo.add_note(&id, "refused: Müller & Søn <Ltd>", "m-1").await.unwrap();
    assert!(woo.has_note(&id, "m-1").await.unwrap());
    woo.set_erp_order_id(&id, "SO-1").await.unwrap();
    woo.set_status(&id, "erp-failed").await.unwrap();
    let order = shop.order(ShopKind::Woo, "acme", id.parse().unwrap()).unwrap();
    assert_eq!(order.references["_erp_order_id"], "SO-1");
    assert_eq!(order.notes[0].text, "refused: Müller &amp; Søn &lt;Ltd&gt; [m-1]");
    assert!(order.notes.iter().all(|note| !note.mailed_buyer));
    // Our own metadata is not the order's content: an echo must not look like an edit.
    let again = woo.get(&id).await.unwrap();
    assert_eq!(again.order.unwrap().custom_fields, sights[0].order.as_ref().unwrap().custom_fields);
    assert!(matches!(woo.mark_processed(&id).await, Err(ShopError::Unsupported(_))));
    assert!(matches!(woo.heartbeat().await, Err(ShopError::Unsupported(_))));
}

#[tokio::test]
async fn check_names_the_statuses_that_the_shop_has() {
    let dir = tempfile::tempdir().unwrap();
    let shop = FakeShop::start(dir.path()).await;
    let woo = open(shop.woo(), 100);
    assert!(woo.check(&["processing".to_owned(), "erp-delivered".to_owned()]).await.is_empty());
    let problems = woo.check(&["processing".to_owned(), "sent-to-erp".to_owned(), "nope".to_owned()]).await;
    assert_eq!(problems.len(), 2);
    assert!(
        problems[1].to_string().contains("sent-to-erp") && problems[1].to_string().contains("on-hold, completed"),
        "{}",
        problems[1]
    );
    let elsewhere = open(shop.address(), 100);
    assert!(elsewhere.check(&["processing".to_owned()]).await[0].place.contains("base_address"));
    shop.fault(Fault::next("/orders", Play::Status(401)));
    assert!(woo.check(&[]).await[0].place.contains("secrets"));
}

#[tokio::test]
async fn bad_answers_never_look_like_an_empty_list_or_a_missing_order() {
    let dir = tempfile::tempdir().unwrap();
    let shop = FakeShop::start(dir.path()).await;
    let id = place(&shop, 1, 1).into_iter().next().unwrap();
    let woo = open(shop.woo(), 100);
    for play in [
        Play::Html,
        Play::Truncated,
        Play::Cut,
        Play::Status(502),
        Play::Body("{}".into()),
        Play::Body("[{}]".into()),
        Play::Body("[7]".into()),
    ] {
        shop.fault(Fault::next("/orders", play.clone()));
        assert!(matches!(sweep(&*woo, &processing()).await, Err(ShopError::Unclear(_))), "{play:?}");
    }
    for play in [
        Play::Html,
        Play::Body("{}".into()),
        Play::Body(r#"{"id":0}"#.into()),
        Play::Body(r#"{"id":999}"#.into()),
        Play::Status(503),
    ] {
        shop.fault(Fault::next("/orders/", play.clone()));
        assert!(matches!(woo.get(&id).await, Err(ShopError::Unclear(_))), "{play:?}");
    }
    assert!(matches!(woo.get("999999").await, Err(ShopError::NotFound(_))));
    assert!(matches!(
        woo.get("../settings").await,
        Err(ShopError::NotFound(_) | ShopError::Refused { .. } | ShopError::Unclear(_))
    ));
    let key = Key { shop: ShopKind::Woo, account: "acme".to_owned(), id: id.parse().unwrap() };
    shop.set_status(&key, "cancelled", Actor::buyer());
    assert!(woo.get(&id).await.unwrap().cancelled);
}

/// Plays recorded answers back and keeps what was asked.
struct Tape {
    answers: Mutex<Vec<(u16, Value)>>,
    asked: Mutex<Vec<(String, String, Option<Value>)>>,
}

async fn replay(State(tape): State<Arc<Tape>>, request: Request) -> impl IntoResponse {
    let (parts, body) = request.into_parts();
    let body = to_bytes(body, usize::MAX).await.unwrap();
    let target = parts.uri.to_string().replace("/wp-json/wc/v3", "");
    tape.asked.lock().unwrap().push((parts.method.to_string(), target, serde_json::from_slice(&body).ok()));
    let (status, answer) = tape.answers.lock().unwrap().remove(0);
    (StatusCode::from_u16(status).unwrap(), [("content-type", "application/json; charset=UTF-8")], answer.to_string())
}

#[tokio::test]
async fn recorded_calls_are_made_and_understood() {
    let calls: Vec<Value> = serde_json::from_str(include_str!("../fixtures/woocommerce-calls.json")).unwrap();
    let find = |method: &str, path: &str| {
        let call =
            calls.iter().find(|call| call["method"] == method && call["path"].as_str().unwrap().starts_with(path));
        call.unwrap_or_else(|| panic!("{method} {path} is not on the tape"))
    };
    let refused = calls.iter().find(|call| call["request"]["status"] == "sent-to-erp").unwrap();
    let unauthorised = calls.iter().find(|call| call["status"] == 401).unwrap();
    let played = [
        find("GET", "/orders?status=processing&orderby=date"),
        find("POST", "/orders/11/notes"),
        find("GET", "/orders/11/notes"),
        find("PUT", "/orders/11"),
        refused,
        find("GET", "/orders/999999"),
        find("GET", "/orders?page=50"),
        unauthorised,
    ];
    let answers = played
        .iter()
        .map(|call| (u16::try_from(call["status"].as_u64().unwrap()).unwrap(), call["response"].clone()))
        .collect();
    let tape = Arc::new(Tape { answers: Mutex::new(answers), asked: Mutex::default() });
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let router = Router::new().fallback(replay).with_state(tape.clone());
    tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
    let woo = open(address, 100);

    let page = woo.list(&processing(), None).await.unwrap();
    assert!(page.next.is_none());
    let order = page.sights[0].order.as_ref().unwrap();
    assert_eq!(
        (order.order_number.as_str(), order.totals.gross.as_str(), order.currency.as_str()),
        ("11", "30.98", "EUR")
    );
    assert_eq!(order.placed_at.as_str(), "2026-11-22T01:19:18Z");
    assert_eq!(order.lines[0].unit_price_net.as_ref().unwrap().as_str(), "12.99");
    assert_eq!(order.lines[1].sku.as_deref(), Some("flat_rate"));
    assert_eq!((order.buyer.customer_id.as_deref(), order.payment_state), (None, PaymentState::Paid));
    woo.add_note("11", "ERP: sale SO-1 created", "m-1").await.unwrap();
    assert!(!woo.has_note("11", "m-1").await.unwrap());
    woo.set_erp_order_id("11", "SO-1").await.unwrap();
    let told = woo.set_status("11", "sent-to-erp").await.unwrap_err().to_string();
    assert!(told.contains("status is not one of auto-draft, pending"), "{told}");
    assert!(matches!(woo.get("999999").await, Err(ShopError::NotFound(_))));
    assert!(woo.list(&processing(), None).await.unwrap().sights.is_empty());
    assert!(matches!(woo.list(&processing(), None).await, Err(ShopError::Unauthorised { status: 401, .. })));

    let asked = tape.asked.lock().unwrap();
    // The same requests as on the tape, apart from the marker, the metadata key of our own and its status.
    assert_eq!((asked[0].0.as_str(), asked[0].1.as_str()), ("GET", played[0]["path"].as_str().unwrap()));
    assert_eq!((asked[1].0.as_str(), asked[1].1.as_str()), ("POST", "/orders/11/notes"));
    assert_eq!(asked[1].2, Some(json!({"note": "ERP: sale SO-1 created [m-1]", "customer_note": false})));
    assert_eq!((asked[3].0.as_str(), asked[3].1.as_str()), ("PUT", "/orders/11"));
    assert_eq!(asked[3].2, Some(json!({"meta_data": [{"key": "_erp_order_id", "value": "SO-1"}]})));
    assert_eq!(asked[4].2, Some(json!({"status": "sent-to-erp"})));
    assert!(asked.iter().all(|(_, target, _)| !target.contains("ck_acme")), "the key travels in a header only");
}
