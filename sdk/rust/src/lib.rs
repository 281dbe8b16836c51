//! SDK for Orderdock plugins in Rust.
//!
//! A plugin does no input or output. It is asked three things: who are you, what should be sent for this order, and
//! what did the answer mean. Implement [`Plugin`], call [`export_plugin!`], put cases beside the source and run them
//! with `testing::run_cases`. The README of this crate is a complete example.

#[cfg(target_arch = "wasm32")]
pub mod bindings;
mod bytes_form;
pub mod context;
pub mod delivery;
pub mod description;
mod export;
#[cfg(target_arch = "wasm32")]
pub mod glue;
pub mod log;
pub mod plugin;
pub mod response;
pub mod tables;
#[cfg(not(target_arch = "wasm32"))]
pub mod testing;
pub mod verdict;

pub use context::*;
pub use delivery::*;
pub use description::*;
pub use orderdock_order::*;
pub use plugin::Plugin;
pub use response::*;
pub use verdict::*;
