//! Destinations: shut after failures, one try for all hosts, limits, and notices.

use super::{
    contract,
    rig::{Rig, by_lease, delivered},
};
use crate::{
    domain::{
        backoff::Backoff,
        breaker::{BreakerRule, Trouble, TroubleKind},
        clock::Millis,
        pass::PassState,
    },
    ledger::{
        LedgerError,
        connections::ConnectionState,
        destinations::{Limits, Notice, Subject},
        effects::{EffectBody, EffectEnd},
        passes::{Claim, ClaimKind, To},
    },
};

contract! {
    a_destination_is_shut_after_failures_in_a_row_and_claims_give_nothing,
    one_try_is_given_out_however_many_ask,
    what_waited_for_a_destination_has_lost_no_time,
    a_wait_that_is_no_try_keeps_the_time_that_was_counted,
    a_wait_that_is_no_try_starts_no_time,
    no_time_runs_while_the_destination_is_shut_whatever_the_pass_does,
    time_that_stands_still_for_a_destination_is_not_given_back_by_a_pause,
    a_destination_that_is_shut_in_a_pause_takes_none_of_its_time,
    a_person_opens_a_destination_again,
    a_limit_of_requests_counts_over_all_connections,
    no_more_orders_are_at_work_than_the_destination_takes,
    people_are_told_once_and_once_that_it_is_over,
    what_is_unwell_is_seen_where_people_look,
}

const ERP: &str = "https://erp.example abc";

fn refused() -> Trouble {
    Trouble {
        kind: TroubleKind::NoAnswer,
        because: "connection refused".into(),
        at_once: false,
        asked_ms: None,
        rule: BreakerRule { failures: 3, backoff: Backoff { first_ms: 10_000, longest_ms: 60_000 } },
    }
}

async fn shut(rig: &Rig) {
    rig.ledger.use_destination(&rig.connection, Some((ERP, "https://erp.example"))).await.unwrap();
    for _ in 0..3 {
        rig.ledger.note_trouble(ERP, &refused()).await.unwrap();
    }
}

async fn next_try(rig: &Rig) -> Millis {
    rig.ledger.unwell().await.unwrap()[0].health.next_try_ms
}

async fn claimed(rig: &Rig) -> usize {
    rig.ledger.claim(&rig.connection, &rig.host, ClaimKind::Work, 10, 30_000).await.unwrap().len()
}

async fn a_destination_is_shut_after_failures_in_a_row_and_claims_give_nothing(rig: Rig) {
    rig.offer("1").await;
    rig.ledger.use_destination(&rig.connection, Some((ERP, "https://erp.example"))).await.unwrap();
    for _ in 0..2 {
        assert!(!rig.ledger.note_trouble(ERP, &refused()).await.unwrap().is_open());
    }
    // In a row: an answer begins anew.
    assert_eq!(rig.ledger.note_answer(ERP).await.unwrap(), None);
    assert!(rig.ledger.unwell().await.unwrap().is_empty());
    shut(&rig).await;
    let unwell = rig.ledger.unwell().await.unwrap();
    assert_eq!((unwell.len(), unwell[0].address.as_str()), (1, "https://erp.example"));
    assert_eq!((unwell[0].health.opened_ms, unwell[0].health.failures), (Some(rig.now()), 3));
    assert_eq!(claimed(&rig).await, 0);
    // An answer that was on its way opens nothing.
    assert!(rig.ledger.note_answer(ERP).await.unwrap().is_some_and(|health| health.is_open()));
    rig.advance(next_try(&rig).await - rig.now());
    assert_eq!(rig.ledger.note_answer(ERP).await.unwrap(), None);
    assert_eq!(claimed(&rig).await, 1);
    // Another connection's destination is none of ours.
    rig.ledger.use_destination(&rig.connection, Some(("other", "other"))).await.unwrap();
    shut(&rig).await;
    rig.ledger.use_destination(&rig.connection, Some(("other", "other"))).await.unwrap();
    rig.offer("2").await;
    assert_eq!(claimed(&rig).await, 1);
}

