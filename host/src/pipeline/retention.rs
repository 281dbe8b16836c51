//! Bodies expire after the time that the administrator set; rows never do (lifecycle section 1). What a crash left in a
//! folder is removed once its order's pass is closed.

use std::{sync::Arc, time::Duration};

use super::{
    open::pinned_destination,
    parts::{Secrets, millis},
    work::{Shared, pause},
};
use crate::{
    config::ConnectionSettings,
    destination::{
        Destination,
        folder::{FileDrop as _, FolderDestination},
    },
    domain::id::AttemptToken,
};

/// Between two clean-ups.
const EVERY: Duration = Duration::from_secs(3600);

/// Passes cleaned in one transaction: small, so that no order waits for it.
const AT_ONCE: u32 = 200;

/// One host cleans up for all.
const TURN: &str = "retention";

/// How many leftovers are looked up at a time.
const LEFT_AT_ONCE: usize = 100;

/// Cleans until stopped.
pub async fn run(shared: Arc<Shared>) {
    while !shared.stop.is_cancelled() {
        match clean(&shared).await {
            // Also when another host does it.
            Ok(0) => {}
            Ok(cleaned) => tracing::info!(passes = cleaned, "bodies past their time were deleted"),
            Err(error) => tracing::warn!(%error, "bodies past their time could not be deleted"),
        }
        tidy(&shared).await;
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

/// Removes temporary and withdrawn files of passes that are closed: a host that ended between the commit of an outcome and
/// its tidying leaves them. Files of open passes are evidence, and files that this ledger does not know are somebody
/// else's.
async fn tidy(shared: &Shared) {
    let parts = &shared.parts;
    let Ok(connections) = parts.ledger.connections(false).await else { return };
    for record in connections {
        let Ok(settings) = serde_json::from_value::<ConnectionSettings>(record.config) else { continue };
        let opened = parts.opener.destination(&pinned_destination(&settings), &Secrets::new());
        let Ok(Destination::Folder(folder)) = opened.as_deref() else { continue };
        match tidy_folder(shared, folder).await {
            Ok(0) => {}
            Ok(removed) => {
                tracing::info!(connection = %record.name, removed, "files that a crash had left were removed")
            }
            Err(why) => tracing::debug!(connection = %record.name, %why, "what a crash left could not be looked for"),
        }
    }
}

async fn tidy_folder(shared: &Shared, folder: &FolderDestination) -> Result<usize, String> {
    let told = |error: &dyn std::fmt::Display| error.to_string();
    let there: Vec<AttemptToken> = folder
        .tokens_there()
        .await
        .map_err(|error| told(&error))?
        .into_iter()
        .take(LEFT_AT_ONCE)
        .map(AttemptToken)
        .collect();
    if there.is_empty() {
        return Ok(0);
    }
    let done = shared.parts.ledger.done_with(&there).await.map_err(|error| told(&error))?;
    folder.clear(done.into_iter().map(|token| token.0).collect()).await.map_err(|error| told(&error))
}
