//! The same plugin in every language. Each passes json-post's cases through the host's real runtime, byte for byte, with the
//! host's own limits; each template passes the template's cases; each SDK's helpers give what the other languages' give.
#![expect(clippy::unwrap_used, clippy::panic, clippy::print_stderr, reason = "tests")]

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use orderdock_plugin::testing::{self, Case, Mapper as _, Mode};
use orderdock_tests::{
    rig::Rig,
    through_wasm::{ThroughWasm, component, refused},
};

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

/// Whether the language's tool chain could not be had, which `cargo xtask sdk` has noted and told.
fn is_skipped(language: &str) -> bool {
    let note = component("languages/x").with_file_name(format!("{language}.skipped"));
    match std::fs::read_to_string(note) {
        Ok(reason) => {
            eprintln!("SKIPPED {reason}");
            true
        }
        Err(_) => false,
    }
}

/// A component of a language; none where the language is skipped.
fn open(title: &str, language: &str) -> Option<ThroughWasm> {
    if is_skipped(language) {
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
    if let Some(folder) = cases.iter().find(|case| case.ends_with("eight-lines")) {
        let case = Case::load(folder).unwrap();
        let mut times: Vec<u64> = (0..40)
            .map(|_| {
                wasm.map_order(&case.order, &case.context, &case.tables).unwrap().unwrap();
                wasm.last.wall_us
            })
            .collect();
        times.sort_unstable();
        eprintln!(
            "{what}: eight lines {} CPU units, {} kB of memory, {} µs at best, {} µs in the middle, of a build for tests",
            wasm.last.cpu_used,
            wasm.last.memory_peak / 1000,
            times.first().unwrap(),
            times.get(20).unwrap()
        );
    }
    // An author's plugin may do more than these: the budget must leave room.
    assert!(worst.cpu_used < worst.cpu_allowed / 4, "{what} uses too much of the CPU budget: {worst:?}");
    assert!(worst.memory_peak < worst.memory_allowed / 4, "{what} uses too much of the memory: {worst:?}");
}

/// json-post's cases that every language can pass.
fn shared_cases() -> Vec<PathBuf> {
    let mut cases = testing::list(&root().join("plugins/json-post/cases")).unwrap();
    cases.retain(|case| !IN_RUSTS_WORDS.iter().any(|name| case.ends_with(name)));
    assert!(cases.len() >= 20);
    cases
}

fn language(name: &str) {
    if let Some(mut wasm) = open("json-post", name) {
        let rust = ThroughWasm::open("json-post").description;
        assert_eq!(wasm.description.settings_schema, rust.settings_schema, "{name}: other settings than in Rust");
        assert_eq!((&wasm.description.purposes, &wasm.description.deliveries), (&rust.purposes, &rust.deliveries));
        assert_eq!(wasm.description.name, format!("json-post-{name}"));
        agree(&mut wasm, &format!("json-post-{name}"), &shared_cases());
    }
    if let Some(mut wasm) = open("template", name) {
        let own = testing::list(&root().join(format!("sdk/{name}/template/cases"))).unwrap();
        agree(&mut wasm, &format!("template-{name}"), &own);
        // All templates are one plugin: what one learned in a language holds in the next.
        let rust = testing::list(&root().join("sdk/rust/template/cases")).unwrap();
        agree(&mut wasm, &format!("template-{name}, cases of Rust's"), &rust);
    }
}

/// What the others are measured by.
#[test]
fn rust() {
    agree(&mut ThroughWasm::open("json-post"), "json-post in Rust", &shared_cases());
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

/// A fake shop, the plugin in that language, a fake ERP.
async fn an_order_travels(name: &str) {
    if is_skipped(name) {
        return;
    }
    let mut rig = Rig::bare().await;
    rig.add(&format!("languages/json-post-{name}")).await;
    rig.connect(&format!("plugin.release = \"json-post-{name}@0.1.0\"")).await;
    let order = rig.place();
    rig.serve().await;
    rig.until_status(order, "In Progress").await;
    assert_eq!(rig.sent(order), 1, "{name}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_travels_through_c() {
    an_order_travels("c").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_travels_through_javascript() {
    an_order_travels("js").await;
}

/// What a beginner forgets gets a sentence that says what to type.
#[test]
fn javascript_built_for_the_asynchronous_convention_is_told_what_to_do() {
    if !is_skipped("js") {
        let said = refused("languages/asynchronous-js");
        assert!(said.contains("`--sync`"), "{said}");
    }
}

fn succeeds(command: &mut Command) {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let said = [output.stdout, output.stderr].concat();
    assert!(output.status.success(), "{command:?}:\n{}", String::from_utf8_lossy(&said));
}

fn tool(path: &str) -> PathBuf {
    root().join("target/toolchains").join(path)
}

/// The helpers natively, and the case runner that authors use.
#[test]
fn javascript_without_wasm() {
    if is_skipped("js") {
        return;
    }
    let sdk = root().join("sdk/js");
    succeeds(Command::new("node").args(["--test", "testing/"]).current_dir(&sdk));
    let names = shared_cases().into_iter().map(|case| case.file_name().unwrap().to_owned());
    let cases = root().join("plugins/json-post/cases");
    succeeds(
        Command::new("node").args(["testing/run.mjs", "json-post/plugin.js"]).arg(cases).args(names).current_dir(&sdk),
    );
}

#[test]
fn python_without_wasm() {
    if is_skipped("python") {
        return;
    }
    let sdk = root().join("sdk/python");
    let bindings = tempfile::tempdir().unwrap();
    let mut generate = Command::new(tool("python/bin/componentize-py"));
    generate.arg("--wit-path").arg(root().join("wit")).args(["--world", "plugin", "bindings"]).arg(bindings.path());
    succeeds(&mut generate);
    let path = std::env::join_paths([sdk.as_path(), bindings.path()]).unwrap();
    let python = |folder: &Path| {
        let mut python = Command::new(tool("python/bin/python"));
        python.current_dir(folder).env("PYTHONPATH", &path).env("PYTHONDONTWRITEBYTECODE", "1");
        python
    };
    succeeds(python(&sdk).args(["-m", "unittest", "test_vectors"]));
    let names = shared_cases().into_iter().map(|case| case.file_name().unwrap().to_owned());
    let cases = root().join("plugins/json-post/cases");
    let mut run = python(&sdk.join("json-post"));
    succeeds(run.args(["-m", "orderdock.testing", "plugin"]).arg(cases).args(names));
}

#[test]
fn c_without_wasm() {
    if is_skipped("c") {
        return;
    }
    let sdk = root().join("sdk/c");
    let folder = tempfile::tempdir().unwrap();
    let program = folder.path().join("vectors");
    let mut cc = Command::new("cc");
    cc.args(["-std=c11", "-Wall", "-Wextra", "-Werror", "-Iinclude", "-Ibindings", "tests/vectors.c", "-o"]);
    cc.arg(&program).current_dir(&sdk);
    succeeds(cc.args(["text", "json", "decimal", "names", "contract"].map(|name| format!("src/{name}.c"))));
    succeeds(Command::new(&program).arg(root().join("sdk/vectors/helpers.tsv")));
}

#[test]
fn go_without_wasm() {
    if is_skipped("go") {
        return;
    }
    // Where the set-up found no Go that is new enough, it has installed one.
    let installed = tool("go/bin/go");
    let mut go = Command::new(if installed.exists() { installed } else { PathBuf::from("go") });
    go.args(["test", "."]).current_dir(root().join("sdk/go")).env("GOCACHE", tool("go-cache"));
    succeeds(go.env("GOFLAGS", "-mod=mod").env("GOPROXY", "off").env("GOWORK", "off").env("GOTOOLCHAIN", "local"));
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
