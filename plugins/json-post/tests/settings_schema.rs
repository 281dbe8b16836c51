//! The settings as JSON Schema, shipped as a file: the same plugin in the other languages takes it from there.
#![expect(clippy::disallowed_methods, reason = "a test switch; the ban is for the host")]

use json_post::JsonPost;

/// `BLESS=1` writes the file anew.
#[test]
fn the_shipped_settings_schema_is_that_of_the_settings() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/settings.schema.json");
    let schema = orderdock_plugin::plugin::describe::<JsonPost>().settings_schema;
    let made = format!("{:#}\n", serde_json::from_str::<serde_json::Value>(&schema).unwrap());
    if std::env::var_os("BLESS").is_some_and(|value| value == "1") {
        std::fs::write(path, &made).unwrap();
    }
    let kept = std::fs::read_to_string(path).unwrap();
    assert_eq!(kept, made, "run the test with BLESS=1, and bring the SDKs' json-post plugins along");
}