async fn one_try_is_given_out_however_many_ask(rig: Rig) {
    rig.offer("1").await;
    assert!(!rig.ledger.take_probe(ERP, 30_000).await.unwrap(), "nothing is known of it");
    shut(&rig).await;
    assert!(!rig.ledger.take_probe(ERP, 30_000).await.unwrap(), "it is not due");
    rig.advance(next_try(&rig).await - rig.now());
    let tries = futures_util::future::join_all((0..8).map(|_| rig.ledger.take_probe(ERP, 30_000))).await;
    assert_eq!(tries.into_iter().filter(|ours| *ours.as_ref().unwrap()).count(), 1);
    assert_eq!(claimed(&rig).await, 0, "while one tries, nobody is given another");
    // It failed: longer until the next one.
    let again = rig.ledger.note_trouble(ERP, &refused()).await.unwrap();
    assert_eq!((again.openings, again.probe_until_ms), (2, 0));
    assert!(!rig.ledger.take_probe(ERP, 30_000).await.unwrap());
    rig.advance(again.next_try_ms - rig.now());
    assert!(rig.ledger.take_probe(ERP, 30_000).await.unwrap());
    // It found out nothing.
    let health = rig.ledger.give_back_probe(ERP).await.unwrap().unwrap();
    assert_eq!((health.next_try_ms, health.probe_until_ms), (again.next_try_ms, 0));
    assert!(rig.ledger.take_probe(ERP, 30_000).await.unwrap());
    // Nobody hears of it any more: another one tries.
    rig.advance(30_000);
    assert!(!rig.ledger.take_probe(ERP, 30_000).await.unwrap());
    rig.advance(1);
    assert!(rig.ledger.take_probe(ERP, 30_000).await.unwrap());
}

async fn what_waited_for_a_destination_has_lost_no_time(rig: Rig) {
    rig.offer("1").await;
    let claim = rig.claim_one().await;
    let (not_before_ms, because) = (rig.now(), "refused".to_owned());
    let to = To::Waiting { not_before_ms, because, unpin: true, retry: true, absent: false };
    rig.ledger.apply(by_lease(&claim, PassState::Claimed, to)).await.unwrap();
    // Not to be claimed with the next one.
    rig.advance(-1);
    let doubtful = rig.sending("2", "a").await;
    rig.offer("3").await;
    let tried = rig.claim_one().await;
    let (not_before_ms, because, since) = (rig.now(), "refused".to_owned(), rig.now());
    let to = To::Waiting { not_before_ms, because, unpin: true, retry: true, absent: false };
    rig.ledger.apply(by_lease(&tried, PassState::Claimed, to)).await.unwrap();
    let tried = rig.claim_one().await;
    rig.send(&tried, "b").await.unwrap();
    rig.advance(1);
    let deadline_ms = rig.now() + 3_600_000;
    let to = To::Unknown { because: "no answer".into(), next_look_ms: rig.now(), deadline_ms };
    rig.ledger.apply(by_lease(&doubtful, PassState::Sending, to)).await.unwrap();
    let to = To::Unknown { because: "no answer".into(), next_look_ms: rig.now(), deadline_ms };
    rig.ledger.apply(by_lease(&tried, PassState::Sending, to)).await.unwrap();
    shut(&rig).await;
    let opened = rig.now();
    rig.advance(7_200_000);
    rig.ledger.note_answer(ERP).await.unwrap();
    let detail = rig.ledger.order(&rig.order("2")).await.unwrap().unwrap();
    assert_eq!(detail.passes[0].deadline_ms, Some(deadline_ms + rig.now() - opened));
    let again = rig.claim_one().await;
    assert_eq!(again.pass.retry_since(rig.now()), Some(rig.now()), "its time begins where it stood");
    let looks = rig.look().await;
    let tried = looks.iter().find(|look| look.pass.key.order == rig.order("3")).unwrap();
    assert_eq!(tried.pass.retry_since_ms, Some(since + rig.now() - opened), "in doubt too");
}

