//! What people are shown, and the clean-up of bodies.

use std::collections::BTreeMap;

use async_trait::async_trait;
use orderdock::{
    domain::{
        clock::Millis,
        decision::Decision,
        id::{AttemptToken, ConnectionId, Digest, OrderKey, PassKey, ShopId},
        pass::{Colour, PassState},
    },
    ledger::{
        Result, TimelineEntry,
        effects::EffectBody,
        orders::Sweep,
        passes::Mapping,
        reports::{
            AttemptRow, Backlog, Counts, EffectRow, InState, OrderDetail, OrderFilter, OrderRow, PassRow, Reports,
            Undecided,
        },
    },
};
use serde_json::Value;

use super::{
    ModelLedger,
    state::{SeenOrder, State, StoredEffect, StoredPass},
};

/// A word as it is stored.
fn word(value: impl serde::Serialize) -> String {
    match serde_json::to_value(value) {
        Ok(Value::String(word)) => word,
        other => format!("{other:?}"),
    }
}

fn pass_row(key: &PassKey, it: &StoredPass) -> PassRow {
    PassRow {
        pass: key.pass,
        state: it.state,
        opening: serde_json::to_value(&it.opening).unwrap_or_default(),
        opened_ms: it.opened_ms,
        closed_ms: it.closed_ms,
        because: it.because.clone(),
        not_before_ms: it.not_before_ms,
        deadline_ms: it.deadline_ms,
        lease_host: it.lease.as_ref().map(|lease| lease.host.0.clone()),
        lease_until_ms: it.lease.as_ref().map(|lease| lease.until_ms),
        activation: it.pins.as_ref().map(|pins| pins.activation),
        release: it.pins.as_ref().map(|pins| pins.release.0.clone()),
        document_number: it.document_number,
        idempotency_key: it.idempotency_key.clone(),
        erp_order_id: it.erp_order_id.clone(),
        class: it.class.map(word),
        field: it.field.clone(),
        mapping: it.mapping.clone(),
        evidence: it.evidence.clone(),
    }
}

fn attempt_rows<'a>(key: &'a PassKey, it: &'a StoredPass) -> impl Iterator<Item = AttemptRow> + 'a {
    it.attempts.iter().enumerate().map(|(at, attempt)| {
        let body = |value: &Option<Value>| value.clone().filter(|_| it.bodies);
        AttemptRow {
            key: key.order.clone(),
            order_number: it.order_number.clone(),
            pass: key.pass,
            number: at as u32 + 1,
            step: attempt.step,
            purpose: word(attempt.purpose),
            phase: word(attempt.phase),
            outcome: attempt.end.as_ref().map_or("open", |(outcome, _)| outcome).to_owned(),
            recorded_ms: attempt.recorded_ms,
            ended_ms: attempt.end.as_ref().map(|(_, at_ms)| *at_ms),
            request: body(&attempt.request),
            answer: body(&attempt.answer),
            mapping: body(&attempt.mapping),
        }
    })
}

fn effect_row(it: &StoredEffect) -> EffectRow {
    EffectRow {
        number: it.number,
        pass: it.pass.pass,
        body: serde_json::to_value(&it.body).unwrap_or_default(),
        state: it.state.to_owned(),
        tries: it.tries,
        detail: it.detail.clone(),
        not_before_ms: it.not_before_ms,
        done_ms: it.done_ms,
    }
}

impl State {
    fn order_row(&self, key: &OrderKey, seen: &SeenOrder) -> OrderRow {
        let last = self.last_pass(key);
        let of_last = |field: fn(&StoredPass) -> Option<String>| last.and_then(|(_, it)| field(it));
        let name = self.connections.iter().find(|it| it.record.id == key.connection);
        OrderRow {
            key: key.clone(),
            connection_name: name.map(|it| it.record.name.clone()).unwrap_or_default(),
            order_number: seen.order_number.clone(),
            shop_status: seen.shop_status.clone(),
            placed_ms: seen.placed_ms,
            first_seen_ms: seen.first_seen_ms,
            last_seen_ms: seen.last_seen_ms,
            decision: seen.decision.clone(),
            decision_ms: seen.decision_ms,
            pass: last.map(|(pass, _)| pass),
            state: last.map(|(_, it)| it.state),
            colour: last.map_or(Colour::None, |(_, it)| it.state.colour()),
            state_ms: last.map(|(_, it)| it.state_ms),
            because: match (last, self.shut(&key.connection)) {
                (Some((_, it)), Some(shut)) if it.state == PassState::Waiting => shut.sentence(),
                (last, _) => last.map(|(_, it)| it.because.clone()).unwrap_or_default(),
            },
            erp_order_id: of_last(|it| it.erp_order_id.clone()),
            erp_order_number: of_last(|it| it.erp_order_number.clone()),
        }
    }

