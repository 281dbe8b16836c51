//! Runs a recorded pass again: the order is mapped as it was, and the answers that are kept are read again. Nothing is sent
//! and nothing changes. `replay` compares a run with what is on record, `shadow` two runs with each other.

use std::sync::Arc;

use serde_json::{Value, json};

use super::{
    evidence::{Evidence, Gave, brought},
    reread::stored_response,
    verdict::shown_verdict,
};
use crate::{
    compare::{self, Change},
    domain::{
        Order,
        call::{Context, Purpose, Tables},
        delivery::{Delivery, Rejection, RejectionClass},
        id::{Digest, PassKey},
        pass::PassState,
        verdict::{Response, Verdict},
    },
    ledger::recorded::Recording,
    plugin::{Called, Mapper, PluginFault, Usage},
};

/// A recorded pass, read.
pub struct Recorded {
    /// Which.
    pub key: PassKey,
    /// The number that people use.
    pub order_number: String,
    /// How it stands.
    pub state: PassState,
    /// The order as it was mapped.
    pub order: Arc<Order>,
    /// Its last mapping.
    pub mapping: Evidence,
    /// What that gave, if it is still stored: a conversation stores its last step only.
    pub delivery: Option<Delivery>,
    /// The answers that the plugin read after it, oldest first.
    pub readings: Vec<Reading>,
}

/// An answer that was read.
pub struct Reading {
    /// Number of the try that brought it.
    pub number: u32,
    /// Which step of the conversation it answers.
    pub step: u32,
    /// How it was read.
    pub evidence: Evidence,
    /// What it was taken for, as people are shown it.
    pub verdict: Value,
    /// The answer; or why it can't be read again.
    pub response: Result<Response, String>,
}

impl Recorded {
    /// Reads what the ledger has.
    ///
    /// # Errors
    /// Why it can't be run again: one sentence without the order's number.
    pub fn read(recording: Recording) -> Result<Self, String> {
        let Recording { key, order_number, state, order, evidence, step, delivery, tries } = recording;
        let order: Order =
            serde_json::from_str(&order).map_err(|error| format!("its stored order can't be read: {error}"))?;
        let kept = |text: &String| serde_json::from_str::<Evidence>(text).ok();
        let (mapping, from) = match &evidence {
            Some(text) => (kept(text), tries.len()),
            None => {
                let mappings = tries.iter().enumerate().rev().filter(|(_, tried)| tried.step == 0);
                let asked = |mapping: &Evidence| mapping.context.purpose == Purpose::Create;
                let last = mappings.filter_map(|(at, tried)| Some((kept(tried.mapping.as_ref()?).filter(asked)?, at)));
                last.map(|(mapping, at)| (Some(mapping), at)).next().unwrap_or((None, 0))
            }
        };
        let mapping = mapping.ok_or("it was mapped before evidence was kept")?;
        let readings = tries.iter().skip(from).filter_map(|tried| {
            let answer: Value = serde_json::from_str(tried.answer.as_ref()?).ok()?;
            // A person had it read again: that is on record, and not what became of the order then.
            if answer.get("attempt").is_some() {
                return None;
            }
            let heard = answer.get("verdict")?;
            let evidence = Evidence::read(heard.get("plugin")?)?;
            let verdict = heard.get("verdict").or(heard.get("fault")).cloned().unwrap_or_default();
            (evidence.context.purpose == Purpose::Create).then(|| Reading {
                number: tried.number,
                step: evidence.context.step,
                evidence,
                verdict,
                response: stored_response(&answer).map(|(response, _)| response),
            })
        });
        let readings = readings.collect();
        let delivery = delivery.filter(|_| step == 0).and_then(|text| serde_json::from_str(&text).ok());
        Ok(Self { key, order_number, state, order: Arc::new(order), mapping, delivery, readings })
    }
}

