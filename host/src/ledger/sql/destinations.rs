//! Destinations: their health, their limits, and the notices about them. The rule is [`Health`]'s; here it is kept for all
//! hosts, one row for each destination, locked while it changes.

use async_trait::async_trait;

use super::{
    SqlLedger,
    claims::{self, ClaimInput},
    database::{Db, Row, from_word, to_json, to_word, values_of},
    intents,
};
use crate::{
    domain::{
        breaker::{Health, Trouble},
        clock::Millis,
        id::{ConnectionId, HostId},
    },
    ledger::{
        LedgerError, Result,
        destinations::{BURST_MS, Destinations, Limits, Notice, Subject, Unwell},
        effects::EffectBody,
        passes::{Claim, ClaimKind},
    },
};

/// A destination's health, from columns with `d_` before their names; none where it is well.
pub fn maybe_health(row: &Row) -> Result<Option<Health>> {
    health(row, "d_")
}

fn health(row: &Row, before: &str) -> Result<Option<Health>> {
    let column = |name: &str| format!("{before}{name}");
    if row.maybe_int(&column("failures"))?.unwrap_or(0) == 0 {
        return Ok(None);
    }
    Ok(Some(Health {
        failures: row.number(&column("failures"))?,
        since_ms: row.int(&column("since_ms"))?,
        kind: from_word(&row.text(&column("kind"))?, "kind")?,
        because: row.text(&column("because"))?,
        opened_ms: row.maybe_int(&column("opened_ms"))?,
        openings: row.number(&column("openings"))?,
        next_try_ms: row.int(&column("next_try_ms"))?,
        probe_until_ms: row.int(&column("probe_until_ms"))?,
    }))
}

const NEW: &str = "
insert into destinations (id, address, failures, since_ms, kind, because, openings, next_try_ms, probe_until_ms)
values ($1, $2, 0, 0, '', '', 0, 0, 0) on conflict (id) do nothing";

async fn use_destination(db: &mut Db, input: &(ConnectionId, Option<(String, String)>)) -> Result<()> {
    let (connection, destination) = input;
    if let Some((id, address)) = destination {
        db.run(NEW, values_of![id, address]).await?;
    }
    let id = destination.as_ref().map(|(id, _)| id.as_str());
    db.run("update connections set destination = $2 where id = $1", values_of![connection.as_str(), id]).await.map(drop)
}

/// Locks a destination and reads how it is.
async fn known(db: &mut Db, id: &str) -> Result<Option<Health>> {
    let row = db.maybe_row("select * from destinations where id = $1 /*pg for update */", values_of![id]).await?;
    row.map_or(Ok(None), |row| health(&row, ""))
}

async fn note_trouble(db: &mut Db, input: &(String, Trouble)) -> Result<Health> {
    let (id, trouble) = input;
    db.run(NEW, values_of![id, id]).await?;
    let before = known(db, id).await?;
    let was_open = before.as_ref().is_some_and(Health::is_open);
    // Destinations that fail together are not tried together.
    let seed = id.bytes().fold(0, |seed: u64, byte| seed.wrapping_mul(31).wrapping_add(byte.into()));
    let health = Health::after(before, trouble, seed, db.now_ms);
    db.later(
        "update destinations set failures = $2, since_ms = $3, kind = $4, because = $5, opened_ms = $6, openings = $7,
            next_try_ms = $8, probe_until_ms = $9 where id = $1",
        values_of![
            id,
            health.failures,
            health.since_ms,
            to_word(&health.kind)?,
            &health.because,
            health.opened_ms,
            health.openings,
            health.next_try_ms,
            health.probe_until_ms,
        ],
    );
    if !was_open && health.is_open() {
        tracing::debug!(destination = %id, "shut");
        stop_time(db, id).await?;
    }
    Ok(health)
}

