//! What a plugin wants sent: an HTTP request or a set of files, or the reason why an order can't be mapped.

use orderdock_order::Pair;
use serde::{Deserialize, Serialize};

/// How the host writes a secret into its place.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SecretEncoding {
    /// As it is.
    #[default]
    None,
    /// Inside a JSON string, without the quotes.
    Json,
    /// XML text or attribute value.
    Xml,
    /// Percent-encoded.
    Url,
    /// Base64 of the bytes.
    Base64,
}

/// A place that the host fills with a secret. The plugin never sees the value.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Secret {
    /// Name of the slot, as the connection's secrets or a remembered login name it.
    pub slot: String,
    /// How it is written.
    #[serde(default)]
    pub encode: SecretEncoding,
}

/// A piece of a header value, a body or a file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Segment {
    /// Literal bytes.
    Bytes(#[serde(with = "crate::bytes_form")] Vec<u8>),
    /// A secret.
    Secret(Secret),
}

impl Segment {
    /// A secret's place.
    pub fn secret(slot: impl Into<String>, encode: SecretEncoding) -> Self {
        Self::Secret(Secret { slot: slot.into(), encode })
    }
}

impl From<Vec<u8>> for Segment {
    fn from(bytes: Vec<u8>) -> Self {
        Self::Bytes(bytes)
    }
}

impl From<String> for Segment {
    fn from(text: String) -> Self {
        Self::Bytes(text.into_bytes())
    }
}

impl From<&str> for Segment {
    fn from(text: &str) -> Self {
        Self::Bytes(text.as_bytes().to_vec())
    }
}

/// A header of an HTTP request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Header {
    /// Name, as RFC 9110 allows. Hop-by-hop headers, `host`, `content-length` and the destination's own authentication
    /// header are refused by the host.
    pub name: String,
    /// Value.
    pub value: Vec<Segment>,
}

/// Whether a request may be sent again without a look-up when its outcome is unknown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Repeat {
    /// It creates something: never.
    #[default]
    Never,
    /// It only reads, or writes the same again: always.
    Always,
    /// The ERP drops repeats with the same idempotency key for this many seconds.
    WithKey(u32),
}

/// An HTTP request to the connection's destination.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HttpDelivery {
    /// `GET`, `POST`, `PUT`, `PATCH` or `DELETE`.
    pub method: String,
    /// Path below the destination's base address, percent-encoded, without `..`. Example: `orders`.
    pub path: String,
    /// Query, not yet encoded.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub query: Vec<Pair>,
    /// Headers besides the content type.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub headers: Vec<Header>,
    /// Body; empty for none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub body: Vec<Segment>,
    /// Content type of the body. Example: `application/json`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content_type: Option<String>,
    /// Whether it may be repeated.
    #[serde(default)]
    pub repeat: Repeat,
    /// The answer holds a secret (a login): it is not stored.
    #[serde(default)]
    pub sensitive: bool,
    /// Room for growth.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub extra: Vec<Pair>,
}

impl HttpDelivery {
    /// A request without a body.
    pub fn new(method: impl Into<String>, path: impl Into<String>) -> Self {
        Self { method: method.into(), path: path.into(), ..Self::default() }
    }

    /// Adds a header with a plain value.
    #[must_use]
    pub fn header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.headers.push(Header { name: name.into(), value: vec![Segment::from(value.into())] });
        self
    }

    /// Adds a header whose value is a secret as it is.
    #[must_use]
    pub fn secret_header(mut self, name: impl Into<String>, slot: impl Into<String>) -> Self {
        self.headers.push(Header { name: name.into(), value: vec![Segment::secret(slot, SecretEncoding::None)] });
        self
    }

    /// Adds a query pair.
    #[must_use]
    pub fn query(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.query.push((name.into(), value.into()));
        self
    }

    /// Sets the body and its content type.
    #[must_use]
    pub fn body(mut self, content_type: impl Into<String>, body: impl Into<Segment>) -> Self {
        self.content_type = Some(content_type.into());
        self.body = vec![body.into()];
        self
    }

    /// Says whether the request may be repeated.
    #[must_use]
    pub fn repeat(mut self, repeat: Repeat) -> Self {
        self.repeat = repeat;
        self
    }
}

