//! From a WooCommerce order to a [`Sight`] with the canonical order.
//!
//! WooCommerce keeps line totals as exact texts and computes a unit price as a float (`price`, after discounts). The float
//! is not used: the price of one comes from the line's subtotal (before discounts) divided by the quantity, rounded to six
//! decimals where it does not divide. The line's totals are the truth.

use rust_decimal::{Decimal as Exact, RoundingStrategy};
use serde_json::value::RawValue;

use super::settings::Settings;
use crate::{
    domain::{
        Address, Buyer, Decimal, Instant, Line, LineKind, Order, Pair, Payment, PaymentState, Totals, problem::Problem,
        sight::Sight,
    },
    shop::{
        json,
        reading::{Object, Problems, country},
    },
};

/// Decimals of a unit price that does not divide evenly.
const PRICE_DECIMALS: u32 = 6;

/// Reads one order. None when not even its id can be read.
pub(super) fn sight(raw: &RawValue, settings: &Settings) -> Option<Sight> {
    let head = Object::read(raw, "")?;
    let id = head.some_text("id").filter(|id| id != "0")?;
    let status = head.text("status");
    let order = order(&head, raw, &id, &status, settings);
    let moment = |path: &str| head.instant(path, &mut Problems::default()).map(|(_, millis)| millis);
    Some(Sight {
        order_number: head.some_text("number").unwrap_or_else(|| id.clone()),
        placed_ms: moment("date_created_gmt"),
        modified_ms: moment("date_modified_gmt"),
        processed_stamp: None,
        shipped: settings.shipped_statuses.contains(&status),
        cancelled: matches!(status.as_str(), "cancelled" | "trash"),
        creator: None,
        status_actor: None,
        order: order.map(Box::new),
        shop_order_id: id,
        status,
    })
}

fn order(
    head: &Object<'_>,
    raw: &RawValue,
    id: &str,
    status: &str,
    settings: &Settings,
) -> Result<Order, Vec<Problem>> {
    let mut problems = Problems::default();
    let p = &mut problems;
    let placed_at = head.need_instant("date_created_gmt", p);
    let paid_at = head.instant("date_paid_gmt", p).map(|(instant, _)| instant);
    let payment_state = payment_state(head, paid_at.is_some(), p);
    let meta = Meta::read(head, p);
    let totals = Totals {
        net: None,
        tax: head.decimal("total_tax", p),
        gross: head.need_decimal("total", p),
        shipping: head.decimal("shipping_total", p),
        discount: head.decimal("discount_total", p),
        extra: Vec::new(),
    };
    let billing = head.object("billing", p);
    let shipping = head.object("shipping", p).map(|from| address(&from)).filter(|address| !is_empty(address));
    let prices_include_tax = head.yes("prices_include_tax");
    let order = Order {
        shop_order_id: id.to_owned(),
        order_number: head.some_text("number").unwrap_or_else(|| id.to_owned()),
        source: super::KIND.to_owned(),
        channel: head.text("created_via"),
        location: String::new(),
        status: status.to_owned(),
        placed_at,
        modified_at: head.instant("date_modified_gmt", p).map(|(instant, _)| instant),
        payments: payments(head, payment_state, paid_at.clone(), &totals),
        paid_at,
        payment_state,
        currency: head.need_currency("currency", p),
        prices_include_tax,
        buyer: buyer(head, billing.as_ref(), &meta, settings),
        billing_address: billing.map(|from| address(&from)).filter(|address| !is_empty(address)),
        delivery_addresses: shipping.into_iter().collect(),
        lines: lines(head, prices_include_tax, p),
        totals,
        buyer_reference: meta.first(&settings.reference_keys).unwrap_or_default(),
        buyer_note: head.text("customer_note"),
        staff_note: String::new(),
        custom_fields: custom_fields(head, &meta, settings, p),
        raw_json: raw.get().to_owned(),
        extra: Vec::new(),
    };
    problems.finish(order)
}

/// WooCommerce says when it was paid, and whether it still wants money. An order that is neither (cash on delivery, an
/// account customer) is `unknown`: the shop takes it without money, so payment is no reason to hold it.
fn payment_state(head: &Object<'_>, has_paid_at: bool, problems: &mut Problems) -> PaymentState {
    if !head.objects("refunds", problems).is_empty() {
        PaymentState::Refunded
    } else if has_paid_at {
        PaymentState::Paid
    } else if head.yes("needs_payment") {
        PaymentState::Unpaid
    } else {
        PaymentState::Unknown
    }
}

