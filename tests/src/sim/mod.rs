//! Deterministic simulation: the real pipeline of several hosts, over a model of the database, a shop, an ERP, a plugin and
//! a mail server that all fail, in simulated time, from one seed.
//!
//! Several connections, of which one may drop files in a folder, share the hosts; each may lose what it needs for a while.
//!
//! `world` is what a seed decides; `ledger`, `shop`, `erp`, `files` and `plugin` stand behind the pipeline's traits; `run` plays a
//! seed to its end; `judge` holds the books of shop and ERP against the ledger. Nothing of it runs beside anything else,
//! and no clock but the simulated one is read, so a seed always tells the same story.

pub mod erp;
mod files;
mod judge;
mod ledger;
mod plugin;
pub mod run;
pub mod shop;
pub mod world;
