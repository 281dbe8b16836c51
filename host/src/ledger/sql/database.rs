//! A connection in use: statements with their values in, rows out. What is bound and read is integers, texts and bytes
//! only, so that one text of SQL serves both databases.

use std::{borrow::Cow, sync::Arc};

use futures_util::TryStreamExt as _;
use serde::{Serialize, de::DeserializeOwned};
use sqlx::{
    AssertSqlSafe, Either, Executor as _, Row as _, Sqlite, SqliteConnection, Transaction,
    pool::PoolConnection,
    query::Query,
    sqlite::{SqliteArguments, SqliteRow},
};

use super::errors::explain;
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

fn bind(sql: impl Into<String>, values: Vec<Value>) -> Query<'static, Sqlite, SqliteArguments> {
    // Every text is a constant of this room, put together from constants; what comes from outside is always bound.
    let mut query = sqlx::query(AssertSqlSafe(sql.into()));
    for value in values {
        query = match value {
            Value::Int(it) => query.bind(it),
            Value::Text(it) => query.bind(it),
            Value::Bytes(it) => query.bind(it),
        };
    }
    query
}

/// A row that was read. A column that is missing or of another type is [`LedgerError::Corrupt`].
pub struct Row(SqliteRow);

impl Row {
    /// An integer.
    pub fn int(&self, column: &str) -> Result<i64> {
        self.0.try_get(column).map_err(|error| unreadable(column, &error))
    }

    /// An integer or null.
    pub fn maybe_int(&self, column: &str) -> Result<Option<i64>> {
        self.0.try_get(column).map_err(|error| unreadable(column, &error))
    }

    /// A small number such as that of a pass.
    pub fn number(&self, column: &str) -> Result<u32> {
        u32::try_from(self.int(column)?).map_err(|error| unreadable(column, &error))
    }

    /// A large number.
    pub fn large(&self, column: &str) -> Result<u64> {
        u64::try_from(self.int(column)?).map_err(|error| unreadable(column, &error))
    }

    /// A flag.
    pub fn flag(&self, column: &str) -> Result<bool> {
        Ok(self.int(column)? != 0)
    }

    /// A text.
    pub fn text(&self, column: &str) -> Result<String> {
        self.0.try_get(column).map_err(|error| unreadable(column, &error))
    }

    /// A text or null.
    pub fn maybe_text(&self, column: &str) -> Result<Option<String>> {
        self.0.try_get(column).map_err(|error| unreadable(column, &error))
    }

    /// Bytes.
    pub fn bytes(&self, column: &str) -> Result<Vec<u8>> {
        self.0.try_get(column).map_err(|error| unreadable(column, &error))
    }

    /// Bytes or null.
    pub fn maybe_bytes(&self, column: &str) -> Result<Option<Vec<u8>>> {
        self.0.try_get(column).map_err(|error| unreadable(column, &error))
    }

    /// What a text of JSON holds.
    pub fn json<T: DeserializeOwned>(&self, column: &str) -> Result<T> {
        from_json(&self.text(column)?, column)
    }

    /// What a text of JSON holds, or null.
    pub fn maybe_json<T: DeserializeOwned>(&self, column: &str) -> Result<Option<T>> {
        self.maybe_text(column)?.map(|text| from_json(&text, column)).transpose()
    }
}

fn unreadable(column: &str, error: &dyn std::fmt::Display) -> LedgerError {
    LedgerError::Corrupt(format!("column {column}: {error}"))
}

fn from_json<T: DeserializeOwned>(text: &str, column: &str) -> Result<T> {
    serde_json::from_str(text).map_err(|error| unreadable(column, &error))
}

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

/// What a connection is held by.
pub enum Held {
    /// The writer.
    Writer(SqliteConnection),
    /// A reader.
    Reader(PoolConnection<Sqlite>),
    /// A reader with one view of everything.
    Snapshot(Transaction<'static, Sqlite>),
}

/// A connection in use, with the moment and the randomness that an operation works with.
pub struct Db {
    held: Held,
    place: Arc<str>,
    /// The database's clock.
    pub now_ms: Millis,
    /// Randomness.
    pub random: Arc<dyn Random>,
    /// How many statements changed something since the connection was opened.
    pub changes: u64,
    later: Vec<(Cow<'static, str>, Vec<Value>)>,
}

/// How many statements are handed over at once: each hand-over wakes the connection's thread.
const TOGETHER: usize = 16;

impl Db {
    /// Wraps a connection.
    pub fn new(held: Held, place: Arc<str>, now_ms: Millis, random: Arc<dyn Random>) -> Self {
        Self { held, place, now_ms, random, changes: 0, later: Vec::new() }
    }

    /// The connection.
    pub fn connection(&mut self) -> &mut SqliteConnection {
        match &mut self.held {
            Held::Writer(connection) => connection,
            Held::Reader(connection) => connection,
            Held::Snapshot(transaction) => transaction,
        }
    }

