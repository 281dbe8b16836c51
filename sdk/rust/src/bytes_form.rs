//! Bytes in case files: text where they are UTF-8, else `{"base64": "…"}`. A hand-written case may also say
//! `{"json": …}`, which stands for the compact JSON text.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum Form {
    Text(String),
    Base64 { base64: String },
    Json { json: serde_json::Value },
}

/// Writes bytes as text, or as base64 where they are not UTF-8.
pub(crate) fn serialize<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
    match std::str::from_utf8(bytes) {
        Ok(text) => Form::Text(text.to_owned()),
        Err(_) => Form::Base64 { base64: STANDARD.encode(bytes) },
    }
    .serialize(serializer)
}

/// Reads what [`serialize`] wrote.
pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u8>, D::Error> {
    match Form::deserialize(deserializer)? {
        Form::Text(text) => Ok(text.into_bytes()),
        Form::Base64 { base64 } => STANDARD.decode(base64).map_err(serde::de::Error::custom),
        Form::Json { json } => Ok(json.to_string().into_bytes()),
    }
}
