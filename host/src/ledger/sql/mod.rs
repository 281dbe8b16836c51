//! The ledger in SQLite. The texts of SQL are those of both databases; what differs lies in [`dialect`] and in the folder
//! of migrations.
//!
//! Writes go through one task that commits in groups ([`writer`]); reads use a small pool beside it and see what is
//! committed. Each file below answers one trait, or one part of it.

mod connections;
mod database;
mod dialect;
mod effects;
mod errors;
mod former;
mod intents;
mod keys;
mod lock;
mod mails;
mod mark;
mod migrations;
mod moves;
mod opening;
mod orders;
mod passes;
mod pushed;
mod releases;
mod reports;
mod reserve;
mod sights;
#[cfg(test)]
mod tests;
mod watch;
mod writer;

use std::{
    fs::OpenOptions,
    os::unix::fs::OpenOptionsExt as _,
    path::Path,
    sync::{Arc, OnceLock},
    time::Duration,
};

use futures_util::future::BoxFuture;
use sqlx::{
    ConnectOptions as _, SqliteConnection, SqlitePool,
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous},
};

use self::{
    database::{Db, Held},
    errors::{explain, is_full, unavailable},
    lock::HostLock,
    writer::Writer,
};
use super::Result;
use crate::domain::{clock::Clock, random::Random};

/// How long a writer waits for another process (the command line beside the host) before it gives up.
const BUSY: Duration = Duration::from_secs(10);
/// Readers at once.
const READERS: u32 = 4;
/// Prepared statements that a connection keeps.
const STATEMENTS: usize = 512;

/// As what a process opens the ledger.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// The working host: one for each database.
    Working,
    /// Beside it: reads, and leaves intents and changes.
    Beside,
}

/// The ledger in a database.
pub struct SqlLedger {
    place: Arc<str>,
    clock: Arc<dyn Clock>,
    random: Arc<dyn Random>,
    writer: Writer,
    readers: SqlitePool,
    role: Role,
    watch: OnceLock<watch::Watch>,
}

impl std::fmt::Debug for SqlLedger {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SqlLedger").field("place", &self.place).field("role", &self.role).finish()
    }
}

impl SqlLedger {
    /// Opens the SQLite database at `path`, makes it if it is not there (its folder must be), and brings its schema up to
    /// date. Needs a tokio runtime, on which the writing task runs.
    ///
    /// # Errors
    /// `Unavailable` with what is wrong and what to do: another working host, a missing folder, a file that can't be
    /// written or is no database, a schema from a newer program.
    pub async fn open(path: &Path, clock: Arc<dyn Clock>, random: Arc<dyn Random>, role: Role) -> Result<Self> {
        let place: Arc<str> = path.display().to_string().into();
        check_folder(path, &place)?;
        let holder = format!("the host with process id {}", std::process::id());
        let lock = match role {
            Role::Working => Some(HostLock::take(path, &place, &holder)?),
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
        let mut connection = options.connect().await.map_err(|error| explain(&error, &place))?;
        migrate(&mut connection, path, &place, &holder, role).await?;
        if role == Role::Working {
            let ended = former::end_leases(&mut connection, &place).await?;
            if ended > 0 {
                tracing::info!(leases = ended, "took over what the last host had under way");
            }
        }
        let readers = SqlitePoolOptions::new()
            .max_connections(READERS)
            .connect_with(options.pragma("query_only", "on"))
            .await
            .map_err(|error| explain(&error, &place))?;
        let writer = Writer::start(connection, Arc::clone(&place), Arc::clone(&clock), Arc::clone(&random), lock);
        Ok(Self { place, clock, random, writer, readers, role, watch: OnceLock::new() })
    }

    /// The number of the last commit that changed something. A host keeps the highest it saw outside the database, and so
    /// notices a restored backup.
    ///
    /// # Errors
    /// What the database says.
    pub async fn sequence(&self) -> Result<u64> {
        let mut db = self.reader().await?;
        let row = db.maybe_row("select number from meta where name = 'sequence'", Vec::new()).await?;
        row.map_or(Ok(0), |row| row.large("number"))
    }

    /// Finishes what is queued and closes the database. Later calls are refused.
    pub async fn close(&self) {
        self.writer.close().await;
        self.readers.close().await;
    }

    async fn write<I, T>(
        &self,
        input: I,
        operation: impl for<'a> Fn(&'a mut Db, &'a I) -> BoxFuture<'a, Result<T>> + Send + Sync + 'static,
    ) -> Result<T>
    where
        I: Send + Sync + 'static,
        T: Send + 'static,
    {
        let Some(room) = self.room() else { return self.writer.write(input, operation).await };
        // With a reserve to fall back on, what found the disk full is run once more.
        let (input, operation) = (Arc::new(input), Arc::new(operation));
        let (same, again) = (Arc::clone(&input), Arc::clone(&operation));
        let first = self.writer.write(same, move |db, input: &Arc<I>| again(db, input)).await;
        match first {
            Err(error) if is_full(&error) && self.more_room(Some(room)) => {
                self.writer.write(input, move |db, input: &Arc<I>| operation(db, input)).await
            }
            other => other,
        }
    }
}

impl SqlLedger {
    async fn reader(&self) -> Result<Db> {
        let connection = self.readers.acquire().await.map_err(|error| explain(&error, &self.place))?;
        Ok(self.db(Held::Reader(connection)))
    }

    /// A reader with one view of everything, for answers that are put together from several questions.
    async fn snapshot(&self) -> Result<Db> {
        let transaction = self.readers.begin().await.map_err(|error| explain(&error, &self.place))?;
        Ok(self.db(Held::Snapshot(transaction)))
    }

    fn db(&self, held: Held) -> Db {
        Db::new(held, Arc::clone(&self.place), self.clock.now_ms(), Arc::clone(&self.random))
    }
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
