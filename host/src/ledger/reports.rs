//! What people are shown, and the clean-up of bodies.

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use super::{Result, TimelineEntry, orders::Sweep, passes::Mapping};
use crate::domain::{
    clock::Millis,
    decision::Decision,
    id::{AttemptToken, ConnectionId, Digest, OrderKey, ShopId},
    pass::{Colour, PassState},
};

/// Which orders to list.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderFilter {
    /// One connection only.
    pub connection: Option<ConnectionId>,
    /// Last pass in one of these states; empty for any.
    pub states: Vec<PassState>,
    /// Skipped ones only, or questions only.
    pub undecided: Option<Undecided>,
    /// Order number, shop order id, ERP id or ERP number is exactly this.
    pub number: Option<String>,
    /// At most.
    pub limit: u32,
}

/// Orders that have no pass at work.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Undecided {
    /// Seen and skipped.
    Skipped,
    /// Waiting for a person's word.
    Question,
}

/// One row of the list of orders.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct OrderRow {
    /// Key.
    #[serde(flatten)]
    pub key: OrderKey,
    /// Name of the connection.
    pub connection_name: String,
    /// Number that people use.
    pub order_number: String,
    /// Status that the shop showed last.
    pub shop_status: String,
    /// When it was placed.
    pub placed_ms: Option<Millis>,
    /// First and last sight.
    pub first_seen_ms: Millis,
    /// Last sight.
    pub last_seen_ms: Millis,
    /// Decision and since when.
    pub decision: Decision,
    /// Since when.
    pub decision_ms: Millis,
    /// Last pass.
    pub pass: Option<u32>,
    /// Its state.
    pub state: Option<PassState>,
    /// Its colour.
    pub colour: Colour,
    /// When its state last changed.
    pub state_ms: Option<Millis>,
    /// Why it is in that state.
    pub because: String,
    /// The ERP's id.
    pub erp_order_id: Option<String>,
    /// The number people use there.
    pub erp_order_number: Option<String>,
}

/// One pass as people see it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PassRow {
    /// Number.
    pub pass: u32,
    /// State.
    pub state: PassState,
    /// Why it was opened, as stored.
    pub opening: serde_json::Value,
    /// When.
    pub opened_ms: Millis,
    /// When it closed.
    pub closed_ms: Option<Millis>,
    /// Why it is in that state.
    pub because: String,
    /// Not before, next look.
    pub not_before_ms: Millis,
    /// Deadline.
    pub deadline_ms: Option<Millis>,
    /// Host that holds the lease.
    pub lease_host: Option<String>,
    /// End of the lease.
    pub lease_until_ms: Option<Millis>,
    /// The activation that it was mapped with, if pinned.
    pub activation: Option<u32>,
    /// Release, if pinned.
    pub release: Option<String>,
    /// Document number.
    pub document_number: u64,
    /// Idempotency key.
    pub idempotency_key: String,
    /// The ERP's id.
    pub erp_order_id: Option<String>,
    /// Who has to act.
    pub class: Option<String>,
    /// Field path in the order.
    pub field: Option<String>,
    /// What its last mapping came to and cost.
    pub mapping: Option<Mapping>,
    /// That mapping's evidence, where nothing was sent after it; none if it expired. Else it is with the attempts.
    pub evidence: Option<serde_json::Value>,
}

/// One attempt as people see it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct AttemptRow {
    /// Of which order.
    #[serde(flatten)]
    pub key: OrderKey,
    /// Number that people use.
    pub order_number: String,
    /// Pass.
    pub pass: u32,
    /// Number within the pass.
    pub number: u32,
    /// Step.
    pub step: u32,
    /// Purpose.
    pub purpose: String,
    /// Phase reached.
    pub phase: String,
    /// One word; `open` while it is.
    pub outcome: String,
    /// When it was recorded.
    pub recorded_ms: Millis,
    /// When it ended.
    pub ended_ms: Option<Millis>,
    /// What was sent, redacted; none if it expired.
    pub request: Option<serde_json::Value>,
    /// What came back and what it was taken for; none if it expired or never came.
    pub answer: Option<serde_json::Value>,
    /// How it was mapped: release, usage, log, look-ups.
    pub mapping: Option<serde_json::Value>,
}

