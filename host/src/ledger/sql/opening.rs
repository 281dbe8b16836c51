//! Opening a pass and recording a decision: shared by sights, a person's intent, and moves.

use super::{
    database::{Db, Later, Row, to_json, values_of},
    keys, passes,
};
use crate::{
    domain::{
        decision::{Decision, Opening},
        id::{ConnectionId, OrderKey, PassKey},
        pass::PassState,
    },
    ledger::{LedgerError, Result, passes::PreviousPass},
};

/// The word by which orders are counted and listed.
pub fn decision_kind(decision: &Decision) -> &'static str {
    match decision {
        Decision::Taken => "taken",
        Decision::Skipped(_) => "skipped",
        Decision::Question { .. } => "question",
    }
}

/// The sentence of a decision for the timeline.
pub fn decision_line(decision: &Decision) -> String {
    match decision {
        Decision::Taken => "Taken".to_owned(),
        Decision::Skipped(reason) => format!("Not taken: {}", reason.sentence()),
        Decision::Question { asks } => format!("A question for staff: {asks}"),
    }
}

/// Appends a decision to the order's history.
pub fn append_decision(db: &mut impl Later, order: &OrderKey, decision: &Decision) -> Result<()> {
    let values = values_of![db.now_ms(), to_json(decision)?];
    db.later(
        "insert into decisions (connection_id, shop_id, shop_order_id, at_ms, decision) values ($1, $2, $3, $4, $5)",
        keys::of_order(order, values),
    );
    Ok(())
}

/// Makes a decision the order's present one, and appends it. The caller knows that it differs.
pub fn record_decision(db: &mut impl Later, order: &OrderKey, decision: &Decision) -> Result<()> {
    // What lies in a question is looked at alone, so that the shop's word can settle it.
    let question = matches!(decision, Decision::Question { .. });
    let values = values_of![to_json(decision)?, decision_kind(decision), db.now_ms(), question];
    db.later(
        "update orders set decision = $4, decision_kind = $5, decision_ms = $6, read_alone = $7
         where connection_id = $1 and shop_id = $2 and shop_order_id = $3",
        keys::of_order(order, values),
    );
    append_decision(db, order, decision)
}

/// What a new pass is made from.
pub struct NewPass<'a> {
    /// Which.
    pub key: PassKey,
    /// The number that people use.
    pub order_number: &'a str,
    /// Why.
    pub opening: &'a Opening,
    /// Hash of the order's content as it was seen, if it could be read.
    pub content_hash: Option<String>,
    /// Its document number, from [`reserve_documents`]; unused where it inherits one.
    pub document: i64,
}

/// Whether a status write of the order is under way with a living lease.
pub const STATUS_WRITE_UNDER_WAY: &str = "exists (select 1 from effects e where e.connection_id = o.connection_id
    and e.shop_id = o.shop_id and e.shop_order_id = o.shop_order_id and e.kind = 'status' and e.state = 'owed'
    and e.begun > 0 and o.effects_token is not null and o.effects_until_ms >= $4)";

