//! Runs the plugin's cases natively, and keeps the shipped schema true.

#![expect(clippy::unwrap_used, reason = "tests")]

use std::path::PathBuf;

use json_post::JsonPost;
use json_post::document::Document;
use orderdock_plugin::testing;

fn folder(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(name)
}

/// One test for both, so that blessing is over before the bodies are read.
#[test]
fn every_case_gives_what_it_expects_and_bodies_are_valid_against_the_schema() {
    testing::run_cases::<JsonPost>(folder("cases"));
    validate_bodies();
}

fn schema() -> serde_json::Value {
    let generator = schemars::generate::SchemaSettings::draft2020_12().for_serialize().into_generator();
    generator.into_root_schema_for::<Document<'static>>().to_value()
}

/// `BLESS=1` writes the file anew.
#[test]
#[expect(clippy::disallowed_methods, reason = "a test switch; the ban is for the host")]
fn the_shipped_schema_is_that_of_the_types() {
    let path = folder("order.schema.json");
    let made = format!("{:#}\n", schema());
    if std::env::var_os("BLESS").is_some_and(|value| value == "1") {
        std::fs::write(&path, &made).unwrap();
    }
    let kept = std::fs::read_to_string(&path).unwrap();
    assert_eq!(
        kept, made,
        "order.schema.json is not what the types say: run the test with BLESS=1 and look at the diff"
    );
}

fn validate_bodies() {
    let validator = jsonschema::draft202012::new(&schema()).unwrap();
    let mut bodies = 0;
    for case in testing::list(&folder("cases")).unwrap() {
        let Ok(body) = std::fs::read_to_string(case.join("expected/body.json")) else { continue };
        let body = serde_json::from_str(&body).unwrap();
        let problems: Vec<String> =
            validator.iter_errors(&body).map(|problem| format!("{}: {problem}", problem.instance_path())).collect();
        assert!(problems.is_empty(), "{}: {problems:#?}", case.display());
        bodies += 1;
    }
    assert!(bodies >= 8, "only {bodies} cases have a body");
}

#[test]
fn the_schema_refuses_what_it_does_not_know() {
    let validator = jsonschema::draft202012::new(&schema()).unwrap();
    let body = std::fs::read_to_string(folder("cases/eight-lines/expected/body.json")).unwrap();
    let good: serde_json::Value = serde_json::from_str(&body).unwrap();
    assert!(validator.is_valid(&good));
    for (pointer, value) in [
        ("/lines/0/quantity", serde_json::json!("1e3")),
        ("/lines/0/kind", serde_json::json!("goods")),
        ("/placed_at", serde_json::json!("2026-01-02T03:04:05+01:00")),
        ("/totals/gross", serde_json::Value::Null),
    ] {
        let mut bad = good.clone();
        *bad.pointer_mut(pointer).unwrap() = value;
        assert!(!validator.is_valid(&bad), "{pointer}");
    }
    let mut bad = good.clone();
    bad.pointer_mut("/lines/0").and_then(|line| line.as_object_mut()).unwrap().remove("sku");
    assert!(!validator.is_valid(&bad), "every field is always there");
    let mut bad = good.clone();
    bad.as_object_mut().unwrap().insert("surprise".to_owned(), serde_json::json!(1));
    assert!(!validator.is_valid(&bad));
}

/// What the host checks before any order: what goes together, names, forms.
#[test]
fn the_settings_schema_finds_what_it_can() {
    let description = orderdock_plugin::plugin::describe::<JsonPost>();
    let schema: serde_json::Value = serde_json::from_str(&description.settings_schema).unwrap();
    let validator = jsonschema::draft202012::new(&schema).unwrap();
    for good in [
        serde_json::json!({}),
        serde_json::json!({ "success_path": "status", "success_values": ["ok"], "path": "v2/orders?x=1" }),
        serde_json::json!({ "idempotency_header": "Idempotency-Key", "lookup_path": "orders/{order_number}" }),
    ] {
        assert!(validator.is_valid(&good), "{good}");
    }
    for bad in [
        serde_json::json!({ "success_path": "status" }),
        serde_json::json!({ "duplicate_values": ["x"] }),
        serde_json::json!({ "idempotency_seconds": 60 }),
        serde_json::json!({ "idempotency_header": "a", "idempotency_seconds": 0 }),
        serde_json::json!({ "lookup_order_id_path": "a" }),
        serde_json::json!({ "path": "/orders" }),
        serde_json::json!({ "method": "GET" }),
        serde_json::json!({ "massage_path": "x" }),
    ] {
        assert!(!validator.is_valid(&bad), "{bad}");
    }
}
