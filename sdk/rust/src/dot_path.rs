//! Finds one value in JSON by a dot path (`object.order_id`, `errors[0].message`, `items.0.id`) or a JSON Pointer
//! (`/errors/0/message`, RFC 6901).
//!
//! Works on the JSON text, so that numbers come back exactly as written: an id of 25 digits and a price of `1.10` lose
//! nothing. (Parsing into [`serde_json::Value`] would make floats of them.)

use std::borrow::Cow;
use std::fmt;

use schemars::JsonSchema;
use serde::de::{DeserializeSeed, Deserializer, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

/// Longest path, in bytes, and most steps.
const LONGEST: usize = 1000;
const MOST_STEPS: usize = 64;

/// A path to one value. Can stand in a plugin's settings: a path that does not read is a settings error.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(with = "String")]
pub struct DotPath {
    text: String,
    steps: Vec<String>,
}

/// Why a text is not a path.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{path}` is not a path to a value: {problem}; expected for example `object.order_id`, `errors[0].message` or `/errors/0/message`"
)]
pub struct DotPathError {
    /// The text.
    pub path: String,
    /// What is wrong.
    pub problem: &'static str,
}

/// The text that was searched is not JSON.
#[derive(Debug, thiserror::Error)]
#[error("the text is not JSON: {0}")]
pub struct NotJson(#[from] serde_json::Error);

impl DotPath {
    /// Reads a path.
    ///
    /// # Errors
    /// When it is empty, has an empty step, an unclosed `[`, or a `~` that RFC 6901 does not know.
    pub fn new(path: impl Into<String>) -> Result<Self, DotPathError> {
        let text = path.into();
        let steps = if text.len() > LONGEST {
            Err("it is too long")
        } else if let Some(pointer) = text.strip_prefix('/') {
            pointer.split('/').map(unescape).collect()
        } else {
            split(&text)
        };
        match steps {
            Ok(steps) if steps.len() > MOST_STEPS => Err("it has too many steps"),
            Ok(steps) => return Ok(Self { text, steps }),
            Err(problem) => Err(problem),
        }
        .map_err(|problem| DotPathError { path: text.chars().take(60).collect(), problem })
    }

    /// The path as written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The value as text: a string's content, a number or a boolean exactly as written, an object or a list as its
    /// JSON text. None for `null` and where there is no such value. The last of repeated names counts.
    ///
    /// # Errors
    /// When `json` is not JSON.
    pub fn find(&self, json: &[u8]) -> Result<Option<String>, NotJson> {
        // A byte order mark is not JSON, but some ERPs send one.
        let json = json.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(json);
        let mut reader = serde_json::Deserializer::from_slice(json);
        let found = Step(&self.steps).deserialize(&mut reader)?;
        reader.end()?;
        found.map_or(Ok(None), |raw| text_of(&raw))
    }

    /// As [`DotPath::find`], with text that is not JSON, and blank strings, as none: for answers of unknown form.
    #[must_use]
    pub fn find_text(&self, json: &[u8]) -> Option<String> {
        self.find(json).ok().flatten().filter(|text| !text.trim().is_empty())
    }
}

fn text_of(raw: &RawValue) -> Result<Option<String>, NotJson> {
    match raw.get() {
        "null" => Ok(None),
        text if text.starts_with('"') => Ok(Some(serde_json::from_str::<String>(text)?)),
        text => Ok(Some(text.to_owned())),
    }
}

/// RFC 6901 section 4: `~1` stands for `/`, then `~0` for `~`.
fn unescape(step: &str) -> Result<String, &'static str> {
    let mut rest = step;
    while let Some((_, after)) = rest.split_once('~') {
        if !after.starts_with(['0', '1']) {
            return Err("`~` must be followed by 0 or 1");
        }
        rest = after;
    }
    Ok(step.replace("~1", "/").replace("~0", "~"))
}

fn split(text: &str) -> Result<Vec<String>, &'static str> {
    let mut steps = Vec::new();
    for part in text.split('.') {
        let (name, mut indexes) = match part.find('[') {
            Some(at) => part.split_at(at),
            None => (part, ""),
        };
        // A list at the top: `[0].id`.
        if !name.is_empty() {
            steps.push(name.to_owned());
        } else if indexes.is_empty() || !steps.is_empty() {
            return Err("a step is empty");
        }
        while !indexes.is_empty() {
            let (index, rest) =
                indexes.strip_prefix('[').and_then(|inner| inner.split_once(']')).ok_or("`[` and `]` do not match")?;
            if index.is_empty() || !index.bytes().all(|byte| byte.is_ascii_digit()) {
                return Err("between `[` and `]` there must be a number");
            }
            steps.push(index.to_owned());
            indexes = rest;
        }
    }
    Ok(steps)
}

impl fmt::Display for DotPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl From<DotPath> for String {
    fn from(path: DotPath) -> Self {
        path.text
    }
}

impl TryFrom<String> for DotPath {
    type Error = DotPathError;
    fn try_from(text: String) -> Result<Self, DotPathError> {
        Self::new(text)
    }
}

impl std::str::FromStr for DotPath {
    type Err = DotPathError;
    fn from_str(text: &str) -> Result<Self, DotPathError> {
        Self::new(text)
    }
}

/// Walks down the remaining steps and skips everything else.
struct Step<'a>(&'a [String]);

type Found = Option<Box<RawValue>>;

impl<'de> DeserializeSeed<'de> for Step<'_> {
    type Value = Found;
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Found, D::Error> {
        match self.0.split_first() {
            None => Box::<RawValue>::deserialize(deserializer).map(Some),
            Some((name, rest)) => deserializer.deserialize_any(Walk { name, rest }),
        }
    }
}

