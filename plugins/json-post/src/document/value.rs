//! How moments, decimals and pairs are written, and what the schema says of them.

use orderdock_plugin::Pair;
use serde_json::value::RawValue;

use super::json::Json;
use crate::settings::Amounts;

/// RFC 3339 in UTC. Example: `2026-11-22T01:19:18Z`.
#[derive(Clone, Copy)]
pub struct Moment<'a>(pub &'a str);

impl Json for Moment<'_> {
    fn write(&self, out: &mut Vec<u8>) {
        self.0.write(out);
    }
}

/// An exact decimal: JSON text by default, a JSON number with the setting `amounts = "number"`.
#[derive(Clone, Copy)]
pub struct Amount<'a> {
    /// The decimal.
    pub text: &'a str,
    /// How it is written.
    pub form: Amounts,
}

impl Json for Amount<'_> {
    fn write(&self, out: &mut Vec<u8>) {
        match self.form {
            Amounts::Text => self.text.write(out),
            Amounts::Number => number(self.text, out),
        }
    }
}

/// The decimal as JSON number, digit by digit. The contract allows leading zeros, JSON does not.
fn number(text: &str, out: &mut Vec<u8>) {
    let (sign, digits) = text.strip_prefix('-').map_or(("", text), |digits| ("-", digits));
    if !digits.starts_with(|letter: char| letter.is_ascii_digit())
        || !digits.ends_with(|letter: char| letter.is_ascii_digit())
        || !digits.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.')
    {
        // The host lets no such decimal through; if one came, the document must still be JSON.
        return text.write(out);
    }
    let significant = digits.trim_start_matches('0');
    out.extend_from_slice(sign.as_bytes());
    if significant.is_empty() || significant.starts_with('.') {
        out.push(b'0');
    }
    out.extend_from_slice(significant.as_bytes());
}

/// Names and values.
#[derive(Clone, Copy)]
pub struct Named<'a>(pub &'a [Pair]);

impl Json for Named<'_> {
    fn write(&self, out: &mut Vec<u8>) {
        out.push(b'[');
        for (index, (name, value)) in self.0.iter().enumerate() {
            out.extend_from_slice(if index > 0 { br#",{"name":"#.as_slice() } else { br#"{"name":"# });
            name.write(out);
            out.extend_from_slice(br#","value":"#);
            value.write(out);
            out.push(b'}');
        }
        out.push(b']');
    }
}

/// The shop's own JSON, byte for byte.
#[derive(Clone, Copy)]
pub struct ShopOrder<'a>(pub Option<&'a RawValue>);

impl Json for ShopOrder<'_> {
    fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(self.0.map_or("null", RawValue::get).as_bytes());
    }
}

#[cfg(not(target_arch = "wasm32"))]
mod schema {
    //! Only documentation and tests need the schema; the component does without.

    use std::borrow::Cow;

    use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};

    use super::{Amount, Moment, Named, ShopOrder};

    /// A name and a value. Names may repeat.
    #[derive(JsonSchema)]
    #[schemars(rename = "Named", deny_unknown_fields)]
    #[expect(dead_code, reason = "stands for the pairs in the schema only")]
    struct NamedValue {
        /// Name.
        name: String,
        /// Value.
        value: String,
    }

    impl JsonSchema for ShopOrder<'_> {
        fn inline_schema() -> bool {
            true
        }
        fn schema_name() -> Cow<'static, str> {
            "ShopOrder".into()
        }
        fn json_schema(_: &mut SchemaGenerator) -> Schema {
            json_schema!(true)
        }
    }

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
            "NamedList".into()
        }
        fn json_schema(generator: &mut SchemaGenerator) -> Schema {
            <Vec<NamedValue>>::json_schema(generator)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::number;

    fn written(text: &str) -> String {
        let mut out = Vec::new();
        number(text, &mut out);
        String::from_utf8(out).unwrap()
    }

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
            assert_eq!(written(text), json);
        }
        for text in ["abc", "", "-", "1.", ".5", "1e3"] {
            assert_eq!(written(text), format!("\"{text}\""));
        }
    }
}
