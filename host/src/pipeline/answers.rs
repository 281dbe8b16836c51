//! Late answers: files that appear or go, and questions asked again, until the deadline (contract section 9).

use std::{sync::Arc, time::Duration};

use serde_json::{Value, json};

use super::{
    breaker::Leaves,
    journey::{Journey, Outcome},
    parts::millis,
    settle::Settled,
    verdict::Heard,
};
use crate::{
    destination::{
        Destination,
        folder::{FileDrop as _, FolderDestination, Listing, Look},
    },
    domain::{
        call::Purpose,
        clock::Millis,
        delivery::Delivery,
        transport::Phase,
        verdict::{Acceptance, AnswerCheck, Awaiting, DefaultVerdict, FileCheck, FileMeaning, Response, Verdict},
    },
    ledger::passes::{Asked, To},
};

/// Between two looks into folders.
const LOOK_EVERY: Duration = Duration::from_secs(5);

/// Most names that a plugin is shown when the deadline has passed.
const MOST_LISTED: usize = 1_000;

/// What a look found.
enum Answer {
    /// Nothing yet; why, if the look itself failed.
    Nothing(Option<String>),
    /// It settles the pass by itself.
    Plain(Acceptance),
    /// The plugin has to read it.
    Read(Response, DefaultVerdict),
}

impl Journey {
    /// A pass that awaits its answer, and whose next look has come.
    ///
    /// # Errors
    /// As [`Journey::go`].
    pub async fn look_for_answer(&mut self) -> Outcome<()> {
        let began_ms = self.now_ms().await?;
        let Some(awaiting) = self.pass.awaiting.clone() else {
            let settled = self.doubt("what was awaited is not recorded").await?;
            return self.settle(settled).await;
        };
        let deadline_ms = self.pass.deadline_ms.unwrap_or(began_ms);
        let destination = match self.destination(None) {
            Ok(destination) => destination,
            Err(settled) => return self.settle(*settled).await,
        };
        // The snapshot gives mails and notes their facts; an expired one does not stop the answer.
        if self.order.is_none() {
            let _ = self.mapped_order().await;
        }
        let (answers, asked, failed) = match (&awaiting.check, destination.as_ref()) {
            (AnswerCheck::Files(checks), Destination::Folder(folder)) => {
                match self.look_into(folder, checks, began_ms).await? {
                    Ok(answers) => (answers, None, None),
                    Err(why) => (Vec::new(), None, Some(why)),
                }
            }
            (AnswerCheck::Poll { delivery, .. }, destination @ Destination::Http(_)) => {
                if let Some(shut) = self.held_back(Leaves::Look).await? {
                    return self.look_when_it_answers(&shut).await;
                }
                self.take_its_turn().await?;
                let (answer, asked) = self.ask_again(destination, delivery, began_ms).await?;
                match answer {
                    Answer::Nothing(why) => (Vec::new(), asked, why),
                    answer => (vec![answer], asked, None),
                }
            }
            _ => {
                let settled = self.doubt("the plugin awaits an answer where this destination can't give one").await?;
                return self.settle(settled).await;
            }
        };
        for answer in answers {
            match answer {
                Answer::Plain(acceptance) => {
                    let settled = self.setting(|setting| setting.delivered(acceptance, false));
                    return self.settle_asked(settled, asked).await;
                }
                Answer::Read(response, default) => {
                    let heard = self.read_late(&response, default).await?;
                    if let Response::Http { status, .. } = &response {
                        self.answered(Leaves::Look, *status, &heard, false).await;
                    }
                    let not_yet =
                        matches!(heard.verdict, Ok(Verdict::StillWaiting { .. } | Verdict::RetryLater { .. }));
                    if self.is_over(deadline_ms, began_ms) && not_yet {
                        return self.deadline(&destination, &awaiting, began_ms).await;
                    }
                    let asked = asked.clone().map(|mut asked| {
                        if let Some(answer) = asked.answer.as_object_mut() {
                            answer.insert("verdict".to_owned(), heard.shown());
                        }
                        asked
                    });
                    let asked = asked.or_else(|| Some(self.asked_file(&response, &heard, began_ms)));
                    if let Some(settled) = self.late_verdict(heard, &awaiting, deadline_ms).await? {
                        return self.settle_asked(settled, asked).await;
                    }
                }
                Answer::Nothing(_) => {}
            }
        }
        let looked_well = failed.is_none();
        if self.is_over(deadline_ms, began_ms) && looked_well {
            return self.deadline(&destination, &awaiting, began_ms).await;
        }
        let settled = self.later(&awaiting, deadline_ms, None).await?;
        self.settle_asked(settled, asked).await
    }

