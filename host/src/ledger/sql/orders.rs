//! Sweeps, a person's intent to send again, decisions from outside a sight.

use async_trait::async_trait;

use super::{
    SqlLedger,
    database::{Db, Row, from_word, to_word, values_of},
    keys,
    opening::{NewPass, STATUS_WRITE_UNDER_WAY, decision_line, open, record_decision, reserve_documents},
    passes, pushed, sights,
};
use crate::{
    domain::{
        decision::{Decision, Opening},
        id::{ConnectionId, OrderKey, PassKey, ShopId},
    },
    ledger::{
        LedgerError, Result,
        orders::{Orders, Pushed, PushedOrder, Recorded, SightBatch, Sweep, SweepKind},
    },
};

/// A sweep as a row has it.
pub fn sweep(row: &Row) -> Result<Sweep> {
    Ok(Sweep {
        kind: from_word(&row.text("kind")?, "kind")?,
        started_ms: row.int("started_ms")?,
        ended_ms: row.int("ended_ms")?,
        seen: row.number("seen")?,
        opened: row.number("opened")?,
        error: row.maybe_text("error")?,
    })
}

async fn record_sweep(db: &mut Db, input: &(ConnectionId, ShopId, Sweep)) -> Result<()> {
    let (connection, shop, sweep) = input;
    db.later(
        "insert into sweeps (connection_id, shop_id, kind, started_ms, ended_ms, seen, opened, error)
         values ($1, $2, $3, $4, $5, $6, $7, $8)",
        values_of![
            connection.as_str(),
            shop.as_str(),
            to_word(&sweep.kind)?,
            sweep.started_ms,
            sweep.ended_ms,
            sweep.seen,
            sweep.opened,
            sweep.error.clone(),
        ],
    );
    Ok(())
}

/// Nobody else decides about the order meanwhile.
const LOCK: &str = "select shop_order_id from orders
    where connection_id = $1 and shop_id = $2 and shop_order_id = $3 for update";

fn no_order(order: &OrderKey) -> LedgerError {
    LedgerError::NotFound { what: format!("order {}", order.shop_order_id) }
}

async fn open_pass(db: &mut Db, input: &(OrderKey, u32, Opening)) -> Result<PassKey> {
    let (order, after, opening) = input;
    db.lock(LOCK, keys::of_order(order, Vec::new())).await?;
    let sql = format!(
        "select o.order_number, o.decision, o.last_pass, p.state, p.content_hash,
            case when {STATUS_WRITE_UNDER_WAY} then 1 else 0 end as writing,
            case when exists (select 1 from connections c where c.id = o.connection_id and c.shop_id = o.shop_id
                and c.state <> 'removed')
                then 1 else 0 end as living
         from orders o left join passes p on p.connection_id = o.connection_id and p.shop_id = o.shop_id
            and p.shop_order_id = o.shop_order_id and p.pass = o.last_pass
         where o.connection_id = $1 and o.shop_id = $2 and o.shop_order_id = $3"
    );
    let row = db.maybe_row(&sql, keys::of_order(order, values_of![db.now_ms])).await?.ok_or_else(|| no_order(order))?;
    let number = row.text("order_number")?;
    let last = row.number("last_pass")?;
    // A worker would read and tell the shop that the connection has now, where the same id is another order.
    if !row.flag("living")? {
        return Err(LedgerError::Refused(format!(
            "the connection of order {number} was removed or has another shop now: nobody would send it; apply the \
             connection again first"
        )));
    }
    if last != *after {
        return Err(LedgerError::Refused(format!(
            "order {number} is at pass {last} by now, not at pass {after}; look at it again before you send it again"
        )));
    }
    if last > 0 {
        let state = passes::state(&row, "state")?;
        if !state.is_closed() {
            return Err(LedgerError::Refused(format!(
                "pass {last} of order {number} is not over ({}); wait until it is",
                state.words()
            )));
        }
    }
    if row.flag("writing")? {
        return Err(LedgerError::Refused(format!(
            "the status of order {number} is being written to the shop just now; try again in a minute"
        )));
    }
    let key = PassKey { order: order.clone(), pass: last.saturating_add(1) };
    if row.json::<Decision>("decision")? != Decision::Taken {
        record_decision(db, order, &Decision::Taken)?;
    }
    let document = reserve_documents(db, &order.connection, 1).await?;
    let content_hash = row.maybe_text("content_hash")?;
    open(db, NewPass { key: key.clone(), order_number: &number, opening, content_hash, document }).await?;
    Ok(key)
}

