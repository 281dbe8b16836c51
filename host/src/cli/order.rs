//! `orderdock order …`: what became of an order, why, and sending it again.

mod replay;

use clap::{Args, Subcommand, ValueEnum};
use comfy_table::Cell;
use serde::Serialize;
use serde_json::json;

use super::{
    Failure,
    open::{Beside, person},
    output::{Output, cell, plain},
};
use crate::{
    domain::{
        decision::{Decision, Opening},
        id::ConnectionId,
        pass::PassState,
        time,
    },
    ledger::{
        connections::Intent,
        look_ups::{self, MissingCode},
        reports::{AttemptRow, OrderDetail, OrderFilter, OrderRow, Undecided},
        why::{self, Why},
    },
};

/// Orders.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// List orders, newest first.
    List(List),
    /// Show one order: timeline, passes, attempts, what the shop was told.
    Show(Which),
    /// Say in one sentence why an order is where it is, or why it is missing.
    Why(Which),
    /// Send an order again now, whatever its status in the shop.
    Resend(Again),
    /// Set an order back to new in the shop, and send it again.
    Reset(Again),
    /// Read the ERP's stored answer again, where the plugin could not make out what it means. Nothing is sent.
    Reread(Reread),
    /// Map an order again as it was mapped, and read the ERP's answers again: identical, or where not. Nothing is sent.
    Replay(replay::Arguments),
}

/// Which orders.
#[derive(Debug, Args)]
pub struct List {
    /// Only this connection.
    #[arg(long)]
    connection: Option<String>,
    /// Only orders in this state.
    #[arg(long, value_enum)]
    state: Option<State>,
    /// At most that many.
    #[arg(long, default_value_t = 50)]
    limit: u32,
}

/// States as people ask for them.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum State {
    /// Waiting or being worked on (blue).
    Waiting,
    /// In the ERP (green).
    Delivered,
    /// Failed, or outcome unknown (red).
    Failed,
    /// Outcome unknown, looked up or given up.
    Unknown,
    /// Seen, not taken.
    Skipped,
    /// Waiting for a person's word.
    Question,
}

/// One order.
#[derive(Debug, Args)]
pub struct Which {
    /// Order number, shop order id, or the ERP's id or number.
    number: String,
    /// Only this connection.
    #[arg(long)]
    connection: Option<String>,
}

/// One order, to be sent again.
#[derive(Debug, Args)]
pub struct Again {
    #[command(flatten)]
    which: Which,
    /// Why; it is kept with the order.
    #[arg(long, default_value = "asked for on the command line")]
    why: String,
    /// The ERP has the order already, or may have it, and you checked there.
    #[arg(long)]
    checked: bool,
}

/// One order in doubt, whose answer is to be read again.
#[derive(Debug, Args)]
pub struct Reread {
    #[command(flatten)]
    which: Which,
    /// With this release: `name@version`, name, or the first digits of its digest. Without it: with the release, the
    /// settings and the look-up tables in force.
    #[arg(long)]
    release: Option<String>,
}

/// Runs the command.
///
/// # Errors
/// What went wrong, with the exit code that means it.
pub async fn run(command: Command, beside: Beside, output: Output) -> Result<(), Failure> {
    match command {
        Command::List(list) => self::list(list, &beside, output).await,
        Command::Show(which) => {
            let detail = find(&which, &beside).await?;
            let file = beside.ledger.file_of(&detail.order.key.connection).await?;
            let missing = look_ups::missing(&detail, file.as_deref());
            output.either(&Shown { detail: &detail, missing: &missing }, || show(&detail, &missing, output));
            Ok(())
        }
        Command::Why(which) => self::why(&which, &beside, output).await,
        Command::Resend(again) => self::again(again, false, &beside, output).await,
        Command::Reset(again) => self::again(again, true, &beside, output).await,
        Command::Reread(reread) => self::reread(reread, &beside, output).await,
        Command::Replay(arguments) => replay::run(&arguments, &beside, output).await,
    }
}

