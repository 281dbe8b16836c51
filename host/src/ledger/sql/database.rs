//! A connection in use: statements with their values in, rows out. What is bound and read is integers, texts and bytes
//! only, so that one text of SQL serves both databases.

use std::{borrow::Cow, collections::BTreeSet, sync::Arc};

use serde::{Serialize, de::DeserializeOwned};

pub use super::row::Row;
use super::{
    errors::{Fault, explain, fault},
    held::{Batch, Held},
    row::unreadable,
};
use crate::{
    domain::{clock::Millis, random::Random},
    ledger::{LedgerError, Result},
};

/// A bound value. Each kind keeps its type when it is null, because PostgreSQL wants to know it.
#[derive(Clone, Debug)]
pub enum Value {
    /// An integer.
    Int(Option<i64>),
    /// A text.
    Text(Option<String>),
    /// Bytes.
    Bytes(Option<Vec<u8>>),
}

macro_rules! values {
    ($($from:ty => |$it:ident| $value:expr;)*) => {
        $(impl From<$from> for Value {
            fn from($it: $from) -> Self {
                $value
            }
        })*
    };
}

values! {
    i64 => |it| Self::Int(Some(it));
    u32 => |it| Self::Int(Some(it.into()));
    u8 => |it| Self::Int(Some(it.into()));
    // Numbers past 2^63 can't come up; if one did, the largest is nearest to the truth.
    u64 => |it| Self::Int(Some(i64::try_from(it).unwrap_or(i64::MAX)));
    bool => |it| Self::Int(Some(it.into()));
    Option<i64> => |it| Self::Int(it);
    &str => |it| Self::Text(Some(it.to_owned()));
    &String => |it| Self::Text(Some(it.clone()));
    String => |it| Self::Text(Some(it));
    Option<String> => |it| Self::Text(it);
    Option<&str> => |it| Self::Text(it.map(ToOwned::to_owned));
    &[u8] => |it| Self::Bytes(Some(it.to_owned()));
    &Vec<u8> => |it| Self::Bytes(Some(it.clone()));
    Option<Vec<u8>> => |it| Self::Bytes(it);
}

/// The values of a statement.
macro_rules! values_of {
    ($($value:expr),* $(,)?) => {
        vec![$($crate::ledger::sql::database::Value::from($value)),*]
    };
}
pub(crate) use values_of;

/// As JSON text.
///
/// # Errors
/// `Refused` when it can't be written as JSON; none of our own types can't.
pub fn to_json<T: Serialize + ?Sized>(value: &T) -> Result<String> {
    serde_json::to_string(value).map_err(|error| LedgerError::Refused(format!("it can't be stored as JSON: {error}")))
}

/// A word as serde spells it (`snake_case` enums without fields).
///
/// # Errors
/// As [`to_json`].
pub fn to_word<T: Serialize + ?Sized>(value: &T) -> Result<String> {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(word)) => Ok(word),
        _ => Err(LedgerError::Refused("a word was expected".to_owned())),
    }
}

/// The value of a word.
///
/// # Errors
/// `Corrupt` for a word that this program does not know.
pub fn from_word<T: DeserializeOwned>(word: &str, column: &str) -> Result<T> {
    serde_json::from_value(serde_json::Value::String(word.to_owned())).map_err(|error| unreadable(column, &error))
}

/// A database connection in use, with what an operation may need beside it.
pub struct Db {
    held: Held,
    place: Arc<str>,
    /// The database's clock for this operation: every row of one operation gets the same moment.
    pub now_ms: Millis,
    /// For tokens that must differ from all others.
    pub random: Arc<dyn Random>,
    /// Statements that changed something since the group began.
    pub changes: u64,
    /// The worst that happened since the transaction began.
    pub fault: Fault,
    /// What another host may be waiting for: connections with new work; empty for an administrator's change.
    pub wakes: BTreeSet<String>,
    /// A savepoint named `one` stands before this operation.
    pub apart: bool,
    /// The group must be repeated with each operation apart.
    pub tripped: bool,
    later: Batch,
}

/// Statements of one hand-over to SQLite: each is a way to the connection's thread.
const TOGETHER: usize = 16;
/// The same for PostgreSQL: each is a round trip.
const TOGETHER_FAR: usize = 64;

impl Db {
    /// Wraps a connection.
    pub fn new(held: Held, place: Arc<str>, now_ms: Millis, random: Arc<dyn Random>) -> Self {
        Self {
            held,
            place,
            now_ms,
            random,
            changes: 0,
            fault: Fault::None,
            wakes: BTreeSet::new(),
            apart: false,
            tripped: false,
            later: Vec::new(),
        }
    }

    /// Gives the connection back.
    pub fn into_held(self) -> Held {
        self.held
    }

    /// Goes on with another connection.
    pub fn replace(&mut self, held: Held) {
        self.held = held;
    }

    /// The connection itself.
    pub fn held(&mut self) -> &mut Held {
        &mut self.held
    }

    /// Whether the connection was lost.
    pub fn is_lost(&self) -> bool {
        matches!(self.held, Held::Lost)
    }

    /// Which database, for errors.
    pub fn place(&self) -> &str {
        &self.place
    }

