//! What a plugin author's machine does: a new project from a template, and a component from its source. `orderdock plugin new`
//! and `plugin build` call it, and `cargo xtask` builds this tree's own plugins by the same steps.

pub mod c;
pub mod component;
pub mod go;
pub mod javascript;
mod language;
mod project;
pub mod python;
pub mod run;
pub mod rust;
mod scaffold;

pub use language::Language;
pub use project::{Built, Project};
pub use scaffold::{New, contract, contract_folder, new, new_typescript, next_steps};

/// Where a tool's output goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Voice {
    /// To the person at the terminal, while the tool works.
    Live,
    /// Into the error, if it fails.
    Kept,
}

/// Why there is no project or no component.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    /// A tool is not there, or too old.
    #[error("{tool} is missing: {why}; type:\n{}", .commands.iter().map(|line| format!("  {line}")).collect::<Vec<_>>().join("\n"))]
    Missing {
        /// Which.
        tool: String,
        /// What was looked for, and where.
        why: String,
        /// What to type.
        commands: Vec<String>,
    },
    /// A tool failed.
    #[error("{what} failed{}{}", if .said.is_empty() { "" } else { ":\n" }, .said)]
    Failed {
        /// The program and what it was asked to do.
        what: String,
        /// What it said; empty where the person saw it already.
        said: String,
    },
    /// The project is not as it should be.
    #[error("{0}")]
    Project(String),
    /// A file can't be read or written.
    #[error("{path}: {error}")]
    File {
        /// Which.
        path: std::path::PathBuf,
        /// Why.
        error: std::io::Error,
    },
}

impl BuildError {
    pub(crate) fn file(path: &std::path::Path) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.to_owned();
        move |error| Self::File { path, error }
    }

    pub(crate) fn missing(tool: &str, why: impl Into<String>, commands: &[&str]) -> Self {
        let commands = commands.iter().map(|line| (*line).to_owned()).collect();
        Self::Missing { tool: tool.to_owned(), why: why.into(), commands }
    }
}
