//! Leases, and what is asked about a pass. Claims are in [`super::claims`], the moves in [`super::moves`].

use async_trait::async_trait;

use super::{
    SqlLedger,
    claims::ClaimInput,
    database::{Db, Row, from_word, to_word, values_of},
    keys, moves,
};
use crate::{
    domain::{
        clock::Millis,
        decision::Opening,
        id::{AttemptToken, ConnectionId, HostId, LeaseToken, PassKey},
        pass::PassState,
        transport::Phase,
    },
    ledger::{
        LedgerError, Result,
        effects::OwedByOrder,
        passes::{Claim, ClaimKind, Doubtful, Move, OpenAttempt, Pass, Passes, To},
    },
};

/// A state as a row has it.
pub fn state(row: &Row, column: &str) -> Result<PassState> {
    let word = row.text(column)?;
    PassState::parse(&word).ok_or_else(|| LedgerError::Corrupt(format!("column {column}: no state {word:?}")))
}

pub fn lost(pass: &PassKey) -> LedgerError {
    LedgerError::Lost { what: keys::name(pass) }
}

// A look that somebody is at becomes due again when that lease runs out. A lease is over one millisecond after its end.
pub const NEXT_DUE: &str = "
select min(due_ms) as due_ms from (
    select min(not_before_ms) as due_ms from passes where connection_id = $1 and state = 'waiting'
    union all select min(lease_until_ms) + 1 from passes
        where connection_id = $1 and state in ('claimed', 'mapped', 'sending')
    union all select min(case when lease_token is not null and lease_until_ms >= not_before_ms
            then lease_until_ms + 1 else not_before_ms end)
        from passes where connection_id = $1 and state in ('unknown', 'awaiting')) as due";

/// A pass with what lies beside its row.
async fn whole_pass(db: &mut Db, row: &Row) -> Result<Pass> {
    let pass = to_pass(row)?;
    beside(db, pass).await
}

pub async fn beside(db: &mut Db, mut pass: Pass) -> Result<Pass> {
    if pass.inherits_unknown
        && let Some(row) = db
            .maybe_row(
                "select (select max(a.settled_by_ms) from attempts a where a.connection_id = $1 and a.shop_id = $2
                    and a.shop_order_id = $3 and a.pass < $4) as settled_ms,
                    (select b.sealed_state from passes b where b.connection_id = $1 and b.shop_id = $2
                    and b.shop_order_id = $3 and b.pass < $4 and b.sent = 1 order by b.pass desc limit 1) as sealed_state",
                keys::of_pass(&pass.key, Vec::new()),
            )
            .await?
    {
        pass.earlier_settled_ms = row.maybe_int("settled_ms")?;
        pass.earlier_state = row.maybe_bytes("sealed_state")?;
    }
    if pass.pins.is_some()
        && let Some(body) = db
            .maybe_row(
                "select delivery from pass_bodies
                 where connection_id = $1 and shop_id = $2 and shop_order_id = $3 and pass = $4",
                keys::of_pass(&pass.key, Vec::new()),
            )
            .await?
    {
        pass.delivery = body.maybe_json("delivery")?;
    }
    Ok(pass)
}

async fn doubtful(db: &mut Db, key: &PassKey) -> Result<Option<Doubtful>> {
    let row = db
        .maybe_row(
            "select * from passes where connection_id = $1 and shop_id = $2 and shop_order_id = $3 and pass = $4
                and state in ('unknown', 'given_up')",
            keys::of_pass(key, Vec::new()),
        )
        .await?;
    let Some(row) = row else { return Ok(None) };
    let pass = whole_pass(db, &row).await?;
    let Some(token) = row.maybe_text("attempt_token")? else { return Ok(None) };
    let Some(attempt) = attempt(db, key, &token).await? else { return Ok(None) };
    // A look-up's answer says nothing of the send; polls are kept as look-ups.
    let brought = db
        .maybe_row(
            "select a.number, b.answer from attempts a join attempt_bodies b on b.connection_id = a.connection_id
                and b.shop_id = a.shop_id and b.shop_order_id = a.shop_order_id and b.pass = a.pass and b.number = a.number
             where a.connection_id = $1 and a.shop_id = $2 and a.shop_order_id = $3 and a.pass = $4
                and a.number >= $5 and a.purpose <> 'look-up' and a.outcome = 'unknown'
             order by a.number desc limit 1",
            keys::of_pass(key, values_of![attempt.number]),
        )
        .await?;
    let (answered, answer) = match brought {
        Some(row) => (row.number("number")?, row.maybe_json("answer")?),
        None => (attempt.number, None),
    };
    Ok(Some(Doubtful { pass, attempt, answered, answer }))
}

