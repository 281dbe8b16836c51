//! Settings of an EvolutionX shop.
//!
//! The vendor publishes the list calls, the head of an order and the rate limit. It does not publish the names of line
//! fields, the ids of statuses, and the calls that change a status, add a timeline entry, set the seller reference or
//! give a sign of life. All of that is set here, with defaults that one look at the vendor's own collection can correct
//! without a new release.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{domain::problem::Problem, shop::http::HttpSettings};

/// Where the shop's data lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Region {
    /// `https://us.evoapi.io`
    Us,
    /// `https://eu.evoapi.io`
    Eu,
}

impl Region {
    /// The region's base address (vendor's API reference).
    #[must_use]
    pub fn base_address(self) -> &'static str {
        match self {
            Self::Us => "https://us.evoapi.io",
            Self::Eu => "https://eu.evoapi.io",
        }
    }
}

/// Which list shows the orders to take.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ListBy {
    /// `GET /orders?status=…`: shows orders whose "backoffice processed" stamp was not reset, so that staff can be told.
    #[default]
    Status,
    /// `GET /orders/unprocessed`: only New Order without the stamp.
    Unprocessed,
    /// First one, then the other.
    Both,
}

/// Settings of an EvolutionX shop. Every key has a default except the address: name `region` or `base_address`.
/// Secrets: `token`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// `us` or `eu`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub region: Option<Region>,
    /// Base address, instead of `region`.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub base_address: String,
    /// Name of the account, to tell two accounts at one address apart. Only a name: the token decides.
    pub account: String,
    /// How orders are listed: `status`, `unprocessed` or `both`.
    pub list_by: ListBy,
    /// Orders asked for per page. Default 100.
    pub page_size: u32,
    /// Most pages of one sweep: the guard against a cursor that never ends. Default 10,000.
    pub most_pages: u32,
    /// Seconds by which a list may lag behind a write. Default 60.
    pub read_lag_s: u32,
    /// Status name → the vendor's id of it. Where given, lists and status changes use the id. Default none: names are sent.
    pub status_ids: BTreeMap<String, String>,
    /// Statuses that mean "everything was sent out". Default `Shipped`.
    pub shipped_statuses: Vec<String>,
    /// Statuses that mean "cancelled". Default `Cancelled`.
    pub cancelled_statuses: Vec<String>,
    /// Calls.
    pub calls: Calls,
    /// Fields of an order.
    pub fields: Fields,
    /// Who did something.
    pub actors: Actors,
    /// Limits and header names. `requests_per_minute` defaults to 100, the vendor's limit.
    pub http: HttpSettings,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            region: None,
            base_address: String::new(),
            account: String::new(),
            list_by: ListBy::Status,
            page_size: 100,
            most_pages: 10_000,
            read_lag_s: 60,
            status_ids: BTreeMap::new(),
            shipped_statuses: vec!["Shipped".to_owned()],
            cancelled_statuses: vec!["Cancelled".to_owned()],
            calls: Calls::default(),
            fields: Fields::default(),
            actors: Actors::default(),
            http: HttpSettings::default(),
        }
    }
}

impl Settings {
    /// The address to use.
    #[must_use]
    pub fn address(&self) -> &str {
        match self.region {
            Some(region) if self.base_address.is_empty() => region.base_address(),
            _ => &self.base_address,
        }
    }

