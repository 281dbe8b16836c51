//! `orderdock plugin capture`: a real order of the ledger, usually a failed one, becomes a case for the plugin's author. What is
//! personal is masked, and the case is tried: it must still come to the same kind of result.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use clap::Args;
use serde_json::{Value, json};
use tokio::runtime::Handle;

use crate::{
    cases::{Case, Masked, Mode, Release, context, explain, mask, response, run_case},
    cli::{
        Failure,
        open::{self, Beside},
        output::{Output, plain},
    },
    domain::{
        Order,
        call::{Context, Description, Purpose, Tables},
        delivery::DeliveryContent,
        id::{Digest, PassKey},
        time,
        verdict::Response,
    },
    ledger::{
        activations::Activation,
        connections::ConnectionRecord,
        reports::{OrderDetail, OrderFilter, PassRow},
    },
    pipeline::{evidence::Evidence, lane::Lane, reread},
    plugin::{LookUp, Mapper, PluginFault, Runtime},
};

/// Which order, and where the case goes.
#[derive(Debug, Args)]
pub struct Arguments {
    /// Order number, shop order id, or the ERP's id or number.
    order: String,
    /// The connection that it belongs to.
    #[arg(long, value_name = "NAME")]
    connection: String,
    /// The folder of cases to put it into.
    #[arg(long, value_name = "FOLDER", default_value = "cases")]
    out: PathBuf,
    /// The case's name; else the order's number.
    #[arg(long)]
    name: Option<String>,
    /// Which journey of the order; else its last.
    #[arg(long)]
    pass: Option<u32>,
    /// Leave this field as it is, such as `buyer.company`; may be given again.
    #[arg(long, value_name = "FIELD")]
    keep: Vec<String>,
    /// Mask nothing. The case then holds personal data of a buyer.
    #[arg(long)]
    unmasked: bool,
}

/// Everything of a pass that a case needs.
struct Found {
    record: ConnectionRecord,
    detail: OrderDetail,
    pass: PassRow,
    order: Order,
    /// Where the order comes from, if not from what was mapped.
    remark: Option<String>,
    release: Digest,
    description: Description,
    settings: Value,
    tables: Tables,
    /// What it was told besides, if that is kept.
    context: Option<Context>,
}

/// Runs the command.
///
/// # Errors
/// No such order, or nothing of it is kept.
pub async fn run(arguments: Arguments, beside: Beside, output: Output) -> Result<(), Failure> {
    let found = find(&arguments, &beside).await?;
    let engine = open::runtime(&beside.settings)?;
    if !engine.knows(&found.release) {
        let content = beside.ledger.release_bytes(&found.release).await?;
        let content = content.ok_or_else(|| Failure::not_found(format!("there is no release {}", found.release)))?;
        engine.admit(&content).await.map_err(|error| Failure::failed(error.to_string()))?;
    }
    let name = arguments.name.clone().unwrap_or_else(|| plain_name(&found.detail.order.order_number));
    let folder = arguments.out.join(&name);
    if folder.exists() {
        let what = "is there already; give another --name, or remove it";
        return Err(Failure::usage(format!("{} {what}", folder.display())));
    }
    // First as it was: that is what the case has to come to, and it tells which rows of the tables are needed.
    let salt = format!("{}/{}", found.record.id, found.detail.order.key.shop_order_id);
    let nothing = Masked::nothing(&found.order);
    let whole = tempfile::tempdir().map_err(|error| Failure::failed(format!("no temporary folder: {error}")))?;
    write(whole.path(), &found, &nothing, None)?;
    let real = came(engine.as_ref(), &found.release, whole.path()).await?;
    let (masked, same, culprits) = if arguments.unmasked {
        (nothing, true, Vec::new())
    } else {
        let masked = mask(&found.order, &salt, &arguments.keep);
        let (same, culprits) = judge(engine.as_ref(), &found, &masked, &real, &salt, &arguments.keep).await?;
        (masked, same, culprits)
    };
    write(&folder, &found, &masked, Some(&real.look_ups))?;
    keep_expected(&engine, &found, &folder).await?;
    let result = json!({
        "case": folder, "result": real.kind, "same_result": same, "masked": masked.fields, "left": masked.left,
        "matters": culprits, "pass": found.pass.pass, "release": found.release,
    });
    output.either(&result, || told(&arguments, &found, &folder, &masked, &real, same, &culprits, output));
    Ok(())
}