/// Puts a claimed pass back to waiting, due at once.
async fn put_back(rig: &Rig, claim: &Claim, retry: bool) {
    let (not_before_ms, because) = (rig.now(), "not now".to_owned());
    let to = To::Waiting { not_before_ms, because, unpin: true, retry, absent: false };
    rig.ledger.apply(by_lease(claim, PassState::Claimed, to)).await.unwrap();
}

/// For how long the only order that waits was tried; it is claimed.
async fn tried(rig: &Rig) -> (Claim, Option<Millis>) {
    let claim = rig.claim_one().await;
    let tried = claim.pass.retry_since(rig.now()).map(|since| rig.now() - since);
    (claim, tried)
}

async fn a_wait_that_is_no_try_keeps_the_time_that_was_counted(rig: Rig) {
    const HOUR: Millis = 3_600_000;
    rig.offer("1").await;
    put_back(&rig, &rig.claim_one().await, true).await;
    // Each round is a second of its own and an hour of something else.
    for round in 1..=3 {
        rig.advance(1_000);
        let (claim, so_long) = tried(&rig).await;
        assert_eq!(so_long, Some(round * 1_000), "only its own waits are counted, and all of them");
        put_back(&rig, &claim, false).await;
        rig.advance(HOUR);
        let (claim, so_long) = tried(&rig).await;
        assert_eq!(so_long, Some(round * 1_000));
        // That it was tried in vain for the destination's sake does not count either.
        rig.advance(HOUR / 2);
        put_back(&rig, &claim, false).await;
        rig.advance(HOUR);
        let (claim, so_long) = tried(&rig).await;
        assert_eq!(so_long, Some(round * 1_000));
        put_back(&rig, &claim, true).await;
    }
    // The time runs again, a breaker that opens stops it, and it goes on with the next retry.
    rig.advance(1_000);
    shut(&rig).await;
    rig.advance(HOUR);
    rig.ledger.note_answer(ERP).await.unwrap();
    rig.advance(HOUR);
    let (claim, so_long) = tried(&rig).await;
    assert_eq!(so_long, Some(4_000));
    put_back(&rig, &claim, true).await;
    rig.advance(500);
    assert_eq!(tried(&rig).await.1, Some(4_500));
}

async fn no_time_runs_while_the_destination_is_shut_whatever_the_pass_does(rig: Rig) {
    for retry in [true, false] {
        rig.offer(&retry.to_string()).await;
        put_back(&rig, &rig.claim_one().await, true).await;
        rig.advance(1_000);
        // It is on its way when the breaker opens, and comes back after that.
        let (claim, _) = tried(&rig).await;
        shut(&rig).await;
        rig.advance(20_000);
        put_back(&rig, &claim, retry).await;
        rig.advance(7_200_000);
        // It is the try that finds out.
        let (claim, so_long) = tried(&rig).await;
        assert_eq!(so_long, Some(1_000));
        rig.ledger.note_answer(ERP).await.unwrap();
        rig.advance(10);
        put_back(&rig, &claim, true).await;
        rig.advance(100);
        let (claim, so_long) = tried(&rig).await;
        assert_eq!(so_long, Some(1_100));
        rig.ledger
            .apply(by_lease(&claim, PassState::Claimed, To::Withdrawn { because: "gone".into(), decision: None }))
            .await
            .unwrap();
    }
    // One whose first retry comes while it is shut has not been tried for any time.
    rig.offer("1").await;
    let claim = rig.claim_one().await;
    shut(&rig).await;
    put_back(&rig, &claim, true).await;
    rig.advance(7_200_000);
    assert_eq!(tried(&rig).await.1, Some(0));
}

async fn a_wait_that_is_no_try_starts_no_time(rig: Rig) {
    rig.offer("1").await;
    put_back(&rig, &rig.claim_one().await, false).await;
    rig.advance(7_200_000);
    let (claim, so_long) = tried(&rig).await;
    assert_eq!(so_long, None, "its first try is still to come");
    put_back(&rig, &claim, true).await;
    rig.advance(7);
    assert_eq!(tried(&rig).await.1, Some(7));
}

