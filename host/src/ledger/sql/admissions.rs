//! Verdicts on releases, what people decided about them, and quarantines.

use async_trait::async_trait;

use super::{
    SqlLedger,
    database::{Db, Later, Row, from_word, to_json, to_word, values_of},
    intents::changed,
};
use crate::{
    domain::{
        admission::{Admission, Item, Kept, Outcome, Override},
        id::{ConnectionId, Digest},
    },
    ledger::{
        LedgerError, Result,
        admissions::{Admissions, NewQuarantine, Quarantine},
    },
};

async fn keep(db: &mut Db, input: &(Digest, Admission, String)) -> Result<()> {
    let (release, admission, by) = input;
    db.run(
        "insert into admissions (digest, verdict, by_whom, at_ms) values ($1, $2, $3, $4)
         on conflict (digest) do update set verdict = excluded.verdict, by_whom = excluded.by_whom,
            at_ms = excluded.at_ms",
        values_of![release.as_str(), to_json(admission)?, by, db.now_ms],
    )
    .await?;
    changed(db);
    Ok(())
}

async fn kept(db: &mut Db, release: Option<&Digest>) -> Result<Vec<(Digest, Kept)>> {
    // An empty digest is nobody's.
    let release = release.map_or("", Digest::as_str);
    let rows =
        db.rows("select * from admissions where ($1 = '' or digest = $1) order by digest", values_of![release]).await?;
    let overrides = db
        .rows(
            "select * from admission_overrides where ($1 = '' or digest = $1) order by digest, at_ms, item",
            values_of![release],
        )
        .await?;
    let mut all = Vec::with_capacity(rows.len());
    for row in &rows {
        let digest = row.text("digest")?;
        let mut own = Vec::new();
        for over in &overrides {
            if over.text("digest")? == digest {
                own.push(override_of(over)?);
            }
        }
        let kept = Kept {
            admission: row.json("verdict")?,
            by: row.text("by_whom")?,
            at_ms: row.int("at_ms")?,
            overrides: own,
        };
        all.push((Digest(digest), kept));
    }
    Ok(all)
}

fn override_of(row: &Row) -> Result<Override> {
    Ok(Override {
        item: from_word(&row.text("item")?, "item")?,
        reason: row.text("reason")?,
        by: row.text("by_whom")?,
        at_ms: row.int("at_ms")?,
    })
}

/// Refuses a release that failed an item which nobody has overridden. One that was never judged may be used: it was added
/// by a program that did not judge yet.
///
/// # Errors
/// `Refused`, with what to do.
pub async fn may_be_used(db: &mut Db, release: &Digest) -> Result<()> {
    let standing = match kept(db, Some(release)).await?.first() {
        Some((_, kept)) => kept.standing(),
        None => return Ok(()),
    };
    if standing.is_empty() {
        return Ok(());
    }
    let names: Vec<_> = standing.iter().map(|item| item.as_str()).collect();
    let short = release.as_str().get(..12).unwrap_or_default();
    Err(LedgerError::Refused(format!(
        "release {release} may not be used: it failed {}; `orderdock plugin show {short}` says how, `orderdock plugin \
         override {short} ITEM --reason WHY` takes it nevertheless",
        names.join(", ")
    )))
}

async fn override_item(db: &mut Db, input: &(Digest, Item, String, String)) -> Result<bool> {
    let (release, item, reason, by) = input;
    let all = kept(db, Some(release)).await?;
    let Some((_, kept)) = all.first() else {
        return Err(LedgerError::NotFound { what: format!("verdict on release {release}") });
    };
    if !item.can_be_overridden() {
        return Err(LedgerError::Refused(format!("`{item}` can't be overridden: without it the release can't run")));
    }
    if kept.admission.item(*item).is_none_or(|judged| judged.outcome != Outcome::Failed) {
        return Err(LedgerError::Refused(format!("`{item}` did not fail: there is nothing to override")));
    }
    let added = db
        .run(
            "insert into admission_overrides (digest, item, reason, by_whom, at_ms) values ($1, $2, $3, $4, $5)
             on conflict (digest, item) do nothing",
            values_of![release.as_str(), to_word(item)?, reason, by, db.now_ms],
        )
        .await?;
    if added > 0 {
        changed(db);
    }
    Ok(added > 0)
}

