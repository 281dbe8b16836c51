//! Orderdock's canonical order.
//!
//! One set of types for four readers: the host's shop adapters produce it, the `push` shop accepts it as JSON, plugin
//! cases keep it as `order.json`, and the Rust SDK hands it to a plugin. The meaning of every field is documented in
//! the contract, `wit/plugin.wit`; this crate has the same names in snake case.
//!
//! Reading is strict about what would change an order's meaning (numbers must be exact decimals, instants must be UTC)
//! and lenient about absence: a missing text is empty, a missing list has no items.

pub mod decimal;
pub mod instant;
mod order;
#[cfg(feature = "schema")]
mod schema;

pub use decimal::Decimal;
pub use instant::Instant;
pub use order::*;
#[cfg(feature = "schema")]
pub use schema::order_schema;
