//! What a connection wants of each delivery (`[checks]`), in conversations: which call of them is looked at, with what, and
//! what becomes of an order of which a later call breaks it.

use serde_json::{Value, json};

use super::{
    erp::Told,
    played::{http, plainly},
    stage::{COUNTS_AFTER, Stage},
};
use crate::domain::{
    call::{Context, Purpose},
    delivery::{Delivery, Repeat},
    pass::PassState,
    verdict::Verdict,
};

/// The order of the stage costs 1.00.
const RIGHT: &str = r#"{"total":"1.00"}"#;
const WRONG: &str = r#"{"total":"9.00"}"#;

/// A stage whose connection wants this of each delivery.
async fn wanting(checks: Value) -> Stage {
    let stage = Stage::http().await;
    apply(&stage, 1, json!({ "warehouse": "North" }), &checks).await;
    stage
}

async fn apply(stage: &Stage, release: u8, plugin_settings: Value, checks: &Value) {
    let mut all = json!({ "lines_hold": "all", "line_name": "sku", "amounts": "gross", "tolerance": "0.01" });
    all.as_object_mut().unwrap().extend(checks.as_object().unwrap().clone());
    stage.apply_with(release, stage.to_erp(""), plugin_settings, json!({ "checks": all })).await;
}

/// The plugin logs in, then makes these calls one after the other.
fn converses(stage: &Stage, first: (&'static str, &'static str), calls: impl Into<Vec<(&'static str, String)>>) {
    let calls = calls.into();
    stage.plugin.maps(move |_, context| Ok(mapped(context, first)));
    stage.plugin.reads(move |call, default| {
        let next = usize::try_from(call.context.step).ok().and_then(|step| calls.get(step));
        Ok(match next.filter(|_| call.purpose == Purpose::Create) {
            Some((path, body)) => {
                let delivery = Box::new(http("POST", path, Repeat::Never, body));
                Verdict::Next { delivery, remember: Vec::new() }
            }
            None => plainly(call, default),
        })
    });
}

fn mapped(context: &Context, (path, body): (&str, &str)) -> Delivery {
    match context.purpose {
        Purpose::LookUp => http("GET", "find", Repeat::Always, ""),
        _ => http("POST", path, Repeat::Never, body),
    }
}

#[tokio::test]
async fn a_later_call_that_the_checks_name_is_held_against_them_and_the_log_in_is_not() {
    let stage = wanting(json!({ "request": "/orders", "total": "/total" })).await;
    converses(&stage, ("login", "who"), [("orders", RIGHT.to_owned())]);
    stage.offer("1").await;
    stage.work().await;
    assert_eq!(stage.state("1").await, PassState::Delivered, "{}", stage.because("1").await);
    assert_eq!(stage.erp.requests(), ["POST /login who".to_owned(), format!("POST /orders {RIGHT}")]);
}

#[tokio::test]
async fn a_later_call_that_breaks_them_is_not_sent_and_the_order_is_in_doubt() {
    let stage = wanting(json!({ "request": "/orders", "total": "/total" })).await;
    converses(&stage, ("login", "who"), [("orders", WRONG.to_owned())]);
    stage.offer("1").await;
    stage.work().await;
    assert_eq!(stage.state("1").await, PassState::Unknown, "what the calls before it left in the ERP nobody can tell");
    assert_eq!(stage.erp.requests(), ["POST /login who"], "not a byte of the call that breaks them");
    let because = stage.because("1").await;
    for words in ["of the next call, the delivery breaks the connection's checks", "`checks.total`", "9.00"] {
        assert!(because.contains(words), "{words}: {because}");
    }
    assert!(stage.timeline("1").await.contains("`checks.total`"), "{}", stage.timeline("1").await);

    // The ERP does not have it, and it goes again from the beginning, with the same release: the same again.
    stage.advance(COUNTS_AFTER);
    stage.erp.answers([Told::Say(404, "{}")]);
    stage.look().await;
    assert_eq!(stage.state("1").await, PassState::Waiting);
    stage.until_due("1").await;
    stage.work().await;
    assert_eq!(stage.state("1").await, PassState::Unknown);
    assert_eq!(stage.erp.requests(), ["POST /login who", "GET /find ", "POST /login who"]);
}

#[tokio::test]
async fn without_a_request_that_is_named_the_first_delivery_is_looked_at_and_no_later_one() {
    let stage = wanting(json!({ "total": "/total" })).await;
    converses(&stage, ("orders", RIGHT), [("confirm", "yes".to_owned())]);
    stage.offer("1").await;
    stage.work().await;
    assert_eq!(stage.state("1").await, PassState::Delivered, "{}", stage.because("1").await);
    assert_eq!(stage.erp.requests(), [format!("POST /orders {RIGHT}"), "POST /confirm yes".to_owned()]);

    converses(&stage, ("orders", WRONG), [("confirm", "yes".to_owned())]);
    stage.offer("2").await;
    stage.work().await;
    assert_eq!(stage.state("2").await, PassState::Failed, "of the first one nothing has left");
    assert_eq!(stage.erp.requests().len(), 2, "nothing of the second order was sent");
}

#[tokio::test]
async fn a_later_call_is_held_against_the_settings_that_the_pass_is_pinned_to() {
    for (warehouse, state) in [("North", PassState::Delivered), ("South", PassState::Unknown)] {
        let checks = json!({ "request": "/orders", "settings": ["warehouse"] });
        let stage = wanting(checks.clone()).await;
        converses(&stage, ("login", "who"), [("basket", "new".to_owned()), ("orders", warehouse.to_owned())]);
        // The ERP goes away after the first answer; meanwhile other settings come into force.
        stage.erp_goes_down_at("apply:mapped");
        stage.offer("1").await;
        stage.work().await;
        assert_eq!(stage.state("1").await, PassState::Waiting);
        apply(&stage, 1, json!({ "warehouse": "South" }), &checks).await;
        stage.erp.up().await;
        stage.until_due("1").await;
        stage.work().await;
        assert_eq!(stage.state("1").await, state, "{warehouse}: {}", stage.because("1").await);
        let sent = stage.erp.requests();
        let orders = sent.iter().filter(|request| request.starts_with("POST /orders")).count();
        assert_eq!(orders, usize::from(state == PassState::Delivered), "{warehouse}: {sent:?}");
    }
}
