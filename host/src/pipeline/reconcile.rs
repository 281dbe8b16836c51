//! After a restored backup: the ledger has forgotten what was sent since, so it is compared with the shops and the ERPs
//! before anything is sent again.
//!
//! Comparing only reads. Accepting looks at every shop once more, so that each order that it still offers has an open pass,
//! and puts into doubt what may have been sent in the forgotten time: the ERP is asked, and where it can't be, a person is.

use std::{collections::BTreeSet, sync::Arc};

use serde::Serialize;
use tokio::sync::Semaphore;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{
    journey::Journey,
    lane::{Lane, LaneError},
    lease::Leases,
    parts::{Parts, millis},
    sweep,
    work::{Shared, Signals},
};
use crate::{
    domain::{
        clock::Millis,
        id::{LeaseToken, OrderKey, PassKey},
        pass::PassState,
        sight::{ListScope, Sight},
    },
    ledger::{
        LedgerError,
        connections::{ConnectionRecord, ConnectionState},
        orders::SweepKind,
        passes::Pass,
        reports::{OrderDetail, OrderFilter, OrderRow},
        standstill::{PutInDoubt, WentBack},
    },
    shop::ShopError,
};

/// Orders placed that long after the last commit that was seen can't have been sent: shops' clocks may be wrong by less.
const CLOCKS_DIFFER_MS: Millis = 10 * 60_000;

/// How far before the ledger's last good look at a shop orders are compared.
const BEFORE_MS: Millis = 86_400_000;

/// Open passes of a connection that are compared.
const MOST: u32 = 10_000;

/// Pages of a shop's list.
const MOST_PAGES: u32 = 1_000;

/// One order, as each of the three knows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Compared {
    /// Connection.
    pub connection: String,
    /// Number that people use.
    pub order_number: String,
    /// The shop's key.
    pub shop_order_id: String,
    /// What the ledger says; "not known" for an order that is newer than the backup.
    pub ledger: String,
    /// The shop's status, or why it could not be read.
    pub shop: String,
    /// What the ERP says, where it can be asked.
    pub erp: String,
    /// What becomes of it when this is accepted.
    pub follows: &'static str,
}

/// Why nothing can be accepted.
#[derive(Debug, thiserror::Error)]
pub enum ReconcileError {
    /// The ledger.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// A connection that can't be opened.
    #[error(transparent)]
    Lane(#[from] LaneError),
    /// A shop that can't be listed.
    #[error("the shop of `{connection}` could not be looked at, so nothing was accepted: {reason}")]
    Shop {
        /// Which.
        connection: String,
        /// Why.
        reason: String,
    },
}

/// What was accepted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Accepted {
    /// Orders that are in doubt now: looked up, or left to a person.
    pub in_doubt: usize,
    /// Commits that the ledger had forgotten.
    pub missing: u64,
}

/// Compares all connections that were not removed.
///
/// # Errors
/// The ledger's, or a connection that can't be opened. A shop that can't be read shows in its rows.
pub async fn compare(parts: &Arc<Parts>, back: Option<&WentBack>) -> Result<Vec<Compared>, ReconcileError> {
    let shared = alone(parts);
    let mut all = Vec::new();
    for record in connections(parts).await? {
        let lane = Arc::new(Lane::open(parts, record).await?);
        all.extend(compare_one(&shared, &lane, back).await?);
    }
    Ok(all)
}

/// Accepts that the ledger went back.
///
/// # Errors
/// When a shop can't be looked at, the ledger can't be written, or a connection can't be opened: then nothing is accepted.
pub async fn accept(parts: &Arc<Parts>, back: &WentBack, by: &str) -> Result<Accepted, ReconcileError> {
    let accepted = look_and_accept(parts, back, by).await;
    // The hosts that wait for this look at the shops next, and must not wait for our turns to run out.
    parts.ledger.end_turns(&parts.host).await?;
    accepted
}

