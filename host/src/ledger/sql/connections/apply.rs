//! `connection apply`: makes a connection what a draft says. The same again changes nothing.

use std::collections::BTreeSet;

use serde::{Serialize, de::DeserializeOwned};

use super::{
    super::{
        admissions, canaries,
        database::{Db, Row, to_json, values_of},
        intents,
    },
    RECORDS, activate, record, secrets,
};
use crate::{
    domain::{
        id::{ConnectionId, ShopId},
        random,
    },
    ledger::{
        LedgerError, Result,
        activations::{Activation, ActivationKind},
        connections::{Applied, ConnectionDraft, ConnectionRecord, SealedSecret, ShopChange, ShopIdentity},
    },
};

/// Applies a draft.
pub async fn apply(db: &mut Db, draft: &ConnectionDraft) -> Result<Applied> {
    activate::release_is_kept(db, &draft.release).await?;
    db.lock("select id from connections where name = $1 and state <> 'removed' for update", values_of![&draft.name])
        .await?;
    let sql = format!("{RECORDS} where c.name = $1 and c.state <> 'removed'");
    match db.maybe_row(&sql, values_of![&draft.name]).await? {
        None => {
            admissions::may_be_used(db, &draft.release).await?;
            create(db, draft).await
        }
        Some(row) => {
            let old = record(&row)?;
            // What is in use already stays in use, whatever a later look at it found.
            if draft.release != old.activation.release {
                admissions::may_be_used(db, &draft.release).await?;
            }
            change(db, draft, old).await
        }
    }
}

async fn create(db: &mut Db, draft: &ConnectionDraft) -> Result<Applied> {
    let now = db.now_ms;
    let id = ConnectionId(random::id(&*db.random, now));
    let shop = match find_shop(db, &draft.shop).await? {
        Some(shop) => shop,
        None => new_shop(db, &draft.shop),
    };
    db.later(
        "insert into connections (id, name, state, state_why, state_since_ms, shop_id, config, take_from_ms, activation,
            revision, last_document, created_ms)
         values ($1, $2, 'active', '', $3, $4, $5, $6, 1, 1, 0, $3)",
        values_of![
            id.as_str(),
            &draft.name,
            now,
            shop.as_str(),
            to_json(&draft.config)?,
            draft.take_from_ms.unwrap_or(now),
        ],
    );
    let settings_revision = revision_of(db, SETTINGS, &id, &draft.plugin_settings).await?;
    let tables_revision = revision_of(db, TABLES, &id, &draft.tables).await?;
    activate(db, &id, draft, 1, settings_revision, tables_revision)?;
    store_secrets(db, &id, &draft.secrets);
    intents::changed(db);
    Ok(Applied { connection: id, created: true, changes: vec!["connection".to_owned()] })
}

async fn change(db: &mut Db, draft: &ConnectionDraft, old: ConnectionRecord) -> Result<Applied> {
    let id = old.id.clone();
    let mut changes = Vec::new();
    let mut shop = old.shop_id.clone();
    let mut take_from_ms = draft.take_from_ms.unwrap_or(old.take_from_ms);
    if draft.shop != old.shop {
        let (changed, other) = change_shop(db, draft, &old).await?;
        shop = changed;
        if other && draft.take_from_ms.is_none() {
            take_from_ms = db.now_ms;
        }
        changes.push("shop".to_owned());
    }
    changes.extend(differences(&old.config, &draft.config));
    if take_from_ms != old.take_from_ms {
        changes.push("take_from".to_owned());
    }
    let settings_revision = revision_of(db, SETTINGS, &id, &draft.plugin_settings).await?;
    let tables_revision = revision_of(db, TABLES, &id, &draft.tables).await?;
    let (mut activation, mut differs_at_all) = (old.activation.number, false);
    for (word, differs) in [
        ("plugin release", draft.release != old.activation.release),
        ("settings", settings_revision != old.activation.settings_revision),
        ("tables", tables_revision != old.activation.tables_revision),
    ] {
        if differs {
            differs_at_all = true;
            changes.push(word.to_owned());
        }
    }
    if differs_at_all {
        activation = activate::next_number(db, &id).await?;
        activate(db, &id, draft, activation, settings_revision, tables_revision)?;
        canaries::stop(db, &id, activation).await?;
    }
    if marks(&secrets(db, &id).await?) != marks(&draft.secrets) {
        store_secrets(db, &id, &draft.secrets);
        changes.push("secrets".to_owned());
    }
    if !changes.is_empty() {
        db.later(
            "update connections set shop_id = $2, config = $3, take_from_ms = $4, activation = $5,
                revision = revision + 1 where id = $1",
            values_of![id.as_str(), shop.as_str(), to_json(&draft.config)?, take_from_ms, activation],
        );
        intents::changed(db);
    }
    Ok(Applied { connection: id, created: false, changes })
}

/// The names of what differs at the top of two configs.
fn differences(old: &serde_json::Value, new: &serde_json::Value) -> Vec<String> {
    if old == new {
        return Vec::new();
    }
    let (Some(old), Some(new)) = (old.as_object(), new.as_object()) else {
        return vec!["config".to_owned()];
    };
    let names: BTreeSet<&String> = old.keys().chain(new.keys()).collect();
    names.into_iter().filter(|name| old.get(*name) != new.get(*name)).cloned().collect()
}

fn marks(secrets: &[SealedSecret]) -> BTreeSet<(&str, &str)> {
    secrets.iter().map(|secret| (secret.slot.as_str(), secret.fingerprint.as_str())).collect()
}

