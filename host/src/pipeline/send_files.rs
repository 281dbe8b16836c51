//! Writing files (lifecycle section 6): write-ahead, temporaries, phase *renaming*, rename, record; and what follows when a
//! crash or a full disk came in between.

use std::time::Duration;

use serde_json::{Value, json};

use super::{
    journey::{Journey, Outcome, Ready},
    parts::millis,
    settle::Settled,
};
use crate::{
    destination::{
        Destination,
        folder::{FileDrop as _, FilePlan, FolderDestination, FolderError, Listing, ReadyFile, Recovery},
    },
    domain::{
        delivery::{Delivery, DeliveryContent, FileDelivery, Repeat},
        id::AttemptToken,
        pass::PassState,
        problem, random,
        transport::Phase,
        verdict::{DefaultVerdict, FailureClass, Response},
    },
    failpoint::{self, Point},
    ledger::{
        LedgerError,
        passes::{AttemptEnd, OpenAttempt, To},
    },
};

/// How long an earlier order's trigger is waited for before it is looked at again.
const TRIGGER_PAUSE: Duration = Duration::from_secs(5);

/// A set of files under way.
struct Drop<'a> {
    folder: &'a FolderDestination,
    destination: &'a Destination,
    token: AttemptToken,
    plan: FilePlan,
    /// What is written, with the plugin's state: an interrupted set is finished from it.
    delivery: Delivery,
    /// The answer folders before anything was written.
    listing: Listing,
}

impl Journey {
    /// Records and writes one set of files. Gives the next step of a conversation, or `None` when the pass was settled.
    ///
    /// # Errors
    /// As [`Journey::go`].
    pub async fn send_files(
        &mut self,
        folder: &FolderDestination,
        destination: &Destination,
        ready: Ready,
    ) -> Outcome<Option<Ready>> {
        let DeliveryContent::Files(delivery) = &ready.delivery.content else {
            let because = "the plugin changed from files to HTTP within one conversation".to_owned();
            let settled = self.failed_unless_sent(FailureClass::Plugin, because);
            self.settle(settled).await?;
            return Ok(None);
        };
        let (secrets, _) = self.secrets().await?;
        let token = AttemptToken(random::token(self.parts.random.as_ref()));
        let prepared = match folder.plan(delivery, &secrets, token.as_str()) {
            Ok(prepared) => prepared,
            Err(problems) => {
                let because = problem::list(&problems).replace('\n', "; ");
                let settled = self.failed_unless_sent(FailureClass::Settings, because);
                self.settle(settled).await?;
                return Ok(None);
            }
        };
        let listing = match folder.listing().await {
            Ok(listing) => listing,
            Err(error) => {
                let settled = self.folder_trouble(&error, self.pass.delivery.is_none()).await?;
                self.settle(settled).await?;
                return Ok(None);
            }
        };
        let hash = prepared.plan.files.iter().map(|file| file.sha256.as_str()).collect::<Vec<_>>().join(" ");
        let shown = json!({ "folder": folder.settings().path, "files": prepared.redacted });
        let mut attempt = self.attempt_row(&token, &ready, Repeat::Never, shown, hash, destination)?;
        attempt.phase = Phase::Writing;
        attempt.recovery = Some(recovery(&prepared.plan, &listing));
        let notes = ready.delivery.notes.iter().map(|note| format!("The plugin notes: {note}")).collect();
        let pins = ready.pins.map(Box::new);
        let pinned = pins.as_ref().map(|new| (new.pins.clone(), new.mapped_at_ms));
        let to = To::Sending { attempt: Box::new(attempt), pins };
        self.settle(Settled { to, effects: Vec::new(), timeline: notes }).await?;
        if let Some((pins, mapped_at_ms)) = pinned {
            self.pass.pins = Some(pins);
            self.pass.mapped_at_ms = Some(mapped_at_ms);
        }
        self.pass.step = ready.step;
        let drop = Drop { folder, destination, token, plan: prepared.plan, delivery: ready.delivery, listing };
        self.place(drop, prepared.contents).await
    }

    /// Temporaries, phase, rename.
    async fn place(&mut self, drop: Drop<'_>, contents: Vec<ReadyFile>) -> Outcome<Option<Ready>> {
        if let Err(error) = drop.folder.write_temporaries(&drop.plan, contents).await {
            if !drop.plan.earlier.is_empty() {
                return self.rest_stuck(&drop, error).await;
            }
            // Nothing was visible, and nothing is left.
            let settled = self.folder_trouble(&error, self.pass.step == 0 && !self.sent_before).await?;
            self.end(&drop, Phase::Writing, "not processed", json!({ "failure": error.to_string() }), settled).await?;
            return Ok(None);
        }
        failpoint::here::<LedgerError>(Point::Connected).await?;
        let renaming = if self.held.left(self.parts.clock.as_ref()) <= self.parts.pace.lease_margin {
            // Somebody else may be about to own this pass.
            Err(LedgerError::Lost { what: format!("order {}", self.pass.order_number) })
        } else {
            self.parts.ledger.set_phase(&self.pass.key, &self.held.token, &drop.token, Phase::Renaming).await
        };
        if let Err(error) = renaming {
            if matches!(error, LedgerError::Lost { .. }) {
                self.step_back(&drop).await;
            }
            return Err(error.into());
        }
        failpoint::here::<LedgerError>(Point::HalfRequest).await?;
        match drop.folder.rename_all(&drop.plan).await {
            Ok(placed) => {
                failpoint::here::<LedgerError>(Point::HalfBody).await?;
                let names = placed.into_iter().map(|file| file.name).collect();
                self.written(drop, names, Value::Null).await
            }
            Err(stopped) => {
                if matches!(stopped.error, FolderError::Superseded { .. }) {
                    return Err(LedgerError::Lost { what: format!("order {}", self.pass.order_number) }.into());
                }
                self.recover_plan(drop, Phase::Renaming, Some(stopped.error)).await
            }
        }
    }