async fn look_and_accept(parts: &Arc<Parts>, back: &WentBack, by: &str) -> Result<Accepted, ReconcileError> {
    let (shared, signals) = (alone(parts), Signals::new(Arc::default(), 1));
    parts.ledger.skip_documents(back.missing()).await?;
    let mut doubtful = Vec::new();
    for record in connections(parts).await? {
        let lane = Lane::open(parts, record).await?;
        if !sweep::sweep(&shared, &signals, &lane, SweepKind::Poll).await {
            let last = parts.ledger.sweeps(&lane.record.id, &lane.record.shop_id, 1).await?.into_iter().next();
            let reason = last.and_then(|sweep| sweep.error).unwrap_or_else(|| "its list could not be read".to_owned());
            return Err(ReconcileError::Shop { connection: lane.record.name, reason });
        }
        let until = parts.ledger.now_ms().await?.saturating_add(millis(lane.settings.unknown.lookup_for.duration()));
        for row in open_passes(parts, &lane).await? {
            let sight = lane.shop.get(&row.key.shop_order_id).await;
            if may_have_been_sent(&lane, &row, &sight, back) {
                let pass = PassKey { order: row.key, pass: row.pass.unwrap_or(1) };
                doubtful.push(PutInDoubt { pass, deadline_ms: until });
            }
        }
    }
    let in_doubt = parts.ledger.accept_restored(back, doubtful, by).await?;
    Ok(Accepted { in_doubt, missing: back.missing() })
}

/// The pipeline's own shape, for one that takes and sends nothing.
fn alone(parts: &Arc<Parts>) -> Arc<Shared> {
    Arc::new(Shared {
        parts: Arc::clone(parts),
        leases: Arc::new(Leases::default()),
        places: Arc::new(Semaphore::new(1)),
        stop: CancellationToken::new(),
        tasks: TaskTracker::new(),
        fleet: Arc::default(),
    })
}

async fn connections(parts: &Parts) -> Result<Vec<ConnectionRecord>, LedgerError> {
    let all = parts.ledger.connections(false).await?;
    Ok(all.into_iter().filter(|record| record.state != ConnectionState::Removed).collect())
}

async fn open_passes(parts: &Parts, lane: &Lane) -> Result<Vec<OrderRow>, LedgerError> {
    let filter = OrderFilter {
        connection: Some(lane.record.id.clone()),
        states: PassState::ALL.into_iter().filter(|state| !state.is_closed()).collect(),
        limit: MOST,
        ..OrderFilter::default()
    };
    parts.ledger.orders(filter).await
}

/// Whether an open pass may have gone on in the forgotten time. What the shop no longer offers is withdrawn by itself; what
/// was placed after the last commit that was seen can't have been sent.
fn may_have_been_sent(lane: &Lane, row: &OrderRow, sight: &Result<Sight, ShopError>, back: &WentBack) -> bool {
    if !matches!(row.state, Some(PassState::Waiting | PassState::Claimed | PassState::Mapped | PassState::Sending)) {
        return false;
    }
    if row.state == Some(PassState::Sending) {
        return true;
    }
    match sight {
        Ok(sight) if !lane.status().is_new(&sight.status) => false,
        Ok(sight) => is_forgotten(sight.placed_ms, back),
        Err(ShopError::NotFound(_)) => false,
        Err(_) => true,
    }
}

/// Whether an order may have been sent in the time that the ledger forgot.
fn is_forgotten(placed_ms: Option<Millis>, back: &WentBack) -> bool {
    placed_ms.is_none_or(|placed| placed <= back.seen_ms.saturating_add(CLOCKS_DIFFER_MS))
}

