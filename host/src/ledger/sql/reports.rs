//! What people are shown, and the clean-up of bodies.

use async_trait::async_trait;

use super::{
    SqlLedger,
    database::{Db, Row, Value, values_of},
    destinations, figures, keys, orders,
    passes::state,
};
use crate::{
    domain::{
        clock::Millis,
        id::{AttemptToken, ConnectionId, Digest, OrderKey, ShopId},
        pass::{Colour, PassState},
    },
    ledger::{
        Result, TimelineEntry,
        orders::Sweep,
        passes::Mapping,
        reports::{
            AttemptRow, Backlog, Counts, EffectRow, OrderDetail, OrderFilter, OrderRow, PassRow, Reports, Undecided,
        },
    },
};

const COLUMNS: &str = "
select o.connection_id, o.shop_id, o.shop_order_id, c.name as connection_name, o.order_number, o.shop_status, o.placed_ms,
    o.first_seen_ms, o.last_seen_ms, o.decision, o.decision_ms, p.pass, p.state, p.state_ms, p.because,
    p.erp_order_id, p.erp_order_number,
    d.failures as d_failures, d.since_ms as d_since_ms, d.kind as d_kind, d.because as d_because,
    d.opened_ms as d_opened_ms, d.openings as d_openings, d.next_try_ms as d_next_try_ms,
    d.probe_until_ms as d_probe_until_ms";

const BESIDE: &str = "
join connections c on c.id = o.connection_id
left join destinations d on d.id = c.destination and d.opened_ms is not null
left join passes p on p.connection_id = o.connection_id and p.shop_id = o.shop_id
    and p.shop_order_id = o.shop_order_id and p.pass = o.last_pass";

/// Rows of `orders o`, which `from` names.
fn rows(from: &str) -> String {
    format!("{COLUMNS} from {from} {BESIDE}")
}

/// A question whose index begins with the connection, asked of all of them at once.
struct Everywhere<'a> {
    /// Tables.
    from: &'a str,
    /// Columns.
    columns: &'a str,
    /// What holds; the connection is `k.id`.
    wanted: &'a str,
    /// By which column the newest come first. The index has it right behind what is wanted.
    newest: &'a str,
    /// From where on.
    least: &'a str,
}

impl Everywhere<'_> {
    /// The newest rows of all connections, in one statement that reads no more than `limit` of each one's index: a fleet has
    /// thousands. `newest_ms` says when they were.
    fn heads(&self, postgres: bool, limit: u32) -> String {
        let Self { from, columns, wanted, newest, least } = self;
        if postgres {
            return format!(
                "select h.* from connections k cross join lateral (
                    select {columns}, {newest} as newest_ms from {from} where {wanted} and {newest} >= {least}
                    order by {newest} desc limit {limit}) h
                 order by h.newest_ms desc limit {limit}"
            );
        }
        // SQLite knows no lateral: there the last one of each connection that may count says from where on it is read.
        let last = limit.saturating_sub(1);
        format!(
            "select {columns}, {newest} as newest_ms from connections k cross join {from}
             where {wanted} and {newest} >= coalesce((select {newest} from {from} where {wanted} and {newest} >= {least}
                order by {newest} desc limit 1 offset {last}), {least})
             order by newest_ms desc limit {limit}"
        )
    }
}

/// The latest passes `p` in a state, in the words of the indexes: those in hand are found by their lease, all others by state.
pub fn latest_in(state: PassState) -> String {
    let leased = match state {
        PassState::Claimed | PassState::Mapped | PassState::Sending => {
            " and p.state in ('claimed', 'mapped', 'sending')"
        }
        _ => "",
    };
    format!("p.latest = 1 and p.state = '{}'{leased}", state.as_str())
}

