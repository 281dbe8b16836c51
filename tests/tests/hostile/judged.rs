//! The verdict on a release: each way in which a plugin misbehaves fails the item that is about it, all at once.

use std::sync::Arc;

use orderdock::{
    domain::admission::{Admission, Item, Outcome},
    plugin::{Brief, Judgement, Runtime, Settings, judge},
};
use serde_json::json;

use crate::bench::{guest, runtime};

/// What a host grants by default.
fn settings() -> Settings {
    Settings { concurrent: 4, ..Settings::default() }
}

async fn judged_with(runtime: &Arc<Runtime>, name: &str, what: &str) -> Judgement {
    let brief = Brief { settings: Some(json!({ "do": what })), ..Brief::default() };
    judge(runtime, &guest(name), &brief, &|_, _| {}).await
}

async fn judged(what: &str) -> Admission {
    let (runtime, _dir) = runtime(settings());
    judged_with(&runtime, "hostile", what).await.admission
}

fn failed(admission: &Admission) -> Vec<Item> {
    admission.failed().map(|judged| judged.item).collect()
}

fn found(admission: &Admission, item: Item) -> String {
    admission.item(item).unwrap().found.join("\n")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_good_plugin_passes_every_item_and_its_worst_cost_is_recorded() {
    let admission = judged("good").await;
    assert_eq!(failed(&admission), []);
    for item in Item::ALL {
        let wanted = if item == Item::Cases { Outcome::NotJudged } else { Outcome::Passed };
        assert_eq!(admission.item(item).unwrap().outcome, wanted, "{item}");
    }
    let cost = admission.cost.unwrap();
    assert!(cost.orders > 250 && cost.delivered == cost.orders, "{cost:?}");
    assert!(cost.cpu_per_line > 0 && cost.memory_per_line > 0, "{cost:?}");
    assert!(cost.cpu.used > 0 && cost.cpu.used < cost.cpu.allowed && !cost.cpu.order.is_empty(), "{cost:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_trap_is_told_with_the_guests_words_and_the_orders_that_met_it() {
    let admission = judged("panic").await;
    assert_eq!(failed(&admission), [Item::AwkwardOrders]);
    let said = found(&admission, Item::AwkwardOrders);
    assert!(said.contains("can't be priced") && said.contains("fail_in_a_named_function"), "{said}");
    assert!(said.contains("\"an everyday order\""), "{said}");
    assert_eq!(admission.item(Item::AwkwardAnswers).unwrap().outcome, Outcome::NotJudged, "there is no delivery");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_limit_that_only_large_orders_hit_is_told_by_their_names() {
    let (runtime, _dir) =
        runtime(Settings { cpu_base: 3_000_000, cpu_per_line: 10_000, cpu_per_byte: 0, ..settings() });
    let admission = judged_with(&runtime, "hostile", "work").await.admission;
    assert!(failed(&admission).contains(&Item::AwkwardOrders), "{admission:?}");
    let said = found(&admission, Item::AwkwardOrders);
    assert!(said.contains("CPU units") && said.contains("\"1,000 lines\"") && !said.contains("everyday"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_invalid_result_fails_like_a_trap() {
    let admission = judged("path escape").await;
    assert!(failed(&admission).contains(&Item::AwkwardOrders), "{admission:?}");
    assert!(found(&admission, Item::AwkwardOrders).contains("../../etc/passwd"));
}

#[tokio::test(flavor = "multi_thread")]
async fn file_names_that_are_the_same_for_every_order_fail() {
    let admission = judged("one name for all").await;
    assert_eq!(failed(&admission), [Item::FileNames]);
    assert!(found(&admission, Item::FileNames).contains("`orders.xml`"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plugin_that_refuses_everything_was_not_really_judged() {
    let admission = judged("reject").await;
    assert_eq!(failed(&admission), []);
    let orders = admission.item(Item::AwkwardOrders).unwrap();
    assert_eq!(orders.outcome, Outcome::NotJudged);
    let said = found(&admission, Item::AwkwardOrders);
    assert!(said.contains("the order has no customer code") && said.contains("--settings"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn settings_that_do_not_fit_leave_their_items_open() {
    let (runtime, _dir) = runtime(settings());
    let brief = Brief { settings: Some(json!({ "do": 7 })), ..Brief::default() };
    let admission = judge(&runtime, &guest("hostile"), &brief, &|_, _| {}).await.admission;
    assert_eq!(failed(&admission), []);
    assert!(found(&admission, Item::AwkwardOrders).contains("do not fit its schema"), "{admission:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_known_verdict_is_not_found_again_and_a_changed_brief_is() {
    let (runtime, _dir) = runtime(settings());
    let calls = |known: bool, what: &'static str| {
        let runtime = Arc::clone(&runtime);
        async move {
            let brief = Brief { settings: Some(json!({ "do": what })), known, ..Brief::default() };
            let told = Arc::new(std::sync::atomic::AtomicUsize::new(0));
            let counted = Arc::clone(&told);
            let progress = move |_, _| {
                counted.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
            };
            let judgement = judge(&runtime, &guest("hostile"), &brief, &progress).await;
            (told.load(std::sync::atomic::Ordering::Relaxed), judgement.admission)
        }
    };
    let (first, admission) = calls(true, "good").await;
    assert!(first > 300);
    assert_eq!(calls(true, "good").await, (0, admission), "the same without a call");
    assert!(calls(false, "good").await.0 > 300, "asked to");
    assert!(calls(true, "reject").await.0 > 300, "with other settings it may be another");
}

/// Everything wrong with a file is told in one go, as far as one thing can be looked at while another is wrong.
#[tokio::test]
async fn all_that_is_wrong_with_a_component_comes_at_once() {
    let (runtime, _dir) = runtime(settings());
    let bytes = wat::parse_str(
        r#"(component
            (import "wasi:http/types@0.2.0" (instance))
            (core module $m (func (export "f")))
            (core instance $i (instantiate $m))
            (func $f (canon lift (core func $i "f")))
            (instance (export "orderdock:plugin/mapper@0.1.0") (export "describe" (func $f)) (export "map-order" (func $f))))"#,
    )
    .unwrap();
    let judgement = judge(&runtime, &bytes, &Brief::default(), &|_, _| {}).await;
    let admission = judgement.admission;
    assert!(judgement.description.is_none());
    assert_eq!(failed(&admission), [Item::Imports, Item::World]);
    assert!(found(&admission, Item::Imports).contains("fetch-event"));
    let world = found(&admission, Item::World);
    assert!(world.contains("no function `parse-response`") && world.contains("`describe` has other types"), "{world}");
    assert!(found(&admission, Item::Description).contains("`imports` failed before it"));
}

/// Who built against another contract reads which field it is.
#[tokio::test]
async fn a_world_that_differs_is_told_field_by_field() {
    let (runtime, _dir) = runtime(settings());
    let contract = include_str!("../../../wit/plugin.wit");
    let other = contract
        .replacen("    buyer-note: string,\n", "", 1)
        .replacen("    prices-include-tax: bool,\n", "    prices-include-tax: u8,\n    colour: string,\n", 1)
        .replacen("    refunded,\n", "    refunded,\n    disputed,\n", 1);
    assert_ne!(other, contract);
    let mut resolve = wit_parser::Resolve::default();
    let package = resolve.push_str("plugin.wit", &other).unwrap();
    let world = resolve.select_world(&[package], Some("plugin")).unwrap();
    let mut module = wit_component::dummy_module(
        &resolve,
        world,
        wit_parser::ManglingAndAbi::Legacy(wit_parser::LiftLowerAbi::Sync),
    );
    wit_component::embed_component_metadata(&mut module, &resolve, world, wit_component::StringEncoding::UTF8, false)
        .unwrap();
    let bytes = wit_component::ComponentEncoder::default().module(&module).unwrap().validate(true).encode().unwrap();
    let admission = judge(&runtime, &bytes, &Brief::default(), &|_, _| {}).await.admission;
    assert_eq!(failed(&admission), [Item::World], "{admission:?}");
    let said = found(&admission, Item::World);
    for wanted in [
        "`map-order` has other types: `order` lacks the field `buyer-note`",
        "`order` has the field `colour`, which the contract does not have",
        "`order.prices-include-tax` is `u8`; the contract says `bool`",
        "`order.payment-state` has the case `disputed`, which the contract does not have",
        "`parse-response` has other types: `order` lacks the field `buyer-note`",
    ] {
        assert!(said.contains(wanted), "{wanted}: {said}");
    }
}
