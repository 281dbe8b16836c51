//! What a run came to.

use std::collections::BTreeMap;

use serde::Serialize;

/// What happened, and what was wrong in the end.
#[derive(Debug, Default, Serialize)]
pub struct Verdict {
    /// Repeats what happened.
    pub seed: u64,
    /// Seconds under fire.
    pub seconds: u64,
    /// Orders placed.
    pub orders: usize,
    /// What was done to whom, how often.
    pub events: BTreeMap<String, u32>,
    /// Orders by their state in the end.
    pub states: BTreeMap<String, u32>,
    /// Seconds from the last event to quiet.
    pub quiet_after_s: f64,
    /// Requests with an order that the ERP saw.
    pub requests: u64,
    /// What is wrong; empty: it held.
    pub wrong: Vec<String>,
}

impl Verdict {
    /// Notes an event.
    pub fn note(&mut self, event: impl Into<String>) {
        *self.events.entry(event.into()).or_default() += 1;
    }

    /// For people.
    #[must_use]
    pub fn text(&self) -> String {
        let list = |all: &BTreeMap<String, u32>| {
            all.iter().map(|(name, count)| format!("{name} {count}")).collect::<Vec<_>>().join(", ")
        };
        let mut text = format!(
            "seed {}: {} orders in {} s under fire, {} requests to the ERP; quiet {:.1} s after the last blow\n  \
             done to them: {}\n  in the end:   {}\n",
            self.seed,
            self.orders,
            self.seconds,
            self.requests,
            self.quiet_after_s,
            list(&self.events),
            list(&self.states)
        );
        if self.wrong.is_empty() {
            text.push_str("HELD: no order lost, none sent twice, the shop, the ERP and the ledger agree");
        } else {
            text.push_str(&format!("BROKEN:\n  {}", self.wrong.join("\n  ")));
        }
        text
    }
}
