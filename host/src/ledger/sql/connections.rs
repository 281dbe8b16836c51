//! Connections: applied as a whole, in one transaction; each change of release, settings or tables is a new activation.

pub mod activate;
mod apply;

use async_trait::async_trait;

use super::{
    SqlLedger, admissions, canaries,
    database::{Db, Row, from_word, to_word, values_of},
    destinations, intents, releases,
};
use crate::{
    domain::{
        call::{Description, Tables},
        clock::Millis,
        id::{ConnectionId, Digest, HostId, ShopId},
    },
    ledger::{
        LedgerError, Result,
        connections::{
            Applied, ConnectionDraft, ConnectionRecord, ConnectionState, Connections, Intent, LeftIntent,
            ReleaseRecord, SealedSecret, ShopIdentity,
        },
        standstill::{PutInDoubt, Standstill, WentBack},
    },
};

const RECORDS: &str = "
select c.*, s.kind, s.base_address, s.account, a.number, a.release_digest, a.settings_revision, a.tables_revision,
    a.by_whom, a.at_ms, a.why, a.origin, a.repeats, q.since_ms as q_since_ms, q.faults as q_faults,
    q.because as q_because,
    case when exists (select 1 from sweeps w where w.connection_id = c.id and w.shop_id = c.shop_id
        and w.error is null) then 1 else 0 end as swept_once,
    d.failures as d_failures, d.since_ms as d_since_ms, d.kind as d_kind, d.because as d_because,
    d.opened_ms as d_opened_ms, d.openings as d_openings, d.next_try_ms as d_next_try_ms,
    d.probe_until_ms as d_probe_until_ms
from connections c
join shops s on s.id = c.shop_id
left join destinations d on d.id = c.destination and d.opened_ms is not null
join activations a on a.connection_id = c.id and a.number = c.activation
left join quarantines q on q.connection_id = c.id and q.release_digest = a.release_digest and q.lifted_ms is null";

fn record(row: &Row) -> Result<ConnectionRecord> {
    Ok(ConnectionRecord {
        id: ConnectionId(row.text("id")?),
        name: row.text("name")?,
        state: from_word(&row.text("state")?, "state")?,
        state_why: row.text("state_why")?,
        state_since_ms: row.int("state_since_ms")?,
        shop_id: ShopId(row.text("shop_id")?),
        shop: ShopIdentity {
            kind: row.text("kind")?,
            base_address: row.text("base_address")?,
            account: row.text("account")?,
        },
        config: row.json("config")?,
        take_from_ms: row.int("take_from_ms")?,
        activation: activate::activation(row)?,
        // Asked apart, and only of all connections at once.
        canary: None,
        revision: row.large("revision")?,
        swept_once: row.flag("swept_once")?,
        quarantine: admissions::joined(row)?,
        destination: row.maybe_text("destination")?,
        shut: destinations::maybe_health(row)?,
    })
}

/// A sealed secret or login.
pub fn secret(row: &Row) -> Result<SealedSecret> {
    Ok(SealedSecret { slot: row.text("slot")?, sealed: row.bytes("sealed")?, fingerprint: row.text("fingerprint")? })
}

async fn secrets(db: &mut Db, id: &ConnectionId) -> Result<Vec<SealedSecret>> {
    let rows = db.rows("select * from secrets where connection_id = $1 order by slot", values_of![id.as_str()]).await?;
    rows.iter().map(secret).collect()
}

fn no_connection(id: &ConnectionId) -> LedgerError {
    LedgerError::NotFound { what: format!("connection {id}") }
}

struct StateInput {
    id: ConnectionId,
    state: ConnectionState,
    by: String,
    why: String,
}

