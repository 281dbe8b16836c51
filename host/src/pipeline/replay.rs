//! A recorded pass is run again and compared with what is on record: identical bit for bit, or where not.

use serde::Serialize;
use serde_json::json;

use super::{
    evidence::{Gave, brought},
    rerun::{self, HeardAgain, Reading, Recorded, Refused, Run, With},
};
use crate::{
    compare::{self, Change, Kind},
    domain::{delivery::Delivery, id::Digest, pass::PassState},
    plugin::{Mapper, Usage},
};

/// What came of it.
#[derive(Clone, Debug, Serialize)]
pub struct Replay {
    /// The number that people use.
    pub order_number: String,
    /// Which pass.
    pub pass: u32,
    /// How that stands.
    pub state: PassState,
    /// The plugin's clock.
    pub mapped_at: String,
    /// The release that mapped it.
    pub release: Digest,
    /// The release that was asked now.
    pub with: Digest,
    /// Revision of the settings.
    pub settings_revision: u32,
    /// Revision of the look-up tables.
    pub tables_revision: u32,
    /// Everything that was done again gave the same.
    pub identical: bool,
    /// The mapping.
    pub mapping: Part,
    /// The answers, in the order in which they came.
    pub answers: Vec<Part>,
    /// What could not be done again, and why.
    pub remarks: Vec<String>,
}

/// One call, then and now.
#[derive(Clone, Debug, Serialize)]
pub struct Part {
    /// Number of the try that brought the answer; none for the mapping.
    pub answer: Option<u32>,
    /// Whether it gave the same.
    pub identical: bool,
    /// What it gave, in a few words.
    pub before: String,
    /// What it gives now.
    pub after: String,
    /// What differs.
    pub changes: Vec<Change>,
    /// What it cost.
    pub cost_before: Usage,
    /// What it costs now.
    pub cost_after: Usage,
}

/// Replays a pass.
pub async fn replay(mapper: &dyn Mapper, recorded: &Recorded, with: &With) -> Replay {
    let run = rerun::run(mapper, recorded, with).await;
    let mapping = mapping(recorded, &run);
    let answers: Vec<Part> = recorded.readings.iter().zip(&run.heard).map(|(then, now)| answer(then, now)).collect();
    let mut remarks: Vec<String> = run.short.iter().cloned().collect();
    let unread = recorded.readings.len().saturating_sub(answers.len());
    let identical = mapping.identical && answers.iter().all(|part| part.identical);
    if unread > 0 && remarks.is_empty() {
        remarks.push(format!("{unread} answers were not read again, because nothing would be sent"));
    }
    if recorded.mapping.host != env!("CARGO_PKG_VERSION") {
        remarks.push(format!(
            "it was mapped by Orderdock {}; this is {}",
            recorded.mapping.host,
            env!("CARGO_PKG_VERSION")
        ));
    }
    Replay {
        order_number: recorded.order_number.clone(),
        pass: recorded.key.pass,
        state: recorded.state,
        mapped_at: recorded.mapping.context.mapped_at.clone(),
        release: recorded.mapping.release.clone(),
        with: with.release.clone(),
        settings_revision: recorded.mapping.settings_revision,
        tables_revision: recorded.mapping.tables_revision,
        identical,
        mapping,
        answers,
        remarks,
    }
}

fn words(gave: &Gave) -> String {
    let short = |print: &String| print.chars().take(12).collect::<String>();
    match gave {
        Gave::Delivery(print) => format!("a delivery ({})", short(print)),
        Gave::Rejection(rejection) => format!("refused: {}", rejection.message),
        Gave::Verdict(_) => "a verdict".to_owned(),
        Gave::Fault(fault) => fault.clone(),
    }
}

fn mapping(recorded: &Recorded, run: &Run) -> Part {
    let before = &recorded.mapping.gave;
    let after = match &run.mapped {
        Ok(delivery) => Gave::Delivery(delivery.fingerprint()),
        Err(Refused::Rejection(rejection)) => Gave::Rejection(rejection.clone()),
        Err(Refused::Fault(fault)) => Gave::Fault(fault.to_string()),
    };
    let stored = recorded.delivery.as_ref();
    let mut changes = match (before, &after, &run.mapped) {
        (Gave::Delivery(_), Gave::Delivery(_), Ok(now)) => {
            stored.map_or_else(Vec::new, |then| compare::deliveries(then, now))
        }
        (Gave::Rejection(then), Gave::Rejection(now), _) => compare::values("refusal ", &json!(then), &json!(now)),
        _ => Vec::new(),
    };
    let same = *before == after && changes.is_empty();
    if !same && changes.is_empty() {
        changes.push(Change {
            place: "result".into(),
            kind: Kind::TextChanged,
            before: Some(words(before)),
            after: Some(words(&after)),
        });
    }
    Part {
        answer: None,
        identical: same,
        before: words(before),
        after: words(&after),
        changes,
        cost_before: recorded.mapping.usage,
        cost_after: run.usage,
    }
}

fn answer(then: &Reading, now: &HeardAgain) -> Part {
    let shown = now.shown();
    let mut changes = compare::values("verdict ", &then.verdict, &shown);
    let print = now.verdict.as_ref().ok().and_then(brought).map(Delivery::fingerprint);
    let recorded = match &then.evidence.gave {
        Gave::Verdict(print) => print.clone(),
        _ => None,
    };
    if recorded != print {
        changes.push(Change { place: "next call".into(), kind: Kind::TextChanged, before: recorded, after: print });
    }
    Part {
        answer: Some(then.number),
        identical: changes.is_empty(),
        before: verdict_word(&then.verdict),
        after: now.word().to_owned(),
        changes,
        cost_before: then.evidence.usage,
        cost_after: now.usage,
    }
}

/// A stored verdict in a word or two.
fn verdict_word(shown: &serde_json::Value) -> String {
    let name = match shown {
        serde_json::Value::Object(parts) => parts.keys().next().cloned(),
        serde_json::Value::String(word) => Some(word.clone()),
        _ => None,
    };
    match name.as_deref() {
        Some("next") => "one more call".to_owned(),
        Some(name) => name.replace('_', " "),
        None => "unknown".to_owned(),
    }
}
