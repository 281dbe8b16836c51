//! A new project: the language's template, the SDK and the contract, so that it builds without this source tree.
//!
//! ```text
//! my-plugin/
//!   README.md, the source, cases/       the author's
//!   orderdock/                          the SDK for the language, and the handbook
//!   wit/                                the contract
//! ```

use std::path::{Path, PathBuf};

use crate::{BuildError, Language, go, javascript};

/// Everything that the program carries: path in the source tree, bytes.
static FILES: &[(&str, &[u8])] = &include!(concat!(env!("OUT_DIR"), "/files.rs"));

/// What a project in TypeScript has in place of the template's `plugin.js`.
const TYPESCRIPT: &str = "sdk/js/template-ts/";

/// The templates' own name.
const TEMPLATE: &str = "my-plugin";

/// A project that was begun.
#[derive(Debug)]
pub struct New {
    /// Where.
    pub folder: PathBuf,
    /// How many files it has.
    pub files: usize,
}

/// The newest contract's files: path below `wit/`, text. Those before it lie in folders of their own, for the host.
pub fn contract() -> impl Iterator<Item = (&'static str, &'static [u8])> {
    FILES
        .iter()
        .filter_map(|(name, bytes)| Some((name.strip_prefix("wit/")?, *bytes)))
        .filter(|(name, _)| !name.contains('/'))
}

/// Writes the contract into a folder, and gives the folder to read it from.
///
/// # Errors
/// When a file can't be written.
pub fn contract_folder(folder: &Path) -> Result<PathBuf, BuildError> {
    let wit = folder.join("wit");
    for (name, bytes) in contract() {
        write(&wit.join(name), bytes)?;
    }
    Ok(wit)
}

/// Begins a project in an empty or missing folder.
///
/// # Errors
/// A name that can't be one, a folder that holds something, or a file that can't be written.
pub fn new(name: &str, language: Language, folder: &Path) -> Result<New, BuildError> {
    begin(name, language, false, folder)
}

/// The same in TypeScript: a project in JavaScript whose `plugin.js` is made of `plugin.ts`.
///
/// # Errors
/// As [`new`].
pub fn new_typescript(name: &str, folder: &Path) -> Result<New, BuildError> {
    begin(name, Language::Js, true, folder)
}

fn begin(name: &str, language: Language, typed: bool, folder: &Path) -> Result<New, BuildError> {
    check(name)?;
    let holds = std::fs::read_dir(folder).is_ok_and(|mut entries| entries.next().is_some());
    if holds {
        let what = "is there and not empty; give another name, or another place with --dir";
        return Err(BuildError::Project(format!("{} {what}", folder.display())));
    }
    let mut files = 0_usize;
    for (path, bytes) in files_of(language, typed) {
        let mut bytes = adapt(&path, bytes, name, language)?;
        match path.as_str() {
            "package.json" if typed => bytes = with_compiler(&bytes)?,
            ".gitignore" if typed => bytes.extend_from_slice(b"plugin.js\n"),
            _ => {}
        }
        if path == ".gitignore" {
            // What a host's commands keep, such as `plugin check`, where there is no other configuration.
            bytes.extend_from_slice(b"orderdock-data/\n");
        }
        write(&folder.join(&path), &bytes)?;
        files = files.saturating_add(1);
    }
    write(&folder.join("README.md"), readme(name, language, typed).as_bytes())?;
    Ok(New { folder: folder.to_owned(), files: files.saturating_add(1) })
}

/// A name becomes a package in five languages, a file, and what the plugin calls itself.
fn check(name: &str) -> Result<(), BuildError> {
    let fits = name.len() <= 60
        && name.starts_with(|letter: char| letter.is_ascii_lowercase())
        && !name.ends_with('-')
        && name.chars().all(|letter| letter.is_ascii_lowercase() || letter.is_ascii_digit() || letter == '-');
    if !fits {
        let rule = "lower-case letters, digits and `-`, beginning with a letter, at most 60";
        return Err(BuildError::Project(format!("`{name}` can't be a plugin's name: {rule}, for example `acme-erp`")));
    }
    if ["test", "core", "std", "alloc", "orderdock", "orderdock-plugin", "cases", "target"].contains(&name) {
        return Err(BuildError::Project(format!("`{name}` is taken by tools; choose another name")));
    }
    Ok(())
}

