//! From an EvolutionX order to a [`Sight`] with the canonical order.

use serde_json::value::RawValue;

use super::settings::{Actors, AddressFields, Fields, LineFields, Settings};
use crate::{
    domain::{
        Address, Buyer, Decimal, Instant, Line, LineKind, Order, Pair, Payment, PaymentState, Totals,
        problem::Problem,
        sight::{Actor, Sight},
    },
    shop::{
        Shown, json,
        reading::{Object, Problems, country},
    },
};

/// Reads one order. None when not even its id can be read.
pub(super) fn sight(raw: &RawValue, settings: &Settings) -> Option<Sight> {
    let fields = &settings.fields;
    let head = Object::read(raw, "")?;
    let id = head.some_text(&fields.id)?;
    let status = status(&head, settings);
    let order = order(&head, raw, &id, &status, fields);
    let moment = |path: &str| head.instant(path, &mut Problems::default()).map(|(_, millis)| millis);
    let is_one_of = |words: &[String]| words.iter().any(|word| word.eq_ignore_ascii_case(&status));
    let stamped = (!fields.processed_stamp.is_empty())
        .then(|| !matches!(head.text(&fields.processed_stamp).as_str(), "" | "0" | "false"));
    Some(Sight {
        order_number: head.some_text(&fields.number).unwrap_or_else(|| id.clone()),
        placed_ms: moment(&fields.created_at),
        modified_ms: moment(&fields.updated_at),
        processed_stamp: stamped,
        shipped: is_one_of(&settings.shipped_statuses),
        cancelled: is_one_of(&settings.cancelled_statuses),
        creator: actor(&head, &settings.actors.creator_kind, &settings.actors.creator_id, &settings.actors),
        status_actor: actor(&head, &settings.actors.status_kind, &settings.actors.status_id, &settings.actors),
        order: order.map(Box::new),
        shop_order_id: id,
        status,
    })
}

/// Reads what one order shows of its status, with its id.
pub(super) fn shown(raw: &RawValue, settings: &Settings) -> Option<(String, Shown)> {
    let head = Object::read(raw, "")?;
    let id = head.some_text(&settings.fields.id)?;
    let modified_ms = head.instant(&settings.fields.updated_at, &mut Problems::default()).map(|(_, millis)| millis);
    Some((id, Shown { status: status(&head, settings), modified_ms }))
}

/// The status by name, or by its id where the shop serves only that.
fn status(head: &Object<'_>, settings: &Settings) -> String {
    let name = head.text(&settings.fields.status);
    if !name.is_empty() {
        return name;
    }
    let id = head.text(&settings.fields.status_id);
    settings.status_ids.iter().find(|(_, known)| **known == id).map_or(id, |(name, _)| name.clone())
}

fn actor(head: &Object<'_>, kind: &str, id: &str, actors: &Actors) -> Option<Actor> {
    let is = |words: &[String], kind: &str| words.iter().any(|word| word.eq_ignore_ascii_case(kind));
    if !actors.our_user_id.is_empty() && head.text(id) == actors.our_user_id {
        return Some(Actor::Us);
    }
    match head.text(kind).as_str() {
        kind if is(&actors.api_words, kind) => Some(Actor::ApiUser),
        kind if is(&actors.staff_words, kind) => Some(Actor::Staff),
        kind if is(&actors.buyer_words, kind) => Some(Actor::Buyer),
        _ => None,
    }
}

