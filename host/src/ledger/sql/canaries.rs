//! Canaries: the open one of each connection, what its calls cost, and how it ended.

use async_trait::async_trait;

use super::{
    SqlLedger,
    connections::activate::{self, activation},
    database::{Db, Row, from_word, to_json, to_word, values_of},
    intents, keys, mails,
    reports::latest_in,
};
use crate::{
    domain::{
        canary::{Counted, Figures, Rules},
        id::{ConnectionId, PassKey},
        pass::PassState,
    },
    ledger::{
        LedgerError, Result,
        activations::{ActivationKind, NewActivation},
        canaries::{Canaries, Canary, CanaryCall, CanaryEnd, CanaryState},
    },
};

/// Calls that are looked at; older ones are counted no more.
const COUNTED: u32 = 5_000;

const CANARIES: &str = "
select k.*, a.release_digest, a.settings_revision, a.tables_revision, a.by_whom, a.at_ms, a.why as reason, a.origin,
    a.repeats
from canaries k
join activations a on a.connection_id = k.connection_id and a.number = k.number";

fn canary(row: &Row) -> Result<Canary> {
    let mut activation = activation(row)?;
    activation.why = row.text("reason")?;
    Ok(Canary {
        activation,
        old: row.number("old_number")?,
        rules: row.json("rules")?,
        after_document: row.large("after_document")?,
        before: row.json("figures_before")?,
        state: from_word(&row.text("state")?, "state")?,
        ended_ms: row.maybe_int("ended_ms")?,
        why: row.text("why")?,
        figures: row.maybe_json("figures")?,
    })
}

/// The open ones of all connections.
pub async fn open(db: &mut Db) -> Result<Vec<(ConnectionId, Canary)>> {
    let rows = db.rows(&format!("{CANARIES} where k.ended_ms is null"), Vec::new()).await?;
    rows.iter().map(|row| Ok((ConnectionId(row.text("connection_id")?), canary(row)?))).collect()
}

/// Another activation takes the place of an open one.
pub async fn stop(db: &mut Db, id: &ConnectionId, by: u32) -> Result<()> {
    db.run(
        "update canaries set state = 'stopped', why = $2, ended_ms = $3 where connection_id = $1 and ended_ms is null",
        values_of![id.as_str(), format!("activation {by} took its place"), db.now_ms],
    )
    .await
    .map(drop)
}

async fn begin(db: &mut Db, input: &(NewActivation, Rules, Figures)) -> Result<Canary> {
    let (wish, rules, before) = input;
    let id = &wish.connection;
    let wish = NewActivation { kind: ActivationKind::Canary, ..wish.clone() };
    let activation = activate::prepare(db, &wish).await?;
    let open = "select number from canaries where connection_id = $1 and ended_ms is null";
    if let Some(row) = db.maybe_row(open, values_of![id.as_str()]).await? {
        return Err(LedgerError::Refused(format!(
            "activation {} is being tried already; `orderdock plugin promote` or `plugin rollback` ends that",
            row.number("number")?
        )));
    }
    let row = db.maybe_row("select last_document from connections where id = $1", values_of![id.as_str()]).await?;
    let after_document = row.map_or(Ok(0), |row| row.large("last_document"))?;
    db.later(
        "insert into canaries (connection_id, number, old_number, after_document, rules, figures_before, state, why)
         values ($1, $2, $3, $4, $5, $6, 'running', '')",
        values_of![id.as_str(), activation.number, wish.instead_of, after_document, to_json(rules)?, to_json(before)?],
    );
    db.later("update connections set revision = revision + 1 where id = $1", values_of![id.as_str()]);
    intents::changed(db);
    Ok(Canary {
        activation,
        old: wish.instead_of,
        rules: *rules,
        after_document,
        before: *before,
        state: CanaryState::Running,
        ended_ms: None,
        why: String::new(),
        figures: None,
    })
}

async fn note(db: &mut Db, input: &(u32, CanaryCall)) -> Result<()> {
    let (number, CanaryCall { pass, activation, cpu, us, refused, fault }) = input;
    let large = |number: &Option<u64>| number.map(|it| i64::try_from(it).unwrap_or(i64::MAX));
    let more = values_of![*number, *activation, large(cpu), large(us), *refused, *fault, db.now_ms];
    db.later(
        "insert into canary_calls (connection_id, shop_id, shop_order_id, pass, number, activation, cpu, us, refused,
            faults, at_ms)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
         on conflict (connection_id, number, shop_id, shop_order_id, pass) do update
         set activation = excluded.activation, cpu = coalesce(excluded.cpu, canary_calls.cpu),
            us = coalesce(excluded.us, canary_calls.us),
            refused = case when excluded.cpu is null then canary_calls.refused else excluded.refused end,
            faults = canary_calls.faults + excluded.faults",
        keys::of_pass(pass, more),
    );
    Ok(())
}

/// One order among those that are judged. What failed for reasons of the network or the machine counts for nobody.
fn counted(state: &str, class: Option<&str>, refused: bool, fault: bool, cost: [Option<i64>; 2]) -> Counted {
    let [cpu, us] = cost.map(|it| it.and_then(|it| u64::try_from(it).ok()));
    Counted {
        settled: matches!(state, "delivered" | "failed" | "given_up" | "withdrawn" | "awaiting"),
        refused: refused || (state == "failed" && matches!(class, Some("data" | "settings" | "erp"))),
        fault: fault || (state == "failed" && class == Some("plugin")),
        cpu,
        us,
    }
}

