//! Paths with values of the order in them: `orders/{order_number}`, `orders?reference={order_number}`.

use std::fmt;

use orderdock_plugin::{Context, Order, Pair, Rejection};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A value that may stand in a template.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Value {
    OrderNumber,
    ShopOrderId,
    DocumentNumber,
    IdempotencyKey,
    AccountCode,
}

const VALUES: [(&str, Value); 5] = [
    ("order_number", Value::OrderNumber),
    ("shop_order_id", Value::ShopOrderId),
    ("document_number", Value::DocumentNumber),
    ("idempotency_key", Value::IdempotencyKey),
    ("account_code", Value::AccountCode),
];

#[derive(Clone, Debug, PartialEq, Eq)]
enum Piece {
    Text(String),
    Value(&'static str, Value),
}

/// A path below the destination's address, with an optional query, and values of the order in braces.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(with = "String")]
pub struct Template {
    text: String,
    path: Vec<Piece>,
    query: Vec<(String, Vec<Piece>)>,
}

/// A template, filled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Filled {
    /// Percent-encoded path.
    pub path: String,
    /// Query, not encoded: the host does that.
    pub query: Vec<Pair>,
}

/// Why a text is not a template.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TemplateError {
    text: String,
    problem: String,
}

impl fmt::Display for TemplateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { text, problem } = self;
        write!(
            f,
            "`{text}` is not a path below the destination's address: {problem}; expected for example `orders` or "
        )?;
        write!(f, "`orders?reference={{order_number}}`")
    }
}

impl Template {
    /// Reads a template.
    ///
    /// # Errors
    /// When it is empty, starts with `/`, has a host, `..`, characters that a path can't hold, or an unknown value.
    pub fn new(text: impl Into<String>) -> Result<Self, TemplateError> {
        let text = text.into();
        match split(&text) {
            Ok((path, query)) => Ok(Self { text, path, query }),
            Err(problem) => Err(TemplateError { text: text.chars().take(80).collect(), problem }),
        }
    }

    /// Puts the order's values in.
    ///
    /// # Errors
    /// When the order lacks a value, or it can't stand in a path.
    pub fn fill<S>(&self, order: &Order, context: &Context<S>) -> Result<Filled, Rejection> {
        let mut path = String::with_capacity(self.text.len() + 24);
        for piece in &self.path {
            match piece {
                Piece::Text(text) => path.push_str(text),
                Piece::Value(name, value) => percent_encode(&take(name, *value, order, context)?, &mut path),
            }
        }
        // A value of `.` or `..` would leave the folder: servers read dot segments even when they are encoded.
        if path.split('/').any(|segment| segment == "." || segment == "..") {
            return Err(
                Rejection::data(format!("the order's values make `{path}`, which is no path")).field("order_number")
            );
        }
        let mut query = Vec::with_capacity(self.query.len());
        for (name, pieces) in &self.query {
            let mut text = String::new();
            for piece in pieces {
                match piece {
                    Piece::Text(more) => text.push_str(more),
                    Piece::Value(name, value) => text.push_str(&take(name, *value, order, context)?),
                }
            }
            query.push((name.clone(), text));
        }
        Ok(Filled { path, query })
    }
}

impl Template {
    /// The order's values that stand in the template: what a found order must repeat.
    pub fn values<S>(&self, order: &Order, context: &Context<S>) -> Vec<String> {
        let pieces = self.path.iter().chain(self.query.iter().flat_map(|(_, pieces)| pieces));
        pieces
            .filter_map(|piece| match piece {
                Piece::Text(_) => None,
                Piece::Value(name, value) => take(name, *value, order, context).ok(),
            })
            .collect()
    }
}

fn take<S>(name: &str, value: Value, order: &Order, context: &Context<S>) -> Result<String, Rejection> {
    let (text, field) = match value {
        Value::OrderNumber => (order.order_number.clone(), "order_number"),
        Value::ShopOrderId => (order.shop_order_id.clone(), "shop_order_id"),
        Value::DocumentNumber => (context.document_number.to_string(), "document_number"),
        Value::IdempotencyKey => (context.idempotency_key.clone(), "idempotency_key"),
        Value::AccountCode => (order.buyer.account_code.clone().unwrap_or_default(), "buyer.account_code"),
    };
    if text.is_empty() {
        return Err(
            Rejection::data(format!("the address in the ERP needs `{name}`, and the order has none")).field(field)
        );
    }
    Ok(text)
}

type Parts = (Vec<Piece>, Vec<(String, Vec<Piece>)>);

fn split(text: &str) -> Result<Parts, String> {
    let (path, query) = match text.split_once('?') {
        Some((path, query)) => (path, Some(query)),
        None => (text, None),
    };
    if path.is_empty() || path.starts_with('/') {
        return Err("it must start with the name of a resource, not with `/`".to_owned());
    }
    let path = pieces(path)?;
    let mut segment_start = true;
    for piece in &path {
        if let Piece::Text(text) = piece {
            check_path(text, segment_start)?;
            segment_start = text.ends_with('/');
        } else {
            segment_start = false;
        }
    }
    let mut pairs = Vec::new();
    for pair in query.into_iter().flat_map(|query| query.split('&')).filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        if name.contains(['{', '}']) {
            return Err("values may stand behind `=` in the query, not before it".to_owned());
        }
        pairs.push((name.to_owned(), pieces(value)?));
    }
    Ok((path, pairs))
}

