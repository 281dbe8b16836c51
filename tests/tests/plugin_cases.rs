//! Every plugin's cases through wasm, as the host runs them: the same expectations as natively, byte for byte, and the
//! same again at a second run.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::path::{Path, PathBuf};

use orderdock::domain::call::{self, DeliveryKind};
use orderdock_plugin::testing::{self, Mode};
use orderdock_tests::through_wasm::ThroughWasm;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

fn cases_agree(plugin: &str) -> call::Description {
    let mut wasm = ThroughWasm::open(plugin);
    let problems = testing::run(&mut wasm, &root().join("plugins").join(plugin).join("cases"), Mode::Compare);
    assert!(problems.is_empty(), "{plugin} through wasm differs from its cases:\n\n{}", problems.join("\n\n"));
    wasm.description
}

#[test]
fn json_post_gives_the_same_through_wasm() {
    assert_eq!(cases_agree("json-post").deliveries, [DeliveryKind::Http]);
}

#[test]
fn xml_drop_gives_the_same_through_wasm() {
    assert_eq!(cases_agree("xml-drop").deliveries, [DeliveryKind::Files]);
}

#[test]
fn attache_kfi_gives_the_same_through_wasm() {
    let description = cases_agree("attache-kfi");
    assert!(description.folders.iter().any(|folder| folder.name == "failure"), "the failure folder is a need");
}

#[test]
fn every_plugin_of_the_tree_is_in_this_suite() {
    let suite = include_str!("plugin_cases.rs");
    for entry in std::fs::read_dir(root().join("plugins")).unwrap().filter_map(Result::ok) {
        let name = entry.file_name().to_string_lossy().into_owned();
        if entry.path().join("Cargo.toml").exists() {
            assert!(suite.contains(&format!("cases_agree(\"{name}\")")), "add a test for plugins/{name}");
        }
    }
}
