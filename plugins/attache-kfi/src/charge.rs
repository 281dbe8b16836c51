//! Lines that are no products: shipping, fees, surcharges, discounts, rounding.

use orderdock_plugin::{Line, LineKind, Place, Rejection, tables};

use crate::settings::{Charge, Settings};
use crate::texts::Texts;

/// The look-up table asked for a code by the line's SKU.
pub const TABLE: &str = "charges";

/// The setting for this kind of line, with its name; none for products and comments.
#[must_use]
pub fn of(kind: LineKind, settings: &Settings) -> Option<(&'static str, &Charge)> {
    let name = match kind {
        LineKind::Product | LineKind::Comment => return None,
        LineKind::Shipping => "shipping",
        LineKind::Discount => "discount",
        LineKind::Fee => "fee",
        LineKind::Surcharge => "surcharge",
        LineKind::Gift => "gift",
        LineKind::Rounding => "rounding",
        LineKind::Other => "other",
    };
    settings.line_kind.all().into_iter().find(|(known, _)| *known == name)
}

/// The code from the look-up table by the line's SKU, else from the setting; none if there is neither.
///
/// # Errors
/// When the code can't be written.
pub fn known_code(
    line: &Line,
    (kind, charge): (&str, &Charge),
    field: &str,
    texts: &mut Texts<'_>,
) -> Result<Option<String>, Rejection> {
    let sku = line.sku.as_deref().map(str::trim).filter(|sku| !sku.is_empty());
    if let Some((sku, code)) = sku.and_then(|sku| Some((sku, tables::find(TABLE, sku)?))) {
        return texts.known_code(field, &format!("look-up table `{TABLE}`, entry `{sku}`"), &code).map(Some);
    }
    let Some(code) = &charge.code else { return Ok(None) };
    texts.known_code(field, &format!("setting `line_kind.{kind}.code`"), code).map(Some)
}

/// Says that the administrator has to set a code first.
#[must_use]
pub fn without_code(index: usize, line: &Line, kind: &str) -> Rejection {
    let place = Place::line(index, "sku");
    let by_table =
        line.sku.as_ref().map_or(String::new(), |sku| format!(", or add `{sku}` to look-up table `{TABLE}`"));
    Rejection::settings(format!(
        "line {} ({kind}) needs a code in Attaché: set `line_kind.{kind}.code`{by_table}",
        index.saturating_add(1)
    ))
    .field(place.path().unwrap_or_default())
}
