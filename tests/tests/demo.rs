//! The demo, small: all three connections, every scene, and every claim checked; and the benchmarks that need a whole host,
//! in their short form. Needs what `cargo xtask plugins` builds.

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

/// They take too long for a suite; that they run at all, and what they print, is seen in their short form.
#[test]
fn the_benchmarks_of_old_orders_and_of_a_hanging_erp_run() {
    for (section, ratios) in
        [("old", ["old_ratio", "postgres_old_ratio"].as_slice()), ("hanging", &["hanging_p99_ratio"])]
    {
        let bench =
            Command::new(env!("CARGO_BIN_EXE_bench")).args(["--quick", "--json", "--only", section]).output().unwrap();
        let (out, said) = (String::from_utf8_lossy(&bench.stdout), String::from_utf8_lossy(&bench.stderr));
        assert!(bench.status.success(), "{out}\n{said}");
        let read: serde_json::Value = serde_json::from_str(&out).unwrap();
        for ratio in ratios {
            assert!(read["figures"][*ratio].as_f64().is_some_and(|it| it > 0.0), "{ratio}: {out}");
        }
    }
}
