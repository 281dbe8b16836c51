//! An ERP that goes down or hangs with many orders waiting: they wait, people are told once, and each arrives once.

use std::time::Duration;

use orderdock_tests::{
    erp::Behaviour,
    rig::{PATIENCE, Rig},
};
use tokio::time::Instant;

/// What the ERP says of how the orders came.
async fn each_arrived_once(rig: &Rig, ids: &[u64]) {
    rig.until_within(Duration::from_secs(60), "every order is in the ERP", |rig| {
        ids.iter().all(|id| rig.accepted(*id) > 0)
    })
    .await;
    for id in ids {
        rig.until_status(*id, "In Progress").await;
        assert_eq!(rig.accepted(*id), 1, "order {id}");
    }
    assert_eq!(rig.erp.state().doubled(), Vec::<&str>::new());
}

/// Attempts at sending, of all orders: their outcomes.
async fn attempts(rig: &Rig) -> Vec<String> {
    let log = rig.ask(&["log", "--limit", "1000"]).await;
    let sends = log.as_array().unwrap().iter().filter(|it| it["purpose"] == "create");
    sends.map(|it| it["outcome"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_erp_that_is_down_with_fifty_orders_waiting_costs_one_mail_and_no_order_a_try() {
    let mut rig = Rig::connected_with("breaker.mail_after = \"1s\"\nretry.retry_for = \"3s\"").await;
    let ids: Vec<u64> = (0..50).map(|_| rig.place()).collect();
    rig.erp.down().await;
    let began = Instant::now();
    rig.serve().await;
    let mails = rig.mail.wait_for(1, PATIENCE).await;
    assert!(mails[0].raw.contains("json: the ERP does not answer"), "{}", mails[0].raw);
    // One of them may be the try of just now; those that were on their way when it was seen come back.
    let because = |it: &&serde_json::Value| it["because"].as_str().unwrap().contains("the ERP has not answered since");
    let waiting = ["order", "list", "--state", "waiting", "--limit", "100"];
    rig.until_asked(&waiting, "they wait for the ERP", |told| {
        let waiting = told.as_array().unwrap();
        waiting.len() >= 49 && waiting.iter().filter(because).count() >= 48
    })
    .await;
    let why = rig.why(ids[49]).await;
    assert!(why.contains("has not answered since") && why.contains("next try at"), "{why}");
    let shown = rig.ask(&["connection", "show", "json"]).await;
    assert_eq!(shown["connection"]["shut"]["kind"], "no_answer", "{shown}");
    rig.until_ready("says so", |ready| ready.to_string().contains("the ERP has not answered since")).await;
    assert_eq!(rig.http("GET", "/readyz", None, "").await.0, 200, "the host does what it should");
    // Far longer than an order would be tried for, and a restart in between.
    rig.stop().await;
    rig.serve().await;
    tokio::time::sleep(Duration::from_secs(5)).await;
    let tries = attempts(&rig).await;
    // Those that were on their way together, and then at most two a second; without a breaker fifty a second.
    let most = 20 + 2 * usize::try_from(began.elapsed().as_secs()).unwrap();
    assert!(tries.len() <= most && tries.iter().all(|outcome| outcome == "not processed"), "{tries:?}");
    assert_eq!(rig.ask(&["order", "list", "--state", "failed"]).await.as_array().unwrap().len(), 0);
    assert_eq!(rig.mail.mails().len(), 1);
    rig.erp.up().unwrap();
    each_arrived_once(&rig, &ids).await;
    assert!(ids.iter().all(|id| rig.sent(*id) == 1));
    let mails = rig.mail.wait_for(2, PATIENCE).await;
    assert!(mails[1].raw.contains("json: orders are sent to the ERP again"), "{}", mails[1].raw);
    assert_eq!(rig.mail.mails().len(), 2, "one when it began, one when it was over");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_erp_that_hangs_with_fifty_orders_waiting_makes_a_few_doubtful_and_all_arrive_once() {
    let more = r#"
        destination.settings.time_limit_s = 1
        destination.at_once = 4
        unknown.lookup_for = "60s"
        plugin.settings.lookup_path = "orders?reference={order_number}"
        plugin.settings.lookup_list_path = "orders"
        plugin.settings.lookup_order_id_path = "orders[0].order_id"
    "#;
    let mut rig = Rig::connected_with(more).await;
    let ids: Vec<u64> = (0..50).map(|_| rig.place()).collect();
    rig.erp.set(|it| {
        it.otherwise = Behaviour::Silence;
        it.look_up = orderdock_tests::erp::LookUp::Silent;
    });
    rig.serve().await;
    rig.until("nothing more is sent", |rig| rig.log().contains("nothing more is sent to the ERP for now")).await;
    let shut = Instant::now();
    tokio::time::sleep(Duration::from_secs(4)).await;
    let sent: u64 = ids.iter().map(|id| rig.sent(*id)).sum();
    let most = 12 + shut.elapsed().as_secs();
    assert!(sent <= most, "those that were on their way, and a try a second or two: {sent}");
    rig.erp.set(|it| {
        it.otherwise = Behaviour::accept();
        it.look_up = orderdock_tests::erp::LookUp::Honest;
    });
    each_arrived_once(&rig, &ids).await;
    assert!(ids.iter().all(|id| rig.sent(*id) == 1), "what was doubtful was found");
    assert!(rig.mail.mails().is_empty(), "it lasted too short to be told");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_credential_waits_for_the_right_one_and_a_person_may_send_at_once() {
    let mut rig = Rig::connected_with("retry.first_wait = \"1h\"\nretry.longest_wait = \"1h\"").await;
    let ids: Vec<u64> = (0..3).map(|_| rig.place()).collect();
    rig.erp.rule("*", Behaviour::Refuse { status: 401, message: "token expired".to_owned() });
    rig.serve().await;
    rig.until("it is told", |rig| rig.log().contains("the ERP has refused our access since")).await;
    // Of those that were on their way together one is told first.
    rig.until_state(ids[0], "waiting").await;
    let why = rig.why(ids[0]).await;
    assert!(why.contains("refused our access") && why.contains("token expired"), "{why}");
    let checked = rig.run(&["check"]).await;
    assert!(checked.all().contains("nothing is sent there"), "{checked:?}");
    assert_eq!(rig.order(ids[0]).status(), "New Order", "no order failed");
    // The others that were on their way are refused as well, and must not be told so after it was mended.
    rig.until_ready("has nothing on its way", |ready| ready["in_hand"] == 0).await;
    rig.erp.behave();
    let resumed = rig.run(&["connection", "resume", "json", "--why", "token renewed"]).await;
    assert!(resumed.code == 0 && resumed.out.contains("sent to its ERP again"), "{resumed:?}");
    each_arrived_once(&rig, &ids).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_erp_gets_no_more_requests_a_minute_than_the_connection_says() {
    let mut rig = Rig::connected_with("destination.requests_per_minute = 120").await;
    rig.serve().await;
    rig.until("the first look is over", |rig| rig.shop.requests("evo GET /orders") >= 1).await;
    // Measured from before the first one can be sent: whatever is late makes it longer.
    let began = Instant::now();
    let ids: Vec<u64> = (0..8).map(|_| rig.place()).collect();
    rig.sync().await;
    rig.until("every order is in the ERP", |rig| ids.iter().all(|id| rig.accepted(*id) > 0)).await;
    // Two at once, then one each half second.
    assert!(began.elapsed() >= Duration::from_millis(2_900), "{:?}", began.elapsed());
    each_arrived_once(&rig, &ids).await;
    assert_eq!(rig.ask(&["log", "--limit", "100"]).await.as_array().unwrap().len(), 8);
}
