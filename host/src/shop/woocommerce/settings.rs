//! Settings of a WooCommerce shop.

use serde::{Deserialize, Serialize};

use crate::{domain::problem::Problem, shop::http::HttpSettings};

/// Settings of a WooCommerce shop (REST v3, WooCommerce 5.8 or later). Needed: `base_address`.
/// Secrets: `consumer_key`, `consumer_secret`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Address of the shop, as in `https://shop.example`; the part below it is `api_path`.
    pub base_address: String,
    /// Name of the account, to tell two key pairs of one shop apart. Only a name.
    pub account: String,
    /// Path of the REST API below the address. Default `/wp-json/wc/v3`.
    pub api_path: String,
    /// Orders per page, 1 to 100. Default 100, the most that WooCommerce allows.
    pub page_size: u32,
    /// Most pages of one sweep: a guard against a list that never ends. Default 10,000.
    pub most_pages: u32,
    /// Seconds by which a list may lag behind a write (caches, read replicas). Default 60.
    pub read_lag_s: u32,
    /// Metadata key where the ERP's order id is written. Default `_erp_order_id`; a key that begins with `_` is not shown
    /// among the order's custom fields in the shop's back office.
    pub erp_order_id_key: String,
    /// Metadata keys that may hold the buyer's tax number, first found wins.
    pub tax_number_keys: Vec<String>,
    /// Metadata keys that may hold the buyer's purchase order number, first found wins.
    pub reference_keys: Vec<String>,
    /// Metadata keys that may hold the customer's account code, first found wins. Default none.
    pub account_code_keys: Vec<String>,
    /// Metadata keys beginning with `_` that are handed to the plugin among the custom fields all the same. Default none:
    /// such keys are WooCommerce's and its extensions' own book-keeping.
    pub hidden_keys: Vec<String>,
    /// Statuses that mean "everything was sent out". Default none: `completed` is what staff make of it.
    pub shipped_statuses: Vec<String>,
    /// Limits and header names. WooCommerce documents no limit; `requests_per_minute` defaults to none.
    pub http: HttpSettings,
}

impl Default for Settings {
    fn default() -> Self {
        let keys = |keys: &[&str]| keys.iter().map(|key| (*key).to_owned()).collect();
        Self {
            base_address: String::new(),
            account: String::new(),
            api_path: "/wp-json/wc/v3".to_owned(),
            page_size: 100,
            most_pages: 10_000,
            read_lag_s: 60,
            erp_order_id_key: "_erp_order_id".to_owned(),
            tax_number_keys: keys(&["_billing_vat", "_vat_number", "_billing_vat_number", "vat_number"]),
            reference_keys: keys(&["po_number", "_po_number", "_billing_po_number", "_purchase_order_number"]),
            account_code_keys: Vec::new(),
            hidden_keys: Vec::new(),
            shipped_statuses: Vec::new(),
            http: HttpSettings::default(),
        }
    }
}

impl Settings {
    /// Everything that can't be right, apart from `http` and the address's form.
    pub(super) fn problems(&self) -> Vec<Problem> {
        let mut problems = Vec::new();
        let mut say = |key: &str, message: &str| problems.push(Problem::new(format!("shop.{key}"), message));
        if self.base_address.is_empty() {
            say("base_address", "is missing, expected the shop's address as in `https://shop.example`");
        }
        if !(1..=100).contains(&self.page_size) {
            say("page_size", "must be between 1 and 100");
        }
        if self.most_pages == 0 {
            say("most_pages", "must be more than 0");
        }
        if !self.api_path.starts_with('/') || self.api_path.contains(['?', '#']) {
            say("api_path", "must begin with `/` and hold no `?` or `#`");
        }
        if self.erp_order_id_key.is_empty() {
            say("erp_order_id_key", "must not be empty");
        }
        problems
    }
}
