//! The same plugin in five languages: its size, how long it takes to compile and to load, and what one 8-line order costs
//! through a fresh instance with limits, without, and through a pipe to a process that was started before.

use std::{hint::black_box, path::Path, sync::Arc};

use orderdock::{
    domain::{
        Order,
        call::{Context, Tables},
        delivery::{Delivery, DeliveryContent, Segment},
        id::Digest,
    },
    pipeline::system::SystemClock,
    plugin::{Mapper as _, Runtime, Settings, Usage},
};

use super::{Figures, component, mapping, micros, now, percentile, pipe::Peer, say};
use crate::through_wasm::context;

const SECTION: &str = "languages";

/// Name for people, name in figures, component.
const LANGUAGES: [(&str, &str, &str); 5] = [
    ("Rust", "rust", "json-post"),
    ("C", "c", "languages/json-post-c"),
    ("JavaScript", "js", "languages/json-post-js"),
    ("Go", "go", "languages/json-post-go"),
    ("Python", "python", "languages/json-post-python"),
];

/// Measures every language whose component is there.
///
/// # Errors
/// When a component is refused or does not deliver.
pub async fn measure(quick: bool, figures: &mut Figures) -> anyhow::Result<()> {
    let mut case = mapping::case("json-post", "eight-lines")?;
    case.order.raw_json = serde_json::to_string(&case.order)?;
    let question = Question { order: Arc::new(case.order.clone()), context: context(&case.context) };
    for (title, key, name) in LANGUAGES {
        let Ok(bytes) = component(name) else {
            say(&format!("{title} is left out: {name} was not built"));
            continue;
        };
        language(title, key, &bytes, &question, &case.folder, if quick { 5 } else { 400 }, figures).await?;
    }
    Ok(())
}

struct Question {
    order: Arc<Order>,
    context: Context,
}

impl Question {
    async fn ask(&self, runtime: &Runtime, release: &Digest) -> anyhow::Result<(Delivery, Usage)> {
        let (order, context) = (Arc::clone(&self.order), self.context.clone());
        let called = runtime.map_order(release, order, context, Arc::new(Tables::new())).await;
        let delivery = called.result?.map_err(|rejection| anyhow::anyhow!("{}", rejection.message))?;
        Ok((delivery, called.usage))
    }
}

fn body(delivery: &Delivery) -> String {
    let DeliveryContent::Http(http) = &delivery.content else { return String::new() };
    let bytes = http.body.iter().flat_map(|segment| match segment {
        Segment::Bytes(bytes) => bytes.clone(),
        Segment::Secret { .. } => Vec::new(),
    });
    String::from_utf8_lossy(&bytes.collect::<Vec<_>>()).into_owned()
}

async fn language(
    title: &str,
    key: &str,
    bytes: &[u8],
    question: &Question,
    case: &Path,
    calls: usize,
    figures: &mut Figures,
) -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let open = |name: &str, metered: bool| {
        Runtime::new(Settings { metered, ..Settings::default() }, &folder.path().join(name), Arc::new(SystemClock))
    };
    let cold = open("limits", true)?;
    let begun = now();
    let (release, _) = cold.admit(bytes).await?;
    let compiled = micros(begun.elapsed()) / 1e3;
    drop(cold);
    let limits = open("limits", true)?;
    let begun = now();
    limits.prepare(&release).await?;
    let loaded = micros(begun.elapsed()) / 1e3;
    let (delivery, usage) = question.ask(&limits, &release).await?;
    let free = open("free", false)?;
    free.admit(bytes).await?;
    let mut peer = Peer::start(key, case, &folder.path().join("bindings"))?;
    let order = serde_json::to_string(question.order.as_ref())?;
    if peer.is_none() && matches!(key, "js" | "python") {
        say(&format!("{title} through a pipe is left out: its tool chain is not there"));
    }
    if let Some(peer) = &mut peer {
        anyhow::ensure!(peer.map(&order)? == body(&delivery), "{title} gives something else through the pipe");
    }
    let (mut with, mut without, mut piped) = (Vec::new(), Vec::new(), Vec::new());
    // They take turns, so that a busy moment of the machine falls on all of them.
    for _ in 0..calls {
        for (times, runtime) in [(&mut with, &limits), (&mut without, &free)] {
            let begun = now();
            black_box(question.ask(runtime, &release).await?);
            times.push(micros(begun.elapsed()));
        }
        if let Some(peer) = &mut peer {
            let begun = now();
            black_box(peer.map(&order)?);
            piped.push(micros(begun.elapsed()));
        }
    }
    let [with, without] = [&mut with, &mut without].map(|times| percentile(times, 50));
    let mut add = |name: &str, about: &str, value: f64, target: &'static str| {
        figures.add_with_target(SECTION, format!("{key}_{name}"), format!("{title}: {about}"), value, target);
    };
    add("component_kib", "component", kib(bytes.len() as u64), "");
    add("compile_ms", "admitted for the first time (compiled)", compiled, "");
    add("load_ms", "loaded from kept code", loaded, "");
    add("limits_us", "fresh instance and 8 lines, limits on", with, "");
    add("no_limits_us", "the same, limits off", without, "");
    add("limits_ratio", "limits on / off", with / without, "≤ 1.25 ×");
    add("instance_kib", "memory of the instance", kib(usage.memory_peak), "");
    if peer.is_some() {
        let piped = percentile(&mut piped, 50);
        add("pipe_us", "the same by a process started before, through a pipe", piped, "");
        add("pipe_ratio", "fresh instance with limits / pipe", with / piped, "");
    }
    Ok(())
}

#[expect(clippy::cast_precision_loss, reason = "a figure for people")]
fn kib(bytes: u64) -> f64 {
    bytes as f64 / 1024.0
}
