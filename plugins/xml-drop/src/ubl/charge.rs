//! Which of the order's lines are order lines in UBL, and what becomes of the others: shipping, fees, surcharges and
//! discounts are charges and allowances of the document, a rounding is part of the totals, a comment is a note.

use orderdock_plugin::{Decimal, Line, LineKind, Number, Order, Place};

use super::{amount, line};
use crate::Settings;
use crate::element::Element;
use crate::plain;

/// The order's lines by what they become; each with its index.
#[derive(Debug, Default)]
pub struct Parts<'a> {
    /// Order lines.
    pub goods: Vec<(usize, &'a Line)>,
    /// Charges and allowances.
    pub charges: Vec<(usize, &'a Line)>,
    /// Roundings.
    pub roundings: Vec<&'a Line>,
}

impl<'a> Parts<'a> {
    /// Sorts the lines.
    #[must_use]
    pub fn of(order: &'a Order, settings: &Settings) -> Self {
        let mut parts = Self::default();
        for (index, line) in order.lines.iter().enumerate() {
            match line.kind {
                LineKind::Comment => {}
                LineKind::Rounding => parts.roundings.push(line),
                LineKind::Shipping | LineKind::Discount | LineKind::Fee | LineKind::Surcharge
                    if !settings.charges_as_lines =>
                {
                    parts.charges.push((index, line));
                }
                _ => parts.goods.push((index, line)),
            }
        }
        parts
    }
}

/// The line's amount: without tax where the shop tells, else with tax, else nothing.
fn value(line: &Line) -> &str {
    line.total_net.as_ref().or(line.total_gross.as_ref()).map_or("0", Decimal::as_str)
}

/// An amount without its sign, and whether the sign was minus.
pub fn split(amount: &str) -> (&str, bool) {
    amount.strip_prefix('-').map_or((amount, false), |amount| (amount, true))
}

/// The document's charges and allowances. The sign decides which: UBL's amounts have none.
pub fn charges(order: &Order, parts: &Parts<'_>, settings: &Settings, out: &mut Element) {
    for (index, charge) in &parts.charges {
        if charge.total_net.is_none() {
            let what = match charge.total_gross {
                Some(_) => "the shop tells no amount without tax, so that with tax was written, for",
                None => "the shop tells no amount, so 0 was written, for",
            };
            out.report.at(what, Place::line(*index, plain::kind(charge.kind)));
        }
        let (unsigned, negative) = split(value(charge));
        let reason = if charge.description.trim().is_empty() { plain::kind(charge.kind) } else { &charge.description };
        out.group("cac:AllowanceCharge", &[], |out| {
            out.text("cbc:ID", &charge.id);
            out.text("cbc:ChargeIndicator", if negative { "false" } else { "true" });
            out.optional("cbc:AllowanceChargeReasonCode", charge.sku.as_deref());
            out.text("cbc:AllowanceChargeReason", reason);
            amount("cbc:Amount", &order.currency, Some(unsigned), out);
            line::tax_category("cac:TaxCategory", charge, settings, out);
        });
    }
}

/// The document's totals: those that the shop states, and sums over what was written where a sum is possible.
pub fn totals(order: &Order, parts: &Parts<'_>, out: &mut Element) {
    let sum = |values: &mut dyn Iterator<Item = Option<&str>>| -> Option<String> {
        let numbers: Option<Vec<Number>> = values.map(|value| value?.parse().ok()).collect();
        Some(Number::sum(numbers.filter(|numbers| !numbers.is_empty())?).ok()?.to_string())
    };
    let signed = |negative: bool| {
        let mut amounts = parts
            .charges
            .iter()
            .map(|(_, line)| split(value(line)))
            .filter(|(_, minus)| *minus == negative)
            .map(|(unsigned, _)| Some(unsigned))
            .collect::<Vec<_>>()
            .into_iter();
        sum(&mut amounts)
    };
    let lines = sum(&mut parts.goods.iter().map(|(_, line)| line.total_net.as_ref().map(Decimal::as_str)));
    let rounding = sum(&mut parts.roundings.iter().map(|line| Some(value(line))));
    let totals = &order.totals;
    out.group("cac:AnticipatedMonetaryTotal", &[], |out| {
        let currency = order.currency.as_str();
        amount("cbc:LineExtensionAmount", currency, lines.as_deref(), out);
        amount("cbc:TaxExclusiveAmount", currency, totals.net.as_ref().map(Decimal::as_str), out);
        amount("cbc:TaxInclusiveAmount", currency, Some(totals.gross.as_str()), out);
        amount("cbc:AllowanceTotalAmount", currency, signed(true).as_deref(), out);
        amount("cbc:ChargeTotalAmount", currency, signed(false).as_deref(), out);
        amount("cbc:PayableRoundingAmount", currency, rounding.as_deref(), out);
        amount("cbc:PayableAmount", currency, Some(totals.gross.as_str()), out);
    });
}
