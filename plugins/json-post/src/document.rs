//! The JSON that is posted: field names are those of Orderdock's order, so that a rejection's field path
//! (`lines[2].sku`) is a path in this document too.
//!
//! Every field is always there; what the shop does not tell is `null`, an empty text or an empty list. The types are
//! views of the order that are written straight into one buffer; one macro gives each its writer and its schema, so that
//! they can't differ. Not by serde, which scans and escapes every field name anew: 7.9 µs for eight lines against 1.1 µs.

mod json;
mod value;
mod write;

use orderdock_plugin::{LineKind, PaymentState};

use json::{Json, object};
pub use value::{Amount, Moment, Named, ShopOrder};
pub use write::write;

/// Name and version of the form.
pub const FORMAT: &str = "orderdock-order/1";

object! {
    /// An order, as posted by Orderdock's plugin json-post.
    pub struct Document<'a> as "Order" {
        /// Name and version of this form: `orderdock-order/1`. A change that could break a reader gets another number.
        pub format: &'a str,
        /// Name of the Orderdock connection that sends. Example: `acme-webshop`.
        pub connection: &'a str,
        /// Which journey of the order this is, from 1; it grows when staff send the order again.
        pub pass: u32,
        /// Counts up per connection and is the same for every repeat of a pass; numbers may be missing.
        pub document_number: u64,
        /// The same text for every repeat of this send: take an order with a known key only once.
        pub idempotency_key: &'a str,
        /// When Orderdock mapped the order, UTC.
        pub mapped_at: Moment<'a>,
        /// The shop's key of the order. Not always what people call the order.
        pub shop_order_id: &'a str,
        /// The number that buyer and staff know. Example: `WEB-10042`.
        pub order_number: &'a str,
        /// Kind of shop. Example: `woocommerce`.
        pub source: &'a str,
        /// Sales channel within the shop.
        pub channel: &'a str,
        /// Stock location or store.
        pub location: &'a str,
        /// The shop's own word for the order's status.
        pub status: &'a str,
        /// When the buyer placed it, UTC.
        pub placed_at: Moment<'a>,
        /// When the shop last changed it, UTC.
        pub modified_at: Option<Moment<'a>>,
        /// When it was paid, UTC.
        pub paid_at: Option<Moment<'a>>,
        /// How far it is paid.
        pub payment_state: PaymentState,
        /// ISO 4217 code of all amounts. Example: `EUR`.
        pub currency: &'a str,
        /// Whether the shop's own unit prices include tax. Both prices are given where the shop tells both.
        pub prices_include_tax: bool,
        /// Who ordered.
        pub buyer: Buyer<'a>,
        /// Where the invoice goes.
        pub billing_address: Option<Address<'a>>,
        /// Where the goods go; the first is the main one.
        pub delivery_addresses: Vec<Address<'a>>,
        /// The lines in the shop's order. Shipping, discounts and fees are lines too.
        pub lines: Vec<Line<'a>>,
        /// Payments, oldest first.
        pub payments: Vec<Payment<'a>>,
        /// Totals as the shop states them.
        pub totals: Totals<'a>,
        /// The buyer's own purchase order reference.
        pub buyer_reference: &'a str,
        /// What the buyer wrote.
        pub buyer_note: &'a str,
        /// What staff wrote.
        pub staff_note: &'a str,
        /// The shop's own fields; structured values as JSON text.
        pub custom_fields: Named<'a>,
        /// The order as the shop served it; only with the setting `include_shop_order`, else `null`.
        pub shop_order: ShopOrder<'a>,
    }
}

object! {
    /// Who ordered. Empty texts where the shop has none.
    pub struct Buyer<'a> as "Buyer" {
        /// The shop's id of the customer; `null` for a guest.
        pub customer_id: Option<&'a str>,
        /// The account code that links the customer to the ERP, where the shop keeps one.
        pub account_code: Option<&'a str>,
        /// Company.
        pub company: &'a str,
        /// Given name.
        pub first_name: &'a str,
        /// Family name; the whole name where the shop does not divide it.
        pub last_name: &'a str,
        /// E-mail address.
        pub email: &'a str,
        /// Telephone number as typed.
        pub phone: &'a str,
        /// VAT or other tax number.
        pub tax_number: Option<&'a str>,
    }
}

