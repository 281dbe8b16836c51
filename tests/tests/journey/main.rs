//! The main job end to end: the real binary between a real shop, ERP and mail server, judged by what those wrote down.
#![expect(clippy::unwrap_used, reason = "tests")]

mod at_work;
mod breaker;
mod folder;
mod intents;
mod outcomes;
mod polling;
mod push;
mod quarantine;
mod resets;
mod secrets;
mod staff;
mod supervision;
mod taking;
