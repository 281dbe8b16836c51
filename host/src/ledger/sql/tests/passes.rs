//! Claims, leases, fences, late answers.

use super::{contract, rig::*};
use crate::{
    domain::{id::AttemptToken, pass::PassState, transport::Phase},
    ledger::{
        LedgerError,
        passes::{Guard, Move, To},
    },
};

contract!(
    two_claimers_never_share,
    a_wrong_token_moves_nothing,
    an_expired_lease_is_free_again,
    a_lost_worker_changes_nothing,
    a_lease_that_is_given_back_blames_nobody,
    a_renewed_lease_holds,
    a_move_that_is_no_rule_is_refused,
    what_was_sent_is_written_before,
    not_processed_is_as_unsent_as_before,
    waiting_again_drops_or_keeps_the_pins,
    what_a_pass_is_pinned_to_changes_only_while_nothing_was_sent,
    a_pass_that_the_erp_provably_lacks_is_as_unsent_as_a_new_one,
    an_answer_read_again_settles_only_the_doubt_that_it_is_about,
    an_heir_knows_until_when_earlier_sends_may_be_at_work,
    a_late_answer_settles_an_unknown_pass,
    a_late_answer_after_a_given_up_pass_is_taken_until_the_next_pass_sends,
    a_late_delivery_withdraws_a_next_pass_that_has_sent_nothing,
    an_attempt_is_answered_once,
    after_unknown_the_next_pass_inherits_and_after_failure_it_does_not,
    the_doubt_outlives_a_pass_that_sent_nothing,
    the_next_moment_is_known,
    the_newest_attempt_is_known,
    a_phase_needs_lease_and_state,
);

fn lost<T: std::fmt::Debug>(result: crate::ledger::Result<T>) {
    assert!(matches!(result, Err(LedgerError::Lost { .. })), "{result:?}");
}

async fn two_claimers_never_share(rig: Rig) {
    for id in ["1", "2", "3"] {
        rig.offer(id).await;
    }
    let (a, b) = tokio::join!(rig.claim(), rig.claim());
    assert_eq!(a.len() + b.len(), 3);
    let mut tokens: Vec<_> = a.iter().chain(&b).map(|claim| claim.token.clone()).collect();
    tokens.sort();
    tokens.dedup();
    assert_eq!(tokens.len(), 3);
    assert!(rig.claim().await.is_empty());
}

async fn a_wrong_token_moves_nothing(rig: Rig) {
    rig.offer("1").await;
    let mut claim = rig.claim_one().await;
    claim.token = "wrong".into();
    lost(rig.send(&claim, "a1").await);
    assert_eq!(rig.state("1").await, PassState::Claimed);
    assert!(rig.detail("1").await.attempts.is_empty());
}

async fn an_expired_lease_is_free_again(rig: Rig) {
    rig.offer("1").await;
    let first = rig.claim_one().await;
    rig.advance(LEASE);
    assert!(rig.claim().await.is_empty(), "a lease holds until its end");
    rig.advance(1);
    let second = rig.claim_one().await;
    assert_ne!(first.token, second.token);
    assert_eq!(second.pass.takeovers, 1);
    lost(rig.send(&first, "a1").await);
    rig.send(&second, "a2").await.unwrap();
    rig.advance(LEASE + 1);
    let third = rig.claim_one().await;
    assert_eq!((third.pass.state, third.pass.takeovers), (PassState::Sending, 1));
    let attempt = third.attempt.unwrap();
    assert_eq!((attempt.token.as_str(), attempt.number), ("a2", 1));
    assert_eq!(attempt.settled_by_ms, attempt.recorded_ms + 60_000);
}

async fn a_lost_worker_changes_nothing(rig: Rig) {
    let first = rig.sending("1", "a1").await;
    rig.advance(LEASE + 1);
    let second = rig.claim_one().await;
    let before = rig.detail("1").await;
    let change = Move {
        effects: vec![note("sent")],
        timeline: vec!["Delivered".into()],
        end: Some(end("a1", "accepted")),
        ..by_lease(&first, PassState::Sending, delivered("E1"))
    };
    lost(rig.ledger.apply(change).await);
    assert_eq!(rig.detail("1").await, before);
    assert_eq!(before.attempts[0].outcome, "open");
    let renewed = rig.ledger.renew(&[(first.pass.key.clone(), first.token.clone())], LEASE).await.unwrap();
    assert_eq!(renewed, [None]);
    lost(rig.ledger.release(&first.pass.key, &first.token).await);
    lost(rig.ledger.set_phase(&first.pass.key, &first.token, &"a1".into(), Phase::Renaming).await);
    rig.ledger.apply(by_lease(&second, PassState::Sending, delivered("E1"))).await.unwrap();
}

