//! Polling that cannot lose: what shops' lists really do, and what the host makes of it.

use orderdock_tests::{
    erp::Behaviour,
    orders,
    rig::{ACCOUNT, CONNECTION, Rig},
    shop::{Actor, Event, Fault, Play, ShopKind, world::now_ms},
};
use serde_json::{Value, json};

/// 2019-06-01, before the usual connection's start.
const BEFORE_THE_START: i64 = 1_559_347_200_000;
const A_DAY: i64 = 86_400_000;

/// Lists of orders in a status, without the reads of single orders.
fn listed(play: Play) -> Fault {
    Fault { method: Some("GET".to_owned()), ..Fault::next("/orders?", play) }
}

async fn too_old(rig: &Rig, ids: &[u64]) {
    for id in ids {
        let why = rig.why(*id).await;
        assert!(why.contains("it is older than the start of this connection"), "order {id}: {why}");
        assert_eq!(rig.sent(*id), 0, "order {id}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_first_look_that_dies_half_way_is_not_the_first_one() {
    let mut rig = Rig::connected_with("shop.settings.page_size = 2").await;
    let old: Vec<u64> = (0..5).map(|_| rig.place_with(|body| body["_created_ms"] = json!(BEFORE_THE_START))).collect();
    let good = rig.place();
    // The second page fails: what lies behind it is shown by the next sweep for the first time.
    rig.shop.fault(Fault { method: Some("GET".to_owned()), ..Fault::next("from_id", Play::Status(500)) });
    rig.serve().await;
    rig.until("the first look has failed", |rig| rig.log().contains("could not be looked at completely")).await;
    let known = rig.ask(&["order", "list"]).await;
    assert_eq!(known.as_array().unwrap().len(), 2, "what was shown before is recorded");
    rig.sync().await;
    rig.until_status(good, "In Progress").await;
    too_old(&rig, &old).await;
    // The last order may be delivered before the look that showed it is over.
    let is_good =
        |shown: &Value| shown["sweeps"].as_array().is_some_and(|all| all.iter().any(|it| it["error"].is_null()));
    rig.until_asked(&["connection", "show", CONNECTION], "a complete look is recorded", is_good).await;
    // From now on the first look is behind us: what becomes new is taken, however old it is.
    let late = rig.place_with(|body| body["_created_ms"] = json!(BEFORE_THE_START));
    rig.sync().await;
    rig.until_status(late, "In Progress").await;
    let shown = rig.ask(&["connection", "show", CONNECTION]).await;
    let sweeps = shown["sweeps"].as_array().unwrap();
    assert!(sweeps.last().unwrap()["error"].is_string() && sweeps[0]["error"].is_null(), "{sweeps:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_empty_list_in_error_is_not_the_first_look() {
    let mut rig = Rig::connected().await;
    let old = rig.place_with(|body| body["_created_ms"] = json!(BEFORE_THE_START));
    rig.shop.fault(listed(Play::EmptyList));
    rig.serve().await;
    rig.until("the shop was asked for its list", |rig| rig.shop.requests("evo GET /orders") >= 1).await;
    rig.sync().await;
    let good = rig.place();
    rig.sync().await;
    rig.until_status(good, "In Progress").await;
    too_old(&rig, &[old]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_empty_list_in_error_withdraws_and_forgets_nothing() {
    let mut rig = Rig::connected_with("retry.first_wait = \"2s\"\nretry.longest_wait = \"2s\"").await;
    let id = rig.place();
    rig.erp.rule("*", Behaviour::Throttle { retry_after: "1".to_owned() });
    rig.serve().await;
    rig.until_state(id, "waiting").await;
    rig.shop.fault(Fault { times: 2, ..listed(Play::EmptyList) });
    rig.sync().await;
    rig.sync().await;
    let shown = rig.ask(&["order", "show", &id.to_string()]).await;
    assert_ne!(shown["order"]["state"], "withdrawn", "{shown}");
    rig.erp.rule("*", Behaviour::accept());
    rig.until_status(id, "In Progress").await;
    assert_eq!((rig.accepted(id), rig.ask(&["order", "list"]).await.as_array().unwrap().len()), (1, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn orders_that_a_page_shows_twice_and_in_no_order_are_taken_once() {
    let mut rig = Rig::connected_with("shop.settings.page_size = 3").await;
    rig.shop.world.lock().switches.list_disorder = true;
    let ids: Vec<u64> = (0..8).map(|_| rig.place()).collect();
    rig.serve().await;
    for id in &ids {
        rig.until_status(*id, "In Progress").await;
        assert_eq!((rig.accepted(*id), rig.sent(*id)), (1, 1));
    }
    assert_eq!(rig.ask(&["order", "list"]).await.as_array().unwrap().len(), ids.len());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_that_becomes_visible_behind_a_later_one_is_found() {
    let mut rig = Rig::connected().await;
    let visible_ms = now_ms() + 1_500;
    let late = rig.place_with(|body| body["_visible_ms"] = json!(visible_ms));
    let early = rig.place();
    assert!(late < early);
    rig.serve().await;
    rig.until_status(early, "In Progress").await;
    rig.until("the late one is visible", |_| now_ms() > visible_ms).await;
    rig.sync().await;
    rig.until_status(late, "In Progress").await;
    assert_eq!((rig.sent(early), rig.sent(late)), (1, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn orders_of_the_same_second_are_all_taken() {
    let mut rig = Rig::bare().await;
    rig.add_plugin().await;
    let second = now_ms().div_euclid(1000) * 1000;
    let place = |index: usize| {
        let mut body = orders::generate(11, index + 1).pop().unwrap().body(ShopKind::Woo);
        body["_created_ms"] = json!(second);
        rig.shop.place(ShopKind::Woo, ACCOUNT, body)
    };
    let ids: Vec<u64> = (0..20).map(place).collect();
    rig.connect_woo("shop.settings.page_size = 7").await;
    rig.serve().await;
    let status = |rig: &Rig, id: u64| rig.shop.order(ShopKind::Woo, ACCOUNT, id).unwrap().status().to_owned();
    rig.until("every order is delivered", |rig| ids.iter().all(|id| status(rig, *id) == "erp-delivered")).await;
    let state = rig.erp.state();
    assert_eq!((state.orders.len(), state.requests, state.doubled()), (20, 20, vec![]));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_that_is_paid_without_its_stamp_moving_is_taken() {
    let mut rig = Rig::connected().await;
    let id = rig.place_with(|body| body["payment_status"] = json!("pending"));
    rig.serve().await;
    rig.until_shown(id, "it is skipped", |shown| shown["order"]["decision"]["reason"] == "not_paid").await;
    let before = rig.order(id).modified_ms;
    let patch = json!({"payment_status": "paid", "_keeps_modified": true});
    rig.shop.world.record(Event::Edited { key: rig.key(id), patch, actor: Actor::buyer() });
    assert_eq!(rig.order(id).modified_ms, before);
    rig.sync().await;
    rig.until_status(id, "In Progress").await;
    assert_eq!(rig.sent(id), 1);
}

/// Runs a statement on the ledger, as only time would.
async fn on_the_ledger(rig: &Rig, sql: &str) {
    use sqlx::ConnectOptions as _;
    let options = sqlx::sqlite::SqliteConnectOptions::new()
        .filename(rig.data().join("orderdock.db"))
        .busy_timeout(std::time::Duration::from_secs(5));
    let mut connection = options.connect().await.unwrap();
    sqlx::raw_sql(sqlx::AssertSqlSafe(sql.to_owned())).execute(&mut connection).await.unwrap();
}

/// Lets the next poll be followed by the daily comparison.
async fn let_a_day_pass(rig: &Rig) {
    on_the_ledger(
        rig,
        &format!(
            "update connections set state_since_ms = state_since_ms - {A_DAY};
             update sweeps set started_ms = started_ms - {A_DAY}, ended_ms = ended_ms - {A_DAY} where kind = 'slow'"
        ),
    )
    .await;
}

/// Waits until a comparison that began since then is recorded.
async fn compared(rig: &Rig, since_ms: i64) {
    let slow = |sweep: &Value| sweep["kind"] == "slow" && sweep["started_ms"].as_i64() >= Some(since_ms);
    rig.until_asked(&["connection", "show", CONNECTION], "a comparison was made", |shown| {
        shown["sweeps"].as_array().is_some_and(|all| all.iter().any(slow))
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_daily_comparison_finds_and_reports_what_the_polls_missed() {
    let mut rig = Rig::connected().await;
    let_a_day_pass(&rig).await;
    // The shop's index by status does not know this one.
    let missed = rig.place_with(|body| {
        body["_unlisted"] = json!(true);
        body["_created_ms"] = json!(now_ms() - 3_600_000);
    });
    let shown_by_the_poll = rig.place();
    rig.serve().await;
    rig.until_status(missed, "In Progress").await;
    rig.until_status(shown_by_the_poll, "In Progress").await;
    assert_eq!((rig.sent(missed), rig.sent(shown_by_the_poll)), (1, 1));
    let told = |shown: &Value| shown["timeline"].to_string().contains("the daily comparison found it");
    rig.until_shown(missed, "that it was missed is on its timeline", told).await;
    let other = rig.ask(&["order", "show", &shown_by_the_poll.to_string()]).await;
    assert!(!told(&other), "{other}");
    rig.until_logged("the polls missed this order").await;
    compared(&rig, 0).await;
    let said = rig.run(&["connection", "show", CONNECTION]).await;
    assert!(said.out.contains("daily comparison, 2 orders, 1 taken"), "{said:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_after_the_order_was_sent_is_recorded_once_and_not_sent() {
    let mut rig = Rig::connected().await;
    let (id, other) = (rig.place(), rig.place());
    rig.serve().await;
    rig.until_status(id, "In Progress").await;
    rig.until_status(other, "In Progress").await;
    let note = |rig: &Rig, text: &str| {
        let patch = json!({"note": text});
        rig.shop.world.record(Event::Edited { key: rig.key(id), patch, actor: Actor::staff() });
    };
    let before = rig.order(id).body.get("note").and_then(Value::as_str).unwrap_or_default().to_owned();
    let lines = |shown: &Value| shown["timeline"].to_string().matches("changed in the shop after it was sent").count();
    let again = async |rig: &mut Rig| {
        rig.stop().await;
        let_a_day_pass(rig).await;
        let since_ms = now_ms();
        rig.serve().await;
        compared(rig, since_ms).await;
    };
    note(&rig, "ring twice");
    again(&mut rig).await;
    let shown = rig.until_shown(id, "the change is on its timeline", |shown| lines(shown) == 1).await;
    assert_eq!(
        (shown["order"]["state"].as_str(), shown["order"]["decision"]["reason"].as_str()),
        (Some("delivered"), Some("changed_after_sending"))
    );
    let why = rig.why(id).await;
    assert!(why.contains("was delivered") && why.contains("changed in the shop after it was sent"), "{why}");
    again(&mut rig).await;
    assert_eq!(lines(&rig.ask(&["order", "show", &id.to_string()]).await), 1, "the same change is told once");
    note(&rig, &before);
    again(&mut rig).await;
    rig.until_shown(id, "it is as it was sent", |shown| shown["order"]["decision"]["decision"] == "taken").await;
    assert_eq!(lines(&rig.ask(&["order", "show", &other.to_string()]).await), 0);
    assert_eq!((rig.sent(id), rig.sent(other)), (1, 1), "nothing is sent");
    assert_eq!(rig.order(id).notes.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_shop_that_can_t_be_read_before_sending_is_asked_again_with_back_off() {
    let mut rig = Rig::connected().await;
    let id = rig.place();
    let read =
        Fault { method: Some("GET".to_owned()), times: 3, ..Fault::next(&format!("/orders/{id}"), Play::Status(500)) };
    rig.shop.fault(read);
    rig.serve().await;
    // Three waits of a second by the connection's settings.
    rig.until_status(id, "In Progress").await;
    assert_eq!(rig.sent(id), 1);
    let shown = rig.ask(&["order", "show", &id.to_string()]).await;
    assert_eq!(shown["passes"].as_array().unwrap().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_shop_hears_of_us_soon_after_the_first_good_look() {
    let mut rig = Rig::connected().await;
    rig.write("orderdock.toml", &rig.host_file().replace("every = \"1s\"", "every = \"1h\""));
    // The first look fails: no sign of life over a poller that has seen nothing.
    rig.shop.fault(listed(Play::Status(500)));
    rig.serve().await;
    rig.until("the first look has failed", |rig| rig.log().contains("could not be looked at completely")).await;
    assert!(rig.shop.world.lock().counts.heartbeats.is_empty());
    rig.sync().await;
    rig.until("a sign of life came", |rig| rig.shop.world.lock().counts.heartbeats.get(ACCOUNT) == Some(&1)).await;
}