struct Walk<'a> {
    name: &'a str,
    rest: &'a [String],
}

impl<'de> Visitor<'de> for Walk<'_> {
    type Value = Found;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Found, A::Error> {
        let mut found = None;
        while let Some(key) = map.next_key::<Cow<'de, str>>()? {
            if key == self.name {
                found = map.next_value_seed(Step(self.rest))?;
            } else {
                map.next_value::<IgnoredAny>()?;
            }
        }
        Ok(found)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Found, A::Error> {
        // RFC 6901: an index has no leading zero.
        let wanted = self.name.parse::<usize>().ok().filter(|index| index.to_string() == self.name);
        let mut found = None;
        let mut index = 0_usize;
        loop {
            if wanted == Some(index) {
                match list.next_element_seed(Step(self.rest))? {
                    Some(value) => found = value,
                    None => return Ok(found),
                }
            } else if list.next_element::<IgnoredAny>()?.is_none() {
                return Ok(found);
            }
            index = index.checked_add(1).ok_or_else(|| A::Error::custom("the list is too long"))?;
        }
    }

    fn visit_str<E>(self, _: &str) -> Result<Found, E> {
        Ok(None)
    }

    fn visit_bool<E>(self, _: bool) -> Result<Found, E> {
        Ok(None)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Found, E> {
        Ok(None)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Found, E> {
        Ok(None)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Found, E> {
        Ok(None)
    }

    fn visit_unit<E>(self) -> Result<Found, E> {
        Ok(None)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;

    fn find(path: &str, json: &str) -> Option<String> {
        DotPath::new(path).unwrap().find(json.as_bytes()).unwrap()
    }

    #[test]
    fn the_known_forms() {
        let json = r#"{"object":{"order_id":12345678901234567890123,"price":1.10,"ok":true,"none":null,"a.b":"dot"},
                       "errors":[{"message":"first"},{"message":"second \u20ac"}],"message":"hello"}"#;
        assert_eq!(find("object.order_id", json).as_deref(), Some("12345678901234567890123"));
        assert_eq!(find("object.price", json).as_deref(), Some("1.10"));
        assert_eq!(find("object.ok", json).as_deref(), Some("true"));
        assert_eq!(find("object.none", json), None);
        assert_eq!(find("errors[1].message", json).as_deref(), Some("second €"));
        assert_eq!(find("errors.0.message", json).as_deref(), Some("first"));
        assert_eq!(find("/errors/0/message", json).as_deref(), Some("first"));
        assert_eq!(find("/object/a.b", json).as_deref(), Some("dot"));
        assert_eq!(find("errors[0]", json).as_deref(), Some(r#"{"message":"first"}"#));
        assert_eq!(find("errors[2].message", json), None);
        assert_eq!(find("errors[00].message", json), None);
        assert_eq!(find("message.deeper", json), None);
        assert_eq!(find("object.order_id.deeper", json), None);
        assert_eq!(find("[1]", "[1,2.50]").as_deref(), Some("2.50"));
        assert_eq!(find("/a~1b/~0", r#"{"a/b":{"~":-0}}"#).as_deref(), Some("-0"));
    }

    #[test]
    fn what_is_not_json_is_an_error_or_none() {
        let path = DotPath::new("message").unwrap();
        for text in ["", "<html>", "{\"message\":\"cut", "{} trailing", "{\"message\":\"x\"} x"] {
            assert!(path.find(text.as_bytes()).is_err(), "{text}");
            assert_eq!(path.find_text(text.as_bytes()), None);
        }
        assert_eq!(path.find_text(b"\xEF\xBB\xBF{\"message\":\"bom\"}").as_deref(), Some("bom"));
        assert_eq!(path.find_text(b"{\"message\":\"  \"}"), None);
    }

    #[test]
    fn bad_paths_say_why() {
        for path in ["", ".", "a..b", "a[", "a[x]", "a[0", "a]0[", "/~2", "a[0]b", "a.[0]", &"a.".repeat(600)] {
            assert!(DotPath::new(path).is_err(), "{path}");
        }
    }

    fn tree() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            any::<i64>().prop_map(|number| json!(number)),
            any::<bool>().prop_map(|value| json!(value)),
            "[a-c~/ é\"]{0,4}".prop_map(|text| json!(text)),
        ];
        leaf.prop_recursive(4, 40, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::Array),
                prop::collection::vec(("[a-c0-2~/]{1,2}", inner), 0..4)
                    .prop_map(|pairs| Value::Object(pairs.into_iter().collect())),
            ]
        })
    }

    proptest! {
        /// The library's own pointer look-up is the model.
        #[test]
        fn pointers_agree_with_the_library(tree in tree(), pointer in "(/([a-c0-2]|~0|~1){1,2}){1,4}") {
            let expected = tree.pointer(&pointer).map(|value| match value {
                Value::String(text) => text.clone(),
                other => other.to_string(),
            });
            prop_assert_eq!(find(&pointer, &tree.to_string()), expected);
        }

        #[test]
        fn every_integer_survives(digits in "-?[1-9][0-9]{0,60}") {
            prop_assert_eq!(find("id", &format!("{{\"id\": {digits} }}")), Some(digits));
        }

        #[test]
        fn nothing_panics(path in "\\PC{0,20}", json in "\\PC{0,40}") {
            if let Ok(path) = DotPath::new(path) {
                let _ = path.find(json.as_bytes());
            }
        }
    }
}
