//! A folder outside of the source tree, with the real program and the tool chains that the set-up installed.

use std::{
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use orderdock_tests::rig::{Said, orderdock};
use tempfile::TempDir;

pub struct Workshop {
    folder: TempDir,
}

/// A tool chain that `cargo xtask sdk` installed.
fn tool(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().join("target/toolchains").join(path)
}

/// Whether the language's tool chain could not be had. The set-up has noted why; with `ORDERDOCK_ALL_LANGUAGES` that is a
/// failure.
pub fn is_skipped(language: &str) -> bool {
    let note = tool(&format!("../components/languages/{language}.skipped"));
    let Ok(reason) = std::fs::read_to_string(note) else { return false };
    let demanded = std::env::vars().any(|(name, value)| name == "ORDERDOCK_ALL_LANGUAGES" && !value.is_empty());
    assert!(!demanded, "every language is asked for, but {reason}");
    eprintln!("SKIPPED {reason}");
    true
}

impl Workshop {
    pub fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    pub fn at(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// A command in one of the folders, with the set-up's tools on the path and their caches in use.
    pub fn command(&self, folder: &str, program: &Path) -> Command {
        let mut command = Command::new(program);
        let paths = std::env::vars().find(|(name, _)| name == "PATH").map(|(_, value)| value).unwrap_or_default();
        let ours = [tool("python/bin"), tool("go/bin")];
        let path = std::env::join_paths(ours.into_iter().chain(std::env::split_paths(&paths))).unwrap();
        command.current_dir(self.at(folder)).stdin(Stdio::null()).env("PATH", path);
        // Compiled code is kept from run to run, by digest, where components come out the same.
        command.env("XDG_CACHE_HOME", self.at("cache")).env("GOCACHE", tool("go-cache"));
        command.env("CARGO_TARGET_DIR", tool("../authors-wasm")).env("CARGO_NET_OFFLINE", "true");
        command.env_remove("ORDERDOCK_CONFIG");
        command
    }

    /// Runs `orderdock plugin …` in a folder.
    pub fn run(&self, folder: &str, arguments: &[&str]) -> Said {
        let mut command = self.command(folder, &orderdock());
        let output = command.arg("plugin").args(arguments).output().unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
        Said { code: output.status.code().unwrap_or(-1), out: text(output.stdout), err: text(output.stderr) }
    }

    /// The same for a command that must succeed.
    pub fn ask(&self, folder: &str, arguments: &[&str]) -> Said {
        let said = self.run(folder, arguments);
        assert_eq!(said.code, 0, "{arguments:?}: {}", said.all());
        said
    }

    /// Begins a project, and does what `plugin new` says is to be done once.
    pub fn begin(&self, name: &str, language: &str) {
        let said = self.ask("", &["new", name, "--lang", language]);
        assert!(said.out.contains("Next, type:"), "{}", said.out);
        if ["js", "ts"].contains(&language) {
            // What `npm install` would bring, from where the set-up has it: node looks into the folders above too.
            std::fs::create_dir_all(self.at("node_modules")).unwrap();
            let link = self.at("node_modules/componentize-qjs");
            if !link.exists() {
                let modules = tool("js/node_modules");
                for entry in std::fs::read_dir(modules).unwrap().map(Result::unwrap) {
                    std::os::unix::fs::symlink(entry.path(), self.at("node_modules").join(entry.file_name())).unwrap();
                }
            }
        }
    }

    /// Changes a file.
    pub fn edit(&self, file: &str, from: &str, to: &str) {
        let path = self.at(file);
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(text.contains(from), "{file} does not hold {from:?}");
        std::fs::write(&path, text.replace(from, to)).unwrap();
    }
}
