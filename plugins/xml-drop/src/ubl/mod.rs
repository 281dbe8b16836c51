//! OASIS UBL 2.1 Order (docs.oasis-open.org/ubl/os-UBL-2.1). The order of elements is the schema's.
//!
//! UBL forbids empty elements (UBL 2.1 section 4.2, rule IND5), so what the order lacks is left out.

mod charge;
mod line;
mod party;
mod price;

use orderdock_plugin::{Context, LineKind, Order, Payment, Rejection};

use crate::Settings;
use crate::element::{Element, moment};
use crate::plain;

/// Look-up table: the shop's unit → UN/ECE recommendation 20 code.
pub const UNITS: &str = "units";
/// Look-up table: the shop's tax code or rate → UN/ECE 5305 category.
pub const TAXES: &str = "taxes";

const ORDER: &str = "urn:oasis:names:specification:ubl:schema:xsd:Order-2";
const AGGREGATES: &str = "urn:oasis:names:specification:ubl:schema:xsd:CommonAggregateComponents-2";
const BASICS: &str = "urn:oasis:names:specification:ubl:schema:xsd:CommonBasicComponents-2";

/// An amount with its currency.
pub(crate) fn amount(name: &str, currency: &str, value: Option<&str>, out: &mut Element) {
    out.xml.optional(name, &[("currencyID", currency)], value);
}

/// Writes the order.
///
/// # Errors
/// When no line is left that UBL calls an order line.
pub fn write(order: &Order, context: &Context<Settings>, out: &mut Element) -> Result<(), Rejection> {
    let settings = &context.settings;
    let parts = charge::Parts::of(order, settings);
    if parts.goods.is_empty() {
        let text = "the order has no line with goods, and a UBL order needs one: set `charges_as_lines` if such orders \
                    are to be written";
        return Err(Rejection::data(text).field("lines"));
    }
    let root = [("xmlns", ORDER), ("xmlns:cac", AGGREGATES), ("xmlns:cbc", BASICS)];
    out.group("Order", &root, |out| {
        head(order, context, parts.goods.len(), out);
        party::buyer(order, settings, out);
        party::seller(context, out);
        if let Some(billing) = &order.billing_address {
            party::invoicee(billing, out);
        }
        for (index, address) in order.delivery_addresses.iter().enumerate() {
            party::delivery(index, address, out);
        }
        for item in &order.payments {
            payment(item, out);
        }
        out.group("cac:PaymentTerms", &[], |out| {
            out.text("cbc:Note", &format!("payment state: {}", plain::payment_state(order.payment_state)));
        });
        charge::charges(order, &parts, settings, out);
        let tax = order.totals.tax.as_ref().map(|tax| tax.as_str());
        out.group("cac:TaxTotal", &[], |out| amount("cbc:TaxAmount", &order.currency, tax, out));
        charge::totals(order, &parts, out);
        for (index, item) in &parts.goods {
            line::write(order, *index, item, settings, out);
        }
    });
    Ok(())
}

fn head(order: &Order, context: &Context<Settings>, lines: usize, out: &mut Element) {
    let settings = &context.settings;
    out.text("cbc:UBLVersionID", "2.1");
    out.optional("cbc:CustomizationID", settings.customization_id.as_deref());
    out.optional("cbc:ProfileID", settings.profile_id.as_deref());
    out.text("cbc:ID", &order.order_number);
    let placed = moment(&order.placed_at);
    out.text("cbc:IssueDate", order.placed_at.date());
    out.optional("cbc:IssueTime", placed.get(11..));
    out.text("cbc:Note", &order.buyer_note);
    if !order.staff_note.is_empty() {
        out.text("cbc:Note", &format!("staff: {}", order.staff_note));
    }
    for line in order.lines.iter().filter(|line| line.kind == LineKind::Comment) {
        out.text("cbc:Note", &line.description);
        out.text("cbc:Note", &line.note);
    }
    for (name, value) in order.custom_fields.iter().filter(|(name, _)| settings.custom_fields.contains(name)) {
        out.text("cbc:Note", &format!("{name}: {value}"));
    }
    out.text("cbc:DocumentCurrencyCode", &order.currency);
    out.text("cbc:CustomerReference", &order.buyer_reference);
    out.text("cbc:LineCountNumeric", &lines.to_string());
    document_reference(&order.shop_order_id, "shop order id", out);
    document_reference(&context.document_number.to_string(), "Orderdock document number", out);
}

fn document_reference(id: &str, what: &str, out: &mut Element) {
    if id.is_empty() {
        return;
    }
    out.group("cac:AdditionalDocumentReference", &[], |out| {
        out.text("cbc:ID", id);
        out.text("cbc:DocumentType", what);
    });
}

/// UN/ECE 4461 code 1 is "instrument not defined": the shop's own code and name say more.
fn payment(payment: &Payment, out: &mut Element) {
    out.group("cac:PaymentMeans", &[], |out| {
        out.text("cbc:PaymentMeansCode", "1");
        out.text("cbc:PaymentChannelCode", &payment.method);
        out.text("cbc:InstructionNote", &payment.title);
        out.text("cbc:PaymentID", &payment.reference);
    });
}
