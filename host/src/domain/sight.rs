//! One look at one order in a shop, in the host's words: what every poll, hint and push is turned into.

use serde::{Deserialize, Serialize};

use super::{Order, clock::Millis, problem::Problem};

/// Who did something in the shop, as far as the shop tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Actor {
    /// Staff.
    Staff,
    /// A buyer, in the storefront.
    Buyer,
    /// A program with an API key that is not ours.
    ApiUser,
    /// We ourselves.
    Us,
}

/// What one look showed.
#[derive(Clone, Debug)]
pub struct Sight {
    /// The shop's key of the order.
    pub shop_order_id: String,
    /// The number people use; the key again where it could not be read.
    pub order_number: String,
    /// The shop's own word for the status, as the status map spells it.
    pub status: String,
    /// When it was placed, if it could be read.
    pub placed_ms: Option<Millis>,
    /// The shop's modified stamp, as it served it: only ever compared for being later or equal.
    pub modified_ms: Option<Millis>,
    /// EvolutionX's "backoffice processed" stamp is set. `None` where the shop has no such stamp.
    pub processed_stamp: Option<bool>,
    /// Everything was sent out already.
    pub shipped: bool,
    /// It was cancelled.
    pub cancelled: bool,
    /// Who created the order.
    pub creator: Option<Actor>,
    /// Who last changed the status.
    pub status_actor: Option<Actor>,
    /// The order, or everything that is wrong with what the shop served. An unreadable order is seen all the same: it
    /// fails visibly instead of going missing.
    pub order: Result<Box<Order>, Vec<Problem>>,
}

/// How far a list goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ListScope {
    /// All orders whose status is one of these.
    InStatus(Vec<String>),
    /// All orders modified since then, whatever their status (only where the shop can list so).
    ModifiedSince(Millis),
    /// All orders placed since then, whatever their status: the daily slow sweep.
    PlacedSince(Millis),
}

/// A page of a list.
#[derive(Clone, Debug, Default)]
pub struct Page {
    /// The orders, in the shop's order; duplicates are possible.
    pub sights: Vec<Sight>,
    /// How to get the next page; none at the end. Lives only inside one sweep.
    pub next: Option<String>,
}