fn order_row(row: &Row) -> Result<OrderRow> {
    let pass = row.maybe_int("pass")?.map(|_| row.number("pass")).transpose()?;
    let state = pass.map(|_| state(row, "state")).transpose()?;
    let mut because = row.maybe_text("because")?.unwrap_or_default();
    // Whatever it waited for before: now it waits for the ERP.
    if state == Some(PassState::Waiting)
        && let Some(shut) = destinations::maybe_health(row)?
    {
        because = shut.sentence();
    }
    Ok(OrderRow {
        key: keys::order(row)?,
        connection_name: row.text("connection_name")?,
        order_number: row.text("order_number")?,
        shop_status: row.text("shop_status")?,
        placed_ms: row.maybe_int("placed_ms")?,
        first_seen_ms: row.int("first_seen_ms")?,
        last_seen_ms: row.int("last_seen_ms")?,
        decision: row.json("decision")?,
        decision_ms: row.int("decision_ms")?,
        pass,
        state,
        colour: state.map_or(Colour::None, PassState::colour),
        state_ms: row.maybe_int("state_ms")?,
        because,
        erp_order_id: row.maybe_text("erp_order_id")?,
        erp_order_number: row.maybe_text("erp_order_number")?,
    })
}

async fn list(db: &mut Db, filter: &OrderFilter) -> Result<Vec<OrderRow>> {
    // Each state is asked for by itself, so that each question is answered from the head of an index.
    let states: Vec<Option<PassState>> = match filter.states.as_slice() {
        [] => vec![None],
        some => some.iter().copied().map(Some).collect(),
    };
    let mut all = Vec::new();
    for state in &states {
        let undecided = filter.undecided.map(|undecided| {
            let word = match undecided {
                Undecided::Skipped => "skipped",
                Undecided::Question => "question",
            };
            // Said twice, so that SQLite sees that the index over undecided orders answers it.
            format!("o.decision_kind <> 'taken' and o.decision_kind = '{word}'")
        });
        if let (Some(state), None, None) = (state, &filter.connection, &filter.number) {
            for row in
                db.rows(&newest_in(*state, undecided.as_deref(), filter.limit, db.is_postgres()), Vec::new()).await?
            {
                all.push(order_row(&row)?);
            }
            continue;
        }
        let mut values: Vec<Value> = values_of![filter.limit];
        let mut wanted = Vec::new();
        let mut newest = "o.first_seen_ms";
        if let Some(connection) = &filter.connection {
            values.push(connection.as_str().into());
            let column = if state.is_some() { "p.connection_id" } else { "o.connection_id" };
            wanted.push(format!("{column} = ${}", values.len()));
        }
        if let Some(state) = state {
            wanted.push(latest_in(*state));
            newest = "p.state_ms";
        }
        wanted.extend(undecided);
        if let Some(number) = &filter.number {
            values.push(number.into());
            let n = values.len();
            wanted.push(format!(
                "(o.connection_id, o.shop_id, o.shop_order_id) in (select connection_id, shop_id, shop_order_id from (
                    select connection_id, shop_id, shop_order_id from orders where order_number = ${n}
                    union select connection_id, shop_id, shop_order_id from orders where shop_order_id = ${n}
                    union select connection_id, shop_id, shop_order_id from passes where erp_order_id = ${n}
                    union select connection_id, shop_id, shop_order_id from passes where erp_order_number = ${n}) as found)"
            ));
        }
        let wanted = if wanted.is_empty() { String::new() } else { format!("where {}", wanted.join(" and ")) };
        let rows = rows("orders o");
        let sql = format!("{rows} {wanted} order by {newest} desc limit $1");
        for row in db.rows(&sql, values).await? {
            all.push(order_row(&row)?);
        }
    }
    if states.len() > 1 {
        all.sort_by_key(|row| std::cmp::Reverse(row.state_ms));
        all.truncate(usize::try_from(filter.limit).unwrap_or(usize::MAX));
    }
    Ok(all)
}

/// The orders of all connections that came into a state last.
fn newest_in(state: PassState, undecided: Option<&str>, limit: u32, postgres: bool) -> String {
    let latest = latest_in(state);
    let (from, wanted) = match undecided {
        None => ("passes p", format!("p.connection_id = k.id and {latest}")),
        Some(undecided) => (
            "passes p cross join orders o",
            format!(
                "p.connection_id = k.id and {latest} and o.connection_id = p.connection_id and o.shop_id = p.shop_id
                    and o.shop_order_id = p.shop_order_id and {undecided}"
            ),
        ),
    };
    let columns = "p.connection_id, p.shop_id, p.shop_order_id";
    let heads = Everywhere { from, columns, wanted: &wanted, newest: "p.state_ms", least: "0" }.heads(postgres, limit);
    let rows = rows(&format!("({heads}) h cross join orders o"));
    format!(
        "{rows} where o.connection_id = h.connection_id and o.shop_id = h.shop_id and o.shop_order_id = h.shop_order_id
         order by h.newest_ms desc"
    )
}

