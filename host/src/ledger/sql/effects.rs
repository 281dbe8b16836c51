//! The outbox of shop effects: those of one order are with one worker at a time, and go out in order.

use async_trait::async_trait;
use futures_util::future::BoxFuture;

use super::{
    SqlLedger,
    database::{Db, Later, Row, values_of},
    keys, mails,
    together::{Guarded, Plan},
};
use crate::{
    domain::{
        clock::Millis,
        id::{ConnectionId, HostId, LeaseToken, OrderKey, PassKey},
        judge::Confirmed,
        random::{self, Random},
    },
    ledger::{
        LedgerError, Result,
        effects::{EffectBody, EffectEnd, Effects, MailBatch, Owed, OwedByOrder},
    },
};

/// An effect as a row has it. `begun` is the flag from before the claim that reads it.
pub fn owed(row: &Row) -> Result<Owed> {
    Ok(Owed {
        number: row.int("number")?,
        pass: row.number("pass")?,
        body: row.json("body")?,
        since_ms: row.int("since_ms")?,
        tries: row.number("tries")?,
        in_doubt: row.flag("begun")?,
    })
}

struct ClaimInput {
    connection: ConnectionId,
    host: HostId,
    limit: u32,
    lease_ms: Millis,
}

// The inner limit keeps a long queue from being read whole: an order is owed some four effects at a time. The empty texts
// keep PostgreSQL from seeing that all orders are of one connection: it would read them all instead of looking one up.
pub const LEASE_ORDERS: &str = "
with free as (
    select distinct connection_id, shop_id, shop_order_id from (
        select e.connection_id, e.shop_id, e.shop_order_id from effects e
        join orders o on o.connection_id = e.connection_id || '' and o.shop_id = e.shop_id || ''
            and o.shop_order_id = e.shop_order_id
        where e.connection_id = $1 and e.state = 'owed' and e.kind <> 'mail' and e.not_before_ms <= $2
            and e.shop_id = (select c.shop_id from connections c where c.id = $1)
            and (o.effects_token is null or o.effects_until_ms < $2)
        order by e.not_before_ms limit 4 * cast($6 as bigint) /*pg for update of o skip locked */) as due
    limit cast($6 as bigint))
update orders set effects_token = $3 || '-' || shop_order_id, effects_host = $4, effects_until_ms = $5
where (connection_id, shop_id, shop_order_id) in (select connection_id, shop_id, shop_order_id from free)
returning connection_id, shop_id, shop_order_id, effects_token, confirmed_status";

async fn claim(db: &mut Db, input: &ClaimInput) -> Result<Vec<OwedByOrder>> {
    let (now, until_ms) = (db.now_ms, db.now_ms.saturating_add(input.lease_ms));
    let stem = random::token(&*db.random);
    let values = values_of![input.connection.as_str(), now, stem, input.host.as_str(), until_ms, input.limit];
    let rows = db.changed(LEASE_ORDERS, values).await?;
    let mut all = Vec::with_capacity(rows.len());
    for row in &rows {
        let order = keys::order(row)?;
        let token = LeaseToken(row.text("effects_token")?);
        let (effects, written) = begin_due(db, &order).await?;
        if effects.is_empty() {
            // Only effects behind one that waits: they wait with it.
            give_back(db, &order, &token);
            continue;
        }
        let confirmed = row.maybe_text("confirmed_status")?.is_some();
        all.push(OwedByOrder { order, token, until_ms, written, confirmed, effects });
    }
    Ok(all)
}

/// Marks the due effects of an order as begun, up to the first one that is not due: an effect waits for those before it.
/// Beside them the status that was written last.
async fn begin_due(db: &mut Db, order: &OrderKey) -> Result<(Vec<Owed>, Option<(u32, String)>)> {
    let rows = db
        .rows(
            "select * from effects where connection_id = $1 and shop_id = $2 and shop_order_id = $3
                and ((state = 'owed' and kind <> 'mail') or (state = 'done' and kind = 'status'))
             order by pass, rank, number",
            keys::of_order(order, Vec::new()),
        )
        .await?;
    let mut effects = Vec::with_capacity(rows.len());
    let mut written = None;
    for row in &rows {
        if row.text("state")? == "done" {
            if let EffectBody::Status { status, .. } = row.json("body")? {
                written = Some((row.number("pass")?, status));
            }
            continue;
        }
        let not_before = row.int("not_before_ms")?;
        if not_before > db.now_ms {
            postpone(db, order, not_before);
            break;
        }
        effects.push(owed(row)?);
    }
    for effect in &effects {
        db.later(
            "update effects set begun = $3 where connection_id = $1 and number = $2",
            values_of![order.connection.as_str(), effect.number, if effect.in_doubt { 2_i64 } else { 1 }],
        );
    }
    Ok((effects, written))
}

