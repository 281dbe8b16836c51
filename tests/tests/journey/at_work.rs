//! What administrators do while the host works, and how it stops.

use std::time::Duration;

use orderdock_tests::{
    erp::Behaviour,
    rig::{CONNECTION, Rig, Signal, component},
};
use serde_json::{Value, json};
use tokio::time::Instant;

/// "Within a second", with room for a machine that runs all tests at once; far from the next look of the schedule and from
/// what an ERP hangs for.
const SOON: Duration = Duration::from_secs(30);

#[tokio::test(flavor = "multi_thread")]
async fn sync_looks_now_instead_of_at_the_next_time() {
    let rig = Rig::working_with("").await;
    rig.until("the first look is over", |rig| rig.shop.requests("evo GET /orders") >= 1).await;
    let id = rig.place();
    let began = Instant::now();
    rig.sync().await;
    rig.until_status(id, "In Progress").await;
    assert!(began.elapsed() < SOON, "{:?}", began.elapsed());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_paused_connection_takes_nothing_and_a_resumed_one_at_once() {
    let rig = Rig::working_with("").await;
    let first = rig.place();
    rig.sync().await;
    rig.until_status(first, "In Progress").await;
    for (pause, resume) in [
        (vec!["connection", "pause", CONNECTION, "--why", "stocktaking"], vec!["connection", "resume", CONNECTION]),
        (vec!["connection", "pause", "--all"], vec!["connection", "resume", "--all"]),
    ] {
        rig.ask(&pause).await;
        rig.until_ready("is paused", |ready| ready["connections"][0]["alive"] == Value::Null).await;
        let before = rig.shop.requests("evo GET /orders");
        let id = rig.place();
        rig.ask(&["sync", CONNECTION]).await;
        // Intents are taken every 250 ms: three of those rounds.
        tokio::time::sleep(Duration::from_millis(750)).await;
        assert_eq!((rig.shop.requests("evo GET /orders"), rig.sent(id)), (before, 0));
        rig.ask(&resume).await;
        rig.until_status(id, "In Progress").await;
    }
    let listed = rig.ask(&["connection", "list"]).await;
    assert_eq!(listed[0]["delivered"], 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn new_settings_and_another_release_are_in_force_within_a_second() {
    let rig = Rig::working_with("").await;
    let first = rig.place();
    rig.sync().await;
    rig.until_status(first, "In Progress").await;
    let began = Instant::now();
    rig.connect("plugin.settings.path = \"v2/orders\"").await;
    rig.until("the change is in force", |rig| rig.log().contains("took up a change")).await;
    assert!(began.elapsed() < SOON, "{:?}", began.elapsed());
    let second = rig.place();
    rig.sync().await;
    rig.until_status(second, "In Progress").await;

    // A component may have a section of any name at its end: the same plugin with another digest.
    let mut bytes = std::fs::read(component("json-post")).unwrap();
    bytes.extend([0, 6, 5]);
    bytes.extend(b"other");
    let other = rig.dir().join("other.wasm");
    std::fs::write(&other, bytes).unwrap();
    let added = rig.ask(&["plugin", "add", other.to_str().unwrap()]).await;
    let digest = added["digest"].as_str().unwrap().to_owned();
    rig.connect(&format!("plugin.settings.path = \"v2/orders\"\nplugin.release = \"{digest}\"")).await;
    rig.until("the other release is in force", |rig| rig.log().matches("took up a change").count() == 2).await;
    let third = rig.place();
    rig.sync().await;
    rig.until_status(third, "In Progress").await;

    let targets: Vec<String> = rig.erp.state().orders.iter().map(|order| order.target.clone()).collect();
    assert_eq!(targets, ["/api/orders", "/api/v2/orders", "/api/v2/orders"]);
    let release = |shown: &Value| shown["passes"][0]["release"].as_str().unwrap().to_owned();
    assert_ne!(release(&rig.until_state(second, "delivered").await), digest, "what was sent keeps its release");
    assert_eq!(release(&rig.until_state(third, "delivered").await), digest);
    // Applying what is in force changes nothing.
    let again = rig.run(&["connection", "apply", "connection.toml", "--json"]).await;
    assert_eq!((again.code, again.json()["changes"].clone()), (0, json!([])), "{again:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_graceful_stop_lets_end_what_is_being_sent() {
    let mut rig = Rig::connected().await;
    let id = rig.place();
    rig.erp.rule("*", Behaviour::Slow { ms: 1_500 });
    rig.serve().await;
    rig.until("the ERP works on it", |rig| rig.accepted(id) == 1).await;
    let status = rig.stop().await;
    assert!(status.success(), "{status}");
    let shown = rig.ask(&["order", "show", &id.to_string()]).await;
    assert_eq!(shown["order"]["state"], "delivered");
    // What the shop is owed may go out before the end or after the next start, and once.
    rig.serve().await;
    rig.until_status(id, "In Progress").await;
    assert_eq!((rig.accepted(id), rig.sent(id), rig.order(id).notes.len()), (1, 1, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_signal_stops_at_once_and_the_order_is_in_doubt() {
    let mut rig = Rig::connected().await;
    let id = rig.place();
    rig.erp.once("*", Behaviour::Slow { ms: 60_000 });
    rig.serve().await;
    rig.until("the ERP works on it", |rig| rig.accepted(id) == 1).await;
    rig.signal(Signal::TERM);
    rig.until("the host is stopping", |rig| rig.log().contains("stopping: what is being sent ends first")).await;
    rig.signal(Signal::TERM);
    rig.ended().await;
    rig.serve().await;
    rig.until_state(id, "given_up").await;
    assert_eq!((rig.accepted(id), rig.sent(id)), (1, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn one_hanging_erp_does_not_delay_another_connection() {
    let mut rig = Rig::connected_with("destination.settings.time_limit_s = 600").await;
    let stuck: Vec<u64> = (0..20).map(|_| rig.place()).collect();
    rig.erp.rule("*", Behaviour::Slow { ms: 60_000 });
    let quick = orderdock_tests::erp::FakeErp::start(&rig.dir().join("quick")).await.unwrap();
    rig.connect_woo(&format!("destination.settings.base_address = \"{}\"", quick.base_address())).await;
    rig.serve().await;
    rig.until("the first ERP hangs", |rig| !rig.erp.state().orders.is_empty()).await;
    let body = orderdock_tests::orders::generate(3, 1).pop().unwrap().body(orderdock_tests::shop::ShopKind::Woo);
    let id = rig.shop.place(orderdock_tests::shop::ShopKind::Woo, orderdock_tests::rig::ACCOUNT, body);
    rig.sync_woo().await;
    let began = Instant::now();
    rig.until("the other connection's order is delivered", |_| quick.state().orders.len() == 1).await;
    assert!(began.elapsed() < SOON, "{:?}", began.elapsed());
    assert!(rig.erp.state().orders.len() < stuck.len(), "its own share of places, and no more");
    assert_eq!(id, 11);
}

#[tokio::test(flavor = "multi_thread")]
async fn health_tells_the_truth_about_a_shop_that_is_down() {
    let mut rig = Rig::connected().await;
    rig.serve().await;
    rig.until_ready("is ready", |ready| ready["ready"] == true).await;
    assert_eq!(rig.http("GET", "/healthz", None, "").await, (200, "alive\n".to_owned()));
    rig.until("a sign of life came", |rig| rig.shop.world.lock().counts.heartbeats.len() == 1).await;
}
