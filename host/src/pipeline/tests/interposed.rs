//! The real ledger with the test in between: before each call that a test named, its hook runs and may refuse the call.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use futures_util::future::BoxFuture;

use crate::{
    domain::{
        breaker::{Health, Trouble},
        call::{Description, Tables},
        clock::Millis,
        decision::{Decision, Opening},
        id::{AttemptToken, ConnectionId, Digest, HostId, LeaseToken, OrderKey, PassKey, ShopId},
        judge::Confirmed,
        transport::Phase,
    },
    ledger::{
        Ledger, LedgerError, Result,
        activations::{Activation, Activations, NewActivation},
        canaries::Canaries,
        connections::*,
        destinations::*,
        effects::{EffectBody, EffectEnd, Effects, MailBatch, OwedByOrder},
        fleet::Fleet,
        orders::*,
        passes::{Claim, ClaimKind, Doubtful, Mapping, Move, Passes},
        reports::*,
    },
};

/// Given a call's name (`apply:sending`, `set_phase`, `logins` …), runs before it; an error stands for the call.
pub type Hook = Box<dyn Fn(&str) -> BoxFuture<'static, Result<()>> + Send + Sync>;

/// The ledger.
pub struct Interposed {
    inner: Arc<dyn Ledger>,
    hook: Mutex<Option<Arc<Hook>>>,
}

/// The database is gone for a moment.
pub fn gone() -> LedgerError {
    LedgerError::Unavailable { place: "the test's".to_owned(), reason: "it is locked".to_owned() }
}

/// One host, alone.
impl Fleet for Interposed {}

impl crate::ledger::admissions::Admissions for Interposed {}
/// None is ever begun.
impl Canaries for Interposed {}
impl crate::ledger::publishers::Publishers for Interposed {}

/// Nothing is run again here.
impl crate::ledger::recorded::Recorded for Interposed {}

impl Interposed {
    pub fn new(inner: Arc<dyn Ledger>) -> Self {
        Self { inner, hook: Mutex::default() }
    }

    /// From now on this runs before each call.
    pub fn before(&self, hook: Hook) {
        *self.hook.lock().unwrap() = Some(Arc::new(hook));
    }

    /// Only the named call is met, and only its first `times`; `then` runs and its result stands for the call.
    pub fn meet<F>(&self, name: &'static str, times: usize, then: impl Fn() -> F + Send + Sync + 'static)
    where
        F: Future<Output = Result<()>> + Send + 'static,
    {
        let left = Mutex::new(times);
        self.before(Box::new(move |called| {
            let mut left = left.lock().unwrap();
            if called != name || *left == 0 {
                return Box::pin(async { Ok(()) });
            }
            *left -= 1;
            Box::pin(then())
        }));
    }

    async fn called(&self, name: &str) -> Result<()> {
        let hook = self.hook.lock().unwrap().clone();
        match hook {
            Some(hook) => hook(name).await,
            None => Ok(()),
        }
    }
}

#[async_trait]
impl Activations for Interposed {
    async fn activate(&self, wish: NewActivation) -> Result<Activation> {
        self.called("activate").await?;
        self.inner.activate(wish).await
    }

    async fn activations(&self, id: &ConnectionId) -> Result<Vec<Activation>> {
        self.called("activations").await?;
        self.inner.activations(id).await
    }
}

