//! The price of one without tax, which UBL wants and shops with gross prices do not tell.

use orderdock_plugin::number::NumberError;
use orderdock_plugin::{Line, Number, Rounding};

/// Places of a price that had to be worked out.
const PLACES: u32 = 4;

/// A price of one without tax.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Price {
    /// The amount.
    pub amount: String,
    /// Whether it had to be worked out and lost digits.
    pub rounded: bool,
}

/// The price of one without tax, before the line's discount, in this order: as the shop tells; from the line's total
/// without tax; from the price with tax and the rate. None where nothing of that is there.
#[must_use]
pub fn net(line: &Line) -> Option<Price> {
    line.unit_price_net
        .as_ref()
        .map(|price| Price { amount: price.as_str().to_owned(), rounded: false })
        .or_else(|| from_total(line).ok().flatten())
        .or_else(|| from_gross(line).ok().flatten())
}

fn from_total(line: &Line) -> Result<Option<Price>, NumberError> {
    let Some(total) = Number::of_option(line.total_net.as_ref())? else { return Ok(None) };
    let discount = Number::of_option(line.discount.as_ref())?.unwrap_or(Number::ZERO);
    let quantity = Number::of(&line.quantity)?;
    if quantity.is_zero() {
        return Ok(None);
    }
    Ok(Some(worked_out(total.add(discount)?.div(quantity)?)))
}

fn from_gross(line: &Line) -> Result<Option<Price>, NumberError> {
    let (Some(gross), Some(rate)) = (&line.unit_price_gross, &line.tax_rate) else { return Ok(None) };
    let whole = Number::HUNDRED.add(Number::of(rate)?)?;
    if whole.is_zero() {
        return Ok(None);
    }
    Ok(Some(worked_out(Number::of(gross)?.mul(Number::HUNDRED)?.div(whole)?)))
}

fn worked_out(price: Number) -> Price {
    Price { amount: price.round(PLACES, Rounding::HalfUp).to_string(), rounded: price.needs_rounding(PLACES) }
}

#[cfg(test)]
mod tests {
    use orderdock_plugin::Decimal;

    use super::*;

    fn line(quantity: &str, net: &str, gross: &str, total: &str, discount: &str, rate: &str) -> Option<String> {
        let decimal = |text: &str| (!text.is_empty()).then(|| Decimal::new(text).unwrap());
        super::net(&Line {
            quantity: Decimal::new(quantity).unwrap(),
            unit_price_net: decimal(net),
            unit_price_gross: decimal(gross),
            total_net: decimal(total),
            discount: decimal(discount),
            tax_rate: decimal(rate),
            ..Line::default()
        })
        .map(|price| price.amount)
    }

    #[test]
    fn told_then_from_the_total_then_from_the_gross_price() {
        assert_eq!(line("3", "8.320", "9.90", "1", "", "19").as_deref(), Some("8.320"));
        assert_eq!(line("3", "", "9.90", "22.46", "2.50", "19").as_deref(), Some("8.32"));
        assert_eq!(line("3", "", "9.90", "", "", "19").as_deref(), Some("8.3193"));
        assert_eq!(line("0", "", "9.90", "0", "", "19").as_deref(), Some("8.3193"));
        assert_eq!(line("0", "", "9.90", "0", "", ""), None);
        assert_eq!(line("1", "", "9.90", "", "", "-100"), None);
    }
}
