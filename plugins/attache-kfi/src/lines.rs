//! The lines: products, and what carries shipping, fees, discounts and texts.

use orderdock_plugin::{Line as OrderLine, LineKind, Number, Order, Place, Rejection, tables};

use crate::charge;
use crate::header::NOT_SENT;
use crate::price::Amounts;
use crate::record::{Field, Line, LineType, fields};
use crate::settings::{ChargeKind, OrderNote, Price, Section, Settings, Skus};
use crate::texts::{Texts, refused};

/// The look-up table that makes product codes of SKUs.
pub const SKUS: &str = "skus";

/// All lines, and the value of the header field `discount` where discounts go there.
///
/// # Errors
/// When a value can't be made, or no line is left to order.
pub fn of<'s>(
    order: &Order,
    settings: &'s Settings,
    texts: &mut Texts<'_>,
) -> Result<(Vec<Line<'s>>, Option<String>), Rejection> {
    let mut lines = Vec::with_capacity(order.lines.len());
    let mut in_header: Option<(usize, Number)> = None;
    for (index, line) in order.lines.iter().enumerate() {
        let mut maker = Maker { index, line, settings, texts };
        maker.report_extras();
        match charge::of(line.kind, settings) {
            None if line.kind == LineKind::Comment => {
                lines.extend(comment(settings, texts, Place::line(index, "description"), &line.description)?);
            }
            None => lines.push(maker.product(None)?),
            Some((kind, charge)) if charge.kind == ChargeKind::Productline => {
                let code = charge::known_code(line, (kind, charge), "productcode", maker.texts)?;
                lines.push(maker.product(code)?);
            }
            Some((kind, charge)) => {
                let amount = Amounts::of(index, line, settings)?.amount(index)?;
                // A gift without a price is still something to send.
                if amount.is_zero() && !matches!(line.kind, LineKind::Gift | LineKind::Other) {
                    texts.report.at("did not send, because its amount is zero:", Place::line(index, kind));
                    continue;
                }
                match charge.kind {
                    ChargeKind::Sundryline => lines.push(maker.sundry((kind, charge), amount)?),
                    ChargeKind::Serviceline => lines.push(maker.service((kind, charge), amount)?),
                    ChargeKind::HeaderDiscount => {
                        let sum = in_header.map_or(Number::ZERO, |(_, sum)| sum).sub(amount)?;
                        in_header = Some((index, sum));
                    }
                    ChargeKind::Drop | ChargeKind::Productline => {
                        texts.report.note(format!(
                            "line {} ({kind}, {amount}) was not sent, as `line_kind.{kind}.kind` says",
                            index.saturating_add(1)
                        ));
                    }
                    ChargeKind::Refuse => {
                        let text = format!("the order has a line of kind {kind}, which this connection does not take");
                        return Err(refused(Place::line(index, "kind"), &text));
                    }
                }
            }
        }
    }
    if !lines.iter().any(|line| matches!(line.kind, LineType::Of(_))) {
        return Err(Rejection::data("the order has no line that Attaché could take").field("lines"));
    }
    if settings.order_note == OrderNote::CommentLine {
        lines.extend(comment(settings, texts, Place::from("buyer note"), &order.buyer_note)?);
    }
    let discount = match in_header {
        Some((index, sum)) if sum.is_negative() => {
            return Err(refused(
                Place::line(index, "total_net"),
                "a discount that adds to the order can't go into its header",
            ));
        }
        Some((index, sum)) => Some(texts.computed("discount", Place::line(index, "total_net"), sum)?),
        None => None,
    };
    Ok((lines, discount))
}

fn comment<'s>(
    settings: &'s Settings,
    texts: &mut Texts<'_>,
    place: Place<'_>,
    text: &str,
) -> Result<Option<Line<'s>>, Rejection> {
    if text.trim().is_empty() {
        return Ok(None);
    }
    let Some(form) = &settings.comment_line else {
        texts.report.at(NOT_SENT, place);
        return Ok(None);
    };
    let value = texts.text(&form.field, place, text)?;
    let fields = vec![Field { name: &form.field, value }];
    Ok(Some(Line { kind: LineType::Comment, element: &form.element, fields }))
}

/// Makes one line.
struct Maker<'a, 's, 't> {
    index: usize,
    line: &'a OrderLine,
    settings: &'s Settings,
    texts: &'a mut Texts<'t>,
}

impl<'s> Maker<'_, 's, '_> {
    fn place(&self, field: &'static str) -> Place<'static> {
        Place::line(self.index, field)
    }

    fn report_extras(&mut self) {
        if !self.line.note.trim().is_empty() {
            self.texts.report.at(NOT_SENT, self.place("note"));
        }
        if !self.line.options.is_empty() {
            self.texts.report.at(NOT_SENT, self.place("options"));
        }
    }

    fn of_section(
        &mut self,
        section: Section,
        value: impl FnMut(&mut Self, &str) -> Result<Option<String>, Rejection>,
    ) -> Result<Line<'s>, Rejection> {
        let mut value = value;
        let fields = fields(self.settings, section, |name| value(self, name).map(Option::unwrap_or_default))?;
        Ok(Line { kind: LineType::Of(section), element: section.name(), fields })
    }

