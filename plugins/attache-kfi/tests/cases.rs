//! Runs the plugin's cases natively, and checks every XML file among them with another reader.

#![expect(clippy::unwrap_used, reason = "tests")]

use std::path::PathBuf;
use std::process::Command;

use attache_kfi::{AttacheKfi, Settings};
use orderdock_plugin::testing;

/// One test for both, so that blessing is over before the files are read.
#[test]
fn every_case_gives_what_it_expects_and_its_xml_is_well_formed() {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("cases");
    testing::run_cases::<AttacheKfi>(&folder);
    let mut documents = Vec::new();
    for case in testing::list(&folder).unwrap() {
        let Ok(files) = std::fs::read_dir(case.join("expected")) else { continue };
        for path in files.map(|file| file.unwrap().path()) {
            if std::fs::read(&path).unwrap().starts_with(b"<?xml") {
                documents.push(path);
            }
        }
    }
    assert!(documents.len() >= 8, "only {} cases have XML", documents.len());
    let checked = Command::new("xmllint").arg("--noout").args(&documents).output().unwrap();
    assert!(checked.status.success(), "{}", String::from_utf8_lossy(&checked.stderr));
}

fn readme() -> String {
    std::fs::read_to_string(PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("README.md")).unwrap()
}

#[test]
fn the_readme_names_every_setting() {
    let description = orderdock_plugin::plugin::describe::<AttacheKfi>();
    let schema: serde_json::Value = serde_json::from_str(&description.settings_schema).unwrap();
    let readme = readme();
    let missing: Vec<&String> = schema["properties"]
        .as_object()
        .unwrap()
        .iter()
        .filter(|(name, form)| !readme.contains(&format!("`{name}`")) || form["description"].is_null())
        .map(|(name, _)| name)
        .collect();
    assert!(missing.is_empty(), "not in README.md, or without a doc comment: {missing:?}");
}

#[test]
fn the_readme_s_example_is_valid() {
    let readme = readme();
    let (_, example) = readme.split_once("```toml\n").unwrap();
    let (example, _) = example.split_once("```").unwrap();
    let example: toml::Table = example.parse().unwrap();
    let settings: Settings = example["plugin"]["settings"].clone().try_into().unwrap();
    settings.check().unwrap();
}
