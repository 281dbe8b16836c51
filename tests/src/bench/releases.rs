//! A thousand releases. In the plugin room: compiled for the first time, and loaded from the code that was kept. At a host
//! with as many connections: its start, its memory, and the first order of one of them.

use std::{sync::Arc, time::Duration};

use anyhow::{anyhow, ensure};
use orderdock::{
    domain::{
        Order,
        call::{Context, Tables},
        id::Digest,
    },
    pipeline::system::SystemClock,
    plugin::{Mapper as _, Runtime, Settings},
};
use serde_json::json;

use super::{Figures, component, mapping, micros, now, percentile, say};
use crate::{
    rig::{PUSH_TOKEN, Rig},
    swaps,
    tenants::{self, distinct},
    through_wasm::context,
};

const SECTION: &str = "releases";
/// Releases that are compiled to see how long one takes; the code of the others is that of the first.
const COMPILED: usize = 20;

/// Measures.
///
/// # Errors
/// When a component is missing or refused.
pub async fn measure(quick: bool, figures: &mut Figures) -> anyhow::Result<()> {
    let count = if quick { 10 } else { 1_000 };
    room(count, figures).await?;
    if component("guests/variant").is_err() {
        say("the host with many releases is left out: guests/variant was not built");
        return Ok(());
    }
    host(count, figures).await
}

/// The plugin room alone, with json-post.
async fn room(count: usize, figures: &mut Figures) -> anyhow::Result<()> {
    let bytes = component("json-post")?;
    let case = mapping::case("json-post", "eight-lines")?;
    let question = Question { context: context(&case.context), order: Arc::new(case.order) };
    let folder = tempfile::tempdir()?;
    let dir = folder.path().join("code");
    let start = || Runtime::new(Settings::default(), &dir, Arc::new(SystemClock));

    let cold = start()?;
    let (of, _) = cold.admit(&bytes).await?;
    let mut compiled = Vec::with_capacity(COMPILED);
    for number in 0..count.min(COMPILED) {
        let bytes = distinct(&bytes, count + number);
        let begun = now();
        let (release, _) = cold.admit(&bytes).await?;
        question.ask(&cold, &release).await?;
        compiled.push(micros(begun.elapsed()) / 1e3);
    }
    drop(cold);
    let releases: Vec<Digest> = (0..count).map(|number| tenants::digest(&distinct(&bytes, number))).collect();
    tenants::compiled_before(&dir, &of, &bytes, &releases)?;

    let begun = now();
    let warm = start()?;
    let engine_ms = micros(begun.elapsed()) / 1e3;
    // The first call makes the pool's own pages.
    question.ask(&warm, &of).await?;
    let (before_kib, own_before_kib) = (resident_kib(), kib("RssAnon:"));
    let (mut loaded, all) = (Vec::with_capacity(count), now());
    for release in &releases {
        let begun = now();
        warm.prepare(release).await?;
        loaded.push(micros(begun.elapsed()) / 1e3);
    }
    let all_ms = micros(all.elapsed()) / 1e3;
    ensure!(warm.loaded() == count + 1, "only {} of {count} releases stay loaded", warm.loaded());
    let loaded_kib = resident_kib() - before_kib;
    let [mut first, mut again] = [Vec::with_capacity(count), Vec::with_capacity(count)];
    for times in [&mut first, &mut again] {
        for release in &releases {
            let begun = now();
            question.ask(&warm, release).await?;
            times.push(micros(begun.elapsed()));
        }
    }
    let (called_kib, own_kib) = (resident_kib() - before_kib, kib("RssAnon:") - own_before_kib);

    let each = f64::from(u32::try_from(count)?);
    let mut add = |name: &str, about: &str, value: f64, target: &'static str| {
        figures.add_with_target(SECTION, name, about, value, target);
    };
    add("releases", "json-post in Rust, each with a digest of its own", each, "");
    add("release_cold_ms", "compiled, and its first 8-line order (median)", percentile(&mut compiled, 50), "");
    add("engine_ms", "engine started", engine_ms, "");
    add("releases_warm_ms", "all loaded from kept code, one after the other", all_ms, "≤ 500 ms");
    add("release_warm_ms", "  one of them (median)", percentile(&mut loaded, 50), "");
    add("release_memory_kib", "  memory of each", loaded_kib / each, "≤ 300 KiB");
    add("release_first_call_us", "first 8-line order of each (median)", percentile(&mut first, 50), "");
    add("release_next_call_us", "the next, after all others'", percentile(&mut again, 50), "");
    add("release_called_kib", "  memory of each by then", called_kib / each, "≤ 300 KiB");
    add("release_own_kib", "  of that not mapped from files", own_kib / each, "");
    Ok(())
}