async fn compare_one(
    shared: &Arc<Shared>,
    lane: &Arc<Lane>,
    back: Option<&WentBack>,
) -> Result<Vec<Compared>, ReconcileError> {
    let parts = &shared.parts;
    let open = open_passes(parts, lane).await?;
    let mut keys: BTreeSet<String> = open.iter().map(|row| row.key.shop_order_id.clone()).collect();
    // What the shop changed since the ledger looked last may be what the ledger forgot.
    let last = parts.ledger.last_good_sweep(&lane.record.id, &lane.record.shop_id, SweepKind::Poll).await?;
    let since = last.map_or(lane.record.take_from_ms, |sweep| sweep.started_ms).saturating_sub(BEFORE_MS);
    let mut rows = Vec::new();
    for scope in [ListScope::InStatus(lane.status().new.clone()), ListScope::PlacedSince(since)] {
        if matches!(scope, ListScope::InStatus(_)) && !lane.shop.abilities().list_by_status {
            continue;
        }
        match list(lane, &scope).await {
            Ok(sights) => keys.extend(sights.into_iter().map(|sight| sight.shop_order_id)),
            Err(error) => rows.push(Compared {
                connection: lane.record.name.clone(),
                order_number: String::new(),
                shop_order_id: String::new(),
                ledger: String::new(),
                shop: error.to_string(),
                erp: String::new(),
                follows: "nothing can be accepted until this shop can be looked at",
            }),
        }
    }
    for shop_order_id in keys {
        let key = lane.key(&shop_order_id);
        let known = parts.ledger.order(&key).await?;
        let sight = lane.shop.get(&shop_order_id).await;
        if agrees(lane, known.as_ref(), &sight) {
            continue;
        }
        let erp = ask(shared, lane, &key, known.as_ref(), &sight).await;
        rows.push(row(lane, &shop_order_id, known.as_ref(), &sight, erp, back));
    }
    Ok(rows)
}

async fn list(lane: &Lane, scope: &ListScope) -> Result<Vec<Sight>, ShopError> {
    let (mut all, mut cursor) = (Vec::new(), None);
    for _ in 0..MOST_PAGES {
        let page = lane.shop.list(scope, cursor.as_deref()).await?;
        all.extend(page.sights);
        match page.next {
            Some(next) if cursor.as_ref() != Some(&next) => cursor = Some(next),
            _ => break,
        }
    }
    Ok(all)
}

/// Ledger and shop tell the same story: nothing is shown, and nothing follows.
fn agrees(lane: &Lane, known: Option<&OrderDetail>, sight: &Result<Sight, ShopError>) -> bool {
    let Ok(sight) = sight else { return false };
    let map = lane.status();
    let (new, success) = (map.is_new(&sight.status), map.success.as_ref() == Some(&sight.status));
    match known.and_then(|known| known.order.state) {
        Some(PassState::Delivered) => success || !new,
        Some(state) if state.is_closed() => !new && !success,
        Some(_) => false,
        // Never taken: a status that would be taken, or that only we set, needs a word.
        None => !new && !success,
    }
}

fn row(
    lane: &Lane,
    shop_order_id: &str,
    known: Option<&OrderDetail>,
    sight: &Result<Sight, ShopError>,
    (erp, asks): (String, bool),
    back: Option<&WentBack>,
) -> Compared {
    let ledger = match known.map(|known| known.order.state) {
        None => "not known".to_owned(),
        Some(None) => "seen, not taken".to_owned(),
        Some(Some(state)) => state.words().to_owned(),
    };
    let (number, shop) = match sight {
        Ok(sight) => (Some(sight.order_number.clone()), sight.status.clone()),
        Err(error) => (None, error.to_string()),
    };
    let number = number.or_else(|| known.map(|known| known.order.order_number.clone()));
    let offered = matches!(sight, Ok(sight) if lane.status().is_new(&sight.status));
    let forgotten = match (back, sight) {
        (Some(back), Ok(sight)) => is_forgotten(sight.placed_ms, back),
        (Some(_), Err(_)) => true,
        (None, _) => false,
    };
    let open = known.and_then(|known| known.order.state).is_some_and(|state| !state.is_closed());
    let follows = match (offered, forgotten, asks) {
        (true, true, true) => "the ERP is asked; sent only if it does not have it",
        (true, true, false) => "left to a person: look into the ERP before it is sent again",
        (true, false, _) => "sent as usual",
        (false, ..) if open => "not sent: the shop no longer offers it",
        (false, ..) => "nothing: it is settled in the shop",
    };
    Compared {
        connection: lane.record.name.clone(),
        order_number: number.unwrap_or_else(|| shop_order_id.to_owned()),
        shop_order_id: shop_order_id.to_owned(),
        ledger,
        shop,
        erp,
        follows,
    }
}

