//! The one fenced write: first the guard, and only then everything that goes with the move.

use orderdock::{
    domain::{
        call::Purpose,
        clock::Millis,
        delivery::Repeat,
        id::{AttemptToken, OrderKey, PassKey},
        judge::Confirmed,
        pass::PassState,
    },
    ledger::{
        LedgerError, Result,
        effects::EffectBody,
        passes::{AttemptEnd, Guard, Mapping, Move, NewPins, To},
    },
};

use super::{
    pass_name,
    passes::lost,
    state::{Begun, State, StoredAttempt, StoredEffect, StoredPass},
};

impl State {
    /// Applies a move. Without the fence whoever asks is believed.
    pub fn apply(&mut self, change: &Move, asked_token: AttemptToken, now: Millis, fence: bool) -> Result<()> {
        let (key, target) = (&change.pass, change.to.state());
        let late = !matches!(change.guard, Guard::Lease(_));
        let allowed = match &change.guard {
            Guard::Lease(_) => true,
            Guard::Attempt(_) => matches!(change.from, PassState::Sending | PassState::Unknown | PassState::GivenUp),
            Guard::Reread(_) => matches!(change.from, PassState::Unknown | PassState::GivenUp),
        };
        if !change.from.may_become(target) || !allowed {
            let what = pass_name(key);
            return Err(LedgerError::Refused(format!("{what} can't go from {:?} to {target:?}", change.from)));
        }
        if fence && !self.guard_holds(change) {
            return Err(lost(key));
        }
        let shut_ms = self.shut(&key.order.connection).and_then(|health| health.opened_ms);
        let Some(pass) = self.passes.get_mut(key) else { return Err(lost(key)) };
        // What was provably not processed might as well not have left: the pass is as unsent as it was before.
        let unsent = change.end.as_ref().is_some_and(|end| matches!(end.outcome, "not processed" | "retry later"));
        let sent = if unsent { pass.sent_before } else { pass.sent };
        if fence && sent && pass.pins.is_some() && changes_pins(&change.to) {
            let what = pass_name(key);
            return Err(LedgerError::Refused(format!("{what} has sent something: its pins can't change")));
        }
        pass.sent = sent;
        pass.end_attempts(change, now);
        pass.go(change, now, shut_ms);
        if let Some(mapping) = &change.mapping {
            if let Some(in_vain) = &mapping.in_vain {
                pass.mapped_order = Some(in_vain.order.as_ref().clone());
                pass.evidence = serde_json::from_str(&in_vain.evidence).ok();
            }
            pass.mapping = Some(Mapping { in_vain: None, ..mapping.clone() });
        }
        if let Some(asked) = &change.asked {
            pass.attempts.push(StoredAttempt {
                token: asked_token,
                step: asked.step,
                purpose: asked.purpose,
                phase: asked.phase,
                repeat: Repeat::Always,
                recorded_ms: asked.began_ms,
                settled_by_ms: now,
                recovery: None,
                end: Some((asked.outcome.to_owned(), now)),
                request: Some(asked.request.clone()),
                answer: Some(asked.answer.clone()),
                mapping: Some(asked.mapping.clone()),
            });
        }
        if late && change.from == PassState::GivenUp && matches!(target, PassState::Delivered | PassState::Awaiting) {
            self.withdraw_next(key, now);
        }
        for body in &change.effects {
            // Staff had their mail when the pass was given up.
            if change.from == PassState::GivenUp && matches!(body, EffectBody::Mail { .. }) {
                continue;
            }
            self.owe(key, body, now);
        }
        for text in &change.timeline {
            self.line(key, now, text.clone());
        }
        if let Some(confirmed) = &change.confirmed {
            self.confirm(&key.order, confirmed);
        }
        if let To::Withdrawn { decision: Some(decision), .. } = &change.to {
            self.decide(&key.order, decision, now);
        }
        Ok(())
    }

