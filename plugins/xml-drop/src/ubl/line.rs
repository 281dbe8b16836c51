//! One order line.

use orderdock_plugin::{Decimal, Line, LineKind, Order, Place, tables};

use super::charge::split;
use super::{TAXES, UNITS, amount, party, price};
use crate::Settings;
use crate::element::Element;
use crate::plain;

/// Writes the line; `index` is its place in the order.
pub fn write(order: &Order, index: usize, line: &Line, settings: &Settings, out: &mut Element) {
    let currency = order.currency.as_str();
    out.group("cac:OrderLine", &[], |out| {
        out.text("cbc:Note", &line.note);
        out.group("cac:LineItem", &[], |out| {
            out.text("cbc:ID", &id(order, index));
            out.xml.element("cbc:Quantity", &[("unitCode", &unit(line, settings))], line.quantity.as_str());
            amount("cbc:LineExtensionAmount", currency, line.total_net.as_ref().map(Decimal::as_str), out);
            amount("cbc:TotalTaxAmount", currency, line.tax_amount.as_ref().map(Decimal::as_str), out);
            delivery(order, line, out);
            discount(currency, line, out);
            if let Some(price) = price::net(line) {
                if price.rounded {
                    let what = "the shop tells no price without tax; worked out and rounded to 4 places:";
                    out.report.at(what, Place::line(index, "price"));
                }
                out.group("cac:Price", &[], |out| amount("cbc:PriceAmount", currency, Some(&price.amount), out));
            }
            item(index, line, settings, out);
            if let Some(parent) = line.parent.and_then(|parent| usize::try_from(parent).ok()) {
                out.group("cac:LineReference", &[], |out| out.text("cbc:LineID", &id(order, parent)));
            }
        });
    });
}

/// The shop's id of the line, or else its number.
fn id(order: &Order, index: usize) -> String {
    let known = order.lines.get(index).map(|line| line.id.trim()).filter(|id| !id.is_empty());
    known.map_or_else(|| index.saturating_add(1).to_string(), str::to_owned)
}

/// The table's code, else a well-known one, else the shop's own word.
fn unit(line: &Line, settings: &Settings) -> String {
    let Some(unit) = line.unit.as_deref().map(str::trim).filter(|unit| !unit.is_empty()) else {
        return settings.default_unit.clone();
    };
    tables::find(UNITS, unit).unwrap_or_else(|| match unit.to_ascii_lowercase().as_str() {
        "each" | "ea" => "EA".to_owned(),
        "kg" => "KGM".to_owned(),
        "g" => "GRM".to_owned(),
        "l" => "LTR".to_owned(),
        "m" => "MTR".to_owned(),
        _ => unit.to_owned(),
    })
}

fn delivery(order: &Order, line: &Line, out: &mut Element) {
    if order.delivery_addresses.len() < 2 {
        return;
    }
    let Some(index) = line.delivery_address.and_then(|index| usize::try_from(index).ok()) else { return };
    if let Some(address) = order.delivery_addresses.get(index) {
        party::line_delivery(index, address, out);
    }
}

fn discount(currency: &str, line: &Line, out: &mut Element) {
    let Some(discount) = &line.discount else { return };
    let (unsigned, negative) = split(discount.as_str());
    if !unsigned.bytes().any(|byte| matches!(byte, b'1'..=b'9')) {
        return;
    }
    out.group("cac:AllowanceCharge", &[], |out| {
        out.text("cbc:ChargeIndicator", if negative { "true" } else { "false" });
        amount("cbc:Amount", currency, Some(unsigned), out);
    });
}

fn item(index: usize, line: &Line, settings: &Settings, out: &mut Element) {
    // UBL asks for an item, and an empty element is not allowed: there is always a name.
    let sku = line.sku.as_deref().filter(|sku| !sku.trim().is_empty());
    let number = format!("{} {}", plain::kind(line.kind), index.saturating_add(1));
    let name = Some(line.description.as_str()).filter(|name| !name.trim().is_empty()).or(sku).unwrap_or(&number);
    out.group("cac:Item", &[], |out| {
        out.text("cbc:Name", name);
        out.group("cac:SellersItemIdentification", &[], |out| out.optional("cbc:ID", sku));
        tax_category("cac:ClassifiedTaxCategory", line, settings, out);
        if line.kind != LineKind::Product {
            property("line kind", line.kind_text.as_deref().unwrap_or(plain::kind(line.kind)), out);
        }
        for (name, value) in &line.options {
            property(if name.trim().is_empty() { "option" } else { name }, value, out);
        }
    });
}

fn property(name: &str, value: &str, out: &mut Element) {
    out.group("cac:AdditionalItemProperty", &[], |out| {
        out.text("cbc:Name", name);
        out.text("cbc:Value", value);
    });
}

/// The tax of a line or a charge; left out where the shop tells neither rate nor code.
pub fn tax_category(element: &str, line: &Line, settings: &Settings, out: &mut Element) {
    let code = line.tax_code.as_deref().filter(|code| !code.is_empty());
    let rate = line.tax_rate.as_ref().map(Decimal::as_str);
    let Some(key) = code.or(rate) else { return };
    let category = tables::find(TAXES, key).or_else(|| tables::find(TAXES, rate?));
    out.group(element, &[], |out| {
        out.optional("cbc:ID", category.as_deref());
        out.optional("cbc:Name", code);
        out.optional("cbc:Percent", rate);
        out.group("cac:TaxScheme", &[], |out| out.text("cbc:ID", &settings.tax_scheme));
    });
}
