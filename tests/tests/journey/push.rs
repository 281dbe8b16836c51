//! The push door: any system sends its orders, as often as it likes.

use orderdock_tests::{
    erp::Behaviour,
    rig::{PUSH_TOKEN, Rig},
};
use serde_json::{Value, json};
use sqlx::{ConnectOptions as _, Connection as _, sqlite::SqliteConnectOptions};

const ORDERS: &str = "/api/v1/connections/pushed/orders";

async fn rig() -> Rig {
    let mut rig = Rig::bare().await;
    rig.add_plugin().await;
    rig.connect_push("").await;
    rig.serve().await;
    rig.until_ready("the connection is at work", |ready| ready["connections"][0]["name"] == "pushed").await;
    rig
}

fn order(id: &str, note: &str) -> Value {
    json!({
        "shop_order_id": id, "order_number": format!("P-{id}"), "placed_at": "2026-11-20T10:00:00Z", "currency": "EUR",
        "payment_state": "paid", "buyer_note": note, "totals": {"gross": "12.90"},
        "lines": [{"id": "1", "sku": "MUG", "description": "Mug", "quantity": "1", "unit_price_net": "10.84"}],
    })
}

async fn put(rig: &Rig, id: &str, body: &Value) -> (u16, Value) {
    let (status, text) = rig.http("PUT", &format!("{ORDERS}/{id}"), Some(PUSH_TOKEN), &body.to_string()).await;
    (status, serde_json::from_str(&text).unwrap())
}