    fn guard_holds(&self, change: &Move) -> bool {
        let Some(pass) = self.passes.get(&change.pass).filter(|it| it.state == change.from) else { return false };
        let overtaken = || {
            let later = |key: &PassKey| key.order == change.pass.order && key.pass > change.pass.pass;
            self.passes.iter().any(|(key, it)| later(key) && it.sent)
        };
        match &change.guard {
            Guard::Lease(token) => pass.holds(token),
            Guard::Attempt(token) => {
                let open = pass.attempts.iter().any(|it| &it.token == token && it.end.is_none());
                pass.attempt_token.as_ref() == Some(token) && open && !overtaken()
            }
            Guard::Reread(token) => pass.attempt_token.as_ref() == Some(token) && !overtaken(),
        }
    }

    /// A late answer says that the ERP has the order: a next pass that has sent nothing must not send it again.
    fn withdraw_next(&mut self, pass: &PassKey, now: Millis) {
        const BECAUSE: &str = "an answer that came late says that the ERP has the order from the pass before";
        let mut withdrawn = Vec::new();
        for (key, next) in &mut self.passes {
            let unsent = matches!(next.state, PassState::Waiting | PassState::Claimed | PassState::Mapped);
            if key.order == pass.order && key.pass > pass.pass && unsent {
                next.close(PassState::Withdrawn, BECAUSE, now);
                withdrawn.push(key.clone());
            }
        }
        for key in withdrawn {
            self.line(&key, now, format!("Not sent again: {BECAUSE}"));
        }
    }

    fn owe(&mut self, pass: &PassKey, body: &EffectBody, now: Millis) {
        let number = self.effects.last().map_or(1, |it| it.number + 1);
        self.effects.push(StoredEffect {
            number,
            pass: pass.clone(),
            body: body.clone(),
            state: "owed",
            since_ms: now,
            not_before_ms: now,
            tries: 0,
            begun: Begun::No,
            detail: String::new(),
            done_ms: None,
            mail: None,
        });
    }

    /// A status that the shop confirmed, unless a newer one is known.
    pub fn confirm(&mut self, order: &OrderKey, confirmed: &Confirmed) {
        if let Some(seen) = self.orders.get_mut(order)
            && seen.confirmed.as_ref().is_none_or(|it| it.at_ms <= confirmed.at_ms)
        {
            seen.confirmed = Some(confirmed.clone());
        }
    }
}

/// Whether a move sets or drops what the pass is pinned to.
fn changes_pins(to: &To) -> bool {
    match to {
        To::Mapped { pins, .. } | To::Sending { pins, .. } => pins.is_some(),
        To::Waiting { unpin, .. } => *unpin,
        _ => false,
    }
}

impl StoredPass {
    fn close(&mut self, state: PassState, because: &str, now: Millis) {
        self.state = state;
        self.state_ms = now;
        self.closed_ms = Some(now);
        because.clone_into(&mut self.because);
        self.lease = None;
    }

    /// The attempt that the move names ends; or, where a pass goes on without naming the one that it was on, that one.
    fn end_attempts(&mut self, change: &Move, now: Millis) {
        if let Some(AttemptEnd { token, phase, outcome, shown }) = &change.end {
            if let Some(attempt) = self.attempts.iter_mut().find(|it| &it.token == token) {
                attempt.answer = Some(shown.clone());
                if attempt.end.is_none() {
                    attempt.phase = *phase;
                    attempt.end = Some(((*outcome).to_owned(), now));
                }
            }
            return;
        }
        let was_on_one = matches!(change.from, PassState::Sending | PassState::Unknown | PassState::Awaiting);
        let still = matches!(change.to.state(), PassState::Unknown | PassState::GivenUp | PassState::Awaiting);
        if was_on_one && !still {
            for attempt in self.attempts.iter_mut().filter(|it| it.end.is_none()) {
                attempt.end = Some(("unknown".to_owned(), now));
            }
        }
    }

    fn pin(&mut self, pins: Option<&NewPins>) {
        if let Some(new) = pins {
            self.content_hash = Some(new.pins.content_hash.clone());
            self.mapped_at_ms = Some(new.mapped_at_ms);
            self.mapped_order = Some(new.order.as_ref().clone());
            self.pins = Some(new.pins.clone());
        }
    }

    fn retries_end(&mut self) {
        self.retry_since_ms = None;
        self.tried_ms = None;
        self.retries = 0;
    }

