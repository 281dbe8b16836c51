//! Chaos: the host is killed, stopped and started again at random while orders come in and the shop, the ERP and the mail
//! server misbehave; then everybody behaves, and after quiet the fakes' ledgers are the judges.
//!
//! The seed chooses what happens and when; how the machine's own timing interleaves with it no seed can repeat.

mod play;
mod verdict;

pub use play::{Options, run};
pub use verdict::Verdict;