/// What a pass's last mapping cost.
pub fn mapping(row: &Row) -> Result<Option<Mapping>> {
    let Some(release) = row.maybe_text("mapped_by")? else { return Ok(None) };
    Ok(Some(Mapping {
        release: release.into(),
        gave: row.text("mapping_gave")?,
        cpu: row.large("mapping_cpu")?,
        memory: row.large("mapping_memory")?,
        us: row.large("mapping_us")?,
        in_vain: None,
    }))
}

fn pass_row(row: &Row) -> Result<PassRow> {
    let pins: Option<serde_json::Value> = row.maybe_json("pins")?;
    let release = pins.as_ref().and_then(|pins| pins.get("release")).and_then(|it| it.as_str()).map(ToOwned::to_owned);
    let activation = pins.as_ref().and_then(|pins| pins.get("activation")).and_then(|it| it.as_u64());
    Ok(PassRow {
        pass: row.number("pass")?,
        activation: activation.and_then(|number| u32::try_from(number).ok()),
        state: state(row, "state")?,
        opening: row.json("opening")?,
        opened_ms: row.int("opened_ms")?,
        closed_ms: row.maybe_int("closed_ms")?,
        because: row.text("because")?,
        not_before_ms: row.int("not_before_ms")?,
        deadline_ms: row.maybe_int("deadline_ms")?,
        lease_host: row.maybe_text("lease_host")?,
        lease_until_ms: row.maybe_int("lease_until_ms")?,
        release,
        document_number: row.large("document_number")?,
        idempotency_key: row.text("idempotency_key")?,
        erp_order_id: row.maybe_text("erp_order_id")?,
        class: row.maybe_text("class")?,
        field: row.maybe_text("field")?,
        mapping: mapping(row)?,
        evidence: row.maybe_json("evidence")?,
    })
}

const ATTEMPT_COLUMNS: &str = "select a.*, p.order_number, b.request, b.answer, b.mapping from";

const BESIDE_ATTEMPT: &str = "
join passes p on p.connection_id = a.connection_id and p.shop_id = a.shop_id and p.shop_order_id = a.shop_order_id
    and p.pass = a.pass
left join attempt_bodies b on b.connection_id = a.connection_id and b.shop_id = a.shop_id
    and b.shop_order_id = a.shop_order_id and b.pass = a.pass and b.number = a.number";

/// Rows of `attempts a`, which `from` names.
fn attempt_rows(from: &str) -> String {
    format!("{ATTEMPT_COLUMNS} {from} {BESIDE_ATTEMPT}")
}

/// The last attempts of all connections.
fn newest_attempts(limit: u32, postgres: bool) -> String {
    let heads = Everywhere {
        from: "attempts a",
        columns: "a.connection_id, a.shop_id, a.shop_order_id, a.pass, a.number",
        wanted: "a.connection_id = k.id",
        newest: "a.recorded_ms",
        least: "$1",
    };
    let rows = attempt_rows(&format!("({}) h cross join attempts a", heads.heads(postgres, limit)));
    format!(
        "{rows} where a.connection_id = h.connection_id and a.shop_id = h.shop_id and a.shop_order_id = h.shop_order_id
            and a.pass = h.pass and a.number = h.number
         order by a.recorded_ms desc, a.number desc"
    )
}

fn attempt_row(row: &Row) -> Result<AttemptRow> {
    Ok(AttemptRow {
        key: keys::order(row)?,
        order_number: row.text("order_number")?,
        pass: row.number("pass")?,
        number: row.number("number")?,
        step: row.number("step")?,
        purpose: row.text("purpose")?,
        phase: row.text("phase")?,
        outcome: row.maybe_text("outcome")?.unwrap_or_else(|| "open".to_owned()),
        recorded_ms: row.int("recorded_ms")?,
        ended_ms: row.maybe_int("ended_ms")?,
        request: row.maybe_json("request")?,
        answer: row.maybe_json("answer")?,
        mapping: row.maybe_json("mapping")?,
    })
}

