//! What a database says, as a [`LedgerError`] that says what, where and what to do.

use sqlx::migrate::MigrateError;

use crate::ledger::LedgerError;

/// SQLite's primary result codes (<https://www.sqlite.org/rescode.html>), as far as each has an advice of its own.
mod code {
    pub const BUSY: i32 = 5;
    pub const LOCKED: i32 = 6;
    pub const READONLY: i32 = 8;
    pub const IOERR: i32 = 10;
    pub const CORRUPT: i32 = 11;
    pub const FULL: i32 = 13;
    pub const CANTOPEN: i32 = 14;
    pub const CONSTRAINT: i32 = 19;
    pub const NOTADB: i32 = 26;
}

const IOERR_SHMSIZE: i32 = 4874;

/// Reads an error of the database at `place`.
pub fn explain(error: &sqlx::Error, place: &str) -> LedgerError {
    match error {
        sqlx::Error::ColumnDecode { index, source } => LedgerError::Corrupt(format!("column {index}: {source}")),
        sqlx::Error::Decode(source) => LedgerError::Corrupt(source.to_string()),
        sqlx::Error::PoolTimedOut => unavailable(place, "all connections to it are busy; try again".to_owned()),
        // Ours to prevent: the rows contradict each other. The database itself is well.
        other if primary_code(other) == Some(code::CONSTRAINT) => LedgerError::Corrupt(format!("{place}: {other}")),
        other => unavailable(place, reason(other)),
    }
}

/// Reads an error of a commit: whether it happened may be unknown.
pub fn explain_commit(error: &sqlx::Error, place: &str) -> LedgerError {
    match primary_code(error) {
        // The flush failed: what of it reached the disk nobody can tell.
        Some(code::IOERR) => LedgerError::InDoubt(format!("{place}: {error}")),
        Some(_) => explain(error, place),
        None => LedgerError::InDoubt(format!("{place}: {error}")),
    }
}

/// Reads an error of the migrations.
pub fn explain_migration(error: &MigrateError, place: &str) -> LedgerError {
    match error {
        MigrateError::Execute(inner) | MigrateError::ExecuteMigration(inner, _) => explain(inner, place),
        MigrateError::VersionMissing(version) => unavailable(
            place,
            format!(
                "a newer Orderdock has written it (its schema has version {version}, which this program does not know); \
                 use that newer program, or restore a backup from before the upgrade"
            ),
        ),
        MigrateError::VersionMismatch(version) => unavailable(
            place,
            format!(
                "step {version} of its schema is not the one that this program knows; it was made by another build, and \
                 this program leaves it alone"
            ),
        ),
        other => unavailable(place, format!("its schema can't be brought up to date: {other}")),
    }
}

/// Whether the database is gone or full, so that nothing else of this transaction can succeed.
pub fn is_fatal(error: &LedgerError) -> bool {
    matches!(error, LedgerError::Unavailable { .. } | LedgerError::InDoubt(_))
}

/// Whether the disk was full: giving up the reserve helps.
pub fn is_full(error: &LedgerError) -> bool {
    matches!(error, LedgerError::Unavailable { reason, .. } if reason.starts_with(FULL))
}

/// What is said of a full disk.
const FULL: &str = "the disk is full; free some space, nothing was changed";

pub fn unavailable(place: &str, reason: String) -> LedgerError {
    LedgerError::Unavailable { place: place.to_owned(), reason }
}

fn primary_code(error: &sqlx::Error) -> Option<i32> {
    let extended: i32 = error.as_database_error()?.code()?.parse().ok()?;
    Some(extended & 0xff)
}

fn reason(error: &sqlx::Error) -> String {
    let advice = match primary_code(error) {
        Some(code::BUSY | code::LOCKED) => {
            "another process keeps it locked; find out which one writes to it and stop it"
        }
        Some(code::READONLY) => {
            "it can only be read; give the user that runs Orderdock the right to write to the file and to its folder"
        }
        Some(code::FULL) => FULL,
        // The index of the log beside the database could not grow.
        Some(code::IOERR) if error.to_string().contains(&format!("(code: {IOERR_SHMSIZE})")) => FULL,
        Some(code::CANTOPEN) => {
            "it can't be opened; check that its folder exists and that the user that runs Orderdock may write there"
        }
        Some(code::NOTADB) => {
            "the file is not an SQLite database; name another file in the config, or move this one away"
        }
        Some(code::CORRUPT) => "the file is damaged; stop Orderdock and restore a backup",
        Some(code::IOERR) => "the disk failed; check it before you go on",
        _ => return error.to_string(),
    };
    format!("{advice} ({error})")
}
