//! Pushed orders: the push shop has no other memory than ours.

use super::{
    database::{Db, Row, to_json, values_of},
    dialect, keys, passes,
};
use crate::{
    domain::{
        id::{ConnectionId, OrderKey, PassKey, ShopId},
        pass::PassState,
    },
    ledger::{
        LedgerError, Result,
        orders::{Pushed, PushedOrder},
    },
};

/// What was pushed.
pub struct Push {
    /// Which order.
    pub order: OrderKey,
    /// Canonical JSON.
    pub json: String,
    /// Its hash.
    pub content_hash: String,
    /// The number that people use.
    pub order_number: String,
}

/// Takes in a push.
pub async fn push(db: &mut Db, input: &Push) -> Result<Pushed> {
    let Push { order, json, content_hash, order_number } = input;
    db.lock(
        "select shop_order_id from pushed_orders
         where connection_id = $1 and shop_id = $2 and shop_order_id = $3 for update",
        keys::of_order(order, Vec::new()),
    )
    .await?;
    let row = db
        .maybe_row(
            "select u.content_hash, p.state, p.pass,
                coalesce((select max(s.sent) from passes s where s.connection_id = $1 and s.shop_id = $2
                    and s.shop_order_id = $3), 0) as sent
             from pushed_orders u
             left join passes p on p.connection_id = u.connection_id and p.shop_id = u.shop_id
                and p.shop_order_id = u.shop_order_id and p.latest = 1
             where u.connection_id = $1 and u.shop_id = $2 and u.shop_order_id = $3",
            keys::of_order(order, Vec::new()),
        )
        .await?;
    let now = db.now_ms;
    let Some(row) = row else {
        db.later(
            "insert into pushed_orders (connection_id, shop_id, shop_order_id, order_number, body, content_hash, status,
                modified_ms) values ($1, $2, $3, $4, $5, $6, '', $7)",
            keys::of_order(order, values_of![order_number, json, content_hash, now]),
        );
        return Ok(Pushed::Created);
    };
    if row.text("content_hash")? == *content_hash {
        return Ok(Pushed::Unchanged);
    }
    let last = match row.maybe_int("pass")? {
        None => None,
        Some(_) => Some((row.number("pass")?, passes::state(&row, "state")?)),
    };
    // After a refusal the ERP provably does not have it: what comes next is what the next pass sends, if a person asks.
    let over = last.is_none_or(|(_, state)| matches!(state, PassState::Failed | PassState::Withdrawn));
    if row.flag("sent")?
        && let (false, Some((pass, state))) = (over, last)
    {
        db.later(
            "update pushed_orders set late_body = $4, late_ms = $5
             where connection_id = $1 and shop_id = $2 and shop_order_id = $3",
            keys::of_order(order, values_of![json, now]),
        );
        let text = "Other content was pushed after the order was sent: recorded, not sent";
        db.later(keys::LINE, keys::line(&PassKey { order: order.clone(), pass }, now, text));
        return Ok(Pushed::Late { state: state.as_str().to_owned() });
    }
    db.later(
        "update pushed_orders set order_number = $4, body = $5, content_hash = $6, modified_ms = $7
         where connection_id = $1 and shop_id = $2 and shop_order_id = $3",
        keys::of_order(order, values_of![order_number, json, content_hash, now]),
    );
    Ok(Pushed::Replaced)
}

fn pushed_order(row: &Row) -> Result<PushedOrder> {
    Ok(PushedOrder {
        json: row.text("body")?,
        content_hash: row.text("content_hash")?,
        status: row.text("status")?,
        modified_ms: row.int("modified_ms")?,
    })
}

/// One of them.
pub async fn one(db: &mut Db, order: &OrderKey) -> Result<Option<PushedOrder>> {
    let row = db
        .maybe_row(
            "select * from pushed_orders where connection_id = $1 and shop_id = $2 and shop_order_id = $3",
            keys::of_order(order, Vec::new()),
        )
        .await?;
    row.as_ref().map(pushed_order).transpose()
}

/// Sets the status.
pub async fn set_status(db: &mut Db, input: &(OrderKey, String)) -> Result<()> {
    let (order, status) = input;
    let rows = db
        .run(
            "update pushed_orders set status = $4, modified_ms = $5
             where connection_id = $1 and shop_id = $2 and shop_order_id = $3",
            keys::of_order(order, values_of![status, db.now_ms]),
        )
        .await?;
    if rows == 1 { Ok(()) } else { Err(LedgerError::NotFound { what: format!("order {}", order.shop_order_id) }) }
}

/// Lists by id. An order whose status we never set is always offered: the hint that it came may have been lost.
pub async fn list(
    db: &mut Db,
    connection: &ConnectionId,
    shop: &ShopId,
    statuses: &[String],
    after: Option<&str>,
    limit: u32,
) -> Result<Vec<(String, PushedOrder)>> {
    let sql = format!(
        "select * from pushed_orders where connection_id = $1 and shop_id = $2
            and (status = '' or status in (select value from {} as wanted)) and shop_order_id > $4
         order by shop_order_id limit cast($5 as bigint)",
        dialect::texts(3)
    );
    let after = after.unwrap_or_default();
    let values = values_of![connection.as_str(), shop.as_str(), to_json(statuses)?, after, limit];
    let rows = db.rows(&sql, values).await?;
    rows.iter().map(|row| Ok((row.text("shop_order_id")?, pushed_order(row)?))).collect()
}
