//! Orders as no shop should serve them, beside an ordinary one that must not suffer.

use orderdock_tests::{
    rig::{ACCOUNT, Rig},
    shop::{Actor, ShopKind},
};
use serde_json::{Value, json};

fn raw(rig: &Rig, text: &str) -> u64 {
    rig.shop.world.place(ShopKind::Evo, ACCOUNT, json!({}), None, Some(text.to_owned()), Actor::buyer())
}

fn got(rig: &Rig, id: u64) -> Value {
    let orders = rig.erp.state().orders;
    serde_json::from_str(&orders.iter().find(|order| order.key == format!("WEB-{id}")).unwrap().body).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_can_not_be_read_is_held_back_with_the_field_and_the_rest_is_delivered() {
    let mut rig = Rig::connected().await;
    let head = r#""id": {{id}}, "order_number": "WEB-{{id}}", "status": "{{status}}", "payment_status": "paid", "currency": "EUR", "created_at": 1790000000"#;
    let line = r#"{"id": 1, "sku": "A", "name": "A", "quantity": 1, "price": "5.00"}"#;
    let bad = [
        (raw(&rig, &format!("{{{head}}}")), "lines"),
        (raw(&rig, &format!("{{{head}, \"lines\": \"none\", \"total\": \"5.00\"}}")), "lines"),
        (rig.place_with(|body| body["total"] = json!("123456789012345678901234567890.00")), "total"),
        (rig.place_with(|body| body["lines"][0]["price"] = json!("five")), "price"),
        (rig.place_with(|body| body["lines"][0]["quantity"] = json!("1e400")), "quantity"),
    ];
    let good = raw(&rig, &format!("{{{head}, \"lines\": [{line}], \"total\": \"5.00\"}}"));
    rig.serve().await;
    rig.until_status(good, "In Progress").await;
    for (id, place) in bad {
        let shown = rig.until_state(id, "failed").await;
        let why = rig.why(id).await;
        assert!(why.contains(place), "order {id}, {place}: {why}");
        assert_eq!(shown["passes"][0]["class"], "data", "{shown}");
        rig.until_status(id, "On Hold").await;
        assert_eq!(rig.sent(id), 0);
        assert!(rig.order(id).notes[0].text.contains(place), "{:?}", rig.order(id).notes);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn odd_and_huge_orders_arrive_as_they_are() {
    let mut rig = Rig::connected_with("destination.settings.time_limit_s = 60").await;
    let long = rig.place_with(|body| {
        let line = body["lines"][0].clone();
        let lines = (1..=10_000).map(|id| {
            let mut line = line.clone();
            line["id"] = json!(id);
            line
        });
        body["lines"] = lines.collect();
    });
    let talkative = rig.place_with(|body| body["note"] = json!("täglich ".repeat(600_000)));
    let negative = rig.place_with(|body| {
        body["total"] = json!("-5.00");
        body["lines"][0]["price"] = json!("-5.00");
    });
    let unsound = rig.place_with(|body| body["total"] = json!("0.01"));
    let foreign = rig.place_with(|body| body["currency"] = json!("XQZ"));
    let control =
        rig.place_with(|body| body["note"] = json!("bell \u{7}, escape \u{1b}[31m, nul \u{0}, \u{202e}turned"));
    rig.serve().await;
    for id in [long, talkative, negative, unsound, foreign, control] {
        rig.until_status(id, "In Progress").await;
        assert_eq!((rig.accepted(id), rig.sent(id)), (1, 1), "order {id}");
    }
    let products = got(&rig, long)["lines"].as_array().unwrap().iter().filter(|line| line["kind"] == "product").count();
    assert_eq!(products, 10_000);
    assert_eq!(got(&rig, talkative)["buyer_note"].as_str().unwrap().chars().count(), 600_000 * 8);
    assert_eq!(got(&rig, negative)["totals"]["gross"], "-5.00");
    assert_eq!(got(&rig, foreign)["currency"], "XQZ");
    assert_eq!(got(&rig, control)["buyer_note"], rig.order(control).body["note"]);
    // What an order holds never steers the terminal.
    for arguments in [vec!["order", "show", &control.to_string()], vec!["order", "list"], vec!["log"]] {
        let said = rig.run(&arguments).await;
        assert!(!said.out.contains('\u{1b}') && !said.out.contains('\u{0}'), "{arguments:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn json_that_is_no_unicode_stops_one_order_at_most() {
    let mut rig = Rig::connected().await;
    let odd = raw(
        &rig,
        r#"{"id": {{id}}, "order_number": "WEB-{{id}}", "status": "{{status}}", "payment_status": "paid", "currency": "EUR",
            "created_at": 1790000000, "note": "lone \ud800 surrogate", "total": "5.00",
            "lines": [{"id": 1, "sku": "A", "name": "A", "quantity": 1, "price": "5.00"}]}"#,
    );
    let good = rig.place();
    rig.serve().await;
    rig.until_status(good, "In Progress").await;
    rig.until("the odd one is settled", |rig| rig.order(odd).status() != "New Order").await;
    let why = rig.why(odd).await;
    assert!(why.contains("delivered") || why.contains("failed"), "{why}");
    if rig.accepted(odd) == 1 {
        let note = got(&rig, odd)["buyer_note"].as_str().unwrap().to_owned();
        assert_eq!(note.replace('\u{fffd}', ""), "lone  surrogate", "what can't be written is replaced, visibly");
        assert!(note.contains('\u{fffd}'), "{note}");
    }
}