#[async_trait]
impl Connections for Interposed {
    async fn now_ms(&self) -> Result<Millis> {
        self.called("now_ms").await?;
        self.inner.now_ms().await
    }
    async fn change_number(&self) -> Result<u64> {
        self.called("change_number").await?;
        self.inner.change_number().await
    }
    async fn apply_connection(&self, draft: ConnectionDraft) -> Result<Applied> {
        self.called("apply_connection").await?;
        self.inner.apply_connection(draft).await
    }
    async fn connections(&self, removed: bool) -> Result<Vec<ConnectionRecord>> {
        self.called("connections").await?;
        self.inner.connections(removed).await
    }
    async fn set_connection_state(&self, id: &ConnectionId, state: ConnectionState, by: &str, why: &str) -> Result<()> {
        self.called("set_connection_state").await?;
        self.inner.set_connection_state(id, state, by, why).await
    }
    async fn set_host_pause(&self, paused: bool, by: &str, why: &str) -> Result<()> {
        self.called("set_host_pause").await?;
        self.inner.set_host_pause(paused, by, why).await
    }
    async fn host_pause(&self) -> Result<Option<String>> {
        self.called("host_pause").await?;
        self.inner.host_pause().await
    }
    async fn host_paused_since_ms(&self) -> Result<Option<Millis>> {
        self.called("host_paused_since_ms").await?;
        self.inner.host_paused_since_ms().await
    }
    async fn secrets(&self, id: &ConnectionId) -> Result<Vec<SealedSecret>> {
        self.called("secrets").await?;
        self.inner.secrets(id).await
    }
    async fn remember_login(&self, id: &ConnectionId, secret: SealedSecret, until_ms: Millis) -> Result<()> {
        self.called("remember_login").await?;
        self.inner.remember_login(id, secret, until_ms).await
    }
    async fn forget_login(&self, id: &ConnectionId, slot: &str) -> Result<()> {
        self.called("forget_login").await?;
        self.inner.forget_login(id, slot).await
    }
    async fn logins(&self, id: &ConnectionId) -> Result<Vec<SealedSecret>> {
        self.called("logins").await?;
        self.inner.logins(id).await
    }
    async fn plugin_settings(&self, id: &ConnectionId, revision: u32) -> Result<serde_json::Value> {
        self.called("plugin_settings").await?;
        self.inner.plugin_settings(id, revision).await
    }
    async fn tables(&self, id: &ConnectionId, revision: u32) -> Result<Tables> {
        self.called("tables").await?;
        self.inner.tables(id, revision).await
    }
    async fn add_release(&self, digest: &Digest, bytes: &[u8], description: &Description, by: &str) -> Result<bool> {
        self.called("add_release").await?;
        self.inner.add_release(digest, bytes, description, by).await
    }
    async fn releases(&self) -> Result<Vec<ReleaseRecord>> {
        self.called("releases").await?;
        self.inner.releases().await
    }
    async fn release_record(&self, digest: &Digest) -> Result<Option<ReleaseRecord>> {
        self.called("release_record").await?;
        self.inner.release_record(digest).await
    }
    async fn release_bytes(&self, digest: &Digest) -> Result<Option<Vec<u8>>> {
        self.called("release_bytes").await?;
        self.inner.release_bytes(digest).await
    }
    async fn leave_intent(&self, connection: &ConnectionId, intent: Intent, by: &str) -> Result<i64> {
        self.called("leave_intent").await?;
        self.inner.leave_intent(connection, intent, by).await
    }
    async fn take_intents(&self, host: &HostId, lease_ms: Millis) -> Result<Vec<LeftIntent>> {
        self.called("take_intents").await?;
        self.inner.take_intents(host, lease_ms).await
    }
    async fn end_intent(&self, number: i64) -> Result<()> {
        self.called("end_intent").await?;
        self.inner.end_intent(number).await
    }
    async fn give_back_intent(&self, number: i64) -> Result<()> {
        self.called("give_back_intent").await?;
        self.inner.give_back_intent(number).await
    }
    async fn ended(&self) {
        self.inner.ended().await;
    }
}

#[async_trait]
impl Orders for Interposed {
    async fn record_sights(&self, batch: SightBatch) -> Result<Vec<Recorded>> {
        self.called("record_sights").await?;
        self.inner.record_sights(batch).await
    }
    async fn record_sweep(&self, connection: &ConnectionId, shop: &ShopId, sweep: Sweep) -> Result<()> {
        self.called("record_sweep").await?;
        self.inner.record_sweep(connection, shop, sweep).await
    }
    async fn last_good_sweep(
        &self,
        connection: &ConnectionId,
        shop: &ShopId,
        kind: SweepKind,
    ) -> Result<Option<Sweep>> {
        self.called("last_good_sweep").await?;
        self.inner.last_good_sweep(connection, shop, kind).await
    }
    async fn looked_once(&self, connection: &ConnectionId, shop: &ShopId) -> Result<bool> {
        self.called("looked_once").await?;
        self.inner.looked_once(connection, shop).await
    }
    async fn open_pass(&self, order: &OrderKey, after: u32, opening: Opening) -> Result<PassKey> {
        self.called("open_pass").await?;
        self.inner.open_pass(order, after, opening).await
    }
    async fn decide(&self, order: &OrderKey, decision: Decision) -> Result<()> {
        self.called("decide").await?;
        self.inner.decide(order, decision).await
    }
    async fn to_read_alone(&self, connection: &ConnectionId, shop: &ShopId, limit: u32) -> Result<Vec<String>> {
        self.called("to_read_alone").await?;
        self.inner.to_read_alone(connection, shop, limit).await
    }
    async fn push_order(&self, order: &OrderKey, json: &str, content_hash: &str, order_number: &str) -> Result<Pushed> {
        self.called("push_order").await?;
        self.inner.push_order(order, json, content_hash, order_number).await
    }
    async fn pushed_order(&self, order: &OrderKey) -> Result<Option<PushedOrder>> {
        self.called("pushed_order").await?;
        self.inner.pushed_order(order).await
    }
    async fn set_pushed_status(&self, order: &OrderKey, status: &str) -> Result<()> {
        self.called("set_pushed_status").await?;
        self.inner.set_pushed_status(order, status).await
    }
    async fn pushed_orders(
        &self,
        connection: &ConnectionId,
        shop: &ShopId,
        statuses: &[String],
        after: Option<&str>,
        limit: u32,
    ) -> Result<Vec<(String, PushedOrder)>> {
        self.called("pushed_orders").await?;
        self.inner.pushed_orders(connection, shop, statuses, after, limit).await
    }
}