    fn goes_by(&self, key: &OrderKey, seen: &SeenOrder, number: &str) -> bool {
        let of_erp = |it: &StoredPass| {
            it.erp_order_id.as_deref() == Some(number) || it.erp_order_number.as_deref() == Some(number)
        };
        seen.order_number == number
            || key.shop_order_id == number
            || self.passes.iter().any(|(pass, it)| &pass.order == key && of_erp(it))
    }

    fn passes_of<'a>(&'a self, order: &'a OrderKey) -> impl Iterator<Item = (&'a PassKey, &'a StoredPass)> + 'a {
        self.passes.iter().filter(move |(key, _)| &key.order == order)
    }
}

/// Hosts and turns are not the model's business.
impl orderdock::ledger::fleet::Fleet for ModelLedger {}

/// None is ever begun: what a canary does to passes is their choice of pins, which is the pipeline's.
impl orderdock::ledger::canaries::Canaries for ModelLedger {}
impl orderdock::ledger::publishers::Publishers for ModelLedger {}

/// Nothing is run again from the model.
impl orderdock::ledger::recorded::Recorded for ModelLedger {}

#[async_trait]
impl Reports for ModelLedger {
    async fn orders(&self, filter: OrderFilter) -> Result<Vec<OrderRow>> {
        let (state, _) = self.transaction();
        let undecided = |decision: &Decision| match filter.undecided {
            None => true,
            Some(Undecided::Skipped) => matches!(decision, Decision::Skipped(_)),
            Some(Undecided::Question) => matches!(decision, Decision::Question { .. }),
        };
        let mut all: Vec<OrderRow> = state
            .orders
            .iter()
            .filter(|(key, _)| filter.connection.as_ref().is_none_or(|wanted| wanted == &key.connection))
            .filter(|(_, seen)| undecided(&seen.decision))
            .filter(|(key, seen)| filter.number.as_ref().is_none_or(|number| state.goes_by(key, seen, number)))
            .map(|(key, seen)| state.order_row(key, seen))
            .filter(|row| filter.states.is_empty() || row.state.is_some_and(|it| filter.states.contains(&it)))
            .collect();
        let by_state = !filter.states.is_empty();
        all.sort_by_key(|row| std::cmp::Reverse(if by_state { row.state_ms } else { Some(row.first_seen_ms) }));
        all.truncate(filter.limit as usize);
        Ok(all)
    }

    async fn order(&self, key: &OrderKey) -> Result<Option<OrderDetail>> {
        let (state, _) = self.transaction();
        let Some(seen) = state.orders.get(key) else { return Ok(None) };
        let timeline = state.timeline.iter().filter(|(pass, ..)| &pass.order == key);
        let decisions = state.decisions.iter().filter(|(order, ..)| order == key);
        Ok(Some(OrderDetail {
            order: state.order_row(key, seen),
            passes: state.passes_of(key).map(|(key, it)| pass_row(key, it)).collect(),
            attempts: state.passes_of(key).flat_map(|(key, it)| attempt_rows(key, it)).collect(),
            effects: state.effects.iter().filter(|it| &it.pass.order == key).map(effect_row).collect(),
            timeline: timeline.map(|(_, at_ms, text)| TimelineEntry { at_ms: *at_ms, text: text.clone() }).collect(),
            decisions: decisions.map(|(_, at_ms, decision)| (*at_ms, decision.clone())).collect(),
        }))
    }

    async fn attempts(
        &self,
        connection: Option<&ConnectionId>,
        since_ms: Millis,
        limit: u32,
    ) -> Result<Vec<AttemptRow>> {
        let (state, _) = self.transaction();
        let mine = state.passes.iter().filter(|(key, _)| connection.is_none_or(|it| it == &key.order.connection));
        let mut all: Vec<_> =
            mine.flat_map(|(key, it)| attempt_rows(key, it)).filter(|row| row.recorded_ms >= since_ms).collect();
        all.sort_by_key(|row| std::cmp::Reverse((row.recorded_ms, row.number)));
        all.truncate(limit as usize);
        Ok(all)
    }

    async fn counts(&self, connection: &ConnectionId) -> Result<Counts> {
        let (state, _) = self.transaction();
        let mut counts = Counts::default();
        for (key, seen) in state.orders.iter().filter(|(key, _)| &key.connection == connection) {
            match seen.decision {
                Decision::Taken => {}
                Decision::Skipped(_) => counts.skipped += 1,
                Decision::Question { .. } => counts.questions += 1,
            }
            if let Some((_, last)) = state.last_pass(key) {
                *counts.by_state.entry(last.state.as_str().to_owned()).or_default() += 1;
            }
        }
        for effect in state.effects.iter().filter(|it| &it.pass.order.connection == connection) {
            counts.effects_owed += u64::from(effect.is_owed());
            counts.effects_stuck += u64::from(matches!(effect.state, "given_up" | "conflict"));
        }
        Ok(counts)
    }