async fn list(list: List, beside: &Beside, output: Output) -> Result<(), Failure> {
    let connection = match &list.connection {
        Some(name) => Some(beside.connection(name).await?.id),
        None => None,
    };
    let (states, undecided) = match list.state {
        None => (Vec::new(), None),
        Some(State::Waiting) => (
            vec![PassState::Waiting, PassState::Claimed, PassState::Mapped, PassState::Sending, PassState::Awaiting],
            None,
        ),
        Some(State::Delivered) => (vec![PassState::Delivered], None),
        Some(State::Failed) => (vec![PassState::Failed, PassState::GivenUp], None),
        Some(State::Unknown) => (vec![PassState::Unknown, PassState::GivenUp], None),
        Some(State::Skipped) => (Vec::new(), Some(Undecided::Skipped)),
        Some(State::Question) => (Vec::new(), Some(Undecided::Question)),
    };
    let filter = OrderFilter { connection, states, undecided, number: None, limit: list.limit };
    let orders = beside.ledger.orders(filter).await?;
    output.either(&orders, || {
        if orders.is_empty() {
            output.line("No orders.");
            return;
        }
        let rows = orders.iter().map(|order| row(order, output)).collect();
        output.table(&["order", "connection", "state", "since", "ERP order", "why"], rows);
    });
    Ok(())
}

fn row(order: &OrderRow, output: Output) -> Vec<Cell> {
    let (words, because) = match (&order.decision, order.state) {
        (Decision::Skipped(reason), None | Some(PassState::Withdrawn)) => ("skipped", reason.sentence()),
        (Decision::Question { asks }, _) => ("a question", asks.clone()),
        (_, Some(state)) => (state.words(), order.because.clone()),
        (_, None) => ("seen", String::new()),
    };
    let since = order.state_ms.unwrap_or(order.decision_ms);
    vec![
        cell(&order.order_number),
        cell(&order.connection_name),
        output.state(words, order.colour),
        cell(time::rfc3339(since)),
        cell(order.erp_order_number.as_ref().or(order.erp_order_id.as_ref()).map_or("", String::as_str)),
        cell(because),
    ]
}

/// Finds the one order that a number means.
async fn find(which: &Which, beside: &Beside) -> Result<OrderDetail, Failure> {
    let found = candidates(which, beside).await?;
    let row = match found.as_slice() {
        [] => {
            return Err(Failure::not_found(format!(
                "no order {} was ever seen; `orderdock order why {}` says more",
                which.number, which.number
            )));
        }
        [one] => one,
        several => {
            let names: Vec<_> = several.iter().map(|row| row.connection_name.as_str()).collect();
            let names = names.join(", ");
            return Err(Failure::usage(format!(
                "{} means several orders: choose with --connection ({names})",
                which.number
            )));
        }
    };
    let missing = || Failure::not_found(format!("order {} is gone", which.number));
    beside.ledger.order(&row.key).await?.ok_or_else(missing)
}

async fn candidates(which: &Which, beside: &Beside) -> Result<Vec<OrderRow>, Failure> {
    let connection: Option<ConnectionId> = match &which.connection {
        Some(name) => Some(beside.connection(name).await?.id),
        None => None,
    };
    let number = Some(which.number.clone());
    let filter = OrderFilter { connection, number, limit: 20, ..OrderFilter::default() };
    Ok(beside.ledger.orders(filter).await?)
}

async fn why(which: &Which, beside: &Beside, output: Output) -> Result<(), Failure> {
    let now = beside.ledger.now_ms().await?;
    let records = beside.ledger.connections(true).await?;
    let found = candidates(which, beside).await?;
    let answers: Vec<Why> = if found.is_empty() {
        let mut looked = Vec::new();
        for record in
            records.into_iter().filter(|record| which.connection.as_ref().is_none_or(|name| &record.name == name))
        {
            let sweeps = beside.ledger.sweeps(&record.id, &record.shop_id, 1).await?;
            looked.push((record, sweeps));
        }
        vec![why::never_seen(&which.number, &looked, now)]
    } else {
        let mut answers = Vec::new();
        for row in &found {
            if let Some(detail) = beside.ledger.order(&row.key).await? {
                let record = records.iter().find(|record| record.id == row.key.connection);
                let file = beside.ledger.file_of(&row.key.connection).await?;
                answers.push(why::seen(&detail, record, file.as_deref(), now));
            }
        }
        answers
    };
    let mut answers = answers;
    if let Some(still) = beside.ledger.standstill() {
        // Whatever the ledger knows of the order, this is why nothing moves.
        answers.insert(
            0,
            Why {
                sentence: format!("Nothing is sent at the moment: {still}."),
                evidence: Vec::new(),
                missing: Vec::new(),
            },
        );
    }
    output.either(&answers, || {
        for answer in &answers {
            output.line(plain(&answer.sentence));
            for line in &answer.evidence {
                output.line(format!("  · {}", plain(line)));
            }
            tell_missing(&answer.missing, &which.number, output);
        }
    });
    Ok(())
}

