//! Unknown outcomes: repeat what may be repeated, else ask the ERP, else leave it to a person (promise 3).

use std::sync::Arc;

use serde_json::{Value, json};

use super::{
    breaker::{self, Leaves},
    evidence::{Evidence, Gave},
    journey::{Journey, Outcome, Ready, Stopped},
    parts::millis,
    send_http::{failure_sentence, http_of, response_for_plugin, shown_answer, shown_request},
    settle::{self, Settled},
    verdict::Heard,
};
use crate::{
    destination::Destination,
    domain::{
        Order,
        breaker::Health,
        call::{Previous, PreviousOutcome, Purpose},
        clock::Millis,
        delivery::{Delivery, Repeat},
        problem,
        sight::Sight,
        time,
        transport::{self, Phase},
        verdict::{DefaultVerdict, FailureClass, Response, Verdict},
    },
    ledger::{
        LedgerError,
        passes::{Asked, OpenAttempt, To},
    },
};

/// What a look-up found out.
enum Found {
    /// The ERP has it.
    There(Settled),
    /// The ERP does not have it.
    Absent,
    /// It could not tell; why.
    CannotTell(String),
    /// The plugin has no question for this order under its settings. A plugin is pure: asking it later changes nothing.
    NoQuestion(String),
    /// Nothing is sent there at the moment.
    Shut(Health),
}

/// Between the reason of a doubt and what the last look-up said.
const LOOKED: &str = "; looking it up: ";

impl Journey {
    /// A pass in *unknown* whose next look has come.
    ///
    /// # Errors
    /// As [`Journey::go`].
    pub async fn look_up(&mut self) -> Outcome<()> {
        let now = self.now_ms().await?;
        let early_ms = self.attempt.as_ref().map_or(0, |attempt| {
            let settle_ms = attempt.settled_by_ms.saturating_sub(attempt.recorded_ms);
            self.too_young_ms(attempt.token.as_str(), attempt.recorded_ms, settle_ms)
        });
        if let Some(attempt) = &self.attempt
            && self.may_repeat(attempt, now)
        {
            // A key may die while nothing is sent: whether it may be repeated is asked again when something is.
            if let Some(shut) = self.shut().filter(|shut| !shut.is_due(now)) {
                return self.look_when_it_answers(&shut).await;
            }
            let because = format!("{}; the request may be repeated", self.pass.because);
            let settled = self.again(&because, now);
            return self.settle(settled).await;
        }
        // Each look replaces what the one before it said.
        let because = self.pass.because.split(LOOKED).next().unwrap_or_default().to_owned();
        if !self.can_look_up().await? {
            let settled = self.setting(|setting| setting.given_up(&because));
            return self.settle(settled).await;
        }
        // Its answer may end the time for which the destination was shut, which is not counted.
        let tried_for_long = self.is_tried_for_long(now);
        let (found, asked) = match self.order_in_doubt().await? {
            Ok(order) => self.ask_the_erp(&order).await?,
            Err(why) => (Found::CannotTell(why), None),
        };
        let counts_from = self.attempt.as_ref().map_or(now, |attempt| attempt.settled_by_ms);
        let counts_from = counts_from.max(now.saturating_add(early_ms));
        let deadline = self.pass.deadline_ms.unwrap_or(now);
        let settled = match found {
            Found::Shut(shut) => return self.look_when_it_answers(&shut).await,
            Found::There(settled) => settled,
            Found::Absent if now >= counts_from => self.absent(tried_for_long, now, &because),
            Found::Absent => self.look_later(now, counts_from, deadline, &because),
            Found::NoQuestion(why) => {
                let because = format!("{because}, and it can't be looked up: {why}");
                self.setting(|setting| setting.given_up(&because))
            }
            Found::CannotTell(_) if self.is_over(deadline, now) => self.setting(|setting| setting.given_up(&because)),
            Found::CannotTell(why) => {
                let wait = self.lane.back_off(self.pass.retries, &self.pass.idempotency_key, None);
                let next = now.saturating_add(millis(wait));
                // While a pause stretches the time, its end is not known.
                let next = if deadline > now { next.min(deadline) } else { next };
                self.look_later(now, next, deadline, &format!("{because}{LOOKED}{why}"))
            }
        };
        self.settle_asked(settled, asked).await
    }

