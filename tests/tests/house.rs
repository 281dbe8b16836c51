//! The house's rules, kept by a machine: `ARCHITECTURE.md` gives their reasons. Each failure says what to do instead.
#![expect(clippy::expect_used, reason = "tests")]

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the workspace").to_owned()
}

fn rust_files(folder: &str) -> Vec<(String, String)> {
    let base = root().join(folder);
    let mut files: Vec<_> = walkdir::WalkDir::new(&base)
        .into_iter()
        .filter_entry(|entry| entry.file_name() != "target")
        .filter_map(Result::ok)
        .filter(|entry| entry.path().extension().is_some_and(|ending| ending == "rs"))
        .map(|entry| {
            let name = entry.path().strip_prefix(root()).expect("below the root").display().to_string();
            (name, std::fs::read_to_string(entry.path()).expect("readable source"))
        })
        .collect();
    files.sort();
    assert!(!files.is_empty(), "no source below {folder}");
    files
}

/// Code without comments and without test modules at the end of a file.
fn code(text: &str) -> String {
    let text = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or(text);
    text.lines().map(|line| line.split("//").next().unwrap_or(line)).collect::<Vec<_>>().join("\n")
}

fn room(file: &str) -> &str {
    let inside = file.strip_prefix("host/src/").unwrap_or(file);
    inside.split(['/', '.']).next().unwrap_or(inside)
}

fn is_test(file: &str) -> bool {
    file.ends_with("/tests.rs") || file.contains("/tests/")
}

