//! Trouble of a whole destination: what a contact told of it, whether anything may be sent there now, and the one try that
//! finds out (the rule is [`crate::domain::breaker`]; all hosts share what is known, in the ledger).
//!
//! A destination is an address with a credential. While it is well, nothing of this costs a commit: a host asks the ledger
//! once a second which are unwell, and only then writes down an answer.

use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, Mutex, PoisonError, RwLock},
    time::Duration,
};

use secrecy::ExposeSecret as _;
use serde_json::Value;

use super::{
    journey::{Journey, Outcome},
    lane::Lane,
    notices,
    parts::{Parts, Secrets, millis},
    settle::Settled,
    verdict::Heard,
    work::{Shared, Signals},
};
use crate::{
    destination::http::Answer,
    domain::{
        backoff::Backoff,
        breaker::{BreakerRule, Health, Trouble, TroubleKind},
        clock::Millis,
        pass::PassState,
        transport::TransportFailure,
        verdict::Verdict,
    },
    ledger::{
        LedgerError,
        connections::ConnectionRecord,
        destinations::{Limits, Unwell},
        passes::To,
    },
};

/// Beside a request's own time limit, for the commits around it: so long nobody else tries.
const PROBE_MARGIN: Duration = Duration::from_secs(15);

/// Destinations that are unwell, as this host knows them. What it does not know of for a second, the ledger's claims do.
#[derive(Debug, Default)]
pub struct Known {
    unwell: RwLock<HashMap<String, Health>>,
    /// Where a look-up did not find out that all is well. It may be the look-up that is broken, so orders come first then.
    blind: Mutex<HashSet<String>>,
}

/// What wants to leave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Leaves {
    /// An order.
    Order,
    /// A look-up or a poll.
    Look,
}

/// How long orders come first.
const ORDERS_FIRST_MS: Millis = 30_000;

impl Known {
    /// How a destination is; none if it is well.
    pub fn of(&self, destination: &str) -> Option<Health> {
        self.unwell.read().unwrap_or_else(PoisonError::into_inner).get(destination).cloned()
    }

    /// Takes note of how it is.
    pub fn set(&self, destination: &str, health: Option<Health>) {
        let mut all = self.unwell.write().unwrap_or_else(PoisonError::into_inner);
        match health {
            Some(health) => all.insert(destination.to_owned(), health),
            None => all.remove(destination),
        };
    }

    /// Takes note of all; whether one of them lets orders through that it held back before.
    pub fn replace(&self, unwell: Vec<Unwell>) -> bool {
        let new: HashMap<_, _> = unwell.into_iter().map(|it| (it.destination, it.health)).collect();
        self.blind.lock().unwrap_or_else(PoisonError::into_inner).retain(|id| new.contains_key(id));
        let mut all = self.unwell.write().unwrap_or_else(PoisonError::into_inner);
        let opened = all.iter().any(|(id, before)| before.is_open() && !new.get(id).is_some_and(Health::is_open));
        *all = new;
        opened
    }
}

/// A destination by which hosts share what they know: its name and its address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// Address and fingerprint of the credential.
    pub id: String,
    /// The address, for people.
    pub address: String,
}

/// Which destination this is, from the form in which passes pin it; none for one that is not watched (a folder).
pub fn identity(parts: &Parts, pinned: &Value, secrets: &Secrets) -> Option<Identity> {
    if pinned.get("kind").and_then(Value::as_str) != Some("http") {
        return None;
    }
    let address = pinned.get("base_address").and_then(Value::as_str)?.trim_end_matches('/').to_owned();
    let authentication = pinned.get("authentication").map(Value::to_string).unwrap_or_default();
    let values = secrets.iter().flat_map(|(slot, value)| [slot.as_str(), value.expose_secret()]);
    let print = parts.sealer.fingerprint([authentication.as_str()].into_iter().chain(values));
    Some(Identity { id: format!("{address} {}", print.get(..16).unwrap_or_default()), address })
}

/// What an answer tells of the destination.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Told {
    /// It works, whatever it thinks of the order.
    Well,
    /// Nothing: the plugin could not read it, or it is about this order only.
    Nothing,
    /// Not even that: it may be the look-up that is broken.
    Blind,
    /// It is in trouble.
    Trouble {
        /// What is wrong.
        kind: TroubleKind,
        /// The ERP itself says that it is not about one order.
        at_once: bool,
    },
}