async fn set_state(db: &mut Db, input: &StateInput) -> Result<()> {
    let StateInput { id, state, by, why } = input;
    db.lock("select id from connections where id = $1 for update", values_of![id.as_str()]).await?;
    if *state == ConnectionState::Removed {
        // Nobody will take them any more: they end where people see it, and what was owed is cancelled with its reason.
        db.run(
            "update passes set state = 'withdrawn', state_ms = $2, closed_ms = $2, because = $3
             where connection_id = $1 and state = 'waiting'",
            values_of![id.as_str(), db.now_ms, "the connection was removed"],
        )
        .await?;
        db.run(
            "update effects set state = 'cancelled', detail = $3, done_ms = $2
             where connection_id = $1 and state = 'owed' and kind <> 'mail'",
            values_of![id.as_str(), db.now_ms, "the connection was removed"],
        )
        .await?;
        // Asked after waiting ones were closed: whoever was just claiming one has it by now, or does not get it.
        let row = db
            .maybe_row(
                "select count(*) as count from passes where connection_id = $1
                    and (state in ('claimed', 'mapped', 'sending') or state in ('unknown', 'awaiting'))",
                values_of![id.as_str()],
            )
            .await?;
        let count = row.map_or(Ok(0), |row| row.int("count"))?;
        if count > 0 {
            return Err(LedgerError::Refused(format!(
                "{count} orders of this connection are under way; pause it and wait until they have ended"
            )));
        }
    }
    let why = if why.is_empty() { format!("by {by}") } else { format!("{why} (by {by})") };
    if *state == ConnectionState::Paused
        && let Some(since) = intents::paused_since(db).await?
    {
        // Until now the host's pause counted; from now on the connection's own does.
        db.run(
            "update passes set
                retry_since_ms = retry_since_ms + $2 - case when c.state_since_ms > $3 then c.state_since_ms else $3 end,
                deadline_ms = passes.deadline_ms + $2 - case when c.state_since_ms > $3 then c.state_since_ms else $3 end
             from connections c
             where c.id = $1 and c.state = 'active' and passes.connection_id = $1 and passes.closed_ms is null",
            values_of![id.as_str(), db.now_ms, since],
        )
        .await?;
    }
    if *state == ConnectionState::Active {
        // A pause uses up no retry or answer time (lifecycle section 2).
        db.run(
            "update passes set retry_since_ms = retry_since_ms + $2 - c.state_since_ms,
                deadline_ms = passes.deadline_ms + $2 - c.state_since_ms
             from connections c
             where c.id = $1 and c.state = 'paused' and passes.connection_id = $1 and passes.closed_ms is null",
            values_of![id.as_str(), db.now_ms],
        )
        .await?;
    }
    let rows = db
        .run(
            "update connections set state = $2, state_why = $3, state_since_ms = $4, revision = revision + 1
             where id = $1 and state <> 'removed' and state <> $2",
            values_of![id.as_str(), to_word(state)?, why, db.now_ms],
        )
        .await?;
    if rows == 0 {
        let known = db.maybe_row("select state from connections where id = $1", values_of![id.as_str()]).await?;
        // The same state again is no change.
        return match known {
            Some(row) if row.text("state")? == to_word(state)? => Ok(()),
            _ => Err(no_connection(id)),
        };
    }
    intents::changed(db);
    Ok(())
}

async fn remember_login(db: &mut Db, input: &(ConnectionId, SealedSecret, Millis)) -> Result<()> {
    let (id, secret, until_ms) = input;
    db.later(
        "insert into logins (connection_id, slot, sealed, fingerprint, until_ms) values ($1, $2, $3, $4, $5)
         on conflict (connection_id, slot) do update set sealed = excluded.sealed,
            fingerprint = excluded.fingerprint, until_ms = excluded.until_ms",
        values_of![id.as_str(), &secret.slot, &secret.sealed, &secret.fingerprint, *until_ms],
    );
    Ok(())
}

async fn forget_login(db: &mut Db, input: &(ConnectionId, String)) -> Result<()> {
    let (id, slot) = input;
    db.run("delete from logins where connection_id = $1 and slot = $2", values_of![id.as_str(), slot]).await?;
    Ok(())
}

/// Logins that live, by connection and time.
pub const LOGINS: &str = "select * from logins where connection_id = $1 and until_ms > $2 order by slot";

/// The remembered logins that are alive.
pub async fn logins(db: &mut Db, id: &ConnectionId) -> Result<Vec<SealedSecret>> {
    let values = values_of![id.as_str(), db.now_ms];
    let rows = db.rows(LOGINS, values).await?;
    rows.iter().map(secret).collect()
}

async fn body<T: serde::de::DeserializeOwned>(db: &mut Db, sql: &str, id: &ConnectionId, revision: u32) -> Result<T> {
    let row = db.maybe_row(sql, values_of![id.as_str(), revision]).await?;
    let what = || LedgerError::NotFound { what: format!("revision {revision} of connection {id}") };
    row.ok_or_else(what)?.json("body")
}

#[async_trait]
impl Connections for SqlLedger {
    async fn now_ms(&self) -> Result<Millis> {
        Ok(self.clock.now_ms())
    }

    async fn change_number(&self) -> Result<u64> {
        intents::change_number(&mut self.reader().await?).await
    }

    async fn apply_connection(&self, draft: ConnectionDraft) -> Result<Applied> {
        self.write(draft, |db, draft| Box::pin(apply::apply(db, draft))).await
    }

