//! Secrets at rest: the only place with an AEAD. The master key lives beside the database, never inside it, so that a
//! copied database alone tells nothing.

mod key;
mod random;
mod sealer;

pub use key::{KeyError, MasterKey};
pub use random::{OsRandom, Randomness, RandomnessError};
pub use sealer::{SealError, Sealer};
