//! Runs a plugin's cases without wasm. The host's suite runs the same cases through wasm with the same runner.
//!
//! A case is a folder `cases/<name>/`:
//!
//! | file | holds |
//! |---|---|
//! | `order.json` | the canonical order |
//! | `raw.json` | optional: the order as the shop served it, becomes `raw_json` byte for byte |
//! | `settings.json` | optional: the plugin's settings; default `{}` |
//! | `context.json` | optional: what differs from [`CaseContext`]'s fixed defaults, and `tables` |
//! | `expected.json` | `{"delivery": …}` without bodies, or `{"rejected": {class, message, field}}` |
//! | `expected/<name>` | the bytes: each file of the delivery by its name, or `body.json`, `body.xml`, `body.txt`, `body.bin` |
//! | `responses/<n>-<name>.json` | optional: `{"response": {"http": {status, headers, body}}, "verdict": …}` |
//!
//! In `responses`, `response` holds one of `http`, `files_written`, `answer_file`, `deadline_passed`; a body is text,
//! `{"base64": "…"}` or `{"json": …}`. `default_verdict` inside `response` is worked out when it is absent; beside it
//! `state` and `context` replace those of the case. With `BLESS=1` in the environment what came is stored as expected.

mod case;
mod diff;
pub mod double;
pub mod json_text;
mod mapper;
mod runner;
mod snapshot;

use std::path::Path;

pub use case::{Answer, Case, CaseContext, list, read_json};
pub use double::Tables;
pub use mapper::{Mapper, Native};
pub use runner::{Mode, run, run_case};
pub use snapshot::Snapshot;

/// Runs every case below `folder` natively. With `BLESS=1` stores what came as expected.
///
/// # Panics
/// When a case differs; the text shows every difference.
pub fn run_cases<P: crate::Plugin>(folder: impl AsRef<Path>) {
    let mode = if blessing() { Mode::Bless } else { Mode::Compare };
    let problems = run(&mut Native::<P>::default(), folder.as_ref(), mode);
    assert!(problems.is_empty(), "\n\n{}\n", problems.join("\n\n"));
}

#[expect(clippy::disallowed_methods, reason = "a test switch, read where the test runs; the ban is for the host")]
fn blessing() -> bool {
    std::env::var_os("BLESS").is_some_and(|value| value == "1")
}
