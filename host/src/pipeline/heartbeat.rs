//! Signs of life to the shop, from a loop of their own: never alive over a dead poller (lifecycle section 7).

use std::sync::Arc;

use tokio::sync::watch;

use super::{
    fleet,
    lane::Lane,
    notices,
    work::{Shared, Signals},
};
use crate::{
    domain::clock::Millis,
    ledger::{LedgerError, orders::SweepKind},
    shop::ShopError,
};

/// Tells the shop until stopped.
pub async fn run(shared: Arc<Shared>, signals: Arc<Signals>, lane: watch::Receiver<Arc<Lane>>) {
    while !shared.stop.is_cancelled() {
        let swept = signals.swept.notified();
        let mut told = false;
        let now = Arc::clone(&lane.borrow());
        // One host tells the shop, and people: the one that looks at it.
        if shared.fleet.has(&shared.parts, &fleet::sweep_of(&now.record.id)) {
            let alive = is_alive(&shared, &now).await;
            if let Ok(alive) = alive
                && (alive || (now.takes() && now.record.swept_once))
                && let Err(error) = notices::of_shop(&shared, &signals, &now, alive).await
            {
                tracing::warn!(connection = %now.record.name, %error, "who is to be told of the shop's trouble is not known");
            }
            match alive {
                Ok(true) if !now.shop.abilities().heartbeat => {}
                Ok(true) => match now.shop.heartbeat().await.inspect(|()| told = true) {
                    Ok(()) | Err(ShopError::Unsupported(_)) => {}
                    Err(error) => {
                        tracing::warn!(connection = %now.record.name, %error, "the shop did not take a sign of life");
                    }
                },
                Ok(false) if now.takes() && now.record.swept_once => {
                    tracing::warn!(connection = %now.record.name, "not alive: no good sweep lately");
                }
                // Paused, or about to look for the first time.
                Ok(false) => {}
                Err(error) => tracing::warn!(connection = %now.record.name, %error, "whether it is alive is not known"),
            }
        }
        // After silence the shop hears of us as soon as there is something to say.
        tokio::select! {
            biased;
            () = shared.stop.cancelled() => return,
            () = swept, if !told => {}
            () = tokio::time::sleep(shared.parts.pace.heartbeat_every) => {}
        }
    }
}

/// A connection is alive if its last good sweep is younger than two intervals and a minute.
///
/// # Errors
/// The ledger's.
pub async fn is_alive(shared: &Shared, lane: &Lane) -> Result<bool, LedgerError> {
    let ledger = &shared.parts.ledger;
    let last = ledger.last_good_sweep(&lane.record.id, &lane.record.shop_id, SweepKind::Poll).await?;
    let now = ledger.now_ms().await?;
    Ok(last.is_some_and(|sweep| now.saturating_sub(sweep.ended_ms) < freshness_ms(lane, now)))
}

/// How old the last good sweep may be.
pub fn freshness_ms(lane: &Lane, now: Millis) -> Millis {
    lane.schedule.interval_after(now).unwrap_or(300_000).saturating_mul(2).saturating_add(60_000)
}