async fn a_lease_that_is_given_back_blames_nobody(rig: Rig) {
    rig.offer("1").await;
    let claim = rig.claim_one().await;
    rig.ledger.release(&claim.pass.key, &claim.token).await.unwrap();
    let again = rig.claim_one().await;
    assert_eq!((again.pass.takeovers, again.pass.state), (0, PassState::Claimed));
    lost(rig.send(&claim, "a1").await);
}

async fn a_renewed_lease_holds(rig: Rig) {
    rig.offer("1").await;
    let claim = rig.claim_one().await;
    rig.advance(20_000);
    let lease = (claim.pass.key.clone(), claim.token.clone());
    let ends = rig.ledger.renew(&[lease, (rig.pass("2", 1), "t".into())], LEASE).await.unwrap();
    assert_eq!(ends, [Some(rig.now() + LEASE), None]);
    rig.advance(20_000);
    assert!(rig.claim().await.is_empty());
}

async fn a_move_that_is_no_rule_is_refused(rig: Rig) {
    rig.offer("1").await;
    let claim = rig.claim_one().await;
    let result = rig.ledger.apply(by_lease(&claim, PassState::Claimed, To::GivenUp { because: String::new() })).await;
    assert!(matches!(result, Err(LedgerError::Refused(_))), "{result:?}");
    assert_eq!(rig.state("1").await, PassState::Claimed);
}

async fn what_was_sent_is_written_before(rig: Rig) {
    rig.sending("1", "a1").await;
    let detail = rig.detail("1").await;
    let attempt = &detail.attempts[0];
    assert_eq!((attempt.number, attempt.outcome.as_str(), attempt.phase.as_str()), (1, "open", "recorded"));
    assert_eq!(attempt.request, Some(serde_json::json!({"method": "POST"})));
    assert_eq!(rig.ledger.mapped_order(&rig.pass("1", 1)).await.unwrap().as_deref(), Some("{\"order\":1}"));
    assert_eq!(detail.passes[0].release, Some(release(1).0));
    rig.advance(LEASE + 1);
    let claim = rig.claim_one().await;
    assert_eq!(claim.pass.delivery, Some(serde_json::json!({"path": "/orders"})));
    assert_eq!(claim.pass.sealed_state, Some(vec![9]));
    assert!(claim.pass.sent);
}

fn back(rig: &Rig, unpin: bool) -> To {
    To::Waiting { not_before_ms: rig.now() + 5, because: "later".into(), unpin, retry: true, absent: false }
}

async fn not_processed_is_as_unsent_as_before(rig: Rig) {
    let claim = rig.sending("1", "a1").await;
    let end = Some(end("a1", "not processed"));
    let change = Move { end, ..by_lease(&claim, PassState::Sending, back(&rig, false)) };
    rig.ledger.apply(change).await.unwrap();
    rig.advance(5);
    let claim = rig.claim_one().await;
    assert!(!claim.pass.sent);
    assert_eq!((claim.pass.retries, claim.pass.attempts), (1, 1));
    rig.send(&claim, "a2").await.unwrap();
    let change = Move {
        end: Some(super::rig::end("a2", "retry later")),
        ..by_lease(&claim, PassState::Sending, back(&rig, false))
    };
    rig.ledger.apply(change).await.unwrap();
    rig.advance(5);
    let claim = rig.claim_one().await;
    assert!(!claim.pass.sent, "it left, and provably nothing was done");
    assert_eq!((claim.pass.retries, claim.pass.attempts), (2, 2));
    assert!(claim.pass.retry_since_ms.unwrap() < rig.now());
}

async fn waiting_again_drops_or_keeps_the_pins(rig: Rig) {
    let claim = rig.sending("1", "a1").await;
    let end = |token| Some(end(token, "not processed"));
    let change = Move { end: end("a1"), ..by_lease(&claim, PassState::Sending, back(&rig, false)) };
    rig.ledger.apply(change).await.unwrap();
    rig.advance(5);
    let claim = rig.claim_one().await;
    assert!(claim.pass.pins.is_some() && claim.pass.delivery.is_some(), "the stored bytes are sent again");
    rig.send(&claim, "a2").await.unwrap();
    let change = Move { end: end("a2"), ..by_lease(&claim, PassState::Sending, back(&rig, true)) };
    rig.ledger.apply(change).await.unwrap();
    rig.advance(5);
    let claim = rig.claim_one().await;
    assert!(claim.pass.pins.is_none() && claim.pass.delivery.is_none() && claim.pass.mapped_at_ms.is_none());
}