impl Recorded {
    /// Whether a run came out as what is on record of a release with settings and tables of these revisions: the CPU units
    /// and the memory that are on record then. None where it did not, or where the record is not of exactly those.
    #[must_use]
    pub fn alike(&self, release: &Digest, revisions: (u32, u32), run: &Run) -> Option<(u64, u64)> {
        let of_them = |it: &Evidence| {
            it.release == *release
                && (it.settings_revision, it.tables_revision) == revisions
                && it.host == env!("CARGO_PKG_VERSION")
        };
        if !of_them(&self.mapping) || run.short.is_some() || run.heard.len() != self.readings.len() {
            return None;
        }
        let mapped = match (&self.mapping.gave, &run.mapped) {
            // Notes are not in the fingerprint.
            (Gave::Delivery(then), Ok(now)) => {
                self.delivery.as_ref().is_some_and(|stored| stored.notes == now.notes) && *then == now.fingerprint()
            }
            (Gave::Rejection(then), Err(Refused::Rejection(now))) => then == now,
            _ => false,
        };
        let heard = || {
            self.readings.iter().zip(&run.heard).all(|(then, now)| {
                let gave = now.verdict.as_ref().map(|verdict| brought(verdict).map(Delivery::fingerprint));
                of_them(&then.evidence)
                    && matches!((&then.evidence.gave, gave), (Gave::Verdict(then), Ok(now)) if *then == now)
                    && then.verdict == now.shown()
            })
        };
        (mapped && heard()).then(|| {
            let read = self.readings.iter().map(|reading| reading.evidence.usage);
            read.fold((self.mapping.usage.cpu_used, self.mapping.usage.memory_peak), |(cpu, memory), usage| {
                (cpu.saturating_add(usage.cpu_used), memory.max(usage.memory_peak))
            })
        })
    }
}

/// With what a pass is run again.
#[derive(Clone)]
pub struct With {
    /// Release.
    pub release: Digest,
    /// The plugin's settings, as JSON text.
    pub settings: Arc<String>,
    /// Look-up tables.
    pub tables: Arc<Tables>,
}

/// Why nothing would be sent.
#[derive(Clone, Debug)]
pub enum Refused {
    /// The plugin refused the order.
    Rejection(Rejection),
    /// The plugin failed.
    Fault(PluginFault),
}

/// What a run came to.
pub struct Run {
    /// What would be sent first.
    pub mapped: Result<Delivery, Refused>,
    /// What the mapping cost.
    pub usage: Usage,
    /// How the answers were read.
    pub heard: Vec<HeardAgain>,
    /// CPU units of all calls.
    pub cpu: u64,
    /// The largest peak of memory, in bytes.
    pub memory: u64,
    /// Why not every answer was read.
    pub short: Option<String>,
}

/// An answer, read again.
pub struct HeardAgain {
    /// Number of the try that brought it.
    pub number: u32,
    /// What it means; or the plugin's fault.
    pub verdict: Result<Verdict, PluginFault>,
    /// What reading it cost.
    pub usage: Usage,
}

impl HeardAgain {
    /// As people are shown it.
    #[must_use]
    pub fn shown(&self) -> Value {
        match &self.verdict {
            Ok(verdict) => shown_verdict(verdict),
            Err(fault) => Value::String(fault.to_string()),
        }
    }

    /// In a word or two.
    #[must_use]
    pub fn word(&self) -> &'static str {
        match &self.verdict {
            Ok(Verdict::Accepted(_)) => "accepted",
            Ok(Verdict::AlreadyThere(_)) => "already there",
            Ok(Verdict::Rejected(_)) => "rejected",
            Ok(Verdict::RetryLater { .. }) => "retry later",
            Ok(Verdict::NotFound) => "not found",
            Ok(Verdict::AwaitingAnswer(_)) => "awaiting answer",
            Ok(Verdict::StillWaiting { .. }) => "still waiting",
            Ok(Verdict::NotMine) => "not mine",
            Ok(Verdict::Unknown { .. }) => "unknown",
            Ok(Verdict::Next { .. }) => "one more call",
            Err(_) => "plugin failed",
        }
    }

    fn message(&self) -> String {
        match &self.verdict {
            Ok(Verdict::Rejected(refusal)) => refusal.message.clone(),
            Ok(Verdict::RetryLater { message, .. } | Verdict::Unknown { message }) => message.clone(),
            Ok(_) => String::new(),
            Err(fault) => fault.to_string(),
        }
    }
}

