//! Group commit: one task owns the one connection that writes. It runs all operations that are waiting in one transaction,
//! commits once (one flush to the disk for all of them) and then answers all. An operation alone waits for no company.
//!
//! One that fails must not harm its neighbours. Failing before the first change is the common case (a lost lease) and harms
//! nobody. Otherwise the group is rolled back and repeated with a savepoint around each: operations are pure functions of
//! the database and their input, so they can be repeated. Savepoints from the start would cost two statements for each.

use std::{sync::Arc, time::Duration};

use futures_util::future::BoxFuture;
use sqlx::{Connection as _, SqliteConnection};
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::{CancellationToken, DropGuard};

use super::{
    database::{Db, Held},
    dialect::{BEGIN_WRITE, COMMIT_WRITE},
    errors::{explain, explain_commit, is_fatal, unavailable},
    lock::HostLock,
};
use crate::{
    domain::{clock::Clock, random::Random},
    ledger::{LedgerError, Result},
};

/// How many operations share a commit at most.
const GROUP: usize = 64;
/// How many operations may wait; past that, callers wait before they are queued.
const QUEUE: usize = 1024;

/// What an operation is: it may be called again with the same input when its transaction is repeated.
type Operation<I, T> = Box<dyn for<'a> Fn(&'a mut Db, &'a I) -> BoxFuture<'a, Result<T>> + Send + Sync>;

/// An operation with its types erased.
trait Job: Send {
    /// Runs it and keeps its result; a copy of the error, in kind, if it failed.
    fn run<'a>(&'a mut self, db: &'a mut Db) -> BoxFuture<'a, std::result::Result<(), Failure>>;
    /// Tells the caller: the kept result, or why nothing was committed.
    fn answer(self: Box<Self>, refused: Option<LedgerError>);
}

/// What the group has to know about a failure.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Failure {
    /// This operation's own.
    Own,
    /// The database's: nothing else can succeed.
    Fatal,
}

struct Typed<I, T> {
    input: I,
    operation: Operation<I, T>,
    result: Option<Result<T>>,
    caller: oneshot::Sender<Result<T>>,
}

impl<I: Send + Sync, T: Send> Job for Typed<I, T> {
    fn run<'a>(&'a mut self, db: &'a mut Db) -> BoxFuture<'a, std::result::Result<(), Failure>> {
        Box::pin(async move {
            let mut result = (self.operation)(db, &self.input).await;
            if result.is_ok()
                && let Err(error) = db.flush().await
            {
                result = Err(error);
            }
            db.forget();
            let failure = result.as_ref().err().map(|e| if is_fatal(e) { Failure::Fatal } else { Failure::Own });
            self.result = Some(result);
            failure.map_or(Ok(()), Err)
        })
    }

    fn answer(self: Box<Self>, refused: Option<LedgerError>) {
        let result = match (refused, self.result) {
            // An operation that failed by itself keeps its own reason; it changed nothing in any case.
            (_, Some(Err(own))) => Err(own),
            (Some(refused), _) => Err(refused),
            (None, Some(done)) => done,
            (None, None) => Err(LedgerError::Refused("the ledger did not get to it; try again".to_owned())),
        };
        // A caller that went away meanwhile has its reasons; what was committed stays.
        let _ = self.caller.send(result);
    }
}

enum Message {
    Job(Box<dyn Job>),
    Close(oneshot::Sender<()>),
}

/// Hands operations to the writing task.
#[derive(Clone)]
pub struct Writer {
    queue: mpsc::Sender<Message>,
    place: Arc<str>,
    ended: CancellationToken,
}

impl Writer {
    /// Starts the writing task on its connection. The task holds the host's lock until that connection is closed, so that
    /// the next host can't begin while the last commit is still going on.
    pub fn start(
        connection: SqliteConnection,
        place: Arc<str>,
        clock: Arc<dyn Clock>,
        random: Arc<dyn Random>,
        lock: Option<HostLock>,
    ) -> Self {
        let (queue, waiting) = mpsc::channel(QUEUE);
        let db = Db::new(Held::Writer(connection), Arc::clone(&place), clock.now_ms(), random);
        let ended = CancellationToken::new();
        tokio::spawn(serve(db, clock, waiting, lock, ended.clone().drop_guard()));
        Self { queue, place, ended }
    }

    /// Ends when the writing task has ended: closed, or broken off. Nothing can be written any more.
    pub async fn ended(&self) {
        self.ended.cancelled().await;
    }

    /// Runs an operation and waits until it is committed.
    pub async fn write<I, T>(
        &self,
        input: I,
        operation: impl for<'a> Fn(&'a mut Db, &'a I) -> BoxFuture<'a, Result<T>> + Send + Sync + 'static,
    ) -> Result<T>
    where
        I: Send + Sync + 'static,
        T: Send + 'static,
    {
        let (caller, answer) = oneshot::channel();
        let job = Typed { input, operation: Box::new(operation), result: None, caller };
        let stopped = || unavailable(&self.place, "this process is closing it".to_owned());
        self.queue.send(Message::Job(Box::new(job))).await.map_err(|_| stopped())?;
        answer.await.map_err(|_| stopped())?
    }

