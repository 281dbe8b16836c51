//! The way to the database: every call takes time, may fail before or after it was carried out, and is never heard of again
//! by a host that died meanwhile.

use std::{future::Future, sync::Arc};

use async_trait::async_trait;
use orderdock::{
    domain::{
        breaker::{Health, Trouble},
        call::{Description, Tables},
        clock::Millis,
        decision::{Decision, Opening},
        id::{AttemptToken, ConnectionId, Digest, HostId, LeaseToken, OrderKey, PassKey, ShopId},
        judge::Confirmed,
        pass::PassState,
        transport::Phase,
    },
    ledger::{
        LedgerError, Result,
        activations::{Activation, Activations, NewActivation},
        connections::{
            Applied, ConnectionDraft, ConnectionRecord, ConnectionState, Connections, Intent, LeftIntent,
            ReleaseRecord, SealedSecret,
        },
        destinations::{Destinations, Limits, Notice, Subject, Unwell},
        effects::{EffectBody, EffectEnd, Effects, MailBatch, OwedByOrder},
        orders::{Orders, Pushed, PushedOrder, Recorded, SightBatch, Sweep, SweepKind},
        passes::{Claim, ClaimKind, Doubtful, Guard, Mapping, Move, Passes, To},
        reports::{AttemptRow, Backlog, Counts, OrderDetail, OrderFilter, OrderRow, Reports},
    },
};
use serde_json::Value;

use super::{
    run::Scene,
    world::{Away, Fate, Life},
};

/// One host's way to the database.
pub struct LedgerSeam {
    /// Where it leads.
    pub scene: Arc<Scene>,
    /// Whose way it is.
    pub fate: Arc<Fate>,
    /// Its name in the trace.
    pub host: String,
}

/// Every host of the simulation looks at the shop: what turns spare the shop, the ledger must stand without.
impl orderdock::ledger::fleet::Fleet for LedgerSeam {}

/// Nobody judges plugins in the simulation.
impl orderdock::ledger::admissions::Admissions for LedgerSeam {}
/// None is ever begun.
impl orderdock::ledger::canaries::Canaries for LedgerSeam {}
impl orderdock::ledger::publishers::Publishers for LedgerSeam {}

/// Nothing is run again here.
impl orderdock::ledger::recorded::Recorded for LedgerSeam {}

impl LedgerSeam {
    /// A question: it changes nothing.
    async fn ask<T>(&self, call: impl Future<Output = Result<T>> + Send) -> Result<T> {
        self.fate.alive().await;
        self.travel().await;
        if self.breaks() {
            return Err(unavailable());
        }
        let answer = call.await;
        self.fate.alive().await;
        answer
    }

    /// A transaction: it happens whole or not at all, and who asked may not learn which.
    async fn tell<T>(
        &self,
        name: &str,
        call: impl Future<Output = Result<T>> + Send,
        worth_a_line: impl Fn(&T) -> Option<String> + Send,
    ) -> Result<T> {
        let dice = &self.scene.dice;
        self.fate.alive().await;
        self.travel().await;
        if worth_striking(name) {
            self.scene.strike(&self.fate, &self.host);
        }
        let gone = self.fate.now() == Life::Dead && dice.chance(500);
        if gone || self.breaks() {
            self.fate.alive().await;
            return Err(unavailable());
        }
        let answer = call.await;
        match &answer {
            Ok(value) => {
                if let Some(line) = worth_a_line(value) {
                    self.scene.trace.note(format_args!("{} {name} {line}", self.host));
                }
            }
            Err(error) => self.scene.trace.note(format_args!("{} {name}: {error}", self.host)),
        }
        let in_doubt = self.breaks();
        self.travel().await;
        self.fate.alive().await;
        if in_doubt {
            self.scene.trace.note(format_args!("{} {name} was not confirmed", self.host));
            return Err(LedgerError::InDoubt("the answer to the commit was lost".to_owned()));
        }
        answer
    }

    async fn travel(&self) {
        let dice = &self.scene.dice;
        // Most answers come at once; an idle host's questions must not make a run long.
        if dice.chance(200) {
            tokio::time::sleep(dice.time(1, 40)).await;
        }
    }

    fn breaks(&self) -> bool {
        if self.scene.is_away(Away::Database) {
            return true;
        }
        self.scene.in_trouble() && self.scene.plan.ledger > 0 && self.scene.dice.chance(self.scene.plan.ledger)
    }

