//! Orderdock: carries web orders into back offices, once each, and tells who must know when that failed.
//!
//! `ARCHITECTURE.md` maps the rooms below and an order's journey through them; `domain` holds the words and the pure
//! rules; `pipeline` is the only place that knows the order of the steps.

pub mod admin;
pub mod cases;
pub mod cli;
pub mod compare;
pub mod config;
pub mod destination;
pub mod domain;
pub mod failpoint;
pub mod ledger;
pub mod metrics;
pub mod notify;
pub mod pipeline;
pub mod plugin;
pub mod registry;
pub mod seal;
pub mod shop;
pub mod signature;