    /// Looks into the folders; the inner error is no look at all.
    async fn look_into(
        &self,
        folder: &FolderDestination,
        checks: &[FileCheck],
        now: Millis,
    ) -> Outcome<Result<Vec<Answer>, String>> {
        let listing = self.attempt.as_ref().and_then(|attempt| attempt.recovery.as_ref());
        let listing = listing.and_then(|stored| stored.get("listing")).cloned().unwrap_or_default();
        let since: Listing = serde_json::from_value(listing).unwrap_or_default();
        let Look { seen, gone } = match folder.look(&since, checks, now).await {
            Ok(look) => look,
            Err(error) => return Ok(Err(error.to_string())),
        };
        let mut answers = Vec::new();
        for file in seen.iter().filter(|file| file.stable) {
            let Some(check) = checks.get(file.check) else { continue };
            match check.meaning {
                FileMeaning::Success => answers.push(Answer::Plain(Acceptance {
                    message: Some(format!("{} is in the folder for taken orders", file.name)),
                    ..Acceptance::default()
                })),
                FileMeaning::Failure | FileMeaning::Any => match folder.read(&file.slot, &file.name).await {
                    Ok(Some(bytes)) => {
                        let default = if check.meaning == FileMeaning::Failure {
                            DefaultVerdict::Rejected
                        } else {
                            DefaultVerdict::Unknown
                        };
                        let (folder, name) = (file.slot.clone(), file.name.clone());
                        answers.push(Answer::Read(Response::AnswerFile { folder, name, bytes }, default));
                    }
                    Ok(None) => {}
                    Err(error) => return Ok(Err(error.to_string())),
                },
                FileMeaning::Gone => {}
            }
        }
        // Whatever lies there wins over our file having gone, also while it is still being written: it may be a refusal.
        if seen.is_empty()
            && gone.iter().filter_map(|index| checks.get(*index)).any(|check| check.meaning == FileMeaning::Gone)
        {
            let message = Some("the file was taken from the folder; nothing proves more than that".to_owned());
            answers.push(Answer::Plain(Acceptance { message, ..Acceptance::default() }));
        }
        Ok(Ok(answers))
    }

    async fn ask_again(
        &self,
        destination: &Destination,
        delivery: &Delivery,
        began_ms: Millis,
    ) -> Outcome<(Answer, Option<Asked>)> {
        let (secrets, _) = self.secrets().await?;
        Ok(match self.ask_once(destination, delivery, &secrets, Value::Null, began_ms).await {
            Ok((asked, (response, default, _))) => (Answer::Read(response, default), asked),
            Err((why, asked)) => (Answer::Nothing(Some(why)), asked),
        })
    }

    async fn read_late(&mut self, response: &Response, default: DefaultVerdict) -> Outcome<Heard> {
        let release = self.pass.pins.as_ref().map(|pins| pins.release.as_str().to_owned()).unwrap_or_default();
        let state = match self.pass.sealed_state.clone() {
            Some(sealed) => self.unseal(&release, &sealed)?,
            None => Vec::new(),
        };
        self.ask_meaning(Purpose::Create, state, response.clone(), default, None).await
    }