    /// A move, as the mutants see it.
    async fn moved(&self, mut change: Move) -> Result<()> {
        if self.scene.mutant.no_write_ahead {
            // The send is announced, and nothing of it is kept.
            if let To::Sending { .. } = change.to {
                return Ok(());
            }
            if change.from == PassState::Sending {
                change.from = PassState::Claimed;
                change.end = None;
            }
        }
        self.scene.model.apply(change).await
    }
}

/// Whether a call is part of somebody's work; what an idle host asks is not.
fn worth_striking(name: &str) -> bool {
    name.starts_with("moved") || matches!(name, "opened" | "paid")
}

fn unavailable() -> LedgerError {
    LedgerError::Unavailable { place: "simulated".to_owned(), reason: "it is away".to_owned() }
}

fn silent<T>(_: &T) -> Option<String> {
    None
}

fn plain<T>(_: &T) -> Option<String> {
    Some(String::new())
}

#[async_trait]
impl Activations for LedgerSeam {
    async fn activate(&self, wish: NewActivation) -> Result<Activation> {
        self.tell("activate", self.scene.model.activate(wish), plain).await
    }

    async fn activations(&self, id: &ConnectionId) -> Result<Vec<Activation>> {
        self.ask(self.scene.model.activations(id)).await
    }
}

#[async_trait]
impl Connections for LedgerSeam {
    async fn now_ms(&self) -> Result<Millis> {
        self.ask(self.scene.model.now_ms()).await
    }

    async fn change_number(&self) -> Result<u64> {
        self.ask(self.scene.model.change_number()).await
    }

    async fn apply_connection(&self, draft: ConnectionDraft) -> Result<Applied> {
        self.tell("apply", self.scene.model.apply_connection(draft), plain).await
    }

    async fn connections(&self, removed: bool) -> Result<Vec<ConnectionRecord>> {
        self.ask(self.scene.model.connections(removed)).await
    }

    async fn set_connection_state(&self, id: &ConnectionId, state: ConnectionState, by: &str, why: &str) -> Result<()> {
        self.tell("state", self.scene.model.set_connection_state(id, state, by, why), plain).await
    }

    async fn set_host_pause(&self, paused: bool, by: &str, why: &str) -> Result<()> {
        self.tell("pause", self.scene.model.set_host_pause(paused, by, why), plain).await
    }

    async fn host_pause(&self) -> Result<Option<String>> {
        self.ask(self.scene.model.host_pause()).await
    }

    async fn host_paused_since_ms(&self) -> Result<Option<Millis>> {
        self.ask(self.scene.model.host_paused_since_ms()).await
    }

    async fn secrets(&self, id: &ConnectionId) -> Result<Vec<SealedSecret>> {
        self.ask(self.scene.model.secrets(id)).await
    }

    async fn remember_login(&self, id: &ConnectionId, secret: SealedSecret, until_ms: Millis) -> Result<()> {
        self.tell("login", self.scene.model.remember_login(id, secret, until_ms), plain).await
    }

    async fn forget_login(&self, id: &ConnectionId, slot: &str) -> Result<()> {
        self.tell("forget login", self.scene.model.forget_login(id, slot), plain).await
    }

    async fn logins(&self, id: &ConnectionId) -> Result<Vec<SealedSecret>> {
        self.ask(self.scene.model.logins(id)).await
    }

    async fn plugin_settings(&self, id: &ConnectionId, revision: u32) -> Result<Value> {
        self.ask(self.scene.model.plugin_settings(id, revision)).await
    }

    async fn tables(&self, id: &ConnectionId, revision: u32) -> Result<Tables> {
        self.ask(self.scene.model.tables(id, revision)).await
    }

    async fn add_release(&self, digest: &Digest, bytes: &[u8], description: &Description, by: &str) -> Result<bool> {
        self.tell("release", self.scene.model.add_release(digest, bytes, description, by), plain).await
    }

    async fn releases(&self) -> Result<Vec<ReleaseRecord>> {
        self.ask(self.scene.model.releases()).await
    }

    async fn release_record(&self, digest: &Digest) -> Result<Option<ReleaseRecord>> {
        self.ask(self.scene.model.release_record(digest)).await
    }

    async fn release_bytes(&self, digest: &Digest) -> Result<Option<Vec<u8>>> {
        self.ask(self.scene.model.release_bytes(digest)).await
    }

    async fn leave_intent(&self, connection: &ConnectionId, intent: Intent, by: &str) -> Result<i64> {
        self.tell("intent", self.scene.model.leave_intent(connection, intent, by), plain).await
    }

