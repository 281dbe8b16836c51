//! Paying what the shop is owed: ERP id, note, stamp, status, in this order, by one worker per order.
//!
//! A status is written only over the status that the pass began with, or one that we wrote for it; anything else is
//! somebody's decision and stays (lifecycle section 1). A note that the shop can't list back is written at most once.

use std::{sync::Arc, time::Duration};

use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};

use super::{
    lane::Lane,
    parts::{Parts, back_off, millis},
    work::{Shared, Signals, pause},
};
use crate::{
    domain::{clock::Millis, judge::Confirmed},
    failpoint::{self, Point},
    ledger::effects::{EffectBody, EffectEnd, Owed, OwedByOrder},
    shop::ShopError,
};

/// An effect that failed for that long is given up, shown, and blocks nothing.
const GIVE_UP_AFTER_MS: Millis = 24 * 3_600_000;

/// An order's effects are leased for that many times the lease of a pass, and a write to the shop begins only while one
/// such lease is left: a slow shop must not have two workers writing the same note, and a worker that was stopped must not
/// set a status long after it looked. Nobody renews these leases; what does not fit in is claimed again, and a write that has no
/// answer by then is cut off: shops may take longer than a lease to answer, and nobody else may begin the same write meanwhile.
const LEASES: u32 = 2;

/// Fewest orders whose effects are paid at once, for each connection. There are as many places as for passes at work: with
/// fewer, a journey that ends while all are taken leaves its effects to be claimed, which is a commit more.
const AT_ONCE: usize = 8;

