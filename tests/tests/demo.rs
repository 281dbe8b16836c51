//! The demo, small: all three connections, every scene, and every claim checked. Needs what `cargo xtask plugins` builds.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::process::Command;

#[test]
fn every_claim_of_the_demo_holds() {
    let folder = tempfile::tempdir().unwrap();
    let demo = Command::new(env!("CARGO_BIN_EXE_demo"))
        .args(["--orders", "8", "--dir"])
        .arg(folder.path().join("demo"))
        .output()
        .unwrap();
    let (out, said) = (String::from_utf8_lossy(&demo.stdout), String::from_utf8_lossy(&demo.stderr));
    assert!(demo.status.success(), "{out}\n{said}");
    assert!(out.contains("Every claim holds.") && !out.contains('✗'), "{out}");
    assert!(!out.contains('\u{1b}'), "no colours where there is no terminal");
}

#[test]
fn a_connection_that_does_not_exist_is_named() {
    let demo = Command::new(env!("CARGO_BIN_EXE_demo")).args(["--only", "dogs"]).output().unwrap();
    let said = String::from_utf8_lossy(&demo.stderr);
    assert!(!demo.status.success());
    assert!(said.contains("`dogs`") && said.contains("acme-json"), "{said}");
}
