//! One claimed pass, taken as far as it goes.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use super::{
    effects::{self, Payment},
    lane::Lane,
    lease::Held,
    parts::{Parts, Secrets, millis},
    quarantine::Beginning,
    settle::{self, OrderFacts, Setting, Settled},
    work::Signals,
};
use crate::{
    destination::Destination,
    domain::{
        Order,
        call::{Context, Previous, PreviousOutcome, Purpose},
        clock::Millis,
        delivery::Delivery,
        id::AttemptToken,
        judge::Confirmed,
        pass::PassState,
        time,
        verdict::FailureClass,
    },
    failpoint::{self, Point},
    ledger::{
        LedgerError,
        connections::SealedSecret,
        passes::{Asked, AttemptEnd, Guard, Mapping, Move, NewPins, OpenAttempt, Pass, Pins, To},
    },
};

/// Most calls in one conversation with an ERP (contract section 9).
pub const MOST_STEPS: u32 = 20;

/// How often a pass may be taken over before anything was sent: then it is what kills its workers (lifecycle section 4).
const MOST_TAKEOVERS: u32 = 3;

/// Why a journey stopped short of a move: the lease is lost, or the ledger can't be used. Nothing is owed; whoever claims
/// the pass next goes on from what is recorded.
#[derive(Debug, thiserror::Error)]
pub enum Stopped {
    /// The ledger said so.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
}

/// What goes on from one step to the next.
pub type Outcome<T> = Result<T, Stopped>;

/// A step whose bytes are known and that may be sent now.
pub struct Ready {
    /// Index in the conversation.
    pub step: u32,
    /// What is sent.
    pub delivery: Delivery,
    /// Not pinned yet: goes into the same transaction as the write-ahead row.
    pub pins: Option<NewPins>,
    /// How it was mapped: [`super::evidence::Evidence`].
    pub mapping: Option<Arc<str>>,
}

/// One pass at work.
pub struct Journey {
    /// What we work with.
    pub parts: Arc<Parts>,
    /// Its connection.
    pub lane: Arc<Lane>,
    /// Who else is to be woken.
    pub signals: Arc<Signals>,
    /// Our lease.
    pub held: Arc<Held>,
    /// The pass, kept up to date with every move.
    pub pass: Pass,
    /// Its open attempt, when it was claimed while sending or unknown.
    pub attempt: Option<OpenAttempt>,
    /// The order, as soon as it was read.
    pub order: Option<Arc<Order>>,
    /// Something of this pass may have left before the attempt that is under way: nothing but an answer of the ERP can make
    /// it *failed* then, for the ERP may have the order.
    pub sent_before: bool,
    /// Secrets and live logins, read once for the journey.
    pub logins: Mutex<Option<(Secrets, Vec<String>)>>,
    /// Logins as the claim saw them, until they were used.
    pub claimed_logins: Mutex<Option<Vec<SealedSecret>>>,
    /// What the shop is owed and we have leased with the last move: to be paid when the journey is over.
    pub payment: Option<Payment>,
    /// A quarantine that begins with the next move.
    pub quarantine: Option<Beginning>,
    /// What the last mapping cost, until a move takes it along.
    pub mapping: Option<Mapping>,
}

impl Journey {
    /// Goes as far as it can: to a closed pass, or to one that waits for something.
    ///
    /// # Errors
    /// When the lease is lost or the ledger can't be used.
    pub async fn go(&mut self) -> Outcome<()> {
        match self.go_on().await {
            Err(Stopped::Ledger(
                error @ (LedgerError::Corrupt(_) | LedgerError::NotFound { .. } | LedgerError::Refused(_)),
            )) => self.settle_without(&error).await,
            result => result,
        }
    }

    /// The ledger lacks what this pass needs, and will lack it the next time too: it ends where people see it, instead of
    /// being begun again for ever.
    async fn settle_without(&mut self, error: &LedgerError) -> Outcome<()> {
        tracing::error!(order.number = %self.pass.order_number, %error, "a pass can't go on with what is recorded");
        let because = format!("what is recorded of it can't be used: {error}");
        let settled = match self.pass.state {
            PassState::Sending | PassState::Awaiting => self.doubt(&because).await?,
            PassState::Unknown => {
                let because = format!("{}; {because}", self.pass.because);
                self.setting(|setting| setting.given_up(&because))
            }
            _ => self.failed_unless_sent(FailureClass::Operations, because),
        };
        self.settle(settled).await
    }

