//! What is taken, what is skipped and why, and what the list of a busy shop may do.

use orderdock_tests::{
    rig::{ACCOUNT, Rig},
    shop::{Actor, Fault, Play, ShopKind},
};
use serde_json::{Value, json};

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_for_us_now_is_skipped_with_the_reason_in_one_sentence() {
    let mut rig = Rig::connected_with("status.new = [\"New Order\", \"Shipped\", \"Cancelled\"]").await;
    let body = rig.ordinary(1);
    let place = |status: Option<&str>, actor: Actor, change: &dyn Fn(&mut Value)| {
        let mut body = body.clone();
        change(&mut body);
        rig.shop.world.place(ShopKind::Evo, ACCOUNT, body, status, None, actor)
    };
    let unpaid = place(None, Actor::buyer(), &|body| body["payment_status"] = json!("pending"));
    let program = place(None, Actor::other_program(), &|_| {});
    let shipped = place(Some("Shipped"), Actor::buyer(), &|_| {});
    let cancelled = place(Some("Cancelled"), Actor::buyer(), &|_| {});
    // 2019-06-01, before the connection's start.
    let old = place(None, Actor::buyer(), &|body| body["_created_ms"] = json!(1_559_347_200_000_i64));
    let stamped = place(None, Actor::buyer(), &|_| {});
    rig.shop.world.record(orderdock_tests::shop::Event::Stamp {
        key: rig.key(stamped),
        at_s: Some(1_700_000_000),
        actor: Actor::staff(),
    });
    let good = rig.place();
    rig.serve().await;
    rig.until_status(good, "In Progress").await;
    for (id, sentence) in [
        (unpaid, "it is not paid yet, and this connection takes paid orders only"),
        (program, "it was created by a program with an API key, not by a person"),
        (shipped, "the shop says that it was shipped already"),
        (cancelled, "it was cancelled in the shop"),
        (old, "it is older than the start of this connection"),
        (stamped, "stamp was not reset"),
    ] {
        let why = rig.why(id).await;
        assert!(why.contains("is not sent because") && why.contains(sentence), "order {id}: {why}");
        assert_eq!(rig.sent(id), 0, "order {id}");
        assert_eq!(rig.order(id).notes.len(), 0, "order {id}: what is skipped is left alone");
    }
    let skipped = rig.ask(&["order", "list", "--state", "skipped"]).await;
    assert_eq!(skipped.as_array().unwrap().len(), 6);
    assert!(rig.mail.mails().is_empty());

    // What was missing comes: paid, and an old order that somebody wants after all.
    rig.shop.world.record(orderdock_tests::shop::Event::Edited {
        key: rig.key(unpaid),
        patch: json!({"payment_status": "paid"}),
        actor: Actor::staff(),
    });
    rig.sync().await;
    rig.until_status(unpaid, "In Progress").await;
    rig.ask(&["order", "resend", &old.to_string()]).await;
    rig.until_status(old, "In Progress").await;
    assert_eq!((rig.sent(unpaid), rig.sent(old)), (1, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_status_that_nobody_mapped_is_never_taken_silently() {
    let mut rig = Rig::connected().await;
    let id = rig.place();
    // The list shows it by mistake: the shop files it under another word than the one that was asked for.
    let raw = r#"{"id": {{id}}, "order_number": "WEB-{{id}}", "status": "Layby", "payment_status": "paid"}"#;
    let odd = rig.shop.world.place(ShopKind::Evo, ACCOUNT, json!({}), None, Some(raw.to_owned()), Actor::buyer());
    rig.serve().await;
    rig.until_status(id, "In Progress").await;
    let why = rig.why(odd).await;
    assert!(why.contains("its status \"Layby\" is not in the connection's status map"), "{why}");
    let never = rig.why(999_999).await;
    assert!(never.contains("was never shown by any shop") && never.contains("looked at its shop"), "{never}");
}

/// The shop tells whoever reads this order to come again in a second, until its faults are cleared.
fn unread(id: u64) -> Fault {
    let play = Play::TooMany("1".to_owned());
    Fault { method: Some("GET".to_owned()), times: u32::MAX, ..Fault::next(&format!("/orders/{id}"), play) }
}

#[tokio::test(flavor = "multi_thread")]
async fn cancelled_between_claim_and_send_it_is_withdrawn() {
    let mut rig = Rig::connected().await;
    let id = rig.place();
    // The host is about to read it again and told to wait; meanwhile the buyer cancels.
    rig.shop.fault(unread(id));
    rig.serve().await;
    rig.until("the order is claimed and its read failed", |rig| rig.shop.requests("evo GET /orders/{id}") >= 1).await;
    rig.shop.set_status(&rig.key(id), "Cancelled", Actor::buyer());
    rig.shop.world.lock().faults.clear();
    rig.until_state(id, "withdrawn").await;
    let why = rig.why(id).await;
    assert!(why.contains("it was cancelled in the shop"), "{why}");
    assert_eq!(rig.sent(id), 0);
    let order = rig.order(id);
    assert_eq!((order.status(), order.notes.len()), ("Cancelled", 0));
    assert!(rig.mail.mails().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn changed_between_claim_and_send_the_new_content_is_sent() {
    let mut rig = Rig::connected().await;
    let id = rig.place();
    rig.shop.fault(unread(id));
    rig.serve().await;
    rig.until("the order is claimed", |rig| rig.shop.requests("evo GET /orders/{id}") >= 1).await;
    rig.shop.world.record(orderdock_tests::shop::Event::Edited {
        key: rig.key(id),
        patch: json!({"note": "ring twice"}),
        actor: Actor::staff(),
    });
    rig.shop.world.lock().faults.clear();
    rig.until_status(id, "In Progress").await;
    let sent: Value = serde_json::from_str(&rig.erp.state().orders[0].body).unwrap();
    assert_eq!(sent["buyer_note"], "ring twice");
    assert_eq!(rig.sent(id), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_that_a_list_shows_twice_has_one_line_and_one_send() {
    // Both lists show the same orders.
    let mut rig = Rig::connected_with("shop.settings.list_by = \"both\"\nshop.settings.page_size = 3").await;
    let ids: Vec<u64> = (0..7).map(|_| rig.place()).collect();
    rig.serve().await;
    for id in &ids {
        rig.until_status(*id, "In Progress").await;
        assert_eq!((rig.accepted(*id), rig.sent(*id)), (1, 1));
    }
    assert_eq!(rig.ask(&["order", "list"]).await.as_array().unwrap().len(), 7);
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_that_shift_while_statuses_change_lose_nothing() {
    // WooCommerce pages by offset: every order that leaves `processing` pulls the later ones to earlier pages.
    let mut rig = Rig::bare().await;
    rig.add_plugin().await;
    let ids: Vec<u64> = (0..60)
        .map(|index| {
            let body = orderdock_tests::orders::generate(11, index + 1).pop().unwrap().body(ShopKind::Woo);
            rig.shop.place(ShopKind::Woo, ACCOUNT, body)
        })
        .collect();
    rig.connect_woo("shop.settings.page_size = 7").await;
    rig.serve().await;
    let status = |rig: &Rig, id: u64| rig.shop.order(ShopKind::Woo, ACCOUNT, id).unwrap().status().to_owned();
    for _ in 0..3 {
        rig.sync_woo().await;
    }
    rig.until("every order is delivered", |rig| ids.iter().all(|id| status(rig, *id) == "erp-delivered")).await;
    let state = rig.erp.state();
    assert_eq!((state.orders.len(), state.requests, state.doubled()), (60, 60, vec![]));
    let mailed =
        |id: &u64| rig.shop.order(ShopKind::Woo, ACCOUNT, *id).unwrap().notes.iter().any(|note| note.mailed_buyer);
    assert!(!ids.iter().any(mailed), "the buyer got our note by mail");
}
