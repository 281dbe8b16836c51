//! Settings and look-up tables for a plugin that nobody has set up yet, made from what it says of itself: the least that its
//! schema asks for, and tables that know every code of the everyday order.

use serde_json::{Map, Value, json};

use super::{awkward, schema};
use crate::domain::call::{Description, Tables};

/// Schemas within schemas deeper than that are not made up.
const DEPTH: usize = 8;
/// Texts that fit most patterns and formats that settings have.
const TEXTS: [&str; 18] = [
    "example",
    "1",
    "EXAMPLE",
    "A",
    "0",
    "12345678",
    "example.txt",
    "orders",
    "/orders",
    "https://example.test/",
    "anna@example.test",
    "2026-01-02",
    "2026-01-02T03:04:05Z",
    "Europe/Berlin",
    "EUR",
    "DE",
    "x-example",
    "%Y-%m-%d",
];

/// Settings that fit the schema, with nothing in them that it does not insist on.
///
/// # Errors
/// Why none could be made up, in a few words.
pub(super) fn settings(schema: &Value) -> Result<Value, String> {
    let own = schema.get("examples").and_then(Value::as_array).and_then(|all| all.first());
    let made = own.cloned().or_else(|| value(schema, schema, 0)).unwrap_or_else(|| json!({}));
    let problems = schema::settings_check(schema, &made);
    match problems.first() {
        None => Ok(made),
        Some(problem) => Err(problem.to_string()),
    }
}

/// A property's schema as one that stands alone: what it refers to comes along.
pub(super) fn part(whole: &Value, property: &Value) -> Value {
    let Some(fields) = property.as_object() else { return property.clone() };
    let mut alone = fields.clone();
    for name in ["$defs", "definitions"] {
        if let Some(defined) = whole.get(name) {
            alone.insert(name.to_owned(), defined.clone());
        }
    }
    Value::Object(alone)
}

/// A value for a schema; none where nothing can be thought of.
fn value(whole: &Value, schema: &Value, depth: usize) -> Option<Value> {
    if depth > DEPTH {
        return None;
    }
    if let Some(pointer) = schema.get("$ref").and_then(Value::as_str) {
        let target = whole.pointer(pointer.strip_prefix('#')?)?;
        return value(whole, target, depth.saturating_add(1));
    }
    let first = |name: &str| schema.get(name).and_then(Value::as_array).and_then(|all| all.first());
    if let Some(known) = schema.get("default").or(schema.get("const")).or(first("examples")).or(first("enum")) {
        return Some(known.clone());
    }
    if let Some(one) = first("oneOf").or(first("anyOf")) {
        return value(whole, one, depth.saturating_add(1));
    }
    let kind = match schema.get("type") {
        Some(Value::String(kind)) => kind.as_str(),
        Some(Value::Array(kinds)) => kinds.first().and_then(Value::as_str)?,
        _ if schema.get("properties").is_some() => "object",
        _ => return Some(json!("example")),
    };
    let alone = part(whole, schema);
    let fits = |candidate: &Value| schema::settings_check(&alone, candidate).is_empty();
    match kind {
        "object" => object(whole, schema, depth),
        "array" => {
            let least = schema.get("minItems").and_then(Value::as_u64).unwrap_or_default().min(100);
            let item = schema.get("items").and_then(|items| value(whole, items, depth.saturating_add(1)));
            (0..least).map(|_| item.clone()).collect::<Option<Vec<_>>>().map(Value::Array)
        }
        "boolean" => Some(json!(false)),
        "null" => Some(Value::Null),
        "integer" | "number" => {
            let bounds = ["minimum", "exclusiveMinimum", "maximum", "exclusiveMaximum"];
            let near = bounds.iter().filter_map(|name| schema.get(*name).and_then(Value::as_i64));
            let near = near.flat_map(|bound| [bound, bound.saturating_add(1), bound.saturating_sub(1)]);
            [1, 0, 10, 100].into_iter().chain(near).map(|number| json!(number)).find(fits)
        }
        "string" => {
            let long = schema.get("minLength").and_then(Value::as_u64).unwrap_or_default().min(10_000);
            let long = "x".repeat(usize::try_from(long).unwrap_or_default());
            TEXTS.iter().map(|text| json!(text)).chain([json!(long), json!("")]).find(fits)
        }
        _ => None,
    }
}

fn object(whole: &Value, schema: &Value, depth: usize) -> Option<Value> {
    let mut made = Map::new();
    let required = schema.get("required").and_then(Value::as_array);
    for name in required.into_iter().flatten().filter_map(Value::as_str) {
        let property = schema.get("properties").and_then(|all| all.get(name));
        let value = match property {
            Some(property) => value(whole, property, depth.saturating_add(1))?,
            None => json!("example"),
        };
        made.insert(name.to_owned(), value);
    }
    Some(Value::Object(made))
}

/// Tables that the plugin can't work without: each knows every code of the everyday orders.
pub(super) fn tables(description: &Description) -> Tables {
    let order = awkward::everyday(awkward::MANY);
    let mut codes: Vec<String> = order.lines.iter().filter_map(|line| line.sku.clone()).collect();
    codes.extend(order.lines.iter().flat_map(|line| [line.unit.clone(), line.tax_code.clone()]).flatten());
    codes.extend(order.lines.iter().filter_map(|line| line.tax_rate.as_ref()).map(ToString::to_string));
    codes.extend([&order.buyer.customer_id, &order.buyer.account_code].into_iter().flatten().cloned());
    codes.extend(order.payments.iter().flat_map(|payment| [payment.method.clone(), payment.title.clone()]));
    codes.extend([order.currency, order.buyer.company, order.buyer.email, "GB".to_owned()]);
    let rows = |_| codes.iter().map(|code| (code.clone(), "1000".to_owned())).collect();
    description.tables.iter().filter(|need| need.required).map(|need| (need.name.clone(), rows(need))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_least_that_a_schema_asks_for() {
        let schema = json!({
            "type": "object",
            "required": ["path", "depth", "kind", "codes", "when", "limits"],
            "properties": {
                "path": {"type": "string", "pattern": "^/"},
                "depth": {"type": "integer", "minimum": 40, "maximum": 50},
                "kind": {"enum": ["a", "b"]},
                "codes": {"type": "array", "minItems": 2, "items": {"$ref": "#/$defs/code"}},
                "when": {"type": "string", "format": "date-time"},
                "limits": {"type": "object", "required": ["most"], "properties": {"most": {"type": "number"}}},
                "more": {"type": "boolean", "default": true},
            },
            "additionalProperties": false,
            "$defs": {"code": {"type": "string", "minLength": 30}},
        });
        let made = settings(&schema).unwrap();
        assert_eq!(made["path"], "/orders");
        assert_eq!((made["depth"].as_i64(), made["kind"].as_str()), (Some(40), Some("a")));
        assert_eq!(made["codes"], json!(["x".repeat(30), "x".repeat(30)]));
        assert!(made.get("more").is_none(), "{made}");
        assert_eq!(settings(&json!({"type": "object"})), Ok(json!({})));
    }

    #[test]
    fn what_can_not_be_made_up_is_said() {
        let schema = json!({"type": "object", "required": ["key"],
            "properties": {"key": {"type": "string", "pattern": "^[0-9]{3}-[a-f]{9}$"}}});
        let why = settings(&schema).unwrap_err();
        assert!(why.contains("key"), "{why}");
    }
}
