//! Our own bugs: a panic takes down no more than the work it happened in, and what can't go on says so and stops.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use orderdock::{ledger::orders::SightBatch, pipeline::parts::Pace};
use orderdock_tests::{
    erp::Behaviour,
    orders,
    rig::{ACCOUNT, PATIENCE, Rig, inside::Before},
    shop::ShopKind,
};
use tokio::time::Instant;

/// Leases that run out while a test waits, and not where a healthy worker gets no processor for a few seconds.
fn short() -> Pace {
    Pace {
        lease: Duration::from_secs(6),
        renew_every: Duration::from_millis(500),
        lease_margin: Duration::from_millis(500),
        ..Pace::default()
    }
}

fn harmless() -> Before {
    Arc::new(|_, _| {})
}

/// Panics at the first call of this verb for this order.
fn panics_once(verb: &'static str, id: String, calls: &Arc<AtomicU32>) -> Before {
    let calls = Arc::clone(calls);
    Arc::new(move |called, about| {
        assert!(
            called != verb || about != id || calls.fetch_add(1, Ordering::SeqCst) > 0,
            "a bug that the test put here: {verb} {id}"
        );
    })
}

fn woo_order(rig: &Rig) -> u64 {
    let body = orders::generate(3, 1).pop().unwrap().body(ShopKind::Woo);
    rig.shop.place(ShopKind::Woo, ACCOUNT, body)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_that_panics_loses_its_lease_and_harms_no_other_order() {
    let rig = Rig::connected().await;
    rig.connect_woo("").await;
    let (bad, good, elsewhere) = (rig.place(), rig.place(), woo_order(&rig));
    let calls = Arc::new(AtomicU32::new(0));
    let inside = rig.inside(short(), panics_once("get", bad.to_string(), &calls), Arc::new(|_| None)).await;
    rig.until_status(good, "In Progress").await;
    rig.until("the other connection's order is delivered", |rig| {
        rig.shop.order(ShopKind::Woo, ACCOUNT, elsewhere).unwrap().status() == "erp-delivered"
    })
    .await;
    // Nobody renews the lease that its worker held: it runs out, and the order is taken over.
    rig.until_status(bad, "In Progress").await;
    assert!(calls.load(Ordering::SeqCst) > 1);
    assert_eq!((rig.sent(bad), rig.sent(good), rig.erp.state().orders.len()), (1, 1, 3));
    // What was told to the shop is recorded after the shop has it.
    rig.until("nothing is in hand", |_| inside.host.in_hand() == 0).await;
    inside.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_that_panics_each_time_fails_its_order_visibly() {
    let rig = Rig::connected().await;
    let (bad, good) = (rig.place(), rig.place());
    let id = bad.to_string();
    let before: Before = Arc::new(move |verb, about| assert!(verb != "get" || about != id, "a bug in every try"));
    let inside = rig.inside(short(), before, Arc::new(|_| None)).await;
    rig.until_status(good, "In Progress").await;
    let shown = rig.until_state(bad, "failed").await;
    let because = shown["order"]["because"].as_str().unwrap().to_owned();
    assert!(because.contains("its worker was lost 3 times before anything was sent"), "{because}");
    assert_eq!(rig.sent(bad), 0);
    inside.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn loops_that_panic_are_started_again() {
    let rig = Rig::connected().await;
    let id = rig.place();
    let (lists, notes) = (Arc::new(AtomicU32::new(0)), Arc::new(AtomicU32::new(0)));
    let (list, note) = (panics_once("list", String::new(), &lists), panics_once("add_note", id.to_string(), &notes));
    let before: Before = Arc::new(move |verb, about| {
        list(verb, about);
        note(verb, about);
    });
    let inside = rig.inside(short(), before, Arc::new(|_| None)).await;
    // The sweep broke off and was made again; the note's worker was lost, and its lease ran out.
    rig.until_status(id, "In Progress").await;
    assert!(lists.load(Ordering::SeqCst) > 1 && notes.load(Ordering::SeqCst) > 1);
    assert_eq!((rig.sent(id), rig.order(id).notes.len()), (1, 1));
    inside.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_that_can_t_be_opened_is_tried_again_and_keeps_its_intents() {
    let rig = Rig::connected().await;
    let id = rig.place();
    let opened = Arc::new(AtomicU32::new(0));
    let counted = Arc::clone(&opened);
    let trouble: orderdock_tests::rig::inside::OnOpen =
        Arc::new(move |_| (counted.fetch_add(1, Ordering::SeqCst) == 0).then(|| "a moment's trouble".to_owned()));
    rig.ask(&["sync", orderdock_tests::rig::CONNECTION]).await;
    let began = Instant::now();
    let inside = rig.inside(Pace::default(), harmless(), trouble).await;
    rig.until("its trouble is shown", |_| opened.load(Ordering::SeqCst) >= 1).await;
    rig.until_status(id, "In Progress").await;
    assert!(began.elapsed() >= Duration::from_secs(4), "it is not tried without a pause");
    assert_eq!(opened.load(Ordering::SeqCst), 2);
    let health = inside.host.health().await;
    assert!(health.iter().all(|one| one.trouble.is_none()), "{health:?}");
    // The intent waited, was carried out when the connection worked, and is gone.
    let end = Instant::now() + PATIENCE;
    loop {
        let left = inside.parts.ledger.take_intents(&inside.parts.host, -1).await.unwrap();
        if left.is_empty() {
            break;
        }
        assert!(Instant::now() < end, "{left:?}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    inside.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ledger_that_can_t_write_any_more_stops_the_host() {
    let rig = Rig::connected().await;
    let inside = rig.inside(Pace::default(), harmless(), Arc::new(|_| None)).await;
    let id = rig.place();
    rig.ask(&["sync", orderdock_tests::rig::CONNECTION]).await;
    rig.until_status(id, "In Progress").await;
    // The judge runs where the ledger is written: a bug there is the writer's end.
    let record = inside.parts.ledger.connections(false).await.unwrap().remove(0);
    let sight = orderdock::domain::sight::Sight {
        shop_order_id: "1".to_owned(),
        order_number: "1".to_owned(),
        status: "New Order".to_owned(),
        placed_ms: None,
        modified_ms: None,
        processed_stamp: None,
        shipped: false,
        cancelled: false,
        creator: None,
        status_actor: None,
        order: Err(Vec::new()),
    };
    let batch = SightBatch {
        connection: record.id,
        shop: record.shop_id,
        sights: Arc::new(vec![sight]),
        judge: Arc::new(|_, _, _| panic!("a bug in the judge")),
        began_ms: i64::MAX,
        single: false,
        is_new: Arc::new(|_| true),
    };
    assert!(inside.parts.ledger.record_sights(batch).await.is_err());
    let ended = inside.ended().await;
    assert!(ended.is_err_and(|ended| ended.to_string().contains("broken off")));
    // Nothing of what was committed is lost, and the lock is free for the next start.
    let mut rig = rig;
    rig.serve().await;
    let next = rig.place();
    rig.sync().await;
    rig.until_status(next, "In Progress").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_recorded_and_can_t_be_read_ends_where_people_see_it() {
    use sqlx::ConnectOptions as _;
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
    let options = sqlx::sqlite::SqliteConnectOptions::new().filename(rig.data().join("orderdock.db"));
    let mut connection = options.connect().await.unwrap();
    sqlx::query("update pass_bodies set mapped_order = '{'").execute(&mut connection).await.unwrap();
    drop(connection);
    rig.serve().await;
    let shown = rig.until_state(id, "given_up").await;
    let because = shown["order"]["because"].as_str().unwrap();
    assert!(because.contains("what is recorded of it can't be used"), "{because}");
    rig.until_status(id, "On Hold").await;
    assert_eq!(rig.sent(id), 1);
}
