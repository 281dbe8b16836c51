//! Releases, settings and tables swapped while orders flow: real hosts, judged by what the fake ERP wrote down.
#![expect(clippy::unwrap_used, reason = "tests")]

mod canary;
mod checks;
mod history;
mod metrics;
mod shadowed;
mod under_load;

use orderdock_tests::rig::Rig;
use serde_json::Value;

/// A connection of its own with the release `first`; nothing is at work.
async fn with_variant(more: &str) -> (Rig, String) {
    let rig = Rig::bare().await;
    let first = connect_variant(&rig, more).await;
    (rig, first)
}

/// Uploads the release `first` and applies the usual connection with it.
async fn connect_variant(rig: &Rig, more: &str) -> String {
    let first = rig.add_variant("first", "good").await;
    rig.connect(&format!("plugin.release = \"{first}\"\n{more}")).await;
    first
}

/// Which release mapped an order, by the body that the ERP has of it.
fn mapped_by(rig: &Rig, id: u64) -> String {
    let key = format!("WEB-{id}");
    let state = rig.erp.state();
    let order = state.orders.iter().find(|order| order.key == key).unwrap();
    let body: Value = serde_json::from_str(&order.body).unwrap();
    body["release"].as_str().unwrap().to_owned()
}
