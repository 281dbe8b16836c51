//! The verdict on a release: what is wrong with it, all of it at once, found out before an order of a customer meets it.
//!
//! The gate (`admit`) looks at the file, compiles it and asks it who it is. Here it is set to work: some hundred awkward
//! orders, each twice, then awkward answers. What a plugin needs to work at all (settings, tables) is made up from what it
//! says of itself, or given; where that is not enough, the item says so instead of passing.

use std::{collections::BTreeMap, fmt::Write as _, sync::Arc};

use futures_util::{StreamExt as _, stream};
use serde_json::{Value, json};

use super::{
    AdmissionError, Called, Mapper as _, PluginFault, Usage, admit,
    awkward::{self, Awkward},
    cache, made_up,
    runtime::Runtime,
    schema,
    settings::{Compile, Settings},
};
use crate::domain::{
    Order,
    admission::{Admission, Cost, Item, Judged, Most},
    call::{Context, DeliveryKind, Description, Purpose, Tables},
    delivery::{Delivery, DeliveryContent, Rejection},
    id::Digest,
    verdict::{DefaultVerdict, Response},
};

/// Grows whenever the rules below are changed: verdicts found before no longer count.
const RULES: u32 = 2;
/// Groups of faults that are shown; the rest is counted.
const GROUPS: usize = 8;
/// Names that are shown of many.
const NAMES: usize = 5;
/// Orders under way at once.
const AT_ONCE: usize = 4;

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

/// What mapping an order gave.
type Mapped = Called<Result<Delivery, Rejection>>;

/// An order of the set, mapped twice.
struct Tried {
    name: String,
    first: Mapped,
    same: bool,
}

