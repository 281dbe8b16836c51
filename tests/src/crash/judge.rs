//! The verdict after quiet, by the fakes' ledgers: the host's own database is only compared with them.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
    time::Duration,
};

use futures_util::StreamExt as _;
use serde_json::Value;
use tokio::time::Instant;

use super::cell::Route;
use crate::{
    rig::Rig,
    shop::{self, Actor},
};

/// Calls of the command line at a time.
const AT_ONCE: usize = 4;

/// How what is in the shop twice is told: a crash must never bring it about, a host that is stopped between its last look
/// and the first byte of a write may.
pub const REPEATED: &str = "written to the shop again";

/// What the fakes and the command line say about one order.
#[derive(Debug)]
pub struct Seen {
    /// The shop's id.
    pub id: u64,
    /// State in our ledger.
    pub state: String,
    /// How many orders the ERP has of it.
    pub in_erp: usize,
}

/// What the ERP has of an order.
#[derive(Clone, Debug, Default)]
struct InErp {
    times: usize,
    first_id: Option<String>,
}

/// What the ERP has, or was given as files: one order for each main file, wherever the ERP moved it.
fn erp_book(rig: &Rig, route: Route) -> BTreeMap<String, InErp> {
    let mut book: BTreeMap<String, InErp> = BTreeMap::new();
    match route {
        Route::Http => {
            for order in rig.erp.state().orders {
                let entry = book.entry(order.key).or_default();
                entry.times += 1;
                entry.first_id.get_or_insert(order.id);
            }
        }
        Route::File => {
            let inbox = rig.inbox();
            let folders = [inbox.clone(), inbox.join("Success"), inbox.join("Failure")];
            for name in folders.iter().flat_map(|folder| names(folder)) {
                if let (true, Some(at)) = (name.ends_with(".xml") || name.ends_with(".kfi"), name.find("WEB-")) {
                    let digits = name[at + 4..].chars().take_while(char::is_ascii_digit).count();
                    book.entry(name[at..at + 4 + digits].to_owned()).or_default().times += 1;
                }
            }
        }
    }
    book
}

fn names(folder: &Path) -> Vec<String> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    entries.flatten().filter_map(|entry| entry.file_name().into_string().ok()).collect()
}

