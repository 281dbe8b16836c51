//! Looking at the shop: every order that it shows is recorded with a decision before anything else happens (promise 1).
//!
//! The list is overlapped, never trusted to be complete or ordered: pages shift while statuses change, so a list of more
//! than one page is read again until a round shows nothing new. A cursor lives only inside one sweep. What only hints at a
//! reset is read alone before it is believed (lifecycle section 3).
//!
//! Nothing is ever concluded from an order that a list does not show. A daily slow sweep lists the recent past whatever its
//! status, and says which orders the polls should have shown and did not.

use std::{
    collections::{BTreeSet, HashMap},
    sync::{Arc, PoisonError},
    time::Duration,
};

use sha2::{Digest as _, Sha256};
use tokio::sync::watch;

use super::{
    fleet,
    lane::Lane,
    work::{Shared, Signals},
};
use crate::{
    domain::{
        clock::Millis,
        id::PassKey,
        judge::{self, Reading},
        sight::{ListScope, Page, Sight},
    },
    failpoint::{self, Point},
    ledger::{
        LedgerError,
        orders::{Recorded, SightBatch, Sweep, SweepKind},
    },
    shop::ShopError,
};

/// Windows by modified time begin that much before the last good sweep began.
const OVERLAP_MS: Millis = 10 * 60_000;

/// How far the daily slow sweep looks back.
const SLOW_SWEEP_MS: Millis = 60 * 86_400_000;

/// Between two slow sweeps.
const SLOW_EVERY_MS: Millis = 86_400_000;

/// A slot may be a day away, and the clock may be set meanwhile.
const LOOK_AT_THE_CLOCK: Duration = Duration::from_secs(60);

/// Rounds of one list; a shop that goes on showing new orders is read again at the next sweep.
const MOST_ROUNDS: u32 = 20;

/// Pages of one round: 100,000 orders at 100 a page.
const MOST_PAGES: u32 = 1_000;

/// Orders read alone after a sweep.
const MOST_ALONE: u32 = 50;