/// Reads an answer for what it tells of the destination. The plugin's verdict comes first: a 500 with the ERP's words in it may
/// be a refusal of one order. A plugin's fault is not the destination's.
pub fn told(status: u16, verdict: &Result<Verdict, String>, with_login: bool) -> Told {
    let trouble = |kind, at_once| Told::Trouble { kind, at_once };
    match (verdict, status) {
        // Shops of the MYOB and NetSuite kind throttle with 403 and 400; other statuses ask for this order only.
        (Ok(Verdict::RetryLater { .. }), 400 | 403 | 429 | 503) => trouble(TroubleKind::SlowDown, true),
        (Ok(Verdict::Rejected(_) | Verdict::Unknown { .. }) | Err(_), 429) => trouble(TroubleKind::SlowDown, true),
        // A login that has run out is made anew; a credential that is refused is refused for all.
        (Ok(Verdict::Rejected(_) | Verdict::Unknown { .. }) | Err(_), 401) => {
            trouble(TroubleKind::NoAccess, !with_login)
        }
        // It may be about this customer or article.
        (Ok(Verdict::Rejected(_) | Verdict::Unknown { .. }) | Err(_), 403) => trouble(TroubleKind::NoAccess, false),
        (Ok(Verdict::Unknown { .. }) | Err(_), 500..=599) => trouble(TroubleKind::NoAnswer, false),
        (Ok(Verdict::Unknown { .. }) | Err(_), _) => Told::Nothing,
        (Ok(_), _) => Told::Well,
    }
}

/// How long an answer asks to wait: seconds, or a moment (RFC 9110 section 10.2.3).
pub fn retry_after(answer: &Answer, now_ms: Millis) -> Option<u32> {
    let (_, value) = answer.headers.iter().find(|(name, _)| name == "retry-after")?;
    let value = value.trim();
    if let Ok(seconds) = value.parse::<u64>() {
        return Some(u32::try_from(seconds).unwrap_or(u32::MAX));
    }
    let moment = jiff::fmt::rfc2822::parse(value).ok()?.timestamp().as_millisecond();
    let wait_ms = moment.saturating_sub(now_ms).max(0);
    Some(u32::try_from(wait_ms.saturating_add(999) / 1000).unwrap_or(u32::MAX))
}

impl Lane {
    /// Why nothing is sent to its destination, as far as this host knows.
    pub fn shut(&self, parts: &Parts) -> Option<Health> {
        parts.destinations.of(&self.identity.as_ref()?.id).filter(Health::is_open)
    }

    /// What it keeps to at its destination; none where it keeps to nothing.
    pub fn limits(&self) -> Option<Limits> {
        self.identity.as_ref()?;
        let of = &self.settings.destination;
        let interval_ms = of.requests_per_minute.map(|most| 60_000 / Millis::from(most.max(1)));
        let limits = Limits { interval_ms, at_once: of.at_once };
        (limits != Limits::default()).then_some(limits)
    }
}

impl Journey {
    /// Which destination this pass goes to.
    fn watched(&self) -> Option<String> {
        let pinned = self.pass.pins.as_ref().map(|pins| &pins.destination);
        match pinned.filter(|pinned| **pinned != self.lane.pinned_destination) {
            None => self.lane.identity.as_ref().map(|identity| identity.id.clone()),
            Some(pinned) => identity(&self.parts, pinned, &self.lane.secrets).map(|identity| identity.id),
        }
    }

    /// Why nothing is sent there, as far as this host knows.
    pub fn shut(&self) -> Option<Health> {
        self.parts.destinations.of(&self.watched()?).filter(Health::is_open)
    }

    /// Whether a request may leave now: none, or why not. When a try is due, the answer "none" makes it ours.
    ///
    /// # Errors
    /// The ledger's.
    pub async fn held_back(&self, leaves: Leaves) -> Outcome<Option<Health>> {
        let known = &self.parts.destinations;
        let Some(id) = self.watched() else { return Ok(None) };
        let Some(health) = known.of(&id).filter(Health::is_open) else { return Ok(None) };
        let now = self.now_ms().await?;
        let blind = leaves == Leaves::Look && known.blind.lock().unwrap_or_else(PoisonError::into_inner).contains(&id);
        let since = if blind { now.saturating_sub(ORDERS_FIRST_MS) } else { now };
        if !health.is_due(now) || health.next_try_ms > since {
            return Ok(Some(health));
        }
        let lease_ms = millis(self.lane.destination.time_limit() + PROBE_MARGIN);
        let ours = self.parts.ledger.take_probe(&id, lease_ms).await?;
        let tried = Health { probe_until_ms: now.saturating_add(lease_ms), ..health };
        known.set(&id, Some(tried.clone()));
        Ok((!ours).then_some(tried))
    }

