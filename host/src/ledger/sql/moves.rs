//! The one fenced write: a guarded update that must change exactly one row, and in the same transaction everything that
//! goes with it, in one hand-over to the database. Where the guard did not hold, all of it is undone.

use std::borrow::Cow;

use super::{
    database::{Db, Row, Value, to_json, to_word, values_of},
    keys,
    opening::record_decision,
    passes::lost,
};
use crate::{
    domain::{
        call::Purpose,
        clock::Millis,
        delivery::Repeat,
        id::{HostId, LeaseToken, OrderKey, PassKey},
        judge::Confirmed,
        pass::PassState,
        random,
        verdict::Acceptance,
    },
    failpoint::{self, Guarantee},
    ledger::{
        LedgerError, Result,
        effects::{EffectBody, Owed, OwedByOrder},
        passes::{Asked, AttemptEnd, Guard, Mapping, Move, NewAttempt, NewPins, To},
    },
};

/// What an attempt that was never answered is called when its pass goes on.
const NEVER_ANSWERED: &str = "unknown";

const LEASE_GUARD: &str = "lease_token = $6";
// The attempt is the one that the pass is on, it is open, and no later pass has committed a send.
const ATTEMPT_GUARD: &str = "attempt_token = $6
    and exists (select 1 from attempts a where a.connection_id = $1 and a.shop_id = $2 and a.shop_order_id = $3
        and a.pass = $4 and a.token = $6 and a.ended_ms is null)
    and not exists (select 1 from passes n where n.connection_id = $1 and n.shop_id = $2 and n.shop_order_id = $3
        and n.pass > $4 and n.sent = 1)";
// The pass is still in doubt about this attempt, whatever that attempt ended as.
const REREAD_GUARD: &str = "attempt_token = $6
    and not exists (select 1 from passes n where n.connection_id = $1 and n.shop_id = $2 and n.shop_order_id = $3
        and n.pass > $4 and n.sent = 1)";
// What it is pinned to changes only while nothing of it may have left; an attempt that this move ends as provably not
// processed counts as not sent.
const PINS_GUARD: &str = "and (pins is null or case when $8 = 1 then sent_before else sent end = 0)";
const NO_LEASE: &str = "lease_token = null, lease_host = null, lease_until_ms = null";

