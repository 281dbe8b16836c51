//! Hostile guests against the plugin room: each is told apart, said in words, and harms nobody else.
//!
//! `tests/guests/hostile` misbehaves as its settings say, `tests/guests/wasi-printer` reaches for WASI; what can't be
//! written in Rust is written as text components.

#![expect(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests, and the bench that only they use")]

mod admission;
mod bench;
mod compiling;
mod judged;
mod limits;
mod many;
mod output;
mod versions;
mod wasi;
