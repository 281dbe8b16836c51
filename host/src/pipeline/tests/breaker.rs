//! The trouble of a whole destination: what opens the breaker, what waits for it, who finds out, and who is told.

use std::sync::Arc;

use tokio::sync::Notify;

use super::{erp::Told, played::http, stage::Stage};
use crate::{
    domain::{breaker::Health, call::Purpose, clock::Clock as _, delivery::Repeat, pass::PassState, verdict::Verdict},
    ledger::{
        destinations::Destinations as _,
        effects::{EffectBody, Effects as _},
        passes::{ClaimKind, Passes as _},
    },
    pipeline::{breaker, notices, work::Signals},
};

impl Stage {
    /// How the only destination is.
    async fn health(&self) -> Option<Health> {
        self.ledger.unwell().await.unwrap().pop().map(|unwell| unwell.health)
    }

    async fn is_shut(&self) -> bool {
        self.health().await.is_some_and(|health| health.is_open())
    }

    /// Moves the clock to the next try.
    async fn until_next_try(&self) {
        let next = self.health().await.unwrap().next_try_ms;
        self.advance(next - self.now());
    }

    /// How many passes a claim gives; they are given back.
    async fn claimable(&self, kind: ClaimKind) -> usize {
        let lane = self.lane();
        let claims = self.ledger.claim(&lane.record.id, &self.shared.parts.host, kind, 10, 1_000).await.unwrap();
        for claim in &claims {
            self.ledger.release(&claim.pass.key, &claim.token).await.unwrap();
        }
        claims.len()
    }

    async fn attempts(&self, id: &str) -> Vec<String> {
        self.detail(id).await.attempts.into_iter().map(|attempt| attempt.outcome).collect()
    }

    async fn mails(&self) -> Vec<String> {
        let lanes = [(self.lane(), Arc::clone(&self.signals))];
        breaker::refresh(&self.shared.parts).await.unwrap();
        notices::of_destinations(&self.shared, &lanes).await.unwrap();
        let mut all = Vec::new();
        for batch in self.ledger.claim_mails(&self.shared.parts.host, 0, 1_000).await.unwrap() {
            for (_, owed) in &batch.members {
                let EffectBody::Mail { failed } = &owed.body else { unreachable!() };
                all.push(format!("{}\n{}", failed["subject"].as_str().unwrap_or("an order"), failed["lines"]));
            }
            self.ledger.finish_mails(&batch, crate::ledger::effects::EffectEnd::Done).await.unwrap();
        }
        all
    }
}

#[tokio::test]
async fn an_erp_that_is_down_is_left_alone_and_one_order_finds_out_that_it_is_back() {
    let stage = Stage::watched(3).await;
    for id in ["1", "2", "3", "4", "5"] {
        stage.offer(id).await;
    }
    stage.erp.down().await;
    // All were claimed before anybody knew.
    let mut failed = 0;
    for mut journey in stage.claims(ClaimKind::Work).await {
        journey.go().await.unwrap();
        failed += 1;
        assert_eq!(stage.is_shut().await, failed >= 3);
    }
    let tried = async || {
        let mut all = Vec::new();
        for id in ["1", "2", "3", "4", "5"] {
            assert_eq!(stage.state(id).await, PassState::Waiting);
            all.push(stage.attempts(id).await.len());
        }
        all.into_iter().sum::<usize>()
    };
    assert_eq!(tried().await, 3, "no more than it took to see it");
    let because = stage.because("5").await;
    assert!(because.starts_with("the ERP has not answered since 2027") && because.contains("next try at"), "{because}");
    stage.advance(5_000);
    assert_eq!(stage.claimable(ClaimKind::Work).await, 0);
    // It is still down: one finds out for all.
    stage.until_next_try().await;
    let mut due = stage.claims(ClaimKind::Work).await;
    assert!(due.len() > 1);
    futures_util::future::join_all(due.iter_mut().map(|journey| journey.go())).await;
    assert_eq!((tried().await, stage.health().await.unwrap().openings), (4, 2));
    // Hours later it is back. No order has used up anything of its own time.
    stage.advance(6 * 3_600_000);
    stage.erp.up().await;
    let mut one = stage.claims(ClaimKind::Work).await;
    one.truncate(1);
    one[0].go().await.unwrap();
    assert_eq!((stage.health().await, stage.erp.requests().len()), (None, 1));
    stage.leases_run_out();
    for mut journey in stage.claims(ClaimKind::Work).await {
        journey.go().await.unwrap();
    }
    for id in ["1", "2", "3", "4", "5"] {
        assert_eq!(stage.state(id).await, PassState::Delivered, "{}", stage.because(id).await);
    }
    assert_eq!(stage.erp.requests().len(), 5);
}

