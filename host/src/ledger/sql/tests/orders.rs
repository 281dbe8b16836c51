//! Sights, decisions, openings, pushes.

use super::{contract, rig::*};
use crate::{
    domain::{
        decision::{Decision, SkipReason},
        pass::PassState,
    },
    ledger::{
        LedgerError,
        effects::EffectEnd,
        orders::{Pushed, Sweep, SweepKind},
        passes::To,
    },
};

contract!(
    an_order_is_taken_once_however_often_it_is_shown,
    a_decision_is_written_only_when_it_changes,
    an_older_read_changes_no_decision,
    what_was_confirmed_before_a_pass_opened_is_no_reset,
    a_reset_is_seen_by_a_single_read_and_hinted_by_a_list,
    opening_cancels_unsent_status_effects,
    an_intent_opens_one_pass_once,
    nothing_opens_for_a_removed_connection_or_another_shop,
    an_empty_first_look_needs_a_second_one,
    an_order_that_keeps_flipping_becomes_a_question,
    no_pass_opens_while_a_status_write_is_under_way,
    another_connection_of_the_same_shop_is_named,
    a_decision_from_outside_is_kept,
    a_question_is_read_alone,
    the_last_good_sweep_is_remembered,
    a_push_is_taken_over_until_something_was_sent,
    pushed_orders_are_listed_by_status,
);

async fn an_order_is_taken_once_however_often_it_is_shown(rig: Rig) {
    let recorded = rig.see(vec![sight("1", "New Order"), sight("1", "New Order"), sight("2", "On Hold")], false).await;
    assert_eq!(recorded.iter().map(|it| it.opened).collect::<Vec<_>>(), [Some(1), None, None]);
    assert_eq!(recorded.iter().map(|it| it.first_seen).collect::<Vec<_>>(), [true, false, true]);
    let again = rig.see(vec![sight("1", "New Order")], false).await;
    assert!(again[0].opened.is_none() && !again[0].first_seen);
    assert_eq!(rig.detail("1").await.passes.len(), 1);
    let skipped = SkipReason::StatusNotNew { status: "On Hold".into() };
    assert_eq!(rig.row("2").await.decision, Decision::Skipped(skipped));
}

async fn a_decision_is_written_only_when_it_changes(rig: Rig) {
    for status in ["On Hold", "On Hold", "Strange", "New Order"] {
        rig.advance(1);
        rig.see(vec![sight("1", status)], false).await;
    }
    let detail = rig.detail("1").await;
    assert_eq!(detail.decisions.len(), 3, "{:?}", detail.decisions);
    assert_eq!(detail.order.decision, Decision::Taken);
    assert_eq!(detail.order.decision_ms, rig.now());
    assert_eq!(detail.timeline.len(), 3);
}

async fn an_older_read_changes_no_decision(rig: Rig) {
    rig.see(vec![sight("1", "On Hold")], false).await;
    let before = rig.detail("1").await;
    let recorded = rig.see_at(vec![sight("1", "New Order")], true, rig.now() - 1).await;
    assert_eq!(recorded[0].opened, None);
    assert_eq!(rig.detail("1").await, before);
}

/// Carries out all shop effects of an order; its status write is confirmed.
async fn settle(rig: &Rig, word: &str) {
    for owed in rig.ledger.claim_effects(&rig.connection, &rig.host, 10, LEASE).await.unwrap() {
        let ends = owed.effects.iter().map(|effect| (effect.number, EffectEnd::Done)).collect();
        let confirmed = crate::domain::judge::Confirmed { status: word.into(), at_ms: rig.now(), modified_ms: None };
        rig.ledger.finish_effects(&owed.order, &owed.token, ends, Some(confirmed), vec![]).await.unwrap();
    }
}

async fn what_was_confirmed_before_a_pass_opened_is_no_reset(rig: Rig) {
    rig.see(vec![sight("1", "On Hold")], true).await;
    rig.advance(1);
    rig.failed("1", vec![]).await;
    rig.advance(100_000);
    let recorded = rig.see(vec![sight("1", "New Order")], true).await;
    assert_eq!(recorded[0].opened, None, "it never left the new status since");
}

async fn a_reset_is_seen_by_a_single_read_and_hinted_by_a_list(rig: Rig) {
    rig.failed("1", vec![status("On Hold")]).await;
    settle(&rig, "On Hold").await;
    rig.advance(70_000);
    let listed = rig.see(vec![sight("1", "New Order")], false).await;
    assert!(listed[0].judgement.read_alone && listed[0].opened.is_none());
    assert_eq!(rig.ledger.to_read_alone(&rig.connection, &rig.shop, 10).await.unwrap(), ["1"]);
    let read = rig.see(vec![sight("1", "New Order")], true).await;
    assert_eq!(read[0].opened, Some(2));
    assert!(rig.ledger.to_read_alone(&rig.connection, &rig.shop, 10).await.unwrap().is_empty());
    assert_eq!(rig.state("1").await, PassState::Waiting);
}

