//! What people leave for the working host: intents, the host-wide switch, and the number by which it notices a change.

use super::{
    database::{Db, to_json, values_of},
    fleet,
};
use crate::{
    domain::id::{ConnectionId, HostId},
    ledger::{
        LedgerError, Result,
        connections::{Intent, LeftIntent},
    },
};

/// Something in the administrator's room changed.
pub fn changed(db: &mut Db) {
    db.later("update meta set number = number + 1 where name = 'change'", Vec::new());
    db.wakes.insert(String::new());
}

/// The number that grows with each change.
pub async fn change_number(db: &mut Db) -> Result<u64> {
    let row = db.maybe_row("select number from meta where name = 'change'", Vec::new()).await?;
    row.map_or(Ok(0), |row| row.large("number"))
}

/// Sets the host-wide switch: why it is paused, or that it is not.
pub async fn set_host_pause(db: &mut Db, why: &Option<String>) -> Result<()> {
    db.later("update meta set words = $1 where name = 'host_pause'", values_of![why.clone()]);
    changed(db);
    Ok(())
}

/// Why the host is paused.
pub async fn host_pause(db: &mut Db) -> Result<Option<String>> {
    let row = db.maybe_row("select words from meta where name = 'host_pause'", Vec::new()).await?;
    row.map_or(Ok(None), |row| row.maybe_text("words"))
}

/// Leaves an intent.
pub async fn leave(db: &mut Db, input: &(ConnectionId, Intent, String)) -> Result<i64> {
    let (connection, intent, by) = input;
    let known = db
        .maybe_row("select id from connections where id = $1 and state <> 'removed'", values_of![connection.as_str()])
        .await?;
    if known.is_none() {
        return Err(LedgerError::NotFound { what: format!("connection {connection}") });
    }
    let rows = db
        .changed(
            "insert into intents (connection_id, body, by_whom, left_ms) values ($1, $2, $3, $4) returning number",
            values_of![connection.as_str(), to_json(intent)?, by, db.now_ms],
        )
        .await?;
    changed(db);
    rows.first().map_or(Ok(0), |row| row.int("number"))
}

/// Takes all that were left.
pub async fn take(db: &mut Db, host: &HostId) -> Result<Vec<LeftIntent>> {
    let rows = db
        .changed(
            &format!(
                "update intents set taken_by = $1, taken_ms = $2 where taken_ms is null and {}
                 returning number, connection_id, body, by_whom",
                fleet::not_anothers(1, 2)
            ),
            values_of![host.as_str(), db.now_ms],
        )
        .await?;
    let mut taken = rows
        .iter()
        .map(|row| {
            Ok(LeftIntent {
                number: row.int("number")?,
                connection: ConnectionId(row.text("connection_id")?),
                intent: row.json("body")?,
                by: row.text("by_whom")?,
            })
        })
        .collect::<Result<Vec<_>>>()?;
    taken.sort_by_key(|intent| intent.number);
    Ok(taken)
}
