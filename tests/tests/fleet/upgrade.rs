//! The schema is brought up to date while hosts of the version before are at work (P14). No later version is there yet, so
//! one is made up: the same program with one more step of the schema, which it is given by `next-step=FILE`.

use std::time::Duration;

use orderdock_tests::{
    erp::Behaviour,
    rig::{PATIENCE, Rig},
};
use tokio::time::Instant;

use super::{LOOK_UP, database, judge};

/// A step as the rules want it: it only adds, to the tables that are in use all the time.
const EXPAND: &str = "alter table passes add column next_word text;
    alter table orders add column next_number bigint not null default 7;
    alter table attempts add column next_word text;
    alter table effects add column next_word text;
    alter table commits add column next_word text;
    create table next_things (id bigint primary key, thing text not null);
    create index next_passes on passes (next_word);";

/// A step that takes something away: programs that do not know it must not work any more.
const CONTRACT: &str = "insert into meta (name, number) values ('oldest_program', 1000)
    on conflict (name) do update set number = 1000;";

const FOUR: &str = "[limits]\norders_at_once = 4\n";

fn steps(database: &orderdock_postgres::Database) -> String {
    database.sql("select max(version) from _sqlx_migrations").unwrap()
}

/// Everything that is started from now on is one version newer, or not any more.
fn newer(rig: &mut Rig, step: Option<&str>) {
    let armed = step.map(|sql| format!("next-step={}", rig.write("next.sql", sql).display()));
    rig.arm(armed.as_deref());
}

#[tokio::test(flavor = "multi_thread")]
async fn hosts_of_two_versions_work_side_by_side_while_the_schema_is_brought_up_to_date() {
    let database = database().await;
    let mut rig = Rig::fleet(&database.url(), FOUR, LOOK_UP).await;
    // So slow that the orders last until the schema is up to date.
    rig.erp.set(|it| it.otherwise = Behaviour::Slow { ms: 1_500 });
    let before = steps(&database);
    let mut ids: Vec<u64> = (0..60).map(|_| rig.place()).collect();
    rig.serve().await;
    let older = rig.serve_beside("older", FOUR).await;
    rig.until("some are in the ERP", |rig| rig.erp.state().orders.len() > 8).await;
    // Tables are locked for as long as a big one would take.
    newer(&mut rig, Some(&format!("{EXPAND} select pg_sleep(1.5);")));
    let migrated = rig.ask(&["database", "migrate"]).await;
    assert_eq!(migrated["up_to_date"], true, "{migrated}");
    assert!(rig.erp.state().orders.len() < 60, "it was brought up to date under load");
    rig.erp.set(|it| it.otherwise = Behaviour::Slow { ms: 100 });
    assert_eq!(steps(&database).parse::<i64>().unwrap(), before.parse::<i64>().unwrap() + 1);
    let newer_one = rig.serve_beside("newer", FOUR).await;
    newer(&mut rig, None);
    let moved = |rig: &Rig| rig.log_of("newer").matches("pass moved").count();
    let end = Instant::now() + PATIENCE;
    // The others may be through with what there is before it has claimed anything.
    while moved(&rig) <= 4 {
        assert!(Instant::now() < end, "the newer one does not work: {}", rig.log_of("newer"));
        ids.extend((0..30).map(|_| rig.place()));
        rig.ask(&["sync"]).await;
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    // An older one starts on the newer schema, and goes on.
    assert!(older.stop().await.success());
    let older = rig.serve_beside("older-again", FOUR).await;
    ids.extend((0..20).map(|_| rig.place()));
    rig.ask(&["sync"]).await;
    rig.until_within(Duration::from_secs(60), "every order is in the ERP", |rig| {
        ids.iter().all(|id| rig.accepted(*id) > 0)
    })
    .await;
    judge(&rig, &ids).await;
    assert_eq!(rig.erp.state().requests, ids.len() as u64, "and none was sent twice");
    for log in [rig.log(), rig.log_of("older"), rig.log_of("older-again"), rig.log_of("newer")] {
        assert!(!log.contains("panicked") && !log.contains("can't go on with what is recorded"), "{log}");
    }
    // And back: the newer one goes, the older ones do the rest.
    assert!(newer_one.stop().await.success());
    let last = rig.place();
    rig.ask(&["sync"]).await;
    rig.until_within(Duration::from_secs(40), "the older ones work alone", |rig| rig.accepted(last) == 1).await;
    assert!(older.stop().await.success());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_migration_that_is_killed_half_way_leaves_nothing_and_stops_nobody() {
    let database = database().await;
    let mut rig = Rig::fleet(&database.url(), FOUR, LOOK_UP).await;
    let before = steps(&database);
    rig.serve().await;
    let first: Vec<u64> = (0..5).map(|_| rig.place()).collect();
    rig.sync().await;
    rig.until("all are in the ERP", |rig| first.iter().all(|id| rig.accepted(*id) == 1)).await;
    newer(&mut rig, Some(&format!("{EXPAND} select pg_sleep(4);")));
    let half_way = async {
        let asleep = "select count(*) from pg_stat_activity where query like '%pg_sleep%' and wait_event = 'PgSleep'
            and datname = current_database()";
        while database.sql(asleep).unwrap() == "0" {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::select! {
        said = rig.run(&["database", "migrate"]) => assert!(said.code == -2, "it was to be killed: {said:?}"),
        () = half_way => {}
    }
    newer(&mut rig, None);
    let later: Vec<u64> = (0..5).map(|_| rig.place()).collect();
    // The server still has the killed one's locks, for as long as its step goes on; a person is told to try again.
    let said = rig.run(&["sync"]).await;
    assert!(said.code == 0 || said.all().contains("try again"), "{said:?}");
    while rig.run(&["sync"]).await.code != 0 {}
    rig.until_within(Duration::from_secs(30), "the host goes on", |rig| later.iter().all(|id| rig.accepted(*id) == 1))
        .await;
    assert_eq!(steps(&database), before, "nothing of the step is there");
    let columns = "select count(*) from information_schema.columns where column_name in ('next_word', 'next_number')";
    assert_eq!(database.sql(columns).unwrap(), "0");
    newer(&mut rig, Some(EXPAND));
    rig.ask(&["database", "migrate"]).await;
    newer(&mut rig, None);
    assert_ne!(steps(&database), before);
    judge(&rig, &[first, later].concat()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_program_that_is_too_old_for_the_schema_says_so_and_does_nothing() {
    let database = database().await;
    let mut rig = Rig::fleet(&database.url(), "", LOOK_UP).await;
    newer(&mut rig, Some(&format!("{EXPAND} {CONTRACT}")));
    rig.ask(&["database", "migrate"]).await;
    newer(&mut rig, None);
    for arguments in [["check"].as_slice(), &["serve"], &["database", "migrate"]] {
        let said = rig.run(arguments).await;
        assert!(said.code != 0 && said.all().contains("a newer Orderdock has written it"), "{arguments:?}: {said:?}");
    }
}
