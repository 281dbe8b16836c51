//! A row that was read, of either database.

use serde::de::DeserializeOwned;
use sqlx::{Decode, Postgres, Row as _, Sqlite, Type, postgres::PgRow, sqlite::SqliteRow};

use super::{database::Value, near::NearRow};
use crate::ledger::{LedgerError, Result};

/// A row. A column that is missing or of another type is [`LedgerError::Corrupt`].
pub enum Row {
    /// Of the SQLite connection that writes.
    Near(NearRow),
    /// Of one that reads.
    Sqlite(SqliteRow),
    /// Of PostgreSQL.
    Postgres(PgRow),
}

impl Row {
    /// What a column holds, as the bound value of its kind.
    fn get<T>(&self, column: &str, near: impl Fn(&Value) -> Option<T>) -> Result<Option<T>>
    where
        T: for<'r> Decode<'r, Sqlite> + Type<Sqlite> + for<'r> Decode<'r, Postgres> + Type<Postgres>,
    {
        let value = match self {
            Self::Near(row) => return read(row, column, near),
            Self::Sqlite(row) => row.try_get(column),
            Self::Postgres(row) => row.try_get(column),
        };
        value.map_err(|error| unreadable(column, &error))
    }

    /// An integer.
    pub fn int(&self, column: &str) -> Result<i64> {
        self.maybe_int(column)?.ok_or_else(|| unreadable(column, &"it is null"))
    }

    /// An integer or null.
    pub fn maybe_int(&self, column: &str) -> Result<Option<i64>> {
        match self {
            Self::Near(row) => read(row, column, Value::int),
            Self::Sqlite(row) => row.try_get(column).map_err(|error| unreadable(column, &error)),
            // Every column is a bigint; what a statement computes from constants only is an integer.
            Self::Postgres(row) => row
                .try_get::<Option<i64>, _>(column)
                .or_else(|error| row.try_get::<Option<i32>, _>(column).map(|it| it.map(i64::from)).map_err(|_| error))
                .map_err(|error| unreadable(column, &error)),
        }
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
        self.maybe_text(column)?.ok_or_else(|| unreadable(column, &"it is null"))
    }

    /// A text or null.
    pub fn maybe_text(&self, column: &str) -> Result<Option<String>> {
        self.get(column, |value| if let Value::Text(it) = value { it.clone() } else { None })
    }

    /// Bytes.
    pub fn bytes(&self, column: &str) -> Result<Vec<u8>> {
        self.maybe_bytes(column)?.ok_or_else(|| unreadable(column, &"it is null"))
    }

    /// Bytes or null.
    pub fn maybe_bytes(&self, column: &str) -> Result<Option<Vec<u8>>> {
        self.get(column, Value::bytes)
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

/// A value of the connection that writes: null, or of the kind that is wanted.
fn read<T>(row: &NearRow, column: &str, of_kind: impl Fn(&Value) -> Option<T>) -> Result<Option<T>> {
    match row.value(column) {
        None => Err(unreadable(column, &"there is none")),
        Some(Value::Int(None)) => Ok(None),
        Some(value) => of_kind(value).map(Some).ok_or_else(|| unreadable(column, &"it is of another kind")),
    }
}

/// A column that does not hold what it should.
pub fn unreadable(column: &str, error: &dyn std::fmt::Display) -> LedgerError {
    LedgerError::Corrupt(format!("column {column}: {error}"))
}

fn from_json<T: DeserializeOwned>(text: &str, column: &str) -> Result<T> {
    serde_json::from_str(text).map_err(|error| unreadable(column, &error))
}
