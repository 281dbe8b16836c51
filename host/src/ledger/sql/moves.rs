//! The one fenced write: a guarded update that must change exactly one row, and in the same transaction everything that
//! goes with it. Where the guard did not hold, nothing behind it happens.

mod owed;

use std::borrow::Cow;

use futures_util::future::BoxFuture;

pub use self::owed::Payer;
#[cfg(test)]
pub use self::owed::{LEASE_EFFECTS, OWE};
use self::owed::{leased_effects, owe};
use super::{
    admissions,
    database::{Db, Later as _, Row, Value, to_json, to_word, values_of},
    keys,
    opening::record_decision,
    passes::lost,
    together::{Guarded, Plan},
};
use crate::{
    domain::{
        call::Purpose,
        clock::Millis,
        delivery::Repeat,
        id::{LeaseToken, OrderKey, PassKey},
        judge::Confirmed,
        pass::PassState,
        random::{self, Random},
        verdict::Acceptance,
    },
    failpoint::{self, Guarantee},
    ledger::{
        LedgerError, Result,
        effects::{EffectBody, OwedByOrder},
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

/// A move. With a payer, the effects that it leaves are leased to whoever asks, in the same transaction, as a claim of them
/// right after it would do: unless somebody has the order's effects, or one from before it is still owed.
pub struct Fenced {
    /// What moves.
    pub change: Move,
    /// Who pays.
    pub payer: Option<Payer>,
}

impl Fenced {
    fn payer(&self) -> Option<&Payer> {
        let owes = |body: &EffectBody| !matches!(body, EffectBody::Mail { .. });
        self.payer.as_ref().filter(|_| self.change.effects.iter().any(owes))
    }

    fn guard(&self) -> (&'static str, &str) {
        match &self.change.guard {
            Guard::Lease(token) if failpoint::without(Guarantee::Fence) => ("cast($6 as text) <> ''", token.as_str()),
            Guard::Lease(token) => (LEASE_GUARD, token.as_str()),
            Guard::Attempt(token) => (ATTEMPT_GUARD, token.as_str()),
            Guard::Reread(token) => (REREAD_GUARD, token.as_str()),
        }
    }
}

impl Guarded for Fenced {
    type Done = Option<OwedByOrder>;
    /// The lease, and the effects as they were written.
    type Kept = Option<(LeaseToken, Vec<EffectBody>)>;

    fn plan(&self, plan: &mut Plan, random: &dyn Random) -> Result<Self::Kept> {
        let change = &self.change;
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
        let (guard, token) = self.guard();
        let pins = if changes_pins(&change.to) { PINS_GUARD } else { "" };
        // What was provably not processed might as well not have left: the pass is as unsent as it was before.
        let unsent = change.end.as_ref().is_some_and(|end| matches!(end.outcome, "not processed" | "retry later"));
        let values = values_of![change.from.as_str(), token, plan.now_ms, unsent];
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
                and state = cast($5 as text) and {guard} {pins}",
            target.as_str()
        );
        plan.later(sql, values);
        end_attempts(plan, change)?;
        store_step(plan, change)?;
        store_mapping_in_vain(plan, change);
        if let Some(asked) = &change.asked {
            log_asked(plan, &change.pass, asked, random)?;
        }
        if late && change.from == PassState::GivenUp && matches!(target, PassState::Delivered | PassState::Awaiting) {
            withdraw_next(plan, &change.pass);
        }
        for text in &change.timeline {
            plan.later(keys::LINE, keys::line(&change.pass, plan.now_ms, text));
        }
        if let Some(confirmed) = &change.confirmed {
            confirm(plan, &change.pass.order, confirmed);
        }
        if let Some(new) = &change.quarantine {
            admissions::begin(plan, &change.pass.order.connection, new);
        }
        if let To::Withdrawn { decision: Some(decision), .. } = &change.to {
            record_decision(plan, &change.pass.order, decision)?;
        }
        let mut effects = Cow::Borrowed(&change.effects);
        if change.from == PassState::GivenUp {
            // Staff had their mail when the pass was given up: one for each pass.
            effects.to_mut().retain(|body| !matches!(body, EffectBody::Mail { .. }));
        }
        let lease = self.payer().map(|payer| (payer, LeaseToken(random::token(random))));
        owe(plan, &change.pass, &effects, lease.as_ref())?;
        Ok(lease.map(|(_, token)| (token, effects.into_owned())))
    }

    fn done(&self, kept: Self::Kept, now_ms: Millis, answers: &[Vec<Row>]) -> Self::Done {
        let (token, effects) = kept?;
        let payer = self.payer()?;
        // The last two statements: the lease of the order's effects, and the effects.
        let (numbers, leased) = (answers.last()?, answers.len().checked_sub(2).and_then(|at| answers.get(at))?);
        let until_ms = now_ms.saturating_add(payer.lease_ms);
        match leased_effects(&self.change.pass, &effects, (leased, numbers), token, now_ms, until_ms) {
            Ok(owed) => owed,
            // The move is done. What can't be read of its lease now is claimed when that has run out.
            Err(error) => {
                tracing::error!(%error, order = %self.change.pass.order.shop_order_id, "the lease of effects can't be read");
                None
            }
        }
    }

    fn refused<'a>(&'a self, db: &'a mut Db) -> BoxFuture<'a, LedgerError> {
        let (guard, token) = self.guard();
        Box::pin(async move { refusal(db, &self.change, guard, token).await.unwrap_or_else(|error| error) })
    }
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

const SENT: &str = "sent = case when $8 = 1 then sent_before else sent end";

// Since when nothing is sent to the destination, if so. Whoever was on its way then comes back to waiting after that moment.
const SHUT: &str =
    "(select d.opened_ms from connections c join destinations d on d.id = c.destination where c.id = $1)";
// Until when the time of a pass ran that begins to stand still now.
fn until() -> String {
    format!("coalesce(case when {SHUT} < retry_since_ms then retry_since_ms else {SHUT} end, $7)")
}

/// The columns that a move sets; their values are added to `values` from `$9` on.
fn sets(change: &Move, values: &mut Vec<Value>) -> Result<String> {
    let mut add = |more: Vec<Value>| values.extend(more);
    Ok(match &change.to {
        To::Waiting { not_before_ms, because, unpin, retry, absent } => {
            add(values_of![*not_before_ms, because]);
            let unpinned = "pins = null, step = 0,
                mapped_at_ms = case when inherits_unknown = 1 then mapped_at_ms else null end,
                sealed_state = case when inherits_unknown = 1 then sealed_state else null end,";
            let until = until();
            let time = if *retry {
                format!(
                    "retry_since_ms = case when {SHUT} is null then coalesce(retry_since_ms, $7 - tried_ms, $7) end,
                     tried_ms = case when {SHUT} is not null then coalesce(tried_ms, {until} - retry_since_ms, 0) end"
                )
            } else {
                format!("tried_ms = coalesce(tried_ms, {until} - retry_since_ms), retry_since_ms = null")
            };
            let unpin = if *unpin { unpinned } else { "" };
            let sent = if *absent { "sent = 0, sent_before = 0" } else { SENT };
            format!(
                "not_before_ms = $9, because = $10, takeovers = 0, attempt_token = null, awaiting = null,
                 deadline_ms = null, {unpin} {time}, retries = retries + 1, {sent}, {NO_LEASE}"
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
                 closed_ms = null, retry_since_ms = null, tried_ms = null, retries = 0, {SENT}, {NO_LEASE}"
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
fn end_attempts(plan: &mut Plan, change: &Move) -> Result<()> {
    let now = plan.now_ms;
    if let Some(AttemptEnd { token, phase, outcome, shown }) = &change.end {
        plan.later(
            "update attempts set phase = $6, outcome = $7, ended_ms = $8
             where connection_id = $1 and shop_id = $2 and shop_order_id = $3 and pass = $4 and token = $5
                and ended_ms is null",
            keys::of_pass(&change.pass, values_of![token.as_str(), to_word(phase)?, *outcome, now]),
        );
        plan.later(
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
        plan.later(
            "update attempts set outcome = $5, ended_ms = $6
             where connection_id = $1 and shop_id = $2 and shop_order_id = $3 and pass = $4 and ended_ms is null",
            keys::of_pass(&change.pass, values_of![NEVER_ANSWERED, now]),
        );
    }
    Ok(())
}

/// Stores the step, and the write-ahead row of a send.
fn store_step(plan: &mut Plan, change: &Move) -> Result<()> {
    let (delivery, pins, attempt) = match &change.to {
        To::Mapped { delivery, pins, .. } => (delivery, pins, None),
        To::Sending { attempt, pins } => (&attempt.delivery, pins, Some(attempt)),
        _ => return Ok(()),
    };
    let order = pins.as_ref().map(|new| new.order.as_str());
    plan.later(
        "insert into pass_bodies (connection_id, shop_id, shop_order_id, pass, mapped_order, delivery)
         values ($1, $2, $3, $4, $5, $6)
         on conflict (connection_id, shop_id, shop_order_id, pass) do update
         set mapped_order = coalesce(excluded.mapped_order, pass_bodies.mapped_order), delivery = excluded.delivery",
        keys::of_pass(&change.pass, values_of![order, to_json(delivery)?]),
    );
    if let Some(attempt) = attempt {
        write_ahead(plan, &change.pass, attempt)?;
    }
    Ok(())
}

/// A mapping after which nothing is sent has no attempt to lie with.
fn store_mapping_in_vain(plan: &mut Plan, change: &Move) {
    let Some(in_vain) = change.mapping.as_ref().and_then(|mapping| mapping.in_vain.as_ref()) else { return };
    plan.later(
        "insert into pass_bodies (connection_id, shop_id, shop_order_id, pass, mapped_order, mapping)
         values ($1, $2, $3, $4, $5, $6)
         on conflict (connection_id, shop_id, shop_order_id, pass) do update
         set mapped_order = excluded.mapped_order, mapping = excluded.mapping",
        keys::of_pass(&change.pass, values_of![in_vain.order.as_str(), in_vain.evidence.as_ref()]),
    );
}

fn write_ahead(plan: &mut Plan, pass: &PassKey, attempt: &NewAttempt) -> Result<()> {
    let now = plan.now_ms;
    let recovery = attempt.recovery.as_ref().map(to_json).transpose()?;
    plan.later(
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
    plan.later(
        "insert into attempt_bodies (connection_id, shop_id, shop_order_id, pass, number, request, mapping)
         select connection_id, shop_id, shop_order_id, pass, attempts, $5, $6 from passes
         where connection_id = $1 and shop_id = $2 and shop_order_id = $3 and pass = $4",
        keys::of_pass(pass, values_of![to_json(&attempt.shown)?, attempt.mapping.as_deref()]),
    );
    Ok(())
}

/// A look-up, a poll or an answer file: an attempt that has ended when it is first written.
fn log_asked(plan: &mut Plan, pass: &PassKey, asked: &Asked, random: &dyn Random) -> Result<()> {
    let token = random::token(random);
    let values = values_of![
        token,
        asked.step,
        to_word(&asked.purpose)?,
        to_word(&asked.phase)?,
        to_json(&Repeat::Always)?,
        asked.began_ms,
        plan.now_ms,
        asked.outcome,
    ];
    plan.later(
        "insert into attempts (connection_id, shop_id, shop_order_id, pass, number, token, step, purpose, phase, repeat,
            recorded_ms, settled_by_ms, hash, ended_ms, outcome)
         select connection_id, shop_id, shop_order_id, pass, attempts, $5, $6, $7, $8, $9, $10, $11, '', $11, $12
         from passes where connection_id = $1 and shop_id = $2 and shop_order_id = $3 and pass = $4",
        keys::of_pass(pass, values),
    );
    let bodies = [&asked.request, &asked.mapping, &asked.answer].map(to_json);
    let [request, mapping, answer] = bodies;
    plan.later(
        "insert into attempt_bodies (connection_id, shop_id, shop_order_id, pass, number, request, mapping, answer)
         select connection_id, shop_id, shop_order_id, pass, attempts, $5, $6, $7 from passes
         where connection_id = $1 and shop_id = $2 and shop_order_id = $3 and pass = $4",
        keys::of_pass(pass, values_of![request?, mapping?, answer?]),
    );
    Ok(())
}

/// A late answer says that the ERP has the order after all. A next pass that has sent nothing must not send it again.
fn withdraw_next(plan: &mut Plan, pass: &PassKey) {
    const BECAUSE: &str = "an answer that came late says that the ERP has the order from the pass before";
    let now = plan.now_ms;
    plan.later(
        "insert into timeline (connection_id, shop_id, shop_order_id, pass, at_ms, line)
         select connection_id, shop_id, shop_order_id, pass, $5, 'Not sent again: ' || $6 from passes
         where connection_id = $1 and shop_id = $2 and shop_order_id = $3 and pass > $4
            and state in ('waiting', 'claimed', 'mapped')",
        keys::of_pass(pass, values_of![now, BECAUSE]),
    );
    plan.later(
        "update passes set state = 'withdrawn', state_ms = $5, closed_ms = $5, because = $6, lease_token = null,
            lease_host = null, lease_until_ms = null
         where connection_id = $1 and shop_id = $2 and shop_order_id = $3 and pass > $4
            and state in ('waiting', 'claimed', 'mapped')",
        keys::of_pass(pass, values_of![now, BECAUSE]),
    );
}

/// Records a status that the shop confirmed, unless a newer one is known.
fn confirm(plan: &mut Plan, order: &OrderKey, confirmed: &Confirmed) {
    plan.later(
        "update orders set confirmed_status = $4, confirmed_ms = $5, confirmed_modified_ms = $6
         where connection_id = $1 and shop_id = $2 and shop_order_id = $3
            and (confirmed_ms is null or confirmed_ms <= $5)",
        keys::of_order(order, values_of![confirmed.status.as_str(), confirmed.at_ms, confirmed.modified_ms]),
    );
}
