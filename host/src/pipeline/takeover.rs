//! A pass that a lost worker left in *sending*: what the last recorded phase proves decides (lifecycle section 4).

use super::journey::{Journey, Outcome};
use crate::destination::Destination;

impl Journey {
    /// Takes over a pass that was being sent.
    ///
    /// # Errors
    /// As [`Journey::go`].
    pub async fn take_over(&mut self) -> Outcome<()> {
        let now = self.now_ms().await?;
        let destination = match self.destination(None) {
            Ok(destination) => destination,
            Err(_) => {
                let settled = self.doubt("the host stopped while it was sending").await?;
                return self.settle(settled).await;
            }
        };
        let Some(attempt) = self.attempt.clone() else {
            let settled = self.doubt("the host stopped while it was sending").await?;
            return self.settle(settled).await;
        };
        if let Destination::Folder(folder) = destination.as_ref() {
            return self.recover_files(folder, &destination, &attempt).await;
        }
        if self.may_repeat(&attempt, now) {
            let settled = self.again("the host stopped while it was sending, and the request may be repeated", now);
            return self.settle(settled).await;
        }
        // The attempt stays open: should its worker only have been paused, its own answer still counts.
        let settled = self.doubt(&Self::lost_while_sending(attempt.phase)).await?;
        self.settle(settled).await
    }
}