async fn time_that_stands_still_for_a_destination_is_not_given_back_by_a_pause(rig: Rig) {
    rig.offer("1").await;
    put_back(&rig, &rig.claim_one().await, true).await;
    rig.advance(1_000);
    shut(&rig).await;
    rig.advance(60_000);
    let pause = async |state| rig.ledger.set_connection_state(&rig.connection, state, "Ann", "").await.unwrap();
    pause(ConnectionState::Paused).await;
    rig.advance(60_000);
    pause(ConnectionState::Active).await;
    rig.advance(60_000);
    rig.ledger.note_answer(ERP).await.unwrap();
    assert_eq!(tried(&rig).await.1, Some(1_000));
}

async fn a_destination_that_is_shut_in_a_pause_takes_none_of_its_time(rig: Rig) {
    rig.offer("1").await;
    put_back(&rig, &rig.claim_one().await, true).await;
    rig.advance(1_000);
    let pause = async |state| rig.ledger.set_connection_state(&rig.connection, state, "Ann", "").await.unwrap();
    pause(ConnectionState::Paused).await;
    rig.advance(60_000);
    shut(&rig).await;
    rig.advance(60_000);
    rig.ledger.note_answer(ERP).await.unwrap();
    pause(ConnectionState::Active).await;
    let (claim, so_long) = tried(&rig).await;
    assert_eq!(so_long, Some(1_000));
    // The same with the host's own switch.
    put_back(&rig, &claim, true).await;
    rig.advance(1_000);
    rig.ledger.set_host_pause(true, "Ann", "").await.unwrap();
    rig.advance(60_000);
    shut(&rig).await;
    rig.advance(60_000);
    rig.ledger.set_host_pause(false, "Ann", "").await.unwrap();
    rig.advance(60_000);
    rig.ledger.note_answer(ERP).await.unwrap();
    assert_eq!(tried(&rig).await.1, Some(2_000));
}

async fn a_person_opens_a_destination_again(rig: Rig) {
    rig.offer("1").await;
    assert_eq!(rig.ledger.open_destination(&rig.connection, "Ann", "mended").await.unwrap(), None);
    shut(&rig).await;
    let change = rig.ledger.change_number().await.unwrap();
    let was = rig.ledger.open_destination(&rig.connection, "Ann", "mended").await.unwrap().unwrap();
    assert!(was.is_open() && was.because == "connection refused");
    assert!(rig.ledger.unwell().await.unwrap().is_empty());
    assert!(rig.ledger.change_number().await.unwrap() > change, "hosts notice");
    assert_eq!(claimed(&rig).await, 1);
    let nobody = rig.ledger.open_destination(&"nobody".into(), "Ann", "").await;
    assert!(matches!(nobody, Err(LedgerError::NotFound { .. })));
}

async fn a_limit_of_requests_counts_over_all_connections(rig: Rig) {
    for id in 0..30 {
        rig.offer(&id.to_string()).await;
    }
    rig.ledger.use_destination(&rig.connection, Some((ERP, "https://erp.example"))).await.unwrap();
    let limits = Limits { interval_ms: Some(250), at_once: None };
    let claim = async || {
        let claims = rig.ledger.claim_within(&rig.connection, &rig.host, ClaimKind::Work, 10, 30_000, limits);
        claims.await.unwrap().len()
    };
    assert_eq!(claim().await, 4, "a second's worth at once");
    assert_eq!(claim().await, 0);
    rig.advance(249);
    assert_eq!(claim().await, 0);
    rig.advance(1);
    assert_eq!(claim().await, 1);
    // A further request of an order that is at work stands behind those that were booked.
    assert_eq!(rig.ledger.book_request(ERP, 250).await.unwrap(), rig.now() + 1_000);
    rig.advance(500);
    assert_eq!(claim().await, 1);
    rig.advance(60_000);
    assert_eq!(claim().await, 4, "what was not used is not saved up");
    assert_eq!(rig.ledger.book_request("nobody's", 250).await.unwrap(), rig.now());
}

