//! What authors' commands share: the project, its component in the host's own plugin room, files of orders and settings.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use orderdock_build::{BuildError, Project, Voice};
use orderdock_plugin::testing::{CaseContext, read_json};
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use crate::{
    cases::{Case, Release, Tables, bytes},
    cli::{Failure, open, output::Output},
    config::{Environment, HostSettings},
    plugin::{Mapper as _, Runtime},
};

/// A build that did not work: the input is wrong where a source is, and nothing was changed.
pub fn failure(error: BuildError) -> Failure {
    match error {
        BuildError::Failed { .. } | BuildError::File { .. } => Failure::failed(error.to_string()),
        BuildError::Missing { .. } | BuildError::Project(_) => Failure::usage(error.to_string()),
    }
}

/// A component and, if it has one, the project that it is built from.
pub struct Subject {
    /// The component.
    pub component: PathBuf,
    /// Its project.
    pub project: Option<Project>,
}

impl Subject {
    /// The given file, or the component of the project in a folder, built anew where a source is newer.
    ///
    /// # Errors
    /// No project, or one that does not build.
    pub fn find(file: Option<PathBuf>, folder: &Path, voice: Voice, output: Output) -> Result<Self, Failure> {
        if let Some(component) = file {
            return Ok(Self { component, project: Project::open(folder).ok() });
        }
        let project = Project::open(folder).map_err(failure)?;
        let component = project.component();
        if project.is_stale() {
            if !output.json {
                output.remark(format!("Building {} …", project.name));
            }
            project.build(None, voice).map_err(failure)?;
        }
        Ok(Self { component, project: Some(project) })
    }
}

/// A component's bytes, admitted by the host's own plugin room.
///
/// # Errors
/// A file that can't be read, or is no plugin that can be used.
pub async fn admit(component: &Path, settings: &HostSettings) -> Result<(Release, usize), Failure> {
    let place = component.display();
    let content =
        std::fs::read(component).map_err(|error| Failure::usage(format!("{place} can't be read: {error}")))?;
    let runtime = runtime(component, &content, settings)?;
    let admitted = runtime.admit(&content).await;
    let (digest, description) =
        admitted.map_err(|error| Failure::usage(format!("{place} is not a plugin that can be used: {error}")))?;
    let release = Release::new(tokio::runtime::Handle::current(), runtime, digest, description);
    Ok((release, content.len()))
}

/// The engine with the host's limits. Its compiled code lies with the user's other caches, so that an author's folder stays
/// clean, and what an earlier build left there is removed: Python's takes 50 MB.
fn runtime(component: &Path, content: &[u8], settings: &HostSettings) -> Result<Arc<Runtime>, Failure> {
    let home = Environment::Process;
    let cache = home.get("XDG_CACHE_HOME").or_else(|| home.get("HOME").map(|home| format!("{home}/.cache")));
    let cache = cache.map_or_else(std::env::temp_dir, PathBuf::from).join("orderdock/plugins");
    let name = component.canonicalize().unwrap_or_else(|_| component.to_owned());
    let title = component.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    let place = hex::encode(Sha256::digest(name.as_os_str().as_encoded_bytes()));
    let folder = cache.join(format!("{title}-{}", place.get(..8).unwrap_or_default()));
    let digest = hex::encode(Sha256::digest(content));
    for entry in std::fs::read_dir(&folder).into_iter().flatten().flatten() {
        if !entry.file_name().to_string_lossy().starts_with(&digest) {
            // Somebody else may have removed it: it is only a cache.
            let _ = std::fs::remove_file(entry.path());
        }
    }
    let mut settings = settings.clone();
    settings.plugins.cache_dir = folder;
    open::engine(&settings)
}

/// Settings of a file, `.toml` or JSON, as JSON text. In a connection's file they stand under `[plugin.settings]`.
///
/// # Errors
/// A file that does not read.
pub fn settings_text(file: &Path) -> Result<String, Failure> {
    let value = structured(file)?;
    let inner = value.get("plugin").and_then(|plugin| plugin.get("settings")).cloned();
    Ok(inner.unwrap_or(value).to_string())
}

/// Look-up tables of a file, `.toml` or JSON: a table for each, keys and values as texts.
///
/// # Errors
/// A file that does not read.
pub fn tables(file: &Path) -> Result<Tables, Failure> {
    let value = structured(file)?;
    let inner = value.get("tables").cloned().unwrap_or(value);
    serde_json::from_value(inner).map_err(|error| {
        let form = "each table is a section with keys and texts, such as `[skus]` and `\"MUG\" = \"4711\"`";
        Failure::usage(format!("{}: {error}; {form}", file.display()))
    })
}

fn structured(file: &Path) -> Result<Value, Failure> {
    let wrong = |error: String| Failure::usage(format!("{}: {error}", file.display()));
    let text = std::fs::read_to_string(file).map_err(|error| wrong(error.to_string()))?;
    if file.extension().is_some_and(|ending| ending == "toml") {
        let table: toml::Table = text.parse().map_err(|error: toml::de::Error| wrong(error.to_string()))?;
        return serde_json::to_value(table).map_err(|error| wrong(error.to_string()));
    }
    serde_json::from_str(&text).map_err(|error| wrong(error.to_string()))
}

/// An order with what is called with it: a case's folder, or a file with the order alone.
///
/// # Errors
/// Files that do not read.
pub fn case(order: &Path) -> Result<Case, Failure> {
    let folder = match order.file_name() {
        Some(name) if name == "order.json" && order.is_file() => order.parent().unwrap_or(Path::new(".")),
        _ => order,
    };
    if folder.is_dir() {
        return Case::load(folder).map_err(Failure::usage);
    }
    let (context, tables) = CaseContext::default().with_settings("{}".to_owned());
    let read = read_json(order).map_err(|text| {
        Failure::usage(format!("{text}; an order is in the canonical form, as in a case's order.json"))
    })?;
    let name = order.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    Ok(Case { name, folder: folder.to_owned(), order: read, context, tables, answers: Vec::new() })
}

/// What to do about a look-up table that the plugin asked for and does not name.
pub fn unnamed(table: &str) -> String {
    format!("`describe` does not name the look-up table `{table}`: no administrator is asked for it")
}

/// Who the plugin is, on a line.
pub fn title(release: &Release, component: &Path, size: usize) -> String {
    let about = release.description();
    let file = component.file_name().unwrap_or_default().to_string_lossy();
    format!("{}@{} ({file}, {})", about.name, about.version, bytes(size as u64))
}
