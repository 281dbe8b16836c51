//! Runs every case of a folder through a [`Mapper`] and compares, or blesses.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use serde::{Deserialize, Serialize};
use serde_json::{Value, value::RawValue};

use super::case::{self, Case};
use super::diff;
use super::json_text;
use super::mapper::Mapper;
use super::snapshot::Snapshot;
use crate::{Description, Purpose};

/// Whether a run compares or stores.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// What came must be what the cases expect.
    Compare,
    /// What came becomes what the cases expect.
    Bless,
}

/// Runs every case below `folder`. The result has one text per problem, and is empty when all is well.
pub fn run(mapper: &mut dyn Mapper, folder: &Path, mode: Mode) -> Vec<String> {
    let mut problems = Vec::new();
    match mapper.describe() {
        Ok(description) => {
            problems.extend(check_description(&description).into_iter().map(|text| format!("describe: {text}")))
        }
        Err(text) => problems.push(format!("describe: {text}")),
    }
    match case::list(folder) {
        Err(text) => problems.push(text),
        Ok(cases) => {
            for path in cases {
                let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
                let found = match Case::load(&path) {
                    Ok(case) => run_case(mapper, &case, mode),
                    Err(text) => vec![text],
                };
                problems.extend(found.into_iter().map(|text| format!("case {name}: {text}")));
            }
        }
    }
    problems
}

/// Runs one case. The result has one text per problem.
pub fn run_case(mapper: &mut dyn Mapper, case: &Case, mode: Mode) -> Vec<String> {
    let mut problems = Vec::new();
    let mapped = match mapper.map_order(&case.order, &case.context, &case.tables) {
        Ok(mapped) => mapped,
        Err(text) => return vec![format!("map_order: {text}")],
    };
    match mapper.map_order(&case.order, &case.context, &case.tables) {
        Ok(again) if again == mapped => {}
        _ => problems.push(
            "map_order gave something else when called again: no clocks, no randomness, no HashMap order".to_owned(),
        ),
    }
    match Snapshot::of(&mapped) {
        Err(text) => problems.push(text),
        Ok(snapshot) if mode == Mode::Bless => problems.extend(bless(&case.folder, &snapshot).err()),
        Ok(snapshot) => problems.extend(compare(&case.folder, &snapshot)),
    }
    let state = mapped.map(|delivery| delivery.state).unwrap_or_default();
    for answer in &case.answers {
        let name = answer.path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let state = answer.state.as_ref().unwrap_or(&state);
        let came = mapper
            .parse_response(&case.order, &answer.context, &answer.tables, state, &answer.response)
            .and_then(|verdict| serde_json::to_value(verdict).map_err(|error| error.to_string()));
        match came {
            Err(text) => problems.push(format!("{name}: parse_response: {text}")),
            Ok(came) if mode == Mode::Bless => problems.extend(bless_verdict(&answer.path, came).err()),
            Ok(came) if came == answer.verdict => {}
            Ok(came) if answer.verdict.is_null() => {
                problems
                    .push(format!("{name}: expects no verdict yet; this came\n{}", diff::lines("", &pretty(&came))));
            }
            Ok(came) => problems
                .push(format!("{name}: another verdict\n{}", diff::lines(&pretty(&answer.verdict), &pretty(&came)))),
        }
    }
    problems
}

fn check_description(description: &Description) -> Vec<String> {
    let mut problems = Vec::new();
    let plain = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    if !plain(&description.name) {
        problems.push(format!("the name `{}` may have letters, digits and `-` only", description.name));
    }
    if description.version.split('.').count() < 3 {
        problems.push(format!("the version `{}` is not SemVer, for example `1.4.0`", description.version));
    }
    if !description.purposes.contains(&Purpose::Create) {
        problems.push("purposes must contain create".to_owned());
    }
    if description.deliveries.is_empty() {
        problems.push("deliveries must say which kinds the plugin makes".to_owned());
    }
    if serde_json::from_str::<serde_json::Map<String, Value>>(&description.settings_schema).is_err() {
        problems.push("settings_schema is not a JSON object".to_owned());
    }
    problems
}

