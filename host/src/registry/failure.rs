//! Why a registry did not do what it was asked, in sentences.

use crate::domain::certificate;

/// Most characters of a registry's own words.
const WORDS: usize = 300;

/// Why a registry can't be used.
#[derive(Debug, thiserror::Error)]
pub enum RegistryError {
    /// The name can't be read.
    #[error("`{text}` does not name a release in a registry: {reason}")]
    Reference {
        /// What was given.
        text: String,
        /// What is wrong with it.
        reason: String,
    },
    /// Its own certificates can't be read, or no client can be made.
    #[error("{registry} can't be asked: {reason}")]
    Client {
        /// Which registry.
        registry: String,
        /// Why.
        reason: String,
    },
    /// No answer.
    #[error("{registry} gives no answer: {reason}")]
    Unreachable {
        /// Which registry.
        registry: String,
        /// Why.
        reason: String,
    },
    /// A log-in is missing or wrong.
    #[error(
        "{registry} does not let us {doing} ({status}): {message}; give a user with `--user NAME --password-stdin`, or in the host's file: [registries.\"{registry}\"] with user and password"
    )]
    Unauthorised {
        /// Which registry.
        registry: String,
        /// What was tried.
        doing: String,
        /// Status code.
        status: u16,
        /// Its own words.
        message: String,
    },
    /// No such release.
    #[error("there is no {what}")]
    NotFound {
        /// Its name.
        what: String,
    },
    /// It said no, or something odd.
    #[error("{registry} did not {doing} ({status}): {message}")]
    Refused {
        /// Which registry.
        registry: String,
        /// What was tried.
        doing: String,
        /// Status code.
        status: u16,
        /// Its own words.
        message: String,
    },
    /// The bytes are not the ones that the digest names.
    #[error(
        "{what} was changed on the way or in the registry: its digest is sha256:{found}, not sha256:{wanted}; nothing of it was used"
    )]
    Tampered {
        /// What was fetched.
        what: String,
        /// Digest of what came.
        found: String,
        /// Digest of what was asked for.
        wanted: String,
    },
    /// Something else lies there.
    #[error("{what} is not a plugin: {reason}")]
    NotAPlugin {
        /// Its name.
        what: String,
        /// What it is instead.
        reason: String,
    },
    /// More bytes than allowed.
    #[error("{what} has {size} bytes; at most {most} are taken")]
    TooLarge {
        /// What was fetched.
        what: String,
        /// How many bytes it has, as far as they were counted.
        size: u64,
        /// How many are taken.
        most: u64,
    },
}

/// Reads a transport error.
pub(super) fn transport(registry: &str, error: reqwest::Error) -> RegistryError {
    let words = chain(&error.without_url());
    let reason = certificate::explain(&words, "registries.….ca_file").unwrap_or(words);
    RegistryError::Unreachable { registry: registry.to_owned(), reason }
}

/// An error with its causes, each said once.
pub(super) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        let words = inner.to_string();
        if !text.contains(&words) {
            text.push_str(": ");
            text.push_str(&words);
        }
        cause = inner.source();
    }
    text
}

/// A registry's own words: `errors[0].code` and `message` (OCI distribution specification, "Error codes"), else the start.
pub(super) fn words(body: &[u8]) -> String {
    let json: Option<serde_json::Value> = serde_json::from_slice(body).ok();
    let first = json.as_ref().and_then(|json| json.pointer("/errors/0"));
    let text = match first {
        Some(first) => {
            let part = |name: &str| first.get(name).and_then(|part| part.as_str()).unwrap_or_default().to_owned();
            format!("{} {}", part("code"), part("message")).trim().to_owned()
        }
        None => String::from_utf8_lossy(body.get(..body.len().min(2_000)).unwrap_or_default()).trim().to_owned(),
    };
    let clean: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(WORDS).collect();
    if clean.is_empty() { "no words".to_owned() } else { clean }
}
