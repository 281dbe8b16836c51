//! The outbox.

use super::{contract, rig::*};
use crate::{
    domain::{judge::Confirmed, pass::PassState, verdict::FailureClass},
    ledger::{
        LedgerError,
        effects::{EffectBody, EffectEnd, OwedByOrder},
        passes::{Move, To},
    },
};

contract!(
    effects_of_one_order_are_with_one_worker,
    effects_go_out_in_their_order_and_wait_for_each_other,
    effects_that_a_move_leaves_can_be_leased_with_it,
    effects_are_not_leased_past_others,
    a_try_without_an_end_is_in_doubt,
    a_lost_worker_ends_no_effect,
    the_status_that_was_written_last_is_known_with_its_pass,
    a_mail_batch_is_the_same_when_it_is_repeated,
    mails_are_gathered_and_lost_leases_are_refused,
);

async fn claim(rig: &Rig) -> Vec<OwedByOrder> {
    rig.ledger.claim_effects(&rig.connection, &rig.host, 10, LEASE).await.unwrap()
}

async fn effects_of_one_order_are_with_one_worker(rig: Rig) {
    rig.failed("1", vec![status("On Hold"), note("why")]).await;
    rig.failed("2", vec![note("why")]).await;
    let (a, b) = tokio::join!(claim(&rig), claim(&rig));
    assert_eq!(a.len() + b.len(), 2);
    assert!(claim(&rig).await.is_empty());
    rig.advance(LEASE + 1);
    assert_eq!(claim(&rig).await.len(), 2);
}

async fn effects_go_out_in_their_order_and_wait_for_each_other(rig: Rig) {
    rig.failed("1", vec![status("On Hold"), note("why"), EffectBody::ErpId { id: "E".into() }]).await;
    let owed = claim(&rig).await.remove(0);
    assert_eq!(owed.effects.iter().map(|it| it.body.kind()).collect::<Vec<_>>(), ["erp_id", "note", "status"]);
    let retry = EffectEnd::Retry { not_before_ms: rig.now() + 50, error: "503".into() };
    let ends = vec![(owed.effects[0].number, EffectEnd::Done), (owed.effects[1].number, retry)];
    rig.ledger.finish_effects(&owed.order, &owed.token, ends, None, vec![(1, "tried".into())]).await.unwrap();
    assert!(claim(&rig).await.is_empty(), "the status waits for the note");
    assert_eq!(rig.ledger.next_effect_ms().await.unwrap(), Some(rig.now() + 50));
    rig.advance(50);
    let owed = claim(&rig).await.remove(0);
    assert_eq!(owed.effects.iter().map(|it| it.body.kind()).collect::<Vec<_>>(), ["note", "status"]);
    assert_eq!((owed.effects[0].tries, owed.effects[0].in_doubt), (1, false));
    let gone = EffectEnd::GivenUp("refused".into());
    let ends = vec![(owed.effects[0].number, gone), (owed.effects[1].number, EffectEnd::Conflict("Shipped".into()))];
    rig.ledger.finish_effects(&owed.order, &owed.token, ends, None, vec![]).await.unwrap();
    assert_eq!(rig.ledger.next_effect_ms().await.unwrap(), None);
    let counts = rig.ledger.counts(&rig.connection).await.unwrap();
    assert_eq!((counts.effects_owed, counts.effects_stuck), (0, 2));
}

