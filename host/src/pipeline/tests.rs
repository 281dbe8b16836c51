//! What only an exact order of events can show: a worker that was paused, a ledger that fails at one moment, a clock that
//! stands. The pipeline's own code runs against the real ledger, the real destinations and a server on loopback; shop and
//! plugin are played by the test, which also decides when a ledger call fails and what happens just before it.

mod awaiting;
mod breaker;
mod checks;
mod doubts;
mod erp;
mod files;
mod interposed;
mod late;
mod pins;
mod played;
mod reread;
mod stage;
