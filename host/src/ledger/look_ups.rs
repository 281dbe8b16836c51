//! What a plugin looked up for an order, and what to add to which file where it found nothing. Pure: it reads only what the
//! ledger reported.

use std::fmt::Write as _;

use serde::{Deserialize, Serialize};

use super::reports::OrderDetail;
use crate::domain::pass::PassState;

/// One question to a look-up table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LookUp {
    /// Table.
    pub table: String,
    /// Key.
    pub key: String,
    /// What was found.
    pub value: Option<String>,
    /// What the key stands for, where the plugin said that it can't go on without an entry.
    #[serde(default)]
    pub missed: Option<String>,
}

/// A code that a table lacks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct MissingCode {
    /// The table.
    pub table: String,
    /// The key that it lacks.
    pub key: String,
    /// What the key stands for, if the plugin said so.
    pub what: Option<String>,
    /// The connection whose table it is.
    pub connection: String,
    /// The file that the connection was applied from last, if that is known.
    pub file: Option<String>,
}

/// What the last mapping of an order looked up; each question once.
#[must_use]
pub fn of_last_mapping(detail: &OrderDetail) -> Vec<LookUp> {
    let Some(last) = detail.passes.last() else { return Vec::new() };
    let tries = detail.attempts.iter().rev().filter(|attempt| attempt.pass == last.pass);
    let evidence = last.evidence.as_ref().or_else(|| tries.filter_map(|attempt| attempt.mapping.as_ref()).next());
    let asked = evidence.and_then(|evidence| evidence.get("look_ups"));
    let asked: Vec<LookUp> = asked.and_then(|list| Deserialize::deserialize(list).ok()).unwrap_or_default();
    let mut once: Vec<LookUp> = Vec::new();
    for look_up in asked {
        if !once.contains(&look_up) {
            once.push(look_up);
        }
    }
    once
}

/// The codes whose absence may be why an order failed: none where it did not.
#[must_use]
pub fn missing(detail: &OrderDetail, file: Option<&str>) -> Vec<MissingCode> {
    if detail.order.state != Some(PassState::Failed) {
        return Vec::new();
    }
    let mut absent = of_last_mapping(detail);
    absent.retain(|look_up| look_up.value.is_none());
    // A plugin may look for what need not be there. Where it says what it can't do without, that is what is missing.
    if absent.iter().any(|look_up| look_up.missed.is_some()) {
        absent.retain(|look_up| look_up.missed.is_some());
    }
    absent
        .into_iter()
        .map(|LookUp { table, key, missed, .. }| MissingCode {
            table,
            key,
            what: missed,
            connection: detail.order.connection_name.clone(),
            file: file.map(ToOwned::to_owned),
        })
        .collect()
}

/// What to add to the connection's file, as it stands there: a head for each table, a line for each key.
#[must_use]
pub fn lines_to_add(missing: &[MissingCode]) -> Vec<String> {
    let mut lines = Vec::new();
    let mut tables: Vec<&str> = missing.iter().map(|code| code.table.as_str()).collect();
    tables.sort_unstable();
    tables.dedup();
    for table in tables {
        let bare = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
        let name = if !table.is_empty() && table.chars().all(bare) { table.to_owned() } else { quoted(table) };
        lines.push(format!("[tables.{name}]"));
        for code in missing.iter().filter(|code| code.table == table) {
            lines.push(format!("{} = \"…\"", quoted(&code.key)));
        }
    }
    lines
}

/// A basic string (TOML 1.0).
fn quoted(text: &str) -> String {
    let mut quoted = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => quoted.extend(['\\', c]),
            '\n' => quoted.push_str("\\n"),
            '\t' => quoted.push_str("\\t"),
            '\r' => quoted.push_str("\\r"),
            c if c.is_control() => {
                // Writing to a text does not fail.
                let _ = write!(quoted, "\\u{:04X}", u32::from(c));
            }
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_to_be_added_is_good_toml() {
        let code = |table: &str, key: &str| MissingCode {
            table: table.into(),
            key: key.into(),
            what: None,
            connection: "acme".into(),
            file: None,
        };
        let missing = [code("shipping", "Express \"24\""), code("tax codes", "DE\\19\u{7}"), code("shipping", "Post")];
        let lines = lines_to_add(&missing);
        assert_eq!(lines.iter().filter(|line| line.starts_with('[')).count(), 2, "{lines:?}");
        let read: toml::Value = toml::from_str(&lines.join("\n")).unwrap();
        assert_eq!(read["tables"]["shipping"]["Express \"24\""].as_str(), Some("…"));
        assert_eq!(read["tables"]["shipping"]["Post"].as_str(), Some("…"));
        assert_eq!(read["tables"]["tax codes"]["DE\\19\u{7}"].as_str(), Some("…"));
    }
}
