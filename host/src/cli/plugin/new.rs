//! `orderdock plugin new`: a project from the language's template, with everything that it needs.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use orderdock_build::{Language, New, next_steps};
use serde_json::json;

use super::workshop::failure;
use crate::cli::{Failure, output::Output};

/// What to begin.
#[derive(Debug, Args)]
pub struct Arguments {
    /// The plugin's name: lower-case letters, digits and `-`.
    name: String,
    /// The language to write it in.
    #[arg(long, value_enum)]
    lang: Lang,
    /// Where to put it; else a new folder of the plugin's name here.
    #[arg(long, value_name = "FOLDER")]
    dir: Option<PathBuf>,
}

/// Languages that plugins are written in.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum Lang {
    /// Rust: smallest effort to be quick and safe.
    Rust,
    /// JavaScript.
    #[value(alias = "javascript")]
    Js,
    /// TypeScript.
    #[value(alias = "typescript")]
    Ts,
    /// Python.
    #[value(alias = "py")]
    Python,
    /// C.
    C,
    /// Go.
    #[value(alias = "golang")]
    Go,
}

impl From<Lang> for Language {
    fn from(lang: Lang) -> Self {
        match lang {
            Lang::Rust => Self::Rust,
            Lang::Js | Lang::Ts => Self::Js,
            Lang::Python => Self::Python,
            Lang::C => Self::C,
            Lang::Go => Self::Go,
        }
    }
}

/// Runs the command.
///
/// # Errors
/// A name that can't be one, or a folder that holds something.
pub fn run(arguments: &Arguments, output: Output) -> Result<(), Failure> {
    let language = Language::from(arguments.lang);
    let folder = arguments.dir.clone().unwrap_or_else(|| PathBuf::from(&arguments.name));
    let typed = matches!(arguments.lang, Lang::Ts);
    let (name, title, source) = match typed {
        true => ("ts", "TypeScript", "plugin.ts"),
        false => (language.name(), language.title(), language.source()),
    };
    let New { folder, files } = match typed {
        true => orderdock_build::new_typescript(&arguments.name, &folder),
        false => orderdock_build::new(&arguments.name, language, &folder),
    }
    .map_err(failure)?;
    let steps = next_steps(language);
    let result = json!({ "folder": folder, "language": name, "files": files, "next": steps });
    output.either(&result, || {
        let place = folder.display();
        output.line(format!("Begun: {}, a plugin in {title}, in {place} ({files} files).", arguments.name));
        output.line("\nNext, type:");
        output.line(format!("  cd {place}"));
        for step in steps {
            output.line(format!("  {step}"));
        }
        output.line("  orderdock plugin test                      # builds it and runs its cases");
        output.line(format!("\nThen change {source} and look into README.md."));
    });
    Ok(())
}