/// Lets the order's owed effects wait at least until then.
fn postpone(db: &mut impl Later, order: &OrderKey, not_before: Millis) {
    db.later(
        "update effects set not_before_ms = $4 where connection_id = $1 and shop_id = $2 and shop_order_id = $3
            and state = 'owed' and kind <> 'mail' and not_before_ms < $4",
        keys::of_order(order, values_of![not_before]),
    );
}

const GIVE_BACK: &str = "update orders set effects_token = null, effects_host = null, effects_until_ms = 0
     where connection_id = $1 and shop_id = $2 and shop_order_id = $3 and effects_token = $4";

fn give_back(db: &mut Db, order: &OrderKey, token: &LeaseToken) {
    db.later(GIVE_BACK, keys::of_order(order, values_of![token.as_str()]));
}

// An effect that a worker is at becomes due again when that lease runs out. Two questions, because each kind of effect has
// its index over what is owed.
pub const NEXT: &str = "
select min(due_ms) as due_ms from (
    select min(case when o.effects_token is not null and o.effects_until_ms >= e.not_before_ms
            then o.effects_until_ms + 1 else e.not_before_ms end) as due_ms
        from effects e
        join orders o on o.connection_id = e.connection_id and o.shop_id = e.shop_id
            and o.shop_order_id = e.shop_order_id
        where e.state = 'owed' and e.kind <> 'mail'
    union all
    select min(case when m.not_before_ms is null then e.not_before_ms
            when m.token is not null and m.until_ms >= m.not_before_ms then m.until_ms + 1 else m.not_before_ms end)
        from effects e left join mails m on m.connection_id = e.connection_id
        where e.state = 'owed' and e.kind = 'mail') as due";

struct FinishInput {
    order: OrderKey,
    token: LeaseToken,
    ends: Vec<(i64, EffectEnd)>,
    confirmed: Option<Confirmed>,
    timeline: Vec<(u32, String)>,
}

// What the shop confirmed counts unless something newer is known.
pub const FINISH: &str = "
update orders set effects_token = null, effects_host = null, effects_until_ms = 0,
    confirmed_status = case when confirmed_ms is null or confirmed_ms <= $6 then coalesce($5, confirmed_status)
        else confirmed_status end,
    confirmed_modified_ms = case when $5 is not null and (confirmed_ms is null or confirmed_ms <= $6) then $7
        else confirmed_modified_ms end,
    confirmed_ms = case when confirmed_ms is null or confirmed_ms <= $6 then coalesce($6, confirmed_ms)
        else confirmed_ms end,
    shop_status = case when read_began_ms <= $6 then coalesce($5, shop_status) else shop_status end
where connection_id = $1 and shop_id = $2 and shop_order_id = $3 and effects_token = $4";

// The usual end.
pub const DONE: &str = "
update effects set state = 'done', detail = '', done_ms = $5, begun = 0
where connection_id = $1 and shop_id = $2 and shop_order_id = $3 and number = $4 and state = 'owed'";

impl Guarded for FinishInput {
    type Done = ();
    type Kept = ();