/// The files of a project: path in the project, bytes as they lie in the source tree.
fn files_of(language: Language, typed: bool) -> Vec<(String, &'static [u8])> {
    let sdk = format!("sdk/{}/", language.name());
    let template = format!("{sdk}template/");
    let mut all = Vec::new();
    for (name, bytes) in FILES {
        let place = if let Some(rest) = name.strip_prefix(TYPESCRIPT) {
            typed.then(|| rest.to_owned())
        } else if typed && *name == "sdk/js/template/plugin.js" {
            None
        } else if let Some(rest) = name.strip_prefix("wit/") {
            (!rest.contains('/')).then(|| (*name).to_owned())
        } else if *name == "docs/plugins.md" {
            Some("orderdock/HANDBOOK.md".to_owned())
        } else if let Some(rest) = name.strip_prefix(&template) {
            Some(rest.to_owned())
        } else if language == Language::Python && name.starts_with("sdk/python/orderdock/") {
            name.strip_prefix("sdk/python/").map(str::to_owned)
        } else if *name == "sdk/python/README.md" && language == Language::Python {
            Some("orderdock/README.md".to_owned())
        } else if language == Language::Python && *name == "sdk/python/requirements.txt" {
            Some("requirements.txt".to_owned())
        } else if language == Language::Rust {
            match *name {
                "Cargo.lock" => Some("Cargo.lock".to_owned()),
                other => {
                    let below = other.strip_prefix("sdk/").filter(|_| !other.contains("/template/"));
                    let ours = below.filter(|rest| rest.starts_with("rust/") || rest.starts_with("order/"));
                    ours.map(|rest| format!("orderdock/{rest}"))
                }
            }
        } else {
            name.strip_prefix(&sdk).map(|rest| format!("orderdock/{rest}"))
        };
        all.extend(place.map(|place| (place, *bytes)));
    }
    all
}

/// What stands differently in an author's project than in the source tree.
fn adapt(path: &str, bytes: &'static [u8], name: &str, language: Language) -> Result<Vec<u8>, BuildError> {
    let Ok(text) = std::str::from_utf8(bytes) else { return Ok(bytes.to_vec()) };
    if path.ends_with(".md") && path.starts_with("orderdock/") {
        // Links into the source tree lead nowhere here.
        let text = text.replace("[docs/plugins.md](../../docs/plugins.md)", "`orderdock/HANDBOOK.md`");
        let text = text.replace("[the handbook](../../docs/plugins.md#testing)", "the handbook");
        let text = text.replace("[publishing.md](publishing.md)", "`docs/publishing.md` of Orderdock");
        let text = text.replace("[admission.md](admission.md)", "`docs/admission.md` of Orderdock");
        let text = text.replace("[shadow.md](shadow.md)", "`docs/shadow.md` of Orderdock");
        return Ok(text.replace("[swapping.md](swapping.md)", "`docs/swapping.md` of Orderdock").into_bytes());
    }
    if path.starts_with("wit/") || path.starts_with("cases/") || path.ends_with(".md") {
        return Ok(bytes.to_vec());
    }
    if !path.starts_with("orderdock/") {
        let text = text.replace(TEMPLATE, name);
        let text = match (language, path) {
            (Language::Rust, "Cargo.toml") => text
                .replace("path = \"..\"", "path = \"orderdock/rust\"")
                .replace("[workspace]", "[workspace]\nexclude = [\"orderdock\"]"),
            (Language::Rust, ".gitignore") => "/target\n*.wasm\n".to_owned(),
            (Language::Js, "package.json") => text.replace("\"file:..\"", "\"file:orderdock\""),
            (Language::Go, "go.mod") => text
                .replace("// Where the SDK lies: change both when you copy this folder.\n", "// Where the SDK lies.\n")
                .replace("=> ../pkg", "=> ./orderdock/pkg")
                .replace("=> ../", "=> ./orderdock"),
            (Language::Python, ".gitignore") => format!("{text}.venv/\n"),
            (Language::Go, ".gitignore") => format!("{text}.venv/\n"),
            _ => text,
        };
        return Ok(text.into_bytes());
    }
    Ok(match (language, path) {
        (Language::Rust, "orderdock/rust/Cargo.toml") => standalone(text, "../order")?.into_bytes(),
        (Language::Rust, "orderdock/order/Cargo.toml") => standalone(text, "../order")?.into_bytes(),
        (Language::Js, "orderdock/package.json") => without_tools(text)?.into_bytes(),
        _ => bytes.to_vec(),
    })
}

