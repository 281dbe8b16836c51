//! One operation in the queue of those who write: what it does, what came of it, and who waits for that.

use futures_util::future::BoxFuture;
use tokio::sync::oneshot;

use super::{
    database::{Db, Row},
    errors::{Fault, explain, is_fatal},
    together::{Guarded, Plan, Stopped},
};
use crate::ledger::{LedgerError, Result};

/// What an operation is: it may be called again with the same input when its transaction is repeated.
pub type Operation<I, T> = Box<dyn for<'a> Fn(&'a mut Db, &'a I) -> BoxFuture<'a, Result<T>> + Send + Sync>;

/// An operation with its types erased.
pub trait Job: Send {
    /// Whether it is one of those that can be planned.
    fn plans(&self) -> bool {
        false
    }
    /// Plans it, for those that can be done together with others that are like them. True if there is nothing else to do
    /// before its plan is carried out, or if it failed already.
    fn plan(&mut self, _db: &Db) -> bool {
        false
    }
    /// The plan, unless it failed.
    fn planned(&self) -> Option<&Plan> {
        None
    }
    /// The plan was carried out; what its statements gave.
    fn took(&mut self, _answers: &[Vec<Row>]) {}
    /// Its plan was carried out and committed, but what its statements gave was lost with the connection.
    fn unread<'a>(&'a mut self, _db: &'a mut Db) -> BoxFuture<'a, ()> {
        Box::pin(async {})
    }
    /// Runs it alone and keeps its result. False if it failed; then `db.fault` says what that means for its neighbours.
    fn run<'a>(&'a mut self, db: &'a mut Db) -> BoxFuture<'a, bool>;
    /// Tells the caller: the kept result, or why nothing was committed.
    fn answer(self: Box<Self>, refused: Option<LedgerError>);
}

/// One of a known type.
pub struct Typed<I, T> {
    input: I,
    operation: Operation<I, T>,
    result: Option<Result<T>>,
    caller: oneshot::Sender<Result<T>>,
}

impl<I, T> Typed<I, T> {
    /// One that nobody has run yet.
    pub fn new(input: I, operation: Operation<I, T>, caller: oneshot::Sender<Result<T>>) -> Self {
        Self { input, operation, result: None, caller }
    }
}

impl<I: Send + Sync, T: Send> Job for Typed<I, T> {
    fn run<'a>(&'a mut self, db: &'a mut Db) -> BoxFuture<'a, bool> {
        Box::pin(async move {
            let mut result = (self.operation)(db, &self.input).await;
            if result.is_ok()
                && let Err(error) = db.flush().await
            {
                result = Err(error);
            }
            finish(db, result, &mut self.result)
        })
    }

    fn answer(self: Box<Self>, refused: Option<LedgerError>) {
        answer(self.result, refused, self.caller);
    }
}

/// A guarded write.
pub struct Guard<G: Guarded> {
    write: G,
    plan: Option<(Plan, G::Kept)>,
    result: Option<Result<G::Done>>,
    caller: oneshot::Sender<Result<G::Done>>,
}

impl<G: Guarded> Guard<G> {
    /// One that nobody has run yet.
    pub fn new(write: G, caller: oneshot::Sender<Result<G::Done>>) -> Self {
        Self { write, plan: None, result: None, caller }
    }
}

impl<G: Guarded> Job for Guard<G> {
    fn plans(&self) -> bool {
        true
    }

    fn plan(&mut self, db: &Db) -> bool {
        let mut plan = Plan::new(db.now_ms);
        (self.plan, self.result) = (None, None);
        match self.write.plan(&mut plan, &*db.random) {
            Ok(kept) => self.plan = Some((plan, kept)),
            Err(error) => self.result = Some(Err(error)),
        }
        true
    }

    fn planned(&self) -> Option<&Plan> {
        self.plan.as_ref().map(|(plan, _)| plan)
    }

    fn took(&mut self, answers: &[Vec<Row>]) {
        if let Some((plan, kept)) = self.plan.take() {
            self.result = Some(Ok(self.write.done(kept, plan.now_ms, answers)));
        }
    }

    fn unread<'a>(&'a mut self, db: &'a mut Db) -> BoxFuture<'a, ()> {
        Box::pin(async move {
            if let Some((_, kept)) = self.plan.take() {
                self.result = Some(self.write.unread(kept, db).await);
            }
        })
    }

    fn run<'a>(&'a mut self, db: &'a mut Db) -> BoxFuture<'a, bool> {
        Box::pin(async move {
            self.plan(db);
            let Some((plan, _)) = &self.plan else { return false };
            let done = db.together(&[plan]).await;
            let result = match done {
                Ok(answers) => {
                    self.took(&answers);
                    self.result.take().unwrap_or_else(|| Err(LedgerError::Refused("it was not planned".to_owned())))
                }
                Err(Stopped::Tripped) => Err(self.write.refused(db).await),
                Err(Stopped::Failed(error)) => {
                    db.note(&error);
                    Err(explain(&error, db.place()))
                }
            };
            finish(db, result, &mut self.result)
        })
    }

    fn answer(self: Box<Self>, refused: Option<LedgerError>) {
        answer(self.result, refused, self.caller);
    }
}

/// Keeps what an operation alone brought. Whether it was done.
fn finish<T>(db: &mut Db, result: Result<T>, kept: &mut Option<Result<T>>) -> bool {
    db.forget();
    if !db.is_postgres() && result.as_ref().is_err_and(is_fatal) {
        // SQLite: full, locked, read-only. Nothing else of this group can succeed.
        db.fault = Fault::Failed;
    } else if !db.is_postgres() {
        db.fault = Fault::None;
    }
    let done = result.is_ok();
    *kept = Some(result);
    done
}

fn answer<T>(result: Option<Result<T>>, refused: Option<LedgerError>, caller: oneshot::Sender<Result<T>>) {
    let result = match (refused, result) {
        // An operation that failed by itself keeps its own reason; it changed nothing in any case.
        (_, Some(Err(own))) => Err(own),
        (Some(refused), _) => Err(refused),
        (None, Some(done)) => done,
        (None, None) => Err(LedgerError::Refused("the ledger did not get to it; try again".to_owned())),
    };
    // A caller that went away meanwhile has its reasons; what was committed stays.
    let _ = caller.send(result);
}
