//! From the order to the bytes of the document.

use orderdock_plugin::{self as canonical, Context, Decimal, Instant, Order, Rejection};
use serde_json::value::RawValue;

use super::{Address, Amount, Buyer, Document, FORMAT, Json, Line, Moment, Named, Payment, ShopOrder, Totals};
use crate::Settings;
use crate::settings::Amounts;

/// Bytes that a line and the rest of an order usually need: one allocation for most orders.
const LINE: usize = 640;
const REST: usize = 2600;

/// Writes the order.
///
/// # Errors
/// When the shop's own JSON is asked for and does not read.
pub fn write(order: &Order, context: &Context<Settings>) -> Result<Vec<u8>, Rejection> {
    let shop_order = match context.settings.include_shop_order && !order.raw_json.is_empty() {
        false => None,
        true => Some(serde_json::from_str::<&RawValue>(&order.raw_json).map_err(|error| {
            Rejection::data(format!("the order as the shop served it is not JSON: {error}")).field("raw_json")
        })?),
    };
    let view = View(context.settings.amounts);
    let document = Document {
        format: FORMAT,
        connection: &context.connection,
        pass: context.pass,
        document_number: context.document_number,
        idempotency_key: &context.idempotency_key,
        mapped_at: Moment(context.mapped_at.as_str()),
        shop_order_id: &order.shop_order_id,
        order_number: &order.order_number,
        source: &order.source,
        channel: &order.channel,
        location: &order.location,
        status: &order.status,
        placed_at: Moment(order.placed_at.as_str()),
        modified_at: moment(order.modified_at.as_ref()),
        paid_at: moment(order.paid_at.as_ref()),
        payment_state: order.payment_state,
        currency: &order.currency,
        prices_include_tax: order.prices_include_tax,
        buyer: buyer(&order.buyer),
        billing_address: order.billing_address.as_ref().map(address),
        delivery_addresses: order.delivery_addresses.iter().map(address).collect(),
        lines: order.lines.iter().map(|line| view.line(line)).collect(),
        payments: order.payments.iter().map(|payment| view.payment(payment)).collect(),
        totals: view.totals(&order.totals),
        buyer_reference: &order.buyer_reference,
        buyer_note: &order.buyer_note,
        staff_note: &order.staff_note,
        custom_fields: Named(&order.custom_fields),
        shop_order: ShopOrder(shop_order),
    };
    let notes = order.buyer_note.len().saturating_add(order.staff_note.len());
    let raw = shop_order.map_or(0, |raw| raw.get().len());
    let size = order.lines.len().saturating_mul(LINE).saturating_add(REST).saturating_add(notes).saturating_add(raw);
    let mut bytes = Vec::with_capacity(size);
    document.write(&mut bytes);
    Ok(bytes)
}

fn moment(instant: Option<&Instant>) -> Option<Moment<'_>> {
    instant.map(|instant| Moment(instant.as_str()))
}

fn buyer(buyer: &canonical::Buyer) -> Buyer<'_> {
    Buyer {
        customer_id: buyer.customer_id.as_deref(),
        account_code: buyer.account_code.as_deref(),
        company: &buyer.company,
        first_name: &buyer.first_name,
        last_name: &buyer.last_name,
        email: &buyer.email,
        phone: &buyer.phone,
        tax_number: buyer.tax_number.as_deref(),
    }
}

fn address(address: &canonical::Address) -> Address<'_> {
    Address {
        code: address.code.as_deref(),
        company: &address.company,
        first_name: &address.first_name,
        last_name: &address.last_name,
        street: &address.street,
        city: &address.city,
        region: &address.region,
        postal_code: &address.postal_code,
        country: &address.country,
        phone: &address.phone,
        email: &address.email,
    }
}

struct View(Amounts);

impl View {
    fn amount<'a>(&self, decimal: &'a Decimal) -> Amount<'a> {
        Amount { text: decimal.as_str(), form: self.0 }
    }

    fn optional<'a>(&self, decimal: &'a Option<Decimal>) -> Option<Amount<'a>> {
        decimal.as_ref().map(|decimal| self.amount(decimal))
    }

    fn line<'a>(&self, line: &'a canonical::Line) -> Line<'a> {
        Line {
            id: &line.id,
            kind: line.kind,
            kind_text: line.kind_text.as_deref(),
            parent: line.parent,
            sku: line.sku.as_deref(),
            description: &line.description,
            quantity: self.amount(&line.quantity),
            unit: line.unit.as_deref(),
            unit_price_net: self.optional(&line.unit_price_net),
            unit_price_gross: self.optional(&line.unit_price_gross),
            discount: self.optional(&line.discount),
            tax_rate: self.optional(&line.tax_rate),
            tax_amount: self.optional(&line.tax_amount),
            tax_code: line.tax_code.as_deref(),
            total_net: self.optional(&line.total_net),
            total_gross: self.optional(&line.total_gross),
            options: Named(&line.options),
            note: &line.note,
            delivery_address: line.delivery_address,
        }
    }

    fn payment<'a>(&self, payment: &'a canonical::Payment) -> Payment<'a> {
        Payment {
            method: &payment.method,
            title: &payment.title,
            reference: &payment.reference,
            amount: self.optional(&payment.amount),
            state: payment.state,
            paid_at: moment(payment.paid_at.as_ref()),
        }
    }

    fn totals<'a>(&self, totals: &'a canonical::Totals) -> Totals<'a> {
        Totals {
            net: self.optional(&totals.net),
            tax: self.optional(&totals.tax),
            gross: self.amount(&totals.gross),
            shipping: self.optional(&totals.shipping),
            discount: self.optional(&totals.discount),
        }
    }
}
