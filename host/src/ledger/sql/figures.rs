//! Figures for whoever watches the host: what is open at every connection, and what a release's mappings cost. Each question is
//! answered from an index over few rows, however many old orders there are.

use super::{
    database::{Db, values_of},
    reports::{self, latest_in},
};
use crate::{
    domain::{clock::Millis, id::Digest, pass::PassState},
    ledger::{
        Result,
        passes::Mapping,
        reports::{Backlog, InState},
    },
};

pub async fn backlog(db: &mut Db) -> Result<Backlog> {
    let mut backlog = Backlog::default();
    for wanted in PassState::ALL.into_iter().filter(|it| !matches!(it, PassState::Delivered | PassState::Withdrawn)) {
        let sql = format!(
            "select p.connection_id, count(*) as orders, min(p.state_ms) as since_ms from connections c
             cross join passes p where p.connection_id = c.id and {} group by p.connection_id order by p.connection_id",
            latest_in(wanted)
        );
        for row in db.rows(&sql, values_of![]).await? {
            backlog.orders.push(InState {
                connection: row.text("connection_id")?.into(),
                state: wanted,
                orders: row.large("orders")?,
                since_ms: row.int("since_ms")?,
            });
        }
    }
    // One question for each of the partial indexes.
    for (at, effects) in
        ["state = 'owed' and kind <> 'mail'", "state in ('given_up', 'conflict')", "state = 'owed' and kind = 'mail'"]
            .into_iter()
            .enumerate()
    {
        let sql =
            format!("select connection_id, count(*) as count from effects where {effects} group by connection_id");
        for row in db.rows(&sql, values_of![]).await? {
            let counts = backlog.effects.entry(row.text("connection_id")?.into()).or_default();
            if let Some(count) = counts.get_mut(at) {
                *count = row.large("count")?;
            }
        }
    }
    let questions = "select connection_id, count(*) as count from orders
        where decision_kind <> 'taken' and decision_kind = 'question' group by connection_id";
    for row in db.rows(questions, values_of![]).await? {
        backlog.questions.insert(row.text("connection_id")?.into(), row.large("count")?);
    }
    Ok(backlog)
}

pub async fn mappings(db: &mut Db, release: &Digest, since_ms: Millis, limit: u32) -> Result<Vec<Mapping>> {
    let mut all = Vec::new();
    // By state, because that is how the rows are found without looking at all of them.
    for wanted in PassState::ALL {
        let sql = format!(
            "select p.mapped_by, p.mapping_gave, p.mapping_cpu, p.mapping_memory, p.mapping_us, p.state_ms
             from connections c cross join passes p where p.connection_id = c.id and {} and p.state_ms >= $1
                and p.mapped_by = $2 order by p.state_ms desc limit cast($3 as bigint)",
            latest_in(wanted)
        );
        for row in db.rows(&sql, values_of![since_ms, release.as_str(), limit]).await? {
            let mapping = reports::mapping(&row)?;
            all.extend(mapping.map(|mapping| (row.int("state_ms").unwrap_or_default(), mapping)));
        }
    }
    all.sort_by_key(|(at_ms, _)| std::cmp::Reverse(*at_ms));
    all.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
    Ok(all.into_iter().map(|(_, mapping)| mapping).collect())
}
