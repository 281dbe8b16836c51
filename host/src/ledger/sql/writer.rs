//! Group commit: a task owns a connection that writes (SQLite: the only one). It runs all operations that are waiting in one
//! transaction, commits once (one flush to the disk for all of them) and then answers all. An operation alone waits for no
//! company. On PostgreSQL a second line works while the first one waits for its commit.
//!
//! One that fails must not harm its neighbours. Failing before the first change is the common case (a lost lease) and harms
//! nobody. Otherwise the group is rolled back and repeated with a savepoint around each: operations are pure functions of
//! the database and their input, so they can be repeated. Savepoints from the start would cost two statements for each.
//!
//! On PostgreSQL a group that met the work of others (deadlock, a lock waited for too long, the same new row) is repeated
//! whole, and so is one whose connection was lost before the commit. A commit whose answer was lost is settled by its
//! [`Receipt`]; callers get `InDoubt` only if the server does not come back in time.

mod group;

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    thread,
    time::Duration,
};

use futures_util::future::BoxFuture;
use tokio::{
    runtime::Handle,
    sync::{Mutex, mpsc, oneshot},
    time::Instant,
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{
    database::Db,
    dialect::NOW,
    errors::{Fault, unavailable},
    held::Held,
    job::{Guard, Job, Typed},
    lock::HostLock,
    postgres::{DatabaseClock, Server},
    receipt::Receipt,
    together::Guarded,
};
use crate::{
    domain::{
        clock::{Clock, Millis},
        random::{self, Random},
    },
    ledger::{LedgerError, Result},
};

/// How many operations share a commit at most.
const GROUP: usize = 64;
/// How many operations may wait; past that, callers wait before they are queued.
const QUEUE: usize = 1024;
/// How often a group is repeated that met the work of others.
const CLASHES: u32 = 12;
/// The pause before it is repeated; it doubles up to the longest one.
const PAUSE: Duration = Duration::from_millis(4);
const LONGEST_PAUSE: Duration = Duration::from_millis(250);
/// The pause after a connection could not be made again; it doubles up to the longest one.
const RECONNECT: Duration = Duration::from_millis(100);
const LONGEST_RECONNECT: Duration = Duration::from_secs(5);
/// How long a lost connection is made again for a commit whose answer was lost, before its callers are told so.
const SETTLE: Duration = Duration::from_secs(30);

enum Message {
    Job(Box<dyn Job>),
    Close,
}

/// Hands operations to the writing tasks.
pub struct Writer {
    queue: mpsc::Sender<Message>,
    place: Arc<str>,
    sequence: Arc<AtomicU64>,
    lines: TaskTracker,
    ended: CancellationToken,
}

/// Where a line's connection comes from, and the time of its operations.
pub enum Source {
    /// SQLite: one connection for good, under the host's lock. The time is the machine's.
    Sqlite(Arc<dyn Clock>),
    /// PostgreSQL: made again when it is lost. The time is the server's.
    Postgres(Arc<Server>, Time),
}

/// Whose time counts on PostgreSQL.
#[derive(Clone)]
pub enum Time {
    /// The server's, for all hosts; everybody else is told.
    Server(Arc<DatabaseClock>),
    /// A clock that is passed in, as tests and comparisons need it.
    Given(Arc<dyn Clock>),
}

/// One connection that writes.
struct Line {
    db: Db,
    source: Arc<Source>,
    /// The highest sequence that was committed here.
    sequence: Arc<AtomicU64>,
    receipt: Option<Receipt>,
    /// When the server answered last; none: it is to be asked for its time.
    heard: Option<Instant>,
    /// Until when a lost connection is not tried again, and why it could not be made.
    away: Option<(Instant, LedgerError)>,
    pause: Duration,
}

impl Writer {
    /// Starts a writing task for each connection: one for SQLite, on a thread of its own, because that does its work there
    /// and then. The tasks hold the host's lock until the connections are closed, so that the next host can't begin while
    /// the last commit is still going on.
    ///
    /// # Errors
    /// `Unavailable` when the system gives no thread.
    pub fn start(
        connections: Vec<Held>,
        source: Source,
        place: Arc<str>,
        random: Arc<dyn Random>,
        lock: Option<HostLock>,
    ) -> Result<Self> {
        let (queue, waiting) = mpsc::channel(QUEUE);
        let (waiting, source, lock) = (Arc::new(Mutex::new(waiting)), Arc::new(source), Arc::new(lock));
        let (lines, ended, sequence) = (TaskTracker::new(), CancellationToken::new(), Arc::new(AtomicU64::new(0)));
        for held in connections {
            let db = Db::new(held, Arc::clone(&place), 0, Arc::clone(&random));
            let (source, sequence) = (Arc::clone(&source), Arc::clone(&sequence));
            let line = Line { db, source, sequence, receipt: None, heard: None, away: None, pause: RECONNECT };
            let (waiting, lock, told) = (Arc::clone(&waiting), Arc::clone(&lock), ended.clone().drop_guard());
            let near = !line.db.is_postgres();
            let serve = async move {
                line.serve(&waiting).await;
                drop(lock);
                // Dropped by a panic too.
                drop(told);
            };
            if !near {
                lines.spawn(serve);
                continue;
            }
            let (serve, runtime) = (lines.track_future(serve), Handle::current());
            thread::Builder::new()
                .name("ledger".to_owned())
                .spawn(move || runtime.block_on(serve))
                .map_err(|error| unavailable(&place, format!("no thread for it: {error}")))?;
        }
        lines.close();
        Ok(Self { queue, place, sequence, lines, ended })
    }

    /// Ends when a writing task has ended: closed, or broken off. What it was to write is not written any more.
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
        let job = Typed::new(input, Box::new(operation), caller);
        let stopped = || unavailable(&self.place, "this process is closing it".to_owned());
        self.queue.send(Message::Job(Box::new(job))).await.map_err(|_| stopped())?;
        answer.await.map_err(|_| stopped())?
    }

    /// Does a guarded write, together with others that are like it, and waits until it is committed.
    pub async fn guarded<G: Guarded>(&self, write: G) -> Result<G::Done> {
        let (caller, answer) = oneshot::channel();
        let stopped = || unavailable(&self.place, "this process is closing it".to_owned());
        let job = Box::new(Guard::new(write, caller));
        self.queue.send(Message::Job(job)).await.map_err(|_| stopped())?;
        answer.await.map_err(|_| stopped())?
    }

    /// The highest sequence that this process has committed.
    pub fn sequence(&self) -> u64 {
        self.sequence.load(Ordering::Acquire)
    }

    /// Finishes what is queued and closes the connections.
    pub async fn close(&self) {
        if self.queue.send(Message::Close).await.is_ok() {
            self.lines.wait().await;
        }
    }
}