#[expect(clippy::too_many_arguments, reason = "everything that a person is told")]
fn told(
    arguments: &Arguments,
    found: &Found,
    folder: &Path,
    masked: &Masked,
    real: &Came,
    same: bool,
    culprits: &[String],
    output: Output,
) {
    let number = plain(&found.detail.order.order_number);
    output.line(format!("Order {number}, pass {}, is the case {}.", found.pass.pass, folder.display()));
    if let Some(remark) = &found.remark {
        output.line(format!("  {remark}"));
    }
    output.line(format!("It comes to: {}.", plain(&real.kind)));
    if let Some(words) = &real.words {
        for line in plain(words).lines() {
            output.line(format!("  {line}"));
        }
    }
    if arguments.unmasked {
        output.line("\nNothing was masked: the case holds personal data. Do not pass it on.");
    } else {
        output.line(format!("\nMasked ({}):", masked.fields.len()));
        wrapped(&masked.fields, output);
        if !masked.left.is_empty() {
            output.line("Left as they are, look at them before you pass the case on:");
            wrapped(&masked.left, output);
        }
        output.line("Kept: order number, account code, SKUs and texts of lines, amounts, dates, settings.");
        if same {
            output.line("The masked case comes to the same kind of result.");
        } else {
            output.line("The masked case comes to ANOTHER kind of result.");
            if culprits.is_empty() {
                output.line("  Several masked fields matter together; try --keep with some, or --unmasked.");
            }
            for field in culprits {
                output.line(format!("  It hangs on {field}: repeat with --keep {field}"));
            }
        }
    }
    output.line(format!("\nNext, in the plugin's project: orderdock plugin test --filter {}", plain_name(&number)));
}

/// Field paths in lines of a terminal's width.
fn wrapped(fields: &[String], output: Output) {
    let mut line = String::new();
    for field in fields {
        if line.len().saturating_add(field.len()) > 74 {
            output.line(format!("  {}", plain(&line)));
            line.clear();
        }
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(field);
    }
    output.line(format!("  {}", plain(&line)));
}

async fn find(arguments: &Arguments, beside: &Beside) -> Result<Found, Failure> {
    let record = beside.connection(&arguments.connection).await?;
    let number = Some(arguments.order.clone());
    let filter = OrderFilter { connection: Some(record.id.clone()), number, limit: 2, ..OrderFilter::default() };
    let rows = beside.ledger.orders(filter).await?;
    let missing =
        || Failure::not_found(format!("no order {} of connection {} was ever seen", arguments.order, record.name));
    let row = match rows.as_slice() {
        [one] => one,
        [] => return Err(missing()),
        _ => return Err(Failure::usage(format!("{} means several orders: give the shop's order id", arguments.order))),
    };
    let detail = beside.ledger.order(&row.key).await?.ok_or_else(missing)?;
    let wanted = arguments.pass.or(detail.order.pass).ok_or_else(|| {
        Failure::refused(format!("order {} was never taken, so there is nothing to capture", arguments.order))
    })?;
    let pass = detail.passes.iter().find(|pass| pass.pass == wanted).cloned();
    let pass = pass.ok_or_else(|| Failure::not_found(format!("order {} has no pass {wanted}", arguments.order)))?;
    let kept = beside.ledger.mapped_order(&PassKey { order: row.key.clone(), pass: wanted }).await?;
    let (order, remark) = match kept {
        Some(text) => {
            let order = serde_json::from_str(&text);
            (order.map_err(|error| Failure::failed(format!("what the ledger keeps does not read: {error}")))?, None)
        }
        None => {
            let remark = "It was read from the shop just now: the ledger keeps no copy of that pass.";
            (from_shop(beside, &record, &row.key.shop_order_id).await?, Some(remark.to_owned()))
        }
    };
    let evidence = evidence(&detail, &pass);
    // What the pass was mapped with. Without evidence: its release, and the revisions that went with it.
    let now = record.activation.clone();
    let activation = match &pass.release {
        Some(release) if evidence.is_none() && *release != now.release.as_str() => {
            let all = beside.ledger.activations(&record.id).await?;
            let fits = |one: &&Activation| one.release.as_str() == release;
            all.iter().filter(fits).max_by_key(|one| one.number).cloned().unwrap_or(now)
        }
        _ => now,
    };
    let (settings, tables) = match &evidence {
        Some(evidence) => (evidence.settings_revision, evidence.tables_revision),
        None => (activation.settings_revision, activation.tables_revision),
    };
    let settings = beside.ledger.plugin_settings(&record.id, settings).await?;
    let tables = beside.ledger.tables(&record.id, tables).await?;
    let release = evidence.as_ref().map(|evidence| evidence.release.to_string()).or_else(|| pass.release.clone());
    let release = beside.release(release.as_deref().unwrap_or(activation.release.as_str())).await?;
    let (release, description) = (release.digest, release.description);
    let context = evidence.map(|evidence| evidence.context);
    Ok(Found { record, detail, pass, order, remark, release, description, settings, tables, context })
}