async fn decide(db: &mut Db, input: &(OrderKey, Decision)) -> Result<()> {
    let (order, decision) = input;
    db.lock(LOCK, keys::of_order(order, Vec::new())).await?;
    let row = db
        .maybe_row(
            "select decision, last_pass from orders where connection_id = $1 and shop_id = $2 and shop_order_id = $3",
            keys::of_order(order, Vec::new()),
        )
        .await?
        .ok_or_else(|| no_order(order))?;
    if row.json::<Decision>("decision")? == *decision {
        return Ok(());
    }
    record_decision(db, order, decision)?;
    let pass = PassKey { order: order.clone(), pass: row.number("last_pass")? };
    db.later(keys::LINE, keys::line(&pass, db.now_ms, &decision_line(decision)));
    Ok(())
}

#[async_trait]
impl Orders for SqlLedger {
    async fn record_sights(&self, batch: SightBatch) -> Result<Vec<Recorded>> {
        self.moving()?;
        self.write(batch, |db, batch| Box::pin(sights::record(db, batch))).await
    }

    async fn record_sweep(&self, connection: &ConnectionId, shop: &ShopId, sweep: Sweep) -> Result<()> {
        let input = (connection.clone(), shop.clone(), sweep);
        self.write(input, |db, input| Box::pin(record_sweep(db, input))).await
    }

    async fn last_good_sweep(
        &self,
        connection: &ConnectionId,
        shop: &ShopId,
        kind: SweepKind,
    ) -> Result<Option<Sweep>> {
        let mut db = self.reader().await?;
        let row = db
            .maybe_row(
                "select * from sweeps where connection_id = $1 and shop_id = $2 and kind = $3 and error is null
                 order by started_ms desc limit 1",
                values_of![connection.as_str(), shop.as_str(), to_word(&kind)?],
            )
            .await?;
        row.as_ref().map(sweep).transpose()
    }

    async fn looked_once(&self, connection: &ConnectionId, shop: &ShopId) -> Result<bool> {
        let mut db = self.reader().await?;
        let rows = db
            .rows(
                "select seen from sweeps where connection_id = $1 and shop_id = $2 and kind = $3 and error is null
                 order by started_ms limit 2",
                values_of![connection.as_str(), shop.as_str(), to_word(&SweepKind::Poll)?],
            )
            .await?;
        match rows.as_slice() {
            [] => Ok(false),
            [only] => Ok(only.int("seen")? > 0),
            _ => Ok(true),
        }
    }

    async fn open_pass(&self, order: &OrderKey, after: u32, opening: Opening) -> Result<PassKey> {
        self.write((order.clone(), after, opening), |db, input| Box::pin(open_pass(db, input))).await
    }

    async fn decide(&self, order: &OrderKey, decision: Decision) -> Result<()> {
        self.write((order.clone(), decision), |db, input| Box::pin(decide(db, input))).await
    }

    async fn to_read_alone(&self, connection: &ConnectionId, shop: &ShopId, limit: u32) -> Result<Vec<String>> {
        let mut db = self.reader().await?;
        let rows = db
            .rows(
                "select o.shop_order_id from orders o
                 left join passes p on p.connection_id = o.connection_id and p.shop_id = o.shop_id
                    and p.shop_order_id = o.shop_order_id and p.pass = o.last_pass
                 where o.connection_id = $1 and o.shop_id = $2 and o.read_alone = 1
                    and (p.state is null or p.closed_ms is not null)
                 order by o.looked_ms limit cast($3 as bigint)",
                values_of![connection.as_str(), shop.as_str(), limit],
            )
            .await?;
        rows.iter().map(|row| row.text("shop_order_id")).collect()
    }

    async fn push_order(&self, order: &OrderKey, json: &str, content_hash: &str, order_number: &str) -> Result<Pushed> {
        self.moving()?;
        let input = pushed::Push {
            order: order.clone(),
            json: json.to_owned(),
            content_hash: content_hash.to_owned(),
            order_number: order_number.to_owned(),
        };
        self.write(input, |db, input| Box::pin(pushed::push(db, input))).await
    }

    async fn pushed_order(&self, order: &OrderKey) -> Result<Option<PushedOrder>> {
        pushed::one(&mut self.reader().await?, order).await
    }

    async fn set_pushed_status(&self, order: &OrderKey, status: &str) -> Result<()> {
        let input = (order.clone(), status.to_owned());
        self.write(input, |db, input| Box::pin(pushed::set_status(db, input))).await
    }

    async fn pushed_orders(
        &self,
        connection: &ConnectionId,
        shop: &ShopId,
        statuses: &[String],
        after: Option<&str>,
        limit: u32,
    ) -> Result<Vec<(String, PushedOrder)>> {
        pushed::list(&mut self.reader().await?, connection, shop, statuses, after, limit).await
    }
}
