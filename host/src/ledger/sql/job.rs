//! One operation in the queue of those who write: what it does, what came of it, and who waits for that.

use futures_util::future::BoxFuture;
use tokio::sync::oneshot;

use super::{
    database::Db,
    errors::{Fault, is_fatal},
};
use crate::ledger::{LedgerError, Result};

/// What an operation is: it may be called again with the same input when its transaction is repeated.
pub type Operation<I, T> = Box<dyn for<'a> Fn(&'a mut Db, &'a I) -> BoxFuture<'a, Result<T>> + Send + Sync>;

/// An operation with its types erased.
pub trait Job: Send {
    /// Runs it and keeps its result. False if it failed; then `db.fault` says what that means for its neighbours.
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
            db.forget();
            if !db.is_postgres() && result.as_ref().is_err_and(is_fatal) {
                // SQLite: full, locked, read-only. Nothing else of this group can succeed.
                db.fault = Fault::Failed;
            } else if !db.is_postgres() {
                db.fault = Fault::None;
            }
            let done = result.is_ok();
            self.result = Some(result);
            done
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
