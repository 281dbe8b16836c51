//! The request that brings a new order into the ERP.

use orderdock_plugin::{Context, Delivery, HttpDelivery, LineKind, Order, Rejection, Repeat};

use crate::Settings;
use crate::document;

/// Maps the order.
///
/// # Errors
/// When the order has no number or no lines, lacks a SKU that the settings ask for, or can't be written.
pub fn create(order: &Order, context: &Context<Settings>) -> Result<Delivery, Rejection> {
    let settings = &context.settings;
    check(order, settings)?;
    let body = document::write(order, context)?;
    let target = settings.path.fill(order, context)?;
    let mut request = HttpDelivery::new(settings.method.as_str(), target.path).body("application/json", body);
    request.query = target.query;
    for (name, value) in &settings.headers {
        request = request.header(name, value);
    }
    if let Some(name) = &settings.idempotency_header {
        request = request.header(name, &context.idempotency_key);
    }
    let repeat = match settings.idempotency_seconds {
        _ if settings.repeat_is_safe => Repeat::Always,
        Some(seconds) => Repeat::WithKey(seconds),
        None => Repeat::Never,
    };
    Ok(Delivery::http(request.repeat(repeat)))
}

fn check(order: &Order, settings: &Settings) -> Result<(), Rejection> {
    if order.order_number.trim().is_empty() {
        return Err(Rejection::data("the order has no order number").field("order_number"));
    }
    if order.lines.is_empty() {
        return Err(Rejection::data("the order has no lines: there is nothing to send").field("lines"));
    }
    if settings.require_sku {
        let missing = |sku: &Option<String>| sku.as_ref().is_none_or(|sku| sku.trim().is_empty());
        let bare =
            order.lines.iter().enumerate().find(|(_, line)| line.kind == LineKind::Product && missing(&line.sku));
        if let Some((index, line)) = bare {
            let text =
                format!("line {} ({}) has no SKU: give the article one in the shop", index + 1, line.description);
            return Err(Rejection::data(text).field(format!("lines[{index}].sku")));
        }
    }
    Ok(())
}
