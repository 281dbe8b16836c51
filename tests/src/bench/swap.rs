//! A swap at a host that is at work: from the call that puts another release in force to the first order in the ERP that was
//! mapped by it. Orders are pushed one after the other, and each says which release mapped it.

use std::time::Duration;

use anyhow::{Context as _, ensure};
use orderdock::domain::id::Digest;
use serde_json::{Value, json};

use super::{Figures, component, micros, now, percentile, say};
use crate::{
    rig::{PUSH_TOKEN, Rig},
    swaps,
};

const SECTION: &str = "swap";
/// An order that is not in the ERP by then never will be.
const STUCK: Duration = Duration::from_secs(20);

/// Measures.
///
/// # Errors
/// When the host does not do what it should.
pub async fn measure(quick: bool, figures: &mut Figures) -> anyhow::Result<()> {
    if component("guests/variant").is_err() {
        say("swap is left out: guests/variant was not built");
        return Ok(());
    }
    let mut rig = Rig::bare().await;
    let mut releases = Vec::new();
    for name in ["one", "two"] {
        releases.push((Digest(rig.add_variant(name, "good").await), name));
    }
    rig.connect_push("plugin.release = \"variant@1.0.0-one\"\n").await;
    rig.serve().await;
    rig.until_ready("the connection is at work", |ready| ready["connections"][0]["name"] == "pushed").await;
    let ledger = swaps::open(&rig).await;
    let mut orders = 0;
    ensure!(order(&rig, &mut orders).await? == "one", "the first release maps first");
    let (mut called, mut took, mut old) = (Vec::new(), Vec::new(), 0);
    for swap in 1..=if quick { 3 } else { 60 } {
        let (release, name) = &releases[swap % 2];
        let begun = now();
        swaps::activate(ledger.as_ref(), release, name).await;
        called.push(micros(begun.elapsed()) / 1e3);
        while order(&rig, &mut orders).await? != *name {
            old += 1;
        }
        took.push(micros(begun.elapsed()) / 1e3);
    }
    let swaps = f64::from(u32::try_from(took.len())?);
    figures.add(SECTION, "swap_call_ms", "putting another release in force (median)", percentile(&mut called, 50));
    let first = "from there to the first order in the ERP that the new release mapped";
    figures.add_with_target(SECTION, "swap_ms", format!("{first}: median"), percentile(&mut took, 50), "≤ 1 s");
    figures.add_with_target(SECTION, "swap_p95_ms", format!("{first}: 95 %"), percentile(&mut took, 95), "≤ 1 s");
    figures.add(SECTION, "swap_old_calls", "orders that the old one still mapped meanwhile", f64::from(old) / swaps);
    Ok(())
}

/// Pushes an order and waits for it in the ERP; which release mapped it.
async fn order(rig: &Rig, orders: &mut u32) -> anyhow::Result<String> {
    *orders += 1;
    let (id, key) = (orders.to_string(), format!("P-{orders}"));
    let order = json!({
        "shop_order_id": id, "order_number": key, "placed_at": "2026-11-20T10:00:00Z", "currency": "EUR",
        "payment_state": "paid", "totals": {"gross": "12.90"},
        "lines": [{"id": "1", "sku": "MUG", "description": "Mug", "quantity": "1", "unit_price_net": "10.84"}],
    });
    let place = format!("/api/v1/connections/pushed/orders/{id}");
    let (status, text) = rig.http("PUT", &place, Some(PUSH_TOKEN), &order.to_string()).await;
    ensure!(status == 201, "the order was not taken: {text}");
    let begun = now();
    loop {
        let body = rig.erp.state().orders.iter().find(|order| order.key == key).map(|order| order.body.clone());
        if let Some(body) = body {
            let body: Value = serde_json::from_str(&body)?;
            return Ok(body["release"].as_str().context("no release's name")?.to_owned());
        }
        ensure!(begun.elapsed() < STUCK, "order {id} does not come to the ERP");
        tokio::time::sleep(Duration::from_micros(500)).await;
    }
}
