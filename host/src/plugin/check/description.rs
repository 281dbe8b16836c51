//! Descriptions.

use std::collections::HashSet;

use super::{
    Found,
    text::{self, shown},
};
use crate::{
    domain::call::{Description, NamedNeed, Purpose},
    plugin::{contract::RawDescription, schema},
};

/// Longest name in bytes.
const NAME_BYTES: usize = 64;
/// Longest paragraph in bytes.
const HELP_BYTES: usize = 16 * 1024;
/// Largest schema in bytes.
const SCHEMA_BYTES: usize = 256 * 1024;

/// Checks a description and reads its schema.
///
/// # Errors
/// Every problem, with its place.
pub(in crate::plugin) fn description(raw: RawDescription) -> Result<Description, Vec<String>> {
    let mut found = Found::default();
    name(&mut found, &raw.name);
    if !is_semver(&raw.version) {
        let message = format!("{} is not a version of the form 1.2.3 (SemVer 2.0)", shown(&raw.version));
        found.add("description.version", message);
    }
    for (place, text) in [("description.publisher", &raw.publisher), ("description.erp", &raw.erp)] {
        if text.trim().is_empty() {
            found.add(place, "is empty");
        } else if text.len() > 200 || text.chars().any(char::is_control) {
            found.add(place, "is longer than 200 bytes or has a control character");
        }
    }
    if raw.help.len() > HELP_BYTES {
        found.add("description.help", format_args!("has {} bytes; at most {HELP_BYTES}", raw.help.len()));
    }
    if !raw.purposes.contains(&Purpose::Create) {
        found.add("description.purposes", "`create` is missing; every plugin can bring a new order");
    }
    if raw.deliveries.is_empty() {
        found.add("description.deliveries", "is empty; say `http` or `files`");
    }
    for (place, needs) in [
        ("description.secrets", &raw.secrets),
        ("description.tables", &raw.tables),
        ("description.folders", &raw.folders),
    ] {
        check_needs(&mut found, place, needs);
    }
    let settings_schema = read_schema(&mut found, &raw.settings_schema);
    found.end(Description {
        name: raw.name,
        version: raw.version,
        publisher: raw.publisher,
        erp: raw.erp,
        help: raw.help,
        settings_schema,
        purposes: raw.purposes,
        deliveries: raw.deliveries,
        secrets: raw.secrets,
        tables: raw.tables,
        folders: raw.folders,
    })
}

fn name(found: &mut Found, name: &str) {
    let good = |c: char| c.is_ascii_alphanumeric() || c == '-';
    if name.is_empty()
        || name.len() > NAME_BYTES
        || !name.chars().all(good)
        || name.starts_with('-')
        || name.ends_with('-')
    {
        let message = format!("{} is not a name: 1 to {NAME_BYTES} letters, digits and inner `-` are due", shown(name));
        found.add("description.name", message);
    }
}

fn check_needs(found: &mut Found, place: &str, needs: &[NamedNeed]) {
    let mut names = HashSet::new();
    for (index, need) in needs.iter().enumerate() {
        let place = format!("{place}[{index}]");
        found.check(&format!("{place}.name"), text::slot(&need.name));
        found.sentence(&format!("{place}.help"), &need.help);
        if !names.insert(need.name.as_str()) {
            found.add(&format!("{place}.name"), format_args!("{} is there twice", shown(&need.name)));
        }
    }
}

fn read_schema(found: &mut Found, text: &str) -> serde_json::Value {
    let place = "description.settings-schema";
    if text.len() > SCHEMA_BYTES {
        found.add(place, format_args!("has {} bytes; at most {SCHEMA_BYTES}", text.len()));
        return serde_json::Value::Null;
    }
    match serde_json::from_str::<serde_json::Value>(text) {
        Err(error) => {
            found.add(place, format_args!("is not JSON: {error}"));
            serde_json::Value::Null
        }
        Ok(schema) => {
            for problem in schema::check(&schema) {
                found.add(place, problem);
            }
            schema
        }
    }
}

/// SemVer 2.0, section 2, 9 and 10.
fn is_semver(text: &str) -> bool {
    let (rest, build) = text.split_once('+').map_or((text, None), |(rest, build)| (rest, Some(build)));
    let (core, pre) = rest.split_once('-').map_or((rest, None), |(core, pre)| (core, Some(pre)));
    let number = |text: &str| {
        !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit()) && (text == "0" || !text.starts_with('0'))
    };
    let word = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
    let pre_word = |text: &str| word(text) && (!text.bytes().all(|b| b.is_ascii_digit()) || number(text));
    text.len() <= NAME_BYTES
        && core.split('.').count() == 3
        && core.split('.').all(number)
        && pre.is_none_or(|pre| pre.split('.').all(pre_word))
        && build.is_none_or(|build| build.split('.').all(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_follow_semver() {
        for good in ["0.1.0", "1.4.0", "1.0.0-rc.1", "1.0.0+build.7", "1.0.0-a-b+c-d"] {
            assert!(is_semver(good), "{good}");
        }
        for bad in ["", "1", "1.0", "1.0.0.0", "01.0.0", "1.0.0-", "1.0.0-01", "v1.0.0", "1.0.x", "1.0.0+"] {
            assert!(!is_semver(bad), "{bad}");
        }
    }

    #[test]
    fn all_problems_come_at_once() {
        let raw = RawDescription {
            name: "my plugin".to_owned(),
            version: "one".to_owned(),
            publisher: String::new(),
            erp: "ERP".to_owned(),
            help: String::new(),
            settings_schema: r#"{"type": "objet"}"#.to_owned(),
            purposes: vec![Purpose::LookUp],
            deliveries: Vec::new(),
            secrets: vec![NamedNeed { name: "a b".to_owned(), help: String::new(), required: true }],
            tables: Vec::new(),
            folders: Vec::new(),
        };
        let problems = description(raw).unwrap_err();
        assert_eq!(problems.len(), 7, "{problems:#?}");
    }
}
