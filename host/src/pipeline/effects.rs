//! Paying what the shop is owed: ERP id, note, stamp, status, in this order, by one worker per order.
//!
//! A status is written only if a single read shows what we last saw; anything else is somebody's decision and stays
//! (lifecycle section 1). A note that the shop can't list back is written at most once.

use std::{sync::Arc, time::Duration};

use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};

use super::{
    lane::Lane,
    parts::{Parts, back_off, millis},
    work::{Shared, Signals, pause},
};
use crate::{
    domain::{
        clock::{Clock, Millis},
        judge::Confirmed,
    },
    failpoint::{self, Point},
    ledger::effects::{EffectBody, EffectEnd, Owed, OwedByOrder},
    shop::ShopError,
};

/// An effect that failed for that long is given up, shown, and blocks nothing.
const GIVE_UP_AFTER_MS: Millis = 24 * 3_600_000;

/// Orders whose effects are paid at once, for each connection.
const AT_ONCE: usize = 8;

/// The places of a connection for orders whose effects are paid.
pub fn places() -> Arc<Semaphore> {
    Arc::new(Semaphore::new(AT_ONCE))
}

/// Pays until stopped. A place that becomes free is filled at once: a slow order keeps no other one waiting. Most effects
/// don't come this way: a journey that ends while a place is free pays its own ([`Payment`]).
pub async fn run(shared: Arc<Shared>, signals: Arc<Signals>, mut lane: watch::Receiver<Arc<Lane>>) {
    loop {
        if shared.stop.is_cancelled() {
            return;
        }
        let woken = signals.effects.notified();
        let mut places = tokio::select! {
            biased;
            () = shared.stop.cancelled() => return,
            places = free_places(&signals.effect_places) => places,
        };
        let now = Arc::clone(&lane.borrow_and_update());
        let parts = &shared.parts;
        let (room, lease) = (u32::try_from(places.len()).unwrap_or(u32::MAX), millis(parts.pace.lease));
        match parts.ledger.claim_effects(&now.record.id, &parts.host, room, lease).await {
            Ok(orders) if !orders.is_empty() => {
                for owed in orders {
                    let (parts, lane) = (Arc::clone(parts), Arc::clone(&now));
                    let place = places.pop();
                    shared.tasks.spawn(async move {
                        pay(&parts, &lane, owed).await;
                        drop(place);
                    });
                }
                continue;
            }
            Ok(_) => {}
            Err(error) => {
                tracing::error!(connection = %now.record.name, %error, "effects could not be claimed");
                pause(&shared, Duration::from_secs(1)).await;
            }
        }
        // While we wait, journeys pay in them.
        drop(places);
        tokio::select! {
            biased;
            () = shared.stop.cancelled() => return,
            () = woken => {}
            changed = lane.changed() => if changed.is_err() { return },
            () = tokio::time::sleep(Duration::from_secs(1)) => {}
        }
    }
}

/// Every place that is free, and at least one.
async fn free_places(own: &Arc<Semaphore>) -> Vec<OwnedSemaphorePermit> {
    // The semaphore is never closed.
    let mut places: Vec<_> = Arc::clone(own).acquire_owned().await.into_iter().collect();
    while let Ok(place) = Arc::clone(own).try_acquire_owned() {
        places.push(place);
    }
    places
}

/// What paying one order's effects brought.
#[derive(Default)]
struct Paid {
    ends: Vec<(i64, EffectEnd)>,
    confirmed: Option<Confirmed>,
    timeline: Vec<(u32, String)>,
}

/// Effects that were leased with the move that left them, and the place in which they are paid.
pub struct Payment {
    /// What is owed.
    pub owed: OwedByOrder,
    /// Where.
    pub place: OwnedSemaphorePermit,
}

/// Pays what one order's shop is owed, and records what came of it.
pub async fn pay(parts: &Parts, lane: &Lane, owed: OwedByOrder) {
    let ledger = &parts.ledger;
    let Ok(now) = ledger.now_ms().await else { return };
    let mut paid = Paid::default();
    let mut trouble: Option<(Millis, String)> = None;
    for effect in &owed.effects {
        let end = match &trouble {
            Some((not_before_ms, error)) => EffectEnd::Retry { not_before_ms: *not_before_ms, error: error.clone() },
            None => pay_one(parts.clock.as_ref(), lane, &owed, effect, now, &mut paid).await,
        };
        if let EffectEnd::Retry { not_before_ms, error } = &end {
            trouble = Some((*not_before_ms, error.clone()));
        }
        if let EffectEnd::GivenUp(why) = &end {
            let what = effect.body.kind().replace('_', " ");
            paid.timeline.push((effect.pass, format!("The shop could not be told ({what}): {why}")));
        }
        paid.ends.push((effect.number, end));
    }
    let Paid { ends, confirmed, timeline } = paid;
    let finishing = ledger.finish_effects(&owed.order, &owed.token, ends, confirmed, timeline);
    if let Err(error) = failpoint::around(Point::StatusConfirmed, finishing).await {
        tracing::warn!(order = %owed.order.shop_order_id, %error, "what was paid to the shop could not be recorded");
    }
}