/// How one try of a group ended.
enum Outcome {
    Done,
    /// Repeat with savepoints.
    Apart,
    /// Nothing was committed; its time was guessed wrong. Repeat.
    Late,
    /// Nothing was committed; it met the work of others. Repeat.
    Clash(Fault),
    /// Nothing was committed: the connection is gone.
    Gone(LedgerError),
    /// The commit's answer was lost with the connection.
    InDoubt(LedgerError),
    Failed(LedgerError),
}

impl Line {
    async fn serve(mut self, waiting: &Mutex<mpsc::Receiver<Message>>) {
        let mut batch = Vec::with_capacity(GROUP);
        loop {
            let mut queue = waiting.lock().await;
            if queue.recv_many(&mut batch, GROUP).await == 0 {
                break;
            }
            let mut group = Vec::with_capacity(batch.len());
            for message in batch.drain(..) {
                match message {
                    Message::Job(job) => group.push(job),
                    // What is queued by now is still done, here or on another line.
                    Message::Close => queue.close(),
                }
            }
            drop(queue);
            if !group.is_empty() {
                self.commit_group(group).await;
            }
            // A file has one connection that writes, and no other is ever made: a restart cures it.
            if self.db.is_lost() && matches!(&*self.source, Source::Sqlite(_)) {
                break;
            }
        }
        if let Err(error) = self.db.into_held().close().await {
            tracing::warn!(%error, "the ledger's connection did not close cleanly");
        }
    }

    /// Commits a group and answers every member.
    async fn commit_group(&mut self, mut group: Vec<Box<dyn Job>>) {
        let (mut apart, mut clashes, mut losses) = (false, 0, 0);
        let refused = loop {
            if let Err(error) = self.ready().await {
                break Some(error);
            }
            let more = clashes < CLASHES;
            let outcome =
                if apart { self.apart(&mut group, more).await } else { self.together(&mut group, more).await };
            match outcome {
                Outcome::Done => break None,
                Outcome::Apart if apart => break Some(self.retry()),
                Outcome::Apart => apart = true,
                Outcome::Late => {}
                Outcome::Clash(fault) => {
                    clashes += if fault == Fault::Twice { CLASHES / 2 } else { 1 };
                    self.wait(clashes).await;
                }
                Outcome::Gone(error) => {
                    self.db.replace(Held::Lost);
                    losses += 1;
                    if losses > 1 {
                        break Some(error);
                    }
                }
                Outcome::InDoubt(error) => match self.settle().await {
                    Some(true) => {
                        self.unread(&mut group).await;
                        break None;
                    }
                    Some(false) => {}
                    None => break Some(error),
                },
                Outcome::Failed(error) => break Some(error),
            }
        };
        let doubt = matches!(refused, Some(LedgerError::InDoubt(_)));
        // That the server is away was said when it went.
        if let Some(error) = refused.as_ref().filter(|_| doubt || self.away.is_none()) {
            tracing::error!(reason = %error, doubt, "the ledger could not commit");
        }
        let copy = || refused.as_ref().map(copy);
        group.into_iter().for_each(|job| job.answer(copy()));
    }

