//! How the fake ERP may answer an order, and which order gets which answer.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// One way to answer. Those that say so accept the order first: it then stands in the ledger, whatever the answer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Behaviour {
    /// Accepts. `{id}` and `{key}` in the body's texts are replaced.
    Accept {
        /// Status; 201 unless told.
        #[serde(default)]
        status: Option<u16>,
        /// Body; `{"object":{"order_id":"{id}"},"message":"created"}` unless told.
        #[serde(default)]
        body: Option<Value>,
    },
    /// Refuses with the ERP's words.
    Refuse {
        /// Status, a 4xx.
        status: u16,
        /// The words.
        message: String,
    },
    /// Any status and body, nothing accepted: throttling by 403, errors as arrays, XML after a JSON request.
    Say {
        /// Status.
        status: u16,
        /// Content type.
        content_type: String,
        /// Body.
        body: String,
    },
    /// 200 with an error inside.
    ErrorInside {
        /// The words.
        message: String,
    },
    /// Accepts; 204 and the id in `Location`, as NetSuite does.
    Location,
    /// 409 with the id of an order with the same key, if there is one.
    Duplicate,
    /// 429 with `Retry-After`.
    Throttle {
        /// Seconds, or a date.
        retry_after: String,
    },
    /// 503, nothing done.
    Unavailable,
    /// 500; with words if told.
    Broken {
        /// The words.
        #[serde(default)]
        message: Option<String>,
        /// Whether the order was accepted before it broke.
        #[serde(default)]
        accepted: bool,
    },
    /// Accepts, then says nothing until the caller gives up.
    Silence,
    /// Accepts, then resets the connection.
    Reset,
    /// Resets the connection without reading the request.
    ResetUnread,
    /// Accepts, then answers 502 or 504 as a proxy would.
    Gateway {
        /// 502, 503 or 504.
        status: u16,
    },
    /// Accepts; the body ends before its declared length.
    Cut,
    /// Accepts; a chunked body that ends without its last chunk.
    CutChunks,
    /// Accepts; the body is longer than its declared length.
    TooLong,
    /// Accepts; the answer is not HTTP.
    Garbage,
    /// Accepts; an HTML page with this status.
    Html {
        /// Status.
        status: u16,
    },
    /// Accepts; one byte of the answer a second.
    Drip,
    /// Accepts; a body of 1 GB.
    Endless {
        /// Whether its length is declared.
        declared: bool,
    },
    /// A redirect to a place that would accept the order.
    Redirect {
        /// 301, 302, 303, 307 or 308.
        status: u16,
    },
    /// Accepts after a while.
    Slow {
        /// Milliseconds before the answer.
        ms: u64,
    },
    /// Accepts; sends `100 Continue` and `103 Early Hints` before the answer.
    Informational,
    /// `101 Switching Protocols` that nobody asked for; accepted.
    Switch,
}

impl Behaviour {
    /// Accepts in the default shape.
    #[must_use]
    pub fn accept() -> Self {
        Self::Accept { status: None, body: None }
    }

    /// Whether the order stands in the ledger afterwards.
    #[must_use]
    pub fn accepts(&self) -> bool {
        match self {
            Self::Accept { .. }
            | Self::Location
            | Self::Silence
            | Self::Reset
            | Self::Gateway { .. }
            | Self::Cut
            | Self::CutChunks
            | Self::TooLong
            | Self::Garbage
            | Self::Html { .. }
            | Self::Drip
            | Self::Endless { .. }
            | Self::Slow { .. }
            | Self::Informational
            | Self::Switch => true,
            Self::Broken { accepted, .. } => *accepted,
            Self::Refuse { .. }
            | Self::Say { .. }
            | Self::ErrorInside { .. }
            | Self::Duplicate
            | Self::Throttle { .. }
            | Self::Unavailable
            | Self::ResetUnread
            | Self::Redirect { .. } => false,
        }
    }
}

/// Which orders get which answer. The first rule that fits and is not used up counts.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// Business key, with `*` at the end for all that begin so.
    pub key: String,
    /// How often it counts; always unless told.
    #[serde(default)]
    pub times: Option<u32>,
    /// The answer.
    pub behaviour: Behaviour,
}

impl Rule {
    /// Whether the rule speaks of this key.
    #[must_use]
    pub fn fits(&self, key: &str) -> bool {
        match self.key.strip_suffix('*') {
            Some(beginning) => key.starts_with(beginning),
            None => self.key == key,
        }
    }
}

/// How a look-up (`GET …?reference=KEY`) is answered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LookUp {
    /// By what stands in the ledger.
    #[default]
    Honest,
    /// Never found, as before an order has settled.
    Blind,
    /// 500.
    Broken,
    /// Not at all.
    Silent,
}

/// What holds for all orders; changed by `PUT /_control/settings`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// The answer where no rule fits.
    pub otherwise: Behaviour,
    /// Dot paths in the JSON body at which the business key is looked for, in this order.
    pub key_paths: Vec<String>,
    /// Header with the idempotency key.
    pub idempotency_header: String,
    /// A request with a known idempotency key gets the first one's id again and accepts nothing.
    pub honours_idempotency_key: bool,
    /// An order whose business key is known is answered 409 with its id.
    pub refuses_duplicates: bool,
    /// Look-ups.
    pub look_up: LookUp,
    /// Milliseconds until an accepted order is seen by look-ups.
    pub visible_after_ms: u64,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            otherwise: Behaviour::accept(),
            key_paths: ["order_number", "order.order_number", "orderNumber", "number", "reference", "shop_order_id"]
                .map(str::to_owned)
                .to_vec(),
            idempotency_header: "idempotency-key".to_owned(),
            honours_idempotency_key: false,
            refuses_duplicates: false,
            look_up: LookUp::Honest,
            visible_after_ms: 0,
        }
    }
}
