//! Guarded writes that can be done for many at once: each is an update that must change exactly one row, and what goes with
//! it. Those of a group that are made of the same statements become one statement each over all their rows.
//!
//! Texts are written for one row, with `$n`. For several they are made over: `$n` becomes a column of a table of values,
//! which stands beside what the statement names. SQLite gets everything in one hand-over, with the transaction's begin and
//! end where they are due, and a check behind the guard that lets nothing behind it happen; PostgreSQL gets one prepared
//! statement after the other.

use std::{borrow::Cow, collections::HashMap, sync::Arc};

use futures_util::future::BoxFuture;

use super::{
    database::{Db, Later, Row, Value},
    dialect,
    held::each_part,
};
use crate::{
    domain::{clock::Millis, random::Random},
    ledger::{LedgerError, Result},
};

/// Most writes of one hand-over: there is a text for each power of two up to it.
pub const MOST: usize = 16;
/// Texts that are kept; statements like these come in some dozen shapes.
const TEXTS: usize = 256;

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

    /// Whether it has no guard.
    pub fn is_free(&self) -> bool {
        self.free
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
    /// A statement failed, or the begin of the transaction.
    Failed(sqlx::Error),
    /// Only the commit failed.
    Commit(sqlx::Error),
}

/// Texts for SQLite, by what they are made of.
#[derive(Default)]
pub struct Texts(HashMap<String, Arc<str>>);

/// What stands around a group's statements on SQLite.
#[derive(Clone, Copy, Debug, Default)]
pub struct Around {
    /// The transaction begins here.
    pub begin: bool,
    /// And ends here.
    pub end: Option<End>,
}

/// How a transaction ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// It changed something.
    Changed,
    /// It changed something if its only statement that can did.
    Maybe,
}

impl Texts {
    /// The text for so many rows of each part, with the values in their places counted on.
    fn of(&mut self, parts: &[(&str, usize, usize)], check: bool, around: Around) -> Arc<str> {
        let mut key = String::with_capacity(2048);
        for (sql, rows, columns) in parts {
            key.push_str(sql);
            key.push_str(&format!("\u{0}{rows} {columns}\u{0}"));
        }
        key.push_str(&format!("{check}{around:?}"));
        if let Some(text) = self.0.get(&key) {
            return Arc::clone(text);
        }
        let text: Arc<str> = sqlite(parts, check, around).into();
        if self.0.len() >= TEXTS {
            self.0.clear();
        }
        self.0.insert(key, Arc::clone(&text));
        text
    }
}

/// One text for SQLite. Its parameters: the rows of each part that has several, in their order; then the row of each that
/// has one, and behind that of the guard how many rows it has to change.
///
/// Those of several rows have no numbers: SQLite looks a number up among all names of the statement each time that it is
/// bound, which for a page of a hundred orders took a tenth of the host's processor time.
fn sqlite(parts: &[(&str, usize, usize)], check: bool, around: Around) -> String {
    let mut text = String::with_capacity(4096);
    if around.begin {
        text.push_str(dialect::BEGIN_SQLITE);
        text.push_str(";\n");
    }
    let mut offset: usize =
        parts.iter().filter(|(_, rows, _)| *rows > 1).map(|(_, rows, columns)| rows * columns).sum();
    for (index, (sql, rows, columns)) in parts.iter().enumerate() {
        if *rows == 1 {
            each_part(sql, &mut text, |number, into| into.push_str(&format!("${}", number + offset)));
            offset += columns;
        } else {
            let row = format!("({})", vec!["?"; *columns].join(", "));
            let table = format!("(values {}) as r", vec![row; *rows].join(", "));
            text.push_str(&dialect::over_rows(sql, &table));
        }
        text.push_str(";\n");
        if check && index == 0 {
            offset += 1;
            text.push_str(&format!("{}${offset};\n", dialect::CHECK_SQLITE));
        }
    }
    match around.end {
        Some(End::Changed) => text.push_str(dialect::COMMIT_SQLITE),
        Some(End::Maybe) => text.push_str(dialect::COMMIT_SQLITE_IF_CHANGED),
        None => {}
    }
    text
}

