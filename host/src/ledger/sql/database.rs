//! A connection in use: statements with their values in, rows out. What is bound and read is integers, texts and bytes
//! only, so that one text of SQL serves both databases.

use std::{borrow::Cow, collections::BTreeSet, sync::Arc};

use serde::{Serialize, de::DeserializeOwned};

pub use super::row::Row;
use super::{
    errors::{Fault, explain, fault},
    held::{Batch, Held},
    row::unreadable,
    together::{Plan, Stopped},
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

impl Value {
    /// An integer, where it is one.
    pub fn int(&self) -> Option<i64> {
        if let Self::Int(it) = self { *it } else { None }
    }

    /// Bytes, where it is some.
    pub fn bytes(&self) -> Option<Vec<u8>> {
        if let Self::Bytes(it) = self { it.clone() } else { None }
    }
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

/// Takes statements whose result nobody waits for, in a transaction of a known time.
pub trait Later {
    /// The time of the transaction.
    fn now_ms(&self) -> Millis;
    /// Notes a statement. It must change something whenever it runs.
    fn later(&mut self, sql: impl Into<Cow<'static, str>>, values: Vec<Value>);
}

impl Later for Db {
    fn now_ms(&self) -> Millis {
        self.now_ms
    }

    fn later(&mut self, sql: impl Into<Cow<'static, str>>, values: Vec<Value>) {
        Self::later(self, sql, values);
    }
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
    later: Batch,
    gathered: Option<Plan>,
}

/// Statements of one message to PostgreSQL: each is a round trip.
const TOGETHER: usize = 64;

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
            later: Vec::new(),
            gathered: None,
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
        match &mut self.gathered {
            Some(plan) => plan.with_its_like(sql.into(), values),
            None => self.later.push((sql.into(), values)),
        }
    }

    /// Forgets what was noted: the operation failed.
    pub fn forget(&mut self) {
        self.gathered = None;
        self.later.clear();
    }

    /// Runs what was noted.
    pub async fn flush(&mut self) -> Result<()> {
        let now_ms = self.now_ms;
        let gathered = self.gathered.as_mut().map(|plan| std::mem::replace(plan, Plan::free(now_ms)));
        if let Some(plan) = gathered.filter(|plan| !plan.is_empty()) {
            match self.together(&[&plan]).await {
                Ok(_) | Err(Stopped::Tripped) => {}
                Err(Stopped::Failed(error)) => return Err(self.failed(&error)),
            }
        }
        while !self.later.is_empty() {
            let rest = self.later.split_off(self.later.len().min(TOGETHER));
            let batch = std::mem::replace(&mut self.later, rest);
            self.changes += 1;
            let done = self.held.batch(batch).await;
            done.map_err(|error| self.failed(&error))?;
        }
        Ok(())
    }

    /// Notes from now on statements with those of the same text, whatever stands between them; until they are run.
    pub fn gather(&mut self) {
        self.gathered.get_or_insert_with(|| Plan::free(self.now_ms));
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

    /// Takes note of what an error means for the transaction.
    pub fn note(&mut self, error: &sqlx::Error) {
        self.fault = self.fault.max(fault(error));
    }

    /// An error of a statement, for whoever asked.
    pub fn failed(&mut self, error: &sqlx::Error) -> LedgerError {
        self.note(error);
        explain(error, &self.place)
    }
}
