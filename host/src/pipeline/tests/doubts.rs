//! Unknown outcomes: whom is asked, when *absent* counts, what is repeated and for how long (lifecycle sections 4 and 5).

use super::{
    erp::Told,
    played::{files, http, order, sight},
    stage::{COUNTS_AFTER, Stage, release},
};
use crate::{
    domain::{
        call::Purpose,
        delivery::{Delivery, DeliveryContent, Header, Rejection, RejectionClass, Repeat, SecretEncoding, Segment},
        pass::PassState,
        sight::Sight,
        verdict::{DefaultVerdict, Verdict},
    },
    ledger::passes::ClaimKind,
};

const ABSENT: Told = Told::Say(404, "");

/// The plugin has no question.
fn no_question() -> Rejection {
    Rejection { class: RejectionClass::Settings, message: "no look-up is set".to_owned(), field: None }
}

/// An order is sent and its answer never comes.
async fn lost(stage: &Stage, id: &str) {
    stage.erp.answers([Told::Nothing]);
    stage.offer(id).await;
    stage.work().await;
    assert_eq!(stage.state(id).await, PassState::Unknown);
}

/// The same, and nobody could tell what became of it.
async fn given_up(stage: &Stage, id: &str, state: &'static [u8]) {
    stage.plugin.maps(move |order, context| match context.purpose {
        Purpose::LookUp => Err(no_question()),
        _ => Ok(Delivery { state: state.to_vec(), ..http("POST", "orders", Repeat::Never, &order.order_number) }),
    });
    lost(stage, id).await;
    stage.look().await;
    assert_eq!(stage.state(id).await, PassState::GivenUp);
    stage.plugin.maps(|order, context| {
        Ok(match context.purpose {
            Purpose::LookUp => http("GET", "find", Repeat::Always, ""),
            _ => http("POST", "orders", Repeat::Never, &order.order_number),
        })
    });
}

/// Lost, looked up when that counts, and not there: it waits to be sent again.
async fn absent(stage: &Stage, id: &str) {
    lost(stage, id).await;
    stage.advance(COUNTS_AFTER);
    stage.erp.answers([ABSENT]);
    stage.look().await;
    assert_eq!(stage.state(id).await, PassState::Waiting);
}

fn posts(stage: &Stage) -> Vec<String> {
    stage.erp.requests().into_iter().filter(|request| request.starts_with("POST")).collect()
}

#[tokio::test]
async fn absent_counts_only_after_the_settling_time() {
    let stage = Stage::http().await;
    lost(&stage, "1").await;
    stage.erp.answers([ABSENT, ABSENT]);
    stage.look().await;
    assert_eq!(stage.state("1").await, PassState::Unknown);
    stage.advance(COUNTS_AFTER - 1);
    assert!(stage.claims(ClaimKind::Look).await.is_empty(), "before that no look tells anything");
    stage.advance(1);
    stage.look().await;
    assert_eq!(stage.state("1").await, PassState::Waiting);
    stage.work().await;
    assert_eq!((stage.state("1").await, posts(&stage).len()), (PassState::Delivered, 2));
}

#[tokio::test]
async fn after_absent_the_shop_is_asked_again_and_unchanged_bytes_go_again() {
    let stage = Stage::http().await;
    absent(&stage, "1").await;
    let reads = stage.shop.reads();
    stage.work().await;
    assert_eq!(stage.state("1").await, PassState::Delivered);
    assert_eq!(stage.shop.reads(), reads + 1, "before the first byte the order is read again");
    assert_eq!(stage.plugin.mapped(Purpose::Create), 1);
    assert_eq!(posts(&stage), ["POST /orders W-1"; 2]);
}

#[tokio::test]
async fn after_absent_what_the_shop_takes_back_is_withdrawn() {
    let stage = Stage::http().await;
    absent(&stage, "1").await;
    stage.shop.show(sight("1", "Cancelled"));
    stage.work().await;
    assert_eq!((stage.state("1").await, posts(&stage).len()), (PassState::Withdrawn, 1));
    assert!(stage.detail("1").await.effects.is_empty(), "nothing was sent that anybody must be told of");
}

