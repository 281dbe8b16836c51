//! What a plugin is called with besides the order; `wit/plugin.wit` documents each field.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::delivery::base64_bytes;

/// What is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Purpose {
    /// A new order.
    Create,
    /// Does the ERP have it?
    LookUp,
    /// It was changed.
    Update,
    /// It was cancelled.
    Cancel,
}

/// Kinds of delivery.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DeliveryKind {
    /// HTTP requests.
    Http,
    /// Files.
    Files,
}

/// How an earlier pass or the step in doubt ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PreviousOutcome {
    /// The ERP has it.
    Delivered,
    /// Refused.
    Failed,
    /// May or may not be in the ERP.
    Unknown,
}

/// What is known from before.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Previous {
    /// How it ended.
    pub outcome: PreviousOutcome,
    /// The ERP's id.
    pub erp_order_id: Option<String>,
    /// The number people use there.
    pub erp_order_number: Option<String>,
    /// The plugin's state of the step in doubt.
    #[serde(with = "base64_bytes")]
    pub state: Vec<u8>,
}

/// Everything besides the order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Context {
    /// What is wanted.
    pub purpose: Purpose,
    /// Name of the connection.
    pub connection: String,
    /// The plugin's settings, as JSON text.
    pub settings: String,
    /// Which pass.
    pub pass: u32,
    /// Which attempt of the pass.
    pub attempt: u32,
    /// Which call of the conversation, from 0.
    pub step: u32,
    /// Stable over repeats.
    pub idempotency_key: String,
    /// Counts up per connection.
    pub document_number: u64,
    /// Frozen time of mapping, RFC 3339 UTC.
    pub mapped_at: String,
    /// IANA zone of the shop.
    pub shop_time_zone: String,
    /// IANA zone of the ERP.
    pub erp_time_zone: String,
    /// Id of the call in our log.
    pub request_id: String,
    /// What is known from before.
    pub previous: Option<Previous>,
    /// Slots of remembered logins that are alive.
    pub logins: Vec<String>,
}

/// Look-up tables: table → key → value.
pub type Tables = BTreeMap<String, BTreeMap<String, String>>;

/// A slot, table or folder that a plugin uses.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NamedNeed {
    /// Name.
    pub name: String,
    /// One sentence.
    pub help: String,
    /// Whether the plugin can't work without it.
    pub required: bool,
}

/// Who a plugin is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Description {
    /// Short name.
    pub name: String,
    /// SemVer.
    pub version: String,
    /// Who made it.
    pub publisher: String,
    /// The ERP it speaks to.
    pub erp: String,
    /// One paragraph.
    pub help: String,
    /// JSON Schema of the settings.
    pub settings_schema: serde_json::Value,
    /// What it can be asked for.
    pub purposes: Vec<Purpose>,
    /// What it makes.
    pub deliveries: Vec<DeliveryKind>,
    /// Secret slots.
    pub secrets: Vec<NamedNeed>,
    /// Look-up tables.
    pub tables: Vec<NamedNeed>,
    /// Answer folders.
    pub folders: Vec<NamedNeed>,
}