fn effect_row(row: &Row) -> Result<EffectRow> {
    Ok(EffectRow {
        number: row.int("number")?,
        pass: row.number("pass")?,
        body: row.json("body")?,
        state: row.text("state")?,
        tries: row.number("tries")?,
        detail: row.text("detail")?,
        not_before_ms: row.int("not_before_ms")?,
        done_ms: row.maybe_int("done_ms")?,
    })
}

const OF_ORDER: &str = "connection_id = $1 and shop_id = $2 and shop_order_id = $3";

async fn detail(db: &mut Db, key: &OrderKey) -> Result<Option<OrderDetail>> {
    let values = || keys::of_order(key, Vec::new());
    let rows = rows("orders o");
    let sql = format!("{rows} where o.connection_id = $1 and o.shop_id = $2 and o.shop_order_id = $3");
    let Some(order) = db.maybe_row(&sql, values()).await? else {
        return Ok(None);
    };
    let passes = "select p.*, b.mapping as evidence from passes p
        left join pass_bodies b on b.connection_id = p.connection_id and b.shop_id = p.shop_id
            and b.shop_order_id = p.shop_order_id and b.pass = p.pass
        where p.connection_id = $1 and p.shop_id = $2 and p.shop_order_id = $3 order by p.pass";
    let passes = db.rows(passes, values()).await?;
    let attempts = attempt_rows("attempts a");
    let attempts = format!(
        "{attempts} where a.connection_id = $1 and a.shop_id = $2 and a.shop_order_id = $3 order by a.pass, a.number"
    );
    let attempts = db.rows(&attempts, values()).await?;
    let effects = db.rows(&format!("select * from effects where {OF_ORDER} order by number"), values()).await?;
    let timeline =
        db.rows(&format!("select at_ms, line from timeline where {OF_ORDER} order by number"), values()).await?;
    let decisions =
        db.rows(&format!("select at_ms, decision from decisions where {OF_ORDER} order by number"), values()).await?;
    Ok(Some(OrderDetail {
        order: order_row(&order)?,
        passes: passes.iter().map(pass_row).collect::<Result<_>>()?,
        attempts: attempts.iter().map(attempt_row).collect::<Result<_>>()?,
        effects: effects.iter().map(effect_row).collect::<Result<_>>()?,
        timeline: timeline
            .iter()
            .map(|row| Ok(TimelineEntry { at_ms: row.int("at_ms")?, text: row.text("line")? }))
            .collect::<Result<_>>()?,
        decisions: decisions.iter().map(|row| Ok((row.int("at_ms")?, row.json("decision")?))).collect::<Result<_>>()?,
    }))
}

async fn counts(db: &mut Db, connection: &ConnectionId) -> Result<Counts> {
    // One statement sees one moment: no order is counted twice or not at all because it moves meanwhile. Each state is
    // counted by itself, from its index.
    let states = PassState::ALL.map(|state| {
        let (word, latest) = (state.as_str(), latest_in(state));
        format!("(select count(*) from passes p where p.connection_id = $1 and {latest}) as in_{word}, ")
    });
    let sql = format!(
        "select {}
                (select count(*) from orders where connection_id = $1 and decision_kind <> 'taken'
                    and decision_kind = 'skipped') as skipped,
                (select count(*) from orders where connection_id = $1 and decision_kind <> 'taken'
                    and decision_kind = 'question') as questions,
                (select count(*) from effects where connection_id = $1 and state = 'owed' and kind <> 'mail')
                    + (select count(*) from effects where connection_id = $1 and state = 'owed' and kind = 'mail')
                    as owed,
                (select count(*) from effects where connection_id = $1 and state in ('given_up', 'conflict')) as stuck",
        states.concat()
    );
    let mut counts = Counts::default();
    if let Some(row) = db.maybe_row(&sql, values_of![connection.as_str()]).await? {
        for state in PassState::ALL {
            if let count @ 1.. = row.large(&format!("in_{}", state.as_str()))? {
                counts.by_state.insert(state.as_str().to_owned(), count);
            }
        }
        counts.skipped = row.large("skipped")?;
        counts.questions = row.large("questions")?;
        counts.effects_owed = row.large("owed")?;
        counts.effects_stuck = row.large("stuck")?;
    }
    Ok(counts)
}

