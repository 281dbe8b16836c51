//! Our status writes and other people's: read, compare, write; what somebody else decided stays (lifecycle sections 1 and 3).

use orderdock_tests::{
    erp::Behaviour,
    rig::Rig,
    shop::{Actor, Event, Fault, Order, Play},
};
use serde_json::{Value, json};

fn history(order: &Order) -> Vec<&str> {
    order.history.iter().map(|change| change.status.as_str()).collect()
}

fn passes(shown: &Value) -> usize {
    shown["passes"].as_array().map_or(0, Vec::len)
}

/// Every effect has ended.
async fn told(rig: &Rig, id: u64) -> Value {
    rig.until_shown(id, "all effects have ended", |shown| {
        shown["effects"].as_array().is_some_and(|all| !all.is_empty() && all.iter().all(|one| one["state"] != "owed"))
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_status_that_somebody_set_while_we_sent_is_left_and_the_conflict_is_shown() {
    let mut rig = Rig::connected().await;
    let orders = [(rig.place(), "Shipped", Actor::staff()), (rig.place(), "Cancelled", Actor::buyer())];
    rig.erp.rule("*", Behaviour::Slow { ms: 1_500 });
    rig.serve().await;
    rig.until("the ERP works on both", |rig| orders.iter().all(|(id, ..)| rig.accepted(*id) == 1)).await;
    for (id, status, actor) in &orders {
        rig.shop.set_status(&rig.key(*id), status, actor.clone());
    }
    for (id, status, _) in &orders {
        rig.until_state(*id, "delivered").await;
        let shown = told(&rig, *id).await;
        let order = rig.order(*id);
        assert_eq!(history(&order), ["New Order", status], "left as it is");
        assert_eq!((order.notes.len(), order.references.contains_key("seller_reference")), (1, true));
        let states: Vec<&str> =
            shown["effects"].as_array().unwrap().iter().map(|one| one["state"].as_str().unwrap()).collect();
        assert_eq!(states.iter().filter(|state| **state == "conflict").count(), 1, "{states:?}");
        let sentence = format!("The shop shows \\\"{status}\\\", which we did not expect");
        assert!(shown["timeline"].to_string().contains(&sentence), "{shown}");
        rig.sync().await;
        assert_eq!((rig.sent(*id), passes(&rig.ask(&["order", "show", &id.to_string()]).await)), (1, 1));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_status_write_whose_answer_was_lost_is_repeated_and_is_nobodys_reset() {
    let mut rig = Rig::connected().await;
    let (applied, lost) = (rig.place(), rig.place());
    for id in [applied, lost] {
        rig.erp.rule(&format!("WEB-{id}"), Behaviour::Refuse { status: 422, message: "on stop".to_owned() });
    }
    // A failed order is told one thing by PUT: its status.
    let put = |id: u64, play| Fault { method: Some("PUT".to_owned()), ..Fault::next(&format!("/orders/{id}"), play) };
    rig.shop.fault(put(applied, Play::ApplyThenCut));
    // Not applied: the order stays new in the shop, which is no reset either.
    rig.shop.fault(put(lost, Play::Html));
    rig.serve().await;
    rig.until_state(applied, "failed").await;
    rig.until_state(lost, "failed").await;
    rig.until_status(applied, "On Hold").await;
    // Lists that lag show both as new.
    rig.shop.world.lock().switches.list_lag_ms = 60_000;
    rig.sync().await;
    rig.shop.world.lock().switches.list_lag_ms = 0;
    rig.sync().await;
    rig.until_status(lost, "On Hold").await;
    for id in [applied, lost] {
        let shown = told(&rig, id).await;
        assert_eq!((passes(&shown), rig.sent(id)), (1, 1), "{shown}");
        assert_eq!(history(&rig.order(id)), ["New Order", "On Hold"], "set once");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_that_keeps_flipping_is_asked_about_and_sent_no_more() {
    let mut rig = Rig::connected_with("notify.to = []").await;
    let id = rig.place();
    rig.erp.rule("*", Behaviour::Refuse { status: 422, message: "on stop".to_owned() });
    rig.serve().await;
    for pass in 1..=10 {
        rig.until_shown(id, &format!("pass {pass} failed"), |shown| {
            passes(shown) == pass && shown["order"]["state"] == "failed"
        })
        .await;
        told(&rig, id).await;
        rig.until_status(id, "On Hold").await;
        rig.shop.set_status(&rig.key(id), "New Order", Actor::staff());
        rig.sync().await;
    }
    rig.until_shown(id, "it is a question", |shown| shown["order"]["decision"]["decision"] == "question").await;
    rig.sync().await;
    assert_eq!(rig.sent(id), 10);
    assert!(rig.why(id).await.contains("set back to new again and again"), "{}", rig.why(id).await);
    rig.erp.rule("*", Behaviour::accept());
    rig.ask(&["order", "resend", &id.to_string()]).await;
    rig.until_state(id, "delivered").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_withdrawn_order_that_is_offered_again_is_sent() {
    let mut rig = Rig::connected().await;
    let (cancelled, unpaid) = (rig.place(), rig.place());
    for id in [cancelled, unpaid] {
        rig.shop.fault(Fault {
            method: Some("GET".to_owned()),
            times: u32::MAX,
            ..Fault::next(&format!("/orders/{id}"), Play::TooMany("1".to_owned()))
        });
    }
    rig.serve().await;
    rig.until("both are claimed and their reads failed", |rig| rig.shop.requests("evo GET /orders/{id}") >= 2).await;
    let edit =
        |id, patch: Value| rig.shop.world.record(Event::Edited { key: rig.key(id), patch, actor: Actor::staff() });
    rig.shop.set_status(&rig.key(cancelled), "Cancelled", Actor::buyer());
    edit(unpaid, json!({"payment_status": "pending"}));
    // Only now can they be read.
    rig.shop.world.lock().faults.clear();
    for id in [cancelled, unpaid] {
        rig.until_state(id, "withdrawn").await;
        assert_eq!(rig.sent(id), 0);
    }
    rig.shop.set_status(&rig.key(cancelled), "New Order", Actor::staff());
    edit(unpaid, json!({"payment_status": "paid"}));
    rig.sync().await;
    for id in [cancelled, unpaid] {
        rig.until_status(id, "In Progress").await;
        let shown = rig.until_state(id, "delivered").await;
        assert_eq!((passes(&shown), rig.sent(id)), (2, 1), "{shown}");
    }
}
