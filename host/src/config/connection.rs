//! A connection's settings, checked: what the ledger stores as JSON and `connection export` prints as TOML. No secret
//! is in it, only where each comes from.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Checks, Opaque, Period, SecretSource};

/// One customer's shop, plugin, destination and rules.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ConnectionSettings {
    /// What people call it: lower-case letters, digits, `-` and `_`.
    pub name: String,
    /// Where orders come from.
    pub shop: ShopSettings,
    /// Statuses; none = the adapter's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<StatusMap>,
    /// What is taken.
    pub take: TakeRules,
    /// Who maps.
    pub plugin: PluginChoice,
    /// Where mapped orders go.
    pub destination: DestinationSettings,
    /// When the shop is asked.
    pub schedule: ScheduleSettings,
    /// What is repeated by itself.
    pub retry: RetrySettings,
    /// When nothing more is sent to an ERP that does not answer.
    #[serde(default)]
    pub breaker: BreakerSettings,
    /// How the unknown is cleared.
    pub unknown: UnknownSettings,
    /// Who is mailed.
    pub notify: NotifySettings,
    /// Where clocks hang.
    pub time_zones: TimeZones,
    /// What must be true of every delivery.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub checks: Option<Checks>,
    /// Look-up tables: table → key → value.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub tables: BTreeMap<String, BTreeMap<String, String>>,
}

impl ConnectionSettings {
    /// The same connection mapping with another release, other settings of it, or other tables: what an activation changes.
    #[must_use]
    pub fn mapping_with(
        &self,
        release: &str,
        settings: Opaque,
        tables: BTreeMap<String, BTreeMap<String, String>>,
    ) -> Self {
        let mut other = self.clone();
        release.clone_into(&mut other.plugin.release);
        other.plugin.settings = settings;
        other.tables = tables;
        other
    }
}

/// The shop. (kind, base address, account) is its identity.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ShopSettings {
    /// `evolutionx`, `woocommerce`, `push`.
    pub kind: String,
    /// Without a slash at the end; empty for `push`.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub base_address: String,
    /// The account at the shop, where one address serves many.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub account: String,
    /// What only this kind of shop knows; its room reads it.
    #[serde(default, skip_serializing_if = "is_empty")]
    pub settings: Opaque,
    /// Secret slots.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub secrets: BTreeMap<String, SecretSource>,
}

/// Which of the shop's words mean what.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct StatusMap {
    /// Taken. Empty = the adapter's own.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub new: Vec<String>,
    /// Written when the ERP has it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub success: Option<String>,
    /// Written when a person must look.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<String>,
    /// Known, and never taken.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ignored: Vec<String>,
}

/// Which payment states are taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PaymentRule {
    /// Paid or authorised, where the shop tells.
    Paid,
    /// All.
    Any,
}

/// What happens to orders that an API user created (lifecycle section 2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ApiUserRule {
    /// Skipped.
    Skip,
    /// Taken.
    Take,
}

/// What is taken.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TakeRules {
    /// By payment.
    pub payment: PaymentRule,
    /// Orders placed before that (RFC 3339) are left alone. None = the moment the connection was first applied.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
    /// By creator; none = the adapter's own rule (skip at EvolutionX, take elsewhere).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub api_users: Option<ApiUserRule>,
    /// Orders that are shipped already are taken too.
    pub shipped: bool,
    /// Another connection of the same shop may take the same orders; both must say so.
    pub share: bool,
}

/// Who maps.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PluginChoice {
    /// A release's digest (or the start of it, 8 digits at least), or `name@version`.
    pub release: String,
    /// Its settings, checked against the schema that the release brings.
    #[serde(default, skip_serializing_if = "is_empty")]
    pub settings: Opaque,
    /// Secret slots that the plugin's deliveries name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub secrets: BTreeMap<String, SecretSource>,
}

/// Kinds of destination.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DestinationKind {
    /// An HTTP base address.
    Http,
    /// A local folder.
    Folder,
}

/// Where mapped orders go.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DestinationSettings {
    /// Kind.
    pub kind: DestinationKind,
    /// Most requests that the ERP gets within a minute, from all hosts and all connections that share it. None: no limit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub requests_per_minute: Option<u32>,
    /// Most orders at work on it at once, counted alike. None: no limit but the host's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at_once: Option<u32>,
    /// What only this kind knows (`base_address`, `path`, …); its room reads it.
    #[serde(default, skip_serializing_if = "is_empty")]
    pub settings: Opaque,
    /// Secret slots.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub secrets: BTreeMap<String, SecretSource>,
    /// Folders where the ERP's answers appear: slot → path.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub answer_folders: BTreeMap<String, String>,
}

/// When the shop is asked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ScheduleSettings {
    /// Crontab, five fields.
    pub cron: String,
    /// IANA zone that it is read in.
    pub time_zone: String,
    /// Spread over that many seconds, the same for each fire of a connection.
    pub jitter_s: u32,
}

/// What is repeated by itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RetrySettings {
    /// How long what provably was not processed is tried again.
    pub retry_for: Period,
    /// First wait.
    pub first_wait: Period,
    /// Longest wait; what an ERP asks for is capped by it too.
    pub longest_wait: Period,
    /// A 503 of this ERP surely means "not processed".
    pub trusts_503: bool,
}

/// How the unknown is cleared.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UnknownSettings {
    /// How long the ERP is asked.
    pub lookup_for: Period,
    /// How long the ERP may take until an order that it took can be found.
    pub settling: Period,
    /// A status that a person set in the shop confirms that it goes again (lifecycle section 3).
    pub shop_reset_confirms: bool,
}

/// When nothing more is sent to an ERP that does not answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BreakerSettings {
    /// After that many failures in a row; 0 = never.
    pub failures: u32,
    /// How long it must last until the connection's people are mailed, once.
    pub mail_after: Period,
}

impl Default for BreakerSettings {
    fn default() -> Self {
        Self { failures: 3, mail_after: Period(300) }
    }
}

/// Who is mailed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct NotifySettings {
    /// Receivers; empty = nobody.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub to: Vec<String>,
    /// Sender; none = the host's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
}

/// Where clocks hang.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TimeZones {
    /// The shop's IANA zone.
    pub shop: String,
    /// The ERP's IANA zone.
    pub erp: String,
}

fn is_empty(opaque: &Opaque) -> bool {
    opaque.value.is_empty()
}