/// What waits for a retry of its own waits for the destination from now on, and its time stands still until it waits for one
/// again. Of a connection that is paused it has stood still since then; so nothing is given back when the pause ends.
async fn stop_time(db: &mut Db, id: &str) -> Result<()> {
    let host_paused = intents::paused_since(db).await?;
    db.later(
        "update passes set retry_since_ms = null, tried_ms = case when c.state = 'paused' then c.state_since_ms
                when c.state_since_ms > cast($3 as bigint) then c.state_since_ms
                else coalesce(cast($3 as bigint), $2) end - retry_since_ms
         from connections c
         where c.destination = $1 and passes.connection_id = c.id and passes.state = 'waiting'
            and passes.retry_since_ms is not null",
        values_of![id, db.now_ms, host_paused],
    );
    Ok(())
}

/// All is well again. What was waited for it meanwhile uses up no time of any order (lifecycle section 2).
async fn end(db: &mut Db, id: &str, health: &Health, by: &str) -> Result<()> {
    db.later(
        "update destinations set failures = 0, opened_ms = null, openings = 0, next_try_ms = 0, probe_until_ms = 0,
            ended_ms = $2, ended_by = $3 where id = $1",
        values_of![id, db.now_ms, by],
    );
    let Some(opened) = health.opened_ms else { return Ok(()) };
    let shut_for = db.now_ms.saturating_sub(opened);
    db.later(
        "update passes set retry_since_ms = retry_since_ms + $2
            - case when state = 'waiting' and state_ms > $3 then state_ms else $3 end
         where state in ('waiting', 'unknown', 'awaiting') and retry_since_ms is not null
            and connection_id in (select c.id from connections c where c.destination = $1)",
        values_of![id, db.now_ms, opened],
    );
    db.later(
        "update passes set deadline_ms = deadline_ms + $2 where state in ('unknown', 'awaiting')
            and deadline_ms is not null
            and connection_id in (select c.id from connections c where c.destination = $1)",
        values_of![id, shut_for],
    );
    for row in db.rows("select id from connections where destination = $1", values_of![id]).await? {
        db.wakes.insert(row.text("id")?);
    }
    Ok(())
}

async fn note_answer(db: &mut Db, id: &str) -> Result<Option<Health>> {
    let Some(health) = known(db, id).await? else { return Ok(None) };
    if !health.is_over_with_an_answer(db.now_ms) {
        return Ok(Some(health));
    }
    end(db, id, &health, "it answered").await?;
    Ok(None)
}

async fn take_probe(db: &mut Db, input: &(String, Millis)) -> Result<bool> {
    let (id, lease_ms) = input;
    let until = db.now_ms.saturating_add(*lease_ms);
    let taken = db
        .run(
            "update destinations set probe_until_ms = $3
             where id = $1 and opened_ms is not null and next_try_ms <= $2 and probe_until_ms < $2",
            values_of![id, db.now_ms, until],
        )
        .await?;
    Ok(taken == 1)
}

async fn give_back_probe(db: &mut Db, id: &str) -> Result<Option<Health>> {
    let Some(health) = known(db, id).await? else { return Ok(None) };
    if health.probe_until_ms > 0 {
        db.later("update destinations set probe_until_ms = 0 where id = $1", values_of![id]);
    }
    Ok(Some(Health { probe_until_ms: 0, ..health }))
}

async fn open_destination(db: &mut Db, input: &(ConnectionId, String, String)) -> Result<Option<Health>> {
    let (connection, by, why) = input;
    let row =
        db.maybe_row("select destination from connections where id = $1", values_of![connection.as_str()]).await?;
    let row = row.ok_or_else(|| LedgerError::NotFound { what: format!("connection {connection}") })?;
    let Some(id) = row.maybe_text("destination")? else { return Ok(None) };
    let Some(health) = known(db, &id).await? else { return Ok(None) };
    let by = if why.is_empty() { by.clone() } else { format!("{by}: {why}") };
    end(db, &id, &health, &by).await?;
    intents::changed(db);
    Ok(Some(health).filter(Health::is_open))
}

/// Requests that fit now, of those that are booked one after the other.
fn fitting(free_ms: Millis, now_ms: Millis, interval_ms: Millis) -> Millis {
    let interval = interval_ms.max(1);
    now_ms.saturating_add(interval.max(BURST_MS)).saturating_sub(free_ms.max(now_ms)).max(0) / interval
}