    /// Back to waiting for the destination: that is no try, and uses up no time of the order.
    ///
    /// # Errors
    /// The ledger's.
    pub async fn wait_for(&self, shut: &Health, unpin: bool) -> Outcome<Settled> {
        // Due at once: what holds it back is not its own time. So it stands behind those that have not been tried.
        let (not_before_ms, because) = (self.now_ms().await?, shut.what());
        let to = To::Waiting { not_before_ms, because, unpin, retry: false, absent: false };
        Ok(Settled { to, effects: Vec::new(), timeline: Vec::new() })
    }

    /// The same for a pass that has sent nothing of the present step.
    ///
    /// # Errors
    /// The ledger's.
    pub async fn put_back(&mut self, shut: &Health) -> Outcome<()> {
        let settled = self.wait_for(shut, self.pass.step == 0 && !self.pass.sent).await?;
        self.settle(settled).await
    }

    /// No answer came. Whether the destination is shut now.
    pub async fn no_answer(&self, leaves: Leaves, failure: &TransportFailure, because: &str) -> Option<Health> {
        match failure {
            // Ours, not theirs.
            TransportFailure::LeaseShort => None,
            _ => {
                let trouble = Told::Trouble { kind: TroubleKind::NoAnswer, at_once: false };
                self.tell(leaves, &trouble, because, None).await
            }
        }
    }

    /// An answer came and was read. Whether the destination is shut now.
    pub async fn answered(&self, leaves: Leaves, status: u16, heard: &Heard, with_login: bool) -> Option<Health> {
        let (mut because, mut asked_s) = (format!("status {status}"), heard.retry_after_s);
        if let Ok(Verdict::RetryLater { after_s, message }) = &heard.verdict {
            asked_s = after_s.or(asked_s);
            because = format!("{because}: {message}");
        }
        if let Ok(Verdict::Rejected(refusal)) = &heard.verdict {
            because = format!("{because}: {}", refusal.message);
        }
        let told = match (leaves, told(status, &heard.verdict, with_login)) {
            // Where orders go may be well all the same.
            (Leaves::Look, Told::Trouble { kind: TroubleKind::NoAnswer | TroubleKind::NoAccess, .. }) => Told::Blind,
            (_, told) => told,
        };
        self.tell(leaves, &told, &because, asked_s).await
    }

    /// Shares what a contact told. The ledger's trouble is not the order's: then others find out by themselves.
    async fn tell(&self, leaves: Leaves, told: &Told, because: &str, asked_s: Option<u32>) -> Option<Health> {
        let (known, ledger) = (&self.parts.destinations, &self.parts.ledger);
        let failures = self.lane.settings.breaker.failures;
        let id = self.watched().filter(|_| failures > 0)?;
        let shared = match told {
            Told::Well if known.of(&id).is_none() => return None,
            Told::Nothing | Told::Blind if !known.of(&id).is_some_and(|health| health.is_open()) => return None,
            Told::Blind => ledger.give_back_probe(&id).await,
            // Where nothing was sent because it did not answer, any answer is one.
            Told::Well | Told::Nothing => ledger.note_answer(&id).await,
            Told::Trouble { kind, at_once } => {
                let retry = &self.lane.settings.retry;
                let backoff = Backoff { first_ms: retry.first_wait.millis(), longest_ms: retry.longest_wait.millis() };
                let trouble = Trouble {
                    kind: *kind,
                    because: because.to_owned(),
                    at_once: *at_once,
                    asked_ms: asked_s.map(|seconds| Millis::from(seconds).saturating_mul(1000)),
                    rule: BreakerRule { failures, backoff },
                };
                ledger.note_trouble(&id, &trouble).await.map(Some)
            }
        };
        match shared {
            Ok(health) => {
                self.log_change(known.of(&id).as_ref(), health.as_ref());
                known.set(&id, health.clone());
                let found_nothing = matches!(told, Told::Blind | Told::Trouble { .. });
                if leaves == Leaves::Look && found_nothing && health.is_some() {
                    known.blind.lock().unwrap_or_else(PoisonError::into_inner).insert(id);
                }
                health.filter(Health::is_open)
            }
            Err(error) => {
                tracing::warn!(destination = %id, %error, "what is known of the destination could not be shared");
                None
            }
        }
    }