    /// The order as it was mapped. One that became doubtful before it was ever mapped is read from the shop.
    async fn order_in_doubt(&mut self) -> Outcome<Result<Arc<Order>, String>> {
        match self.mapped_order().await {
            Ok(order) => return Ok(Ok(order)),
            Err(Stopped::Ledger(LedgerError::NotFound { .. })) => {}
            Err(error) => return Err(error),
        }
        Ok(match self.lane.shop.get(&self.pass.key.order.shop_order_id).await {
            Ok(Sight { order: Ok(order), .. }) => {
                let order = Arc::new(*order);
                self.order = Some(Arc::clone(&order));
                Ok(order)
            }
            Ok(Sight { order: Err(problems), .. }) => {
                Err(format!("the shop's order can't be read: {}", problem::list(&problems).replace('\n', "; ")))
            }
            Err(error) => Err(format!("the order can't be read from the shop: {error}")),
        })
    }

    /// What the ERP says of an order, for people, and whether it can be asked at all.
    ///
    /// # Errors
    /// As [`Journey::go`].
    pub async fn erp_says(&mut self, order: &Arc<Order>) -> Outcome<(String, bool)> {
        let (found, _) = self.ask_the_erp(order).await?;
        let asks = !matches!(found, Found::NoQuestion(_));
        let said = match found {
            Found::There(Settled { to: To::Delivered { acceptance, .. }, .. }) => match acceptance.erp_order_id {
                Some(id) => format!("has it as {id}"),
                None => "has it".to_owned(),
            },
            Found::There(_) => "has it".to_owned(),
            Found::Absent => "does not have it".to_owned(),
            Found::CannotTell(why) => format!("can't tell: {why}"),
            Found::NoQuestion(why) => format!("can't be asked: {why}"),
            Found::Shut(shut) => format!("can't tell: {}", shut.sentence()),
        };
        Ok((said, asks))
    }

    /// A pass after *unknown* looks up before it sends. `false` when it was settled by that.
    ///
    /// # Errors
    /// As [`Journey::go`].
    pub async fn look_up_first(&mut self, order: &Arc<Order>) -> Outcome<bool> {
        if !self.can_look_up().await? {
            return Ok(true);
        }
        let began_ms = self.now_ms().await?;
        let counts_from = self.pass.earlier_settled_ms.map(|settled_ms| {
            let settle_ms = self.lane.settle_ms(&self.lane.destination);
            let what = &self.pass.key.order.shop_order_id;
            let early_ms = self.too_young_ms(what, settled_ms.saturating_sub(settle_ms), settle_ms);
            settled_ms.max(began_ms.saturating_add(early_ms))
        });
        let (found, asked) = self.ask_the_erp(order).await?;
        match found {
            Found::Shut(shut) => {
                self.put_back(&shut).await?;
                Ok(false)
            }
            Found::There(settled) => {
                self.settle_asked(settled, asked).await?;
                Ok(false)
            }
            // The ERP may still be working on what the pass before sent: "not there" proves nothing yet.
            Found::Absent if counts_from.is_some_and(|counts_from| began_ms < counts_from) => {
                let not_before_ms = counts_from.unwrap_or(began_ms);
                let because =
                    "the ERP does not show the order yet; it may still be working on what was sent before".to_owned();
                let to = To::Waiting { not_before_ms, because, unpin: false, retry: false, absent: false };
                self.settle_asked(Settled { to, effects: Vec::new(), timeline: Vec::new() }, asked).await?;
                Ok(false)
            }
            // As where the plugin supports no look-ups at all: the person who opened this pass has decided.
            Found::Absent | Found::NoQuestion(_) => Ok(true),
            Found::CannotTell(why) => {
                let because = format!("whether the ERP has it already could not be looked up: {why}");
                let settled = match self.shut() {
                    Some(shut) => self.wait_for(&shut, false).await?,
                    None => self.retry(because, None, false).await?,
                };
                self.settle_asked(settled, asked).await?;
                Ok(false)
            }
        }
    }

    /// Whether the release that this pass is pinned to, or would be, can be asked.
    async fn can_look_up(&self) -> Outcome<bool> {
        let pinned = self.pass.pins.as_ref().map(|pins| &pins.release);
        Ok(self.parts.can_look_up(pinned.unwrap_or(&self.lane.record.activation.release)).await?)
    }