async fn again(again: Again, reset: bool, beside: &Beside, output: Output) -> Result<(), Failure> {
    let detail = find(&again.which, beside).await?;
    let order = &detail.order;
    // What was withdrawn changed nothing: what counts is how the pass before it ended.
    let states = detail.passes.iter().rev().map(|pass| pass.state);
    let state = states.clone().find(|state| *state != PassState::Withdrawn);
    let doubtful =
        matches!(state, Some(PassState::Delivered | PassState::Awaiting | PassState::GivenUp | PassState::Unknown));
    if doubtful && !again.checked {
        let state = state.map_or("", PassState::words);
        return Err(Failure::refused(format!(
            "order {} is {state}: sending it again may make a second order in the ERP; look there, then repeat with --checked",
            order.order_number
        )));
    }
    let after = order.pass.unwrap_or(0);
    if reset {
        let intent = Intent::Reset { shop_order_id: order.key.shop_order_id.clone(), after, why: again.why.clone() };
        beside.ledger.leave_intent(&order.key.connection, intent, &person()).await?;
    } else {
        let opening = Opening::Intent { by: person(), why: again.why.clone() };
        beside.ledger.open_pass(&order.key, after, opening).await?;
    }
    let result = json!({ "order_number": order.order_number, "pass": after + 1, "reset": reset });
    output.either(&result, || {
        let how = if reset { "is set back to new in the shop and sent again" } else { "is sent again" };
        output.line(format!("Order {} {how} (pass {}).", plain(&order.order_number), after + 1));
    });
    Ok(())
}

async fn reread(wanted: Reread, beside: &Beside, output: Output) -> Result<(), Failure> {
    let detail = find(&wanted.which, beside).await?;
    let order = &detail.order;
    let number = &order.order_number;
    if !matches!(order.state, Some(PassState::Unknown | PassState::GivenUp)) {
        let state = order.state.map_or("not taken", PassState::words);
        let why = "only where the outcome is unknown can another reading of the ERP's answer change anything";
        return Err(Failure::refused(format!("order {number} is {state}: {why}")));
    }
    let pass = order.pass.unwrap_or(0);
    let answered = |attempt: &&AttemptRow| {
        let kept = |name: &str| attempt.answer.as_ref().is_some_and(|answer| answer.get(name).is_some());
        attempt.pass == pass && attempt.outcome == "unknown" && (kept("answer") || kept("placed") || kept("folder"))
    };
    if !detail.attempts.iter().any(|attempt| answered(&attempt)) {
        let why = "no answer of the ERP is kept that could be read again";
        return Err(Failure::refused(format!("order {number}: {why}; `orderdock order show` has the attempts")));
    }
    let release = match &wanted.release {
        Some(name) => Some(beside.release(name).await?.digest),
        None => None,
    };
    let shop_order_id = order.key.shop_order_id.clone();
    let intent = Intent::Reread { shop_order_id, pass, release: release.clone() };
    beside.ledger.leave_intent(&order.key.connection, intent, &person()).await?;
    let result = json!({ "order_number": number, "pass": pass, "release": release });
    output.either(&result, || {
        let number = plain(number);
        output.line(format!("The ERP's answer to order {number} is read again; nothing is sent."));
        output.line(format!("`orderdock order show {number}` tells what came of it."));
    });
    Ok(())
}

/// An order with what its connection's tables lack for it.
#[derive(Serialize)]
struct Shown<'a> {
    #[serde(flatten)]
    detail: &'a OrderDetail,
    missing: &'a [MissingCode],
}

