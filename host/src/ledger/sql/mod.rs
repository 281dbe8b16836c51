//! The ledger in SQLite or PostgreSQL, with one text of SQL. What differs lies in `dialect`, in the folders of migrations,
//! and in how the database is opened (`sqlite`, `postgres`).
//!
//! Writes go through tasks that commit in groups (`writer`); reads use a small pool beside them and see what is
//! committed. Each file below answers one trait, or one part of it.

mod admissions;
mod borrowed;
mod canaries;
mod claims;
mod connections;
mod database;
mod destinations;
mod dialect;
mod effects;
mod errors;
mod far;
mod figures;
mod fleet;
mod former;
mod held;
mod intents;
mod job;
mod keys;
mod listener;
mod lock;
mod mails;
mod mark;
mod migrations;
mod moves;
mod near;
mod opening;
mod orders;
mod passes;
mod postgres;
mod publishers;
mod pushed;
mod receipt;
mod recorded;
mod releases;
mod reports;
mod reserve;
mod row;
mod sights;
mod sqlite;
#[cfg(test)]
mod tests;
mod together;
mod watch;
mod writer;

use std::{
    path::Path,
    sync::{Arc, OnceLock},
};

use futures_util::future::BoxFuture;
use sqlx::{PgPool, SqlitePool};

pub use self::postgres::Address;
use self::{
    borrowed::Borrowed,
    database::Db,
    errors::{explain, is_full, silent},
    held::{Held, Speech},
    lock::HostLock,
    together::Guarded,
    writer::{Source, Time, Writer},
};
use super::Result;
use crate::domain::{clock::Clock, id::HostId, random::Random};

/// Prepared statements that a connection keeps.
const STATEMENTS: usize = 512;
/// Connections to PostgreSQL that write: one works while the other one waits for its commit.
const LINES: usize = 2;

/// As what a process opens the ledger.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// A working host: the only one of an SQLite file, one of many of a PostgreSQL database.
    Working,
    /// Beside it: reads, and leaves intents and changes.
    Beside,
}

/// Who opens a PostgreSQL database to work.
#[derive(Clone, Copy, Debug)]
pub struct Me<'a> {
    /// The host's id, kept over restarts.
    pub id: &'a HostId,
    /// The folder that keeps it: one process at a time works from there.
    pub folder: &'a Path,
}

/// The ledger in a database.
pub struct SqlLedger {
    place: Arc<str>,
    clock: Arc<dyn Clock>,
    random: Arc<dyn Random>,
    writer: Writer,
    readers: Readers,
    listener: Option<listener::Listener>,
    role: Role,
    described: String,
    watch: OnceLock<watch::Watch>,
}

