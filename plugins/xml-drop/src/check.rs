//! What an order must have before either layout can be written.

use orderdock_plugin::{LineKind, Order, Rejection};

use crate::Settings;

/// Checks the order, after its texts were made fit.
///
/// # Errors
/// A rejection of class data that names the field.
pub fn order(order: &Order, settings: &Settings) -> Result<(), Rejection> {
    if order.order_number.trim().is_empty() {
        return Err(Rejection::data("the order has no order number").field("order_number"));
    }
    if order.currency.trim().is_empty() {
        return Err(Rejection::data("the order has no currency").field("currency"));
    }
    if order.lines.is_empty() {
        return Err(Rejection::data("the order has no lines: there is nothing to write").field("lines"));
    }
    for (index, line) in order.lines.iter().enumerate() {
        let number = index.saturating_add(1);
        let sku = line.sku.as_deref().unwrap_or_default();
        if settings.require_sku && line.kind == LineKind::Product && sku.trim().is_empty() {
            let text = format!("line {number} ({}) has no SKU: give the article one in the shop", line.description);
            return Err(Rejection::data(text).field(format!("lines[{index}].sku")));
        }
        let beyond = |index: Option<u32>, length: usize| {
            index.filter(|index| usize::try_from(*index).is_ok_and(|index| index >= length))
        };
        if let Some(parent) = beyond(line.parent, order.lines.len()) {
            let text = format!("line {number} belongs to line {parent} (from 0), which the order does not have");
            return Err(Rejection::data(text).field(format!("lines[{index}].parent")));
        }
        if let Some(address) = beyond(line.delivery_address, order.delivery_addresses.len()) {
            let text =
                format!("line {number} goes to delivery address {address} (from 0), which the order does not have");
            return Err(Rejection::data(text).field(format!("lines[{index}].delivery_address")));
        }
    }
    Ok(())
}
