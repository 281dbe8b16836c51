//! Bad input of every kind: a sentence that says what, where and what to do, and nothing lost.
#![expect(clippy::unwrap_used, reason = "tests")]

mod database;
mod files;
mod folder;
mod orders;
mod plugins;
mod shop;
mod trust;