impl Run {
    /// Where it leads, in a word or two.
    #[must_use]
    pub fn outcome(&self) -> &'static str {
        match &self.mapped {
            Err(Refused::Rejection(rejection)) => match rejection.class {
                RejectionClass::Data => "refused (data)",
                RejectionClass::Settings => "refused (settings)",
                RejectionClass::NotForUs => "not for us",
            },
            Err(Refused::Fault(_)) => "plugin failed",
            Ok(_) => self.heard.last().map_or("mapped", HeardAgain::word),
        }
    }

    /// Why it leads there, if anybody said.
    #[must_use]
    pub fn message(&self) -> String {
        match &self.mapped {
            Err(Refused::Rejection(rejection)) => rejection.message.clone(),
            Err(Refused::Fault(fault)) => fault.to_string(),
            Ok(_) => self.heard.last().map_or_else(String::new, HeardAgain::message),
        }
    }
}

/// Runs a pass again.
pub async fn run(mapper: &dyn Mapper, recorded: &Recorded, with: &With) -> Run {
    let told = |told: &Context| Context { settings: with.settings.as_ref().clone(), ..told.clone() };
    let (order, tables) = (|| Arc::clone(&recorded.order), || Arc::clone(&with.tables));
    let Called { result, usage, .. } =
        mapper.map_order(&with.release, order(), told(&recorded.mapping.context), tables()).await;
    let mapped = match result {
        Ok(Ok(delivery)) => Ok(delivery),
        Ok(Err(rejection)) => Err(Refused::Rejection(rejection)),
        Err(fault) => Err(Refused::Fault(fault)),
    };
    let (cpu, memory) = (usage.cpu_used, usage.memory_peak);
    let mut run = Run { mapped, usage, heard: Vec::new(), cpu, memory, short: None };
    let Ok(delivery) = &run.mapped else { return run };
    let (mut state, mut step) = (delivery.state.clone(), 0);
    for reading in &recorded.readings {
        if reading.step != step {
            run.short = Some(format!("answer {} belongs to a call that this run does not make", reading.number));
            break;
        }
        let (response, default) = match (&reading.response, reading.evidence.default) {
            (Ok(response), Some(default)) => (response.clone(), default),
            (Err(why), _) => {
                run.short = Some(format!("answer {} can't be read again: {why}", reading.number));
                break;
            }
            (_, None) => continue,
        };
        let context = told(&reading.evidence.context);
        let Called { result: verdict, usage, .. } =
            mapper.parse_response(&with.release, order(), context, tables(), state.clone(), response, default).await;
        match &verdict {
            Ok(Verdict::Next { delivery, .. }) => {
                state.clone_from(&delivery.state);
                step += 1;
            }
            Ok(Verdict::AwaitingAnswer(awaiting)) => state.clone_from(&awaiting.state),
            _ => {}
        }
        run.cpu = run.cpu.saturating_add(usage.cpu_used);
        run.memory = run.memory.max(usage.memory_peak);
        run.heard.push(HeardAgain { number: reading.number, verdict, usage });
    }
    run
}

/// What differs between two runs of the same pass.
#[must_use]
pub fn differences(before: &Run, after: &Run) -> Vec<Change> {
    let mut changes = match (&before.mapped, &after.mapped) {
        (Ok(before), Ok(after)) => compare::deliveries(before, after),
        (Err(Refused::Rejection(before)), Err(Refused::Rejection(after))) => {
            compare::values("refusal ", &json!(before), &json!(after))
        }
        (Err(Refused::Fault(before)), Err(Refused::Fault(after))) => {
            compare::values("fault", &json!(before.to_string()), &json!(after.to_string()))
        }
        // Told as another outcome.
        _ => Vec::new(),
    };
    for (before, after) in before.heard.iter().zip(&after.heard) {
        if before.word() == after.word() {
            changes.extend(compare::values("verdict ", &before.shown(), &after.shown()));
        }
        if let (Ok(before), Ok(after)) = (&before.verdict, &after.verdict)
            && let (Some(before), Some(after)) = (brought(before), brought(after))
        {
            changes.extend(next_call(compare::deliveries(before, after)));
        }
    }
    changes
}

/// The changes of a later call of the conversation, told apart from those of the first.
pub fn next_call(changes: Vec<Change>) -> impl Iterator<Item = Change> {
    changes.into_iter().map(|change| Change { place: format!("next call: {}", change.place), ..change })
}