/// Applies a move. With `pay`, the effects that it leaves are leased to whoever asks, in the same transaction, as a claim
/// of them right after it would do: unless somebody has the order's effects, or one from before it is still owed.
pub async fn apply(db: &mut Db, change: &Move, pay: Option<&Payer>) -> Result<Option<OwedByOrder>> {
    let target = change.to.state();
    let late = !matches!(change.guard, Guard::Lease(_));
    let allowed = match &change.guard {
        Guard::Lease(_) => true,
        Guard::Attempt(_) => matches!(change.from, PassState::Sending | PassState::Unknown | PassState::GivenUp),
        Guard::Reread(_) => matches!(change.from, PassState::Unknown | PassState::GivenUp),
    };
    if !change.from.may_become(target) || !allowed {
        let (from, to) = (change.from.as_str(), target.as_str());
        return Err(LedgerError::Refused(format!("{} can't go from {from} to {to}", keys::name(&change.pass))));
    }
    let (guard, token) = match &change.guard {
        Guard::Lease(token) if failpoint::without(Guarantee::Fence) => ("cast($6 as text) <> ''", token.as_str()),
        Guard::Lease(token) => (LEASE_GUARD, token.as_str()),
        Guard::Attempt(token) => (ATTEMPT_GUARD, token.as_str()),
        Guard::Reread(token) => (REREAD_GUARD, token.as_str()),
    };
    let pins = if changes_pins(&change.to) { PINS_GUARD } else { "" };
    // What was provably not processed might as well not have left: the pass is as unsent as it was before.
    let unsent = change.end.as_ref().is_some_and(|end| matches!(end.outcome, "not processed" | "retry later"));
    let values = values_of![change.from.as_str(), token, db.now_ms, unsent];
    let mut values = keys::of_pass(&change.pass, values);
    let mut sets = sets(change, &mut values)?;
    if change.asked.is_some() {
        sets.push_str(", attempts = attempts + 1");
    }
    if let Some(mapping) = &change.mapping {
        sets.push_str(&mapping_sets(mapping, &mut values));
    }
    let sql = format!(
        "update passes set state = '{}', state_ms = $7, {sets}
         where connection_id = $1 and shop_id = $2 and shop_order_id = $3 and pass = $4
            and state = cast($5 as text) and {guard} {pins}
         returning attempts",
        target.as_str()
    );
    end_attempts(db, change)?;
    store_step(db, change)?;
    store_mapping_in_vain(db, change);
    if let Some(asked) = &change.asked {
        log_asked(db, &change.pass, asked)?;
    }
    if late && change.from == PassState::GivenUp && matches!(target, PassState::Delivered | PassState::Awaiting) {
        withdraw_next(db, &change.pass);
    }
    for text in &change.timeline {
        db.later(keys::LINE, keys::line(&change.pass, db.now_ms, text));
    }
    if let Some(confirmed) = &change.confirmed {
        confirm(db, &change.pass.order, confirmed);
    }
    if let To::Withdrawn { decision: Some(decision), .. } = &change.to {
        record_decision(db, &change.pass.order, decision)?;
    }
    let mut effects = Cow::Borrowed(&change.effects);
    if change.from == PassState::GivenUp {
        // Staff had their mail when the pass was given up: one for each pass.
        effects.to_mut().retain(|body| !matches!(body, EffectBody::Mail { .. }));
    }
    let pay = pay.filter(|_| effects.iter().any(|body| !matches!(body, EffectBody::Mail { .. })));
    let lease = pay.map(|_| LeaseToken(random::token(&*db.random)));
    owe(db, &change.pass, &effects, pay.zip(lease.as_ref()))?;
    let mut rows = db.guarded(&sql, values).await?;
    if rows.first().is_none_or(Vec::is_empty) {
        return Err(refusal(db, change, guard, token).await?);
    }
    let (Some(pay), Some(lease)) = (pay, lease) else { return Ok(None) };
    let (numbers, leased) = (rows.pop().unwrap_or_default(), rows.pop().unwrap_or_default());
    match leased.first() {
        Some(order) => {
            leased_effects(&change.pass, &effects, order, &numbers, (lease, db.now_ms, pay.lease_ms)).map(Some)
        }
        None => Ok(None),
    }
}

/// Who pays effects that a move leaves, and how long it has for that.
pub struct Payer {
    /// Which host.
    pub host: HostId,
    /// Length of the lease.
    pub lease_ms: Millis,
}

// Nobody else is at the order's effects, and none waits that would have to go out first.
pub const LEASE_EFFECTS: &str = "
update orders set effects_token = $5, effects_host = $6, effects_until_ms = $7
where connection_id = $1 and shop_id = $2 and shop_order_id = $3 and (effects_token is null or effects_until_ms < $4)
    and not exists (select 1 from effects e where e.connection_id = $1 and e.shop_id = $2 and e.shop_order_id = $3
        and e.state = 'owed' and e.kind <> 'mail')
returning confirmed_status,
    (select w.pass from effects w where w.connection_id = $1 and w.shop_id = $2 and w.shop_order_id = $3
        and w.state = 'done' and w.kind = 'status' order by w.pass desc, w.rank desc, w.number desc limit 1) as written_pass,
    (select w.body from effects w where w.connection_id = $1 and w.shop_id = $2 and w.shop_order_id = $3
        and w.state = 'done' and w.kind = 'status' order by w.pass desc, w.rank desc, w.number desc limit 1) as written_body";