/// One file to write.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct File {
    /// Name without folder, built from the order so that a repeat is seen; see [`crate::file_name`].
    pub name: String,
    /// Content.
    pub content: Vec<Segment>,
    /// Room for growth.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub extra: Vec<Pair>,
}

impl File {
    /// A file with one piece of content.
    pub fn new(name: impl Into<String>, content: impl Into<Segment>) -> Self {
        Self { name: name.into(), content: vec![content.into()], extra: Vec::new() }
    }
}

/// A set of files for the connection's folder, renamed into place in this order, the trigger last.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FileDelivery {
    /// The files.
    pub files: Vec<File>,
    /// The file whose appearance tells the ERP to start; the only one whose name may be constant.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trigger: Option<File>,
    /// Room for growth.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub extra: Vec<Pair>,
}

/// What is to be sent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DeliveryContent {
    /// An HTTP request.
    Http(HttpDelivery),
    /// A set of files.
    Files(FileDelivery),
}

/// What is to be sent, and what goes with it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Delivery {
    /// What is to be sent.
    #[serde(flatten)]
    pub content: DeliveryContent,
    /// Bytes that the host keeps sealed and gives back to this release with the answer. At most 64 KiB.
    #[serde(default, skip_serializing_if = "Vec::is_empty", with = "crate::bytes_form")]
    pub state: Vec<u8>,
    /// Sentences for the order's timeline: what was cleaned, cut or rounded.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
    /// Room for growth.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub extra: Vec<Pair>,
}

impl Delivery {
    /// A delivery by HTTP.
    #[must_use]
    pub fn http(request: HttpDelivery) -> Self {
        Self { content: DeliveryContent::Http(request), state: Vec::new(), notes: Vec::new(), extra: Vec::new() }
    }

    /// A delivery of files, without a trigger.
    #[must_use]
    pub fn files(files: Vec<File>) -> Self {
        Self {
            content: DeliveryContent::Files(FileDelivery { files, ..FileDelivery::default() }),
            state: Vec::new(),
            notes: Vec::new(),
            extra: Vec::new(),
        }
    }

    /// Adds a trigger to a delivery of files; without effect on an HTTP request.
    #[must_use]
    pub fn trigger(mut self, trigger: Option<File>) -> Self {
        if let DeliveryContent::Files(files) = &mut self.content {
            files.trigger = trigger;
        }
        self
    }

    /// Sets the state.
    #[must_use]
    pub fn state(mut self, state: impl Into<Vec<u8>>) -> Self {
        self.state = state.into();
        self
    }

    /// Sets the sentences for the timeline, usually [`crate::Report::into_notes`].
    #[must_use]
    pub fn notes(mut self, notes: Vec<String>) -> Self {
        self.notes = notes;
        self
    }
}

/// Who has to act on a refusal by `map_order`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RejectionClass {
    /// The order itself: staff correct it in the shop.
    Data,
    /// The connection's settings or look-up tables: the administrator corrects them.
    Settings,
    /// Nobody: this order does not belong to this ERP. It is skipped, without a mail.
    NotForUs,
}

/// Why an order can't be mapped.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rejection {
    /// Who has to act.
    pub class: RejectionClass,
    /// One sentence for staff.
    pub message: String,
    /// Path of the field in the order, in the names used here. Example: `lines[2].sku`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub field: Option<String>,
    /// Room for growth.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub extra: Vec<Pair>,
}

impl Rejection {
    fn new(class: RejectionClass, message: impl Into<String>) -> Self {
        Self { class, message: message.into(), field: None, extra: Vec::new() }
    }

    /// The order has to be corrected in the shop.
    pub fn data(message: impl Into<String>) -> Self {
        Self::new(RejectionClass::Data, message)
    }

    /// The connection's settings or look-up tables have to be corrected.
    pub fn settings(message: impl Into<String>) -> Self {
        Self::new(RejectionClass::Settings, message)
    }

    /// The order does not belong to this ERP.
    pub fn not_for_us(message: impl Into<String>) -> Self {
        Self::new(RejectionClass::NotForUs, message)
    }

    /// Names the field. Example: `lines[2].sku`.
    #[must_use]
    pub fn field(mut self, path: impl Into<String>) -> Self {
        self.field = Some(path.into());
        self
    }
}

impl From<crate::SettingsError> for Rejection {
    fn from(error: crate::SettingsError) -> Self {
        let field = format!("settings.{}", error.path);
        Self::settings(error.to_string()).field(field)
    }
}
