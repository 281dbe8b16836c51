//! An author's project: where it is, what its component is called, what it is built from.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use tempfile::TempDir;

use crate::{BuildError, Language, Voice, c, go, javascript, python, rust, scaffold};

/// What tools leave in a project's folder, and what does not become part of a component.
const LEFT_BEHIND: [&str; 9] =
    ["target", "node_modules", "__pycache__", ".venv", "venv", ".git", "cases", "wit", "orderdock-data"];

/// A project.
#[derive(Clone, Debug)]
pub struct Project {
    /// Where it lies.
    pub folder: PathBuf,
    /// In what it is written.
    pub language: Language,
    /// Its component's name without ending.
    pub name: String,
}

/// What a build made.
#[derive(Clone, Debug)]
pub struct Built {
    /// Where the component lies.
    pub component: PathBuf,
    /// Its size in bytes.
    pub bytes: usize,
}

/// A folder with the contract; a temporary one lives as long as this.
pub(crate) struct Contract {
    pub(crate) path: PathBuf,
    _temporary: Option<TempDir>,
}

impl Project {
    /// The project in a folder.
    ///
    /// # Errors
    /// When there is none.
    pub fn open(folder: &Path) -> Result<Self, BuildError> {
        let folder = folder.canonicalize().map_err(BuildError::file(folder))?;
        let language = Language::of(&folder)?;
        let name = match language {
            Language::Rust => manifest_name(&folder.join("Cargo.toml")),
            Language::Js => package_name(&folder.join("package.json")),
            Language::Go => module_name(&folder.join("go.mod")),
            Language::Python | Language::C => None,
        };
        let name = name.or_else(|| Some(folder.file_name()?.to_string_lossy().into_owned()));
        let name = name.ok_or_else(|| BuildError::Project(format!("{} has no name", folder.display())))?;
        Ok(Self { name: name.replace(['/', '\\', '@'], "-").trim_start_matches('-').to_owned(), folder, language })
    }

    /// Where its component lies once it was built.
    #[must_use]
    pub fn component(&self) -> PathBuf {
        self.folder.join(&self.name).with_extension("wasm")
    }

    /// Its cases.
    #[must_use]
    pub fn cases(&self) -> PathBuf {
        self.folder.join("cases")
    }

    /// Builds the component.
    ///
    /// # Errors
    /// A tool that is missing, a source that does not compile.
    pub fn build(&self, out: Option<&Path>, voice: Voice) -> Result<Built, BuildError> {
        let bytes = match self.language {
            Language::Rust => rust::build(self, voice)?,
            Language::Js => javascript::build(self, voice)?,
            Language::Python => python::build(self, voice)?,
            Language::C => c::build(self, voice)?,
            Language::Go => go::build(self, voice)?,
        };
        let component = out.map_or_else(|| self.component(), Path::to_owned);
        // At once: whoever reads it sees the old content or the new, never a part.
        let partial = component.with_extension("wasm.partial");
        std::fs::write(&partial, &bytes)
            .and_then(|()| std::fs::rename(&partial, &component))
            .map_err(BuildError::file(&component))?;
        Ok(Built { component, bytes: bytes.len() })
    }

    /// Whether a source is newer than the component, or there is no component.
    #[must_use]
    pub fn is_stale(&self) -> bool {
        let made = std::fs::metadata(self.component()).and_then(|data| data.modified());
        made.map_or(true, |made| self.changed().is_none_or(|changed| changed > made))
    }

    /// When a file that goes into the component was changed last.
    fn changed(&self) -> Option<SystemTime> {
        self.sources().into_values().max()
    }

    /// Files whose change makes another component, and when each was changed.
    #[must_use]
    pub fn sources(&self) -> BTreeMap<PathBuf, SystemTime> {
        dated(&self.folder, |path| self.is_source(path))
    }

    /// Files of the cases, and when each was changed.
    #[must_use]
    pub fn case_files(&self) -> BTreeMap<PathBuf, SystemTime> {
        dated(&self.cases(), |path| !path.file_name().is_some_and(|name| name.to_string_lossy().starts_with('.')))
    }

    /// Whether a path below the project's folder is one whose change makes another component.
    fn is_source(&self, path: &Path) -> bool {
        let below = path.strip_prefix(&self.folder).unwrap_or(path);
        let mut parts = below.iter().map(|part| part.to_string_lossy());
        let left_behind = parts.any(|part| {
            let made = LEFT_BEHIND.contains(&part.as_ref()) && part != "wit";
            made || part == "wit_world" || part.starts_with('.') || part.ends_with('~')
        });
        let ending = path.extension().unwrap_or_default().to_string_lossy();
        let ours = ["wasm", "partial", "md", "lock", "swp"].contains(&ending.as_ref());
        // What a compiler of types makes of `plugin.ts`.
        let compiled = ending == "js" && path.with_extension("ts").is_file();
        !left_behind && !ours && !compiled
    }

