//! Start with a hundred releases: compiled for the first time, and again from the code that was kept.

use std::sync::Arc;

use anyhow::anyhow;
use orderdock::{
    domain::{
        Order,
        call::{Context, Tables},
        id::Digest,
    },
    pipeline::system::SystemClock,
    plugin::{Mapper as _, Runtime, Settings},
};

use super::{Figures, component, mapping, micros, now, percentile};
use crate::through_wasm::context;

const SECTION: &str = "100 releases";

/// Measures.
///
/// # Errors
/// When a component is missing or refused.
pub async fn measure(quick: bool, figures: &mut Figures) -> anyhow::Result<()> {
    let count = if quick { 3 } else { 100 };
    let bytes = component("json-post")?;
    let case = mapping::case("json-post", "eight-lines")?;
    let question = Question { context: context(&case.context), order: Arc::new(case.order) };
    let folder = tempfile::tempdir()?;
    let dir = folder.path().join("code");
    let start = || Runtime::new(Settings::default(), &dir, Arc::new(SystemClock));

    let mut releases = Vec::with_capacity(count);
    let begun = now();
    let cold = start()?;
    let mut admitted = Vec::with_capacity(count);
    for number in 0..count {
        let bytes = distinct(&bytes, number);
        let begun = now();
        let (release, _) = cold.admit(&bytes).await?;
        admitted.push(micros(begun.elapsed()) / 1e3);
        releases.push(release);
    }
    let cold_ms = micros(begun.elapsed()) / 1e3;
    drop(cold);

    let begun = now();
    let warm = start()?;
    let engine_ms = micros(begun.elapsed()) / 1e3;
    let before_kib = resident_kib();
    let mut first = Vec::with_capacity(count);
    for release in &releases {
        let begun = now();
        question.ask(&warm, release).await?;
        first.push(micros(begun.elapsed()) / 1e3);
    }
    let warm_ms = engine_ms + first.iter().sum::<f64>();
    let grown_kib = resident_kib() - before_kib;
    let mut again = Vec::with_capacity(count);
    for release in &releases {
        let begun = now();
        question.ask(&warm, release).await?;
        again.push(micros(begun.elapsed()));
    }

    let count = f64::from(u32::try_from(count)?);
    figures.add(SECTION, "releases_cold_ms", "cold: all admitted, each compiled", cold_ms);
    figures.add(SECTION, "release_cold_ms", "cold: one release (median)", percentile(&mut admitted, 50));
    figures.add(SECTION, "releases_warm_ms", "warm: engine started, all loaded and called once", warm_ms);
    figures.add(SECTION, "engine_ms", "  of it: engine", engine_ms);
    figures.add(SECTION, "release_warm_ms", "warm: one release loaded and called (median)", percentile(&mut first, 50));
    figures.add(SECTION, "releases_warm_ratio", "cold / warm", cold_ms / warm_ms);
    figures.add(
        SECTION,
        "release_next_call_us",
        "next call of each release, after another's",
        percentile(&mut again, 50),
    );
    figures.add(SECTION, "release_memory_kib", "memory of a loaded release", grown_kib / count);
    Ok(())
}

/// A component that does the same and has another digest: a custom section (id 0) is ignored by everybody.
#[must_use]
pub fn distinct(bytes: &[u8], number: usize) -> Vec<u8> {
    let name = format!("bench-{number:04}");
    let mut all = bytes.to_vec();
    // Sizes below 128 are one LEB128 byte each.
    let length = u8::try_from(name.len()).unwrap_or_default();
    all.extend([0, length + 1, length]);
    all.extend(name.into_bytes());
    all
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
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap_or_default();
    line.trim().trim_end_matches("kB").trim().parse().unwrap_or_default()
}
