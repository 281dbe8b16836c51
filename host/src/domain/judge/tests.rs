//! Each rule of lifecycle sections 2 and 3, both ways.

use super::*;
use crate::domain::policy::StatusMap;

fn policy() -> TakePolicy {
    TakePolicy {
        status: StatusMap {
            new: vec!["New Order".into()],
            success: Some("In Progress".into()),
            failure: Some("On Hold".into()),
            ignored: ["Completed".to_owned()].into(),
        },
        payment: PaymentRule::Paid,
        take_from_ms: 1_000,
        skip_api_users: true,
        shipped: false,
        has_stamp: true,
        names_actors: true,
        share: false,
        shop_reset_confirms: true,
        read_lag_ms: 60_000,
    }
}

fn order() -> Order {
    serde_json::from_value(serde_json::json!({
        "shop_order_id": "7", "order_number": "W-7", "placed_at": "2026-01-01T00:00:00Z", "currency": "EUR",
        "lines": [], "totals": {"gross": "1.00"}, "payment_state": "paid"
    }))
    .unwrap()
}

fn sight(status: &str) -> Sight {
    Sight {
        shop_order_id: "7".into(),
        order_number: "W-7".into(),
        status: status.into(),
        placed_ms: Some(2_000),
        modified_ms: None,
        processed_stamp: Some(false),
        shipped: false,
        cancelled: false,
        creator: Some(Actor::Buyer),
        status_actor: Some(Actor::Staff),
        order: Ok(Box::new(order())),
    }
}

fn list(began_ms: Millis) -> Reading {
    Reading { began_ms, single: false, first_sweep: false }
}

fn single(began_ms: Millis) -> Reading {
    Reading { began_ms, single: true, first_sweep: false }
}

fn history(state: PassState) -> History {
    History {
        decision: Decision::Taken,
        last: Some(LastPass {
            pass: 1,
            state,
            closed_ms: state.is_closed().then_some(10_000),
            content_hash: Some(content_hash(&order())),
            sent: true,
        }),
        confirmed: Some(Confirmed { status: "On Hold".into(), at_ms: 10_500, modified_ms: Some(5) }),
        status_write_open: false,
        recent_passes: 1,
    }
}

fn opened(judgement: &Judgement) -> bool {
    judgement.open.is_some()
}

#[test]
fn a_new_paid_order_is_taken_at_first_sight() {
    assert_eq!(judge(&policy(), &sight("New Order"), list(1), None, None).open, Some(Opening::First));
    assert_eq!(judge(&policy(), &sight("new order"), list(1), None, None).open, Some(Opening::First));
}

