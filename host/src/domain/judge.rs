//! The decision about one sight: pure, so that every rule of lifecycle sections 2 and 3 is a test without a database.

use sha2::{Digest as _, Sha256};

use super::{
    Order, PaymentState,
    clock::Millis,
    decision::{Decision, Opening, SkipReason},
    pass::PassState,
    policy::{PaymentRule, TakePolicy},
    sight::{Actor, Sight},
};

/// What the ledger knows of an order when it is seen again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct History {
    /// The decision taken last.
    pub decision: Decision,
    /// Its last pass.
    pub last: Option<LastPass>,
    /// A status other than new that the shop confirmed: our write's answer, a read-back or a single read.
    pub confirmed: Option<Confirmed>,
    /// A status write is owed or under way.
    pub status_write_open: bool,
    /// Passes that were opened within the last [`FLIPS_WITHIN_MS`].
    pub recent_passes: u32,
}

/// An order that got this many passes within [`FLIPS_WITHIN_MS`] is not sent again by itself: whoever sets it back each
/// time may be a program that undoes our status.
pub const MOST_RECENT_PASSES: u32 = 10;

/// See [`MOST_RECENT_PASSES`]: a day.
pub const FLIPS_WITHIN_MS: Millis = 86_400_000;

/// The last pass of an order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LastPass {
    /// Its number.
    pub pass: u32,
    /// Its state.
    pub state: PassState,
    /// When it closed.
    pub closed_ms: Option<Millis>,
    /// Hash of the order's content when it was mapped, or when it was opened.
    pub content_hash: Option<String>,
    /// Whether anything may have left.
    pub sent: bool,
}

/// A status that the shop confirmed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Confirmed {
    /// The shop's word.
    pub status: String,
    /// When it was confirmed, by the database's clock.
    pub at_ms: Millis,
    /// The shop's modified stamp then.
    pub modified_ms: Option<Millis>,
}

/// How the order was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reading {
    /// When the read began, by the database's clock, taken before the request.
    pub began_ms: Millis,
    /// Whether one order was asked for (lists may lag).
    pub single: bool,
    /// Whether it belongs to the connection's first complete sweep.
    pub first_sweep: bool,
}

/// What to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Judgement {
    /// The decision to record, if it differs from the last one.
    pub decision: Decision,
    /// A pass to open.
    pub open: Option<Opening>,
    /// A list hints at a reset that only a single read can confirm: read this order alone.
    pub read_alone: bool,
}

impl Judgement {
    fn skip(reason: SkipReason) -> Self {
        Self { decision: Decision::Skipped(reason), open: None, read_alone: false }
    }

    fn keep(decision: &Decision) -> Self {
        Self { decision: decision.clone(), open: None, read_alone: false }
    }

    fn open(opening: Opening) -> Self {
        Self { decision: Decision::Taken, open: Some(opening), read_alone: false }
    }
}

/// Decides. `history` is `None` at first sight; `other` names another connection of the same shop that has a pass.
#[must_use]
pub fn judge(
    policy: &TakePolicy,
    sight: &Sight,
    reading: Reading,
    history: Option<&History>,
    other: Option<&str>,
) -> Judgement {
    match history.and_then(|known| known.last.as_ref().map(|last| (known, last))) {
        None => judge_untaken(policy, sight, reading, history, other),
        Some((known, last)) => {
            let judgement = judge_taken(policy, sight, reading, known, last);
            if judgement == Judgement::keep(&known.decision) {
                judge_content(sight, reading, known, last)
            } else {
                judgement
            }
        }
    }
}

