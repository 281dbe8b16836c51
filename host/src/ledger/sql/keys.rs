//! Keys as bound values and as columns of a row. An order is always `$1, $2, $3`, a pass `$1` to `$4`.

use super::database::{Row, Value};
use crate::{
    domain::{
        clock::Millis,
        id::{OrderKey, PassKey},
    },
    ledger::Result,
};

/// The values of an order's key, and more.
pub fn of_order(order: &OrderKey, more: Vec<Value>) -> Vec<Value> {
    let mut values =
        vec![order.connection.as_str().into(), order.shop.as_str().into(), order.shop_order_id.as_str().into()];
    values.extend(more);
    values
}

/// The values of a pass's key, and more.
pub fn of_pass(pass: &PassKey, more: Vec<Value>) -> Vec<Value> {
    let mut values = of_order(&pass.order, vec![pass.pass.into()]);
    values.extend(more);
    values
}

/// The order that a row is about.
pub fn order(row: &Row) -> Result<OrderKey> {
    Ok(OrderKey {
        connection: row.text("connection_id")?.into(),
        shop: row.text("shop_id")?.into(),
        shop_order_id: row.text("shop_order_id")?,
    })
}

/// The pass that a row is about.
pub fn pass(row: &Row) -> Result<PassKey> {
    Ok(PassKey { order: order(row)?, pass: row.number("pass")? })
}

/// How a pass is called in errors.
pub fn name(pass: &PassKey) -> String {
    format!("pass {} of order {}", pass.pass, pass.order.shop_order_id)
}

/// A line of the timeline.
pub const LINE: &str = "insert into timeline (connection_id, shop_id, shop_order_id, pass, at_ms, line) \
     values ($1, $2, $3, $4, $5, $6)";

/// The values of [`LINE`].
pub fn line(pass: &PassKey, at_ms: Millis, text: &str) -> Vec<Value> {
    of_pass(pass, vec![at_ms.into(), text.into()])
}
