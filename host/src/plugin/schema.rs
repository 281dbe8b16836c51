//! A plugin's settings against its JSON Schema (2020-12): every violation at once.

use serde_json::Value;

use crate::domain::problem::Problem;

/// How many violations are reported.
const REPORTED: usize = 100;

/// What is wrong with a schema itself; nothing if it can be used. It may not point outside itself.
pub(super) fn check(schema: &Value) -> Vec<String> {
    let errors: Vec<String> = match jsonschema::draft202012::meta::validate(schema) {
        Ok(()) => Vec::new(),
        Err(error) => vec![format!("is not a JSON Schema (2020-12): at `{}`: {error}", error.instance_path())],
    };
    if !errors.is_empty() {
        return errors;
    }
    match validator(schema) {
        Ok(_) => Vec::new(),
        Err(reason) => vec![reason],
    }
}

fn validator(schema: &Value) -> Result<jsonschema::Validator, String> {
    jsonschema::draft202012::options()
        .should_validate_formats(true)
        .build(schema)
        .map_err(|error| format!("can't be used as a schema: {error}"))
}

/// Checks settings against a plugin's schema. The place of a problem is a JSON pointer (RFC 6901) into the settings; empty
/// stands for the settings as a whole.
#[must_use]
pub fn settings_check(schema: &Value, settings: &Value) -> Vec<Problem> {
    let validator = match validator(schema) {
        Ok(validator) => validator,
        Err(reason) => {
            return vec![Problem::new("", reason).hint("the plugin's own schema is wrong: tell its publisher")];
        }
    };
    validator
        .iter_errors(settings)
        .take(REPORTED)
        .map(|error| Problem::new(error.instance_path().to_string(), error.to_string()))
        .collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn all_violations_come_at_once_with_their_places() {
        let schema = json!({
            "type": "object",
            "required": ["path"],
            "additionalProperties": false,
            "properties": {"path": {"type": "string"}, "retries": {"type": "integer", "maximum": 5}},
        });
        assert_eq!(check(&schema), Vec::<String>::new());
        assert_eq!(settings_check(&schema, &json!({"path": "x", "retries": 3})), []);
        let problems = settings_check(&schema, &json!({"retries": 9, "colour": "blue"}));
        let places: Vec<_> = problems.iter().map(|problem| problem.place.as_str()).collect();
        assert_eq!(problems.len(), 3, "{problems:?}");
        assert!(places.contains(&"/retries"), "{places:?}");
    }

    #[test]
    fn a_schema_may_not_reach_outside() {
        assert!(!check(&json!({"$ref": "https://example.com/schema.json"})).is_empty());
        assert!(!check(&json!({"type": 7})).is_empty());
    }
}