fn compare(folder: &Path, came: &Snapshot) -> Vec<String> {
    let mut problems = Vec::new();
    let path = folder.join("expected.json");
    if !path.exists() {
        let mut text =
            format!("expected.json is missing; keep what came if it is right (bless):\n{}", pretty(&came.expected));
        for (name, bytes) in &came.files {
            text.push_str(&format!("      expected/{name} would have {} bytes\n", bytes.len()));
        }
        return vec![text];
    }
    let expected: Value = match case::read_json(&path) {
        Ok(expected) => expected,
        Err(text) => return vec![text],
    };
    if expected != came.expected {
        problems.push(format!("expected.json\n{}", diff::lines(&pretty(&expected), &pretty(&came.expected))));
    }
    let kept = match kept_files(folder) {
        Ok(kept) => kept,
        Err(text) => return vec![text],
    };
    for (name, bytes) in &came.files {
        match kept.get(name) {
            None => problems.push(format!("expected/{name} is missing")),
            Some(old) if old != bytes => problems.push(format!("expected/{name}\n{}", diff::bytes(old, bytes))),
            Some(_) => {}
        }
    }
    for name in kept.keys().filter(|name| !came.files.contains_key(*name)) {
        problems.push(format!("expected/{name} was not made"));
    }
    problems
}

fn kept_files(folder: &Path) -> Result<BTreeMap<String, Vec<u8>>, String> {
    let folder = folder.join("expected");
    let mut files = BTreeMap::new();
    if !folder.exists() {
        return Ok(files);
    }
    let problem = |error: std::io::Error| format!("{}: {error}", folder.display());
    for entry in fs::read_dir(&folder).map_err(problem)? {
        let entry = entry.map_err(problem)?;
        files.insert(entry.file_name().to_string_lossy().into_owned(), fs::read(entry.path()).map_err(problem)?);
    }
    Ok(files)
}

fn bless(folder: &Path, came: &Snapshot) -> Result<(), String> {
    let problem = |error: std::io::Error| format!("{}: {error}", folder.display());
    for name in kept_files(folder)?.keys().filter(|name| !came.files.contains_key(*name)) {
        fs::remove_file(folder.join("expected").join(name)).map_err(problem)?;
    }
    if came.files.is_empty() {
        let _ = fs::remove_dir(folder.join("expected"));
    } else {
        fs::create_dir_all(folder.join("expected")).map_err(problem)?;
    }
    for (name, bytes) in &came.files {
        fs::write(folder.join("expected").join(name), bytes).map_err(problem)?;
    }
    fs::write(folder.join("expected.json"), pretty(&came.expected)).map_err(problem)
}

fn bless_verdict(path: &Path, came: Value) -> Result<(), String> {
    let problem = |error: String| format!("{}: {error}", path.display());
    let text = fs::read_to_string(path).map_err(|error| problem(error.to_string()))?;
    let given: Given<'_> = serde_json::from_str(&text).map_err(|error| problem(error.to_string()))?;
    let came = serde_json::value::to_raw_value(&came).map_err(|error| problem(error.to_string()))?;
    let form = Given { verdict: Some(&came), ..given };
    let form = serde_json::to_string(&form).map_err(|error| problem(error.to_string()))?;
    fs::write(path, json_text::pretty(&form) + "\n").map_err(|error| problem(error.to_string()))
}

/// An answer's file, whose own words stay as they were written.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Given<'a> {
    #[serde(borrow)]
    response: &'a RawValue,
    #[serde(default, borrow, skip_serializing_if = "Option::is_none")]
    state: Option<&'a RawValue>,
    #[serde(default, borrow, skip_serializing_if = "Option::is_none")]
    context: Option<&'a RawValue>,
    #[serde(default, borrow, skip_serializing_if = "Option::is_none")]
    verdict: Option<&'a RawValue>,
}

fn pretty(value: &Value) -> String {
    format!("{value:#}\n")
}
