//! Orders as they are seen: every sight has a recorded decision (promise 1).

use std::sync::Arc;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use super::Result;
use crate::domain::{
    clock::Millis,
    decision::{Decision, Opening},
    id::{ConnectionId, OrderKey, PassKey, ShopId},
    judge::{History, Judgement},
    sight::Sight,
};

/// Decides about one sight inside the transaction that records it. Pure, quick, and called again if the transaction is
/// repeated. The last argument names another connection of the same shop that has a pass for the order.
pub type Judge = Arc<dyn Fn(&Sight, Option<&History>, Option<&str>) -> Judgement + Send + Sync>;

/// A page of sights to record.
#[derive(Clone)]
pub struct SightBatch {
    /// Whose.
    pub connection: ConnectionId,
    /// From which shop.
    pub shop: ShopId,
    /// The sights.
    pub sights: Arc<Vec<Sight>>,
    /// Who decides.
    pub judge: Judge,
    /// When the read began, by the database's clock. A sight that began before the one on record changes no decision.
    pub began_ms: Millis,
    /// A single read: a status other than new is *confirmed* by it.
    pub single: bool,
    /// Whether the sight's status means new.
    pub is_new: Arc<dyn Fn(&str) -> bool + Send + Sync>,
}

/// What was recorded about one sight.
#[derive(Clone, Debug)]
pub struct Recorded {
    /// Which order.
    pub shop_order_id: String,
    /// What was decided.
    pub judgement: Judgement,
    /// Whether it was never seen before.
    pub first_seen: bool,
    /// The pass that was opened.
    pub opened: Option<u32>,
}

/// What a sweep is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SweepKind {
    /// The scheduled poll, or "sync now".
    Poll,
    /// The daily comparison of all orders of 60 days.
    Slow,
}

/// One sweep of one connection.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sweep {
    /// Which kind.
    pub kind: SweepKind,
    /// Start, by the database's clock; the next window begins here, minus the overlap.
    pub started_ms: Millis,
    /// End.
    pub ended_ms: Millis,
    /// Orders shown, each counted once.
    pub seen: u32,
    /// Passes opened.
    pub opened: u32,
    /// Why it failed; none if it was complete.
    pub error: Option<String>,
}

/// An order that somebody pushed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PushedOrder {
    /// Canonical JSON.
    pub json: String,
    /// Its content hash.
    pub content_hash: String,
    /// The status that we or staff gave it last; empty at first.
    pub status: String,
    /// When it was last changed.
    pub modified_ms: Millis,
}

/// What a push did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Pushed {
    /// The order is new.
    Created,
    /// The same content again.
    Unchanged,
    /// Other content, before anything was sent or after the last pass failed or was withdrawn: taken over for the next.
    Replaced,
    /// Other content after something was sent: recorded, not sent.
    Late {
        /// The state of the last pass, as stored.
        state: String,
    },
}

/// Orders as they are seen.
#[async_trait]
pub trait Orders {
    /// Records sights, their decisions where they changed, and opens the passes that the judge asks for. Opening a pass
    /// cancels older unsent status effects of the order, and forgets what the shop confirmed before. A pass is never opened
    /// while another of the order is open or a status write is under way.
    async fn record_sights(&self, batch: SightBatch) -> Result<Vec<Recorded>>;

    /// Records a sweep, good or not.
    async fn record_sweep(&self, connection: &ConnectionId, shop: &ShopId, sweep: Sweep) -> Result<()>;

    /// The last complete sweep of that kind.
    async fn last_good_sweep(&self, connection: &ConnectionId, shop: &ShopId, kind: SweepKind)
    -> Result<Option<Sweep>>;

    /// Whether the first look at the shop is behind us: only a complete one can tell what was new already when the
    /// connection began. A list without any order may be the shop's error, so it takes two of them.
    async fn looked_once(&self, connection: &ConnectionId, shop: &ShopId) -> Result<bool>;

    /// A person's intent: opens pass `after + 1` if `after` is the last pass (0 for an order without one) and closed, once.
    /// Overrides status and age.
    ///
    /// # Errors
    /// `NotFound` for an order that was never seen; `Refused` when another pass came meanwhile or one is open, or when the
    /// connection was removed or has another shop now.
    async fn open_pass(&self, order: &OrderKey, after: u32, opening: Opening) -> Result<PassKey>;

    /// Sets a decision from outside a sight (the plugin's *not for us*).
    async fn decide(&self, order: &OrderKey, decision: Decision) -> Result<()>;

    /// Orders without a closed last pass aside, the orders whose last list sight hinted at a reset: to be read alone.
    /// Also orders that lie in a question. At most `limit`, oldest look first.
    async fn to_read_alone(&self, connection: &ConnectionId, shop: &ShopId, limit: u32) -> Result<Vec<String>>;

    /// Takes in a pushed order (the push shop has no other memory than ours).
    async fn push_order(&self, order: &OrderKey, json: &str, content_hash: &str, order_number: &str) -> Result<Pushed>;

    /// A pushed order.
    async fn pushed_order(&self, order: &OrderKey) -> Result<Option<PushedOrder>>;

    /// Sets the status of a pushed order.
    async fn set_pushed_status(&self, order: &OrderKey, status: &str) -> Result<()>;

    /// Pushed orders in one of these states, by id, from `after` on.
    async fn pushed_orders(
        &self,
        connection: &ConnectionId,
        shop: &ShopId,
        statuses: &[String],
        after: Option<&str>,
        limit: u32,
    ) -> Result<Vec<(String, PushedOrder)>>;
}
