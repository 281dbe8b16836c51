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
use crate::{rig::Rig, shop::Actor};

/// Calls of the command line at a time.
const AT_ONCE: usize = 4;

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

/// How many orders the ERP has, or was given as files: one for each main file, wherever the ERP moved it.
#[must_use]
pub fn in_erp(rig: &Rig, route: Route, id: u64) -> usize {
    if route == Route::Http {
        return rig.accepted(id);
    }
    let key = format!("WEB-{id}");
    let is_main = |name: &str| name.contains(&key) && (name.ends_with(".xml") || name.ends_with(".kfi"));
    let inbox = rig.inbox();
    let folders = [inbox.clone(), inbox.join("Success"), inbox.join("Failure")];
    folders.iter().flat_map(|folder| names(folder)).filter(|name| is_main(name)).count()
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

/// Everything that is wrong, and what was seen of each order, after at most `patience` for what is still owed.
pub async fn judge(rig: &Rig, route: Route, offered: &[u64], patience: Duration) -> (Vec<String>, Vec<Seen>) {
    let until = Instant::now() + patience;
    let mut wrong = Vec::new();
    let listed = rig.ask(&["order", "list", "--limit", "100000"]).await;
    let mut lines: BTreeMap<String, u32> = BTreeMap::new();
    for row in listed.as_array().into_iter().flatten() {
        *lines.entry(row["shop_order_id"].as_str().unwrap_or_default().to_owned()).or_default() += 1;
    }
    let expected: BTreeMap<String, u32> = offered.iter().map(|id| (id.to_string(), 1)).collect();
    if lines != expected {
        wrong.push(format!("each offered order must have one line: {lines:?}"));
    }
    for key in rig.erp.state().doubled() {
        wrong.push(format!("the ERP has {key} twice"));
    }
    if route == Route::File {
        for name in names(&rig.inbox()) {
            if name.starts_with('.') {
                wrong.push(format!("the temporary file {name} was left behind"));
            }
        }
    }
    let mut seen = Vec::new();
    let shown = futures_util::stream::iter(offered.iter().copied().map(async |id| (id, at_rest(rig, id, until).await)));
    let shown: Vec<(u64, Value)> = shown.buffered(AT_ONCE).collect().await;
    for (id, shown) in &shown {
        let state = shown["order"]["state"].as_str().unwrap_or_default().to_owned();
        let erp = in_erp(rig, route, *id);
        one(rig, route, *id, &state, erp, shown, &mut wrong);
        seen.push(Seen { id: *id, state, in_erp: erp });
    }
    mails(rig, offered, &seen, &mut wrong);
    (wrong, seen)
}

fn one(rig: &Rig, route: Route, id: u64, state: &str, in_erp: usize, shown: &Value, wrong: &mut Vec<String>) {
    let order = rig.order(id);
    let because = shown["order"]["because"].as_str().unwrap_or_default();
    let mut complain = |what: String| wrong.push(format!("order {id} ({state}): {what}"));
    if in_erp > 1 {
        complain(format!("the ERP has it {in_erp} times"));
    }
    let status = match state {
        "delivered" => {
            if in_erp != 1 {
                complain(format!("the ERP has it {in_erp} times"));
            }
            if route == Route::Http {
                let accepted = rig.erp.state().orders.into_iter().find(|known| known.key == format!("WEB-{id}"));
                let reference = order.references.get("seller_reference");
                if accepted.as_ref().map(|accepted| &accepted.id) != reference {
                    complain(format!("the shop's reference is {reference:?}, the ERP's id {accepted:?}"));
                }
            }
            if order.stamp_s.is_none() {
                complain("it is not stamped".to_owned());
            }
            "In Progress"
        }
        "failed" | "given_up" => {
            if because.is_empty() {
                complain("nobody is told why".to_owned());
            }
            if state == "failed" && in_erp > 0 {
                complain("the ERP has it".to_owned());
            }
            let attempts = shown["attempts"].as_array().map_or(0, Vec::len);
            if state == "given_up" && attempts == 0 {
                complain("an unknown outcome without an attempt is no evidence".to_owned());
            }
            "On Hold"
        }
        other => {
            complain(format!("it is not at an end: {other}"));
            return;
        }
    };
    if order.status() != status {
        complain(format!("the shop shows {:?}, not {status:?}", order.status()));
    }
    let ours = Actor::orderdock();
    let statuses: Vec<&str> =
        order.history.iter().filter(|change| change.actor == ours).map(|change| change.status.as_str()).collect();
    if statuses.windows(2).any(|two| two[0] == two[1]) {
        complain(format!("a status was written twice: {statuses:?}"));
    }
    let effects = shown["effects"].as_array().cloned().unwrap_or_default();
    let of_kind = |kind: &str, state: &str| {
        effects.iter().filter(|effect| effect["body"]["effect"] == kind && effect["state"] == state).count()
    };
    for effect in &effects {
        if !matches!(effect["state"].as_str(), Some("done" | "not_needed" | "cancelled")) {
            complain(format!("an effect is {}: {effect}", effect["state"]));
        }
    }
    let notes: Vec<&str> =
        order.notes.iter().filter(|note| note.actor == ours).map(|note| note.text.as_str()).collect();
    let distinct: BTreeSet<&str> = notes.iter().copied().collect();
    if notes.len() != of_kind("note", "done") || distinct.len() != notes.len() {
        complain(format!("its notes in the shop are {notes:?}, and {} are recorded", of_kind("note", "done")));
    }
    if shown["passes"].as_array().map_or(0, Vec::len) != 1 {
        complain(format!("it has other passes than the first: {}", shown["passes"]));
    }
}

/// Every order that ended red has a mail, no other one has, and what repeats is seen as one.
fn mails(rig: &Rig, offered: &[u64], seen: &[Seen], wrong: &mut Vec<String>) {
    let caught = rig.mail.mails();
    for id in offered {
        let key = format!("WEB-{id}");
        let about: BTreeSet<String> = caught
            .iter()
            .filter(|mail| mail.raw.contains(&key))
            .map(|mail| mail.header("message-id").unwrap_or_default())
            .collect();
        let red = seen.iter().any(|one| one.id == *id && matches!(one.state.as_str(), "failed" | "given_up"));
        if about.len() != usize::from(red) {
            wrong.push(format!("order {id} has {} different mails", about.len()));
        }
    }
}
