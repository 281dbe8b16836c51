//! Destinations: HTTP and the local folder. Deliveries leave here and nowhere else.

pub mod folder;
pub mod http;
pub mod render;

use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use self::{
    folder::{FolderDestination, FolderSettings},
    http::{HttpDestination, HttpSettings},
    render::Secrets,
};
use crate::domain::{call::DeliveryKind, problem::Problem};

/// The settings of any destination, as a pass pins them: addresses, folders and limits, never a credential.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Settings {
    /// An HTTP base address.
    Http(HttpSettings),
    /// A local folder.
    Folder(FolderSettings),
}

/// An open destination.
pub enum Destination {
    /// An HTTP base address.
    Http(Box<HttpDestination>),
    /// A local folder.
    Folder(FolderDestination),
}

impl Destination {
    /// Opens it from the form in which passes pin it. `secrets` is only asked whether it has what the settings name.
    ///
    /// # Errors
    /// Everything that is wrong with the settings.
    pub fn open(pinned: &Value, secrets: &Secrets) -> Result<Self, Vec<Problem>> {
        let settings: Settings = serde_json::from_value(pinned.clone())
            .map_err(|error| vec![Problem::new("destination", error.to_string())])?;
        Ok(match settings {
            Settings::Http(settings) => Self::Http(Box::new(HttpDestination::open(&settings, secrets)?)),
            Settings::Folder(settings) => Self::Folder(FolderDestination::open(&settings)?),
        })
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
