//! Recording sights: what is known of all orders of a page is read at once, the judge decides in memory, and what changed
//! is written.

use std::collections::{HashMap, HashSet};

use super::{
    database::{Db, Row, to_json, values_of},
    dialect, keys,
    opening::{NewPass, append_decision, decision_kind, decision_line, open, reserve_documents},
    passes,
};
use crate::{
    domain::{
        clock::Millis,
        decision::{Decision, Opening},
        id::{OrderKey, PassKey},
        judge::{self, Confirmed, History, Judgement, LastPass, content_hash},
        pass::PassState,
        sight::Sight,
    },
    ledger::{
        LedgerError, Result,
        orders::{Recorded, SightBatch},
    },
};

/// Most orders that are written together; the databases take some ten thousand values in one statement.
const MOST_TOGETHER: usize = 512;

/// What the ledger knows of an order, kept up to date while a page is judged: a page may show an order twice.
#[derive(Default)]
struct Known {
    history: Option<History>,
    began_ms: Millis,
    read_alone: bool,
    looked_ms: Option<Millis>,
    decision_ms: Millis,
    other: Option<String>,
}

/// One judged sight, to be written.
struct Judged<'a> {
    sight: &'a Sight,
    key: PassKey,
    decision: Decision,
    decision_ms: Millis,
    changed: bool,
    confirmed: Option<Confirmed>,
    read_alone: bool,
    looked_ms: Millis,
    open: Option<Opening>,
}

/// Records a page of sights.
pub async fn record(db: &mut Db, batch: &SightBatch) -> Result<Vec<Recorded>> {
    // A sweep that was under way while the connection was removed or given another shop opens nothing any more.
    let living = db
        .maybe_row(
            "select id from connections where id = $1 and shop_id = $2 and state <> 'removed'",
            values_of![batch.connection.as_str(), batch.shop.as_str()],
        )
        .await?;
    if living.is_none() {
        return Err(LedgerError::Refused("the connection was removed or has another shop now".to_owned()));
    }
    lock(db, batch).await?;
    let mut known = load(db, batch).await?;
    let mut recorded = Vec::with_capacity(batch.sights.len());
    let mut judged = Vec::new();
    for sight in batch.sights.iter() {
        let known = known.entry(sight.shop_order_id.clone()).or_default();
        let (record, write) = judge_one(db.now_ms, batch, sight, known);
        recorded.push(record);
        judged.extend(write);
    }
    let openings = judged.iter().filter(|it| it.open.is_some()).count();
    let mut document = match openings {
        0 => 0,
        count => reserve_documents(db, &batch.connection, count).await?,
    };
    // An order that the page shows twice is written twice, one after the other.
    let once = judged.iter().map(|it| &it.key.order.shop_order_id).collect::<HashSet<_>>().len() == judged.len();
    if once && judged.len() <= MOST_TOGETHER {
        db.gather();
    }
    for it in judged {
        store(db, batch, &it)?;
        if let Some(opening) = &it.open {
            let content_hash = it.sight.order.as_ref().ok().map(|order| content_hash(order));
            let order_number = &it.sight.order_number;
            open(db, NewPass { key: it.key, order_number, opening, content_hash, document }).await?;
            document += 1;
        }
    }
    Ok(recorded)
}

/// Nobody else decides about these orders meanwhile. Always in the same order, so that two pages never wait for each other.
async fn lock(db: &mut Db, batch: &SightBatch) -> Result<()> {
    let mut ids: Vec<&str> = batch.sights.iter().map(|sight| sight.shop_order_id.as_str()).collect();
    ids.sort_unstable();
    db.lock(&lock_text(), values_of![batch.connection.as_str(), batch.shop.as_str(), to_json(&ids)?]).await
}

/// Locks the wanted orders of a page.
pub fn lock_text() -> String {
    format!(
        "select o.shop_order_id from {} join orders o
            on o.connection_id = i.connection_id and o.shop_id = i.shop_id and o.shop_order_id = i.value
         order by o.shop_order_id for update of o",
        wanted()
    )
}

/// The wanted orders by their whole keys, called `i`. PostgreSQL must not see that connection and shop are the same for all of
/// them: it would rather read all orders of a shop that it has not counted yet than look one up.
fn wanted() -> String {
    format!(
        "(select value, cast($1 as text) as connection_id, cast($2 as text) as shop_id from {} as it /*pg offset 0 */) as i",
        dialect::texts(3)
    )
}

