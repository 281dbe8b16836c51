//! Plugins in the other languages: `sdk/<language>/template` and `sdk/<language>/json-post` into components, each left alone
//! when nothing that goes into it has changed. Their tool chains are installed below `target/toolchains` or by the system's
//! package manager; a language whose tool chain can't be had is skipped, by name, with the reason.

mod bindings;
mod c;
mod go;
mod javascript;
mod python;
#[cfg(test)]
mod typescript;

use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use clap::ValueEnum;

use crate::components::{Inputs, write};
use crate::say;
use crate::workspace::{Workspace, setting};

/// A language besides Rust.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Language {
    /// JavaScript and TypeScript on QuickJS.
    Js,
    /// C.
    C,
    /// Go.
    Go,
    /// Python.
    Python,
}

impl Language {
    const ALL: [Self; 4] = [Self::Js, Self::C, Self::Python, Self::Go];

    /// As folders and components are called.
    pub fn name(self) -> &'static str {
        match self {
            Self::Js => "js",
            Self::C => "c",
            Self::Go => "go",
            Self::Python => "python",
        }
    }
}

/// What every SDK has: the plugin that all languages share, and what an author begins with.
const GUESTS: [&str; 2] = ["json-post", "template"];

/// A tool chain that is there.
trait Chain {
    /// Changes whenever the same source could give other bytes.
    fn identity(&self) -> String;

    /// The guests of this language.
    fn guests(&self) -> &'static [&'static str] {
        &GUESTS
    }

    /// Builds a guest into a component.
    fn build(&self, workspace: &Workspace, guest: &Guest) -> anyhow::Result<Vec<u8>>;
}

/// A plugin of an SDK.
struct Guest {
    /// Its component's name without ending.
    name: String,
    folder: PathBuf,
}

/// Languages that could not be built for want of a tool chain, each with the reason.
pub type Skipped = Vec<String>;

/// Builds the guests of one language, or of all.
///
/// # Errors
/// When a guest does not build. When a tool chain is missing and the language was asked for by name, or
/// `ORDERDOCK_ALL_LANGUAGES` is set.
pub fn build(workspace: &Workspace, only: Option<Language>) -> anyhow::Result<Skipped> {
    let all_are_needed = setting("ORDERDOCK_ALL_LANGUAGES").is_some();
    let mut skipped = Skipped::new();
    for language in Language::ALL.into_iter().filter(|language| only.is_none_or(|only| only == *language)) {
        let step = say::Step::start(format!("{} plugins into components", language.name()));
        let chain = match find(workspace, language) {
            Ok(chain) => chain,
            Err(error) if only.is_some() || all_are_needed => {
                return Err(error.context(format!("the tool chain for {}", language.name())));
            }
            Err(error) => {
                let reason = format!("{}: {error:#}", language.name());
                say::line(&format!("    SKIPPED {reason}"));
                note_skipped(workspace, language, &reason)?;
                skipped.push(reason);
                continue;
            }
        };
        step.done(&build_guests(workspace, language, chain.as_ref())?);
    }
    Ok(skipped)
}

fn find(workspace: &Workspace, language: Language) -> anyhow::Result<Box<dyn Chain>> {
    match language {
        Language::Js => javascript::find(workspace),
        Language::C => c::find(workspace),
        Language::Go => go::find(workspace),
        Language::Python => python::find(workspace),
    }
}

fn build_guests(workspace: &Workspace, language: Language, chain: &dyn Chain) -> anyhow::Result<String> {
    let home = folder(workspace);
    let sdk = workspace.root().join("sdk").join(language.name());
    let inputs = Inputs::new(&[chain.identity()], &[sdk.clone(), workspace.root().join("wit/plugin.wit")])?.finish();
    let mut made = 0_usize;
    for title in chain.guests() {
        let name = format!("{title}-{}", language.name());
        let component = home.join(&name).with_extension("wasm");
        let stamp = component.with_extension("wasm.inputs");
        if component.exists() && std::fs::read_to_string(&stamp).is_ok_and(|known| known == inputs) {
            continue;
        }
        let guest = Guest { name, folder: sdk.join(title) };
        let bytes = chain.build(workspace, &guest).with_context(|| format!("plugin `{}`", guest.name))?;
        write(&component, &bytes)?;
        write(&stamp, inputs.as_bytes())?;
        made = made.saturating_add(1);
        say::line(&format!("    {} ({} kB)", workspace.short(&component), bytes.len().div_ceil(1000)));
    }
    // What was skipped once is there now.
    let _ = std::fs::remove_file(skipped_note(workspace, language));
    Ok(if made == 0 { "nothing changed".to_owned() } else { format!("{made} made") })
}

