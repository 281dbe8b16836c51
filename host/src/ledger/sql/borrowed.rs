//! A reader of PostgreSQL, borrowed from its pool, and how it goes back.
//!
//! A connection that comes back is asked whether it lives. If the server is silent just then, that question may stay open for
//! as long as the operating system believes in the connection, and its place in the pool with it: so it has a limit, too.

use std::time::Duration;

use sqlx::{AssertSqlSafe, Executor as _, PgConnection, PgPool, Postgres, pool::PoolConnection};

use super::held::in_time;

/// How long one that comes back is waited for before it is given up.
const RETURN: Duration = Duration::from_secs(5);

/// A reader; it goes back when this is dropped.
pub struct Borrowed {
    connection: Option<PoolConnection<Postgres>>,
    transaction: bool,
}

impl Borrowed {
    /// One for a single question.
    ///
    /// # Errors
    /// What the server says; none of them lives in time.
    pub async fn alone(pool: &PgPool) -> Result<Self, sqlx::Error> {
        Ok(Self { connection: Some(pool.acquire().await?), transaction: false })
    }

    /// One inside a transaction that begins so.
    ///
    /// # Errors
    /// As above.
    pub async fn begin(pool: &PgPool, sql: String, patience: Duration) -> Result<Self, sqlx::Error> {
        let mut it = Self { connection: Some(pool.acquire().await?), transaction: true };
        let begin = it.connection()?.execute(sqlx::raw_sql(AssertSqlSafe(sql)));
        in_time(Some(patience), begin).await.unwrap_or_else(Err)?;
        Ok(it)
    }

    /// Whether it is inside a transaction.
    pub fn is_in_transaction(&self) -> bool {
        self.transaction
    }

    /// The connection itself.
    ///
    /// # Errors
    /// None that can come up: only one that was dropped has none.
    pub fn connection(&mut self) -> Result<&mut PgConnection, sqlx::Error> {
        self.connection.as_deref_mut().ok_or(sqlx::Error::WorkerCrashed)
    }
}

impl Drop for Borrowed {
    fn drop(&mut self) {
        let (Some(mut connection), transaction) = (self.connection.take(), self.transaction) else { return };
        // Without a runtime there is no pool any more either.
        let Ok(runtime) = tokio::runtime::Handle::try_current() else { return };
        runtime.spawn(async move {
            let back = async move {
                if transaction && let Err(error) = connection.execute("rollback").await {
                    tracing::debug!(%error, "a reader's transaction did not end well");
                }
                connection.return_to_pool().await;
            };
            if tokio::time::timeout(RETURN, back).await.is_err() {
                tracing::warn!("a connection that reads did not come back; it is given up");
            }
        });
    }
}
