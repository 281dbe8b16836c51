//! The main job end to end: the real binary between a real shop, ERP and mail server, judged by what those wrote down.
#![expect(clippy::unwrap_used, reason = "tests")]

mod at_work;
mod outcomes;
mod push;
mod resets;
mod secrets;
mod taking;