fn payments(head: &Object<'_>, state: PaymentState, paid_at: Option<Instant>, totals: &Totals) -> Vec<Payment> {
    let Some(method) = head.some_text("payment_method") else { return Vec::new() };
    vec![Payment {
        method,
        title: head.text("payment_method_title"),
        reference: head.text("transaction_id"),
        amount: paid_at.is_some().then(|| totals.gross.clone()),
        state,
        paid_at,
        extra: Vec::new(),
    }]
}

/// The order's metadata: keys may repeat, values may be anything.
struct Meta(Vec<Pair>);

impl Meta {
    fn read(from: &Object<'_>, problems: &mut Problems) -> Self {
        Self(from.objects("meta_data", problems).iter().map(|item| (item.text("key"), item.text("value"))).collect())
    }

    fn first(&self, keys: &[String]) -> Option<String> {
        keys.iter()
            .find_map(|key| self.0.iter().find(|(found, value)| found == key && !value.is_empty()))
            .map(|(_, value)| value.clone())
    }
}

/// Metadata that is not the shop's own book-keeping nor ours, and the coupons, whose reductions are in the lines already.
fn custom_fields(head: &Object<'_>, meta: &Meta, settings: &Settings, problems: &mut Problems) -> Vec<Pair> {
    let is_shown = |key: &str| {
        key != settings.erp_order_id_key
            && (!key.starts_with('_') || settings.hidden_keys.iter().any(|shown| shown == key))
    };
    let own = meta.0.iter().filter(|(key, _)| is_shown(key)).cloned();
    let coupons = head.objects("coupon_lines", problems);
    own.chain(coupons.iter().map(|coupon| ("coupon".to_owned(), coupon.text("code")))).collect()
}

fn buyer(head: &Object<'_>, billing: Option<&Object<'_>>, meta: &Meta, settings: &Settings) -> Buyer {
    let text = |path: &str| billing.map(|billing| billing.text(path)).unwrap_or_default();
    Buyer {
        // 0 is a guest.
        customer_id: head.some_text("customer_id").filter(|id| id != "0"),
        account_code: meta.first(&settings.account_code_keys),
        company: text("company"),
        first_name: text("first_name"),
        last_name: text("last_name"),
        email: text("email"),
        phone: text("phone"),
        tax_number: meta.first(&settings.tax_number_keys),
        extra: Vec::new(),
    }
}

fn address(from: &Object<'_>) -> Address {
    let (country, country_name) = country(from.text("country"));
    Address {
        code: None,
        company: from.text("company"),
        first_name: from.text("first_name"),
        last_name: from.text("last_name"),
        street: ["address_1", "address_2"].into_iter().filter_map(|path| from.some_text(path)).collect(),
        city: from.text("city"),
        region: from.text("state"),
        postal_code: from.text("postcode"),
        country,
        phone: from.text("phone"),
        email: from.text("email"),
        extra: country_name.into_iter().collect(),
    }
}

/// Orders of virtual goods have an address with nothing in it.
fn is_empty(address: &Address) -> bool {
    *address == Address::default()
}

fn lines(head: &Object<'_>, gross_prices: bool, p: &mut Problems) -> Vec<Line> {
    if head.at("line_items").is_none() {
        p.add("line_items", "is missing, expected the list of lines");
    }
    let rates = Rates::read(head, p);
    let mut lines: Vec<Line> = Vec::new();
    for item in head.objects("line_items", p) {
        lines.push(product(&item, &rates, gross_prices, p));
    }
    for item in head.objects("shipping_lines", p) {
        lines.push(Line {
            sku: item.some_text("method_id"),
            description: item.text("method_title"),
            ..surcharge(&item, LineKind::Shipping, &rates, p)
        });
    }
    for item in head.objects("fee_lines", p) {
        lines.push(Line { description: item.text("name"), ..surcharge(&item, LineKind::Fee, &rates, p) });
    }
    for (index, line) in lines.iter_mut().enumerate().filter(|(_, line)| line.id.is_empty()) {
        line.id = format!("line-{}", index + 1);
    }
    lines
}

