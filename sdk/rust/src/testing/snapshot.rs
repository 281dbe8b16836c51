//! What a mapping gave, in the form in which a case keeps it: `expected.json` and the bytes below `expected/`.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use crate::{Delivery, DeliveryContent, File, Rejection, Segment};

/// What a mapping gave, ready to be compared or stored.
#[derive(Clone, Debug, PartialEq)]
pub struct Snapshot {
    /// Content of `expected.json`.
    pub expected: Value,
    /// Files below `expected/`: name → bytes.
    pub files: BTreeMap<String, Vec<u8>>,
}

impl Snapshot {
    /// Takes a snapshot of a mapping's result.
    ///
    /// # Errors
    /// When two files of the delivery have one name, or a name is not a plain file name.
    pub fn of(result: &Result<Delivery, Rejection>) -> Result<Self, String> {
        let mut files = BTreeMap::new();
        let expected = match result {
            Err(rejection) => json!({ "rejected": value(rejection)? }),
            Ok(delivery) => json!({ "delivery": take_bytes(delivery.clone(), &mut files)? }),
        };
        Ok(Self { expected, files })
    }
}

fn value<T: serde::Serialize>(of: &T) -> Result<Value, String> {
    serde_json::to_value(of).map_err(|error| error.to_string())
}

/// Moves bodies and contents into files and leaves their names.
fn take_bytes(mut delivery: Delivery, files: &mut BTreeMap<String, Vec<u8>>) -> Result<Value, String> {
    let mut places: Vec<(String, Value)> = Vec::new();
    match &mut delivery.content {
        DeliveryContent::Http(http) => {
            if !http.body.is_empty() {
                let name = body_name(http.content_type.as_deref());
                let secrets = store(name, &std::mem::take(&mut http.body), files)?;
                let place = if secrets.is_empty() { json!(name) } else { json!({ "file": name, "secrets": secrets }) };
                places.push(("/http/body".to_owned(), place));
            }
        }
        DeliveryContent::Files(set) => {
            for (index, file) in set.files.iter_mut().enumerate() {
                places.push((format!("/files/files/{index}/content"), store_file(file, files)?));
            }
            if let Some(trigger) = &mut set.trigger {
                places.push(("/files/trigger/content".to_owned(), store_file(trigger, files)?));
            }
        }
    }
    let mut form = value(&delivery)?;
    for (pointer, place) in places {
        let Some((parent, name)) = pointer.rsplit_once('/') else { continue };
        if let Some(Value::Object(parent)) = form.pointer_mut(parent) {
            put(parent, name, place);
        }
    }
    Ok(form)
}

/// The content's place is taken by the list of its secrets; a file without any needs no word besides its name.
fn store_file(file: &mut File, files: &mut BTreeMap<String, Vec<u8>>) -> Result<Value, String> {
    let secrets = store(&file.name, &std::mem::take(&mut file.content), files)?;
    Ok(if secrets.is_empty() { Value::Null } else { json!({ "secrets": secrets }) })
}

fn put(parent: &mut Map<String, Value>, name: &str, place: Value) {
    if place.is_null() {
        parent.remove(name);
    } else {
        parent.insert(name.to_owned(), place);
    }
}

fn store(name: &str, content: &[Segment], files: &mut BTreeMap<String, Vec<u8>>) -> Result<Vec<Value>, String> {
    if name.is_empty() || name.starts_with('.') || name.contains(['/', '\\', ':', '\0']) {
        return Err(format!("`{name}` is not a plain file name"));
    }
    let mut bytes = Vec::new();
    let mut secrets = Vec::new();
    for segment in content {
        match segment {
            Segment::Bytes(more) => bytes.extend_from_slice(more),
            Segment::Secret(secret) => {
                secrets.push(json!({ "at": bytes.len(), "slot": secret.slot, "encode": value(&secret.encode)? }));
            }
        }
    }
    if files.insert(name.to_owned(), bytes).is_some() {
        return Err(format!("two files of the delivery are named `{name}`"));
    }
    Ok(secrets)
}

fn body_name(content_type: Option<&str>) -> &'static str {
    let content_type = content_type.unwrap_or_default();
    if content_type.contains("json") {
        "body.json"
    } else if content_type.contains("xml") {
        "body.xml"
    } else if content_type.starts_with("text/") || content_type.contains("urlencoded") {
        "body.txt"
    } else {
        "body.bin"
    }
}
