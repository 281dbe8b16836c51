//! What differs between two deliveries, told by field and not by byte. Pure: two values in, changes out.
//!
//! A body or a file is read into a tree (`json`, `xml`, `kfi`, else lines of text), and the trees are compared (`tree`).
//! Every place is a path with `*` for the position in a list, so that the same change in many orders is one group
//! (`groups`). What stands at a place of one text alone is asked of `content`. The only place in the host with quick-xml.

mod content;
mod groups;
mod json;
mod kfi;
mod leaf;
mod list;
mod tree;
mod xml;

use serde::{Deserialize, Serialize};

use crate::domain::delivery::{Delivery, DeliveryContent, FileDelivery, FileOut, HttpDelivery, Repeat, Segment};

pub use content::{Content, Piece};
pub use groups::{Example, Group, Groups};
use tree::Node;

/// What kind of change it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// An HTTP request became files, or the other way round.
    DeliveryKind,
    /// It is new.
    Added,
    /// It is gone.
    Removed,
    /// It was empty.
    Filled,
    /// It is empty now.
    Emptied,
    /// A number is another number.
    NumberChanged,
    /// The same number, with fewer decimals than it had.
    Rounded,
    /// The same number without its trailing zeros.
    ZerosDropped,
    /// The same number with more zeros at its end.
    ZerosAdded,
    /// The same number in other digits, such as without leading zeros.
    NumberRewritten,
    /// The beginning of what it was.
    Cut,
    /// What it was, and more.
    Extended,
    /// Only upper and lower case differ.
    Case,
    /// Only white space differs.
    WhiteSpace,
    /// Another text.
    TextChanged,
    /// The same in another type, such as a number that was a text.
    TypeChanged,
    /// The same parts in another order.
    Reordered,
    /// The same content, written in other bytes.
    Rewritten,
}

impl Kind {
    /// For people, behind the place.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Self::DeliveryKind => "another kind of delivery",
            Self::Added => "added",
            Self::Removed => "removed",
            Self::Filled => "was empty, has a value now",
            Self::Emptied => "had a value, is empty now",
            Self::NumberChanged => "another number",
            Self::Rounded => "rounded",
            Self::ZerosDropped => "trailing zeros dropped",
            Self::ZerosAdded => "trailing zeros added",
            Self::NumberRewritten => "same number, other digits",
            Self::Cut => "text cut",
            Self::Extended => "text extended",
            Self::Case => "upper or lower case changed",
            Self::WhiteSpace => "white space changed",
            Self::TextChanged => "another text",
            Self::TypeChanged => "another type",
            Self::Reordered => "order changed",
            Self::Rewritten => "same content, other bytes",
        }
    }
}

/// One change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    /// Where, such as `/lines/*/price`, `header x-key` or `*.kfi /rows/*/price`.
    pub place: String,
    /// What kind.
    pub kind: Kind,
    /// What it was; none where it is new.
    pub before: Option<String>,
    /// What it is; none where it is gone.
    pub after: Option<String>,
}

impl Change {
    fn new(place: impl Into<String>, kind: Kind, before: Option<String>, after: Option<String>) -> Self {
        Self { place: place.into(), kind, before, after }
    }
}

/// Everything that differs between what would be sent before and after; notes for the timeline too. The plugin's own state
/// is its own business.
#[must_use]
pub fn deliveries(before: &Delivery, after: &Delivery) -> Vec<Change> {
    let mut changes = Vec::new();
    if before.content != after.content {
        match (&before.content, &after.content) {
            (DeliveryContent::Http(before), DeliveryContent::Http(after)) => http(before, after, &mut changes),
            (DeliveryContent::Files(before), DeliveryContent::Files(after)) => files(before, after, &mut changes),
            (before, after) => {
                let word = |content: &DeliveryContent| match content {
                    DeliveryContent::Http(_) => "an HTTP request".to_owned(),
                    DeliveryContent::Files(_) => "files".to_owned(),
                };
                changes.push(Change::new("delivery", Kind::DeliveryKind, Some(word(before)), Some(word(after))));
            }
        }
        if changes.is_empty() {
            // Cut into other pieces: the same bytes leave.
            return changes;
        }
    }
    let notes = |delivery: &Delivery| Node::List(delivery.notes.iter().map(|note| Node::text(note)).collect());
    tree::compare("note", &notes(before), &notes(after), &mut changes);
    changes
}

/// Everything that differs between two JSON values; places begin with `what`.
#[must_use]
pub fn values(what: &str, before: &serde_json::Value, after: &serde_json::Value) -> Vec<Change> {
    let mut changes = Vec::new();
    if before != after {
        tree::compare(what, &json::of_value(before), &json::of_value(after), &mut changes);
    }
    changes
}

