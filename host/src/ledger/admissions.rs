//! Verdicts on releases, what people decided about them, and releases in quarantine.

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use super::{LedgerError, Result};
use crate::domain::{
    admission::{Admission, Item, Kept},
    clock::Millis,
    id::{ConnectionId, Digest},
};

/// A release that failed too often at a connection. While it is the one in force there, nothing is mapped.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Quarantine {
    /// Which release.
    pub release: Digest,
    /// Since when.
    pub since_ms: Millis,
    /// Calls in a row that failed by its own fault.
    pub faults: u32,
    /// How the last one failed, in one sentence.
    pub because: String,
    /// When a person lifted it.
    pub lifted_ms: Option<Millis>,
    /// Who.
    pub lifted_by: Option<String>,
    /// Why.
    pub lifted_why: Option<String>,
}

/// A quarantine that begins with a move (`Move::quarantine`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewQuarantine {
    /// Which release.
    pub release: Digest,
    /// Calls in a row that failed.
    pub faults: u32,
    /// How the last one failed.
    pub because: String,
}

/// Verdicts and quarantines.
#[async_trait]
pub trait Admissions {
    /// Keeps the verdict on a release; an older one is replaced. To be kept before the release itself, so that no release
    /// is ever there without it.
    async fn keep_admission(&self, release: &Digest, admission: &Admission, by: &str) -> Result<()> {
        let _none = (release, admission, by);
        Err(LedgerError::Refused("this ledger keeps no verdicts".to_owned()))
    }

    /// The verdicts that are kept, with what people decided about them; of one release or of all.
    async fn admissions(&self, release: Option<&Digest>) -> Result<Vec<(Digest, Kept)>> {
        let _none = release;
        Ok(Vec::new())
    }

    /// A person takes a release in spite of a failed item. The first decision about an item stands: false if there was one.
    ///
    /// # Errors
    /// `NotFound` for a release without a verdict; `Refused` for an item that did not fail or can't be overridden.
    async fn override_item(&self, release: &Digest, item: Item, reason: &str, by: &str) -> Result<bool> {
        let _none = (item, reason, by);
        Err(LedgerError::NotFound { what: format!("verdict on release {release}") })
    }

    /// Every quarantine of a connection, newest first.
    async fn quarantines(&self, connection: &ConnectionId) -> Result<Vec<Quarantine>> {
        let _none = connection;
        Ok(Vec::new())
    }

    /// A person lifts the quarantine of the release that is in force at a connection.
    ///
    /// # Errors
    /// `NotFound` when there is none.
    async fn lift_quarantine(&self, connection: &ConnectionId, why: &str, by: &str) -> Result<Quarantine> {
        let _none = (why, by);
        Err(LedgerError::NotFound { what: format!("quarantine of connection {connection}") })
    }
}