#[test]
fn each_refusal_has_its_reason() {
    let reason = |change: fn(&mut Sight)| {
        let mut seen = sight("New Order");
        change(&mut seen);
        match judge(&policy(), &seen, list(1), None, None).decision {
            Decision::Skipped(reason) => reason,
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(reason(|s| s.status = "Odd".into()), SkipReason::StatusNotMapped { status: "Odd".into() });
    assert_eq!(reason(|s| s.status = "Completed".into()), SkipReason::StatusNotNew { status: "Completed".into() });
    assert_eq!(reason(|s| s.shipped = true), SkipReason::Shipped);
    assert_eq!(reason(|s| s.cancelled = true), SkipReason::Cancelled);
    assert_eq!(reason(|s| s.processed_stamp = Some(true)), SkipReason::StampNotReset);
    assert_eq!(reason(|s| s.creator = Some(Actor::ApiUser)), SkipReason::ApiUser);
    assert_eq!(reason(|s| s.order.as_mut().unwrap().payment_state = PaymentState::Unpaid), SkipReason::NotPaid);
}

#[test]
fn authorised_counts_as_paid_and_an_unknown_payment_does_not_stop_an_order() {
    for state in [PaymentState::Authorised, PaymentState::Unknown, PaymentState::Paid] {
        let mut seen = sight("New Order");
        seen.order.as_mut().unwrap().payment_state = state;
        assert!(opened(&judge(&policy(), &seen, list(1), None, None)), "{state:?}");
    }
}

#[test]
fn an_unknown_creator_is_taken() {
    let mut seen = sight("New Order");
    seen.creator = None;
    seen.status_actor = None;
    assert!(opened(&judge(&policy(), &seen, list(1), None, None)));
}

#[test]
fn too_old_needs_both_an_early_date_and_the_first_sweep() {
    let mut seen = sight("New Order");
    seen.placed_ms = Some(1);
    let first = Reading { first_sweep: true, ..list(1) };
    assert_eq!(judge(&policy(), &seen, first, None, None).decision, Decision::Skipped(SkipReason::OlderThanStart));
    assert!(opened(&judge(&policy(), &seen, list(1), None, None)), "became new after the start: taken");
}

#[test]
fn another_connections_order_is_left_unless_both_share() {
    let seen = sight("New Order");
    assert!(!opened(&judge(&policy(), &seen, list(1), None, Some("other"))));
    let sharing = TakePolicy { share: true, ..policy() };
    assert!(opened(&judge(&sharing, &seen, list(1), None, Some("other"))));
}

#[test]
fn an_open_pass_or_an_owed_status_write_is_never_joined_by_another() {
    for state in PassState::ALL.into_iter().filter(|state| !state.is_closed()) {
        assert!(!opened(&judge(&policy(), &sight("New Order"), single(1_000_000), Some(&history(state)), None)));
    }
    let mut owed = history(PassState::Failed);
    owed.status_write_open = true;
    assert!(!opened(&judge(&policy(), &sight("New Order"), single(1_000_000), Some(&owed), None)));
}

#[test]
fn a_reset_after_a_failure_opens_the_next_pass_only_from_a_late_single_read() {
    let failed = history(PassState::Failed);
    let seen = sight("New Order");
    assert_eq!(judge(&policy(), &seen, single(80_000), Some(&failed), None).open, Some(Opening::Reset));
    let lagged = judge(&policy(), &seen, single(20_000), Some(&failed), None);
    assert!(!opened(&lagged), "within read_lag of the confirmed status");
    let listed = judge(&policy(), &seen, list(80_000), Some(&failed), None);
    assert!(!opened(&listed) && listed.read_alone, "a list only hints");
}

#[test]
fn a_newer_modified_stamp_shortens_the_wait() {
    let mut seen = sight("New Order");
    seen.modified_ms = Some(6);
    assert!(opened(&judge(&policy(), &seen, single(20_000), Some(&history(PassState::Failed)), None)));
    seen.modified_ms = Some(5);
    assert!(!opened(&judge(&policy(), &seen, single(20_000), Some(&history(PassState::Failed)), None)));
}

#[test]
fn new_without_a_confirmed_other_status_is_not_a_reset() {
    let mut unconfirmed = history(PassState::Failed);
    unconfirmed.confirmed = None;
    assert!(!opened(&judge(&policy(), &sight("New Order"), single(1_000_000), Some(&unconfirmed), None)));
}

#[test]
fn after_delivered_a_reset_is_a_question() {
    let judgement = judge(&policy(), &sight("New Order"), single(80_000), Some(&history(PassState::Delivered)), None);
    assert!(matches!(judgement.decision, Decision::Question { .. }) && !opened(&judgement));
}

#[test]
fn after_given_up_only_a_named_person_opens_the_next_pass() {
    let known = history(PassState::GivenUp);
    let mut seen = sight("New Order");
    assert!(opened(&judge(&policy(), &seen, single(80_000), Some(&known), None)));
    seen.status_actor = None;
    let judgement = judge(&policy(), &seen, single(80_000), Some(&known), None);
    assert!(matches!(judgement.decision, Decision::Question { .. }) && !opened(&judgement));
    let strict = TakePolicy { shop_reset_confirms: false, ..policy() };
    assert!(!opened(&judge(&strict, &sight("New Order"), single(80_000), Some(&known), None)));
}

#[test]
fn a_program_that_sets_new_is_not_staff() {
    let mut seen = sight("New Order");
    seen.status_actor = Some(Actor::ApiUser);
    assert!(!opened(&judge(&policy(), &seen, single(80_000), Some(&history(PassState::Failed)), None)));
}

#[test]
fn a_correction_needs_changed_content_and_nothing_sent() {
    let mut known = history(PassState::Failed);
    known.confirmed = None;
    let mut seen = sight("New Order");
    seen.order.as_mut().unwrap().buyer.company = "Corrected".into();
    assert!(!opened(&judge(&policy(), &seen, list(80_000), Some(&known), None)), "something was sent");
    known.last.as_mut().unwrap().sent = false;
    assert_eq!(judge(&policy(), &seen, list(80_000), Some(&known), None).open, Some(Opening::Correction));
    assert!(!opened(&judge(&policy(), &sight("New Order"), list(80_000), Some(&known), None)), "unchanged");
}

#[test]
fn the_content_hash_ignores_what_we_and_staff_write() {
    let mut changed = order();
    changed.status = "On Hold".into();
    changed.staff_note = "called".into();
    changed.raw_json = "{}".into();
    assert_eq!(content_hash(&order()), content_hash(&changed));
    changed.buyer_note = "other".into();
    assert_ne!(content_hash(&order()), content_hash(&changed));
}
