//! What the host's files take from its domain.

pub use orderdock_order::{Decimal, Instant, Pair};

/// The host's time.
pub mod clock {
    /// Milliseconds.
    pub type Millis = i64;
}

#[path = "../../../host/src/domain/problem.rs"]
pub mod problem;
