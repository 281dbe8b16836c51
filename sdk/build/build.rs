//! Lists the files that a new plugin project is made of, so that the program carries them: an author has no copy of this
//! source tree.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

/// Files and folders below the workspace that authors need.
const WANTED: [&str; 31] = [
    "Cargo.toml",
    "Cargo.lock",
    "wit",
    "docs/plugins.md",
    "sdk/order/Cargo.toml",
    "sdk/order/src",
    "sdk/rust/Cargo.toml",
    "sdk/rust/README.md",
    "sdk/rust/src",
    "sdk/rust/template",
    "sdk/js/package.json",
    "sdk/js/README.md",
    "sdk/js/src",
    "sdk/js/types",
    "sdk/js/testing",
    "sdk/js/template",
    "sdk/js/template-ts",
    "sdk/python/requirements.txt",
    "sdk/python/README.md",
    "sdk/python/orderdock",
    "sdk/python/template",
    "sdk/c/README.md",
    "sdk/c/bindings",
    "sdk/c/include",
    "sdk/c/libc",
    "sdk/c/src",
    "sdk/c/template",
    "sdk/go/README.md",
    "sdk/go/bindings",
    "sdk/go/pkg",
    "sdk/go/template",
];

/// What tools leave in a source folder, and what only this tree's tests need.
const NOT: [&str; 8] =
    ["target", "node_modules", "__pycache__", ".venv", "venv", "wit_world", "vectors.test.mjs", "package-lock.json"];

#[expect(clippy::disallowed_methods, reason = "cargo tells a build script by variables where to write")]
fn main() -> Result<(), Box<dyn std::error::Error>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize()?;
    let mut files = Vec::new();
    for wanted in WANTED {
        collect(&root.join(wanted), &mut files)?;
    }
    // The Go module lies at its folder's top, beside what is not wanted.
    for entry in std::fs::read_dir(root.join("sdk/go"))? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if name == "go.mod" || (name.ends_with(".go") && !name.ends_with("_test.go")) {
            collect(&path, &mut files)?;
        }
    }
    files.sort();
    let mut list = String::from("[\n");
    for path in &files {
        let name = path.strip_prefix(&root)?.to_string_lossy().replace('\\', "/");
        writeln!(list, "    ({name:?}, include_bytes!({:?})),", path.display().to_string())?;
    }
    list.push(']');
    std::fs::write(PathBuf::from(std::env::var_os("OUT_DIR").ok_or("OUT_DIR")?).join("files.rs"), list)?;
    Ok(())
}

fn collect(path: &Path, files: &mut Vec<PathBuf>) -> std::io::Result<()> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    if NOT.contains(&name.as_ref())
        || name.ends_with(".wasm")
        || (name == "Cargo.lock" && path.ends_with("template/Cargo.lock"))
    {
        return Ok(());
    }
    println!("cargo::rerun-if-changed={}", path.display());
    if path.is_dir() {
        for entry in std::fs::read_dir(path)? {
            collect(&entry?.path(), files)?;
        }
    } else {
        files.push(path.to_owned());
    }
    Ok(())
}