// What a lost worker left is not at work any more.
const AT_WORK: &str = "
select (select count(*) from passes p where p.connection_id in (select c.id from connections c where c.destination = $1)
        and p.state in ('claimed', 'mapped', 'sending') and p.lease_until_ms >= $2)
    + (select count(*) from passes p where p.connection_id in (select c.id from connections c where c.destination = $1)
        and p.state in ('unknown', 'awaiting') and p.lease_token is not null and p.lease_until_ms >= $2) as at_work";

async fn claim_within(db: &mut Db, input: &(ClaimInput, Limits)) -> Result<Vec<Claim>> {
    let (wanted, limits) = input;
    let row = db
        .maybe_row(
            "select d.id, d.free_ms from destinations d
             where d.id = (select c.destination from connections c where c.id = $1) /*pg for update */",
            values_of![wanted.connection.as_str()],
        )
        .await?;
    let Some(row) = row else { return claims::claim(db, wanted).await };
    let (id, free_ms, now) = (row.text("id")?, row.int("free_ms")?, db.now_ms);
    let mut room = i64::from(wanted.limit);
    if let Some(interval) = limits.interval_ms {
        room = room.min(fitting(free_ms, now, interval));
    }
    if let (Some(most), true) = (limits.at_once, room > 0) {
        let at_work = db.maybe_row(AT_WORK, values_of![&id, now]).await?;
        room = room.min(i64::from(most) - at_work.map_or(Ok(0), |row| row.int("at_work"))?);
    }
    let limit = u32::try_from(room.max(0)).unwrap_or(wanted.limit);
    if limit == 0 {
        return Ok(Vec::new());
    }
    let (connection, host) = (wanted.connection.clone(), wanted.host.clone());
    let claims =
        claims::claim(db, &ClaimInput { connection, host, kind: wanted.kind, limit, lease_ms: wanted.lease_ms })
            .await?;
    if let (Some(interval), Ok(count @ 1..)) = (limits.interval_ms, i64::try_from(claims.len())) {
        let booked = free_ms.max(now).saturating_add(interval.saturating_mul(count));
        db.later("update destinations set free_ms = $2 where id = $1", values_of![&id, booked]);
    }
    Ok(claims)
}

async fn book_request(db: &mut Db, input: &(String, Millis)) -> Result<Millis> {
    let (id, interval_ms) = input;
    let rows = db
        .changed(
            "update destinations set free_ms = case when free_ms > $2 then free_ms else $2 end + $3
             where id = $1 returning free_ms",
            values_of![id, db.now_ms, *interval_ms],
        )
        .await?;
    let free_ms = rows.first().map_or(Ok(db.now_ms), |row| row.int("free_ms"))?;
    Ok(free_ms.saturating_sub(*interval_ms).max(db.now_ms))
}

/// A mail that is about no order: it goes out by the same outbox, as one of an order without a name.
async fn owe(db: &mut Db, connection: &ConnectionId, mail: &Option<EffectBody>) -> Result<()> {
    let Some(body) = mail else { return Ok(()) };
    db.later(
        "insert into effects (connection_id, shop_id, shop_order_id, pass, kind, rank, body, state, since_ms,
            not_before_ms, tries, begun, detail)
         select c.id, c.shop_id, '', 0, $2, $3, $4, 'owed', $5, $5, 0, 0, '' from connections c where c.id = $1",
        values_of![connection.as_str(), body.kind(), body.rank(), to_json(body)?, db.now_ms],
    );
    Ok(())
}

async fn raise_notice(db: &mut Db, input: &(Notice, Option<EffectBody>)) -> Result<bool> {
    let (Notice { connection, subject, since_ms }, mail) = input;
    let new = db
        .run(
            "insert into notices (connection_id, subject, since_ms, told_ms) values ($1, $2, $3, $4)
             on conflict (connection_id, subject) do nothing",
            values_of![connection.as_str(), to_word(subject)?, *since_ms, db.now_ms],
        )
        .await?;
    if new == 1 {
        owe(db, connection, mail).await?;
    }
    Ok(new == 1)
}