/// What is known of the wanted orders of a page.
pub fn load_text() -> String {
    format!(
        "select i.value as seen_id, o.shop_order_id, o.decision, o.decision_ms, o.read_began_ms, o.read_alone,
            o.looked_ms, o.confirmed_status, o.confirmed_ms, o.confirmed_modified_ms, o.last_pass, p.state, p.closed_ms,
            p.content_hash, p.sent,
            (select count(*) from passes r where r.connection_id = $1 and r.shop_id = $2
                and r.shop_order_id = i.value and r.opened_ms > $4) as recent_passes,
            case when p.state = 'withdrawn' then (
                select b.state from passes b where b.connection_id = $1 and b.shop_id = $2 and b.shop_order_id = i.value
                    and b.pass < p.pass and b.state <> 'withdrawn' order by b.pass desc limit 1) end as state_before,
            case when exists (select 1 from effects e where e.connection_id = i.connection_id and e.shop_id = i.shop_id
                and e.shop_order_id = i.value and e.kind = 'status' and e.state = 'owed') then 1 else 0 end as status_open,
            (select c.name from orders x join connections c on c.id = x.connection_id
                where x.shop_id = $2 and x.shop_order_id = i.value and x.connection_id <> $1 and x.last_pass > 0
                limit 1) as other
         from {}
         left join orders o on o.connection_id = i.connection_id and o.shop_id = i.shop_id and o.shop_order_id = i.value
         left join passes p on p.connection_id = i.connection_id and p.shop_id = i.shop_id and p.shop_order_id = i.value
            and p.pass = o.last_pass",
        wanted()
    )
}

async fn load(db: &mut Db, batch: &SightBatch) -> Result<HashMap<String, Known>> {
    let ids: Vec<&str> = batch.sights.iter().map(|sight| sight.shop_order_id.as_str()).collect();
    let recent = db.now_ms.saturating_sub(judge::FLIPS_WITHIN_MS);
    let values = values_of![batch.connection.as_str(), batch.shop.as_str(), to_json(&ids)?, recent];
    let rows = db.rows(&load_text(), values).await?;
    rows.iter().map(|row| Ok((row.text("seen_id")?, known(row)?))).collect()
}

fn known(row: &Row) -> Result<Known> {
    let other = row.maybe_text("other")?;
    if row.maybe_text("shop_order_id")?.is_none() {
        return Ok(Known { other, ..Known::default() });
    }
    // What was withdrawn changed nothing: if a late answer settled the pass before it, the ERP has the order.
    let has_it = |state: &PassState| matches!(state, PassState::Delivered | PassState::Awaiting);
    let before = row.maybe_text("state_before")?.as_deref().and_then(PassState::parse).filter(has_it);
    let last = match row.number("last_pass")? {
        0 => None,
        pass => Some(LastPass {
            pass,
            state: before.map_or_else(|| passes::state(row, "state"), Ok)?,
            closed_ms: row.maybe_int("closed_ms")?,
            content_hash: row.maybe_text("content_hash")?,
            sent: row.flag("sent")?,
        }),
    };
    let confirmed = match (row.maybe_text("confirmed_status")?, row.maybe_int("confirmed_ms")?) {
        (Some(status), Some(at_ms)) => {
            Some(Confirmed { status, at_ms, modified_ms: row.maybe_int("confirmed_modified_ms")? })
        }
        _ => None,
    };
    let history = History {
        decision: row.json("decision")?,
        last,
        confirmed,
        status_write_open: row.flag("status_open")?,
        recent_passes: row.number("recent_passes")?,
    };
    Ok(Known {
        history: Some(history),
        began_ms: row.int("read_began_ms")?,
        read_alone: row.flag("read_alone")?,
        looked_ms: Some(row.int("looked_ms")?),
        decision_ms: row.int("decision_ms")?,
        other,
    })
}