/// The quarantine of a row that may have none, with `q_` before its columns.
pub fn joined(row: &Row) -> Result<Option<Quarantine>> {
    let Some(since_ms) = row.maybe_int("q_since_ms")? else { return Ok(None) };
    Ok(Some(Quarantine {
        release: Digest(row.text("release_digest")?),
        since_ms,
        faults: row.number("q_faults")?,
        because: row.text("q_because")?,
        lifted_ms: None,
        lifted_by: None,
        lifted_why: None,
    }))
}

/// Begins one, in the transaction of the move that it comes from; one that is in force already stays as it is.
pub fn begin(plan: &mut impl Later, connection: &ConnectionId, new: &NewQuarantine) {
    let now_ms = plan.now_ms();
    plan.later(
        "insert into quarantines (connection_id, release_digest, since_ms, faults, because) values ($1, $2, $3, $4, $5)
         on conflict do nothing",
        values_of![connection.as_str(), new.release.as_str(), now_ms, new.faults, &new.because],
    );
    plan.later("update connections set revision = revision + 1 where id = $1", values_of![connection.as_str()]);
}

async fn quarantines(db: &mut Db, connection: &ConnectionId) -> Result<Vec<Quarantine>> {
    let sql = "select * from quarantines where connection_id = $1 order by since_ms desc";
    let rows = db.rows(sql, values_of![connection.as_str()]).await?;
    rows.iter().map(quarantine).collect()
}

fn quarantine(row: &Row) -> Result<Quarantine> {
    Ok(Quarantine {
        release: Digest(row.text("release_digest")?),
        since_ms: row.int("since_ms")?,
        faults: row.number("faults")?,
        because: row.text("because")?,
        lifted_ms: row.maybe_int("lifted_ms")?,
        lifted_by: row.maybe_text("lifted_by")?,
        lifted_why: row.maybe_text("lifted_why")?,
    })
}

async fn lift(db: &mut Db, input: &(ConnectionId, String, String)) -> Result<Quarantine> {
    let (connection, why, by) = input;
    let rows = db
        .changed(
            "update quarantines set lifted_ms = $2, lifted_by = $3, lifted_why = $4
             where connection_id = $1 and lifted_ms is null and release_digest = (select a.release_digest
                from connections c join activations a on a.connection_id = c.id and a.number = c.activation
                where c.id = $1)
             returning release_digest, since_ms, faults, because, lifted_ms, lifted_by, lifted_why",
            values_of![connection.as_str(), db.now_ms, by, why],
        )
        .await?;
    let Some(row) = rows.first() else {
        return Err(LedgerError::NotFound { what: format!("quarantine of connection {connection}") });
    };
    let lifted = quarantine(row)?;
    db.later("update connections set revision = revision + 1 where id = $1", values_of![connection.as_str()]);
    changed(db);
    Ok(lifted)
}

#[async_trait]
impl Admissions for SqlLedger {
    async fn keep_admission(&self, release: &Digest, admission: &Admission, by: &str) -> Result<()> {
        let input = (release.clone(), admission.clone(), by.to_owned());
        self.write(input, |db, input| Box::pin(keep(db, input))).await
    }

    async fn admissions(&self, release: Option<&Digest>) -> Result<Vec<(Digest, Kept)>> {
        kept(&mut self.reader().await?, release).await
    }

    async fn override_item(&self, release: &Digest, item: Item, reason: &str, by: &str) -> Result<bool> {
        let input = (release.clone(), item, reason.to_owned(), by.to_owned());
        self.write(input, |db, input| Box::pin(override_item(db, input))).await
    }

    async fn quarantines(&self, connection: &ConnectionId) -> Result<Vec<Quarantine>> {
        quarantines(&mut self.reader().await?, connection).await
    }

    async fn lift_quarantine(&self, connection: &ConnectionId, why: &str, by: &str) -> Result<Quarantine> {
        let input = (connection.clone(), why.to_owned(), by.to_owned());
        self.write(input, |db, input| Box::pin(lift(db, input))).await
    }
}