    /// The lease was lost before *renaming* was committed. Whoever owns the pass now may have looked before these temporaries
    /// were written, and nobody knows of them then. They are no evidence either: a recovery of *writing* reads none from them.
    async fn step_back(&self, drop: &Drop<'_>) {
        if let Err(error) = drop.folder.clear(vec![drop.plan.token.clone()]).await {
            tracing::warn!(order.number = %self.pass.order_number, %error, "temporary files could not be removed");
        }
    }

    /// A part of the set is visible to the ERP, and the rest can't be written. Where that may pass, the pass stays in
    /// *sending*: the next takeover sees what became of the part. Else nobody can tell.
    async fn rest_stuck(&mut self, drop: &Drop<'_>, error: FolderError) -> Outcome<Option<Ready>> {
        if error.may_pass() {
            tracing::warn!(order.number = %self.pass.order_number, %error, "the rest of its files can't be written yet");
            return Ok(None);
        }
        let settled = self.doubt(&format!("only a part of its files could be written: {error}")).await?;
        let shown = json!({ "failure": error.to_string() });
        self.end(drop, Phase::Writing, "unknown", shown, settled).await?;
        Ok(None)
    }

    /// Files that a lost worker left.
    ///
    /// # Errors
    /// As [`Journey::go`].
    pub async fn recover_files(
        &mut self,
        folder: &FolderDestination,
        destination: &Destination,
        attempt: &OpenAttempt,
    ) -> Outcome<()> {
        let plan = attempt.recovery.as_ref().and_then(|stored| stored.get("plan")).cloned().unwrap_or_default();
        let plan: FilePlan = serde_json::from_value(plan)
            .map_err(|error| LedgerError::Corrupt(format!("file plan of {}: {error}", self.pass.order_number)))?;
        let ready = self.stored_step()?;
        let listing = attempt.recovery.as_ref().and_then(|stored| stored.get("listing")).cloned().unwrap_or_default();
        let listing: Listing = serde_json::from_value(listing).unwrap_or_default();
        let (token, delivery) = (attempt.token.clone(), ready.delivery);
        let drop = Drop { folder, destination, token, plan, delivery, listing };
        let next = self.recover_plan(drop, attempt.phase, None).await?;
        match next {
            Some(ready) => self.converse(ready).await,
            None => Ok(()),
        }
    }

    /// What is left of a plan tells what happened.
    async fn recover_plan(
        &mut self,
        drop: Drop<'_>,
        phase: Phase,
        stopped_by: Option<FolderError>,
    ) -> Outcome<Option<Ready>> {
        let recovered = match drop.folder.recover(&drop.plan, phase).await {
            Ok(recovered) => recovered,
            Err(error) => {
                // No look is no evidence: the pass stays as it is, and is taken over again when the lease has run out.
                tracing::warn!(order.number = %self.pass.order_number, %error, "what a lost worker left can't be looked at yet");
                return Ok(None);
            }
        };
        let shown = json!({ "recovered": recovered, "stopped_by": stopped_by.as_ref().map(ToString::to_string) });
        let (plan, folder) = (drop.plan.clone(), drop.folder.clone());
        let next = match recovered.outcome {
            Recovery::WriteAnew => {
                let settled = match stopped_by {
                    Some(error) => self.folder_trouble(&error, false).await?,
                    None => self.again("none of its files had been placed", self.now_ms().await?),
                };
                self.end(&drop, phase, "not processed", shown, settled).await?;
                None
            }
            Recovery::FinishRest { .. } if matches!(stopped_by, Some(FolderError::NameTaken { .. })) => {
                let why = stopped_by.map_or_else(String::new, |error| error.to_string());
                let settled = self.doubt(&format!("only a part of its files could be placed: {why}")).await?;
                self.end(&drop, phase, "unknown", shown, settled).await?;
                None
            }
            Recovery::FinishRest { rest } => self.finish_rest(drop, &rest).await?,
            Recovery::AllPlaced { .. } => {
                let names = plan.earlier.iter().chain(&plan.files).map(|file| file.name.clone()).collect();
                self.written(drop, names, shown).await?
            }
            Recovery::TakenEarly { gone, .. } => {
                let because = format!("the ERP took {} before the other files were in place", gone.join(", "));
                let settled = self.doubt(&because).await?;
                self.end(&drop, phase, "unknown", shown, settled).await?;
                None
            }
            Recovery::Doubtful { names } => {
                let because = format!("whether {} had been placed can't be told", names.join(", "));
                let settled = self.doubt(&because).await?;
                self.end(&drop, phase, "unknown", shown, settled).await?;
                None
            }
        };
        if let Err(error) = folder.forget(&plan).await {
            tracing::warn!(order.number = %self.pass.order_number, %error, "withdrawn temporary files could not be removed");
        }
        Ok(next)
    }

