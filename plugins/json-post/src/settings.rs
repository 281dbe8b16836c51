//! What the administrator sets for a connection.

use std::collections::BTreeMap;

use orderdock_plugin::{DotPath, Rejection};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::template::Template;

/// How amounts and quantities are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Amounts {
    /// As JSON text, `"12.90"`: exact in every reader.
    #[default]
    Text,
    /// As JSON number, `12.90`: exact as written, but many readers make a float of it.
    Number,
}

/// Method of the request.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "UPPERCASE")]
pub enum Method {
    /// `POST`.
    #[default]
    Post,
    /// `PUT`.
    Put,
    /// `PATCH`.
    Patch,
}

impl Method {
    /// The method as it stands in the request.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Post => "POST",
            Self::Put => "PUT",
            Self::Patch => "PATCH",
        }
    }
}

/// The settings. Every one has a default that suits an ERP which answers `{"object": {"order_id": …}, "message": …}`.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
// What goes together, so that the host's check of settings finds it before the first order does.
#[schemars(extend("dependentRequired" = {
    "success_path": ["success_values"],
    "success_values": ["success_path"],
    "duplicate_path": ["duplicate_values"],
    "duplicate_values": ["duplicate_path"],
    "idempotency_seconds": ["idempotency_header"],
    "lookup_list_path": ["lookup_path"],
    "lookup_order_id_path": ["lookup_path"],
    "lookup_reference_path": ["lookup_path"],
}))]
pub struct Settings {
    /// Method of the request.
    pub method: Method,
    /// Path below the destination's base address, without a leading `/`. May hold a query, and the values
    /// {order_number}, {shop_order_id}, {document_number}, {idempotency_key} and {account_code}.
    #[schemars(extend("pattern" = "^[^/?]"))]
    pub path: Template,
    /// Headers to add, name = value. Credentials belong to the destination, not here.
    pub headers: BTreeMap<String, String>,
    /// Name of a header that carries the idempotency key, which is the same for every repeat. Example: `Idempotency-Key`.
    pub idempotency_header: Option<String>,
    /// How many seconds the ERP drops repeats with the same key. Only then a send of unknown outcome is repeated
    /// without a look-up.
    #[schemars(range(min = 1))]
    pub idempotency_seconds: Option<u32>,
    /// Whether the ERP takes the same order twice without harm (for example a PUT to the order's own address).
    pub repeat_is_safe: bool,
    /// How amounts and quantities are written.
    pub amounts: Amounts,
    /// Whether the order as the shop served it goes along as `shop_order`.
    pub include_shop_order: bool,
    /// Whether an order with a product line without SKU is refused. Off: the ERP decides, the SKU is `null`.
    pub require_sku: bool,

    /// Where the answer has the ERP's order id.
    pub erp_order_id_path: DotPath,
    /// Name of a header of the answer that has the ERP's order id when the body has none. Of an address the last part
    /// counts. Example: `location`.
    pub erp_order_id_header: Option<String>,
    /// Where the answer has the number that people use in the ERP, if that is another.
    pub erp_order_number_path: Option<DotPath>,
    /// Whether a 2xx answer without an ERP order id is in doubt (unknown) instead of success.
    pub require_erp_order_id: bool,
    /// Where the answer has the ERP's own words.
    pub message_path: DotPath,
    /// For ERPs that answer 2xx with an error inside: where the answer tells whether it went well.
    pub success_path: Option<DotPath>,
    /// The values at `success_path` that mean success. Example: `ok`, `true`.
    pub success_values: Vec<String>,
    /// Statuses that come from a gateway before the ERP. A message in such an answer is the gateway's, not the ERP's:
    /// the outcome stays unknown.
    pub gateway_statuses: Vec<u16>,

    /// Statuses that mean: the ERP has this order already. Example: 409.
    pub duplicate_statuses: Vec<u16>,
    /// Where the answer tells that the ERP has this order already. Together with `duplicate_statuses` both must hold.
    pub duplicate_path: Option<DotPath>,
    /// The values at `duplicate_path` that mean so. Example: `DUPLICATE_REFERENCE`.
    pub duplicate_values: Vec<String>,
    /// Where such an answer has the ERP's order id; default is `erp_order_id_path`.
    pub duplicate_order_id_path: Option<DotPath>,