    fn product(&mut self, code: Option<String>) -> Result<Line<'s>, Rejection> {
        let amounts = Amounts::of(self.index, self.line, self.settings)?;
        if amounts.quantity.is_negative() || amounts.quantity.is_zero() {
            let text = format!("{} can't be ordered; returns belong into a credit note", amounts.quantity);
            return Err(refused(self.place("quantity"), &text));
        }
        let code = match code {
            Some(code) => code,
            None => self.product_code()?,
        };
        let discount = amounts.discount(self.index, self.settings)?;
        self.of_section(Section::Product, |maker, name| {
            let (line, index) = (maker.line, maker.index);
            match name {
                "productcode" => Ok(Some(code.clone())),
                "price" if maker.settings.price != Price::None => {
                    let price = amounts.price(index, maker.settings, maker.texts)?;
                    maker.texts.computed(name, maker.place("unit_price_net"), price).map(Some)
                }
                "discountamt" => {
                    let place = maker.place("discount");
                    discount.map(|discount| maker.texts.computed(name, place, discount)).transpose()
                }
                "unitdescription" => {
                    let place = maker.place("unit");
                    line.unit.as_ref().map(|unit| maker.texts.text(name, place, unit)).transpose()
                }
                "linetotal" => {
                    let place = maker.place("total_net");
                    line.total_net.as_ref().map(|total| maker.texts.number(name, place, total)).transpose()
                }
                _ => maker.usual(name),
            }
        })
    }

    /// Fields that mean the same in every kind of line.
    fn usual(&mut self, name: &str) -> Result<Option<String>, Rejection> {
        let line = self.line;
        match name {
            "qtyordered" => self.texts.number(name, self.place("quantity"), &line.quantity).map(Some),
            "description" => self.texts.text(name, self.place("description"), &line.description).map(Some),
            "taxrate" => {
                let place = self.place("tax_rate");
                line.tax_rate.as_ref().map(|rate| self.texts.number(name, place, rate)).transpose()
            }
            "tax" => {
                let place = self.place("tax_amount");
                line.tax_amount.as_ref().map(|tax| self.texts.number(name, place, tax)).transpose()
            }
            "taxcode" => {
                let rate = line.tax_rate.as_ref().map(|rate| rate.as_str());
                for key in [line.tax_code.as_deref(), rate].into_iter().flatten().filter(|key| !key.is_empty()) {
                    if let Some(code) = tables::find("taxes", key) {
                        let place = format!("look-up table `taxes`, entry `{key}`");
                        return self.texts.known_code(name, &place, &code).map(Some);
                    }
                }
                Ok(None)
            }
            _ => Ok(None),
        }
    }

    fn product_code(&mut self) -> Result<String, Rejection> {
        let place = self.place("sku");
        let Some(sku) = self.line.sku.as_deref().map(str::trim).filter(|sku| !sku.is_empty()) else {
            return Err(refused(place, "the line has no SKU, and Attaché needs a product code"));
        };
        let found = if self.settings.skus == Skus::AsTheyAre { None } else { tables::find(SKUS, sku) };
        match found {
            Some(code) => {
                self.texts.known_code("productcode", &format!("look-up table `{SKUS}`, entry `{sku}`"), &code)
            }
            None if self.settings.skus == Skus::Required => {
                let rejection = tables::require(SKUS, sku, "SKU").err();
                let path = place.path().unwrap_or_default();
                Err(rejection.unwrap_or_else(|| refused(place, "the SKU is unknown")).field(path))
            }
            None => self.texts.code("productcode", place, sku),
        }
    }

    fn sundry(&mut self, charge: (&str, &crate::settings::Charge), amount: Number) -> Result<Line<'s>, Rejection> {
        let code = charge::known_code(self.line, charge, "productcode", self.texts)?
            .ok_or_else(|| charge::without_code(self.index, self.line, charge.0))?;
        self.of_section(Section::Sundry, |maker, name| match name {
            "productcode" => Ok(Some(code.clone())),
            // A sundry line has no quantity.
            "price" => maker.texts.computed(name, maker.place("total_net"), amount).map(Some),
            "qtyordered" => Ok(None),
            _ => maker.usual(name),
        })
    }

    fn service(&mut self, charge: (&str, &crate::settings::Charge), amount: Number) -> Result<Line<'s>, Rejection> {
        let code = charge::known_code(self.line, charge, "servicecode", self.texts)?
            .ok_or_else(|| charge::without_code(self.index, self.line, charge.0))?;
        if !self.settings.fields(Section::Service).contains(&"price") {
            let text = format!(
                "line {} ({}, {amount}) went as a service without its amount: Attaché prices it itself",
                self.index.saturating_add(1),
                charge.0
            );
            self.texts.report.note(text);
        }
        self.of_section(Section::Service, |maker, name| match name {
            "servicecode" => Ok(Some(code.clone())),
            // One service for the whole amount.
            "price" => maker.texts.computed(name, maker.place("total_net"), amount).map(Some),
            "qtyordered" => Ok(Some("1".to_owned())),
            _ => maker.usual(name),
        })
    }
}
