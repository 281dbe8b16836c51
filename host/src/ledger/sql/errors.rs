//! What a database says, as a [`LedgerError`] that says what, where and what to do.

use sqlx::{migrate::MigrateError, postgres::PgDatabaseError};

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

/// What went wrong in a transaction, as far as the group has to know it; the worse the greater.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fault {
    /// Nothing.
    #[default]
    None,
    /// A statement failed. PostgreSQL does nothing more in this transaction.
    Failed,
    /// A row is there already. Two may have written the same new one: whoever comes second sees it when it looks again.
    Twice,
    /// A statement met another transaction's work; the same again may well succeed.
    Clash,
    /// The connection is gone.
    Gone,
}

/// PostgreSQL's code for a division by zero: a guard that does not hold, or a receipt whose row is gone.
pub const TRIPPED: &str = "22012";

/// PostgreSQL's code when a prepared statement no longer fits the table, because a column was added meanwhile.
pub const STALE_PLAN: &str = "0A000";

/// The five characters by which PostgreSQL names an error (<https://www.postgresql.org/docs/current/errcodes-appendix.html>).
pub fn state(error: &sqlx::Error) -> Option<String> {
    let error = error.as_database_error()?.try_downcast_ref::<PgDatabaseError>()?;
    Some(error.code().to_owned())
}

/// What an error means for the transaction that it happened in.
pub fn fault(error: &sqlx::Error) -> Fault {
    if let Some(state) = state(error) {
        return match state.as_str() {
            // Serialisation, deadlock, a lock waited for too long, a plan that a migration made stale.
            "40001" | "40P01" | "55P03" | STALE_PLAN => Fault::Clash,
            "23505" => Fault::Twice,
            _ if is_gone(&state) => Fault::Gone,
            _ => Fault::Failed,
        };
    }
    match error {
        sqlx::Error::Database(_) | sqlx::Error::ColumnDecode { .. } | sqlx::Error::Decode(_) => Fault::Failed,
        _ => Fault::Gone,
    }
}

/// Whether a transaction found that the time that was guessed for it was wrong ([`super::dialect::RECEIPT`]).
pub fn is_late(error: &sqlx::Error) -> bool {
    let database = error.as_database_error().and_then(|error| error.try_downcast_ref::<PgDatabaseError>());
    database
        .is_some_and(|error| (error.code(), error.table(), error.column()) == ("23502", Some("commits"), Some("at_ms")))
}

/// Connection trouble, or the server ended the session.
fn is_gone(state: &str) -> bool {
    state.starts_with("08") || state.starts_with("57P") || matches!(state, "25P03" | "53300")
}

/// Reads an error of the database at `place`.
pub fn explain(error: &sqlx::Error, place: &str) -> LedgerError {
    if let Some(state) = state(error) {
        // Ours to prevent: a value or a row that can't be. The database itself is well.
        let ours = state.starts_with("22") || state.starts_with("23");
        return match ours {
            true => LedgerError::Corrupt(format!("{place}: {error}")),
            false => unavailable(place, postgres_reason(&state, error)),
        };
    }
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
    if let Some(state) = state(error) {
        // PostgreSQL says why it did not commit; only a session that it ended may have committed before.
        let in_doubt = is_gone(&state);
        return if in_doubt { LedgerError::InDoubt(format!("{place}: {error}")) } else { explain(error, place) };
    }
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

/// It took a question and did not answer.
pub fn silent(place: &str) -> LedgerError {
    unavailable(place, SILENT.to_owned())
}

const SILENT: &str = "the server does not answer; Orderdock goes on by itself when it does";

/// SQLite's code; none of an error of PostgreSQL.
fn primary_code(error: &sqlx::Error) -> Option<i32> {
    if state(error).is_some() {
        return None;
    }
    let extended: i32 = error.as_database_error()?.code()?.parse().ok()?;
    Some(extended & 0xff)
}

fn postgres_reason(state: &str, error: &sqlx::Error) -> String {
    let advice = match state {
        "3D000" => "the server has no such database; create it, or name another one in the address",
        "28P01" | "28000" => "the server refuses the role or its password; check both, and the server's pg_hba.conf",
        "42501" => "the role lacks a right; grant it as docs/postgresql.md says",
        "42P01" | "3F000" => "its tables are not there; run `orderdock database migrate` as the role that owns them",
        "25006" => "it can only be read: it is a standby, or set to read-only; name the primary server in the address",
        "53100" => "the server's disk is full; free some space there, nothing was changed",
        "53300" => "the server has no free connection; raise its max_connections, or put a pooler in between",
        "57P01" | "57P02" | "57P03" => "the server is being stopped or started; Orderdock goes on when it is back",
        "40001" | "40P01" | "55P03" => "others kept the same rows locked for too long; try again",
        "57014" => "the server took too long over a statement and gave it up; look at what keeps it busy",
        "25P03" => "the session was ended because it stood still inside a transaction; try again",
        _ => return error.to_string(),
    };
    format!("{advice} ({error})")
}

fn reason(error: &sqlx::Error) -> String {
    if let sqlx::Error::Io(error) = error {
        if error.kind() == std::io::ErrorKind::TimedOut {
            return SILENT.to_owned();
        }
        return format!("the server can't be reached; check that it runs and that the address is right ({error})");
    }
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
