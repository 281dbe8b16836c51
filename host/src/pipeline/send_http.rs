//! Sending over HTTP: the write-ahead row first, then one try, then the reading of what came back.

use std::time::Duration;

use serde_json::{Value, json};

use super::{
    breaker::{self, Leaves},
    canary::CallNote,
    evidence::{Evidence, Gave},
    journey::{Journey, Outcome, Ready, Stopped},
    lease::Leases,
    quarantine::Asked,
    settle::{self, Settled},
    verdict::Heard,
};
use crate::{
    destination::{
        Destination,
        http::{Answer, Exchange, HttpDestination, HttpSender as _, Redacted, Request},
        render,
    },
    domain::{
        call::Purpose,
        delivery::{DeliveryContent, HttpDelivery, Repeat},
        id::AttemptToken,
        pass::PassState,
        random,
        transport::{self, Phase, Reading, TransportFailure},
        verdict::{DefaultVerdict, FailureClass, Response},
    },
    failpoint::{self, Guarantee},
    ledger::{
        LedgerError,
        passes::{AttemptEnd, NewAttempt, To},
    },
};

/// What of a request its answer is read with.
struct Sent<'a> {
    token: &'a AttemptToken,
    secrets: &'a super::parts::Secrets,
    /// The plugin asked that its answer be kept from the log.
    sensitive: bool,
    /// A login of the plugin went along: a refusal may be about that.
    with_login: bool,
}

impl Journey {
    /// Records and sends one step. Gives the next step of a conversation, or `None` when the pass was settled.
    ///
    /// # Errors
    /// As [`Journey::go`].
    pub async fn send_http(
        &mut self,
        http: &HttpDestination,
        destination: &Destination,
        ready: Ready,
    ) -> Outcome<Option<Ready>> {
        let DeliveryContent::Http(delivery) = &ready.delivery.content else {
            let because = "the plugin changed from HTTP to files within one conversation".to_owned();
            let settled = self.failed_unless_sent(FailureClass::Plugin, because);
            self.settle(settled).await?;
            return Ok(None);
        };
        let (secrets, logins) = self.secrets().await?;
        let (request, redacted) = match http.request(delivery, &secrets, &self.step_key(ready.step)) {
            Ok(made) => made,
            Err(problems) => {
                let because = crate::domain::problem::list(&problems).replace('\n', "; ");
                let settled = self.failed_unless_sent(FailureClass::Settings, because);
                self.settle(settled).await?;
                return Ok(None);
            }
        };
        if let Some(shut) = self.held_back(Leaves::Order).await? {
            self.put_back(&shut).await?;
            return Ok(None);
        }
        if let Some(next_look_ms) = self.key_died(&ready, destination).await? {
            let because = "the key that the ERP would know the request again by is too old to send it again";
            let mut settled = self.doubt(because).await?;
            if let To::Unknown { next_look_ms: next, .. } = &mut settled.to {
                *next = next_look_ms;
            }
            self.settle(settled).await?;
            return Ok(None);
        }
        if ready.step > 0 {
            // The first request was booked with the claim.
            self.take_its_turn().await?;
        }
        let token = AttemptToken(random::token(self.parts.random.as_ref()));
        let (repeat, sensitive) = (delivery.repeat, delivery.sensitive);
        let hash = redacted.body.sha256.clone();
        let attempt = self.attempt_row(&token, &ready, repeat, shown_request(&redacted), hash, destination)?;
        let notes = ready.delivery.notes.iter().map(|note| format!("The plugin notes: {note}")).collect();
        let state = ready.delivery.state.clone();
        let pins = ready.pins.map(Box::new);
        let pinned = pins.as_ref().map(|new| (new.pins.clone(), new.mapped_at_ms));
        let to = To::Sending { attempt: Box::new(attempt), pins };
        let mut recorded = Some(Settled { to, effects: Vec::new(), timeline: notes });
        if !failpoint::without(Guarantee::WriteAhead)
            && let Some(recorded) = recorded.take()
        {
            self.settle(recorded).await?;
        }
        if let Some((pins, mapped_at_ms)) = pinned {
            self.pass.pins = Some(pins);
            self.pass.mapped_at_ms = Some(mapped_at_ms);
        }
        self.pass.step = ready.step;

        let exchange = self.exchange(http, request).await;
        if let Some(too_late) = recorded {
            self.settle(too_late).await?;
        }
        let sent = Sent { token: &token, secrets: &secrets, sensitive, with_login: !logins.is_empty() };
        self.read_exchange(&sent, exchange, destination, state).await
    }

