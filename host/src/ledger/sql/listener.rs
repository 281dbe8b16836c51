//! LISTEN: what another host or the command line committed wakes this one before its timers do. A wake that is lost costs a
//! moment, never an order: every loop also looks by itself.

use std::time::Duration;

use sqlx::postgres::PgListener;
use tokio::{sync::broadcast, task::AbortHandle};

use super::{dialect::CHANNEL, held::in_time};
use crate::ledger::fleet::Wake;

/// Wakes that a loop may be behind before it is told only that it missed some.
const BEHIND: usize = 256;
/// After so long without a word the server is asked whether it is there, and has as long to answer.
const QUIET: Duration = Duration::from_secs(15);
/// Between two tries to listen again.
const AGAIN: Duration = Duration::from_secs(1);

/// The one that listens, until it is dropped.
#[derive(Debug)]
pub struct Listener {
    wakes: broadcast::Sender<Wake>,
    task: AbortHandle,
}

impl Listener {
    /// Begins to listen.
    pub fn start(pool: sqlx::PgPool) -> Self {
        let (wakes, _) = broadcast::channel(BEHIND);
        let task = tokio::spawn(listen(pool, wakes.clone())).abort_handle();
        Self { wakes, task }
    }

    /// What will be heard from now on.
    pub fn wakes(&self) -> broadcast::Receiver<Wake> {
        self.wakes.subscribe()
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn listen(pool: sqlx::PgPool, wakes: broadcast::Sender<Wake>) {
    loop {
        if let Err(error) = hear(&pool, &wakes).await {
            tracing::debug!(%error, "nobody listens to the database for the moment; timers go on");
        }
        tokio::time::sleep(AGAIN).await;
    }
}

async fn hear(pool: &sqlx::PgPool, wakes: &broadcast::Sender<Wake>) -> Result<(), sqlx::Error> {
    let mut listener = PgListener::connect_with(pool).await?;
    // A lost connection is told, because what was said meanwhile is lost too.
    listener.eager_reconnect(false);
    listener.listen(CHANNEL).await?;
    let _heard = wakes.send(Wake::Changed);
    loop {
        let said = match tokio::time::timeout(QUIET, listener.try_recv()).await {
            Ok(Ok(Some(said))) => said,
            Ok(Ok(None)) => return Ok(()),
            Ok(Err(error)) => return Err(error),
            // Nobody said anything, or nothing of it can arrive any more.
            Err(_) => {
                in_time(Some(QUIET), sqlx::Executor::execute(&mut listener, "select 1")).await??;
                continue;
            }
        };
        let wake = match said.payload() {
            "" => Wake::Changed,
            connection => Wake::Work(connection.into()),
        };
        // Nobody may be waiting just now.
        let _heard = wakes.send(wake);
    }
}