    async fn take_intents(&self, host: &HostId, lease_ms: Millis) -> Result<Vec<LeftIntent>> {
        self.tell("take intents", self.scene.model.take_intents(host, lease_ms), |taken| {
            (!taken.is_empty()).then(|| format!("{}", taken.len()))
        })
        .await
    }

    async fn end_intent(&self, number: i64) -> Result<()> {
        self.tell("end intent", self.scene.model.end_intent(number), plain).await
    }

    async fn give_back_intent(&self, number: i64) -> Result<()> {
        self.tell("give back intent", self.scene.model.give_back_intent(number), plain).await
    }
}

#[async_trait]
impl Orders for LedgerSeam {
    async fn record_sights(&self, batch: SightBatch) -> Result<Vec<Recorded>> {
        self.tell("saw", self.scene.model.record_sights(batch), |all: &Vec<Recorded>| {
            let opened: Vec<String> = all
                .iter()
                .filter_map(|it| {
                    let opening = it.judgement.open.as_ref()?;
                    Some(format!("{}/{:?} {opening:?}", it.shop_order_id, it.opened))
                })
                .collect();
            (!opened.is_empty()).then(|| opened.join(", "))
        })
        .await
    }

    async fn record_sweep(&self, connection: &ConnectionId, shop: &ShopId, sweep: Sweep) -> Result<()> {
        self.tell("swept", self.scene.model.record_sweep(connection, shop, sweep), silent).await
    }

    async fn last_good_sweep(
        &self,
        connection: &ConnectionId,
        shop: &ShopId,
        kind: SweepKind,
    ) -> Result<Option<Sweep>> {
        self.ask(self.scene.model.last_good_sweep(connection, shop, kind)).await
    }

    async fn looked_once(&self, connection: &ConnectionId, shop: &ShopId) -> Result<bool> {
        self.ask(self.scene.model.looked_once(connection, shop)).await
    }

    async fn open_pass(&self, order: &OrderKey, after: u32, opening: Opening) -> Result<PassKey> {
        self.tell("opened", self.scene.model.open_pass(order, after, opening), |key: &PassKey| Some(short(key))).await
    }

    async fn decide(&self, order: &OrderKey, decision: Decision) -> Result<()> {
        self.tell("decided", self.scene.model.decide(order, decision), plain).await
    }

    async fn to_read_alone(&self, connection: &ConnectionId, shop: &ShopId, limit: u32) -> Result<Vec<String>> {
        self.ask(self.scene.model.to_read_alone(connection, shop, limit)).await
    }

    async fn push_order(&self, order: &OrderKey, json: &str, hash: &str, number: &str) -> Result<Pushed> {
        self.tell("pushed", self.scene.model.push_order(order, json, hash, number), plain).await
    }

    async fn pushed_order(&self, order: &OrderKey) -> Result<Option<PushedOrder>> {
        self.ask(self.scene.model.pushed_order(order)).await
    }

    async fn set_pushed_status(&self, order: &OrderKey, status: &str) -> Result<()> {
        self.tell("pushed status", self.scene.model.set_pushed_status(order, status), plain).await
    }

    async fn pushed_orders(
        &self,
        connection: &ConnectionId,
        shop: &ShopId,
        statuses: &[String],
        after: Option<&str>,
        limit: u32,
    ) -> Result<Vec<(String, PushedOrder)>> {
        self.ask(self.scene.model.pushed_orders(connection, shop, statuses, after, limit)).await
    }
}

/// A pass in the trace.
pub fn short(key: &PassKey) -> String {
    format!("{}/{}", key.order.shop_order_id, key.pass)
}

#[async_trait]
impl Passes for LedgerSeam {
    async fn claim(
        &self,
        connection: &ConnectionId,
        host: &HostId,
        kind: ClaimKind,
        limit: u32,
        lease_ms: Millis,
    ) -> Result<Vec<Claim>> {
        self.tell("claimed", self.scene.model.claim(connection, host, kind, limit, lease_ms), |claims: &Vec<Claim>| {
            let all: Vec<_> =
                claims.iter().map(|it| format!("{} ({})", short(&it.pass.key), it.pass.state.as_str())).collect();
            (!all.is_empty()).then(|| all.join(", "))
        })
        .await
    }

