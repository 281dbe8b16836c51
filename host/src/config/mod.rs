//! From a raw file to checked settings, with every problem at once: file, line, key, what to do. The only place that
//! reads the environment.
//!
//! Two kinds of file are read: the host's own (`orderdock.toml`, [`HostSettings`]) and one per connection
//! (`orderdock connection apply`, [`ConnectionSettings`]).

mod activation_file;
mod checks;
mod connection;
mod connection_file;
mod environment;
mod host;
mod host_file;
mod opaque;
mod quantity;
mod reader;
mod registries;
mod secret;

pub use activation_file::{read_plugin_settings, read_tables};
pub use checks::{Amounts, Checks, LineName, LinesHold};
pub use connection::*;
pub use connection_file::{ConnectionFile, export, read_connection};
pub use environment::{Environment, NAMES as ENVIRONMENT_NAMES};
pub use host::*;
pub use host_file::{HostFile, load_host, read_host};
pub use opaque::Opaque;
pub use quantity::{Bytes, Period};
pub use secret::{GivenSecret, SecretSource};

/// A commented host file that holds the defaults: what `orderdock config example` prints.
pub const HOST_EXAMPLE: &str = include_str!("../../config.example.toml");

/// A commented connection file to start from.
pub const CONNECTION_EXAMPLE: &str = include_str!("../../connection.example.toml");

#[cfg(test)]
mod tests;
