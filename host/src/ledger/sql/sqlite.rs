//! Opening the SQLite file: its lock, its rights, its settings, its schema.

use std::{fs::OpenOptions, os::unix::fs::OpenOptionsExt as _, path::Path, time::Duration};

use sqlx::{
    ConnectOptions as _, Connection as _, SqliteConnection, SqlitePool,
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous},
};

use super::{
    Role, STATEMENTS,
    errors::{explain, unavailable},
    former,
    lock::HostLock,
    migrations,
    near::{Near, Wish},
};
use crate::ledger::Result;

/// How long a writer waits for another process (the command line beside the host) before it gives up.
const BUSY: Duration = Duration::from_secs(10);
/// Readers at once.
const READERS: u32 = 4;
/// Memory for pages of the connection that writes, in KiB (as a negative number: <https://www.sqlite.org/pragma.html>). The
/// open rows and the tops of all indexes fit in; SQLite's own 2 MiB made it read them from the file again and again.
const PAGES: &str = "-65536";
/// How many pages the log beside the database grows to before it is written back. The same pages are written by commit after
/// commit, and written back once; four times SQLite's own measure keeps the log at some 16 MiB.
const WRITE_BACK: &str = "4000";

/// What was opened.
pub struct Opened {
    /// The one that writes.
    pub connection: Near,
    /// Those that read.
    pub readers: SqlitePool,
    /// A working host's.
    pub lock: Option<HostLock>,
}

/// Opens the database at `path`, makes it if it is not there, and brings its schema up to date.
///
/// # Errors
/// `Unavailable`: another working host, a missing folder, a file that can't be written or is no database, a newer schema.
pub async fn open(path: &Path, place: &str, role: Role) -> Result<Opened> {
    check_folder(path, place)?;
    let holder = format!("the host with process id {}", std::process::id());
    let lock = match role {
        Role::Working => Some(HostLock::take(path, place, &holder)?),
        Role::Beside => None,
    };
    make_private(path);
    let options = SqliteConnectOptions::new()
        .filename(path)
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .busy_timeout(BUSY)
        .statement_cache_capacity(STATEMENTS)
        .disable_statement_logging();
    let mut connection = options.connect().await.map_err(|error| explain(&error, place))?;
    migrate(&mut connection, path, place, &holder, role).await?;
    if role == Role::Working {
        let ended = former::end_leases(&mut connection, place).await?;
        if ended > 0 {
            tracing::info!(leases = ended, "took over what the last host had under way");
        }
    }
    let failed = |error: sqlx::Error| explain(&error, place);
    let pragmas = [("synchronous", "full"), ("cache_size", PAGES), ("wal_autocheckpoint", WRITE_BACK)];
    let writing = Near::open(path, &Wish { busy: BUSY, statements: STATEMENTS, pragmas: &pragmas }).map_err(failed)?;
    // Not earlier: whoever closes the last one writes the whole log back.
    connection.close().await.map_err(failed)?;
    let readers = SqlitePoolOptions::new()
        .max_connections(READERS)
        // A file does not go away like a server.
        .test_before_acquire(false)
        .connect_with(options.pragma("query_only", "on"))
        .await
        .map_err(|error| explain(&error, place))?;
    Ok(Opened { connection: writing, readers, lock })
}

fn check_folder(path: &Path, place: &str) -> Result<()> {
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    if folder.is_dir() {
        return Ok(());
    }
    Err(unavailable(
        place,
        format!("its folder {} does not exist; create it, or name another in the config", folder.display()),
    ))
}

/// Makes a new database readable for its owner only: it holds people's orders. SQLite gives the files beside it the same
/// rights. If it can't be made, opening it says why.
fn make_private(path: &Path) {
    let _ = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
}

/// Beside a working host the schema is that host's; without one, whoever comes first brings it up to date.
async fn migrate(connection: &mut SqliteConnection, path: &Path, place: &str, holder: &str, role: Role) -> Result<()> {
    let version = migrations::version(connection, place).await?;
    if role == Role::Working || version > migrations::newest() {
        return migrations::run(connection, place).await;
    }
    if version == migrations::newest() {
        return Ok(());
    }
    let _lock = HostLock::take(path, place, holder)?;
    migrations::run(connection, place).await
}
