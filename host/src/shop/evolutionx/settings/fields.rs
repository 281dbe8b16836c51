//! Where the values of an order lie, as dot paths.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

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
