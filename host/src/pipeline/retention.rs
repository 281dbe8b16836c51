//! Bodies expire after the time that the administrator set; rows never do (lifecycle section 1).

use std::{sync::Arc, time::Duration};

use super::{
    parts::millis,
    work::{Shared, pause},
};

/// Between two clean-ups.
const EVERY: Duration = Duration::from_secs(3600);

/// Passes cleaned in one transaction: small, so that no order waits for it.
const AT_ONCE: u32 = 200;

/// One host cleans up for all.
const TURN: &str = "retention";

/// Cleans until stopped.
pub async fn run(shared: Arc<Shared>) {
    while !shared.stop.is_cancelled() {
        match clean(&shared).await {
            // Also when another host does it.
            Ok(0) => {}
            Ok(cleaned) => tracing::info!(passes = cleaned, "bodies past their time were deleted"),
            Err(error) => tracing::warn!(%error, "bodies past their time could not be deleted"),
        }
        pause(&shared, EVERY).await;
    }
}

async fn clean(shared: &Shared) -> crate::ledger::Result<u64> {
    let ledger = &shared.parts.ledger;
    if !shared.fleet.take(&shared.parts, TURN).await? {
        return Ok(0);
    }
    let before = ledger.now_ms().await?.saturating_sub(millis(shared.parts.pace.keep_bodies));
    let mut all = 0;
    loop {
        let cleaned = ledger.expire_bodies(before, AT_ONCE).await?;
        all += cleaned;
        if cleaned < u64::from(AT_ONCE) || shared.stop.is_cancelled() {
            return Ok(all);
        }
        tokio::task::yield_now().await;
    }
}