    /// Back to waiting with the stored bytes: to be sent again at once the first time, and with back-off after that.
    pub fn again(&self, why: &str, now: Millis) -> Settled {
        let wait = match self.pass.retries {
            0 => 0,
            tries => millis(self.lane.back_off(tries, &self.pass.idempotency_key, None)),
        };
        let mut settled = settle::put_off(why.to_owned(), now.saturating_add(wait), false);
        settled.timeline.push(format!("To be sent again: {why}"));
        settled
    }

    /// Back to waiting after a look-up that counts: the ERP provably has nothing. So before the next first byte the shop is
    /// asked again, as for an order that was never sent; unchanged, its stored bytes go. Not so within a conversation,
    /// whose earlier calls were answered.
    ///
    /// What provably was not processed is tried again for a while and then fails, this as anything else: an order that ends in
    /// a doubt each time would otherwise go again for ever, and nobody be told.
    fn absent(&self, tried_for_long: bool, now: Millis, because: &str) -> Settled {
        if tried_for_long {
            let limit = time::words(self.lane.settings.retry.retry_for.duration());
            let because = format!("{because}; the ERP does not have it; tried again for {limit}");
            if self.pass.step > 0 {
                // What its earlier calls made may be there.
                return self.setting(|setting| setting.given_up(&because));
            }
            return self.setting(|setting| setting.failed(FailureClass::Operations, because, None));
        }
        let mut settled = self.again("a look-up shows that the ERP does not have it", now);
        if let To::Waiting { absent, .. } = &mut settled.to {
            *absent = self.pass.step == 0;
        }
        settled
    }

    /// Whether the step may be sent again without asking (lifecycle section 4): by its own rules, for as long as anything is
    /// tried again. A key's life counts from the first request that carried it; where the ledger's clock was set since, nobody
    /// knows how old it is.
    pub fn may_repeat(&self, attempt: &OpenAttempt, now: Millis) -> bool {
        if self.is_tried_for_long(now) {
            return false;
        }
        match attempt.repeat {
            Repeat::Never => false,
            Repeat::Always => true,
            Repeat::WithKey(seconds) => {
                if self.pass.inherits_unknown || self.signals.ages.has_jumped_since(attempt.first_recorded_ms) {
                    return false;
                }
                let end = attempt.first_recorded_ms.saturating_add(i64::from(seconds).saturating_mul(1000));
                now >= attempt.first_recorded_ms && now.saturating_add(millis(self.lane.destination.time_limit())) < end
            }
        }
    }

    /// Whether it was tried again for as long as anything is.
    fn is_tried_for_long(&self, now: Millis) -> bool {
        let retry_for = millis(self.lane.settings.retry.retry_for.duration());
        self.pass.retry_since(now).is_some_and(|since| self.is_over(since.saturating_add(retry_for), now))
    }

    /// Whether a stored step that may have left already has outlived the key that it would be known again by: it waited for
    /// its turn, a pause or a destination. Then it is in doubt again; from when on a look-up counts.
    ///
    /// # Errors
    /// The ledger's.
    pub async fn key_died(&self, ready: &Ready, destination: &Destination) -> Outcome<Option<Millis>> {
        let Some(Repeat::WithKey(seconds)) = http_of(&ready.delivery.content).map(|http| http.repeat) else {
            return Ok(None);
        };
        if !self.pass.sent || self.pass.delivery.is_none() {
            return Ok(None);
        }
        let detail = self.parts.ledger.order(&self.pass.key.order).await?;
        let recorded: Vec<Millis> = detail
            .iter()
            .flat_map(|detail| &detail.attempts)
            .filter(|it| it.pass == self.pass.key.pass && it.step == ready.step)
            .filter(|it| it.purpose != "look-up" && it.outcome == "unknown")
            .map(|it| it.recorded_ms)
            .collect();
        let (Some(first), Some(last)) = (recorded.iter().min(), recorded.iter().max()) else { return Ok(None) };
        let end = first.saturating_add(i64::from(seconds).saturating_mul(1000));
        let now = self.now_ms().await?;
        // Where the clock was set since, nobody knows how old the key is.
        let known = now >= *first && !self.signals.ages.has_jumped_since(*first);
        let lives = known && now.saturating_add(millis(destination.time_limit())) < end;
        Ok((!lives).then_some(last.saturating_add(self.lane.settle_ms(destination)).max(now)))
    }