/// What is kept of the pass's first mapping.
fn evidence(detail: &OrderDetail, pass: &PassRow) -> Option<Evidence> {
    let attempts = detail.attempts.iter().filter(|attempt| attempt.pass == pass.pass && attempt.step == 0);
    let mut stored = pass.evidence.iter().chain(attempts.filter_map(|attempt| attempt.mapping.as_ref()));
    stored.find_map(Evidence::read).filter(|evidence| evidence.context.purpose == Purpose::Create)
}

async fn from_shop(beside: &Beside, record: &ConnectionRecord, shop_order_id: &str) -> Result<Order, Failure> {
    let failed =
        |error: String| Failure::failed(format!("the ledger keeps no copy of the order, and the shop: {error}"));
    let parts = open::aside(beside)?;
    let lane = Lane::open(&parts, record.clone()).await.map_err(|error| failed(error.to_string()))?;
    let sight = lane.shop.get(shop_order_id).await.map_err(|error| failed(error.to_string()))?;
    let unreadable = |problems: Vec<crate::domain::problem::Problem>| {
        Failure::problems("the shop's order can't be read, so no plugin has seen it", problems)
    };
    sight.order.map(|order| *order).map_err(unreadable)
}

/// What a mapping came to.
#[derive(Clone, Debug, PartialEq)]
struct Came {
    /// In a few words that personal data does not change.
    kind: String,
    /// A fault for its author's eyes.
    words: Option<String>,
    look_ups: Vec<LookUp>,
}

/// Maps a case's order, and has its answers read.
async fn came(mapper: &dyn Mapper, release: &Digest, folder: &Path) -> Result<Came, Failure> {
    let case = Case::load(folder).map_err(Failure::failed)?;
    let (order, tables) = (Arc::new(case.order.clone()), Arc::new(case.tables.clone()));
    let called = mapper.map_order(release, Arc::clone(&order), context(&case.context), Arc::clone(&tables)).await;
    let words = called.result.as_ref().err().map(|fault| explain(fault, &order, &called.usage, &called.log));
    let mut look_ups = called.look_ups;
    let (mut kind, state) = match called.result {
        Ok(Ok(delivery)) => {
            let kind = match &delivery.content {
                DeliveryContent::Http(http) => format!("a delivery: {} by HTTP", http.method),
                DeliveryContent::Files(files) => format!("a delivery: {} file(s)", files.files.len()),
            };
            (kind, delivery.state)
        }
        Ok(Err(rejection)) => {
            let class = json!(rejection.class);
            let field = rejection.field.map_or(String::new(), |field| format!(" at {field}"));
            (format!("a rejection ({}){field}", class.as_str().unwrap_or_default()), Vec::new())
        }
        Err(fault) => (fault_kind(&fault), Vec::new()),
    };
    for answer in &case.answers {
        let (answered, default) = response(&answer.response);
        let context = context(&answer.context);
        let called = mapper
            .parse_response(release, Arc::clone(&order), context, Arc::clone(&tables), state.clone(), answered, default)
            .await;
        let word = match &called.result {
            Ok(verdict) => format!("{verdict:?}").split([' ', '(', '{']).next().unwrap_or_default().to_lowercase(),
            Err(fault) => fault_kind(fault),
        };
        look_ups.extend(called.look_ups);
        kind.push_str(&format!(", then the verdict {word}"));
    }
    Ok(Came { kind, words, look_ups })
}

