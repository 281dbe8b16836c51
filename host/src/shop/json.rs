//! A shop's JSON as it was served: slices of text instead of trees, so that numbers never pass through a float and an
//! order's own text can be kept byte for byte.
//!
//! Shops serve texts that strict readers refuse whole: lone surrogates in `\u` escapes, raw control characters inside
//! strings, a byte order mark, bytes that are not UTF-8. One such text must not hide a whole page of orders, so it is
//! read here, with U+FFFD where nothing was meant.

use std::{borrow::Cow, cell::OnceCell, fmt};

use serde::{
    Deserialize, Deserializer,
    de::{MapAccess, Visitor},
};
use serde_json::value::RawValue;

/// A text that may hold what Unicode does not allow. Borrowed where it stands in the JSON as it is.
struct Lossy<'a>(Cow<'a, str>);

impl<'de> Deserialize<'de> for Lossy<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Bytes;
        impl<'de> Visitor<'de> for Bytes {
            type Value = Lossy<'de>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a text")
            }
            fn visit_borrowed_bytes<E>(self, bytes: &'de [u8]) -> Result<Lossy<'de>, E> {
                Ok(Lossy(String::from_utf8_lossy(bytes)))
            }
            fn visit_bytes<E>(self, bytes: &[u8]) -> Result<Lossy<'de>, E> {
                Ok(Lossy(Cow::Owned(String::from_utf8_lossy(bytes).into_owned())))
            }
            fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Lossy<'de>, E> {
                Ok(Lossy(Cow::Borrowed(text)))
            }
            fn visit_str<E>(self, text: &str) -> Result<Lossy<'de>, E> {
                Ok(Lossy(Cow::Owned(text.to_owned())))
            }
        }
        // As bytes, serde_json lets lone surrogates through.
        deserializer.deserialize_bytes(Bytes)
    }
}

/// One field.
#[derive(Debug)]
struct Field<'a> {
    name: Cow<'a, str>,
    value: &'a RawValue,
    /// Its own fields, once somebody has asked for one: several paths lead into the same object.
    inner: OnceCell<Option<Box<Fields<'a>>>>,
}

impl<'a> Field<'a> {
    fn inner(&self) -> Option<&Fields<'a>> {
        self.inner.get_or_init(|| Fields::of(self.value).map(Box::new)).as_deref()
    }
}

/// The fields of one JSON object, in their order, values unread.
#[derive(Debug)]
pub(super) struct Fields<'a>(Vec<Field<'a>>);

impl<'de> Deserialize<'de> for Fields<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Object;
        impl<'de> Visitor<'de> for Object {
            type Value = Fields<'de>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Fields<'de>, A::Error> {
                let mut fields = Vec::with_capacity(32);
                while let Some((Lossy(name), value)) = map.next_entry::<Lossy<'de>, &'de RawValue>()? {
                    fields.push(Field { name, value, inner: OnceCell::new() });
                }
                Ok(Fields(fields))
            }
        }
        deserializer.deserialize_map(Object)
    }
}

impl<'a> Fields<'a> {
    /// Reads an object's fields; none if it is something else.
    pub fn of(raw: &'a RawValue) -> Option<Self> {
        if kind(raw) == Kind::Object { serde_json::from_str(raw.get()).ok() } else { None }
    }

    fn field(&self, name: &str) -> Option<&Field<'a>> {
        self.0.iter().rev().find(|field| field.name == name)
    }

    /// A field's value; the last one where a name repeats, as most readers do.
    pub fn get(&self, name: &str) -> Option<&'a RawValue> {
        self.field(name).map(|field| field.value)
    }

    /// All fields as texts.
    pub fn texts(&self) -> Vec<(String, String)> {
        self.0.iter().map(|field| (field.name.clone().into_owned(), text(field.value))).collect()
    }

    /// A value by dot path (`customer.name`, `lines.0.sku`). A field whose whole name is the path wins.
    pub fn at(&self, path: &str) -> Option<&'a RawValue> {
        if let Some(value) = self.get(path) {
            return Some(value);
        }
        let (first, rest) = path.split_once('.')?;
        let field = self.field(first)?;
        match kind(field.value) {
            Kind::Object => field.inner()?.at(rest),
            Kind::List => {
                let (index, rest) = rest.split_once('.').map_or((rest, None), |(index, rest)| (index, Some(rest)));
                let item = items(field.value)?.get(index.parse::<usize>().ok()?).copied()?;
                rest.map_or(Some(item), |rest| Fields::of(item)?.at(rest))
            }
            _ => None,
        }
    }
}

/// What a value is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// `{…}`
    Object,
    /// `[…]`
    List,
    /// `"…"`
    Text,
    /// A number.
    Number,
    /// `true` or `false`.
    Bool,
    /// `null`
    Null,
}

