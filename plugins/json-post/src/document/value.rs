//! How moments, decimals and pairs are written, and what the schema says of them.

use orderdock_plugin::Pair;
use serde::{Serialize, Serializer};
use serde_json::value::RawValue;

use crate::settings::Amounts;

/// RFC 3339 in UTC. Example: `2026-11-22T01:19:18Z`.
#[derive(Clone, Copy, Serialize)]
#[serde(transparent)]
pub struct Moment<'a>(pub &'a str);

/// An exact decimal: JSON text by default, a JSON number with the setting `amounts = "number"`.
#[derive(Clone, Copy)]
pub struct Amount<'a> {
    /// The decimal.
    pub text: &'a str,
    /// How it is written.
    pub form: Amounts,
}

impl Serialize for Amount<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.form {
            Amounts::Text => serializer.serialize_str(self.text),
            Amounts::Number => number(self.text).map_err(serde::ser::Error::custom)?.serialize(serializer),
        }
    }
}

/// The decimal as JSON number, digit by digit. The contract allows leading zeros, JSON does not.
fn number(text: &str) -> Result<Box<RawValue>, serde_json::Error> {
    let (sign, digits) = text.strip_prefix('-').map_or(("", text), |digits| ("-", digits));
    let significant = digits.trim_start_matches('0');
    let zero = if significant.is_empty() || significant.starts_with('.') { "0" } else { "" };
    RawValue::from_string(format!("{sign}{zero}{significant}"))
}

/// Names and values.
#[derive(Clone, Copy)]
pub struct Named<'a>(pub &'a [Pair]);

/// A name and a value. Names may repeat.
#[derive(Serialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[cfg_attr(not(target_arch = "wasm32"), schemars(deny_unknown_fields))]
struct NamedValue<'a> {
    /// Name.
    name: &'a str,
    /// Value.
    value: &'a str,
}

impl Serialize for Named<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.iter().map(|(name, value)| NamedValue { name, value }))
    }
}

#[cfg(not(target_arch = "wasm32"))]
mod schema {
    //! Only documentation and tests need the schema; the component does without.

    use std::borrow::Cow;

    use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};

    use super::{Amount, Moment, Named, NamedValue};

    impl JsonSchema for Moment<'_> {
        fn schema_name() -> Cow<'static, str> {
            "Moment".into()
        }
        fn json_schema(_: &mut SchemaGenerator) -> Schema {
            json_schema!({
                "type": "string",
                "format": "date-time",
                "pattern": "Z$",
                "description": "RFC 3339 in UTC. Example: `2026-11-22T01:19:18Z`.",
            })
        }
    }

    impl JsonSchema for Amount<'_> {
        fn schema_name() -> Cow<'static, str> {
            "Amount".into()
        }
        fn json_schema(_: &mut SchemaGenerator) -> Schema {
            json_schema!({
                "description": "Exact decimal, at most 28 significant digits. Text by default (`\"12.90\"`), a number \
                                with the setting `amounts = \"number\"`.",
                "anyOf": [{ "type": "string", "pattern": "^-?[0-9]+(\\.[0-9]+)?$" }, { "type": "number" }],
            })
        }
    }

    impl JsonSchema for Named<'_> {
        fn inline_schema() -> bool {
            true
        }
        fn schema_name() -> Cow<'static, str> {
            "Named".into()
        }
        fn json_schema(generator: &mut SchemaGenerator) -> Schema {
            <Vec<NamedValue<'_>>>::json_schema(generator)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::number;

    #[test]
    fn numbers_keep_every_digit_and_lose_leading_zeros() {
        for (text, json) in [
            ("12.90", "12.90"),
            ("-0012.50", "-12.50"),
            ("000", "0"),
            ("-0.00", "-0.00"),
            ("00.5", "0.5"),
            ("1234567890123456789012345678", "1234567890123456789012345678"),
        ] {
            assert_eq!(number(text).unwrap().get(), json);
        }
        assert!(number("abc").is_err());
    }
}