    /// Asks for what a commit gave whose answer was lost.
    async fn unread(&mut self, group: &mut [Box<dyn Job>]) {
        self.heard = None;
        // Behind a pooler several questions meet the same session only inside a transaction.
        let begun = self.db.script("begin").await;
        for job in group {
            job.unread(&mut self.db).await;
        }
        if begun.is_err() || self.db.script("rollback").await.is_err() {
            self.db.replace(Held::Lost);
        }
    }

    fn retry(&self) -> LedgerError {
        unavailable(self.db.place(), "the operation was interrupted; try again".to_owned())
    }

    /// Waits before a group is repeated: longer each time, and not as long as the other one.
    async fn wait(&mut self, times: u32) {
        let longest = PAUSE.saturating_mul(1 << times.min(6)).min(LONGEST_PAUSE);
        let [part, ..] = self.db.random.bytes();
        tokio::time::sleep(longest.mul_f64(f64::from(part) / 255.0)).await;
    }

    /// Makes a lost connection again; not more often than its back-off allows.
    async fn ready(&mut self) -> Result<()> {
        let source = Arc::clone(&self.source);
        let Source::Postgres(server, time) = &*source else { return Ok(()) };
        if self.db.is_lost() {
            if let Some((until, error)) = &self.away
                && Instant::now() < *until
            {
                return Err(copy(error));
            }
            match server.connect().await {
                Ok(held) => {
                    self.is_back(held);
                    // What came back may be a standby that does not know our old row.
                    self.receipt = None;
                }
                Err(error) => {
                    self.is_away(&error);
                    return Err(error);
                }
            }
        }
        if self.receipt.is_none() {
            let line = random::token(&*self.db.random);
            // A host's own clock may be far off; by it the row would look like an old one to others, who clear those away.
            let said = self.db.script_rows(NOW).await.ok().and_then(|rows| rows.last()?.int("now_ms").ok());
            let now_ms = said.map_or_else(|| time.now_ms(), |said| time.read(said));
            match Receipt::open(self.db.held(), server.place.as_ref(), line, now_ms).await {
                Ok(receipt) => self.receipt = Some(receipt),
                Err(error) => {
                    self.db.replace(Held::Lost);
                    return Err(error);
                }
            }
        }
        Ok(())
    }

    /// The connection was made again.
    fn is_back(&mut self, held: Held) {
        if self.away.take().is_some() {
            tracing::info!(database = self.db.place(), "the database is back");
        }
        self.db.replace(held);
        self.heard = None;
        self.pause = RECONNECT;
    }

    /// The connection could not be made again.
    fn is_away(&mut self, error: &LedgerError) {
        if self.away.is_none() {
            tracing::warn!(%error, "the connection to the database is lost");
        }
        self.away = Some((Instant::now() + self.pause, copy(error)));
        self.pause = self.pause.saturating_mul(2).min(LONGEST_RECONNECT);
    }

    /// Whether the commit happened whose answer was lost; none if the server does not come back in time.
    async fn settle(&mut self) -> Option<bool> {
        let source = Arc::clone(&self.source);
        let Source::Postgres(server, _) = &*source else { return None };
        let (end, mut times) = (Instant::now() + SETTLE, 0_u32);
        while Instant::now() < end {
            self.db.replace(Held::Lost);
            match server.connect().await {
                Ok(held) => {
                    self.is_back(held);
                    if let Some(receipt) = &mut self.receipt
                        && let Ok(happened) = receipt.settle(self.db.held(), &server.place).await
                    {
                        tracing::info!(
                            happened,
                            "the answer to a commit was lost; the ledger tells whether it happened"
                        );
                        return Some(happened);
                    }
                }
                Err(error) => self.is_away(&error),
            }
            times = times.saturating_add(1);
            tokio::time::sleep(RECONNECT.saturating_mul(times.min(9))).await;
        }
        self.db.replace(Held::Lost);
        self.receipt = None;
        None
    }
}

/// The same error for each member of a group.
fn copy(error: &LedgerError) -> LedgerError {
    match error {
        LedgerError::Unavailable { place, reason } => unavailable(place, reason.clone()),
        LedgerError::InDoubt(words) => LedgerError::InDoubt(words.clone()),
        LedgerError::Corrupt(words) => LedgerError::Corrupt(words.clone()),
        other => LedgerError::Refused(other.to_string()),
    }
}

impl Time {
    /// Now, without asking the server.
    pub fn now_ms(&self) -> Millis {
        match self {
            Self::Server(clock) => clock.now_ms(),
            Self::Given(clock) => clock.now_ms(),
        }
    }

    /// The time of an operation, when the server said that it is `now_ms`.
    fn read(&self, now_ms: Millis) -> Millis {
        match self {
            Self::Server(clock) => {
                clock.set(now_ms);
                now_ms
            }
            Self::Given(clock) => clock.now_ms(),
        }
    }
}