/// Where the components lie.
fn folder(workspace: &Workspace) -> PathBuf {
    workspace.components().join("languages")
}

/// Tests read this: a language without the note must have its components.
fn skipped_note(workspace: &Workspace, language: Language) -> PathBuf {
    folder(workspace).join(format!("{}.skipped", language.name()))
}

fn note_skipped(workspace: &Workspace, language: Language, reason: &str) -> anyhow::Result<()> {
    for title in GUESTS {
        let component = folder(workspace).join(format!("{title}-{}.wasm", language.name()));
        // Built when the tool chain was there: a stale one must not pass for today's.
        let _ = std::fs::remove_file(component);
    }
    write(&skipped_note(workspace, language), reason.as_bytes())
}

/// A tool chain's own folder, outside of what is committed.
fn toolchain_folder(workspace: &Workspace, name: &str) -> PathBuf {
    workspace.root().join("target/toolchains").join(name)
}

/// Runs `install` in an empty folder unless that was done before with the same `wanted`.
fn installed_once(
    workspace: &Workspace,
    folder: &Path,
    wanted: &str,
    install: impl FnOnce(&Path) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let stamp = folder.join("installed");
    if std::fs::read_to_string(&stamp).is_ok_and(|known| known == wanted) {
        return Ok(());
    }
    let step = say::Step::start(format!("installing into {}", workspace.short(folder)));
    if folder.exists() {
        std::fs::remove_dir_all(folder).with_context(|| format!("{} could not be emptied", workspace.short(folder)))?;
    }
    std::fs::create_dir_all(folder).with_context(|| format!("{} could not be made", workspace.short(folder)))?;
    install(folder)?;
    write(&stamp, wanted.as_bytes())?;
    step.done("installed");
    Ok(())
}

/// Copies a folder's files, without what tools leave behind.
fn copy_folder(source: &Path, target: &Path) -> anyhow::Result<()> {
    let left_behind = ["node_modules", "__pycache__", "target", "cases"];
    let wanted = |entry: &walkdir::DirEntry| !left_behind.iter().any(|name| entry.file_name() == *name);
    for entry in walkdir::WalkDir::new(source).into_iter().filter_entry(wanted) {
        let entry = entry.with_context(|| format!("{} cannot be read", source.display()))?;
        let to = target.join(entry.path().strip_prefix(source)?);
        if entry.file_type().is_dir() {
            std::fs::create_dir_all(&to)?;
        } else if entry.file_type().is_file() {
            std::fs::copy(entry.path(), &to)
                .with_context(|| format!("{} could not be copied", entry.path().display()))?;
        }
    }
    Ok(())
}

/// An empty folder to build a guest in.
fn stage(workspace: &Workspace, guest: &Guest) -> anyhow::Result<PathBuf> {
    let stage = workspace.root().join("target/sdk").join(&guest.name);
    if stage.exists() {
        std::fs::remove_dir_all(&stage).with_context(|| format!("{} could not be emptied", workspace.short(&stage)))?;
    }
    std::fs::create_dir_all(&stage).with_context(|| format!("{} could not be made", workspace.short(&stage)))?;
    Ok(stage)
}

/// Reads what a tool made.
fn made(path: &Path) -> anyhow::Result<Vec<u8>> {
    let bytes = std::fs::read(path).with_context(|| format!("{} was not made", path.display()))?;
    if bytes.is_empty() {
        bail!("{} is empty", path.display());
    }
    Ok(bytes)
}