/// Judges one sight and brings what is known up to date with it. Nothing is to be written for one that is older than the
/// one on record.
fn judge_one<'a>(
    now: Millis,
    batch: &SightBatch,
    sight: &'a Sight,
    known: &mut Known,
) -> (Recorded, Option<Judged<'a>>) {
    let id = sight.shop_order_id.clone();
    if let Some(history) = &known.history
        && batch.began_ms < known.began_ms
    {
        let judgement = Judgement { decision: history.decision.clone(), open: None, read_alone: false };
        return (Recorded { shop_order_id: id, judgement, first_seen: false, opened: None }, None);
    }
    let first_seen = known.history.is_none();
    let mut judgement = (batch.judge)(sight, known.history.as_ref(), known.other.as_deref());
    let last = known.history.as_ref().and_then(|history| history.last.as_ref());
    let busy = last.is_some_and(|last| !last.state.is_closed())
        || known.history.as_ref().is_some_and(|history| history.status_write_open);
    if let (true, Some(history)) = (busy && judgement.open.is_some(), &known.history) {
        judgement = Judgement { decision: history.decision.clone(), open: None, read_alone: judgement.read_alone };
    }
    let pass = last.map_or(0, |last| last.pass) + u32::from(judgement.open.is_some());
    let decision = judgement.decision.clone();
    let changed = known.history.as_ref().is_none_or(|history| history.decision != decision);
    let is_new = (batch.is_new)(&sight.status);
    let mut confirmed = known.history.as_ref().and_then(|history| history.confirmed.clone());
    if batch.single && !is_new && confirmed.as_ref().is_none_or(|it| it.at_ms <= batch.began_ms) {
        confirmed =
            Some(Confirmed { status: sight.status.clone(), at_ms: batch.began_ms, modified_ms: sight.modified_ms });
    }
    // A hint stays until a single read has followed it, or the order has left the new status again.
    let hinted = judgement.read_alone || (known.read_alone && !batch.single && is_new);
    let read_alone = hinted || matches!(decision, Decision::Question { .. });
    let looked_ms = match known.looked_ms {
        Some(looked) if !batch.single => looked,
        _ => now,
    };
    let decision_ms = if changed { now } else { known.decision_ms };
    let order = OrderKey { connection: batch.connection.clone(), shop: batch.shop.clone(), shop_order_id: id.clone() };
    let mut after = History {
        decision: decision.clone(),
        last: last.cloned(),
        confirmed: confirmed.clone(),
        status_write_open: known.history.as_ref().is_some_and(|history| history.status_write_open),
        recent_passes: known.history.as_ref().map_or(0, |history| history.recent_passes)
            + u32::from(judgement.open.is_some()),
    };
    if judgement.open.is_some() {
        let state = PassState::Waiting;
        after.last = Some(LastPass { pass, state, closed_ms: None, content_hash: None, sent: false });
        after.confirmed = None;
    }
    *known = Known {
        history: Some(after),
        began_ms: batch.began_ms,
        read_alone,
        looked_ms: Some(looked_ms),
        decision_ms,
        other: known.other.take(),
    };
    let open = judgement.open.clone();
    let opened = open.is_some().then_some(pass);
    let key = PassKey { order, pass };
    let write = Judged { sight, key, decision, decision_ms, changed, confirmed, read_alone, looked_ms, open };
    (Recorded { shop_order_id: id, judgement, first_seen, opened }, Some(write))
}

const STORE: &str = "
insert into orders (connection_id, shop_id, shop_order_id, order_number, shop_status, placed_ms, modified_ms,
    first_seen_ms, last_seen_ms, read_began_ms, decision, decision_kind, decision_ms, confirmed_status, confirmed_ms,
    confirmed_modified_ms, read_alone, looked_ms, last_pass, effects_until_ms)
values ($1, $2, $3, $4, $5, $6, $7, $8, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, 0, 0)
on conflict (connection_id, shop_id, shop_order_id) do update set order_number = excluded.order_number,
    shop_status = excluded.shop_status, placed_ms = excluded.placed_ms, modified_ms = excluded.modified_ms,
    last_seen_ms = excluded.last_seen_ms, read_began_ms = excluded.read_began_ms, decision = excluded.decision,
    decision_kind = excluded.decision_kind, decision_ms = excluded.decision_ms,
    confirmed_status = excluded.confirmed_status, confirmed_ms = excluded.confirmed_ms,
    confirmed_modified_ms = excluded.confirmed_modified_ms, read_alone = excluded.read_alone,
    looked_ms = excluded.looked_ms";

fn store(db: &mut Db, batch: &SightBatch, it: &Judged<'_>) -> Result<()> {
    let (order, sight, now) = (&it.key.order, it.sight, db.now_ms);
    let (status, at_ms, modified_ms) = match &it.confirmed {
        Some(confirmed) => (Some(confirmed.status.as_str()), Some(confirmed.at_ms), confirmed.modified_ms),
        None => (None, None, None),
    };
    db.later(
        STORE,
        keys::of_order(
            order,
            values_of![
                sight.order_number.as_str(),
                sight.status.as_str(),
                sight.placed_ms,
                sight.modified_ms,
                now,
                batch.began_ms,
                to_json(&it.decision)?,
                decision_kind(&it.decision),
                it.decision_ms,
                status,
                at_ms,
                modified_ms,
                it.read_alone,
                it.looked_ms,
            ],
        ),
    );
    if it.changed {
        append_decision(db, order, &it.decision)?;
        if it.open.is_none() {
            db.later(keys::LINE, keys::line(&it.key, now, &decision_line(&it.decision)));
        }
    }
    Ok(())
}