#[tokio::test]
async fn an_order_that_ends_in_a_doubt_each_time_and_is_never_there_fails_when_it_was_tried_for_long() {
    let stage = Stage::http().await;
    let began = stage.now();
    absent(&stage, "1").await;
    let mut sends = 1;
    while stage.state("1").await == PassState::Waiting {
        assert!(stage.now() - began < 2 * 3_600_000, "it goes on for ever: {} sends", posts(&stage).len());
        stage.until_due("1").await;
        stage.erp.answers([Told::Nothing]);
        stage.work().await;
        sends += 1;
        assert_eq!(stage.state("1").await, PassState::Unknown);
        stage.advance(COUNTS_AFTER);
        stage.erp.answers([ABSENT]);
        stage.look().await;
    }
    assert_eq!((stage.state("1").await, posts(&stage).len()), (PassState::Failed, sends));
    assert!(stage.now() - began >= 3_600_000, "not before the connection's `retry_for` is over");
    let because = stage.because("1").await;
    assert!(because.ends_with("; the ERP does not have it; tried again for 60 min"), "{because}");
    assert!(because.contains("closed") || because.contains("answer"), "and what the doubt was: {because}");
}

#[tokio::test]
async fn after_absent_a_changed_order_is_mapped_anew() {
    let stage = Stage::http().await;
    stage.plugin.maps(|order, context| {
        Ok(match context.purpose {
            Purpose::LookUp => http("GET", "find", Repeat::Always, ""),
            _ => http("POST", "orders", Repeat::Never, &format!("{} {}", order.order_number, order.buyer_note)),
        })
    });
    absent(&stage, "1").await;
    let mut changed = order("1");
    changed.buyer_note = "two, please".to_owned();
    stage.shop.show(Sight { order: Ok(Box::new(changed)), ..sight("1", "New Order") });
    stage.work().await;
    assert_eq!(stage.state("1").await, PassState::Delivered);
    assert_eq!(posts(&stage), ["POST /orders W-1 ", "POST /orders W-1 two, please"]);
    let keys: Vec<_> = stage.plugin.calls().into_iter().map(|call| call.context.idempotency_key).collect();
    assert!(keys.windows(2).all(|two| two[0] == two[1]), "still the same pass: {keys:?}");
}

#[tokio::test]
async fn within_a_conversation_absent_sends_the_stored_step_again() {
    let stage = Stage::http().await;
    stage.plugin.reads(|call, default| {
        Ok(match (call.purpose, call.context.step, default) {
            (Purpose::LookUp, ..) => Verdict::NotFound,
            (_, 0, _) => {
                let delivery = Box::new(http("POST", "confirm", Repeat::Never, "yes"));
                Verdict::Next { delivery, remember: Vec::new() }
            }
            _ => super::played::plainly(call, default),
        })
    });
    stage.erp.answers([Told::Say(200, "{}"), Told::Nothing]);
    stage.offer("1").await;
    stage.work().await;
    assert_eq!(stage.state("1").await, PassState::Unknown);
    stage.advance(COUNTS_AFTER);
    stage.look().await;
    // What the shop says now changes nothing: the ERP has answered the first call.
    stage.shop.show(sight("1", "Cancelled"));
    stage.work().await;
    assert_eq!(stage.state("1").await, PassState::Delivered);
    assert_eq!(posts(&stage), ["POST /orders W-1", "POST /confirm yes", "POST /confirm yes"]);
}

#[tokio::test]
async fn an_heir_waits_until_absent_counts_for_what_was_sent_before() {
    let stage = Stage::http().await;
    given_up(&stage, "1", b"").await;
    let sent_at = stage.now();
    stage.advance(1_000);
    stage.resend("1", 1).await;
    stage.erp.answers([ABSENT]);
    stage.work().await;
    assert_eq!((stage.state("1").await, posts(&stage).len()), (PassState::Waiting, 1));
    assert!(stage.because("1").await.contains("may still be working on what was sent before"));
    stage.until_due("1").await;
    assert_eq!(stage.now(), sent_at + COUNTS_AFTER);
    stage.erp.answers([ABSENT]);
    stage.work().await;
    assert_eq!((stage.state("1").await, posts(&stage).len()), (PassState::Delivered, 2));
}

#[tokio::test]
async fn an_heir_that_finds_the_order_while_it_waits_sends_nothing() {
    let stage = Stage::http().await;
    given_up(&stage, "1", b"").await;
    stage.resend("1", 1).await;
    stage.erp.answers([ABSENT, Told::Say(200, "{}")]);
    stage.work().await;
    stage.until_due("1").await;
    stage.work().await;
    assert_eq!((stage.state("1").await, posts(&stage).len()), (PassState::Delivered, 1));
}

