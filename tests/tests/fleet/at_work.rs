//! Two hosts and more: work is shared, a dead one's is taken up, one is emptied, one looks at the shop.

use std::{collections::BTreeSet, time::Duration};

use orderdock_tests::{
    erp::Behaviour,
    rig::{PATIENCE, Rig},
};
use tokio::time::Instant;

use super::{LOOK_UP, database, judge};

/// After a kill: the lease, a look-up, and room for a busy machine. The promise is 60 s.
const TAKEOVER: Duration = Duration::from_secs(60);

#[tokio::test(flavor = "multi_thread")]
async fn two_hosts_deliver_each_order_once_and_a_killed_ones_work_is_taken_up() {
    let database = database().await;
    let mut rig = Rig::fleet(&database.url(), "[limits]\norders_at_once = 4\n", LOOK_UP).await;
    // Until both were seen at work, so slow that no host can be through with all before the other one has begun.
    rig.erp.set(|it| it.otherwise = Behaviour::Slow { ms: 5_000 });
    rig.serve().await;
    let second = rig.serve_beside("second", "[limits]\norders_at_once = 4\n").await;
    let ids: Vec<u64> = (0..40).map(|_| rig.place()).collect();
    rig.ask(&["sync"]).await;
    let first = rig.host.as_ref().unwrap().listen.clone();
    let (mut seen, end) = (BTreeSet::new(), Instant::now() + PATIENCE);
    while seen.len() < 2 {
        assert!(Instant::now() < end, "both have orders in hand; only {seen:?} had");
        for listen in [&first, &second.listen] {
            let ready = rig.readyz(listen).await;
            if ready["in_hand"].as_u64().unwrap() > 0 {
                seen.insert(ready["host"].as_str().unwrap().to_owned());
            }
        }
    }
    assert_eq!(seen, BTreeSet::from(["first".to_owned(), "second".to_owned()]));
    rig.erp.set(|it| it.otherwise = Behaviour::Slow { ms: 250 });
    let killed = Instant::now();
    second.kill().await;
    rig.until_within(TAKEOVER, "every order is in the ERP", |rig| ids.iter().all(|id| rig.accepted(*id) > 0)).await;
    let delivered = ["order", "list", "--state", "delivered", "--limit", "100"];
    rig.until_asked(&delivered, "every order is delivered", |told| told.as_array().unwrap().len() == ids.len()).await;
    assert!(killed.elapsed() < TAKEOVER, "{:?}", killed.elapsed());
    judge(&rig, &ids).await;
    let words = "another host gives no signs of life";
    rig.until_within(TAKEOVER, "it is noticed", |rig| rig.log().contains(words)).await;
    let hosts = rig.hosts().await;
    let gone = hosts.iter().find(|host| host["name"] == "second").unwrap();
    assert_eq!(gone["condition"], "gone", "{hosts:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_host_that_is_killed_goes_on_at_once_after_its_restart() {
    let database = database().await;
    let mut rig = Rig::fleet(&database.url(), "", LOOK_UP).await;
    // A lease that is far from over when the restarted host is through with it.
    let file = rig.fleet_file("first", "").replace("lease = \"15s\"", "lease = \"60s\"");
    assert!(file.contains("60s"), "{file}");
    rig.write("orderdock.toml", &file);
    let id = rig.place();
    rig.erp.set(|it| it.otherwise = Behaviour::Slow { ms: 600_000 });
    rig.serve().await;
    rig.until("the order is being sent", |rig| rig.sent(id) == 1).await;
    rig.kill().await;
    rig.erp.set(|it| it.otherwise = Behaviour::accept());
    rig.serve().await;
    let began = Instant::now();
    let log = "took over what the last process of this host had under way";
    rig.until("the lease of the killed process is ended", |rig| rig.log().contains(log)).await;
    rig.until_shown(id, "the outcome is being looked up, or known", |shown| shown["order"]["state"] != "sending").await;
    assert!(began.elapsed() < Duration::from_secs(40), "{:?}: not the lease of a minute", began.elapsed());
    rig.until_state(id, "delivered").await;
    judge(&rig, &[id]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_host_is_emptied_and_the_others_do_the_rest() {
    let database = database().await;
    let mut rig = Rig::fleet(&database.url(), "", LOOK_UP).await;
    rig.erp.set(|it| it.otherwise = Behaviour::Slow { ms: 1_500 });
    rig.serve().await;
    let held: Vec<u64> = (0..2).map(|_| rig.place()).collect();
    rig.sync().await;
    rig.until("both are being sent", |rig| held.iter().all(|id| rig.sent(*id) == 1)).await;
    let second = rig.serve_beside("second", "").await;
    let told = rig.ask(&["host", "drain", "first", "--why", "upgrade", "--wait", "30"]).await;
    assert_eq!(told["empty"], true, "{told}");
    for id in &held {
        assert_eq!(rig.accepted(*id), 1, "what was being sent has ended");
    }
    let ready = rig.readyz(&rig.host.as_ref().unwrap().listen).await;
    assert_eq!((&ready["draining"], &ready["in_hand"]), (&true.into(), &0.into()), "{ready}");
    rig.erp.set(|it| it.otherwise = Behaviour::accept());
    let later: Vec<u64> = (0..3).map(|_| rig.place()).collect();
    rig.ask(&["sync"]).await;
    rig.until("the other host delivers", |rig| later.iter().all(|id| rig.accepted(*id) == 1)).await;
    let words = "looked at the shop";
    rig.until("it is the second one's turn now", |rig| rig.log_of("second").contains(words)).await;
    assert!(second.stop().await.success());
    rig.ask(&["host", "drain", "first", "--undo"]).await;
    let last = rig.place();
    rig.until_logged("at work again").await;
    rig.ask(&["sync"]).await;
    rig.until("it delivers", |rig| rig.accepted(last) == 1).await;
    judge(&rig, &[held, later, vec![last]].concat()).await;
    let hosts = rig.hosts().await;
    let second = hosts.iter().find(|host| host["name"] == "second").unwrap();
    assert_eq!(second["condition"], "ended", "{hosts:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn one_host_at_a_time_looks_at_the_shop() {
    let database = database().await;
    let mut rig = Rig::fleet(&database.url(), "", "").await;
    rig.serve().await;
    rig.until("the first one has looked", |rig| rig.shop.requests("evo GET /orders") > 0).await;
    let others = [rig.serve_beside("second", "").await, rig.serve_beside("third", "").await];
    let before = rig.shop.requests("evo GET /orders");
    for _ in 0..5 {
        rig.sync().await;
    }
    let sweeps = |log: String| log.matches("looked at the shop").count();
    let _first = rig.place();
    rig.sync().await;
    rig.until("the order is delivered", |rig| rig.erp.state().orders.len() == 1).await;
    assert_eq!(sweeps(rig.log_of("second")) + sweeps(rig.log_of("third")), 0, "only the first one's turn");
    assert!(rig.shop.requests("evo GET /orders") - before <= 12, "one list, or two, for each wish");
    for other in others {
        assert!(other.stop().await.success());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_hosts_can_not_work_from_one_folder() {
    let database = database().await;
    let mut rig = Rig::fleet(&database.url(), "", "").await;
    rig.serve().await;
    let said = rig.run(&["serve"]).await;
    assert_eq!(said.code, 1, "{said:?}");
    assert!(said.err.contains("data_dir"), "{said:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn two_hosts_try_an_erp_that_is_down_one_at_a_time() {
    let database = database().await;
    let mut rig = Rig::fleet(&database.url(), "", LOOK_UP).await;
    let ids: Vec<u64> = (0..30).map(|_| rig.place()).collect();
    rig.erp.down().await;
    rig.serve().await;
    let second = rig.serve_beside("second", "").await;
    let words = "nothing more is sent to the ERP for now";
    rig.until("one of them sees it", |rig| rig.log().contains(words) || rig.log_of("second").contains(words)).await;
    tokio::time::sleep(Duration::from_secs(6)).await;
    let shown = rig.ask(&["connection", "show", "json"]).await;
    let shut_ms = shown["connection"]["shut"]["opened_ms"].as_i64().unwrap();
    let log = rig.ask(&["log", "--limit", "1000"]).await;
    let mut tries: Vec<i64> = log.as_array().unwrap().iter().map(|it| it["recorded_ms"].as_i64().unwrap()).collect();
    // Those that were on their way when it was seen are left out: the other host may hear of it a second later.
    tries.retain(|at| *at > shut_ms + 1_500);
    tries.sort_unstable();
    assert!(tries.len() >= 2, "{tries:?}");
    assert!(tries.windows(2).all(|two| two[1] - two[0] >= 400), "one try for both hosts in each wait: {tries:?}");
    rig.erp.up().unwrap();
    rig.until_within(TAKEOVER, "every order is in the ERP", |rig| ids.iter().all(|id| rig.accepted(*id) > 0)).await;
    judge(&rig, &ids).await;
    assert!(second.stop().await.success());
}
