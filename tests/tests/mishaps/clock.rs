//! Somebody sets the machine's clock, by an hour or by a day, while the host is at work (P9); and hosts whose clocks are wrong.
//! The host's wall clock is a failpoint's: `clock=FILE` says by how much it is off, at any moment.

use std::{path::PathBuf, time::Duration};

use orderdock_tests::{
    erp::Behaviour,
    rig::{CONNECTION, PATIENCE, Rig},
};
use tokio::time::Instant;

const HOUR: i64 = 3_600_000;
const JUMPS: [i64; 4] = [HOUR, -HOUR, 24 * HOUR, -24 * HOUR];

const LOOK_UP: &str = r#"
    plugin.settings.lookup_path = "orders?reference={order_number}"
    plugin.settings.lookup_list_path = "orders"
    plugin.settings.lookup_order_id_path = "orders[0].order_id"
    destination.settings.time_limit_s = 1
    unknown.settling = "3s"
    unknown.lookup_for = "30m"
"#;

/// A request limit of a second and a settling time of three: before that, "not found" proves nothing.
const SETTLED: Duration = Duration::from_secs(4);

struct Wall(PathBuf);

impl Wall {
    fn arm(rig: &mut Rig) -> Self {
        let wall = Self(rig.dir().join("clock"));
        wall.set(0);
        rig.arm(Some(&format!("clock={}", wall.0.display())));
        wall
    }

    fn set(&self, off_ms: i64) {
        // Whole or not at all: the host reads it at any moment.
        let other = self.0.with_extension("new");
        std::fs::write(&other, off_ms.to_string()).unwrap();
        std::fs::rename(other, &self.0).unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clock_that_is_set_delays_no_order_and_lets_none_be_sent_twice() {
    let mut rig = Rig::connected_with(LOOK_UP).await;
    let wall = Wall::arm(&mut rig);
    rig.serve().await;
    for off_ms in JUMPS {
        // From before anybody can have seen them: whatever is late makes it longer.
        let began = Instant::now();
        wall.set(0);
        // One whose request went nowhere, one that is put off, one that is being sent.
        let (lost, waiting, slow) = (rig.place(), rig.place(), rig.place());
        rig.erp.once(&format!("WEB-{lost}"), Behaviour::Broken { message: None, accepted: false });
        rig.erp.once(&format!("WEB-{waiting}"), Behaviour::Throttle { retry_after: "2".to_owned() });
        rig.erp.once(&format!("WEB-{slow}"), Behaviour::Slow { ms: 900 });
        rig.ask(&["sync", CONNECTION]).await;
        rig.until("all three were sent", |rig| [lost, waiting, slow].iter().all(|id| rig.sent(*id) >= 1)).await;
        rig.until_state(lost, "unknown").await;
        wall.set(off_ms);
        rig.until("what was lost is sent again", |rig| rig.sent(lost) == 2).await;
        // The ledger's clock follows one that was set on by one part in twenty, and is that much faster meanwhile.
        assert!(began.elapsed() >= SETTLED * 19 / 20, "{off_ms}: \"not found\" counted too early");
        let after = rig.place();
        rig.ask(&["sync", CONNECTION]).await;
        for (id, times) in [(lost, 2), (waiting, 2), (slow, 1), (after, 1)] {
            rig.until_status(id, "In Progress").await;
            assert_eq!((rig.accepted(id), rig.sent(id)), (1, times), "order {id}, {off_ms} ms");
            assert_eq!(rig.order(id).notes.len(), 1, "order {id}, {off_ms} ms");
        }
    }
    assert!(!rig.log().contains("another worker has it now"), "no lease was lost: {}", rig.log());
}

/// The host is killed and started again behind an hour: what it finds in doubt gets its whole time once more.
#[tokio::test(flavor = "multi_thread")]
async fn a_doubt_that_a_restarted_host_finds_gets_its_time_whatever_the_clock_says() {
    let mut rig = Rig::connected_with(LOOK_UP).await;
    let wall = Wall::arm(&mut rig);
    let id = rig.place();
    rig.erp.once(&format!("WEB-{id}"), Behaviour::Broken { message: None, accepted: false });
    rig.serve().await;
    rig.until("it was sent", |rig| rig.sent(id) == 1).await;
    rig.until_state(id, "unknown").await;
    rig.kill().await;
    wall.set(HOUR / 2);
    let began = Instant::now();
    rig.serve().await;
    rig.until_status(id, "In Progress").await;
    assert!(began.elapsed() > SETTLED, "\"not found\" counted after {:?}", began.elapsed());
    assert_eq!((rig.accepted(id), rig.sent(id)), (1, 2));
}

/// On PostgreSQL all hosts go by the database's clock, whatever their machines say.
#[tokio::test(flavor = "multi_thread")]
async fn hosts_whose_clocks_are_a_day_apart_share_the_work_and_take_each_other_over() {
    let database = tokio::task::spawn_blocking(|| orderdock_postgres::database("", |_| Ok(()))).await.unwrap().unwrap();
    let mut rig = Rig::fleet(&database.url(), "[limits]\norders_at_once = 2\n", LOOK_UP).await;
    rig.erp.set(|it| it.otherwise = Behaviour::Slow { ms: 200 });
    let mut ids: Vec<u64> = (0..24).map(|_| rig.place()).collect();
    let clock = |rig: &mut Rig, off_ms: i64| {
        let file = rig.write(&format!("clock{off_ms}"), &off_ms.to_string());
        rig.arm(Some(&format!("lease=3s; clock={}", file.display())));
    };
    clock(&mut rig, 24 * HOUR);
    rig.serve().await;
    clock(&mut rig, -24 * HOUR);
    let second = rig.serve_beside("second", "[limits]\norders_at_once = 2\n").await;
    clock(&mut rig, HOUR);
    let third = rig.serve_beside("third", "[limits]\norders_at_once = 2\n").await;
    rig.until("a part is in the ERP", |rig| rig.erp.state().orders.len() > 6).await;
    // The first ones may be through with what there is before the last one has claimed anything.
    let end = Instant::now() + PATIENCE;
    while !rig.log_of("third").contains("pass moved") {
        assert!(Instant::now() < end, "the third one has no share: {}", rig.log_of("third"));
        ids.extend((0..12).map(|_| rig.place()));
        rig.ask(&["sync", CONNECTION]).await;
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    second.kill().await;
    let all = |rig: &Rig| ids.iter().all(|id| rig.accepted(*id) > 0);
    rig.until_within(Duration::from_secs(60), "every order is in the ERP", all).await;
    for id in &ids {
        rig.until_status(*id, "In Progress").await;
        assert_eq!((rig.accepted(*id), rig.sent(*id)), (1, 1), "order {id}");
    }
    for log in [rig.log(), rig.log_of("third")] {
        assert!(log.contains("pass moved"), "it had its share: {log}");
    }
    assert!(third.stop().await.success());
}