    async fn go_on(&mut self) -> Outcome<()> {
        match self.pass.state {
            PassState::Claimed | PassState::Mapped => {
                if self.pass.takeovers >= MOST_TAKEOVERS && !self.pass.sent {
                    let because = format!(
                        "its worker was lost {} times before anything was sent; the order or the plugin may be the cause",
                        self.pass.takeovers
                    );
                    let settled = self.setting(|setting| setting.failed(FailureClass::Operations, because, None));
                    return self.settle(settled).await;
                }
                let Some(ready) = self.prepare().await? else { return Ok(()) };
                self.converse(ready).await
            }
            PassState::Sending => self.take_over().await,
            PassState::Unknown => self.look_up().await,
            PassState::Awaiting => self.look_for_answer().await,
            closed => {
                tracing::error!(state = closed.as_str(), "a closed pass was claimed");
                Ok(())
            }
        }
    }

    /// Sends a step, and every step that follows from its answer.
    ///
    /// # Errors
    /// As [`Journey::go`].
    pub async fn converse(&mut self, first: Ready) -> Outcome<()> {
        let mut ready = Some(first);
        while let Some(step) = ready.take() {
            let destination = match self.destination(step.pins.as_ref().map(|pins| &pins.pins)) {
                Ok(destination) => destination,
                Err(settled) => return self.settle(*settled).await,
            };
            ready = match destination.as_ref() {
                Destination::Http(http) => self.send_http(http, &destination, step).await?,
                Destination::Folder(folder) => self.send_files(folder, &destination, step).await?,
            };
        }
        Ok(())
    }

    /// The destination that this pass is, or is about to be, pinned to.
    ///
    /// # Errors
    /// The failure to settle with, when the pinned address no longer opens.
    pub fn destination(&self, pins: Option<&Pins>) -> Result<Arc<Destination>, Box<Settled>> {
        let Some(pins) = pins.or(self.pass.pins.as_ref()) else {
            return Ok(Arc::clone(&self.lane.destination));
        };
        self.lane.destination_of(&self.parts, pins).map_err(|problems| {
            let because = format!("the destination can't be used: {}", crate::domain::problem::list(&problems));
            Box::new(self.failed_unless_sent(FailureClass::Settings, because))
        })
    }

    /// Now, by the ledger's clock.
    ///
    /// # Errors
    /// The ledger's.
    pub async fn now_ms(&self) -> Outcome<Millis> {
        let now = self.parts.ledger.now_ms().await?;
        self.signals.ages.observe(now, self.parts.clock.since_boot());
        Ok(now)
    }

    /// The order as it was mapped, or as it was just read.
    ///
    /// # Errors
    /// The ledger's; `Corrupt` when the snapshot can't be read, `NotFound` when it expired.
    pub async fn mapped_order(&mut self) -> Outcome<Arc<Order>> {
        if let Some(order) = &self.order {
            return Ok(Arc::clone(order));
        }
        let what = || format!("snapshot of order {}, pass {}", self.pass.order_number, self.pass.key.pass);
        let json = self
            .parts
            .ledger
            .mapped_order(&self.pass.key)
            .await?
            .ok_or_else(|| LedgerError::NotFound { what: what() })?;
        let order: Order =
            serde_json::from_str(&json).map_err(|error| LedgerError::Corrupt(format!("{}: {error}", what())))?;
        let order = Arc::new(order);
        self.order = Some(Arc::clone(&order));
        Ok(order)
    }

    /// What the plugin is told besides the order.
    pub fn context(
        &self,
        purpose: Purpose,
        step: u32,
        settings: &str,
        mapped_at_ms: Millis,
        previous: Option<Previous>,
        logins: Vec<String>,
    ) -> Context {
        let attempt = self.pass.attempts.saturating_add(1);
        Context {
            purpose,
            connection: self.lane.record.name.clone(),
            settings: settings.to_owned(),
            pass: self.pass.key.pass,
            attempt,
            step,
            idempotency_key: self.step_key(step),
            document_number: self.pass.document_number,
            mapped_at: time::rfc3339(mapped_at_ms),
            shop_time_zone: self.lane.settings.time_zones.shop.clone(),
            erp_time_zone: self.lane.settings.time_zones.erp.clone(),
            request_id: format!("{}-{}-{attempt}-{step}", self.pass.key.order.shop_order_id, self.pass.key.pass),
            previous,
            logins,
        }
    }

    /// The idempotency key of one step: the same for every repeat of it.
    pub fn step_key(&self, step: u32) -> String {
        if step == 0 { self.pass.idempotency_key.clone() } else { format!("{}-{step}", self.pass.idempotency_key) }
    }

