//! Builds file names from the order, so that a second write of the same order is seen as the same name.
//!
//! The contract allows letters, digits, `.`, `_`, `-` and inner spaces, at most 200 bytes. Other characters of a value
//! become `_`, and then a short hash of the value follows, so that two orders (`A/1` and `A:1`) never share a name.

use std::fmt;

use orderdock_order::Order;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Context, Purpose};

/// Longest name, in bytes, by the contract.
pub const LONGEST: usize = 200;
/// Longest value put into a name, in bytes; a longer one is cut and its hash follows.
const LONGEST_VALUE: usize = 60;

/// A part of a template.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    OrderNumber,
    ShopOrderId,
    DocumentNumber,
    Pass,
    Purpose,
    Connection,
    Date,
    Time,
}

/// Name in a template, part, and whether it tells one order from another.
const PARTS: [(&str, Part, bool); 8] = [
    ("order_number", Part::OrderNumber, true),
    ("shop_order_id", Part::ShopOrderId, true),
    ("document_number", Part::DocumentNumber, true),
    ("pass", Part::Pass, false),
    ("purpose", Part::Purpose, false),
    ("connection", Part::Connection, false),
    ("date", Part::Date, false),
    ("time", Part::Time, false),
];

#[derive(Clone, Debug, PartialEq, Eq)]
enum Piece {
    Text(String),
    Part(Part),
}

/// A template such as `order_{order_number}_{pass}.xml`. Can stand in a plugin's settings.
///
/// Parts: `order_number`, `shop_order_id`, `document_number`, `pass`, `purpose` (`create`, `look_up`, …),
/// `connection`, `date` (`20260102`) and `time` (`20260102T030405Z`), both of the frozen time of mapping, in UTC.
/// At least one of the first three must be there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(with = "String")]
pub struct FileNameTemplate {
    text: String,
    pieces: Vec<Piece>,
}

/// Why a text is not a template.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{template}` is not a file name template: {problem}; expected for example `order_{{order_number}}_{{pass}}.xml`"
)]
pub struct FileNameError {
    /// The text.
    pub template: String,
    /// What is wrong.
    pub problem: String,
}

impl FileNameTemplate {
    /// Reads a template for a file of its own per order.
    ///
    /// # Errors
    /// When it has an unknown part, none that tells one order from another, or a character that names may not have.
    pub fn new(template: impl Into<String>) -> Result<Self, FileNameError> {
        let read = Self::trigger(template)?;
        let tells = |piece: &Piece| PARTS.iter().any(|(_, part, tells)| *tells && *piece == Piece::Part(*part));
        if read.pieces.iter().any(tells) {
            return Ok(read);
        }
        let problem = "it needs {order_number}, {shop_order_id} or {document_number}, \
                       or all orders would have one name";
        Err(FileNameError { template: read.text, problem: problem.to_owned() })
    }

    /// Reads a template for a trigger file, whose name may be constant.
    ///
    /// # Errors
    /// When it has an unknown part or a character that names may not have.
    pub fn trigger(template: impl Into<String>) -> Result<Self, FileNameError> {
        let text = template.into();
        match pieces(&text) {
            Ok(pieces) => Ok(Self { text, pieces }),
            Err(problem) => Err(FileNameError { template: text.chars().take(100).collect(), problem }),
        }
    }

    /// The name for this order and call.
    #[must_use]
    pub fn build<S>(&self, order: &Order, context: &Context<S>) -> String {
        let mut name = String::new();
        for piece in &self.pieces {
            match piece {
                Piece::Text(text) => name.push_str(text),
                Piece::Part(Part::OrderNumber) => name.push_str(&safe(&order.order_number)),
                Piece::Part(Part::ShopOrderId) => name.push_str(&safe(&order.shop_order_id)),
                Piece::Part(Part::DocumentNumber) => name.push_str(&context.document_number.to_string()),
                Piece::Part(Part::Pass) => name.push_str(&context.pass.to_string()),
                Piece::Part(Part::Purpose) => name.push_str(purpose(context.purpose)),
                Piece::Part(Part::Connection) => name.push_str(&safe(&context.connection)),
                Piece::Part(Part::Date) => name.extend(context.mapped_at.date().chars().filter(char::is_ascii_digit)),
                Piece::Part(Part::Time) => name.extend(time(context.mapped_at.as_str())),
            }
        }
        whole(name)
    }

