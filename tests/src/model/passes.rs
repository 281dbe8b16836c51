//! Claims and leases.

use async_trait::async_trait;
use orderdock::{
    domain::{
        call::Purpose,
        clock::Millis,
        decision::Opening,
        id::{AttemptToken, ConnectionId, HostId, LeaseToken, PassKey},
        pass::PassState,
        random,
        transport::Phase,
    },
    ledger::{
        LedgerError, Result,
        connections::{ConnectionState, SealedSecret},
        effects::OwedByOrder,
        passes::{Claim, ClaimKind, Doubtful, Move, OpenAttempt, Pass, Passes},
    },
};

use super::{
    ModelLedger, pass_name,
    state::{Lease, State, StoredPass},
};

pub fn lost(pass: &PassKey) -> LedgerError {
    LedgerError::Lost { what: pass_name(pass) }
}

impl StoredPass {
    fn is_being_worked_on(&self) -> bool {
        matches!(self.state, PassState::Claimed | PassState::Mapped | PassState::Sending)
    }

    fn is_looked_at(&self) -> bool {
        matches!(self.state, PassState::Unknown | PassState::Awaiting)
    }

    /// When its lease runs out; one that was given back ran out long ago.
    fn lease_until_ms(&self) -> Millis {
        self.lease.as_ref().map_or(0, |lease| lease.until_ms)
    }

    /// The attempt that it is on.
    fn attempt(&self) -> Option<OpenAttempt> {
        let at = self.attempts.iter().position(|it| Some(&it.token) == self.attempt_token.as_ref())?;
        let it = self.attempts.get(at)?;
        let alike = self.attempts.iter().filter(|other| other.step == it.step && other.purpose == it.purpose);
        Some(OpenAttempt {
            number: at as u32 + 1,
            token: it.token.clone(),
            step: it.step,
            purpose: it.purpose,
            phase: it.phase,
            recorded_ms: it.recorded_ms,
            first_recorded_ms: alike.map(|it| it.recorded_ms).min().unwrap_or(it.recorded_ms),
            settled_by_ms: it.settled_by_ms,
            repeat: it.repeat,
            recovery: it.recovery.clone(),
        })
    }

    pub fn holds(&self, token: &LeaseToken) -> bool {
        self.lease.as_ref().is_some_and(|lease| &lease.token == token)
    }
}

impl State {
    /// What may be claimed now, in the order in which it is: what was left behind first, each by the time that it is due.
    fn claimable(&self, connection: &ConnectionId, kind: ClaimKind, now: Millis) -> Vec<PassKey> {
        let active =
            self.connections.iter().any(|it| &it.record.id == connection && it.record.state == ConnectionState::Active);
        let open = self.shut(connection).is_none_or(|shut| shut.is_due(now));
        let mut all: Vec<(u8, Millis, PassKey)> = Vec::new();
        for (key, pass) in self.passes.iter().filter(|(key, _)| &key.order.connection == connection) {
            let over = pass.lease_until_ms() < now;
            match kind {
                ClaimKind::Work | ClaimKind::LeftBehind if pass.is_being_worked_on() && over => {
                    all.push((0, pass.lease_until_ms(), key.clone()));
                }
                ClaimKind::Work if pass.state == PassState::Waiting && pass.not_before_ms <= now && active && open => {
                    all.push((1, pass.not_before_ms, key.clone()));
                }
                ClaimKind::Look if pass.is_looked_at() && pass.not_before_ms <= now && over => {
                    all.push((2, pass.not_before_ms, key.clone()));
                }
                _ => {}
            }
        }
        all.sort();
        all.into_iter().map(|(.., key)| key).collect()
    }

    fn take(&mut self, key: &PassKey, lease: Lease, now: Millis) -> Option<Claim> {
        let pass = self.passes.get_mut(key)?;
        if matches!(pass.state, PassState::Claimed | PassState::Mapped) && !pass.sent && pass.lease.is_some() {
            pass.takeovers += 1;
        }
        if pass.state == PassState::Waiting {
            pass.state = PassState::Claimed;
            pass.state_ms = now;
        }
        pass.lease = Some(lease.clone());
        let on_one = matches!(pass.state, PassState::Sending | PassState::Unknown | PassState::Awaiting);
        let attempt = if on_one { pass.attempt() } else { None };
        Some(Claim { token: lease.token, until_ms: lease.until_ms, pass: self.whole(key)?, attempt, logins: None })
    }

