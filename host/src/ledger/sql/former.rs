//! What former processes left behind.
//!
//! On SQLite whoever holds the host lock is the only one at work, and the operating system gave that lock away only after the former
//! host's process had ended. So its leases are over, however long they had left: a restart goes on at once instead of after
//! the longest lease. Tokens stay, so that taking such a pass over still counts as a takeover.
//!
//! On PostgreSQL the same is true of the leases of one host: its name is in a folder of its own, under a lock.

use sqlx::{AssertSqlSafe, Connection as _, Executor as _, PgConnection, SqliteConnection};

use super::errors::{explain, explain_commit};
use crate::{domain::id::HostId, ledger::Result};

/// Effects are found by the rows that are owed: a million old orders cost nothing.
const STATEMENTS: [&str; 5] = [
    "update passes set lease_until_ms = 0 where lease_until_ms > 0
        and state in ('claimed', 'mapped', 'sending', 'unknown', 'awaiting')",
    "update orders set effects_until_ms = 0 where effects_until_ms > 0
        and (connection_id, shop_id, shop_order_id) in (
            select connection_id, shop_id, shop_order_id from effects where state = 'owed' and kind <> 'mail')",
    "update mails set until_ms = 0 where until_ms > 0",
    "update intents set taken_by = null, taken_ms = null where taken_ms is not null",
    "update turns set until_ms = 0 where until_ms > 0",
];

/// Ends the leases of former hosts; how many there were. To be called by the holder of the host lock, before it works.
pub async fn end_leases(connection: &mut SqliteConnection, place: &str) -> Result<u64> {
    let mut transaction = connection.begin_with("begin immediate").await.map_err(|error| explain(&error, place))?;
    let mut ended = 0;
    for statement in STATEMENTS {
        let done = sqlx::query(statement).execute(&mut *transaction).await.map_err(|error| explain(&error, place))?;
        ended += done.rows_affected();
    }
    transaction.commit().await.map_err(|error| explain_commit(&error, place))?;
    Ok(ended)
}

/// Whose rows, in the order of [`STATEMENTS`].
const WHOSE: [&str; 5] = ["lease_host", "effects_host", "host", "taken_by", "host"];

/// Ends the leases of former processes of this host; how many there were.
pub async fn end_leases_of(connection: &mut PgConnection, place: &str, host: &HostId) -> Result<u64> {
    let mut transaction = connection.begin().await.map_err(|error| explain(&error, place))?;
    let mut ended = 0;
    for (statement, whose) in STATEMENTS.iter().zip(WHOSE) {
        let sql = AssertSqlSafe(format!("{statement} and {whose} = $1"));
        let query = sqlx::query(sql).persistent(false).bind(host.as_str().to_owned());
        let done = transaction.execute(query).await.map_err(|error| explain(&error, place))?;
        ended += done.rows_affected();
    }
    transaction.commit().await.map_err(|error| explain_commit(&error, place))?;
    Ok(ended)
}

#[cfg(test)]
mod tests {
    use std::{sync::Arc, time::Duration};

    use sqlx::{ConnectOptions as _, Row as _, SqliteConnection, sqlite::SqliteConnectOptions};

    use crate::{
        domain::{
            clock::{Clock, Millis},
            random::Random,
        },
        ledger::sql::{Role, SqlLedger},
    };

    struct Still;

    impl Clock for Still {
        fn now_ms(&self) -> Millis {
            1_000
        }
        fn since_boot(&self) -> Duration {
            Duration::ZERO
        }
    }

    struct Same;

    impl Random for Same {
        fn bytes(&self) -> [u8; 16] {
            [7; 16]
        }
    }

    async fn open(path: &std::path::Path, role: Role) -> SqlLedger {
        SqlLedger::open(path, Arc::new(Still), Arc::new(Same), role).await.unwrap()
    }

    async fn leases(connection: &mut SqliteConnection) -> Vec<(i64, bool)> {
        let all = "select lease_until_ms as until_ms, lease_token as token from passes
            union all select effects_until_ms, effects_token from orders
            union all select until_ms, token from mails";
        let rows = sqlx::query(all).fetch_all(connection).await.unwrap();
        rows.iter().map(|row| (row.get("until_ms"), row.get::<Option<String>, _>("token").is_some())).collect()
    }

    #[tokio::test]
    async fn the_next_host_need_not_wait_for_the_leases_of_the_last_one() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("orderdock.db");
        open(&path, Role::Working).await.close().await;
        let mut beside = SqliteConnectOptions::new().filename(&path).connect().await.unwrap();
        for statement in [
            "insert into passes (connection_id, shop_id, shop_order_id, pass, order_number, state, state_ms, latest, opening,
                opened_ms, not_before_ms, because, step, idempotency_key, document_number, retries, takeovers, attempts,
                sent, sent_before, inherits_unknown, bodies, lease_token, lease_host, lease_until_ms)
             values ('c', 's', '1', 1, 'W-1', 'sending', 0, 1, '{}', 0, 0, '', 0, 'k', 1, 0, 0, 1, 0, 0, 0, 1, 't', 'h', 31000)",
            "insert into orders (connection_id, shop_id, shop_order_id, order_number, shop_status, first_seen_ms,
                last_seen_ms, read_began_ms, decision, decision_kind, decision_ms, read_alone, looked_ms, last_pass,
                effects_token, effects_host, effects_until_ms)
             values ('c', 's', '1', 'W-1', 'New Order', 0, 0, 0, '{}', 'taken', 0, 0, 0, 1, 't', 'h', 31000)",
            "insert into effects (connection_id, shop_id, shop_order_id, pass, kind, rank, body, state, since_ms,
                not_before_ms, tries, begun, detail)
             values ('c', 's', '1', 1, 'note', 1, '{}', 'owed', 0, 0, 0, 1, '')",
            "insert into mails (connection_id, mail, token, host, until_ms, not_before_ms) values ('c', 'm', 't', 'h', 31000, 0)",
        ] {
            sqlx::query(statement).execute(&mut beside).await.unwrap();
        }
        let aside = open(&path, Role::Beside).await;
        assert_eq!(leases(&mut beside).await, vec![(31_000, true); 3], "the command line ends nobody's lease");
        aside.close().await;
        let _host = open(&path, Role::Working).await;
        assert_eq!(leases(&mut beside).await, vec![(0, true); 3], "ended, and still known as taken over");
    }
}