    async fn backlog(&self) -> Result<Backlog> {
        let (state, _) = self.transaction();
        let mut backlog = Backlog::default();
        for wanted in PassState::ALL.into_iter().filter(|it| !matches!(it, PassState::Delivered | PassState::Withdrawn))
        {
            let mut by_connection = BTreeMap::<ConnectionId, (u64, Millis)>::new();
            for key in state.orders.keys() {
                if let Some((_, last)) = state.last_pass(key).filter(|(_, last)| last.state == wanted) {
                    let (orders, since_ms) = by_connection.entry(key.connection.clone()).or_insert((0, last.state_ms));
                    *orders += 1;
                    *since_ms = (*since_ms).min(last.state_ms);
                }
            }
            let in_state = |(connection, (orders, since_ms))| InState { connection, state: wanted, orders, since_ms };
            backlog.orders.extend(by_connection.into_iter().map(in_state));
        }
        for effect in &state.effects {
            let counts = backlog.effects.entry(effect.pass.order.connection.clone()).or_default();
            let mail = matches!(effect.body, EffectBody::Mail { .. });
            counts[0] += u64::from(effect.is_owed() && !mail);
            counts[1] += u64::from(matches!(effect.state, "given_up" | "conflict"));
            counts[2] += u64::from(effect.is_owed() && mail);
        }
        backlog.effects.retain(|_, counts| *counts != [0; 3]);
        for (key, _) in state.orders.iter().filter(|(_, seen)| matches!(seen.decision, Decision::Question { .. })) {
            *backlog.questions.entry(key.connection.clone()).or_default() += 1;
        }
        Ok(backlog)
    }

    async fn mappings(&self, release: &Digest, since_ms: Millis, limit: u32) -> Result<Vec<Mapping>> {
        let (state, _) = self.transaction();
        let mut all: Vec<(Millis, Mapping)> = Vec::new();
        for key in state.orders.keys() {
            if let Some((_, last)) = state.last_pass(key)
                && let Some(mapping) = last.mapping.as_ref().filter(|it| &it.release == release)
                && last.state_ms >= since_ms
            {
                all.push((last.state_ms, Mapping { in_vain: None, ..mapping.clone() }));
            }
        }
        all.sort_by_key(|(at_ms, _)| std::cmp::Reverse(*at_ms));
        Ok(all.into_iter().map(|(_, mapping)| mapping).take(limit as usize).collect())
    }

    async fn sweeps(&self, connection: &ConnectionId, shop: &ShopId, limit: u32) -> Result<Vec<Sweep>> {
        let (state, _) = self.transaction();
        let mine = state.sweeps.iter().rev().filter(|(of, at, _)| of == connection && at == shop);
        Ok(mine.map(|(.., sweep)| sweep.clone()).take(limit as usize).collect())
    }

    async fn done_with(&self, attempts: &[AttemptToken]) -> Result<Vec<AttemptToken>> {
        let (state, _) = self.transaction();
        let closed: Vec<_> = state.passes.values().filter(|it| it.closed_ms.is_some()).collect();
        let done = |token: &&AttemptToken| {
            closed.iter().any(|it| it.attempts.iter().any(|one| one.recovery.is_some() && &one.token == *token))
        };
        Ok(attempts.iter().filter(done).cloned().collect())
    }

    async fn expire_bodies(&self, closed_before_ms: Millis, limit: u32) -> Result<u64> {
        let (mut state, _) = self.transaction();
        let old = |it: &StoredPass| it.bodies && it.closed_ms.is_some_and(|closed| closed < closed_before_ms);
        let mut due: Vec<_> =
            state.passes.iter().filter(|(_, it)| old(it)).map(|(key, it)| (it.closed_ms, key.clone())).collect();
        due.sort();
        due.truncate(limit as usize);
        for (_, key) in &due {
            if let Some(pass) = state.passes.get_mut(key) {
                pass.bodies = false;
                pass.sealed_state = None;
                pass.mapped_order = None;
                pass.evidence = None;
                pass.delivery = None;
            }
        }
        Ok(due.len() as u64)
    }
}

impl ModelLedger {
    /// Every order that was ever seen, in the order of its key: what judges go through.
    #[must_use]
    pub fn all_orders(&self) -> Vec<OrderKey> {
        self.transaction().0.orders.keys().cloned().collect()
    }

    /// The state of each pass of an order, the first one first.
    #[must_use]
    pub fn pass_states(&self, order: &OrderKey) -> Vec<PassState> {
        self.transaction().0.passes_of(order).map(|(_, it)| it.state).collect()
    }
}
