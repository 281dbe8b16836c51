//! One 8-line order through each plugin: a fresh instance with limits, one without, and the same code natively.
//!
//! They take turns in small rounds, so that a busy moment of the machine falls on all of them. For json-post it is also
//! shown where the time goes: a call that the plugin refuses as soon as it has read its input, with and without an order.

use std::{hint::black_box, path::Path, sync::Arc};

use anyhow::anyhow;
use attache_kfi::AttacheKfi;
use json_post::JsonPost;
use orderdock::{
    domain::{
        Order,
        call::{Context, Purpose, Tables},
        id::Digest,
    },
    pipeline::system::SystemClock,
    plugin::{Mapper as _, Runtime, Settings},
};
use orderdock_plugin::{Plugin, testing::Case};
use xml_drop::XmlDrop;

use super::{Figures, component, micros, now, percentile, workspace};
use crate::through_wasm::context;

const SECTION: &str = "mapping";

/// Calls of one kind before the next kind has its turn.
const ROUND: usize = 50;

/// A runtime with one plugin in it.
struct Loaded {
    runtime: Arc<Runtime>,
    release: Digest,
}

impl Loaded {
    async fn load(bytes: &[u8], folder: &Path, metered: bool) -> anyhow::Result<Self> {
        let settings = Settings { metered, ..Settings::default() };
        let runtime = Runtime::new(settings, folder, Arc::new(SystemClock))?;
        let (release, _) = runtime.admit(bytes).await?;
        Ok(Self { runtime, release })
    }

    /// One call; whether the plugin delivered.
    async fn call(&self, order: &Arc<Order>, context: &Context, tables: &Arc<Tables>) -> anyhow::Result<bool> {
        let called =
            self.runtime.map_order(&self.release, Arc::clone(order), context.clone(), Arc::clone(tables)).await;
        Ok(black_box(called).result?.is_ok())
    }
}

/// Measures every plugin.
///
/// # Errors
/// When a component is missing or a plugin does not deliver.
pub async fn measure(quick: bool, figures: &mut Figures) -> anyhow::Result<()> {
    let rounds = if quick { 4 } else { 100 };
    plugin::<JsonPost>("json-post", "eight-lines", rounds, "≤ 40 µs", figures).await?;
    plugin::<XmlDrop>("xml-drop", "ubl-eight-lines", rounds, "", figures).await?;
    plugin::<AttacheKfi>("attache-kfi", "charges-of-every-kind", rounds, "", figures).await?;
    Ok(())
}

async fn plugin<P: Plugin>(
    name: &str,
    case: &str,
    rounds: usize,
    target: &'static str,
    figures: &mut Figures,
) -> anyhow::Result<()> {
    let bytes = component(name)?;
    let folder = tempfile::tempdir()?;
    let limits = Loaded::load(&bytes, &folder.path().join("limits"), true).await?;
    let free = Loaded::load(&bytes, &folder.path().join("free"), false).await?;

    let mut case = self::case(name, case)?;
    // A real order carries the shop's own text, of about this size.
    case.order.raw_json = serde_json::to_string(&case.order)?;
    let order = Arc::new(case.order.clone());
    let context = context(&case.context);
    let tables = Arc::new(case.tables.clone());

    let (mut with, mut without, mut native) = (Vec::new(), Vec::new(), Vec::new());
    for round in 0..rounds + 1 {
        for _ in 0..ROUND {
            let begun = now();
            let delivered = limits.call(&order, &context, &tables).await?;
            with.push(micros(begun.elapsed()));
            anyhow::ensure!(delivered, "{name} refused its own case");
        }
        for _ in 0..ROUND {
            let begun = now();
            free.call(&order, &context, &tables).await?;
            without.push(micros(begun.elapsed()));
        }
        for _ in 0..ROUND {
            // A call takes its order and context over: making them is not the plugin's work, nor is it counted above.
            let (order, context) = (case.order.clone(), case.context.clone());
            let begun = now();
            let delivery = orderdock_plugin::plugin::map_order::<P>(order, context);
            native.push(micros(begun.elapsed()));
            black_box(delivery).map_err(|rejection| anyhow!("{name} refused its own case: {}", rejection.message))?;
        }
        if round == 0 {
            // The first round only warms caches and the pool.
            with.clear();
            without.clear();
            native.clear();
        }
    }
    let key = name.replace('-', "_");
    let [with, without, native] = [&mut with, &mut without, &mut native].map(|times| percentile(times, 50));
    let about = |what: &str| format!("{name}, 8 lines: {what}");
    figures.add_with_target(SECTION, format!("{key}_limits_us"), about("fresh instance, limits on"), with, target);
    figures.add(SECTION, format!("{key}_no_limits_us"), about("fresh instance, limits off"), without);
    figures.add(SECTION, format!("{key}_native_us"), about("same code natively"), native);
    let ratio = with / without;
    figures.add_with_target(SECTION, format!("{key}_limits_ratio"), about("limits on / off"), ratio, "≤ 1.3 ×");
    figures.add(SECTION, format!("{key}_native_ratio"), about("limits on / native"), with / native);
    if name == "json-post" {
        breakdown(&limits, &order, &context, rounds, with, figures).await?;
    }
    Ok(())
}

/// Where a call's time goes. json-post refuses an update as soon as it has read its order and settings.
async fn breakdown(
    limits: &Loaded,
    order: &Arc<Order>,
    context: &Context,
    rounds: usize,
    whole: f64,
    figures: &mut Figures,
) -> anyhow::Result<()> {
    let tables = Arc::new(Tables::new());
    let refused = Context { purpose: Purpose::Update, ..context.clone() };
    let small = Order { lines: Vec::new(), raw_json: String::new(), ..order.as_ref().clone() };
    let small =
        Arc::new(Order { billing_address: None, delivery_addresses: Vec::new(), payments: Vec::new(), ..small });
    let (mut floor, mut read) = (Vec::new(), Vec::new());
    for _ in 0..rounds {
        for (times, order) in [(&mut floor, &small), (&mut read, order)] {
            for _ in 0..ROUND {
                let begun = now();
                let delivered = limits.call(order, &refused, &tables).await?;
                times.push(micros(begun.elapsed()));
                anyhow::ensure!(!delivered, "json-post maps updates now: measure something else");
            }
        }
    }
    let (floor, read) = (percentile(&mut floor, 50), percentile(&mut read, 50));
    figures.add(SECTION, "json_post_part_call_us", "  of it: store, instance, call, settings", floor);
    figures.add(SECTION, "json_post_part_order_us", "  of it: the order into the guest and read there", read - floor);
    figures.add(SECTION, "json_post_part_map_us", "  of it: mapping, and the delivery back", whole - read);
    Ok(())
}

/// One of a plugin's own cases.
///
/// # Errors
/// When it can't be read.
pub fn case(plugin: &str, name: &str) -> anyhow::Result<Case> {
    let path = workspace().join("plugins").join(plugin).join("cases").join(name);
    Case::load(&path).map_err(|why| anyhow!(why))
}
