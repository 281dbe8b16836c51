//! Plugins and test guests: found, compiled for wasm in one go, made into components, and left alone when nothing that
//! goes into them has changed.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use serde_json::Value;
use sha2::{Digest as _, Sha256};
use walkdir::WalkDir;

use crate::workspace::Workspace;
use crate::{run, say};
use orderdock_build::rust::{Compiler, Target};

/// What every guest may be built from, beside its own folder.
const SHARED_INPUTS: [&str; 6] = ["Cargo.toml", "Cargo.lock", ".cargo", "sdk/order", "sdk/rust", "wit/plugin.wit"];

/// What tools leave in a source folder.
const LEFT_BEHIND: [&str; 3] = ["target", "node_modules", "__pycache__"];

/// A crate that becomes a component.
#[derive(Debug)]
struct Guest {
    package: String,
    /// The library's file name without ending.
    library: String,
    folder: PathBuf,
    component: PathBuf,
}

/// Builds everything in `plugins/` and `tests/guests/`.
///
/// # Errors
/// When a crate does not build, or what it builds is not a component's core.
pub fn build_all(workspace: &Workspace, chain: &Compiler) -> anyhow::Result<()> {
    let step = say::Step::start("plugins and test guests into components");
    let mut guests = find(workspace)?;
    if chain.target == Target::Wasip2 {
        // The test guests bind WASI by hand, which that target's own WASI does not tolerate; their tests need no second form.
        let plugins = workspace.components();
        guests.retain(|guest| guest.component.parent() == Some(plugins.as_path()));
    }
    let shared = shared_inputs(workspace, chain)?;
    let mut stale = Vec::new();
    for guest in &guests {
        let inputs = shared.clone().with(&guest.folder)?.finish();
        if !guest.component.exists() || std::fs::read_to_string(stamp(&guest.component)).ok().as_ref() != Some(&inputs)
        {
            stale.push((guest, inputs));
        }
    }
    if chain.target != Target::Wasip2 {
        remove_orphans(workspace, &guests)?;
    }
    if stale.is_empty() {
        step.done(&format!("nothing changed, {} in {}", guests.len(), workspace.short(&workspace.components())));
        return Ok(());
    }
    compile(workspace, chain, &guests)?;
    for (guest, inputs) in &stale {
        let size = componentize(workspace, chain, guest).with_context(|| format!("plugin `{}`", guest.package))?;
        write(&stamp(&guest.component), inputs.as_bytes())?;
        say::line(&format!("    {} ({} kB)", workspace.short(&guest.component), size.div_ceil(1000)));
    }
    step.done(&format!("{} made, {} unchanged", stale.len(), guests.len().saturating_sub(stale.len())));
    Ok(())
}

/// All crates below the two folders, as cargo knows them.
fn find(workspace: &Workspace) -> anyhow::Result<Vec<Guest>> {
    let metadata = workspace.metadata()?;
    let packages = metadata.get("packages").and_then(Value::as_array).context("`cargo metadata` lists no packages")?;
    let homes = [
        (workspace.root().join("plugins"), workspace.components()),
        (workspace.root().join("tests/guests"), workspace.components().join("guests")),
    ];
    let mut guests = Vec::new();
    for package in packages {
        let manifest = Path::new(text(package, "manifest_path")?);
        let Some(folder) = manifest.parent() else { continue };
        for (home, destination) in &homes {
            if folder.parent() == Some(home.as_path()) {
                guests.push(guest(package, folder, destination)?);
            }
        }
    }
    guests.sort_by(|a, b| a.component.cmp(&b.component));
    Ok(guests)
}

fn guest(package: &Value, folder: &Path, destination: &Path) -> anyhow::Result<Guest> {
    let name = text(package, "name")?;
    let targets = package.get("targets").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let is_cdylib = |target: &&Value| {
        target.get("kind").and_then(Value::as_array).is_some_and(|kinds| kinds.iter().any(|kind| kind == "cdylib"))
    };
    let library = targets.iter().find(is_cdylib).with_context(|| {
        format!("`{name}` has no `[lib] crate-type = [\"cdylib\", \"rlib\"]`: no component can be made")
    })?;
    let title = folder.file_name().context("a crate's folder has no name")?.to_string_lossy();
    Ok(Guest {
        package: name.to_owned(),
        library: text(library, "name")?.replace('-', "_"),
        folder: folder.to_owned(),
        component: destination.join(format!("{title}.wasm")),
    })
}

fn text<'a>(value: &'a Value, key: &str) -> anyhow::Result<&'a str> {
    value.get(key).and_then(Value::as_str).with_context(|| format!("`cargo metadata` gives no `{key}`"))
}

/// One cargo run for all, always for all: another selection would unify features differently and compile again.
fn compile(workspace: &Workspace, chain: &Compiler, guests: &[Guest]) -> anyhow::Result<()> {
    let mut cargo = workspace.cargo();
    cargo.args(["build", "--lib", "--profile", "guest", "--target-dir"]).arg(workspace.wasm_target());
    for guest in guests {
        cargo.args(["--package", &guest.package]);
    }
    chain.prepare(&mut cargo);
    run::show(&mut cargo)
}

/// Wraps the compiled module as a component and returns its size in bytes.
fn componentize(workspace: &Workspace, chain: &Compiler, guest: &Guest) -> anyhow::Result<usize> {
    let module = workspace.wasm_target().join(chain.target.triple()).join("guest").join(&guest.library);
    let module = module.with_extension("wasm");
    let bytes = std::fs::read(&module).with_context(|| format!("{} was not built", workspace.short(&module)))?;
    let component = chain.component(bytes)?;
    write(&guest.component, &component)?;
    Ok(component.len())
}