    /// How much longer the ERP may still be working on something that was recorded at a moment of the ledger's, as far as we have
    /// seen the time go by ourselves; nothing where the ledger's own time can be believed.
    fn too_young_ms(&self, what: &str, recorded_ms: Millis, settle_ms: Millis) -> Millis {
        let known = self.signals.ages.known_for(what, recorded_ms, self.parts.clock.since_boot());
        known.map_or(0, |known| settle_ms.saturating_sub(millis(known)))
    }

    fn look_later(&self, now: Millis, next: Millis, deadline: Millis, because: &str) -> Settled {
        let to = To::Unknown {
            because: because.to_owned(),
            next_look_ms: next.max(now.saturating_add(500)),
            deadline_ms: deadline,
        };
        Settled { to, effects: Vec::new(), timeline: Vec::new() }
    }

    /// One look-up, which may be a conversation. It only reads, so nothing of it is recorded before it is sent.
    async fn ask_the_erp(&mut self, order: &Arc<Order>) -> Outcome<(Found, Option<Asked>)> {
        let lane = Arc::clone(&self.lane);
        let now = self.now_ms().await?;
        let pins =
            self.pass.pins.clone().unwrap_or_else(|| {
                lane.pins(&lane.in_force, crate::domain::judge::content_hash(order), Purpose::LookUp)
            });
        let (settings, tables) = lane.inputs_of(&self.parts, &pins).await?;
        let (mut secrets, logins) = self.secrets().await?;
        // As long as this pass has sent nothing, the question is about what an earlier one sent.
        let sealed = if self.pass.sent { &self.pass.sealed_state } else { &self.pass.earlier_state };
        let state = match sealed {
            // It belongs to the release that made it; another one looks up without.
            Some(sealed) => self.unseal(pins.release.as_str(), sealed).unwrap_or_default(),
            None => Vec::new(),
        };
        let known = self.previous();
        let previous = Previous {
            outcome: PreviousOutcome::Unknown,
            erp_order_id: known.as_ref().and_then(|known| known.erp_order_id.clone()),
            erp_order_number: known.and_then(|known| known.erp_order_number),
            state,
        };
        let mapped_at_ms = self.pass.mapped_at_ms.unwrap_or(now);
        let context = self.context(Purpose::LookUp, 0, &settings, mapped_at_ms, Some(previous), logins.clone());
        let called =
            self.parts.mapper.map_order(&pins.release, Arc::clone(order), context.clone(), Arc::clone(&tables)).await;
        let mapping = Evidence::of(&pins, context.clone(), &called, Gave::of_mapping(&called)).stored();
        let mut delivery = match called.result {
            Ok(Ok(delivery)) => delivery,
            Ok(Err(rejection)) => return Ok((Found::NoQuestion(rejection.message), None)),
            Err(fault) => return Ok((Found::CannotTell(fault.to_string()), None)),
        };
        let destination = match lane.destination_of(&self.parts, &pins) {
            Ok(destination) => destination,
            Err(problems) => return Ok((Found::CannotTell(crate::domain::problem::list(&problems)), None)),
        };
        if let Some(shut) = self.held_back(Leaves::Look).await? {
            return Ok((Found::Shut(shut), None));
        }
        for _ in 0..super::journey::MOST_STEPS {
            self.take_its_turn().await?;
            let (asked, answer) = match self.ask_once(&destination, &delivery, &secrets, mapping.clone(), now).await {
                Ok(answered) => answered,
                Err((why, asked)) => return Ok((Found::CannotTell(why), asked)),
            };
            let (response, default, asked_s) = answer;
            let status = status_of(&response);
            let called = self
                .parts
                .mapper
                .parse_response(
                    &pins.release,
                    Arc::clone(order),
                    context.clone(),
                    Arc::clone(&tables),
                    delivery.state.clone(),
                    response,
                    default,
                )
                .await;
            let evidence = Evidence::of(&pins, context.clone(), &called, Gave::of_reading(&called));
            let plugin = Evidence { default: Some(default), ..evidence }.stored();
            let verdict = called.result.map_err(|fault| fault.to_string());
            let heard = Heard { verdict, plugin, retry_after_s: asked_s };
            self.answered(Leaves::Look, status, &heard, !logins.is_empty()).await;
            let shown = heard.shown();
            let asked = asked.map(|asked| with_verdict(asked, shown, &heard));
            let found = match heard.verdict {
                Ok(Verdict::Accepted(acceptance) | Verdict::AlreadyThere(acceptance)) => {
                    Found::There(self.setting(|setting| setting.delivered(acceptance, true)))
                }
                Ok(Verdict::NotFound) => Found::Absent,
                Ok(Verdict::Next { delivery: next, remember }) => {
                    self.remember(remember).await?;
                    (secrets, _) = self.secrets().await?;
                    delivery = *next;
                    continue;
                }
                Ok(Verdict::Unknown { message } | Verdict::RetryLater { message, .. }) => Found::CannotTell(message),
                Ok(Verdict::Rejected(refusal)) => Found::CannotTell(refusal.message),
                Ok(_) => Found::CannotTell("the plugin gave a verdict that does not answer a look-up".to_owned()),
                Err(fault) => Found::CannotTell(fault),
            };
            return Ok((found, asked));
        }
        Ok((Found::CannotTell("the look-up took too many calls".to_owned()), None))
    }