#[tokio::test]
async fn an_erp_that_hangs_makes_only_those_doubtful_that_it_took_to_see_it() {
    let stage = Stage::watched(2).await;
    for id in ["1", "2", "3", "4"] {
        stage.offer(id).await;
    }
    stage.erp.answers([Told::Nothing, Told::Nothing]);
    for mut journey in stage.claims(ClaimKind::Work).await {
        journey.go().await.unwrap();
    }
    let mut states = Vec::new();
    for id in ["1", "2", "3", "4"] {
        states.push(stage.state(id).await);
    }
    states.sort_by_key(|state| state.as_str());
    assert_eq!(states, [PassState::Unknown, PassState::Unknown, PassState::Waiting, PassState::Waiting]);
    assert_eq!(stage.erp.requests().len(), 2);
    // Looking up waits too, and its time with it.
    for mut journey in stage.claims(ClaimKind::Look).await {
        journey.go().await.unwrap();
    }
    assert_eq!((stage.erp.requests().len(), stage.claimable(ClaimKind::Look).await), (2, 0));
    stage.advance(3 * 3_600_000);
    // A look-up is a try that can do no harm.
    stage.erp.answers([Told::Say(404, ""), Told::Say(404, "")]);
    for mut journey in stage.claims(ClaimKind::Look).await {
        journey.go().await.unwrap();
    }
    assert_eq!((stage.health().await, stage.erp.requests().len()), (None, 4));
    for mut journey in stage.claims(ClaimKind::Work).await {
        journey.go().await.unwrap();
    }
    for id in ["1", "2", "3", "4"] {
        assert_eq!(stage.state(id).await, PassState::Delivered, "{}", stage.because(id).await);
    }
}

#[tokio::test]
async fn the_wait_that_an_erp_asks_for_holds_for_all_orders_and_is_no_try() {
    let stage = Stage::watched(3).await;
    stage.plugin.reads(|call, default| {
        Ok(match &call.read {
            Some(crate::domain::verdict::Response::Http { status: 403, .. }) => {
                Verdict::RetryLater { after_s: Some(90), message: "RateLimitError".to_owned() }
            }
            _ => super::played::plainly(call, default),
        })
    });
    stage.offer("1").await;
    stage.offer("2").await;
    stage.erp.answers([Told::Say(403, "")]);
    stage.work_one().await;
    assert!(stage.is_shut().await, "it said so itself");
    stage.advance(89_000);
    assert_eq!((stage.claimable(ClaimKind::Work).await, stage.erp.requests().len()), (0, 1));
    stage.advance(1_000);
    for mut journey in stage.claims(ClaimKind::Work).await {
        assert_eq!(journey.pass.retry_since(stage.now()), None, "its own time has not begun");
        journey.go().await.unwrap();
    }
    stage.leases_run_out();
    for mut journey in stage.claims(ClaimKind::Work).await {
        journey.go().await.unwrap();
    }
    for id in ["1", "2"] {
        assert_eq!(stage.state(id).await, PassState::Delivered);
    }
    assert_eq!(stage.erp.requests().len(), 3);
}

#[tokio::test]
async fn a_breaker_that_opens_now_and_then_lets_no_order_outlive_its_time() {
    let stage = Stage::watched(1).await;
    stage.plugin.reads(|call, default| {
        Ok(match &call.read {
            // About this order only: the destination works.
            Some(crate::domain::verdict::Response::Http { status: 423, .. }) => {
                Verdict::RetryLater { after_s: Some(600), message: "locked".to_owned() }
            }
            _ => super::played::plainly(call, default),
        })
    });
    stage.offer("1").await;
    // Ten minutes of its own, then some of the ERP's, again and again: an hour is an hour.
    let mut rounds = 0;
    while stage.state("1").await == PassState::Waiting {
        rounds += 1;
        assert!(rounds < 20, "it is tried without end");
        stage.erp.answers([Told::Say(423, "")]);
        stage.until_due("1").await;
        stage.work().await;
        if stage.state("1").await != PassState::Waiting {
            break;
        }
        stage.until_due("1").await;
        stage.erp.down().await;
        stage.work().await;
        assert!(stage.is_shut().await);
        stage.advance(3 * 3_600_000);
        stage.erp.up().await;
    }
    assert_eq!(stage.state("1").await, PassState::Failed);
    assert!(stage.because("1").await.contains("locked") && stage.because("1").await.contains("tried again for"));
    assert!(rounds >= 6, "time in which the ERP was away does not count: {rounds}");
}

