//! The same plugin in every language. Each passes json-post's cases through the host's real runtime, byte for byte, with the
//! host's own limits; each template passes the template's cases.
#![expect(clippy::unwrap_used, clippy::print_stderr, reason = "tests")]

use std::path::{Path, PathBuf};
use std::time::Instant;

use orderdock_plugin::testing::{self, Case, Mode};
use orderdock_tests::through_wasm::{ThroughWasm, component};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

/// Cases whose expected sentence is in the words of Rust's JSON library. The first three are settings that the host's check
/// against the schema refuses before any plugin sees them.
const IN_RUSTS_WORDS: [&str; 4] = [
    "settings-with-a-bad-path",
    "settings-with-an-unknown-name",
    "settings-with-an-unknown-value",
    "shop-order-is-broken",
];

/// A component of a language; none where its tool chain could not be had, which `cargo xtask sdk` has noted and told.
fn open(title: &str, language: &str) -> Option<ThroughWasm> {
    let note = component("languages/x").with_file_name(format!("{language}.skipped"));
    if let Ok(reason) = std::fs::read_to_string(note) {
        eprintln!("SKIPPED {reason}");
        return None;
    }
    let started = now();
    let wasm = ThroughWasm::open(&format!("languages/{title}-{language}"));
    eprintln!("{title}-{language}: admitted in {} ms", started.elapsed().as_millis());
    Some(wasm)
}

#[expect(clippy::disallowed_methods, reason = "a figure for the person who runs the test")]
fn now() -> Instant {
    Instant::now()
}

/// Runs cases, and says what the costliest used.
fn agree(wasm: &mut ThroughWasm, what: &str, cases: &[PathBuf]) {
    let mut problems = Vec::new();
    for folder in cases {
        let case = Case::load(folder).unwrap();
        let found = testing::run_case(wasm, &case, Mode::Compare);
        problems.extend(found.into_iter().map(|text| format!("case {}: {text}", case.name)));
    }
    assert!(problems.is_empty(), "{what} differs from the shared suite:\n\n{}", problems.join("\n\n"));
    let worst = wasm.worst;
    eprintln!(
        "{what}: worst case {} of {} CPU units, {} kB of memory, {} µs",
        worst.cpu_used,
        worst.cpu_allowed,
        worst.memory_peak / 1000,
        worst.wall_us
    );
    // An author's plugin may do more than these: the budget must leave room.
    assert!(worst.cpu_used < worst.cpu_allowed / 4, "{what} uses too much of the CPU budget: {worst:?}");
    assert!(worst.memory_peak < worst.memory_allowed / 4, "{what} uses too much of the memory: {worst:?}");
}

fn language(name: &str) {
    if let Some(mut wasm) = open("json-post", name) {
        let rust = ThroughWasm::open("json-post").description;
        assert_eq!(wasm.description.settings_schema, rust.settings_schema, "{name}: other settings than in Rust");
        assert_eq!((&wasm.description.purposes, &wasm.description.deliveries), (&rust.purposes, &rust.deliveries));
        assert_eq!(wasm.description.name, format!("json-post-{name}"));
        let mut cases = testing::list(&root().join("plugins/json-post/cases")).unwrap();
        cases.retain(|case| !IN_RUSTS_WORDS.iter().any(|name| case.ends_with(name)));
        assert!(cases.len() >= 20);
        agree(&mut wasm, &format!("json-post-{name}"), &cases);
    }
    if let Some(mut wasm) = open("template", name) {
        let own = testing::list(&root().join(format!("sdk/{name}/template/cases"))).unwrap();
        agree(&mut wasm, &format!("template-{name}"), &own);
        // All templates are one plugin: what one learned in a language holds in the next.
        let rust = testing::list(&root().join("sdk/rust/template/cases")).unwrap();
        agree(&mut wasm, &format!("template-{name}, cases of Rust's"), &rust);
    }
}

#[test]
fn javascript() {
    language("js");
}

#[test]
fn c() {
    language("c");
}

#[test]
fn go() {
    language("go");
}

#[test]
fn python() {
    language("python");
}

#[test]
fn every_sdk_is_in_this_suite() {
    let suite = include_str!("languages.rs");
    for entry in std::fs::read_dir(root().join("sdk")).unwrap().filter_map(Result::ok) {
        let name = entry.file_name().to_string_lossy().into_owned();
        if entry.path().join("template").exists() && name != "rust" {
            assert!(suite.contains(&format!("language(\"{name}\")")), "add a test for sdk/{name}");
        }
    }
}