async fn no_more_orders_are_at_work_than_the_destination_takes(rig: Rig) {
    for id in 0..6 {
        rig.offer(&id.to_string()).await;
    }
    let limits = Limits { interval_ms: None, at_once: Some(3) };
    let claim = async || {
        let claims = rig.ledger.claim_within(&rig.connection, &rig.host, ClaimKind::Work, 2, 30_000, limits);
        claims.await.unwrap()
    };
    rig.ledger.use_destination(&rig.connection, Some((ERP, "https://erp.example"))).await.unwrap();
    assert_eq!(claim().await.len(), 2);
    let third = claim().await;
    assert_eq!(third.len(), 1);
    assert!(claim().await.is_empty());
    let third = &third[0];
    rig.send(third, "a").await.unwrap();
    rig.ledger.apply(by_lease(third, PassState::Sending, delivered("SO-1"))).await.unwrap();
    assert_eq!(claim().await.len(), 1);
    // What a lost worker left takes nobody's place.
    rig.advance(30_001);
    assert_eq!(claim().await.len(), 2);
}

async fn people_are_told_once_and_once_that_it_is_over(rig: Rig) {
    let notice = Notice { connection: rig.connection.clone(), subject: Subject::Destination, since_ms: rig.now() };
    let mail = |words: &str| Some(EffectBody::Mail { failed: serde_json::json!({ "words": words }) });
    assert!(!rig.ledger.end_notice(&rig.connection, Subject::Destination, mail("never")).await.unwrap());
    let raised =
        futures_util::future::join_all((0..4).map(|_| rig.ledger.raise_notice(&notice, mail("trouble")))).await;
    assert_eq!(raised.into_iter().filter(|new| *new.as_ref().unwrap()).count(), 1);
    assert_eq!(rig.ledger.notices().await.unwrap(), std::slice::from_ref(&notice));
    let other = Notice { subject: Subject::Shop, ..notice };
    assert!(rig.ledger.raise_notice(&other, None).await.unwrap(), "another matter, and nobody to mail");
    let batch = rig.ledger.claim_mails(&rig.host, 0, 30_000).await.unwrap().remove(0);
    assert_eq!((batch.connection.clone(), batch.members.len()), (rig.connection.clone(), 1));
    assert_eq!(batch.members[0].1.body, mail("trouble").unwrap());
    rig.ledger.finish_mails(&batch, EffectEnd::Done).await.unwrap();
    assert!(rig.ledger.end_notice(&rig.connection, Subject::Destination, mail("over")).await.unwrap());
    let batch = rig.ledger.claim_mails(&rig.host, 0, 30_000).await.unwrap().remove(0);
    assert_eq!(batch.members[0].1.body, mail("over").unwrap());
    rig.ledger.finish_mails(&batch, EffectEnd::Done).await.unwrap();
    assert!(rig.ledger.claim_mails(&rig.host, 0, 30_000).await.unwrap().is_empty());
    assert!(
        rig.ledger
            .orders(crate::ledger::reports::OrderFilter { limit: 9, ..Default::default() })
            .await
            .unwrap()
            .is_empty()
    );
}

async fn what_is_unwell_is_seen_where_people_look(rig: Rig) {
    rig.offer("1").await;
    let record = async || rig.ledger.connections(false).await.unwrap().remove(0);
    assert_eq!((record().await.destination, record().await.shut), (None, None));
    shut(&rig).await;
    let seen = record().await;
    assert_eq!(seen.destination.as_deref(), Some(ERP));
    let health = seen.shut.unwrap();
    assert!(health.is_open());
    let detail = rig.ledger.order(&rig.order("1")).await.unwrap().unwrap();
    assert_eq!(detail.order.because, health.sentence());
    assert!(detail.order.because.starts_with("the ERP has not answered since"), "{}", detail.order.because);
    rig.ledger.open_destination(&rig.connection, "Ann", "").await.unwrap();
    assert_eq!(rig.ledger.order(&rig.order("1")).await.unwrap().unwrap().order.because, "");
}
