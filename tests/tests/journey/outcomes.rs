//! What becomes of an order by the ERP's answer: status, note, id, mail, and how often it was sent.

use std::time::Duration;

use orderdock_tests::{
    erp::{Behaviour, LookUp},
    rig::{PATIENCE, Rig},
};
use serde_json::Value;

fn texts(rig: &Rig, id: u64) -> Vec<String> {
    rig.order(id).notes.iter().map(|note| note.text.clone()).collect()
}

fn history(rig: &Rig, id: u64) -> Vec<String> {
    rig.order(id).history.iter().map(|change| change.status.clone()).collect()
}

fn last_outcome(shown: &Value) -> &str {
    shown["attempts"].as_array().and_then(|all| all.last()).map_or("", |attempt| attempt["outcome"].as_str().unwrap())
}

/// Failed or given up: On Hold, a note that says this, exactly one mail that names the order, nothing in the ERP's name.
async fn held_back(rig: &Rig, id: u64, words: &str) {
    rig.until_status(id, "On Hold").await;
    let notes = texts(rig, id);
    assert_eq!(notes.len(), 1, "{notes:?}");
    assert!(notes[0].contains(words), "{notes:?}");
    let mails = rig.mail.wait_for(1, PATIENCE).await;
    assert_eq!(mails.len(), 1, "one mail: {}", rig.log());
    assert_eq!(mails[0].to, ["staff@example.test"]);
    assert!(mails[0].raw.contains(&format!("WEB-{id}")), "{}", mails[0].raw);
    let order = rig.order(id);
    assert!(order.references.is_empty() && order.stamp_s.is_none(), "{order:?}");
    assert!(order.notes.iter().all(|note| !note.mailed_buyer));
}