    /// Everything that can't be right, apart from the address and `http`.
    pub(super) fn problems(&self) -> Vec<Problem> {
        let mut problems = Vec::new();
        if self.region.is_none() && self.base_address.is_empty() {
            problems.push(
                Problem::new("shop.region", "is missing")
                    .hint("set `region = \"us\"`, `region = \"eu\"` or a `base_address`"),
            );
        }
        if self.region.is_some() && !self.base_address.is_empty() {
            problems.push(Problem::new(
                "shop.region",
                "is given together with `base_address`; only one of them can be meant",
            ));
        }
        if self.page_size == 0 {
            problems.push(Problem::new("shop.page_size", "must be more than 0"));
        }
        if self.most_pages == 0 {
            problems.push(Problem::new("shop.most_pages", "must be more than 0"));
        }
        for (name, call, needs_id) in self.calls.all() {
            let place = format!("shop.calls.{name}");
            if call.path.is_empty() {
                continue;
            }
            if !call.path.starts_with('/') {
                problems
                    .push(Problem::new(format!("{place}.path"), "must begin with `/`; empty = the shop can't do this"));
            }
            if call.path.contains(['?', '#']) {
                problems.push(Problem::new(format!("{place}.path"), "must not hold `?` or `#`"));
            }
            if needs_id && !call.path.contains("{id}") {
                problems.push(Problem::new(format!("{place}.path"), "must hold `{id}`, the place of the order's id"));
            }
        }
        for (name, path) in [("id", &self.fields.id), ("status", &self.fields.status), ("lines", &self.fields.lines)] {
            if path.is_empty() {
                problems.push(Problem::new(format!("shop.fields.{name}"), "must not be empty"));
            }
        }
        problems
    }
}

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
    fn all(&self) -> Vec<(&'static str, Call, bool)> {
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

macro_rules! field_names {
    ($(#[$doc:meta])* $name:ident { $($(#[$field_doc:meta])* $field:ident: $default:literal),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
        #[serde(default, deny_unknown_fields)]
        pub struct $name {
            $($(#[$field_doc])* #[doc = concat!("Default `", $default, "`.")] pub $field: String,)+
        }

        impl Default for $name {
            fn default() -> Self {
                Self { $($field: $default.to_owned(),)+ }
            }
        }
    };
}

field_names! {
    /// Fields of a line, as dot paths within the line.
    LineFields {
        /// The line's id; where absent, its place in the list.
        id: "id",
        /// Article code.
        sku: "sku",
        /// Name shown to the buyer.
        description: "name",
        /// Quantity.
        quantity: "quantity",
        /// Unit of measure.
        unit: "unit",
        /// Price of one without tax.
        unit_price_net: "price",
        /// Price of one with tax.
        unit_price_gross: "price_inc_tax",
        /// Reduction of the line, positive.
        discount: "discount",
        /// Tax rate in percent.
        tax_rate: "tax_rate",
        /// Tax of the whole line.
        tax_amount: "tax",
        /// Tax code.
        tax_code: "tax_code",
        /// The line without tax.
        total_net: "total",
        /// The line with tax.
        total_gross: "total_inc_tax",
        /// List of chosen options, each with `name` and `value`.
        options: "options",
        /// The buyer's note on the line.
        note: "note",
    }
}

field_names! {
    /// Fields of an address, as dot paths within the address.
    AddressFields {
        /// The customer's own code of the address.
        code: "code",
        /// Company.
        company: "company",
        /// Given name.
        first_name: "first_name",
        /// Family name.
        last_name: "last_name",
        /// The whole name, where it is not divided.
        name: "name",
        /// First street line.
        street_1: "address1",
        /// Second street line.
        street_2: "address2",
        /// Third street line.
        street_3: "address3",
        /// City.
        city: "city",
        /// State or county.
        region: "state",
        /// Postal code.
        postal_code: "postcode",
        /// Country: two letters; a name is kept as the address's extra `country_name`.
        country: "country",
        /// Telephone number.
        phone: "phone",
        /// E-mail address.
        email: "email",
    }
}

/// Fields of an order, as dot paths. Empty = the shop has no such field.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Fields {
    /// Where a single read holds the order; empty = at the top. Default `data`; an answer without it is read at the top.
    pub wrapper: String,
    /// List of orders in a list's answer. Known: `data`.
    pub list: String,
    /// The next page's `from_id` in a list's answer. Known: `meta.cursor`.
    pub cursor: String,
    /// The shop's key. Known: `id`.
    pub id: String,
    /// The number that people use; where absent, the id. Default `order_number`.
    pub number: String,
    /// Status name. Known: `status`.
    pub status: String,
    /// Status id, used with `status_ids` where the name is absent. Known: `status_id`.
    pub status_id: String,
    /// When it was placed. Known: `created_at`, a number.
    pub created_at: String,
    /// When it was changed. Known: `updated_at`, a number.
    pub updated_at: String,
    /// The "backoffice processed" stamp; empty, null, 0 or absent = not stamped. Default `backoffice_processed_at`.
    pub processed_stamp: String,
    /// Currency. Known: `currency`.
    pub currency: String,
    /// Currency where the order names none. Default none: an order without a currency is a problem.
    pub default_currency: String,
    /// What the buyer pays. Known: `total`.
    pub total: String,
    /// Without tax; the known `subtotal` is the goods only, so the default is `total_ex_tax`.
    pub total_net: String,
    /// All tax. Known: `tax`.
    pub tax: String,
    /// Delivery without tax. Known: `shipping_amount`. Becomes a line too.
    pub shipping_amount: String,
    /// Tax of the delivery. Default `shipping_tax`.
    pub shipping_tax: String,
    /// Code of the shipping method. Default `shipping_method`.
    pub shipping_method: String,
    /// Name of the shipping method. Default `shipping_method_name`.
    pub shipping_name: String,
    /// Reduction of the whole order, positive. Known: `discount`.
    pub discount: String,
    /// Whether `discount` is not contained in the lines' totals and so becomes a line. Default true.
    pub discount_is_line: bool,
    /// Whether prices include tax: a yes/no field. Default `prices_include_tax`.
    pub prices_include_tax: String,
    /// The buyer's purchase order reference. Known: `po_reference`.
    pub po_reference: String,
    /// The buyer's note. Known: `note`.
    pub note: String,
    /// Staff's note. Default `internal_note`.
    pub staff_note: String,
    /// Sales channel. Known: `source`.
    pub channel: String,
    /// Stock location. Default `location`.
    pub location: String,
    /// Payment state as a word. Default `payment_status`.
    pub payment_status: String,
    /// Words → `paid`, `unpaid`, `authorised`, `partly_paid`, `refunded`. Compared without case.
    pub payment_words: BTreeMap<String, orderdock_order::PaymentState>,
    /// When it was paid. Default `paid_at`.
    pub paid_at: String,
    /// Code of the payment method. Default `payment_method`.
    pub payment_method: String,
    /// The payment provider's reference. Default `payment_reference`.
    pub payment_reference: String,
    /// Customer's id. Known: `customer.id`.
    pub customer_id: String,
    /// Account code. Known: `customer.account_number`.
    pub account_code: String,
    /// Customer's company. Known: `customer.company`.
    pub customer_company: String,
    /// Customer's whole name. Known: `customer.name`.
    pub customer_name: String,
    /// Customer's e-mail. Known: `customer.email`.
    pub customer_email: String,
    /// Customer's phone. Default `customer.phone`.
    pub customer_phone: String,
    /// Customer's tax number. Default `customer.tax_number`.
    pub customer_tax_number: String,
    /// Billing address. Default `billing_address`.
    pub billing_address: String,
    /// Delivery address. Default `shipping_address`.
    pub shipping_address: String,
    /// An object with the shop's own fields. Default `custom_fields`.
    pub custom_fields: String,
    /// List of lines. Default `lines`.
    pub lines: String,
    /// Fields of a line.
    pub line: LineFields,
    /// Fields of an address.
    pub address: AddressFields,
}

impl Default for Fields {
    fn default() -> Self {
        use orderdock_order::PaymentState::{Authorised, Paid, PartlyPaid, Refunded, Unpaid};
        let text = str::to_owned;
        let words = [
            ("paid", Paid),
            ("unpaid", Unpaid),
            ("pending", Unpaid),
            ("authorised", Authorised),
            ("authorized", Authorised),
            ("on account", Authorised),
            ("partly paid", PartlyPaid),
            ("refunded", Refunded),
        ];
        Self {
            wrapper: text("data"),
            list: text("data"),
            cursor: text("meta.cursor"),
            id: text("id"),
            number: text("order_number"),
            status: text("status"),
            status_id: text("status_id"),
            created_at: text("created_at"),
            updated_at: text("updated_at"),
            processed_stamp: text("backoffice_processed_at"),
            currency: text("currency"),
            default_currency: String::new(),
            total: text("total"),
            total_net: text("total_ex_tax"),
            tax: text("tax"),
            shipping_amount: text("shipping_amount"),
            shipping_tax: text("shipping_tax"),
            shipping_method: text("shipping_method"),
            shipping_name: text("shipping_method_name"),
            discount: text("discount"),
            discount_is_line: true,
            prices_include_tax: text("prices_include_tax"),
            po_reference: text("po_reference"),
            note: text("note"),
            staff_note: text("internal_note"),
            channel: text("source"),
            location: text("location"),
            payment_status: text("payment_status"),
            payment_words: words.into_iter().map(|(word, state)| (text(word), state)).collect(),
            paid_at: text("paid_at"),
            payment_method: text("payment_method"),
            payment_reference: text("payment_reference"),
            customer_id: text("customer.id"),
            account_code: text("customer.account_number"),
            customer_company: text("customer.company"),
            customer_name: text("customer.name"),
            customer_email: text("customer.email"),
            customer_phone: text("customer.phone"),
            customer_tax_number: text("customer.tax_number"),
            billing_address: text("billing_address"),
            shipping_address: text("shipping_address"),
            custom_fields: text("custom_fields"),
            lines: text("lines"),
            line: LineFields::default(),
            address: AddressFields::default(),
        }
    }
}

/// Who created an order, and who last changed its status: what the API-user rule needs. Where a field is absent the actor
/// is unknown, and the order is taken.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Actors {
    /// Kind of user that created the order. Default `source_user_type` (the name that the vendor's webhooks filter by).
    pub creator_kind: String,
    /// Id of that user. Default `source_user_id`.
    pub creator_id: String,
    /// Kind of user that last set the status. Default `status_user_type`.
    pub status_kind: String,
    /// Id of that user. Default `status_user_id`.
    pub status_id: String,
    /// Id of the API user whose token we have; its changes are our own. Default none.
    pub our_user_id: String,
    /// Words that mean an API user. Default `api`. Compared without case.
    pub api_words: Vec<String>,
    /// Words that mean staff. Default `admin`, `staff`.
    pub staff_words: Vec<String>,
    /// Words that mean a buyer. Default `storefront`, `customer`.
    pub buyer_words: Vec<String>,
}

impl Default for Actors {
    fn default() -> Self {
        let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect();
        Self {
            creator_kind: "source_user_type".to_owned(),
            creator_id: "source_user_id".to_owned(),
            status_kind: "status_user_type".to_owned(),
            status_id: "status_user_id".to_owned(),
            our_user_id: String::new(),
            api_words: words(&["api"]),
            staff_words: words(&["admin", "staff"]),
            buyer_words: words(&["storefront", "customer"]),
        }
    }
}