async fn figures(db: &mut Db, id: &ConnectionId, number: u32) -> Result<(Figures, Figures, Option<(PassKey, String)>)> {
    let rows = db
        .rows(
            "select k.connection_id, k.shop_id, k.shop_order_id, k.pass, k.activation, k.cpu, k.us, k.refused, k.faults,
                p.state, p.class, p.order_number
             from canary_calls k
             join passes p on p.connection_id = k.connection_id and p.shop_id = k.shop_id
                and p.shop_order_id = k.shop_order_id and p.pass = k.pass
             where k.connection_id = $1 and k.number = $2 order by k.at_ms desc limit cast($3 as bigint)",
            values_of![id.as_str(), number, COUNTED],
        )
        .await?;
    let (mut old, mut new, mut worst) = (Vec::new(), Vec::new(), None);
    for row in &rows {
        let (state, class) = (row.text("state")?, row.maybe_text("class")?);
        let cost = [row.maybe_int("cpu")?, row.maybe_int("us")?];
        let one = counted(&state, class.as_deref(), row.flag("refused")?, row.flag("faults")?, cost);
        if row.number("activation")? == number {
            let bad = one.refused || one.fault;
            if worst.as_ref().is_none_or(|(_, was_bad)| bad && !was_bad) {
                worst = Some(((keys::pass(row)?, row.text("order_number")?), bad));
            }
            new.push(one);
        } else {
            old.push(one);
        }
    }
    Ok((Figures::of(&old), Figures::of(&new), worst.map(|(pass, _)| pass)))
}

async fn before(db: &mut Db, id: &ConnectionId, most: u32) -> Result<Figures> {
    let mut all = Vec::new();
    // By state, because that is how the rows are found without looking at all of them.
    for state in [PassState::Delivered, PassState::Failed, PassState::GivenUp, PassState::Awaiting] {
        let sql = format!(
            "select p.state_ms, p.state, p.class, (
                    select b.mapping from attempt_bodies b where b.connection_id = p.connection_id
                        and b.shop_id = p.shop_id and b.shop_order_id = p.shop_order_id and b.pass = p.pass
                        and b.number = 1) as mapping
                 from passes p where p.connection_id = $1 and {} order by p.state_ms desc limit cast($2 as bigint)",
            latest_in(state)
        );
        for row in db.rows(&sql, values_of![id.as_str(), most]).await? {
            let class = row.maybe_text("class")?;
            let mapping: Option<serde_json::Value> = row.maybe_json("mapping")?;
            let used = |name: &str| mapping.as_ref().and_then(|it| it.get("usage")?.get(name)?.as_i64());
            let cost = [used("cpu_used"), used("wall_us")];
            all.push((row.int("state_ms")?, counted(state.as_str(), class.as_deref(), false, false, cost)));
        }
    }
    all.sort_unstable_by_key(|(at_ms, _)| std::cmp::Reverse(*at_ms));
    all.truncate(usize::try_from(most).unwrap_or(usize::MAX));
    Ok(Figures::of(&all.into_iter().map(|(_, one)| one).collect::<Vec<_>>()))
}

async fn end(db: &mut Db, end: &CanaryEnd) -> Result<bool> {
    let CanaryEnd { connection, number, state, why, figures, activation, mail } = end;
    let asks = *state == CanaryState::Asking;
    let figures = figures.as_ref().map(to_json).transpose()?;
    // A running one may begin to ask; one that asks may only end.
    let moved = db
        .run(
            "update canaries set state = $3, why = $4, figures = $5, ended_ms = case when $7 = 1 then null else $6 end
             where connection_id = $1 and number = $2 and ended_ms is null and (state = 'running' or $7 = 0)",
            values_of![connection.as_str(), *number, to_word(state)?, why, figures, db.now_ms, asks],
        )
        .await?;
    if moved == 0 {
        return Ok(false);
    }
    match activation {
        Some(wish) => drop(activate::activate(db, wish).await?),
        None => {
            let sql = "update connections set revision = revision + 1 where id = $1";
            db.later(sql, values_of![connection.as_str()]);
            intents::changed(db);
        }
    }
    if let Some((pass, body)) = mail {
        mails::owe(db, pass, body)?;
    }
    Ok(true)
}

#[async_trait]
impl Canaries for SqlLedger {
    async fn begin_canary(&self, wish: NewActivation, rules: Rules, before: Figures) -> Result<Canary> {
        self.write((wish, rules, before), |db, input| Box::pin(begin(db, input))).await
    }

    async fn note_canary_call(&self, number: u32, call: CanaryCall) -> Result<()> {
        self.write((number, call), |db, input| Box::pin(note(db, input))).await
    }

    async fn canary_figures(
        &self,
        connection: &ConnectionId,
        number: u32,
    ) -> Result<(Figures, Figures, Option<(PassKey, String)>)> {
        figures(&mut self.reader().await?, connection, number).await
    }

    async fn figures_before(&self, connection: &ConnectionId, most: u32) -> Result<Figures> {
        before(&mut self.reader().await?, connection, most).await
    }

    async fn end_canary(&self, wish: CanaryEnd) -> Result<bool> {
        self.write(wish, |db, wish| Box::pin(end(db, wish))).await
    }

    async fn canaries(&self, connection: &ConnectionId) -> Result<Vec<Canary>> {
        let sql = format!("{CANARIES} where k.connection_id = $1 order by k.number desc");
        let rows = self.reader().await?.rows(&sql, values_of![connection.as_str()]).await?;
        rows.iter().map(canary).collect()
    }
}