fn order(head: &Object<'_>, raw: &RawValue, id: &str, status: &str, fields: &Fields) -> Result<Order, Vec<Problem>> {
    let mut problems = Problems::default();
    let p = &mut problems;
    let placed_at = head.need_instant(&fields.created_at, p);
    let paid_at = head.instant(&fields.paid_at, p).map(|(instant, _)| instant);
    let payment_state = payment_state(head, fields, paid_at.is_some());
    let totals = Totals {
        net: head.decimal(&fields.total_net, p),
        tax: head.decimal(&fields.tax, p),
        gross: head.need_decimal(&fields.total, p),
        shipping: head.decimal(&fields.shipping_amount, p),
        discount: head.decimal(&fields.discount, p),
        extra: Vec::new(),
    };
    let mut lines = lines(head, fields, p);
    lines.extend(shipping_line(head, fields, &totals, p));
    if fields.discount_is_line {
        lines.extend(discount_line(&totals));
    }
    let order = Order {
        shop_order_id: id.to_owned(),
        order_number: head.some_text(&fields.number).unwrap_or_else(|| id.to_owned()),
        source: super::KIND.to_owned(),
        channel: head.text(&fields.channel),
        location: head.text(&fields.location),
        status: status.to_owned(),
        placed_at,
        modified_at: head.instant(&fields.updated_at, p).map(|(instant, _)| instant),
        payments: payments(head, fields, payment_state, paid_at.clone(), &totals),
        paid_at,
        payment_state,
        currency: currency(head, fields, p),
        prices_include_tax: head.yes(&fields.prices_include_tax),
        buyer: buyer(head, fields),
        billing_address: head
            .object(&fields.billing_address, p)
            .map(|address| self::address(&address, &fields.address)),
        delivery_addresses: head
            .object(&fields.shipping_address, p)
            .map(|address| self::address(&address, &fields.address))
            .into_iter()
            .collect(),
        lines,
        totals,
        buyer_reference: head.text(&fields.po_reference),
        buyer_note: head.text(&fields.note),
        staff_note: head.text(&fields.staff_note),
        custom_fields: custom_fields(head, fields),
        raw_json: raw.get().to_owned(),
        extra: Vec::new(),
    };
    problems.finish(order)
}

fn currency(head: &Object<'_>, fields: &Fields, problems: &mut Problems) -> String {
    if head.some_text(&fields.currency).is_none() && !fields.default_currency.is_empty() {
        return fields.default_currency.clone();
    }
    head.need_currency(&fields.currency, problems)
}

fn payment_state(head: &Object<'_>, fields: &Fields, has_paid_at: bool) -> PaymentState {
    let word = head.text(&fields.payment_status);
    match fields.payment_words.iter().find(|(known, _)| known.eq_ignore_ascii_case(word.trim())) {
        Some((_, state)) => *state,
        None if has_paid_at => PaymentState::Paid,
        None => PaymentState::Unknown,
    }
}

fn payments(
    head: &Object<'_>,
    fields: &Fields,
    state: PaymentState,
    paid_at: Option<Instant>,
    totals: &Totals,
) -> Vec<Payment> {
    let Some(method) = head.some_text(&fields.payment_method) else { return Vec::new() };
    vec![Payment {
        title: method.clone(),
        method,
        reference: head.text(&fields.payment_reference),
        amount: (state == PaymentState::Paid).then(|| totals.gross.clone()),
        state,
        paid_at,
        extra: Vec::new(),
    }]
}

fn buyer(head: &Object<'_>, fields: &Fields) -> Buyer {
    Buyer {
        customer_id: head.some_text(&fields.customer_id),
        account_code: head.some_text(&fields.account_code),
        company: head.text(&fields.customer_company),
        first_name: String::new(),
        last_name: head.text(&fields.customer_name),
        email: head.text(&fields.customer_email),
        phone: head.text(&fields.customer_phone),
        tax_number: head.some_text(&fields.customer_tax_number),
        extra: Vec::new(),
    }
}