fn store_secrets(db: &mut Db, id: &ConnectionId, secrets: &[SealedSecret]) {
    db.later("delete from secrets where connection_id = $1", values_of![id.as_str()]);
    for secret in secrets {
        db.later(
            "insert into secrets (connection_id, slot, sealed, fingerprint) values ($1, $2, $3, $4)
             on conflict (connection_id, slot) do update set sealed = excluded.sealed,
                fingerprint = excluded.fingerprint",
            values_of![id.as_str(), &secret.slot, &secret.sealed, &secret.fingerprint],
        );
    }
}

fn activate(
    db: &mut Db,
    id: &ConnectionId,
    draft: &ConnectionDraft,
    number: u32,
    settings_revision: u32,
    tables_revision: u32,
) -> Result<()> {
    let new = Activation {
        number,
        kind: ActivationKind::Applied,
        repeats: None,
        release: draft.release.clone(),
        settings_revision,
        tables_revision,
        by: draft.by.clone(),
        at_ms: db.now_ms,
        why: draft.why.clone(),
    };
    activate::store(db, id, &new)
}

/// Where revisions of one kind lie: how to read them all, and how to add one.
pub struct Revisions {
    all: &'static str,
    add: &'static str,
}

pub const SETTINGS: Revisions = Revisions {
    all: "select revision, body from plugin_settings where connection_id = $1 order by revision desc",
    add: "insert into plugin_settings (connection_id, revision, body) values ($1, $2, $3)",
};
pub const TABLES: Revisions = Revisions {
    all: "select revision, body from lookup_tables where connection_id = $1 order by revision desc",
    add: "insert into lookup_tables (connection_id, revision, body) values ($1, $2, $3)",
};

/// The revision that says this: an old one with the same content (so that a roll-back is the old pair again), or a new one.
pub async fn revision_of<T>(db: &mut Db, kind: Revisions, id: &ConnectionId, body: &T) -> Result<u32>
where
    T: Serialize + DeserializeOwned + PartialEq,
{
    let rows: Vec<Row> = db.rows(kind.all, values_of![id.as_str()]).await?;
    for row in &rows {
        if row.json::<T>("body")? == *body {
            return row.number("revision");
        }
    }
    let next = rows.first().map_or(Ok(0), |row| row.number("revision"))?.saturating_add(1);
    db.later(kind.add, values_of![id.as_str(), next, to_json(body)?]);
    Ok(next)
}

async fn find_shop(db: &mut Db, shop: &ShopIdentity) -> Result<Option<ShopId>> {
    let row = db
        .maybe_row(
            "select id from shops where kind = $1 and base_address = $2 and account = $3",
            values_of![&shop.kind, &shop.base_address, &shop.account],
        )
        .await?;
    row.map(|row| Ok(ShopId(row.text("id")?))).transpose()
}

fn new_shop(db: &mut Db, shop: &ShopIdentity) -> ShopId {
    let id = ShopId(random::id(&*db.random, db.now_ms));
    db.later(
        "insert into shops (id, kind, base_address, account, created_ms) values ($1, $2, $3, $4, $5)",
        values_of![id.as_str(), &shop.kind, &shop.base_address, &shop.account, db.now_ms],
    );
    id
}

/// The shop that a changed identity means, and whether it is another one.
async fn change_shop(db: &mut Db, draft: &ConnectionDraft, old: &ConnectionRecord) -> Result<(ShopId, bool)> {
    let known = find_shop(db, &draft.shop).await?;
    match draft.shop_change {
        None => Err(LedgerError::Refused(format!(
            "the shop of connection \"{}\" would change from {} to {}: say `--same-shop` if the same shop has moved (what \
             was sent stays known), or `--other-shop` if it is another one",
            draft.name,
            words(&old.shop),
            words(&draft.shop)
        ))),
        Some(ShopChange::Same) => {
            if known.is_some() {
                return Err(LedgerError::Refused(format!(
                    "{} is known as another shop already, with orders of its own; it can't be the same shop as {}",
                    words(&draft.shop),
                    words(&old.shop)
                )));
            }
            db.later(
                "update shops set kind = $2, base_address = $3, account = $4 where id = $1",
                values_of![old.shop_id.as_str(), &draft.shop.kind, &draft.shop.base_address, &draft.shop.account],
            );
            Ok((old.shop_id.clone(), false))
        }
        Some(ShopChange::Other) => {
            let (passes, effects) = open_work(db, &old.id).await?;
            if passes + effects > 0 {
                return Err(LedgerError::Refused(format!(
                    "connection \"{}\" has {passes} open orders and {effects} messages that the old shop is still owed; \
                     pause it and wait until they are done, then change the shop",
                    draft.name
                )));
            }
            let shop = match known {
                Some(shop) => shop,
                None => new_shop(db, &draft.shop),
            };
            Ok((shop, true))
        }
    }
}

fn words(shop: &ShopIdentity) -> String {
    [shop.kind.as_str(), &shop.base_address, &shop.account]
        .into_iter()
        .filter(|word| !word.is_empty())
        .collect::<Vec<_>>()
        .join(" ")
}

async fn open_work(db: &mut Db, id: &ConnectionId) -> Result<(i64, i64)> {
    let row = db
        .maybe_row(
            "select (select count(*) from passes where connection_id = $1 and state = 'waiting')
                    + (select count(*) from passes where connection_id = $1 and state in ('claimed', 'mapped', 'sending'))
                    + (select count(*) from passes where connection_id = $1 and state in ('unknown', 'awaiting'))
                    as passes,
                (select count(*) from effects where connection_id = $1 and state = 'owed' and kind <> 'mail') as effects",
            values_of![id.as_str()],
        )
        .await?;
    row.map_or(Ok((0, 0)), |row| Ok((row.int("passes")?, row.int("effects")?)))
}
