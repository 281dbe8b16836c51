//! What the model remembers: one struct for each table that has rules.

use std::collections::BTreeMap;

use orderdock::{
    domain::{
        breaker::Health,
        call::{Description, Purpose, Tables},
        clock::Millis,
        decision::{Decision, Opening},
        delivery::Repeat,
        id::{AttemptToken, ConnectionId, Digest, HostId, LeaseToken, OrderKey, PassKey, ShopId},
        judge::Confirmed,
        pass::PassState,
        transport::Phase,
        verdict::{Awaiting, FailureClass},
    },
    ledger::{
        activations::Activation,
        connections::{ConnectionRecord, LeftIntent, SealedSecret, ShopIdentity},
        destinations::Subject,
        effects::EffectBody,
        orders::{PushedOrder, Sweep},
        passes::{Mapping, Pins, PreviousPass},
    },
};
use serde_json::Value;

/// Everything.
#[derive(Default)]
pub struct State {
    pub releases: Vec<Release>,
    pub shops: Vec<(ShopId, ShopIdentity)>,
    pub connections: Vec<Connection>,
    pub destinations: BTreeMap<String, Destination>,
    /// Since when what was told of is wrong.
    pub notices: BTreeMap<(ConnectionId, Subject), Millis>,
    pub logins: BTreeMap<(ConnectionId, String), (SealedSecret, Millis)>,
    /// Grows with each act of an administrator.
    pub change: u64,
    /// Why, and since when.
    pub host_pause: Option<(String, Millis)>,
    /// Each with the moment at which it was taken.
    pub intents: Vec<(LeftIntent, Option<Millis>)>,
    pub last_intent: i64,
    pub sweeps: Vec<(ConnectionId, ShopId, Sweep)>,
    pub orders: BTreeMap<OrderKey, SeenOrder>,
    pub passes: BTreeMap<PassKey, StoredPass>,
    pub effects: Vec<StoredEffect>,
    pub mails: BTreeMap<ConnectionId, StoredMail>,
    pub pushed: BTreeMap<OrderKey, PushedOrder>,
    pub timeline: Vec<(PassKey, Millis, String)>,
    pub decisions: Vec<(OrderKey, Millis, Decision)>,
}

pub struct Destination {
    pub address: String,
    /// None while it is well.
    pub health: Option<Health>,
    /// When the next request may leave.
    pub free_ms: Millis,
}

impl Destination {
    pub fn new(address: &str) -> Self {
        Self { address: address.to_owned(), health: None, free_ms: 0 }
    }
}

pub struct Release {
    pub digest: Digest,
    pub bytes: Vec<u8>,
    pub description: Description,
    pub by: String,
    pub added_ms: Millis,
}

pub struct Connection {
    pub record: ConnectionRecord,
    pub secrets: Vec<SealedSecret>,
    /// Revision `n` is entry `n - 1`.
    pub settings: Vec<Value>,
    /// Revision `n` is entry `n - 1`.
    pub tables: Vec<Tables>,
    pub activations: Vec<Activation>,
    pub last_document: u64,
    pub created_ms: Millis,
}

pub struct SeenOrder {
    pub order_number: String,
    pub shop_status: String,
    pub placed_ms: Option<Millis>,
    pub first_seen_ms: Millis,
    pub last_seen_ms: Millis,
    /// When the newest read on record began.
    pub read_began_ms: Millis,
    pub decision: Decision,
    pub decision_ms: Millis,
    pub confirmed: Option<Confirmed>,
    /// Only a single read can tell what is to be done.
    pub read_alone: bool,
    pub looked_ms: Millis,
    /// 0: none.
    pub last_pass: u32,
    /// Who carries out this order's shop effects, and until when.
    pub effects_lease: Option<(LeaseToken, Millis)>,
}

#[derive(Clone)]
pub struct Lease {
    pub token: LeaseToken,
    pub host: HostId,
    pub until_ms: Millis,
}