    /// One try on the wire.
    pub async fn exchange(&self, http: &HttpDestination, request: Request) -> Exchange {
        let gate = Leases::gate(&self.parts, &self.held);
        http.send(request, gate).await
    }

    /// The row that is committed before the first byte.
    ///
    /// # Errors
    /// `Corrupt` when the delivery has no JSON form.
    pub fn attempt_row(
        &self,
        token: &AttemptToken,
        ready: &Ready,
        repeat: Repeat,
        shown: Value,
        hash: String,
        destination: &Destination,
    ) -> Outcome<NewAttempt> {
        let mut stored = ready.delivery.clone();
        let state = std::mem::take(&mut stored.state);
        let delivery = serde_json::to_value(&stored)
            .map_err(|error| LedgerError::Corrupt(format!("delivery of {}: {error}", self.pass.order_number)))?;
        Ok(NewAttempt {
            token: token.clone(),
            step: ready.step,
            purpose: Purpose::Create,
            repeat,
            phase: Phase::Recorded,
            settle_ms: self.lane.settle_ms(destination),
            delivery,
            sealed_state: self.seal(&self.release_of(ready), &state)?,
            shown,
            hash,
            recovery: None,
            mapping: ready.mapping.clone(),
        })
    }

    /// The release that this step belongs to.
    pub fn release_of(&self, ready: &Ready) -> String {
        let pins = ready.pins.as_ref().map(|new| &new.pins).or(self.pass.pins.as_ref());
        pins.map_or_else(String::new, |pins| pins.release.as_str().to_owned())
    }

    async fn read_exchange(
        &mut self,
        sent: &Sent<'_>,
        exchange: Exchange,
        destination: &Destination,
        state: Vec<u8>,
    ) -> Outcome<Option<Ready>> {
        let &Sent { token, secrets, sensitive, with_login } = sent;
        let Exchange { evidence: seen, result } = exchange;
        let phase = seen.phase;
        let answer = match result {
            Ok(answer) => answer,
            Err(failure) => {
                let because = failure_sentence(&failure);
                let shut = self.no_answer(Leaves::Order, &failure, &because).await;
                let not_processed = transport::read_failure(&failure, phase) == Reading::NotProcessed;
                let unpin = self.pass.step == 0 && !self.sent_before;
                let (settled, outcome) = match shut {
                    Some(shut) if not_processed => (self.wait_for(&shut, unpin).await?, "not processed"),
                    None if not_processed => (self.retry(because, None, unpin).await?, "not processed"),
                    _ => (self.doubt(&because).await?, "unknown"),
                };
                let end = AttemptEnd {
                    token: token.clone(),
                    phase,
                    outcome,
                    shown: json!({ "evidence": seen, "failure": failure }),
                };
                self.settle_answer(token, settled, end).await?;
                return Ok(None);
            }
        };
        let default = transport::read_status(answer.status, destination.trusts_503());
        let mut shown = json!({ "evidence": seen, "answer": shown_answer(&answer, secrets, sensitive) });
        let response = response_for_plugin(&answer, secrets, sensitive);
        if answer.status == 401 {
            self.forget_logins().await;
        }
        let retry_after_s = breaker::retry_after(&answer, self.parts.clock.now_ms());
        let heard = self.hear(state, response, default, retry_after_s).await;
        if let Some(object) = shown.as_object_mut() {
            object.insert("verdict".to_owned(), heard.shown());
        }
        let step = self.pass.step;
        let shut = self.answered(Leaves::Order, answer.status, &heard, with_login).await;
        let (settled, outcome, next) = match shut.filter(|_| heard.is_of_all(answer.status)) {
            Some(shut) => {
                (self.wait_for(&shut, self.pass.step == 0 && !self.sent_before).await?, "not processed", None)
            }
            None => self.weigh(heard, default, step, destination).await?,
        };
        let end = AttemptEnd { token: token.clone(), phase, outcome, shown };
        self.settle_answer(token, settled, end).await?;
        if next.is_some() {
            self.pass.step = step.saturating_add(1);
        }
        Ok(next)
    }

