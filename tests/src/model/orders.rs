//! Orders: sweeps, a person's intent, decisions, pushed orders.

use async_trait::async_trait;
use orderdock::{
    domain::{
        decision::{Decision, Opening},
        id::{ConnectionId, OrderKey, PassKey, ShopId},
        pass::PassState,
    },
    ledger::{
        LedgerError, Result,
        connections::ConnectionState,
        orders::{Orders, Pushed, PushedOrder, Recorded, SightBatch, Sweep, SweepKind},
    },
};

use super::{ModelLedger, no_order, opening::decision_line, state::Begun};

#[async_trait]
impl Orders for ModelLedger {
    async fn record_sights(&self, batch: SightBatch) -> Result<Vec<Recorded>> {
        let (mut state, now) = self.transaction();
        state.record_sights(&batch, now)
    }

    async fn record_sweep(&self, connection: &ConnectionId, shop: &ShopId, sweep: Sweep) -> Result<()> {
        self.transaction().0.sweeps.push((connection.clone(), shop.clone(), sweep));
        Ok(())
    }

    async fn last_good_sweep(
        &self,
        connection: &ConnectionId,
        shop: &ShopId,
        kind: SweepKind,
    ) -> Result<Option<Sweep>> {
        let (state, _) = self.transaction();
        let mine = state.sweeps.iter().filter(|(of, at, _)| of == connection && at == shop).map(|(.., sweep)| sweep);
        Ok(mine.filter(|it| it.kind == kind && it.error.is_none()).max_by_key(|it| it.started_ms).cloned())
    }

    async fn looked_once(&self, connection: &ConnectionId, shop: &ShopId) -> Result<bool> {
        let (state, _) = self.transaction();
        let mine = state.sweeps.iter().filter(|(of, at, _)| of == connection && at == shop).map(|(.., sweep)| sweep);
        let good: Vec<u32> =
            mine.filter(|it| it.kind == SweepKind::Poll && it.error.is_none()).map(|it| it.seen).collect();
        Ok(good.len() > 1 || good.iter().any(|seen| *seen > 0))
    }

    async fn open_pass(&self, order: &OrderKey, after: u32, opening: Opening) -> Result<PassKey> {
        let (mut state, now) = self.transaction();
        let seen = state.orders.get(order).ok_or_else(|| no_order(order))?;
        let refused = |why: &str| Err(LedgerError::Refused(why.to_owned()));
        let is_its_shop = |it: &super::state::Connection| {
            it.record.id == order.connection
                && it.record.shop_id == order.shop
                && it.record.state != ConnectionState::Removed
        };
        if !state.connections.iter().any(is_its_shop) {
            return refused("its connection was removed or has another shop");
        }
        if seen.last_pass != after {
            return refused("another pass came meanwhile");
        }
        let leased = seen.effects_lease.as_ref().is_some_and(|(_, until)| *until >= now);
        let (number, decision) = (seen.order_number.clone(), seen.decision.clone());
        let last = state.last_pass(order).map(|(_, last)| (last.state, last.content_hash.clone()));
        if last.as_ref().is_some_and(|(last, _)| !last.is_closed()) {
            return refused("the last pass is open");
        }
        let writing = state
            .effects
            .iter()
            .any(|it| &it.pass.order == order && it.is_status() && it.is_owed() && it.begun != Begun::No);
        if leased && writing {
            return refused("its status is being written");
        }
        if decision != Decision::Taken {
            state.decide(order, &Decision::Taken, now);
        }
        let key = PassKey { order: order.clone(), pass: after + 1 };
        let document = state.next_document(&order.connection);
        state.open(&key, &number, opening, last.and_then(|(_, hash)| hash), document, now);
        Ok(key)
    }

    async fn decide(&self, order: &OrderKey, decision: Decision) -> Result<()> {
        let (mut state, now) = self.transaction();
        let seen = state.orders.get(order).ok_or_else(|| no_order(order))?;
        let pass = PassKey { order: order.clone(), pass: seen.last_pass };
        if seen.decision != decision {
            state.decide(order, &decision, now);
            state.line(&pass, now, decision_line(&decision));
        }
        Ok(())
    }

    async fn to_read_alone(&self, connection: &ConnectionId, shop: &ShopId, limit: u32) -> Result<Vec<String>> {
        let (state, _) = self.transaction();
        let mut all: Vec<_> = state
            .orders
            .iter()
            .filter(|(key, seen)| &key.connection == connection && &key.shop == shop && seen.read_alone)
            .filter(|(key, _)| state.last_pass(key).is_none_or(|(_, last)| last.closed_ms.is_some()))
            .map(|(key, seen)| (seen.looked_ms, key.shop_order_id.clone()))
            .collect();
        all.sort();
        Ok(all.into_iter().map(|(_, id)| id).take(limit as usize).collect())
    }

    async fn push_order(&self, order: &OrderKey, json: &str, content_hash: &str, _: &str) -> Result<Pushed> {
        let (mut state, now) = self.transaction();
        let pushed = PushedOrder {
            json: json.to_owned(),
            content_hash: content_hash.to_owned(),
            status: String::new(),
            modified_ms: now,
        };
        let Some(known) = state.pushed.get(order) else {
            state.pushed.insert(order.clone(), pushed);
            return Ok(Pushed::Created);
        };
        if known.content_hash == content_hash {
            return Ok(Pushed::Unchanged);
        }
        let status = known.status.clone();
        let sent = state.passes.iter().any(|(key, pass)| &key.order == order && pass.sent);
        if let (true, Some((pass, last))) = (sent, state.last_pass(order).map(|(pass, last)| (pass, last.state)))
            && !matches!(last, PassState::Failed | PassState::Withdrawn)
        {
            let pass = PassKey { order: order.clone(), pass };
            state.line(&pass, now, "Other content was pushed after the order was sent: recorded, not sent");
            return Ok(Pushed::Late { state: last.as_str().to_owned() });
        }
        state.pushed.insert(order.clone(), PushedOrder { status, ..pushed });
        Ok(Pushed::Replaced)
    }

    async fn pushed_order(&self, order: &OrderKey) -> Result<Option<PushedOrder>> {
        Ok(self.transaction().0.pushed.get(order).cloned())
    }

    async fn set_pushed_status(&self, order: &OrderKey, status: &str) -> Result<()> {
        let (mut state, now) = self.transaction();
        let known = state.pushed.get_mut(order).ok_or_else(|| no_order(order))?;
        status.clone_into(&mut known.status);
        known.modified_ms = now;
        Ok(())
    }

    async fn pushed_orders(
        &self,
        connection: &ConnectionId,
        shop: &ShopId,
        statuses: &[String],
        after: Option<&str>,
        limit: u32,
    ) -> Result<Vec<(String, PushedOrder)>> {
        let (state, _) = self.transaction();
        let mine = state.pushed.iter().filter(|(key, pushed)| {
            &key.connection == connection
                && &key.shop == shop
                && key.shop_order_id.as_str() > after.unwrap_or_default()
                && (pushed.status.is_empty() || statuses.contains(&pushed.status))
        });
        Ok(mine.map(|(key, pushed)| (key.shop_order_id.clone(), pushed.clone())).take(limit as usize).collect())
    }
}