impl Kind {
    /// For messages.
    pub fn name(self) -> &'static str {
        match self {
            Self::Object => "an object",
            Self::List => "a list",
            Self::Text => "a text",
            Self::Number => "a number",
            Self::Bool => "true or false",
            Self::Null => "null",
        }
    }
}

/// What a value is, by its first byte: the value is valid JSON already.
pub(super) fn kind(raw: &RawValue) -> Kind {
    match raw.get().trim_start().as_bytes().first() {
        Some(b'{') => Kind::Object,
        Some(b'[') => Kind::List,
        Some(b'"') => Kind::Text,
        Some(b't' | b'f') => Kind::Bool,
        Some(b'n') | None => Kind::Null,
        Some(_) => Kind::Number,
    }
}

/// A list's items; none if it is something else.
pub(super) fn items(raw: &RawValue) -> Option<Vec<&RawValue>> {
    if kind(raw) == Kind::List { serde_json::from_str(raw.get()).ok() } else { None }
}

/// A value as text: a string's content, a number or a boolean as written, empty for null, else the JSON itself.
pub(super) fn text(raw: &RawValue) -> String {
    match kind(raw) {
        // Valid JSON already: without a backslash, what stands between the quotes is the text.
        Kind::Text => match raw.get().trim().strip_prefix('"').and_then(|text| text.strip_suffix('"')) {
            Some(plain) if !plain.contains('\\') => plain.to_owned(),
            _ => serde_json::from_str::<Lossy<'_>>(raw.get()).map(|Lossy(text)| text.into_owned()).unwrap_or_default(),
        },
        Kind::Null => String::new(),
        _ => raw.get().to_owned(),
    }
}

/// Reads a whole answer, mending what can be mended.
///
/// # Errors
/// What is wrong, with the place, when it is not JSON.
pub(super) fn whole(body: &[u8]) -> Result<Box<RawValue>, String> {
    let text = String::from_utf8_lossy(body);
    let text = text.trim_start_matches('\u{feff}');
    match serde_json::from_str::<Box<RawValue>>(text) {
        Ok(raw) => Ok(raw),
        Err(error) => match escape_controls(text) {
            Cow::Owned(mended) => serde_json::from_str(&mended).map_err(|error| error.to_string()),
            Cow::Borrowed(_) => Err(error.to_string()),
        },
    }
}

/// Escapes raw control characters inside strings, which RFC 8259 section 7 forbids and some shops serve.
fn escape_controls(text: &str) -> Cow<'_, str> {
    let (mut inside, mut escaped, mut changed) = (false, false, false);
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if inside && c < ' ' {
            out.push_str(&format!("\\u{:04x}", u32::from(c)));
            changed = true;
            escaped = false;
            continue;
        }
        match c {
            '"' if !escaped => inside = !inside,
            _ => {}
        }
        escaped = inside && c == '\\' && !escaped;
        out.push(c);
    }
    if changed { Cow::Owned(out) } else { Cow::Borrowed(text) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(json: &str, path: &str) -> Option<String> {
        let raw = whole(json.as_bytes()).unwrap();
        Fields::of(&raw).unwrap().at(path).map(text)
    }

    #[test]
    fn numbers_keep_their_digits() {
        assert_eq!(read(r#"{"a":{"b":[{"c":12.990000000000000213}]}}"#, "a.b.0.c").unwrap(), "12.990000000000000213");
        assert_eq!(read(r#"{"a.b":1,"a":{"b":2}}"#, "a.b").unwrap(), "1");
        assert_eq!(read(r#"{"a":1}"#, "a.b"), None);
        assert_eq!(read(r#"{"a":[1]}"#, "a.7"), None);
    }

    #[test]
    fn texts_that_strict_readers_refuse_are_read() {
        assert_eq!(read(r#"{"a":"x\ud800y","\udc00":1}"#, "a").unwrap().chars().next(), Some('x'));
        assert_eq!(read("\u{feff}{\"a\":\"tab\there\u{b}\\\"\u{1}\"}", "a").unwrap(), "tab\there\u{b}\"\u{1}");
        let raw = whole(b"{\"a\":\"\xff\"}").unwrap();
        assert_eq!(Fields::of(&raw).unwrap().at("a").map(text).unwrap(), "\u{fffd}");
    }

    #[test]
    fn what_is_no_json_stays_an_error() {
        for bad in ["", "<html>", "{\"a\":", "[1,2", "{\"a\":1}}"] {
            assert!(whole(bad.as_bytes()).is_err(), "{bad}");
        }
        let deep = "[".repeat(100_000);
        assert!(whole(deep.as_bytes()).is_err());
    }
}
