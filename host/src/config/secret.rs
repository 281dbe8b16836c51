//! Secrets in files: references to the environment or to a file of their own, resolved here and nowhere else.

use std::{fs, io::Read, path::Path};

use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use toml::de::DeValue;

use super::{
    Environment,
    reader::{Found, Section},
};

/// The most bytes that a secret may have; private keys fit.
const LARGEST: u64 = 64 << 10;

/// Where a secret comes from. Stored with the connection; the value itself is stored sealed, elsewhere.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum SecretSource {
    /// `{ env = "NAME" }`.
    Env {
        /// The variable.
        env: String,
    },
    /// `{ file = "path" }`; absolute once read.
    File {
        /// The file; its last line break does not count.
        file: String,
    },
    /// `{ stored = true }`: given earlier, kept sealed. What a literal becomes, and what an export prints for it.
    Stored {
        /// Always true.
        stored: bool,
    },
}

/// A secret that a file gave.
#[derive(Clone, Debug)]
pub struct GivenSecret {
    /// Its key: `shop.token`, `destination.api_key`.
    pub slot: String,
    /// Where in the file it stands.
    pub place: String,
    /// Its value; none for `{ stored = true }`: keep what is stored, and say so if nothing is.
    pub value: Option<SecretString>,
}

/// Reads one secret. Literals give a warning.
pub(super) fn read(
    section: &Section<'_, '_>,
    found: &Found<'_, '_>,
    slot: &str,
    folder: &Path,
    environment: &Environment,
    warnings: &mut Vec<crate::domain::problem::Problem>,
) -> Option<(SecretSource, GivenSecret)> {
    let document = section.document;
    let place = document.place(&found.span, &found.path);
    let refuse = |message: &str, hint: &str| {
        document.note(&found.span, &found.path, message, Some(hint.to_owned()));
        None
    };
    let usage = "write { env = \"NAME\" }, { file = \"path\" } or, for one that was given before, { stored = true }";
    let (source, value) = match found.value {
        DeValue::String(text) if text.is_empty() => return refuse("is empty", usage),
        DeValue::String(text) => {
            warnings.push(
                crate::domain::problem::Problem::new(&place, "the secret stands in the file itself")
                    .hint("better: { env = \"NAME\" } or { file = \"path\" }"),
            );
            (SecretSource::Stored { stored: true }, Some(SecretString::from(text.to_string())))
        }
        DeValue::Table(table) => {
            let entries: Vec<_> = table.iter().map(|(key, value)| (key.get_ref().as_ref(), value.get_ref())).collect();
            match entries.as_slice() {
                [("stored", DeValue::Boolean(true))] => (SecretSource::Stored { stored: true }, None),
                [("env", DeValue::String(name))] => {
                    let Some(value) = environment.secret(name) else {
                        return refuse(
                            &format!("the environment variable {name} is not set"),
                            "set it where Orderdock is started; { stored = true } keeps a secret that was given before",
                        );
                    };
                    (SecretSource::Env { env: name.to_string() }, Some(value))
                }
                [("file", DeValue::String(name))] => {
                    let path = folder.join(name.as_ref());
                    match read_file(&path) {
                        Ok(value) => (SecretSource::File { file: path.display().to_string() }, Some(value)),
                        Err(reason) => {
                            let message = format!("the file {} {reason}", path.display());
                            return refuse(&message, "make it readable for the user that Orderdock runs as");
                        }
                    }
                }
                _ => return refuse("is not a secret reference", usage),
            }
        }
        _ => return refuse("is not a secret reference", usage),
    };
    Some((source, GivenSecret { slot: slot.to_owned(), place, value }))
}

/// The file's text without its last line break.
fn read_file(path: &Path) -> Result<SecretString, String> {
    let mut text = String::new();
    let file = fs::File::open(path).map_err(|error| format!("can't be read: {error}"))?;
    file.take(LARGEST + 1).read_to_string(&mut text).map_err(|error| format!("can't be read: {error}"))?;
    if text.len() as u64 > LARGEST {
        return Err("is too large for a secret (more than 64KiB)".to_owned());
    }
    if text.ends_with('\n') {
        text.pop();
        if text.ends_with('\r') {
            text.pop();
        }
    }
    if text.is_empty() { Err("is empty".to_owned()) } else { Ok(SecretString::from(text)) }
}
