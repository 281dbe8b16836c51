//! What gives back something odd, and what a good guest gives.

use orderdock::{
    domain::{
        delivery::{DeliveryContent, RejectionClass, Segment},
        verdict::Verdict,
    },
    plugin::PluginFault,
};

use crate::bench::{bench, path, problems};

#[tokio::test]
async fn a_good_guest_maps_and_reads() {
    let bench = bench().await;
    bench.still_works().await;
    let called = bench.read("good").await;
    let Verdict::Accepted(acceptance) = called.result.unwrap() else { panic!("not accepted") };
    assert!(acceptance.erp_order_id.unwrap().starts_with("5-"));
    let called = bench.map("look up").await;
    assert_eq!(path(&called), "4000-1/true");
    let asked: Vec<_> = called.look_ups.iter().map(|asked| (asked.table.as_str(), asked.value.is_some())).collect();
    assert_eq!(asked, [("skus", true), ("skus", false), ("no table", false)]);
}

#[tokio::test]
async fn a_rejection_is_not_a_fault() {
    let bench = bench().await;
    let rejection = bench.map("reject").await.result.unwrap().unwrap_err();
    assert_eq!(rejection.class, RejectionClass::Data);
    assert_eq!(rejection.field.as_deref(), Some("buyer.account-code"));
}

#[tokio::test]
async fn a_trap_shows_the_last_words_and_the_stack() {
    let bench = bench().await;
    let PluginFault::Trap { reason, stack, doing } = bench.fault("panic").await else { panic!("no trap") };
    assert_eq!(doing, "mapping the order");
    assert_eq!(reason, "line \"no such line\" of order WEB-10042 can't be priced");
    assert!(stack.iter().any(|frame| frame.contains("fail_in_a_named_function")), "{stack:?}");
    let PluginFault::Trap { reason, .. } = bench.fault("trap").await else { panic!("no trap") };
    assert!(reason.contains("panic"), "{reason}");
    let PluginFault::Trap { doing, .. } = bench.read("trap").await.result.unwrap_err() else { panic!("no trap") };
    assert_eq!(doing, "reading the answer");
}

#[tokio::test]
async fn names_that_leave_the_folder_are_refused_all_at_once() {
    let bench = bench().await;
    let problems = problems(bench.fault("path escape").await);
    assert_eq!(problems.len(), 5, "{problems:#?}");
    assert!(problems[0].starts_with("delivery.files[0].name: `../../etc/passwd` contains `/`"), "{problems:#?}");
    assert!(problems.iter().any(|problem| problem.contains("used twice")), "{problems:#?}");
}

#[tokio::test]
async fn a_request_can_not_leave_its_destination() {
    let bench = bench().await;
    let problems = problems(bench.fault("request escape").await);
    assert_eq!(problems.len(), 6, "{problems:#?}");
}

#[tokio::test]
async fn broken_text_and_oversized_state_are_refused() {
    let bench = bench().await;
    let PluginFault::Trap { reason, .. } = bench.fault("invalid UTF-8").await else { panic!("no trap") };
    assert!(reason.contains("utf-8"), "{reason}");
    let problems = problems(bench.fault("big state").await);
    assert_eq!(problems, ["delivery.state: has 65537 bytes; at most 65536 are kept"]);
}

#[tokio::test]
async fn unknown_extras_are_logged() {
    let bench = bench().await;
    let called = bench.map("unknown extra").await;
    assert_eq!(path(&called), "extra");
    assert!(called.log.iter().any(|line| line.message.ends_with("delivery.extra: priority")), "{:?}", called.log);
}

#[tokio::test]
async fn an_invalid_verdict_names_all_its_problems() {
    let bench = bench().await;
    let problems = problems(bench.read("bad verdict").await.result.unwrap_err());
    assert_eq!(problems.len(), 3, "{problems:#?}");
}

#[tokio::test]
async fn the_same_input_gives_the_same_bytes_and_units_in_every_engine() {
    let seen = async || {
        let called = bench().await.map("everything seen").await;
        let body = match called.result.unwrap().unwrap().content {
            DeliveryContent::Http(mut http) => http.body.remove(0),
            DeliveryContent::Files(_) => panic!("files were made"),
        };
        let Segment::Bytes(bytes) = body else { panic!("a secret was made") };
        (String::from_utf8(bytes).unwrap(), called.usage.cpu_used, called.usage.memory_peak)
    };
    let first = seen().await;
    assert!(first.0.contains("Café chair"), "{}", first.0);
    assert_eq!(first, seen().await);
}