/// The same effects, the same lease, the same doubt after it as with a claim of its own.
async fn effects_that_a_move_leaves_can_be_leased_with_it(rig: Rig) {
    rig.offer("1").await;
    let claimed = rig.claim_one().await;
    let effects = vec![status("On Hold"), mail("1"), note("why")];
    let change = Move { effects, ..by_lease(&claimed, PassState::Claimed, refused()) };
    let owed = rig.ledger.apply_and_lease(change, &rig.host, LEASE).await.unwrap().unwrap();
    assert_eq!(owed.effects.iter().map(|it| it.body.kind()).collect::<Vec<_>>(), ["note", "status"]);
    assert!(owed.effects.iter().all(|it| !it.in_doubt && it.tries == 0 && it.since_ms == rig.now() && it.pass == 1));
    assert_eq!((&owed.written, owed.confirmed), (&None, false));
    assert_eq!(owed.until_ms, rig.now() + LEASE);
    assert!(claim(&rig).await.is_empty(), "they are leased");
    rig.advance(LEASE + 1);
    let again = claim(&rig).await.remove(0);
    assert_eq!(again.effects.iter().map(|it| it.number).collect::<Vec<_>>(), {
        owed.effects.iter().map(|it| it.number).collect::<Vec<_>>()
    });
    assert!(again.effects.iter().all(|it| it.in_doubt), "nobody has said how they ended");
    let ends = |of: &OwedByOrder| of.effects.iter().map(|it| (it.number, EffectEnd::Done)).collect::<Vec<_>>();
    let late = rig.ledger.finish_effects(&owed.order, &owed.token, ends(&owed), None, vec![]).await;
    assert!(matches!(late, Err(LedgerError::Lost { .. })), "{late:?}");
    rig.ledger.finish_effects(&again.order, &again.token, ends(&again), None, vec![]).await.unwrap();
    assert_eq!(rig.ledger.counts(&rig.connection).await.unwrap().effects_owed, 1, "the mail goes out elsewhere");
    rig.intent("1", 1).await.unwrap();
    let second = rig.claim_one().await;
    let change = Move { effects: vec![note("again")], ..by_lease(&second, PassState::Claimed, refused()) };
    let owed = rig.ledger.apply_and_lease(change, &rig.host, LEASE).await.unwrap().unwrap();
    assert_eq!(owed.written, Some((1, "On Hold".to_owned())), "what was written last, as a claim tells it");
}

/// Effects of one order go out in order and by one worker: what a later move leaves waits for what is owed already.
async fn effects_are_not_leased_past_others(rig: Rig) {
    rig.failed("1", vec![note("why")]).await;
    rig.intent("1", 1).await.unwrap();
    let second = rig.claim_one().await;
    let change = Move { effects: vec![note("again")], ..by_lease(&second, PassState::Claimed, refused()) };
    assert!(rig.ledger.apply_and_lease(change, &rig.host, LEASE).await.unwrap().is_none());
    let owed = claim(&rig).await.remove(0);
    assert_eq!(owed.effects.iter().map(|it| it.pass).collect::<Vec<_>>(), [1, 2]);
    assert!(owed.effects.iter().all(|it| !it.in_doubt));
    // While somebody is at the order's effects, too.
    rig.intent("1", 2).await.unwrap();
    let third = rig.claim_one().await;
    let change = Move { effects: vec![note("more")], ..by_lease(&third, PassState::Claimed, refused()) };
    assert!(rig.ledger.apply_and_lease(change, &rig.host, LEASE).await.unwrap().is_none());
    // A move that lost its lease leases nothing.
    rig.failed("2", vec![]).await;
    rig.intent("2", 1).await.unwrap();
    let lost = rig.claim_one().await;
    rig.advance(LEASE + 1);
    rig.claim_one().await;
    let change = Move { effects: vec![note("late")], ..by_lease(&lost, PassState::Claimed, refused()) };
    let result = rig.ledger.apply_and_lease(change, &rig.host, LEASE).await;
    assert!(matches!(result, Err(LedgerError::Lost { .. })), "{result:?}");
    assert!(claim(&rig).await.iter().all(|owed| owed.order.shop_order_id == "1"));
}

fn refused() -> To {
    To::Failed { class: FailureClass::Data, because: "no street".into(), field: None, partial_id: None }
}

async fn a_try_without_an_end_is_in_doubt(rig: Rig) {
    rig.failed("1", vec![note("why"), status("On Hold")]).await;
    let owed = claim(&rig).await.remove(0);
    assert!(owed.effects.iter().all(|effect| !effect.in_doubt));
    rig.advance(LEASE + 1);
    let again = claim(&rig).await.remove(0);
    assert!(again.effects.iter().all(|effect| effect.in_doubt));
    let ends = vec![(again.effects[0].number, EffectEnd::Done)];
    rig.ledger.finish_effects(&again.order, &again.token, ends, None, vec![]).await.unwrap();
    assert!(claim(&rig).await[0].effects[0].in_doubt, "nobody has said how the status write ended");
}

