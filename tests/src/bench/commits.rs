//! The same durable commits as the ledger makes, and nothing else: a small row for each, several of them in one
//! transaction when several wait.

use std::path::Path;

use sqlx::{
    ConnectOptions as _, Executor as _, SqliteConnection,
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous},
};
use tokio::sync::{mpsc, oneshot};

/// How many rows share a commit at most; as in the ledger.
const GROUP: usize = 64;

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
    /// Opens a database with the ledger's settings: WAL, and a flush to the disk with every commit.
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
        connection
            .execute("create table steps (number integer, step integer, body text, primary key (number, step))")
            .await?;
        let (queue, waiting) = mpsc::channel(1024);
        tokio::spawn(write(connection, waiting));
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
