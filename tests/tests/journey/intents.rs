//! What people ask for is carried out once, whatever happens to the host meanwhile; and connections that are taken away.

use orderdock_tests::{
    erp::Behaviour,
    rig::{CONNECTION, Rig},
    shop::{Fault, Play},
};
use serde_json::Value;

/// Longer than any test: a window that only a kill ends.
const FOR_EVER: Play = Play::Slow(600_000);

async fn failed(rig: &mut Rig) -> u64 {
    let id = rig.place();
    rig.erp.once(&format!("WEB-{id}"), Behaviour::Refuse { status: 422, message: "on stop".to_owned() });
    rig.serve().await;
    rig.until_shown(id, "it failed and the shop knows", |shown| {
        shown["order"]["state"] == "failed"
            && shown["effects"].as_array().is_some_and(|all| all.iter().all(|effect| effect["state"] == "done"))
    })
    .await;
    id
}

fn once(method: &str, id: u64, play: Play) -> Fault {
    Fault { method: Some(method.to_owned()), ..Fault::next(&format!("/orders/{id}"), play) }
}

/// Sent again, by the person's word, with the shop's status set back exactly once before that.
async fn was_reset_once(rig: &Rig, id: u64) {
    rig.until_status(id, "In Progress").await;
    let shown = rig.until_state(id, "delivered").await;
    assert_eq!(shown["passes"].as_array().unwrap().len(), 2, "{shown}");
    let order = rig.order(id);
    let history: Vec<&str> = order.history.iter().map(|change| change.status.as_str()).collect();
    assert_eq!(history, ["New Order", "On Hold", "New Order", "In Progress"]);
    assert_eq!((rig.accepted(id), rig.sent(id)), (1, 2));
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_before_the_shop_was_told_of_a_reset_it_is_carried_out_after_the_restart() {
    let mut rig = Rig::connected().await;
    let id = failed(&mut rig).await;
    rig.shop.fault(once("GET", id, FOR_EVER));
    let before = rig.shop.requests("evo GET /orders/{id}");
    rig.ask(&["order", "reset", &id.to_string(), "--why", "unblocked"]).await;
    rig.until("the reset is under way", |rig| rig.shop.requests("evo GET /orders/{id}") > before).await;
    rig.kill().await;
    assert_eq!(rig.order(id).status(), "On Hold");
    rig.serve().await;
    was_reset_once(&rig, id).await;
    let shown = rig.ask(&["order", "show", &id.to_string()]).await;
    assert_eq!(shown["passes"][1]["opening"]["why"], "unblocked", "{shown}");
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_after_the_shop_was_told_of_a_reset_it_is_told_once() {
    let mut rig = Rig::connected().await;
    let id = failed(&mut rig).await;
    rig.shop.fault(once("PUT", id, FOR_EVER));
    rig.ask(&["order", "reset", &id.to_string()]).await;
    rig.until_status(id, "New Order").await;
    rig.kill().await;
    assert_eq!(rig.sent(id), 1);
    rig.serve().await;
    was_reset_once(&rig, id).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reset_that_the_shop_does_not_take_is_tried_again_and_said() {
    let mut rig = Rig::connected().await;
    let id = failed(&mut rig).await;
    rig.shop.fault(once("GET", id, Play::Status(500)));
    rig.ask(&["order", "reset", &id.to_string()]).await;
    was_reset_once(&rig, id).await;
    let shown = rig.ask(&["order", "show", &id.to_string()]).await;
    assert_eq!(shown["timeline"].to_string().matches("It can't be set back yet").count(), 1, "{shown}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reset_whose_answer_is_lost_is_told_once() {
    let mut rig = Rig::connected().await;
    let id = failed(&mut rig).await;
    rig.shop.fault(once("PUT", id, Play::ApplyThenCut));
    rig.ask(&["order", "reset", &id.to_string()]).await;
    was_reset_once(&rig, id).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_removed_connection_opens_nothing_from_a_look_that_was_under_way() {
    let mut rig = Rig::connected().await;
    let id = rig.place();
    rig.shop.fault(Fault { method: Some("GET".to_owned()), ..Fault::next("/orders?", Play::Slow(10_000)) });
    rig.serve().await;
    rig.until("the shop is asked for its list", |rig| rig.shop.requests("evo GET /orders") == 1).await;
    rig.ask(&["connection", "remove", CONNECTION]).await;
    rig.until("the list came too late", |rig| rig.log().contains("was removed or has another shop now")).await;
    assert_eq!(rig.ask(&["order", "list"]).await, Value::Array(Vec::new()));
    assert_eq!(rig.sent(id), 0);
    assert!(rig.stop().await.success());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_waits_when_its_connection_is_removed_is_withdrawn_and_never_sent() {
    let mut rig = Rig::connected_with("retry.first_wait = \"3s\"\nretry.longest_wait = \"3s\"").await;
    let id = rig.place();
    rig.erp.rule("*", Behaviour::Throttle { retry_after: "1".to_owned() });
    rig.serve().await;
    // It also waits before it is first taken.
    rig.until("the ERP put it off", |rig| rig.sent(id) > 0).await;
    rig.until_state(id, "waiting").await;
    rig.ask(&["connection", "remove", CONNECTION]).await;
    let shown = rig.until_state(id, "withdrawn").await;
    assert_eq!(shown["order"]["because"], "the connection was removed");
    // Until then it may have been tried once more.
    let sent = rig.sent(id);
    rig.erp.rule("*", Behaviour::accept());
    // Longer than it would have waited.
    tokio::time::sleep(std::time::Duration::from_millis(3_500)).await;
    assert_eq!((rig.sent(id), rig.accepted(id), rig.order(id).notes.len()), (sent, 0, 0));
    let refused = rig.run(&["order", "reset", &id.to_string()]).await;
    assert_ne!(refused.code, 0, "{refused:?}");
}