    /// The time for which it is retried stands still, if it runs.
    pub fn time_stands_still(&mut self, now: Millis) {
        if let Some(since) = self.retry_since_ms.take() {
            self.tried_ms = Some(now - since);
        }
    }

    fn go(&mut self, change: &Move, now: Millis, shut_ms: Option<Millis>) {
        self.state = change.to.state();
        self.state_ms = now;
        match &change.to {
            To::Waiting { not_before_ms, because, unpin, retry, absent } => {
                if *absent {
                    self.sent = false;
                    self.sent_before = false;
                }
                self.not_before_ms = *not_before_ms;
                self.because.clone_from(because);
                self.takeovers = 0;
                self.attempt_token = None;
                self.awaiting = None;
                self.deadline_ms = None;
                if *unpin {
                    self.pins = None;
                    self.step = 0;
                    if !self.inherits_unknown {
                        self.mapped_at_ms = None;
                        self.sealed_state = None;
                    }
                }
                if *retry {
                    let tried = self.tried_ms.take().unwrap_or(0);
                    self.retry_since_ms.get_or_insert(now - tried);
                }
                if !*retry || shut_ms.is_some() {
                    // While its destination is shut, no time runs, whatever the pass does.
                    let since = self.retry_since_ms.unwrap_or(now);
                    self.time_stands_still(shut_ms.map_or(now, |shut| shut.max(since)));
                }
                self.retries += 1;
                self.lease = None;
            }
            To::Mapped { step, delivery, sealed_state, pins } => {
                self.step = *step;
                self.delivery = Some(delivery.clone());
                self.sealed_state = Some(sealed_state.clone());
                self.because.clear();
                self.pin(pins.as_deref());
            }
            To::Sending { attempt, pins } => {
                self.step = attempt.step;
                self.delivery = Some(attempt.delivery.clone());
                self.sealed_state = Some(attempt.sealed_state.clone());
                self.because.clear();
                self.pin(pins.as_deref());
                self.attempt_token = Some(attempt.token.clone());
                self.sent_before = self.sent;
                self.sent = self.sent || attempt.purpose != Purpose::LookUp;
                self.attempts.push(StoredAttempt {
                    token: attempt.token.clone(),
                    step: attempt.step,
                    purpose: attempt.purpose,
                    phase: attempt.phase,
                    repeat: attempt.repeat,
                    recorded_ms: now,
                    settled_by_ms: now + attempt.settle_ms,
                    recovery: attempt.recovery.clone(),
                    end: None,
                    request: Some(attempt.shown.clone()),
                    answer: None,
                    mapping: attempt.mapping.as_deref().and_then(|text| serde_json::from_str(text).ok()),
                });
            }
            To::Awaiting { awaiting, sealed_state, next_look_ms, deadline_ms } => {
                self.awaiting = Some(awaiting.clone());
                self.sealed_state = Some(sealed_state.clone());
                self.not_before_ms = *next_look_ms;
                self.deadline_ms = Some(*deadline_ms);
                self.because.clear();
                self.closed_ms = None;
                self.retries_end();
                self.lease = None;
            }
            To::Unknown { because, next_look_ms, deadline_ms } => {
                self.because.clone_from(because);
                self.not_before_ms = *next_look_ms;
                if change.from != PassState::Unknown || self.deadline_ms.is_none() {
                    self.deadline_ms = Some(*deadline_ms);
                }
                self.lease = None;
            }
            To::Delivered { acceptance, already } => {
                let had = if *already { "the ERP had it already" } else { "" };
                self.close(PassState::Delivered, acceptance.message.as_deref().unwrap_or(had), now);
                self.erp_order_id = acceptance.erp_order_id.clone().or(self.erp_order_id.take());
                self.erp_order_number = acceptance.erp_order_number.clone().or(self.erp_order_number.take());
                self.class = None;
                self.field = None;
            }
            To::Failed { class, because, field, .. } => {
                self.close(PassState::Failed, because, now);
                self.class = Some(*class);
                self.field.clone_from(field);
            }
            To::Withdrawn { because, .. } => self.close(PassState::Withdrawn, because, now),
            To::GivenUp { because } => self.close(PassState::GivenUp, because, now),
        }
    }
}
