//! Prices, reductions and amounts of lines, exact.

use orderdock_plugin::{Line, Number, Place, Rejection, Rounding};

use crate::settings::{LineDiscount, Price, Settings};
use crate::texts::{Texts, number, refused};

/// Numbers of one line, with the settings' choice of net or gross.
pub struct Amounts {
    /// How many.
    pub quantity: Number,
    unit: Option<Number>,
    total: Option<Number>,
    discount: Number,
    unit_field: &'static str,
}

/// A cent, or the like: smaller differences come from rounding and are nobody's news.
const CENT: &str = "0.01";

impl Amounts {
    /// Reads the line.
    ///
    /// # Errors
    /// When a number has too many digits.
    pub fn of(index: usize, line: &Line, settings: &Settings) -> Result<Self, Rejection> {
        let gross = settings.price == Price::Gross;
        let (unit_field, unit, total) = if gross {
            ("unit_price_gross", &line.unit_price_gross, &line.total_gross)
        } else {
            ("unit_price_net", &line.unit_price_net, &line.total_net)
        };
        let read = |field: &'static str, decimal: &Option<_>| {
            decimal.as_ref().map(|decimal| number(Place::line(index, field), decimal)).transpose()
        };
        Ok(Self {
            quantity: number(Place::line(index, "quantity"), &line.quantity)?,
            unit: read(unit_field, unit)?,
            total: read(if gross { "total_gross" } else { "total_net" }, total)?,
            discount: read("discount", &line.discount)?.unwrap_or_default(),
            unit_field,
        })
    }

    /// The line's reduction for the field `discountamt`; none where there is none or the price has it.
    ///
    /// # Errors
    /// With prices that include tax: the shop's reductions do not.
    pub fn discount(&self, index: usize, settings: &Settings) -> Result<Option<Number>, Rejection> {
        if self.discount.is_zero() || settings.line_discount == LineDiscount::InPrice || settings.price == Price::None {
            return Ok(None);
        }
        if settings.price == Price::Gross {
            let text = "line discounts are without tax and prices with it: set `line_discount = \"in-price\"`";
            return Err(Rejection::settings(text).field(format!("lines[{index}].discount")));
        }
        Ok(Some(self.discount))
    }

    /// The price of one.
    ///
    /// # Errors
    /// When the shop tells neither price nor total.
    pub fn price(&self, index: usize, settings: &Settings, texts: &mut Texts<'_>) -> Result<Number, Rejection> {
        let folded = settings.line_discount == LineDiscount::InPrice && !self.discount.is_zero();
        if let Some(unit) = self.unit.filter(|_| !folded) {
            self.compare(index, unit, texts)?;
            return Ok(unit);
        }
        let place = Place::line(index, self.unit_field);
        let Some(total) = self.total.filter(|_| !self.quantity.is_zero()) else {
            return Err(refused(place, "the shop gives neither a price nor a total for the line"));
        };
        // The discount stands in a field of its own, so the price is the one before it.
        let before = if folded || settings.price == Price::Gross { total } else { total.add(self.discount)? };
        let price = before.div(self.quantity)?;
        if !price.needs_rounding(settings.price_decimals) {
            return Ok(price);
        }
        let rounded = price.round(settings.price_decimals, Rounding::HalfUp);
        texts.report.at(format!("computed the price and rounded it to {} decimals:", settings.price_decimals), place);
        Ok(rounded)
    }

    /// Attaché computes its own totals; staff should know when they will differ from the shop's.
    fn compare(&self, index: usize, unit: Number, texts: &mut Texts<'_>) -> Result<(), Rejection> {
        let Some(total) = self.total else { return Ok(()) };
        // Reductions are without tax, so a gross total can't be compared.
        if self.unit_field != "unit_price_net" && !self.discount.is_zero() {
            return Ok(());
        }
        let makes = unit.mul(self.quantity)?.sub(self.discount)?;
        if makes.sub(total)?.abs() >= CENT.parse()? {
            texts.report.note(format!(
                "line {}: quantity × price less discount makes {}, the shop's total is {total}",
                index.saturating_add(1),
                makes.shortest()
            ));
        }
        Ok(())
    }

    /// The amount of the whole line, for shipping and the like.
    ///
    /// # Errors
    /// When the shop tells neither total nor price.
    pub fn amount(&self, index: usize) -> Result<Number, Rejection> {
        match (self.total, self.unit) {
            (Some(total), _) => Ok(total),
            (None, Some(unit)) => Ok(unit.mul(self.quantity)?.sub(self.discount)?),
            (None, None) => Err(refused(
                Place::line(index, self.unit_field),
                "the shop gives neither a price nor a total for the line",
            )),
        }
    }
}
