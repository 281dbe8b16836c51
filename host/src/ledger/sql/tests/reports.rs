//! Lists, counts, and the clean-up of bodies.

use super::{contract, rig::*};
use std::sync::Arc;

use crate::{
    domain::{
        id::{AttemptToken, ConnectionId},
        pass::{Colour, PassState},
        verdict::FailureClass,
    },
    ledger::{
        effects::EffectBody,
        passes::{MappedInVain, Mapping, Move, To},
        reports::{Backlog, OrderFilter, Undecided},
    },
};

contract!(
    an_order_is_found_by_each_of_its_numbers,
    orders_are_listed_by_state_and_decision,
    the_log_shows_attempts_newest_first,
    bodies_expire_after_the_pass_closed_and_rows_stay,
    what_a_mapping_cost_is_kept_with_the_move_and_its_evidence_with_the_bodies,
    what_is_open_or_needs_somebody_is_counted_by_connection,
    the_last_mappings_by_a_release_are_found,
    the_newest_of_all_connections_are_those_of_each_of_them_together,
    the_counts_of_a_connection_are_of_one_moment,
    what_an_attempt_with_files_left_is_nobody_s_when_its_pass_is_closed,
);

async fn ids(rig: &Rig, filter: OrderFilter) -> Vec<String> {
    let rows = rig.ledger.orders(OrderFilter { limit: 50, ..filter }).await.unwrap();
    rows.into_iter().map(|row| row.key.shop_order_id).collect()
}

async fn deliver(rig: &Rig, id: &str, attempt: &str) {
    let claim = rig.sending(id, attempt).await;
    let change = Move {
        end: Some(end(attempt, "accepted")),
        ..by_lease(&claim, PassState::Sending, delivered(&format!("ERP-{id}")))
    };
    rig.ledger.apply(change).await.unwrap();
}

async fn an_order_is_found_by_each_of_its_numbers(rig: Rig) {
    deliver(&rig, "1", "a1").await;
    deliver(&rig, "2", "a2").await;
    for number in ["1", "W-1", "ERP-1"] {
        assert_eq!(ids(&rig, OrderFilter { number: Some(number.into()), ..Default::default() }).await, ["1"]);
    }
    assert!(ids(&rig, OrderFilter { number: Some("3".into()), ..Default::default() }).await.is_empty());
}

async fn orders_are_listed_by_state_and_decision(rig: Rig) {
    deliver(&rig, "1", "a1").await;
    rig.advance(1);
    rig.failed("2", vec![]).await;
    rig.advance(1);
    rig.see(vec![sight("3", "Strange")], false).await;
    assert_eq!(ids(&rig, OrderFilter::default()).await, ["3", "2", "1"]);
    let states = vec![PassState::Delivered, PassState::Failed];
    let connection = Some(rig.connection.clone());
    assert_eq!(ids(&rig, OrderFilter { states, connection, ..Default::default() }).await, ["2", "1"]);
    let undecided = Some(Undecided::Skipped);
    assert_eq!(ids(&rig, OrderFilter { undecided, ..Default::default() }).await, ["3"]);
    let counts = rig.ledger.counts(&rig.connection).await.unwrap();
    assert_eq!((counts.by_state["delivered"], counts.by_state["failed"], counts.skipped), (1, 1, 1));
    assert_eq!(rig.row("1").await.colour, Colour::Green);
    assert_eq!(rig.row("3").await.colour, Colour::None);
}

async fn the_log_shows_attempts_newest_first(rig: Rig) {
    deliver(&rig, "1", "a1").await;
    rig.advance(1);
    deliver(&rig, "2", "a2").await;
    let log = rig.ledger.attempts(Some(&rig.connection), 0, 10).await.unwrap();
    assert_eq!(log.iter().map(|it| it.order_number.as_str()).collect::<Vec<_>>(), ["W-2", "W-1"]);
    assert_eq!((log[0].outcome.as_str(), log[0].phase.as_str()), ("accepted", "body"));
    assert_eq!(log[0].answer, Some(serde_json::json!({"status": 200})));
    assert_eq!(rig.ledger.attempts(None, rig.now(), 10).await.unwrap().len(), 1);
}

async fn bodies_expire_after_the_pass_closed_and_rows_stay(rig: Rig) {
    deliver(&rig, "1", "a1").await;
    rig.sending("2", "a2").await;
    rig.advance(100);
    assert_eq!(rig.ledger.expire_bodies(rig.now(), 10).await.unwrap(), 1);
    assert_eq!(rig.ledger.expire_bodies(rig.now(), 10).await.unwrap(), 0);
    let detail = rig.detail("1").await;
    assert_eq!((detail.attempts.len(), &detail.attempts[0].request, &detail.attempts[0].answer), (1, &None, &None));
    assert_eq!(rig.ledger.mapped_order(&rig.pass("1", 1)).await.unwrap(), None);
    assert!(rig.ledger.mapped_order(&rig.pass("2", 1)).await.unwrap().is_some(), "it is open");
    assert_eq!(detail.order.erp_order_id.as_deref(), Some("ERP-1"));
}

