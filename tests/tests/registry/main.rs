//! Publishing and fetching releases by a real registry, and what becomes of those that somebody changed.
#![expect(clippy::unwrap_used, reason = "tests")]

mod signed;
mod tampered;
mod travels;
