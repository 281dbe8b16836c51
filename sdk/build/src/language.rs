//! The languages that plugins are written in.

use std::path::Path;

use crate::BuildError;

/// A language with a template.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Language {
    /// Rust.
    Rust,
    /// JavaScript and TypeScript on QuickJS.
    Js,
    /// Python.
    Python,
    /// C.
    C,
    /// Go.
    Go,
}

impl Language {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Rust, Self::Js, Self::Python, Self::C, Self::Go];

    /// As folders and options are called.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Rust => "rust",
            Self::Js => "js",
            Self::Python => "python",
            Self::C => "c",
            Self::Go => "go",
        }
    }

    /// As people call it.
    #[must_use]
    pub const fn title(self) -> &'static str {
        match self {
            Self::Rust => "Rust",
            Self::Js => "JavaScript",
            Self::Python => "Python",
            Self::C => "C",
            Self::Go => "Go",
        }
    }

    /// The file in which the plugin begins.
    #[must_use]
    pub const fn source(self) -> &'static str {
        match self {
            Self::Rust => "src/lib.rs",
            Self::Js => "plugin.js",
            Self::Python => "plugin.py",
            Self::C => "plugin.c",
            Self::Go => "main.go",
        }
    }

    /// The language of a project, by the files that lie there.
    ///
    /// # Errors
    /// When the folder is no plugin project.
    pub fn of(folder: &Path) -> Result<Self, BuildError> {
        let has = |name: &str| folder.join(name).is_file();
        let signs = [
            (Self::Rust, has("Cargo.toml")),
            (Self::Go, has("go.mod")),
            (Self::Js, has("plugin.js") || has("plugin.ts")),
            (Self::Python, has("plugin.py")),
            (Self::C, has("plugin.c")),
        ];
        signs.into_iter().find(|(_, there)| *there).map(|(language, _)| language).ok_or_else(|| {
            let what = "no plugin project: there is no Cargo.toml, go.mod, plugin.js, plugin.py or plugin.c";
            let next = "go to the project's folder, name it with --dir, or begin one with `orderdock plugin new`";
            BuildError::Project(format!("{} holds {what}; {next}", folder.display()))
        })
    }
}