    fn plan(&self, plan: &mut Plan, _random: &dyn Random) -> Result<()> {
        let Self { order, token, ends, confirmed, timeline } = self;
        let now_ms = plan.now_ms;
        let (status, at_ms, modified_ms) = match confirmed {
            Some(it) => (Some(it.status.as_str()), Some(it.at_ms), it.modified_ms),
            None => (None, None, None),
        };
        plan.later(FINISH, keys::of_order(order, values_of![token.as_str(), status, at_ms, modified_ms]));
        let (done, other): (Vec<_>, Vec<_>) = ends.iter().partition(|(_, end)| *end == EffectEnd::Done);
        for (number, _) in done {
            plan.later(DONE, keys::of_order(order, values_of![*number, now_ms]));
        }
        for (number, end) in other {
            end_one(plan, &order.connection, *number, end);
            if let EffectEnd::Retry { not_before_ms, .. } = end {
                postpone(plan, order, *not_before_ms);
            }
        }
        // What was handed out and not tried was never begun, unless an earlier worker had begun it.
        plan.later(
            "update effects set begun = 0 where connection_id = $1 and shop_id = $2 and shop_order_id = $3
                and state = 'owed' and kind <> 'mail' and begun = 1",
            keys::of_order(order, Vec::new()),
        );
        for (pass, text) in timeline {
            let pass = PassKey { order: order.clone(), pass: *pass };
            plan.later(keys::LINE, keys::line(&pass, now_ms, text));
        }
        Ok(())
    }

    fn done(&self, (): (), _now_ms: Millis, _answers: &[Vec<Row>]) {}

    fn unread<'a>(&'a self, (): (), _db: &'a mut Db) -> BoxFuture<'a, Result<()>> {
        Box::pin(async { Ok(()) })
    }

    fn refused<'a>(&'a self, _db: &'a mut Db) -> BoxFuture<'a, LedgerError> {
        let what = format!("the effects of order {}", self.order.shop_order_id);
        Box::pin(async move { LedgerError::Lost { what } })
    }
}

/// Records how one effect ended, mail or not. One that was cancelled meanwhile stays so.
pub fn end_one(db: &mut impl Later, connection: &ConnectionId, number: i64, end: &EffectEnd) {
    let now = db.now_ms();
    let (state, detail) = match end {
        EffectEnd::Retry { not_before_ms, error } => {
            db.later(
                "update effects set tries = tries + 1, begun = 0, not_before_ms = $3, detail = $4
                 where connection_id = $1 and number = $2 and state = 'owed'",
                values_of![connection.as_str(), number, *not_before_ms, error],
            );
            return;
        }
        EffectEnd::Done => ("done", ""),
        EffectEnd::NotNeeded(why) => ("not_needed", why.as_str()),
        EffectEnd::GivenUp(why) => ("given_up", why.as_str()),
        EffectEnd::Conflict(why) => ("conflict", why.as_str()),
    };
    db.later(
        "update effects set state = $3, detail = $4, done_ms = $5, begun = 0
         where connection_id = $1 and number = $2 and state = 'owed'",
        values_of![connection.as_str(), number, state, detail, now],
    );
}

#[async_trait]
impl Effects for SqlLedger {
    async fn claim_effects(
        &self,
        connection: &ConnectionId,
        host: &HostId,
        limit: u32,
        lease_ms: Millis,
    ) -> Result<Vec<OwedByOrder>> {
        if self.holds_still() {
            return Ok(Vec::new());
        }
        let input = ClaimInput { connection: connection.clone(), host: host.clone(), limit, lease_ms };
        self.write(input, |db, input| Box::pin(claim(db, input))).await
    }

    async fn finish_effects(
        &self,
        order: &OrderKey,
        token: &LeaseToken,
        ends: Vec<(i64, EffectEnd)>,
        confirmed: Option<Confirmed>,
        timeline: Vec<(u32, String)>,
    ) -> Result<()> {
        let input = FinishInput { order: order.clone(), token: token.clone(), ends, confirmed, timeline };
        self.guarded(input).await
    }

    async fn claim_mails(&self, host: &HostId, gather_ms: Millis, lease_ms: Millis) -> Result<Vec<MailBatch>> {
        if self.holds_still() {
            return Ok(Vec::new());
        }
        let input = mails::ClaimInput { host: host.clone(), gather_ms, lease_ms };
        self.write(input, |db, input| Box::pin(mails::claim(db, input))).await
    }

    async fn finish_mails(&self, batch: &MailBatch, end: EffectEnd) -> Result<()> {
        self.write((batch.clone(), end), |db, input| Box::pin(mails::finish(db, input))).await
    }

    async fn next_effect_ms(&self) -> Result<Option<Millis>> {
        let mut db = self.reader().await?;
        let row = db.maybe_row(NEXT, Vec::new()).await?;
        row.map_or(Ok(None), |row| row.maybe_int("due_ms"))
    }
}
