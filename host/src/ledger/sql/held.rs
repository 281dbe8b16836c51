//! A connection to either database, however it is held, and the ways to hand statements to it.
//!
//! PostgreSQL gets the same texts; [`dialect`] puts in its fragments. A pooler that gives each transaction another server
//! session (PgBouncer) knows no prepared statements, so behind one they have no names and live in a transaction.
//!
//! A server may take a question and never answer. Whoever waits longer than the connection's limit is told that it is gone, and
//! it is given up: what its answer would have been belongs to nobody any more.

use std::{borrow::Cow, time::Duration};

use futures_util::TryStreamExt as _;
use sqlx::{
    AssertSqlSafe, Connection as _, Either, Executor as _, PgConnection, Postgres, Sqlite, SqliteConnection,
    Transaction, pool::PoolConnection, postgres::PgArguments, query::Query, sqlite::SqliteArguments,
};

use super::{
    borrowed::Borrowed,
    database::Value,
    dialect,
    errors::{STALE_PLAN, state},
    far::{Far, Texts, inline},
    near::Near,
    row::Row,
};

/// What a connection is held by.
pub enum Held {
    /// The writer of SQLite.
    Sqlite(Near),
    /// A reader of SQLite.
    SqliteReader(PoolConnection<Sqlite>),
    /// A reader of SQLite with one view of everything.
    SqliteSnapshot(Transaction<'static, Sqlite>),
    /// A writer of PostgreSQL, with how it speaks, and what its server has been told.
    Postgres(PgConnection, Speech, Box<Texts>),
    /// A reader of PostgreSQL; in a transaction where it wants one view of everything, or behind a pooler.
    PostgresReader(Borrowed, Speech),
    /// A connection that was lost.
    Lost,
}

/// How PostgreSQL is spoken to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Speech {
    /// Statements keep no name: there is a pooler in between.
    pub pooled: bool,
    /// How long an answer is waited for.
    pub patience: Duration,
}

