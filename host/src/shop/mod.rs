//! Shops: one trait, one adapter per kind. The only place that knows shops' wire formats.

pub mod evolutionx;
pub mod http;
mod json;
pub mod push;
mod reading;
pub mod settings;
pub mod woocommerce;

pub use settings::{ShopIdentity, ShopSettings, StatusDefaults};

use async_trait::async_trait;

use crate::{
    domain::{
        clock::Millis,
        problem::Problem,
        sight::{ListScope, Page, Sight},
    },
    failpoint::Breakable,
};

/// What a shop can do. A verb that is missing degrades with a note on the order's timeline; see [`Shop`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "a table of independent abilities, each with its own meaning")]
pub struct Abilities {
    /// Lists can be filtered by status. Otherwise lists go by modified time.
    pub list_by_status: bool,
    /// A single order can be read.
    pub single_read: bool,
    /// The status can be written.
    pub set_status: bool,
    /// There is a stamp such as EvolutionX's "backoffice processed".
    pub mark_processed: bool,
    /// Timeline notes can be added.
    pub notes: bool,
    /// Notes can be listed back, so that a repeat can be found by its marker.
    pub notes_listed: bool,
    /// The ERP order id can be stored on the order.
    pub erp_order_id: bool,
    /// The shop wants a sign of life.
    pub heartbeat: bool,
    /// The shop names who created an order or changed its status.
    pub names_actors: bool,
    /// Seconds by which a list, or a second read, may lag behind a write.
    pub read_lag_s: u32,
}

/// Why a shop did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum ShopError {
    /// The request provably never reached the shop: name, connection, TLS.
    #[error("the shop at {address} can't be reached: {reason}")]
    Unreachable {
        /// Base address.
        address: String,
        /// What failed.
        reason: String,
    },
    /// 401 or 403.
    #[error("the shop refused our credentials ({status}): {message}")]
    Unauthorised {
        /// Status.
        status: u16,
        /// The shop's words.
        message: String,
    },
    /// The shop asks to slow down.
    #[error("the shop asks to wait {after_ms} ms")]
    Throttled {
        /// How long.
        after_ms: u64,
    },
    /// No such order.
    #[error("the shop has no order {0}")]
    NotFound(String),
    /// The shop refused for good: trying the same again can't help.
    #[error("the shop refused ({status}): {message}")]
    Refused {
        /// Status.
        status: u16,
        /// The shop's words.
        message: String,
    },
    /// The shop failed or its answer could not be understood; for a write, it may or may not have been applied.
    #[error("the shop did not answer properly: {0}")]
    Unclear(String),
    /// The shop has no such verb.
    #[error("this kind of shop can't {0}")]
    Unsupported(&'static str),
}

impl Breakable for ShopError {
    fn not_done(why: String) -> Self {
        Self::Unreachable { address: "under test".to_owned(), reason: why }
    }

    fn answer_lost(why: String) -> Self {
        Self::Unclear(why)
    }
}

impl ShopError {
    /// Whether trying the same again later can help.
    #[must_use]
    pub fn is_temporary(&self) -> bool {
        matches!(self, Self::Unreachable { .. } | Self::Unauthorised { .. } | Self::Throttled { .. } | Self::Unclear(_))
    }
}

/// What one order shows of its status.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shown {
    /// The status, in the shop's own word.
    pub status: String,
    /// When the shop says that it was changed last.
    pub modified_ms: Option<Millis>,
}

/// A shop. Every call obeys the shop's rate limit by itself (waiting up to a bound, else [`ShopError::Throttled`]), has a
/// time limit that covers the whole answer, a cap on the answer's size, follows no redirect and repeats nothing.
#[async_trait]
pub trait Shop: Send + Sync {
    /// What it can do.
    fn abilities(&self) -> Abilities;

    /// One page of a list. `cursor` is what the page before gave as `next`; it is good only inside one sweep.
    ///
    /// # Errors
    /// Any [`ShopError`]; an answer that is not a list (HTML, cut JSON) is `Unclear`, never an empty page.
    async fn list(&self, scope: &ListScope, cursor: Option<&str>) -> Result<Page, ShopError>;

    /// Reads one order. Checks that the answer is that order.
    ///
    /// # Errors
    /// `NotFound` when the shop says so; else any other.
    async fn get(&self, shop_order_id: &str) -> Result<Sight, ShopError>;

    /// Reads what one order shows of its status now, as [`Shop::get`] does, without the rest of the order.
    ///
    /// # Errors
    /// As [`Shop::get`].
    async fn shown(&self, shop_order_id: &str) -> Result<Shown, ShopError> {
        let sight = self.get(shop_order_id).await?;
        Ok(Shown { status: sight.status, modified_ms: sight.modified_ms })
    }

    /// Sets the status, in the shop's own word. Must not mail the buyer by our wish.
    ///
    /// # Errors
    /// `Refused` where the shop does not know the status; `Unclear` when it may have been applied.
    async fn set_status(&self, shop_order_id: &str, status: &str) -> Result<(), ShopError>;

    /// Sets the shop's "processed" stamp. Setting it twice succeeds.
    ///
    /// # Errors
    /// Any [`ShopError`].
    async fn mark_processed(&self, shop_order_id: &str) -> Result<(), ShopError>;

    /// Adds a timeline note for staff only, never mailed to the buyer. Called at most once for an order and marker unless
    /// [`Shop::has_note`] says that it is missing. The adapter puts `marker` into the note where staff are not disturbed.
    ///
    /// # Errors
    /// Any [`ShopError`].
    async fn add_note(&self, shop_order_id: &str, text: &str, marker: &str) -> Result<(), ShopError>;

    /// Whether a note with this marker is there.
    ///
    /// # Errors
    /// `Unsupported` where notes can't be listed.
    async fn has_note(&self, shop_order_id: &str, marker: &str) -> Result<bool, ShopError>;

    /// Stores the ERP's order id on the order (seller reference, metadata). Setting the same twice succeeds.
    ///
    /// # Errors
    /// Any [`ShopError`].
    async fn set_erp_order_id(&self, shop_order_id: &str, erp_order_id: &str) -> Result<(), ShopError>;

    /// Says that the connection is alive. Has its own share of the rate limit.
    ///
    /// # Errors
    /// Any [`ShopError`].
    async fn heartbeat(&self) -> Result<(), ShopError>;

    /// Tries the connection for `orderdock check`: reachable, credentials good, every mapped status known to the shop.
    /// All problems at once.
    async fn check(&self, statuses: &[String]) -> Vec<Problem>;
}
