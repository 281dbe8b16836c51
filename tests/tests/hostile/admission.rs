//! What may become a release, and how releases are kept.

use std::sync::Arc;

use orderdock::{
    domain::{admission::Item, id::Digest},
    plugin::{AdmissionError, Brief, Mapper, PluginFault, Runtime, Settings, judge},
};

use crate::bench::{Counter, context, guest, order, path, runtime, settings, tables};

#[tokio::test]
async fn what_is_not_a_plugin_is_told_apart() {
    let (runtime, _dir) = runtime(Settings { component_bytes: 1 << 20, ..settings() });
    let refused = async |bytes: Vec<u8>| runtime.admit(&bytes).await.expect_err("it was admitted");
    assert!(matches!(refused(vec![0; (1 << 20) + 1]).await, AdmissionError::TooLarge { .. }));
    assert!(matches!(refused(b"#!/bin/sh\n".to_vec()).await, AdmissionError::NotWasm(_)));
    assert!(matches!(refused(wat::parse_str("(module)").unwrap()).await, AdmissionError::CoreModule));
    let cut = guest("hostile").get(..20_000).unwrap().to_vec();
    let error = refused(cut).await;
    assert!(matches!(error, AdmissionError::NotWasm(_)), "{error}");
    let undeclared = wat::parse_str(r#"(component (import "acme:net/socket@1.0.0" (instance)))"#).unwrap();
    let AdmissionError::ForbiddenImports { imports, allowed } = refused(undeclared).await else {
        panic!("the import was let through")
    };
    assert_eq!(imports, ["acme:net/socket@1.0.0"]);
    assert!(allowed.iter().any(|allowed| allowed.starts_with("wasi:io")));
    let empty = refused(wat::parse_str("(component)").unwrap()).await;
    assert!(matches!(empty, AdmissionError::WrongWorld(_)), "{empty}");
    assert!(empty.to_string().contains("`orderdock:plugin/mapper@0.1.0`; it exports nothing"), "{empty}");
    let later = OTHER_WORLD.replace("@0.1.0", "@0.3.0");
    let later = refused(wat::parse_str(later).unwrap()).await;
    assert!(later.to_string().contains("it exports `orderdock:plugin/mapper@0.3.0`"), "{later}");
}

#[tokio::test]
async fn a_release_is_found_again_after_a_restart_and_made_anew_when_damaged() {
    let (runtime, dir) = runtime(settings());
    let (release, _) = runtime.admit(&guest("hostile")).await.unwrap();
    drop(runtime);
    let code = dir.path().join("code");
    for damage in [false, true] {
        if damage {
            for file in std::fs::read_dir(&code).unwrap() {
                let path = file.unwrap().path();
                if path.extension().is_some_and(|extension| extension == "cwasm") {
                    let mut bytes = std::fs::read(&path).unwrap();
                    let middle = bytes.len() / 2;
                    bytes[middle] ^= 0xff;
                    std::fs::write(&path, bytes).unwrap();
                }
            }
        }
        let runtime = Runtime::new(settings(), &code, Arc::new(Counter::default())).unwrap();
        assert!(runtime.knows(&release));
        let called = runtime.map_order(&release, order(1), context("good"), tables()).await;
        assert_eq!(path(&called), "good");
    }
}

#[tokio::test]
async fn an_unknown_release_is_not_loaded() {
    let (runtime, _dir) = runtime(settings());
    for name in ["0".repeat(64), "../../etc/passwd".to_owned()] {
        let release = Digest(name);
        assert!(!runtime.knows(&release));
        let called = runtime.map_order(&release, order(1), context("good"), tables()).await;
        assert!(matches!(called.result, Err(PluginFault::NotLoaded { .. })), "{:?}", called.result);
    }
}

/// A component with the right interface and other functions in it.
const OTHER_WORLD: &str = r#"(component
    (core module $m (func (export "f") (result i32) i32.const 7))
    (core instance $i (instantiate $m))
    (func $f (result u32) (canon lift (core func $i "f")))
    (instance $mapper (export "describe" (func $f)) (export "map-order" (func $f)) (export "parse-response" (func $f)))
    (export "orderdock:plugin/mapper@0.1.0" (instance $mapper)))"#;

/// The same with `more` in front.
fn other_world(more: &str) -> Vec<u8> {
    wat::parse_str(OTHER_WORLD.replacen("(component", &format!("(component {more}"), 1)).unwrap()
}

#[tokio::test]
async fn functions_with_other_types_are_named_before_the_first_order() {
    let (runtime, _dir) = runtime(settings());
    let error = runtime.admit(&other_world("")).await.unwrap_err();
    let AdmissionError::WrongWorld(reason) = &error else { panic!("{error}") };
    for name in ["describe", "map-order", "parse-response"] {
        assert!(reason.contains(&format!("`{name}` has other types")), "{reason}");
    }
}

/// What is found about an item of a component of another world, which can be started all the same.
async fn found(item: Item, more: &str) -> String {
    let (runtime, _dir) = runtime(settings());
    let admission = judge(&runtime, &other_world(more), &Brief::default(), &|_, _| {}).await.admission;
    admission.item(item).unwrap().found.join("\n")
}

#[tokio::test]
async fn several_memories_share_one_limit() {
    let memory = "(core module $a (memory 150)) (core instance (instantiate $a)) (core instance (instantiate $a))";
    let said = found(Item::Description, memory).await;
    assert!(said.contains("ran out of memory while describing itself"), "{said}");
    let many = format!("(core module $a (memory 1)) {}", "(core instance (instantiate $a))".repeat(9));
    let said = found(Item::Needs, &many).await;
    assert!(said.contains("9 Wasm linear memories"), "{said}");
    let said = found(Item::Needs, "(core module $a (memory 300)) (core instance (instantiate $a))").await;
    assert!(said.contains("19660800"), "{said}");
}

#[tokio::test]
async fn features_that_are_off_are_refused() {
    let (runtime, _dir) = runtime(settings());
    for module in [
        "(core module (memory i64 1))",
        "(core module (memory 1 1 shared))",
        "(core module (tag $e) (func throw $e))",
        "(core module (type (struct)))",
    ] {
        let error = runtime.admit(&other_world(module)).await.unwrap_err();
        assert!(matches!(error, AdmissionError::Compile(_)), "{module}: {error}");
    }
}

#[tokio::test]
async fn a_start_function_without_end_is_stopped_too() {
    let start = "(core module $a (func $f (loop br 0)) (start $f)) (core instance (instantiate $a))";
    let said = found(Item::Description, start).await;
    assert!(said.contains("CPU units while describing itself"), "{said}");
}

#[tokio::test]
async fn a_hundred_megabytes_are_refused_by_their_size_alone() {
    let (runtime, _dir) = runtime(Settings::default());
    let error = runtime.admit(&vec![0; 100_000_000]).await.unwrap_err();
    assert!(matches!(error, AdmissionError::TooLarge { .. }), "{error}");
    assert!(error.to_string().contains("100000000"), "{error}");
}

#[tokio::test]
async fn the_least_recently_used_release_is_dropped_and_comes_back() {
    let (runtime, _dir) = runtime(Settings { loaded_releases: 1, ..settings() });
    let (first, _) = runtime.admit(&guest("hostile")).await.unwrap();
    let (second, _) = runtime.admit(&guest("wasi-printer")).await.unwrap();
    for release in [&first, &second, &first, &second] {
        let called = runtime.map_order(release, order(1), context("good"), tables()).await;
        assert!(matches!(called.result, Ok(Ok(_))), "{:?}", called.result);
    }
    assert_eq!(runtime.loaded(), 1);
}