    /// Gives the connection back.
    pub fn into_held(self) -> Held {
        self.held
    }

    /// Which database, for errors.
    pub fn place(&self) -> &str {
        &self.place
    }

    /// Runs a statement; how many rows it changed.
    pub async fn run(&mut self, sql: &str, values: Vec<Value>) -> Result<u64> {
        self.flush().await?;
        let place = Arc::clone(&self.place);
        let done = self.connection().execute(bind(sql, values)).await.map_err(|error| explain(&error, &place))?;
        if done.rows_affected() > 0 {
            self.changes += 1;
        }
        Ok(done.rows_affected())
    }

    /// Reads rows.
    pub async fn rows(&mut self, sql: &str, values: Vec<Value>) -> Result<Vec<Row>> {
        self.flush().await?;
        let place = Arc::clone(&self.place);
        let rows = self.connection().fetch_all(bind(sql, values)).await.map_err(|error| explain(&error, &place))?;
        Ok(rows.into_iter().map(Row).collect())
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
        while !self.later.is_empty() {
            let rest = self.later.split_off(self.later.len().min(TOGETHER));
            let batch = std::mem::replace(&mut self.later, rest);
            self.changes += 1;
            let (sql, values) = join(batch);
            let place = Arc::clone(&self.place);
            self.connection().execute(bind(sql, values)).await.map_err(|error| explain(&error, &place))?;
        }
        Ok(())
    }

    /// Runs a statement that changes rows and gives them back, and right behind it what was noted, all in one hand-over:
    /// each hand-over costs two switches of threads. Gives the rows of each. What was noted is meant for the case that the
    /// first gave a row; where it gave none, the caller has to fail, and everything is undone.
    pub async fn guarded(&mut self, sql: &str, values: Vec<Value>) -> Result<Vec<Vec<Row>>> {
        let noted = std::mem::take(&mut self.later);
        let count = noted.len() + 1;
        let (sql, values) = join(std::iter::once((Cow::Borrowed(sql), values)).chain(noted));
        let place = Arc::clone(&self.place);
        let mut all: Vec<Vec<Row>> = Vec::with_capacity(count);
        let mut rows = Vec::new();
        let mut stream = self.connection().fetch_many(bind(sql, values));
        let failed = loop {
            match stream.try_next().await {
                Ok(Some(Either::Right(row))) => rows.push(Row(row)),
                Ok(Some(Either::Left(_))) => all.push(std::mem::take(&mut rows)),
                Ok(None) => break None,
                Err(error) => break Some(explain(&error, &place)),
            }
        };
        drop(stream);
        // Whatever was noted may have changed something even if the first did not, and also if one of them failed: only
        // what is counted is undone.
        if count > 1 || all.first().is_some_and(|first| !first.is_empty()) {
            self.changes += 1;
        }
        match failed {
            // The first gave no row: that a later one then met the rows of somebody else's move says nothing more.
            Some(LedgerError::Corrupt(_)) if all.first().is_some_and(Vec::is_empty) => Ok(all),
            Some(error) => Err(error),
            None => Ok(all),
        }
    }

    /// Runs statements as they are, without values.
    pub async fn script(&mut self, sql: &str) -> std::result::Result<(), sqlx::Error> {
        self.connection().execute(bind(sql, Vec::new())).await.map(drop)
    }
}

/// Statements as one text, their parameters counted on. (PostgreSQL runs them one by one instead, pipelined.)
fn join<'a>(batch: impl IntoIterator<Item = (Cow<'a, str>, Vec<Value>)>) -> (String, Vec<Value>) {
    let mut sql = String::with_capacity(1_024);
    let mut all = Vec::new();
    for (text, values) in batch {
        if !sql.is_empty() {
            sql.push_str(";\n");
        }
        renumber(&text, all.len(), &mut sql);
        all.extend(values);
    }
    (sql, all)
}

/// Copies `text` with each `$n` counted on by `offset`. No text of this room has a `$` for anything else.
fn renumber(text: &str, offset: usize, into: &mut String) {
    let mut parts = text.split('$');
    into.push_str(parts.next().unwrap_or_default());
    for part in parts {
        let digits = part.bytes().take_while(u8::is_ascii_digit).count();
        let (number, rest) = part.split_at(digits);
        into.push('$');
        into.push_str(&(number.parse::<usize>().unwrap_or_default() + offset).to_string());
        into.push_str(rest);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statements_are_joined_with_their_parameters_counted_on() {
        let (sql, values) = join(vec![
            ("update a set b = $1 where c = $2".into(), values_of![1_i64, "x"]),
            ("insert into d values ($1, $10, $1)".into(), values_of![2_i64]),
        ]);
        assert_eq!(sql, "update a set b = $1 where c = $2;\ninsert into d values ($3, $12, $3)");
        assert_eq!(values.len(), 3);
    }
}
