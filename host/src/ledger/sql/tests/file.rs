//! What only a file can do: be locked, be missing, be read-only, be something else; and how groups fail.

use std::{os::unix::fs::PermissionsExt as _, path::Path, sync::Arc};

use super::rig::*;
use crate::ledger::{
    LedgerError, Result,
    connections::Connections as _,
    sql::{Role, SqlLedger, database::values_of},
};

async fn open(path: &Path, role: Role) -> Result<SqlLedger> {
    SqlLedger::open(path, clock(), Arc::new(Counting::new()), role).await
}

fn says(result: Result<SqlLedger>, words: &[&str]) {
    let Err(error @ LedgerError::Unavailable { .. }) = result else { panic!("{result:?}") };
    let text = error.to_string();
    for word in words {
        assert!(text.contains(word), "{word:?} in {text:?}");
    }
}

#[tokio::test]
async fn one_database_has_one_working_host_and_the_command_line_beside_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ledger.db");
    let host = open(&path, Role::Working).await.unwrap();
    assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600, "its owner's only");
    says(open(&path, Role::Working).await, &["process id", "ledger.db", "one working host"]);
    let beside = open(&path, Role::Beside).await.unwrap();
    beside.set_host_pause(true, "me", "").await.unwrap();
    assert!(host.host_pause().await.unwrap().is_some(), "seen by the other connection");
    host.close().await;
    assert!(host.set_host_pause(false, "me", "").await.is_err(), "closed");
    open(&path, Role::Working).await.unwrap();
}

#[tokio::test]
async fn what_is_wrong_with_the_file_is_said() {
    let folder = tempfile::tempdir().unwrap();
    says(open(&folder.path().join("none/ledger.db"), Role::Working).await, &["none does not exist"]);
    let text = folder.path().join("text.db");
    std::fs::write(&text, "this is a letter, not a database, and it is long enough to be told apart".repeat(20))
        .unwrap();
    says(open(&text, Role::Working).await, &["not an SQLite database", "text.db"]);
}

#[tokio::test]
async fn a_newer_schema_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ledger.db");
    let ledger = open(&path, Role::Working).await.unwrap();
    ledger
        .write((), |db, ()| {
            Box::pin(async {
                let sql = "insert into _sqlx_migrations (version, description, success, checksum, execution_time)
                           values (99, 'later', 1, $1, 0)";
                db.run(sql, values_of![&[1_u8][..]]).await?;
                // A program from before step 99 can't work with it.
                db.run("insert into meta (name, number) values ('oldest_program', 99)", vec![]).await
            })
        })
        .await
        .unwrap();
    ledger.close().await;
    drop(ledger);
    says(open(&path, Role::Working).await, &["newer Orderdock", "99"]);
    says(open(&path, Role::Beside).await, &["newer Orderdock"]);
}

#[tokio::test]
async fn a_file_that_can_only_be_read_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ledger.db");
    open(&path, Role::Working).await.unwrap().close().await;
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o444)).unwrap();
    if std::fs::OpenOptions::new().write(true).open(&path).is_ok() {
        // The administrator of this machine may write everything; then SQLite's own switch makes it read-only.
        let ledger = open(&path, Role::Working).await.unwrap();
        let read_only = ledger.write((), |db, ()| Box::pin(async { db.run("pragma query_only = on", vec![]).await }));
        read_only.await.unwrap();
        let error = ledger.set_host_pause(true, "me", "").await.unwrap_err();
        assert!(error.to_string().contains("can only be read"), "{error}");
        return;
    }
    says(open(&path, Role::Working).await, &["can only be read", "ledger.db"]);
}

#[tokio::test]
async fn a_full_disk_is_said_and_nothing_is_changed() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ledger.db");
    let ledger = open(&path, Role::Working).await.unwrap();
    let cap = |sql: &'static str| ledger.write(sql, |db, sql| Box::pin(async { db.rows(sql, vec![]).await.map(drop) }));
    cap("pragma max_page_count = 1").await.unwrap();
    let before = ledger.sequence().await.unwrap();
    let error = ledger.add_release(&release(1), &vec![1; 500_000], &description(), "me").await.unwrap_err();
    assert!(error.to_string().contains("disk is full"), "{error}");
    assert!(ledger.releases().await.unwrap().is_empty());
    assert_eq!(ledger.sequence().await.unwrap(), before);
    cap("pragma max_page_count = 1000000").await.unwrap();
    ledger.add_release(&release(1), &vec![1; 500_000], &description(), "me").await.unwrap();
}

#[tokio::test]
async fn the_sequence_grows_with_each_commit_that_changed_something() {
    let folder = tempfile::tempdir().unwrap();
    let ledger = open(&folder.path().join("ledger.db"), Role::Working).await.unwrap();
    assert_eq!(ledger.sequence().await.unwrap(), 0);
    ledger.set_host_pause(true, "me", "").await.unwrap();
    assert_eq!(ledger.sequence().await.unwrap(), 1);
    ledger.take_intents(&"host".into(), 60_000).await.unwrap();
    assert_eq!(ledger.sequence().await.unwrap(), 1, "nothing was there to take");
}

/// Inserts a number, and then fails: by itself, or because the database refuses the same key twice.
async fn insert(ledger: &SqlLedger, n: i64, fails: bool, twice: bool) -> Result<()> {
    let operation = ledger.write((n, fails, twice), |db, (n, fails, twice)| {
        Box::pin(async move {
            for _ in 0..=u8::from(*twice) {
                let values = values_of![format!("n{n}"), *n];
                db.run("insert into meta (name, number) values ($1, $2)", values).await?;
            }
            if *fails { Err(LedgerError::Refused("changed its mind".into())) } else { Ok(()) }
        })
    });
    operation.await
}

