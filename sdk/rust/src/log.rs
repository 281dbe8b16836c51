//! Lines for the attempt's log, seen by the plugin's author and the administrator.

use std::fmt::Display;

/// How much a line matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    /// For the author.
    Debug,
    /// For the administrator.
    Info,
    /// Something odd that did not stop the order.
    Warn,
    /// Why the call is about to fail.
    Error,
}

/// For the author.
pub fn debug(message: impl Display) {
    write(Level::Debug, &message.to_string());
}

/// For the administrator.
pub fn info(message: impl Display) {
    write(Level::Info, &message.to_string());
}

/// Something odd that did not stop the order.
pub fn warn(message: impl Display) {
    write(Level::Warn, &message.to_string());
}

/// Why the call is about to fail.
pub fn error(message: impl Display) {
    write(Level::Error, &message.to_string());
}

/// Writes one line. Never fails; the host caps it.
#[cfg(target_arch = "wasm32")]
pub fn write(level: Level, message: &str) {
    use crate::bindings::orderdock::plugin::log;
    let level = match level {
        Level::Debug => log::Level::Debug,
        Level::Info => log::Level::Info,
        Level::Warn => log::Level::Warn,
        Level::Error => log::Level::Error,
    };
    log::log(level, message);
}

/// Writes one line. Never fails. Natively it goes to [`crate::testing::double`].
#[cfg(not(target_arch = "wasm32"))]
pub fn write(level: Level, message: &str) {
    crate::testing::double::log(level, message);
}
