//! The schema's steps, built into the program. Steps are only ever added; both folders hold the same names.
//!
//! Hosts one version apart work side by side: a step only adds what the program before it does not look at (expand), and what
//! is no longer needed goes with the version after next (contract). The row `oldest_program` of `meta` says which step a
//! program must know at least; a step that takes something away raises it.

use std::{borrow::Cow, time::Duration};

use sqlx::{
    Connection as _, Executor as _, PgConnection, SqlSafeStr as _, SqliteConnection,
    migrate::{Migration, MigrationType, Migrator},
};

use super::errors::{explain, explain_migration, silent, state, unavailable};
use crate::{failpoint, ledger::Result};

const SQLITE: &[(i64, &str, &str)] = &[
    (1, "ledger", include_str!("../../../migrations/sqlite/0001_ledger.sql")),
    (2, "fleet", include_str!("../../../migrations/sqlite/0002_fleet.sql")),
    (3, "destinations", include_str!("../../../migrations/sqlite/0003_destinations.sql")),
    (4, "admission", include_str!("../../../migrations/sqlite/0004_admission.sql")),
    (5, "activations", include_str!("../../../migrations/sqlite/0005_activations.sql")),
    (6, "evidence", include_str!("../../../migrations/sqlite/0006_evidence.sql")),
    (7, "publishers", include_str!("../../../migrations/sqlite/0007_publishers.sql")),
    (8, "states", include_str!("../../../migrations/sqlite/0008_states.sql")),
    (9, "statistics", include_str!("../../../migrations/sqlite/0009_statistics.sql")),
    (10, "tried", include_str!("../../../migrations/sqlite/0010_tried.sql")),
    (11, "leftovers", include_str!("../../../migrations/sqlite/0011_leftovers.sql")),
    (12, "bodies", include_str!("../../../migrations/sqlite/0012_bodies.sql")),
];
const POSTGRES: &[(i64, &str, &str)] = &[
    (1, "ledger", include_str!("../../../migrations/postgres/0001_ledger.sql")),
    (2, "fleet", include_str!("../../../migrations/postgres/0002_fleet.sql")),
    (3, "destinations", include_str!("../../../migrations/postgres/0003_destinations.sql")),
    (4, "admission", include_str!("../../../migrations/postgres/0004_admission.sql")),
    (5, "activations", include_str!("../../../migrations/postgres/0005_activations.sql")),
    (6, "evidence", include_str!("../../../migrations/postgres/0006_evidence.sql")),
    (7, "publishers", include_str!("../../../migrations/postgres/0007_publishers.sql")),
    (8, "states", include_str!("../../../migrations/postgres/0008_states.sql")),
    (9, "statistics", include_str!("../../../migrations/postgres/0009_statistics.sql")),
    (10, "tried", include_str!("../../../migrations/postgres/0010_tried.sql")),
    (11, "leftovers", include_str!("../../../migrations/postgres/0011_leftovers.sql")),
    (12, "bodies", include_str!("../../../migrations/postgres/0012_bodies.sql")),
];

/// What a test's template is made of.
#[cfg(test)]
pub fn postgres_text() -> String {
    POSTGRES.iter().map(|(_, _, sql)| *sql).collect()
}

/// How long the server may take to say which steps it has. A step itself may take as long as its tables are big.
const ANSWER: Duration = Duration::from_secs(15);

/// One at a time brings a schema up to date; the number is ours alone: the letters `orderdck`.
const LOCK: i64 = 0x6f72_6465_7264_636b;

fn migrator(steps: &[(i64, &'static str, &'static str)]) -> Migrator {
    // A test's step, for a program one version later.
    let next = failpoint::next_step().map(|sql| (newest(), "next", sql));
    let steps: Vec<Migration> = steps
        .iter()
        .copied()
        .chain(next)
        .map(|(version, name, sql)| {
            Migration::new(version, Cow::Borrowed(name), MigrationType::Simple, sql.into_sql_str(), false)
        })
        .collect();
    let mut migrator = Migrator::with_migrations(steps);
    // A newer program may have been here; whether this one may work is asked apart. Locking is ours.
    migrator.set_ignore_missing(true).set_locking(false);
    migrator
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
    let known = SQLITE.iter().map(|(version, ..)| *version).max().unwrap_or(0);
    known + i64::from(failpoint::next_step().is_some())
}

