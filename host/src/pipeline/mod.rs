//! The only place that knows the order of the steps.
//!
//! One [`lane::Lane`] per connection, and for each lane a few loops that share nothing but the ledger: `sweep` looks at
//! the shop, `work` claims passes and takes each through `journey`, `effects` pays what is owed to the shop, `heartbeat`
//! tells the shop that we are alive. `mails`, `retention`, `fleet` and `canary` serve the whole host. A slow shop or ERP can fill only its own
//! lane's share (`work`).
//!
//! A journey: `fetch` reads the order again → `map` asks the plugin → `send_http` or `send_files` records, sends and reads
//! the outcome → `settle` says what that means. `doubt` looks up unknown outcomes, `answers` waits for late ones,
//! `takeover` picks up what a lost worker left, `reread` reads a stored answer again when a person asks.

pub mod age;
pub mod answers;
pub mod breaker;
pub mod canary;
pub mod doubt;
pub mod effects;
pub mod evidence;
pub mod fetch;
pub mod fleet;
pub mod heartbeat;
pub mod host;
pub mod intents;
pub mod invariants;
pub mod journey;
pub mod lane;
pub mod lease;
pub mod mails;
pub mod map;
pub mod metered;
pub mod notices;
pub mod open;
pub mod parts;
pub mod push;
pub mod quarantine;
pub mod reconcile;
pub mod replay;
pub mod reread;
pub mod rerun;
pub mod retention;
pub mod secrets;
pub mod send_files;
pub mod send_http;
pub mod settle;
pub mod shadow;
pub mod standing;
pub mod sweep;
pub mod system;
pub mod takeover;
pub mod trial;
pub mod verdict;
pub mod work;

#[cfg(test)]
mod tests;