/// The places of a connection for orders whose effects are paid, with so many passes at work.
pub fn places(at_work: usize) -> Arc<Semaphore> {
    Arc::new(Semaphore::new(at_work.max(AT_ONCE)))
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
        let (room, lease) = (u32::try_from(places.len()).unwrap_or(u32::MAX), lease(parts));
        let until = parts.clock.since_boot() + lease;
        match parts.ledger.claim_effects(&now.record.id, &parts.host, room, millis(lease)).await {
            Ok(orders) if !orders.is_empty() => {
                for owed in orders {
                    let (parts, lane) = (Arc::clone(parts), Arc::clone(&now));
                    let (place, busy) = (places.pop(), shared.fleet.busy());
                    shared.tasks.spawn(async move {
                        pay(&parts, &lane, owed, until).await;
                        drop(busy);
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
    /// End of the lease by this host's clock that counts suspend, counted from before it was asked for.
    pub until: Duration,
}

/// How long a worker has an order's effects.
pub fn lease(parts: &Parts) -> Duration {
    parts.pace.lease * LEASES
}

/// One order's effects in one worker's hands.
struct Payer<'a> {
    parts: &'a Parts,
    lane: &'a Lane,
    owed: &'a OwedByOrder,
    /// By the database's clock, when we began; and by ours.
    now: Millis,
    began: Duration,
    /// End of the lease by our clock, counted from before it was claimed.
    until: Duration,
    paid: Paid,
}

/// Pays what one order's shop is owed, and records what came of it.
pub async fn pay(parts: &Parts, lane: &Lane, owed: OwedByOrder, until: Duration) {
    let ledger = &parts.ledger;
    let began = parts.clock.since_boot();
    let Ok(now) = ledger.now_ms().await else { return };
    let mut payer = Payer { parts, lane, owed: &owed, now, began, until, paid: Paid::default() };
    for effect in &owed.effects {
        // No time left for it and those behind it: they are claimed again.
        let Some(end) = payer.pay_one(effect).await else { break };
        if let EffectEnd::GivenUp(why) = &end {
            let what = effect.body.kind().replace('_', " ");
            payer.paid.timeline.push((effect.pass, format!("The shop could not be told ({what}): {why}")));
        }
        let again = matches!(end, EffectEnd::Retry { .. });
        payer.paid.ends.push((effect.number, end));
        if again {
            // Those behind it wait with it, as they are: what an earlier worker may have done stays in doubt.
            break;
        }
    }
    let Paid { ends, confirmed, timeline } = payer.paid;
    let finishing = ledger.finish_effects(&owed.order, &owed.token, ends, confirmed, timeline);
    if let Err(error) = failpoint::around(Point::StatusConfirmed, finishing).await {
        tracing::warn!(order = %owed.order.shop_order_id, %error, "what was paid to the shop could not be recorded");
    }
}

impl Payer<'_> {
    /// Whether a write may still begin.
    fn in_time(&self) -> bool {
        let parts = self.parts;
        self.until.saturating_sub(parts.clock.since_boot()) > parts.pace.lease
    }

    /// A write to the shop, for as long as the order's effects are ours; in doubt after that.
    async fn within_the_lease(&self, write: impl Future<Output = Result<(), ShopError>>) -> Result<(), ShopError> {
        let parts = self.parts;
        let left = self.until.saturating_sub(parts.clock.since_boot()).saturating_sub(parts.pace.lease_margin);
        let cut = |_| Err(ShopError::Unclear(format!("it did not answer within {} s", left.as_secs())));
        tokio::time::timeout(left, write).await.unwrap_or_else(cut)
    }

    /// Now, by the database's clock as far as we know it: a host's own wall clock may be wrong.
    fn at_ms(&self) -> Millis {
        self.now.saturating_add(millis(self.parts.clock.since_boot().saturating_sub(self.began)))
    }

    /// How it ended; none when it was not begun for want of time.
    async fn pay_one(&mut self, effect: &Owed) -> Option<EffectEnd> {
        if !self.in_time() {
            return None;
        }
        let (lane, id) = (self.lane, self.owed.order.shop_order_id.as_str());
        let result = match &effect.body {
            EffectBody::ErpId { id: erp } => self.within_the_lease(lane.shop.set_erp_order_id(id, erp)).await,
            EffectBody::Note { text } => return self.note(effect, text).await,
            EffectBody::Stamp => self.within_the_lease(lane.shop.mark_processed(id)).await,
            EffectBody::Status { status, by_intent } => return self.status_write(effect, status, *by_intent).await,
            EffectBody::Mail { .. } => return Some(EffectEnd::NotNeeded("mails go out elsewhere".to_owned())),
        };
        Some(self.ended(result, effect))
    }

    fn ended(&mut self, result: Result<(), ShopError>, effect: &Owed) -> EffectEnd {
        ended(result, effect, self.now, &mut self.paid)
    }

    async fn note(&mut self, effect: &Owed, text: &str) -> Option<EffectEnd> {
        let (lane, id) = (self.lane, self.owed.order.shop_order_id.as_str());
        let marker = format!("od-{}-{}", effect.pass, effect.number);
        if effect.in_doubt || effect.tries > 0 {
            match lane.shop.has_note(id, &marker).await {
                Ok(true) => return Some(EffectEnd::Done),
                Ok(false) => {}
                Err(ShopError::Unsupported(_)) if effect.in_doubt => {
                    let why = "the note may have been written already, and this shop can't list notes";
                    return Some(EffectEnd::NotNeeded(why.to_owned()));
                }
                Err(ShopError::Unsupported(_)) => {}
                Err(error) => return Some(self.ended(Err(error), effect)),
            }
            if !self.in_time() {
                return None;
            }
        }
        Some(match self.within_the_lease(lane.shop.add_note(id, text, &marker)).await {
            // It may be there: only a shop that lists notes back gets another try.
            Err(ShopError::Unclear(why)) if !lane.shop.abilities().notes_listed => {
                EffectEnd::NotNeeded(format!("the note may have been written, and this shop can't list notes: {why}"))
            }
            result => self.ended(result, effect),
        })
    }

    async fn status_write(&mut self, effect: &Owed, status: &str, by_intent: bool) -> Option<EffectEnd> {
        let (lane, id) = (self.lane, self.owed.order.shop_order_id.as_str());
        if !lane.shop.abilities().set_status {
            self.paid.timeline.push((effect.pass, "This shop has no status that we could write".to_owned()));
            return Some(EffectEnd::NotNeeded("the shop has no writable status".to_owned()));
        }
        if lane.shop.abilities().single_read {
            let shown = match lane.shop.shown(id).await {
                Ok(shown) => shown,
                Err(error) => return Some(self.ended(Err(error), effect)),
            };
            let at_ms = self.now;
            let confirmed =
                |status: &str| Some(Confirmed { status: status.to_owned(), at_ms, modified_ms: shown.modified_ms });
            if shown.status.eq_ignore_ascii_case(status) {
                self.paid.confirmed = confirmed(&shown.status);
                return Some(EffectEnd::Done);
            }
            if !self.may_overwrite(effect, &shown.status, by_intent) {
                let sentence = format!(
                    "The shop shows \"{}\", which we did not expect; it was left as it is instead of set to \"{status}\"",
                    shown.status
                );
                self.paid.timeline.push((effect.pass, sentence.clone()));
                self.paid.confirmed = confirmed(&shown.status);
                return Some(EffectEnd::Conflict(sentence));
            }
            if !self.in_time() {
                return None;
            }
        }
        let result =
            failpoint::around(Point::StatusWrite, self.within_the_lease(lane.shop.set_status(id, status))).await;
        if result.is_ok() {
            // From the write's own moment on: a read that began before it may still show the old status.
            self.paid.confirmed = Some(Confirmed { status: status.to_owned(), at_ms: self.at_ms(), modified_ms: None });
            self.paid.timeline.push((effect.pass, format!("Status in the shop set to \"{status}\"")));
        }
        Some(self.ended(result, effect))
    }

    /// Only what the pass began with, or what we wrote for it ourselves: anything else is somebody's decision, also if we
    /// have seen it in a list by now. A pass that a person opened began with what was written for the one before.
    fn may_overwrite(&self, effect: &Owed, shown: &str, by_intent: bool) -> bool {
        let ours =
            self.owed.written.as_ref().is_some_and(|(pass, written)| {
                (by_intent || *pass >= effect.pass) && written.eq_ignore_ascii_case(shown)
            });
        ours || (!self.owed.confirmed && self.lane.status().is_new(shown))
    }
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
