//! Publishers whose key the administrator trusts, and the signatures of releases.
//!
//! What a signature is worth is judged elsewhere, whenever somebody puts a release to work: here lies what is needed for it.
//! A ledger that asks for no signatures need not implement anything.

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use super::{LedgerError, Result};
use crate::domain::{clock::Millis, id::Digest, signature::ReleaseSignature};

/// A publisher's key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PublisherKey {
    /// The publisher's name, as its plugins describe themselves.
    pub name: String,
    /// What people compare.
    pub key_id: String,
    /// The key, as PEM.
    pub key_pem: String,
    /// Who added it.
    pub by: String,
    /// When.
    pub added_ms: Millis,
}

/// Publishers and signatures.
#[async_trait]
pub trait Publishers {
    /// The keys that are trusted, by name.
    async fn publishers(&self) -> Result<Vec<PublisherKey>> {
        Ok(Vec::new())
    }

    /// Trusts a key; false when it was trusted already.
    async fn trust(&self, name: &str, key_id: &str, key_pem: &str, by: &str) -> Result<bool> {
        let _nobody = (key_id, key_pem, by);
        Err(LedgerError::Refused(format!("this ledger keeps no publishers such as {name}")))
    }

    /// Trusts a publisher no longer, or only one of its keys no longer; how many keys that were. Who did it is kept.
    async fn distrust(&self, name: &str, key_id: Option<&str>, by: &str) -> Result<u64> {
        let _nobody = (name, key_id, by);
        Ok(0)
    }

    /// Keeps signatures of a release; those that are there already stay as they are.
    async fn keep_signatures(&self, release: &Digest, signatures: &[ReleaseSignature], by: &str) -> Result<()> {
        let _none = (release, signatures, by);
        Ok(())
    }

    /// The signatures of a release, oldest first.
    async fn signatures(&self, release: &Digest) -> Result<Vec<ReleaseSignature>> {
        let _none = release;
        Ok(Vec::new())
    }
}