    /// Whether it is PostgreSQL.
    pub fn is_postgres(&self) -> bool {
        self.held.is_postgres()
    }

    /// Runs a statement; how many rows it changed.
    pub async fn run(&mut self, sql: &str, values: Vec<Value>) -> Result<u64> {
        self.flush().await?;
        let done = self.held.execute(sql, values).await;
        let changed = done.map_err(|error| self.failed(&error))?;
        if changed > 0 {
            self.changes += 1;
        }
        Ok(changed)
    }

    /// Reads rows.
    pub async fn rows(&mut self, sql: &str, values: Vec<Value>) -> Result<Vec<Row>> {
        self.flush().await?;
        let rows = self.held.fetch(sql, values).await;
        rows.map_err(|error| self.failed(&error))
    }

    /// Reads a row, if there is one.
    pub async fn maybe_row(&mut self, sql: &str, values: Vec<Value>) -> Result<Option<Row>> {
        Ok(self.rows(sql, values).await?.pop())
    }

    /// Runs a statement that changes rows and gives them back (`returning`).
    pub async fn changed(&mut self, sql: &str, values: Vec<Value>) -> Result<Vec<Row>> {
        let rows = self.rows(sql, values).await?;
        if !rows.is_empty() {
            self.changes += 1;
        }
        Ok(rows)
    }

    /// Notes a statement whose result nobody waits for; it runs with others in one hand-over, before the next read and
    /// before the operation ends. It must change something whenever it runs.
    pub fn later(&mut self, sql: impl Into<Cow<'static, str>>, values: Vec<Value>) {
        self.later.push((sql.into(), values));
    }

    /// Forgets what was noted: the operation failed.
    pub fn forget(&mut self) {
        self.later.clear();
    }

    /// Runs what was noted.
    pub async fn flush(&mut self) -> Result<()> {
        let most = if self.is_postgres() { TOGETHER_FAR } else { TOGETHER };
        while !self.later.is_empty() {
            let rest = self.later.split_off(self.later.len().min(most));
            let batch = std::mem::replace(&mut self.later, rest);
            self.changes += 1;
            let done = self.held.batch(batch).await;
            done.map_err(|error| self.failed(&error))?;
        }
        Ok(())
    }

    /// Runs a statement that changes rows and gives them back, and right behind it what was noted, all in one hand-over.
    /// Gives the rows of each. What was noted is meant for the case that the first gave a row; where it gave none, the caller
    /// has to fail, and everything is undone.
    pub async fn guarded(&mut self, sql: &str, values: Vec<Value>) -> Result<Vec<Vec<Row>>> {
        let mut batch: Batch = vec![(sql.to_owned().into(), values)];
        batch.append(&mut self.later);
        let noted = batch.len() > 1;
        let (all, failed) = self.held.each(batch).await;
        // Whatever was noted may have changed something even if the first did not, and also if one of them failed: only
        // what is counted is undone.
        if noted || all.first().is_some_and(|first| !first.is_empty()) {
            self.changes += 1;
        }
        let Some(error) = failed else { return Ok(all) };
        let tripped = matches!(explain(&error, &self.place), LedgerError::Corrupt(_));
        if !tripped || !all.first().is_some_and(Vec::is_empty) {
            return Err(self.failed(&error));
        }
        // The first gave no row: that a later one then met the rows of somebody else's move says nothing more.
        if self.is_postgres() {
            self.after_a_trip().await?;
        }
        Ok(all)
    }

    /// PostgreSQL answers nothing more in a transaction that a statement failed in. Where the operation stands apart, it goes
    /// back to its beginning and may ask why; else the whole group is repeated with each apart.
    async fn after_a_trip(&mut self) -> Result<()> {
        if self.apart {
            let back = self.held.script("rollback to savepoint one").await;
            return back.map(drop).map_err(|error| self.failed(&error));
        }
        self.tripped = true;
        self.fault = self.fault.max(Fault::Failed);
        Err(LedgerError::Refused("it is tried again by itself".to_owned()))
    }

    /// Locks the rows that a statement reads, because a decision hangs on what is read after it. SQLite's writer is alone.
    pub async fn lock(&mut self, sql: &str, values: Vec<Value>) -> Result<()> {
        match self.is_postgres() {
            true => self.rows(sql, values).await.map(drop),
            false => Ok(()),
        }
    }

    /// Runs statements as they are, without values.
    pub async fn script(&mut self, sql: &str) -> std::result::Result<(), sqlx::Error> {
        let done = self.held.script(sql).await.map(drop);
        if let Err(error) = &done {
            self.note(error);
        }
        done
    }

    /// Runs statements as they are; the rows of those that give any.
    pub async fn script_rows(&mut self, sql: &str) -> std::result::Result<Vec<Row>, sqlx::Error> {
        let done = self.held.script(sql).await;
        if let Err(error) = &done {
            self.note(error);
        }
        done
    }

    fn note(&mut self, error: &sqlx::Error) {
        self.fault = self.fault.max(fault(error));
    }

    fn failed(&mut self, error: &sqlx::Error) -> LedgerError {
        self.note(error);
        explain(error, &self.place)
    }
}
