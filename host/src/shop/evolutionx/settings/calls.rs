//! The calls, most of which the vendor does not publish.

use serde::{Deserialize, Serialize};

/// How a value is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Method {
    /// POST
    Post,
    /// PUT
    Put,
    /// PATCH
    Patch,
    /// GET: for lists.
    Get,
}

/// One call.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Call {
    /// `POST`, `PUT` or `PATCH`; `GET` for lists.
    pub method: Method,
    /// Path below the base address; `{id}` is the order's id. Empty = the shop can't do this.
    pub path: String,
    /// Dot path in the JSON body where the value is written; for lists, where the value is read.
    #[serde(default)]
    pub field: String,
}

impl Call {
    fn new(method: Method, path: &str, field: &str) -> Self {
        Self { method, path: path.to_owned(), field: field.to_owned() }
    }

    /// Whether there is such a call.
    #[must_use]
    pub fn is_there(&self) -> bool {
        !self.path.is_empty()
    }
}

/// The calls that the vendor does not publish, and the lists.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Calls {
    /// Path of the order list. Known: `/orders`.
    pub list: String,
    /// Path of the list of unprocessed orders. Known: `/orders/unprocessed`.
    pub unprocessed: String,
    /// Path of one order. Default `/orders/{id}`; empty = single orders can't be read.
    pub get: String,
    /// Changes the status. The value is the status name, or its id from `status_ids`. Default `PUT /orders/{id}`, `status`.
    pub set_status: Call,
    /// Sets the "backoffice processed" stamp. The value is the moment in seconds since 1970.
    /// Default `PUT /orders/{id}`, `backoffice_processed_at`.
    pub mark_processed: Call,
    /// Sets the seller reference. Default `PUT /orders/{id}`, `seller_reference`.
    pub set_reference: Call,
    /// Adds a timeline entry. Default `POST /orders/{id}/timeline`, `message`.
    pub add_note: Call,
    /// Lists timeline entries; `field` is the text within an entry. Default `GET /orders/{id}/timeline`, `message`.
    pub list_notes: Call,
    /// Sign of life. Default `POST /heartbeat`, `status`.
    pub heartbeat: Call,
}

impl Default for Calls {
    fn default() -> Self {
        Self {
            list: "/orders".to_owned(),
            unprocessed: "/orders/unprocessed".to_owned(),
            get: "/orders/{id}".to_owned(),
            set_status: Call::new(Method::Put, "/orders/{id}", "status"),
            mark_processed: Call::new(Method::Put, "/orders/{id}", "backoffice_processed_at"),
            set_reference: Call::new(Method::Put, "/orders/{id}", "seller_reference"),
            add_note: Call::new(Method::Post, "/orders/{id}/timeline", "message"),
            list_notes: Call::new(Method::Get, "/orders/{id}/timeline", "message"),
            heartbeat: Call::new(Method::Post, "/heartbeat", "status"),
        }
    }
}

impl Calls {
    /// All calls: name, call, and whether the path must name an order.
    pub(super) fn all(&self) -> Vec<(&'static str, Call, bool)> {
        let list = |path: &str| Call::new(Method::Get, path, "");
        vec![
            ("list", list(&self.list), false),
            ("unprocessed", list(&self.unprocessed), false),
            ("get", list(&self.get), true),
            ("set_status", self.set_status.clone(), true),
            ("mark_processed", self.mark_processed.clone(), true),
            ("set_reference", self.set_reference.clone(), true),
            ("add_note", self.add_note.clone(), true),
            ("list_notes", self.list_notes.clone(), true),
            ("heartbeat", self.heartbeat.clone(), false),
        ]
    }
}
