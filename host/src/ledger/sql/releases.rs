//! Releases: what was uploaded, by its digest.

use super::{
    database::{Db, Row, to_json, values_of},
    intents::changed,
};
use crate::{
    domain::{call::Description, id::Digest},
    ledger::{Result, connections::ReleaseRecord},
};

/// What is added.
pub struct NewRelease {
    /// Digest.
    pub digest: Digest,
    /// The component.
    pub bytes: Vec<u8>,
    /// What it says of itself.
    pub description: Description,
    /// Who.
    pub by: String,
}

/// Keeps a release; whether it is new.
pub async fn add(db: &mut Db, new: &NewRelease) -> Result<bool> {
    let size = u64::try_from(new.bytes.len()).unwrap_or(u64::MAX);
    let added = db
        .run(
            "insert into releases (digest, description, size, by_whom, added_ms) values ($1, $2, $3, $4, $5)
             on conflict (digest) do nothing",
            values_of![new.digest.as_str(), to_json(&new.description)?, size, &new.by, db.now_ms],
        )
        .await?;
    if added == 0 {
        return Ok(false);
    }
    db.later(
        "insert into release_bytes (digest, bytes) values ($1, $2) on conflict (digest) do nothing",
        values_of![new.digest.as_str(), &new.bytes],
    );
    changed(db);
    Ok(true)
}

/// All of them, newest first.
pub async fn all(db: &mut Db) -> Result<Vec<ReleaseRecord>> {
    let rows = db.rows("select * from releases order by added_ms desc, digest", Vec::new()).await?;
    rows.iter().map(record).collect()
}

/// One of them.
pub async fn one(db: &mut Db, digest: &Digest) -> Result<Option<ReleaseRecord>> {
    let row = db.maybe_row("select * from releases where digest = $1", values_of![digest.as_str()]).await?;
    row.as_ref().map(record).transpose()
}

fn record(row: &Row) -> Result<ReleaseRecord> {
    Ok(ReleaseRecord {
        digest: Digest(row.text("digest")?),
        description: row.json("description")?,
        size: row.large("size")?,
        by: row.text("by_whom")?,
        added_ms: row.int("added_ms")?,
    })
}

/// The component.
pub async fn bytes(db: &mut Db, digest: &Digest) -> Result<Option<Vec<u8>>> {
    let row = db.maybe_row("select bytes from release_bytes where digest = $1", values_of![digest.as_str()]).await?;
    row.map(|row| row.bytes("bytes")).transpose()
}