/// What the ERP says of an order, by the plugin's look-up; and whether it can be asked at all.
async fn ask(
    shared: &Arc<Shared>,
    lane: &Arc<Lane>,
    key: &OrderKey,
    known: Option<&OrderDetail>,
    sight: &Result<Sight, ShopError>,
) -> (String, bool) {
    match shared.parts.can_look_up(&lane.record.activation.release).await {
        Ok(true) => {}
        Ok(false) => return ("can't be asked: the plugin has no look-up".to_owned(), false),
        Err(error) => return (format!("could not be asked: {error}"), true),
    }
    let order = match sight.as_ref().map(|sight| sight.order.as_ref()) {
        Ok(Ok(order)) => Arc::new(order.as_ref().clone()),
        _ => return ("not asked: the shop does not show the order".to_owned(), true),
    };
    let pass = pass(key, known, &order.order_number);
    let token = LeaseToken("reconcile".to_owned());
    let held = shared.leases.hold(&shared.parts, &pass.key, &token, shared.parts.clock.since_boot());
    let mut journey = Journey {
        parts: Arc::clone(&shared.parts),
        lane: Arc::clone(lane),
        signals: Arc::new(Signals::new(Arc::default(), 1)),
        held: Arc::clone(&held),
        pass,
        attempt: None,
        order: Some(Arc::clone(&order)),
        sent_before: false,
        logins: std::sync::Mutex::default(),
        claimed_logins: std::sync::Mutex::default(),
        payment: None,
        quarantine: None,
        mapping: None,
    };
    let said = journey.erp_says(&order).await;
    shared.leases.drop_lease(&held);
    said.unwrap_or_else(|error| (format!("could not be asked: {error}"), true))
}

/// The pass that is asked about: the last one that is known, or the first one that there would be.
fn pass(key: &OrderKey, known: Option<&OrderDetail>, order_number: &str) -> Pass {
    let last = known.and_then(|known| known.passes.last());
    let key = PassKey { order: key.clone(), pass: last.map_or(1, |last| last.pass) };
    Pass {
        order_number: order_number.to_owned(),
        state: PassState::Unknown,
        opened_ms: last.map_or(0, |last| last.opened_ms),
        not_before_ms: 0,
        because: String::new(),
        pins: None,
        step: 0,
        delivery: None,
        sealed_state: None,
        idempotency_key: last.map_or_else(|| key.first_idempotency_key(), |last| last.idempotency_key.clone()),
        document_number: last.map_or(0, |last| last.document_number),
        mapped_at_ms: None,
        awaiting: None,
        deadline_ms: None,
        retry_since_ms: None,
        tried_ms: None,
        retries: 0,
        takeovers: 0,
        attempts: 0,
        sent: false,
        by_intent: false,
        inherits_unknown: true,
        earlier_settled_ms: None,
        earlier_state: None,
        previous: None,
        key,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_placed_after_the_last_commit_that_was_seen_can_not_have_been_sent() {
        let back = WentBack { place: "db".to_owned(), sequence: 7, seen: 9, seen_ms: 1_000_000 };
        assert!(is_forgotten(Some(999_999), &back) && is_forgotten(None, &back));
        assert!(is_forgotten(Some(1_000_000 + CLOCKS_DIFFER_MS), &back), "shops' clocks may be ahead");
        assert!(!is_forgotten(Some(1_000_001 + CLOCKS_DIFFER_MS), &back));
    }
}