/// One effect as people see it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct EffectRow {
    /// Number.
    pub number: i64,
    /// Pass.
    pub pass: u32,
    /// Kind and body.
    pub body: serde_json::Value,
    /// `owed`, `done`, `not_needed`, `given_up`, `conflict`, `cancelled`.
    pub state: String,
    /// Tries.
    pub tries: u32,
    /// Last error or reason.
    pub detail: String,
    /// Next try.
    pub not_before_ms: Millis,
    /// When it was done.
    pub done_ms: Option<Millis>,
}

/// Everything about one order.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct OrderDetail {
    /// The row of the list.
    pub order: OrderRow,
    /// Passes, oldest first.
    pub passes: Vec<PassRow>,
    /// Attempts, oldest first.
    pub attempts: Vec<AttemptRow>,
    /// Effects, oldest first.
    pub effects: Vec<EffectRow>,
    /// Timeline, oldest first.
    pub timeline: Vec<TimelineEntry>,
    /// Decisions, oldest first.
    pub decisions: Vec<(Millis, Decision)>,
}

/// Counts for one connection.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Counts {
    /// Orders by state of the last pass, as stored words.
    pub by_state: std::collections::BTreeMap<String, u64>,
    /// Skipped.
    pub skipped: u64,
    /// Questions.
    pub questions: u64,
    /// Effects owed.
    pub effects_owed: u64,
    /// Effects given up or in conflict.
    pub effects_stuck: u64,
}

/// Orders of one connection whose last pass is in one state.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct InState {
    /// Connection.
    pub connection: ConnectionId,
    /// State.
    pub state: PassState,
    /// How many.
    pub orders: u64,
    /// Since when the one that is longest in it is.
    pub since_ms: Millis,
}

/// What is open, or needs somebody, at every connection. Orders that ended well are not counted: there may be millions.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Backlog {
    /// Orders whose last pass is open, failed or given up.
    pub orders: Vec<InState>,
    /// Effects by connection: owed without mails, stuck, mails owed.
    pub effects: std::collections::BTreeMap<ConnectionId, [u64; 3]>,
    /// Questions by connection.
    pub questions: std::collections::BTreeMap<ConnectionId, u64>,
}

/// What people are shown, and the clean-up of bodies.
#[async_trait]
pub trait Reports {
    /// Lists orders, newest first.
    async fn orders(&self, filter: OrderFilter) -> Result<Vec<OrderRow>>;

    /// Everything about one order.
    async fn order(&self, key: &OrderKey) -> Result<Option<OrderDetail>>;

    /// Attempts, newest first: the log.
    async fn attempts(
        &self,
        connection: Option<&ConnectionId>,
        since_ms: Millis,
        limit: u32,
    ) -> Result<Vec<AttemptRow>>;

    /// Counts.
    async fn counts(&self, connection: &ConnectionId) -> Result<Counts>;

    /// What is open, or needs somebody, at every connection.
    async fn backlog(&self) -> Result<Backlog>;

    /// What the last mappings by a release cost and came to, newest first: of orders whose last pass it mapped and that
    /// moved since then.
    async fn mappings(&self, release: &Digest, since_ms: Millis, limit: u32) -> Result<Vec<Mapping>>;

    /// The last sweeps of a connection, newest first.
    async fn sweeps(&self, connection: &ConnectionId, shop: &ShopId, limit: u32) -> Result<Vec<Sweep>>;

    /// Those of these attempts that wrote files and belong to a closed pass: what they left behind is nobody's any more. An
    /// attempt that this ledger does not know is not among them: another ledger may.
    async fn done_with(&self, attempts: &[AttemptToken]) -> Result<Vec<AttemptToken>>;

    /// Deletes bodies of passes that closed before `closed_before_ms`, at most `limit` passes; how many were cleaned.
    async fn expire_bodies(&self, closed_before_ms: Millis, limit: u32) -> Result<u64>;
}