async fn what_a_mapping_cost_is_kept_with_the_move_and_its_evidence_with_the_bodies(rig: Rig) {
    let cost =
        |gave: &str| Mapping { release: "aa".into(), gave: gave.into(), cpu: 7, memory: 65_536, us: 40, in_vain: None };
    rig.offer("1").await;
    let first = rig.claim_one().await;
    rig.ledger.apply(Move { mapping: Some(cost("delivery")), ..to_sending(&first, "a1") }).await.unwrap();
    rig.offer("2").await;
    let second = rig.claim_one().await;
    let evidence = serde_json::json!({ "look_ups": [{ "table": "shipping", "key": "Express", "value": null }] });
    let in_vain = MappedInVain { order: Arc::new("{\"order\":2}".into()), evidence: evidence.to_string().into() };
    let refuses = Move {
        mapping: Some(Mapping { in_vain: Some(in_vain), ..cost("rejection") }),
        ..by_lease(&second, PassState::Claimed, To::Withdrawn { because: "not for us".into(), decision: None })
    };
    rig.ledger.apply(refuses).await.unwrap();
    let last = async |id: &str| rig.detail(id).await.passes.pop().unwrap();
    let sent = last("1").await;
    assert_eq!((sent.mapping, sent.evidence), (Some(cost("delivery")), None), "it is with the attempt");
    let failed = last("2").await;
    assert_eq!((failed.mapping, failed.evidence), (Some(cost("rejection")), Some(evidence)));
    assert_eq!(rig.ledger.mapped_order(&rig.pass("2", 1)).await.unwrap().as_deref(), Some("{\"order\":2}"));
    rig.advance(100);
    assert_eq!(rig.ledger.expire_bodies(rig.now(), 10).await.unwrap(), 1);
    let expired = last("2").await;
    assert_eq!((expired.mapping, expired.evidence), (Some(cost("rejection")), None));
    assert_eq!(rig.ledger.mapped_order(&rig.pass("2", 1)).await.unwrap(), None);
}

async fn what_is_open_or_needs_somebody_is_counted_by_connection(rig: Rig) {
    assert_eq!(rig.ledger.backlog().await.unwrap(), Backlog::default());
    deliver(&rig, "1", "a1").await;
    rig.failed(
        "2",
        vec![EffectBody::Note { text: "no street".into() }, EffectBody::Mail { failed: serde_json::json!({}) }],
    )
    .await;
    rig.advance(1);
    rig.offer("3").await;
    rig.offer("4").await;
    rig.see(vec![sight("5", "Strange")], false).await;
    let backlog = rig.ledger.backlog().await.unwrap();
    let counts: Vec<_> = backlog.orders.iter().map(|it| (it.state, it.orders)).collect();
    assert_eq!(counts, [(PassState::Waiting, 2), (PassState::Failed, 1)], "what ended well is not counted");
    let since = |at: usize| backlog.orders[at].since_ms;
    assert!(since(1) <= since(0) && since(0) <= rig.now(), "{backlog:?}");
    assert!(backlog.orders.iter().all(|it| it.connection == rig.connection));
    assert_eq!(backlog.effects.get(&rig.connection), Some(&[1, 0, 1]));
    assert!(backlog.questions.is_empty());
}

async fn the_last_mappings_by_a_release_are_found(rig: Rig) {
    let cost = |release: &str, cpu| Mapping {
        release: release.into(),
        gave: "delivery".into(),
        cpu,
        memory: 65_536,
        us: 40,
        in_vain: None,
    };
    for (id, release) in [("1", "aa"), ("2", "bb"), ("3", "aa")] {
        rig.offer(id).await;
        let claim = rig.claim_one().await;
        let cpu = id.parse().unwrap();
        let sent = Move { mapping: Some(cost(release, cpu)), ..to_sending(&claim, &format!("a{id}")) };
        rig.ledger.apply(sent).await.unwrap();
        rig.advance(5);
    }
    let found = async |since_ms, limit| rig.ledger.mappings(&"aa".into(), since_ms, limit).await.unwrap();
    assert_eq!(found(0, 10).await, [cost("aa", 3), cost("aa", 1)], "newest first");
    assert_eq!(found(0, 1).await, [cost("aa", 3)]);
    assert_eq!(found(rig.now() + 86_400_000, 10).await, []);
}

