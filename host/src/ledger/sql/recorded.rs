//! What is on record of passes, read in batches; and the files that connections were applied from.

use std::collections::HashMap;

use async_trait::async_trait;

use super::{
    SqlLedger,
    database::{Db, Value, values_of},
    keys,
    passes::state,
    reports::latest_in,
};
use crate::{
    domain::{
        clock::Millis,
        id::{ConnectionId, PassKey},
        pass::PassState,
    },
    ledger::{
        Result,
        recorded::{Recorded, Recording, Try},
    },
};

/// States in which nobody is at work on a pass.
const AT_REST: [PassState; 6] = [
    PassState::Delivered,
    PassState::Failed,
    PassState::Withdrawn,
    PassState::Unknown,
    PassState::GivenUp,
    PassState::Awaiting,
];

/// Passes asked for in one statement: its text is prepared once for full batches.
const BATCH: usize = 100;

// Each state is asked for by itself, so that each question is answered from the head of an index.
fn mapped_in(state: PassState) -> String {
    format!(
        "select p.connection_id, p.shop_id, p.shop_order_id, p.pass, p.state_ms from passes p
         where p.connection_id = $1 and {} and p.state_ms >= $2 and p.bodies = 1 and p.mapped_by is not null
         order by p.state_ms desc limit $3",
        latest_in(state)
    )
}

async fn mapped(db: &mut Db, connection: &ConnectionId, since_ms: Millis, limit: u32) -> Result<Vec<PassKey>> {
    let mut all = Vec::new();
    for state in AT_REST {
        for row in db.rows(&mapped_in(state), values_of![connection.as_str(), since_ms, limit]).await? {
            all.push((row.int("state_ms")?, keys::pass(&row)?));
        }
    }
    all.sort_by(|one, other| other.cmp(one));
    all.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
    Ok(all.into_iter().map(|(_, key)| key).collect())
}

/// What is asked about so many passes: the passes with their bodies, and their tries.
///
/// `cross join` keeps SQLite from turning the order round: each wanted pass is looked up by its key, where it would else go
/// through all of its connection's for each.
pub fn questions(passes: usize) -> [String; 2] {
    let row = |at: usize| format!("(${}, ${}, cast(${} as bigint))", at * 3 + 2, at * 3 + 3, at * 3 + 4);
    let rows = (0..passes).map(row).collect::<Vec<_>>().join(", ");
    let with = format!("with wanted (shop_id, shop_order_id, pass) as (values {rows})");
    let whole = format!(
        "{with}
         select p.connection_id, p.shop_id, p.shop_order_id, p.pass, p.order_number, p.state, p.step, b.mapped_order,
            b.delivery, b.mapping
         from wanted w cross join passes p cross join pass_bodies b
         where p.connection_id = $1 and p.shop_id = w.shop_id and p.shop_order_id = w.shop_order_id and p.pass = w.pass
            and b.connection_id = $1 and b.shop_id = w.shop_id and b.shop_order_id = w.shop_order_id
            and b.pass = w.pass and b.mapped_order is not null"
    );
    let tries = format!(
        "{with}
         select a.connection_id, a.shop_id, a.shop_order_id, a.pass, a.number, a.step, b.mapping, b.answer
         from wanted w cross join attempts a cross join attempt_bodies b
         where a.connection_id = $1 and a.shop_id = w.shop_id and a.shop_order_id = w.shop_order_id and a.pass = w.pass
            and b.connection_id = $1 and b.shop_id = w.shop_id and b.shop_order_id = w.shop_order_id
            and b.pass = w.pass and b.number = a.number"
    );
    [whole, tries]
}

async fn batch(db: &mut Db, connection: &ConnectionId, passes: &[&PassKey]) -> Result<Vec<Recording>> {
    let [whole, tries] = questions(passes.len());
    let mut values: Vec<Value> = values_of![connection.as_str()];
    for pass in passes {
        values.extend(values_of![pass.order.shop.as_str(), &pass.order.shop_order_id, pass.pass]);
    }
    let mut found = Vec::with_capacity(passes.len());
    let mut places = HashMap::with_capacity(passes.len());
    for row in db.rows(&whole, values.clone()).await? {
        let key = keys::pass(&row)?;
        places.insert(key.clone(), found.len());
        found.push(Recording {
            key,
            order_number: row.text("order_number")?,
            state: state(&row, "state")?,
            order: row.text("mapped_order")?,
            evidence: row.maybe_text("mapping")?,
            step: row.number("step")?,
            delivery: row.maybe_text("delivery")?,
            tries: Vec::new(),
        });
    }
    for row in db.rows(&tries, values).await? {
        let Some(recording) = places.get(&keys::pass(&row)?).and_then(|at| found.get_mut(*at)) else { continue };
        recording.tries.push(Try {
            number: row.number("number")?,
            step: row.number("step")?,
            mapping: row.maybe_text("mapping")?,
            answer: row.maybe_text("answer")?,
        });
    }
    found.iter_mut().for_each(|it| it.tries.sort_by_key(|tried| tried.number));
    Ok(found)
}

async fn note(db: &mut Db, input: &(ConnectionId, String)) -> Result<()> {
    let (connection, file) = input;
    db.later(
        "insert into connection_files (connection_id, file) values ($1, $2)
         on conflict (connection_id) do update set file = excluded.file",
        values_of![connection.as_str(), file],
    );
    Ok(())
}

#[async_trait]
impl Recorded for SqlLedger {
    async fn mapped_passes(&self, connection: &ConnectionId, since_ms: Millis, limit: u32) -> Result<Vec<PassKey>> {
        mapped(&mut self.snapshot().await?, connection, since_ms, limit).await
    }

    async fn recordings(&self, passes: &[PassKey]) -> Result<Vec<Recording>> {
        let mut db = self.reader().await?;
        let mut found = Vec::with_capacity(passes.len());
        let mut rest: Vec<&PassKey> = passes.iter().collect();
        while let Some(first) = rest.first() {
            let connection = first.order.connection.clone();
            // Those of another connection have their own turn.
            let (mine, others): (Vec<_>, Vec<_>) = rest.into_iter().partition(|it| it.order.connection == connection);
            for some in mine.chunks(BATCH) {
                found.append(&mut batch(&mut db, &connection, some).await?);
            }
            rest = others;
        }
        Ok(found)
    }

    async fn note_file(&self, connection: &ConnectionId, file: &str) -> Result<()> {
        self.write((connection.clone(), file.to_owned()), |db, input| Box::pin(note(db, input))).await
    }

    async fn file_of(&self, connection: &ConnectionId) -> Result<Option<String>> {
        let mut db = self.reader().await?;
        let row = db
            .maybe_row("select file from connection_files where connection_id = $1", values_of![connection.as_str()])
            .await?;
        row.map(|row| row.text("file")).transpose()
    }
}
