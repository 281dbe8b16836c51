//! What an administrator sets for an HTTP destination, and its check: every problem at once.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// How we show the ERP who we are. Values are slots of the connection's secrets, never the secrets themselves.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Authentication {
    /// Not at all.
    #[default]
    None,
    /// One header with a key, as the Order Processing App has it.
    Header {
        /// Name of the header. Example: `X-Api-Key`.
        name: String,
        /// Slot of its whole value.
        secret: String,
    },
    /// `Authorization: Bearer …` (RFC 6750).
    Bearer {
        /// Slot of the token.
        secret: String,
    },
    /// `Authorization: Basic …` (RFC 7617).
    Basic {
        /// User name.
        user: String,
        /// Slot of the password.
        secret: String,
    },
}

/// An HTTP destination.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HttpSettings {
    /// Address below which every request goes. A query in it is kept in front of the plugin's.
    pub base_address: String,
    /// Who we are.
    #[serde(default)]
    pub authentication: Authentication,
    /// Seconds for one request from name look-up to the last byte of the answer, 1 to 600.
    #[serde(default = "time_limit_s")]
    pub time_limit_s: u32,
    /// Most bytes of an answer's body.
    #[serde(default = "answer_cap")]
    pub answer_cap: u64,
    /// Most bytes of a body that are kept with an attempt.
    #[serde(default = "stored_body_cap")]
    pub stored_body_cap: u32,
    /// PEM file with the ERP's own certification authority, in place of the public ones.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ca_file: Option<PathBuf>,
    /// A 503 of this ERP proves that nothing was done. Leave off behind a proxy: it may answer 503 after the ERP worked.
    #[serde(default)]
    pub trusts_503: bool,
    /// Seconds that an order may need to become visible in the ERP after our request ended: only later does "not
    /// found" count.
    #[serde(default = "settling_s")]
    pub settling_s: u32,
    /// Header that carries the idempotency key of every request that is not a GET.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub idempotency_header: Option<String>,
    /// Allows `http://` to other machines: orders and credentials are then readable on the way.
    #[serde(default)]
    pub allow_plain_http: bool,
    /// Allows link-local addresses, among which cloud machines keep their credentials.
    #[serde(default)]
    pub allow_link_local: bool,
}

impl HttpSettings {
    /// Everything at its default.
    #[must_use]
    pub fn new(base_address: impl Into<String>) -> Self {
        Self {
            base_address: base_address.into(),
            authentication: Authentication::None,
            time_limit_s: time_limit_s(),
            answer_cap: answer_cap(),
            stored_body_cap: stored_body_cap(),
            ca_file: None,
            trusts_503: false,
            settling_s: settling_s(),
            idempotency_header: None,
            allow_plain_http: false,
            allow_link_local: false,
        }
    }
}

/// Longest time limit: Business Central works for up to ten minutes.
pub(super) const LONGEST_LIMIT_S: u32 = 600;

/// Largest answer cap: an answer is held in memory.
pub(super) const LARGEST_CAP: u64 = 64 << 20;

fn time_limit_s() -> u32 {
    30
}

fn answer_cap() -> u64 {
    1 << 20
}

fn stored_body_cap() -> u32 {
    256 << 10
}

fn settling_s() -> u32 {
    60
}
