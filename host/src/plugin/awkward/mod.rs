//! The awkward orders and answers that every plugin meets sooner or later, made by rule: the same on every machine and in
//! every run, each with a name that says what is awkward about it.
//!
//! An order may be awkward in any way that the contract lets through: texts of any characters and length, decimals of up to
//! 28 digits and any sign, any number of lines, anything optional missing, anything contradicting anything else.

mod amounts;
mod answers;
mod shapes;
mod texts;

use crate::domain::{Address, Buyer, Decimal, Instant, Line, LineKind, Order, Payment, PaymentState, Totals};

pub use answers::answers;
pub(super) use shapes::{MANY, MANY_LINES};

/// When the orders are placed and mapped.
pub const WHEN: &str = "2026-01-02T03:04:05Z";

/// An order and what is awkward about it.
#[derive(Clone, Debug)]
pub struct Awkward {
    /// What is awkward, in a few words.
    pub name: String,
    /// The order.
    pub order: Order,
}

impl Awkward {
    fn of(name: impl Into<String>, change: impl FnOnce(&mut Order)) -> Self {
        let mut order = everyday(3);
        let served = order.raw_json.clone();
        change(&mut order);
        if order.raw_json == served {
            // What is awkward in the order is so in the text that it was read from.
            order.raw_json = String::new();
            order.raw_json = serde_json::to_string(&order).unwrap_or_default();
        }
        Self { name: name.into(), order }
    }
}

/// All of them: the everyday order first, which any plugin should deliver.
#[must_use]
pub fn orders() -> Vec<Awkward> {
    let mut all = vec![Awkward { name: "an everyday order".to_owned(), order: everyday(3) }];
    all.extend(texts::orders());
    all.extend(amounts::orders());
    all.extend(shapes::orders());
    all
}

/// A decimal of the contract; the rule's own tests see to it that each is one.
fn decimal(text: &str) -> Decimal {
    Decimal::new(text).unwrap_or_default()
}

fn instant(text: &str) -> Option<Instant> {
    Instant::new(text).ok()
}

/// An address as most are.
fn address() -> Address {
    Address {
        company: "Example Ltd".to_owned(),
        first_name: "Anna".to_owned(),
        last_name: "Example".to_owned(),
        street: vec!["High Street 1".to_owned()],
        city: "London".to_owned(),
        postal_code: "N1 9GU".to_owned(),
        country: "GB".to_owned(),
        phone: "+44 20 7946 0000".to_owned(),
        email: "anna@example.test".to_owned(),
        ..Address::default()
    }
}

fn line(number: usize) -> Line {
    Line {
        id: number.to_string(),
        kind: LineKind::Product,
        sku: Some(format!("A-{number}")),
        description: format!("Chair {number}"),
        quantity: decimal("2"),
        unit: Some("each".to_owned()),
        unit_price_net: Some(decimal("10.00")),
        unit_price_gross: Some(decimal("11.90")),
        tax_rate: Some(decimal("19")),
        tax_amount: Some(decimal("3.80")),
        total_net: Some(decimal("20.00")),
        total_gross: Some(decimal("23.80")),
        ..Line::default()
    }
}

/// An order with nothing awkward about it and so many lines.
#[must_use]
pub fn everyday(lines: usize) -> Order {
    let cents = |each: u64| {
        let all = each.saturating_mul(u64::try_from(lines).unwrap_or(u64::MAX));
        decimal(&format!("{}.{:02}", all / 100, all % 100))
    };
    let mut order = Order {
        shop_order_id: "70001".to_owned(),
        order_number: "WEB-70001".to_owned(),
        source: "admission".to_owned(),
        channel: String::new(),
        location: String::new(),
        status: "new".to_owned(),
        placed_at: Instant::trusted(WHEN.to_owned()),
        modified_at: instant(WHEN),
        paid_at: instant(WHEN),
        payment_state: PaymentState::Paid,
        currency: "EUR".to_owned(),
        prices_include_tax: false,
        buyer: Buyer {
            customer_id: Some("77".to_owned()),
            account_code: Some("C77".to_owned()),
            company: "Example Ltd".to_owned(),
            first_name: "Anna".to_owned(),
            last_name: "Example".to_owned(),
            email: "anna@example.test".to_owned(),
            phone: "+44 20 7946 0000".to_owned(),
            ..Buyer::default()
        },
        billing_address: Some(address()),
        delivery_addresses: vec![address()],
        lines: (1..=lines).map(line).collect(),
        payments: vec![Payment {
            method: "card".to_owned(),
            title: "Card".to_owned(),
            reference: "pay_1".to_owned(),
            amount: Some(cents(2380)),
            state: PaymentState::Paid,
            paid_at: instant(WHEN),
            ..Payment::default()
        }],
        totals: Totals { net: Some(cents(2000)), tax: Some(cents(380)), gross: cents(2380), ..Totals::default() },
        buyer_reference: "PO-77".to_owned(),
        buyer_note: String::new(),
        staff_note: String::new(),
        custom_fields: Vec::new(),
        raw_json: String::new(),
        extra: Vec::new(),
    };
    // As a shop serves it: of about the same content.
    order.raw_json = serde_json::to_string(&order).unwrap_or_default();
    order
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn there_are_a_few_hundred_each_with_a_name_of_its_own() {
        let all = orders();
        assert!((250..=600).contains(&all.len()), "{}", all.len());
        let names: HashSet<_> = all.iter().map(|one| one.name.as_str()).collect();
        assert_eq!(names.len(), all.len());
    }

    #[test]
    fn they_are_the_same_each_time_and_all_differ() {
        let texts: Vec<_> = orders().iter().map(|one| serde_json::to_string(&one.order).unwrap()).collect();
        let again: Vec<_> = orders().iter().map(|one| serde_json::to_string(&one.order).unwrap()).collect();
        assert_eq!(texts, again);
        assert_eq!(texts.iter().collect::<HashSet<_>>().len(), texts.len());
    }

    #[test]
    fn a_shop_could_hand_over_each_of_them() {
        for one in orders() {
            let text = serde_json::to_string(&one.order).unwrap();
            let read: Order = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", one.name));
            assert_eq!(read, one.order, "{}", one.name);
        }
    }
}
