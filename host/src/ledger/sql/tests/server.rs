//! What only a server can do: be away, be another one than is needed, lose its answer to a commit, and have many hosts.

use std::{
    collections::BTreeSet,
    sync::{
        Arc,
        atomic::{AtomicU8, Ordering},
    },
};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
};

use super::rig::*;
use crate::{
    domain::clock::Clock,
    ledger::{
        LedgerError, Result,
        connections::Connections as _,
        passes::{ClaimKind, Passes as _},
        sql::{SqlLedger, database::values_of},
    },
};

fn says(result: Result<SqlLedger>, words: &[&str]) {
    let Err(error @ LedgerError::Unavailable { .. }) = result else { panic!("{result:?}") };
    let text = error.to_string();
    for word in words {
        assert!(text.contains(word), "{word:?} in {text:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_wrong_with_the_server_is_said() {
    let database = database().await;
    let url = database.url();
    let (server, _) = url.rsplit_once('/').unwrap();
    says(open_with_clock("postgres://u:secret@127.0.0.1:1/d", clock()).await, &["u@127.0.0.1:1/d", "can't be reached"]);
    says(open_with_clock(&format!("{server}/none"), clock()).await, &["no such database"]);
    database.sql("drop table if exists other; create role nobody login").unwrap();
    let stranger = url.replace("postgres@", "nobody@");
    let ledger = open_with_clock(&stranger, clock()).await;
    database.sql("drop owned by nobody; drop role nobody").unwrap();
    says(ledger, &["lacks a right", "docs/postgresql.md"]);
}

/// Stands between a ledger and its server, and cuts a connection at a commit.
struct Wire {
    url: String,
    mode: Arc<AtomicU8>,
}

/// Passes everything on.
const PASS: u8 = 0;
/// The next commit reaches the server, its answer nobody.
const LOSE_ANSWER: u8 = 1;
/// The next commit does not reach the server.
const LOSE_COMMIT: u8 = 2;
/// Nothing new gets through.
const CUT: u8 = 3;

impl Wire {
    async fn before(url: &str) -> Self {
        let (head, rest) = url.split_once('@').unwrap();
        let (server, name) = rest.split_once('/').unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let mode = Arc::new(AtomicU8::new(PASS));
        let (shared, server) = (Arc::clone(&mode), server.to_owned());
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                if shared.load(Ordering::SeqCst) != CUT {
                    tokio::spawn(carry(client, server.clone(), Arc::clone(&shared)));
                }
            }
        });
        Self { url: format!("{head}@127.0.0.1:{port}/{name}?sslmode=disable"), mode }
    }

    fn next(&self, mode: u8) {
        self.mode.store(mode, Ordering::SeqCst);
    }
}

async fn carry(mut client: TcpStream, server: String, mode: Arc<AtomicU8>) {
    let mut server = TcpStream::connect(server).await.unwrap();
    let (mut up, mut down) = (vec![0; 1 << 16], vec![0; 1 << 16]);
    loop {
        tokio::select! {
            read = client.read(&mut up) => {
                let Ok(count @ 1..) = read else { return };
                let bytes = &up[..count];
                let is_commit = bytes.windows(7).any(|word| word == b"commit\0");
                let what = mode.load(Ordering::SeqCst);
                if is_commit && what == LOSE_COMMIT {
                    mode.store(PASS, Ordering::SeqCst);
                    return;
                }
                server.write_all(bytes).await.unwrap();
                if is_commit && what == LOSE_ANSWER {
                    // Its answer has come, and is dropped with the connection.
                    assert!(server.read(&mut down).await.unwrap() > 0);
                    mode.store(PASS, Ordering::SeqCst);
                    return;
                }
                if is_commit && what == CUT {
                    return;
                }
            }
            read = server.read(&mut down) => {
                let Ok(count @ 1..) = read else { return };
                if client.write_all(&down[..count]).await.is_err() { return }
            }
        }
    }
}

async fn count_on(ledger: &SqlLedger) -> Result<()> {
    let operation = ledger.write((), |db, ()| {
        Box::pin(async { db.run("update meta set number = number + 1 where name = 'host_pause'", vec![]).await })
    });
    operation.await.map(drop)
}