/// What to add to which file, so that an order can be mapped.
fn tell_missing(missing: &[MissingCode], number: &str, output: Output) {
    let Some(first) = missing.first() else { return };
    output.line("\nMissing in the look-up tables");
    for code in missing {
        let (key, table) = (plain(&code.key), plain(&code.table));
        let what = code.what.as_deref().map_or_else(String::new, |what| format!("{} ", plain(what)));
        output.line(format!("  {what}\"{key}\" in table {table} of connection {}", code.connection));
    }
    let file = first.file.as_deref().map_or_else(|| format!("the file of connection {}", first.connection), plain);
    output.line(format!("Add to {file}:"));
    for line in look_ups::lines_to_add(missing) {
        output.line(format!("  {line}"));
    }
    let file = first.file.as_deref().map_or_else(|| "FILE".to_owned(), plain);
    output.line("Then:");
    output.line(format!("  orderdock connection apply {file}"));
    output.line(format!("  orderdock order resend {}", plain(number)));
}

/// Prints an order as a person wants to read it.
fn show(detail: &OrderDetail, missing: &[MissingCode], output: Output) {
    let order = &detail.order;
    output.line(format!(
        "Order {}  ({}, shop id {})",
        plain(&order.order_number),
        order.connection_name,
        plain(&order.key.shop_order_id)
    ));
    let state = order.state.map_or("not taken", PassState::words);
    let erp = order.erp_order_id.as_deref().map_or(String::new(), |id| format!(", ERP order {}", plain(id)));
    output.line(format!("State: {state}{erp}; status in the shop: \"{}\"", plain(&order.shop_status)));
    if !order.because.is_empty() {
        output.line(format!("Because: {}", plain(&order.because)));
    }
    output.line("\nTimeline");
    for entry in &detail.timeline {
        output.line(format!(
            "  {}  {}",
            time::rfc3339(entry.at_ms),
            plain(&entry.text).replace('\n', "\n                        ")
        ));
    }
    if !detail.attempts.is_empty() {
        output.line("\nAttempts");
        let rows = detail
            .attempts
            .iter()
            .map(|attempt| {
                vec![
                    cell(format!("{}.{}", attempt.pass, attempt.number)),
                    cell(time::rfc3339(attempt.recorded_ms)),
                    cell(&attempt.purpose),
                    cell(target(attempt.request.as_ref())),
                    cell(&attempt.phase),
                    cell(&attempt.outcome),
                    cell(attempt.answer.as_ref().map_or(String::new(), heard)),
                ]
            })
            .collect();
        output.table(&["try", "at", "purpose", "to", "phase", "outcome", "answer"], rows);
    }
    let looked_up = look_ups::of_last_mapping(detail);
    if !looked_up.is_empty() {
        output.line("\nLooked up");
        let rows = looked_up
            .iter()
            .map(|it| vec![cell(&it.table), cell(&it.key), cell(it.value.as_deref().unwrap_or("(nothing)"))])
            .collect();
        output.table(&["table", "key", "found"], rows);
    }
    tell_missing(missing, &order.order_number, output);
    let owed: Vec<_> = detail.effects.iter().filter(|effect| effect.state != "done").collect();
    if !owed.is_empty() {
        output.line("\nNot (yet) told");
        let rows = owed
            .iter()
            .map(|effect| {
                let kind = effect.body.get("effect").and_then(|kind| kind.as_str()).unwrap_or_default();
                vec![cell(kind), cell(&effect.state), cell(effect.tries.to_string()), cell(&effect.detail)]
            })
            .collect();
        output.table(&["what", "state", "tries", "why"], rows);
    }
}

fn target(request: Option<&serde_json::Value>) -> String {
    let Some(request) = request else { return "(expired)".to_owned() };
    let text = |name: &str| request.get(name).and_then(|value| value.as_str()).unwrap_or_default().to_owned();
    if let Some(files) = request.get("files").and_then(|files| files.as_array()) {
        let names: Vec<_> = files.iter().filter_map(|file| file.get("name").and_then(|name| name.as_str())).collect();
        return names.join(", ");
    }
    format!("{} {}", text("method"), text("url"))
}

fn heard(answer: &serde_json::Value) -> String {
    let status = answer.pointer("/answer/status").and_then(serde_json::Value::as_u64);
    let body = answer.pointer("/answer/body").and_then(serde_json::Value::as_str).unwrap_or_default();
    let failure = answer.get("failure").map(ToString::to_string).unwrap_or_default();
    let body: String = body.chars().take(120).collect();
    match status {
        Some(status) => format!("{status} {body}"),
        None => failure,
    }
}
