//! SIGKILL at five points of an order's journey, judged by what the shop, the ERP and the mail server wrote down themselves.
//!
//! Each window is held open by a fake (a slow answer) or by a lock on the database, and the kill comes when the fakes'
//! ledgers show that the host is inside it: no guessing with sleeps.

#![expect(clippy::unwrap_used, reason = "tests")]

use std::{collections::BTreeSet, time::Duration};

use orderdock_tests::{
    erp::Behaviour,
    mail,
    rig::{CONNECTION, Rig},
    shop::{Actor, Fault, Play},
};
use serde_json::Value;
use sqlx::{ConnectOptions as _, SqliteConnection, sqlite::SqliteConnectOptions};
use tokio::time::Instant;

/// Longer than any test: a window that only the kill ends.
const FOR_EVER: Play = Play::Slow(600_000);
/// A restart must not wait for the dead host's leases, which last 30 s and were renewed at most 10 s ago.
const AT_ONCE: Duration = Duration::from_secs(18);

/// A request that meets the fault, once.
fn once(method: &str, target: &str, play: Play) -> Fault {
    Fault { method: Some(method.to_owned()), ..Fault::next(target, play) }
}

/// Starts the host again and waits until the orders are in this state; it must not take as long as a lease.
async fn resume(rig: &mut Rig, ids: &[u64], state: &str) {
    let began = Instant::now();
    rig.serve().await;
    for id in ids {
        rig.until_state(*id, state).await;
    }
    assert!(began.elapsed() < AT_ONCE, "it took {:?} to go on: {}", began.elapsed(), rig.log());
}

/// What holds after every kill: each offered order has one line, and the ERP has none twice.
async fn judge(rig: &Rig, offered: &[u64]) {
    let listed = rig.ask(&["order", "list"]).await;
    let listed: Vec<&str> =
        listed.as_array().unwrap().iter().map(|row| row["shop_order_id"].as_str().unwrap()).collect();
    let unique: BTreeSet<String> = listed.iter().map(|id| (*id).to_owned()).collect();
    let offered: BTreeSet<String> = offered.iter().map(u64::to_string).collect();
    assert_eq!((unique, listed.len()), (offered.clone(), offered.len()), "each offered order has one line");
    assert_eq!(rig.erp.state().doubled(), Vec::<&str>::new(), "the ERP has an order twice");
}

