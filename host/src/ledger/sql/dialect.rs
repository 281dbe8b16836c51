//! The few fragments of SQL in which SQLite and PostgreSQL differ. Everything else is one text for both.
//!
//! In statements that run for every order, a bare parameter stands neither behind `limit` nor beside a column that a partial
//! index names in its `where`: SQLite looks at its value when it plans, and so plans anew whenever another is bound, which
//! cost a fifth of the host's processor time. A `cast` around the parameter keeps the plan.
//!
//! Every writer of SQLite is alone, so what was read stays true until the commit. In PostgreSQL a text says what it locks in
//! a comment that begins with `pg`: `/*pg for update */` where a decision hangs on what is read, `/*pg for update skip
//! locked */` where others shall take other rows instead of waiting.

use std::{borrow::Cow, collections::BTreeSet};

use crate::domain::clock::Millis;

/// The texts of a JSON array that is bound as parameter `$n`, as a table of one column named `value`.
pub fn texts(parameter: u8) -> String {
    format!("{TEXTS}{parameter})")
}

const TEXTS: &str = "json_each($";

/// A text as PostgreSQL is given it.
pub fn postgres(sql: &str) -> Cow<'_, str> {
    let mut sql = Cow::Borrowed(sql);
    while let Some((before, rest)) = sql.split_once("/*pg ")
        && let Some((fragment, after)) = rest.split_once("*/")
    {
        sql = Cow::Owned(format!("{before}{fragment}{after}"));
    }
    while let Some((before, rest)) = sql.split_once(TEXTS)
        && let Some((number, after)) = rest.split_once(')')
    {
        let texts = format!("(select value from json_array_elements_text(cast(${number} as json)) as one (value))");
        sql = Cow::Owned(format!("{before}{texts}{after}"));
    }
    sql
}

/// SQLite takes the write lock with the first statement, so that nothing that was read can change before it is written.
pub const BEGIN_SQLITE: &str = "begin immediate";

/// PostgreSQL locks rows one by one. The database's clock comes with the same answer.
pub const BEGIN_POSTGRES: &str = "begin isolation level read committed read write; \
    select cast(extract(epoch from clock_timestamp()) * 1000 as bigint) as now_ms";

/// The same behind a pooler, where a session can't keep settings.
pub const BEGIN_POOLED: &str = "begin isolation level read committed read write; \
    set local idle_in_transaction_session_timeout = 10000; set local lock_timeout = 700; \
    select cast(extract(epoch from clock_timestamp()) * 1000 as bigint) as now_ms";

/// The end of a group that changed something: the ledger's sequence grows with each.
pub const COMMIT_SQLITE: &str = "update meta set number = number + 1 where name = 'sequence'; commit";

/// The channel on which PostgreSQL wakes hosts.
pub const CHANNEL: &str = "orderdock";

/// Wakes whoever listens, once this is committed: about a connection, or (empty) about what an administrator changed.
fn notify(about: &str) -> String {
    format!("notify {CHANNEL}, '{}'; ", about.replace('\'', "''"))
}

/// The same for PostgreSQL. All hosts would wait for one row, so the number comes from a sequence, which nobody holds, and
/// lies in the line's own row, so that only what is committed is seen. That row is the receipt of this commit
/// ([`super::receipt`]): if its number is not the one that we left there, the
/// column that can't be null is set to null, and nothing is committed.
pub fn commit_postgres(line: &str, number: i64, now_ms: Millis, wakes: &BTreeSet<String>) -> String {
    let wakes: String = wakes.iter().map(|about| notify(about)).collect();
    format!(
        "{wakes}update commits set at_ms = {now_ms}, sequence = nextval('ledger_sequence'), \
         number = case when number = {number} then {number} + 1 end where line = '{line}'; commit"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fragments_are_put_in_for_postgresql() {
        assert_eq!(postgres("select 1"), "select 1");
        let text = format!("select value from {} as it where a = $1 /*pg for update */ limit 1", texts(2));
        assert_eq!(
            postgres(&text),
            "select value from (select value from json_array_elements_text(cast($2 as json)) as one (value)) as it \
             where a = $1 for update  limit 1"
        );
    }
}
