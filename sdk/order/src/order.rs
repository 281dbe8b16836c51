//! The order and its parts; see `wit/plugin.wit` for the meaning of each field.

use serde::{Deserialize, Serialize};

use crate::{Decimal, Instant};

/// A name and a value; names may repeat. In JSON: a list of two texts.
pub type Pair = (String, String);

/// How far the order is paid.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum PaymentState {
    /// The shop does not tell.
    #[default]
    Unknown,
    /// Nothing was paid or authorised.
    Unpaid,
    /// The money is reserved, not yet taken.
    Authorised,
    /// Less than the total was paid.
    PartlyPaid,
    /// The whole total was paid.
    Paid,
    /// Paid, and given back in part or in full.
    Refunded,
}

/// A postal address with the people to reach there.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields)]
pub struct Address {
    /// The shop's own code of the address in the customer's book.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// Company.
    pub company: String,
    /// Given name.
    pub first_name: String,
    /// Family name; the whole name where the shop does not divide it.
    pub last_name: String,
    /// Street lines in the shop's order, without empty ones.
    pub street: Vec<String>,
    /// City, town or suburb.
    pub city: String,
    /// State, province or county.
    pub region: String,
    /// Postal code, as text.
    pub postal_code: String,
    /// ISO 3166-1 alpha-2, upper case; empty when the shop does not tell.
    pub country: String,
    /// Telephone number as typed.
    pub phone: String,
    /// E-mail address.
    pub email: String,
    /// Room for growth.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub extra: Vec<Pair>,
}

/// Who ordered.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields)]
pub struct Buyer {
    /// The shop's id of the customer; none for a guest.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub customer_id: Option<String>,
    /// The account code that links the customer to the ERP.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub account_code: Option<String>,
    /// Company.
    pub company: String,
    /// Given name.
    pub first_name: String,
    /// Family name; the whole name where the shop does not divide it.
    pub last_name: String,
    /// E-mail address.
    pub email: String,
    /// Telephone number as typed.
    pub phone: String,
    /// VAT or other tax number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tax_number: Option<String>,
    /// Room for growth.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub extra: Vec<Pair>,
}

/// What a line stands for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum LineKind {
    /// Goods or services with a SKU.
    #[default]
    Product,
    /// The cost of delivery.
    Shipping,
    /// A reduction of the whole order; amounts are negative.
    Discount,
    /// A fee.
    Fee,
    /// A surcharge.
    Surcharge,
    /// Gift wrapping or a gift card that was bought.
    Gift,
    /// Text only.
    Comment,
    /// A correction of cents.
    Rounding,
    /// Anything else: `kind_text` says what.
    Other,
}

/// One line of the order. Shipping, discounts and fees are lines too.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Line {
    /// The shop's id of the line; unique within the order.
    pub id: String,
    /// What the line stands for.
    #[serde(default)]
    pub kind: LineKind,
    /// The shop's own word for the kind.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind_text: Option<String>,
    /// Index in `lines` of the line that this one belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent: Option<u32>,
    /// Article code; for shipping lines the code of the method.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sku: Option<String>,
    /// Name shown to the buyer.
    #[serde(default)]
    pub description: String,
    /// How many, in `unit`.
    pub quantity: Decimal,
    /// Unit of measure as the shop names it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unit: Option<String>,
    /// Price of one, without tax.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unit_price_net: Option<Decimal>,
    /// Price of one, with tax.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unit_price_gross: Option<Decimal>,
    /// Reduction of this line, positive, without tax, already taken off the totals.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub discount: Option<Decimal>,
    /// Tax rate in percent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tax_rate: Option<Decimal>,
    /// Tax of the whole line.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tax_amount: Option<Decimal>,
    /// The shop's tax code or class.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tax_code: Option<String>,
    /// The whole line without tax.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub total_net: Option<Decimal>,
    /// The whole line with tax.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub total_gross: Option<Decimal>,
    /// Chosen options.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub options: Vec<Pair>,
    /// The buyer's note on the line.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub note: String,
    /// Index in `delivery_addresses`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delivery_address: Option<u32>,
    /// Room for growth.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub extra: Vec<Pair>,
}

/// One payment.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields)]
pub struct Payment {
    /// The shop's code of the method.
    pub method: String,
    /// The method's name as shown.
    pub title: String,
    /// The payment provider's reference.
    pub reference: String,
    /// Amount in the order's currency.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub amount: Option<Decimal>,
    /// State of this payment.
    pub state: PaymentState,
    /// When it was paid.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub paid_at: Option<Instant>,
    /// Room for growth.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub extra: Vec<Pair>,
}

