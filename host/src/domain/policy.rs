//! What a connection takes: the settings that the decision depends on.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::clock::Millis;

/// Whether payment matters.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PaymentRule {
    /// Paid or authorised, where the shop tells.
    #[default]
    Paid,
    /// Any.
    Any,
}

/// What the shop's words mean to us.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct StatusMap {
    /// To be taken. The first one is written when staff's reset is meant.
    pub new: Vec<String>,
    /// Written on success; none where the shop has no writable status.
    pub success: Option<String>,
    /// Written on failure.
    pub failure: Option<String>,
    /// Known and not ours: skipped as "not new" instead of "not mapped".
    pub ignored: BTreeSet<String>,
}

impl StatusMap {
    /// Whether the status means new.
    #[must_use]
    pub fn is_new(&self, status: &str) -> bool {
        self.new.iter().any(|known| known.eq_ignore_ascii_case(status))
    }

    /// Whether the status is in the map at all.
    #[must_use]
    pub fn is_known(&self, status: &str) -> bool {
        self.is_new(status)
            || self.success.as_deref().is_some_and(|known| known.eq_ignore_ascii_case(status))
            || self.failure.as_deref().is_some_and(|known| known.eq_ignore_ascii_case(status))
            || self.ignored.iter().any(|known| known.eq_ignore_ascii_case(status))
    }
}

/// What a connection takes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TakePolicy {
    /// The status map.
    pub status: StatusMap,
    /// Payment.
    pub payment: PaymentRule,
    /// Orders placed earlier *and* already new in the first complete sweep are too old.
    pub take_from_ms: Millis,
    /// Whether orders created by API users are left alone (EvolutionX's rule).
    pub skip_api_users: bool,
    /// Whether orders that were sent out already are taken too.
    pub shipped: bool,
    /// Whether the shop has a processed stamp that must be reset too.
    pub has_stamp: bool,
    /// Whether the shop names actors.
    pub names_actors: bool,
    /// Whether another connection of the same shop may have a pass for the same order.
    pub share: bool,
    /// After *unknown, given up*: a person's change in the shop is enough to open the next pass.
    pub shop_reset_confirms: bool,
    /// How far a read may lag behind a write, in milliseconds.
    pub read_lag_ms: Millis,
}
