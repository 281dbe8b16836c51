//! The outbox: shop effects, one worker for each order at a time; mails, one batch for each connection at a time.

use std::collections::BTreeSet;

use async_trait::async_trait;
use orderdock::{
    domain::{
        clock::Millis,
        id::{ConnectionId, HostId, LeaseToken, OrderKey, PassKey},
        judge::Confirmed,
        random,
    },
    ledger::{
        LedgerError, Result,
        effects::{EffectBody, EffectEnd, Effects, MailBatch, Owed, OwedByOrder},
    },
};

use super::{
    ModelLedger,
    state::{Begun, State, StoredEffect, StoredMail},
};

/// Members of one mail at most.
const MEMBERS: usize = 200;

fn shown(effect: &StoredEffect) -> Owed {
    Owed {
        number: effect.number,
        pass: effect.pass.pass,
        body: effect.body.clone(),
        since_ms: effect.since_ms,
        tries: effect.tries,
        in_doubt: effect.begun != Begun::No,
    }
}

fn lease_until_ms(lease: Option<&(LeaseToken, Millis)>) -> Millis {
    lease.map_or(0, |(_, until)| *until)
}

impl State {
    /// Orders with a due effect that nobody is at, the longest due first.
    fn effects_due(&self, connection: &ConnectionId, now: Millis) -> Vec<OrderKey> {
        let mut due: Vec<_> = self
            .effects
            .iter()
            .filter(|it| it.is_owed() && !it.is_mail() && it.not_before_ms <= now)
            .filter(|it| &it.pass.order.connection == connection)
            .filter(|it| {
                let present = self.connections.iter().find(|known| &known.record.id == connection);
                present.is_some_and(|known| known.record.shop_id == it.pass.order.shop)
            })
            .filter(|it| {
                let seen = self.orders.get(&it.pass.order);
                seen.is_some_and(|seen| lease_until_ms(seen.effects_lease.as_ref()) < now)
            })
            .map(|it| (it.not_before_ms, &it.pass.order))
            .collect();
        due.sort();
        let mut once = BTreeSet::new();
        due.into_iter().filter(|(_, order)| once.insert(*order)).map(|(_, order)| order.clone()).collect()
    }

    /// The status that was written last, and for which pass.
    fn written(&self, order: &OrderKey) -> Option<(u32, String)> {
        let done = self.effects.iter().filter(|it| &it.pass.order == order && it.state == "done");
        let written = done.filter_map(|it| match &it.body {
            EffectBody::Status { status, .. } => Some((it.pass.pass, it.number, status.clone())),
            _ => None,
        });
        written.max().map(|(pass, _, status)| (pass, status))
    }

    /// Lets the order's owed effects wait at least until then: they go out in order.
    fn postpone(&mut self, order: &OrderKey, not_before: Millis) {
        for effect in self.owed_to_shop(order) {
            effect.not_before_ms = effect.not_before_ms.max(not_before);
        }
    }

    /// Hands out the order's effects up to the first that is not due.
    fn hand_out(&mut self, order: &OrderKey, now: Millis) -> Vec<Owed> {
        let all = self.owed_to_shop(order);
        let waits = all.iter().find(|it| it.not_before_ms > now).map(|it| it.not_before_ms);
        let mut out = Vec::new();
        for effect in all.into_iter().take_while(|it| it.not_before_ms <= now) {
            out.push(shown(effect));
            effect.begun = if effect.begun == Begun::No { Begun::Now } else { Begun::Before };
        }
        if let Some(not_before) = waits {
            self.postpone(order, not_before);
        }
        out
    }

    /// Whether nobody is at the order's effects, and none is owed that would have to go out first.
    pub fn owes_nothing(&self, order: &OrderKey, now: Millis) -> bool {
        let lease = self.orders.get(order).and_then(|seen| seen.effects_lease.as_ref());
        let owed = |it: &StoredEffect| &it.pass.order == order && it.is_owed() && !it.is_mail();
        lease_until_ms(lease) < now && !self.effects.iter().any(owed)
    }

