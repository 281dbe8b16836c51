//! What a plugin wants sent, in the host's own types; `wit/plugin.wit` documents each field.

use serde::{Deserialize, Serialize};

use super::Pair;

/// How a secret is written into its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SecretEncoding {
    /// As it is.
    None,
    /// Inside a JSON string.
    Json,
    /// XML text or attribute value.
    Xml,
    /// Percent-encoded.
    Url,
    /// Base64.
    Base64,
}

/// A piece of a header value, body or file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Segment {
    /// Literal bytes.
    Bytes(#[serde(with = "super::delivery::base64_bytes")] Vec<u8>),
    /// A secret's place.
    Secret {
        /// Which.
        slot: String,
        /// How it is written.
        encode: SecretEncoding,
    },
}

/// A header.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Header {
    /// Name.
    pub name: String,
    /// Value.
    pub value: Vec<Segment>,
}

/// Whether a request may be sent again while its outcome is unknown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Repeat {
    /// Never.
    Never,
    /// Always.
    Always,
    /// While the ERP keeps the idempotency key: that many seconds.
    WithKey(u32),
}

/// An HTTP request, below the destination's base address.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HttpDelivery {
    /// Method in upper case.
    pub method: String,
    /// Path, percent-encoded.
    pub path: String,
    /// Query, not yet encoded.
    pub query: Vec<Pair>,
    /// Headers besides the content type.
    pub headers: Vec<Header>,
    /// Body.
    pub body: Vec<Segment>,
    /// Content type.
    pub content_type: Option<String>,
    /// May it be repeated?
    pub repeat: Repeat,
    /// The answer holds a secret and is not stored.
    pub sensitive: bool,
}

/// One file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileOut {
    /// Name without folder.
    pub name: String,
    /// Content.
    pub content: Vec<Segment>,
}

/// Files to write, in this order, the trigger last.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileDelivery {
    /// The files.
    pub files: Vec<FileOut>,
    /// The trigger.
    pub trigger: Option<FileOut>,
}

/// What is to be sent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DeliveryContent {
    /// An HTTP request.
    Http(HttpDelivery),
    /// Files.
    Files(FileDelivery),
}

/// What is to be sent, and what goes with it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Delivery {
    /// What is to be sent.
    pub content: DeliveryContent,
    /// The plugin's own bytes for the next call.
    #[serde(with = "base64_bytes")]
    pub state: Vec<u8>,
    /// Sentences for the timeline.
    pub notes: Vec<String>,
}

/// Who has to act on a rejection by `map-order`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RejectionClass {
    /// Staff, in the shop.
    Data,
    /// The administrator.
    Settings,
    /// Nobody.
    NotForUs,
}

/// Why an order can't be mapped.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rejection {
    /// Who has to act.
    pub class: RejectionClass,
    /// One sentence.
    pub message: String,
    /// Field path in the order.
    pub field: Option<String>,
}

/// Bytes as base64 text in stored JSON.
pub mod base64_bytes {
    use base64::{Engine as _, engine::general_purpose::STANDARD};
    use serde::{Deserialize, Deserializer, Serializer};

    /// Writes.
    ///
    /// # Errors
    /// When the serializer fails.
    pub fn serialize<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&STANDARD.encode(bytes))
    }

    /// Reads.
    ///
    /// # Errors
    /// When the text is not base64.
    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u8>, D::Error> {
        STANDARD.decode(String::deserialize(deserializer)?).map_err(serde::de::Error::custom)
    }
}
