//! The few fragments of SQL in which SQLite and PostgreSQL differ. Everything else is one text for both.
//!
//! In statements that run for every order, a bare parameter stands neither behind `limit` nor beside a column that a partial
//! index names in its `where`: SQLite looks at its value when it plans, and so plans anew whenever another is bound, which
//! cost a fifth of the host's processor time. A `cast` around the parameter keeps the plan.
//!
//! Every writer of SQLite is alone, so what was read stays true until the commit. In PostgreSQL a text says what it locks in
//! a comment that begins with `pg`: `/*pg for update */` where a decision hangs on what is read, `/*pg for update skip
//! locked */` where others shall take other rows instead of waiting. `/*pg offset 0 */` keeps its planner out of a subquery.

use std::{borrow::Cow, collections::BTreeSet};

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

/// PostgreSQL locks rows one by one.
pub const BEGIN_POSTGRES: &str = "begin isolation level read committed read write;";

/// The same behind a pooler, where a session can't keep settings.
pub const BEGIN_POOLED: &str = "begin isolation level read committed read write; \
    set local idle_in_transaction_session_timeout = 10000; set local lock_timeout = 700; \
    set local statement_timeout = 12000;";

/// The database's clock.
pub const NOW: &str = "select cast(extract(epoch from clock_timestamp()) * 1000 as bigint) as now_ms";

/// The end of a group that changed something: the ledger's sequence grows with each, and is given back.
pub const COMMIT_SQLITE: &str = "update meta set number = number + 1 where name = 'sequence' returning number;\ncommit";

/// Makes a statement for one row over into one for all rows of `table`, which is called `r` and whose columns are called
/// `column1` and so on: `$2` becomes `r.column2`. The statement is an update with a `where`, or an insert
/// from `values` or from a table.
pub fn over_rows(sql: &str, table: &str) -> String {
    let mut text = String::with_capacity(sql.len() + table.len() + 64);
    each_part(sql, &mut text, |number, into| into.push_str(&format!("r.column{number}")));
    let cut = |word: &str| at_top(&text, word).map(|at| text.split_at(at));
    if text.trim_start().starts_with("update") {
        let (head, tail) = cut("where").unwrap_or((&text, ""));
        return format!("{head}from {table} {tail}");
    }
    if let Some((head, tail)) = cut("values") {
        let open = tail.find('(').unwrap_or_default();
        let close = closing(tail, open);
        let inner = tail.get(open + 1..close).unwrap_or_default();
        let rest = tail.get(close + 1..).unwrap_or_default();
        return format!("{head}select {inner} from {table}{rest}");
    }
    let (head, tail) = cut("from").unwrap_or((&text, ""));
    format!("{head}from {table}, {}", tail.trim_start_matches("from").trim_start())
}

/// Makes a guarded update into a statement that fails unless it changes as many rows as parameter `$n` says: so what stands
/// behind it in the same message is not carried out.
pub fn guarded(update: &str, parameter: usize) -> String {
    format!(
        "with moved as ({update} returning 1) select 1 / (case when (select count(*) from moved) = ${parameter} then 1 \
         else 0 end) as held"
    )
}

/// Where a word stands outside of all brackets.
fn at_top(sql: &str, word: &str) -> Option<usize> {
    let (mut depth, mut before) = (0_u32, b' ');
    for (at, byte) in sql.bytes().enumerate() {
        match byte {
            b'(' => depth += 1,
            b')' => depth = depth.saturating_sub(1),
            _ if depth == 0
                && before.is_ascii_whitespace()
                && sql.as_bytes().get(at..).is_some_and(|rest| rest.starts_with(word.as_bytes()))
                && sql
                    .as_bytes()
                    .get(at + word.len())
                    .is_none_or(|next| !next.is_ascii_alphanumeric() && *next != b'_') =>
            {
                return Some(at);
            }
            _ => {}
        }
        before = byte;
    }
    None
}

/// Where the bracket closes that opens at `open`.
fn closing(sql: &str, open: usize) -> usize {
    let mut depth = 0_u32;
    for (at, byte) in sql.bytes().enumerate().skip(open) {
        match byte {
            b'(' => depth += 1,
            b')' if depth == 1 => return at,
            b')' => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    sql.len()
}

/// Copies `text`, and lets `parameter` write each `$n`. No text of this room has a `$` for anything else.
pub fn each_part(text: &str, into: &mut String, mut parameter: impl FnMut(usize, &mut String)) {
    let mut parts = text.split('$');
    into.push_str(parts.next().unwrap_or_default());
    for part in parts {
        let digits = part.bytes().take_while(u8::is_ascii_digit).count();
        let (number, rest) = part.split_at(digits);
        parameter(number.parse().unwrap_or_default(), into);
        into.push_str(rest);
    }
}

/// The channel on which PostgreSQL wakes hosts.
pub const CHANNEL: &str = "orderdock";

/// Wakes whoever listens, once this is committed: about a connection, or (empty) about what an administrator changed.
fn notify(about: &str) -> String {
    format!("notify {CHANNEL}, '{}'; ", about.replace('\'', "''"))
}

/// The same for PostgreSQL: the statement before the `commit`. All hosts would wait for one row, so the number comes from a
/// sequence, which nobody holds, and lies in the line's own row, so that only what is committed is seen. That row is the
/// receipt of this commit ([`super::receipt`]): if its number is not `$2`, the one that we left there, the column that can't be
/// null is set to null, and nothing is committed.
///
/// The same holds for the time `$3` that the transaction went by, if it began more than `$4` away from it: it was guessed. And
/// without the row nothing is committed either: the division fails.
pub const RECEIPT: &str = "with receipt as (
    update commits set sequence = nextval('ledger_sequence'),
        at_ms = case when abs(cast(extract(epoch from transaction_timestamp()) * 1000 as bigint) - $3) <= $4 then $3 end,
        number = case when number = $2 then $2 + 1 end
    where line = $1 returning sequence)
select (select sequence from receipt) as number, 1 / (select count(*) from receipt) as kept,
    cast(extract(epoch from clock_timestamp()) * 1000 as bigint) as now_ms";

/// The end of a transaction in PostgreSQL, which wakes whoever listens for these.
pub fn commit_postgres(wakes: &BTreeSet<String>) -> String {
    let wakes: String = wakes.iter().map(|about| notify(about)).collect();
    format!("{wakes}commit")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_statement_for_one_row_becomes_one_for_many() {
        let over = |sql: &str| over_rows(sql, "TABLE as r");
        assert_eq!(
            over("update a set b = $2, c = (select max(d) from e where f = $1)\n where g = $1 and h = 'where'"),
            "update a set b = r.column2, c = (select max(d) from e where f = r.column1)\n from TABLE as r where g = \
             r.column1 and h = 'where'"
        );
        assert_eq!(
            over("insert into a (b, c) values ($1, (select 1)) on conflict (b) do update set c = excluded.c"),
            "insert into a (b, c) select r.column1, (select 1) from TABLE as r on conflict (b) do \
             update set c = excluded.c"
        );
        assert_eq!(
            over("insert into a (b) select c, $5 from d where e = $1"),
            "insert into a (b) select c, r.column5 from TABLE as r, d where e = r.column1"
        );
    }

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