fn product(item: &Object<'_>, rates: &Rates, gross_prices: bool, p: &mut Problems) -> Line {
    let quantity = item.need_decimal("quantity", p);
    let subtotal = item.decimal("subtotal", p);
    let subtotal_tax = item.decimal("subtotal_tax", p);
    let total = item.decimal("total", p);
    let gross =
        subtotal.as_ref().zip(subtotal_tax.as_ref()).and_then(|(net, tax)| exact(net)?.checked_add(exact(tax)?));
    Line {
        id: item.text("id"),
        kind: LineKind::Product,
        sku: item.some_text("sku"),
        description: item.text("name"),
        unit_price_net: subtotal.as_ref().and_then(exact).and_then(|amount| per_unit(amount, &quantity)),
        unit_price_gross: gross.filter(|_| gross_prices).and_then(|amount| per_unit(amount, &quantity)),
        discount: subtotal.as_ref().zip(total.as_ref()).and_then(|(before, after)| reduction(before, after)),
        tax_rate: rates.of(item, p),
        tax_amount: item.decimal("total_tax", p),
        tax_code: item.some_text("tax_class"),
        total_net: total,
        options: options(item, p),
        extra: ids(item),
        quantity,
        ..Line::default()
    }
}

/// Shipping and fees: one of each, no discount.
fn surcharge(item: &Object<'_>, kind: LineKind, rates: &Rates, p: &mut Problems) -> Line {
    let total = item.decimal("total", p);
    Line {
        id: item.text("id"),
        kind,
        quantity: Decimal::trusted("1".to_owned()),
        unit_price_net: total.clone(),
        tax_rate: rates.of(item, p),
        tax_amount: item.decimal("total_tax", p),
        tax_code: item.some_text("tax_class"),
        total_net: total,
        ..Line::default()
    }
}

/// What the buyer chose, as shown; keys that begin with `_` are book-keeping.
fn options(item: &Object<'_>, p: &mut Problems) -> Vec<Pair> {
    let shown = |meta: &Object<'_>| !meta.text("key").starts_with('_');
    let text =
        |meta: &Object<'_>, display: &str, plain: &str| meta.some_text(display).unwrap_or_else(|| meta.text(plain));
    let all = item.objects("meta_data", p);
    all.iter()
        .filter(|meta| shown(meta))
        .map(|meta| (text(meta, "display_key", "key"), text(meta, "display_value", "value")))
        .collect()
}

fn ids(item: &Object<'_>) -> Vec<Pair> {
    let known = |path: &str| item.some_text(path).filter(|id| id != "0").map(|id| (path.to_owned(), id));
    ["product_id", "variation_id"].into_iter().filter_map(known).collect()
}

/// Percent by tax rate id.
struct Rates(Vec<(String, Decimal)>);

impl Rates {
    fn read(head: &Object<'_>, p: &mut Problems) -> Self {
        let lines = head.objects("tax_lines", p);
        Self(
            lines
                .iter()
                .filter_map(|line| Some((line.some_text("rate_id")?, line.decimal("rate_percent", p)?)))
                .collect(),
        )
    }

    /// The rate of a line with exactly one tax; several taxes can't be told as one rate.
    fn of(&self, item: &Object<'_>, p: &mut Problems) -> Option<Decimal> {
        let taxes = item.objects("taxes", p);
        let mut charged = taxes.iter().filter(|tax| {
            tax.some_text("total").is_some_and(|total| total.bytes().any(|byte| matches!(byte, b'1'..=b'9')))
        });
        let id = charged.next()?.text("id");
        if charged.next().is_some() {
            return None;
        }
        self.0.iter().find(|(known, _)| *known == id).map(|(_, rate)| rate.clone())
    }
}

fn exact(decimal: &Decimal) -> Option<Exact> {
    Exact::from_str_exact(decimal.as_str()).ok()
}

fn per_unit(amount: Exact, quantity: &Decimal) -> Option<Decimal> {
    let quantity = exact(quantity).filter(|quantity| !quantity.is_zero())?;
    let scale = amount.scale().min(PRICE_DECIMALS);
    let price =
        amount.checked_div(quantity)?.round_dp_with_strategy(PRICE_DECIMALS, RoundingStrategy::MidpointAwayFromZero);
    // As many decimals as the shop's amount has, more only where they are needed.
    let mut price = price.normalize();
    if price.scale() < scale {
        price.rescale(scale);
    }
    Decimal::new(price.to_string()).ok()
}

fn reduction(before: &Decimal, after: &Decimal) -> Option<Decimal> {
    let reduction = exact(before)?.checked_sub(exact(after)?)?;
    if reduction.is_zero() { None } else { Decimal::new(reduction.to_string()).ok() }
}

/// Reads the id alone, for paging.
pub(super) fn id(raw: &RawValue) -> Option<u64> {
    json::Fields::of(raw)?.get("id").map(json::text)?.parse().ok()
}

#[cfg(test)]
mod tests;