async fn what_a_pass_is_pinned_to_changes_only_while_nothing_was_sent(rig: Rig) {
    let refused = |result: crate::ledger::Result<()>| {
        assert!(matches!(&result, Err(LedgerError::Refused(why)) if why.contains("has sent something")), "{result:?}");
    };
    let claim = rig.sending("1", "a1").await;
    let other = |token: &str| To::Sending { attempt: Box::new(new_attempt(token)), pins: Some(Box::new(pins(5))) };
    let before = rig.detail("1").await;
    // A send, a stored step and a way back to waiting, each with other pins.
    refused(rig.ledger.apply(by_lease(&claim, PassState::Sending, other("a2"))).await);
    refused(rig.ledger.apply(by_lease(&claim, PassState::Sending, back(&rig, true))).await);
    let step =
        To::Mapped { step: 1, delivery: serde_json::json!({}), sealed_state: vec![], pins: Some(Box::new(pins(5))) };
    refused(rig.ledger.apply(by_lease(&claim, PassState::Sending, step)).await);
    assert_eq!(rig.detail("1").await, before);
    // Whoever lost the lease hears that, and not what else is wrong.
    let mut without = claim.clone();
    without.token = "wrong".into();
    lost(rig.ledger.apply(by_lease(&without, PassState::Sending, back(&rig, true))).await);
    // Provably not processed: as unsent as before.
    let end = Some(end("a1", "not processed"));
    rig.ledger.apply(Move { end, ..by_lease(&claim, PassState::Sending, back(&rig, true)) }).await.unwrap();
    rig.advance(5);
    let claim = rig.claim_one().await;
    rig.send(&claim, "a2").await.unwrap();
    // Once in doubt, also an attempt that was not processed leaves them alone.
    let unknown = To::Unknown { because: "no answer".into(), next_look_ms: rig.now(), deadline_ms: rig.now() };
    rig.ledger.apply(by_lease(&claim, PassState::Sending, unknown)).await.unwrap();
    let look = rig.look().await.remove(0);
    rig.ledger.apply(by_lease(&look, PassState::Unknown, back(&rig, false))).await.unwrap();
    rig.advance(5);
    let claim = rig.claim_one().await;
    rig.send(&claim, "a3").await.unwrap();
    let end = Some(super::rig::end("a3", "not processed"));
    refused(rig.ledger.apply(Move { end, ..by_lease(&claim, PassState::Sending, back(&rig, true)) }).await);
}

async fn a_pass_that_the_erp_provably_lacks_is_as_unsent_as_a_new_one(rig: Rig) {
    rig.sending("1", "a1").await;
    rig.advance(LEASE + 1);
    let claim = rig.claim_one().await;
    let unknown = To::Unknown { because: "host died".into(), next_look_ms: rig.now(), deadline_ms: rig.now() };
    rig.ledger.apply(by_lease(&claim, PassState::Sending, unknown)).await.unwrap();
    let look = rig.look().await.remove(0);
    assert!(look.pass.sent);
    let absent =
        To::Waiting { not_before_ms: rig.now(), because: "not there".into(), unpin: false, retry: true, absent: true };
    rig.ledger.apply(by_lease(&look, PassState::Unknown, absent)).await.unwrap();
    let claim = rig.claim_one().await;
    assert!(!claim.pass.sent && claim.pass.pins.is_some() && claim.pass.delivery.is_some());
    let anew = To::Sending { attempt: Box::new(new_attempt("a2")), pins: Some(Box::new(pins(5))) };
    rig.ledger.apply(by_lease(&claim, PassState::Claimed, anew)).await.unwrap();
}