/// Writes effects that are owed from now on; with a payer, its lease of them, and their numbers come back last.
fn owe(db: &mut Db, pass: &PassKey, bodies: &[EffectBody], pay: Option<(&Payer, &LeaseToken)>) -> Result<()> {
    let token = pay.map(|(_, token)| token.as_str());
    if let Some((pay, token)) = pay {
        let until_ms = db.now_ms.saturating_add(pay.lease_ms);
        let values = values_of![db.now_ms, token.as_str(), pay.host.as_str(), until_ms];
        db.later(LEASE_EFFECTS, keys::of_order(&pass.order, values));
    }
    let Some(last) = bodies.len().checked_sub(1) else { return Ok(()) };
    let mut sql = String::from(
        "insert into effects (connection_id, shop_id, shop_order_id, pass, kind, rank, body, state, since_ms,
            not_before_ms, tries, begun, detail) values ",
    );
    let mut values = keys::of_pass(pass, values_of![db.now_ms, token]);
    for (index, body) in bodies.iter().enumerate() {
        let at = values.len();
        let begun = match body {
            EffectBody::Mail { .. } => "0",
            _ if token.is_none() => "0",
            _ => {
                "(select count(*) from orders o where o.connection_id = $1 and o.shop_id = $2 and o.shop_order_id = $3
                    and o.effects_token = $6)"
            }
        };
        let comma = if index == last { "" } else { ", " };
        sql.push_str(&format!(
            "($1, $2, $3, $4, ${}, ${}, ${}, 'owed', $5, $5, 0, {begun}, ''){comma}",
            at + 1,
            at + 2,
            at + 3
        ));
        values.extend(values_of![body.kind(), body.rank(), to_json(body)?]);
    }
    if token.is_some() {
        sql.push_str(" returning number");
    }
    db.later(sql, values);
    Ok(())
}

/// Whether a move sets or drops what the pass is pinned to.
fn changes_pins(to: &To) -> bool {
    match to {
        To::Mapped { pins, .. } | To::Sending { pins, .. } => pins.is_some(),
        To::Waiting { unpin, .. } => *unpin,
        _ => false,
    }
}

/// Why a move found no row: the guard of its pins, if the other one would have held.
async fn refusal(db: &mut Db, change: &Move, guard: &str, token: &str) -> Result<LedgerError> {
    if changes_pins(&change.to) {
        let held = format!(
            "select pass from passes where connection_id = $1 and shop_id = $2 and shop_order_id = $3 and pass = $4
                and state = cast($5 as text) and {guard}"
        );
        let values = keys::of_pass(&change.pass, values_of![change.from.as_str(), token]);
        if db.maybe_row(&held, values).await?.is_some() {
            let what = keys::name(&change.pass);
            return Ok(LedgerError::Refused(format!(
                "{what} has sent something: the release, settings, tables and destination it is pinned to can't change"
            )));
        }
    }
    Ok(lost(&change.pass))
}

/// What was leased, as a claim gives it.
fn leased_effects(
    pass: &PassKey,
    bodies: &[EffectBody],
    order: &Row,
    numbers: &[Row],
    (token, since_ms, lease_ms): (LeaseToken, Millis, Millis),
) -> Result<OwedByOrder> {
    // Numbers grow in the order in which the effects were written.
    let mut numbers = numbers.iter().map(|row| row.int("number")).collect::<Result<Vec<_>>>()?;
    numbers.sort_unstable();
    let until_ms = since_ms.saturating_add(lease_ms);
    let mut effects: Vec<Owed> = bodies
        .iter()
        .zip(numbers)
        .filter(|(body, _)| !matches!(body, EffectBody::Mail { .. }))
        .map(|(body, number)| Owed { number, pass: pass.pass, body: body.clone(), since_ms, tries: 0, in_doubt: false })
        .collect();
    effects.sort_by_key(|owed| (owed.body.rank(), owed.number));
    let written = match (order.maybe_int("written_pass")?, order.maybe_json("written_body")?) {
        (Some(_), Some(EffectBody::Status { status, .. })) => Some((order.number("written_pass")?, status)),
        _ => None,
    };
    let confirmed = order.maybe_text("confirmed_status")?.is_some();
    Ok(OwedByOrder { order: pass.order.clone(), token, until_ms, written, confirmed, effects })
}

const SENT: &str = "sent = case when $8 = 1 then sent_before else sent end";

