//! Answers that come when the lease is gone, or when the ledger can't be used: a true answer is never thrown away
//! (lifecycle section 4).

use std::sync::Arc;

use tokio::{sync::Notify, task::JoinHandle};

use super::{
    erp::Told,
    interposed::gone,
    played::{http, plainly, sight},
    stage::Stage,
};
use crate::{
    domain::{
        call::Purpose,
        decision::Decision,
        delivery::{Rejection, RejectionClass, Repeat},
        pass::PassState,
        verdict::{AnswerCheck, Awaiting, Login, Verdict},
    },
    ledger::{
        LedgerError,
        effects::{EffectEnd, Effects as _},
        passes::ClaimKind,
    },
    pipeline::{
        journey::{Outcome, Stopped},
        sweep,
    },
};

/// A worker whose lease has run out while the ERP is at its request. The ERP answers with this status when told to.
struct Paused {
    worker: JoinHandle<Outcome<()>>,
    answer: Arc<Notify>,
}

impl Paused {
    async fn at(stage: &Stage, status: u16) -> Self {
        stage.plugin.maps(|order, context| match context.purpose {
            Purpose::LookUp => {
                let message = "no look-up is set".to_owned();
                Err(Rejection { class: RejectionClass::Settings, message, field: None })
            }
            _ => Ok(http("POST", "orders", Repeat::Never, &order.order_number)),
        });
        let answer = Arc::new(Notify::new());
        stage.erp.answers([Told::Hold(Arc::clone(&answer), status, "{}")]);
        stage.offer("1").await;
        let mut journey = stage.claim(ClaimKind::Work).await;
        let worker = tokio::spawn(async move { journey.go().await });
        stage.erp.came(1).await;
        stage.leases_run_out();
        Self { worker, answer }
    }

    async fn goes_on(self) -> Outcome<()> {
        self.answer.notify_one();
        self.worker.await.unwrap()
    }
}

fn lost(outcome: Outcome<()>) {
    assert!(matches!(outcome, Err(Stopped::Ledger(LedgerError::Lost { .. }))), "{outcome:?}");
}

#[tokio::test]
async fn a_late_answer_settles_a_pass_that_another_worker_has_just_taken_over() {
    let stage = Stage::http().await;
    let paused = Paused::at(&stage, 200).await;
    let mut other = stage.claim(ClaimKind::Work).await;
    assert_eq!(other.pass.state, PassState::Sending);
    paused.goes_on().await.unwrap();
    assert_eq!(stage.state("1").await, PassState::Delivered);
    lost(other.go().await);
    assert_eq!((stage.state("1").await, stage.erp.requests().len()), (PassState::Delivered, 1));
}

#[tokio::test]
async fn a_late_answer_settles_a_pass_in_doubt() {
    let stage = Stage::http().await;
    let paused = Paused::at(&stage, 200).await;
    stage.work().await;
    assert_eq!(stage.state("1").await, PassState::Unknown);
    paused.goes_on().await.unwrap();
    let detail = stage.detail("1").await;
    assert_eq!((detail.order.state, detail.order.erp_order_id.as_deref()), (Some(PassState::Delivered), Some("E-1")));
    assert_eq!(detail.attempts.last().unwrap().outcome, "accepted");
}

/// Mails that the order's passes owe.
async fn mails(stage: &Stage) -> usize {
    stage.detail("1").await.effects.iter().filter(|effect| effect.body["effect"] == "mail").count()
}

#[tokio::test]
async fn a_late_answer_settles_a_pass_that_was_given_up_and_mails_nobody_twice() {
    for (status, expected) in [(200, PassState::Delivered), (422, PassState::Failed)] {
        let stage = Stage::http().await;
        let paused = Paused::at(&stage, status).await;
        stage.work().await;
        stage.look().await;
        assert_eq!((stage.state("1").await, mails(&stage).await), (PassState::GivenUp, 1));
        paused.goes_on().await.unwrap();
        assert_eq!((stage.state("1").await, mails(&stage).await), (expected, 1));
    }
}

#[tokio::test]
async fn a_late_delivery_withdraws_the_next_pass_while_that_has_sent_nothing() {
    for claimed in [false, true] {
        let stage = Stage::http().await;
        let paused = Paused::at(&stage, 200).await;
        stage.work().await;
        stage.look().await;
        stage.resend("1", 1).await;
        let mut next = stage.claims(if claimed { ClaimKind::Work } else { ClaimKind::Look }).await;
        assert_eq!(next.len(), usize::from(claimed));
        paused.goes_on().await.unwrap();
        let states: Vec<_> = stage.detail("1").await.passes.iter().map(|pass| pass.state).collect();
        assert_eq!(states, [PassState::Delivered, PassState::Withdrawn]);
        if let Some(next) = next.first_mut() {
            lost(next.go().await);
        }
        assert_eq!(stage.erp.requests().len(), 1, "nothing was sent again");
    }
}

