//! What people left to be done, taken up by this host: each once at a time, until it was carried out.

use std::{
    collections::HashSet,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use super::{
    super::{
        intents::{self, Carried},
        lane::Lane,
        work::Shared,
    },
    at_work::AtWork,
};
use crate::{
    domain::id::PassKey,
    ledger::{
        LedgerError,
        connections::{ConnectionRecord, Intent, LeftIntent},
    },
};

/// The intents that this host is at.
pub struct Carrying {
    shared: Arc<Shared>,
    /// By number.
    under_way: Mutex<HashSet<i64>>,
    /// Those that could not be carried out at once.
    put_off: Mutex<HashSet<i64>>,
    /// One of them is to be tried again soon.
    again_soon: AtomicBool,
}

impl Carrying {
    /// At none.
    pub fn new(shared: Arc<Shared>) -> Arc<Self> {
        let (under_way, put_off, again_soon) = (Mutex::default(), Mutex::default(), AtomicBool::new(false));
        Arc::new(Self { shared, under_way, put_off, again_soon })
    }

    /// Whether one was put off since this was asked last.
    pub fn was_put_off(&self) -> bool {
        self.again_soon.swap(false, Ordering::AcqRel)
    }

    /// Takes up what people left. What this host is at already is not begun again.
    ///
    /// # Errors
    /// The ledger's.
    pub async fn take_up(self: &Arc<Self>, at_work: &AtWork, records: &[ConnectionRecord]) -> Result<(), LedgerError> {
        let ledger = &self.shared.parts.ledger;
        for left in ledger.take_intents(&self.shared.parts.host, intents::LEASE_MS).await? {
            let Some(at_it) = self.begin(left.number) else { continue };
            let Some((lane, signals)) = at_work.find(&left.connection) else {
                if records.iter().any(|record| record.id == left.connection) {
                    // It can't work at the moment; what was left for it waits.
                    ledger.give_back_intent(left.number).await?;
                    self.again_soon.store(true, Ordering::Release);
                } else {
                    tracing::warn!(connection = %left.connection, "an intent was left for a connection that was removed");
                    ledger.end_intent(left.number).await?;
                }
                continue;
            };
            self.shared.tasks.spawn(async move {
                let here = &at_it.carrying;
                let carried = intents::carry_out(&here.shared, &signals, &lane, &left).await;
                here.ended(&lane, &left, carried).await;
            });
        }
        Ok(())
    }

    async fn ended(&self, lane: &Lane, left: &LeftIntent, carried: Carried) {
        let ledger = &self.shared.parts.ledger;
        let put_off = || self.put_off.lock().unwrap_or_else(PoisonError::into_inner);
        let recorded = match carried {
            Carried::Over => {
                put_off().remove(&left.number);
                ledger.end_intent(left.number).await
            }
            Carried::Later(why) => {
                tracing::warn!(connection = %lane.record.name, intent = left.number, %why, "an intent is tried again");
                let first = put_off().insert(left.number);
                if let (true, Intent::Reset { shop_order_id, after, .. }) = (first, &left.intent) {
                    let pass = PassKey { order: lane.key(shop_order_id), pass: *after };
                    let text = format!("It can't be set back yet, which is tried again: {why}");
                    intents::note(&self.shared, &pass, text).await;
                }
                self.again_soon.store(true, Ordering::Release);
                ledger.give_back_intent(left.number).await
            }
        };
        if let Err(error) = recorded {
            tracing::error!(intent = left.number, %error, "what became of an intent could not be recorded");
        }
    }

    /// `None` when this host is at the intent already. Dropping what it gives ends that, a panic included.
    fn begin(self: &Arc<Self>, number: i64) -> Option<AtIntent> {
        let mut all = self.under_way.lock().unwrap_or_else(PoisonError::into_inner);
        all.insert(number).then(|| AtIntent { carrying: Arc::clone(self), number })
    }
}

/// This host is at an intent.
struct AtIntent {
    carrying: Arc<Carrying>,
    number: i64,
}

impl Drop for AtIntent {
    fn drop(&mut self) {
        self.carrying.under_way.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.number);
    }
}
