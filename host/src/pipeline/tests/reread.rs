//! A stored answer that is read again because a person asked (lifecycle section 5).

use serde_json::json;

use super::{
    erp::Told,
    played::{PlayedPlugin, http, plainly, trap},
    stage::{Stage, release},
};
use crate::{
    domain::{
        call::Purpose,
        delivery::{Delivery, Rejection, RejectionClass, Repeat},
        id::PassKey,
        pass::PassState,
        verdict::Response,
    },
    pipeline::reread::{Wish, reread},
};

/// The ERP answered, and the plugin could not read it: *unknown*, and where `given_up` nobody could tell.
async fn unread(status: u16, given_up: bool) -> Stage {
    let stage = Stage::http().await;
    stage.plugin.maps(|order, context| match context.purpose {
        Purpose::LookUp => {
            let message = "no look-up is set".to_owned();
            Err(Rejection { class: RejectionClass::Settings, message, field: None })
        }
        _ => Ok(Delivery {
            state: b"made by release 1".to_vec(),
            ..http("POST", "orders", Repeat::Never, &order.order_number)
        }),
    });
    stage.plugin.reads(|_, _| Err(trap()));
    stage.erp.answers([Told::Say(status, "{\"id\":7}")]);
    stage.offer("1").await;
    stage.work().await;
    if given_up {
        stage.look().await;
    }
    stage
}

fn reads_well(plugin: &PlayedPlugin) {
    plugin.reads(|call, default| Ok(plainly(call, default)));
}

async fn ask(stage: &Stage, with: Option<u8>) {
    let pass = PassKey { order: stage.key("1"), pass: 1 };
    let wish = Wish { pass, release: with.map(release), by: "Ann".to_owned() };
    reread(&stage.shared.parts, &stage.lane(), &stage.signals, wish).await.unwrap();
}

#[tokio::test]
async fn a_better_release_reads_the_stored_answer_and_nothing_is_sent() {
    for given_up in [false, true] {
        for (status, expected) in [(200, PassState::Delivered), (422, PassState::Failed)] {
            let stage = unread(status, given_up).await;
            let before = if given_up { PassState::GivenUp } else { PassState::Unknown };
            assert_eq!(stage.state("1").await, before);
            reads_well(&stage.plugin);
            ask(&stage, Some(2)).await;
            let detail = stage.detail("1").await;
            assert_eq!((detail.order.state, stage.erp.requests().len()), (Some(expected), 1));
            assert_eq!(detail.passes[0].release, Some(release(1).0), "the pass keeps its pins");
            let call = stage.plugin.calls().pop().unwrap();
            assert_eq!((call.release, call.state), (release(2), Vec::new()), "state goes only to who made it");
            let body = b"{\"id\":7}".to_vec();
            assert!(
                matches!(call.read, Some(Response::Http { status: read, body: with, .. }) if read == status && with == body)
            );
            assert!(
                stage.timeline("1").await.contains("Ann had the ERP's stored answer read again, with release 02020202")
            );
            let mails = detail.effects.iter().filter(|effect| effect.body["effect"] == "mail").count();
            assert_eq!(mails, usize::from(given_up || expected == PassState::Failed), "one mail for each pass");
        }
    }
}

#[tokio::test]
async fn without_a_release_the_one_in_force_reads_with_the_settings_in_force() {
    let stage = unread(200, true).await;
    stage.apply(1, stage.to_erp(""), json!({ "path": "corrected" })).await;
    reads_well(&stage.plugin);
    ask(&stage, None).await;
    let call = stage.plugin.calls().pop().unwrap();
    assert!(call.context.settings.contains("corrected"), "{}", call.context.settings);
    assert_eq!(call.state, b"made by release 1", "it is the release that made it");
    assert_eq!(stage.state("1").await, PassState::Delivered);
}

#[tokio::test]
async fn what_it_can_not_settle_it_leaves_as_it_was_and_says_why() {
    let stage = unread(200, true).await;
    ask(&stage, Some(2)).await;
    assert_eq!(stage.state("1").await, PassState::GivenUp);
    assert!(stage.timeline("1").await.contains("nothing changes: the plugin failed while reading the answer"));

    let stage = unread(429, true).await;
    reads_well(&stage.plugin);
    ask(&stage, Some(2)).await;
    assert_eq!(stage.state("1").await, PassState::GivenUp);
    assert!(stage.timeline("1").await.contains("the ERP did nothing"));

    // Nothing came back: there is nothing to read.
    let stage = Stage::http().await;
    stage.erp.answers([Told::Nothing]);
    stage.offer("1").await;
    stage.work().await;
    ask(&stage, Some(2)).await;
    assert_eq!(stage.state("1").await, PassState::Unknown);
    assert!(stage.timeline("1").await.contains("no complete answer"));
}

#[tokio::test]
async fn a_pass_that_was_settled_or_sent_again_is_left_alone() {
    let stage = unread(422, true).await;
    reads_well(&stage.plugin);
    stage.resend("1", 1).await;
    stage.work().await;
    let states = async || stage.detail("1").await.passes.iter().map(|pass| pass.state).collect::<Vec<_>>();
    assert_eq!(states().await, [PassState::GivenUp, PassState::Delivered]);
    ask(&stage, Some(2)).await;
    assert_eq!(states().await, [PassState::GivenUp, PassState::Delivered]);
    assert!(stage.timeline("1").await.contains("the order moved on meanwhile"));

    let stage = unread(200, false).await;
    reads_well(&stage.plugin);
    ask(&stage, Some(2)).await;
    let before = stage.plugin.calls().len();
    ask(&stage, Some(2)).await;
    assert_eq!(stage.plugin.calls().len(), before, "it is in doubt no more");
}
