//! The verdict on a release: what is wrong with it, all of it at once, found out before an order of a customer meets it.
//!
//! The gate (`admit`) looks at the file, compiles it and asks it who it is. Here it is set to work: some hundred awkward
//! orders, each twice, then awkward answers (`trial`), and what came is put into sentences (`found`). What a plugin needs to
//! work at all (settings, tables) is made up from what it says of itself, or given; where that is not enough, the item says
//! so instead of passing.

mod found;
mod gate;
mod trial;

use std::sync::Arc;

use serde_json::{Value, json};

use self::trial::Trial;
use super::{
    admit, awkward, cache, made_up,
    runtime::Runtime,
    schema,
    settings::{Compile, Settings},
};
use crate::domain::{
    admission::{Admission, Item, Judged},
    call::{Description, Tables},
    id::Digest,
};

/// Grows whenever the rules below are changed: verdicts found before no longer count.
const RULES: u32 = 2;

/// What a plugin is judged with.
#[derive(Clone, Debug, Default)]
pub struct Brief {
    /// Its settings; else the least that its schema asks for.
    pub settings: Option<Value>,
    /// Its look-up tables; else the ones that it needs, knowing every code of the everyday order.
    pub tables: Option<Tables>,
    /// A verdict that the same program found before, with the same brief, will do.
    pub known: bool,
}

/// What came of it.
#[derive(Clone, Debug)]
pub struct Judgement {
    /// The release.
    pub digest: Digest,
    /// What it says of itself, if it could be asked.
    pub description: Option<Description>,
    /// The verdict.
    pub admission: Admission,
}

/// Told how many of how many calls were made.
pub type Progress = dyn Fn(usize, usize) + Send + Sync;

/// Judges a component. `cases` of its own are the caller's to run: the item stays open.
pub async fn judge(runtime: &Arc<Runtime>, bytes: &[u8], brief: &Brief, progress: &Progress) -> Judgement {
    let gate = admit::gate(runtime, bytes).await;
    let mut admission = Admission {
        items: gate::items(&gate.problems),
        cost: None,
        settings: None,
        judged_by: env!("CARGO_PKG_VERSION").to_owned(),
    };
    admission.put(Judged::not_judged(Item::Cases, "no cases were given (`--cases FOLDER`)"));
    match &gate.description {
        None => {
            let why = "the release can't be run";
            for item in
                [Item::SettingsSchema, Item::AwkwardOrders, Item::SameBytes, Item::FileNames, Item::AwkwardAnswers]
            {
                admission.put(Judged::not_judged(item, why));
            }
        }
        Some(description) => {
            let key = key(runtime, brief);
            let known = runtime.cache.verdict(&gate.digest, &key).filter(|_| brief.known);
            match known.and_then(|known| serde_json::from_str(&known).ok()) {
                Some(known) => admission = known,
                None => {
                    admission.put(settings_schema(description));
                    at_work(runtime, &gate.digest, description, brief, progress, &mut admission).await;
                    if let Ok(text) = serde_json::to_string(&admission) {
                        runtime.cache.keep_verdict(&gate.digest, &key, &text);
                    }
                }
            }
        }
    }
    Judgement { digest: gate.digest, description: gate.description, admission }
}

/// Everything besides the component that a verdict depends on.
fn key(runtime: &Runtime, brief: &Brief) -> String {
    let limits = Settings { compile: Compile::Here, ..runtime.settings.clone() };
    let set: Vec<Value> = awkward::orders()
        .iter()
        .map(|one| serde_json::to_value(&one.order).unwrap_or_default())
        .chain([json!(brief.settings), json!(brief.tables), json!(env!("CARGO_PKG_VERSION")), json!(RULES)])
        .collect();
    let mut text = format!("{limits:?}");
    text.push_str(&Value::Array(set).to_string());
    cache::digest(text.as_bytes()).as_str().get(..16).unwrap_or_default().to_owned()
}

/// A schema that can be used was asked for by the gate; here it is asked whether people can use it.
fn settings_schema(description: &Description) -> Judged {
    let (mut problems, mut remarks) = (Vec::new(), Vec::new());
    let properties = description.settings_schema.get("properties").and_then(Value::as_object);
    for (name, property) in properties.into_iter().flatten() {
        let part = made_up::part(&description.settings_schema, property);
        let defaults = property.get("default").map(|value| ("default", value));
        let examples = property.get("examples").and_then(Value::as_array);
        let examples = examples.into_iter().flatten().map(|value| ("example", value));
        for (what, value) in defaults.into_iter().chain(examples) {
            for problem in schema::settings_check(&part, value) {
                problems.push(format!("the {what} of `{name}` does not fit its own schema: {}", problem.message));
            }
        }
        if property.get("description").is_none() && property.get("$ref").is_none() {
            remarks.push(format!("`{name}` has no description"));
        }
    }
    if problems.is_empty() {
        Judged::passed(Item::SettingsSchema, remarks)
    } else {
        Judged::failed(Item::SettingsSchema, problems)
    }
}

/// Everything for which orders are mapped.
async fn at_work(
    runtime: &Arc<Runtime>,
    release: &Digest,
    description: &Description,
    brief: &Brief,
    progress: &Progress,
    admission: &mut Admission,
) {
    let settings = match &brief.settings {
        Some(given) => {
            let problems = schema::settings_check(&description.settings_schema, given);
            if problems.is_empty() {
                Ok(given.clone())
            } else {
                let texts: Vec<_> = problems.iter().map(ToString::to_string).collect();
                Err(format!("the settings that were given do not fit its schema: {}", texts.join("; ")))
            }
        }
        None => made_up::settings(&description.settings_schema).map_err(|why| {
            format!("settings could not be made up from its schema ({why}): give some with `--settings FILE`")
        }),
    };
    let settings = match settings {
        Ok(settings) => settings,
        Err(why) => {
            for item in [Item::AwkwardOrders, Item::SameBytes, Item::FileNames, Item::AwkwardAnswers] {
                admission.put(Judged::not_judged(item, why.clone()));
            }
            return;
        }
    };
    let tables = Arc::new(brief.tables.clone().unwrap_or_else(|| made_up::tables(description)));
    let trial = Trial { runtime, release, settings: settings.to_string(), tables, description };
    admission.settings = Some(settings);
    trial.run(progress, admission).await;
}