    /// A pass as workers get it.
    fn whole(&self, key: &PassKey) -> Option<Pass> {
        let mut pass = shown(key, self.passes.get(key)?);
        if pass.inherits_unknown {
            let earlier = || self.passes.iter().filter(|(it, _)| it.order == key.order && it.pass < key.pass);
            pass.earlier_settled_ms = earlier().flat_map(|(_, it)| &it.attempts).map(|it| it.settled_by_ms).max();
            let last_sent = earlier().filter(|(_, it)| it.sent).max_by_key(|(it, _)| it.pass);
            pass.earlier_state = last_sent.and_then(|(_, it)| it.sealed_state.clone());
        }
        Some(pass)
    }

    fn doubtful(&self, key: &PassKey) -> Option<Doubtful> {
        let stored = self.passes.get(key)?;
        if !matches!(stored.state, PassState::Unknown | PassState::GivenUp) {
            return None;
        }
        let attempt = stored.attempt()?;
        // A look-up's answer says nothing of the send.
        let brought = stored.attempts.iter().enumerate().rev().find(|(at, it)| {
            let unknown = it.end.as_ref().is_some_and(|(outcome, _)| outcome == "unknown");
            *at as u32 + 1 >= attempt.number && it.purpose != Purpose::LookUp && unknown && stored.bodies
        });
        let answered = brought.map_or(attempt.number, |(at, _)| at as u32 + 1);
        let answer = brought.and_then(|(_, it)| it.answer.clone());
        Some(Doubtful { pass: self.whole(key)?, attempt, answered, answer })
    }
}

/// A pass's own row.
fn shown(key: &PassKey, pass: &StoredPass) -> Pass {
    Pass {
        key: key.clone(),
        order_number: pass.order_number.clone(),
        state: pass.state,
        opened_ms: pass.opened_ms,
        not_before_ms: pass.not_before_ms,
        because: pass.because.clone(),
        pins: pass.pins.clone(),
        step: pass.step,
        delivery: pass.delivery.clone().filter(|_| pass.pins.is_some()),
        sealed_state: pass.sealed_state.clone(),
        idempotency_key: pass.idempotency_key.clone(),
        document_number: pass.document_number,
        mapped_at_ms: pass.mapped_at_ms,
        awaiting: pass.awaiting.clone(),
        deadline_ms: pass.deadline_ms,
        retry_since_ms: pass.retry_since_ms,
        tried_ms: pass.tried_ms,
        retries: pass.retries,
        takeovers: pass.takeovers,
        attempts: pass.attempts.len() as u32,
        sent: pass.sent,
        by_intent: matches!(pass.opening, Opening::Intent { .. }),
        inherits_unknown: pass.inherits_unknown,
        earlier_settled_ms: None,
        earlier_state: None,
        previous: pass.previous.clone(),
    }
}

impl ModelLedger {
    /// Claims, within a transaction.
    #[expect(clippy::too_many_arguments, reason = "what a claim is made of, and the transaction")]
    pub fn claim_now(
        &self,
        state: &mut State,
        connection: &ConnectionId,
        host: &HostId,
        kind: ClaimKind,
        limit: u32,
        lease_ms: Millis,
        now: Millis,
    ) -> Vec<Claim> {
        let stem = random::token(self.random.as_ref());
        let due: Vec<_> = state.claimable(connection, kind, now).into_iter().take(limit as usize).collect();
        let mut claims: Vec<Claim> = due
            .iter()
            .filter_map(|key| {
                let token = LeaseToken(format!("{stem}-{}-{}", key.pass, key.order.shop_order_id));
                state.take(key, Lease { token, host: host.clone(), until_ms: now + lease_ms }, now)
            })
            .collect();
        let alive = |((of, _), (_, until)): &(&(ConnectionId, String), &(SealedSecret, Millis))| {
            of == connection && *until > now
        };
        let logins: Vec<_> = state.logins.iter().filter(alive).map(|(_, (secret, _))| secret.clone()).collect();
        claims.iter_mut().for_each(|claim| claim.logins = Some(logins.clone()));
        claims.sort_by_key(|claim| (claim.pass.not_before_ms, claim.pass.opened_ms));
        claims
    }
}