/// A crate's manifest without what it inherits from a workspace that an author does not have.
fn standalone(manifest: &str, order: &str) -> Result<String, BuildError> {
    let broken = |what: &str| BuildError::Project(format!("the SDK that this program carries is broken: {what}"));
    let read = |text: &str| text.parse::<toml::Table>().map_err(|error| broken(&error.to_string()));
    let mut own = read(manifest)?;
    let root = FILES.iter().find(|(name, _)| *name == "Cargo.toml").ok_or_else(|| broken("no Cargo.toml"))?;
    let root = read(std::str::from_utf8(root.1).unwrap_or_default())?;
    let workspace = root.get("workspace").and_then(toml::Value::as_table).ok_or_else(|| broken("no workspace"))?;
    let table = |name: &str| workspace.get(name).and_then(toml::Value::as_table).cloned().unwrap_or_default();
    let (package, dependencies) = (table("package"), table("dependencies"));
    if let Some(section) = own.get_mut("package").and_then(toml::Value::as_table_mut) {
        for (key, value) in section.iter_mut() {
            if inherits(value)
                && let Some(given) = package.get(key)
            {
                *value = given.clone();
            }
        }
    }
    resolve(own.get_mut("dependencies"), &dependencies, order);
    for target in own.get_mut("target").and_then(toml::Value::as_table_mut).into_iter().flatten() {
        resolve(target.1.get_mut("dependencies"), &dependencies, order);
    }
    own.remove("dev-dependencies");
    own.remove("lints");
    Ok(format!("# Part of Orderdock's SDK; not to be changed here.\n{own}"))
}

fn inherits(value: &toml::Value) -> bool {
    value.get("workspace").and_then(toml::Value::as_bool) == Some(true)
}

/// Puts the workspace's version and features where a dependency inherits them.
fn resolve(section: Option<&mut toml::Value>, known: &toml::Table, order: &str) {
    let Some(section) = section.and_then(toml::Value::as_table_mut) else { return };
    for (name, value) in section.iter_mut().filter(|(_, value)| inherits(value)) {
        let mut given = match known.get(name) {
            Some(toml::Value::Table(given)) => given.clone(),
            Some(version) => toml::Table::from_iter([("version".to_owned(), version.clone())]),
            None => continue,
        };
        if given.contains_key("path") {
            given.insert("path".to_owned(), toml::Value::String(order.to_owned()));
        }
        let more = value.as_table().cloned().unwrap_or_default();
        for (key, value) in more.into_iter().filter(|(key, _)| key != "workspace") {
            match (given.get_mut(&key), value) {
                (Some(toml::Value::Array(there)), toml::Value::Array(more)) => there.extend(more),
                (_, value) => {
                    given.insert(key, value);
                }
            }
        }
        *value = toml::Value::Table(given);
    }
}

/// The project installs the tool itself.
fn without_tools(manifest: &str) -> Result<String, BuildError> {
    let broken = |error: serde_json::Error| BuildError::Project(error.to_string());
    let mut manifest: serde_json::Map<String, serde_json::Value> = serde_json::from_str(manifest).map_err(broken)?;
    manifest.remove("devDependencies");
    Ok(format!("{}\n", serde_json::to_string_pretty(&manifest).map_err(broken)?))
}

/// A project in TypeScript installs a compiler too, the one that this tree is tested with; the scripts call it first.
fn with_compiler(manifest: &[u8]) -> Result<Vec<u8>, BuildError> {
    let broken = |what: &str| BuildError::Project(format!("the SDK that this program carries is broken: {what}"));
    let read =
        |bytes: &[u8]| serde_json::from_slice::<serde_json::Value>(bytes).map_err(|error| broken(&error.to_string()));
    let own = FILES.iter().find(|(name, _)| *name == "sdk/js/package.json").ok_or_else(|| broken("no package.json"))?;
    let version = read(own.1)?["devDependencies"]["esbuild"].take();
    let mut manifest = read(manifest)?;
    for script in ["test", "build"] {
        let then = manifest["scripts"][script].as_str().unwrap_or_default().to_owned();
        manifest["scripts"][script] = format!("esbuild {} && {then}", javascript::TYPES_AWAY.join(" ")).into();
    }
    manifest["devDependencies"]["esbuild"] = version;
    Ok(format!("{manifest:#}\n").into_bytes())
}

/// What to type in a new project's folder before the first build.
#[must_use]
pub fn next_steps(language: Language) -> Vec<String> {
    let lines: Vec<String> = match language {
        Language::Rust => vec!["rustup target add wasm32-unknown-unknown   # once for this machine".to_owned()],
        Language::Js => vec!["npm install                                # once for this project".to_owned()],
        Language::Python => vec![
            "python3 -m venv .venv                      # once for this project".to_owned(),
            ".venv/bin/pip install -r requirements.txt".to_owned(),
        ],
        // Tools of the machine: `plugin build` says what to type when they are not there.
        Language::C | Language::Go => Vec::new(),
    };
    lines
}

