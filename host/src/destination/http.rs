//! HTTP deliveries: one request on one fresh connection, with evidence of how far it got.
//!
//! `settings` is what an administrator sets, `request` makes a delivery into bytes, `send` sends them; `stream` is where
//! *sent* becomes true; `address` and `tls` say where we may go and whom we trust.

mod address;
mod request;
mod send;
mod settings;
mod stream;
mod tls;

use std::{fmt, sync::Arc, time::Duration};

use async_trait::async_trait;
use http::HeaderName;
use serde::{Deserialize, Serialize};
use url::Url;

pub use self::{
    request::Redacted,
    settings::{Authentication, HttpSettings},
};
use super::render::{self, Secrets};
use crate::domain::{
    Pair,
    problem::Problem,
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

impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Request")
            .field("method", &self.method)
            .field("url", &self.url.as_str())
            .field("headers", &self.headers.iter().map(|(name, _)| name).collect::<Vec<_>>())
            .field("body_bytes", &self.body.len())
            .finish_non_exhaustive()
    }
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

/// Asked at the last possible moment whether the send may still begin: by the first write that would put a byte of the
/// request, head included, on the connection. That is later than the first poll of the body, and no byte is before it.
pub type Gate = Arc<dyn Fn() -> bool + Send + Sync>;

/// Sends HTTP requests: HTTP/1.1 on a fresh connection for each, no redirects, no repeats.
#[async_trait]
pub trait HttpSender: Send + Sync {
    /// One try. Never repeats by itself.
    async fn send(&self, request: Request, gate: Gate) -> Exchange;
}

/// An open HTTP destination: checked settings and ready TLS. Costs no connection; cheap to keep, meant to be shared.
pub struct HttpDestination {
    settings: HttpSettings,
    base: Url,
    /// None only for a plain base address.
    tls: Option<Arc<rustls::ClientConfig>>,
    /// Sends in our place.
    sender: Option<Arc<dyn HttpSender>>,
}

impl HttpDestination {
    /// Checks the settings and prepares TLS. `secrets` is only asked whether it has what the settings name; the values
    /// are taken anew for each request.
    ///
    /// # Errors
    /// Everything that is wrong, with the setting's name as place.
    pub fn open(settings: &HttpSettings, secrets: &Secrets) -> Result<Self, Vec<Problem>> {
        let mut problems = Vec::new();
        let base = address::base(&settings.base_address, settings.allow_plain_http)
            .map_err(|mut found| problems.append(&mut found))
            .ok();
        let slot = match &settings.authentication {
            Authentication::None => None,
            Authentication::Header { name, secret } => {
                header_name("authentication.name", name, &mut problems);
                Some(secret)
            }
            Authentication::Bearer { secret } => Some(secret),
            Authentication::Basic { user, secret } => {
                if user.contains(':') || user.chars().any(char::is_control) {
                    problems
                        .push(Problem::new("authentication.user", "holds a colon or a control character (RFC 7617)"));
                }
                Some(secret)
            }
        };
        if let Some(slot) = slot.filter(|slot| !secrets.contains_key(*slot)) {
            problems.push(render::missing("authentication.secret", slot));
        }
        if let Some(name) = &settings.idempotency_header {
            header_name("idempotency_header", name, &mut problems);
        }
        let limits = [
            ("time_limit_s", u64::from(settings.time_limit_s), u64::from(settings::LONGEST_LIMIT_S)),
            ("answer_cap", settings.answer_cap, settings::LARGEST_CAP),
        ];
        for (place, value, most) in limits {
            if value == 0 || value > most {
                problems.push(Problem::new(place, format!("{value} is not between 1 and {most}")));
            }
        }
        // An authority is read even for a plain address, so that a wrong file is told before the address is changed.
        let needs_tls = settings.ca_file.is_some() || base.as_ref().is_some_and(|base| base.scheme() == "https");
        let tls = if needs_tls {
            tls::config(settings.ca_file.as_deref()).map_err(|problem| problems.push(problem)).ok()
        } else {
            None
        };
        match base {
            Some(base) if problems.is_empty() => Ok(Self { settings: settings.clone(), base, tls, sender: None }),
            _ => Err(problems),
        }
    }

    /// The same destination with another way onto the wire: the simulation's network.
    #[must_use]
    pub fn sending_by(mut self, sender: Arc<dyn HttpSender>) -> Self {
        self.sender = Some(sender);
        self
    }

    /// Resolves, connects and shakes hands, and asks nothing: an ERP is not called without an order. What `orderdock
    /// check` shows.
    pub async fn check(&self) -> Vec<Problem> {
        let failure = match tokio::time::timeout(self.time_limit(), send::greet(self)).await {
            Ok(Ok(())) => return Vec::new(),
            Ok(Err(failure)) => failure,
            Err(_) => TransportFailure::TimedOut(u64::from(self.settings.time_limit_s) * 1000),
        };
        let message = match failure {
            TransportFailure::Resolve(why) | TransportFailure::Connect(why) | TransportFailure::Tls(why) => why,
            _ => format!("no connection within {} s", self.settings.time_limit_s),
        };
        vec![Problem::new("destination.settings.base_address", format!("{} can't be reached: {message}", self.base))]
    }

    /// The settings it was opened with.
    #[must_use]
    pub fn settings(&self) -> &HttpSettings {
        &self.settings
    }

    /// Longest time of one request.
    #[must_use]
    pub fn time_limit(&self) -> Duration {
        Duration::from_secs(u64::from(self.settings.time_limit_s))
    }

    /// From the write-ahead row until "not found" counts (lifecycle section 4): request limit and settling time.
    #[must_use]
    pub fn absent_counts_after(&self) -> Duration {
        self.time_limit() + Duration::from_secs(u64::from(self.settings.settling_s))
    }
}

impl fmt::Debug for HttpDestination {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpDestination").field("base", &self.base.as_str()).finish_non_exhaustive()
    }
}

/// Sends to its own base address only; a request for another origin fails before anything is looked up.
#[async_trait]
impl HttpSender for HttpDestination {
    async fn send(&self, request: Request, gate: Gate) -> Exchange {
        match &self.sender {
            Some(other) => other.send(request, gate).await,
            None => send::send(self, request, gate).await,
        }
    }
}

fn header_name(place: &str, name: &str, problems: &mut Vec<Problem>) {
    if HeaderName::from_bytes(name.as_bytes()).is_err() {
        problems.push(Problem::new(place, format!("`{}` is not a header's name", name.escape_default())));
    }
}
