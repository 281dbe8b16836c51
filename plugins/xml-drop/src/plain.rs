//! Orderdock's own layout: the order as it is, in the contract's names. `plain-order.xsd` describes every element.
//!
//! Elements without content are left out. Numbers of lines and addresses count from 1, as people count.

use orderdock_plugin::{Address, Buyer, Context, Decimal, Line, LineKind, Order, Pair, Payment, PaymentState};

use crate::Settings;
use crate::element::Element;

/// Writes the order.
pub fn write(order: &Order, context: &Context<Settings>, out: &mut Element) {
    out.group("order", &[("version", "1")], |out| {
        out.text("connection", &context.connection);
        out.text("document_number", &context.document_number.to_string());
        out.text("pass", &context.pass.to_string());
        out.moment("mapped_at", Some(&context.mapped_at));
        out.text("shop_order_id", &order.shop_order_id);
        out.text("order_number", &order.order_number);
        out.text("source", &order.source);
        out.text("channel", &order.channel);
        out.text("location", &order.location);
        out.text("status", &order.status);
        out.moment("placed_at", Some(&order.placed_at));
        out.moment("modified_at", order.modified_at.as_ref());
        out.moment("paid_at", order.paid_at.as_ref());
        out.text("payment_state", payment_state(order.payment_state));
        out.text("currency", &order.currency);
        out.text("prices_include_tax", if order.prices_include_tax { "true" } else { "false" });
        out.text("buyer_reference", &order.buyer_reference);
        out.text("buyer_note", &order.buyer_note);
        out.text("staff_note", &order.staff_note);
        buyer(&order.buyer, out);
        if let Some(billing) = &order.billing_address {
            out.group("billing_address", &[], |out| address(billing, out));
        }
        out.group("delivery_addresses", &[], |out| {
            for (index, delivery) in order.delivery_addresses.iter().enumerate() {
                out.group("delivery_address", &[("number", &number(index))], |out| address(delivery, out));
            }
        });
        out.group("lines", &[], |out| {
            for (index, item) in order.lines.iter().enumerate() {
                out.group("line", &[("number", &number(index))], |out| line(item, out));
            }
        });
        out.group("payments", &[], |out| {
            for (index, item) in order.payments.iter().enumerate() {
                out.group("payment", &[("number", &number(index))], |out| payment(item, out));
            }
        });
        out.group("totals", &[], |out| {
            let totals = &order.totals;
            out.decimal("net", totals.net.as_ref());
            out.decimal("tax", totals.tax.as_ref());
            out.decimal("gross", Some(&totals.gross));
            out.decimal("shipping", totals.shipping.as_ref());
            out.decimal("discount", totals.discount.as_ref());
        });
        out.group("custom_fields", &[], |out| pairs("custom_field", &order.custom_fields, out));
    });
}

fn number(index: usize) -> String {
    index.saturating_add(1).to_string()
}

fn reference(index: u32) -> String {
    u64::from(index).saturating_add(1).to_string()
}

fn buyer(buyer: &Buyer, out: &mut Element) {
    out.group("buyer", &[], |out| {
        out.optional("customer_id", buyer.customer_id.as_deref());
        out.optional("account_code", buyer.account_code.as_deref());
        out.text("company", &buyer.company);
        out.text("first_name", &buyer.first_name);
        out.text("last_name", &buyer.last_name);
        out.text("email", &buyer.email);
        out.text("phone", &buyer.phone);
        out.optional("tax_number", buyer.tax_number.as_deref());
    });
}

fn address(address: &Address, out: &mut Element) {
    out.optional("code", address.code.as_deref());
    out.text("company", &address.company);
    out.text("first_name", &address.first_name);
    out.text("last_name", &address.last_name);
    for street in &address.street {
        out.text("street", street);
    }
    out.text("city", &address.city);
    out.text("region", &address.region);
    out.text("postal_code", &address.postal_code);
    out.text("country", &address.country);
    out.text("phone", &address.phone);
    out.text("email", &address.email);
}

fn line(line: &Line, out: &mut Element) {
    let decimal = |out: &mut Element, name: &str, value: &Option<Decimal>| out.decimal(name, value.as_ref());
    out.text("id", &line.id);
    out.text("kind", kind(line.kind));
    out.optional("kind_text", line.kind_text.as_deref());
    out.optional("parent_line", line.parent.map(reference).as_deref());
    out.optional("sku", line.sku.as_deref());
    out.text("description", &line.description);
    out.decimal("quantity", Some(&line.quantity));
    out.optional("unit", line.unit.as_deref());
    decimal(out, "unit_price_net", &line.unit_price_net);
    decimal(out, "unit_price_gross", &line.unit_price_gross);
    decimal(out, "discount", &line.discount);
    decimal(out, "tax_rate", &line.tax_rate);
    decimal(out, "tax_amount", &line.tax_amount);
    out.optional("tax_code", line.tax_code.as_deref());
    decimal(out, "total_net", &line.total_net);
    decimal(out, "total_gross", &line.total_gross);
    out.group("options", &[], |out| pairs("option", &line.options, out));
    out.text("note", &line.note);
    out.optional("delivery_address", line.delivery_address.map(reference).as_deref());
}

fn payment(payment: &Payment, out: &mut Element) {
    out.text("method", &payment.method);
    out.text("title", &payment.title);
    out.text("reference", &payment.reference);
    out.decimal("amount", payment.amount.as_ref());
    out.text("state", payment_state(payment.state));
    out.moment("paid_at", payment.paid_at.as_ref());
}

fn pairs(name: &str, pairs: &[Pair], out: &mut Element) {
    for (key, value) in pairs {
        out.xml.element(name, &[("name", key)], value);
    }
}

/// The contract's word.
pub(crate) const fn payment_state(state: PaymentState) -> &'static str {
    match state {
        PaymentState::Unknown => "unknown",
        PaymentState::Unpaid => "unpaid",
        PaymentState::Authorised => "authorised",
        PaymentState::PartlyPaid => "partly_paid",
        PaymentState::Paid => "paid",
        PaymentState::Refunded => "refunded",
    }
}

/// The contract's word.
pub(crate) const fn kind(kind: LineKind) -> &'static str {
    match kind {
        LineKind::Product => "product",
        LineKind::Shipping => "shipping",
        LineKind::Discount => "discount",
        LineKind::Fee => "fee",
        LineKind::Surcharge => "surcharge",
        LineKind::Gift => "gift",
        LineKind::Comment => "comment",
        LineKind::Rounding => "rounding",
        LineKind::Other => "other",
    }
}