/// What the command line shows of an order as soon as nothing is owed for it any more, or when patience is at its end.
async fn at_rest(rig: &Rig, id: u64, until: Instant) -> Value {
    loop {
        let said = rig.run(&["order", "show", &id.to_string(), "--json"]).await;
        let shown = if said.code == 0 { said.json() } else { Value::Null };
        let closed =
            matches!(shown["order"]["state"].as_str(), Some("delivered" | "failed" | "given_up" | "withdrawn"));
        let paid = shown["effects"].as_array().is_some_and(|all| all.iter().all(|effect| effect["state"] != "owed"));
        if (closed && paid) || Instant::now() >= until {
            return shown;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// Everything that is wrong, and what was seen of each order, after at most `patience` for what is still owed. Effects,
/// passes and attempts are asked for of at most so many orders (`details`), and of all that did not end green: each costs a
/// call of the command line.
pub async fn judge(
    rig: &Rig,
    route: Route,
    offered: &[u64],
    patience: Duration,
    details: usize,
) -> (Vec<String>, Vec<Seen>) {
    let until = Instant::now() + patience;
    let mut wrong = Vec::new();
    let every = offered.len().div_ceil(details.max(1)).max(1);
    let sample: Vec<u64> = offered.iter().copied().step_by(every).collect();
    let mut shown = details_of(rig, &sample, until).await;
    let listed = rig.ask(&["order", "list", "--limit", "1000000"]).await;
    let mut rows: BTreeMap<u64, Vec<&Value>> = BTreeMap::new();
    for row in listed.as_array().into_iter().flatten() {
        let id = row["shop_order_id"].as_str().and_then(|id| id.parse().ok()).unwrap_or_default();
        rows.entry(id).or_default().push(row);
    }
    let red: Vec<u64> = offered
        .iter()
        .copied()
        .filter(|id| !shown.contains_key(id) && rows.get(id).is_some_and(|rows| rows[0]["state"] != "delivered"))
        .collect();
    shown.extend(details_of(rig, &red, until).await);
    let book = erp_book(rig, route);
    for (key, entry) in book.iter().filter(|(_, entry)| entry.times > 1) {
        wrong.push(format!(
            "the ERP has {key} {} times: at most once is promised, twice is a second order",
            entry.times
        ));
    }
    if route == Route::File {
        let left = names(&rig.inbox()).into_iter().filter(|name| name.starts_with('.'));
        wrong.extend(left.map(|name| format!("the temporary file {name} was left behind")));
    }
    let mut seen = Vec::new();
    for id in offered {
        let lines = rows.get(id).map_or(&[][..], Vec::as_slice);
        let [row] = lines else {
            wrong.push(format!("order {id} has {} lines in the ledger", lines.len()));
            continue;
        };
        let row = shown.get(id).map_or(*row, |shown| &shown["order"]);
        let state = row["state"].as_str().unwrap_or_default().to_owned();
        let erp = book.get(&format!("WEB-{id}")).cloned().unwrap_or_default();
        let order = rig.order(*id);
        let mut found = outside(&order, route, row, &state, &erp);
        if let Some(shown) = shown.get(id) {
            found.extend(inside(&order, &state, shown));
        }
        wrong.extend(found.into_iter().map(|what| format!("order {id} ({state}): {what}")));
        seen.push(Seen { id: *id, state, in_erp: erp.times });
    }
    let unoffered = rows.keys().filter(|id| !offered.contains(id)).count();
    if unoffered > 0 {
        wrong.push(format!("{unoffered} orders are in the ledger that nobody offered"));
    }
    mails(rig, offered, &seen, &mut wrong);
    (wrong, seen)
}

async fn details_of(rig: &Rig, ids: &[u64], until: Instant) -> BTreeMap<u64, Value> {
    let shown = futures_util::stream::iter(ids.iter().copied().map(async |id| (id, at_rest(rig, id, until).await)));
    shown.buffered(AT_ONCE).collect().await
}

fn ours(order: &shop::Order) -> (Vec<&str>, Vec<&str>) {
    let us = Actor::orderdock();
    let statuses = order.history.iter().filter(|change| change.actor == us).map(|change| change.status.as_str());
    let notes = order.notes.iter().filter(|note| note.actor == us).map(|note| note.text.as_str());
    (statuses.collect(), notes.collect())
}

/// What shop and ERP say, against the ledger's state.
fn outside(order: &shop::Order, route: Route, row: &Value, state: &str, erp: &InErp) -> Vec<String> {
    let mut wrong = Vec::new();
    let status = match state {
        "delivered" => {
            if erp.times != 1 {
                wrong.push(format!("the ERP has it {} times", erp.times));
            }
            let reference = order.references.get("seller_reference");
            if route == Route::Http && erp.first_id.as_ref() != reference {
                wrong.push(format!("the shop's reference is {reference:?}, the ERP's id {:?}", erp.first_id));
            }
            if order.stamp_s.is_none() {
                wrong.push("it is not stamped".to_owned());
            }
            "In Progress"
        }
        "failed" | "given_up" => {
            if row["because"].as_str().unwrap_or_default().is_empty() {
                wrong.push("nobody is told why".to_owned());
            }
            if state == "failed" && erp.times > 0 {
                wrong.push("the ERP has it".to_owned());
            }
            "On Hold"
        }
        other => return vec![format!("it is not at an end: {other}")],
    };
    if order.status() != status {
        wrong.push(format!("the shop shows {:?}, not {status:?}", order.status()));
    }
    let (statuses, notes) = ours(order);
    if statuses.windows(2).any(|two| two[0] == two[1]) {
        wrong.push(format!("{REPEATED}: statuses {statuses:?}"));
    }
    let distinct: BTreeSet<&str> = notes.iter().copied().collect();
    if notes.is_empty() {
        wrong.push("nobody wrote a note".to_owned());
    }
    if distinct.len() != notes.len() {
        wrong.push(format!("{REPEATED}: notes {notes:?}"));
    }
    wrong
}

/// What only the command line shows: effects, passes, attempts.
fn inside(order: &shop::Order, state: &str, shown: &Value) -> Vec<String> {
    let mut wrong = Vec::new();
    let of = |name: &str| shown[name].as_array().cloned().unwrap_or_default();
    if state == "given_up" && of("attempts").is_empty() {
        wrong.push("an unknown outcome without an attempt is no evidence".to_owned());
    }
    let effects = of("effects");
    for effect in &effects {
        if !matches!(effect["state"].as_str(), Some("done" | "not_needed" | "cancelled")) {
            wrong.push(format!("an effect is {}: {effect}", effect["state"]));
        }
    }
    let notes: BTreeSet<&str> = ours(order).1.into_iter().collect();
    let told = effects.iter().filter(|effect| effect["body"]["effect"] == "note" && effect["state"] == "done").count();
    if notes.len() != told {
        wrong.push(format!("its notes in the shop are {notes:?}, and {told} are recorded"));
    }
    if of("passes").len() != 1 {
        wrong.push(format!("it has other passes than the first: {}", shown["passes"]));
    }
    wrong
}

/// Every order that ended red has a mail, no other one has, and what repeats is seen as one.
fn mails(rig: &Rig, offered: &[u64], seen: &[Seen], wrong: &mut Vec<String>) {
    let caught = rig.mail.mails();
    let red: BTreeSet<u64> =
        seen.iter().filter(|one| matches!(one.state.as_str(), "failed" | "given_up")).map(|one| one.id).collect();
    if caught.is_empty() && red.is_empty() {
        return;
    }
    // A mail lists fifty orders, and says how many more there are.
    let more = |mail: &crate::mail::Caught| {
        let text = mail.raw.split_once("=E2=80=A6 and ").or_else(|| mail.raw.split_once("\u{2026} and "))?.1;
        text.split_once(" more")?.0.trim().parse::<usize>().ok()
    };
    let more: BTreeMap<String, usize> =
        caught.iter().filter_map(|mail| Some((mail.header("message-id").unwrap_or_default(), more(mail)?))).collect();
    let mut told_without_a_name: usize = more.values().sum();
    for id in offered {
        let key = format!("WEB-{id}");
        let about: BTreeSet<String> = caught
            .iter()
            .filter(|mail| mail.raw.contains(&key))
            .map(|mail| mail.header("message-id").unwrap_or_default())
            .collect();
        if about.is_empty() && red.contains(id) && told_without_a_name > 0 {
            told_without_a_name -= 1;
            continue;
        }
        if about.len() != usize::from(red.contains(id)) {
            wrong.push(format!("order {id} has {} different mails", about.len()));
        }
    }
}