    /// Gives the order's due effects to one worker; none when there is none.
    pub fn lease_effects(
        &mut self,
        order: &OrderKey,
        token: LeaseToken,
        now: Millis,
        lease_ms: Millis,
    ) -> Option<OwedByOrder> {
        let effects = self.hand_out(order, now);
        let written = self.written(order);
        let seen = self.orders.get_mut(order).filter(|_| !effects.is_empty())?;
        let until_ms = now + lease_ms;
        seen.effects_lease = Some((token.clone(), until_ms));
        let confirmed = seen.confirmed.is_some();
        Some(OwedByOrder { order: order.clone(), token, until_ms, written, confirmed, effects })
    }

    fn end_effect(&mut self, connection: &ConnectionId, number: i64, end: &EffectEnd, now: Millis) {
        let mine = |it: &&mut StoredEffect| it.number == number && &it.pass.order.connection == connection;
        // One that was cancelled meanwhile stays so.
        let Some(effect) = self.effects.iter_mut().filter(|it| it.is_owed()).find(mine) else { return };
        effect.begun = Begun::No;
        let (state, detail) = match end {
            EffectEnd::Retry { not_before_ms, error } => {
                effect.tries += 1;
                effect.not_before_ms = *not_before_ms;
                effect.detail.clone_from(error);
                return;
            }
            EffectEnd::Done => ("done", ""),
            EffectEnd::NotNeeded(why) => ("not_needed", why.as_str()),
            EffectEnd::GivenUp(why) => ("given_up", why.as_str()),
            EffectEnd::Conflict(why) => ("conflict", why.as_str()),
        };
        effect.state = state;
        detail.clone_into(&mut effect.detail);
        effect.done_ms = Some(now);
    }

    /// A batch for each connection that has none and whose oldest mail has waited long enough.
    fn gather(&mut self, gather_ms: Millis, now: Millis, id: impl Fn() -> String) {
        let due = |it: &StoredEffect| it.is_owed() && it.is_mail() && it.not_before_ms <= now;
        let connections: BTreeSet<ConnectionId> = self
            .effects
            .iter()
            .filter(|it| due(it) && it.since_ms + gather_ms <= now)
            .map(|it| it.pass.order.connection.clone())
            .filter(|connection| !self.mails.contains_key(connection))
            .collect();
        for connection in connections {
            let mail = id();
            let mine = |it: &&mut StoredEffect| due(it) && it.pass.order.connection == connection;
            for effect in self.effects.iter_mut().filter(mine).take(MEMBERS) {
                effect.mail = Some(mail.clone());
            }
            self.mails.insert(connection, StoredMail { mail, lease: None, not_before_ms: now });
        }
    }
}

#[async_trait]
impl Effects for ModelLedger {
    async fn claim_effects(
        &self,
        connection: &ConnectionId,
        _: &HostId,
        limit: u32,
        lease_ms: Millis,
    ) -> Result<Vec<OwedByOrder>> {
        let (mut state, now) = self.transaction();
        let stem = random::token(self.random.as_ref());
        let mut all = Vec::new();
        for order in state.effects_due(connection, now).into_iter().take(limit as usize) {
            let token = LeaseToken(format!("{stem}-{}", order.shop_order_id));
            all.extend(state.lease_effects(&order, token, now, lease_ms));
        }
        Ok(all)
    }