    /// Path and query of a GET that finds the order in the ERP. Without it an order whose outcome is unknown can't be
    /// looked up. Example: `orders?reference={order_number}`.
    pub lookup_path: Option<Template>,
    /// Where the look-up's answer has what was found: a list or an object. Default: the whole answer.
    pub lookup_list_path: Option<DotPath>,
    /// Where the look-up's answer has the ERP's order id; default is `erp_order_id_path`. Example: `orders[0].id`.
    pub lookup_order_id_path: Option<DotPath>,
    /// Where the look-up's answer repeats the value that was searched for. When set, another value there leaves the
    /// outcome unknown: for searches that also find similar numbers. Example: `orders[0].reference`.
    pub lookup_reference_path: Option<DotPath>,
}

/// The documented defaults are constants that a test reads.
fn known<T, E>(read: Result<T, E>) -> T {
    read.unwrap_or_else(|_| unreachable!())
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            method: Method::Post,
            path: known(Template::new("orders")),
            headers: BTreeMap::new(),
            idempotency_header: None,
            idempotency_seconds: None,
            repeat_is_safe: false,
            amounts: Amounts::Text,
            include_shop_order: false,
            require_sku: false,
            erp_order_id_path: known(DotPath::new("object.order_id")),
            erp_order_id_header: None,
            erp_order_number_path: None,
            require_erp_order_id: false,
            message_path: known(DotPath::new("message")),
            success_path: None,
            success_values: Vec::new(),
            // RFC 9110 sections 15.6.3 and 15.6.5: sent by a server "while acting as a gateway or proxy".
            gateway_statuses: vec![502, 504],
            duplicate_statuses: Vec::new(),
            duplicate_path: None,
            duplicate_values: Vec::new(),
            duplicate_order_id_path: None,
            lookup_path: None,
            lookup_list_path: None,
            lookup_order_id_path: None,
            lookup_reference_path: None,
        }
    }
}

/// Headers that the host or this plugin writes itself.
const RESERVED: [&str; 9] = [
    "connection",
    "content-length",
    "content-type",
    "host",
    "keep-alive",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

impl Settings {
    /// Checks what the schema can't say.
    ///
    /// # Errors
    /// A rejection of class settings that names all that is wrong; its field is the first.
    pub fn check(&self) -> Result<(), Rejection> {
        let mut wrong: Vec<(&str, String)> = Vec::new();
        if self.success_path.is_some() == self.success_values.is_empty() {
            wrong.push(("success_values", "`success_path` and `success_values` go together".to_owned()));
        }
        if self.duplicate_path.is_some() == self.duplicate_values.is_empty() {
            wrong.push(("duplicate_values", "`duplicate_path` and `duplicate_values` go together".to_owned()));
        }
        if self.idempotency_seconds.is_some() && self.idempotency_header.is_none() {
            wrong.push(("idempotency_header", "`idempotency_seconds` needs `idempotency_header`".to_owned()));
        }
        let named = self.headers.keys().map(|name| ("headers", name));
        for (field, name) in named.chain(self.idempotency_header.iter().map(|name| ("idempotency_header", name))) {
            if !is_token(name) {
                wrong.push((field, format!("`{}` is not a header name", name.escape_debug())));
            } else if RESERVED.iter().any(|known| known.eq_ignore_ascii_case(name)) {
                wrong.push((field, format!("the header `{name}` is written by Orderdock itself")));
            }
        }
        for (name, value) in &self.headers {
            if !value.bytes().all(|byte| matches!(byte, b' '..=b'~' | b'\t')) {
                wrong.push((
                    "headers",
                    format!("the value of header `{name}` may have printable ASCII characters only"),
                ));
            }
        }
        let Some((field, _)) = wrong.first() else { return Ok(()) };
        let field = format!("settings.{field}");
        let texts: Vec<String> = wrong.into_iter().map(|(_, text)| text).collect();
        Err(Rejection::settings(texts.join("; ")).field(field))
    }
}

/// RFC 9110 section 5.6.2.
fn is_token(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn defaults_are_valid_and_read_from_nothing() {
        let settings: Settings = serde_json::from_str("{}").unwrap();
        settings.check().unwrap();
        assert_eq!(settings.erp_order_id_path.as_str(), "object.order_id");
    }

    #[test]
    fn every_problem_is_named_at_once() {
        let settings: Settings = serde_json::from_value(serde_json::json!({
            "success_path": "status",
            "duplicate_values": ["x"],
            "idempotency_seconds": 60,
            "headers": { "Host": "x", "a b": "y", "ok": "line\nbreak" },
        }))
        .unwrap();
        let refused = settings.check().unwrap_err();
        assert_eq!(refused.field.as_deref(), Some("settings.success_values"));
        for word in ["success_path", "duplicate_path", "idempotency_header", "`Host`", "`a b`", "`ok`"] {
            assert!(refused.message.contains(word), "{word}: {}", refused.message);
        }
    }
}