/// Everything that differs between two bodies; `name` may tell by its ending what they are.
#[must_use]
pub fn bodies(name: &str, before: &[u8], after: &[u8]) -> Vec<Change> {
    let mut changes = Vec::new();
    content("", name, before, after, &mut changes);
    changes
}

fn http(before: &HttpDelivery, after: &HttpDelivery, changes: &mut Vec<Change>) {
    let mut field = |place: &str, before: &str, after: &str| leaf::compare(place, before, after, changes);
    field("method", &before.method, &after.method);
    field("path", &before.path, &after.path);
    field("content type", before.content_type.as_deref().unwrap_or(""), after.content_type.as_deref().unwrap_or(""));
    field("repeat", &repeat(before.repeat), &repeat(after.repeat));
    let sensitive = |it: &HttpDelivery| if it.sensitive { "the answer is not kept" } else { "the answer is kept" };
    field("sensitive", sensitive(before), sensitive(after));
    let query = |it: &HttpDelivery| {
        Node::Named(it.query.iter().map(|(name, value)| (name.clone(), Node::text(value))).collect())
    };
    tree::compare("query ", &query(before), &query(after), changes);
    let headers = |it: &HttpDelivery| {
        let named = |header: &crate::domain::delivery::Header| {
            (header.name.to_ascii_lowercase(), Node::text(&String::from_utf8_lossy(&shown(&header.value))))
        };
        Node::Named(it.headers.iter().map(named).collect())
    };
    tree::compare("header ", &headers(before), &headers(after), changes);
    content("", "", &shown(&before.body), &shown(&after.body), changes);
}

fn repeat(repeat: Repeat) -> String {
    match repeat {
        Repeat::Never => "never".to_owned(),
        Repeat::Always => "always".to_owned(),
        Repeat::WithKey(seconds) => format!("with its key for {seconds} s"),
    }
}

fn files(before: &FileDelivery, after: &FileDelivery, changes: &mut Vec<Change>) {
    let several = before.files.len().max(after.files.len()) > 1;
    for at in 0..before.files.len().max(after.files.len()) {
        let what = if several { format!("file {}", at + 1) } else { "file".to_owned() };
        file(&what, before.files.get(at), after.files.get(at), changes);
    }
    file("trigger", before.trigger.as_ref(), after.trigger.as_ref(), changes);
}

fn file(what: &str, before: Option<&FileOut>, after: Option<&FileOut>, changes: &mut Vec<Change>) {
    let name = |file: &FileOut| file.name.clone();
    match (before, after) {
        (None, None) => {}
        (None, Some(after)) => changes.push(Change::new(what, Kind::Added, None, Some(name(after)))),
        (Some(before), None) => changes.push(Change::new(what, Kind::Removed, Some(name(before)), None)),
        (Some(before), Some(after)) => {
            leaf::compare(&format!("{what} name"), &before.name, &after.name, changes);
            content(&format!("{what} "), &after.name, &shown(&before.content), &shown(&after.content), changes);
        }
    }
}

/// Bytes with the places of secrets marked.
#[must_use]
pub fn shown(segments: &[Segment]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for segment in segments {
        match segment {
            Segment::Bytes(literal) => bytes.extend_from_slice(literal),
            Segment::Secret { slot, encode } => bytes.extend(format!("«secret {slot} as {encode:?}»").into_bytes()),
        }
    }
    bytes
}

/// Reads bytes as one format, if they are it; the name may tell by its ending.
type Reading = fn(&str, &[u8]) -> Option<Node>;

/// In the order in which they are tried.
const READINGS: [Reading; 3] = [json::read, xml::read, kfi::read];

/// Compares by the best reading that both sides share.
fn content(what: &str, name: &str, before: &[u8], after: &[u8], changes: &mut Vec<Change>) {
    if before == after {
        return;
    }
    let found = changes.len();
    let both = READINGS.iter().find_map(|read| Some((read(name, before)?, read(name, after)?)));
    let (old, new) = both.unwrap_or_else(|| (lines(before), lines(after)));
    tree::compare(what, &old, &new, changes);
    if changes.len() == found {
        let place = if what.is_empty() { "body".to_owned() } else { what.trim_end().to_owned() };
        let size = |bytes: &[u8]| Some(format!("{} bytes", bytes.len()));
        changes.push(Change::new(place, Kind::Rewritten, size(before), size(after)));
    }
}

/// Any other text, line by line.
fn lines(bytes: &[u8]) -> Node {
    let text = String::from_utf8_lossy(bytes);
    let lines = text.lines().map(Node::text).collect();
    Node::Named(vec![("line".to_owned(), Node::List(lines))])
}

#[cfg(test)]
mod tests;