/// A delivered order, as the shop's staff see it.
async fn delivered_in_the_shop(rig: &Rig, id: u64) {
    rig.until_status(id, "In Progress").await;
    let order = rig.order(id);
    let erp = rig.erp.state().orders.into_iter().find(|order| order.key == format!("WEB-{id}")).unwrap();
    assert_eq!(order.references.get("seller_reference"), Some(&erp.id));
    assert_eq!(order.notes.len(), 1, "one note: {:?}", order.notes);
    assert!(order.notes[0].text.contains(&erp.id), "{:?}", order.notes);
    assert!(order.stamp_s.is_some());
    let history: Vec<&str> = order.history.iter().map(|change| change.status.as_str()).collect();
    assert_eq!(history, ["New Order", "In Progress"], "the status was set once");
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_between_two_pages_of_the_list_it_loses_no_order_and_sends_none_twice() {
    let mut rig = Rig::connected_with("shop.settings.page_size = 2").await;
    let ids: Vec<u64> = (0..5).map(|_| rig.place()).collect();
    // The second page never comes; the first page's orders are recorded, and their passes under way.
    rig.shop.fault(once("GET", "from_id", FOR_EVER));
    rig.serve().await;
    rig.until("the second page is asked for and the first one's orders are in the ERP", |rig| {
        rig.shop.requests("evo GET /orders") >= 2 && rig.erp.state().orders.len() == 2
    })
    .await;
    rig.kill().await;
    let known = rig.ask(&["order", "list"]).await;
    assert_eq!(
        known.as_array().unwrap().len(),
        2,
        "what the first page showed is recorded before the second is asked for"
    );
    // Whatever was being sent at the moment of the kill may be unknown; the rest is delivered.
    rig.serve().await;
    rig.until("every order is in the ERP", |rig| ids.iter().all(|id| rig.accepted(*id) == 1)).await;
    judge(&rig, &ids).await;
    for id in &ids[2..] {
        rig.until_state(*id, "delivered").await;
        delivered_in_the_shop(&rig, *id).await;
    }
    for id in &ids {
        assert_eq!(rig.sent(*id), 1, "order {id}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_after_the_claim_the_order_goes_on_at_once_after_the_restart() {
    let mut rig = Rig::connected().await;
    let id = rig.place();
    // The read before the send hangs: the pass is claimed, nothing is mapped.
    rig.shop.fault(once("GET", &format!("/orders/{id}"), FOR_EVER));
    rig.serve().await;
    rig.until("the order is read again", |rig| rig.shop.requests("evo GET /orders/{id}") == 1).await;
    rig.kill().await;
    assert_eq!(rig.sent(id), 0);
    resume(&mut rig, &[id], "delivered").await;
    judge(&rig, &[id]).await;
    delivered_in_the_shop(&rig, id).await;
    assert_eq!(rig.sent(id), 1);
}

/// Holds the database's write lock, as a long transaction of somebody else would.
async fn write_lock(rig: &Rig) -> SqliteConnection {
    let options =
        SqliteConnectOptions::new().filename(rig.data().join("orderdock.db")).busy_timeout(Duration::from_secs(5));
    let mut connection = options.connect().await.unwrap();
    sqlx::query("begin immediate").execute(&mut connection).await.unwrap();
    connection
}

#[tokio::test(flavor = "multi_thread")]
async fn no_byte_leaves_before_the_write_ahead_row_and_a_kill_there_costs_nothing() {
    let mut rig = Rig::connected().await;
    let id = rig.place();
    rig.shop.fault(once("GET", &format!("/orders/{id}"), Play::Slow(6_000)));
    rig.serve().await;
    rig.until("the order is claimed", |rig| rig.shop.requests("evo GET /orders/{id}") == 1).await;
    let lock = write_lock(&rig).await;
    // The read ends, the order is mapped, and the row can't be written.
    let waited = Instant::now() + Duration::from_millis(6_800);
    while Instant::now() < waited {
        assert_eq!(rig.erp.state().connections, 0, "something left before its write-ahead row was committed");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    rig.kill().await;
    drop(lock);
    resume(&mut rig, &[id], "delivered").await;
    judge(&rig, &[id]).await;
    delivered_in_the_shop(&rig, id).await;
    assert_eq!(rig.sent(id), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_while_sending_the_outcome_is_unknown_and_nothing_is_sent_again() {
    let mut rig = Rig::connected().await;
    let (id, other) = (rig.place(), rig.place());
    rig.erp.rule(&format!("WEB-{id}"), Behaviour::Slow { ms: 600_000 });
    rig.serve().await;
    rig.until("the ERP has the order and has not answered", |rig| rig.accepted(id) == 1 && rig.accepted(other) == 1)
        .await;
    rig.until_status(other, "In Progress").await;
    rig.kill().await;
    rig.erp.rule("*", Behaviour::accept());
    rig.serve().await;
    let shown = rig.until_state(id, "given_up").await;
    assert_eq!(shown["order"]["colour"], "red");
    rig.until_status(id, "On Hold").await;
    let order = rig.order(id);
    assert_eq!(order.notes.len(), 1, "{:?}", order.notes);
    assert!(order.notes[0].text.contains("may exist in the ERP"), "{:?}", order.notes);
    assert!(order.references.is_empty());
    let mails = rig.mail.wait_for(1, Duration::from_secs(20)).await;
    assert!(mails[0].raw.contains(&format!("WEB-{id}")), "{:?}", mails[0]);
    rig.sync().await;
    rig.sync().await;
    assert_eq!((rig.sent(id), rig.sent(other)), (1, 1), "never sent again by itself");
    judge(&rig, &[id, other]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_while_sending_a_look_up_finds_the_order_and_it_is_delivered() {
    let look_up = r#"
        plugin.settings.lookup_path = "orders?reference={order_number}"
        plugin.settings.lookup_list_path = "orders"
        plugin.settings.lookup_order_id_path = "orders[0].order_id"
        plugin.settings.lookup_reference_path = "orders[0].reference"
    "#;
    let mut rig = Rig::connected_with(look_up).await;
    let id = rig.place();
    rig.erp.rule("*", Behaviour::Slow { ms: 600_000 });
    rig.serve().await;
    rig.until("the ERP has the order and has not answered", |rig| rig.accepted(id) == 1).await;
    rig.kill().await;
    resume(&mut rig, &[id], "delivered").await;
    judge(&rig, &[id]).await;
    delivered_in_the_shop(&rig, id).await;
    assert_eq!(rig.sent(id), 1);
    assert!(rig.mail.mails().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_after_the_answer_the_shop_gets_its_note_once() {
    let mut rig = Rig::connected().await;
    let id = rig.place();
    // The shop writes the note and never says so.
    rig.shop.fault(once("POST", "/timeline", FOR_EVER));
    rig.serve().await;
    rig.until("the note is written", |rig| rig.order(id).notes.len() == 1).await;
    rig.kill().await;
    assert_eq!(rig.order(id).status(), "New Order");
    let shown = rig.ask(&["order", "show", &id.to_string()]).await;
    assert_eq!(shown["order"]["state"], "delivered", "the answer was recorded before the shop was told");
    rig.serve().await;
    delivered_in_the_shop(&rig, id).await;
    judge(&rig, &[id]).await;
    assert_eq!(rig.sent(id), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_while_the_shop_writes_the_status_it_is_written_once_and_taken_for_nobodys_reset() {
    let mut rig = Rig::connected().await;
    let id = rig.place();
    // Reference, stamp, status: the third PUT never comes back.
    rig.shop.fault(Fault { skip: 2, ..once("PUT", &format!("/orders/{id}"), FOR_EVER) });
    rig.serve().await;
    rig.until_status(id, "In Progress").await;
    rig.kill().await;
    rig.serve().await;
    rig.until_shown(id, "every effect is done", |shown| {
        shown["effects"].as_array().is_some_and(|all| all.iter().all(|effect| effect["state"] == "done"))
    })
    .await;
    rig.sync().await;
    delivered_in_the_shop(&rig, id).await;
    judge(&rig, &[id]).await;
    let shown = rig.ask(&["order", "show", &id.to_string()]).await;
    assert_eq!(shown["passes"].as_array().unwrap().len(), 1);
    assert_eq!(rig.sent(id), 1);
    assert!(rig.mail.mails().is_empty());
    let listed = rig.ask(&["connection", "list"]).await;
    assert_eq!(listed[0]["connection"]["name"], Value::from(CONNECTION));
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_while_a_mail_is_handed_over_its_repeat_has_the_same_message_id() {
    let mut rig = Rig::connected().await;
    let id = rig.place();
    rig.erp.rule("*", Behaviour::Refuse { status: 422, message: "Customer is on stop".to_owned() });
    rig.mail.set_fault(mail::Fault::SilentAfterData);
    rig.serve().await;
    rig.until("the mail server has the mail and has not said so", |rig| rig.mail.mails().len() == 1).await;
    rig.kill().await;
    rig.mail.set_fault(mail::Fault::None);
    rig.serve().await;
    let mails = rig.mail.wait_for(2, Duration::from_secs(20)).await;
    assert_eq!(mails.len(), 2, "whether the first one counts nobody can tell: it is repeated");
    let id_of = |mail: &mail::Caught| {
        let line = mail.raw.lines().find(|line| line.to_ascii_lowercase().starts_with("message-id:"));
        line.unwrap().to_owned()
    };
    assert_eq!(id_of(&mails[0]), id_of(&mails[1]), "a mail program shows them as one");
    rig.until_status(id, "On Hold").await;
    judge(&rig, &[id]).await;
    assert_eq!(rig.sent(id), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_while_sending_what_may_be_repeated_goes_again_with_the_same_key_and_bytes() {
    let keyed = r#"
        plugin.settings.idempotency_header = "Idempotency-Key"
        plugin.settings.idempotency_seconds = 3600
    "#;
    let mut rig = Rig::connected_with(keyed).await;
    let id = rig.place();
    rig.erp.set(|settings| settings.honours_idempotency_key = true);
    rig.erp.once("*", Behaviour::Slow { ms: 600_000 });
    rig.serve().await;
    rig.until("the ERP has the order and has not answered", |rig| rig.accepted(id) == 1).await;
    rig.kill().await;
    // The shop takes it back meanwhile. That comes too late: the ERP may have it, and a repeat is no first byte.
    rig.shop.set_status(&rig.key(id), "Cancelled", Actor::staff());
    rig.serve().await;
    let shown = rig.until_state(id, "delivered").await;
    assert_eq!((rig.accepted(id), rig.sent(id)), (1, 2), "the ERP knew the key");
    let hashes: Vec<_> =
        shown["attempts"].as_array().unwrap().iter().map(|one| one["request"]["body"].clone()).collect();
    assert!(hashes.len() == 2 && hashes[0] == hashes[1], "the stored bytes: {hashes:?}");
    assert!(rig.mail.mails().is_empty());
}