    /// Where a late verdict leads; `None` when the answer was not this order's.
    async fn late_verdict(
        &mut self,
        heard: Heard,
        awaiting: &Awaiting,
        deadline_ms: Millis,
    ) -> Outcome<Option<Settled>> {
        let settled = match heard.verdict {
            Ok(Verdict::Accepted(acceptance)) => self.setting(|setting| setting.delivered(acceptance, false)),
            Ok(Verdict::AlreadyThere(acceptance)) => self.setting(|setting| setting.delivered(acceptance, true)),
            Ok(Verdict::Rejected(refusal)) => self.setting(|setting| setting.refused(refusal)),
            Ok(Verdict::AwaitingAnswer(next)) => {
                let mut settled = self.await_answer(next).await?;
                // Shop and staff were told already.
                settled.effects.clear();
                settled
            }
            Ok(Verdict::StillWaiting { after_s }) => self.later(awaiting, deadline_ms, after_s).await?,
            Ok(Verdict::RetryLater { after_s, .. }) => self.later(awaiting, deadline_ms, after_s).await?,
            Ok(Verdict::NotMine) => return Ok(None),
            Ok(Verdict::Unknown { message }) => self.doubt(&message).await?,
            Ok(Verdict::NotFound | Verdict::Next { .. }) => {
                self.doubt("the plugin gave a verdict that does not fit a late answer").await?
            }
            Err(fault) => self.doubt(&format!("the ERP's late answer could not be read: {fault}")).await?,
        };
        Ok(Some(settled))
    }

    /// Nobody expects an answer any more, and a good look begun after the deadline found none.
    async fn deadline(&mut self, destination: &Arc<Destination>, awaiting: &Awaiting, began_ms: Millis) -> Outcome<()> {
        let listing = match destination.as_ref() {
            Destination::Folder(folder) => folder.present(MOST_LISTED).await.unwrap_or_default(),
            Destination::Http(_) => Vec::new(),
        };
        let response = Response::DeadlinePassed { listing };
        let heard = self.read_late(&response, DefaultVerdict::Unknown).await?;
        let asked = self.asked_file(&response, &heard, began_ms);
        let settled = match heard.verdict {
            Ok(Verdict::StillWaiting { .. } | Verdict::RetryLater { .. } | Verdict::NotMine) | Err(_) => {
                self.doubt("no answer came until the deadline").await?
            }
            _ => match self.late_verdict(heard, awaiting, began_ms).await? {
                Some(settled) => settled,
                None => self.doubt("no answer came until the deadline").await?,
            },
        };
        self.settle_asked(settled, Some(asked)).await
    }

    async fn later(&self, awaiting: &Awaiting, deadline_ms: Millis, after_s: Option<u32>) -> Outcome<Settled> {
        let now = self.now_ms().await?;
        let pause = match (after_s, &awaiting.check) {
            (Some(seconds), _) => Duration::from_secs(u64::from(seconds).max(1)),
            (None, AnswerCheck::Files(_)) => LOOK_EVERY,
            (None, AnswerCheck::Poll { after_s, .. }) => Duration::from_secs(u64::from(*after_s).max(1)),
        };
        let to = To::Awaiting {
            awaiting: awaiting.clone(),
            sealed_state: self.pass.sealed_state.clone().unwrap_or_default(),
            next_look_ms: now.saturating_add(millis(pause)),
            deadline_ms,
        };
        Ok(Settled { to, effects: Vec::new(), timeline: Vec::new() })
    }

    fn asked_file(&self, response: &Response, heard: &Heard, began_ms: Millis) -> Asked {
        let (outcome, answer) = match response {
            Response::AnswerFile { folder, name, bytes } => {
                const KEPT: usize = 64 << 10;
                let whole = bytes.get(..KEPT).unwrap_or(bytes);
                let note = (whole.len() < bytes.len())
                    .then(|| format!("only the first {KEPT} of {} bytes are kept", bytes.len()));
                let (text, exact) = super::reread::kept(whole);
                let shown = json!({
                    "folder": folder, "name": name, "text": text, "bytes": exact, "note": note,
                    "verdict": heard.shown(),
                });
                (if heard.in_doubt() { "unknown" } else { "answer file" }, shown)
            }
            Response::DeadlinePassed { listing } => {
                ("deadline passed", json!({ "listing": listing, "verdict": heard.shown() }))
            }
            _ => ("answered", json!({ "verdict": heard.shown() })),
        };
        Asked {
            step: self.pass.step,
            purpose: Purpose::Create,
            phase: Phase::Body,
            began_ms,
            outcome,
            request: Value::Null,
            answer,
            mapping: Value::Null,
        }
    }
}