fn address(from: &Object<'_>, fields: &AddressFields) -> Address {
    let (country, country_name) = country(from.text(&fields.country));
    let last_name = from.some_text(&fields.last_name).unwrap_or_else(|| from.text(&fields.name));
    Address {
        code: from.some_text(&fields.code),
        company: from.text(&fields.company),
        first_name: from.text(&fields.first_name),
        last_name,
        street: [&fields.street_1, &fields.street_2, &fields.street_3]
            .into_iter()
            .filter_map(|path| from.some_text(path))
            .collect(),
        city: from.text(&fields.city),
        region: from.text(&fields.region),
        postal_code: from.text(&fields.postal_code),
        country,
        phone: from.text(&fields.phone),
        email: from.text(&fields.email),
        extra: country_name.into_iter().collect(),
    }
}

fn lines(head: &Object<'_>, fields: &Fields, problems: &mut Problems) -> Vec<Line> {
    if head.at(&fields.lines).is_none() {
        problems.add(&fields.lines, "is missing, expected the list of lines");
    }
    let objects = head.objects(&fields.lines, problems);
    objects.iter().enumerate().map(|(index, object)| line(object, index, &fields.line, problems)).collect()
}

fn line(from: &Object<'_>, index: usize, fields: &LineFields, p: &mut Problems) -> Line {
    let options =
        from.objects(&fields.options, p).iter().map(|option| (option.text("name"), option.text("value"))).collect();
    Line {
        id: from.some_text(&fields.id).unwrap_or_else(|| format!("line-{}", index + 1)),
        kind: LineKind::Product,
        sku: from.some_text(&fields.sku),
        description: from.text(&fields.description),
        quantity: from.need_decimal(&fields.quantity, p),
        unit: from.some_text(&fields.unit),
        unit_price_net: from.decimal(&fields.unit_price_net, p),
        unit_price_gross: from.decimal(&fields.unit_price_gross, p),
        discount: from.decimal(&fields.discount, p),
        tax_rate: from.decimal(&fields.tax_rate, p),
        tax_amount: from.decimal(&fields.tax_amount, p),
        tax_code: from.some_text(&fields.tax_code),
        total_net: from.decimal(&fields.total_net, p),
        total_gross: from.decimal(&fields.total_gross, p),
        options,
        note: from.text(&fields.note),
        ..Line::default()
    }
}

/// Delivery is a line too, where it costs something or a method is named.
fn shipping_line(head: &Object<'_>, fields: &Fields, totals: &Totals, p: &mut Problems) -> Option<Line> {
    let method = head.some_text(&fields.shipping_method);
    let amount = totals.shipping.clone();
    if method.is_none() && amount.as_ref().is_none_or(is_zero) {
        return None;
    }
    Some(Line {
        id: "shipping".to_owned(),
        kind: LineKind::Shipping,
        description: head.some_text(&fields.shipping_name).or_else(|| method.clone()).unwrap_or_default(),
        sku: method,
        quantity: Decimal::trusted("1".to_owned()),
        unit_price_net: amount.clone(),
        total_net: amount,
        tax_amount: head.decimal(&fields.shipping_tax, p),
        ..Line::default()
    })
}

/// A reduction of the whole order is a line with a negative amount.
fn discount_line(totals: &Totals) -> Option<Line> {
    let amount = totals.discount.as_ref().filter(|amount| !is_zero(amount))?;
    let negative = Decimal::trusted(match amount.as_str().strip_prefix('-') {
        Some(_) => amount.as_str().to_owned(),
        None => format!("-{amount}"),
    });
    Some(Line {
        id: "discount".to_owned(),
        kind: LineKind::Discount,
        quantity: Decimal::trusted("1".to_owned()),
        unit_price_net: Some(negative.clone()),
        total_net: Some(negative),
        ..Line::default()
    })
}

fn is_zero(amount: &Decimal) -> bool {
    amount.as_str().bytes().all(|byte| matches!(byte, b'0' | b'.' | b'-'))
}

fn custom_fields(head: &Object<'_>, fields: &Fields) -> Vec<Pair> {
    let Some(raw) = head.at(&fields.custom_fields) else { return Vec::new() };
    json::Fields::of(raw).map(|own| own.texts()).unwrap_or_default()
}

#[cfg(test)]
mod tests;