    /// Asks the plugin what an answer means, whatever the ledger is up to: a true answer is never thrown away. The ledger's
    /// passing trouble is waited out; anything else is a reason not to know.
    pub async fn hear(
        &mut self,
        state: Vec<u8>,
        response: Response,
        default: DefaultVerdict,
        retry_after_s: Option<u32>,
    ) -> Heard {
        loop {
            let asked = self.ask_meaning(Purpose::Create, state.clone(), response.clone(), default, retry_after_s);
            match asked.await {
                Ok(heard) => return heard,
                Err(Stopped::Ledger(LedgerError::Unavailable { reason, .. } | LedgerError::InDoubt(reason))) => {
                    tracing::error!(order.number = %self.pass.order_number, %reason, "the ERP's answer can't be read yet");
                    tokio::time::sleep(Duration::from_millis(500)).await;
                }
                Err(Stopped::Ledger(error)) => return Heard::fault(error.to_string()),
            }
        }
    }

    /// Where a verdict leads, with the same patience.
    ///
    /// # Errors
    /// The ledger's, when it can't even say what time it is.
    pub async fn weigh(
        &mut self,
        heard: Heard,
        default: DefaultVerdict,
        step: u32,
        destination: &Destination,
    ) -> Outcome<(Settled, &'static str, Option<Ready>)> {
        loop {
            match self.read_verdict(heard.clone(), default, step, destination).await {
                Err(Stopped::Ledger(LedgerError::Unavailable { reason, .. } | LedgerError::InDoubt(reason))) => {
                    tracing::error!(order.number = %self.pass.order_number, %reason, "the ERP's answer can't be weighed yet");
                    tokio::time::sleep(Duration::from_millis(500)).await;
                }
                Err(Stopped::Ledger(error)) => {
                    return Ok((self.doubt(&error.to_string()).await?, "unknown", None));
                }
                weighed => return weighed,
            }
        }
    }

    /// Asks the plugin what an answer means.
    ///
    /// # Errors
    /// The ledger's.
    pub async fn ask_meaning(
        &mut self,
        purpose: Purpose,
        state: Vec<u8>,
        response: Response,
        default: DefaultVerdict,
        retry_after_s: Option<u32>,
    ) -> Outcome<Heard> {
        let order = self.mapped_order().await?;
        let Some(pins) = self.pass.pins.clone() else {
            return Ok(Heard::fault("the pass has no pins".to_owned()));
        };
        let lane = std::sync::Arc::clone(&self.lane);
        let (settings, tables) = lane.inputs_of(&self.parts, &pins).await?;
        let (_, logins) = self.secrets().await?;
        let mapped_at_ms = self.pass.mapped_at_ms.unwrap_or_default();
        let context = self.context(purpose, self.pass.step, &settings, mapped_at_ms, self.previous(), logins);
        let told = context.clone();
        let called =
            self.parts.mapper.parse_response(&pins.release, order, context, tables, state, response, default).await;
        self.note_call(&pins.release, Asked::Reading, &called);
        if called.result.is_err() {
            self.note_for_canary(&pins, CallNote::fault()).await;
        }
        let evidence = Evidence::of(&pins, told, &called, Gave::of_reading(&called));
        let plugin = Evidence { default: Some(default), ..evidence }.stored();
        Ok(match called.result {
            Ok(verdict) => Heard { verdict: Ok(verdict), plugin, retry_after_s },
            Err(fault) => Heard { verdict: Err(fault.to_string()), plugin, retry_after_s },
        })
    }

    /// A login that no longer works is forgotten, so that the plugin asks for its login step again.
    pub async fn forget_logins(&self) {
        let (ledger, connection) = (&self.parts.ledger, &self.lane.record.id);
        let forget = async {
            for login in ledger.logins(connection).await? {
                ledger.forget_login(connection, &login.slot).await?;
            }
            Ok::<(), LedgerError>(())
        };
        self.logins_changed();
        if let Err(error) = forget.await {
            tracing::warn!(connection = %self.lane.record.name, %error, "logins that no longer work were not forgotten");
        }
    }