/// Opens a pass: it waits from now on. The caller has checked that the last one is closed and no status write is under
/// way. Status effects that were not sent are cancelled, and what the shop confirmed before counts no more: only a status
/// that it confirms during or after this pass can be the start of a reset.
pub async fn open(db: &mut Db, new: NewPass<'_>) -> Result<()> {
    let (now, key) = (db.now_ms, &new.key);
    let before = match key.pass {
        0 | 1 => None,
        pass => {
            let last = PassKey { order: key.order.clone(), pass: pass - 1 };
            db.maybe_row(
                "select * from passes where connection_id = $1 and shop_id = $2 and shop_order_id = $3 and pass = $4",
                keys::of_pass(&last, Vec::new()),
            )
            .await?
        }
    };
    let inherited = before.as_ref().map(Inherited::of).transpose()?;
    let doubt = inherited.as_ref().is_some_and(|it| it.doubt);
    let (idempotency_key, document_number, mapped_at_ms, sealed_state) = match &inherited {
        Some(it) if it.doubt => (it.key.clone(), it.document, it.mapped_at_ms, it.sealed_state.clone()),
        _ => (key.first_idempotency_key(), new.document, None, None),
    };
    let previous = inherited.as_ref().map(|it| to_json(&it.previous)).transpose()?;
    if inherited.is_some() {
        db.later(
            "update passes set latest = 0
             where connection_id = $1 and shop_id = $2 and shop_order_id = $3 and pass = $4 - 1",
            keys::of_pass(key, Vec::new()),
        );
        db.later(
            "update effects set state = 'cancelled', detail = 'a new pass was opened', done_ms = $4
             where connection_id = $1 and shop_id = $2 and shop_order_id = $3 and kind = 'status' and state = 'owed'",
            keys::of_order(&key.order, values_of![now]),
        );
    }
    db.later(
        "insert into passes (connection_id, shop_id, shop_order_id, pass, order_number, state, state_ms, latest, opening,
            opened_ms, not_before_ms, because, content_hash, mapped_at_ms, step, sealed_state, idempotency_key,
            document_number, retries, takeovers, attempts, sent, sent_before, inherits_unknown, previous, bodies)
         values ($1, $2, $3, $4, $5, 'waiting', $6, 1, $7, $6, $6, '', $8, $9, 0, $10, $11, $12, 0, 0, 0, 0, 0, $13,
            $14, 1)",
        keys::of_pass(
            key,
            values_of![
                new.order_number,
                now,
                to_json(new.opening)?,
                new.content_hash,
                mapped_at_ms,
                sealed_state,
                idempotency_key,
                document_number,
                doubt,
                previous,
            ],
        ),
    );
    db.later(
        "update orders set last_pass = $4, confirmed_status = null, confirmed_ms = null, confirmed_modified_ms = null,
            read_alone = 0
         where connection_id = $1 and shop_id = $2 and shop_order_id = $3",
        keys::of_pass(key, Vec::new()),
    );
    db.later(keys::LINE, keys::line(key, now, &opening_line(new.opening)));
    db.wakes.insert(key.order.connection.as_str().to_owned());
    Ok(())
}

fn opening_line(opening: &Opening) -> String {
    match opening {
        Opening::First => "Seen and taken: it waits to be sent".to_owned(),
        Opening::Reset => "Staff set it back to new in the shop: it is sent again".to_owned(),
        Opening::Correction => "It was corrected in the shop: it is sent again".to_owned(),
        Opening::Intent { by, why } if why.is_empty() => format!("{by} asked to send it again"),
        Opening::Intent { by, why } => format!("{by} asked to send it again: {why}"),
    }
}

/// What the pass before leaves to the next one.
struct Inherited {
    previous: PreviousPass,
    /// It, or a pass before it, may be in the ERP, and nothing has settled that since.
    doubt: bool,
    key: String,
    document: i64,
    mapped_at_ms: Option<i64>,
    sealed_state: Option<Vec<u8>>,
}

impl Inherited {
    fn of(row: &Row) -> Result<Self> {
        let state = passes::state(row, "state")?;
        if !state.is_closed() {
            return Err(LedgerError::Refused(format!("{} is still open", keys::name(&keys::pass(row)?))));
        }
        let before: Option<PreviousPass> = row.maybe_json("previous")?;
        let (old_id, old_number) = before.map(|it| (it.erp_order_id, it.erp_order_number)).unwrap_or_default();
        let unsettled = row.flag("inherits_unknown")? && !row.flag("sent")? && state != PassState::Delivered;
        Ok(Self {
            previous: PreviousPass {
                state,
                erp_order_id: row.maybe_text("erp_order_id")?.or(old_id),
                erp_order_number: row.maybe_text("erp_order_number")?.or(old_number),
            },
            doubt: state == PassState::GivenUp || unsettled,
            key: row.text("idempotency_key")?,
            document: row.int("document_number")?,
            mapped_at_ms: row.maybe_int("mapped_at_ms")?,
            sealed_state: row.maybe_bytes("sealed_state")?,
        })
    }
}

/// Reserves document numbers; the first of them.
pub async fn reserve_documents(db: &mut Db, connection: &ConnectionId, count: usize) -> Result<i64> {
    let count = i64::try_from(count).unwrap_or(i64::MAX);
    let rows = db
        .changed(
            "update connections set last_document = last_document + $2 where id = $1 returning last_document",
            values_of![connection.as_str(), count],
        )
        .await?;
    match rows.first() {
        Some(row) => Ok(row.int("last_document")? - count + 1),
        None => Err(LedgerError::NotFound { what: format!("connection {connection}") }),
    }
}