async fn pay_one(
    clock: &dyn Clock,
    lane: &Lane,
    owed: &OwedByOrder,
    effect: &Owed,
    now: Millis,
    paid: &mut Paid,
) -> EffectEnd {
    let id = owed.order.shop_order_id.as_str();
    let result = match &effect.body {
        EffectBody::ErpId { id: erp } => lane.shop.set_erp_order_id(id, erp).await,
        EffectBody::Note { text } => return note(lane, owed, effect, text, now, paid).await,
        EffectBody::Stamp => lane.shop.mark_processed(id).await,
        EffectBody::Status { status } => return status_write(clock, lane, owed, effect, status, now, paid).await,
        EffectBody::Mail { .. } => return EffectEnd::NotNeeded("mails go out elsewhere".to_owned()),
    };
    ended(result, effect, now, paid)
}

async fn note(lane: &Lane, owed: &OwedByOrder, effect: &Owed, text: &str, now: Millis, paid: &mut Paid) -> EffectEnd {
    let id = owed.order.shop_order_id.as_str();
    let marker = format!("od-{}-{}", effect.pass, effect.number);
    if effect.in_doubt || effect.tries > 0 {
        match lane.shop.has_note(id, &marker).await {
            Ok(true) => return EffectEnd::Done,
            Ok(false) => {}
            Err(ShopError::Unsupported(_)) if effect.in_doubt => {
                let why = "the note may have been written already, and this shop can't list notes";
                return EffectEnd::NotNeeded(why.to_owned());
            }
            Err(ShopError::Unsupported(_)) => {}
            Err(error) => return ended(Err(error), effect, now, paid),
        }
    }
    match lane.shop.add_note(id, text, &marker).await {
        // It may be there: only a shop that lists notes back gets another try.
        Err(ShopError::Unclear(why)) if !lane.shop.abilities().notes_listed => {
            EffectEnd::NotNeeded(format!("the note may have been written, and this shop can't list notes: {why}"))
        }
        result => ended(result, effect, now, paid),
    }
}

async fn status_write(
    clock: &dyn Clock,
    lane: &Lane,
    owed: &OwedByOrder,
    effect: &Owed,
    status: &str,
    now: Millis,
    paid: &mut Paid,
) -> EffectEnd {
    let id = owed.order.shop_order_id.as_str();
    if !lane.shop.abilities().set_status {
        paid.timeline.push((effect.pass, "This shop has no status that we could write".to_owned()));
        return EffectEnd::NotNeeded("the shop has no writable status".to_owned());
    }
    if lane.shop.abilities().single_read {
        let shown = match lane.shop.get(id).await {
            Ok(sight) => sight,
            Err(error) => return ended(Err(error), effect, now, paid),
        };
        let confirmed =
            |status: &str| Some(Confirmed { status: status.to_owned(), at_ms: now, modified_ms: shown.modified_ms });
        if shown.status.eq_ignore_ascii_case(status) {
            paid.confirmed = confirmed(&shown.status);
            return EffectEnd::Done;
        }
        let last = owed.last_status.as_deref();
        let expected = last.is_some_and(|last| last.eq_ignore_ascii_case(&shown.status))
            || (!owed.confirmed && lane.status().is_new(&shown.status));
        if !expected {
            let sentence = format!(
                "The shop shows \"{}\", which we did not expect; it was left as it is instead of set to \"{status}\"",
                shown.status
            );
            paid.timeline.push((effect.pass, sentence.clone()));
            paid.confirmed = confirmed(&shown.status);
            return EffectEnd::Conflict(sentence);
        }
    }
    let result = failpoint::around(Point::StatusWrite, lane.shop.set_status(id, status)).await;
    if result.is_ok() {
        // From the write's own moment on: a read that began before it may still show the old status.
        paid.confirmed = Some(Confirmed { status: status.to_owned(), at_ms: clock.now_ms(), modified_ms: None });
        paid.timeline.push((effect.pass, format!("Status in the shop set to \"{status}\"")));
    }
    ended(result, effect, now, paid)
}

fn ended(result: Result<(), ShopError>, effect: &Owed, now: Millis, paid: &mut Paid) -> EffectEnd {
    match result {
        Ok(()) => EffectEnd::Done,
        Err(ShopError::Unsupported(verb)) => {
            paid.timeline.push((effect.pass, format!("This kind of shop can't {verb}; it was left out")));
            EffectEnd::NotNeeded(format!("this kind of shop can't {verb}"))
        }
        Err(error) if error.is_temporary() && now.saturating_sub(effect.since_ms) < GIVE_UP_AFTER_MS => {
            let at_least = match &error {
                ShopError::Throttled { after_ms } => Some(Duration::from_millis(*after_ms)),
                _ => None,
            };
            let wait = back_off(effect.tries, &effect.number.to_string(), at_least);
            EffectEnd::Retry { not_before_ms: now.saturating_add(millis(wait)), error: error.to_string() }
        }
        Err(error) => EffectEnd::GivenUp(error.to_string()),
    }
}
