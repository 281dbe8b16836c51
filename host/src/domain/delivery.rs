//! What a plugin wants sent, in the host's own types; `wit/plugin.wit` documents each field.

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

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

impl Delivery {
    /// sha256 in lower-case hex of everything that would be sent, secrets as places. Notes and state are not sent: they are
    /// not in it.
    #[must_use]
    pub fn fingerprint(&self) -> String {
        let mut hash = Fingerprint(Sha256::new());
        match &self.content {
            DeliveryContent::Http(http) => {
                hash.texts(&["http", &http.method, &http.path]);
                hash.count(http.query.len());
                http.query.iter().for_each(|(name, value)| hash.texts(&[name, value]));
                hash.count(http.headers.len());
                for header in &http.headers {
                    hash.texts(&[&header.name]);
                    hash.segments(&header.value);
                }
                hash.segments(&http.body);
                hash.count(usize::from(http.content_type.is_some()));
                hash.texts(&[http.content_type.as_deref().unwrap_or_default()]);
                hash.texts(&[&match http.repeat {
                    Repeat::Never => "never".to_owned(),
                    Repeat::Always => "always".to_owned(),
                    Repeat::WithKey(seconds) => format!("with key {seconds}"),
                }]);
                hash.count(usize::from(http.sensitive));
            }
            DeliveryContent::Files(files) => {
                hash.texts(&["files"]);
                hash.count(files.files.len());
                for file in files.files.iter().chain(&files.trigger) {
                    hash.texts(&[&file.name]);
                    hash.segments(&file.content);
                }
            }
        }
        hex::encode(hash.0.finalize())
    }
}

/// Every part goes in with its length, so that no two deliveries can look alike.
struct Fingerprint(Sha256);

impl Fingerprint {
    fn count(&mut self, count: usize) {
        self.0.update(u64::try_from(count).unwrap_or(u64::MAX).to_be_bytes());
    }

    fn bytes(&mut self, bytes: &[u8]) {
        self.count(bytes.len());
        self.0.update(bytes);
    }

    fn texts(&mut self, texts: &[&str]) {
        texts.iter().for_each(|text| self.bytes(text.as_bytes()));
    }

    /// Bytes that follow each other are one piece: how a plugin cut them is not sent.
    fn segments(&mut self, segments: &[Segment]) {
        let mut piece = Vec::new();
        for segment in segments {
            match segment {
                Segment::Bytes(bytes) if piece.is_empty() && segments.len() == 1 => return self.piece(bytes),
                Segment::Bytes(bytes) => piece.extend_from_slice(bytes),
                Segment::Secret { slot, encode } => {
                    self.bytes(&std::mem::take(&mut piece));
                    self.texts(&["secret", slot, &format!("{encode:?}")]);
                }
            }
        }
        self.piece(&piece);
    }

    /// The last piece of a list.
    fn piece(&mut self, bytes: &[u8]) {
        self.bytes(bytes);
        self.texts(&["end"]);
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    fn http(change: impl FnOnce(&mut HttpDelivery)) -> String {
        let mut http = HttpDelivery {
            method: "POST".into(),
            path: "orders".into(),
            query: Vec::new(),
            headers: vec![Header { name: "x-key".into(), value: vec![Segment::Bytes(b"a".to_vec())] }],
            body: vec![Segment::Bytes(b"{}".to_vec())],
            content_type: Some("application/json".into()),
            repeat: Repeat::Never,
            sensitive: false,
        };
        change(&mut http);
        let content = DeliveryContent::Http(http);
        Delivery { content, state: b"state".to_vec(), notes: vec!["note".into()] }.fingerprint()
    }

    #[test]
    fn a_fingerprint_covers_everything_that_is_sent_and_nothing_else() {
        let same = http(|_| {});
        let bytes = |text: &str| Segment::Bytes(text.as_bytes().to_vec());
        assert_eq!(http(|it| it.body = vec![bytes("{"), bytes("}")]), same, "how it was cut is not sent");
        let secret = |encode| Segment::Secret { slot: "key".into(), encode };
        let others = [
            http(|it| it.method = "PUT".into()),
            http(|it| it.path = "order".into()),
            http(|it| it.query = vec![("a".into(), "b".into())]),
            http(|it| it.headers[0].name = "x-keys".into()),
            http(|it| it.headers[0].value = vec![secret(SecretEncoding::None)]),
            http(|it| it.headers[0].value = vec![secret(SecretEncoding::Json)]),
            http(|it| it.headers.clear()),
            http(|it| it.body = vec![bytes("{ }")]),
            http(|it| it.content_type = None),
            http(|it| it.content_type = Some(String::new())),
            http(|it| it.repeat = Repeat::WithKey(60)),
            http(|it| it.sensitive = true),
        ];
        for (at, other) in others.iter().enumerate() {
            assert_ne!(other, &same, "change {at}");
            assert!(!others[..at].contains(other), "change {at} looks like an earlier one");
        }
    }
}
