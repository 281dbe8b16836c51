//! A fake ERP: a real server with a durable ledger of what it accepted, which is the judge of every test.
//!
//! What it answers is decided per order by rules ([`Rule`]); what it did is counted by itself ([`State`]) and never taken
//! from Orderdock. [`FakeErp`] runs it inside a test, the binary `fake-erp` as a process of its own.

mod answers;
pub mod attache;
mod behaviour;
mod ledger;
mod server;
mod wire;

pub use self::{
    behaviour::{Behaviour, LookUp, Rule, Settings},
    ledger::{Accepted, State},
    server::{FakeErp, Options},
};