    async fn renew(&self, leases: &[(PassKey, LeaseToken)], lease_ms: Millis) -> Result<Vec<Option<Millis>>> {
        // Of one host's leases, which come in no particular order.
        self.tell("renewed", self.scene.model.renew(leases, lease_ms), |ends: &Vec<Option<Millis>>| {
            Some(format!("{} of {}", ends.iter().flatten().count(), ends.len()))
        })
        .await
    }

    async fn release(&self, pass: &PassKey, token: &LeaseToken) -> Result<()> {
        self.tell("gave back", self.scene.model.release(pass, token), |()| Some(short(pass))).await
    }

    async fn apply(&self, change: Move) -> Result<()> {
        let line = format!("{} {} -> {}", short(&change.pass), change.from.as_str(), change.to.state().as_str());
        let name = match &change.guard {
            Guard::Lease(_) => "moved",
            Guard::Attempt(_) | Guard::Reread(_) => "moved late",
        };
        self.tell(name, self.moved(change), |()| Some(line.clone())).await
    }

    async fn apply_and_lease(&self, change: Move, host: &HostId, lease_ms: Millis) -> Result<Option<OwedByOrder>> {
        if self.scene.mutant.no_write_ahead {
            return self.apply(change).await.map(|()| None);
        }
        let line = format!("{} {} -> {}", short(&change.pass), change.from.as_str(), change.to.state().as_str());
        let name = if matches!(change.guard, Guard::Lease(_)) { "moved" } else { "moved late" };
        self.tell(name, self.scene.model.apply_and_lease(change, host, lease_ms), |leased: &Option<OwedByOrder>| {
            let with = leased.as_ref().map_or(0, |owed| owed.effects.len());
            Some(format!("{line}, with {with} effects"))
        })
        .await
    }

    async fn set_phase(&self, pass: &PassKey, lease: &LeaseToken, attempt: &AttemptToken, phase: Phase) -> Result<()> {
        self.tell("phase", self.scene.model.set_phase(pass, lease, attempt, phase), |()| Some(short(pass))).await
    }

    async fn note(&self, pass: &PassKey, lines: Vec<String>) -> Result<()> {
        self.tell("noted", self.scene.model.note(pass, lines), |()| Some(short(pass))).await
    }

    async fn mapped_order(&self, pass: &PassKey) -> Result<Option<String>> {
        self.ask(self.scene.model.mapped_order(pass)).await
    }

    async fn newest_attempt_ms(&self, connection: &ConnectionId) -> Result<Option<Millis>> {
        self.ask(self.scene.model.newest_attempt_ms(connection)).await
    }

    async fn doubtful(&self, pass: &PassKey) -> Result<Option<Doubtful>> {
        self.ask(self.scene.model.doubtful(pass)).await
    }

    async fn next_due_ms(&self, connection: &ConnectionId) -> Result<Option<Millis>> {
        self.ask(self.scene.model.next_due_ms(connection)).await
    }
}

#[async_trait]
impl Effects for LedgerSeam {
    async fn claim_effects(
        &self,
        connection: &ConnectionId,
        host: &HostId,
        limit: u32,
        lease_ms: Millis,
    ) -> Result<Vec<OwedByOrder>> {
        let claim = self.scene.model.claim_effects(connection, host, limit, lease_ms);
        self.tell("claimed effects", claim, |all: &Vec<OwedByOrder>| {
            let all: Vec<_> =
                all.iter().map(|it| format!("{} ({})", it.order.shop_order_id, it.effects.len())).collect();
            (!all.is_empty()).then(|| all.join(", "))
        })
        .await
    }

    async fn finish_effects(
        &self,
        order: &OrderKey,
        token: &LeaseToken,
        ends: Vec<(i64, EffectEnd)>,
        confirmed: Option<Confirmed>,
        timeline: Vec<(u32, String)>,
    ) -> Result<()> {
        let line = format!("{} {ends:?} {confirmed:?}", order.shop_order_id);
        let finish = self.scene.model.finish_effects(order, token, ends, confirmed, timeline);
        self.tell("paid", finish, |()| Some(line.clone())).await
    }

    async fn claim_mails(&self, host: &HostId, gather_ms: Millis, lease_ms: Millis) -> Result<Vec<MailBatch>> {
        self.tell("claimed mails", self.scene.model.claim_mails(host, gather_ms, lease_ms), |all: &Vec<MailBatch>| {
            (!all.is_empty()).then(|| format!("{}", all.len()))
        })
        .await
    }

    async fn finish_mails(&self, batch: &MailBatch, end: EffectEnd) -> Result<()> {
        self.tell("mailed", self.scene.model.finish_mails(batch, end), plain).await
    }