/// The columns that a move sets; their values are added to `values` from `$9` on.
fn sets(change: &Move, values: &mut Vec<Value>) -> Result<String> {
    let mut add = |more: Vec<Value>| values.extend(more);
    Ok(match &change.to {
        To::Waiting { not_before_ms, because, unpin, retry, absent } => {
            add(values_of![*not_before_ms, because]);
            let unpinned = "pins = null, step = 0,
                mapped_at_ms = case when inherits_unknown = 1 then mapped_at_ms else null end,
                sealed_state = case when inherits_unknown = 1 then sealed_state else null end,";
            let tries = if *retry {
                "retry_since_ms = coalesce(retry_since_ms, $7), retries = retries + 1"
            } else {
                "retry_since_ms = null, retries = retries + 1"
            };
            let unpin = if *unpin { unpinned } else { "" };
            let sent = if *absent { "sent = 0, sent_before = 0" } else { SENT };
            format!(
                "not_before_ms = $9, because = $10, takeovers = 0, attempt_token = null, awaiting = null,
                 deadline_ms = null, {unpin} {tries}, {sent}, {NO_LEASE}"
            )
        }
        To::Mapped { step, sealed_state, pins, .. } => {
            add(values_of![*step, sealed_state]);
            add(pin_values(pins.as_deref())?);
            format!("step = $9, sealed_state = $10, because = '', {PINS}, {SENT}")
        }
        To::Sending { attempt, pins } => {
            add(values_of![attempt.step, &attempt.sealed_state]);
            add(pin_values(pins.as_deref())?);
            let sends = attempt.purpose != Purpose::LookUp;
            add(values_of![attempt.token.as_str(), sends]);
            format!(
                "step = $9, sealed_state = $10, because = '', {PINS}, attempts = attempts + 1, attempt_token = $14,
                 sent_before = case when $8 = 1 then sent_before else sent end,
                 sent = case when $15 = 1 then 1 when $8 = 1 then sent_before else sent end"
            )
        }
        To::Awaiting { awaiting, sealed_state, next_look_ms, deadline_ms } => {
            add(values_of![to_json(awaiting)?, sealed_state, *next_look_ms, *deadline_ms]);
            format!(
                "awaiting = $9, sealed_state = $10, not_before_ms = $11, deadline_ms = $12, because = '',
                 closed_ms = null, retry_since_ms = null, retries = 0, {SENT}, {NO_LEASE}"
            )
        }
        To::Unknown { because, next_look_ms, deadline_ms } => {
            add(values_of![because, *next_look_ms, *deadline_ms]);
            let deadline = if change.from == PassState::Unknown { "coalesce(deadline_ms, $11)" } else { "$11" };
            format!("because = $9, not_before_ms = $10, deadline_ms = {deadline}, {SENT}, {NO_LEASE}")
        }
        To::Delivered { acceptance, already } => {
            let Acceptance { erp_order_id, erp_order_number, message, .. } = acceptance;
            let because = message
                .clone()
                .unwrap_or_else(|| if *already { "the ERP had it already".to_owned() } else { String::new() });
            add(values_of![because, erp_order_id.clone(), erp_order_number.clone()]);
            format!(
                "closed_ms = $7, because = $9, erp_order_id = coalesce($10, erp_order_id),
                 erp_order_number = coalesce($11, erp_order_number), class = null, field = null, {SENT}, {NO_LEASE}"
            )
        }
        To::Failed { class, because, field, partial_id } => {
            add(values_of![to_word(class)?, because, field.clone(), partial_id.clone()]);
            format!("closed_ms = $7, class = $9, because = $10, field = $11, partial_id = $12, {SENT}, {NO_LEASE}")
        }
        To::Withdrawn { because, .. } | To::GivenUp { because } => {
            add(values_of![because]);
            format!("closed_ms = $7, because = $9, {SENT}, {NO_LEASE}")
        }
    })
}

/// What the mapping cost, in the same update.
fn mapping_sets(mapping: &Mapping, values: &mut Vec<Value>) -> String {
    let at = values.len();
    let Mapping { release, gave, cpu, memory, us, .. } = mapping;
    values.extend(values_of![release.as_str(), gave, *cpu, *memory, *us]);
    format!(
        ", mapped_by = ${}, mapping_gave = ${}, mapping_cpu = ${}, mapping_memory = ${}, mapping_us = ${}",
        at + 1,
        at + 2,
        at + 3,
        at + 4,
        at + 5
    )
}

const PINS: &str = "pins = coalesce($11, pins), content_hash = coalesce($12, content_hash),
    mapped_at_ms = coalesce($13, mapped_at_ms)";