async fn opening_cancels_unsent_status_effects(rig: Rig) {
    rig.failed("1", vec![note("failed"), status("On Hold")]).await;
    rig.intent("1", 1).await.unwrap();
    let effects = rig.detail("1").await.effects;
    assert_eq!(effects.iter().map(|it| it.state.as_str()).collect::<Vec<_>>(), ["owed", "cancelled"]);
}

async fn an_intent_opens_one_pass_once(rig: Rig) {
    assert!(matches!(rig.intent("9", 0).await, Err(LedgerError::NotFound { .. })));
    rig.see(vec![sight("1", "Strange")], false).await;
    assert_eq!(rig.intent("1", 0).await.unwrap().pass, 1);
    assert_eq!(rig.row("1").await.decision, Decision::Taken);
    assert!(matches!(rig.intent("1", 0).await, Err(LedgerError::Refused(_))), "a double click");
    assert!(matches!(rig.intent("1", 1).await, Err(LedgerError::Refused(_))), "it is not over");
}

async fn nothing_opens_for_a_removed_connection_or_another_shop(rig: Rig) {
    rig.failed("1", vec![]).await;
    let mut other = draft("one");
    other.shop.account = "b".into();
    other.shop_change = Some(crate::ledger::connections::ShopChange::Other);
    rig.ledger.apply_connection(other).await.unwrap();
    assert!(matches!(rig.intent("1", 1).await, Err(LedgerError::Refused(_))), "the id is another order there");
    let state = crate::ledger::connections::ConnectionState::Removed;
    rig.ledger.set_connection_state(&rig.connection, state, "Ann", "").await.unwrap();
    assert!(matches!(rig.intent("1", 1).await, Err(LedgerError::Refused(_))));
    assert!(rig.claim().await.is_empty());
    assert_eq!(rig.detail("1").await.passes.len(), 1);
}

async fn an_empty_first_look_needs_a_second_one(rig: Rig) {
    let sweep = |seen, error: Option<&str>| Sweep {
        kind: SweepKind::Poll,
        started_ms: rig.now(),
        ended_ms: rig.now(),
        seen,
        opened: 0,
        error: error.map(str::to_owned),
    };
    let looked = async || rig.ledger.looked_once(&rig.connection, &rig.shop).await.unwrap();
    let record = async |it| rig.ledger.record_sweep(&rig.connection, &rig.shop, it).await.unwrap();
    record(sweep(3, Some("cut"))).await;
    assert!(!looked().await);
    rig.advance(1);
    record(sweep(0, None)).await;
    assert!(!looked().await, "an empty list may be the shop's error");
    rig.advance(1);
    record(sweep(0, None)).await;
    assert!(looked().await);
}

async fn an_order_that_keeps_flipping_becomes_a_question(rig: Rig) {
    rig.offer("1").await;
    for pass in 1..=10 {
        let claim = rig.claim_one().await;
        let failed = To::Failed {
            class: crate::domain::verdict::FailureClass::Erp,
            because: "on stop".into(),
            field: None,
            partial_id: None,
        };
        rig.ledger.apply(by_lease(&claim, PassState::Claimed, failed)).await.unwrap();
        rig.advance(1);
        rig.see(vec![sight("1", "On Hold")], true).await;
        rig.advance(70_000);
        let seen = rig.see(vec![sight("1", "New Order")], true).await;
        assert_eq!(seen[0].opened, (pass < 10).then_some(pass + 1), "after pass {pass}");
    }
    assert!(matches!(rig.row("1").await.decision, Decision::Question { .. }));
    assert_eq!(rig.intent("1", 10).await.unwrap().pass, 11, "a person may");
}

async fn no_pass_opens_while_a_status_write_is_under_way(rig: Rig) {
    rig.failed("1", vec![status("On Hold")]).await;
    let owed = rig.ledger.claim_effects(&rig.connection, &rig.host, 10, LEASE).await.unwrap().remove(0);
    assert!(matches!(rig.intent("1", 1).await, Err(LedgerError::Refused(_))));
    let ends = vec![(owed.effects[0].number, EffectEnd::Done)];
    rig.ledger.finish_effects(&owed.order, &owed.token, ends, None, vec![]).await.unwrap();
    rig.intent("1", 1).await.unwrap();
}