    /// What is known of the pass before this one.
    pub fn previous(&self) -> Option<Previous> {
        let before = self.pass.previous.as_ref()?;
        let outcome = match before.state {
            PassState::Delivered => PreviousOutcome::Delivered,
            PassState::GivenUp | PassState::Unknown => PreviousOutcome::Unknown,
            _ => PreviousOutcome::Failed,
        };
        Some(Previous {
            outcome,
            erp_order_id: before.erp_order_id.clone(),
            erp_order_number: before.erp_order_number.clone(),
            state: Vec::new(),
        })
    }

    /// Builds an outcome with what mails and notes tell of this order.
    pub fn setting<T>(&self, build: impl FnOnce(&Setting<'_>) -> T) -> T {
        let (mut buyer, mut total, mut currency) = (String::new(), String::new(), String::new());
        if let Some(order) = &self.order {
            buyer = match order.buyer.company.as_str() {
                "" => format!("{} {}", order.buyer.first_name, order.buyer.last_name).trim().to_owned(),
                company => company.to_owned(),
            };
            total = order.totals.gross.to_string();
            currency.clone_from(&order.currency);
        }
        build(&Setting {
            connection: &self.lane.record.name,
            status: self.lane.status(),
            stamp: self.lane.shop.abilities().mark_processed,
            mails: !self.lane.settings.notify.to.is_empty(),
            by_intent: self.pass.by_intent,
            order: OrderFacts {
                number: &self.pass.order_number,
                shop_order_id: &self.pass.key.order.shop_order_id,
                buyer: &buyer,
                total: &total,
                currency: &currency,
                pass: self.pass.key.pass,
            },
        })
    }

    /// *Failed*, unless something of this pass may be in the ERP already: then the doubt stands, and only a look-up or a
    /// person can end it.
    pub fn failed_unless_sent(&self, class: FailureClass, because: String) -> Settled {
        let may_be_there = match self.pass.state {
            // The attempt under way is the caller's to judge.
            PassState::Sending => self.sent_before,
            PassState::Awaiting | PassState::Unknown => true,
            _ => self.pass.sent,
        };
        if may_be_there {
            let now = self.parts.clock.now_ms();
            let deadline = now.saturating_add(millis(self.lane.settings.unknown.lookup_for.duration()));
            return settle::in_doubt(&because, now, deadline);
        }
        self.setting(|setting| setting.failed(class, because, None))
    }

    /// Nothing was processed: waits and repeats, or fails when that has gone on for too long.
    ///
    /// # Errors
    /// The ledger's.
    pub async fn retry(&self, because: String, at_least: Option<Duration>, unpin: bool) -> Outcome<Settled> {
        let now = self.now_ms().await?;
        let since = self.pass.retry_since(now).unwrap_or(now);
        let limit = self.lane.settings.retry.retry_for.duration();
        if now.saturating_sub(since) >= millis(limit) {
            let because = format!("{because}; tried again for {}", time::words(limit));
            return Ok(self.failed_unless_sent(FailureClass::Operations, because));
        }
        let seed = format!("{}/{}", self.pass.key.order.shop_order_id, self.pass.key.pass);
        let wait = self.lane.back_off(self.pass.retries, &seed, at_least);
        Ok(settle::put_off(because, now.saturating_add(millis(wait)), unpin))
    }

    /// Moves on under our lease, with no attempt ending.
    ///
    /// # Errors
    /// The ledger's.
    pub async fn settle(&mut self, settled: Settled) -> Outcome<()> {
        let guard = Guard::Lease(self.held.token.clone());
        self.apply(guard, settled, None, None, None).await
    }

    /// The same, with what a single read showed.
    ///
    /// # Errors
    /// The ledger's.
    pub async fn settle_seen(&mut self, settled: Settled, confirmed: Option<Confirmed>) -> Outcome<()> {
        let guard = Guard::Lease(self.held.token.clone());
        self.apply(guard, settled, None, None, confirmed).await
    }

    /// Moves on after asking (look-up, poll, answer file).
    ///
    /// # Errors
    /// The ledger's.
    pub async fn settle_asked(&mut self, settled: Settled, asked: Option<Asked>) -> Outcome<()> {
        let guard = Guard::Lease(self.held.token.clone());
        self.apply(guard, settled, None, asked, None).await
    }

    /// Moves on because a stored answer was read again.
    ///
    /// # Errors
    /// The ledger's.
    pub async fn settle_reread(&mut self, guard: Guard, settled: Settled, asked: Asked) -> Outcome<()> {
        self.apply(guard, settled, None, Some(asked), None).await
    }

    /// Records the answer of an attempt. A true answer is never thrown away: it is recorded even when the lease is gone,
    /// and the ledger's own trouble is waited out.
    ///
    /// # Errors
    /// `Lost` when somebody else settled the attempt already.
    pub async fn settle_answer(&mut self, token: &AttemptToken, settled: Settled, end: AttemptEnd) -> Outcome<()> {
        let mut guard = Guard::Lease(self.held.token.clone());
        let target = settled.to.state();
        // Without the lease: wherever whoever took the pass over has brought it, a true answer settles it. That nothing is
        // known is no answer.
        let mut late = [PassState::Sending, PassState::Unknown, PassState::GivenUp]
            .into_iter()
            .filter(|from| !matches!(target, PassState::Unknown | PassState::Waiting) && from.may_become(target));
        loop {
            let tried = self.apply(guard.clone(), settled.clone(), Some(end.clone()), None, None).await;
            match tried {
                Err(Stopped::Ledger(error @ LedgerError::Lost { .. })) => match late.next() {
                    Some(from) => {
                        guard = Guard::Attempt(token.clone());
                        self.pass.state = from;
                    }
                    None => return Err(error.into()),
                },
                Err(Stopped::Ledger(error @ (LedgerError::Unavailable { .. } | LedgerError::InDoubt(_)))) => {
                    tracing::error!(order = %self.pass.order_number, %error, "the ERP's answer can't be recorded yet");
                    tokio::time::sleep(Duration::from_millis(500)).await;
                }
                other => return other,
            }
        }
    }

    /// Pays the shop what the last move left and leased to us, if it did.
    pub async fn pay(&mut self) {
        if let Some(Payment { owed, place, until }) = self.payment.take() {
            effects::pay(&self.parts, &self.lane, owed, until).await;
            drop(place);
        }
    }

    /// The fenced write.
    async fn apply(
        &mut self,
        guard: Guard,
        settled: Settled,
        end: Option<AttemptEnd>,
        asked: Option<Asked>,
        confirmed: Option<Confirmed>,
    ) -> Outcome<()> {
        let Settled { to, effects, timeline } = self.telling_of_quarantine(settled);
        let state = to.state();
        let owed = !effects.is_empty();
        let opens_attempt = matches!(to, To::Sending { .. });
        let point = match &to {
            To::Sending { .. } => Some(Point::WriteAhead),
            To::Mapped { .. } => Some(Point::Mapped),
            _ => end.is_some().then_some(Point::Outcome),
        };
        let mut mapping = self.mapping.take();
        if let Some(mapping) = mapping.as_mut().filter(|_| !state.is_closed()) {
            mapping.in_vain = None;
        }
        let change = Move {
            pass: self.pass.key.clone(),
            guard,
            from: self.pass.state,
            to,
            end,
            asked,
            effects,
            timeline,
            confirmed,
            quarantine: self.quarantine.as_ref().map(|beginning| beginning.new.clone()),
            mapping,
        };
        let ended = change.end.as_ref().map(|end| end.outcome);
        let place = if owed { Arc::clone(&self.signals.effect_places).try_acquire_owned().ok() } else { None };
        let (ledger, host, lease) = (&self.parts.ledger, &self.parts.host, effects::lease(&self.parts));
        let until = self.parts.clock.since_boot() + lease;
        let moved = async {
            match place {
                Some(place) => {
                    let leased = ledger.apply_and_lease(change, host, millis(lease)).await?;
                    Ok(leased.map(|owed| Payment { owed, place, until }))
                }
                None => ledger.apply(change).await.map(|()| None),
            }
        };
        let leased = match point {
            Some(point) => failpoint::around(point, moved).await?,
            None => moved.await?,
        };
        tracing::debug!(
            order.number = %self.pass.order_number,
            connection = %self.lane.record.name,
            from = self.pass.state.as_str(),
            to = state.as_str(),
            "pass moved"
        );
        let (metrics, name) = (&self.parts.metrics, &self.lane.record.name);
        if let Some(outcome) = ended {
            metrics.attempted(name, outcome);
        }
        if state.is_closed() {
            metrics.closed(name, state.as_str());
        }
        self.pass.state = state;
        self.quarantine = None;
        if opens_attempt {
            self.pass.attempts = self.pass.attempts.saturating_add(1);
            self.sent_before = self.pass.sent;
            self.pass.sent = true;
        }
        if owed {
            self.signals.mails.notify_one();
            match leased {
                // Two moves of one journey may leave effects. Those of the second wait for those of the first.
                Some(payment) if self.payment.is_none() => self.payment = Some(payment),
                _ => self.signals.effects.notify_one(),
            }
        }
        Ok(())
    }
}
