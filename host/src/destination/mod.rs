//! Destinations: HTTP and the local folder. Deliveries leave here and nowhere else.

pub mod folder;
pub mod http;
pub mod render;

use std::time::Duration;

use serde_json::Value;

use self::{folder::FolderDestination, http::HttpDestination, render::Secrets};
use crate::domain::{
    call::DeliveryKind,
    collect::{Read, read_all},
    problem::Problem,
};

/// An open destination.
pub enum Destination {
    /// An HTTP base address.
    Http(Box<HttpDestination>),
    /// A local folder.
    Folder(FolderDestination),
}

impl Destination {
    /// Opens it from the form in which passes pin it: `kind` and the kind's own keys, never a credential. `secrets` is only asked whether it has what the settings name.
    ///
    /// # Errors
    /// Everything that is wrong with the settings.
    pub fn open(pinned: &Value, secrets: &Secrets) -> Result<Self, Vec<Problem>> {
        let mut table = pinned.clone();
        let kind = table.as_object_mut().and_then(|fields| fields.remove("kind"));
        match kind.as_ref().and_then(Value::as_str) {
            Some("http") => opened(read_all(table, ""), |settings| {
                HttpDestination::open(settings, secrets).map(|http| Self::Http(Box::new(http)))
            }),
            Some("folder") => {
                opened(read_all(table, ""), |settings| FolderDestination::open(settings).map(Self::Folder))
            }
            _ => Err(vec![Problem::new("kind", "is not a kind of destination, expected `http` or `folder`")]),
        }
    }

    /// What can be delivered to it.
    #[must_use]
    pub fn kind(&self) -> DeliveryKind {
        match self {
            Self::Http(_) => DeliveryKind::Http,
            Self::Folder(_) => DeliveryKind::Files,
        }
    }

    /// Longest time of one delivery; a folder has none that we set.
    #[must_use]
    pub fn time_limit(&self) -> Duration {
        match self {
            Self::Http(http) => http.time_limit(),
            Self::Folder(_) => Duration::ZERO,
        }
    }

    /// From the write-ahead row until "not found" counts (lifecycle section 4).
    #[must_use]
    pub fn absent_counts_after(&self) -> Duration {
        match self {
            Self::Http(http) => http.absent_counts_after(),
            Self::Folder(_) => Duration::ZERO,
        }
    }

    /// Whether a 503 proves that nothing was done.
    #[must_use]
    pub fn trusts_503(&self) -> bool {
        match self {
            Self::Http(http) => http.settings().trusts_503,
            Self::Folder(_) => false,
        }
    }
}

/// What was read, opened. Where keys could not be read, the rest is checked all the same, so that all problems are told
/// at once; what was put in their place is not judged.
fn opened<S>(
    read: Read<S>,
    open: impl FnOnce(&S) -> Result<Destination, Vec<Problem>>,
) -> Result<Destination, Vec<Problem>> {
    let Read { value, mut problems } = read;
    let found = match value.as_ref().map(open) {
        Some(Ok(destination)) if problems.is_empty() => return Ok(destination),
        Some(Err(found)) => found,
        _ => Vec::new(),
    };
    let judged: Vec<String> = problems.iter().map(|problem| problem.place.clone()).collect();
    problems.extend(found.into_iter().filter(|problem| !judged.iter().any(|place| problem.place.starts_with(place))));
    Err(problems)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn every_problem_of_the_settings_is_told_at_once() {
        let places = |pinned: Value| -> Vec<String> {
            let problems = Destination::open(&pinned, &Secrets::new()).err().unwrap_or_default();
            problems.into_iter().map(|problem| problem.place).collect()
        };
        let http = json!({
            "kind": "http", "base_address": "ftp://erp.example", "wheels": 4, "time_limit_s": "soon", "answer_cap": 0,
            "colour": "blue", "authentication": { "kind": "bearer", "secret": "token" },
        });
        let mut found = places(http);
        found.sort();
        assert_eq!(found, ["answer_cap", "authentication.secret", "base_address", "colour", "time_limit_s", "wheels"],);
        let folder = json!({ "kind": "folder", "path": "inbox", "wheels": 4, "answer_cap": 0, "stable_s": -1 });
        let mut found = places(folder);
        found.sort();
        assert_eq!(found, ["answer_cap", "path", "stable_s", "wheels"]);
        assert_eq!(places(json!({ "kind": "pigeon" })), ["kind"]);
    }
}