    /// Sends a question once. The error carries what to log of it.
    pub async fn ask_once(
        &self,
        destination: &Destination,
        delivery: &Delivery,
        secrets: &super::parts::Secrets,
        mapping: Value,
        began_ms: Millis,
    ) -> Result<(Option<Asked>, (Response, DefaultVerdict, Option<u32>)), (String, Option<Asked>)> {
        let (Destination::Http(http), Some(question)) = (destination, http_of(&delivery.content)) else {
            return Err(("only an HTTP destination can be asked".to_owned(), None));
        };
        // What only asks may be asked again. Anything else would be a send without a write-ahead row.
        if question.repeat == Repeat::Never && question.method != "GET" {
            return Err(("the plugin's question is not one that may be repeated".to_owned(), None));
        }
        let (request, redacted) = http
            .request(question, secrets, &self.step_key(self.pass.step))
            .map_err(|problems| (crate::domain::problem::list(&problems), None))?;
        let request_shown = shown_request(&redacted);
        let exchange = self.exchange(http, request).await;
        let phase = exchange.evidence.phase;
        let asked = |outcome: &'static str, answer: Value| Asked {
            step: self.pass.step,
            purpose: Purpose::LookUp,
            phase,
            began_ms,
            outcome,
            request: request_shown.clone(),
            answer,
            mapping: mapping.clone(),
        };
        match exchange.result {
            Ok(answer) => {
                if answer.status == 401 {
                    self.forget_logins().await;
                }
                let default = transport::read_status(answer.status, destination.trusts_503());
                let shown = json!({
                    "evidence": exchange.evidence,
                    "answer": shown_answer(&answer, secrets, question.sensitive)
                });
                let response = response_for_plugin(&answer, secrets, question.sensitive);
                let retry_after_s = breaker::retry_after(&answer, self.parts.clock.now_ms());
                Ok((Some(asked("answered", shown)), (response, default, retry_after_s)))
            }
            Err(failure) => {
                let shown = json!({ "evidence": exchange.evidence, "failure": failure });
                let because = failure_sentence(&failure);
                self.no_answer(Leaves::Look, &failure, &because).await;
                Err((because, Some(asked("unknown", shown))))
            }
        }
    }

    /// A worker was lost while sending: the phase says what may have happened.
    pub fn lost_while_sending(phase: Phase) -> String {
        format!("the host stopped while it was sending (last recorded phase: {})", phase.as_str())
    }
}

/// The status of an answer over HTTP.
pub fn status_of(response: &Response) -> u16 {
    match response {
        Response::Http { status, .. } => *status,
        _ => 0,
    }
}

fn with_verdict(mut asked: Asked, shown: Value, heard: &Heard) -> Asked {
    if let Some(object) = asked.answer.as_object_mut() {
        object.insert("verdict".to_owned(), shown);
    }
    asked.outcome = match &heard.verdict {
        Ok(Verdict::Accepted(_) | Verdict::AlreadyThere(_)) => "already there",
        Ok(Verdict::NotFound) => "not found",
        Ok(Verdict::Next { .. }) => "next",
        Ok(Verdict::StillWaiting { .. }) => "still waiting",
        Ok(Verdict::Rejected(_)) => "rejected",
        _ => "unknown",
    };
    asked
}
