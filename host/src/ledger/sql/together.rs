//! Guarded writes that can be done for many at once: each is an update that must change exactly one row, and what goes with
//! it. Those of a group that are made of the same statements are done together.
//!
//! Texts are written for one row, with `$n`. SQLite runs them for one row after the other, which costs it nothing but the
//! rows themselves. PostgreSQL is far away: for it they are made over, so that one statement does all rows, and `$n` becomes
//! a column of a table of values, which stands beside what the statement names.

use std::{borrow::Cow, sync::Arc};

use futures_util::future::BoxFuture;

use super::{
    database::{Db, Later, Row, Value},
    far::Far,
};
use crate::{
    domain::{clock::Millis, random::Random},
    ledger::{LedgerError, Result},
};

/// What a guarded write is made of.
#[derive(Debug)]
pub struct Plan {
    /// Time of the transaction.
    pub now_ms: Millis,
    /// The guard first; then what goes with it.
    parts: Vec<Part>,
    /// The first statement is no guard: it may change any number of rows. Such a plan is done for itself.
    free: bool,
}

/// One statement, for one or more rows.
#[derive(Debug)]
struct Part {
    sql: Cow<'static, str>,
    rows: Vec<Vec<Value>>,
}

/// A guarded write.
pub trait Guarded: Send + Sync + 'static {
    /// What it gives.
    type Done: Send;
    /// What reading the answer needs to know of the plan.
    type Kept: Send;

    /// Plans it; the first statement is the guard. What is wrong with the write itself is an error.
    ///
    /// # Errors
    /// Why it can't be.
    fn plan(&self, plan: &mut Plan, random: &dyn Random) -> Result<Self::Kept>;

    /// Reads what the statements gave: for each one the rows of all writes of the group.
    fn done(&self, kept: Self::Kept, now_ms: Millis, answers: &[Vec<Row>]) -> Self::Done;

    /// It was committed, but the answers were lost with the connection: what it gives then, asked of a new one.
    fn unread<'a>(&'a self, kept: Self::Kept, db: &'a mut Db) -> BoxFuture<'a, Result<Self::Done>>;

    /// Why the guard changed no row.
    fn refused<'a>(&'a self, db: &'a mut Db) -> BoxFuture<'a, LedgerError>;
}

/// Kept by whoever may have to do it once more.
impl<G: Guarded> Guarded for Arc<G> {
    type Done = G::Done;
    type Kept = G::Kept;

    fn plan(&self, plan: &mut Plan, random: &dyn Random) -> Result<G::Kept> {
        G::plan(self, plan, random)
    }

    fn done(&self, kept: G::Kept, now_ms: Millis, answers: &[Vec<Row>]) -> G::Done {
        G::done(self, kept, now_ms, answers)
    }

    fn unread<'a>(&'a self, kept: G::Kept, db: &'a mut Db) -> BoxFuture<'a, Result<G::Done>> {
        G::unread(self, kept, db)
    }

    fn refused<'a>(&'a self, db: &'a mut Db) -> BoxFuture<'a, LedgerError> {
        G::refused(self, db)
    }
}

impl Plan {
    /// One with nothing in it.
    pub fn new(now_ms: Millis) -> Self {
        Self { now_ms, parts: Vec::with_capacity(8), free: false }
    }

    /// One without a guard.
    pub fn free(now_ms: Millis) -> Self {
        Self { free: true, ..Self::new(now_ms) }
    }

    /// Lets the first statement change any number of rows.
    pub fn set_free(&mut self) {
        self.free = true;
    }

    /// Whether there is nothing in it.
    pub fn is_empty(&self) -> bool {
        self.parts.is_empty()
    }

    /// Notes a statement with those of the same text, wherever they stand.
    pub fn with_its_like(&mut self, sql: Cow<'static, str>, values: Vec<Value>) {
        match self.parts.iter_mut().find(|part| part.sql == sql) {
            Some(part) => part.rows.push(values),
            None => self.parts.push(Part { sql, rows: vec![values] }),
        }
    }

    /// Whether another one is made of the same statements with as many rows.
    pub fn is_like(&self, other: &Self) -> bool {
        !self.free
            && !other.free
            && self.parts.len() == other.parts.len()
            && self.parts.iter().zip(&other.parts).all(|(a, b)| a.rows.len() == b.rows.len() && a.sql == b.sql)
    }
}

