//! Destinations: how they are, their limits, and who was told.

use async_trait::async_trait;
use orderdock::{
    domain::{
        breaker::{Health, Trouble},
        clock::Millis,
        id::{ConnectionId, HostId, OrderKey, PassKey},
        pass::PassState,
    },
    ledger::{
        LedgerError, Result,
        connections::ConnectionState,
        destinations::{BURST_MS, Destinations, Limits, Notice, Subject, Unwell},
        effects::EffectBody,
        passes::{Claim, ClaimKind},
    },
};

use super::{
    ModelLedger,
    state::{Begun, Destination, State, StoredEffect},
};

impl State {
    /// Why nothing is sent for a connection.
    pub fn shut(&self, connection: &ConnectionId) -> Option<Health> {
        let of = self.connections.iter().find(|it| &it.record.id == connection)?.record.destination.as_ref()?;
        self.destinations.get(of)?.health.clone().filter(Health::is_open)
    }

    fn users_of(&self, destination: &str) -> Vec<ConnectionId> {
        let uses = |of: &Option<String>| of.as_deref() == Some(destination);
        self.connections.iter().filter(|it| uses(&it.record.destination)).map(|it| it.record.id.clone()).collect()
    }

    /// What waits for a retry of its own waits for the destination from now on; where it is paused, it has lost nothing since.
    fn shut_now(&mut self, destination: &str, now: Millis) {
        let host_since = self.host_pause.as_ref().map(|(_, since)| *since);
        for it in self.connections.iter().filter(|it| it.record.destination.as_deref() == Some(destination)) {
            let since = it.record.state_since_ms;
            let until = match (it.record.state, host_since) {
                (ConnectionState::Paused, _) => since,
                (_, Some(host_since)) => host_since.max(since),
                (_, None) => now,
            };
            let waits = self
                .passes
                .iter_mut()
                .filter(|(key, pass)| key.order.connection == it.record.id && pass.state == PassState::Waiting);
            waits.for_each(|(_, pass)| pass.time_stands_still(until));
        }
    }

    /// It works again: whoever waited for it has lost no time by that.
    fn well_again(&mut self, destination: &str, now: Millis) {
        let users = self.users_of(destination);
        let Some(it) = self.destinations.get_mut(destination) else { return };
        let Some(opened) = it.health.take().and_then(|health| health.opened_ms) else { return };
        for (_, pass) in self.passes.iter_mut().filter(|(key, _)| users.contains(&key.order.connection)) {
            match pass.state {
                PassState::Waiting => {
                    let from = opened.max(pass.state_ms);
                    pass.retry_since_ms = pass.retry_since_ms.map(|since| since + now - from);
                }
                PassState::Unknown | PassState::Awaiting => {
                    pass.retry_since_ms = pass.retry_since_ms.map(|since| since + now - opened);
                    pass.deadline_ms = pass.deadline_ms.map(|deadline| deadline + now - opened);
                }
                _ => {}
            }
        }
    }

    fn owe_mail(&mut self, connection: &ConnectionId, mail: Option<EffectBody>, now: Millis) {
        let Some((body, known)) = mail.zip(self.connections.iter().find(|it| &it.record.id == connection)) else {
            return;
        };
        let order = OrderKey {
            connection: connection.clone(),
            shop: known.record.shop_id.clone(),
            shop_order_id: String::new(),
        };
        let number = self.effects.last().map_or(1, |it| it.number + 1);
        self.effects.push(StoredEffect {
            number,
            pass: PassKey { order, pass: 0 },
            body,
            state: "owed",
            since_ms: now,
            not_before_ms: now,
            tries: 0,
            begun: Begun::No,
            detail: String::new(),
            done_ms: None,
            mail: None,
        });
    }
}

#[async_trait]
impl Destinations for ModelLedger {
    async fn use_destination(&self, connection: &ConnectionId, destination: Option<(&str, &str)>) -> Result<()> {
        let (mut state, _) = self.transaction();
        if let Some((id, address)) = destination {
            state.destinations.entry(id.to_owned()).or_insert_with(|| Destination::new(address));
        }
        if let Some(it) = state.connection(connection) {
            it.record.destination = destination.map(|(id, _)| id.to_owned());
        }
        Ok(())
    }

    async fn unwell(&self) -> Result<Vec<Unwell>> {
        let (state, _) = self.transaction();
        let unwell = state.destinations.iter().filter_map(|(id, it)| {
            let health = it.health.clone()?;
            Some(Unwell { destination: id.clone(), address: it.address.clone(), health })
        });
        Ok(unwell.collect())
    }