    /// The template as written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

fn pieces(text: &str) -> Result<Vec<Piece>, String> {
    if text.is_empty() {
        return Err("it is empty".to_owned());
    }
    // Room for values; `build` cuts what is still too long.
    if text.len() > LONGEST {
        return Err(format!("it is longer than {LONGEST} bytes"));
    }
    let mut pieces = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        let (plain, after) = rest.split_at(rest.find(['{', '}']).unwrap_or(rest.len()));
        if let Some(bad) = plain.chars().find(|letter| !allowed(*letter)) {
            return Err(format!(
                "{bad:?} may not stand in a file name (letters, digits, `.`, `_`, `-` and spaces may)"
            ));
        }
        if !plain.is_empty() {
            pieces.push(Piece::Text(plain.to_owned()));
        }
        if after.is_empty() {
            break;
        }
        let (name, after) = after
            .strip_prefix('{')
            .and_then(|inner| inner.split_once('}'))
            .ok_or_else(|| "`{` and `}` do not match".to_owned())?;
        let Some((_, part, _)) = PARTS.iter().find(|(known, ..)| *known == name) else {
            let known: Vec<&str> = PARTS.iter().map(|(known, ..)| *known).collect();
            return Err(format!("`{{{name}}}` is not known ({} are)", known.join(", ")));
        };
        pieces.push(Piece::Part(*part));
        rest = after;
    }
    if text.starts_with(['.', ' ']) || text.ends_with(['.', ' ']) {
        return Err("a name may not begin or end with a dot or a space".to_owned());
    }
    Ok(pieces)
}

fn allowed(letter: char) -> bool {
    letter.is_ascii_alphanumeric() || matches!(letter, '.' | '_' | '-' | ' ')
}

/// A value in a form that can stand anywhere in a name. Unchanged where it can; else its hash follows.
#[must_use]
pub fn safe(value: &str) -> String {
    let keep = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '_' | '-');
    // Inner dots are harmless (`1.5`), outer ones could make a hidden file or two dots in a row.
    let dots = !value.starts_with('.') && !value.ends_with('.') && !value.contains("..");
    let fits = |letter: char| keep(letter) || (letter == '.' && dots);
    if !value.is_empty() && value.len() <= LONGEST_VALUE && value.chars().all(fits) {
        return value.to_owned();
    }
    let mut name: String =
        value.chars().take(LONGEST_VALUE - 9).map(|letter| if fits(letter) { letter } else { '_' }).collect();
    name.push('-');
    name.push_str(&hash(value));
    name
}

/// FNV-1a, 32 bits: short, stable for ever, enough to tell a shop's order numbers apart.
fn hash(value: &str) -> String {
    let hash = value.bytes().fold(0x811c_9dc5_u32, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193));
    format!("{hash:08x}")
}

fn purpose(purpose: Purpose) -> &'static str {
    match purpose {
        Purpose::Create => "create",
        Purpose::LookUp => "look_up",
        Purpose::Update => "update",
        Purpose::Cancel => "cancel",
    }
}

/// `2026-01-02T03:04:05.6Z` → `20260102T030405Z`.
fn time(instant: &str) -> impl Iterator<Item = char> + '_ {
    let seconds = instant.get(..19).unwrap_or(instant);
    seconds.chars().filter(|letter| *letter != '-' && *letter != ':').chain(['Z'])
}

