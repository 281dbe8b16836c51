//! SQLite's connection that writes. It works on the thread that calls it, which is the writer's own ([`super::writer`]).
//!
//! The library behind the other connections gives each its own thread, and sends every statement's end and every row from
//! there to whoever waits: some fifty times an order somebody was woken for a part of an answer, a tenth of the processor time
//! that an order costs. Here a transaction is made of plain calls, and one wake-up tells that it is over.

use std::{fmt, path::Path, sync::Arc, time::Duration};

use rusqlite::{
    CachedStatement, Connection, OpenFlags,
    types::{Null, ValueRef},
};
use sqlx::error::{DatabaseError, ErrorKind};

use super::{database::Value, row::Row};

/// The connection.
pub struct Near(Connection);

/// A row that it gave.
pub struct NearRow {
    names: Arc<[String]>,
    values: Vec<Value>,
}

/// What SQLite says, in the form in which the other database's errors come.
#[derive(Debug)]
struct Refused {
    /// The extended result code (<https://www.sqlite.org/rescode.html>).
    code: i32,
    message: String,
}

/// `SQLITE_ERROR`, for a wrong use of the library.
const WRONG_USE: i32 = 1;

type Outcome<T> = std::result::Result<T, sqlx::Error>;

/// How it is opened.
pub struct Wish<'a> {
    /// How long another process may keep the file locked.
    pub busy: Duration,
    /// Prepared statements that are kept.
    pub statements: usize,
    /// Settings of the connection.
    pub pragmas: &'a [(&'a str, &'a str)],
}

impl Near {
    /// Opens a database that is there.
    pub fn open(path: &Path, wish: &Wish<'_>) -> Outcome<Self> {
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(path, flags).map_err(refused)?;
        connection.busy_timeout(wish.busy).map_err(refused)?;
        connection.set_prepared_statement_cache_capacity(wish.statements);
        for (name, value) in wish.pragmas {
            connection.pragma_update(None, name, value).map_err(refused)?;
        }
        Ok(Self(connection))
    }

    /// Runs one statement: how many rows it changed, and the rows that it gave.
    pub fn run(&mut self, sql: &str, values: &[Value]) -> Outcome<(u64, Vec<Row>)> {
        let mut statement = self.0.prepare_cached(sql).map_err(refused)?;
        bind(&mut statement, values)?;
        let columns = statement.column_count();
        if columns == 0 {
            let changed = statement.raw_execute().map_err(refused)?;
            return Ok((changed as u64, Vec::new()));
        }
        let (reads, mut names) = (statement.readonly(), None);
        let mut all = Vec::new();
        let mut rows = statement.raw_query();
        while let Some(row) = rows.next().map_err(refused)? {
            let names = names.get_or_insert_with(|| {
                let names = row.as_ref().column_names();
                names.into_iter().map(ToOwned::to_owned).collect::<Arc<[String]>>()
            });
            let values = (0..columns).map(|at| row.get_ref(at).map(value)).collect::<Result<_, _>>();
            all.push(Row::Near(NearRow { names: Arc::clone(names), values: values.map_err(refused)? }));
        }
        let changed = if reads { 0 } else { self.0.changes() };
        Ok((changed, all))
    }

    /// Runs statements without values, and gives the rows of those that have any.
    pub fn script(&mut self, sql: &str) -> Outcome<Vec<Row>> {
        let mut all = Vec::new();
        for sql in sql.split(';').map(str::trim).filter(|sql| !sql.is_empty()) {
            all.append(&mut self.run(sql, &[])?.1);
        }
        Ok(all)
    }

    /// Ends it in good order.
    pub fn close(self) -> Outcome<()> {
        self.0.close().map_err(|(_, error)| refused(error))
    }
}