    async fn finish_effects(
        &self,
        order: &OrderKey,
        token: &LeaseToken,
        ends: Vec<(i64, EffectEnd)>,
        confirmed: Option<Confirmed>,
        timeline: Vec<(u32, String)>,
    ) -> Result<()> {
        let (mut state, now) = self.transaction();
        let seen = state.orders.get_mut(order);
        let held = seen.filter(|seen| seen.effects_lease.as_ref().is_some_and(|(mine, _)| mine == token));
        let Some(seen) = held else {
            return Err(LedgerError::Lost { what: format!("the effects of order {}", order.shop_order_id) });
        };
        seen.effects_lease = None;
        for (number, end) in &ends {
            state.end_effect(&order.connection, *number, end, now);
        }
        // Whatever is owed still waits for what is tried again.
        for (_, end) in &ends {
            if let EffectEnd::Retry { not_before_ms, .. } = end {
                state.postpone(order, *not_before_ms);
            }
        }
        // What was handed out and not tried was never begun, unless an earlier worker had begun it.
        for effect in state.owed_to_shop(order).into_iter().filter(|it| it.begun == Begun::Now) {
            effect.begun = Begun::No;
        }
        if let Some(confirmed) = &confirmed {
            state.confirm(order, confirmed);
            if let Some(seen) = state.orders.get_mut(order).filter(|it| it.read_began_ms <= confirmed.at_ms) {
                seen.shop_status.clone_from(&confirmed.status);
            }
        }
        for (pass, text) in timeline {
            let pass = PassKey { order: order.clone(), pass };
            state.line(&pass, now, text);
        }
        Ok(())
    }

    async fn claim_mails(&self, _: &HostId, gather_ms: Millis, lease_ms: Millis) -> Result<Vec<MailBatch>> {
        let (mut state, now) = self.transaction();
        state.gather(gather_ms, now, || random::id(self.random.as_ref(), now));
        let stem = random::token(self.random.as_ref());
        let state = &mut *state;
        let mut batches = Vec::new();
        for (connection, mail) in &mut state.mails {
            if mail.not_before_ms > now || lease_until_ms(mail.lease.as_ref()) >= now {
                continue;
            }
            let token = LeaseToken(format!("{stem}-{connection}"));
            mail.lease = Some((token.clone(), now + lease_ms));
            let mine = |it: &&mut StoredEffect| {
                &it.pass.order.connection == connection && it.is_owed() && it.mail.as_ref() == Some(&mail.mail)
            };
            let mut members = Vec::new();
            for effect in state.effects.iter_mut().filter(mine) {
                members.push((effect.pass.order.clone(), shown(effect)));
                effect.begun = Begun::Now;
            }
            batches.push(MailBatch { mail: mail.mail.clone(), token, connection: connection.clone(), members });
        }
        Ok(batches)
    }

    async fn finish_mails(&self, batch: &MailBatch, end: EffectEnd) -> Result<()> {
        let (mut state, now) = self.transaction();
        let held = state
            .mails
            .get_mut(&batch.connection)
            .filter(|it| it.mail == batch.mail && it.lease.as_ref().is_some_and(|(token, _)| token == &batch.token));
        let Some(mail) = held else { return Err(LedgerError::Lost { what: format!("mail {}", batch.mail) }) };
        if let EffectEnd::Retry { not_before_ms, .. } = end {
            mail.lease = None;
            mail.not_before_ms = not_before_ms;
        } else {
            state.mails.remove(&batch.connection);
        }
        for (_, member) in &batch.members {
            state.end_effect(&batch.connection, member.number, &end, now);
        }
        Ok(())
    }

    async fn next_effect_ms(&self) -> Result<Option<Millis>> {
        let (state, _) = self.transaction();
        let due = |not_before: Millis, lease: Option<&(LeaseToken, Millis)>| match lease {
            Some((_, until)) if *until >= not_before => until + 1,
            _ => not_before,
        };
        let all = state.effects.iter().filter(|it| it.is_owed()).map(|it| {
            if !it.is_mail() {
                let seen = state.orders.get(&it.pass.order);
                return due(it.not_before_ms, seen.and_then(|seen| seen.effects_lease.as_ref()));
            }
            match state.mails.get(&it.pass.order.connection) {
                Some(mail) => due(mail.not_before_ms, mail.lease.as_ref()),
                None => it.not_before_ms,
            }
        });
        Ok(all.min())
    }
}