/// A change after the order was sent is recorded and shown, never sent. Lists may show less of an order than a single read,
/// so they only hint at it.
fn judge_content(sight: &Sight, reading: Reading, known: &History, last: &LastPass) -> Judgement {
    let keep = || Judgement::keep(&known.decision);
    let told = match &known.decision {
        Decision::Taken => None,
        Decision::Skipped(SkipReason::ChangedAfterSending { content }) => Some(content.as_str()),
        Decision::Skipped(_) | Decision::Question { .. } => return keep(),
    };
    let is_sent = last.sent && !matches!(last.state, PassState::Failed | PassState::Withdrawn);
    let (true, Ok(order), Some(mapped)) = (is_sent, &sight.order, last.content_hash.as_deref()) else { return keep() };
    let content = content_hash(order);
    if content == told.unwrap_or(mapped) {
        return keep();
    }
    if !reading.single {
        return Judgement { read_alone: true, ..keep() };
    }
    if content == mapped {
        return Judgement::keep(&Decision::Taken);
    }
    Judgement::skip(SkipReason::ChangedAfterSending { content })
}

/// Why a sight by itself is not to be taken, whatever happened before.
#[must_use]
pub fn refusal(policy: &TakePolicy, sight: &Sight) -> Option<SkipReason> {
    let status = || sight.status.clone();
    if sight.cancelled {
        return Some(SkipReason::Cancelled);
    }
    if !policy.status.is_known(&sight.status) {
        return Some(SkipReason::StatusNotMapped { status: status() });
    }
    if !policy.status.is_new(&sight.status) {
        return Some(SkipReason::StatusNotNew { status: status() });
    }
    if sight.shipped && !policy.shipped {
        return Some(SkipReason::Shipped);
    }
    if policy.has_stamp && sight.processed_stamp == Some(true) {
        return Some(SkipReason::StampNotReset);
    }
    let unpaid = matches!(
        sight.order.as_ref().map(|order| order.payment_state),
        Ok(PaymentState::Unpaid | PaymentState::PartlyPaid | PaymentState::Refunded)
    );
    (policy.payment == PaymentRule::Paid && unpaid).then_some(SkipReason::NotPaid)
}

fn judge_untaken(
    policy: &TakePolicy,
    sight: &Sight,
    reading: Reading,
    history: Option<&History>,
    other: Option<&str>,
) -> Judgement {
    if let Some(reason) = refusal(policy, sight) {
        return Judgement::skip(reason);
    }
    if let (Some(connection), false) = (other, policy.share) {
        return Judgement::skip(SkipReason::OtherConnection { connection: connection.to_owned() });
    }
    let was = |reason: &SkipReason| history.is_some_and(|known| known.decision == Decision::Skipped(reason.clone()));
    let old = sight.placed_ms.is_some_and(|placed| placed < policy.take_from_ms);
    if old && ((history.is_none() && reading.first_sweep) || was(&SkipReason::OlderThanStart)) {
        return Judgement::skip(SkipReason::OlderThanStart);
    }
    if policy.skip_api_users {
        // At first sight only a creator that is known to be a program counts; later whoever set New.
        let by_program = match history {
            None => sight.creator == Some(Actor::ApiUser),
            Some(_) if was(&SkipReason::ApiUser) => {
                !matches!(sight.status_actor, Some(Actor::Staff | Actor::Buyer))
                    && sight.creator == Some(Actor::ApiUser)
            }
            Some(_) => sight.status_actor == Some(Actor::ApiUser),
        };
        if by_program {
            return Judgement::skip(SkipReason::ApiUser);
        }
    }
    if let Some(known) = history
        && matches!(known.decision, Decision::Skipped(SkipReason::NotForUs { .. }))
    {
        return Judgement::keep(&known.decision);
    }
    Judgement::open(Opening::First)
}

