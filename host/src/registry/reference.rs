//! Names of what lies in a registry: `registry.example.com/acme/json-post:1.2.0`, `…@sha256:…`.

use std::fmt;

use super::RegistryError;

/// Longest tag (OCI distribution specification, section "Pulling manifests").
const TAG: usize = 128;
/// Longest repository name that registries agree on.
const REPOSITORY: usize = 255;

/// Which of a repository's manifests.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Version {
    /// What somebody let a name point to.
    Tag(String),
    /// These very bytes; the SHA-256 in hexadecimal.
    Digest(String),
}

/// The whole name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reference {
    /// Host, with a port where it is not the usual one. Lower case.
    pub registry: String,
    /// Path within the registry.
    pub repository: String,
    /// Which one there. A digest wins over a tag beside it.
    pub version: Version,
}

impl Reference {
    /// Reads a name. Without tag and digest it is the tag `latest`.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn read(text: &str) -> Result<Self, RegistryError> {
        let wrong = |reason: &str| RegistryError::Reference { text: text.to_owned(), reason: reason.to_owned() };
        let (registry, rest) = text
            .split_once('/')
            .ok_or_else(|| wrong("write registry/name:tag, such as ghcr.io/acme/json-post:1.2.0"))?;
        if !is_registry(registry) {
            return Err(wrong(
                "it begins with a registry's name, such as ghcr.io or 127.0.0.1:5000, and without https://",
            ));
        }
        let (rest, digest) = match rest.split_once('@') {
            Some((rest, digest)) => (rest, Some(digest)),
            None => (rest, None),
        };
        let (repository, tag) = match rest.split_once(':') {
            Some((repository, tag)) => (repository, Some(tag)),
            None => (rest, None),
        };
        if !is_repository(repository) {
            return Err(wrong(
                "a name in a registry has lower-case letters, digits and single `.`, `_`, `-` between them",
            ));
        }
        if tag.is_some_and(|tag| !is_tag(tag)) {
            return Err(wrong("a tag has letters, digits, `.`, `_` and `-`, and at most 128 of them"));
        }
        let version = match (digest, tag) {
            (Some(digest), _) => match digest.strip_prefix("sha256:").filter(|hex| is_sha256(hex)) {
                Some(hex) => Version::Digest(hex.to_owned()),
                None => return Err(wrong("a digest is `sha256:` and 64 hexadecimal digits in lower case")),
            },
            (None, tag) => Version::Tag(tag.unwrap_or("latest").to_owned()),
        };
        Ok(Self { registry: registry.to_ascii_lowercase(), repository: repository.to_owned(), version })
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}{}", self.registry, self.repository, self.version)
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tag(tag) => write!(f, ":{tag}"),
            Self::Digest(hex) => write!(f, "@sha256:{hex}"),
        }
    }
}

/// Whether it can be nothing but a host: a dot, a port or `localhost` tells it from the first part of a name.
fn is_registry(text: &str) -> bool {
    let (host, port) = match text.strip_prefix('[') {
        // An IPv6 address.
        Some(rest) => match rest.split_once(']') {
            Some((address, port)) if address.parse::<std::net::Ipv6Addr>().is_ok() => (None, port.strip_prefix(':')),
            _ => return false,
        },
        None => match text.split_once(':') {
            Some((host, port)) => (Some(host), Some(port)),
            None => (Some(text), None),
        },
    };
    let is_host = host.is_none_or(|host| {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
        let parts = host.split('.').all(|part| !part.is_empty() && part.bytes().all(plain));
        parts && (host.contains('.') || port.is_some() || host.eq_ignore_ascii_case("localhost"))
    });
    is_host && port.is_none_or(|port| port.parse::<u16>().is_ok_and(|port| port > 0))
}

/// The rule of the OCI distribution specification.
fn is_repository(text: &str) -> bool {
    let letter = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let part = |part: &str| {
        let ends = [part.bytes().next(), part.bytes().last()];
        let known = part.bytes().all(|byte| letter(byte) || b"._-".contains(&byte));
        let doubled = ["..", "._", "_.", ".-", "-.", "_-", "-_", "___"].iter().any(|pair| part.contains(pair));
        ends.into_iter().all(|end| end.is_some_and(letter)) && known && !doubled
    };
    text.len() <= REPOSITORY && text.split('/').all(part)
}

fn is_tag(text: &str) -> bool {
    let word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    let first = text.bytes().next().is_some_and(word);
    first && text.len() <= TAG && text.bytes().all(|byte| word(byte) || byte == b'.' || byte == b'-')
}

pub(super) fn is_sha256(text: &str) -> bool {
    text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte))
}
