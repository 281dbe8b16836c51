//! Where random bytes come from. Passed in, so that the simulation can replay a run.

use rand::TryRng;

/// The source of random bytes failed; nothing secret may be made from what it gave.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the operating system gave no random bytes: {0}")]
pub struct RandomnessError(pub String);

/// A source of random bytes, fit for keys and nonces in its real form.
pub trait Randomness: Send + Sync {
    /// Fills all of `bytes`.
    ///
    /// # Errors
    /// When the source has nothing to give; `bytes` must then not be used.
    fn fill(&self, bytes: &mut [u8]) -> Result<(), RandomnessError>;
}

/// The operating system's generator.
#[derive(Clone, Copy, Debug, Default)]
pub struct OsRandom;

impl Randomness for OsRandom {
    fn fill(&self, bytes: &mut [u8]) -> Result<(), RandomnessError> {
        rand::rngs::SysRng.try_fill_bytes(bytes).map_err(|error| RandomnessError(error.to_string()))
    }
}
