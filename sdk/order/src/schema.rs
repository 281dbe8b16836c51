//! The JSON Schema (2020-12) of the canonical order, for the `push` shop and for tools.

use schemars::generate::SchemaSettings;

use crate::Order;

/// The JSON Schema of [`Order`] as one document, ready to be written to a file.
#[must_use]
pub fn order_schema() -> serde_json::Value {
    let mut schema = SchemaSettings::draft2020_12().into_generator().into_root_schema_for::<Order>();
    schema.insert("title".to_owned(), "Orderdock canonical order".into());
    schema.to_value()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_order_needs_and_nothing_else() {
        let schema = order_schema();
        let text = |pointer: &str| schema.pointer(pointer).map(ToString::to_string);
        assert_eq!(text("/$schema").as_deref(), Some("\"https://json-schema.org/draft/2020-12/schema\""));
        assert_eq!(
            text("/required").as_deref(),
            Some(r#"["shop_order_id","order_number","placed_at","currency","lines","totals"]"#)
        );
        assert_eq!(text("/additionalProperties").as_deref(), Some("false"));
        assert_eq!(text("/$defs/Line/required").as_deref(), Some(r#"["id","quantity"]"#));
        assert!(text("/$defs/Decimal/pattern").is_some() && text("/$defs/Instant/pattern").is_some());
    }
}
