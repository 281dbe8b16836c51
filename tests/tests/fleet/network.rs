//! The network between hosts and their PostgreSQL is lost, slow, or only looks as if it were there (P5, P10).

use std::time::Duration;

use orderdock_tests::{
    crash::{cell::Route, judge},
    erp::Behaviour,
    orders::Dice,
    proxy::Proxy,
    rig::Rig,
};
use tokio::time::Instant;

use super::{LOOK_UP, database};

/// A host whose database went silent stands before its first byte until its lease is over. Another one has taken the pass
/// over by then, and has found out that nothing had arrived.
async fn cut_off_before_its_send(up: bool, down: bool) {
    let database = database().await;
    let (proxy, behind) = Proxy::before_postgres(&database.url()).await;
    let mut rig = Rig::fleet(&database.url(), "", LOOK_UP).await;
    let (direct, gate) = (rig.database.replace(behind), rig.dir().join("gate"));
    rig.write("orderdock.toml", &rig.fleet_file("first", ""));
    rig.arm(Some(&format!("lease=3s; F7.after=hold:{}", gate.display())));
    let id = rig.place();
    rig.serve().await;
    rig.until("the write-ahead row is there", |_| gate.with_extension("held").exists()).await;
    proxy.stall(up, down);
    // The other one has its own way to the database.
    rig.database = direct;
    rig.arm(Some("lease=3s"));
    rig.write("orderdock.toml", &rig.fleet_file("first", ""));
    let _second = rig.serve_beside("second", "").await;
    rig.until_within(Duration::from_secs(40), "the other one has delivered it", |rig| rig.accepted(id) == 1).await;
    std::fs::write(&gate, "").unwrap();
    // It goes on within 10 ms, while it still can't ask anybody; that nothing is sent gives no sign.
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert_eq!(rig.sent(id), 1, "the lease is over: not a byte may leave");
    proxy.stall(false, false);
    // Or that it can't know, where the silence was longer than an answer is waited for.
    let learned = ["another worker has it now", "a pass could not go on"];
    rig.until("it learns that it has lost the pass", |rig| learned.iter().any(|words| rig.log().contains(words))).await;
    rig.until_state(id, "delivered").await;
    let later = rig.place();
    rig.ask(&["sync"]).await;
    rig.until_within(Duration::from_secs(40), "work goes on", |rig| rig.accepted(later) == 1).await;
    assert_eq!((rig.sent(id), rig.sent(later)), (1, 1), "no byte left the host that was cut off");
    let (wrong, _) = judge::judge(&rig, Route::Http, &[id, later], Duration::from_secs(40), 10).await;
    assert!(wrong.is_empty(), "{wrong:?}\n{}", rig.log());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_host_whose_questions_do_not_arrive_starts_no_send() {
    cut_off_before_its_send(true, false).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_host_that_hears_no_answers_starts_no_send() {
    cut_off_before_its_send(false, true).await;
}

/// A server that takes everything and says nothing, for longer than an answer is waited for, and new connections too: the
/// host says so, takes nothing, keeps what an ERP has answered, and goes on by itself with the same process.
#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_falls_silent_is_told_and_given_up_and_work_goes_on_when_it_speaks_again() {
    let database = database().await;
    let (proxy, behind) = Proxy::before_postgres(&database.url()).await;
    let mut rig = Rig::fleet(&database.url(), "", LOOK_UP).await;
    let direct = rig.database.replace(behind);
    rig.write("orderdock.toml", &rig.fleet_file("first", ""));
    rig.erp.set(|it| it.otherwise = Behaviour::Slow { ms: 1_500 });
    rig.serve().await;
    let listen = rig.host.as_ref().expect("it is at work").listen.clone();
    rig.until_ready("it is ready", |ready| ready["ready"] == true).await;
    let mut ids: Vec<u64> = (0..3).map(|_| rig.place()).collect();
    rig.ask(&["sync"]).await;
    rig.until("they are with the ERP", |rig| ids.iter().all(|id| rig.sent(*id) == 1)).await;
    proxy.stall(true, true);
    let silent = Instant::now();
    // The command line has its own way to the database.
    rig.database = direct;
    rig.write("orderdock.toml", &rig.fleet_file("first", ""));
    let meanwhile = rig.place();
    ids.push(meanwhile);
    rig.ask(&["sync"]).await;
    let asked = Instant::now();
    let ready = rig.readyz(&listen).await;
    assert!(
        asked.elapsed() < Duration::from_secs(12),
        "{:?}: a probe has not the patience of an operation",
        asked.elapsed()
    );
    assert_eq!(ready["ready"], false, "{ready}");
    assert!(ready["ledger"].as_str().is_some_and(|why| why.contains("does not answer")), "{ready}");
    // An operation waits 15 s for its answer and 10 s for a new connection; after that each fails at once.
    rig.until_within(Duration::from_secs(60), "it gives the server up", |rig| {
        let log = rig.log();
        log.contains("the connection is given up") && log.contains("the connection to the database is lost")
    })
    .await;
    assert!(silent.elapsed() < Duration::from_secs(50), "{:?}", silent.elapsed());
    assert_eq!(rig.sent(meanwhile), 0, "what can't be recorded is not taken");
    assert_eq!(rig.erp.state().orders.len(), 3, "what was under way came to its end at the ERP");
    proxy.stall(false, false);
    rig.until_ready("it is ready again", |ready| ready["ready"] == true).await;
    rig.ask(&["sync"]).await;
    rig.until_within(Duration::from_secs(60), "every order is in the ERP", |rig| {
        ids.iter().all(|id| rig.accepted(*id) == 1)
    })
    .await;
    let (wrong, seen) = judge::judge(&rig, Route::Http, &ids, Duration::from_secs(60), 10).await;
    assert!(wrong.is_empty(), "{wrong:#?}\n{}", rig.log());
    assert!(seen.iter().all(|one| one.state == "delivered" && one.in_erp == 1), "{seen:?}");
}

/// Chance, for fifteen seconds: both ways are cut, slow, stalled in one direction or both, and closed to new connections.
#[tokio::test(flavor = "multi_thread")]
async fn a_network_that_loses_delays_and_cuts_costs_no_order_and_doubles_none() {
    let database = database().await;
    let (one, first) = Proxy::before_postgres(&database.url()).await;
    let (other, second) = Proxy::before_postgres(&database.url()).await;
    let mut rig = Rig::fleet(&database.url(), "", &LOOK_UP.replace("\"30s\"", "\"10m\"")).await;
    rig.erp.set(|it| it.otherwise = Behaviour::Slow { ms: 50 });
    rig.arm(Some("lease=3s"));
    let direct = rig.database.replace(first);
    rig.write("orderdock.toml", &rig.fleet_file("first", ""));
    rig.serve().await;
    rig.database = Some(second);
    let _beside = rig.serve_beside("second", "").await;
    // The command line, which the judge asks, has a way of its own.
    rig.database = direct;
    rig.write("orderdock.toml", &rig.fleet_file("first", ""));
    let (mut dice, mut ids) = (Dice::new(10), Vec::new());
    let began = Instant::now();
    while began.elapsed() < Duration::from_secs(15) {
        ids.extend((0..4).map(|_| rig.place()));
        rig.ask(&["sync"]).await;
        let proxy = if dice.below(2) == 0 { &one } else { &other };
        match dice.below(7) {
            0 | 1 => proxy.cut(),
            2 => proxy.stall(true, false),
            3 => proxy.stall(false, true),
            4 => proxy.stall(true, true),
            5 => proxy.delay(Duration::from_millis(dice.below(200) as u64)),
            _ => {
                proxy.close(true);
                proxy.cut();
            }
        }
        tokio::time::sleep(Duration::from_millis(100 + dice.below(900) as u64)).await;
        // Sometimes for longer than the lease.
        if dice.below(3) > 0 {
            proxy.stall(false, false);
            proxy.close(false);
            proxy.delay(Duration::ZERO);
        }
    }
    for proxy in [&one, &other] {
        proxy.stall(false, false);
        proxy.close(false);
        proxy.delay(Duration::ZERO);
    }
    let last = rig.place();
    ids.push(last);
    rig.ask(&["sync"]).await;
    let ended = |rig: &Rig| ids.iter().all(|id| matches!(rig.order(*id).status(), "In Progress" | "On Hold"));
    rig.until_within(Duration::from_secs(120), "every order has come to its end", ended).await;
    let (wrong, seen) = judge::judge(&rig, Route::Http, &ids, Duration::from_secs(60), 500).await;
    assert!(wrong.is_empty(), "{wrong:#?}");
    let delivered = seen.iter().filter(|one| one.state == "delivered").count();
    assert_eq!(delivered, ids.len(), "with a look-up no doubt is left: {seen:?}");
}