/// Whether this program may work with what a newer one has made of the schema.
fn fits(version: i64, oldest_program: i64, place: &str) -> Result<()> {
    if version <= newest() || oldest_program <= newest() {
        return Ok(());
    }
    Err(unavailable(
        place,
        format!(
            "a newer Orderdock has written it (its schema has version {version}, which this program does not know); use \
             that newer program, or restore a backup from before the upgrade"
        ),
    ))
}

const OLDEST_PROGRAM: &str = "select coalesce(max(number), 0) from meta where name = 'oldest_program'";

/// Brings the schema of SQLite up to date.
///
/// # Errors
/// `Unavailable`: written by a newer program, or what the database says.
pub async fn run(connection: &mut SqliteConnection, place: &str) -> Result<()> {
    let version = version(connection, place).await?;
    if version > newest() {
        let oldest: i64 =
            sqlx::query_scalar(OLDEST_PROGRAM).fetch_one(&mut *connection).await.map_err(|it| explain(&it, place))?;
        return fits(version, oldest, place);
    }
    migrator(SQLITE).run(&mut *connection).await.map_err(|error| explain_migration(&error, place))?;
    connection.clear_cached_statements().await.map_err(|error| explain(&error, place))
}

/// The newest step that a PostgreSQL database has, 0 for an empty one; and the oldest program that it works with.
async fn versions(connection: &mut PgConnection, place: &str) -> Result<(i64, i64)> {
    let failed = |error: sqlx::Error| explain(&error, place);
    // One message each, without prepared statements: there may be a pooler in between.
    let known: Option<String> = sqlx::raw_sql("select cast(to_regclass('_sqlx_migrations') as text)")
        .fetch_one(&mut *connection)
        .await
        .and_then(|row| sqlx::Row::try_get(&row, 0))
        .map_err(failed)?;
    if known.is_none() {
        return Ok((0, 0));
    }
    let row = sqlx::raw_sql(
        "select (select coalesce(max(version), 0) from _sqlx_migrations),
            (select coalesce(max(number), 0) from meta where name = 'oldest_program')",
    )
    .fetch_one(connection)
    .await
    .map_err(failed)?;
    let read = |at: usize| sqlx::Row::try_get::<i64, _>(&row, at).map_err(failed);
    Ok((read(0)?, read(1)?))
}

/// Brings the schema of PostgreSQL up to date; the number of steps taken. Whoever comes while another one is at it waits.
///
/// # Errors
/// `Unavailable`: written by a newer program, the role may not, or what the server says.
pub async fn run_postgres(connection: &mut PgConnection, place: &str) -> Result<u64> {
    let asked = tokio::time::timeout(ANSWER, versions(connection, place)).await;
    let (version, oldest) = asked.map_err(|_| silent(place))??;
    fits(version, oldest, place)?;
    if version >= newest() {
        return Ok(0);
    }
    let failed = |error: sqlx::Error| match state(&error).as_deref() {
        Some("42501") => unavailable(
            place,
            format!(
                "its schema has version {version} and this program needs version {}, but the role may not change it; run \
                 `orderdock database migrate` as the role that owns the tables ({error})",
                newest()
            ),
        ),
        _ => explain(&error, place),
    };
    let mut transaction = connection.begin().await.map_err(failed)?;
    transaction
        .execute(sqlx::raw_sql("set local lock_timeout = 0; set local statement_timeout = 0"))
        .await
        .map_err(failed)?;
    let lock = format!("select pg_advisory_xact_lock({LOCK})");
    transaction.execute(sqlx::raw_sql(sqlx::AssertSqlSafe(lock))).await.map_err(failed)?;
    migrator(POSTGRES).run(&mut *transaction).await.map_err(|error| match error {
        sqlx::migrate::MigrateError::Execute(inner) | sqlx::migrate::MigrateError::ExecuteMigration(inner, _) => {
            failed(inner)
        }
        other => explain_migration(&other, place),
    })?;
    transaction.commit().await.map_err(failed)?;
    Ok(u64::try_from(newest() - version).unwrap_or_default())
}