/// Judges a component. `cases` of its own are the caller's to run: the item stays open.
pub async fn judge(runtime: &Arc<Runtime>, bytes: &[u8], brief: &Brief, progress: &Progress) -> Judgement {
    let gate = admit::gate(runtime, bytes).await;
    let mut admission = Admission {
        items: gate_items(&gate.problems),
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

fn item_of(problem: &AdmissionError) -> Item {
    match problem {
        AdmissionError::TooLarge { .. } => Item::Size,
        AdmissionError::NotWasm(_) | AdmissionError::CoreModule => Item::File,
        AdmissionError::ForbiddenImports { .. } => Item::Imports,
        AdmissionError::Compile(_) => Item::Compile,
        AdmissionError::WrongWorld(_) => Item::World,
        AdmissionError::TooDemanding(_) => Item::Needs,
        AdmissionError::BadDescription(_) | AdmissionError::Fault(_) => Item::Description,
    }
}

/// What was looked at before it could be run; what could not be reached because something else failed says so.
fn gate_items(problems: &[AdmissionError]) -> Vec<Judged> {
    let items = [Item::Size, Item::File, Item::Imports, Item::Compile, Item::World, Item::Needs, Item::Description];
    let failed: Vec<Item> = problems.iter().map(item_of).collect();
    items
        .into_iter()
        .map(|item| {
            let found: Vec<String> = problems
                .iter()
                .filter(|problem| item_of(problem) == item)
                .flat_map(|problem| match problem {
                    AdmissionError::BadDescription(all) => all.clone(),
                    other => vec![other.to_string()],
                })
                .collect();
            if !found.is_empty() {
                return Judged::failed(item, found);
            }
            // Without a whole file that compiles nothing can be looked at; it is asked who it is only if all is well.
            let before = failed.iter().find(|failed| {
                **failed < item
                    && (item == Item::Description || matches!(failed, Item::Size | Item::File | Item::Compile))
            });
            match before {
                Some(before) => Judged::not_judged(item, format!("`{before}` failed before it")),
                None => Judged::passed(item, Vec::new()),
            }
        })
        .collect()
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

/// What all calls have in common.
struct Trial<'a> {
    runtime: &'a Arc<Runtime>,
    release: &'a Digest,
    settings: String,
    tables: Arc<Tables>,
    description: &'a Description,
}

impl Trial<'_> {
    async fn run(&self, progress: &Progress, admission: &mut Admission) {
        let orders = awkward::orders();
        let answers: usize =
            self.description.deliveries.iter().map(|kind| awkward::answers(*kind).len()).max().unwrap_or_default();
        let total = orders.len().saturating_mul(2).saturating_add(answers);
        progress(0, total);
        let tried = self.map_all(orders, &|done| progress(done, total)).await;
        admission.put(awkward_orders(&tried));
        admission.put(same_bytes(&tried));
        admission.cost = Some(cost(&tried));
        let everyday = tried.first().and_then(|tried| tried.first.result.as_ref().ok()?.as_ref().ok());
        match everyday {
            None => {
                let why = "the everyday order was not delivered, see `awkward-orders`";
                admission.put(Judged::not_judged(Item::FileNames, why));
                admission.put(Judged::not_judged(Item::AwkwardAnswers, why));
            }
            Some(delivery) => {
                admission.put(self.file_names(delivery).await);
                admission.put(self.awkward_answers(delivery).await);
            }
        }
        progress(total, total);
    }

    /// Maps each order twice; then the everyday one for every other purpose that the plugin names.
    async fn map_all(&self, orders: Vec<Awkward>, done: &(dyn Fn(usize) + Send + Sync)) -> Vec<Tried> {
        let mut calls: Vec<(String, Arc<Order>, Context)> = Vec::with_capacity(orders.len().saturating_add(3));
        for (index, Awkward { name, order }) in orders.into_iter().enumerate() {
            calls.push((name, Arc::new(order), self.context(index, Purpose::Create)));
        }
        for purpose in self.description.purposes.iter().filter(|purpose| **purpose != Purpose::Create) {
            let name = format!("an everyday order, asked for {purpose:?}");
            calls.push((name, Arc::new(awkward::everyday(3)), self.context(0, *purpose)));
        }
        let mut tasks = stream::iter(calls.into_iter().map(|(name, order, context)| {
            let (runtime, release, tables) = (Arc::clone(self.runtime), self.release.clone(), Arc::clone(&self.tables));
            tokio::spawn(async move {
                let first = runtime.map_order(&release, Arc::clone(&order), context.clone(), Arc::clone(&tables)).await;
                let again = runtime.map_order(&release, order, context, tables).await;
                let same = first.result == again.result && is_same_work(&first.usage, &again.usage);
                Tried { name, first, same }
            })
        }))
        .buffered(AT_ONCE);
        let mut tried = Vec::new();
        while let Some(one) = tasks.next().await {
            // A call that panics in the host would be a bug of ours; it is as good as a trap here.
            if let Ok(one) = one {
                tried.push(one);
            }
            done(tried.len().saturating_mul(2));
        }
        tried
    }

    fn context(&self, index: usize, purpose: Purpose) -> Context {
        let number = u64::try_from(index).unwrap_or_default().saturating_add(1);
        Context {
            purpose,
            connection: "admission".to_owned(),
            settings: self.settings.clone(),
            pass: 1,
            attempt: 1,
            step: 0,
            idempotency_key: format!("admission-{number}"),
            document_number: number,
            mapped_at: awkward::WHEN.to_owned(),
            shop_time_zone: "Europe/Berlin".to_owned(),
            erp_time_zone: "Australia/Sydney".to_owned(),
            request_id: format!("admission-{number}"),
            previous: None,
            logins: Vec::new(),
        }
    }

    /// Another order that differs in its ids and numbers only must get other names.
    async fn file_names(&self, delivery: &Delivery) -> Judged {
        let DeliveryContent::Files(one) = &delivery.content else {
            return Judged::passed(Item::FileNames, Vec::new());
        };
        let mut other = awkward::everyday(3);
        "70002".clone_into(&mut other.shop_order_id);
        "WEB-70002".clone_into(&mut other.order_number);
        let context = self.context(1, Purpose::Create);
        let mapped =
            self.runtime.map_order(self.release, Arc::new(other), context, Arc::clone(&self.tables)).await.result;
        let Ok(Ok(Delivery { content: DeliveryContent::Files(other), .. })) = mapped else {
            return Judged::not_judged(Item::FileNames, "a second everyday order gave no files");
        };
        let in_both =
            |name: &str| other.files.iter().chain(&other.trigger).any(|file| file.name.eq_ignore_ascii_case(name));
        let constant: Vec<_> = one
            .files
            .iter()
            .filter(|file| in_both(&file.name))
            .map(|file| {
                format!(
                    "the file `{}` has the same name for every order: the second one could not be told from the first",
                    file.name.escape_default()
                )
            })
            .collect();
        if !constant.is_empty() {
            return Judged::failed(Item::FileNames, constant);
        }
        let trigger = one.trigger.iter().filter(|file| in_both(&file.name)).map(|file| {
            format!(
                "the trigger `{}` has the same name for every order: connections must name it (`constant_trigger`)",
                file.name.escape_default()
            )
        });
        Judged::passed(Item::FileNames, trigger.collect())
    }

    async fn awkward_answers(&self, delivery: &Delivery) -> Judged {
        let kind = match delivery.content {
            DeliveryContent::Http(_) => DeliveryKind::Http,
            DeliveryContent::Files(_) => DeliveryKind::Files,
        };
        let order = Arc::new(awkward::everyday(3));
        let answers = awkward::answers(kind);
        let count = answers.len();
        let mut faults = Groups::default();
        for (name, response, default) in answers {
            if let Err(fault) = self.read(&order, delivery, response, default).await {
                faults.add(&fault, &name);
            }
        }
        Judged::of(Item::AwkwardAnswers, faults.texts(count, "answers"))
    }

    async fn read(
        &self,
        order: &Arc<Order>,
        delivery: &Delivery,
        response: Response,
        default: DefaultVerdict,
    ) -> Result<(), PluginFault> {
        let called = self.runtime.parse_response(
            self.release,
            Arc::clone(order),
            self.context(0, Purpose::Create),
            Arc::clone(&self.tables),
            delivery.state.clone(),
            response,
            default,
        );
        called.await.result.map(drop)
    }
}

/// Fuel and memory repeat; wall time does not.
fn is_same_work(one: &Usage, other: &Usage) -> bool {
    (one.cpu_used, one.memory_peak) == (other.cpu_used, other.memory_peak)
}

/// Faults by their sentence, in the order in which they came.
#[derive(Default)]
struct Groups(Vec<(String, Vec<String>)>);

impl Groups {
    fn add(&mut self, fault: &PluginFault, name: &str) {
        let mut text = fault.to_string();
        if let PluginFault::Trap { stack, .. } = fault
            && let Some(innermost) = stack.first()
        {
            let _ = write!(text, " (in `{innermost}`)");
        }
        match self.0.iter_mut().find(|(known, _)| *known == text) {
            Some((_, names)) => names.push(name.to_owned()),
            None => self.0.push((text, vec![name.to_owned()])),
        }
    }

    fn texts(&self, of: usize, what: &str) -> Vec<String> {
        let mut texts: Vec<String> = self
            .0
            .iter()
            .take(GROUPS)
            .map(|(text, names)| format!("{} of {of} {what}: {text}; {}", names.len(), some(names)))
            .collect();
        let more: usize = self.0.iter().skip(GROUPS).map(|(_, names)| names.len()).sum();
        if more > 0 {
            texts.push(format!("and {more} more, in other ways"));
        }
        texts
    }
}

/// The first names of a list.
fn some(names: &[String]) -> String {
    let shown: Vec<_> = names.iter().take(NAMES).map(|name| format!("\"{name}\"")).collect();
    let more = names.len().saturating_sub(NAMES);
    let more = if more == 0 { String::new() } else { format!(" and {more} more") };
    format!("{}{more}", shown.join(", "))
}

fn awkward_orders(tried: &[Tried]) -> Judged {
    let mut faults = Groups::default();
    let mut refusals: BTreeMap<&str, usize> = BTreeMap::new();
    let (mut delivered, mut refused) = (0_usize, 0_usize);
    for one in tried {
        match &one.first.result {
            Ok(Ok(_)) => delivered = delivered.saturating_add(1),
            Ok(Err(rejection)) => {
                refused = refused.saturating_add(1);
                let count = refusals.entry(&rejection.message).or_default();
                *count = count.saturating_add(1);
            }
            Err(fault) => faults.add(fault, &one.name),
        }
    }
    let texts = faults.texts(tried.len(), "orders");
    if !texts.is_empty() {
        return Judged::failed(Item::AwkwardOrders, texts);
    }
    let Some(Ok(Err(rejection))) = tried.first().map(|one| &one.first.result) else {
        return Judged::passed(Item::AwkwardOrders, vec![format!("{delivered} delivered, {refused} refused")]);
    };
    if delivered == 0 {
        let why = format!(
            "every order was refused, the everyday one because: {}; give settings and tables that fit (`--settings FILE`, \
             `--tables FILE`)",
            rejection.message
        );
        return Judged::not_judged(Item::AwkwardOrders, why);
    }
    let remark = format!("the everyday order was refused: {}", rejection.message);
    Judged::passed(Item::AwkwardOrders, vec![format!("{delivered} delivered, {refused} refused"), remark])
}

fn same_bytes(tried: &[Tried]) -> Judged {
    let differ: Vec<String> = tried.iter().filter(|one| !one.same).map(|one| one.name.clone()).collect();
    if differ.is_empty() {
        return Judged::passed(Item::SameBytes, Vec::new());
    }
    let text = format!(
        "{} of {} orders gave something else when mapped again, or took other CPU units: {}",
        differ.len(),
        tried.len(),
        some(&differ)
    );
    Judged::failed(Item::SameBytes, vec![text])
}

fn cost(tried: &[Tried]) -> Cost {
    let mut cost = Cost { orders: u32::try_from(tried.len()).unwrap_or(u32::MAX), ..Cost::default() };
    for one in tried {
        match &one.first.result {
            Ok(Ok(_)) => cost.delivered = cost.delivered.saturating_add(1),
            Ok(Err(_)) => cost.refused = cost.refused.saturating_add(1),
            Err(_) => {}
        }
        let usage = &one.first.usage;
        for (most, used, allowed) in [
            (&mut cost.cpu, usage.cpu_used, usage.cpu_allowed),
            (&mut cost.memory, usage.memory_peak, usage.memory_allowed),
        ] {
            // The nearest to its limit, not the largest: limits grow with the order.
            let is_nearer = u128::from(used).saturating_mul(u128::from(most.allowed))
                > u128::from(most.used).saturating_mul(u128::from(allowed));
            if most.allowed == 0 || is_nearer {
                *most = Most { used, allowed, order: one.name.clone() };
            }
        }
    }
    let usage = |name: &str| {
        let one = tried.iter().find(|one| one.name == name)?;
        matches!(one.first.result, Ok(Ok(_))).then_some(one.first.usage)
    };
    if let (Some(one), Some(many)) = (usage("one line"), usage(awkward::MANY_LINES)) {
        let more = u64::try_from(awkward::MANY).unwrap_or(u64::MAX).saturating_sub(1).max(1);
        cost.cpu_per_line = many.cpu_used.saturating_sub(one.cpu_used) / more;
        cost.memory_per_line = many.memory_peak.saturating_sub(one.memory_peak) / more;
    }
    cost
}
