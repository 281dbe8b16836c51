//! Time is passed in, so that tests, replays and the simulation can set it.

use std::time::Duration;

/// Milliseconds since 1970-01-01T00:00:00Z; how the ledger keeps every moment (`…_ms`).
pub type Millis = i64;

/// Where the time comes from.
pub trait Clock: Send + Sync + 'static {
    /// Wall clock in UTC. May jump.
    fn now_ms(&self) -> Millis;

    /// Time since some fixed moment, which never jumps and counts while the machine is suspended
    /// (`CLOCK_BOOTTIME`): what is left of a lease is measured by it.
    fn since_boot(&self) -> Duration;
}