    /// In doubt: when the first look-up comes, and when look-ups end.
    ///
    /// # Errors
    /// The ledger's.
    pub async fn doubt(&self, because: &str) -> Outcome<Settled> {
        let now = self.now_ms().await?;
        let deadline = self.pass.deadline_ms.filter(|_| self.pass.state == PassState::Unknown);
        let deadline = deadline.unwrap_or_else(|| {
            now.saturating_add(super::parts::millis(self.lane.settings.unknown.lookup_for.duration()))
        });
        Ok(settle::in_doubt(because, now, deadline))
    }
}

/// A request as people are shown it.
pub fn shown_request(redacted: &Redacted) -> Value {
    serde_json::to_value(redacted).unwrap_or(Value::Null)
}

/// An answer as the plugin gets it: secrets never enter a plugin, not even when the ERP repeats them in an error message,
/// which the plugin would pass on to staff and their mails. Only the answer to a login may hold what the plugin must name.
pub fn response_for_plugin(answer: &Answer, secrets: &super::parts::Secrets, sensitive: bool) -> Response {
    if sensitive {
        return Response::Http { status: answer.status, headers: answer.headers.clone(), body: answer.body.to_vec() };
    }
    let headers = answer
        .headers
        .iter()
        .map(|(name, value)| {
            (name.clone(), String::from_utf8_lossy(&render::hide(value.as_bytes(), secrets)).into_owned())
        })
        .collect();
    Response::Http { status: answer.status, headers, body: render::hide(&answer.body, secrets) }
}

/// An answer as people are shown it: secrets that the ERP echoed are taken out, a login's answer is not kept at all.
pub fn shown_answer(answer: &Answer, secrets: &super::parts::Secrets, sensitive: bool) -> Value {
    if sensitive {
        return json!({ "status": answer.status, "note": "not kept: the answer holds a login" });
    }
    const KEPT: usize = 256 << 10;
    let kept = answer.body.get(..KEPT).unwrap_or(&answer.body);
    let hidden = render::hide(kept, secrets);
    let headers: Vec<_> = answer
        .headers
        .iter()
        .map(|(name, value)| {
            let value = render::hide(value.as_bytes(), secrets);
            (name.clone(), String::from_utf8_lossy(&value).into_owned())
        })
        .collect();
    let note = (kept.len() < answer.body.len())
        .then(|| format!("only the first {} of {} bytes are kept", kept.len(), answer.body.len()));
    let (body, bytes) = super::reread::kept(&hidden);
    json!({
        "status": answer.status,
        "headers": headers,
        "body": body,
        "bytes": bytes,
        "length": answer.body.len(),
        "note": note,
    })
}

/// One sentence for a failure below HTTP.
pub fn failure_sentence(failure: &TransportFailure) -> String {
    match failure {
        TransportFailure::Resolve(why) => format!("the destination's name could not be resolved: {why}"),
        TransportFailure::Connect(why) => format!("the destination could not be reached: {why}"),
        TransportFailure::Tls(why) => format!("the destination's TLS failed: {why}"),
        TransportFailure::RefusedStream => "the destination refused the request unread".to_owned(),
        TransportFailure::LeaseShort => "the worker's lease was about to run out".to_owned(),
        TransportFailure::TimedOut(ms) => format!("the ERP did not answer within {} s", ms.div_ceil(1000)),
        TransportFailure::Lost(why) => format!("the connection ended before the ERP's answer was complete: {why}"),
        TransportFailure::Oversized(most) => format!("the ERP's answer was larger than {most} bytes"),
        TransportFailure::Malformed(why) => format!("the ERP's answer was not HTTP: {why}"),
    }
}

/// What a look-up or poll may be: a request that changes nothing.
pub fn http_of(content: &DeliveryContent) -> Option<&HttpDelivery> {
    match content {
        DeliveryContent::Http(http) => Some(http),
        DeliveryContent::Files(_) => None,
    }
}
