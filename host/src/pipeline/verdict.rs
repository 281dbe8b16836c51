//! From what the plugin heard to where the pass goes (lifecycle section 5, contract section 9).

use std::time::Duration;

use serde_json::{Value, json};

use super::{
    journey::{Journey, MOST_STEPS, Outcome, Ready},
    lane::secret_purpose,
    parts::millis,
    settle::Settled,
};
use crate::{
    destination::Destination,
    domain::{
        delivery::Delivery,
        verdict::{AnswerCheck, Awaiting, DefaultVerdict, Login, Verdict},
    },
    ledger::{LedgerError, connections::SealedSecret, passes::To},
};

/// Seconds between two looks into answer folders.
const LOOK_EVERY: Duration = Duration::from_secs(5);

/// What the plugin made of an answer.
#[derive(Clone)]
pub struct Heard {
    /// Its verdict, or why there is none.
    pub verdict: Result<Verdict, String>,
    /// What the call cost and said.
    pub plugin: Value,
    /// What the answer itself asked to wait.
    pub retry_after_s: Option<u32>,
}

impl Heard {
    /// No verdict.
    pub fn fault(why: String) -> Self {
        Self { verdict: Err(why), plugin: Value::Null, retry_after_s: None }
    }

    /// Whether it leaves the outcome unknown.
    pub fn in_doubt(&self) -> bool {
        matches!(self.verdict, Err(_) | Ok(Verdict::Unknown { .. }))
    }

    /// Whether it says that the ERP did nothing, for a reason that holds for all orders alike.
    pub fn is_of_all(&self, status: u16) -> bool {
        match &self.verdict {
            Ok(Verdict::RetryLater { .. }) => true,
            Ok(Verdict::Rejected(refusal)) => matches!(status, 401 | 403 | 429) && refusal.partial_id.is_none(),
            _ => false,
        }
    }

    /// As people are shown it; no login's value is in it.
    pub fn shown(&self) -> Value {
        match &self.verdict {
            Ok(verdict) => json!({ "verdict": shown_verdict(verdict), "plugin": self.plugin }),
            Err(fault) => json!({ "fault": fault, "plugin": self.plugin }),
        }
    }
}

/// A verdict as people are shown it; no login's value is in it.
#[must_use]
pub fn shown_verdict(verdict: &Verdict) -> Value {
    match verdict {
        Verdict::Accepted(acceptance) => json!({ "accepted": acceptance }),
        Verdict::AlreadyThere(acceptance) => json!({ "already_there": acceptance }),
        Verdict::Rejected(refusal) => json!({ "rejected": refusal }),
        Verdict::RetryLater { after_s, message } => {
            json!({ "retry_later": { "after_s": after_s, "message": message } })
        }
        Verdict::NotFound => json!("not_found"),
        Verdict::AwaitingAnswer(awaiting) => {
            json!({ "awaiting_answer": { "ticket": awaiting.ticket, "deadline_s": awaiting.deadline_s } })
        }
        Verdict::StillWaiting { after_s } => json!({ "still_waiting": { "after_s": after_s } }),
        Verdict::NotMine => json!("not_mine"),
        Verdict::Unknown { message } => json!({ "unknown": message }),
        Verdict::Next { remember, .. } => {
            json!({ "next": { "remember": remember.iter().map(|login| &login.slot).collect::<Vec<_>>() } })
        }
    }
}

impl Journey {
    /// Where the pass goes after a complete answer to a create; the word for the log; and the next step if there is one.
    ///
    /// # Errors
    /// The ledger's.
    pub async fn read_verdict(
        &mut self,
        heard: Heard,
        default: DefaultVerdict,
        step: u32,
        _destination: &Destination,
    ) -> Outcome<(Settled, &'static str, Option<Ready>)> {
        let Heard { verdict, retry_after_s, .. } = heard;
        let verdict = match verdict {
            Ok(verdict) => verdict,
            // Whatever goes wrong while reading an answer is unknown, never failed: the ERP may have the order.
            Err(fault) => {
                let settled = self.doubt(&format!("the ERP's answer could not be read: {fault}")).await?;
                return Ok((settled, "unknown", None));
            }
        };
        Ok(match verdict {
            Verdict::Accepted(acceptance) => {
                (self.setting(|setting| setting.delivered(acceptance, false)), "accepted", None)
            }
            Verdict::AlreadyThere(acceptance) => {
                (self.setting(|setting| setting.delivered(acceptance, true)), "already there", None)
            }
            Verdict::Rejected(refusal) => (self.setting(|setting| setting.refused(refusal)), "rejected", None),
            Verdict::RetryLater { after_s, message } => {
                // Provably nothing was done: what holds is what held before this attempt.
                let wait = after_s.or(retry_after_s).map(|seconds| Duration::from_secs(u64::from(seconds)));
                let because = format!("the ERP asks to come back later: {message}");
                (self.retry(because, wait, false).await?, "retry later", None)
            }
            Verdict::AwaitingAnswer(awaiting) => (self.await_answer(awaiting).await?, "awaiting", None),
            Verdict::Next { delivery, remember } if step.saturating_add(1) < MOST_STEPS => {
                self.remember(remember).await?;
                if let Some(because) = self.next_breaks_checks(&delivery).await? {
                    // The calls before it were answered: what they left in the ERP nobody here can tell.
                    return Ok((self.doubt(&format!("of the next call, {because}")).await?, "unknown", None));
                }
                let ready = self.next_step(*delivery, step);
                (self.stored(&ready)?, "next", Some(ready))
            }
            Verdict::Next { .. } => {
                let settled = self.doubt(&format!("the conversation took more than {MOST_STEPS} calls")).await?;
                (settled, "unknown", None)
            }
            Verdict::Unknown { message } => (self.doubt(&message).await?, "unknown", None),
            Verdict::NotFound | Verdict::StillWaiting { .. } | Verdict::NotMine => {
                let because =
                    format!("the plugin gave a verdict that does not answer a create (our own reading: {default:?})");
                (self.doubt(&because).await?, "unknown", None)
            }
        })
    }

