//! In place of failpoints in every build that is not for tests: nothing.

use std::{convert::Infallible, time::Duration};

use super::{Guarantee, Point};

/// The variable that arms them: there is none.
pub const VARIABLE: Option<&str> = None;

/// Nothing can be armed.
///
/// # Errors
/// Never.
pub const fn arm(_: &str) -> Result<(), Infallible> {
    Ok(())
}

/// Never.
#[must_use]
pub const fn awaited(_: Point) -> bool {
    false
}

/// Nothing happens.
pub const fn reached(_: Point) {}

/// Nothing happens.
pub const fn in_ledger() {}

/// Nothing happens.
///
/// # Errors
/// Never.
#[expect(clippy::unused_async, reason = "the armed one waits")]
pub async fn here<E>(_: Point) -> Result<(), E> {
    Ok(())
}

/// Only the operation.
///
/// # Errors
/// The operation's.
pub async fn around<T, E>(_: Point, operation: impl Future<Output = Result<T, E>>) -> Result<T, E> {
    operation.await
}

/// Nothing is taken away.
#[must_use]
pub const fn without(_: Guarantee) -> bool {
    false
}

/// The usual one.
#[must_use]
pub const fn lease() -> Option<Duration> {
    None
}

/// There is none.
#[must_use]
pub const fn next_step() -> Option<&'static str> {
    None
}

/// The clock is right.
#[must_use]
pub const fn clock_off_ms() -> i64 {
    0
}