/// A connection, borrowed.
enum Connection<'a> {
    Near(&'a mut Near),
    SqliteReader(&'a mut SqliteConnection),
    Postgres(&'a mut PgConnection, Speech),
}

/// Statements of one hand-over as their texts and values.
pub type Batch = Vec<(Cow<'static, str>, Vec<Value>)>;

/// What a statement of a message gave.
pub struct Answer {
    /// How many rows it changed or gave.
    pub changed: u64,
    /// What it gave.
    pub rows: Vec<Row>,
}

type Outcome<T> = std::result::Result<T, sqlx::Error>;

/// Bytes as text are twice as long, and large bodies need not be read by the parser: longer ones are bound.
const INLINE: usize = 16_384;

impl Held {
    /// Whether it is PostgreSQL.
    pub fn is_postgres(&self) -> bool {
        !matches!(self, Self::Sqlite(_) | Self::SqliteReader(_) | Self::SqliteSnapshot(_))
    }

    fn connection(&mut self) -> Outcome<Connection<'_>> {
        Ok(match self {
            Self::Sqlite(near) => Connection::Near(near),
            Self::SqliteReader(connection) => Connection::SqliteReader(connection),
            Self::SqliteSnapshot(transaction) => Connection::SqliteReader(transaction),
            Self::Postgres(connection, speech, _) => Connection::Postgres(connection, *speech),
            Self::PostgresReader(borrowed, speech) => Connection::Postgres(borrowed.connection()?, *speech),
            Self::Lost => return Err(sqlx::Error::WorkerCrashed),
        })
    }

    fn patience(&self) -> Option<Duration> {
        match self {
            Self::Postgres(_, speech, _) | Self::PostgresReader(_, speech) => Some(speech.patience),
            _ => None,
        }
    }

    /// What was answered in time. A connection that was not is lost.
    fn answered<T>(&mut self, answer: InTime<T>) -> Outcome<T> {
        answer.unwrap_or_else(|late| {
            *self = Self::Lost;
            Err(late)
        })
    }

    /// Runs a statement; how many rows it changed.
    pub async fn execute(&mut self, sql: &str, values: Vec<Value>) -> Outcome<u64> {
        let answer = in_time(self.patience(), self.execute_now(sql, values)).await;
        self.answered(answer)
    }

    async fn execute_now(&mut self, sql: &str, values: Vec<Value>) -> Outcome<u64> {
        match self.connection()? {
            Connection::Near(near) => near.run(sql, &values).map(|(changed, _)| changed),
            Connection::SqliteReader(_) => Err(reader()),
            Connection::Postgres(connection, speech) => {
                let done = connection.execute(bind_postgres(sql, values, speech)).await;
                forget_stale(connection, &done).await;
                done.map(|done| done.rows_affected())
            }
        }
    }

    /// Reads rows.
    pub async fn fetch(&mut self, sql: &str, values: Vec<Value>) -> Outcome<Vec<Row>> {
        let answer = in_time(self.patience(), self.fetch_now(sql, values)).await;
        self.answered(answer)
    }

    async fn fetch_now(&mut self, sql: &str, values: Vec<Value>) -> Outcome<Vec<Row>> {
        let alone = matches!(self, Self::PostgresReader(borrowed, _) if !borrowed.is_in_transaction());
        match self.connection()? {
            Connection::Near(near) => near.run(sql, &values).map(|(_, rows)| rows),
            Connection::SqliteReader(connection) => {
                let rows = connection.fetch_all(bind_sqlite(sql, values)).await?;
                Ok(rows.into_iter().map(Row::Sqlite).collect())
            }
            Connection::Postgres(connection, speech) => {
                let again = alone.then(|| values.clone());
                let mut rows = connection.fetch_all(bind_postgres(sql, values, speech)).await;
                if forget_stale(connection, &rows).await
                    && let Some(values) = again
                {
                    rows = connection.fetch_all(bind_postgres(sql, values, speech)).await;
                }
                Ok(rows?.into_iter().map(Row::Postgres).collect())
            }
        }
    }

    /// Runs statements in one hand-over.
    pub async fn batch(&mut self, batch: Batch) -> Outcome<()> {
        let answer = in_time(self.patience(), self.batch_now(batch)).await;
        self.answered(answer)
    }

    async fn batch_now(&mut self, batch: Batch) -> Outcome<()> {
        match self.connection()? {
            Connection::Near(near) => batch.iter().try_for_each(|(sql, values)| near.run(sql, values).map(drop)),
            Connection::SqliteReader(_) => Err(reader()),
            Connection::Postgres(connection, speech) => {
                let mut text = String::new();
                for (sql, values) in batch {
                    if !values.iter().any(is_long) {
                        inline(&dialect::postgres(&sql), &values, &mut text);
                        text.push_str(";\n");
                        continue;
                    }
                    if !text.is_empty() {
                        connection.execute(sqlx::raw_sql(AssertSqlSafe(std::mem::take(&mut text)))).await?;
                    }
                    connection.execute(bind_postgres(&sql, values, speech)).await?;
                }
                if text.is_empty() {
                    return Ok(());
                }
                connection.execute(sqlx::raw_sql(AssertSqlSafe(text))).await.map(drop)
            }
        }
    }

    /// SQLite's writer.
    pub fn near(&mut self) -> Outcome<&mut Near> {
        if let Self::Sqlite(near) = self { Ok(near) } else { Err(reader()) }
    }

    /// Runs statements of PostgreSQL in one message, between the texts `before`, each of which ends with a semicolon, and
    /// `after`. What each of them gave.
    pub async fn message(&mut self, before: &str, statements: &[Far<'_>], after: &str) -> Outcome<Vec<Answer>> {
        let answer = in_time(self.patience(), self.message_now(before, statements, after)).await;
        self.answered(answer)
    }

    async fn message_now(&mut self, before: &str, statements: &[Far<'_>], after: &str) -> Outcome<Vec<Answer>> {
        let Self::Postgres(connection, speech, texts) = self else { return Err(reader()) };
        let (mut told, mut message) = (String::new(), String::from(before));
        texts.make_room(&mut told);
        for far in statements {
            texts.add(far, speech.pooled, &mut told, &mut message);
        }
        message.push_str(after);
        let done = match told.is_empty() {
            true => answers(connection, message).await,
            // Apart, for what fails in one message takes back nothing of this: afterwards it is there or it is not.
            false => match connection.execute(sqlx::raw_sql(AssertSqlSafe(told))).await {
                Ok(_) => answers(connection, message).await,
                Err(error) => {
                    texts.forget();
                    Err(error)
                }
            },
        };
        if matches!(&done, Err(error) if state(error).as_deref() == Some(STALE_PLAN)) {
            texts.forget();
        }
        let mut done = done?;
        let first = before.matches(';').count().min(done.len());
        done.drain(..first);
        done.truncate(statements.len());
        Ok(done)
    }

    /// Runs statements without values, and gives the rows of those that have any.
    pub async fn script(&mut self, sql: &str) -> Outcome<Vec<Row>> {
        let answer = in_time(self.patience(), self.script_now(sql)).await;
        self.answered(answer)
    }

    async fn script_now(&mut self, sql: &str) -> Outcome<Vec<Row>> {
        match self.connection()? {
            Connection::Near(near) => near.script(sql),
            Connection::SqliteReader(_) => Err(reader()),
            Connection::Postgres(connection, _) => {
                let rows = connection.fetch_all(sqlx::raw_sql(AssertSqlSafe(sql.to_owned()))).await?;
                Ok(rows.into_iter().map(Row::Postgres).collect())
            }
        }
    }

    /// Ends the connection in good order.
    pub async fn close(self) -> Outcome<()> {
        match self {
            Self::Sqlite(near) => near.close(),
            Self::Postgres(connection, speech, _) => {
                in_time(Some(speech.patience), connection.close()).await.unwrap_or_else(Err)
            }
            _ => Ok(()),
        }
    }
}

/// What each statement of a message gave.
async fn answers(connection: &mut PgConnection, message: String) -> Outcome<Vec<Answer>> {
    let (mut all, mut rows) = (Vec::new(), Vec::new());
    let mut stream = connection.fetch_many(sqlx::raw_sql(AssertSqlSafe(message)));
    while let Some(next) = stream.try_next().await? {
        match next {
            Either::Right(row) => rows.push(Row::Postgres(row)),
            Either::Left(done) => {
                all.push(Answer { changed: done.rows_affected(), rows: std::mem::take(&mut rows) });
            }
        }
    }
    Ok(all)
}

/// Somebody asked the wrong kind of connection: ours to prevent.
fn reader() -> sqlx::Error {
    sqlx::Error::Protocol("a connection that reads was asked to write".to_owned())
}

/// What was answered; the error in place of an answer that did not come in time.
type InTime<T> = std::result::Result<Outcome<T>, sqlx::Error>;

/// Waits for an answer no longer than that.
pub async fn in_time<T>(patience: Option<Duration>, answer: impl Future<Output = Outcome<T>>) -> InTime<T> {
    let Some(patience) = patience else { return Ok(answer.await) };
    tokio::time::timeout(patience, answer).await.map_err(|_| {
        tracing::warn!(seconds = patience.as_secs(), "the database does not answer; the connection is given up");
        sqlx::Error::Io(std::io::ErrorKind::TimedOut.into())
    })
}

/// A migration beside us can make a prepared `select *` stale; what is asked next is prepared anew. Whether it was that.
async fn forget_stale<T>(connection: &mut PgConnection, done: &Outcome<T>) -> bool {
    let stale = matches!(done, Err(error) if state(error).as_deref() == Some(STALE_PLAN));
    if stale && let Err(error) = connection.clear_cached_statements().await {
        tracing::debug!(%error, "prepared statements could not be forgotten");
    }
    stale
}

// Every text is a constant of this room, put together from constants; what comes from outside is always a value.
fn bind_sqlite(sql: &str, values: Vec<Value>) -> Query<'static, Sqlite, SqliteArguments> {
    let mut query = sqlx::query(AssertSqlSafe(sql.to_owned()));
    for value in values {
        query = match value {
            Value::Int(it) => query.bind(it),
            Value::Text(it) => query.bind(it),
            Value::Bytes(it) => query.bind(it),
        };
    }
    query
}

fn bind_postgres(sql: &str, values: Vec<Value>, speech: Speech) -> Query<'static, Postgres, PgArguments> {
    let mut query = sqlx::query(AssertSqlSafe(dialect::postgres(sql).into_owned())).persistent(!speech.pooled);
    for value in values {
        query = match value {
            Value::Int(it) => query.bind(it),
            Value::Text(it) => query.bind(it.map(without_nul)),
            Value::Bytes(it) => query.bind(it),
        };
    }
    query
}

/// PostgreSQL's texts can't hold the character 0.
fn without_nul(text: String) -> String {
    if text.contains('\0') { text.replace('\0', "\u{fffd}") } else { text }
}

fn is_long(value: &Value) -> bool {
    match value {
        Value::Int(_) => false,
        Value::Text(it) => it.as_ref().is_some_and(|it| it.len() > INLINE),
        Value::Bytes(it) => it.as_ref().is_some_and(|it| it.len() > INLINE),
    }
}
