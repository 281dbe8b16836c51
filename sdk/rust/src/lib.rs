//! SDK for Orderdock plugins in Rust.
//!
//! A plugin does no input or output. It is asked three things: who are you, what should be sent for this order, and
//! what did the answer mean. Implement [`Plugin`], call [`export_plugin!`], put cases beside the source and run them
//! with `testing::run_cases`. The README beside this crate tells the way from nothing to a component.

#[cfg(target_arch = "wasm32")]
pub mod bindings;
mod bytes_form;
pub mod charset;
pub mod context;
pub mod csv;
pub mod delivery;
pub mod description;
pub mod dot_path;
mod export;
pub mod file_name;
pub mod fixed_width;
#[cfg(target_arch = "wasm32")]
pub mod glue;
pub mod kfi;
pub mod log;
pub mod number;
pub mod place;
pub mod plugin;
pub mod report;
pub mod response;
pub mod tables;
#[cfg(not(target_arch = "wasm32"))]
pub mod testing;
pub mod verdict;
pub mod xml;

pub use charset::Charset;
pub use context::*;
pub use delivery::*;
pub use description::*;
pub use dot_path::DotPath;
pub use file_name::FileNameTemplate;
pub use number::{Number, Rounding};
pub use orderdock_order::*;
pub use place::{BadText, Part, Place};
pub use plugin::Plugin;
pub use report::Report;
pub use response::*;
pub use verdict::*;