// The sum keeps SQLite from looking for the least moment along the index of all the connection's attempts.
pub const OPEN_ATTEMPT: &str = "
select *, (select min(f.recorded_ms + 0) from attempts f where f.connection_id = $1 and f.shop_id = $2
    and f.shop_order_id = $3 and f.pass = $4 and f.step = attempts.step and f.purpose = attempts.purpose)
    as first_recorded_ms
from attempts
where connection_id = $1 and shop_id = $2 and shop_order_id = $3 and pass = $4 and token = $5";

pub async fn attempt(db: &mut Db, pass: &PassKey, token: &str) -> Result<Option<OpenAttempt>> {
    let row = db.maybe_row(OPEN_ATTEMPT, keys::of_pass(pass, values_of![token])).await?;
    row.map(|row| {
        Ok(OpenAttempt {
            number: row.number("number")?,
            token: AttemptToken(row.text("token")?),
            step: row.number("step")?,
            purpose: from_word(&row.text("purpose")?, "purpose")?,
            phase: from_word(&row.text("phase")?, "phase")?,
            recorded_ms: row.int("recorded_ms")?,
            first_recorded_ms: row.int("first_recorded_ms")?,
            settled_by_ms: row.int("settled_by_ms")?,
            repeat: row.json("repeat")?,
            recovery: row.maybe_json("recovery")?,
        })
    })
    .transpose()
}

pub fn to_pass(row: &Row) -> Result<Pass> {
    Ok(Pass {
        key: keys::pass(row)?,
        order_number: row.text("order_number")?,
        state: state(row, "state")?,
        opened_ms: row.int("opened_ms")?,
        not_before_ms: row.int("not_before_ms")?,
        because: row.text("because")?,
        pins: row.maybe_json("pins")?,
        step: row.number("step")?,
        delivery: None,
        sealed_state: row.maybe_bytes("sealed_state")?,
        idempotency_key: row.text("idempotency_key")?,
        document_number: row.large("document_number")?,
        mapped_at_ms: row.maybe_int("mapped_at_ms")?,
        awaiting: row.maybe_json("awaiting")?,
        deadline_ms: row.maybe_int("deadline_ms")?,
        retry_since_ms: row.maybe_int("retry_since_ms")?,
        tried_ms: row.maybe_int("tried_ms")?,
        retries: row.number("retries")?,
        takeovers: row.number("takeovers")?,
        attempts: row.number("attempts")?,
        sent: row.flag("sent")?,
        by_intent: matches!(row.json("opening")?, Opening::Intent { .. }),
        inherits_unknown: row.flag("inherits_unknown")?,
        earlier_settled_ms: None,
        earlier_state: None,
        previous: row.maybe_json("previous")?,
    })
}

async fn renew(db: &mut Db, input: &(Vec<(PassKey, LeaseToken)>, Millis)) -> Result<Vec<Option<Millis>>> {
    let (leases, lease_ms) = input;
    let until = db.now_ms.saturating_add(*lease_ms);
    let mut ends = Vec::with_capacity(leases.len());
    for (pass, token) in leases {
        let rows = db
            .run(
                "update passes set lease_until_ms = $6 where connection_id = $1 and shop_id = $2
                 and shop_order_id = $3 and pass = $4 and lease_token = $5",
                keys::of_pass(pass, values_of![token.as_str(), until]),
            )
            .await?;
        ends.push((rows == 1).then_some(until));
    }
    Ok(ends)
}

async fn release(db: &mut Db, input: &(PassKey, LeaseToken)) -> Result<()> {
    let (pass, token) = input;
    // An end of 0 is in the past: whoever asks next may have it.
    let rows = db
        .run(
            "update passes set lease_token = null, lease_host = null, lease_until_ms = 0
             where connection_id = $1 and shop_id = $2 and shop_order_id = $3 and pass = $4 and lease_token = $5",
            keys::of_pass(pass, values_of![token.as_str()]),
        )
        .await?;
    if rows == 1 { Ok(()) } else { Err(lost(pass)) }
}

async fn set_phase(db: &mut Db, input: &(PassKey, LeaseToken, AttemptToken, Phase)) -> Result<()> {
    let (pass, lease, attempt, phase) = input;
    let rows = db
        .run(
            "update attempts set phase = $6
             where connection_id = $1 and shop_id = $2 and shop_order_id = $3 and pass = $4 and token = $5
                and ended_ms is null and exists (
                    select 1 from passes p where p.connection_id = $1 and p.shop_id = $2 and p.shop_order_id = $3
                        and p.pass = $4 and p.state = 'sending' and p.lease_token = $7 and p.attempt_token = $5)",
            keys::of_pass(pass, values_of![attempt.as_str(), to_word(phase)?, lease.as_str()]),
        )
        .await?;
    if rows == 1 { Ok(()) } else { Err(lost(pass)) }
}

