//! Orders of awkward shape: too much, too little, or in contradiction.

use super::{Awkward, address, decimal, everyday, instant, line};
use crate::domain::{Buyer, LineKind, Order, PaymentState};

/// Lines of the orders by which the price of a line is told.
pub(in crate::plugin) const MANY: usize = 1_000;

/// The name of the order with [`MANY`] lines.
pub(in crate::plugin) const MANY_LINES: &str = "1,000 lines";

/// All of them.
pub(super) fn orders() -> Vec<Awkward> {
    let mut all = lines();
    all.extend(parts());
    all.extend(times());
    all
}

fn lines() -> Vec<Awkward> {
    let mut all: Vec<_> = [("no lines", 0), ("one line", 1), ("60 lines", 60), (MANY_LINES, MANY)]
        .into_iter()
        .map(|(name, count)| Awkward { name: name.to_owned(), order: everyday(count) })
        .collect();
    all.push(Awkward::of("300 lines with long notes", |order| {
        *order = everyday(300);
        for line in &mut order.lines {
            line.note = "Engraving: ".repeat(100);
        }
    }));
    for kind in [
        LineKind::Shipping,
        LineKind::Discount,
        LineKind::Fee,
        LineKind::Surcharge,
        LineKind::Gift,
        LineKind::Comment,
        LineKind::Rounding,
        LineKind::Other,
    ] {
        all.push(Awkward::of(format!("a line of kind {kind:?}"), |order| {
            order.lines.push(crate::domain::Line { kind, quantity: decimal("1"), ..line(9) });
        }));
        all.push(Awkward::of(format!("only lines of kind {kind:?}, without code and price"), |order| {
            for line in &mut order.lines {
                let id = std::mem::take(&mut line.id);
                *line = crate::domain::Line { id, kind, quantity: decimal("1"), ..crate::domain::Line::default() };
            }
        }));
    }
    let mut add = |name: &str, change: fn(&mut Order)| all.push(Awkward::of(name, change));
    add("the same article twice", |order| {
        if let Some(first) = order.lines.first().cloned() {
            order.lines.push(crate::domain::Line { id: "again".to_owned(), ..first });
        }
    });
    add("two lines with one id", |order| order.lines.iter_mut().for_each(|line| "1".clone_into(&mut line.id)));
    add("lines without ids", |order| order.lines.iter_mut().for_each(|line| line.id.clear()));
    add("lines without articles", |order| order.lines.iter_mut().for_each(|line| line.sku = None));
    add("a bundle", |order| order.lines.iter_mut().skip(1).for_each(|line| line.parent = Some(0)));
    add("a line that belongs to a line that is not there", |order| {
        order.lines.iter_mut().for_each(|line| line.parent = Some(u32::MAX));
    });
    add("a line that belongs to itself", |order| {
        for (index, line) in order.lines.iter_mut().enumerate() {
            line.parent = u32::try_from(index).ok();
        }
    });
    add("200 options on a line", |order| {
        for line in &mut order.lines {
            line.options = (0..200).map(|n| (format!("option {}", n % 7), n.to_string())).collect();
        }
    });
    all
}

fn parts() -> Vec<Awkward> {
    let mut all = Vec::new();
    let mut add = |name: &str, change: fn(&mut Order)| all.push(Awkward::of(name, change));
    add("no addresses", |order| {
        order.billing_address = None;
        order.delivery_addresses.clear();
    });
    add("no billing address", |order| order.billing_address = None);
    add("no delivery address", |order| order.delivery_addresses.clear());
    add("empty addresses", |order| {
        order.billing_address = Some(crate::domain::Address::default());
        order.delivery_addresses = vec![crate::domain::Address::default()];
    });
    add("20 delivery addresses", |order| {
        order.delivery_addresses = (0..20).map(|_| address()).collect();
        for (index, line) in order.lines.iter_mut().enumerate() {
            line.delivery_address = u32::try_from(19 - index).ok();
        }
    });
    add("a line for a delivery address that is not there", |order| {
        order.lines.iter_mut().for_each(|line| line.delivery_address = Some(77));
    });
    add("50 street lines", |order| {
        for address in order.billing_address.iter_mut().chain(&mut order.delivery_addresses) {
            address.street = (0..50).map(|n| format!("Building {n}")).collect();
        }
    });
    add("a guest without a name", |order| order.buyer = Buyer::default());
    add("no payments", |order| order.payments.clear());
    add("30 payments", |order| {
        if let Some(first) = order.payments.first().cloned() {
            order.payments = vec![first; 30];
        }
    });
    add("unpaid", |order| order.payment_state = PaymentState::Unpaid);
    add("partly paid", |order| order.payment_state = PaymentState::PartlyPaid);
    add("refunded", |order| order.payment_state = PaymentState::Refunded);
    add("a payment state that the shop does not tell", |order| order.payment_state = PaymentState::Unknown);
    add("an unknown currency", |order| "XXX".clone_into(&mut order.currency));
    add("a currency without cents", |order| "JPY".clone_into(&mut order.currency));
    add("a currency of three decimals", |order| "KWD".clone_into(&mut order.currency));
    add("500 fields of the shop's own", |order| {
        order.custom_fields = (0..500).map(|n| (format!("field_{n}"), "x".repeat(100))).collect();
    });
    add("one field of the shop's own 50 times", |order| {
        order.custom_fields = vec![("field".to_owned(), "value".to_owned()); 50];
    });
    add("the shop's own text missing", |order| order.raw_json.clear());
    add("the shop's own text cut off", |order| order.raw_json.truncate(order.raw_json.len() / 2));
    add("the shop's own text of 2 MB", |order| {
        order.raw_json = format!("{{\"pad\":\"{}\"}}", "x".repeat(2_000_000));
    });
    add("the shop's own text nested 2,000 deep", |order| {
        order.raw_json = format!("{}1{}", "[".repeat(2_000), "]".repeat(2_000));
    });
    add("the shop's own text with amounts of 30 digits", |order| {
        order.raw_json = "{\"total\": 123456789012345678901234567890.12, \"tax\": -1e400}".to_owned();
    });
    add("names in `extra` that nobody knows", |order| {
        order.extra = vec![("colour".to_owned(), "blue".to_owned())];
        order.totals.extra = vec![("colour".to_owned(), "blue".to_owned())];
    });
    all
}

fn times() -> Vec<Awkward> {
    [
        ("placed before anything else", "1970-01-01T00:00:00Z"),
        ("placed in year one", "0001-01-01T00:00:00Z"),
        ("placed in the last second that can be written", "9999-12-31T23:59:59Z"),
        ("placed on a leap day, just before midnight", "2028-02-29T23:59:59.999999999Z"),
        ("placed in the hour that clocks skip", "2026-03-29T01:30:00Z"),
        ("placed in the hour that clocks repeat", "2026-10-25T00:30:00Z"),
    ]
    .into_iter()
    .map(|(name, text)| {
        Awkward::of(name, |order| {
            if let Some(at) = instant(text) {
                order.placed_at = at;
            }
            order.modified_at = None;
            order.paid_at = instant(text);
        })
    })
    .collect()
}