async fn inserted(ledger: &SqlLedger) -> Vec<i64> {
    let mut db = ledger.reader().await.unwrap();
    let rows = db.rows("select number from meta where name like 'n%' order by number", vec![]).await.unwrap();
    rows.iter().map(|row| row.int("number").unwrap()).collect()
}

#[tokio::test]
async fn an_operation_that_fails_after_a_change_is_undone_alone() {
    let folder = tempfile::tempdir().unwrap();
    let ledger = Arc::new(open(&folder.path().join("ledger.db"), Role::Working).await.unwrap());
    assert!(insert(&ledger, 900, true, false).await.is_err());
    assert!(insert(&ledger, 901, false, true).await.is_err());
    assert_eq!(inserted(&ledger).await, [0_i64; 0]);
    for (start, twice) in [(0, false), (100, true)] {
        let tasks: Vec<_> = (start..start + 40)
            .map(|n| {
                let ledger = Arc::clone(&ledger);
                tokio::spawn(async move { (n, insert(&ledger, n, !twice && n % 4 == 1, twice && n % 4 == 1).await) })
            })
            .collect();
        for task in tasks {
            let (n, result) = task.await.unwrap();
            assert_eq!(result.is_ok(), n % 4 != 1, "{n}: {result:?}");
        }
    }
    let kept = (0..40).chain(100..140).filter(|n| n % 4 != 1).collect::<Vec<_>>();
    assert_eq!(inserted(&ledger).await, kept);
}

/// A million old orders must cost nothing: what is asked while orders flow goes by an index over open rows or by a key.
#[tokio::test]
async fn what_is_asked_while_orders_flow_reads_no_whole_table() {
    use crate::ledger::sql::{claims, effects, mails, passes};
    let folder = tempfile::tempdir().unwrap();
    let ledger = open(&folder.path().join("ledger.db"), Role::Working).await.unwrap();
    let mut db = ledger.reader().await.unwrap();
    for sql in
        [claims::CLAIM_WORK, claims::CLAIM_LOOK, passes::NEXT_DUE, effects::LEASE_ORDERS, effects::NEXT, mails::GATHER]
    {
        let mut indexed = false;
        let plan = db.rows(&format!("explain query plan {sql}"), vec![]).await.unwrap();
        for row in plan {
            let step = row.text("detail").unwrap();
            let open_rows = ["effects_due", "effects_mail", "passes_"].iter().any(|index| step.contains(index));
            indexed |= open_rows;
            let small =
                ["SCAN due", "SCAN free", "SCAN left_behind", "SCAN waiting", "SCAN m ", "(subquery", "SCAN CONSTANT"]
                    .iter()
                    .any(|it| step.contains(it));
            assert!(!step.starts_with("SCAN") || open_rows || small, "{step}\n{sql}");
        }
        assert!(indexed, "{sql}");
    }
}

/// A token in the name of a file goes by the index of attempts that wrote files, and not through all attempts.
#[tokio::test]
async fn an_attempt_that_wrote_files_is_found_by_its_token() {
    let folder = tempfile::tempdir().unwrap();
    let ledger = open(&folder.path().join("ledger.db"), Role::Working).await.unwrap();
    let mut db = ledger.reader().await.unwrap();
    let question = format!("explain query plan {}", crate::ledger::sql::reports::DONE_WITH);
    let plan: Vec<String> =
        db.rows(&question, vec![]).await.unwrap().iter().map(|row| row.text("detail").unwrap()).collect();
    assert!(plan.iter().any(|step| step.contains("attempts_leftovers")), "{plan:?}");
    assert!(plan.iter().all(|step| step.starts_with("SEARCH")), "{plan:?}");
}

/// What concerns one order goes by that order's key, and not through all that its connection has.
#[tokio::test]
async fn what_concerns_one_order_reads_that_order_only() {
    use crate::ledger::sql::{dialect, effects, moves, passes, recorded};
    let folder = tempfile::tempdir().unwrap();
    let ledger = open(&folder.path().join("ledger.db"), Role::Working).await.unwrap();
    let mut db = ledger.reader().await.unwrap();
    let several = |sql: &str| {
        let table = (0..4).map(|_| "(1, 2, 3, 4, 5, 6, 7, 8, 9)").collect::<Vec<_>>().join(", ");
        dialect::over_rows(sql, &format!("(values {table}) as r"))
    };
    let one = [effects::FINISH, effects::DONE, moves::LEASE_EFFECTS].map(str::to_owned);
    let many = [effects::FINISH, effects::DONE, moves::LEASE_EFFECTS, moves::OWE].map(several);
    let whole = one.into_iter().chain(many).chain([passes::OPEN_ATTEMPT.to_owned()]);
    for sql in whole.chain(recorded::questions(100)) {
        for row in db.rows(&format!("explain query plan {sql}"), vec![]).await.unwrap() {
            let step = row.text("detail").unwrap();
            let by_key = ["shop_order_id=?", "PRIMARY KEY (rowid=?)"].iter().any(|key| step.contains(key));
            assert!(!step.starts_with("SEARCH") || by_key, "{step}\n{sql}");
            let given = ["VALUES CLAUSE", "CONSTANT ROW"].iter().any(|it| step.contains(it))
                || ["SCAN r", "SCAN w"].contains(&step.as_str());
            assert!(!step.starts_with("SCAN") || given, "{step}\n{sql}");
        }
    }
}