/// RFC 3986: what may stand in a path as it is. The braces of values are gone by now.
fn check_path(text: &str, segment_start: bool) -> Result<(), String> {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=@%/".contains(&byte);
    if let Some(bad) = text.chars().find(|&letter| !u8::try_from(letter).is_ok_and(allowed)) {
        return Err(format!("`{}` can't stand in a path", bad.escape_debug()));
    }
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        let hex = |byte: Option<u8>| byte.is_some_and(|byte| byte.is_ascii_hexdigit());
        if byte == b'%' && !(hex(bytes.next()) && hex(bytes.next())) {
            return Err("`%` must be followed by two hexadecimal digits".to_owned());
        }
    }
    let upper = text.to_ascii_uppercase().replace("%2E", ".");
    if upper.split('/').any(|segment| segment == "..") || text.contains("//") || (segment_start && text == ".") {
        return Err("empty and dot segments are not allowed".to_owned());
    }
    Ok(())
}

fn pieces(text: &str) -> Result<Vec<Piece>, String> {
    let mut found = Vec::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('{') {
        let (name, behind) = after.split_once('}').ok_or("a `{` is not closed")?;
        let Some((name, value)) = VALUES.iter().find(|(known, _)| *known == name) else {
            let known: Vec<String> = VALUES.iter().map(|(name, _)| format!("{{{name}}}")).collect();
            return Err(format!("`{{{name}}}` is not known; there are {}", known.join(", ")));
        };
        if before.contains('}') {
            return Err("a `}` is too many".to_owned());
        }
        if !before.is_empty() {
            found.push(Piece::Text(before.to_owned()));
        }
        found.push(Piece::Value(name, *value));
        rest = behind;
    }
    if rest.contains('}') {
        return Err("a `}` is too many".to_owned());
    }
    if !rest.is_empty() {
        found.push(Piece::Text(rest.to_owned()));
    }
    Ok(found)
}

/// RFC 3986 section 2.1, everything but the unreserved characters.
fn percent_encode(text: &str, into: &mut String) {
    const HEX: [char; 16] = ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'A', 'B', 'C', 'D', 'E', 'F'];
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            into.push(char::from(byte));
        } else {
            into.push('%');
            for half in [byte >> 4, byte & 15] {
                into.extend(HEX.get(usize::from(half)));
            }
        }
    }
}

impl From<Template> for String {
    fn from(template: Template) -> Self {
        template.text
    }
}

impl TryFrom<String> for Template {
    type Error = TemplateError;
    fn try_from(text: String) -> Result<Self, TemplateError> {
        Self::new(text)
    }
}

#[cfg(test)]
mod tests {
    use orderdock_plugin::{Instant, Purpose};

    use super::*;

    fn fill(template: &str, number: &str) -> Result<Filled, Rejection> {
        let order: Order = serde_json::from_value(serde_json::json!({
            "shop_order_id": "4711", "order_number": number, "placed_at": "2026-01-02T03:04:05Z", "currency": "EUR",
            "lines": [], "totals": { "gross": "0" },
        }))
        .unwrap();
        let context = Context {
            purpose: Purpose::Create,
            connection: "test".to_owned(),
            settings: (),
            pass: 1,
            attempt: 1,
            step: 0,
            idempotency_key: "key".to_owned(),
            document_number: 17,
            mapped_at: Instant::trusted("2026-01-02T03:04:05Z".to_owned()),
            shop_time_zone: "UTC".to_owned(),
            erp_time_zone: "UTC".to_owned(),
            request_id: String::new(),
            previous: None,
            logins: Vec::new(),
            extra: Vec::new(),
        };
        Template::new(template).unwrap().fill(&order, &context)
    }

    #[test]
    fn values_are_encoded_in_the_path_and_left_to_the_host_in_the_query() {
        let filled = fill("v1/orders/{order_number}?ref={order_number}&company=1", "WEB 1/ö?").unwrap();
        assert_eq!(filled.path, "v1/orders/WEB%201%2F%C3%B6%3F");
        assert_eq!(filled.query, [("ref".to_owned(), "WEB 1/ö?".to_owned()), ("company".to_owned(), "1".to_owned())]);
        assert_eq!(fill("a.{document_number}.{shop_order_id}", "1").unwrap().path, "a.17.4711");
    }

    #[test]
    fn a_value_can_not_leave_the_folder() {
        for (template, number) in
            [("orders/{order_number}", ".."), ("{order_number}/x", "."), ("a/.{order_number}", ".")]
        {
            let refused = fill(template, number).unwrap_err();
            assert_eq!(refused.field.as_deref(), Some("order_number"), "{template} {number}");
        }
        assert_eq!(fill("orders/{order_number}", "../..").unwrap().path, "orders/..%2F..");
        assert!(fill("orders/{account_code}", "1").unwrap_err().message.contains("account_code"));
    }

    #[test]
    fn a_bad_template_says_why() {
        for (template, word) in [
            ("", "start with"),
            ("/orders", "start with"),
            ("http://erp/orders", "can't stand"),
            ("a//b", "dot segments"),
            ("a/../b", "dot segments"),
            ("a/%2e%2E/b", "dot segments"),
            ("a b", "can't stand"),
            ("orders/ö", "can't stand"),
            ("orders/{number}", "{order_number}"),
            ("orders/{order_number", "not closed"),
            ("orders/order_number}", "too many"),
            ("orders?{order_number}=1", "behind"),
            ("orders/%2", "hexadecimal"),
        ] {
            let said = Template::new(template).unwrap_err().to_string();
            assert!(said.contains(word), "{template}: {said}");
        }
    }
}
