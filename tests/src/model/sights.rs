//! Recording sights: one after the other, each judged on what is known then.

use orderdock::{
    domain::{
        clock::Millis,
        decision::Decision,
        id::{OrderKey, PassKey},
        judge::{self, Confirmed, History, Judgement, LastPass, content_hash},
        pass::PassState,
        sight::Sight,
    },
    ledger::{
        LedgerError, Result,
        connections::ConnectionState,
        orders::{Recorded, SightBatch},
    },
};

use super::{
    opening::decision_line,
    state::{SeenOrder, State},
};

impl State {
    pub fn record_sights(&mut self, batch: &SightBatch, now: Millis) -> Result<Vec<Recorded>> {
        let living = self.connections.iter().any(|it| {
            it.record.id == batch.connection
                && it.record.shop_id == batch.shop
                && it.record.state != ConnectionState::Removed
        });
        if !living {
            return Err(LedgerError::Refused("the connection was removed or has another shop now".to_owned()));
        }
        Ok(batch.sights.iter().map(|sight| self.record_sight(batch, sight, now)).collect())
    }

    fn record_sight(&mut self, batch: &SightBatch, sight: &Sight, now: Millis) -> Recorded {
        let key = OrderKey {
            connection: batch.connection.clone(),
            shop: batch.shop.clone(),
            shop_order_id: sight.shop_order_id.clone(),
        };
        let history = self.history(&key, now);
        let known = self.orders.get(&key);
        let shop_order_id = sight.shop_order_id.clone();
        // A read that began before the one on record tells nothing new.
        if let (Some(history), Some(known)) = (&history, known)
            && batch.began_ms < known.read_began_ms
        {
            let judgement = Judgement { decision: history.decision.clone(), open: None, read_alone: false };
            return Recorded { shop_order_id, judgement, first_seen: false, opened: None };
        }
        let other = self.other_connection(&key);
        let mut judgement = (batch.judge)(sight, history.as_ref(), other.as_deref());
        if let Some(history) = &history {
            let open = history.last.as_ref().is_some_and(|last| !last.state.is_closed());
            if judgement.open.is_some() && (open || history.status_write_open) {
                judgement = Judgement { decision: history.decision.clone(), open: None, ..judgement };
            }
        }
        let is_new = (batch.is_new)(&sight.status);
        let hint_stays = known.is_some_and(|known| known.read_alone) && !batch.single && is_new;
        let question = matches!(judgement.decision, Decision::Question { .. });
        let changed = history.as_ref().is_none_or(|history| history.decision != judgement.decision);
        let seen = self.orders.entry(key.clone()).or_insert_with(|| SeenOrder {
            order_number: String::new(),
            shop_status: String::new(),
            placed_ms: None,
            first_seen_ms: now,
            last_seen_ms: now,
            read_began_ms: 0,
            decision: judgement.decision.clone(),
            decision_ms: now,
            confirmed: None,
            read_alone: false,
            looked_ms: now,
            last_pass: 0,
            effects_lease: None,
        });
        seen.order_number.clone_from(&sight.order_number);
        seen.shop_status.clone_from(&sight.status);
        seen.placed_ms = sight.placed_ms;
        seen.last_seen_ms = now;
        seen.read_began_ms = batch.began_ms;
        seen.read_alone = judgement.read_alone || hint_stays || question;
        if batch.single {
            seen.looked_ms = now;
        }
        if batch.single && !is_new && seen.confirmed.as_ref().is_none_or(|it| it.at_ms <= batch.began_ms) {
            let (status, modified_ms) = (sight.status.clone(), sight.modified_ms);
            seen.confirmed = Some(Confirmed { status, at_ms: batch.began_ms, modified_ms });
        }
        let pass = seen.last_pass + u32::from(judgement.open.is_some());
        let pass = PassKey { order: key.clone(), pass };
        if changed {
            seen.decision = judgement.decision.clone();
            seen.decision_ms = now;
            self.decisions.push((key.clone(), now, judgement.decision.clone()));
            if judgement.open.is_none() {
                self.line(&pass, now, decision_line(&judgement.decision));
            }
        }
        let mut opened = None;
        if let Some(opening) = judgement.open.clone() {
            let hash = sight.order.as_ref().ok().map(|order| content_hash(order));
            let document = self.next_document(&batch.connection);
            self.open(&pass, &sight.order_number, opening, hash, document, now);
            opened = Some(pass.pass);
        }
        Recorded { shop_order_id, judgement, first_seen: history.is_none(), opened }
    }

    /// What the judge is told.
    fn history(&self, key: &OrderKey, now: Millis) -> Option<History> {
        let seen = self.orders.get(key)?;
        let last = self.last_pass(key).map(|(pass, stored)| LastPass {
            pass,
            state: self.settled_by_a_late_answer(key, pass).unwrap_or(stored.state),
            closed_ms: stored.closed_ms,
            content_hash: stored.content_hash.clone(),
            sent: stored.sent,
        });
        let status_write_open = self.effects.iter().any(|it| &it.pass.order == key && it.is_status() && it.is_owed());
        let recent_ms = now.saturating_sub(judge::FLIPS_WITHIN_MS);
        let recent = self.passes.iter().filter(|(pass, it)| &pass.order == key && it.opened_ms > recent_ms).count();
        let recent_passes = u32::try_from(recent).unwrap_or(u32::MAX);
        let (decision, confirmed) = (seen.decision.clone(), seen.confirmed.clone());
        Some(History { decision, last, confirmed, status_write_open, recent_passes })
    }

    /// What was withdrawn changed nothing: if a late answer settled the pass before it, the ERP has the order.
    fn settled_by_a_late_answer(&self, key: &OrderKey, pass: u32) -> Option<PassState> {
        let mut mine = self.passes.iter().filter(|(it, _)| &it.order == key && it.pass <= pass).map(|(_, it)| it.state);
        let before = |state: &PassState| *state != PassState::Withdrawn;
        if mine.next_back() != Some(PassState::Withdrawn) {
            return None;
        }
        mine.rfind(before).filter(|state| matches!(state, PassState::Delivered | PassState::Awaiting))
    }

    /// Another connection of the same shop that has a pass for the order.
    fn other_connection(&self, key: &OrderKey) -> Option<String> {
        let (other, _) = self.orders.iter().find(|(known, seen)| {
            known.shop == key.shop
                && known.shop_order_id == key.shop_order_id
                && known.connection != key.connection
                && seen.last_pass > 0
        })?;
        let name = |it: &&super::state::Connection| it.record.id == other.connection;
        self.connections.iter().find(name).map(|it| it.record.name.clone())
    }

    pub fn next_document(&mut self, connection: &orderdock::domain::id::ConnectionId) -> u64 {
        self.connection(connection).map_or(0, |it| {
            it.last_document += 1;
            it.last_document
        })
    }
}