async fn until(rig: &Rig, id: &str, state: &str) -> Value {
    let end = tokio::time::Instant::now() + orderdock_tests::rig::PATIENCE;
    loop {
        let (status, text) = rig.http("GET", &format!("{ORDERS}/{id}"), Some(PUSH_TOKEN), "").await;
        let shown: Value = serde_json::from_str(&text).unwrap();
        if status == 200 && shown["state"] == state {
            return shown;
        }
        assert!(tokio::time::Instant::now() < end, "{id} does not become {state}: {status} {text}\n{}", rig.log());
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
}

fn sent(rig: &Rig, id: &str) -> u64 {
    rig.erp.state().requests_by_key.get(&format!("P-{id}")).copied().unwrap_or(0)
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_order_twice_is_one_order_and_a_change_after_the_send_is_told() {
    let rig = rig().await;
    assert_eq!(put(&rig, "7", &order("7", "first")).await, (201, json!({"outcome": "created"})));
    let shown = until(&rig, "7", "delivered").await;
    assert_eq!((shown["colour"].as_str(), shown["erp_order_id"].as_str()), (Some("green"), Some("SO-1")));
    assert_eq!(put(&rig, "7", &order("7", "first")).await, (200, json!({"outcome": "unchanged"})));
    let (status, told) = put(&rig, "7", &order("7", "other")).await;
    assert_eq!((status, told["state"].as_str()), (409, Some("delivered")), "{told}");
    assert_eq!(sent(&rig, "7"), 1);
    let shown = until(&rig, "7", "delivered").await;
    assert!(shown["timeline"].to_string().contains("Other content was pushed after the order was sent"), "{shown}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_before_the_send_is_what_is_sent() {
    let rig = rig().await;
    rig.ask(&["connection", "pause", "pushed"]).await;
    rig.until_ready("it is paused", |ready| ready["connections"][0]["alive"] == Value::Null).await;
    assert_eq!(put(&rig, "8", &order("8", "first")).await.0, 201);
    assert_eq!(put(&rig, "8", &order("8", "second")).await, (200, json!({"outcome": "replaced"})));
    rig.ask(&["connection", "resume", "pushed"]).await;
    until(&rig, "8", "delivered").await;
    let body: Value = serde_json::from_str(&rig.erp.state().orders[0].body).unwrap();
    assert_eq!((body["buyer_note"].as_str(), sent(&rig, "8")), (Some("second"), 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancelled_order_is_not_sent() {
    let rig = rig().await;
    rig.ask(&["connection", "pause", "pushed"]).await;
    rig.until_ready("it is paused", |ready| ready["connections"][0]["alive"] == Value::Null).await;
    assert_eq!(put(&rig, "9", &order("9", "")).await.0, 201);
    let mut cancelled = order("9", "");
    cancelled["status"] = json!("cancelled");
    assert_eq!(put(&rig, "9", &cancelled).await.0, 200);
    assert_eq!(put(&rig, "10", &order("10", "")).await.0, 201);
    rig.ask(&["connection", "resume", "pushed"]).await;
    until(&rig, "10", "delivered").await;
    // Each has a look of its own; which comes first is not said.
    rig.until_why("9", "it was cancelled in the shop").await;
    assert_eq!(sent(&rig, "9"), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn bad_orders_are_refused_with_every_problem_at_once() {
    let rig = rig().await;
    let mut bad = order("11", "");
    bad["currency"] = json!("euro");
    bad["totals"]["gross"] = json!("1e5");
    bad["lines"][0]["quantity"] = json!("many");
    bad["placed_at"] = json!("yesterday");
    bad["colour"] = json!("blue");
    let (status, told) = put(&rig, "11", &bad).await;
    assert_eq!(status, 422);
    let places: Vec<&str> =
        told["problems"].as_array().unwrap().iter().map(|one| one["place"].as_str().unwrap()).collect();
    for place in ["currency", "totals.gross", "lines[0].quantity", "placed_at", "colour"] {
        assert!(places.contains(&place), "{place} is not in {told}");
    }
    for (body, words) in [("{", "not JSON"), ("[]", "not a JSON object"), ("\"\u{0}\"", "not JSON")] {
        let (status, text) = rig.http("PUT", &format!("{ORDERS}/11"), Some(PUSH_TOKEN), body).await;
        assert!(status == 422 && text.contains(words), "{body:?}: {status} {text}");
    }
    let (status, told) = put(&rig, "12", &order("11", "")).await;
    assert!(status == 422 && told.to_string().contains("the address says"), "{told}");
    assert_eq!(rig.erp.state().requests, 0);
    // What is bad today may be good tomorrow.
    assert_eq!(put(&rig, "11", &order("11", "")).await.0, 201);
    until(&rig, "11", "delivered").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn only_the_connections_own_token_opens_the_door() {
    let rig = rig().await;
    let body = order("1", "").to_string();
    for (path, token) in [
        (format!("{ORDERS}/1"), Some("wrong")),
        (format!("{ORDERS}/1"), Some("")),
        (format!("{ORDERS}/1"), None),
        ("/api/v1/connections/other/orders/1".to_owned(), Some(PUSH_TOKEN)),
    ] {
        let (status, text) = rig.http("PUT", &path, token, &body).await;
        assert_eq!(status, 401, "{path} {token:?}: {text}");
        assert!(!text.contains(PUSH_TOKEN));
    }
    assert_eq!(rig.http("GET", &format!("{ORDERS}/1"), Some(PUSH_TOKEN), "").await.0, 404);
    assert_eq!(rig.http("GET", "/api/v1/schema/order.json", None, "").await.0, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_push_is_corrected_and_sent_again_by_a_person() {
    let rig = rig().await;
    rig.erp.once("*", Behaviour::Refuse { status: 422, message: "unknown item".to_owned() });
    put(&rig, "20", &order("20", "first")).await;
    until(&rig, "20", "failed").await;
    assert_eq!(put(&rig, "20", &order("20", "corrected")).await, (200, json!({"outcome": "replaced"})));
    rig.ask(&["order", "resend", "20"]).await;
    until(&rig, "20", "delivered").await;
    let body: Value = serde_json::from_str(&rig.erp.state().orders[0].body).unwrap();
    assert_eq!((body["buyer_note"].as_str(), sent(&rig, "20")), (Some("corrected"), 2));
}

#[tokio::test(flavor = "multi_thread")]
async fn hints_are_taken_and_change_nothing_by_themselves() {
    let rig = rig().await;
    put(&rig, "30", &order("30", "")).await;
    until(&rig, "30", "delivered").await;
    for path in
        [format!("{ORDERS}/30/look"), format!("{ORDERS}/404/look"), "/api/v1/connections/pushed/sync".to_owned()]
    {
        assert_eq!(rig.http("POST", &path, Some(PUSH_TOKEN), "").await.0, 202, "{path}");
        assert_eq!(rig.http("POST", &path, Some("wrong"), "").await.0, 401, "{path}");
    }
    put(&rig, "31", &order("31", "")).await;
    until(&rig, "31", "delivered").await;
    assert_eq!(sent(&rig, "30"), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_whose_hint_was_lost_in_a_crash_is_found_by_the_next_sweep() {
    let mut rig = rig().await;
    put(&rig, "40", &order("40", "")).await;
    until(&rig, "40", "delivered").await;
    rig.kill().await;
    // As if the host had died between taking the hint and looking: the order is stored, and nothing speaks of it.
    let options = SqliteConnectOptions::new().filename(rig.data().join("orderdock.db"));
    let mut database = options.connect().await.unwrap();
    sqlx::query(
        "insert into pushed_orders (connection_id, shop_id, shop_order_id, order_number, body, content_hash, status, modified_ms)
         select connection_id, shop_id, '41', 'P-41', replace(body, '40', '41'), 'other', '', modified_ms from pushed_orders",
    )
    .execute(&mut database)
    .await
    .unwrap();
    database.close().await.unwrap();
    rig.serve().await;
    until(&rig, "41", "delivered").await;
    assert_eq!((sent(&rig, "40"), sent(&rig, "41")), (1, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn two_connections_that_are_pushed_to_are_two_shops_unless_they_name_one_account() {
    let mut rig = Rig::bare().await;
    rig.add_plugin().await;
    rig.connect_push("").await;
    rig.connect_push("name = \"second\"\n").await;
    rig.connect_push("name = \"third\"\nshop.account = \"web\"\n").await;
    rig.connect_push("name = \"fourth\"\nshop.account = \"web\"\n").await;
    rig.serve().await;
    for connection in ["pushed", "second", "third", "fourth"] {
        let order = json!({
            "order_number": format!("{connection}-9"), "placed_at": "2026-11-20T10:00:00Z", "currency": "EUR",
            "totals": {"gross": "12.90"}, "lines": [{"id": "1", "sku": "MUG", "quantity": "1", "unit_price_net": "10.84"}],
        });
        let place = format!("/api/v1/connections/{connection}/orders/9");
        let (status, said) = rig.http("PUT", &place, Some(PUSH_TOKEN), &order.to_string()).await;
        assert_eq!(status, 201, "{said}");
        if connection != "fourth" {
            let key = format!("{connection}-9");
            rig.until("it arrived", |rig| rig.erp.state().requests_by_key.get(&key) == Some(&1)).await;
        }
    }
    rig.until_why("fourth-9", "the connection \\\"third\\\" of the same shop has it").await;
}