fn fault_kind(fault: &PluginFault) -> String {
    match fault {
        PluginFault::Trap { doing, .. } => format!("a trap while {doing}"),
        PluginFault::OverLimit { doing, limit, .. } => {
            format!("a limit ({}) while {doing}", json!(limit).as_str().unwrap_or_default())
        }
        PluginFault::BadOutput { doing, .. } => format!("an invalid result while {doing}"),
        PluginFault::NotLoaded { .. } => "a release that can't be loaded".to_owned(),
    }
}

/// Whether the masked order comes to the same, and if not, on which fields it hangs.
async fn judge(
    mapper: &dyn Mapper,
    found: &Found,
    masked: &Masked,
    real: &Came,
    salt: &str,
    keep: &[String],
) -> Result<(bool, Vec<String>), Failure> {
    let tried = try_with(mapper, found, masked, real).await?;
    if tried.kind == real.kind {
        return Ok((true, Vec::new()));
    }
    let mut culprits = Vec::new();
    for field in &masked.fields {
        let more = [keep, std::slice::from_ref(field)].concat();
        if try_with(mapper, found, &mask(&found.order, salt, &more), real).await?.kind == real.kind {
            culprits.push(field.clone());
        }
    }
    Ok((false, culprits))
}

async fn try_with(mapper: &dyn Mapper, found: &Found, masked: &Masked, real: &Came) -> Result<Came, Failure> {
    let folder = tempfile::tempdir().map_err(|error| Failure::failed(format!("no temporary folder: {error}")))?;
    write(folder.path(), found, masked, Some(&real.look_ups))?;
    came(mapper, &found.release, folder.path()).await
}

/// Writes the case. Of the look-up tables only the rows that were asked for: they are the customer's.
fn write(folder: &Path, found: &Found, masked: &Masked, asked: Option<&[LookUp]>) -> Result<(), Failure> {
    let mut order = masked.order.clone();
    let raw = std::mem::take(&mut order.raw_json);
    file(&folder.join("order.json"), &pretty(&json!(order)))?;
    if !raw.is_empty() {
        file(&folder.join("raw.json"), &raw)?;
    }
    file(&folder.join("settings.json"), &pretty(&found.settings))?;
    let tables = match asked {
        None => found.tables.clone(),
        Some(asked) => rows(asked, masked),
    };
    let pass = &found.pass;
    let mut context = match &found.context {
        Some(told) => told_form(told),
        None => guessed_form(found),
    };
    if let Some(context) = context.as_object_mut() {
        context.insert("tables".to_owned(), json!(tables));
    }
    file(&folder.join("context.json"), &pretty(&context))?;
    let answers = found.detail.attempts.iter().filter(|attempt| attempt.pass == pass.pass && attempt.step == 0);
    let answers = answers.filter(|attempt| attempt.purpose == "create").filter_map(|attempt| attempt.answer.as_ref());
    for (index, answer) in answers.enumerate() {
        let Ok((response, _)) = reread::stored_response(answer) else { continue };
        let (word, form) = answer_form(&response, masked);
        let path = folder.join("responses").join(format!("{}-{word}.json", index.saturating_add(1)));
        file(&path, &pretty(&json!({ "response": form })))?;
    }
    Ok(())
}

/// The context of the evidence, as a case has it.
fn told_form(told: &Context) -> Value {
    let mut form = json!({
        "connection": told.connection, "pass": told.pass, "attempt": told.attempt, "document_number": told.document_number,
        "idempotency_key": told.idempotency_key, "mapped_at": told.mapped_at, "shop_time_zone": told.shop_time_zone,
        "erp_time_zone": told.erp_time_zone, "request_id": told.request_id, "logins": told.logins,
    });
    if let (Some(previous), Some(form)) = (&told.previous, form.as_object_mut()) {
        let (id, number) = (&previous.erp_order_id, &previous.erp_order_number);
        let previous = json!({ "outcome": previous.outcome, "erp_order_id": id, "erp_order_number": number });
        form.insert("previous".to_owned(), previous);
    }
    form
}

