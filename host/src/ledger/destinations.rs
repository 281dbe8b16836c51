//! Destinations: how each of them is, for all hosts and connections that share it; its limits; and who was told of it.
//!
//! While a destination is well, nothing is written here: a breaker that no order has failed at costs no commit. The claims of
//! [`super::passes`] give no waiting pass of a connection whose destination is shut, but for the try that is due.

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use super::{
    Result,
    effects::EffectBody,
    passes::{Claim, ClaimKind},
};
use crate::domain::{
    breaker::{Health, Trouble},
    clock::Millis,
    id::{ConnectionId, HostId},
};

/// A destination that something is, or may be, wrong with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unwell {
    /// Which.
    pub destination: String,
    /// Its address, for people.
    pub address: String,
    /// How it is.
    pub health: Health,
}

/// The limits that a connection keeps at its destination.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Limits {
    /// Milliseconds between two requests; none = as fast as we can.
    pub interval_ms: Option<Millis>,
    /// Orders at work there at once.
    pub at_once: Option<u32>,
}

/// What a connection's people were told is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Subject {
    /// Its destination.
    Destination,
    /// Its shop.
    Shop,
}

/// A notice: people were told, and will be told when it is over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice {
    /// Of which connection.
    pub connection: ConnectionId,
    /// What is wrong.
    pub subject: Subject,
    /// Since when it was wrong.
    pub since_ms: Millis,
}

/// Requests that may go at once where there are [`Limits::interval_ms`]: what fits in this time.
pub const BURST_MS: Millis = 1_000;

/// Destinations.
#[async_trait]
pub trait Destinations {
    /// Says which destination a connection sends to; none where there is nothing to watch.
    async fn use_destination(&self, connection: &ConnectionId, destination: Option<(&str, &str)>) -> Result<()>;

    /// All that are unwell, shut or not.
    async fn unwell(&self) -> Result<Vec<Unwell>>;

    /// A contact failed. How the destination is after that.
    async fn note_trouble(&self, destination: &str, trouble: &Trouble) -> Result<Health>;

    /// It answered. How it is after that, if it is still unwell. What was shut is open again, and the time that orders have
    /// waited for it is given back to them, as after a pause.
    async fn note_answer(&self, destination: &str) -> Result<Option<Health>>;

    /// Asks for the one try that is due, for at most `lease_ms`; it ends with what is noted of it. False: it is not due, or
    /// somebody else is at it.
    async fn take_probe(&self, destination: &str, lease_ms: Millis) -> Result<bool>;

    /// The try found out nothing: another one may try. How the destination is.
    async fn give_back_probe(&self, destination: &str) -> Result<Option<Health>>;

    /// A person opens a connection's destination again; what was wrong with it, if it was shut. Kept with who and why.
    async fn open_destination(&self, connection: &ConnectionId, by: &str, why: &str) -> Result<Option<Health>>;

    /// As `claim` of [`super::passes::Passes`], within the limits of the connection's destination: each order that is
    /// claimed takes the place of one request.
    async fn claim_within(
        &self,
        connection: &ConnectionId,
        host: &HostId,
        kind: ClaimKind,
        limit: u32,
        lease_ms: Millis,
        limits: Limits,
    ) -> Result<Vec<Claim>>;

    /// Books one more request, for an order that is at work; when it may leave.
    async fn book_request(&self, destination: &str, interval_ms: Millis) -> Result<Millis>;

    /// All notices.
    async fn notices(&self) -> Result<Vec<Notice>>;

    /// People are told, once: false when they were already. The mail, if there is one, is owed from then on.
    async fn raise_notice(&self, notice: &Notice, mail: Option<EffectBody>) -> Result<bool>;

    /// It is over, and who was told is told that too: false when nobody had been.
    async fn end_notice(&self, connection: &ConnectionId, subject: Subject, mail: Option<EffectBody>) -> Result<bool>;
}
