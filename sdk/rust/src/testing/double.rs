//! Stands in for the host when a plugin runs natively: look-up tables and a log, one per thread.

use std::cell::RefCell;
use std::collections::BTreeMap;

use crate::log::Level;

/// Look-up tables: table → key → value.
pub type Tables = BTreeMap<String, BTreeMap<String, String>>;

thread_local! {
    static TABLES: RefCell<Tables> = const { RefCell::new(BTreeMap::new()) };
    static LOG: RefCell<Vec<(Level, String)>> = const { RefCell::new(Vec::new()) };
}

/// Sets this thread's look-up tables and empties its log.
pub fn set(tables: Tables) {
    TABLES.with_borrow_mut(|known| *known = tables);
    LOG.with_borrow_mut(Vec::clear);
}

/// The lines logged on this thread since [`set`], taken out.
#[must_use]
pub fn take_log() -> Vec<(Level, String)> {
    LOG.with_borrow_mut(std::mem::take)
}

pub(crate) fn log(level: Level, message: &str) {
    LOG.with_borrow_mut(|lines| lines.push((level, message.to_owned())));
}

pub(crate) fn find(table: &str, key: &str) -> Option<String> {
    TABLES.with_borrow(|tables| tables.get(table)?.get(key).cloned())
}

/// As the host says it; cases run through both, so the two can't differ for long.
pub(crate) fn missing(table: &str, key: &str, what: &str) -> String {
    format!("no ERP code for {what} `{key}`: add it to look-up table `{table}`")
}