fn pin_values(pins: Option<&NewPins>) -> Result<Vec<Value>> {
    Ok(match pins {
        Some(new) => values_of![to_json(&new.pins)?, new.pins.content_hash.as_str(), new.mapped_at_ms],
        None => vec![Value::Text(None), Value::Text(None), Value::Int(None)],
    })
}

/// Ends the attempt that the move names; or, where a pass goes on without naming the one that it was on, that one.
fn end_attempts(db: &mut Db, change: &Move) -> Result<()> {
    let now = db.now_ms;
    if let Some(AttemptEnd { token, phase, outcome, shown }) = &change.end {
        db.later(
            "update attempts set phase = $6, outcome = $7, ended_ms = $8
             where connection_id = $1 and shop_id = $2 and shop_order_id = $3 and pass = $4 and token = $5
                and ended_ms is null",
            keys::of_pass(&change.pass, values_of![token.as_str(), to_word(phase)?, *outcome, now]),
        );
        db.later(
            "update attempt_bodies set answer = $6
             where connection_id = $1 and shop_id = $2 and shop_order_id = $3 and pass = $4 and number = (
                select a.number from attempts a where a.connection_id = $1 and a.shop_id = $2
                    and a.shop_order_id = $3 and a.pass = $4 and a.token = $5)",
            keys::of_pass(&change.pass, values_of![token.as_str(), to_json(shown)?]),
        );
        return Ok(());
    }
    let was_on_one = matches!(change.from, PassState::Sending | PassState::Unknown | PassState::Awaiting);
    let still_on_it = matches!(change.to.state(), PassState::Unknown | PassState::GivenUp | PassState::Awaiting);
    if was_on_one && !still_on_it {
        db.later(
            "update attempts set outcome = $5, ended_ms = $6
             where connection_id = $1 and shop_id = $2 and shop_order_id = $3 and pass = $4 and ended_ms is null",
            keys::of_pass(&change.pass, values_of![NEVER_ANSWERED, now]),
        );
    }
    Ok(())
}

/// Stores the step, and the write-ahead row of a send.
fn store_step(db: &mut Db, change: &Move) -> Result<()> {
    let (delivery, pins, attempt) = match &change.to {
        To::Mapped { delivery, pins, .. } => (delivery, pins, None),
        To::Sending { attempt, pins } => (&attempt.delivery, pins, Some(attempt)),
        _ => return Ok(()),
    };
    let order = pins.as_ref().map(|new| new.order.as_str());
    db.later(
        "insert into pass_bodies (connection_id, shop_id, shop_order_id, pass, mapped_order, delivery)
         values ($1, $2, $3, $4, $5, $6)
         on conflict (connection_id, shop_id, shop_order_id, pass) do update
         set mapped_order = coalesce(excluded.mapped_order, pass_bodies.mapped_order), delivery = excluded.delivery",
        keys::of_pass(&change.pass, values_of![order, to_json(delivery)?]),
    );
    if let Some(attempt) = attempt {
        write_ahead(db, &change.pass, attempt)?;
    }
    Ok(())
}

/// A mapping after which nothing is sent has no attempt to lie with.
fn store_mapping_in_vain(db: &mut Db, change: &Move) {
    let Some(in_vain) = change.mapping.as_ref().and_then(|mapping| mapping.in_vain.as_ref()) else { return };
    db.later(
        "insert into pass_bodies (connection_id, shop_id, shop_order_id, pass, mapped_order, mapping)
         values ($1, $2, $3, $4, $5, $6)
         on conflict (connection_id, shop_id, shop_order_id, pass) do update
         set mapped_order = excluded.mapped_order, mapping = excluded.mapping",
        keys::of_pass(&change.pass, values_of![in_vain.order.as_str(), in_vain.evidence.as_ref()]),
    );
}

