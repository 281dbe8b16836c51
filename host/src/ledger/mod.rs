//! The ledger: everything that Orderdock knows, in SQLite or PostgreSQL. The only place with SQL.
//!
//! The traits here are what the pipeline, the command line and the admin room depend on; `sql` implements them for both
//! databases with one text, and a model implements them in memory for the simulation. Every function is one transaction:
//! it happens whole or not at all, and an error means that it did not happen, except [`LedgerError::InDoubt`].
//!
//! Rows never expire; bodies (requests, answers, order snapshots) do (lifecycle section 1).

pub mod activations;
pub mod admissions;
pub mod canaries;
pub mod connections;
pub mod destinations;
pub mod effects;
pub mod fleet;
pub mod look_ups;
pub mod orders;
pub mod passes;
pub mod publishers;
pub mod recorded;
pub mod reports;
pub mod sql;
pub mod standstill;
pub mod why;

use crate::{domain::clock::Millis, failpoint::Breakable};

/// Why the ledger did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum LedgerError {
    /// The guard did not hold: somebody else has the pass now, or it moved on. The worker stops and changes nothing.
    #[error("the lease on {what} is lost")]
    Lost {
        /// Which pass or effect.
        what: String,
    },
    /// There is no such thing.
    #[error("there is no {what}")]
    NotFound {
        /// What was looked for.
        what: String,
    },
    /// The change is refused; the sentence says why and what to do.
    #[error("{0}")]
    Refused(String),
    /// The database can't be used at the moment: locked, full, read-only, gone.
    #[error("the database {place} can't be used: {reason}")]
    Unavailable {
        /// Which database, without its password.
        place: String,
        /// What it said, and what to do.
        reason: String,
    },
    /// The commit's answer was lost: it may or may not have happened.
    #[error("the database did not confirm a commit: {0}")]
    InDoubt(String),
    /// A row can't be read: table, column and key are named.
    #[error("a row of the ledger can't be read: {0}")]
    Corrupt(String),
}

impl Breakable for LedgerError {
    fn not_done(why: String) -> Self {
        Self::Unavailable { place: "under test".to_owned(), reason: why }
    }

    fn answer_lost(why: String) -> Self {
        Self::InDoubt(why)
    }
}

/// What a ledger function gives.
pub type Result<T> = std::result::Result<T, LedgerError>;

/// The whole ledger.
pub trait Ledger:
    connections::Connections
    + activations::Activations
    + admissions::Admissions
    + canaries::Canaries
    + orders::Orders
    + passes::Passes
    + effects::Effects
    + reports::Reports
    + fleet::Fleet
    + destinations::Destinations
    + publishers::Publishers
    + recorded::Recorded
    + Send
    + Sync
{
}

impl<T> Ledger for T where
    T: connections::Connections
        + activations::Activations
        + admissions::Admissions
        + canaries::Canaries
        + orders::Orders
        + passes::Passes
        + effects::Effects
        + reports::Reports
        + fleet::Fleet
        + destinations::Destinations
        + publishers::Publishers
        + recorded::Recorded
        + Send
        + Sync
{
}

/// One line of an order's timeline.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct TimelineEntry {
    /// When.
    pub at_ms: Millis,
    /// A sentence that staff understand.
    pub text: String,
}