pub struct StoredPass {
    pub order_number: String,
    pub state: PassState,
    pub state_ms: Millis,
    pub opening: Opening,
    pub opened_ms: Millis,
    pub closed_ms: Option<Millis>,
    pub not_before_ms: Millis,
    pub because: String,
    /// `None` also after it was given back: then anybody may have it, and it counts as no takeover.
    pub lease: Option<Lease>,
    pub pins: Option<Pins>,
    pub content_hash: Option<String>,
    pub mapped_at_ms: Option<Millis>,
    pub step: u32,
    pub sealed_state: Option<Vec<u8>>,
    pub idempotency_key: String,
    pub document_number: u64,
    pub awaiting: Option<Awaiting>,
    pub deadline_ms: Option<Millis>,
    pub retry_since_ms: Option<Millis>,
    /// How long it was retried, while that time stands still.
    pub tried_ms: Option<Millis>,
    pub retries: u32,
    pub takeovers: u32,
    /// The attempt that the pass is on.
    pub attempt_token: Option<AttemptToken>,
    /// Whether anything may have left; and what that was before the present attempt.
    pub sent: bool,
    pub sent_before: bool,
    pub inherits_unknown: bool,
    pub previous: Option<PreviousPass>,
    pub erp_order_id: Option<String>,
    pub erp_order_number: Option<String>,
    pub class: Option<FailureClass>,
    pub field: Option<String>,
    pub mapped_order: Option<String>,
    pub mapping: Option<Mapping>,
    /// Of a mapping after which nothing was sent.
    pub evidence: Option<Value>,
    pub delivery: Option<Value>,
    /// Attempt `n` is entry `n - 1`.
    pub attempts: Vec<StoredAttempt>,
    /// Bodies are kept.
    pub bodies: bool,
}

#[derive(Clone)]
pub struct StoredAttempt {
    pub token: AttemptToken,
    pub step: u32,
    pub purpose: Purpose,
    pub phase: Phase,
    pub repeat: Repeat,
    pub recorded_ms: Millis,
    pub settled_by_ms: Millis,
    pub recovery: Option<Value>,
    /// How it ended, and when.
    pub end: Option<(String, Millis)>,
    pub request: Option<Value>,
    pub answer: Option<Value>,
    pub mapping: Option<Value>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Begun {
    /// No try is under way.
    No,
    /// By the worker that has it now.
    Now,
    /// By an earlier one, whose end was never recorded.
    Before,
}

pub struct StoredEffect {
    pub number: i64,
    pub pass: PassKey,
    pub body: EffectBody,
    /// `owed`, `done`, `not_needed`, `given_up`, `conflict`, `cancelled`.
    pub state: &'static str,
    pub since_ms: Millis,
    pub not_before_ms: Millis,
    pub tries: u32,
    pub begun: Begun,
    pub detail: String,
    pub done_ms: Option<Millis>,
    /// The mail that it goes out with.
    pub mail: Option<String>,
}

impl StoredEffect {
    pub fn is_owed(&self) -> bool {
        self.state == "owed"
    }

    pub fn is_mail(&self) -> bool {
        matches!(self.body, EffectBody::Mail { .. })
    }

    pub fn is_status(&self) -> bool {
        matches!(self.body, EffectBody::Status { .. })
    }
}

pub struct StoredMail {
    pub mail: String,
    pub lease: Option<(LeaseToken, Millis)>,
    pub not_before_ms: Millis,
}

impl State {
    /// A line of the timeline.
    pub fn line(&mut self, pass: &PassKey, at_ms: Millis, text: impl Into<String>) {
        self.timeline.push((pass.clone(), at_ms, text.into()));
    }

    /// The connection of that id.
    pub fn connection(&mut self, id: &ConnectionId) -> Option<&mut Connection> {
        self.connections.iter_mut().find(|known| &known.record.id == id)
    }

    /// The order's last pass.
    pub fn last_pass(&self, order: &OrderKey) -> Option<(u32, &StoredPass)> {
        let pass = self.orders.get(order)?.last_pass;
        self.passes.get(&PassKey { order: order.clone(), pass }).map(|stored| (pass, stored))
    }

    /// The owed shop effects of an order, in the order in which they go out.
    pub fn owed_to_shop(&mut self, order: &OrderKey) -> Vec<&mut StoredEffect> {
        let mut owed: Vec<_> =
            self.effects.iter_mut().filter(|it| &it.pass.order == order && it.is_owed() && !it.is_mail()).collect();
        owed.sort_by_key(|it| (it.pass.pass, it.body.rank(), it.number));
        owed
    }

    /// Makes a decision the order's present one.
    pub fn decide(&mut self, order: &OrderKey, decision: &Decision, now: Millis) {
        if let Some(seen) = self.orders.get_mut(order) {
            seen.decision = decision.clone();
            seen.decision_ms = now;
            seen.read_alone = matches!(decision, Decision::Question { .. });
        }
        self.decisions.push((order.clone(), now, decision.clone()));
    }
}