/// Totals as the shop states them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Totals {
    /// Whole order without tax.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub net: Option<Decimal>,
    /// All tax.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tax: Option<Decimal>,
    /// What the buyer pays.
    pub gross: Decimal,
    /// Delivery without tax.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shipping: Option<Decimal>,
    /// Reductions, positive, without tax.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub discount: Option<Decimal>,
    /// Room for growth.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub extra: Vec<Pair>,
}

/// An order as the shop knows it, in Orderdock's words.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Order {
    /// The shop's key of the order.
    pub shop_order_id: String,
    /// The number that buyer and staff know.
    pub order_number: String,
    /// Kind of shop.
    #[serde(default)]
    pub source: String,
    /// Sales channel within the shop.
    #[serde(default)]
    pub channel: String,
    /// Stock location or store.
    #[serde(default)]
    pub location: String,
    /// The shop's own word for the order's status.
    #[serde(default)]
    pub status: String,
    /// When the buyer placed it.
    pub placed_at: Instant,
    /// When the shop last changed it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub modified_at: Option<Instant>,
    /// When it was paid.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub paid_at: Option<Instant>,
    /// How far it is paid.
    #[serde(default)]
    pub payment_state: PaymentState,
    /// ISO 4217, upper case.
    pub currency: String,
    /// Whether the shop's unit prices include tax.
    #[serde(default)]
    pub prices_include_tax: bool,
    /// Who ordered.
    #[serde(default)]
    pub buyer: Buyer,
    /// Where the invoice goes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub billing_address: Option<Address>,
    /// Where the goods go; the first is the main one.
    #[serde(default)]
    pub delivery_addresses: Vec<Address>,
    /// The lines in the shop's order.
    pub lines: Vec<Line>,
    /// Payments, oldest first.
    #[serde(default)]
    pub payments: Vec<Payment>,
    /// Totals.
    pub totals: Totals,
    /// The buyer's own purchase order reference.
    #[serde(default)]
    pub buyer_reference: String,
    /// What the buyer wrote.
    #[serde(default)]
    pub buyer_note: String,
    /// What staff wrote.
    #[serde(default)]
    pub staff_note: String,
    /// The shop's own fields, as text.
    #[serde(default)]
    pub custom_fields: Vec<Pair>,
    /// The order as the shop served it, as JSON text. Empty when the order was pushed or written by hand.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub raw_json: String,
    /// Room for growth.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub extra: Vec<Pair>,
}

#[cfg(test)]
mod tests {
    use super::*;

    const LEAST: &str = r#"{"shop_order_id":"1","order_number":"1","placed_at":"2026-01-02T03:04:05Z",
        "currency":"EUR","lines":[{"id":"1","quantity":"1"}],"totals":{"gross":"0"}}"#;

    #[test]
    fn absence_is_lenient_and_meaning_is_strict() {
        let order: Order = serde_json::from_str(LEAST).unwrap();
        assert_eq!(order.lines[0].kind, LineKind::Product);
        assert_eq!(order.payment_state, PaymentState::Unknown);
        let wrong = [
            (r#""gross":"0""#, r#""gross":0"#, "expected a string"),
            (r#""gross":"0""#, r#""gross":"1e3""#, "not a decimal number"),
            ("03:04:05Z", "03:04:05+01:00", "not an instant"),
            (r#""lines""#, r#""line""#, "unknown field"),
            (r#""quantity":"1""#, r#""qty":"1""#, "unknown field"),
            (r#""currency":"EUR","#, "", "missing field"),
        ];
        for (from, to, problem) in wrong {
            let error = serde_json::from_str::<Order>(&LEAST.replace(from, to)).unwrap_err().to_string();
            assert!(error.contains(problem), "{to}: {error}");
        }
    }

    #[test]
    fn writing_and_reading_again_changes_nothing() {
        let mut order: Order = serde_json::from_str(LEAST).unwrap();
        order.billing_address = Some(Address { company: "Müller & Søn <Ltd>".to_owned(), ..Address::default() });
        order.lines[0].unit_price_net = Some(Decimal::new("12.90").unwrap());
        order.custom_fields = vec![("b".to_owned(), "2".to_owned()), ("a".to_owned(), "1".to_owned())];
        let text = serde_json::to_string(&order).unwrap();
        let again: Order = serde_json::from_str(&text).unwrap();
        assert_eq!(again, order);
        assert_eq!(serde_json::to_string(&again).unwrap(), text);
    }
}
