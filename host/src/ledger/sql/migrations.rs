//! The schema's steps, built into the program. Steps are only ever added; both folders hold the same names.

use sqlx::{
    Connection as _, SqlSafeStr as _, SqliteConnection,
    migrate::{Migration, MigrationType, Migrator},
};

use super::errors::{explain, explain_migration};
use crate::ledger::Result;

const STEPS: [(i64, &str, &str); 1] = [(1, "ledger", include_str!("../../../migrations/sqlite/0001_ledger.sql"))];

fn migrator() -> Migrator {
    let steps = STEPS.map(|(version, name, sql)| {
        Migration::new(version, name.into(), MigrationType::Simple, sql.into_sql_str(), false)
    });
    Migrator::with_migrations(steps.into())
}

/// The newest step that the database has; 0 for an empty one.
pub async fn version(connection: &mut SqliteConnection, place: &str) -> Result<i64> {
    let known: Option<i64> =
        sqlx::query_scalar("select 1 from sqlite_master where type = 'table' and name = '_sqlx_migrations'")
            .fetch_optional(&mut *connection)
            .await
            .map_err(|error| explain(&error, place))?;
    if known.is_none() {
        return Ok(0);
    }
    sqlx::query_scalar("select coalesce(max(version), 0) from _sqlx_migrations")
        .fetch_one(&mut *connection)
        .await
        .map_err(|error| explain(&error, place))
}

/// The newest step that this program knows.
pub fn newest() -> i64 {
    STEPS.iter().map(|(version, ..)| *version).max().unwrap_or(0)
}

/// Brings the schema up to date.
///
/// # Errors
/// `Unavailable`: written by a newer program, or what the database says.
pub async fn run(connection: &mut SqliteConnection, place: &str) -> Result<()> {
    migrator().run(&mut *connection).await.map_err(|error| explain_migration(&error, place))?;
    connection.clear_cached_statements().await.map_err(|error| explain(&error, place))
}