#[tokio::test]
async fn that_the_erp_works_on_it_withdraws_the_next_pass_too() {
    let stage = Stage::http().await;
    let paused = Paused::at(&stage, 202).await;
    stage.plugin.reads(|_, _| {
        let delivery = Box::new(http("GET", "jobs/7", Repeat::Always, ""));
        let check = AnswerCheck::Poll { delivery, after_s: 60 };
        Ok(Verdict::AwaitingAnswer(Awaiting { ticket: "7".into(), deadline_s: 600, state: Vec::new(), check }))
    });
    stage.work().await;
    stage.look().await;
    stage.resend("1", 1).await;
    paused.goes_on().await.unwrap();
    let states: Vec<_> = stage.detail("1").await.passes.iter().map(|pass| pass.state).collect();
    assert_eq!(states, [PassState::Awaiting, PassState::Withdrawn]);
}

#[tokio::test]
async fn after_a_late_delivery_a_reset_is_a_question_and_sends_nothing() {
    let stage = Stage::http().await;
    let paused = Paused::at(&stage, 200).await;
    stage.work().await;
    stage.look().await;
    stage.resend("1", 1).await;
    paused.goes_on().await.unwrap();
    // The shop is told (not here), shows it, and then staff set the order back to new.
    let lane = stage.lane();
    let owed = stage.ledger.claim_effects(&lane.record.id, &stage.shared.parts.host, 9, 30_000).await.unwrap();
    for order in owed {
        let ends = order.effects.iter().map(|effect| (effect.number, EffectEnd::Done)).collect();
        stage.ledger.finish_effects(&order.order, &order.token, ends, None, Vec::new()).await.unwrap();
    }
    for status in ["New Order", "In Progress", "New Order", "New Order"] {
        stage.advance(1_000);
        stage.shop.show(sight("1", status));
        let opened = sweep::look(&stage.shared, &stage.signals, &lane, "1").await.unwrap();
        assert_eq!(opened, 0, "{status}: {}", stage.timeline("1").await);
    }
    let detail = stage.detail("1").await;
    assert!(matches!(detail.order.decision, Decision::Question { .. }), "{:?}", detail.order.decision);
}

#[tokio::test]
async fn a_late_answer_comes_too_late_once_the_next_pass_has_committed_a_send() {
    let stage = Stage::http().await;
    let paused = Paused::at(&stage, 422).await;
    stage.work().await;
    stage.look().await;
    stage.resend("1", 1).await;
    stage.work().await;
    let before = stage.detail("1").await;
    let states: Vec<_> = before.passes.iter().map(|pass| pass.state).collect();
    assert_eq!(states, [PassState::GivenUp, PassState::Delivered]);
    lost(paused.goes_on().await);
    assert_eq!(stage.detail("1").await, before);
}

#[tokio::test]
async fn that_nothing_is_known_is_no_late_answer() {
    let stage = Stage::http().await;
    let paused = Paused::at(&stage, 500).await;
    let other = stage.claim(ClaimKind::Work).await;
    lost(paused.goes_on().await);
    assert_eq!((stage.state("1").await, other.pass.state), (PassState::Sending, PassState::Sending));
}

/// The ledger fails twice at this call, and then works again.
fn fails_twice(stage: &Stage, call: &'static str) {
    stage.ledger.meet(call, 2, || async { Err(gone()) });
}

#[tokio::test]
async fn an_answer_waits_until_the_ledger_can_record_it() {
    let stage = Stage::http().await;
    stage.offer("1").await;
    fails_twice(&stage, "apply:delivered");
    stage.work().await;
    assert_eq!((stage.state("1").await, stage.erp.requests().len()), (PassState::Delivered, 1));
}

#[tokio::test]
async fn an_answer_waits_until_the_ledger_can_say_what_it_is_read_with() {
    let stage = Stage::http().await;
    // The second try has stored bytes, and reads the order from the ledger only when the answer is there.
    stage.erp.answers([Told::Say(429, "")]);
    stage.offer("1").await;
    stage.work().await;
    stage.until_due("1").await;
    fails_twice(&stage, "mapped_order");
    stage.work().await;
    assert_eq!((stage.state("1").await, stage.erp.requests().len()), (PassState::Delivered, 2));
    assert_eq!(stage.detail("1").await.attempts.last().unwrap().outcome, "accepted");
}

#[tokio::test]
async fn an_answer_waits_until_the_ledger_can_keep_what_it_brought() {
    let stage = Stage::http().await;
    stage.plugin.reads(|call, default| {
        Ok(if call.context.step == 0 {
            let login = Login { slot: "session".to_owned(), value: "abc".to_owned().into(), seconds: 60 };
            let delivery = Box::new(http("POST", "confirm", Repeat::Never, "yes"));
            Verdict::Next { delivery, remember: vec![login] }
        } else {
            plainly(call, default)
        })
    });
    stage.offer("1").await;
    fails_twice(&stage, "remember_login");
    stage.work().await;
    assert_eq!(stage.state("1").await, PassState::Delivered);
    assert_eq!(stage.erp.requests(), ["POST /orders W-1", "POST /confirm yes"]);
    assert_eq!(stage.plugin.calls().last().unwrap().context.logins, ["session"]);
}