#[async_trait]
impl Passes for Interposed {
    async fn claim(
        &self,
        connection: &ConnectionId,
        host: &HostId,
        kind: ClaimKind,
        limit: u32,
        lease_ms: Millis,
    ) -> Result<Vec<Claim>> {
        self.called("claim").await?;
        self.inner.claim(connection, host, kind, limit, lease_ms).await
    }
    async fn renew(&self, leases: &[(PassKey, LeaseToken)], lease_ms: Millis) -> Result<Vec<Option<Millis>>> {
        self.called("renew").await?;
        self.inner.renew(leases, lease_ms).await
    }
    async fn release(&self, pass: &PassKey, token: &LeaseToken) -> Result<()> {
        self.called("release").await?;
        self.inner.release(pass, token).await
    }
    async fn apply(&self, change: Move) -> Result<()> {
        self.called(&format!("apply:{}", change.to.state().as_str())).await?;
        self.inner.apply(change).await
    }
    async fn set_phase(&self, pass: &PassKey, lease: &LeaseToken, attempt: &AttemptToken, phase: Phase) -> Result<()> {
        self.called("set_phase").await?;
        self.inner.set_phase(pass, lease, attempt, phase).await
    }
    async fn note(&self, pass: &PassKey, lines: Vec<String>) -> Result<()> {
        self.called("note").await?;
        self.inner.note(pass, lines).await
    }
    async fn mapped_order(&self, pass: &PassKey) -> Result<Option<String>> {
        self.called("mapped_order").await?;
        self.inner.mapped_order(pass).await
    }
    async fn newest_attempt_ms(&self, connection: &ConnectionId) -> Result<Option<Millis>> {
        self.called("newest_attempt_ms").await?;
        self.inner.newest_attempt_ms(connection).await
    }
    async fn doubtful(&self, pass: &PassKey) -> Result<Option<Doubtful>> {
        self.called("doubtful").await?;
        self.inner.doubtful(pass).await
    }
    async fn next_due_ms(&self, connection: &ConnectionId) -> Result<Option<Millis>> {
        self.called("next_due_ms").await?;
        self.inner.next_due_ms(connection).await
    }
}

#[async_trait]
impl Effects for Interposed {
    async fn claim_effects(
        &self,
        connection: &ConnectionId,
        host: &HostId,
        limit: u32,
        lease_ms: Millis,
    ) -> Result<Vec<OwedByOrder>> {
        self.called("claim_effects").await?;
        self.inner.claim_effects(connection, host, limit, lease_ms).await
    }
    async fn finish_effects(
        &self,
        order: &OrderKey,
        token: &LeaseToken,
        ends: Vec<(i64, EffectEnd)>,
        confirmed: Option<Confirmed>,
        timeline: Vec<(u32, String)>,
    ) -> Result<()> {
        self.called("finish_effects").await?;
        self.inner.finish_effects(order, token, ends, confirmed, timeline).await
    }
    async fn claim_mails(&self, host: &HostId, gather_ms: Millis, lease_ms: Millis) -> Result<Vec<MailBatch>> {
        self.called("claim_mails").await?;
        self.inner.claim_mails(host, gather_ms, lease_ms).await
    }
    async fn finish_mails(&self, batch: &MailBatch, end: EffectEnd) -> Result<()> {
        self.called("finish_mails").await?;
        self.inner.finish_mails(batch, end).await
    }
    async fn next_effect_ms(&self) -> Result<Option<Millis>> {
        self.called("next_effect_ms").await?;
        self.inner.next_effect_ms().await
    }
}