    async fn note_trouble(&self, destination: &str, trouble: &Trouble) -> Result<Health> {
        let (mut state, now) = self.transaction();
        let it = state.destinations.entry(destination.to_owned()).or_insert_with(|| Destination::new(destination));
        let seed = destination.bytes().fold(0, |seed: u64, byte| seed.wrapping_mul(31).wrapping_add(byte.into()));
        let was_open = it.health.as_ref().is_some_and(Health::is_open);
        let health = Health::after(it.health.take(), trouble, seed, now);
        it.health = Some(health.clone());
        if health.is_open() && !was_open {
            state.shut_now(destination, now);
        }
        Ok(health)
    }

    async fn note_answer(&self, destination: &str) -> Result<Option<Health>> {
        let (mut state, now) = self.transaction();
        let health = state.destinations.get(destination).and_then(|it| it.health.clone());
        if health.as_ref().is_some_and(|health| !health.is_over_with_an_answer(now)) {
            return Ok(health);
        }
        state.well_again(destination, now);
        Ok(None)
    }

    async fn take_probe(&self, destination: &str, lease_ms: Millis) -> Result<bool> {
        let (mut state, now) = self.transaction();
        let health = state.destinations.get_mut(destination).and_then(|it| it.health.as_mut());
        let due = health.filter(|health| health.is_due(now));
        Ok(due.map(|health| health.probe_until_ms = now + lease_ms).is_some())
    }

    async fn give_back_probe(&self, destination: &str) -> Result<Option<Health>> {
        let (mut state, _) = self.transaction();
        let health = state.destinations.get_mut(destination).and_then(|it| it.health.as_mut());
        Ok(health.map(|health| {
            health.probe_until_ms = 0;
            health.clone()
        }))
    }

    async fn open_destination(&self, connection: &ConnectionId, _: &str, _: &str) -> Result<Option<Health>> {
        let (mut state, now) = self.transaction();
        let known = state.connections.iter().find(|it| &it.record.id == connection);
        let known = known.ok_or_else(|| LedgerError::NotFound { what: format!("connection {connection}") })?;
        let Some(id) = known.record.destination.clone() else { return Ok(None) };
        let shut = state.shut(connection);
        if state.destinations.get(&id).is_some_and(|it| it.health.is_some()) {
            state.well_again(&id, now);
            state.change += 1;
        }
        Ok(shut)
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
        let (mut state, now) = self.transaction();
        let of = state.connections.iter().find(|it| &it.record.id == connection);
        let Some(id) = of.and_then(|it| it.record.destination.clone()) else {
            return Ok(self.claim_now(&mut state, connection, host, kind, limit, lease_ms, now));
        };
        let free = state.destinations.get(&id).map_or(now, |it| it.free_ms.max(now));
        let mut room = i64::from(limit);
        if let Some(interval) = limits.interval_ms {
            room = room.min((now + BURST_MS.max(interval) - free).max(0) / interval);
        }
        if let Some(most) = limits.at_once {
            let users = state.users_of(&id);
            let leased = state.passes.iter().filter(|(key, pass)| {
                let alive = pass.lease.as_ref().is_some_and(|lease| lease.until_ms >= now);
                users.contains(&key.order.connection) && alive && !pass.state.is_closed()
            });
            room = room.min(i64::from(most) - leased.count() as i64);
        }
        let claims = self.claim_now(&mut state, connection, host, kind, room.max(0) as u32, lease_ms, now);
        if let (Some(interval), Some(it)) = (limits.interval_ms, state.destinations.get_mut(&id))
            && !claims.is_empty()
        {
            it.free_ms = free + interval * claims.len() as i64;
        }
        Ok(claims)
    }

    async fn book_request(&self, destination: &str, interval_ms: Millis) -> Result<Millis> {
        let (mut state, now) = self.transaction();
        let Some(it) = state.destinations.get_mut(destination) else { return Ok(now) };
        let at = it.free_ms.max(now);
        it.free_ms = at + interval_ms;
        Ok(at)
    }

    async fn notices(&self) -> Result<Vec<Notice>> {
        let (state, _) = self.transaction();
        let all = state.notices.iter().map(|((connection, subject), since_ms)| Notice {
            connection: connection.clone(),
            subject: *subject,
            since_ms: *since_ms,
        });
        Ok(all.collect())
    }

    async fn raise_notice(&self, notice: &Notice, mail: Option<EffectBody>) -> Result<bool> {
        let (mut state, now) = self.transaction();
        let key = (notice.connection.clone(), notice.subject);
        if state.notices.contains_key(&key) {
            return Ok(false);
        }
        state.notices.insert(key, notice.since_ms);
        state.owe_mail(&notice.connection, mail, now);
        Ok(true)
    }

    async fn end_notice(&self, connection: &ConnectionId, subject: Subject, mail: Option<EffectBody>) -> Result<bool> {
        let (mut state, now) = self.transaction();
        let told = state.notices.remove(&(connection.clone(), subject)).is_some();
        if told {
            state.owe_mail(connection, mail, now);
        }
        Ok(told)
    }
}