/// A host with as many connections, each with a release of its own.
async fn host(count: usize, figures: &mut Figures) -> anyhow::Result<()> {
    say("a host with many releases");
    let mut rig = Rig::bare().await;
    let mut file: toml::Table = toml::from_str(&rig.host_file())?;
    file["plugins"]["cache_dir"] = "code".into();
    file["log"]["filter"] = "warn".into();
    rig.write("orderdock.toml", &toml::to_string(&file)?);
    rig.add("guests/variant").await;
    rig.connect_push("plugin.release = \"variant@1.0.0-first\"\n").await;
    let ledger = swaps::open(&rig).await;
    let of = ledger.releases().await?.remove(0).digest;
    let releases = tenants::add_releases(ledger.as_ref(), &of, count).await?;
    tenants::add_connections(&rig, ledger.as_ref(), &releases).await?;
    let component = component("guests/variant")?;
    // The last ones were never on this machine.
    tenants::compiled_before(&rig.data().join("code"), &of, &component, &releases[..count / 2])?;
    // The first start says in the ledger where each connection sends.
    let mut started = Vec::new();
    for _ in 0..3 {
        let begun = now();
        rig.serve().await;
        rig.until_ready("every connection works", |ready| {
            ready["connections"].as_array().is_some_and(|all| all.len() == count + 1)
        })
        .await;
        started.push(micros(begun.elapsed()) / 1e3);
        if started.len() < 3 {
            rig.stop().await;
        }
    }
    let idle_kib = rig.host.as_ref().map_or(0, crate::rig::Serving::resident_kib);
    let (mut warm, mut cold) = (Vec::new(), Vec::new());
    for (id, step) in (0..count.min(50)).enumerate() {
        let half = count / 2;
        // From the end: what nobody has got ready in the background yet.
        cold.push(delivered(&rig, count - 1 - step * half / 50 % half.max(1), 2 * id).await?);
        warm.push(delivered(&rig, step * half / 50 % half.max(1), 2 * id + 1).await?);
    }
    rig.stop().await;
    let mut add = |name: &str, about: &str, value: f64| figures.add(SECTION, name, about, value);
    add("host_first_start_ms", "host with as many connections: first start until all work", started[0]);
    add("host_start_ms", "  started again", started[2]);
    add("host_memory_kib", "  its memory then", f64::from(u32::try_from(idle_kib)?));
    add("host_first_order_warm_ms", "  first order of a connection, code kept: to the ERP", percentile(&mut warm, 50));
    add("host_first_order_cold_ms", "  the same, release fetched and compiled", percentile(&mut cold, 50));
    add("host_first_order_cold_p95_ms", "  the same, 95 %", percentile(&mut cold, 95));
    Ok(())
}

/// From the push to the order in the ERP, in milliseconds.
async fn delivered(rig: &Rig, connection: usize, id: usize) -> anyhow::Result<f64> {
    let (place, key) = (format!("/api/v1/connections/{}/orders/{id}", tenants::named(connection)), format!("P-{id}"));
    let order = json!({
        "shop_order_id": id.to_string(), "order_number": key, "placed_at": "2026-11-20T10:00:00Z", "currency": "EUR",
        "payment_state": "paid", "totals": {"gross": "12.90"},
        "lines": [{"id": "1", "sku": "MUG", "description": "Mug", "quantity": "1", "unit_price_net": "10.84"}],
    });
    let begun = now();
    let (status, text) = rig.http("PUT", &place, Some(PUSH_TOKEN), &order.to_string()).await;
    ensure!(status == 201, "the order was not taken: {text}");
    while !rig.erp.state().orders.iter().any(|order| order.key == key) {
        ensure!(begun.elapsed() < Duration::from_secs(30), "order {id} of {place} does not come to the ERP");
        tokio::time::sleep(Duration::from_micros(200)).await;
    }
    Ok(micros(begun.elapsed()) / 1e3)
}

/// What every release is asked.
struct Question {
    order: Arc<Order>,
    context: Context,
}

impl Question {
    async fn ask(&self, runtime: &Runtime, release: &Digest) -> anyhow::Result<()> {
        let (order, context) = (Arc::clone(&self.order), self.context.clone());
        let called = runtime.map_order(release, order, context, Arc::new(Tables::new())).await;
        called.result?.map(drop).map_err(|rejection| anyhow!("json-post refused its own case: {}", rejection.message))
    }
}

/// Memory that this process has in use.
fn resident_kib() -> f64 {
    kib("VmRSS:")
}

/// A figure that the kernel has of this process.
fn kib(name: &str) -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_default();
    line.trim().trim_end_matches("kB").trim().parse().unwrap_or_default()
}