object! {
    /// A postal address with the people to reach there. Empty texts where the shop has none.
    pub struct Address<'a> as "Address" {
        /// The shop's own code of the address in the customer's book.
        pub code: Option<&'a str>,
        /// Company.
        pub company: &'a str,
        /// Given name.
        pub first_name: &'a str,
        /// Family name; the whole name where the shop does not divide it.
        pub last_name: &'a str,
        /// Street lines in the shop's order, without empty ones.
        pub street: &'a [String],
        /// City, town or suburb.
        pub city: &'a str,
        /// State, province or county, as the shop gives it.
        pub region: &'a str,
        /// Postal code, as text.
        pub postal_code: &'a str,
        /// ISO 3166-1 alpha-2; empty when the shop does not tell.
        pub country: &'a str,
        /// Telephone number as typed.
        pub phone: &'a str,
        /// E-mail address.
        pub email: &'a str,
    }
}

object! {
    /// One line of the order.
    pub struct Line<'a> as "Line" {
        /// The shop's id of the line; unique within the order.
        pub id: &'a str,
        /// What the line stands for.
        pub kind: LineKind,
        /// The shop's own word for the kind.
        pub kind_text: Option<&'a str>,
        /// Index in `lines`, from 0, of the line that this one belongs to (bundle, option).
        pub parent: Option<u32>,
        /// Article code; for shipping lines the code of the shipping method.
        pub sku: Option<&'a str>,
        /// Name shown to the buyer.
        pub description: &'a str,
        /// How many, in `unit`.
        pub quantity: Amount<'a>,
        /// Unit of measure as the shop names it.
        pub unit: Option<&'a str>,
        /// Price of one, without tax, where the shop tells.
        pub unit_price_net: Option<Amount<'a>>,
        /// Price of one, with tax, where the shop tells.
        pub unit_price_gross: Option<Amount<'a>>,
        /// Reduction of this line, positive, without tax, already taken off the totals.
        pub discount: Option<Amount<'a>>,
        /// Tax rate in percent.
        pub tax_rate: Option<Amount<'a>>,
        /// Tax of the whole line.
        pub tax_amount: Option<Amount<'a>>,
        /// The shop's tax code or class.
        pub tax_code: Option<&'a str>,
        /// The whole line without tax.
        pub total_net: Option<Amount<'a>>,
        /// The whole line with tax.
        pub total_gross: Option<Amount<'a>>,
        /// Chosen options. Example: `Colour`, `blue`.
        pub options: Named<'a>,
        /// The buyer's note on the line.
        pub note: &'a str,
        /// Index in `delivery_addresses`, from 0, where the shop delivers to several.
        pub delivery_address: Option<u32>,
    }
}

object! {
    /// One payment.
    pub struct Payment<'a> as "Payment" {
        /// The shop's code of the method. Example: `bacs`.
        pub method: &'a str,
        /// The method's name as shown.
        pub title: &'a str,
        /// The payment provider's reference.
        pub reference: &'a str,
        /// Amount in the order's currency.
        pub amount: Option<Amount<'a>>,
        /// State of this payment.
        pub state: PaymentState,
        /// When it was paid, UTC.
        pub paid_at: Option<Moment<'a>>,
    }
}

object! {
    /// Totals as the shop states them; Orderdock computes none.
    pub struct Totals<'a> as "Totals" {
        /// Whole order without tax.
        pub net: Option<Amount<'a>>,
        /// All tax.
        pub tax: Option<Amount<'a>>,
        /// Whole order with tax: what the buyer pays.
        pub gross: Amount<'a>,
        /// Delivery without tax.
        pub shipping: Option<Amount<'a>>,
        /// Reductions, positive, without tax.
        pub discount: Option<Amount<'a>>,
    }
}
