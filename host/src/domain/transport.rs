//! How far a send got, and how its outcome is read when no plugin has spoken (lifecycle section 5).

use serde::{Deserialize, Serialize};

use super::verdict::DefaultVerdict;

/// How far a send got. The order of the cases is the order in time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// The write-ahead row is committed.
    Recorded,
    /// Looking up the name.
    Resolve,
    /// Opening the connection.
    Connect,
    /// TLS handshake.
    Tls,
    /// The request was handed over: from here on it may have arrived.
    Sent,
    /// The answer's headers are here.
    Headers,
    /// The answer is complete.
    Body,
    /// Files: temporary names are being written; nothing is visible to the ERP.
    Writing,
    /// Files: being renamed into place; from here on the ERP may see them.
    Renaming,
    /// Files: all in place.
    Renamed,
}

impl Phase {
    /// The word as stored and shown.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Recorded => "recorded",
            Self::Resolve => "resolve",
            Self::Connect => "connect",
            Self::Tls => "tls",
            Self::Sent => "sent",
            Self::Headers => "headers",
            Self::Body => "body",
            Self::Writing => "writing",
            Self::Renaming => "renaming",
            Self::Renamed => "renamed",
        }
    }
}

/// Why an HTTP exchange brought no complete answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TransportFailure {
    /// The name could not be resolved.
    Resolve(String),
    /// No connection.
    Connect(String),
    /// TLS failed.
    Tls(String),
    /// HTTP/2 said that the stream was not processed (RFC 9113 section 8.7).
    RefusedStream,
    /// The lease had too little time left when the request was about to leave; nothing was sent.
    LeaseShort,
    /// The time limit, in milliseconds, passed.
    TimedOut(u64),
    /// The connection ended before the answer was complete.
    Lost(String),
    /// The answer was larger than allowed, in bytes.
    Oversized(u64),
    /// The answer was not HTTP.
    Malformed(String),
}

/// How an outcome is read by default.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reading {
    /// Provably not processed: wait and repeat, without a mail.
    NotProcessed,
    /// A complete answer, with what we make of it ourselves.
    Answered(DefaultVerdict),
    /// May or may not have been processed.
    Unknown,
}

/// Reads a failure by the phase it reached: only what provably was not processed is repeated by itself.
#[must_use]
pub fn read_failure(failure: &TransportFailure, phase: Phase) -> Reading {
    match failure {
        TransportFailure::RefusedStream | TransportFailure::LeaseShort => Reading::NotProcessed,
        TransportFailure::Resolve(_) | TransportFailure::Connect(_) | TransportFailure::Tls(_) => Reading::NotProcessed,
        _ if phase < Phase::Sent => Reading::NotProcessed,
        _ => Reading::Unknown,
    }
}

/// Reads the status of a complete answer.
#[must_use]
pub fn read_status(status: u16, trusts_503: bool) -> DefaultVerdict {
    match status {
        200..=299 => DefaultVerdict::Accepted,
        429 => DefaultVerdict::RetryLater,
        503 if trusts_503 => DefaultVerdict::RetryLater,
        307 | 308 | 400..=499 => DefaultVerdict::Rejected,
        _ => DefaultVerdict::Unknown,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn before_the_request_left_everything_is_repeatable() {
        assert_eq!(read_failure(&TransportFailure::TimedOut(5), Phase::Connect), Reading::NotProcessed);
        assert_eq!(read_failure(&TransportFailure::TimedOut(5), Phase::Sent), Reading::Unknown);
        assert_eq!(read_failure(&TransportFailure::Lost(String::new()), Phase::Body), Reading::Unknown);
        assert_eq!(read_failure(&TransportFailure::RefusedStream, Phase::Sent), Reading::NotProcessed);
    }

    #[test]
    fn statuses_follow_the_table() {
        for (status, trusts, expected) in [
            (200, false, DefaultVerdict::Accepted),
            (204, false, DefaultVerdict::Accepted),
            (302, false, DefaultVerdict::Unknown),
            (307, false, DefaultVerdict::Rejected),
            (404, false, DefaultVerdict::Rejected),
            (429, false, DefaultVerdict::RetryLater),
            (500, true, DefaultVerdict::Unknown),
            (503, false, DefaultVerdict::Unknown),
            (503, true, DefaultVerdict::RetryLater),
        ] {
            assert_eq!(read_status(status, trusts), expected, "status {status}, trusts_503 {trusts}");
        }
    }
}
