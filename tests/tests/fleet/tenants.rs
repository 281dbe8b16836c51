//! A thousand releases and hundreds of connections: a host starts at once, serves an order on any of them in bounded memory,
//! and another host has releases that it never saw.

use std::time::Duration;

use orderdock::ledger::Ledger;
use orderdock_tests::{
    rig::{PATIENCE, PUSH_TOKEN, Rig, component},
    swaps, tenants,
};
use serde_json::{Value, json};
use tokio::time::Instant;

use super::database;

const RELEASES: usize = 1_000;
const CONNECTIONS: usize = 300;
/// Far more than a host needs, on a machine that runs all tests at once, without optimisation.
const STARTED: Duration = Duration::from_secs(60);
/// A host without optimisation with 300 connections has 100 MiB; a thousand loaded releases would be hundreds more.
const MEMORY_KIB: u64 = 400 * 1024;

/// Hands an order to a connection and waits until it is delivered, by the connection's own release.
async fn delivers(rig: &Rig, listen: &str, ledger: &dyn Ledger, connection: usize, id: usize) {
    let place = format!("/api/v1/connections/{}/orders/{id}", tenants::named(connection));
    let order = json!({
        "shop_order_id": id.to_string(), "order_number": format!("P-{id}"), "placed_at": "2026-11-20T10:00:00Z",
        "currency": "EUR", "payment_state": "paid", "totals": {"gross": "12.90"},
        "lines": [{"id": "1", "sku": "MUG", "description": "Mug", "quantity": "1", "unit_price_net": "10.84"}],
    });
    let (status, text) = rig.http_at(listen, "PUT", &place, Some(PUSH_TOKEN), &order.to_string()).await;
    assert_eq!(status, 201, "{text}");
    let end = Instant::now() + PATIENCE;
    loop {
        let (_, text) = rig.http_at(listen, "GET", &place, Some(PUSH_TOKEN), "").await;
        if serde_json::from_str::<Value>(&text).is_ok_and(|shown| shown["state"] == "delivered") {
            break;
        }
        assert!(Instant::now() < end, "{place} is not delivered: {text}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let all = ledger.connections(false).await.unwrap();
    let record = all.iter().find(|record| record.name == tenants::named(connection)).unwrap();
    let key = orderdock::domain::id::OrderKey {
        connection: record.id.clone(),
        shop: record.shop_id.clone(),
        shop_order_id: id.to_string(),
    };
    let shown = ledger.order(&key).await.unwrap().unwrap();
    assert_eq!(shown.passes[0].release.as_deref(), Some(record.activation.release.as_str()));
}

/// Waits until every connection works there; how long that took.
async fn all_work(rig: &Rig, listen: &str, begun: Instant) -> Duration {
    loop {
        let ready = rig.readyz(listen).await;
        let connections = ready["connections"].as_array().unwrap();
        if connections.len() == CONNECTIONS + 1 && connections.iter().all(|one| one["trouble"].is_null()) {
            return begun.elapsed();
        }
        assert!(begun.elapsed() < STARTED, "{} connections work after {:?}", connections.len(), begun.elapsed());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_host_with_a_thousand_releases_starts_at_once_and_another_one_has_them_too() {
    let database = database().await;
    let mut rig = Rig::bare_on(Some(database.url())).await;
    let file = |name: &str, cache: &str| {
        let file: toml::Table = toml::from_str(&rig.fleet_file(name, "")).unwrap();
        let mut file = file;
        let plugins = file["plugins"].as_table_mut().unwrap();
        plugins.insert("cache_dir".into(), cache.into());
        plugins.insert("loaded".into(), 10.into());
        toml::to_string(&file).unwrap()
    };
    rig.write("orderdock.toml", &file("first", "code"));
    rig.write("second.toml", &file("second", "code"));
    rig.add("guests/variant").await;
    rig.connect_push("plugin.release = \"variant@1.0.0-first\"\n").await;
    let ledger = swaps::open(&rig).await;
    let of = ledger.releases().await.unwrap().remove(0).digest;
    let releases = tenants::add_releases(ledger.as_ref(), &of, RELEASES).await.unwrap();
    tenants::add_connections(&rig, ledger.as_ref(), &releases[..CONNECTIONS]).await.unwrap();
    let bytes = std::fs::read(component("guests/variant")).unwrap();
    tenants::compiled_before(&rig.data().join("code"), &of, &bytes, &releases).unwrap();

    let begun = Instant::now();
    rig.serve().await;
    let listen = rig.host.as_ref().unwrap().listen.clone();
    let took = all_work(&rig, &listen, begun).await;
    let before = rig.host.as_ref().unwrap().resident_kib();
    for (id, connection) in (0..CONNECTIONS).step_by(10).enumerate() {
        delivers(&rig, &listen, ledger.as_ref(), connection, id).await;
    }
    let after = rig.host.as_ref().unwrap().resident_kib();
    assert!(after < MEMORY_KIB && after < before + 100 * 1024, "{before} KiB became {after} KiB; started in {took:?}");
    assert!(rig.stop().await.success());

    // Its cache is empty. The first order is one of the last release that it would come to by itself.
    let begun = Instant::now();
    let second = rig.start("second.toml", "serve-second.log").await;
    delivers(&rig, &second.listen, ledger.as_ref(), CONNECTIONS - 1, 1_000).await;
    all_work(&rig, &second.listen, begun).await;
    delivers(&rig, &second.listen, ledger.as_ref(), CONNECTIONS / 2, 1_001).await;
    assert!(second.resident_kib() < MEMORY_KIB, "{} KiB", second.resident_kib());
    assert!(second.stop().await.success());
    assert_eq!(rig.erp.state().doubled(), Vec::<&str>::new());
}