async fn expire(db: &mut Db, input: &(Millis, u32)) -> Result<u64> {
    let (closed_before_ms, limit) = input;
    let rows = db
        .changed(
            "with old as (
                select connection_id, shop_id, shop_order_id, pass from passes
                where bodies = 1 and closed_ms is not null and closed_ms < $1 order by closed_ms limit $2
                /*pg for update skip locked */)
             update passes set bodies = 0, sealed_state = null
             where (connection_id, shop_id, shop_order_id, pass) in (
                select connection_id, shop_id, shop_order_id, pass from old)
             returning connection_id, shop_id, shop_order_id, pass",
            values_of![*closed_before_ms, *limit],
        )
        .await?;
    for row in &rows {
        let pass = keys::pass(row)?;
        let values = || keys::of_pass(&pass, Vec::new());
        db.later(
            "delete from pass_bodies where connection_id = $1 and shop_id = $2 and shop_order_id = $3 and pass = $4",
            values(),
        );
        db.later(
            "delete from attempt_bodies where connection_id = $1 and shop_id = $2 and shop_order_id = $3 and pass = $4",
            values(),
        );
    }
    Ok(u64::try_from(rows.len()).unwrap_or(u64::MAX))
}

// A name in a folder tells the attempt and nothing else. What left files has a plan of them, and an index of such attempts.
pub const DONE_WITH: &str = "
select a.token as token from attempts a
join passes p on p.connection_id = a.connection_id and p.shop_id = a.shop_id and p.shop_order_id = a.shop_order_id
    and p.pass = a.pass
where a.token = $1 and a.recovery is not null and p.closed_ms is not null";

#[async_trait]
impl Reports for SqlLedger {
    async fn orders(&self, filter: OrderFilter) -> Result<Vec<OrderRow>> {
        list(&mut self.reader().await?, &filter).await
    }

    async fn order(&self, key: &OrderKey) -> Result<Option<OrderDetail>> {
        detail(&mut self.snapshot().await?, key).await
    }

    async fn attempts(
        &self,
        connection: Option<&ConnectionId>,
        since_ms: Millis,
        limit: u32,
    ) -> Result<Vec<AttemptRow>> {
        let mut db = self.reader().await?;
        let rows = match connection {
            Some(one) => {
                let rows = attempt_rows("attempts a");
                let sql = format!(
                    "{rows} where a.connection_id = $1 and a.recorded_ms >= $2
                     order by a.recorded_ms desc, a.number desc limit $3"
                );
                db.rows(&sql, values_of![one.as_str(), since_ms, limit]).await?
            }
            None => {
                let sql = newest_attempts(limit, db.is_postgres());
                db.rows(&sql, values_of![since_ms]).await?
            }
        };
        rows.iter().map(attempt_row).collect()
    }

    async fn counts(&self, connection: &ConnectionId) -> Result<Counts> {
        counts(&mut self.reader().await?, connection).await
    }

    async fn backlog(&self) -> Result<Backlog> {
        figures::backlog(&mut self.reader().await?).await
    }

    async fn mappings(&self, release: &Digest, since_ms: Millis, limit: u32) -> Result<Vec<Mapping>> {
        figures::mappings(&mut self.reader().await?, release, since_ms, limit).await
    }

    async fn sweeps(&self, connection: &ConnectionId, shop: &ShopId, limit: u32) -> Result<Vec<Sweep>> {
        let mut db = self.reader().await?;
        let rows = db
            .rows(
                "select * from sweeps where connection_id = $1 and shop_id = $2 order by number desc limit $3",
                values_of![connection.as_str(), shop.as_str(), limit],
            )
            .await?;
        rows.iter().map(orders::sweep).collect()
    }

    async fn done_with(&self, attempts: &[AttemptToken]) -> Result<Vec<AttemptToken>> {
        let mut db = self.reader().await?;
        let mut done = Vec::new();
        for token in attempts {
            let row = db.maybe_row(DONE_WITH, values_of![token.as_str()]).await?;
            if row.is_some() {
                done.push(token.clone());
            }
        }
        Ok(done)
    }

    async fn expire_bodies(&self, closed_before_ms: Millis, limit: u32) -> Result<u64> {
        self.write((closed_before_ms, limit), |db, input| Box::pin(expire(db, input))).await
    }
}