impl Later for Plan {
    fn now_ms(&self) -> Millis {
        self.now_ms
    }

    fn later(&mut self, sql: impl Into<Cow<'static, str>>, values: Vec<Value>) {
        let sql = sql.into();
        match self.parts.last_mut() {
            Some(last) if last.sql == sql => last.rows.push(values),
            _ => self.parts.push(Part { sql, rows: vec![values] }),
        }
    }
}

/// How a hand-over ended that was not done.
pub enum Stopped {
    /// A guard changed no row. Nothing behind it happened; what was done before it is to be undone.
    Tripped,
    /// A statement failed.
    Failed(sqlx::Error),
}

impl Db {
    /// Does all of these, which are alike. Gives the rows of each statement, the guard's first.
    pub async fn together(&mut self, plans: &[&Plan]) -> std::result::Result<Vec<Vec<Row>>, Stopped> {
        let Some(first) = plans.first() else { return Ok(Vec::new()) };
        if self.is_postgres() {
            self.changes += 1;
            self.together_far(plans, first).await
        } else {
            self.together_near(plans, first)
        }
    }

    fn together_near(&mut self, plans: &[&Plan], first: &Plan) -> std::result::Result<Vec<Vec<Row>>, Stopped> {
        let mut answers = Vec::with_capacity(first.parts.len());
        for (index, part) in first.parts.iter().enumerate() {
            let (mut changed, mut rows) = (0, Vec::new());
            for values in plans.iter().filter_map(|plan| plan.parts.get(index)).flat_map(|part| &part.rows) {
                let near = self.held().near().map_err(Stopped::Failed)?;
                let (some, mut given) = near.run(&part.sql, values).map_err(Stopped::Failed)?;
                changed += some;
                // At once: a row that fails behind this one must not make it look as if nothing had happened.
                self.changes += some;
                rows.append(&mut given);
            }
            if !first.free && index == 0 && changed != plans.len() as u64 {
                return Err(Stopped::Tripped);
            }
            answers.push(rows);
        }
        Ok(answers)
    }

    async fn together_far(&mut self, plans: &[&Plan], first: &Plan) -> std::result::Result<Vec<Vec<Row>>, Stopped> {
        let mut statements = far(plans, false);
        let mut answers = Vec::with_capacity(statements.len());
        if !first.free {
            // By itself: after a statement that fails, why it did could not be asked any more.
            let rest = statements.split_off(statements.len().min(1));
            let guard = self.held().message("", &statements, "").await.map_err(Stopped::Failed)?;
            if guard.iter().map(|it| it.changed).sum::<u64>() != plans.len() as u64 {
                return Err(Stopped::Tripped);
            }
            answers.extend(guard);
            statements = rest;
        }
        if !statements.is_empty() {
            answers.extend(self.held().message("", &statements, "").await.map_err(Stopped::Failed)?);
        }
        Ok(answers.into_iter().map(|it| it.rows).collect())
    }
}

/// The statements of plans that are alike, for PostgreSQL; with a guard that ends their message where it does not hold.
pub fn far<'a>(plans: &[&'a Plan], guarded: bool) -> Vec<Far<'a>> {
    let Some(first) = plans.first() else { return Vec::new() };
    let parts = first.parts.iter().enumerate().map(|(index, part)| {
        let rows = plans.iter().filter_map(|plan| plan.parts.get(index)).flat_map(|part| &part.rows);
        Far { sql: &part.sql, rows: rows.map(Vec::as_slice).collect(), guard: guarded && index == 0 && !first.free }
    });
    parts.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn writes_of_the_same_statements_are_alike() {
        let plan = |lines: usize, sql: &'static str| {
            let mut plan = Plan::new(1);
            plan.later("update a set b = $1", vec![Value::from(1_i64)]);
            for _ in 0..lines {
                plan.later(sql, vec![Value::from(1_i64)]);
            }
            plan
        };
        assert!(plan(2, "x").is_like(&plan(2, "x")));
        assert!(!plan(2, "x").is_like(&plan(1, "x")));
        assert!(!plan(1, "x").is_like(&plan(1, "y")));
    }
}