#[tokio::test]
async fn a_credential_that_is_refused_fails_no_order() {
    let stage = Stage::watched(3).await;
    stage.offer("1").await;
    stage.offer("2").await;
    stage.erp.answers([Told::Say(401, "")]);
    stage.work_one().await;
    assert!(stage.is_shut().await);
    for id in ["1", "2"] {
        assert_eq!(stage.state(id).await, PassState::Waiting);
        assert!(stage.because(id).await.contains("has refused our access since"), "{}", stage.because(id).await);
        assert!(stage.detail(id).await.effects.is_empty(), "no status, no note, no mail");
    }
    stage.until_next_try().await;
    for mut journey in stage.claims(ClaimKind::Work).await {
        journey.go().await.unwrap();
    }
    assert_eq!(stage.health().await, None);
}

#[tokio::test]
async fn a_403_may_be_about_one_order_until_nothing_else_comes() {
    let stage = Stage::watched(3).await;
    for id in ["1", "2", "3", "4"] {
        stage.offer(id).await;
    }
    stage.erp.answers([403, 403, 403].map(|status| Told::Say(status, "")));
    for mut journey in stage.claims(ClaimKind::Work).await {
        journey.go().await.unwrap();
    }
    let mut failed = 0;
    for id in ["1", "2", "3", "4"] {
        failed += usize::from(stage.state(id).await == PassState::Failed);
    }
    assert_eq!((failed, stage.erp.requests().len(), stage.is_shut().await), (2, 3, true));
}

#[tokio::test]
async fn what_an_erp_says_of_one_order_and_what_a_plugin_can_not_read_shuts_nothing() {
    for status in [200, 400, 404, 409, 422] {
        let stage = Stage::watched(1).await;
        if status == 200 {
            stage.plugin.reads(|_, _| Err(super::played::trap()));
        }
        stage.erp.answers([Told::Say(status, "")]);
        stage.offer("1").await;
        stage.work().await;
        assert_eq!(stage.health().await, None, "{status}");
    }
}

#[tokio::test]
async fn a_connection_s_people_are_mailed_once_when_it_lasts_and_once_when_it_is_over() {
    let stage = Stage::watched(1).await;
    stage.offer("1").await;
    stage.offer("2").await;
    stage.erp.down().await;
    stage.work_one().await;
    assert!(stage.is_shut().await && stage.mails().await.is_empty(), "a short trouble is nobody's business");
    stage.advance(300_000);
    let mails = stage.mails().await;
    assert_eq!(mails.len(), 1, "{mails:?}");
    assert!(
        mails[0].starts_with("one: the ERP does not answer") && mails[0].contains("2 orders wait for it"),
        "{mails:?}"
    );
    stage.advance(86_400_000);
    assert!(stage.mails().await.is_empty());
    stage.erp.up().await;
    for mut journey in stage.claims(ClaimKind::Work).await {
        journey.go().await.unwrap();
    }
    let mails = stage.mails().await;
    assert_eq!(mails.len(), 1, "{mails:?}");
    assert!(mails[0].starts_with("one: orders are sent to the ERP again"), "{mails:?}");
    assert!(stage.mails().await.is_empty());
}

#[tokio::test]
async fn a_person_opens_it_and_another_credential_is_another_destination() {
    let stage = Stage::watched(1).await;
    stage.offer("1").await;
    stage.erp.down().await;
    stage.work().await;
    assert!(stage.is_shut().await && stage.claimable(ClaimKind::Work).await == 0);
    stage.ledger.open_destination(&stage.lane().record.id, "Ann", "mended").await.unwrap();
    assert!(breaker::refresh(&stage.shared.parts).await.unwrap(), "the host notices");
    stage.work().await;
    assert!(stage.is_shut().await, "it was not mended");
    let before = stage.lane().identity.clone().unwrap();
    stage.apply(1, stage.to_erp("other"), serde_json::json!({})).await;
    assert_ne!(stage.lane().identity.clone().unwrap(), before);
    assert_eq!(stage.claimable(ClaimKind::Work).await, 1);
}

/// One order whose request has a key that lives for ten minutes, and got no answer.
async fn waiting_with_a_key() -> Stage {
    let stage = Stage::watched(2).await;
    stage.plugin.maps(|order, context| {
        Ok(match context.purpose {
            Purpose::LookUp => http("GET", "find", Repeat::Always, ""),
            _ => http("POST", "orders", Repeat::WithKey(600), &order.order_number),
        })
    });
    stage.erp.answers([Told::Nothing]);
    stage.offer("1").await;
    stage.work().await;
    stage.look().await;
    assert_eq!(stage.state("1").await, PassState::Waiting, "the ERP knows the key again");
    stage
}