#[async_trait]
impl Passes for ModelLedger {
    async fn claim(
        &self,
        connection: &ConnectionId,
        host: &HostId,
        kind: ClaimKind,
        limit: u32,
        lease_ms: Millis,
    ) -> Result<Vec<Claim>> {
        let (mut state, now) = self.transaction();
        Ok(self.claim_now(&mut state, connection, host, kind, limit, lease_ms, now))
    }

    async fn renew(&self, leases: &[(PassKey, LeaseToken)], lease_ms: Millis) -> Result<Vec<Option<Millis>>> {
        let (mut state, now) = self.transaction();
        let until = now + lease_ms;
        let renewed = leases.iter().map(|(key, token)| {
            let lease = state.passes.get_mut(key).filter(|it| it.holds(token))?.lease.as_mut()?;
            lease.until_ms = until;
            Some(until)
        });
        Ok(renewed.collect())
    }

    async fn release(&self, pass: &PassKey, token: &LeaseToken) -> Result<()> {
        let (mut state, _) = self.transaction();
        let stored = state.passes.get_mut(pass).filter(|it| it.holds(token)).ok_or_else(|| lost(pass))?;
        stored.lease = None;
        Ok(())
    }

    async fn apply(&self, change: Move) -> Result<()> {
        let (mut state, now) = self.transaction();
        let asked_token = AttemptToken(random::token(self.random.as_ref()));
        state.apply(&change, asked_token, now, self.fence)
    }

    async fn apply_and_lease(&self, change: Move, _: &HostId, lease_ms: Millis) -> Result<Option<OwedByOrder>> {
        let (mut state, now) = self.transaction();
        let asked_token = AttemptToken(random::token(self.random.as_ref()));
        let token = LeaseToken(random::token(self.random.as_ref()));
        let order = &change.pass.order;
        let free = state.owes_nothing(order, now);
        state.apply(&change, asked_token, now, self.fence)?;
        Ok(if free { state.lease_effects(order, token, now, lease_ms) } else { None })
    }

    async fn set_phase(&self, pass: &PassKey, lease: &LeaseToken, attempt: &AttemptToken, phase: Phase) -> Result<()> {
        let (mut state, _) = self.transaction();
        let stored = state.passes.get_mut(pass).ok_or_else(|| lost(pass))?;
        let on_it = stored.state == PassState::Sending && stored.holds(lease);
        if !on_it || stored.attempt_token.as_ref() != Some(attempt) {
            return Err(lost(pass));
        }
        let open = stored.attempts.iter_mut().find(|it| &it.token == attempt && it.end.is_none());
        open.ok_or_else(|| lost(pass))?.phase = phase;
        Ok(())
    }

    async fn note(&self, pass: &PassKey, lines: Vec<String>) -> Result<()> {
        let (mut state, now) = self.transaction();
        for line in lines {
            state.line(pass, now, line);
        }
        Ok(())
    }

    async fn mapped_order(&self, pass: &PassKey) -> Result<Option<String>> {
        Ok(self.transaction().0.passes.get(pass).and_then(|it| it.mapped_order.clone()))
    }

    async fn newest_attempt_ms(&self, connection: &ConnectionId) -> Result<Option<Millis>> {
        let (state, _) = self.transaction();
        let mine = state.passes.iter().filter(|(key, _)| &key.order.connection == connection);
        Ok(mine.flat_map(|(_, it)| &it.attempts).map(|it| it.recorded_ms).max())
    }

    async fn doubtful(&self, pass: &PassKey) -> Result<Option<Doubtful>> {
        Ok(self.transaction().0.doubtful(pass))
    }

    async fn next_due_ms(&self, connection: &ConnectionId) -> Result<Option<Millis>> {
        let (state, _) = self.transaction();
        let mine = state.passes.iter().filter(|(key, _)| &key.order.connection == connection).map(|(_, it)| it);
        let due = mine.filter_map(|it| match it.state {
            PassState::Waiting => Some(it.not_before_ms),
            // A lease is over one millisecond after its end.
            _ if it.is_being_worked_on() => Some(it.lease_until_ms() + 1),
            _ if it.is_looked_at() => Some(match &it.lease {
                Some(lease) if lease.until_ms >= it.not_before_ms => lease.until_ms + 1,
                _ => it.not_before_ms,
            }),
            _ => None,
        });
        Ok(due.min())
    }
}