#[tokio::test]
async fn an_heir_looks_up_with_the_state_of_its_predecessor() {
    for (in_force, expected) in [(1, b"ticket 7".as_slice()), (2, b"")] {
        let stage = Stage::http().await;
        given_up(&stage, "1", b"ticket 7").await;
        stage.advance(COUNTS_AFTER);
        stage.apply(in_force, stage.to_erp(""), serde_json::json!({})).await;
        stage.resend("1", 1).await;
        stage.work().await;
        assert_eq!((stage.state("1").await, posts(&stage).len()), (PassState::Delivered, 1), "the look-up found it");
        let calls = stage.plugin.calls();
        let question = calls.iter().rfind(|call| call.purpose == Purpose::LookUp && call.read.is_none()).unwrap();
        assert_eq!((question.context.pass, &question.release), (2, &release(in_force)));
        let state = question.context.previous.clone().unwrap().state;
        assert_eq!(state, expected, "state goes only to the release that made it");
    }
}

#[tokio::test]
async fn an_heir_that_could_not_send_looks_up_with_that_state_again() {
    let stage = Stage::http().await;
    given_up(&stage, "1", b"ticket 7").await;
    stage.plugin.maps(|order, context| {
        Ok(match context.purpose {
            Purpose::LookUp => http("GET", "find", Repeat::Always, ""),
            _ => {
                Delivery { state: b"never sent".to_vec(), ..http("POST", "orders", Repeat::Never, &order.order_number) }
            }
        })
    });
    stage.advance(COUNTS_AFTER);
    stage.resend("1", 1).await;
    stage.erp.answers([ABSENT]);
    stage.erp_goes_down_at("apply:sending");
    stage.work().await;
    assert_eq!(stage.state("1").await, PassState::Waiting);
    stage.erp.up().await;
    stage.until_due("1").await;
    stage.work().await;
    let asked = |call: &super::played::PluginCall| call.purpose == Purpose::LookUp && call.read.is_none();
    let states: Vec<_> =
        stage.plugin.calls().into_iter().filter(asked).map(|call| call.context.previous.unwrap().state).collect();
    // The first is the question of the pass before, which the plugin did not have.
    assert_eq!(states, [b"ticket 7"; 3].map(|state| state.to_vec()));
    assert_eq!((stage.state("1").await, posts(&stage).len()), (PassState::Delivered, 1));
}

#[tokio::test]
async fn a_look_up_asks_the_release_and_the_address_that_the_pass_is_pinned_to() {
    let stage = Stage::http().await;
    lost(&stage, "1").await;
    stage.apply(2, stage.to_erp("v2/"), serde_json::json!({})).await;
    stage.advance(COUNTS_AFTER);
    stage.erp.answers([ABSENT]);
    stage.look().await;
    stage.work().await;
    assert_eq!(stage.erp.requests(), ["POST /orders W-1", "GET /find ", "POST /orders W-1"]);
    assert!(stage.plugin.calls().iter().all(|call| call.release == release(1)));
}

#[tokio::test]
async fn a_question_is_asked_only_if_it_may_be_repeated() {
    for (method, repeat, asked) in
        [("POST", Repeat::Never, false), ("POST", Repeat::Always, true), ("GET", Repeat::Never, true)]
    {
        let stage = Stage::http().await;
        stage.plugin.maps(move |order, context| {
            Ok(match context.purpose {
                Purpose::LookUp => http(method, "find", repeat, "W-1"),
                _ => http("POST", "orders", Repeat::Never, &order.order_number),
            })
        });
        lost(&stage, "1").await;
        stage.look().await;
        assert_eq!(stage.erp.requests().len(), if asked { 2 } else { 1 }, "{method} {repeat:?}");
        let expected = if asked { PassState::Delivered } else { PassState::Unknown };
        assert_eq!(stage.state("1").await, expected, "{method} {repeat:?}");
    }
}

/// A step that may be repeated, to an ERP that never answers; no look-ups.
async fn repeatable(repeat: Repeat) -> Stage {
    let stage = Stage::http().await;
    stage.plugin.maps(move |order, context| match context.purpose {
        Purpose::LookUp => Err(no_question()),
        _ => Ok(http("POST", "orders", repeat, &order.order_number)),
    });
    stage.erp.answers(vec![Told::Nothing; 200]);
    stage
}