async fn another_connection_of_the_same_shop_is_named(rig: Rig) {
    rig.offer("1").await;
    let other = rig.ledger.apply_connection(draft("two")).await.unwrap().connection;
    let mut two = rig;
    two.connection = other;
    let recorded = two.see(vec![sight("1", "New Order")], false).await;
    let skipped = SkipReason::OtherConnection { connection: "one".into() };
    assert_eq!(recorded[0].judgement.decision, Decision::Skipped(skipped));
}

async fn a_decision_from_outside_is_kept(rig: Rig) {
    rig.see(vec![sight("1", "On Hold")], false).await;
    let decision = Decision::Skipped(SkipReason::NotForUs { message: "other ERP".into() });
    for _ in 0..2 {
        rig.ledger.decide(&rig.order("1"), decision.clone()).await.unwrap();
    }
    let detail = rig.detail("1").await;
    assert_eq!((detail.order.decision, detail.decisions.len()), (decision, 2));
    assert!(rig.ledger.decide(&rig.order("9"), Decision::Taken).await.is_err());
}

async fn a_question_is_read_alone(rig: Rig) {
    rig.given_up("1", "a1").await;
    rig.ledger.decide(&rig.order("1"), Decision::Question { asks: "again?".into() }).await.unwrap();
    assert_eq!(rig.ledger.to_read_alone(&rig.connection, &rig.shop, 10).await.unwrap(), ["1"]);
    rig.intent("1", 1).await.unwrap();
    assert!(rig.ledger.to_read_alone(&rig.connection, &rig.shop, 10).await.unwrap().is_empty());
}

async fn the_last_good_sweep_is_remembered(rig: Rig) {
    let sweep = |started_ms, error: Option<&str>| Sweep {
        kind: SweepKind::Poll,
        started_ms,
        ended_ms: started_ms + 1,
        seen: 3,
        opened: 1,
        error: error.map(Into::into),
    };
    assert!(!rig.ledger.connections(false).await.unwrap()[0].swept_once);
    for it in [sweep(1, None), sweep(5, None), sweep(9, Some("HTML"))] {
        rig.ledger.record_sweep(&rig.connection, &rig.shop, it).await.unwrap();
    }
    let good = rig.ledger.last_good_sweep(&rig.connection, &rig.shop, SweepKind::Poll).await.unwrap();
    assert_eq!(good, Some(sweep(5, None)));
    assert_eq!(rig.ledger.last_good_sweep(&rig.connection, &rig.shop, SweepKind::Slow).await.unwrap(), None);
    assert_eq!(
        rig.ledger.sweeps(&rig.connection, &rig.shop, 2).await.unwrap(),
        [sweep(9, Some("HTML")), sweep(5, None)]
    );
    assert!(rig.ledger.connections(false).await.unwrap()[0].swept_once);
}

async fn a_push_is_taken_over_until_something_was_sent(rig: Rig) {
    let push = async |json: &str| rig.ledger.push_order(&rig.order("1"), json, json, "W-1").await.unwrap();
    assert_eq!(push("a").await, Pushed::Created);
    assert_eq!(push("a").await, Pushed::Unchanged);
    assert_eq!(push("b").await, Pushed::Replaced);
    rig.sending("1", "a1").await;
    assert_eq!(push("b").await, Pushed::Unchanged);
    assert_eq!(push("c").await, Pushed::Late { state: "sending".into() });
    assert_eq!(rig.ledger.pushed_order(&rig.order("1")).await.unwrap().unwrap().json, "b");
    assert!(rig.detail("1").await.timeline.iter().any(|line| line.text.contains("not sent")));
}

async fn pushed_orders_are_listed_by_status(rig: Rig) {
    for id in ["1", "2", "3"] {
        rig.ledger.push_order(&rig.order(id), "{}", "h", id).await.unwrap();
    }
    rig.ledger.set_pushed_status(&rig.order("2"), "Done").await.unwrap();
    assert!(rig.ledger.set_pushed_status(&rig.order("9"), "Done").await.is_err());
    let list = async |statuses: &[&str], after| {
        let statuses: Vec<String> = statuses.iter().map(ToString::to_string).collect();
        let found = rig.ledger.pushed_orders(&rig.connection, &rig.shop, &statuses, after, 10).await.unwrap();
        found.into_iter().map(|(id, _)| id).collect::<Vec<_>>()
    };
    assert_eq!(list(&[""], None).await, ["1", "3"]);
    assert_eq!(list(&["", "Done"], Some("1")).await, ["2", "3"]);
}