async fn end_notice(db: &mut Db, input: &(ConnectionId, Subject, Option<EffectBody>)) -> Result<bool> {
    let (connection, subject, mail) = input;
    let ended = db
        .run(
            "delete from notices where connection_id = $1 and subject = $2",
            values_of![connection.as_str(), to_word(subject)?],
        )
        .await?;
    if ended == 1 {
        owe(db, connection, mail).await?;
    }
    Ok(ended == 1)
}

#[async_trait]
impl Destinations for SqlLedger {
    async fn use_destination(&self, connection: &ConnectionId, destination: Option<(&str, &str)>) -> Result<()> {
        let destination = destination.map(|(id, address)| (id.to_owned(), address.to_owned()));
        self.write((connection.clone(), destination), |db, input| Box::pin(use_destination(db, input))).await
    }

    async fn unwell(&self) -> Result<Vec<Unwell>> {
        let mut db = self.reader().await?;
        let mut all = Vec::new();
        for row in db.rows("select * from destinations where failures > 0 order by id", Vec::new()).await? {
            if let Some(health) = health(&row, "")? {
                all.push(Unwell { destination: row.text("id")?, address: row.text("address")?, health });
            }
        }
        Ok(all)
    }

    async fn note_trouble(&self, destination: &str, trouble: &Trouble) -> Result<Health> {
        let input = (destination.to_owned(), trouble.clone());
        self.write(input, |db, input| Box::pin(note_trouble(db, input))).await
    }

    async fn note_answer(&self, destination: &str) -> Result<Option<Health>> {
        self.write(destination.to_owned(), |db, id| Box::pin(note_answer(db, id))).await
    }

    async fn take_probe(&self, destination: &str, lease_ms: Millis) -> Result<bool> {
        if self.holds_still() {
            return Ok(false);
        }
        self.write((destination.to_owned(), lease_ms), |db, input| Box::pin(take_probe(db, input))).await
    }

    async fn give_back_probe(&self, destination: &str) -> Result<Option<Health>> {
        self.write(destination.to_owned(), |db, id| Box::pin(give_back_probe(db, id))).await
    }

    async fn open_destination(&self, connection: &ConnectionId, by: &str, why: &str) -> Result<Option<Health>> {
        let input = (connection.clone(), by.to_owned(), why.to_owned());
        self.write(input, |db, input| Box::pin(open_destination(db, input))).await
    }

    async fn claim_within(
        &self,
        connection: &ConnectionId,
        host: &HostId,
        kind: ClaimKind,
        limit: u32,
        lease_ms: Millis,
        limits: Limits,
    ) -> Result<Vec<Claim>> {
        if self.holds_still() {
            return Ok(Vec::new());
        }
        let input = ClaimInput { connection: connection.clone(), host: host.clone(), kind, limit, lease_ms };
        self.write((input, limits), |db, input| Box::pin(claim_within(db, input))).await
    }

    async fn book_request(&self, destination: &str, interval_ms: Millis) -> Result<Millis> {
        self.write((destination.to_owned(), interval_ms), |db, input| Box::pin(book_request(db, input))).await
    }

    async fn notices(&self) -> Result<Vec<Notice>> {
        let mut db = self.reader().await?;
        let rows = db.rows("select * from notices order by connection_id, subject", Vec::new()).await?;
        rows.iter()
            .map(|row| {
                Ok(Notice {
                    connection: ConnectionId(row.text("connection_id")?),
                    subject: from_word(&row.text("subject")?, "subject")?,
                    since_ms: row.int("since_ms")?,
                })
            })
            .collect()
    }

    async fn raise_notice(&self, notice: &Notice, mail: Option<EffectBody>) -> Result<bool> {
        self.write((notice.clone(), mail), |db, input| Box::pin(raise_notice(db, input))).await
    }

    async fn end_notice(&self, connection: &ConnectionId, subject: Subject, mail: Option<EffectBody>) -> Result<bool> {
        self.write((connection.clone(), subject, mail), |db, input| Box::pin(end_notice(db, input))).await
    }
}