    fn log_change(&self, before: Option<&Health>, after: Option<&Health>) {
        let connection = &self.lane.record.name;
        let was_shut = before.is_some_and(Health::is_open);
        match after.filter(|health| health.is_open()) {
            Some(shut) if !was_shut => {
                tracing::warn!(%connection, why = %shut.sentence(), "nothing more is sent to the ERP for now");
            }
            Some(shut) => tracing::debug!(%connection, why = %shut.sentence(), "the ERP is still in trouble"),
            None if was_shut => tracing::info!(%connection, "the ERP answers again: orders are sent"),
            None => {}
        }
    }

    /// Where the limit of requests asks for it, waits until this one may leave.
    ///
    /// # Errors
    /// The ledger's.
    pub async fn take_its_turn(&self) -> Outcome<()> {
        let interval_ms = self.lane.limits().and_then(|limits| limits.interval_ms);
        let (Some(id), Some(interval_ms)) = (self.watched(), interval_ms) else { return Ok(()) };
        let at_ms = self.parts.ledger.book_request(&id, interval_ms).await?;
        let wait = at_ms.saturating_sub(self.now_ms().await?);
        tokio::time::sleep(Duration::from_millis(u64::try_from(wait).unwrap_or(0))).await;
        Ok(())
    }

    /// A look-up or poll that is not made while nothing is sent there: later, and without using up its time.
    ///
    /// # Errors
    /// The ledger's.
    pub async fn look_when_it_answers(&mut self, shut: &Health) -> Outcome<()> {
        let next_look_ms = shut.next_try_ms.max(shut.probe_until_ms).max(self.now_ms().await?.saturating_add(500));
        let deadline_ms = self.pass.deadline_ms.unwrap_or(next_look_ms);
        let to = match (self.pass.state, self.pass.awaiting.clone()) {
            (PassState::Awaiting, Some(awaiting)) => To::Awaiting {
                awaiting,
                sealed_state: self.pass.sealed_state.clone().unwrap_or_default(),
                next_look_ms,
                deadline_ms,
            },
            _ => To::Unknown { because: self.pass.because.clone(), next_look_ms, deadline_ms },
        };
        self.settle(Settled { to, effects: Vec::new(), timeline: Vec::new() }).await
    }

    /// Whether a moment that is waited for is over: neither a pause nor a shut destination uses up time.
    pub fn is_over(&self, moment_ms: Millis, now_ms: Millis) -> bool {
        let shut_since = self.shut().and_then(|shut| shut.opened_ms);
        self.lane.is_over(moment_ms, shut_since.unwrap_or(now_ms).min(now_ms))
    }
}

/// Claims and reports go by the ledger's word on where a connection sends.
pub async fn say(parts: &Parts, lane: &Lane, record: &ConnectionRecord) {
    let identity = lane.identity.as_ref();
    if record.destination.as_deref() == identity.map(|identity| identity.id.as_str()) {
        return;
    }
    let destination = identity.map(|identity| (identity.id.as_str(), identity.address.as_str()));
    if let Err(error) = parts.ledger.use_destination(&record.id, destination).await {
        tracing::warn!(connection = %record.name, %error, "where it sends could not be shared");
    }
}

/// Looks which destinations are unwell, once a second: wakes whoever waited for one that is well again, and tells people.
pub async fn watch(shared: &Shared, lanes: &[(Arc<Lane>, Arc<Signals>)]) {
    match refresh(&shared.parts).await {
        Ok(opened) => {
            if opened {
                lanes.iter().for_each(|(_, signals)| signals.work.notify_one());
            }
            if let Err(error) = notices::of_destinations(shared, lanes).await {
                tracing::warn!(%error, "who is to be told of an ERP's trouble is not known");
            }
        }
        Err(error) => tracing::warn!(%error, "which destinations are unwell could not be read"),
    }
}

/// The ledger's word on which destinations are unwell; whether one lets orders through again.
///
/// # Errors
/// The ledger's.
pub async fn refresh(parts: &Parts) -> Result<bool, LedgerError> {
    let unwell = parts.ledger.unwell().await?;
    Ok(parts.destinations.replace(unwell))
}