/// What is known of a pass without evidence.
fn guessed_form(found: &Found) -> Value {
    let pass = &found.pass;
    let mapped_ms = found.detail.attempts.iter().find(|attempt| attempt.pass == pass.pass).map(|it| it.recorded_ms);
    let zone = |name: &str| found.record.config.pointer(&format!("/time_zones/{name}")).cloned();
    let mut form = json!({
        "connection": found.record.name, "pass": pass.pass, "idempotency_key": pass.idempotency_key,
        "document_number": pass.document_number, "mapped_at": time::rfc3339(mapped_ms.unwrap_or(pass.opened_ms)),
    });
    for (name, zone) in [("shop_time_zone", zone("shop")), ("erp_time_zone", zone("erp"))] {
        if let (Some(zone), Some(form)) = (zone, form.as_object_mut()) {
            form.insert(name.to_owned(), zone);
        }
    }
    form
}

/// The rows of tables that a mapping found, with keys that are made of masked texts masked too.
fn rows(asked: &[LookUp], masked: &Masked) -> Tables {
    let mut tables = Tables::new();
    for look_up in asked {
        let table = tables.entry(look_up.table.clone()).or_default();
        if let Some(value) = &look_up.value {
            table.insert(masked.text(&look_up.key), value.clone());
        }
    }
    tables
}

fn answer_form(response: &Response, masked: &Masked) -> (&'static str, Value) {
    let text = |content: &[u8]| match std::str::from_utf8(content) {
        Ok(text) => json!(masked.text(text)),
        Err(_) => {
            use base64::Engine as _;
            json!({ "base64": base64::engine::general_purpose::STANDARD.encode(content) })
        }
    };
    match response {
        Response::Http { status, headers, body } => {
            let headers: Vec<_> = headers.iter().map(|(name, value)| (name, masked.text(value))).collect();
            ("answer", json!({ "http": { "status": status, "headers": headers, "body": text(body) } }))
        }
        Response::FilesWritten { names } => {
            let names: Vec<_> = names.iter().map(|name| masked.text(name)).collect();
            ("written", json!({ "files_written": { "names": names } }))
        }
        Response::AnswerFile { folder, name, bytes } => {
            let form = json!({ "folder": folder, "name": masked.text(name), "bytes": text(bytes) });
            ("answer-file", json!({ "answer_file": form }))
        }
        Response::DeadlinePassed { listing } => ("deadline", json!({ "deadline_passed": { "listing": listing } })),
    }
}

/// Keeps what the release gives today as what is expected, where it gives anything: the author changes that to what is right.
async fn keep_expected(engine: &Arc<Runtime>, found: &Found, folder: &Path) -> Result<(), Failure> {
    let mapper = Arc::clone(engine) as Arc<dyn Mapper>;
    let mut release = Release::new(Handle::current(), mapper, found.release.clone(), found.description.clone());
    let case = Case::load(folder).map_err(Failure::failed)?;
    // A trap keeps nothing; that is told already.
    let kept = tokio::task::spawn_blocking(move || run_case(&mut release, &case, Mode::Bless)).await;
    kept.map(drop).map_err(|error| Failure::failed(format!("the case broke off: {error}")))
}

fn plain_name(number: &str) -> String {
    let name: String = number.chars().map(|letter| if letter.is_ascii_alphanumeric() { letter } else { '-' }).collect();
    let name = name.trim_matches('-').to_ascii_lowercase();
    if name.is_empty() { "order".to_owned() } else { format!("order-{name}") }
}

fn pretty(value: &Value) -> String {
    format!("{value:#}\n")
}

fn file(path: &Path, text: &str) -> Result<(), Failure> {
    let failed = |error: std::io::Error| Failure::failed(format!("{} can't be written: {error}", path.display()));
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder).map_err(failed)?;
    }
    std::fs::write(path, text).map_err(failed)
}