    /// Finishes what is queued and closes the connection.
    pub async fn close(&self) {
        let (caller, closed) = oneshot::channel();
        if self.queue.send(Message::Close(caller)).await.is_ok() {
            let _ = closed.await;
        }
    }
}

/// `told` tells that the task has ended when it is dropped, which a panic does too.
async fn serve(
    mut db: Db,
    clock: Arc<dyn Clock>,
    mut waiting: mpsc::Receiver<Message>,
    lock: Option<HostLock>,
    told: DropGuard,
) {
    let mut batch = Vec::with_capacity(GROUP);
    let mut closing = None;
    while closing.is_none() && waiting.recv_many(&mut batch, GROUP).await > 0 {
        let mut group = Vec::with_capacity(batch.len());
        for message in batch.drain(..) {
            match message {
                Message::Job(job) => group.push(job),
                Message::Close(caller) => closing = Some(caller),
            }
        }
        if !group.is_empty() {
            db.now_ms = clock.now_ms();
            commit_group(&mut db, group).await;
        }
    }
    if let Held::Writer(connection) = db.into_held()
        && let Err(error) = connection.close().await
    {
        tracing::warn!(%error, "the ledger's connection did not close cleanly");
    }
    drop(lock);
    drop(told);
    if let Some(caller) = closing {
        let _ = caller.send(());
    }
}

/// Commits a group and answers every member.
async fn commit_group(db: &mut Db, mut group: Vec<Box<dyn Job>>) {
    let mut outcome = together(db, &mut group).await;
    if matches!(outcome, Outcome::Apart) {
        outcome = apart(db, &mut group).await;
    }
    match outcome {
        Outcome::Done => group.into_iter().for_each(|job| job.answer(None)),
        Outcome::Apart => group.into_iter().for_each(|job| job.answer(Some(retry(db)))),
        Outcome::Failed(error) => {
            let mut group = group.into_iter();
            let (reason, doubt) = (error.to_string(), matches!(error, LedgerError::InDoubt(_)));
            let copy = || match &error {
                LedgerError::Unavailable { place, reason } => unavailable(place, reason.clone()),
                LedgerError::InDoubt(words) => LedgerError::InDoubt(words.clone()),
                _ => LedgerError::Refused(reason.clone()),
            };
            group.by_ref().for_each(|job| job.answer(Some(copy())));
            tracing::error!(%reason, doubt, "the ledger could not commit");
        }
    }
}

fn retry(db: &Db) -> LedgerError {
    unavailable(db.place(), "the operation was interrupted; try again".to_owned())
}

enum Outcome {
    Done,
    /// Repeat with savepoints.
    Apart,
    Failed(LedgerError),
}

async fn begin(db: &mut Db) -> Result<()> {
    let mut wait = Duration::from_millis(0);
    loop {
        match db.script(BEGIN_WRITE).await {
            Ok(()) => return Ok(()),
            // A transaction that an earlier failure left open.
            Err(error) if error.to_string().contains("within a transaction") && wait.is_zero() => {
                wait = Duration::from_millis(1);
                rollback(db).await;
            }
            Err(error) => return Err(explain(&error, db.place())),
        }
    }
}

async fn rollback(db: &mut Db) {
    db.forget();
    // It may be over already: a full disk ends the transaction by itself.
    let _ = db.script("rollback").await;
}

async fn together(db: &mut Db, group: &mut [Box<dyn Job>]) -> Outcome {
    if let Err(error) = begin(db).await {
        return Outcome::Failed(error);
    }
    let started = db.changes;
    let alone = group.len() == 1;
    for job in group.iter_mut() {
        let before = db.changes;
        match job.run(db).await {
            Ok(()) => {}
            Err(Failure::Own) if db.changes == before => {}
            // Alone, it keeps its own error, and the rollback undoes only what it did.
            Err(_) if alone => {
                rollback(db).await;
                return Outcome::Done;
            }
            Err(_) => {
                rollback(db).await;
                return Outcome::Apart;
            }
        }
    }
    commit(db, started).await
}

async fn apart(db: &mut Db, group: &mut [Box<dyn Job>]) -> Outcome {
    if let Err(error) = begin(db).await {
        return Outcome::Failed(error);
    }
    let started = db.changes;
    for job in group.iter_mut() {
        if let Err(error) = db.script("savepoint one").await {
            rollback(db).await;
            return Outcome::Failed(explain(&error, db.place()));
        }
        let ran = job.run(db).await;
        let end = if ran.is_ok() { "release one" } else { "rollback to one; release one" };
        if let Err(error) = db.script(end).await {
            rollback(db).await;
            return Outcome::Failed(explain(&error, db.place()));
        }
    }
    commit(db, started).await
}

async fn commit(db: &mut Db, started: u64) -> Outcome {
    let end = if db.changes == started { "commit" } else { COMMIT_WRITE };
    match db.script(end).await {
        Ok(()) => Outcome::Done,
        Err(error) => {
            let error = explain_commit(&error, db.place());
            rollback(db).await;
            Outcome::Failed(error)
        }
    }
}