async fn counted(ledger: &SqlLedger) -> i64 {
    let mut db = ledger.reader().await.unwrap();
    db.maybe_row("select number from meta where name = 'host_pause'", vec![])
        .await
        .unwrap()
        .unwrap()
        .int("number")
        .unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_commit_whose_answer_is_lost_is_settled() {
    let database = database().await;
    let wire = Wire::before(&database.url()).await;
    let ledger = open_with_clock(&wire.url, clock()).await.unwrap();
    count_on(&ledger).await.unwrap();
    for (step, mode) in [(2, LOSE_ANSWER), (3, LOSE_COMMIT), (4, PASS), (5, LOSE_ANSWER), (6, LOSE_ANSWER)] {
        wire.next(mode);
        count_on(&ledger).await.unwrap();
        assert_eq!(counted(&ledger).await, step, "once each, whatever was lost");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_claim_got_is_read_again_if_its_answer_is_lost() {
    let database = database().await;
    let wire = Wire::before(&database.url()).await;
    let rig = Rig::at(&wire.url).await;
    for (id, mode) in [("1", LOSE_ANSWER), ("2", LOSE_COMMIT), ("3", LOSE_ANSWER)] {
        rig.offer(id).await;
        wire.next(mode);
        let claim = rig.claim_one().await;
        assert_eq!(claim.pass.key.order.shop_order_id, id);
        assert_eq!(claim.pass.takeovers, 0);
        wire.next(mode);
        rig.send(&claim, &format!("a-{id}")).await.unwrap();
        let detail = rig.detail(id).await;
        assert_eq!(detail.attempts.len(), 1, "once, whatever was lost");
        wire.next(mode);
        assert!(rig.send(&claim, "again").await.is_err(), "it is sending already");
        wire.next(PASS);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_line_whose_receipt_is_gone_makes_a_new_one() {
    let rig = Rig::postgres().await;
    for (id, before) in [("1", "select 1"), ("2", "delete from commits"), ("3", "delete from commits")] {
        rig.offer(id).await;
        rig.sql(before);
        let claim = rig.claim_one().await;
        rig.sql(before);
        rig.send(&claim, &format!("a-{id}")).await.unwrap();
    }
    assert_ne!(rig.sql("select count(*) from commits where number > 0"), "0");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_transaction_whose_time_was_guessed_wrong_is_repeated() {
    let rig = Rig::postgres().await;
    let jumps = clock();
    let ledger =
        SqlLedger::open_postgres(&address(rig.url()), jumps.clone(), Arc::new(Counting::new()), None).await.unwrap();
    for id in ["1", "2", "3"] {
        rig.offer(id).await;
        ledger.now_ms().await.unwrap();
        // Between two looks at the server the machine's clock counts. This one is an hour off all at once.
        jumps.move_on(3_600_000);
        let claims = ledger.claim(&rig.connection, &rig.host, ClaimKind::Work, 1, LEASE).await.unwrap();
        let said: i64 = rig.sql("select (extract(epoch from clock_timestamp()) * 1000)::bigint").parse().unwrap();
        let until = claims[0].until_ms - LEASE;
        assert!((said - until).abs() < 600_000, "{said} {until}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_goes_away_is_found_again() {
    let options = orderdock_postgres::Options { fsync: true, ..Default::default() };
    let server = orderdock_postgres::Server::start(&options).unwrap();
    let ledger = open_with_clock(&server.create("one").unwrap(), clock()).await.unwrap();
    count_on(&ledger).await.unwrap();
    server.stop(orderdock_postgres::Stop::Immediate).unwrap();
    let error = count_on(&ledger).await.unwrap_err();
    assert!(matches!(error, LedgerError::Unavailable { .. }), "{error:?}");
    assert!(ledger.change_number().await.is_err(), "readers too");
    server.again().unwrap();
    let mut tries = 0;
    while count_on(&ledger).await.is_err() {
        tries += 1;
        assert!(tries < 200, "it comes back by itself");
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    assert_eq!(counted(&ledger).await, 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn hosts_that_race_take_each_pass_once() {
    let rig = Rig::postgres().await;
    let ids: Vec<String> = (0..80).map(|n| format!("{n:03}")).collect();
    rig.see(ids.iter().map(|id| sight(id, "New Order")).collect(), false).await;
    let mut hosts = Vec::new();
    for number in 0..4 {
        let ledger = open_with_clock(rig.url(), Arc::clone(&rig.clock)).await.unwrap();
        let connection = rig.connection.clone();
        hosts.push(tokio::spawn(async move {
            let host = format!("racer-{number}").as_str().into();
            let mut taken = Vec::new();
            let mut empty = 0;
            // Rows that another host is just claiming are passed over, so once nothing is not yet the end.
            while empty < 3 {
                let claims = ledger.claim(&connection, &host, ClaimKind::Work, 3, LEASE).await.unwrap();
                empty = if claims.is_empty() { empty + 1 } else { 0 };
                taken.extend(claims.into_iter().map(|claim| claim.pass.key.order.shop_order_id));
            }
            taken
        }));
    }
    let mut taken = Vec::new();
    for host in hosts {
        taken.extend(host.await.unwrap());
    }
    assert_eq!(taken.len(), 80);
    assert_eq!(taken.into_iter().collect::<BTreeSet<_>>(), ids.into_iter().collect());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn hosts_that_see_the_same_new_orders_open_each_pass_once() {
    let rig = Arc::new(Rig::postgres().await);
    let other = open_with_clock(rig.url(), Arc::clone(&rig.clock)).await.unwrap();
    let other = Arc::new(rig.beside(Arc::new(other)));
    for round in 0..10 {
        let sights = |first: usize| (first..first + 6).map(|n| sight(&format!("{round}-{n}"), "New Order")).collect();
        let (a, b) = tokio::join!(rig.see(sights(0), false), other.see(sights(3), false));
        let opened = a.iter().chain(&b).filter(|one| one.opened.is_some()).count();
        assert_eq!(opened, 9, "round {round}");
    }
    assert_eq!(rig.ledger.counts(&rig.connection).await.unwrap().by_state["waiting"], 90);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_time_is_the_servers() {
    let database = database().await;
    let slow = clock();
    let ledger =
        SqlLedger::open_postgres(&address(&database.url()), slow.clone(), Arc::new(Counting::new()), None).await;
    let ledger = ledger.unwrap();
    let said: i64 =
        database.sql("select (extract(epoch from clock_timestamp()) * 1000)::bigint").unwrap().parse().unwrap();
    let known = ledger.now_ms().await.unwrap();
    assert!((said - known).abs() < 5_000, "{said} {known}; the machine says {}", slow.now_ms());
    ledger.set_host_pause(true, "me", "").await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_text_with_a_zero_character_is_kept_without_it() {
    let rig = Rig::postgres().await;
    rig.see(vec![sight("1", "odd\0status")], false).await;
    assert_eq!(rig.row("1").await.shop_status, "odd\u{fffd}status");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_column_that_a_newer_host_adds_disturbs_nobody() {
    let rig = Rig::postgres().await;
    rig.offer("1").await;
    rig.detail("1").await;
    let claim = rig.claim_one().await;
    rig.sql("alter table passes add column later text");
    rig.detail("1").await;
    rig.send(&claim, "a1").await.unwrap();
    rig.offer("2").await;
    assert_eq!(rig.claim().await.len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_listens_is_woken() {
    let rig = Rig::postgres().await;
    let mut wakes = rig.ledger.wakes().unwrap();
    rig.offer("1").await;
    let woken = async {
        loop {
            if let crate::ledger::fleet::Wake::Work(connection) = wakes.recv().await.unwrap() {
                return connection;
            }
        }
    };
    let woken = tokio::time::timeout(std::time::Duration::from_secs(10), woken).await.unwrap();
    assert_eq!(woken, rig.connection);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pooler_in_between_is_found_out_and_everything_works() {
    let database = database().await;
    let url = database.url();
    let (server, name) = url.rsplit_once('/').unwrap();
    let port = server.rsplit_once(':').unwrap().1.parse().unwrap();
    let pooler = orderdock_postgres::Pooler::start(port, 2).unwrap();
    let rig = Rig::at(&pooler.url(name)).await;
    assert!(rig.ledger.wakes().is_none(), "nobody can listen through it");
    rig.see((0..40).map(|n| sight(&n.to_string(), "New Order")).collect(), false).await;
    let rig = Arc::new(rig);
    let workers: Vec<_> = (0..6)
        .map(|_| {
            let rig = Arc::clone(&rig);
            tokio::spawn(async move {
                while let Some(claim) = rig.claim().await.into_iter().next() {
                    let id = claim.pass.key.order.shop_order_id.clone();
                    rig.send(&claim, &format!("a-{id}")).await.unwrap();
                    rig.detail(&id).await;
                }
            })
        })
        .collect();
    for worker in workers {
        worker.await.unwrap();
    }
    assert_eq!(rig.ledger.counts(&rig.connection).await.unwrap().by_state.values().sum::<u64>(), 40);
    drop(rig);
    drop(pooler);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restarted_host_finds_its_own_leases_at_once() {
    let rig = Rig::postgres().await;
    rig.offer("1").await;
    let claim = rig.claim_one().await;
    assert!(rig.claim().await.is_empty(), "leased");
    let again = open_with_clock(rig.url(), Arc::clone(&rig.clock)).await.unwrap();
    let claims = again.claim(&rig.connection, &rig.host, ClaimKind::Work, 1, LEASE).await.unwrap();
    assert_eq!(claims[0].pass.key, claim.pass.key);
    assert_eq!(claims[0].pass.takeovers, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rows_that_stand_in_the_way_are_waited_for() {
    let rig = Arc::new(Rig::postgres().await);
    rig.offer("1").await;
    let held = rig.holding("select * from orders for update", std::time::Duration::from_millis(1_500));
    // Longer than the lock is waited for: the group is repeated until it is free.
    rig.see(vec![sight("1", "New Order")], false).await;
    held.join().unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn values_are_never_read_as_sql() {
    let rig = Rig::postgres().await;
    let evil = "'; drop table orders; -- $1 \\' \u{2028}";
    let mut odd = sight("1", evil);
    odd.order_number = evil.into();
    rig.see(vec![odd], false).await;
    assert_eq!(rig.row("1").await.shop_status, evil);
    assert_eq!(rig.row("1").await.order_number, evil);
    let mut db = open_with_clock(rig.url(), Arc::clone(&rig.clock)).await.unwrap().reader().await.unwrap();
    assert!(db.maybe_row("select $1 as it", values_of![evil]).await.unwrap().is_some());
}

/// A server that has not counted a table yet takes a connection for one order; a page of a hundred orders then read all
/// orders of its shop a hundred times.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_new_ledger_looks_orders_up_by_their_whole_keys() {
    use crate::ledger::sql::{dialect, effects, sights};
    let rig = Rig::postgres().await;
    for sql in [effects::LEASE_ORDERS.to_owned(), sights::lock_text(), sights::load_text()] {
        let values = ["'c'", "'1'", if sql == effects::LEASE_ORDERS { "'3'" } else { "'[\"7\"]'" }, "'4'", "5", "6"];
        let mut text = dialect::postgres(&sql).into_owned();
        for (index, value) in values.iter().enumerate() {
            text = text.replace(&format!("${}", index + 1), value);
        }
        // As a session that writes has it.
        let plan = rig.sql(&format!(
            "set enable_seqscan = off; set enable_hashjoin = off; set enable_mergejoin = off; explain {text}"
        ));
        let lines: Vec<&str> = plan.lines().collect();
        for (at, line) in
            lines.iter().enumerate().filter(|(_, line)| line.contains(" on orders") || line.contains(" on passes"))
        {
            let by = lines.get(at + 1).copied().unwrap_or_default();
            assert!(line.contains("Update on") || by.contains("shop_order_id"), "{line}\n{by}\n{plan}\n{text}");
        }
        assert!(plan.contains("Index Scan"), "{plan}");
    }
}