/// Connections that read.
enum Readers {
    Sqlite(SqlitePool),
    Postgres(PgPool, Speech),
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
        let opened = sqlite::open(path, &place, role).await?;
        let source = Source::Sqlite(Arc::clone(&clock));
        let held = vec![Held::Sqlite(opened.connection)];
        let writer = Writer::start(held, source, Arc::clone(&place), Arc::clone(&random), opened.lock)?;
        let described = format!("sqlite {place}");
        let readers = Readers::Sqlite(opened.readers);
        Ok(Self { place, clock, random, writer, readers, listener: None, role, described, watch: OnceLock::new() })
    }

    /// Opens the PostgreSQL database at `address`, and brings its schema up to date if its role may. A working host says
    /// who it is: what a former process of that host left under way, it may go on with at once. Whoever opens it so must be
    /// the only process of that name. Needs a tokio runtime, on which the writing tasks run.
    ///
    /// # Errors
    /// `Unavailable` with what is wrong and what to do: address, server, database, role, rights, version, schema.
    pub async fn open_postgres(
        address: &Address,
        machine: Arc<dyn Clock>,
        random: Arc<dyn Random>,
        me: Option<Me<'_>>,
    ) -> Result<Self> {
        let clock = Arc::new(postgres::DatabaseClock::new(machine));
        let time = Time::Server(Arc::clone(&clock));
        Self::open_at(address, clock, time, random, me).await
    }

    /// The same with a time that a test moves, as a host that is never restarted.
    ///
    /// # Errors
    /// As above.
    pub async fn open_timed(address: &Address, clock: Arc<dyn Clock>, random: Arc<dyn Random>) -> Result<Self> {
        let time = Time::Given(Arc::clone(&clock));
        let ledger = Self::open_at(address, clock, time, random, None).await?;
        // Lines take turns. Each draws its name with its first operation, and no later one must find that it did.
        for _ in 0..LINES {
            ledger.write((), |_, ()| Box::pin(async { Ok(()) })).await?;
        }
        Ok(ledger)
    }

    async fn open_at(
        address: &Address,
        clock: Arc<dyn Clock>,
        time: Time,
        random: Arc<dyn Random>,
        me: Option<Me<'_>>,
    ) -> Result<Self> {
        let role = if me.is_some() { Role::Working } else { Role::Beside };
        let server = Arc::new(postgres::Server::find(address, role).await?);
        let place = Arc::clone(&server.place);
        let mut connection = server.bare().await?;
        migrations::run_postgres(&mut connection, &place).await?;
        let mut lock = None;
        if let Some(me) = me {
            let holder = format!("the host with process id {}", std::process::id());
            let refusal = "works from this data folder already; give each host a `data_dir` of its own";
            lock = Some(HostLock::take_or(&me.folder.join("host"), &place, &holder, refusal)?);
            let ending = former::end_leases_of(&mut connection, &place, me.id);
            let ended = tokio::time::timeout(server.speech.patience, ending).await.map_err(|_| silent(&place))??;
            if ended > 0 {
                tracing::info!(leases = ended, "took over what the last process of this host had under way");
            }
        }
        drop(connection);
        let readers = Readers::Postgres(server.readers(), server.speech);
        let described = server.describe();
        let listener = match me {
            Some(_) if server.speech.pooled => {
                tracing::info!(
                    database = %place,
                    "a pooler stands before the database: nobody can listen through it, so this host looks by its timers"
                );
                None
            }
            me => me.map(|_| listener::Listener::start(server.one())),
        };
        let mut lines = Vec::with_capacity(LINES);
        for _ in 0..LINES {
            lines.push(server.connect().await?);
        }
        let source = Source::Postgres(server, time);
        let writer = Writer::start(lines, source, Arc::clone(&place), Arc::clone(&random), lock)?;
        let ledger = Self { place, clock, random, writer, readers, listener, role, described, watch: OnceLock::new() };
        // The database's clock is known from the first operation on.
        ledger.write((), |_, ()| Box::pin(async { Ok(()) })).await?;
        Ok(ledger)
    }

    /// What this ledger is connected to, without its password, for people.
    #[must_use]
    pub fn describe(&self) -> String {
        self.described.clone()
    }

    /// The time that counts for this ledger: the database's own.
    #[must_use]
    pub fn clock(&self) -> Arc<dyn Clock> {
        Arc::clone(&self.clock)
    }

    /// The number of the last commit that changed something. A host keeps the highest it saw outside the database, and so
    /// notices a restored backup.
    ///
    /// # Errors
    /// What the database says.
    pub async fn sequence(&self) -> Result<u64> {
        let mut db = self.reader().await?;
        let sql = match self.readers {
            Readers::Sqlite(_) => "select number from meta where name = 'sequence'",
            Readers::Postgres(..) => "select coalesce(max(sequence), 0) as number from commits",
        };
        let row = db.maybe_row(sql, Vec::new()).await?;
        row.map_or(Ok(0), |row| row.large("number"))
    }

    /// Finishes what is queued and closes the database. Later calls are refused.
    pub async fn close(&self) {
        self.writer.close().await;
        match &self.readers {
            Readers::Sqlite(pool) => pool.close().await,
            Readers::Postgres(pool, _) => pool.close().await,
        }
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
    /// A guarded write.
    async fn guarded<G: Guarded>(&self, write: G) -> Result<G::Done> {
        let write = Arc::new(write);
        let Some(room) = self.room() else { return self.writer.guarded(write).await };
        let first = self.writer.guarded(Arc::clone(&write)).await;
        match first {
            Err(error) if is_full(&error) && self.more_room(Some(room)) => self.writer.guarded(write).await,
            other => other,
        }
    }

    async fn reader(&self) -> Result<Db> {
        let held = match &self.readers {
            Readers::Sqlite(pool) => pool.acquire().await.map(Held::SqliteReader),
            // Behind a pooler two statements meet the same session only inside a transaction.
            Readers::Postgres(pool, speech) if speech.pooled => {
                let begin = postgres::begin_to_read("read committed", *speech);
                Borrowed::begin(pool, begin, speech.patience).await.map(|it| Held::PostgresReader(it, *speech))
            }
            Readers::Postgres(pool, speech) => Borrowed::alone(pool).await.map(|it| Held::PostgresReader(it, *speech)),
        };
        Ok(self.db(held.map_err(|error| explain(&error, &self.place))?))
    }

    /// A reader with one view of everything, for answers that are put together from several questions.
    async fn snapshot(&self) -> Result<Db> {
        let held = match &self.readers {
            Readers::Sqlite(pool) => pool.begin().await.map(Held::SqliteSnapshot),
            Readers::Postgres(pool, speech) => {
                // Without prepared statements: a migration beside us can make one stale, and here it can't be asked again.
                let unnamed = Speech { pooled: true, ..*speech };
                let begin = postgres::begin_to_read("repeatable read", *speech);
                let begun = Borrowed::begin(pool, begin, speech.patience).await;
                begun.map(|it| Held::PostgresReader(it, unnamed))
            }
        };
        Ok(self.db(held.map_err(|error| explain(&error, &self.place))?))
    }

    fn db(&self, held: Held) -> Db {
        Db::new(held, Arc::clone(&self.place), self.clock.now_ms(), Arc::clone(&self.random))
    }
}