async fn an_answer_read_again_settles_only_the_doubt_that_it_is_about(rig: Rig) {
    let key = rig.pass("1", 1);
    let reread = |token: &str, from| {
        guarded(&rig.pass("1", 1), Guard::Reread(AttemptToken(token.into())), from, delivered("E5"))
    };
    let claim = rig.sending("1", "a1").await;
    assert!(rig.ledger.doubtful(&key).await.unwrap().is_none(), "it is being sent");
    let result = rig.ledger.apply(reread("a1", PassState::Sending)).await;
    assert!(matches!(result, Err(LedgerError::Refused(_))), "{result:?}");
    let unknown = To::Unknown { because: "trap".into(), next_look_ms: rig.now(), deadline_ms: rig.now() };
    let change = Move { end: Some(end("a1", "unknown")), ..by_lease(&claim, PassState::Sending, unknown) };
    rig.ledger.apply(change).await.unwrap();
    let doubt = rig.ledger.doubtful(&key).await.unwrap().unwrap();
    assert_eq!((doubt.attempt.token.as_str(), doubt.answered), ("a1", 1));
    assert_eq!(doubt.answer, Some(serde_json::json!({"status": 200})));
    lost(rig.ledger.apply(reread("a0", PassState::Unknown)).await);
    lost(rig.ledger.apply(reread("a1", PassState::GivenUp)).await);
    let look = rig.look().await.remove(0);
    let given_up = To::GivenUp { because: "nobody can tell".into() };
    rig.ledger.apply(by_lease(&look, PassState::Unknown, given_up)).await.unwrap();
    rig.intent("1", 1).await.unwrap();
    let next = rig.claim_one().await;
    rig.ledger.apply(reread("a1", PassState::GivenUp)).await.unwrap();
    let states: Vec<_> = rig.detail("1").await.passes.iter().map(|pass| pass.state).collect();
    assert_eq!(states, [PassState::Delivered, PassState::Withdrawn], "what had sent nothing sends nothing");
    lost(rig.send(&next, "a2").await);
    assert!(rig.ledger.doubtful(&key).await.unwrap().is_none());
}

async fn an_heir_knows_until_when_earlier_sends_may_be_at_work(rig: Rig) {
    let sent_at = rig.now();
    rig.given_up("1", "a1").await;
    rig.failed("2", vec![]).await;
    rig.advance(1_000);
    rig.intent("1", 1).await.unwrap();
    rig.intent("2", 1).await.unwrap();
    let claims = rig.claim().await;
    let of = |id: &str| claims.iter().find(|claim| claim.pass.key.order.shop_order_id == id).unwrap().pass.clone();
    assert_eq!((of("1").earlier_settled_ms, of("2").earlier_settled_ms), (Some(sent_at + 60_000), None));
}

async fn a_late_answer_settles_an_unknown_pass(rig: Rig) {
    let claim = rig.sending("1", "a1").await;
    rig.advance(LEASE + 1);
    let other = rig.claim_one().await;
    let unknown = To::Unknown { because: "host died".into(), next_look_ms: rig.now(), deadline_ms: rig.now() + 9 };
    rig.ledger.apply(by_lease(&other, PassState::Sending, unknown)).await.unwrap();
    let looking = rig.look().await.remove(0);
    assert_eq!(looking.attempt.unwrap().token.as_str(), "a1");
    let guard = Guard::Attempt("a1".into());
    let end = Some(end("a1", "accepted"));
    let change = Move { end, ..guarded(&claim.pass.key, guard, PassState::Unknown, delivered("E7")) };
    rig.ledger.apply(change).await.unwrap();
    assert_eq!(rig.row("1").await.erp_order_id.as_deref(), Some("E7"));
    let unknown = To::Unknown { because: "x".into(), next_look_ms: 0, deadline_ms: 0 };
    lost(rig.ledger.apply(guarded(&claim.pass.key, Guard::Lease(looking.token), PassState::Unknown, unknown)).await);
}

fn late(rig: &Rig, token: &str) -> Move {
    let guard = Guard::Attempt(AttemptToken(token.into()));
    Move { end: Some(end(token, "accepted")), ..guarded(&rig.pass("1", 1), guard, PassState::GivenUp, delivered("E9")) }
}

async fn a_late_answer_after_a_given_up_pass_is_taken_until_the_next_pass_sends(rig: Rig) {
    rig.given_up("1", "a1").await;
    lost(rig.ledger.apply(late(&rig, "a2")).await);
    rig.intent("1", 1).await.unwrap();
    let claim = rig.claim_one().await;
    rig.send(&claim, "a2").await.unwrap();
    let before = rig.detail("1").await;
    lost(rig.ledger.apply(late(&rig, "a1")).await);
    assert_eq!(rig.detail("1").await, before);
}

