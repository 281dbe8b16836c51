//! A table that another room reads: its value as JSON, and the place of each key, so that problems found there can
//! still name file and line.

use std::{collections::BTreeMap, ops::Range};

use serde::{Deserialize, Serialize};
use serde_json::Value;
use toml::de::{DeTable, DeValue};

use super::reader::{Document, integer};
use crate::domain::problem::Problem;

/// Settings whose meaning config does not know. Stored as the bare JSON; places are known only while a file is read.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Opaque {
    /// The settings: always a JSON object.
    pub value: serde_json::Map<String, Value>,
    #[serde(skip)]
    places: BTreeMap<String, String>,
    #[serde(skip)]
    own: String,
}

/// Two are equal when their values are; where they stood in a file does not matter, nor the order of keys.
impl PartialEq for Opaque {
    fn eq(&self, other: &Self) -> bool {
        self.value == other.value
    }
}

impl Opaque {
    /// From JSON alone, without places.
    #[must_use]
    pub fn from_value(value: serde_json::Map<String, Value>) -> Self {
        Self { value, ..Self::default() }
    }

    /// The value as JSON.
    #[must_use]
    pub fn to_json(&self) -> Value {
        Value::Object(self.value.clone())
    }

    /// Where `path` (`retry.codes[2]` or the JSON pointer `/retry/codes/2`) stands, or the nearest table around it.
    #[must_use]
    pub fn place_of(&self, path: &str) -> String {
        let mut path = dotted(path);
        loop {
            if let Some(place) = self.places.get(&path) {
                return place.clone();
            }
            match path.rfind(['.', '[']) {
                Some(at) => path.truncate(at),
                None => return self.own.clone(),
            }
        }
    }

    /// The problem with its place in the file put before: `place` is a path inside these settings.
    #[must_use]
    pub fn locate(&self, problem: Problem) -> Problem {
        let place = self.place_of(&problem.place);
        let inside = dotted(&problem.place);
        let place = match (place.is_empty(), place.ends_with(&inside)) {
            (true, _) => inside,
            (false, true) => place,
            (false, false) => format!("{place}: {inside}"),
        };
        Problem { place, ..problem }
    }

    pub(super) fn read(document: &Document<'_>, table: Option<&DeTable<'_>>, path: &str, span: &Range<usize>) -> Self {
        let mut opaque = Self { own: document.place(span, path), ..Self::default() };
        if let Some(table) = table {
            opaque.value = opaque.object(document, table, path, "");
        }
        opaque
    }

    fn object(
        &mut self,
        document: &Document<'_>,
        table: &DeTable<'_>,
        whole: &str,
        inside: &str,
    ) -> serde_json::Map<String, Value> {
        let mut object = serde_json::Map::new();
        for (name, value) in table {
            let key = name.get_ref().to_string();
            let below = if inside.is_empty() { key.clone() } else { format!("{inside}.{key}") };
            let path = if whole.is_empty() { key.clone() } else { format!("{whole}.{key}") };
            self.places.insert(below.clone(), document.place(&value.span(), &path));
            let value = self.json(document, value.get_ref(), &value.span(), &path, &below);
            object.insert(key, value);
        }
        object
    }

    fn json(
        &mut self,
        document: &Document<'_>,
        value: &DeValue<'_>,
        span: &Range<usize>,
        whole: &str,
        inside: &str,
    ) -> Value {
        match value {
            DeValue::String(text) => Value::String(text.to_string()),
            DeValue::Boolean(flag) => Value::Bool(*flag),
            DeValue::Datetime(moment) => Value::String(moment.to_string()),
            DeValue::Integer(number) => integer(number).map(Value::from).unwrap_or_else(|| {
                document.note(span, whole, "is a number that is too large", Some("put it in quotes".into()));
                Value::Null
            }),
            DeValue::Float(number) => {
                let number = number.as_str().parse().ok().and_then(serde_json::Number::from_f64);
                number.map(Value::Number).unwrap_or_else(|| {
                    document.note(span, whole, "is not a number that JSON knows", None);
                    Value::Null
                })
            }
            DeValue::Array(items) => {
                let mut list = Vec::new();
                for (at, item) in items.iter().enumerate() {
                    let (whole, inside) = (format!("{whole}[{at}]"), format!("{inside}[{at}]"));
                    self.places.insert(inside.clone(), document.place(&item.span(), &whole));
                    list.push(self.json(document, item.get_ref(), &item.span(), &whole, &inside));
                }
                Value::Array(list)
            }
            DeValue::Table(table) => Value::Object(self.object(document, table, whole, inside)),
        }
    }
}

/// A JSON pointer as a dotted path; a dotted path as it is.
fn dotted(path: &str) -> String {
    let Some(pointer) = path.strip_prefix('/') else { return path.to_owned() };
    let mut out = String::new();
    for part in pointer.split('/') {
        let part = part.replace("~1", "/").replace("~0", "~");
        if !part.is_empty() && part.chars().all(|c| c.is_ascii_digit()) {
            out.push_str(&format!("[{part}]"));
        } else {
            if !out.is_empty() {
                out.push('.');
            }
            out.push_str(&part);
        }
    }
    out
}
