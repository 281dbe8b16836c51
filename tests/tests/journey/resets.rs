//! Sending again: by a status that staff set back, by a person's word, and never by ourselves.

use orderdock_tests::{erp::Behaviour, rig::Rig, shop::Actor};

/// An order that the ERP refused, with the reason gone.
async fn failed(rig: &mut Rig) -> u64 {
    let id = rig.place();
    rig.erp.once(&format!("WEB-{id}"), Behaviour::Refuse { status: 422, message: "on stop".to_owned() });
    rig.serve().await;
    rig.until_state(id, "failed").await;
    rig.until_status(id, "On Hold").await;
    id
}

async fn set_by_staff(rig: &Rig, id: u64, status: &str) {
    // Until our own status write is recorded, a reset may be its echo.
    rig.until_shown(id, "all effects are done", |shown| {
        shown["effects"].as_array().is_some_and(|all| all.iter().all(|effect| effect["state"] == "done"))
    })
    .await;
    rig.shop.set_status(&rig.key(id), status, Actor::staff());
}

#[tokio::test(flavor = "multi_thread")]
async fn staff_set_a_failed_order_back_and_it_goes_again() {
    let mut rig = Rig::connected().await;
    let id = failed(&mut rig).await;
    set_by_staff(&rig, id, "New Order").await;
    rig.sync().await;
    rig.until_status(id, "In Progress").await;
    let shown = rig.until_state(id, "delivered").await;
    let passes = shown["passes"].as_array().unwrap();
    assert_eq!(passes.len(), 2);
    assert_eq!(passes[1]["opening"]["opening"], "reset");
    assert_ne!(passes[0]["idempotency_key"], passes[1]["idempotency_key"], "provably refused: a new key");
    assert_eq!((rig.accepted(id), rig.sent(id)), (1, 2));
}

#[tokio::test(flavor = "multi_thread")]
async fn our_own_status_write_and_a_lagging_list_are_nobodys_reset() {
    let mut rig = Rig::connected_with("shop.settings.read_lag_s = 1").await;
    // Lists show what was a second ago: On Hold is still New Order there.
    rig.shop.world.lock().switches.list_lag_ms = 0;
    let id = failed(&mut rig).await;
    rig.shop.world.lock().switches.list_lag_ms = 1_500;
    for _ in 0..4 {
        rig.sync().await;
        tokio::time::sleep(std::time::Duration::from_millis(400)).await;
    }
    assert_eq!(rig.ask(&["order", "show", &id.to_string()]).await["passes"].as_array().unwrap().len(), 1);
    assert_eq!(rig.sent(id), 1);
    assert_eq!(rig.order(id).status(), "On Hold");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_delivered_order_set_back_is_a_question_until_a_person_answers() {
    let mut rig = Rig::connected().await;
    let id = rig.place();
    rig.serve().await;
    rig.until_status(id, "In Progress").await;
    set_by_staff(&rig, id, "New Order").await;
    rig.shop.world.record(orderdock_tests::shop::Event::Stamp { key: rig.key(id), at_s: None, actor: Actor::staff() });
    rig.sync().await;
    rig.until_shown(id, "it is a question", |shown| shown["order"]["decision"]["decision"] == "question").await;
    assert!(rig.why(id).await.contains("the ERP has this order already"), "{}", rig.why(id).await);
    let asked = rig.ask(&["order", "list", "--state", "question"]).await;
    assert_eq!(asked.as_array().unwrap().len(), 1);
    rig.sync().await;
    assert_eq!(rig.sent(id), 1, "not sent by itself");

    let refused = rig.run(&["order", "resend", &id.to_string()]).await;
    assert_eq!(refused.code, 4, "{refused:?}");
    rig.ask(&["order", "resend", &id.to_string(), "--checked", "--why", "the ERP lost it"]).await;
    rig.until("it was sent again", |rig| rig.accepted(id) == 2).await;
    let shown = rig.until_shown(id, "the second pass is delivered", |shown| {
        shown["passes"].as_array().is_some_and(|passes| passes.len() == 2 && passes[1]["state"] == "delivered")
    });
    let shown = shown.await;
    assert!(shown["timeline"].to_string().contains("the ERP lost it"), "{shown}");
    assert!(shown["timeline"].to_string().contains("tester"), "who asked is kept: {shown}");
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_doubt_a_checked_resend_keeps_the_key_and_the_document_number() {
    let mut rig = Rig::connected_with("destination.settings.time_limit_s = 1").await;
    let id = rig.place();
    rig.erp.once("*", Behaviour::Silence);
    rig.serve().await;
    rig.until_state(id, "given_up").await;
    rig.until_status(id, "On Hold").await;
    // Looked up in the ERP first; here that can't be asked, so the person's word stands alone.
    rig.connect(
        r#"
        unknown.lookup_for = "60s"
        plugin.settings.lookup_path = "orders/{order_number}"
        plugin.settings.lookup_order_id_path = "object.order_id"
        "#,
    )
    .await;
    rig.until_logged("took up a change").await;
    rig.ask(&["order", "resend", &id.to_string(), "--checked"]).await;
    rig.until_status(id, "In Progress").await;
    let shown = rig.until_state(id, "delivered").await;
    let passes = shown["passes"].as_array().unwrap();
    assert_eq!(passes.len(), 2);
    assert_eq!(passes[0]["idempotency_key"], passes[1]["idempotency_key"]);
    assert_eq!(passes[0]["document_number"], passes[1]["document_number"]);
    assert_eq!((rig.accepted(id), rig.sent(id)), (1, 1), "the look-up before the second send found it");
}

#[tokio::test(flavor = "multi_thread")]
async fn order_reset_sets_the_shop_back_and_sends_again() {
    let mut rig = Rig::connected().await;
    let id = failed(&mut rig).await;
    rig.ask(&["order", "reset", &id.to_string(), "--why", "customer was unblocked"]).await;
    rig.until("it was sent again", |rig| rig.accepted(id) == 1).await;
    rig.until_status(id, "In Progress").await;
    let history: Vec<String> = rig.order(id).history.iter().map(|change| change.status.clone()).collect();
    assert_eq!(history, ["New Order", "On Hold", "New Order", "In Progress"]);
}