async fn a_late_delivery_withdraws_a_next_pass_that_has_sent_nothing(rig: Rig) {
    rig.given_up("1", "a1").await;
    rig.intent("1", 1).await.unwrap();
    let claim = rig.claim_one().await;
    rig.ledger.apply(late(&rig, "a1")).await.unwrap();
    let detail = rig.detail("1").await;
    assert_eq!(detail.passes[0].state, PassState::Delivered);
    assert_eq!(detail.passes[1].state, PassState::Withdrawn);
    lost(rig.send(&claim, "a2").await);
}

async fn an_attempt_is_answered_once(rig: Rig) {
    rig.given_up("1", "a1").await;
    rig.ledger.apply(late(&rig, "a1")).await.unwrap();
    lost(rig.ledger.apply(late(&rig, "a1")).await);
}

async fn after_unknown_the_next_pass_inherits_and_after_failure_it_does_not(rig: Rig) {
    rig.given_up("1", "a1").await;
    rig.failed("2", vec![]).await;
    rig.advance(100);
    rig.intent("1", 1).await.unwrap();
    rig.intent("2", 1).await.unwrap();
    let claims = rig.claim().await;
    let of = |id: &str| claims.iter().find(|claim| claim.pass.key.order.shop_order_id == id).unwrap().pass.clone();
    let (first, second) = (rig.detail("1").await.passes[0].clone(), rig.detail("2").await.passes[0].clone());
    let (heir, fresh) = (of("1"), of("2"));
    assert!(heir.inherits_unknown && !fresh.inherits_unknown);
    assert_eq!((&heir.idempotency_key, heir.document_number), (&first.idempotency_key, first.document_number));
    assert_eq!(heir.mapped_at_ms, Some(first.opened_ms));
    assert_eq!(heir.previous.unwrap().state, PassState::GivenUp);
    assert_ne!(fresh.idempotency_key, second.idempotency_key);
    assert!(fresh.document_number > second.document_number && fresh.mapped_at_ms.is_none());
    assert_eq!(fresh.previous.unwrap().state, PassState::Failed);
}

async fn the_doubt_outlives_a_pass_that_sent_nothing(rig: Rig) {
    rig.given_up("1", "a1").await;
    rig.intent("1", 1).await.unwrap();
    let claim = rig.claim_one().await;
    let withdrawn = To::Withdrawn { because: "cancelled".into(), decision: None };
    rig.ledger.apply(by_lease(&claim, PassState::Claimed, withdrawn)).await.unwrap();
    rig.intent("1", 2).await.unwrap();
    let claim = rig.claim_one().await;
    assert!(claim.pass.inherits_unknown);
    assert_eq!(claim.pass.idempotency_key, rig.detail("1").await.passes[0].idempotency_key);
}

async fn the_next_moment_is_known(rig: Rig) {
    let due = async || rig.ledger.next_due_ms(&rig.connection).await.unwrap();
    assert_eq!(due().await, None);
    rig.offer("1").await;
    assert_eq!(due().await, Some(rig.now()));
    let claim = rig.claim_one().await;
    assert_eq!(due().await, Some(claim.until_ms + 1));
    rig.ledger.apply(by_lease(&claim, PassState::Claimed, back(&rig, false))).await.unwrap();
    assert_eq!(due().await, Some(rig.now() + 5));
}

async fn the_newest_attempt_is_known(rig: Rig) {
    assert_eq!(rig.ledger.newest_attempt_ms(&rig.connection).await.unwrap(), None);
    rig.sending("1", "a1").await;
    rig.advance(7_000);
    rig.sending("2", "a2").await;
    let newest = rig.now();
    rig.advance(-3_000);
    rig.sending("3", "a3").await;
    assert_eq!(rig.ledger.newest_attempt_ms(&rig.connection).await.unwrap(), Some(newest));
    assert_eq!(rig.ledger.newest_attempt_ms(&"another".into()).await.unwrap(), None);
}

async fn a_phase_needs_lease_and_state(rig: Rig) {
    let claim = rig.sending("1", "a1").await;
    let key = &claim.pass.key;
    rig.ledger.set_phase(key, &claim.token, &"a1".into(), Phase::Renaming).await.unwrap();
    assert_eq!(rig.detail("1").await.attempts[0].phase, "renaming");
    lost(rig.ledger.set_phase(key, &"no".into(), &"a1".into(), Phase::Renamed).await);
    lost(rig.ledger.set_phase(key, &claim.token, &"a0".into(), Phase::Renamed).await);
}
