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

/// The value of `key` in `table`, or a rejection that tells the administrator what to add.
///
/// # Errors
/// When the table has no such key.
pub fn require(table: &str, key: &str) -> Result<String, Rejection> {
    find(table, key)
        .ok_or_else(|| Rejection::settings(format!("look-up table `{table}` has no entry for `{key}`: add it")))
}