impl Db {
    /// Does all of these, which are alike. Gives the rows of each statement, the guard's first.
    pub async fn together(&mut self, plans: &[&Plan], around: Around) -> std::result::Result<Vec<Vec<Row>>, Stopped> {
        let Some(first) = plans.first() else { return Ok(Vec::new()) };
        self.changes += 1;
        if self.is_postgres() {
            self.together_far(plans, first).await
        } else {
            self.together_near(plans, first, around).await
        }
    }

    async fn together_near(
        &mut self,
        plans: &[&Plan],
        first: &Plan,
        around: Around,
    ) -> std::result::Result<Vec<Vec<Row>>, Stopped> {
        let check = !first.free;
        let mut parts = Vec::with_capacity(first.parts.len());
        let (mut values, mut single) = (Vec::with_capacity(128), Vec::with_capacity(64));
        for (index, part) in first.parts.iter().enumerate() {
            let columns = part.rows.first().map_or(0, Vec::len);
            let rows = (part.rows.len() * plans.len()).next_power_of_two();
            let own =
                plans.iter().filter_map(|plan| plan.parts.get(index)).flat_map(|part| &part.rows).flatten().cloned();
            if rows == 1 {
                single.extend(own);
            } else {
                let before = values.len();
                values.extend(own);
                // Rows of nothing: no key is null, and what has no key is not written.
                values.resize(before + rows * columns, Value::Int(None));
            }
            if check && index == 0 {
                single.push(Value::from(u64::try_from(plans.len()).unwrap_or(u64::MAX)));
            }
            parts.push((&*part.sql, rows, columns));
        }
        values.append(&mut single);
        let text = self.texts.of(&parts, check, around);
        let (mut answers, failed) = self.each(text, values).await;
        let begun = usize::from(around.begin);
        let Some(error) = failed else {
            if around.end.is_some() {
                // Behind the last statement stand the sequence and the end itself.
                let end = answers.split_off(answers.len().saturating_sub(2));
                let sequence = end.first().and_then(|rows| rows.first()).and_then(|row| row.large("number").ok());
                self.ended = Some(sequence);
            }
            answers.drain(..begun);
            if check && answers.len() > 1 {
                answers.remove(1);
            }
            return Ok(answers);
        };
        let done = answers.len();
        Err(match done {
            _ if check && done == begun + 1 && dialect::is_check(&error) => Stopped::Tripped,
            _ if around.end.is_some() && done == begun + parts.len() + 1 + usize::from(check) => Stopped::Commit(error),
            _ => Stopped::Failed(error),
        })
    }

    async fn together_far(&mut self, plans: &[&Plan], first: &Plan) -> std::result::Result<Vec<Vec<Row>>, Stopped> {
        let mut answers = Vec::with_capacity(first.parts.len());
        for (index, part) in first.parts.iter().enumerate() {
            let rows: Vec<&Vec<Value>> =
                plans.iter().filter_map(|plan| plan.parts.get(index)).flat_map(|part| &part.rows).collect();
            let over = !["with", "select"].iter().any(|word| part.sql.trim_start().starts_with(word));
            let asked = match rows.first() {
                Some(only) if !over => self.held().fetch(&part.sql, (*only).clone()).await.map(|rows| (0, rows)),
                _ => self.held().columns(&part.sql, &rows).await,
            };
            let (changed, rows) = asked.map_err(Stopped::Failed)?;
            if !first.free && index == 0 && changed != plans.len() as u64 {
                return Err(Stopped::Tripped);
            }
            answers.push(rows);
        }
        Ok(answers)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_for_several_rows_counts_its_parameters_on() {
        let parts = [
            ("update passes set step = $3 where pass = $1 and state = $2", 2, 3),
            ("insert into timeline (pass, line) values ($1, $2)", 1, 2),
        ];
        let text = sqlite(&parts, true, Around { begin: true, end: None });
        assert_eq!(
            text,
            "begin immediate;\nupdate passes set step = r.column3 from (values (?, ?, ?), (?, ?, ?)) as r where pass = \
             r.column1 and state = r.column2;\ninsert into meta (name, number) select 'guard', null where changes() <> \
             $7;\ninsert into timeline (pass, line) values ($8, $9);\n"
        );
    }

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
