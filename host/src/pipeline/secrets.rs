//! What a journey knows that nobody else may: the connection's secrets and remembered logins, and plugins' sealed state.

use std::sync::{MutexGuard, PoisonError};

use super::{
    journey::{Journey, Outcome},
    lane::state_purpose,
    parts::Secrets,
};
use crate::ledger::LedgerError;

impl Journey {
    /// Secrets and live logins, now.
    ///
    /// # Errors
    /// The ledger's.
    pub async fn secrets(&self) -> Outcome<(Secrets, Vec<String>)> {
        if let Some(known) = self.known_logins().clone() {
            return Ok(known);
        }
        let claimed = self.claimed_logins.lock().unwrap_or_else(PoisonError::into_inner).take();
        let read = self.lane.secrets_now(&self.parts, claimed).await?;
        *self.known_logins() = Some(read.clone());
        Ok(read)
    }

    /// Reads logins anew at the next use: one was remembered or forgotten.
    pub fn logins_changed(&self) {
        *self.known_logins() = None;
        *self.claimed_logins.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    fn known_logins(&self) -> MutexGuard<'_, Option<(Secrets, Vec<String>)>> {
        self.logins.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Seals a plugin's state for the ledger; empty stays empty.
    ///
    /// # Errors
    /// When no nonce can be made.
    pub fn seal(&self, release: &str, state: &[u8]) -> Outcome<Vec<u8>> {
        if state.is_empty() {
            return Ok(Vec::new());
        }
        let sealed = self.parts.sealer.seal(&state_purpose(&self.pass.idempotency_key, release), state);
        Ok(sealed.map_err(|error| LedgerError::Refused(format!("a plugin's state can't be sealed: {error}")))?)
    }

    /// Opens a sealed state.
    ///
    /// # Errors
    /// `Corrupt` when it was sealed for another pass or release, or with another key.
    pub fn unseal(&self, release: &str, sealed: &[u8]) -> Outcome<Vec<u8>> {
        if sealed.is_empty() {
            return Ok(Vec::new());
        }
        let opened = self.parts.sealer.open(&state_purpose(&self.pass.idempotency_key, release), sealed);
        Ok(opened.map_err(|error| LedgerError::Corrupt(format!("state of {}: {error}", self.pass.order_number)))?)
    }
}
