//! The reduced crash matrix, and what shows that its judge would notice: a guarantee taken away must be missed.

#![expect(clippy::unwrap_used, reason = "tests")]

use std::{path::PathBuf, time::Duration};

use orderdock_tests::{
    crash::{
        cell::{Action, Cell, Database, Route},
        judge, matrix,
        scenario::LOOK_UP,
    },
    races::{self, Options},
    rig::{PATIENCE, Rig},
    shop::{Fault, Play},
};

#[tokio::test(flavor = "multi_thread")]
async fn killed_at_every_failpoint_the_host_goes_on_and_nothing_is_lost_or_doubled() {
    let lines = matrix::run(Cell::reduced(Database::Sqlite), 4, false).await;
    assert!(lines.iter().all(|line| line.outcome == "held"), "{}", matrix::table(&lines));
}

/// What a database of its own kind could do differently: the commits, and the claims between them.
#[tokio::test(flavor = "multi_thread")]
async fn killed_around_every_commit_on_postgres_the_host_goes_on_and_nothing_is_lost_or_doubled() {
    let commits = ["F2", "F3", "F4", "F7", "F13", "F15"];
    let mut cells = Cell::reduced(Database::Postgres);
    cells.retain(|cell| commits.contains(&&*cell.point.name()));
    assert_eq!(cells.len(), 2 * commits.len());
    let lines = matrix::run(cells, 4, false).await;
    assert!(lines.iter().all(|line| line.outcome == "held"), "{}", matrix::table(&lines));
}

#[tokio::test(flavor = "multi_thread")]
async fn three_hosts_that_sleep_past_their_leases_send_no_order_twice() {
    let lease = Duration::from_secs(3);
    let options = Options { hosts: 3, orders: 120, database: Database::Postgres, seed: 3, lease, bar: false };
    let verdict = races::run(&options).await;
    assert!(verdict.wrong.is_empty(), "{}", verdict.text());
}

/// A file that a held failpoint waits for.
fn gate(rig: &Rig, name: &str) -> PathBuf {
    rig.dir().join(name)
}

/// Waits until something is held there.
async fn held(rig: &Rig, gate: &std::path::Path) {
    let sign = gate.with_extension("held");
    rig.until("a failpoint is reached", |_| sign.exists()).await;
}

/// What the judge finds after the host died between the ERP's acceptance and the record of it, twice started.
async fn killed_at_the_answer(more: &str) -> Vec<String> {
    let mut rig = Rig::connected().await;
    let id = rig.place();
    rig.arm(Some(&format!("F11=kill; {more}")));
    rig.serve().await;
    rig.ended().await;
    rig.arm(None);
    rig.serve().await;
    rig.until("the order has come to an end", |rig| rig.order(id).status() != "New Order").await;
    judge::judge(&rig, Route::Http, &[id], PATIENCE, usize::MAX).await.0
}

#[tokio::test(flavor = "multi_thread")]
async fn without_the_write_ahead_row_the_judge_finds_a_second_order() {
    let wrong = killed_at_the_answer("without=write-ahead").await;
    assert!(wrong.iter().any(|one| one.contains("twice")), "{wrong:?}");
}