fn write_ahead(db: &mut Db, pass: &PassKey, attempt: &NewAttempt) -> Result<()> {
    let now = db.now_ms;
    let recovery = attempt.recovery.as_ref().map(to_json).transpose()?;
    db.later(
        "insert into attempts (connection_id, shop_id, shop_order_id, pass, number, token, step, purpose, phase, repeat,
            recorded_ms, settled_by_ms, hash, recovery)
         select connection_id, shop_id, shop_order_id, pass, attempts, $5, $6, $7, $8, $9, $10, $11, $12, $13 from passes
         where connection_id = $1 and shop_id = $2 and shop_order_id = $3 and pass = $4",
        keys::of_pass(
            pass,
            values_of![
                attempt.token.as_str(),
                attempt.step,
                to_word(&attempt.purpose)?,
                to_word(&attempt.phase)?,
                to_json(&attempt.repeat)?,
                now,
                now.saturating_add(attempt.settle_ms),
                attempt.hash.as_str(),
                recovery,
            ],
        ),
    );
    db.later(
        "insert into attempt_bodies (connection_id, shop_id, shop_order_id, pass, number, request, mapping)
         select connection_id, shop_id, shop_order_id, pass, attempts, $5, $6 from passes
         where connection_id = $1 and shop_id = $2 and shop_order_id = $3 and pass = $4",
        keys::of_pass(pass, values_of![to_json(&attempt.shown)?, attempt.mapping.as_deref()]),
    );
    Ok(())
}

/// A look-up, a poll or an answer file: an attempt that has ended when it is first written.
fn log_asked(db: &mut Db, pass: &PassKey, asked: &Asked) -> Result<()> {
    let token = random::token(&*db.random);
    let values = values_of![
        token,
        asked.step,
        to_word(&asked.purpose)?,
        to_word(&asked.phase)?,
        to_json(&Repeat::Always)?,
        asked.began_ms,
        db.now_ms,
        asked.outcome,
    ];
    db.later(
        "insert into attempts (connection_id, shop_id, shop_order_id, pass, number, token, step, purpose, phase, repeat,
            recorded_ms, settled_by_ms, hash, ended_ms, outcome)
         select connection_id, shop_id, shop_order_id, pass, attempts, $5, $6, $7, $8, $9, $10, $11, '', $11, $12
         from passes where connection_id = $1 and shop_id = $2 and shop_order_id = $3 and pass = $4",
        keys::of_pass(pass, values),
    );
    let bodies = [&asked.request, &asked.mapping, &asked.answer].map(to_json);
    let [request, mapping, answer] = bodies;
    db.later(
        "insert into attempt_bodies (connection_id, shop_id, shop_order_id, pass, number, request, mapping, answer)
         select connection_id, shop_id, shop_order_id, pass, attempts, $5, $6, $7 from passes
         where connection_id = $1 and shop_id = $2 and shop_order_id = $3 and pass = $4",
        keys::of_pass(pass, values_of![request?, mapping?, answer?]),
    );
    Ok(())
}

/// A late answer says that the ERP has the order after all. A next pass that has sent nothing must not send it again.
fn withdraw_next(db: &mut Db, pass: &PassKey) {
    const BECAUSE: &str = "an answer that came late says that the ERP has the order from the pass before";
    let now = db.now_ms;
    db.later(
        "insert into timeline (connection_id, shop_id, shop_order_id, pass, at_ms, line)
         select connection_id, shop_id, shop_order_id, pass, $5, 'Not sent again: ' || $6 from passes
         where connection_id = $1 and shop_id = $2 and shop_order_id = $3 and pass > $4
            and state in ('waiting', 'claimed', 'mapped')",
        keys::of_pass(pass, values_of![now, BECAUSE]),
    );
    db.later(
        "update passes set state = 'withdrawn', state_ms = $5, closed_ms = $5, because = $6, lease_token = null,
            lease_host = null, lease_until_ms = null
         where connection_id = $1 and shop_id = $2 and shop_order_id = $3 and pass > $4
            and state in ('waiting', 'claimed', 'mapped')",
        keys::of_pass(pass, values_of![now, BECAUSE]),
    );
}

/// Records a status that the shop confirmed, unless a newer one is known.
pub fn confirm(db: &mut Db, order: &OrderKey, confirmed: &Confirmed) {
    db.later(
        "update orders set confirmed_status = $4, confirmed_ms = $5, confirmed_modified_ms = $6
         where connection_id = $1 and shop_id = $2 and shop_order_id = $3
            and (confirmed_ms is null or confirmed_ms <= $5)",
        keys::of_order(order, values_of![confirmed.status.as_str(), confirmed.at_ms, confirmed.modified_ms]),
    );
}