async fn a_lost_worker_ends_no_effect(rig: Rig) {
    rig.failed("1", vec![note("why")]).await;
    let first = claim(&rig).await.remove(0);
    rig.advance(LEASE + 1);
    claim(&rig).await;
    let before = rig.detail("1").await;
    let ends = vec![(first.effects[0].number, EffectEnd::Done)];
    let line = vec![(1, "done".to_owned())];
    let result = rig.ledger.finish_effects(&first.order, &first.token, ends, None, line).await;
    assert!(matches!(result, Err(LedgerError::Lost { .. })), "{result:?}");
    assert_eq!(rig.detail("1").await, before);
}

async fn the_status_that_was_written_last_is_known_with_its_pass(rig: Rig) {
    rig.failed("1", vec![status("On Hold"), note("later")]).await;
    let owed = claim(&rig).await.remove(0);
    assert_eq!((owed.written, owed.confirmed), (None, false));
    rig.advance(10);
    let confirmed = Confirmed { status: "On Hold".into(), at_ms: rig.now(), modified_ms: Some(4) };
    let retry = EffectEnd::Retry { not_before_ms: 0, error: "x".into() };
    let ends = vec![(owed.effects[0].number, retry), (owed.effects[1].number, EffectEnd::Done)];
    rig.ledger.finish_effects(&owed.order, &owed.token, ends, Some(confirmed), vec![]).await.unwrap();
    let owed = claim(&rig).await.remove(0);
    assert_eq!((owed.written, owed.confirmed), (Some((1, "On Hold".to_owned())), true));
}

fn mail(text: &str) -> EffectBody {
    EffectBody::Mail { failed: serde_json::json!({ "why": text }) }
}

async fn a_mail_batch_is_the_same_when_it_is_repeated(rig: Rig) {
    rig.failed("1", vec![mail("a")]).await;
    rig.failed("2", vec![mail("b")]).await;
    let claim = async || rig.ledger.claim_mails(&rig.host, 0, LEASE).await.unwrap();
    let first = claim().await.remove(0);
    assert_eq!(first.members.len(), 2);
    rig.failed("3", vec![mail("c")]).await;
    assert!(claim().await.is_empty(), "one mail of a connection at a time");
    rig.advance(LEASE + 1);
    let again = claim().await.remove(0);
    assert_eq!((&again.mail, again.members.len()), (&first.mail, 2));
    let retry = EffectEnd::Retry { not_before_ms: rig.now() + 10, error: "4xx".into() };
    rig.ledger.finish_mails(&again, retry).await.unwrap();
    assert!(claim().await.is_empty());
    rig.advance(10);
    let third = claim().await.remove(0);
    assert_eq!((&third.mail, third.members[0].1.tries), (&first.mail, 1));
    rig.ledger.finish_mails(&third, EffectEnd::Done).await.unwrap();
    let next = claim().await.remove(0);
    assert_ne!(next.mail, first.mail);
    assert_eq!(next.members[0].0.shop_order_id, "3");
    assert_eq!(rig.detail("1").await.effects[0].state, "done");
}

async fn mails_are_gathered_and_lost_leases_are_refused(rig: Rig) {
    rig.failed("1", vec![mail("a")]).await;
    assert!(rig.ledger.claim_mails(&rig.host, 500, LEASE).await.unwrap().is_empty());
    rig.advance(500);
    let batch = rig.ledger.claim_mails(&rig.host, 500, LEASE).await.unwrap().remove(0);
    rig.advance(LEASE + 1);
    rig.ledger.claim_mails(&rig.host, 500, LEASE).await.unwrap();
    let result = rig.ledger.finish_mails(&batch, EffectEnd::Done).await;
    assert!(matches!(result, Err(LedgerError::Lost { .. })), "{result:?}");
}