#[test]
fn each_foreign_technology_has_one_room() {
    let homes: &[(&str, &[&str])] = &[
        ("sqlx", &["ledger"]),
        ("rusqlite", &["ledger"]),
        ("wasmtime", &["plugin"]),
        ("axum", &["admin"]),
        ("lettre", &["notify"]),
        ("clap", &["cli", "main"]),
        ("reqwest", &["shop", "registry"]),
        ("hyper", &["destination"]),
        ("chacha20poly1305", &["seal"]),
        ("ring::signature", &["signature"]),
        ("quick_xml", &["compare"]),
        ("prometheus", &["metrics"]),
    ];
    let mut wrong = Vec::new();
    for (file, text) in rust_files("host/src") {
        for (technology, rooms) in homes {
            let used = code(&text).contains(&format!("{technology}::"));
            if used && !rooms.contains(&room(&file)) {
                wrong.push(format!("{file} uses {technology}: it belongs into {rooms:?}; put a type of ours between"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn dependencies_point_in_one_direction() {
    // Room → rooms it may use, besides itself. `domain` is everybody's.
    let allowed: &[(&str, &[&str])] = &[
        // `failpoint` is everybody's too, and no room in this sense: in a release nothing of it is left.
        ("domain", &[]),
        ("seal", &["domain"]),
        ("ledger", &["domain"]),
        ("shop", &["domain"]),
        ("plugin", &["domain"]),
        ("destination", &["domain"]),
        ("registry", &["domain"]),
        ("signature", &["domain"]),
        ("notify", &["domain"]),
        ("metrics", &["domain"]),
        ("config", &["domain"]),
        ("compare", &["domain"]),
        ("cases", &["domain", "plugin"]),
        (
            "pipeline",
            &["domain", "ledger", "shop", "plugin", "destination", "notify", "seal", "config", "compare", "metrics"],
        ),
        ("admin", &["domain", "ledger", "shop", "pipeline", "config", "metrics"]),
        (
            "cli",
            &[
                "domain",
                "ledger",
                "shop",
                "plugin",
                "registry",
                "signature",
                "destination",
                "notify",
                "seal",
                "config",
                "compare",
                "metrics",
                "pipeline",
                "admin",
                "cases",
            ],
        ),
    ];
    let rooms: BTreeSet<&str> = allowed.iter().map(|(room, _)| *room).collect();
    let mut wrong = Vec::new();
    for (file, text) in rust_files("host/src") {
        let here = room(&file);
        let Some((_, may)) = allowed.iter().find(|(name, _)| *name == here) else { continue };
        if is_test(&file) {
            continue;
        }
        let code = code(&text).replace("crate::{", "crate::{ crate::");
        for target in &rooms {
            let direct = code.contains(&format!("crate::{target}::")) || code.contains(&format!("crate::{target};"));
            let listed = code.contains("use crate::{") && {
                code.split("use crate::{").skip(1).any(|rest| {
                    let block = rest.split("};").next().unwrap_or(rest);
                    block.lines().any(|line| {
                        let line = line.trim().trim_start_matches("crate::");
                        line.starts_with(&format!("{target}::")) || line.trim_end_matches(',') == *target
                    })
                })
            };
            if (direct || listed) && *target != here && !may.contains(target) {
                wrong.push(format!("{file}: {here} must not use {target}; {here} may use {may:?}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_file_says_what_it_holds() {
    let silent: Vec<String> = ["host/src", "sdk", "plugins", "tests", "xtask"]
        .into_iter()
        .flat_map(rust_files)
        .filter(|(_, text)| !text.starts_with("//!") && !text.starts_with("#![doc"))
        .map(|(file, _)| file)
        .collect();
    assert!(silent.is_empty(), "begin each file with `//!` and one sentence: {silent:?}");
}

#[test]
fn no_catch_all_modules() {
    let banned = ["util", "utils", "helper", "helpers", "common", "core", "manager", "misc"];
    let found: Vec<String> = ["host/src", "sdk", "plugins", "xtask"]
        .into_iter()
        .flat_map(rust_files)
        .map(|(file, _)| file)
        .filter(|file| {
            Path::new(file).iter().any(|part| {
                let stem = part.to_str().unwrap_or_default().trim_end_matches(".rs");
                banned.contains(&stem)
            })
        })
        .collect();
    assert!(found.is_empty(), "name a module by what it is about: {found:?}");
}

/// Longer files are a second look's worth; these have had it.
const LONG: &[(&str, &str)] = &[];

#[test]
fn long_files_have_a_reason() {
    let mut wrong = Vec::new();
    for (file, text) in ["host/src", "sdk", "plugins", "xtask"].into_iter().flat_map(rust_files) {
        let lines = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or(&text).lines().count();
        let excused = LONG.iter().any(|(known, _)| *known == file);
        if lines > 500 && !excused && !is_test(&file) {
            wrong.push(format!(
                "{file} has {lines} lines without its tests: divide it, or list it in LONG with a reason"
            ));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_map_names_every_room_and_no_other() {
    let map = std::fs::read_to_string(root().join("ARCHITECTURE.md")).expect("ARCHITECTURE.md");
    let mut wrong = Vec::new();
    for entry in std::fs::read_dir(root().join("host/src")).expect("host/src").filter_map(Result::ok) {
        let name = entry.file_name().to_string_lossy().trim_end_matches(".rs").to_owned();
        if !map.contains(&format!("`{name}/`")) && !map.contains(&format!("`{name}`")) {
            wrong.push(format!("ARCHITECTURE.md does not name `{name}`"));
        }
    }
    for (_, rest) in map.match_indices("| `").map(|(at, _)| (at, &map[at + 3..])) {
        let Some(name) = rest.split('`').next().filter(|name| name.ends_with('/') && !name.contains(' ')) else {
            continue;
        };
        let place = name.trim_end_matches('/');
        let there = [root().join("host/src").join(place), root().join(place)].iter().any(|path| path.exists());
        if !there {
            wrong.push(format!("ARCHITECTURE.md names `{name}`, which is not there"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_pipeline_step_is_on_the_map() {
    let map = std::fs::read_to_string(root().join("ARCHITECTURE.md")).expect("ARCHITECTURE.md");
    let missing: Vec<String> = std::fs::read_dir(root().join("host/src/pipeline"))
        .expect("pipeline")
        .filter_map(Result::ok)
        .map(|entry| entry.file_name().to_string_lossy().trim_end_matches(".rs").to_owned())
        .filter(|name| name != "mod" && name != "tests" && !map.contains(&format!("`{name}`")))
        .collect();
    assert!(missing.is_empty(), "ARCHITECTURE.md, \"an order's journey\", lacks the steps {missing:?}");
}

#[test]
fn the_pipeline_tries_branches_in_their_order() {
    let wrong: Vec<String> = rust_files("host/src/pipeline")
        .into_iter()
        .filter(|(_, text)| {
            let flat: String = code(text).split_whitespace().collect();
            flat.matches("select!{").count() != flat.matches("select!{biased;").count()
        })
        .map(|(file, _)| file)
        .collect();
    assert!(wrong.is_empty(), "begin each `select!` with `biased;`, or the simulation can't replay a seed: {wrong:?}");
}

/// Promises name the tests that keep them; a name that nobody has is a promise that nobody keeps.
#[test]
fn the_tests_that_promises_name_are_there() {
    let page = std::fs::read_to_string(root().join("docs/reliability.md")).expect("docs/reliability.md");
    let sources: Vec<_> = ["tests/tests", "host/src"].into_iter().flat_map(rust_files).collect();
    let mut wrong = Vec::new();
    let mut named = 0;
    for word in page.split('`').skip(1).step_by(2) {
        let (suite, test) = match word.split_once("::") {
            Some((suite, test)) if !suite.contains(' ') => (suite, test),
            None if word.matches('_').count() >= 3 => ("", word),
            _ => continue,
        };
        named += 1;
        let folder = if suite.is_empty() { "host/src/".to_owned() } else { format!("tests/tests/{suite}") };
        let declared = format!("fn {test}(");
        if !sources.iter().any(|(file, text)| file.starts_with(&folder) && text.contains(&declared)) {
            wrong.push(format!("docs/reliability.md names `{word}`: there is no such test below {folder}"));
        }
    }
    assert!(named > 30, "only {named} tests were found in docs/reliability.md");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_dependency_has_its_reason() {
    let map = std::fs::read_to_string(root().join("ARCHITECTURE.md")).expect("ARCHITECTURE.md");
    let manifest = std::fs::read_to_string(root().join("Cargo.toml")).expect("Cargo.toml");
    let manifest: toml::Table = manifest.parse().expect("a manifest");
    let all = manifest["workspace"]["dependencies"].as_table().expect("dependencies");
    let missing: Vec<&String> =
        all.keys().filter(|name| !name.starts_with("orderdock") && !map.contains(&format!("`{name}`"))).collect();
    assert!(missing.is_empty(), "give each dependency its reason in ARCHITECTURE.md: {missing:?}");
}

#[test]
fn every_plugin_has_cases_and_a_readme() {
    for entry in std::fs::read_dir(root().join("plugins")).expect("plugins").filter_map(Result::ok) {
        let folder = entry.path();
        if !folder.join("Cargo.toml").exists() {
            continue;
        }
        let cases = std::fs::read_dir(folder.join("cases")).map(|cases| cases.count()).unwrap_or(0);
        assert!(cases >= 12, "{} has {cases} cases; 12 are the least", folder.display());
        assert!(folder.join("README.md").exists(), "{} has no README.md", folder.display());
    }
}

#[test]
fn both_databases_have_the_same_migrations() {
    let names = |folder: &str| -> BTreeSet<String> {
        std::fs::read_dir(root().join("host/migrations").join(folder))
            .expect("migrations")
            .filter_map(Result::ok)
            .map(|entry| entry.file_name().to_string_lossy().into_owned())
            .collect()
    };
    assert_eq!(names("sqlite"), names("postgres"), "a migration is written for both databases, under one name");
}

/// A switch for killing the host exists for tests only: it needs a feature that no default has and a debug build, and what
/// stands in its place elsewhere does nothing.
#[test]
fn a_release_has_no_failpoints() {
    let read = |name: &str| std::fs::read_to_string(root().join(name)).expect(name);
    let table: toml::Table = read("host/Cargo.toml").parse().expect("a manifest");
    let features = table["features"].as_table().expect("features");
    assert!(features.get("failpoints").is_some(), "the feature has another name now: change this test");
    assert!(features.get("default").is_none(), "a default feature of the host could bring the failpoints along");
    for manifest in
        ["Cargo.toml", "xtask/Cargo.toml", "sdk/build/Cargo.toml", "sdk/rust/Cargo.toml", "sdk/order/Cargo.toml"]
    {
        assert!(!read(manifest).contains("\"failpoints\""), "{manifest} turns the failpoints on: only the tests may");
    }
    let module = read("host/src/failpoint/mod.rs");
    let gate = "#[cfg(all(feature = \"failpoints\", debug_assertions))]\n";
    for line in ["mod armed;", "pub use armed::"] {
        assert!(module.contains(&format!("{gate}{line}")), "`{line}` must stand behind the feature and a debug build");
    }
    for (file, text) in rust_files("host/src/failpoint") {
        assert!(!code(&text).contains("crate::"), "{file}: failpoints know no room");
    }
    let elsewhere: Vec<String> = rust_files("host/src")
        .into_iter()
        .filter(|(file, text)| room(file) != "failpoint" && text.contains("feature = \"failpoints\""))
        .map(|(file, _)| file)
        .collect();
    assert!(elsewhere.is_empty(), "{elsewhere:?} ask for the feature themselves: put it into `failpoint`");
}

#[test]
fn nothing_of_this_machine_is_in_the_tree() {
    let tracked = std::process::Command::new("git").arg("ls-files").current_dir(root()).output();
    let Ok(tracked) = tracked else { return };
    let names = String::from_utf8_lossy(&tracked.stdout).into_owned();
    for name in names.lines().filter(|name| *name != "tests/tests/house.rs") {
        let Ok(text) = std::fs::read_to_string(root().join(name)) else { continue };
        for machine in ["/work/", "/root/"] {
            assert!(!text.contains(machine), "{name} names the machine path {machine}");
        }
    }
}

/// A machine on which nothing was installed by hand has Debian's base system, Rust with a C compiler, and what the set-up brings;
/// `kill`, `ps` and their like come in packages of their own. `git` may be missing: who asks it does without.
#[test]
fn only_programs_that_a_bare_machine_has_are_started() {
    const BASE: &str = "apt-get chown dpkg-query id mount runuser script setsid sh sleep umount unshare";
    const RUST: &str = "cargo cc git rustc rustup";
    const SET_UP: &str = "node npm python3 xmllint";
    let known: BTreeSet<&str> = [BASE, RUST, SET_UP].iter().flat_map(|names| names.split(' ')).collect();
    for folder in ["host", "plugins", "sdk", "tests", "xtask"] {
        for (file, text) in rust_files(folder).iter().filter(|(file, _)| !file.ends_with("/house.rs")) {
            for started in text.split("Command::new(\"").skip(1).filter_map(|rest| rest.split('"').next()) {
                assert!(
                    known.contains(started),
                    "{file} starts `{started}`: use a library, or have the set-up install it"
                );
            }
        }
    }
}
