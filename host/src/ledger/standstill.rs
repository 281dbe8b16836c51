//! Why nothing may be taken or sent, whatever people have set: a full disk, or a ledger that forgot what was sent.

use serde::{Deserialize, Serialize};

use crate::domain::{clock::Millis, id::PassKey, time};

/// What keeps the host from taking and sending.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "standstill")]
pub enum Standstill {
    /// The disk under the database is full. What is under way is still recorded; it passes by itself.
    DiskFull {
        /// Which database, without its password.
        place: String,
        /// How many bytes the reserve wants.
        reserve: u64,
    },
    /// The ledger is older than what was seen of it. It passes when a person accepts what `orderdock reconcile` shows.
    WentBack(WentBack),
}

/// How far a ledger went back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WentBack {
    /// Which database, without its password.
    pub place: String,
    /// The sequence that it has.
    pub sequence: u64,
    /// The highest that was seen.
    pub seen: u64,
    /// When that was seen: nothing was sent later than that.
    pub seen_ms: Millis,
}

impl WentBack {
    /// How many commits are missing.
    #[must_use]
    pub fn missing(&self) -> u64 {
        self.seen.saturating_sub(self.sequence)
    }
}

impl std::fmt::Display for Standstill {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::DiskFull { place, reserve } => write!(
                f,
                "the disk under the database {place} is full: what is under way is still recorded, and nothing is taken or \
                 sent until there is space again; free {} MiB or more, the rest follows by itself",
                reserve.saturating_mul(2).div_ceil(1 << 20).max(1)
            ),
            Self::WentBack(back) => write!(
                f,
                "the database {} is older than this host has seen it ({} commits are missing, the last one was seen at {}): \
                 it was restored from a backup, or it is a copy. Orders that were sent since would be sent again, so nothing \
                 is taken or sent; look at `orderdock reconcile`, then go on with `orderdock reconcile --accept`",
                back.place,
                back.missing(),
                time::rfc3339(back.seen_ms)
            ),
        }
    }
}

/// A pass that may have gone on in the time that the ledger forgot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PutInDoubt {
    /// Which.
    pub pass: PassKey,
    /// Until when the ERP is asked about it.
    pub deadline_ms: Millis,
}
