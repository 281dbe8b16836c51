//! HTTP deliveries.

use std::time::Duration;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use crate::domain::{
    Pair,
    transport::{Phase, TransportFailure},
};

/// A request with every secret in its place. `Debug` shows no header value and no body.
pub struct Request {
    /// Method.
    pub method: String,
    /// Absolute address, query included.
    pub url: url::Url,
    /// Headers, authentication included.
    pub headers: Vec<(String, Vec<u8>)>,
    /// Body.
    pub body: bytes::Bytes,
    /// Covers resolve, connect, TLS, the whole request and the whole answer.
    pub time_limit: Duration,
    /// Most bytes of an answer's body.
    pub answer_cap: u64,
}

/// What was seen on the wire, for people and for the reading of the outcome.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Evidence {
    /// How far it got.
    pub phase: Phase,
    /// Milliseconds from the start to each phase reached.
    pub times: Vec<(Phase, u64)>,
    /// Bytes of the body handed over.
    pub sent_bytes: u64,
    /// Bytes of the answer's body received.
    pub received_bytes: u64,
    /// The address that we connected to.
    pub peer: Option<String>,
}

/// A complete answer.
#[derive(Clone, Debug)]
pub struct Answer {
    /// Status.
    pub status: u16,
    /// Headers, names in lower case, values as UTF-8 with replacement.
    pub headers: Vec<Pair>,
    /// Body.
    pub body: bytes::Bytes,
}

/// One try.
#[derive(Debug)]
pub struct Exchange {
    /// What was seen.
    pub evidence: Evidence,
    /// What came of it.
    pub result: Result<Answer, TransportFailure>,
}

/// Asked at the last possible moment, the first poll of the request's body, whether the send may still begin.
pub type Gate = std::sync::Arc<dyn Fn() -> bool + Send + Sync>;

/// Sends HTTP requests: HTTP/1.1 on a fresh connection for each, no redirects, no repeats.
#[async_trait]
pub trait HttpSender: Send + Sync {
    /// One try. Never repeats by itself.
    async fn send(&self, request: Request, gate: Gate) -> Exchange;
}
