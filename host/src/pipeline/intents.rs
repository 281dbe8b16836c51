//! What people left for the host: look now, look at one order, read a stored answer again, set an order back to new and
//! send it again.
//!
//! An intent is ended in the ledger *after* it was carried out: a host that dies in between finds it again. So each is
//! carried out in a way that may be repeated: what was done already is seen and not done twice.

use std::sync::Arc;

use super::{
    journey::Stopped,
    lane::Lane,
    reread::{Wish, reread},
    sweep::{self, SweepError},
    work::{Shared, Signals},
};
use crate::{
    domain::{clock::Millis, decision::Opening, id::PassKey},
    ledger::{
        LedgerError,
        connections::{Intent, LeftIntent},
    },
    shop::ShopError,
};

/// Another host may take an intent that was not ended for that long.
pub const LEASE_MS: Millis = 60_000;

/// An order that could not be looked at for that long is left to the sweeps.
const LOOK_FOR_MS: Millis = 3_600_000;

/// An order that the shop could not be told of for that long is not reset any more; its timeline says so.
const RESET_FOR_MS: Millis = 24 * 3_600_000;

/// What became of an intent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Carried {
    /// It is over, done or not.
    Over,
    /// It can't be done yet: why.
    Later(String),
}

/// Carries an intent out, as far as it can be now.
pub async fn carry_out(shared: &Arc<Shared>, signals: &Arc<Signals>, lane: &Arc<Lane>, left: &LeftIntent) -> Carried {
    let now = shared.parts.ledger.now_ms().await.unwrap_or(left.left_ms);
    let age = now.saturating_sub(left.left_ms);
    match &left.intent {
        Intent::Sync => {
            // A host that starts looks at every shop anyway, so nothing is lost from here on.
            signals.sweep.notify_one();
            Carried::Over
        }
        Intent::Look { shop_order_id } => match sweep::look(shared, signals, lane, shop_order_id).await {
            Ok(_) => Carried::Over,
            Err(error) if may_pass(&error) && age < LOOK_FOR_MS => Carried::Later(error.to_string()),
            Err(error) => {
                tracing::warn!(order = %shop_order_id, %error, "an order could not be looked at");
                Carried::Over
            }
        },
        Intent::Reread { shop_order_id, pass, release } => {
            let pass = PassKey { order: lane.key(shop_order_id), pass: *pass };
            let wish = Wish { pass, release: release.clone(), by: left.by.clone() };
            match reread(&shared.parts, lane, signals, wish).await {
                Ok(()) => Carried::Over,
                Err(Stopped::Ledger(error)) if is_passing(&error) && age < LOOK_FOR_MS => {
                    Carried::Later(error.to_string())
                }
                Err(error) => {
                    tracing::warn!(order = %shop_order_id, %error, "a stored answer could not be read again");
                    Carried::Over
                }
            }
        }
        Intent::Reset { shop_order_id, after, why } => {
            let pass = PassKey { order: lane.key(shop_order_id), pass: *after };
            let opening = Opening::Intent { by: left.by.clone(), why: why.clone() };
            match reset(shared, signals, lane, &pass, opening).await {
                Ok(()) => Carried::Over,
                Err(NotReset::Yet(why)) if age < RESET_FOR_MS => Carried::Later(why),
                Err(NotReset::Yet(why) | NotReset::Refused(why)) => {
                    tracing::warn!(order = %shop_order_id, %why, "a reset could not be carried out");
                    note(shared, &pass, format!("It could not be set back and sent again: {why}")).await;
                    Carried::Over
                }
            }
        }
    }
}

fn may_pass(error: &SweepError) -> bool {
    match error {
        SweepError::Shop(error) => error.is_temporary(),
        SweepError::Ledger(error) => is_passing(error),
        SweepError::Stopping | SweepError::NotOurTurn => true,
    }
}

fn is_passing(error: &LedgerError) -> bool {
    matches!(error, LedgerError::Unavailable { .. } | LedgerError::InDoubt(_))
}

/// Adds a line to the order's timeline.
pub async fn note(shared: &Shared, pass: &PassKey, line: String) {
    if let Err(error) = shared.parts.ledger.note(pass, vec![line]).await {
        tracing::warn!(order = %pass.order.shop_order_id, %error, "what became of a reset could not be recorded");
    }
}

/// Why an order was not reset.
enum NotReset {
    /// It may work in a moment.
    Yet(String),
    /// It never will.
    Refused(String),
}

impl From<LedgerError> for NotReset {
    fn from(error: LedgerError) -> Self {
        if is_passing(&error) { Self::Yet(error.to_string()) } else { Self::Refused(error.to_string()) }
    }
}

/// Sets the shop's status back, then opens the next pass: in the other order our New could come after the pass's own status.
async fn reset(
    shared: &Arc<Shared>,
    signals: &Signals,
    lane: &Lane,
    pass: &PassKey,
    opening: Opening,
) -> Result<(), NotReset> {
    let ledger = &shared.parts.ledger;
    let order = &pass.order.shop_order_id;
    if !is_last_and_closed(shared, pass).await? {
        tracing::info!(%order, pass = pass.pass, "the order has gone on already; it is not reset");
        return Ok(());
    }
    match back_to_new(lane, order).await {
        Ok(()) | Err(ShopError::Unsupported(_)) => {}
        Err(error) if error.is_temporary() => return Err(NotReset::Yet(error.to_string())),
        // The person's word counts, whatever the shop shows.
        Err(error) => note(shared, pass, format!("Its status could not be set back in the shop: {error}")).await,
    }
    match ledger.open_pass(&pass.order, pass.pass, opening).await {
        Ok(_) => {
            signals.work.notify_one();
            Ok(())
        }
        // Only a status write that is under way just now stands against it, and ends; or it has gone on meanwhile.
        Err(LedgerError::Refused(why)) if is_last_and_closed(shared, pass).await? => Err(NotReset::Yet(why)),
        Err(error) => Err(error.into()),
    }
}

async fn is_last_and_closed(shared: &Shared, pass: &PassKey) -> Result<bool, LedgerError> {
    let known = shared.parts.ledger.order(&pass.order).await?;
    let what = || format!("order {}", pass.order.shop_order_id);
    let order = known.ok_or_else(|| LedgerError::NotFound { what: what() })?.order;
    Ok(order.pass.unwrap_or(0) == pass.pass && order.state.is_none_or(|state| state.is_closed()))
}

/// Written once, however often this is repeated: a write whose answer was lost is seen by the read before the next one.
async fn back_to_new(lane: &Lane, shop_order_id: &str) -> Result<(), ShopError> {
    let Some(new) = lane.status().new.first() else { return Ok(()) };
    if lane.shop.abilities().single_read && lane.status().is_new(&lane.shop.get(shop_order_id).await?.status) {
        return Ok(());
    }
    lane.shop.set_status(shop_order_id, new).await
}