/// Keeps the whole name within the contract: length, and names that Windows reserves for devices
/// (learn.microsoft.com, "Naming Files, Paths, and Namespaces").
fn whole(mut name: String) -> String {
    if name.len() > LONGEST {
        let end = name.rfind('.').filter(|dot| name.len() - dot <= 12).map_or(String::new(), |dot| name.split_off(dot));
        let hash = hash(&name);
        name.truncate(LONGEST - end.len() - hash.len() - 1);
        name = format!("{name}-{hash}{end}");
    }
    let stem = name.split('.').next().unwrap_or_default().to_ascii_uppercase();
    let numbered =
        |device: &str| stem.strip_prefix(device).is_some_and(|rest| matches!(rest.as_bytes(), [b'0'..=b'9']));
    if matches!(stem.as_str(), "CON" | "PRN" | "AUX" | "NUL") || numbered("COM") || numbered("LPT") {
        name.insert(0, '_');
    }
    name
}

impl fmt::Display for FileNameTemplate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl From<FileNameTemplate> for String {
    fn from(template: FileNameTemplate) -> Self {
        template.text
    }
}

impl TryFrom<String> for FileNameTemplate {
    type Error = FileNameError;
    fn try_from(text: String) -> Result<Self, FileNameError> {
        Self::new(text)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::testing::CaseContext;

    fn name(template: &str, order_number: &str) -> String {
        let order = Order { order_number: order_number.to_owned(), shop_order_id: "7".to_owned(), ..order() };
        let (context, _) = CaseContext::default().with_settings("{}".to_owned());
        FileNameTemplate::new(template).unwrap().build(&order, &context)
    }

    fn order() -> Order {
        let json = r#"{"shop_order_id":"7","order_number":"7","placed_at":"2026-01-02T03:04:05Z","currency":"EUR","lines":[],"totals":{"gross":"0"}}"#;
        serde_json::from_str(json).unwrap()
    }

    #[test]
    fn parts_are_filled_in() {
        assert_eq!(name("order_{order_number}_{pass}.xml", "WEB-10042"), "order_WEB-10042_1.xml");
        assert_eq!(name("{time} {shop_order_id}.{purpose}", "x"), "20260102T030405Z 7.create");
        assert_eq!(name("{date}-{document_number}-{connection}", "x"), "20260102-1-test");
    }

    #[test]
    fn unsafe_values_keep_apart() {
        assert_eq!(name("{order_number}.xml", "A/1"), "A_1-cb5688b8.xml".to_owned());
        assert_ne!(name("{order_number}.xml", "A/1"), name("{order_number}.xml", "A:1"));
        assert_eq!(name("{order_number}.kfi", "../../etc/passwd").matches('/').count(), 0);
        assert_eq!(name("{order_number}.x", "con"), "_con.x");
        assert!(name("{order_number}.xml", "").starts_with('-'));
    }

    #[test]
    fn templates_that_can_not_work_are_refused() {
        for bad in [
            "",
            "order.xml",
            "{pass}.xml",
            "../{order_number}",
            "{order_numbr}",
            "{order_number",
            "a}{order_number}",
            ".{order_number}",
            "{order_number}.",
            "a/{order_number}",
            "ä{order_number}",
        ] {
            assert!(FileNameTemplate::new(bad).is_err(), "{bad}");
        }
        assert!(FileNameTemplate::trigger("START.TRG").is_ok());
        let error = FileNameTemplate::new("order.xml").unwrap_err().to_string();
        assert!(error.contains("{order_number}"), "{error}");
    }

    proptest! {
        #[test]
        fn every_name_obeys_the_contract(number in "\\PC{0,300}|[./\\\\ -]{1,10}", template in "[a-z. ]{0,20}_\\{order_number\\}[-.]{0,3}x") {
            let Ok(template) = FileNameTemplate::new(template) else { return Ok(()) };
            let (context, _) = CaseContext::default().with_settings("{}".to_owned());
            let name = template.build(&Order { order_number: number, ..order() }, &context);
            prop_assert!(name.len() <= LONGEST && name.chars().all(allowed), "{name}");
            prop_assert!(!name.starts_with(['.', ' ']) && !name.ends_with(['.', ' ']), "{name}");
        }

        #[test]
        fn different_numbers_have_different_names(a in "[A-C/:]{1,4}", b in "[A-C/:]{1,4}") {
            prop_assert_eq!(a == b, name("{order_number}", &a) == name("{order_number}", &b));
        }
    }
}
