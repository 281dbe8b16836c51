//! What people leave for the working host: intents, the host-wide switch, and the number by which it notices a change.

use super::{
    database::{Db, to_json, values_of},
    fleet,
};
use crate::{
    domain::{
        clock::Millis,
        id::{ConnectionId, HostId},
    },
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

/// Sets the host-wide switch: why it is paused, or that it is not. Its number is the moment since when.
pub async fn set_host_pause(db: &mut Db, why: &Option<String>) -> Result<()> {
    let now = db.now_ms;
    let since = paused_since(db).await?;
    if let (None, Some(since)) = (why, since) {
        // A pause uses up no retry or answer time. What connections that are paused themselves have lost is given back when
        // they are resumed; a connection that was resumed meanwhile has had its own part already.
        db.run(
            "update passes set
                retry_since_ms = retry_since_ms + $1 - case when c.state_since_ms > $2 then c.state_since_ms else $2 end,
                deadline_ms = passes.deadline_ms + $1 - case when c.state_since_ms > $2 then c.state_since_ms else $2 end
             from connections c
             where c.state = 'active' and passes.connection_id = c.id and passes.closed_ms is null",
            values_of![now, since],
        )
        .await?;
    }
    let since = since.unwrap_or(now);
    db.later("update meta set words = $1, number = $2 where name = 'host_pause'", values_of![why.clone(), since]);
    changed(db);
    Ok(())
}

/// Since when the host is paused, if it is.
pub async fn paused_since(db: &mut Db) -> Result<Option<Millis>> {
    let row =
        db.maybe_row("select number from meta where name = 'host_pause' and words is not null", Vec::new()).await?;
    row.map(|row| row.int("number")).transpose()
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

/// Takes all that nobody is at. A row is there until its intent was carried out, so the table stays short.
pub async fn take(db: &mut Db, input: &(HostId, Millis)) -> Result<Vec<LeftIntent>> {
    let (host, lease_ms) = input;
    let rows = db
        .changed(
            &format!(
                "update intents set taken_by = $1, taken_ms = $2 where (taken_ms is null or taken_ms < $3) and {}
                 returning number, connection_id, body, by_whom, left_ms",
                fleet::not_anothers(1, 2)
            ),
            values_of![host.as_str(), db.now_ms, db.now_ms.saturating_sub(*lease_ms)],
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
                left_ms: row.int("left_ms")?,
            })
        })
        .collect::<Result<Vec<_>>>()?;
    taken.sort_by_key(|intent| intent.number);
    Ok(taken)
}

/// One was carried out.
pub async fn end(db: &mut Db, number: &i64) -> Result<()> {
    db.run("delete from intents where number = $1", values_of![*number]).await.map(drop)
}

/// One could not be carried out yet.
pub async fn give_back(db: &mut Db, number: &i64) -> Result<()> {
    db.run("update intents set taken_by = null, taken_ms = null where number = $1", values_of![*number]).await.map(drop)
}
