//! Who a plugin is: what the host shows to the administrator and checks before it runs the plugin.

use orderdock_order::Pair;
use serde::{Deserialize, Serialize};

use crate::Purpose;

/// Kinds of delivery.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DeliveryKind {
    /// HTTP requests.
    Http,
    /// Files.
    Files,
}

/// A secret slot, a look-up table or an answer folder that the plugin uses.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NamedNeed {
    /// Name.
    pub name: String,
    /// One sentence for the administrator.
    pub help: String,
    /// Whether the plugin can't work without it.
    pub required: bool,
    /// Room for growth.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub extra: Vec<Pair>,
}

impl NamedNeed {
    /// Something the plugin can't work without.
    pub fn required(name: impl Into<String>, help: impl Into<String>) -> Self {
        Self { name: name.into(), help: help.into(), required: true, extra: Vec::new() }
    }

    /// Something the plugin can do without.
    pub fn optional(name: impl Into<String>, help: impl Into<String>) -> Self {
        Self { name: name.into(), help: help.into(), required: false, extra: Vec::new() }
    }
}

/// Who the plugin is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Description {
    /// Short name. Letters, digits and `-`. Example: `json-post`.
    pub name: String,
    /// Version, `SemVer` 2.0. Example: `1.4.0`.
    pub version: String,
    /// Who made it.
    pub publisher: String,
    /// The ERP it speaks to.
    pub erp: String,
    /// One paragraph for the administrator.
    pub help: String,
    /// JSON Schema (2020-12) of the settings. Leave it empty: it is filled from [`crate::Plugin::Settings`].
    pub settings_schema: String,
    /// What it can be asked for; always `create`, which is the default.
    pub purposes: Vec<Purpose>,
    /// What it makes.
    pub deliveries: Vec<DeliveryKind>,
    /// Secret slots that it names.
    pub secrets: Vec<NamedNeed>,
    /// Look-up tables that it asks.
    pub tables: Vec<NamedNeed>,
    /// Answer folders that it watches.
    pub folders: Vec<NamedNeed>,
    /// Room for growth.
    pub extra: Vec<Pair>,
}

impl Default for Description {
    fn default() -> Self {
        Self {
            name: String::new(),
            version: String::new(),
            publisher: String::new(),
            erp: String::new(),
            help: String::new(),
            settings_schema: String::new(),
            purposes: vec![Purpose::Create],
            deliveries: Vec::new(),
            secrets: Vec::new(),
            tables: Vec::new(),
            folders: Vec::new(),
            extra: Vec::new(),
        }
    }
}