    /// The contract that the project was begun with, else ours.
    pub(crate) fn wit(&self) -> Result<Contract, BuildError> {
        let own = self.folder.join("wit");
        if own.is_dir() {
            return Ok(Contract { path: own, _temporary: None });
        }
        let folder = tempfile::tempdir().map_err(BuildError::file(Path::new("a temporary folder")))?;
        let path = scaffold::contract_folder(folder.path())?;
        Ok(Contract { path, _temporary: Some(folder) })
    }

    /// The SDK that the project was begun with.
    pub(crate) fn sdk(&self) -> Result<PathBuf, BuildError> {
        let sdk = self.folder.join("orderdock");
        if sdk.is_dir() {
            return Ok(sdk);
        }
        Err(BuildError::Project(format!("{} has no folder `orderdock` with the SDK in it", self.folder.display())))
    }

    /// A program of the project's virtual environment, else of the PATH.
    pub(crate) fn program(&self, name: &str) -> Option<PathBuf> {
        let own = [".venv/bin", "venv/bin"].map(|folder| self.folder.join(folder).join(name));
        if let Some(path) = own.into_iter().find(|path| path.is_file()) {
            return Some(path);
        }
        let there = crate::run::ask(std::process::Command::new(name).arg("--version"))
            .or_else(|| crate::run::ask(std::process::Command::new(name).arg("version")));
        there.map(|_| PathBuf::from(name))
    }

    /// A copy of the sources, without what tools leave behind.
    pub(crate) fn stage(&self, without: &[&str]) -> Result<TempDir, BuildError> {
        let stage = tempfile::tempdir().map_err(BuildError::file(Path::new("a temporary folder")))?;
        copy(&self.folder, stage.path(), without)?;
        Ok(stage)
    }
}

/// The files below a folder, each with the time of its last change.
fn dated(folder: &Path, wanted: impl Fn(&Path) -> bool) -> BTreeMap<PathBuf, SystemTime> {
    walkdir::WalkDir::new(folder)
        .into_iter()
        .filter_entry(|entry| entry.depth() == 0 || wanted(entry.path()))
        .flatten()
        .filter(|entry| entry.file_type().is_file())
        .filter_map(|entry| {
            let changed = entry.metadata().ok()?.modified().ok()?;
            Some((entry.into_path(), changed))
        })
        .collect()
}

/// Copies a folder's files, without what tools leave behind.
pub(crate) fn copy(source: &Path, target: &Path, without: &[&str]) -> Result<(), BuildError> {
    let wanted = |entry: &walkdir::DirEntry| {
        let name = entry.file_name().to_string_lossy();
        let left = LEFT_BEHIND.contains(&name.as_ref()) || without.contains(&name.as_ref()) || name.ends_with(".wasm");
        entry.depth() == 0 || !left
    };
    for entry in walkdir::WalkDir::new(source).into_iter().filter_entry(wanted).flatten() {
        let to = target.join(entry.path().strip_prefix(source).unwrap_or(entry.path()));
        if entry.file_type().is_dir() {
            std::fs::create_dir_all(&to).map_err(BuildError::file(&to))?;
        } else if entry.file_type().is_file() {
            std::fs::copy(entry.path(), &to).map_err(BuildError::file(entry.path()))?;
        }
    }
    Ok(())
}

fn manifest_name(manifest: &Path) -> Option<String> {
    let manifest: toml::Table = std::fs::read_to_string(manifest).ok()?.parse().ok()?;
    Some(manifest.get("package")?.get("name")?.as_str()?.to_owned())
}

fn package_name(manifest: &Path) -> Option<String> {
    let manifest: serde_json::Value = serde_json::from_slice(&std::fs::read(manifest).ok()?).ok()?;
    Some(manifest.get("name")?.as_str()?.to_owned())
}

fn module_name(manifest: &Path) -> Option<String> {
    let text = std::fs::read_to_string(manifest).ok()?;
    let name = text.lines().find_map(|line| line.strip_prefix("module "))?.trim().to_owned();
    Some(name.rsplit('/').next().unwrap_or_default().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_project_is_stale_when_a_source_is_newer_but_not_when_a_case_is() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        std::fs::create_dir(at("cases")).unwrap();
        std::fs::write(at("plugin.py"), "").unwrap();
        let project = Project::open(folder.path()).unwrap();
        assert!(project.is_stale());
        std::fs::write(project.component(), "").unwrap();
        let later = |name: &str, seconds: u64| {
            let made = std::fs::metadata(project.component()).unwrap().modified().unwrap();
            let file = std::fs::File::options().append(true).create(true).open(at(name)).unwrap();
            file.set_modified(made + std::time::Duration::from_secs(seconds)).unwrap();
        };
        later("cases/order.json", 5);
        later("README.md", 5);
        std::fs::create_dir(at("orderdock-data")).unwrap();
        later("orderdock-data/verdict", 5);
        assert!(!project.is_stale());
        later("plugin.py", 5);
        assert!(project.is_stale());
    }
}
