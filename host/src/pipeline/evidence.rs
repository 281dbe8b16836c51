//! What is kept of a plugin's call so that it can be run again bit for bit, and what it cost.
//!
//! Beside it lie the order as it was given (`pass_bodies`), settings and tables under their revisions, the release under
//! its digest, and the answer that was read. There is no seed among it: random numbers are made from the connection, the
//! order, the pass, the purpose and the step (`plugin/wasi`), all of which are here, and the only clock is `mapped_at`.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{
    domain::{
        call::{Context, Previous},
        delivery::{Delivery, Rejection},
        id::Digest,
        verdict::{AnswerCheck, DefaultVerdict, Verdict},
    },
    ledger::passes::{Mapping, Pins},
    plugin::{Called, LogLine, LookUp, Usage},
};

/// One call of a plugin.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Evidence {
    /// Who was asked.
    pub release: Digest,
    /// By which version of the contract.
    pub contract: String,
    /// The host that asked: another version may hand an order over in other words.
    pub host: String,
    /// Revision of the settings.
    pub settings_revision: u32,
    /// Revision of the look-up tables.
    pub tables_revision: u32,
    /// What it was told besides the order. The settings stand under their revision; a plugin's own state is kept sealed,
    /// with the pass.
    pub context: Context,
    /// Our own reading of the answer, where there was one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default: Option<DefaultVerdict>,
    /// What it gave.
    pub gave: Gave,
    /// What it cost.
    pub usage: Usage,
    /// What it logged.
    pub log: Vec<LogLine>,
    /// What it looked up, and found.
    pub look_ups: Vec<LookUp>,
}

/// What a call gave.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Gave {
    /// A delivery with this fingerprint.
    Delivery(String),
    /// A refusal.
    Rejection(Rejection),
    /// A verdict; with the fingerprint of the delivery that it brought, if it did.
    Verdict(Option<String>),
    /// Nothing: the plugin's fault.
    Fault(String),
}

impl Gave {
    /// What a mapping gave.
    #[must_use]
    pub fn of_mapping(called: &Called<Result<Delivery, Rejection>>) -> Self {
        match &called.result {
            Ok(Ok(delivery)) => Self::Delivery(delivery.fingerprint()),
            Ok(Err(rejection)) => Self::Rejection(rejection.clone()),
            Err(fault) => Self::Fault(fault.to_string()),
        }
    }

    /// What the reading of an answer gave.
    #[must_use]
    pub fn of_reading(called: &Called<Verdict>) -> Self {
        match &called.result {
            Ok(verdict) => Self::Verdict(brought(verdict).map(Delivery::fingerprint)),
            Err(fault) => Self::Fault(fault.to_string()),
        }
    }
}

/// The delivery that a verdict asks for.
#[must_use]
pub fn brought(verdict: &Verdict) -> Option<&Delivery> {
    match verdict {
        Verdict::Next { delivery, .. } => Some(delivery),
        Verdict::AwaitingAnswer(awaiting) => match &awaiting.check {
            AnswerCheck::Poll { delivery, .. } => Some(delivery),
            AnswerCheck::Files(_) => None,
        },
        _ => None,
    }
}

impl Evidence {
    /// Of a call that was made with what `pins` name.
    #[must_use]
    pub fn of<T>(pins: &Pins, context: Context, called: &Called<T>, gave: Gave) -> Self {
        let previous = context.previous.map(|previous| Previous { state: Vec::new(), ..previous });
        Self {
            release: pins.release.clone(),
            contract: called.contract.to_owned(),
            host: env!("CARGO_PKG_VERSION").to_owned(),
            settings_revision: pins.settings_revision,
            tables_revision: pins.tables_revision,
            context: Context { settings: String::new(), previous, ..context },
            default: None,
            gave,
            usage: called.usage,
            log: called.log.clone(),
            look_ups: called.look_ups.clone(),
        }
    }

    /// As it is stored with others.
    #[must_use]
    pub fn stored(&self) -> Value {
        serde_json::to_value(self).unwrap_or(Value::Null)
    }

    /// As it is stored by itself.
    #[must_use]
    pub fn text(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }

    /// What was stored; none for what was written before there was evidence.
    #[must_use]
    pub fn read(stored: &Value) -> Option<Self> {
        Self::deserialize(stored).ok()
    }
}

/// What a mapping came to, for the pass's own row.
#[must_use]
pub fn cost(release: &Digest, called: &Called<Result<Delivery, Rejection>>) -> Mapping {
    let gave = match &called.result {
        Ok(Ok(_)) => "delivery",
        Ok(Err(_)) => "rejection",
        Err(fault) => fault.kind().as_str(),
    };
    let Usage { cpu_used, memory_peak, wall_us, .. } = called.usage;
    Mapping {
        release: release.clone(),
        gave: gave.to_owned(),
        cpu: cpu_used,
        memory: memory_peak,
        us: wall_us,
        in_vain: None,
    }
}