    /// The verdict comes later: when to look first, and when nobody expects it any more.
    ///
    /// # Errors
    /// The ledger's.
    pub async fn await_answer(&self, awaiting: Awaiting) -> Outcome<Settled> {
        let now = self.now_ms().await?;
        let release = self.pass.pins.as_ref().map_or("", |pins| pins.release.as_str());
        let sealed_state = self.seal(release, &awaiting.state)?;
        let deadline_ms = now.saturating_add(i64::from(awaiting.deadline_s).saturating_mul(1000));
        let next_look_ms = now.saturating_add(millis(first_look(&awaiting.check)));
        let ticket = awaiting.ticket.clone();
        let stored = Awaiting { state: Vec::new(), ..awaiting };
        let to = To::Awaiting { awaiting: stored, sealed_state, next_look_ms, deadline_ms };
        Ok(self.setting(|setting| setting.awaiting(to, &ticket)))
    }

    /// A login becomes a secret slot of the connection, sealed.
    ///
    /// # Errors
    /// The ledger's.
    pub async fn remember(&self, logins: Vec<Login>) -> Outcome<()> {
        use secrecy::ExposeSecret as _;
        for login in logins {
            let purpose = secret_purpose(&self.lane.record.name, &login.slot);
            let sealed = self
                .parts
                .sealer
                .seal(&purpose, login.value.expose_secret().as_bytes())
                .map_err(|error| LedgerError::Refused(format!("a login can't be sealed: {error}")))?;
            let until_ms = self.now_ms().await?.saturating_add(i64::from(login.seconds).saturating_mul(1000));
            let secret = SealedSecret { slot: login.slot, sealed, fingerprint: String::new() };
            self.parts.ledger.remember_login(&self.lane.record.id, secret, until_ms).await?;
            self.logins_changed();
        }
        Ok(())
    }

    /// Why the next call of a conversation is not what the connection wants of each.
    async fn next_breaks_checks(&mut self, delivery: &Delivery) -> Outcome<Option<String>> {
        let (Some(_), Some(pins)) = (&self.lane.settings.checks, self.pass.pins.clone()) else { return Ok(None) };
        let order = self.mapped_order().await?;
        let (settings, tables) = self.lane.inputs_of(&self.parts, &pins).await?;
        Ok(self.breaks_checks((&order, &settings, &tables), false, delivery))
    }

    fn next_step(&self, delivery: Delivery, step: u32) -> Ready {
        Ready { step: step.saturating_add(1), delivery, pins: None, mapping: None }
    }

    fn stored(&self, ready: &Ready) -> Outcome<Settled> {
        let mut stored = ready.delivery.clone();
        let state = std::mem::take(&mut stored.state);
        let delivery = serde_json::to_value(&stored)
            .map_err(|error| LedgerError::Corrupt(format!("delivery of {}: {error}", self.pass.order_number)))?;
        let sealed_state = self.seal(&self.release_of(ready), &state)?;
        Ok(Settled {
            to: To::Mapped { step: ready.step, delivery, sealed_state, pins: None },
            effects: Vec::new(),
            timeline: Vec::new(),
        })
    }
}

/// When the first look at a late answer is due.
pub fn first_look(check: &AnswerCheck) -> Duration {
    match check {
        AnswerCheck::Files(_) => LOOK_EVERY,
        AnswerCheck::Poll { after_s, .. } => Duration::from_secs(u64::from(*after_s).max(1)),
    }
}