/// What a language's build needs, for people.
fn needs(language: Language) -> String {
    match language {
        Language::Rust => "Rust 1.95 or later with the target wasm32-unknown-unknown (or wasm32-wasip2).".to_owned(),
        Language::Js => {
            "node 18 or later. For TypeScript rename `plugin.js` to `plugin.ts` and `npm install --save-dev esbuild`, or begin \
             with `--lang ts`."
                .to_owned()
        }
        Language::Python => "Python 3.11 or later; componentize-py is installed into `.venv`.".to_owned(),
        Language::C => {
            "clang 14 or later and a linker for wasm (Debian: `sudo apt-get install clang-22 lld-22`).".to_owned()
        }
        Language::Go => {
            format!("Go {}.{} or later (also as a package for Python: `{}`).", go::OLDEST.0, go::OLDEST.1, go::PACKAGE)
        }
    }
}

fn readme(name: &str, language: Language, typed: bool) -> String {
    let steps = next_steps(language).into_iter().map(|line| format!("{line}\n")).collect::<String>();
    let (mut source, mut title, mut needs) = (language.source(), language.title(), needs(language));
    if typed {
        (source, title) = ("plugin.ts", "TypeScript");
        needs = "node 18 or later. esbuild, which `npm install` brings, takes the types away; editors check them, or \
                 `npx --package typescript tsc --noEmit --strict --module nodenext --target es2022 plugin.ts`."
            .to_owned();
    }
    let sdk = match language {
        Language::Rust => "orderdock/rust/README.md",
        _ => "orderdock/README.md",
    };
    format!(
        "# {name}

An Orderdock plugin in {title}: it says what should be sent to an ERP for an order, and what the ERP's answer means. It begins in
`{source}`.

Needs: {needs}

```
{steps}orderdock plugin build                     # makes {name}.wasm
orderdock plugin test                      # runs cases/ through it, with the host's limits
orderdock plugin test --bless              # keeps what came as expected: read the diff first
orderdock plugin run --order cases/good    # shows what would be sent for one order
orderdock plugin dev                       # builds and tests whenever a file changes
```

`orderdock/` is the SDK and `wit/` the contract as they came with the `orderdock` that made this project: commit both, change
neither. What there is in {title}: `{sdk}`. Everything else: `orderdock/HANDBOOK.md`.
"
    )
}

fn write(path: &Path, bytes: &[u8]) -> Result<(), BuildError> {
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder).map_err(BuildError::file(folder))?;
    }
    std::fs::write(path, bytes).map_err(BuildError::file(path))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_project_has_its_source_the_contract_and_cases_and_its_own_name() {
        for language in Language::ALL {
            let folder = tempfile::tempdir().unwrap();
            let at = |name: &str| folder.path().join("x").join(name);
            new("acme-erp", language, &folder.path().join("x")).unwrap();
            for name in [
                language.source(),
                "wit/plugin.wit",
                "cases/good/order.json",
                ".gitignore",
                "README.md",
                "orderdock/HANDBOOK.md",
            ] {
                assert!(at(name).is_file(), "{}: no {name}", language.name());
            }
            for entry in
                walkdir::WalkDir::new(folder.path()).into_iter().flatten().filter(|entry| entry.file_type().is_file())
            {
                let below = entry.path().strip_prefix(folder.path().join("x")).unwrap().to_owned();
                if below.starts_with("orderdock") {
                    continue;
                }
                let text = std::fs::read_to_string(entry.path()).unwrap_or_default();
                assert!(!text.contains(TEMPLATE), "{}: {} has the template's name", language.name(), below.display());
                assert!(
                    !text.contains("\"..\"") && !text.contains("=> ../"),
                    "{}: {}",
                    language.name(),
                    below.display()
                );
            }
            assert_eq!(Language::of(&at("")).unwrap(), language);
            assert_eq!(crate::Project::open(&at("")).map(|project| project.language).unwrap(), language);
        }
    }

    #[test]
    fn a_manifest_stands_alone() {
        let text = "[package]\nname = \"x\"\nedition.workspace = true\n[dependencies]\nserde_json = { workspace = true, features = [\"raw_value\"] }\norderdock-order.workspace = true\n[lints]\nworkspace = true\n";
        let alone: toml::Table = standalone(text, "../order").unwrap().parse().unwrap();
        assert!(alone["package"]["edition"].is_str() && !alone.contains_key("lints"));
        assert!(alone["dependencies"]["serde_json"]["version"].is_str());
        assert_eq!(alone["dependencies"]["orderdock-order"]["path"].as_str(), Some("../order"));
    }

    #[test]
    fn names_that_can_not_be_packages_are_refused() {
        for bad in ["", "Acme", "1st", "a b", "../x", "a-", "test"] {
            assert!(check(bad).is_err(), "{bad}");
        }
        check("acme-erp-2").unwrap();
    }
}
