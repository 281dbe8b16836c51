//! The ledger as a model: the same traits over plain maps, in one process, with whatever clock it is given.
//!
//! It is the second opinion on the SQL ledger (`tests/tests/model.rs` drives both with the same random operations) and the
//! ledger of the simulation. So it is written to be read, not to be fast: each function says what must be true afterwards,
//! one row at a time, and everything happens under one lock, which makes each call a transaction.

mod activations;
mod connections;
mod destinations;
mod effects;
mod moves;
mod opening;
mod orders;
mod passes;
mod reports;
mod sights;
mod state;

use std::sync::{
    Arc, Mutex, MutexGuard, PoisonError,
    atomic::{AtomicU64, Ordering},
};

use orderdock::domain::{
    clock::{Clock, Millis},
    id::{OrderKey, PassKey},
    random::Random,
};

use self::state::State;

/// The ledger in memory.
pub struct ModelLedger {
    clock: Arc<dyn Clock>,
    random: Arc<dyn Random>,
    state: Mutex<State>,
    fence: bool,
}

impl ModelLedger {
    /// An empty one. `clock` is the database's clock; `random` makes ids and tokens.
    #[must_use]
    pub fn new(clock: Arc<dyn Clock>, random: Arc<dyn Random>) -> Self {
        Self { clock, random, state: Mutex::default(), fence: true }
    }

    /// The same without its fence: a move happens whoever asks for it. For tests that must notice that.
    #[must_use]
    pub fn without_fence(mut self) -> Self {
        self.fence = false;
        self
    }

    /// A transaction: nobody sees anything of it before it has ended.
    fn transaction(&self) -> (MutexGuard<'_, State>, Millis) {
        (self.state.lock().unwrap_or_else(PoisonError::into_inner), self.clock.now_ms())
    }
}

/// Verdicts on plugins hang together with nothing that the model is a second opinion on.
impl orderdock::ledger::admissions::Admissions for ModelLedger {}

/// Bytes that never repeat: enough randomness for a test, and the same in every run.
#[derive(Debug, Default)]
pub struct Counting(AtomicU64);

impl Random for Counting {
    fn bytes(&self) -> [u8; 16] {
        (u128::from(self.0.fetch_add(1, Ordering::SeqCst)) + 1).to_be_bytes()
    }
}

fn pass_name(pass: &PassKey) -> String {
    format!("pass {} of order {}", pass.pass, pass.order.shop_order_id)
}

fn no_order(order: &OrderKey) -> orderdock::ledger::LedgerError {
    orderdock::ledger::LedgerError::NotFound { what: format!("order {}", order.shop_order_id) }
}
