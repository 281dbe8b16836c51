//! Awkward amounts and quantities.

use super::{Awkward, decimal};
use crate::domain::{Decimal, Order};

/// Decimals that the contract lets through, as awkward as they get.
const AMOUNTS: [&str; 11] = [
    "0",
    "-0",
    "0.00",
    "-1.00",
    "-99999.99",
    "0.005",
    "0.0000000000000000000000000001",
    "9999999999999999999999999999",
    "-9999999999999999999999999999",
    "12345678901234567890.12345678",
    "1.0000000000",
];

/// Puts one into an order.
type Puts = fn(&mut Order, &Decimal);

/// Where an amount may be.
const PLACES: [(&str, Puts); 5] = [
    ("quantities", |order, amount| {
        for line in &mut order.lines {
            line.quantity = amount.clone();
        }
    }),
    ("unit prices", |order, amount| {
        for line in &mut order.lines {
            line.unit_price_net = Some(amount.clone());
            line.unit_price_gross = Some(amount.clone());
        }
    }),
    ("discounts and taxes", |order, amount| {
        for line in &mut order.lines {
            line.discount = Some(amount.clone());
            line.tax_rate = Some(amount.clone());
            line.tax_amount = Some(amount.clone());
        }
    }),
    ("line totals", |order, amount| {
        for line in &mut order.lines {
            line.total_net = Some(amount.clone());
            line.total_gross = Some(amount.clone());
        }
    }),
    ("totals and payments", |order, amount| {
        let totals = &mut order.totals;
        totals.gross = amount.clone();
        for field in [&mut totals.net, &mut totals.tax, &mut totals.shipping, &mut totals.discount] {
            *field = Some(amount.clone());
        }
        for payment in &mut order.payments {
            payment.amount = Some(amount.clone());
        }
    }),
];

/// Each amount in each place, and what contradicts.
pub(super) fn orders() -> Vec<Awkward> {
    let mut all: Vec<_> = PLACES
        .iter()
        .flat_map(|(place, put)| {
            AMOUNTS
                .iter()
                .map(move |amount| Awkward::of(format!("{place} of {amount}"), |order| put(order, &decimal(amount))))
        })
        .collect();
    all.push(Awkward::of("totals that do not add up", |order| {
        order.totals.gross = decimal("1.00");
        order.totals.net = Some(decimal("500.00"));
    }));
    all.push(Awkward::of("a tax rate that does not fit the tax", |order| {
        for line in &mut order.lines {
            line.tax_rate = Some(decimal("7.7"));
        }
    }));
    all.push(Awkward::of("a discount larger than the line", |order| {
        for line in &mut order.lines {
            line.discount = Some(decimal("1000"));
        }
    }));
    all.push(Awkward::of("prices that include tax, given without it", |order| {
        order.prices_include_tax = true;
        for line in &mut order.lines {
            line.unit_price_gross = None;
        }
    }));
    all.push(Awkward::of("no amount but the total", |order| {
        order.totals.net = None;
        order.totals.tax = None;
        for line in &mut order.lines {
            line.unit_price_net = None;
            line.unit_price_gross = None;
            line.tax_rate = None;
            line.tax_amount = None;
            line.total_net = None;
            line.total_gross = None;
        }
    }));
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_amount_is_one_that_the_contract_lets_through() {
        for amount in AMOUNTS {
            assert!(Decimal::new(amount).is_ok(), "{amount}");
        }
    }
}
