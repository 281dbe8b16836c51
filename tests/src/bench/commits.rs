//! The same durable commits as the ledger makes, and nothing else: a small row for each, several of them in one
//! transaction when several wait.

use std::{path::Path, sync::Arc};

use sqlx::{
    ConnectOptions as _, Executor as _, PgConnection, SqliteConnection,
    postgres::PgConnectOptions,
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous},
};
use tokio::sync::{Mutex, mpsc, oneshot};

/// How many rows share a commit at most; as in the ledger.
const GROUP: usize = 64;
/// Connections to PostgreSQL, as in the ledger: one works while the other one waits for its commit.
const LINES: usize = 2;

const TABLE: &str = "create table steps (number bigint, step bigint, body text, primary key (number, step))";

struct Row {
    order: i64,
    step: i64,
    body: String,
    done: oneshot::Sender<()>,
}

/// Commits rows.
#[derive(Clone)]
pub struct Commits(mpsc::Sender<Row>);

impl Commits {
    /// Opens an SQLite database with the ledger's settings: WAL, and a flush to the disk with every commit.
    ///
    /// # Errors
    /// What the database says.
    pub async fn open(path: &Path) -> anyhow::Result<Self> {
        let options = SqliteConnectOptions::new()
            .filename(path)
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .disable_statement_logging();
        let mut connection = options.connect().await?;
        connection.execute(TABLE).await?;
        let (queue, waiting) = mpsc::channel(1024);
        tokio::spawn(write(connection, waiting));
        Ok(Self(queue))
    }

    /// Opens an empty PostgreSQL database. All rows of a commit go in one prepared statement, which is a transaction of its
    /// own: nothing could keep them with less.
    ///
    /// # Errors
    /// What the database says.
    pub async fn open_postgres(url: &str) -> anyhow::Result<Self> {
        let options: PgConnectOptions = url.parse()?;
        let options = options.disable_statement_logging();
        options.connect().await?.execute(TABLE).await?;
        let (queue, waiting) = mpsc::channel(1024);
        let waiting = Arc::new(Mutex::new(waiting));
        for _ in 0..LINES {
            tokio::spawn(write_far(options.connect().await?, Arc::clone(&waiting)));
        }
        Ok(Self(queue))
    }

    /// Waits until the row is on the disk.
    ///
    /// # Errors
    /// When the database refused it.
    pub async fn commit(&self, order: usize, step: i64, body: String) -> anyhow::Result<()> {
        let (done, committed) = oneshot::channel();
        let row = Row { order: i64::try_from(order)?, step, body, done };
        self.0.send(row).await.map_err(|_| anyhow::anyhow!("the database does not commit any more"))?;
        Ok(committed.await?)
    }
}

/// Ends at the first error: whoever waits is told by the channel that is gone.
async fn write(mut connection: SqliteConnection, mut waiting: mpsc::Receiver<Row>) -> Result<(), sqlx::Error> {
    let mut group = Vec::with_capacity(GROUP);
    while waiting.recv_many(&mut group, GROUP).await > 0 {
        connection.execute("begin immediate").await?;
        for row in &group {
            let insert = sqlx::query("insert into steps (number, step, body) values ($1, $2, $3)");
            connection.execute(insert.bind(row.order).bind(row.step).bind(row.body.clone())).await?;
        }
        connection.execute("commit").await?;
        for row in group.drain(..) {
            // Whoever asked may be gone.
            let _ = row.done.send(());
        }
    }
    Ok(())
}

/// The same for PostgreSQL.
async fn write_far(mut connection: PgConnection, waiting: Arc<Mutex<mpsc::Receiver<Row>>>) -> Result<(), sqlx::Error> {
    let mut group = Vec::with_capacity(GROUP);
    loop {
        if waiting.lock().await.recv_many(&mut group, GROUP).await == 0 {
            return Ok(());
        }
        let insert = sqlx::query(
            "insert into steps (number, step, body) select * from unnest($1::bigint[], $2::bigint[], $3::text[])",
        );
        let insert = insert
            .bind(group.iter().map(|row| row.order).collect::<Vec<_>>())
            .bind(group.iter().map(|row| row.step).collect::<Vec<_>>())
            .bind(group.iter_mut().map(|row| std::mem::take(&mut row.body)).collect::<Vec<_>>());
        connection.execute(insert).await?;
        for row in group.drain(..) {
            let _ = row.done.send(());
        }
    }
}
