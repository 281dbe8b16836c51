//! Compiling apart: whatever a component does to the compiler, the host goes on and says what it was.

use std::{fmt::Write as _, time::Duration};

use orderdock::plugin::{AdmissionError, Apart, Compile, Mapper as _, Settings};
use orderdock_tests::rig::orderdock;

use crate::bench::{context, guest, order, runtime, settings, tables};

fn apart(memory_bytes: u64, time: Duration) -> Settings {
    Settings { compile: Compile::Apart(Apart { program: orderdock(), memory_bytes, time }), ..settings() }
}

const ROOM: u64 = 2 << 30;
const LONG: Duration = Duration::from_secs(120);

/// A component with one function so long that compiling it takes hundreds of megabytes and many seconds.
fn explosive(instructions: usize) -> Vec<u8> {
    let mut text = String::from("(component (core module (func (param i32) (result i32) (local i32)");
    for n in 0..instructions {
        write!(text, " local.get 1 i32.const {n} i32.mul local.set 1 local.get 1 (if (then local.get 0 local.set 1))")
            .unwrap();
    }
    text.push_str(" local.get 1)))");
    wat::parse_str(&text).unwrap()
}

fn reason(error: AdmissionError) -> String {
    match error {
        AdmissionError::Compile(reason) => reason,
        other => panic!("it was not the compiler: {other}"),
    }
}

#[tokio::test]
async fn a_release_compiled_apart_runs_here() {
    let (runtime, _dir) = runtime(apart(ROOM, LONG));
    let (release, description) = runtime.admit(&guest("hostile")).await.unwrap();
    assert_eq!(description.name, "hostile");
    let called = runtime.map_order(&release, order(1), context("good"), tables()).await;
    assert!(matches!(called.result, Ok(Ok(_))), "{:?}", called.result);
}

#[tokio::test]
async fn a_component_that_eats_the_compilers_memory_is_refused_and_nothing_else_happens() {
    let (runtime, _dir) = runtime(apart(96 << 20, LONG));
    let said = reason(runtime.admit(&explosive(40_000)).await.unwrap_err());
    assert!(said.contains("needs more than 100663296 bytes of memory"), "{said}");
    assert!(said.contains("plugins.compile_memory"), "{said}");
    assert_eq!(runtime.loaded(), 0);
}

#[tokio::test]
async fn a_component_that_keeps_the_compiler_busy_is_stopped_in_time() {
    let (runtime, _dir) = runtime(apart(ROOM, Duration::from_millis(300)));
    let said = reason(runtime.admit(&explosive(40_000)).await.unwrap_err());
    assert!(said.contains("took longer than 0.3 s") && said.contains("plugins.compile_time"), "{said}");
}

#[tokio::test]
async fn what_the_compiler_says_of_a_damaged_component_comes_through() {
    let (runtime, _dir) = runtime(apart(ROOM, LONG));
    let bad = wat::parse_str("(component (core module (memory i64 1)))").unwrap();
    let said = reason(runtime.admit(&bad).await.unwrap_err());
    assert!(said.contains("memory64") && !said.contains("error: "), "{said}");
    let missing = Compile::Apart(Apart { program: "no/such/program".into(), memory_bytes: ROOM, time: LONG });
    let (runtime, _dir) = crate::bench::runtime(Settings { compile: missing, ..settings() });
    let said = reason(runtime.admit(&guest("hostile")).await.unwrap_err());
    assert!(said.contains("no/such/program"), "{said}");
}

/// The compiler is fed what anybody uploads: it gets nothing of the host's.
#[tokio::test]
async fn the_compiler_gets_no_environment() {
    let dir = tempfile::tempdir().unwrap();
    let program = dir.path().join("spy");
    std::fs::write(&program, "#!/bin/sh\n/usr/bin/env >&2\nexit 1\n").unwrap();
    std::fs::set_permissions(&program, std::os::unix::fs::PermissionsExt::from_mode(0o700)).unwrap();
    let spied = Compile::Apart(Apart { program, memory_bytes: ROOM, time: LONG });
    let (runtime, _dir) = runtime(Settings { compile: spied, ..settings() });
    let said = reason(runtime.admit(&guest("hostile")).await.unwrap_err());
    assert!(said.contains("MIMALLOC_ARENA_RESERVE") && !said.contains("HOME=") && !said.contains("USER="), "{said}");
}
