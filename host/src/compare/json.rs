//! JSON as a tree, with numbers as they are written: `1.50` and `1.5` are the same number and not the same bytes.

use serde::de::IgnoredAny;
use serde_json::Value;

use super::tree::{Node, Type};

/// Reads a text; none if it is not JSON.
pub(super) fn read(_name: &str, bytes: &[u8]) -> Option<Node> {
    let text = std::str::from_utf8(bytes).ok()?;
    if !matches!(text.trim_start().as_bytes().first(), Some(b'{' | b'[')) {
        return None;
    }
    // The library judges, and bounds the depth; what follows only takes apart what is good.
    serde_json::from_str::<IgnoredAny>(text).ok()?;
    Reader { text, at: 0 }.value()
}

/// A value that was read already.
pub(super) fn of_value(value: &Value) -> Node {
    match value {
        Value::Null => Node::Leaf(Type::Word, "null".to_owned()),
        Value::Bool(it) => Node::Leaf(Type::Word, it.to_string()),
        Value::Number(it) => Node::Leaf(Type::Number, it.to_string()),
        Value::String(it) => Node::text(it),
        Value::Array(all) => Node::List(all.iter().map(of_value).collect()),
        Value::Object(all) => Node::Named(all.iter().map(|(name, value)| (name.clone(), of_value(value))).collect()),
    }
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
}

impl Reader<'_> {
    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    /// The next byte that is not white space, which stays.
    fn next(&mut self) -> Option<u8> {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r' | b',' | b':')) {
            self.at += 1;
        }
        self.peek()
    }

    fn value(&mut self) -> Option<Node> {
        match self.next()? {
            b'{' => {
                self.at += 1;
                let mut parts = Vec::new();
                while self.next()? != b'}' {
                    let name = self.string()?;
                    parts.push((name, self.value()?));
                }
                self.at += 1;
                Some(Node::Named(parts))
            }
            b'[' => {
                self.at += 1;
                let mut parts = Vec::new();
                while self.next()? != b']' {
                    parts.push(self.value()?);
                }
                self.at += 1;
                Some(Node::List(parts))
            }
            b'"' => self.string().map(|text| Node::Leaf(Type::Text, text)),
            first => {
                let from = self.at;
                while self.peek().is_some_and(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'+' | b'.')) {
                    self.at += 1;
                }
                let kind = if first == b'-' || first.is_ascii_digit() { Type::Number } else { Type::Word };
                self.text
                    .get(from..self.at)
                    .filter(|word| !word.is_empty())
                    .map(|word| Node::Leaf(kind, word.to_owned()))
            }
        }
    }

    fn string(&mut self) -> Option<String> {
        self.next()?;
        let from = self.at;
        self.at += 1;
        loop {
            match self.peek()? {
                b'"' => break,
                b'\\' => self.at += 2,
                _ => self.at += 1,
            }
        }
        self.at += 1;
        serde_json::from_str(self.text.get(from..self.at)?).ok()
    }
}