#[async_trait]
impl Reports for Interposed {
    async fn orders(&self, filter: OrderFilter) -> Result<Vec<OrderRow>> {
        self.called("orders").await?;
        self.inner.orders(filter).await
    }
    async fn order(&self, key: &OrderKey) -> Result<Option<OrderDetail>> {
        self.called("order").await?;
        self.inner.order(key).await
    }
    async fn attempts(
        &self,
        connection: Option<&ConnectionId>,
        since_ms: Millis,
        limit: u32,
    ) -> Result<Vec<AttemptRow>> {
        self.called("attempts").await?;
        self.inner.attempts(connection, since_ms, limit).await
    }
    async fn counts(&self, connection: &ConnectionId) -> Result<Counts> {
        self.called("counts").await?;
        self.inner.counts(connection).await
    }
    async fn backlog(&self) -> Result<Backlog> {
        self.called("backlog").await?;
        self.inner.backlog().await
    }
    async fn mappings(&self, release: &Digest, since_ms: Millis, limit: u32) -> Result<Vec<Mapping>> {
        self.called("mappings").await?;
        self.inner.mappings(release, since_ms, limit).await
    }
    async fn sweeps(&self, connection: &ConnectionId, shop: &ShopId, limit: u32) -> Result<Vec<Sweep>> {
        self.called("sweeps").await?;
        self.inner.sweeps(connection, shop, limit).await
    }
    async fn done_with(&self, attempts: &[AttemptToken]) -> Result<Vec<AttemptToken>> {
        self.called("done_with").await?;
        self.inner.done_with(attempts).await
    }
    async fn expire_bodies(&self, closed_before_ms: Millis, limit: u32) -> Result<u64> {
        self.called("expire_bodies").await?;
        self.inner.expire_bodies(closed_before_ms, limit).await
    }
}

#[async_trait]
impl Destinations for Interposed {
    async fn use_destination(&self, connection: &ConnectionId, destination: Option<(&str, &str)>) -> Result<()> {
        self.called("use_destination").await?;
        self.inner.use_destination(connection, destination).await
    }
    async fn unwell(&self) -> Result<Vec<Unwell>> {
        self.called("unwell").await?;
        self.inner.unwell().await
    }
    async fn note_trouble(&self, destination: &str, trouble: &Trouble) -> Result<Health> {
        self.called("note_trouble").await?;
        self.inner.note_trouble(destination, trouble).await
    }
    async fn note_answer(&self, destination: &str) -> Result<Option<Health>> {
        self.called("note_answer").await?;
        self.inner.note_answer(destination).await
    }
    async fn take_probe(&self, destination: &str, lease_ms: Millis) -> Result<bool> {
        self.called("take_probe").await?;
        self.inner.take_probe(destination, lease_ms).await
    }
    async fn give_back_probe(&self, destination: &str) -> Result<Option<Health>> {
        self.called("give_back_probe").await?;
        self.inner.give_back_probe(destination).await
    }
    async fn open_destination(&self, connection: &ConnectionId, by: &str, why: &str) -> Result<Option<Health>> {
        self.called("open_destination").await?;
        self.inner.open_destination(connection, by, why).await
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
        self.called("claim_within").await?;
        self.inner.claim_within(connection, host, kind, limit, lease_ms, limits).await
    }
    async fn book_request(&self, destination: &str, interval_ms: Millis) -> Result<Millis> {
        self.called("book_request").await?;
        self.inner.book_request(destination, interval_ms).await
    }
    async fn notices(&self) -> Result<Vec<Notice>> {
        self.called("notices").await?;
        self.inner.notices().await
    }
    async fn raise_notice(&self, notice: &Notice, mail: Option<EffectBody>) -> Result<bool> {
        self.called("raise_notice").await?;
        self.inner.raise_notice(notice, mail).await
    }
    async fn end_notice(&self, connection: &ConnectionId, subject: Subject, mail: Option<EffectBody>) -> Result<bool> {
        self.called("end_notice").await?;
        self.inner.end_notice(connection, subject, mail).await
    }
}