#[tokio::test]
async fn a_request_whose_key_died_while_it_waited_is_not_sent_again() {
    let stage = waiting_with_a_key().await;
    // Nothing comes of it for longer than the key lives: a pause, a queue, an ERP that is down.
    stage.advance(600_000);
    stage.work().await;
    assert_eq!((stage.state("1").await, stage.erp.requests().len()), (PassState::Unknown, 1));
    stage.until_due("1").await;
    stage.look().await;
    assert_eq!(stage.state("1").await, PassState::Delivered, "the look-up finds it");
    assert_eq!(stage.erp.requests().iter().filter(|request| request.starts_with("POST")).count(), 1);
}

#[tokio::test]
async fn behind_a_clock_that_was_set_back_before_the_host_began_no_key_is_trusted() {
    let stage = waiting_with_a_key().await;
    // The host ends, the clock is set back by an hour, and a host begins.
    stage.advance(-3_600_000);
    let newest = stage.ledger.newest_attempt_ms(&stage.lane().record.id).await.unwrap();
    assert!(newest > Some(stage.clock.now_ms()));
    stage.signals.ages.look_back(newest, stage.clock.now_ms(), stage.clock.since_boot());
    // An hour later the clock says that the key is a second old.
    stage.advance(3_601_000);
    stage.work().await;
    assert_eq!((stage.state("1").await, stage.erp.requests().len()), (PassState::Unknown, 1));
}

#[tokio::test]
async fn a_shop_that_can_not_be_looked_at_is_told_of_once() {
    let stage = Stage::watched(3).await;
    let signals: &Signals = &stage.signals;
    notices::of_shop(&stage.shared, signals, &stage.lane(), false).await.unwrap();
    assert!(stage.mails().await.is_empty(), "no look has failed");
    stage.failed_sweep("the shop answered 502").await;
    for _ in 0..2 {
        notices::of_shop(&stage.shared, signals, &stage.lane(), false).await.unwrap();
    }
    let mails = stage.mails().await;
    assert_eq!(mails.len(), 1, "{mails:?}");
    assert!(mails[0].contains("can't be looked at") && mails[0].contains("the shop answered 502"), "{mails:?}");
    for _ in 0..2 {
        notices::of_shop(&stage.shared, signals, &stage.lane(), true).await.unwrap();
    }
    assert_eq!(stage.mails().await.len(), 1);
}

#[tokio::test]
async fn a_look_up_that_is_broken_shuts_nothing_and_keeps_no_order_from_trying() {
    let stage = Stage::watched(2).await;
    for id in ["1", "2", "3"] {
        stage.offer(id).await;
    }
    stage.erp.answers([Told::Nothing]);
    stage.work_one().await;
    for status in [500, 401, 403, 502] {
        stage.until_due("1").await;
        stage.erp.answers([Told::Say(status, "")]);
        stage.look().await;
        assert!(!stage.is_shut().await, "{status}");
    }
    stage.erp.answers([Told::Nothing]);
    stage.work_one().await;
    assert!(stage.is_shut().await);
    // The look-up tries first, and finds out nothing; then orders come first.
    stage.until_next_try().await;
    stage.erp.answers([Told::Say(500, "")]);
    let mut looks = stage.claims(ClaimKind::Look).await;
    assert!(!looks.is_empty());
    for journey in &mut looks {
        journey.go().await.unwrap();
    }
    let asked = |stage: &Stage| stage.erp.requests().iter().filter(|request| request.starts_with("GET")).count();
    assert_eq!(asked(&stage), 5);
    assert!(stage.is_shut().await);
    stage.work_one().await;
    assert_eq!((stage.state("3").await, stage.health().await), (PassState::Delivered, None));
}

#[tokio::test]
async fn a_look_up_that_was_answered_before_the_wait_was_over_keeps_none_from_finding_out() {
    let stage = Stage::watched(2).await;
    stage.offer("1").await;
    stage.offer("2").await;
    stage.erp.answers([Told::Nothing]);
    stage.work_one().await;
    // It is asked for the first order's sake, and answers when nothing more is sent to it.
    let answer = Arc::new(Notify::new());
    stage.erp.answers([Told::Hold(Arc::clone(&answer), 404, ""), Told::Nothing]);
    stage.until_due("1").await;
    let mut look = stage.claim(ClaimKind::Look).await;
    let looking = tokio::spawn(async move { look.go().await });
    stage.erp.came(2).await;
    stage.work_one().await;
    assert!(stage.is_shut().await);
    answer.notify_one();
    looking.await.unwrap().unwrap();
    assert!(stage.is_shut().await, "that answer was on its way before");
    // Nothing but look-ups could find out: no order waits.
    stage.until_next_try().await;
    for mut journey in stage.claims(ClaimKind::Look).await {
        journey.go().await.unwrap();
    }
    assert_eq!((stage.health().await, stage.erp.requests().len()), (None, 4));
}
