//! Activations: put in force one at a time, each decided upon the one before it.

use async_trait::async_trait;

use super::{
    super::{
        SqlLedger, admissions, canaries,
        database::{Db, Row, from_word, to_json, to_word, values_of},
        intents,
    },
    RECORDS, apply, no_connection, record,
};
use crate::{
    domain::id::{ConnectionId, Digest},
    ledger::{
        LedgerError, Result,
        activations::{Activation, Activations, NewActivation},
    },
};

/// An activation as a row has it.
pub fn activation(row: &Row) -> Result<Activation> {
    let kind = row.maybe_text("origin")?.map(|word| from_word(&word, "origin")).transpose()?;
    Ok(Activation {
        number: row.number("number")?,
        kind: kind.unwrap_or_default(),
        repeats: row.maybe_int("repeats")?.and_then(|number| u32::try_from(number).ok()),
        release: Digest(row.text("release_digest")?),
        settings_revision: row.number("settings_revision")?,
        tables_revision: row.number("tables_revision")?,
        by: row.text("by_whom")?,
        at_ms: row.int("at_ms")?,
        why: row.text("why")?,
    })
}

/// Refuses a release that is not in the ledger.
pub async fn release_is_kept(db: &mut Db, release: &Digest) -> Result<()> {
    let known = db.maybe_row("select digest from releases where digest = $1", values_of![release.as_str()]).await?;
    match known {
        Some(_) => Ok(()),
        None => Err(LedgerError::Refused(format!(
            "the plugin release {release} is not in the ledger; add it first with `orderdock plugin add`"
        ))),
    }
}

/// The number of a connection's next activation.
pub async fn next_number(db: &mut Db, id: &ConnectionId) -> Result<u32> {
    let sql = "select coalesce(max(number), 0) as number from activations where connection_id = $1";
    let row = db.maybe_row(sql, values_of![id.as_str()]).await?;
    Ok(row.map_or(Ok(0), |row| row.number("number"))?.saturating_add(1))
}

/// Writes one down.
pub fn store(db: &mut Db, id: &ConnectionId, new: &Activation) -> Result<()> {
    db.later(
        "insert into activations (connection_id, number, release_digest, settings_revision, tables_revision, by_whom,
            at_ms, why, origin, repeats) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
        values_of![
            id.as_str(),
            new.number,
            new.release.as_str(),
            new.settings_revision,
            new.tables_revision,
            &new.by,
            new.at_ms,
            &new.why,
            to_word(&new.kind)?,
            new.repeats.map(i64::from),
        ],
    );
    Ok(())
}

/// Writes an activation down that is not in force yet, if nothing speaks against it.
pub async fn prepare(db: &mut Db, wish: &NewActivation) -> Result<Activation> {
    let id = &wish.connection;
    release_is_kept(db, &wish.release).await?;
    db.lock("select id from connections where id = $1 for update", values_of![id.as_str()]).await?;
    let sql = format!("{RECORDS} where c.id = $1 and c.state <> 'removed'");
    let row = db.maybe_row(&sql, values_of![id.as_str()]).await?;
    let old = record(&row.ok_or_else(|| no_connection(id))?)?.activation;
    if old.number != wish.instead_of {
        return Err(LedgerError::Refused(format!(
            "activation {} by {} came in between ({}); look at `orderdock plugin history` and decide again",
            old.number, old.by, old.why
        )));
    }
    if wish.release != old.release {
        admissions::may_be_used(db, &wish.release).await?;
    }
    let settings_revision = apply::revision_of(db, apply::SETTINGS, id, &wish.plugin_settings).await?;
    let tables_revision = apply::revision_of(db, apply::TABLES, id, &wish.tables).await?;
    let new = Activation {
        number: next_number(db, id).await?,
        kind: wish.kind,
        repeats: wish.repeats,
        release: wish.release.clone(),
        settings_revision,
        tables_revision,
        by: wish.by.clone(),
        at_ms: db.now_ms,
        why: wish.why.clone(),
    };
    if new.maps_as(&old) {
        return Err(LedgerError::Refused(format!(
            "that is in force already, by activation {}: the same release with the same settings and tables",
            old.number
        )));
    }
    store(db, id, &new)?;
    Ok(new)
}

/// Puts one in force.
pub async fn activate(db: &mut Db, wish: &NewActivation) -> Result<Activation> {
    let new = prepare(db, wish).await?;
    canaries::stop(db, &wish.connection, new.number).await?;
    db.later(
        "update connections set config = $2, activation = $3, revision = revision + 1 where id = $1",
        values_of![wish.connection.as_str(), to_json(&wish.config)?, new.number],
    );
    intents::changed(db);
    Ok(new)
}

#[async_trait]
impl Activations for SqlLedger {
    async fn activate(&self, wish: NewActivation) -> Result<Activation> {
        self.write(wish, |db, wish| Box::pin(activate(db, wish))).await
    }

    async fn activations(&self, id: &ConnectionId) -> Result<Vec<Activation>> {
        let mut db = self.reader().await?;
        let rows = db
            .rows("select * from activations where connection_id = $1 order by number desc", values_of![id.as_str()])
            .await?;
        rows.iter().map(activation).collect()
    }
}
