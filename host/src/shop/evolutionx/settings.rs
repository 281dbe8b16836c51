//! Settings of an EvolutionX shop.
//!
//! The vendor publishes the list calls, the head of an order and the rate limit. It does not publish the names of line
//! fields, the ids of statuses, and the calls that change a status, add a timeline entry, set the seller reference or
//! give a sign of life. All of that is set here, with defaults that one look at the vendor's own collection can correct
//! without a new release.

mod actors;
mod calls;
mod fields;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{domain::problem::Problem, shop::http::HttpSettings};
pub use actors::Actors;
pub use calls::{Call, Calls, Method};
pub use fields::{AddressFields, Fields, LineFields};

/// Where the shop's data lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Region {
    /// `https://us.evoapi.io`
    Us,
    /// `https://eu.evoapi.io`
    Eu,
}

impl Region {
    /// The region's base address (vendor's API reference).
    #[must_use]
    pub fn base_address(self) -> &'static str {
        match self {
            Self::Us => "https://us.evoapi.io",
            Self::Eu => "https://eu.evoapi.io",
        }
    }
}

/// Which list shows the orders to take.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ListBy {
    /// `GET /orders?status=…`: shows orders whose "backoffice processed" stamp was not reset, so that staff can be told.
    #[default]
    Status,
    /// `GET /orders/unprocessed`: only New Order without the stamp.
    Unprocessed,
    /// First one, then the other.
    Both,
}

/// Settings of an EvolutionX shop. Every key has a default except the address: name `region` or `base_address`.
/// Secrets: `token`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// `us` or `eu`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub region: Option<Region>,
    /// Base address, instead of `region`.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub base_address: String,
    /// Name of the account, to tell two accounts at one address apart. Only a name: the token decides.
    pub account: String,
    /// How orders are listed: `status`, `unprocessed` or `both`.
    pub list_by: ListBy,
    /// Orders asked for per page. Default 100.
    pub page_size: u32,
    /// Most pages of one sweep: the guard against a cursor that never ends. Default 10,000.
    pub most_pages: u32,
    /// Seconds by which a list may lag behind a write. Default 60.
    pub read_lag_s: u32,
    /// Status name → the vendor's id of it. Where given, lists and status changes use the id. Default none: names are sent.
    pub status_ids: BTreeMap<String, String>,
    /// Statuses that mean "everything was sent out". Default `Shipped`.
    pub shipped_statuses: Vec<String>,
    /// Statuses that mean "cancelled". Default `Cancelled`.
    pub cancelled_statuses: Vec<String>,
    /// Calls.
    pub calls: Calls,
    /// Fields of an order.
    pub fields: Fields,
    /// Who did something.
    pub actors: Actors,
    /// Limits and header names. `requests_per_minute` defaults to 100, the vendor's limit.
    pub http: HttpSettings,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            region: None,
            base_address: String::new(),
            account: String::new(),
            list_by: ListBy::Status,
            page_size: 100,
            most_pages: 10_000,
            read_lag_s: 60,
            status_ids: BTreeMap::new(),
            shipped_statuses: vec!["Shipped".to_owned()],
            cancelled_statuses: vec!["Cancelled".to_owned()],
            calls: Calls::default(),
            fields: Fields::default(),
            actors: Actors::default(),
            http: HttpSettings::default(),
        }
    }
}

impl Settings {
    /// The address to use.
    #[must_use]
    pub fn address(&self) -> &str {
        match self.region {
            Some(region) if self.base_address.is_empty() => region.base_address(),
            _ => &self.base_address,
        }
    }

    /// Everything that can't be right, apart from the address and `http`.
    pub(super) fn problems(&self) -> Vec<Problem> {
        let mut problems = Vec::new();
        if self.region.is_none() && self.base_address.is_empty() {
            problems.push(
                Problem::new("shop.region", "is missing")
                    .hint("set `region = \"us\"`, `region = \"eu\"` or a `base_address`"),
            );
        }
        if self.region.is_some() && !self.base_address.is_empty() {
            problems.push(Problem::new(
                "shop.region",
                "is given together with `base_address`; only one of them can be meant",
            ));
        }
        if self.page_size == 0 {
            problems.push(Problem::new("shop.page_size", "must be more than 0"));
        }
        if self.most_pages == 0 {
            problems.push(Problem::new("shop.most_pages", "must be more than 0"));
        }
        for (name, call, needs_id) in self.calls.all() {
            let place = format!("shop.calls.{name}");
            if call.path.is_empty() {
                continue;
            }
            if !call.path.starts_with('/') {
                problems
                    .push(Problem::new(format!("{place}.path"), "must begin with `/`; empty = the shop can't do this"));
            }
            if call.path.contains(['?', '#']) {
                problems.push(Problem::new(format!("{place}.path"), "must not hold `?` or `#`"));
            }
            if needs_id && !call.path.contains("{id}") {
                problems.push(Problem::new(format!("{place}.path"), "must hold `{id}`, the place of the order's id"));
            }
        }
        let writes = [
            ("set_status", &self.calls.set_status),
            ("mark_processed", &self.calls.mark_processed),
            ("set_reference", &self.calls.set_reference),
            ("add_note", &self.calls.add_note),
        ];
        for (name, call) in writes {
            if call.method == Method::Get {
                problems
                    .push(Problem::new(format!("shop.calls.{name}.method"), "must be POST, PUT or PATCH: it writes"));
            }
            if call.is_there() && call.field.is_empty() {
                problems.push(Problem::new(
                    format!("shop.calls.{name}.field"),
                    "is missing: where in the body the value goes",
                ));
            }
        }
        for (name, path) in [("id", &self.fields.id), ("status", &self.fields.status), ("lines", &self.fields.lines)] {
            if path.is_empty() {
                problems.push(Problem::new(format!("shop.fields.{name}"), "must not be empty"));
            }
        }
        problems
    }
}