    async fn next_effect_ms(&self) -> Result<Option<Millis>> {
        self.ask(self.scene.model.next_effect_ms()).await
    }
}

#[async_trait]
impl Reports for LedgerSeam {
    async fn orders(&self, filter: OrderFilter) -> Result<Vec<OrderRow>> {
        self.ask(self.scene.model.orders(filter)).await
    }

    async fn order(&self, key: &OrderKey) -> Result<Option<OrderDetail>> {
        self.ask(self.scene.model.order(key)).await
    }

    async fn attempts(
        &self,
        connection: Option<&ConnectionId>,
        since_ms: Millis,
        limit: u32,
    ) -> Result<Vec<AttemptRow>> {
        self.ask(self.scene.model.attempts(connection, since_ms, limit)).await
    }

    async fn counts(&self, connection: &ConnectionId) -> Result<Counts> {
        self.ask(self.scene.model.counts(connection)).await
    }

    async fn backlog(&self) -> Result<Backlog> {
        self.ask(self.scene.model.backlog()).await
    }

    async fn mappings(&self, release: &Digest, since_ms: Millis, limit: u32) -> Result<Vec<Mapping>> {
        self.ask(self.scene.model.mappings(release, since_ms, limit)).await
    }

    async fn sweeps(&self, connection: &ConnectionId, shop: &ShopId, limit: u32) -> Result<Vec<Sweep>> {
        self.ask(self.scene.model.sweeps(connection, shop, limit)).await
    }

    async fn done_with(&self, attempts: &[AttemptToken]) -> Result<Vec<AttemptToken>> {
        self.ask(self.scene.model.done_with(attempts)).await
    }

    async fn expire_bodies(&self, closed_before_ms: Millis, limit: u32) -> Result<u64> {
        self.tell("cleaned", self.scene.model.expire_bodies(closed_before_ms, limit), silent).await
    }
}

#[async_trait]
impl Destinations for LedgerSeam {
    async fn use_destination(&self, connection: &ConnectionId, destination: Option<(&str, &str)>) -> Result<()> {
        self.tell("sends to", self.scene.model.use_destination(connection, destination), plain).await
    }

    async fn unwell(&self) -> Result<Vec<Unwell>> {
        self.ask(self.scene.model.unwell()).await
    }

    async fn note_trouble(&self, destination: &str, trouble: &Trouble) -> Result<Health> {
        self.tell("erp in trouble", self.scene.model.note_trouble(destination, trouble), |health: &Health| {
            Some(format!("{health:?}"))
        })
        .await
    }

    async fn note_answer(&self, destination: &str) -> Result<Option<Health>> {
        self.tell("erp answered", self.scene.model.note_answer(destination), |health: &Option<Health>| {
            Some(format!("{health:?}"))
        })
        .await
    }

    async fn take_probe(&self, destination: &str, lease_ms: Millis) -> Result<bool> {
        self.tell("tries the erp", self.scene.model.take_probe(destination, lease_ms), |ours: &bool| {
            ours.then(String::new)
        })
        .await
    }

    async fn give_back_probe(&self, destination: &str) -> Result<Option<Health>> {
        self.tell("found out nothing of the erp", self.scene.model.give_back_probe(destination), plain).await
    }

    async fn open_destination(&self, connection: &ConnectionId, by: &str, why: &str) -> Result<Option<Health>> {
        self.tell("opened erp", self.scene.model.open_destination(connection, by, why), silent).await
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
        self.tell(
            "claimed within",
            self.scene.model.claim_within(connection, host, kind, limit, lease_ms, limits),
            silent,
        )
        .await
    }

    async fn book_request(&self, destination: &str, interval_ms: Millis) -> Result<Millis> {
        self.tell("booked", self.scene.model.book_request(destination, interval_ms), silent).await
    }

    async fn notices(&self) -> Result<Vec<Notice>> {
        self.ask(self.scene.model.notices()).await
    }

    async fn raise_notice(&self, notice: &Notice, mail: Option<EffectBody>) -> Result<bool> {
        self.tell("told people", self.scene.model.raise_notice(notice, mail), |new: &bool| new.then(String::new)).await
    }

    async fn end_notice(&self, connection: &ConnectionId, subject: Subject, mail: Option<EffectBody>) -> Result<bool> {
        self.tell("told people of the end", self.scene.model.end_notice(connection, subject, mail), |ended: &bool| {
            ended.then(String::new)
        })
        .await
    }
}