fn judge_taken(policy: &TakePolicy, sight: &Sight, reading: Reading, known: &History, last: &LastPass) -> Judgement {
    let keep = || Judgement::keep(&known.decision);
    if !last.state.is_closed() || known.status_write_open {
        return keep();
    }
    if let Some(reason) = refusal(policy, sight) {
        // Having left the new status is what a pass does; only the unreset stamp is worth telling staff.
        return if reason == SkipReason::StampNotReset && left_new(known) { Judgement::skip(reason) } else { keep() };
    }
    if policy.skip_api_users && sight.status_actor == Some(Actor::ApiUser) {
        return keep();
    }
    if last.state == PassState::Withdrawn
        && !last.sent
        && known.confirmed.is_none()
        && !matches!(known.decision, Decision::Skipped(SkipReason::NotForUs { .. }))
    {
        // The shop offers it again without ever having shown another status: what withdrew it (a lagging copy, a payment,
        // a stamp) has passed.
        let fresh = last.closed_ms.is_some_and(|closed| reading.began_ms > closed.saturating_add(policy.read_lag_ms));
        return if reading.single && fresh {
            Judgement::open(Opening::Reset)
        } else {
            Judgement { read_alone: true, ..keep() }
        };
    }
    if is_reset(policy, sight, reading, known, last) {
        return match last.state {
            PassState::Failed | PassState::Withdrawn if known.recent_passes >= MOST_RECENT_PASSES => ask(
                "it was set back to new again and again within a day, maybe by a program; find out by whom, then confirm \
                 that it is to be sent again",
            ),
            PassState::Failed | PassState::Withdrawn => Judgement::open(Opening::Reset),
            PassState::GivenUp
                if policy.shop_reset_confirms && policy.names_actors && sight.status_actor == Some(Actor::Staff) =>
            {
                Judgement::open(Opening::Reset)
            }
            PassState::GivenUp => {
                ask("the earlier send may have reached the ERP; check there, then confirm that it is to be sent again")
            }
            _ => ask("the ERP has this order already; confirm that it is to be sent again"),
        };
    }
    if !reading.single && left_new(known) && !lagging(policy, reading, known) {
        return Judgement { read_alone: true, ..keep() };
    }
    let corrected = last.state == PassState::Failed
        && !last.sent
        && policy.names_actors
        && matches!(sight.status_actor, Some(Actor::Staff | Actor::Buyer))
        && last.content_hash.is_some()
        && sight.order.as_ref().is_ok_and(|order| last.content_hash.as_deref() != Some(content_hash(order).as_str()));
    if corrected { Judgement::open(Opening::Correction) } else { keep() }
}

fn ask(asks: &str) -> Judgement {
    Judgement { decision: Decision::Question { asks: asks.to_owned() }, open: None, read_alone: false }
}

fn left_new(known: &History) -> bool {
    known.confirmed.is_some()
}

fn lagging(policy: &TakePolicy, reading: Reading, known: &History) -> bool {
    known.confirmed.as_ref().is_some_and(|confirmed| reading.began_ms < confirmed.at_ms + policy.read_lag_ms)
}

/// Lifecycle section 3 (a): the shop had confirmed another status, and a single read begun after the close shows New, late
/// enough not to be a lagging copy, or with a stamp newer than our last write's answer. A withdrawn pass left New by the
/// shop's own account, so there the read that showed it is the confirmation.
fn is_reset(policy: &TakePolicy, sight: &Sight, reading: Reading, known: &History, last: &LastPass) -> bool {
    let Some(confirmed) = &known.confirmed else {
        return false;
    };
    let after_close = last.closed_ms.is_some_and(|closed| reading.began_ms > closed);
    let newer_stamp = match (sight.modified_ms, confirmed.modified_ms) {
        (Some(now), Some(then)) => now > then,
        _ => false,
    };
    reading.single && after_close && (newer_stamp || !lagging(policy, reading, known))
}

/// Hash of what makes an order the order it is: without status, stamps, staff's notes and what we write ourselves.
#[must_use]
pub fn content_hash(order: &Order) -> String {
    let mut content = order.clone();
    content.status = String::new();
    content.modified_at = None;
    content.staff_note = String::new();
    content.custom_fields = Vec::new();
    content.raw_json = String::new();
    content.extra = Vec::new();
    // Serialising plain structs with text keys can't fail; an empty hash would only mean "changed".
    let text = serde_json::to_vec(&content).unwrap_or_default();
    hex::encode(Sha256::digest(text))
}

#[cfg(test)]
mod tests;
