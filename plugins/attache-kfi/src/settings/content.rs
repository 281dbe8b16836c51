//! Settings of what stands in the file: which parts of the order go where.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What the line becomes that carries shipping, a fee, a discount.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ChargeKind {
    /// A sundry line with the code, the description and the amount.
    #[default]
    Sundryline,
    /// A service line with the code. No field for its price is known: name one in `field_order.serviceline`, or Attaché
    /// prices the service itself.
    Serviceline,
    /// A product line with the code, or with the line's own SKU if none is set.
    Productline,
    /// Only for discounts: their sum, positive, in the header field `discount`. Try first whether the site's screen takes
    /// it as an amount or as a percentage.
    HeaderDiscount,
    /// Not sent; the order's timeline says so.
    Drop,
    /// The order is refused.
    Refuse,
}

/// How one part of a web order is written.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Charge {
    /// What its line becomes.
    pub kind: ChargeKind,
    /// Code in Attaché. The look-up table `charges` goes before it. Orders with such a line are held until there is one.
    pub code: Option<String>,
}

/// Line kinds besides products.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct LineKinds {
    /// The cost of delivery.
    pub shipping: Charge,
    /// Fees.
    pub fee: Charge,
    /// Surcharges.
    pub surcharge: Charge,
    /// Reductions of the whole order.
    pub discount: Charge,
    /// Gift wrapping and gift cards.
    pub gift: Charge,
    /// Corrections of cents.
    pub rounding: Charge,
    /// Anything else.
    pub other: Charge,
}

impl LineKinds {
    /// Every kind with its name.
    #[must_use]
    pub fn all(&self) -> [(&'static str, &Charge); 7] {
        [
            ("shipping", &self.shipping),
            ("fee", &self.fee),
            ("surcharge", &self.surcharge),
            ("discount", &self.discount),
            ("gift", &self.gift),
            ("rounding", &self.rounding),
            ("other", &self.other),
        ]
    }
}

/// Names of the fields of each part, in the order in which they are written. A name that means nothing to the plugin and
/// has no fixed value is an empty field, which the positional formats need to skip one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct FieldOrder {
    /// Fields of the header.
    pub header: Vec<String>,
    /// Fields of a product line.
    pub productline: Vec<String>,
    /// Fields of a service line.
    pub serviceline: Vec<String>,
    /// Fields of a sundry line.
    pub sundryline: Vec<String>,
}

/// As the known template has them: state, postcode and the first address line come last.
const HEADER: &[&str] = &[
    "customercode",
    "ordernumber",
    "reference",
    "contactdocument",
    "deliveryaddresscode",
    "deliveryname",
    "deliveryaddressline2",
    "deliverysuburb",
    "deliverycountry",
    "date",
    "discount",
    "customerphonedocument",
    "deliverystate",
    "deliverypostcode",
    "deliveryaddressline1",
];
const PRODUCTLINE: &[&str] = &["productcode", "qtyordered", "price", "discountamt", "taxcode"];
const SERVICELINE: &[&str] = &["location", "servicecode", "qtyordered"];
const SUNDRYLINE: &[&str] = &["productcode", "description", "price"];

impl Default for FieldOrder {
    fn default() -> Self {
        let list = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        Self {
            header: list(HEADER),
            productline: list(PRODUCTLINE),
            serviceline: list(SERVICELINE),
            sundryline: list(SUNDRYLINE),
        }
    }
}

/// Fields with the same value in every order. They win over the order's own value.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Fixed {
    /// Fields of the header. Example: srep1 = "WEB".
    pub header: BTreeMap<String, String>,
    /// Fields of product lines.
    pub productline: BTreeMap<String, String>,
    /// Fields of service lines. Example: location = "MAIN".
    pub serviceline: BTreeMap<String, String>,
    /// Fields of sundry lines.
    pub sundryline: BTreeMap<String, String>,
}

/// The element for a line of text. None is known from public sources.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CommentLine {
    /// Name of the element.
    pub element: String,
    /// Name of the field in it that holds the text.
    pub field: String,
}

/// What becomes of the buyer's note.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum OrderNote {
    /// Not sent; the order's timeline says so.
    #[default]
    Report,
    /// An order with a note is refused, so that a person reads it.
    Hold,
    /// It goes into the header field `note_field`.
    Field,
    /// It becomes a line by `comment_line`, behind all others.
    CommentLine,
}

/// Where the web order's number goes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum OrderNumberField {
    /// Into `reference`; Attaché numbers its orders itself.
    #[default]
    Reference,
    /// Into `ordernumber`: the site lets the shop number orders.
    Ordernumber,
    /// Into both.
    Both,
}

/// How SKUs become product codes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Skus {
    /// By the look-up table `skus`; a SKU that is not in it is the product code.
    #[default]
    Translate,
    /// By the look-up table `skus`; a SKU that is not in it holds the order.
    Required,
    /// The SKU is the product code; no table is asked.
    AsTheyAre,
}

/// Which price goes into product lines.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Price {
    /// The price without tax.
    #[default]
    Net,
    /// The price with tax.
    Gross,
    /// None: Attaché prices the line by its own rules. Sundry lines carry their amount without tax.
    None,
}

/// How the reduction of a line is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum LineDiscount {
    /// As the amount for the whole line in `discountamt`.
    #[default]
    Amount,
    /// Taken off the price: line total divided by quantity, rounded to `price_decimals`.
    InPrice,
}
