//! Hosts and turns.

use async_trait::async_trait;
use tokio::sync::broadcast;

use super::{
    Readers, SqlLedger,
    database::{Db, Row, values_of},
    intents,
};
use crate::{
    domain::{clock::Millis, id::HostId},
    ledger::{
        LedgerError, Result,
        fleet::{Fleet, HostRow, Sign, Standing, Wake},
    },
};

/// Hosts that were not seen for that long are forgotten.
const FORGET: Millis = 30 * 86_400_000;

/// Which turn it is to look at a connection's shop; a text of SQL says the same.
const SWEEP: &str = "'sweep ' || connection_id";

/// No other living host looks at this connection's shop: whoever does carries out what was left for it.
pub fn not_anothers(host: u8, now: u8) -> String {
    format!(
        "not exists (select 1 from turns t where t.subject = {SWEEP} and t.host <> ${host} and t.until_ms >= ${now})"
    )
}

fn host_row(row: &Row) -> Result<HostRow> {
    Ok(HostRow {
        id: HostId(row.text("id")?),
        name: row.text("name")?,
        version: row.text("version")?,
        started_ms: row.int("started_ms")?,
        seen_ms: row.int("seen_ms")?,
        ended_ms: row.maybe_int("ended_ms")?,
        in_hand: row.number("in_hand")?,
        drain: row.maybe_text("drain")?,
    })
}

async fn sign_of_life(db: &mut Db, input: &(Sign, Millis)) -> Result<Standing> {
    let (Sign { host, name, version, in_hand, first }, lease_ms) = input;
    let values = values_of![host.as_str(), name, version, db.now_ms, *in_hand, *first];
    let rows = db
        .changed(
            "insert into hosts (id, name, version, started_ms, seen_ms, in_hand) values ($1, $2, $3, $4, $4, $5)
             on conflict (id) do update set name = excluded.name, version = excluded.version, seen_ms = excluded.seen_ms,
                in_hand = excluded.in_hand, ended_ms = null,
                started_ms = case when $6 = 1 then excluded.started_ms else hosts.started_ms end,
                drain = case when $6 = 1 then null else hosts.drain end
             returning drain",
            values,
        )
        .await?;
    let until = db.now_ms.saturating_add(*lease_ms);
    let turns = db
        .changed(
            "update turns set until_ms = $2 where host = $1 and until_ms > 0 returning subject",
            values_of![host.as_str(), until],
        )
        .await?;
    if *first {
        db.later("delete from hosts where seen_ms < $1", values_of![db.now_ms.saturating_sub(FORGET)]);
    }
    let drain = rows.first().map_or(Ok(None), |row| row.maybe_text("drain"))?;
    Ok(Standing { drain, turns: turns.iter().map(|row| row.text("subject")).collect::<Result<_>>()? })
}

async fn end_turns(db: &mut Db, host: &HostId) -> Result<()> {
    db.run("update turns set until_ms = 0 where host = $1 and until_ms > 0", values_of![host.as_str()]).await.map(drop)
}

async fn leave(db: &mut Db, host: &HostId) -> Result<()> {
    end_turns(db, host).await?;
    let sql = "update hosts set ended_ms = $2, seen_ms = $2, in_hand = 0 where id = $1";
    db.run(sql, values_of![host.as_str(), db.now_ms]).await.map(drop)
}

async fn take_turn(db: &mut Db, input: &(String, HostId, Millis)) -> Result<bool> {
    let (subject, host, lease_ms) = input;
    let until = db.now_ms.saturating_add(*lease_ms);
    let taken = db
        .run(
            "insert into turns (subject, host, until_ms) values ($1, $2, $3)
             on conflict (subject) do update set host = excluded.host, until_ms = excluded.until_ms
             where turns.host = excluded.host or turns.until_ms < $4",
            values_of![subject, host.as_str(), until, db.now_ms],
        )
        .await?;
    Ok(taken == 1)
}

const HOSTS: &str = "select * from hosts";

async fn drain(db: &mut Db, input: &(String, Option<String>)) -> Result<HostRow> {
    let (wanted, why) = input;
    let rows = db
        .rows(
            &format!("{HOSTS} where id = $1 or name = $1 order by ended_ms is null desc, seen_ms desc"),
            values_of![wanted],
        )
        .await?;
    let known = rows.iter().map(host_row).collect::<Result<Vec<_>>>()?;
    let living: Vec<&HostRow> = known.iter().filter(|host| host.ended_ms.is_none()).collect();
    let host = match (known.iter().find(|host| host.id.as_str() == wanted), living.as_slice(), known.as_slice()) {
        (Some(one), ..) | (None, [], [one]) => one.clone(),
        (None, [one], _) => (*one).clone(),
        (None, [], []) => return Err(LedgerError::NotFound { what: format!("host {wanted}") }),
        _ => {
            return Err(LedgerError::Refused(format!(
                "several hosts are called {wanted}; name one by its id, `orderdock host list` shows them"
            )));
        }
    };
    db.run("update hosts set drain = $2 where id = $1", values_of![host.id.as_str(), why.clone()]).await?;
    intents::changed(db);
    Ok(HostRow { drain: why.clone(), ..host })
}

#[async_trait]
impl Fleet for SqlLedger {
    async fn sign_of_life(&self, sign: &Sign, lease_ms: Millis) -> Result<Standing> {
        self.write((sign.clone(), lease_ms), |db, input| Box::pin(sign_of_life(db, input))).await
    }

    async fn leave(&self, host: &HostId) -> Result<()> {
        self.write(host.clone(), |db, host| Box::pin(leave(db, host))).await
    }

    async fn end_turns(&self, host: &HostId) -> Result<()> {
        self.write(host.clone(), |db, host| Box::pin(end_turns(db, host))).await
    }

    async fn take_turn(&self, subject: &str, host: &HostId, lease_ms: Millis) -> Result<bool> {
        let input = (subject.to_owned(), host.clone(), lease_ms);
        self.write(input, |db, input| Box::pin(take_turn(db, input))).await
    }

    async fn hosts(&self) -> Result<Vec<HostRow>> {
        let mut db = self.reader().await?;
        let rows = db.rows(&format!("{HOSTS} order by name, started_ms"), Vec::new()).await?;
        rows.iter().map(host_row).collect()
    }

    async fn drain(&self, host: &str, why: Option<String>) -> Result<HostRow> {
        self.write((host.to_owned(), why), |db, input| Box::pin(drain(db, input))).await
    }

    fn wakes(&self) -> Option<broadcast::Receiver<Wake>> {
        match &self.readers {
            Readers::Sqlite(_) => None,
            Readers::Postgres(..) => self.listener.as_ref().map(|listener| listener.wakes()),
        }
    }
}
