//! What a pass is pinned to (lifecycle section 4): it changes while nothing of the pass has left, and not after that.

use super::{
    erp::Told,
    played::{http, plainly},
    stage::{Stage, release},
};
use crate::domain::{call::Purpose, delivery::Repeat, pass::PassState, verdict::Verdict};

async fn another_release(stage: &Stage) {
    stage.apply(2, stage.to_erp("v2/"), serde_json::json!({ "path": "elsewhere" })).await;
}

async fn pinned(stage: &Stage) -> Option<String> {
    stage.detail("1").await.passes[0].release.clone()
}

#[tokio::test]
async fn what_was_never_sent_goes_with_what_is_in_force() {
    let stage = Stage::http().await;
    stage.offer("1").await;
    stage.erp.down().await;
    stage.work().await;
    assert_eq!(stage.state("1").await, PassState::Waiting);
    another_release(&stage).await;
    stage.erp.up().await;
    stage.until_due("1").await;
    stage.work().await;
    assert_eq!(stage.erp.requests(), ["POST /v2/orders W-1"]);
    assert_eq!(pinned(&stage).await, Some(release(2).0));
    let settings = stage.plugin.calls().pop().unwrap().context.settings;
    assert!(settings.contains("elsewhere"), "{settings}");
}

#[tokio::test]
async fn a_pass_that_sent_something_keeps_release_settings_and_address_when_it_waits_again() {
    for not_processed in ["no connection", "429"] {
        let stage = Stage::http().await;
        stage.plugin.maps(|order, _| Ok(http("POST", "orders", Repeat::Always, &order.order_number)));
        stage.erp.answers([Told::Nothing]);
        stage.offer("1").await;
        stage.work().await;
        stage.look().await;
        assert_eq!(stage.state("1").await, PassState::Waiting, "it may be repeated");
        another_release(&stage).await;
        if not_processed == "429" {
            stage.erp.answers([Told::Say(429, "")]);
            stage.work().await;
        } else {
            stage.erp.down().await;
            stage.work().await;
            stage.erp.up().await;
        }
        assert_eq!(stage.state("1").await, PassState::Waiting, "{not_processed}");
        stage.until_due("1").await;
        stage.work().await;
        assert_eq!(stage.state("1").await, PassState::Delivered, "{not_processed}");
        assert!(stage.erp.requests().iter().all(|request| request == "POST /orders W-1"), "{not_processed}");
        assert_eq!(pinned(&stage).await, Some(release(1).0));
        assert_eq!(stage.plugin.mapped(Purpose::Create), 1);
        let calls = stage.plugin.calls();
        assert!(calls.iter().all(|call| call.release == release(1) && !call.context.settings.contains("elsewhere")));
    }
}

#[tokio::test]
async fn a_conversation_goes_on_with_what_it_began_with() {
    let stage = Stage::http().await;
    stage.plugin.reads(|call, default| {
        Ok(if call.context.step == 0 {
            let delivery = Box::new(http("POST", "confirm", Repeat::Never, "yes"));
            Verdict::Next { delivery, remember: Vec::new() }
        } else {
            plainly(call, default)
        })
    });
    // The ERP goes away between the first answer and the second call.
    stage.erp_goes_down_at("apply:mapped");
    stage.offer("1").await;
    stage.work().await;
    assert_eq!(stage.state("1").await, PassState::Waiting);
    another_release(&stage).await;
    stage.erp.up().await;
    stage.until_due("1").await;
    stage.work().await;
    assert_eq!(stage.state("1").await, PassState::Delivered);
    assert_eq!(stage.erp.requests(), ["POST /orders W-1", "POST /confirm yes"], "the finished step is not sent again");
    assert_eq!(pinned(&stage).await, Some(release(1).0));
}
