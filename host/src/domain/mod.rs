//! The words and the pure rules: no input or output, no clock of its own, no SQL, no wire format.
//!
//! Types that the ledger keeps derive serde; their JSON form is stored and may only grow.

pub mod admission;
pub mod backoff;
pub mod breaker;
pub mod call;
pub mod canary;
pub mod certificate;
pub mod clock;
pub mod collect;
pub mod decision;
pub mod delivery;
pub mod figures;
pub mod id;
pub mod judge;
pub mod pass;
pub mod policy;
pub mod problem;
pub mod random;
pub mod schedule;
pub mod sight;
pub mod signature;
pub mod time;
pub mod transport;
pub mod verdict;

pub use orderdock_order::{
    Address, Buyer, Decimal, Instant, Line, LineKind, Order, Pair, Payment, PaymentState, Totals,
};
