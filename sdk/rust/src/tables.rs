//! The customer's look-up tables (SKU, shipping method, tax, payment terms → ERP code).

use crate::Rejection;

/// The value of `key` in `table`; none if the table or the key is missing. The host records every question.
#[cfg(target_arch = "wasm32")]
#[must_use]
pub fn find(table: &str, key: &str) -> Option<String> {
    crate::bindings::orderdock::plugin::tables::find(table, key)
}

/// The value of `key` in `table`; none if the table or the key is missing. Natively [`crate::testing::double`] answers.
#[cfg(not(target_arch = "wasm32"))]
#[must_use]
pub fn find(table: &str, key: &str) -> Option<String> {
    crate::testing::double::find(table, key)
}

/// The value of `key` in `table`, which the order can't be mapped without. `what` says in the administrator's words what the
/// key stands for: `shipping method`.
///
/// # Errors
/// For want of an entry: the rejection to return, in the host's own words. Who reads it is led to the table.
pub fn require(table: &str, key: &str, what: &str) -> Result<String, Rejection> {
    find(table, key).ok_or_else(|| Rejection::settings(missing(table, key, what)))
}

#[cfg(target_arch = "wasm32")]
fn missing(table: &str, key: &str, what: &str) -> String {
    crate::bindings::orderdock::plugin::tables::missing(table, key, what)
}

#[cfg(not(target_arch = "wasm32"))]
fn missing(table: &str, key: &str, what: &str) -> String {
    crate::testing::double::missing(table, key, what)
}
