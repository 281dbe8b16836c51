//! The test kit: fakes that are real servers, kept as a library so that the demo and the kill tests can run them too.
#![expect(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test kit stops at the first surprise")]

pub mod bench;
pub mod chaos;
pub mod crash;
pub mod demo;
pub mod erp;
pub mod mail;
pub mod model;
pub mod orders;
pub mod protocol;
pub mod proxy;
pub mod races;
pub mod registry;
pub mod rig;
pub mod shop;
pub mod sim;
pub mod stage;
pub mod swaps;
pub mod tenants;
pub mod through_wasm;
pub mod tls;
pub mod variant;
