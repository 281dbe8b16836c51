//! What a scrape says of releases and orders while they flow, and what `plugin show` says afterwards.

use std::time::Duration;

use orderdock_tests::rig::{CONNECTION, ERP_TOKEN, PATIENCE, Rig};
use serde_json::Value;
use tokio::time::Instant;

use super::connect_variant;

/// The value of a series: its name and all of its labels, in the order of the alphabet.
async fn value(rig: &Rig, series: &str) -> Option<f64> {
    let (status, text) = rig.http("GET", "/metrics", None, "").await;
    assert_eq!(status, 200, "{text}");
    let line = text.lines().find(|line| line.strip_prefix(series).is_some_and(|rest| rest.starts_with(' ')))?;
    line.rsplit(' ').next()?.parse().ok()
}

/// Waits until a series has a value.
async fn until(rig: &Rig, series: &str, wanted: f64) {
    let end = Instant::now() + PATIENCE;
    while value(rig, series).await != Some(wanted) {
        assert!(Instant::now() < end, "{series} is never {wanted}: {}", rig.http("GET", "/metrics", None, "").await.1);
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

fn of_release(family: &str, name: &str, digest: &str, before: &str, after: &str) -> String {
    format!(r#"{family}{{{before}digest="{}",{after}release="variant@1.0.0-{name}"}}"#, &digest[..12])
}

#[tokio::test(flavor = "multi_thread")]
async fn values_move_as_orders_flow_and_a_release_traps() {
    let mut rig = Rig::bare().await;
    let good = connect_variant(&rig, "").await;
    let bad = rig.add_variant("bad", "trap").await;
    rig.serve().await;
    let delivered =
        of_release("orderdock_plugin_calls_total", "first", &good, "call=\"map\",", "outcome=\"delivery\",");
    assert_eq!(value(&rig, &delivered).await, None, "it was not called yet");
    until(&rig, "orderdock_ready", 1.0).await;
    for _ in 0..2 {
        let id = rig.place();
        rig.sync().await;
        rig.until_status(id, "In Progress").await;
    }
    let read = of_release("orderdock_plugin_calls_total", "first", &good, "call=\"read\",", "outcome=\"verdict\",");
    let seconds = of_release("orderdock_plugin_call_seconds_count", "first", &good, "call=\"map\",", "");
    let units = of_release("orderdock_plugin_call_cpu_units_sum", "first", &good, "call=\"map\",", "");
    for counted in [&delivered, &read, &seconds] {
        until(&rig, counted, 2.0).await;
    }
    assert!(value(&rig, &units).await.unwrap() > 1_000.0);
    let closed = |state: &str| format!(r#"orderdock_passes_closed_total{{connection="{CONNECTION}",state="{state}"}}"#);
    until(&rig, &closed("delivered"), 2.0).await;
    let attempts = format!(r#"orderdock_attempts_total{{connection="{CONNECTION}",outcome="accepted"}}"#);
    until(&rig, &attempts, 2.0).await;
    let failed = format!(r#"orderdock_orders{{connection="{CONNECTION}",state="failed"}}"#);
    assert_eq!(value(&rig, &failed).await, None);

    rig.ask(&["plugin", "activate", CONNECTION, &bad, "--untried", "--reason", "try"]).await;
    rig.until("the host took it up", |rig| rig.log().contains("took up a change")).await;
    let id = rig.place();
    rig.sync().await;
    rig.until_status(id, "On Hold").await;
    let trapped = of_release("orderdock_plugin_calls_total", "bad", &bad, "call=\"map\",", "outcome=\"trap\",");
    until(&rig, &trapped, 1.0).await;
    assert_eq!(value(&rig, &delivered).await, Some(2.0), "the other release's stay");
    for counted in [&failed, &closed("failed")] {
        until(&rig, counted, 1.0).await;
    }

    let figures = async |release: &str| rig.ask(&["plugin", "show", release]).await["last_24h"].clone();
    let shown: Value = figures(&good).await;
    assert_eq!([&shown["calls"], &shown["deliveries"], &shown["traps"]], [&2, &2, &0], "{shown}");
    let cpu = &shown["cpu_units"];
    assert!(cpu["median"].as_u64().unwrap() > 1_000 && cpu["max"].as_u64() >= cpu["p95"].as_u64(), "{shown}");
    let shown = figures(&bad).await;
    assert_eq!([&shown["calls"], &shown["deliveries"], &shown["traps"]], [&1, &0, &1], "{shown}");
    let said = rig.run(&["plugin", "show", &good]).await;
    assert!(said.out.contains("Last 24 hours: 2 orders mapped: 2 deliveries, 0 rejections, 0 traps"), "{said:?}");
    assert!(said.out.contains("CPU units") && said.out.contains("95 %"), "{said:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_paused_connection_and_a_shut_breaker_are_seen() {
    let mut rig = Rig::bare().await;
    connect_variant(&rig, "[breaker]\nfailures = 1\n").await;
    rig.serve().await;
    let breaker = format!(r#"orderdock_breaker_open{{connection="{CONNECTION}"}}"#);
    let paused = format!(r#"orderdock_connection_paused{{connection="{CONNECTION}"}}"#);
    until(&rig, &breaker, 0.0).await;
    until(&rig, &paused, 0.0).await;
    rig.erp.down().await;
    let _ = rig.place();
    rig.sync().await;
    until(&rig, &breaker, 1.0).await;
    until(&rig, &format!(r#"orderdock_orders{{connection="{CONNECTION}",state="waiting"}}"#), 1.0).await;
    rig.ask(&["connection", "pause", CONNECTION, "--why", "stock-taking"]).await;
    until(&rig, &paused, 1.0).await;
    let (_, text) = rig.http("GET", "/metrics", None, "").await;
    let (status, _) = rig.http("POST", "/metrics", None, "").await;
    assert_eq!(status, 405);
    assert!(!text.contains(ERP_TOKEN) && text.ends_with('\n'), "{text}");
}