/// A component's stamp: the hash of what it was made from, in a file beside it.
fn stamp(component: &Path) -> PathBuf {
    component.with_extension("wasm.inputs")
}

/// Removes components (and stamps) whose crate is gone, so that no test runs on something that cannot be rebuilt.
fn remove_orphans(workspace: &Workspace, guests: &[Guest]) -> anyhow::Result<()> {
    let wanted: BTreeSet<_> =
        guests.iter().flat_map(|guest| [guest.component.clone(), stamp(&guest.component)]).collect();
    // The other languages' components have their own way of coming and going.
    let ours = |entry: &walkdir::DirEntry| entry.file_name() != "languages";
    for entry in WalkDir::new(workspace.components()).into_iter().filter_entry(ours).flatten() {
        let is_ours = [".wasm", ".wasm.inputs"].iter().any(|end| entry.file_name().to_string_lossy().ends_with(end));
        if is_ours && entry.file_type().is_file() && !wanted.contains(entry.path()) {
            std::fs::remove_file(entry.path())
                .with_context(|| format!("{} could not be removed", workspace.short(entry.path())))?;
        }
    }
    Ok(())
}

/// Writes a file at once: a reader sees the old content or the new, never a part.
pub fn write(path: &Path, content: &[u8]) -> anyhow::Result<()> {
    let folder = path.parent().context("a file without a folder")?;
    // With our number in its name, so that a second run at the same time has its own.
    let temporary = path.with_extension(format!("{}.partial", std::process::id()));
    std::fs::create_dir_all(folder)
        .and_then(|()| std::fs::write(&temporary, content))
        .and_then(|()| std::fs::rename(&temporary, path))
        .with_context(|| format!("{} could not be written", path.display()))
}

/// A hash over everything that something is built from.
#[derive(Clone)]
pub struct Inputs(Sha256);

impl Inputs {
    /// Takes words, such as a compiler's version, and files or folders.
    ///
    /// # Errors
    /// When a file cannot be read.
    pub fn new(words: &[String], paths: &[PathBuf]) -> anyhow::Result<Self> {
        let mut inputs = Self(Sha256::new());
        for word in words {
            inputs.0.update(word);
        }
        for path in paths {
            add_files(&mut inputs.0, path)?;
        }
        Ok(inputs)
    }

    /// Adds a file or a folder.
    ///
    /// # Errors
    /// When a file cannot be read.
    pub fn with(mut self, path: &Path) -> anyhow::Result<Self> {
        add_files(&mut self.0, path)?;
        Ok(self)
    }

    /// The hash as text.
    pub fn finish(self) -> String {
        self.0.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

fn shared_inputs(workspace: &Workspace, chain: &Compiler) -> anyhow::Result<Inputs> {
    let paths: Vec<PathBuf> = SHARED_INPUTS.iter().map(|input| workspace.root().join(input)).collect();
    Inputs::new(&[chain.identity.clone(), chain.target.triple().to_owned()], &paths)
}

/// Adds a file, or all files below a folder, with names and lengths, so that moving bytes between files shows.
fn add_files(hash: &mut Sha256, path: &Path) -> anyhow::Result<()> {
    for entry in WalkDir::new(path)
        .sort_by_file_name()
        .into_iter()
        .filter_entry(|entry| !LEFT_BEHIND.iter().any(|name| entry.file_name() == *name))
    {
        let entry = match entry {
            Ok(entry) => entry,
            Err(error) if error.depth() == 0 => bail!("{} cannot be read: {error}", path.display()),
            // Gone since its folder was listed: an editor's temporary file.
            Err(_) => continue,
        };
        if !entry.file_type().is_file() {
            continue;
        }
        let content =
            std::fs::read(entry.path()).with_context(|| format!("{} cannot be read", entry.path().display()))?;
        let name = entry.path().strip_prefix(path).unwrap_or(entry.path()).to_string_lossy();
        hash.update(format!("{name}\0{}\0", content.len()));
        hash.update(content);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hash(folder: &Path) -> String {
        Inputs::new(&[], &[folder.to_owned()]).unwrap().finish()
    }

    #[test]
    fn the_hash_sees_content_and_names_but_not_build_folders() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("lib.rs"), "one").unwrap();
        let first = hash(folder.path());
        std::fs::create_dir(folder.path().join("target")).unwrap();
        std::fs::write(folder.path().join("target/x"), "built").unwrap();
        assert_eq!(hash(folder.path()), first);
        std::fs::write(folder.path().join("lib.rs"), "two").unwrap();
        assert_ne!(hash(folder.path()), first);
        std::fs::write(folder.path().join("lib.rs"), "one").unwrap();
        assert_eq!(hash(folder.path()), first);
        std::fs::rename(folder.path().join("lib.rs"), folder.path().join("main.rs")).unwrap();
        assert_ne!(hash(folder.path()), first);
    }

    #[test]
    fn a_crate_without_cdylib_is_told_what_is_missing() {
        let package = serde_json::json!({ "name": "half", "targets": [{ "name": "half", "kind": ["lib"] }] });
        let error = guest(&package, Path::new("/x/half"), Path::new("/y")).unwrap_err().to_string();
        assert!(error.contains("`half`") && error.contains("cdylib"), "{error}");
    }

    #[test]
    fn a_component_is_named_after_its_folder() {
        let package =
            serde_json::json!({ "name": "orderdock-x", "targets": [{ "name": "orderdock-x", "kind": ["cdylib"] }] });
        let guest = guest(&package, Path::new("/w/plugins/x-drop"), Path::new("/y")).unwrap();
        assert_eq!((guest.component.as_path(), guest.library.as_str()), (Path::new("/y/x-drop.wasm"), "orderdock_x"));
        assert_eq!(stamp(&guest.component), Path::new("/y/x-drop.wasm.inputs"));
    }
}