async fn the_counts_of_a_connection_are_of_one_moment(rig: Rig) {
    rig.offer("1").await;
    let done = std::sync::atomic::AtomicBool::new(false);
    // One order goes round and round; whoever counts finds it in one state, each time.
    let moves = async {
        for _ in 0..60 {
            let claim = rig.claim_one().await;
            let (not_before_ms, because) = (rig.now(), "again".to_owned());
            let to = To::Waiting { not_before_ms, because, unpin: true, retry: true, absent: false };
            rig.ledger.apply(by_lease(&claim, PassState::Claimed, to)).await.unwrap();
        }
        done.store(true, std::sync::atomic::Ordering::SeqCst);
    };
    let counting = async {
        while !done.load(std::sync::atomic::Ordering::SeqCst) {
            let counts = rig.ledger.counts(&rig.connection).await.unwrap();
            assert_eq!(counts.by_state.values().sum::<u64>(), 1, "{counts:?}");
        }
    };
    tokio::join!(moves, counting);
}

async fn what_an_attempt_with_files_left_is_nobody_s_when_its_pass_is_closed(rig: Rig) {
    let tokens: Vec<AttemptToken> = ["a1", "a2", "a3", "a4"].map(|it| AttemptToken(it.to_owned())).into();
    for (id, token, files) in [("1", "a1", true), ("2", "a2", true), ("3", "a3", false)] {
        rig.offer(id).await;
        let claim = rig.claim_one().await;
        let mut change = to_sending(&claim, token);
        if let To::Sending { attempt, .. } = &mut change.to {
            attempt.recovery = files.then(|| serde_json::json!({ "plan": {} }));
        }
        rig.ledger.apply(change).await.unwrap();
        if id != "2" {
            let change =
                Move { end: Some(end(token, "accepted")), ..by_lease(&claim, PassState::Sending, delivered(id)) };
            let open = rig.ledger.done_with(&tokens).await.unwrap();
            assert!(!open.contains(&AttemptToken(token.to_owned())), "its pass is open");
            rig.ledger.apply(change).await.unwrap();
        }
    }
    assert_eq!(rig.ledger.done_with(&tokens).await.unwrap(), [AttemptToken("a1".to_owned())]);
}

/// What the ledger says of all connections is what it says of each, put together.
async fn the_newest_of_all_connections_are_those_of_each_of_them_together(mut rig: Rig) {
    let mut all = vec![rig.connection.clone()];
    for name in ["two", "three", "four"] {
        all.push(rig.ledger.apply_connection(draft(name)).await.unwrap().connection);
    }
    let clock_started = rig.now();
    // The connection "four" has none; the others have many, few and between.
    for (number, at) in [0, 0, 1, 0, 2, 1, 0, 0, 1, 0].into_iter().enumerate() {
        rig.connection = all[at].clone();
        rig.advance(1);
        let id = format!("{at}-{number}");
        let claim = rig.sending(&id, &format!("a{number}")).await;
        let to = match number % 3 {
            0 => To::Failed { class: FailureClass::Data, because: "no".into(), field: None, partial_id: None },
            _ => delivered(&id),
        };
        let change =
            Move { end: Some(end(&format!("a{number}"), "accepted")), ..by_lease(&claim, PassState::Sending, to) };
        rig.ledger.apply(change).await.unwrap();
    }
    let all_states = [PassState::Delivered, PassState::Failed, PassState::Waiting, PassState::Claimed];
    for limit in [0, 1, 2, 3, 50] {
        for states in [&all_states[..1], &all_states[1..2], &all_states[..], &all_states[2..]] {
            let ask = async |connection: Option<ConnectionId>| {
                let filter = OrderFilter { connection, states: states.to_vec(), limit, ..Default::default() };
                rig.ledger.orders(filter).await.unwrap()
            };
            let mut each = Vec::new();
            for connection in &all {
                each.extend(ask(Some(connection.clone())).await);
            }
            each.sort_by_key(|row| std::cmp::Reverse(row.state_ms));
            each.truncate(limit as usize);
            assert_eq!(ask(None).await, each, "{states:?} {limit}");
            let skipped = OrderFilter {
                undecided: Some(Undecided::Skipped),
                states: states.to_vec(),
                limit,
                ..Default::default()
            };
            assert_eq!(rig.ledger.orders(skipped).await.unwrap(), []);
        }
        for since_ms in [0, clock_started + 5] {
            let mut each = Vec::new();
            for connection in &all {
                each.extend(rig.ledger.attempts(Some(connection), since_ms, limit).await.unwrap());
            }
            each.sort_by_key(|row| std::cmp::Reverse(row.recorded_ms));
            each.truncate(limit as usize);
            assert_eq!(rig.ledger.attempts(None, since_ms, limit).await.unwrap(), each, "{since_ms} {limit}");
        }
    }
}