async fn note(db: &mut Db, input: &(PassKey, Vec<String>)) -> Result<()> {
    let (pass, lines) = input;
    for text in lines {
        db.later(keys::LINE, keys::line(pass, db.now_ms, text));
    }
    Ok(())
}

impl SqlLedger {
    /// Whether a move lets bytes leave, which nothing may do while the ledger stands still. What an ERP may have seen is
    /// noted outside of the database before it does.
    fn may_begin(&self, change: &Move) -> Result<bool> {
        let sends = matches!(change.to, To::Sending { .. });
        if sends {
            self.moving()?;
        }
        Ok(sends)
    }
}

#[async_trait]
impl Passes for SqlLedger {
    async fn claim(
        &self,
        connection: &ConnectionId,
        host: &HostId,
        kind: ClaimKind,
        limit: u32,
        lease_ms: Millis,
    ) -> Result<Vec<Claim>> {
        if self.holds_still() {
            return Ok(Vec::new());
        }
        let input = ClaimInput { connection: connection.clone(), host: host.clone(), kind, limit, lease_ms };
        let (begun, logins) = self.guarded(input).await??;
        self.claimed(begun, &logins).await
    }

    async fn renew(&self, leases: &[(PassKey, LeaseToken)], lease_ms: Millis) -> Result<Vec<Option<Millis>>> {
        self.write((leases.to_vec(), lease_ms), |db, input| Box::pin(renew(db, input))).await
    }

    async fn release(&self, pass: &PassKey, token: &LeaseToken) -> Result<()> {
        self.write((pass.clone(), token.clone()), |db, input| Box::pin(release(db, input))).await
    }

    async fn apply(&self, change: Move) -> Result<()> {
        let sends = self.may_begin(&change)?;
        self.guarded(moves::Fenced { change, payer: None }).await?;
        if sends { self.note() } else { Ok(()) }
    }

    async fn apply_and_lease(&self, change: Move, host: &HostId, lease_ms: Millis) -> Result<Option<OwedByOrder>> {
        if self.holds_still() {
            // The outcome is kept; what the shop is owed for it waits like everything else.
            return self.apply(change).await.map(|()| None);
        }
        let sends = self.may_begin(&change)?;
        let payer = Some(moves::Payer { host: host.clone(), lease_ms });
        let owed = self.guarded(moves::Fenced { change, payer }).await?;
        if sends {
            self.note()?;
        }
        Ok(owed)
    }

    async fn set_phase(&self, pass: &PassKey, lease: &LeaseToken, attempt: &AttemptToken, phase: Phase) -> Result<()> {
        let input = (pass.clone(), lease.clone(), attempt.clone(), phase);
        self.write(input, |db, input| Box::pin(set_phase(db, input))).await
    }

    async fn note(&self, pass: &PassKey, lines: Vec<String>) -> Result<()> {
        self.write((pass.clone(), lines), |db, input| Box::pin(note(db, input))).await
    }

    async fn mapped_order(&self, pass: &PassKey) -> Result<Option<String>> {
        let mut db = self.reader().await?;
        let row = db
            .maybe_row(
                "select mapped_order from pass_bodies
                 where connection_id = $1 and shop_id = $2 and shop_order_id = $3 and pass = $4",
                keys::of_pass(pass, Vec::new()),
            )
            .await?;
        row.map_or(Ok(None), |row| row.maybe_text("mapped_order"))
    }

    async fn newest_attempt_ms(&self, connection: &ConnectionId) -> Result<Option<Millis>> {
        let newest = "select max(recorded_ms) as newest_ms from attempts where connection_id = $1";
        let row = self.reader().await?.maybe_row(newest, values_of![connection.as_str()]).await?;
        row.map_or(Ok(None), |row| row.maybe_int("newest_ms"))
    }

    async fn doubtful(&self, pass: &PassKey) -> Result<Option<Doubtful>> {
        let mut db = self.snapshot().await?;
        doubtful(&mut db, pass).await
    }

    async fn next_due_ms(&self, connection: &ConnectionId) -> Result<Option<Millis>> {
        let mut db = self.reader().await?;
        let row = db.maybe_row(NEXT_DUE, values_of![connection.as_str()]).await?;
        row.map_or(Ok(None), |row| row.maybe_int("due_ms"))
    }
}