    /// Some files are in place: a new attempt writes the rest.
    async fn finish_rest(&mut self, drop: Drop<'_>, rest: &[String]) -> Outcome<Option<Ready>> {
        let delivery = drop.delivery.clone();
        let ready = Ready { step: self.pass.step, delivery, pins: None, mapping: None };
        let (secrets, _) = self.secrets().await?;
        let token = AttemptToken(random::token(self.parts.random.as_ref()));
        let delivery = files_of(&ready.delivery)
            .ok_or_else(|| LedgerError::Corrupt(format!("delivery of {} is not files", self.pass.order_number)))?;
        let prepared = match drop.folder.plan(delivery, &secrets, token.as_str()) {
            Ok(prepared) => prepared,
            Err(problems) => {
                let settled = self.doubt(&problem::list(&problems)).await?;
                self.end(&drop, Phase::Renaming, "unknown", Value::Null, settled).await?;
                return Ok(None);
            }
        };
        let plan = drop.plan.rest(rest, token.as_str());
        let contents = prepared.contents.into_iter().filter(|file| rest.contains(&file.name)).collect();
        let shown = json!({ "folder": drop.folder.settings().path, "files": prepared.redacted, "rest": rest });
        let mut attempt = self.attempt_row(&token, &ready, Repeat::Never, shown, String::new(), drop.destination)?;
        attempt.phase = Phase::Writing;
        attempt.recovery = Some(recovery(&plan, &drop.listing));
        let to = To::Sending { attempt: Box::new(attempt), pins: None };
        let timeline = vec![format!("Going on where the writing was interrupted: {}", rest.join(", "))];
        self.settle(Settled { to, effects: Vec::new(), timeline }).await?;
        let next = Drop { token, plan, ..drop };
        // Boxed, because placing the rest may itself be interrupted and recovered.
        Box::pin(self.place(next, contents)).await
    }

    /// All files are in place: the plugin says what that means.
    async fn written(&mut self, drop: Drop<'_>, names: Vec<String>, mut shown: Value) -> Outcome<Option<Ready>> {
        let response = Response::FilesWritten { names: names.clone() };
        let default = DefaultVerdict::Accepted;
        let heard = self.hear(drop.delivery.state.clone(), response, default, None).await;
        if !shown.is_object() {
            shown = json!({});
        }
        if let Some(object) = shown.as_object_mut() {
            object.insert("placed".to_owned(), json!(names));
            object.insert("verdict".to_owned(), heard.shown());
        }
        let step = self.pass.step;
        let (settled, outcome, next) = self.weigh(heard, default, step, drop.destination).await?;
        let outcome = if outcome == "accepted" { "written" } else { outcome };
        self.end(&drop, Phase::Renamed, outcome, shown, settled).await?;
        if next.is_some() {
            self.pass.step = step.saturating_add(1);
        }
        Ok(next)
    }

    async fn end(
        &mut self,
        drop: &Drop<'_>,
        phase: Phase,
        outcome: &'static str,
        shown: Value,
        settled: Settled,
    ) -> Outcome<()> {
        let end = AttemptEnd { token: drop.token.clone(), phase, outcome, shown };
        self.settle_answer(&drop.token, settled, end).await
    }

    /// Nothing is visible to the ERP: wait, or fail when waiting can't help.
    async fn folder_trouble(&self, error: &FolderError, unpin: bool) -> Outcome<Settled> {
        if matches!(error, FolderError::TriggerPresent { .. }) {
            // Not a failure: the ERP is busy with an earlier order, however long that takes.
            let not_before_ms = self.now_ms().await?.saturating_add(millis(TRIGGER_PAUSE));
            let because = error.to_string();
            let to = To::Waiting { not_before_ms, because, unpin: false, retry: false, absent: false };
            return Ok(Settled { to, effects: Vec::new(), timeline: Vec::new() });
        }
        if error.may_pass() {
            return self.retry(error.to_string(), None, unpin && self.pass.state == PassState::Claimed).await;
        }
        Ok(self.failed_unless_sent(FailureClass::Settings, error.to_string()))
    }
}

fn files_of(delivery: &Delivery) -> Option<&FileDelivery> {
    match &delivery.content {
        DeliveryContent::Files(files) => Some(files),
        DeliveryContent::Http(_) => None,
    }
}

fn recovery(plan: &FilePlan, listing: &Listing) -> Value {
    json!({ "plan": plan, "listing": listing })
}
