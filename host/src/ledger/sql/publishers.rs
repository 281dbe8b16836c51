//! Publishers' keys and the signatures of releases.

use async_trait::async_trait;

use super::{
    SqlLedger,
    database::{Db, values_of},
    intents::changed,
};
use crate::{
    domain::{id::Digest, signature::ReleaseSignature},
    ledger::{
        Result,
        publishers::{PublisherKey, Publishers},
    },
};

struct New {
    name: String,
    key_id: String,
    key_pem: String,
    by: String,
}

/// A key that was taken away and comes back is trusted anew, by whoever brings it back.
async fn trust(db: &mut Db, new: &New) -> Result<bool> {
    let added = db
        .run(
            "insert into publishers (name, key_id, key_pem, by_whom, added_ms) values ($1, $2, $3, $4, $5)
             on conflict (name, key_id) do update set by_whom = excluded.by_whom, added_ms = excluded.added_ms,
                 removed_ms = null, removed_by = null
             where publishers.removed_ms is not null",
            values_of![&new.name, &new.key_id, &new.key_pem, &new.by, db.now_ms],
        )
        .await?;
    if added > 0 {
        changed(db);
    }
    Ok(added > 0)
}

async fn distrust(db: &mut Db, (name, key_id, by): &(String, Option<String>, String)) -> Result<u64> {
    let removed = db
        .run(
            "update publishers set removed_ms = $1, removed_by = $2
             where name = $3 and (key_id = $4 or $4 = '') and removed_ms is null",
            values_of![db.now_ms, by, name, key_id.clone().unwrap_or_default()],
        )
        .await?;
    if removed > 0 {
        changed(db);
    }
    Ok(removed)
}

async fn keep(db: &mut Db, (release, signatures, by): &(Digest, Vec<ReleaseSignature>, String)) -> Result<()> {
    for signature in signatures {
        db.later(
            "insert into release_signatures (digest, signature, payload, manifest, by_whom, added_ms)
             values ($1, $2, $3, $4, $5, $6) on conflict (digest, signature) do nothing",
            values_of![
                release.as_str(),
                &signature.signature,
                signature.payload.clone(),
                signature.manifest.clone(),
                by,
                db.now_ms
            ],
        );
    }
    Ok(())
}

#[async_trait]
impl Publishers for SqlLedger {
    async fn publishers(&self) -> Result<Vec<PublisherKey>> {
        let sql = "select * from publishers where removed_ms is null order by name, added_ms, key_id";
        let rows = self.reader().await?.rows(sql, Vec::new()).await?;
        rows.iter()
            .map(|row| {
                Ok(PublisherKey {
                    name: row.text("name")?,
                    key_id: row.text("key_id")?,
                    key_pem: row.text("key_pem")?,
                    by: row.text("by_whom")?,
                    added_ms: row.int("added_ms")?,
                })
            })
            .collect()
    }

    async fn trust(&self, name: &str, key_id: &str, key_pem: &str, by: &str) -> Result<bool> {
        let [name, key_id, key_pem, by] = [name, key_id, key_pem, by].map(str::to_owned);
        self.write(New { name, key_id, key_pem, by }, |db, new| Box::pin(trust(db, new))).await
    }

    async fn distrust(&self, name: &str, key_id: Option<&str>, by: &str) -> Result<u64> {
        let input = (name.to_owned(), key_id.map(str::to_owned), by.to_owned());
        self.write(input, |db, input| Box::pin(distrust(db, input))).await
    }

    async fn keep_signatures(&self, release: &Digest, signatures: &[ReleaseSignature], by: &str) -> Result<()> {
        if signatures.is_empty() {
            return Ok(());
        }
        let input = (release.clone(), signatures.to_vec(), by.to_owned());
        self.write(input, |db, input| Box::pin(keep(db, input))).await
    }

    async fn signatures(&self, release: &Digest) -> Result<Vec<ReleaseSignature>> {
        let sql = "select * from release_signatures where digest = $1 order by added_ms, signature";
        let rows = self.reader().await?.rows(sql, values_of![release.as_str()]).await?;
        rows.iter()
            .map(|row| {
                Ok(ReleaseSignature {
                    signature: row.text("signature")?,
                    payload: row.maybe_text("payload")?,
                    manifest: row.maybe_text("manifest")?,
                })
            })
            .collect()
    }
}