#[tokio::test(flavor = "multi_thread")]
async fn delivered_orders_are_green_and_in_the_erp_once() {
    let mut rig = Rig::connected().await;
    let ids: Vec<u64> = (0..8).map(|_| rig.place()).collect();
    rig.serve().await;
    for id in &ids {
        rig.until_status(*id, "In Progress").await;
        let erp = rig.erp.state().orders.into_iter().find(|order| order.key == format!("WEB-{id}")).unwrap();
        let order = rig.order(*id);
        assert_eq!(order.references.get("seller_reference"), Some(&erp.id));
        assert!(order.stamp_s.is_some());
        let notes = texts(&rig, *id);
        assert!(notes.len() == 1 && notes[0].contains(&erp.id), "{notes:?}");
        assert_eq!((rig.accepted(*id), rig.sent(*id)), (1, 1));
        assert_eq!(history(&rig, *id), ["New Order", "In Progress"]);
    }
    let shown = rig.until_state(ids[0], "delivered").await;
    assert_eq!(shown["order"]["colour"], "green");
    assert!(rig.why(ids[0]).await.contains("was delivered at"));
    assert!(rig.mail.mails().is_empty());
    // A second look changes nothing.
    rig.sync().await;
    rig.sync().await;
    assert_eq!(rig.erp.state().requests, 8);
    // The ERP got what the buyer wrote, awkward characters and all.
    let sent: Value = serde_json::from_str(&rig.erp.state().orders[0].body).unwrap();
    let placed = rig.order(sent["shop_order_id"].as_str().unwrap().parse().unwrap());
    assert_eq!(sent["buyer_note"], placed.body["note"]);
    assert_eq!(sent["lines"][0]["description"], placed.body["lines"][0]["name"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_reaches_staff_in_the_erps_own_words() {
    let mut rig = Rig::connected().await;
    let id = rig.place();
    rig.erp.rule("*", Behaviour::Refuse { status: 422, message: "Customer ACC0000 is on stop".to_owned() });
    rig.serve().await;
    held_back(&rig, id, "Customer ACC0000 is on stop").await;
    let shown = rig.until_state(id, "failed").await;
    assert_eq!((shown["order"]["colour"].as_str(), last_outcome(&shown)), (Some("red"), "rejected"));
    assert!(rig.why(id).await.contains("Customer ACC0000 is on stop"));
    assert!(rig.mail.mails()[0].raw.contains("Customer ACC0000 is on stop"));
    rig.sync().await;
    assert_eq!((rig.sent(id), rig.accepted(id)), (1, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_error_inside_a_200_is_a_refusal_where_the_settings_say_where_success_stands() {
    let more = r#"
        plugin.settings.success_path = "status"
        plugin.settings.success_values = ["ok"]
        plugin.settings.message_path = "error.message"
    "#;
    let mut rig = Rig::connected_with(more).await;
    let id = rig.place();
    rig.erp.rule("*", Behaviour::ErrorInside { message: "Unknown item BOOK/1".to_owned() });
    rig.serve().await;
    held_back(&rig, id, "Unknown item BOOK/1").await;
    assert_eq!(rig.until_state(id, "failed").await["order"]["erp_order_id"], Value::Null);
    assert_eq!(rig.sent(id), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn no_answer_after_acceptance_is_unknown_then_given_up_and_never_sent_again_by_itself() {
    let mut rig = Rig::connected_with("destination.settings.time_limit_s = 1").await;
    let id = rig.place();
    rig.erp.rule("*", Behaviour::Silence);
    rig.serve().await;
    held_back(&rig, id, "may exist in the ERP: check there before sending it again").await;
    let shown = rig.until_state(id, "given_up").await;
    assert_eq!((shown["order"]["colour"].as_str(), last_outcome(&shown)), (Some("red"), "unknown"));
    assert!(rig.why(id).await.contains("check there before sending it again"));
    let refused = rig.run(&["order", "resend", &id.to_string()]).await;
    assert_eq!(refused.code, 4, "{refused:?}");
    assert!(refused.err.contains("--checked"), "{refused:?}");
    rig.sync().await;
    rig.sync().await;
    assert_eq!((rig.accepted(id), rig.sent(id)), (1, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_may_have_reached_the_erp_is_unknown_and_found_by_a_look_up() {
    let more = r#"
        destination.settings.time_limit_s = 2
        unknown.lookup_for = "60s"
        plugin.settings.lookup_path = "orders?reference={order_number}"
        plugin.settings.lookup_list_path = "orders"
        plugin.settings.lookup_order_id_path = "orders[0].order_id"
    "#;
    let mut rig = Rig::connected_with(more).await;
    let behaviours = [
        Behaviour::Reset,
        Behaviour::Cut,
        Behaviour::CutChunks,
        Behaviour::Garbage,
        Behaviour::Broken { message: None, accepted: true },
        Behaviour::Gateway { status: 502 },
        Behaviour::Gateway { status: 504 },
    ];
    let ids: Vec<u64> = behaviours.iter().map(|_| rig.place()).collect();
    for (id, behaviour) in ids.iter().zip(behaviours) {
        rig.erp.rule(&format!("WEB-{id}"), behaviour);
    }
    rig.serve().await;
    for id in &ids {
        rig.until_status(*id, "In Progress").await;
        assert_eq!((rig.accepted(*id), rig.sent(*id)), (1, 1), "order {id}");
        let shown = rig.until_state(*id, "delivered").await;
        let timeline = shown["timeline"].to_string();
        assert!(timeline.contains("The outcome is unknown"), "the doubt is told: {timeline}");
    }
    assert!(rig.mail.mails().is_empty(), "nobody is mailed about a doubt that cleared itself");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_5xx_with_the_erps_words_is_a_refusal_and_without_them_a_doubt() {
    let mut rig = Rig::connected().await;
    let (told, silent) = (rig.place(), rig.place());
    let words = "Period 2026-11 is closed".to_owned();
    rig.erp.rule(&format!("WEB-{told}"), Behaviour::Broken { message: Some(words), accepted: false });
    rig.erp.rule(&format!("WEB-{silent}"), Behaviour::Unavailable);
    rig.serve().await;
    rig.until_state(told, "failed").await;
    rig.until_state(silent, "given_up").await;
    rig.until_status(told, "On Hold").await;
    rig.until_status(silent, "On Hold").await;
    assert!(texts(&rig, told)[0].contains("Period 2026-11 is closed"));
    assert!(texts(&rig, silent)[0].contains("may exist"));
    assert_eq!((rig.sent(told), rig.sent(silent)), (1, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_erp_that_is_down_costs_waiting_and_nothing_else() {
    // Some tries later a breaker would give another reason.
    let mut rig = Rig::connected_with("breaker.failures = 0").await;
    let id = rig.place();
    rig.erp.down().await;
    rig.serve().await;
    let shown = rig
        .until_shown(id, "it waits after a try", |shown| {
            shown["order"]["state"] == "waiting" && shown["order"]["because"] != ""
        })
        .await;
    assert!(shown["order"]["because"].as_str().unwrap().contains("could not be reached"), "{shown}");
    assert_eq!(last_outcome(&shown), "not processed");
    assert_eq!((rig.order(id).status(), texts(&rig, id).len()), ("New Order", 0), "no status and no note for a retry");
    rig.erp.up().unwrap();
    rig.until_status(id, "In Progress").await;
    assert_eq!((rig.accepted(id), rig.sent(id)), (1, 1));
    assert!(rig.mail.mails().is_empty(), "no mail for a retry");
    assert_eq!(rig.until_state(id, "delivered").await["passes"].as_array().unwrap().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_retry_that_goes_on_for_too_long_fails_with_one_mail() {
    // With a breaker the ERP would be waited for, not the order be tried.
    let mut rig = Rig::connected_with("retry.retry_for = \"2s\"\nbreaker.failures = 0").await;
    let id = rig.place();
    rig.erp.rule("*", Behaviour::Throttle { retry_after: "1".to_owned() });
    rig.serve().await;
    held_back(&rig, id, "slow down").await;
    rig.until_state(id, "failed").await;
    assert!(rig.sent(id) >= 2, "it was tried again");
    assert_eq!(rig.accepted(id), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_erp_that_asks_to_slow_down_gets_the_order_later() {
    let mut rig = Rig::connected().await;
    let id = rig.place();
    rig.erp.once("*", Behaviour::Throttle { retry_after: "1".to_owned() });
    rig.serve().await;
    rig.until_status(id, "In Progress").await;
    let times: Vec<i64> = rig.until_state(id, "delivered").await["attempts"]
        .as_array()
        .unwrap()
        .iter()
        .map(|attempt| attempt["recorded_ms"].as_i64().unwrap())
        .collect();
    assert_eq!(times.len(), 2);
    assert!(times[1] - times[0] >= 1_000, "the second it asked for was kept: {times:?}");
    assert_eq!((rig.accepted(id), rig.sent(id)), (1, 2));
    assert!(rig.mail.mails().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn redirects_are_not_followed_and_duplicates_are_already_there() {
    let more = "plugin.settings.duplicate_statuses = [409]";
    let mut rig = Rig::connected_with(more).await;
    let (moved, known) = (rig.place(), rig.place());
    rig.erp.rule(&format!("WEB-{moved}"), Behaviour::Redirect { status: 307 });
    rig.erp.rule(&format!("WEB-{known}"), Behaviour::Duplicate);
    rig.serve().await;
    rig.until_state(moved, "failed").await;
    rig.until_state(known, "delivered").await;
    rig.until_status(known, "In Progress").await;
    rig.until_status(moved, "On Hold").await;
    assert_eq!((rig.sent(moved), rig.accepted(moved)), (1, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn many_failures_at_once_are_one_mail_and_each_order_is_in_it() {
    let mut rig = Rig::bare().await;
    rig.write("orderdock.toml", &rig.host_file().replace("gather = \"0s\"", "gather = \"8s\""));
    rig.add_plugin().await;
    rig.connect("").await;
    let ids: Vec<u64> = (0..5).map(|_| rig.place()).collect();
    rig.erp.rule("*", Behaviour::Refuse { status: 400, message: "no".to_owned() });
    rig.serve().await;
    for id in &ids {
        rig.until_status(*id, "On Hold").await;
    }
    let mails = rig.mail.wait_for(1, PATIENCE).await;
    assert_eq!(mails.len(), 1);
    assert!(ids.iter().all(|id| mails[0].raw.contains(&format!("WEB-{id}"))), "{}", mails[0].raw);
}

/// Takes a table of the host's database away for as long as `meanwhile` takes: everything that needs it fails.
async fn without_table(rig: &Rig, table: &str, meanwhile: impl AsyncFnOnce(&Rig)) {
    use sqlx::{ConnectOptions as _, sqlite::SqliteConnectOptions};
    let options =
        SqliteConnectOptions::new().filename(rig.data().join("orderdock.db")).busy_timeout(Duration::from_secs(10));
    let mut beside = options.connect().await.unwrap();
    let rename = async |connection: &mut sqlx::SqliteConnection, from: &str, to: &str| {
        let sql = format!("alter table {from} rename to {to}");
        sqlx::query(sqlx::AssertSqlSafe(sql)).execute(connection).await.unwrap();
    };
    rename(&mut beside, table, "elsewhere").await;
    meanwhile(rig).await;
    rename(&mut beside, "elsewhere", table).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_comes_while_the_database_fails_is_recorded_when_it_works_again() {
    let mut rig = Rig::connected().await;
    let id = rig.place();
    // Long enough for the table to be taken away before the answer comes.
    rig.erp.rule("*", Behaviour::Slow { ms: 8_000 });
    rig.serve().await;
    rig.until("the ERP works on it", |rig| rig.accepted(id) == 1).await;
    without_table(&rig, "attempts", async |rig| {
        rig.until("the answer came and can't be recorded", |rig| rig.log().contains("answer can't be recorded yet"))
            .await;
    })
    .await;
    let shown = rig.until_state(id, "delivered").await;
    assert_eq!(last_outcome(&shown), "accepted");
    rig.until_status(id, "In Progress").await;
    assert_eq!((rig.accepted(id), rig.sent(id)), (1, 1));
    assert!(!shown["timeline"].to_string().contains("unknown"), "nobody was in doubt: {shown}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stored_answer_is_read_again_with_corrected_settings_and_nothing_is_sent() {
    let strict = "plugin.settings.require_erp_order_id = true\n";
    let mut rig = Rig::connected_with(&format!("{strict}plugin.settings.erp_order_id_path = \"no.such.field\"")).await;
    let id = rig.place();
    let number = format!("WEB-{id}");
    rig.serve().await;
    held_back(&rig, id, "may exist in the ERP").await;
    rig.until_state(id, "given_up").await;
    // The settings are still the wrong ones.
    rig.ask(&["order", "reread", &number]).await;
    rig.until_shown(id, "the reading is on the timeline", |shown| {
        shown["timeline"].to_string().contains("nothing changes: it still can't tell")
    })
    .await;
    rig.connect(strict).await;
    rig.until("the change is in force", |rig| rig.log().contains("took up a change")).await;
    rig.ask(&["order", "reread", &number]).await;
    let shown = rig.until_state(id, "delivered").await;
    assert_eq!(shown["order"]["erp_order_id"], rig.erp.state().orders[0].id.as_str());
    assert!(shown["timeline"].to_string().contains("tester had the ERP's stored answer read again"), "{shown}");
    rig.until_status(id, "In Progress").await;
    assert_eq!((rig.accepted(id), rig.sent(id), rig.mail.mails().len()), (1, 1, 1));
    let refused = rig.run(&["order", "reread", &number]).await;
    assert_eq!(refused.code, 4, "{refused:?}");
    assert!(refused.err.contains("is delivered"), "{refused:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_sent_again_after_a_doubt_waits_until_not_found_counts() {
    let more = r#"
        destination.settings.time_limit_s = 1
        unknown.settling = "8s"
        plugin.settings.lookup_path = "orders?reference={order_number}"
        plugin.settings.lookup_list_path = "orders"
        plugin.settings.lookup_order_id_path = "orders[0].order_id"
    "#;
    let mut rig = Rig::connected_with(more).await;
    let id = rig.place();
    // The ERP took it, and shows it to nobody for a while; look-ups break until the host has given up.
    rig.erp.once("*", Behaviour::Silence);
    rig.erp.set(|settings| settings.look_up = LookUp::Broken);
    rig.serve().await;
    rig.until_state(id, "given_up").await;
    rig.erp.set(|settings| {
        settings.look_up = LookUp::Honest;
        settings.visible_after_ms = 6_000;
    });
    let known = rig.erp.state().look_ups;
    rig.ask(&["order", "resend", &format!("WEB-{id}"), "--checked"]).await;
    rig.until("it is looked up first", |rig| rig.erp.state().look_ups > known).await;
    rig.until_state(id, "delivered").await;
    assert_eq!((rig.accepted(id), rig.sent(id)), (1, 1), "the first send is found, and there is no second one");
}