/// A worker holds between its write-ahead row and its send until its lease is over, another takes the pass over and is held
/// at the same place; then the first goes on, and after it the second. Gives what the judge finds.
async fn a_worker_that_sleeps_past_its_lease(more: &str) -> Vec<String> {
    let look_up = format!("{LOOK_UP}\ndestination.settings.time_limit_s = 1");
    let look_up = look_up.replacen("destination.settings.time_limit_s = 2", "", 1);
    let mut rig = Rig::connected_with(&look_up).await;
    let id = rig.place();
    let (first, second) = (gate(&rig, "first"), gate(&rig, "second"));
    let holds = format!("F7.after=hold:{}@1; F7.after=hold:{}@2", first.display(), second.display());
    rig.arm(Some(&format!("{holds}; lease=3s; without=renewal; {more}")));
    rig.serve().await;
    held(&rig, &first).await;
    held(&rig, &second).await;
    std::fs::write(&first, "").unwrap();
    rig.until("the first worker has ended", |rig| {
        let log = rig.log();
        log.contains("another worker has it now") || log.contains("from=\"sending\" to=\"waiting\"")
    })
    .await;
    std::fs::write(&second, "").unwrap();
    rig.until_status(id, "In Progress").await;
    rig.sync().await;
    judge::judge(&rig, Route::Http, &[id], PATIENCE, usize::MAX).await.0
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_that_sleeps_past_its_lease_changes_nothing_and_sends_nothing() {
    let wrong = a_worker_that_sleeps_past_its_lease("").await;
    assert!(wrong.is_empty(), "{wrong:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn without_the_fence_the_judge_finds_a_second_order() {
    let wrong = a_worker_that_sleeps_past_its_lease("without=fence").await;
    assert!(wrong.iter().any(|one| one.contains("twice")), "{wrong:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn without_the_gate_at_the_first_byte_the_judge_finds_a_second_order() {
    let wrong = a_worker_that_sleeps_past_its_lease("without=gate").await;
    assert!(wrong.iter().any(|one| one.contains("twice")), "{wrong:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_host_that_stood_still_longer_than_its_lease_goes_on_and_doubles_nothing() {
    let by_http = ["F4.after", "F7.after", "F8", "F10", "F14.before"];
    let by_file = ["F4.before", "F8", "F9"];
    let mut cells = Cell::all(Action::Pause);
    cells.retain(|cell| {
        let (places, look_up): (&[&str], bool) = match cell.route {
            Route::Http => (&by_http, true),
            Route::File => (&by_file, false),
        };
        cell.database == Database::Sqlite && cell.look_up == look_up && places.contains(&&*cell.place())
    });
    assert_eq!(cells.len(), by_http.len() + by_file.len());
    let lines = matrix::run(cells, 8, false).await;
    assert!(lines.iter().all(|line| line.outcome == "held"), "{}", matrix::table(&lines));
}

/// A bug of ours at a point breaks off what is there; the same process goes on.
#[tokio::test(flavor = "multi_thread")]
async fn a_bug_at_a_failpoint_breaks_off_one_task_and_the_same_process_goes_on() {
    let by_http =
        ["F1", "F2.after", "F4.after", "F5", "F7.after", "F10", "F13.before", "F13.after", "F14.before", "F16"];
    let by_file = ["F8", "F10"];
    let mut cells = Cell::all(Action::Panic);
    cells.retain(|cell| {
        let places: &[&str] = if cell.route == Route::Http { &by_http } else { &by_file };
        cell.database == Database::Sqlite && cell.look_up && places.contains(&&*cell.place())
    });
    assert_eq!(cells.len(), by_http.len() + by_file.len());
    let lines = matrix::run(cells, 6, false).await;
    assert!(lines.iter().all(|line| line.outcome == "held"), "{}", matrix::table(&lines));
}

/// Where the ledger itself breaks off nothing can be recorded any more: the process says so and ends, and whoever watches it
/// starts it again.
async fn a_bug_in_the_ledger(database: Database) {
    let mut rig = Rig::bare_on(database.address().await).await;
    rig.add_plugin().await;
    rig.connect(LOOK_UP).await;
    let ids = [rig.place(), rig.place(), rig.place()];
    rig.arm(Some("ledger=panic@12"));
    rig.serve().await;
    let status = rig.ended().await;
    assert_eq!(status.code(), Some(1), "{}", rig.log());
    assert!(rig.log().contains("the part of Orderdock that writes the ledger has broken off"), "{}", rig.log());
    rig.arm(None);
    rig.serve().await;
    let ended = |rig: &Rig| ids.iter().all(|id| rig.order(*id).status() == "In Progress");
    rig.until_within(PATIENCE, "every order has come to its end", ended).await;
    let (wrong, _) = judge::judge(&rig, Route::Http, &ids, PATIENCE, usize::MAX).await;
    assert!(wrong.is_empty(), "{wrong:?}\n{}", rig.log());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bug_in_the_ledger_ends_the_process_and_the_next_one_goes_on() {
    a_bug_in_the_ledger(Database::Sqlite).await;
    a_bug_in_the_ledger(Database::Postgres).await;
}

/// A shop that takes longer to answer than the lease of an order's effects: nobody may begin the same write meanwhile.
#[tokio::test(flavor = "multi_thread")]
async fn a_write_that_outlives_the_lease_is_cut_off_and_the_shop_has_it_once() {
    let mut rig = Rig::connected().await;
    let id = rig.place();
    let slow = Fault { method: Some("POST".to_owned()), ..Fault::next("/timeline", Play::Late(9_000)) };
    rig.shop.fault(slow);
    // Effects are leased for twice as long.
    rig.arm(Some("lease=3s"));
    rig.serve().await;
    rig.until_within(2 * PATIENCE, "the order has come to an end", |rig| rig.order(id).status() == "In Progress").await;
    // Whatever the slow one still brings about has happened by then.
    tokio::time::sleep(Duration::from_secs(5)).await;
    let (wrong, _) = judge::judge(&rig, Route::Http, &[id], PATIENCE, 1).await;
    assert!(wrong.is_empty(), "{wrong:?}\n{}", rig.log());
}