#[tokio::test]
async fn repeats_back_off_and_end() {
    let stage = repeatable(Repeat::Always).await;
    stage.offer("1").await;
    let (mut waits, began) = (Vec::new(), stage.now());
    loop {
        stage.work().await;
        assert_eq!(stage.state("1").await, PassState::Unknown);
        stage.look().await;
        if stage.state("1").await == PassState::GivenUp {
            break;
        }
        let before = stage.now();
        stage.until_due("1").await;
        waits.push((stage.now() - before) / 1_000);
        assert!(waits.len() < 100, "it never ends: {waits:?}");
    }
    assert_eq!(waits[0], 0, "the first repeat comes at once");
    assert!(waits[1] >= 5 && waits[waits.len() - 1] >= 300, "then it backs off: {waits:?}");
    let hours = (stage.now() - began) as f64 / 3_600_000.0;
    assert!((1.0..1.3).contains(&hours), "for about as long as anything is tried again: {hours} h");
    assert!(stage.plugin.mapped(Purpose::Create) == 1 && posts(&stage).len() == waits.len() + 1);
}

#[tokio::test]
async fn a_keys_life_counts_from_the_first_request_that_carried_it() {
    let stage = repeatable(Repeat::WithKey(100)).await;
    stage.offer("1").await;
    stage.work().await;
    stage.look().await;
    assert_eq!(stage.state("1").await, PassState::Waiting, "the ERP still knows the key");
    stage.advance(60_000);
    stage.work().await;
    stage.advance(36_000);
    stage.look().await;
    // 96 s after the first request: another, which may last 5 s, could come after the ERP forgot the key.
    assert_eq!((stage.state("1").await, posts(&stage).len()), (PassState::GivenUp, 2));
}

#[tokio::test]
async fn an_erp_that_can_not_be_reached_fails_only_what_was_never_sent() {
    for sent in [false, true] {
        let stage = repeatable(Repeat::Always).await;
        stage.offer("1").await;
        if sent {
            stage.work().await;
            stage.look().await;
            assert_eq!(stage.state("1").await, PassState::Waiting);
        }
        stage.erp.down().await;
        stage.work().await;
        assert_eq!(stage.state("1").await, PassState::Waiting);
        stage.advance(3_600_000);
        stage.work().await;
        let expected = if sent { PassState::Unknown } else { PassState::Failed };
        assert_eq!(stage.state("1").await, expected, "sent: {sent}; {}", stage.because("1").await);
        let mailed = stage.detail("1").await.effects.iter().any(|effect| effect.body["effect"] == "mail");
        assert_eq!(mailed, !sent);
    }
}

fn with_missing_secret(delivery: Delivery) -> Delivery {
    let Delivery { content: DeliveryContent::Http(mut http), .. } = delivery else { unreachable!() };
    let value = vec![Segment::Secret { slot: "missing".to_owned(), encode: SecretEncoding::None }];
    http.headers.push(Header { name: "x-key".to_owned(), value });
    Delivery { content: DeliveryContent::Http(http), state: Vec::new(), notes: Vec::new() }
}

#[tokio::test]
async fn settings_that_do_not_fit_fail_only_what_was_never_sent() {
    let stage = Stage::http().await;
    stage.plugin.maps(|order, _| Ok(with_missing_secret(http("POST", "orders", Repeat::Never, &order.order_number))));
    stage.offer("1").await;
    stage.work().await;
    assert_eq!((stage.state("1").await, stage.erp.requests().len()), (PassState::Failed, 0));

    let stage = Stage::http().await;
    stage.plugin.reads(|_, _: DefaultVerdict| {
        let delivery = Box::new(with_missing_secret(http("POST", "confirm", Repeat::Never, "yes")));
        Ok(Verdict::Next { delivery, remember: Vec::new() })
    });
    stage.offer("1").await;
    stage.work().await;
    assert_eq!((stage.state("1").await, stage.erp.requests().len()), (PassState::Unknown, 1));
    assert!(stage.because("1").await.contains("`missing`"), "{}", stage.because("1").await);
}

#[tokio::test]
async fn a_conversation_that_changes_its_kind_is_in_doubt() {
    let stage = Stage::http().await;
    stage.plugin.reads(|_, _| {
        let delivery = Box::new(files(&[("order_1.xml", "<order/>")], None));
        Ok(Verdict::Next { delivery, remember: Vec::new() })
    });
    stage.offer("1").await;
    stage.work().await;
    assert_eq!((stage.state("1").await, stage.erp.requests().len()), (PassState::Unknown, 1));
}