/// Why a sweep is incomplete.
#[derive(Debug, thiserror::Error)]
pub enum SweepError {
    /// The shop.
    #[error(transparent)]
    Shop(#[from] ShopError),
    /// The ledger.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// The host stops.
    #[error("the host is stopping")]
    Stopping,
    /// This host stood still, and another one looks at the shop now.
    #[error("it is no longer this host's turn to look at the shop")]
    NotOurTurn,
}

/// What a sweep found.
#[derive(Default)]
struct Found {
    /// Each order with a digest of how it was shown last; none where the shop's own text is not known.
    seen: HashMap<String, Option<[u8; 32]>>,
    alone: BTreeSet<String>,
    opened: u32,
    missed: Vec<PassKey>,
    /// The newest stamp of a change.
    newest_ms: Option<Millis>,
}

/// What a list is read for.
struct Listing {
    kind: SweepKind,
    scope: ListScope,
    first_sweep: bool,
    /// What was in the shop before then should have been shown by a poll (slow sweeps only).
    polled_ms: Option<Millis>,
}

impl Found {
    /// Whether a sight differs from what this sweep was shown of the order before.
    fn is_news(&mut self, sight: &Sight) -> bool {
        // The shop's text says everything about the order that the shop said.
        let shown = sight.order.as_ref().ok().map(|order| order.raw_json.as_str()).filter(|text| !text.is_empty());
        let shown = shown.map(|text| Sha256::digest(text).into());
        let before = self.seen.insert(sight.shop_order_id.clone(), shown);
        before.is_none_or(|before| before.is_none() || before != shown)
    }
}

/// Sweeps by schedule and on request, until stopped. One at a time: an overlapping run can't happen.
pub async fn run(shared: Arc<Shared>, signals: Arc<Signals>, mut lane: watch::Receiver<Arc<Lane>>) {
    let (mut asked, mut slot) = (true, None);
    loop {
        if shared.stop.is_cancelled() {
            return;
        }
        let now = Arc::clone(&lane.borrow_and_update());
        if asked {
            slot = None;
        }
        // A list that nothing could be recorded of would only cost the shop's rate limit.
        if asked && now.takes() && shared.parts.ledger.standstill().is_none() {
            poll(&shared, &signals, &now).await;
        }
        let wait = until_slot(&shared, &now, &mut slot);
        let woken = signals.sweep.notified();
        asked = tokio::select! {
            biased;
            () = shared.stop.cancelled() => return,
            () = woken => true,
            changed = lane.changed() => {
                if changed.is_err() {
                    return;
                }
                // A new or resumed connection looks at once; any other change waits for its time.
                slot = None;
                !now.takes() || lane.borrow().record.shop_id != now.record.shop_id
            }
            () = tokio::time::sleep(wait.min(LOOK_AT_THE_CLOCK)) => wait <= LOOK_AT_THE_CLOCK,
        };
    }
}

/// One host at a time looks at a connection's shop: whose turn it is keeps it.
async fn is_ours(shared: &Shared, lane: &Lane) -> bool {
    match shared.fleet.take(&shared.parts, &fleet::sweep_of(&lane.record.id)).await {
        Ok(ours) => ours,
        Err(error) => {
            tracing::warn!(connection = %lane.record.name, %error, "whose turn it is to look at the shop is not known");
            false
        }
    }
}

/// How long until the next slot of the schedule. Where the clock was set, the slot that comes first counts: one that was
/// jumped over is due now, and one that was jumped back to is due again.
fn until_slot(shared: &Shared, lane: &Lane, slot: &mut Option<Millis>) -> Duration {
    let now = shared.parts.calendar.now_ms();
    let next = lane.schedule.next_after(now).unwrap_or_else(|| now.saturating_add(3_600_000));
    let next = slot.map_or(next, |known| next.min(known));
    *slot = Some(next);
    Duration::from_millis(u64::try_from(next.saturating_sub(now).max(0)).unwrap_or(0))
}

/// One poll, with the slow sweep when a day has passed.
async fn poll(shared: &Arc<Shared>, signals: &Signals, lane: &Lane) {
    let good = sweep(shared, signals, lane, SweepKind::Poll).await;
    if !good || !slow_sweep_due(shared, lane).await {
        return;
    }
    sweep(shared, signals, lane, SweepKind::Slow).await;
}

async fn slow_sweep_due(shared: &Shared, lane: &Lane) -> bool {
    let ledger = &shared.parts.ledger;
    let last = ledger.last_good_sweep(&lane.record.id, &lane.record.shop_id, SweepKind::Slow).await;
    match (last, ledger.now_ms().await) {
        (Ok(Some(last)), Ok(now)) => now.saturating_sub(last.started_ms) >= SLOW_EVERY_MS,
        // The first complete poll is the first comparison; the slow one follows a day later.
        (Ok(None), Ok(now)) => now.saturating_sub(lane.record.state_since_ms) >= SLOW_EVERY_MS,
        _ => false,
    }
}

/// One sweep, recorded whether it was good or not. Answers whether it was. Nothing happens while it is another host's turn.
pub async fn sweep(shared: &Arc<Shared>, signals: &Signals, lane: &Lane, kind: SweepKind) -> bool {
    if !is_ours(shared, lane).await {
        return false;
    }
    let ledger = &shared.parts.ledger;
    let Ok(started_ms) = ledger.now_ms().await else { return false };
    let mut found = Found::default();
    let result = list_all(shared, signals, lane, kind, started_ms, &mut found).await;
    report_missed(shared, lane, &found.missed).await;
    let error = result.as_ref().err().map(ToString::to_string);
    if let Some(error) = &error {
        tracing::warn!(connection = %lane.record.name, %error, "the shop could not be looked at completely");
    }
    if let (Ok(()), SweepKind::Poll) = (&result, kind) {
        let mut newest_ms = signals.newest_ms.lock().unwrap_or_else(PoisonError::into_inner);
        *newest_ms = found.newest_ms.max(*newest_ms);
    }
    let ended_ms = ledger.now_ms().await.unwrap_or(started_ms);
    let seen = u32::try_from(found.seen.len()).unwrap_or(u32::MAX);
    let sweep = Sweep { kind, started_ms, ended_ms, seen, opened: found.opened, error };
    if found.opened > 0 || kind == SweepKind::Slow {
        tracing::info!(connection = %lane.record.name, seen, taken = found.opened, "looked at the shop");
    }
    let recording = ledger.record_sweep(&lane.record.id, &lane.record.shop_id, sweep);
    if let Err(error) = failpoint::around(Point::Cursor, recording).await {
        tracing::error!(connection = %lane.record.name, %error, "a sweep could not be recorded");
        return false;
    }
    if result.is_ok() {
        signals.swept.notify_one();
    }
    result.is_ok()
}

/// Orders that only the slow sweep found are taken as any other, and said: the shop's list leaves something out.
async fn report_missed(shared: &Shared, lane: &Lane, missed: &[PassKey]) {
    for pass in missed {
        let order = &pass.order.shop_order_id;
        tracing::warn!(connection = %lane.record.name, %order, "the polls missed this order; the daily comparison found it");
        let line = "The regular looks at the shop had missed it; the daily comparison found it".to_owned();
        if let Err(error) = shared.parts.ledger.note(pass, vec![line]).await {
            tracing::warn!(%order, %error, "that an order was missed could not be recorded");
        }
    }
}

/// Whether nothing has told yet what was new in the shop when this connection began. What is pushed is never older than
/// the connection.
async fn first_look(shared: &Shared, lane: &Lane) -> Result<bool, LedgerError> {
    if lane.record.shop.kind == "push" {
        return Ok(false);
    }
    Ok(!shared.parts.ledger.looked_once(&lane.record.id, &lane.record.shop_id).await?)
}

async fn list_all(
    shared: &Arc<Shared>,
    signals: &Signals,
    lane: &Lane,
    kind: SweepKind,
    started_ms: Millis,
    found: &mut Found,
) -> Result<(), SweepError> {
    let ledger = &shared.parts.ledger;
    let (id, shop) = (&lane.record.id, &lane.record.shop_id);
    let polled_ms = match kind {
        SweepKind::Poll => None,
        SweepKind::Slow => {
            let last = ledger.last_good_sweep(id, shop, SweepKind::Poll).await?;
            last.map(|poll| poll.started_ms.saturating_sub(lane.policy.read_lag_ms))
        }
    };
    let scope = scope(shared, signals, lane, kind, started_ms).await?;
    let listing = Listing { kind, scope, first_sweep: first_look(shared, lane).await?, polled_ms };
    for _ in 0..MOST_ROUNDS {
        let before = found.seen.len();
        let pages = one_round(shared, signals, lane, &listing, found).await?;
        if pages <= 1 || found.seen.len() == before {
            break;
        }
    }
    if !lane.shop.abilities().single_read {
        return Ok(());
    }
    found.alone.extend(ledger.to_read_alone(&lane.record.id, &lane.record.shop_id, MOST_ALONE).await?);
    for shop_order_id in std::mem::take(&mut found.alone) {
        if shared.stop.is_cancelled() {
            return Err(SweepError::Stopping);
        }
        match look(shared, signals, lane, &shop_order_id).await {
            Ok(opened) => found.opened = found.opened.saturating_add(opened),
            // One odd order spoils no sweep: it is looked at again at the next one.
            Err(SweepError::Shop(
                error @ (ShopError::NotFound(_) | ShopError::Refused { .. } | ShopError::Unclear(_)),
            )) => tracing::warn!(order = %shop_order_id, %error, "an order could not be read alone"),
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

async fn one_round(
    shared: &Arc<Shared>,
    signals: &Signals,
    lane: &Lane,
    listing: &Listing,
    found: &mut Found,
) -> Result<u32, SweepError> {
    let mut cursor: Option<String> = None;
    for page_number in 1..=MOST_PAGES {
        if shared.stop.is_cancelled() {
            return Err(SweepError::Stopping);
        }
        if !shared.fleet.has(&shared.parts, &fleet::sweep_of(&lane.record.id)) {
            return Err(SweepError::NotOurTurn);
        }
        let began_ms = shared.parts.ledger.now_ms().await?;
        let Page { sights, next } = lane.shop.list(&listing.scope, cursor.as_deref()).await?;
        failpoint::here::<ShopError>(Point::PollAnswer).await?;
        found.newest_ms = sights.iter().filter_map(|sight| sight.modified_ms).max().max(found.newest_ms);
        // What this sweep has recorded already and is shown again just as it was tells nothing new, and each record is a write.
        let sights: Vec<Sight> = sights.into_iter().filter(|sight| found.is_news(sight)).collect();
        let reading = Reading { began_ms, single: false, first_sweep: listing.first_sweep };
        let changed: Vec<Option<Millis>> = sights.iter().map(|sight| sight.modified_ms.max(sight.placed_ms)).collect();
        for (recorded, changed_ms) in record(shared, signals, lane, sights, reading).await?.into_iter().zip(changed) {
            found.opened = found.opened.saturating_add(u32::from(recorded.opened.is_some()));
            if let (SweepKind::Slow, Some(pass), Some(polled_ms)) = (listing.kind, recorded.opened, listing.polled_ms)
                && changed_ms.is_none_or(|changed_ms| changed_ms < polled_ms)
            {
                found.missed.push(PassKey { order: lane.key(&recorded.shop_order_id), pass });
            }
            if recorded.judgement.read_alone {
                found.alone.insert(recorded.shop_order_id);
            }
        }
        match next {
            Some(next) if cursor.as_deref() != Some(next.as_str()) => cursor = Some(next),
            _ => return Ok(page_number),
        }
    }
    Ok(MOST_PAGES)
}

/// Reads one order alone and records what was seen: a hint, a possible reset, "why" with a live look.
///
/// # Errors
/// The shop's or the ledger's.
pub async fn look(
    shared: &Arc<Shared>,
    signals: &Signals,
    lane: &Lane,
    shop_order_id: &str,
) -> Result<u32, SweepError> {
    let began_ms = shared.parts.ledger.now_ms().await?;
    let sight = lane.shop.get(shop_order_id).await?;
    let reading = Reading { began_ms, single: true, first_sweep: first_look(shared, lane).await? };
    let recorded = record(shared, signals, lane, vec![sight], reading).await?;
    Ok(u32::try_from(recorded.iter().filter(|one| one.opened.is_some()).count()).unwrap_or(0))
}

async fn record(
    shared: &Arc<Shared>,
    signals: &Signals,
    lane: &Lane,
    sights: Vec<Sight>,
    reading: Reading,
) -> Result<Vec<Recorded>, SweepError> {
    if sights.is_empty() {
        return Ok(Vec::new());
    }
    let policy = Arc::new(lane.policy.clone());
    let statuses = Arc::clone(&policy);
    let batch = SightBatch {
        connection: lane.record.id.clone(),
        shop: lane.record.shop_id.clone(),
        sights: Arc::new(sights),
        judge: Arc::new(move |sight, history, other| judge::judge(&policy, sight, reading, history, other)),
        began_ms: reading.began_ms,
        single: reading.single,
        is_new: Arc::new(move |status| statuses.status.is_new(status)),
    };
    let recorded = failpoint::around(Point::Ingest, shared.parts.ledger.record_sights(batch)).await?;
    if recorded.iter().any(|one| one.opened.is_some()) {
        signals.work.notify_one();
    }
    Ok(recorded)
}

/// What is asked for. Stamps of changes are the shop's own time, and ours may be ahead of it or may have been ahead when the
/// last sweep began: a window by them never begins after the newest stamp that the shop has shown us. Who was shown none yet
/// goes back as far as the daily comparison.
async fn scope(
    shared: &Shared,
    signals: &Signals,
    lane: &Lane,
    kind: SweepKind,
    now: Millis,
) -> Result<ListScope, LedgerError> {
    if kind == SweepKind::Slow {
        return Ok(ListScope::PlacedSince(now.saturating_sub(SLOW_SWEEP_MS)));
    }
    if lane.shop.abilities().list_by_status {
        return Ok(ListScope::InStatus(lane.status().new.clone()));
    }
    let last = shared.parts.ledger.last_good_sweep(&lane.record.id, &lane.record.shop_id, SweepKind::Poll).await?;
    let newest_ms = *signals.newest_ms.lock().unwrap_or_else(PoisonError::into_inner);
    let newest_ms = newest_ms.unwrap_or_else(|| now.saturating_sub(SLOW_SWEEP_MS));
    let from = last.map_or(lane.record.take_from_ms, |sweep| sweep.started_ms.min(newest_ms));
    Ok(ListScope::ModifiedSince(from.saturating_sub(OVERLAP_MS)))
}
