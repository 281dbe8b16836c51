//! Reading JSON into a type with *all* problems, not only the first.
//!
//! serde stops at the first thing that is wrong. Here that thing is noted with its path, put right with a stand-in, and the
//! reading begins again, until nothing is wrong or nothing helps.

use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use serde_path_to_error::{Path, Segment};

use super::problem::Problem;

/// Problems beyond this are not looked for: each costs a reading of the whole.
const MOST_PROBLEMS: usize = 30;

/// What was read.
#[derive(Debug)]
pub struct Read<T> {
    /// The value; where there are problems, with stand-ins. None where even those did not help.
    pub value: Option<T>,
    /// Everything that is wrong.
    pub problems: Vec<Problem>,
}

/// Reads a value. Places are paths with `prefix` before them.
#[must_use]
pub fn read_all<T: DeserializeOwned>(mut from: Value, prefix: &str) -> Read<T> {
    let mut problems = Vec::new();
    loop {
        let error = match serde_path_to_error::deserialize::<_, T>(&from) {
            Ok(value) => return Read { value: Some(value), problems },
            Err(error) => error,
        };
        let message = error.inner().to_string();
        let (path, fault) = locate(error.path(), &message);
        problems.push(Problem::new(place(prefix, &path), sentence(&message)));
        if problems.len() >= MOST_PROBLEMS || !mend::<T>(&mut from, &path, fault) {
            return Read { value: None, problems };
        }
    }
}

#[derive(Clone, Copy, PartialEq)]
enum Fault {
    Unknown,
    Missing,
    Wrong,
}

/// One step into a value.
#[derive(Clone, Debug, PartialEq)]
enum Step {
    Field(String),
    Item(usize),
}

/// The path of the field that is wrong, which for unknown and missing fields is named by the message only.
fn locate(path: &Path, message: &str) -> (Vec<Step>, Fault) {
    let mut steps: Vec<Step> = path
        .iter()
        .filter_map(|segment| match segment {
            Segment::Seq { index } => Some(Step::Item(*index)),
            Segment::Map { key } => Some(Step::Field(key.clone())),
            Segment::Enum { .. } | Segment::Unknown => None,
        })
        .collect();
    let named =
        |start: &str| message.strip_prefix(start)?.split_once('`').map(|(name, _)| Step::Field(name.to_owned()));
    let (field, fault) = match (named("unknown field `"), named("missing field `")) {
        (Some(field), _) => (Some(field), Fault::Unknown),
        (_, Some(field)) => (Some(field), Fault::Missing),
        _ => (None, Fault::Wrong),
    };
    if let Some(field) = field
        && (fault == Fault::Missing || steps.last() != Some(&field))
    {
        steps.push(field);
    }
    (steps, fault)
}

fn place(prefix: &str, path: &[Step]) -> String {
    let mut place = prefix.to_owned();
    for step in path {
        match step {
            Step::Field(name) => {
                if !place.is_empty() {
                    place.push('.');
                }
                place.push_str(name);
            }
            Step::Item(index) => place.push_str(&format!("[{index}]")),
        }
    }
    place
}

/// serde's words without the name, which is in the place already.
fn sentence(message: &str) -> String {
    if message.starts_with("missing field") {
        return "is missing".to_owned();
    }
    match message.strip_prefix("unknown field `").and_then(|rest| rest.split_once('`')) {
        Some((_, rest)) => {
            let known = rest.trim_start_matches(", ").trim();
            if known.is_empty() { "is not known here".to_owned() } else { format!("is not known here; {known}") }
        }
        None => message.to_owned(),
    }
}

/// Puts one fault right. False when nothing helps.
fn mend<T: DeserializeOwned>(from: &mut Value, path: &[Step], fault: Fault) -> bool {
    let Some((Step::Field(name), parent)) = path.split_last() else {
        return fault == Fault::Wrong && !path.is_empty() && replace::<T>(from, path);
    };
    match fault {
        Fault::Unknown => {
            at(from, parent).and_then(Value::as_object_mut).and_then(|object| object.remove(name)).is_some()
        }
        Fault::Missing => match at(from, parent).and_then(Value::as_object_mut) {
            Some(object) => {
                object.insert(name.clone(), Value::Null);
                replace::<T>(from, path)
            }
            None => false,
        },
        Fault::Wrong => replace::<T>(from, path),
    }
}

/// Tries stand-ins until the reading gets past this place.
fn replace<T: DeserializeOwned>(from: &mut Value, path: &[Step]) -> bool {
    let stand_ins = [
        json!(null),
        json!("0"),
        json!("1970-01-01T00:00:00Z"),
        json!([]),
        json!({}),
        json!(1),
        json!(false),
        json!("unknown"),
        json!("other"),
        json!({"gross": "0"}),
        json!({"id": "0", "quantity": "0"}),
        json!({"amount": "0", "when": "1970-01-01T00:00:00Z"}),
        json!(["", ""]),
    ];
    for stand_in in stand_ins {
        match at(from, path) {
            Some(slot) => *slot = stand_in,
            None => return false,
        }
        let Err(error) = serde_path_to_error::deserialize::<_, T>(&*from) else { return true };
        let (next, _) = locate(error.path(), &error.inner().to_string());
        // Past this place: the next fault is neither here nor inside.
        if !next.starts_with(path) && !path.starts_with(&next) {
            return true;
        }
    }
    false
}

fn at<'a>(from: &'a mut Value, path: &[Step]) -> Option<&'a mut Value> {
    path.iter().try_fold(from, |value, step| match step {
        Step::Field(name) => value.get_mut(name),
        Step::Item(index) => value.get_mut(index),
    })
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "only read")]
    struct Outer {
        name: String,
        inner: Vec<Inner>,
        #[serde(default)]
        count: u32,
    }

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "only read")]
    struct Inner {
        amount: crate::domain::Decimal,
        when: crate::domain::Instant,
    }

    #[test]
    fn every_problem_is_told_once() {
        let from = json!({
            "nam": 1, "count": -4,
            "inner": [{"amount": 12.5, "when": "soon"}, {"amount": "1"}, 7, {"amount": "1e5", "when": "2026-01-01T00:00:00Z", "x": 1}],
        });
        let read = read_all::<Outer>(from, "order");
        let mut places: Vec<_> = read.problems.iter().map(|problem| problem.place.as_str()).collect();
        places.sort_unstable();
        assert_eq!(
            places,
            [
                "order.count",
                "order.inner[0].amount",
                "order.inner[0].when",
                "order.inner[1].when",
                "order.inner[2]",
                "order.inner[3].amount",
                "order.inner[3].x",
                "order.nam",
                "order.name"
            ]
        );
    }

    #[test]
    fn what_is_right_is_read() {
        let read = read_all::<Outer>(json!({"name": "a", "inner": []}), "");
        assert!(read.problems.is_empty() && read.value.is_some());
        assert!(!read_all::<Outer>(json!(3), "").problems.is_empty());
    }
}