    async fn connections(&self, removed: bool) -> Result<Vec<ConnectionRecord>> {
        let mut db = self.reader().await?;
        let filter = if removed { "" } else { "where c.state <> 'removed'" };
        let rows = db.rows(&format!("{RECORDS} {filter} order by c.name, c.created_ms"), Vec::new()).await?;
        let mut records = rows.iter().map(record).collect::<Result<Vec<_>>>()?;
        for (id, canary) in canaries::open(&mut db).await? {
            if let Some(record) = records.iter_mut().find(|record| record.id == id) {
                record.canary = Some(canary);
            }
        }
        Ok(records)
    }

    async fn set_connection_state(&self, id: &ConnectionId, state: ConnectionState, by: &str, why: &str) -> Result<()> {
        let input = StateInput { id: id.clone(), state, by: by.to_owned(), why: why.to_owned() };
        self.write(input, |db, input| Box::pin(set_state(db, input))).await
    }

    async fn set_host_pause(&self, paused: bool, by: &str, why: &str) -> Result<()> {
        let words = if why.is_empty() { format!("by {by}") } else { format!("{why} (by {by})") };
        self.write(paused.then_some(words), |db, why| Box::pin(intents::set_host_pause(db, why))).await
    }

    async fn host_pause(&self) -> Result<Option<String>> {
        intents::host_pause(&mut self.reader().await?).await
    }

    async fn host_paused_since_ms(&self) -> Result<Option<Millis>> {
        intents::paused_since(&mut self.reader().await?).await
    }

    async fn secrets(&self, id: &ConnectionId) -> Result<Vec<SealedSecret>> {
        secrets(&mut self.reader().await?, id).await
    }

    async fn remember_login(&self, id: &ConnectionId, secret: SealedSecret, until_ms: Millis) -> Result<()> {
        self.write((id.clone(), secret, until_ms), |db, input| Box::pin(remember_login(db, input))).await
    }

    async fn forget_login(&self, id: &ConnectionId, slot: &str) -> Result<()> {
        self.write((id.clone(), slot.to_owned()), |db, input| Box::pin(forget_login(db, input))).await
    }

    async fn logins(&self, id: &ConnectionId) -> Result<Vec<SealedSecret>> {
        logins(&mut self.reader().await?, id).await
    }

    async fn plugin_settings(&self, id: &ConnectionId, revision: u32) -> Result<serde_json::Value> {
        const SQL: &str = "select body from plugin_settings where connection_id = $1 and revision = $2";
        body(&mut self.reader().await?, SQL, id, revision).await
    }

    async fn tables(&self, id: &ConnectionId, revision: u32) -> Result<Tables> {
        const SQL: &str = "select body from lookup_tables where connection_id = $1 and revision = $2";
        body(&mut self.reader().await?, SQL, id, revision).await
    }

    async fn add_release(&self, digest: &Digest, bytes: &[u8], description: &Description, by: &str) -> Result<bool> {
        let new = releases::NewRelease {
            digest: digest.clone(),
            bytes: bytes.to_owned(),
            description: description.clone(),
            by: by.to_owned(),
        };
        self.write(new, |db, new| Box::pin(releases::add(db, new))).await
    }

    async fn releases(&self) -> Result<Vec<ReleaseRecord>> {
        releases::all(&mut self.reader().await?).await
    }

    async fn release_record(&self, digest: &Digest) -> Result<Option<ReleaseRecord>> {
        releases::one(&mut self.reader().await?, digest).await
    }

    async fn release_bytes(&self, digest: &Digest) -> Result<Option<Vec<u8>>> {
        releases::bytes(&mut self.reader().await?, digest).await
    }

    async fn leave_intent(&self, connection: &ConnectionId, intent: Intent, by: &str) -> Result<i64> {
        let input = (connection.clone(), intent, by.to_owned());
        self.write(input, |db, input| Box::pin(intents::leave(db, input))).await
    }

    async fn take_intents(&self, host: &HostId, lease_ms: Millis) -> Result<Vec<LeftIntent>> {
        if self.holds_still() {
            return Ok(Vec::new());
        }
        self.write((host.clone(), lease_ms), |db, input| Box::pin(intents::take(db, input))).await
    }

    async fn end_intent(&self, number: i64) -> Result<()> {
        self.write(number, |db, number| Box::pin(intents::end(db, number))).await
    }

    async fn give_back_intent(&self, number: i64) -> Result<()> {
        self.write(number, |db, number| Box::pin(intents::give_back(db, number))).await
    }

    async fn ended(&self) {
        self.writer.ended().await;
    }

    fn standstill(&self) -> Option<Standstill> {
        self.still()
    }

    async fn tend(&self) -> Result<()> {
        self.attend().await
    }

    async fn skip_documents(&self, missing: u64) -> Result<()> {
        self.jump_documents(missing).await
    }

    async fn accept_restored(&self, back: &WentBack, doubtful: Vec<PutInDoubt>, by: &str) -> Result<usize> {
        self.accept(back, doubtful, by).await
    }
}