/// Texts name their parameters `$n`, which to SQLite are names in the order in which they come up. One that SQLite is not
/// given is null to it, which would be written as if somebody had meant it.
fn bind(statement: &mut CachedStatement<'_>, values: &[Value]) -> Outcome<()> {
    for at in 1..=statement.parameter_count() {
        let number = statement.parameter_name(at).and_then(|name| name.strip_prefix('$')?.parse().ok());
        let value = number.and_then(|number: usize| values.get(number.checked_sub(1)?));
        let bound = match value {
            Some(Value::Int(Some(it))) => statement.raw_bind_parameter(at, it),
            Some(Value::Text(Some(it))) => statement.raw_bind_parameter(at, it),
            Some(Value::Bytes(Some(it))) => statement.raw_bind_parameter(at, it),
            Some(Value::Int(None) | Value::Text(None) | Value::Bytes(None)) => statement.raw_bind_parameter(at, Null),
            None => {
                let (name, given) = (statement.parameter_name(at).unwrap_or("?"), values.len());
                let message = format!("the statement's parameter {name} has no value: {given} were given");
                return Err(sqlx::Error::Database(Box::new(Refused { code: WRONG_USE, message })));
            }
        };
        bound.map_err(refused)?;
    }
    Ok(())
}

fn value(it: ValueRef<'_>) -> Value {
    match it {
        ValueRef::Integer(it) => Value::Int(Some(it)),
        ValueRef::Text(it) => Value::Text(Some(String::from_utf8_lossy(it).into_owned())),
        ValueRef::Blob(it) => Value::Bytes(Some(it.to_owned())),
        // No column holds a number with a fraction.
        ValueRef::Null | ValueRef::Real(_) => Value::Int(None),
    }
}

impl NearRow {
    /// What a column holds; nothing if there is none of this name.
    pub fn value(&self, column: &str) -> Option<&Value> {
        let at = self.names.iter().position(|name| name == column)?;
        self.values.get(at)
    }
}

fn refused(error: rusqlite::Error) -> sqlx::Error {
    let (code, message) = match error {
        rusqlite::Error::SqliteFailure(error, Some(message)) => (error.extended_code, message),
        rusqlite::Error::SqliteFailure(error, None) => (error.extended_code, error.to_string()),
        other => (WRONG_USE, other.to_string()),
    };
    sqlx::Error::Database(Box::new(Refused { code, message }))
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "(code: {}) {}", self.code, self.message)
    }
}

impl std::error::Error for Refused {}

impl DatabaseError for Refused {
    fn message(&self) -> &str {
        &self.message
    }

    fn code(&self) -> Option<std::borrow::Cow<'_, str>> {
        Some(self.code.to_string().into())
    }

    fn as_error(&self) -> &(dyn std::error::Error + Send + Sync + 'static) {
        self
    }

    fn as_error_mut(&mut self) -> &mut (dyn std::error::Error + Send + Sync + 'static) {
        self
    }

    fn into_error(self: Box<Self>) -> Box<dyn std::error::Error + Send + Sync + 'static> {
        self
    }

    fn kind(&self) -> ErrorKind {
        ErrorKind::Other
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::sql::database::values_of;

    #[test]
    fn a_parameter_without_a_value_is_an_error_that_names_it_and_never_a_null() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let wish = Wish { busy: Duration::ZERO, statements: 8, pragmas: &[] };
        let mut near = Near::open(file.path(), &wish).unwrap();
        near.script("create table things (a integer, b text)").unwrap();
        let insert = "insert into things (b, a) values ($2, $1)";
        for (sql, values, named) in [
            (insert, values_of![7_i64], "$2"),
            (insert, values_of![], "$2"),
            ("insert into things (a) values (?)", values_of![7_i64], "?"),
            ("insert into things (a) values ($0)", values_of![7_i64], "$0"),
            ("insert into things (a) values (:1)", values_of![7_i64], ":1"),
        ] {
            let error = near.run(sql, &values).err().unwrap().to_string();
            assert!(error.contains(&format!("parameter {named} has no value")), "{error}");
        }
        assert!(near.run("select * from things", &[]).unwrap().1.is_empty(), "nothing was written");
        // A null that is meant is one.
        assert_eq!(near.run(insert, &[7_i64.into(), None::<String>.into()]).unwrap().0, 1);
        assert_eq!(near.run("select * from things where b is null", &[]).unwrap().1.len(), 1);
    }
}
