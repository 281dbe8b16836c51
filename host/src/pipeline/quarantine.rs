//! Quarantine: a release that fails again and again at a connection maps nothing more there, until a person has decided.
//!
//! What counts is what a plugin can be blamed for: traps, limits, results that the contract forbids. The count is this
//! host's own and in memory; what is in the ledger is the quarantine itself, which begins in the same transaction as the move
//! of the pass whose call was the last straw. That pass's mail says so: one mail. Orders that come meanwhile are seen and
//! wait; what was sent already goes on. Lifting it, or another release in force, lets them go.

use std::sync::{Mutex, PoisonError};

use super::{journey::Journey, settle::Settled};
use crate::{
    domain::id::Digest,
    ledger::{admissions::NewQuarantine, effects::EffectBody},
    plugin::{Called, PluginFault},
};

/// What the plugin was asked. Each kind has a row of its own: a plugin that maps well and fails with every answer must not
/// look well each time that it maps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asked {
    /// To map an order.
    Mapping,
    /// To read an answer.
    Reading,
}

/// How often the plugin of a connection failed in a row, by release.
#[derive(Default)]
pub struct Faults {
    mapping: Mutex<Option<(Digest, u32)>>,
    reading: Mutex<Option<(Digest, u32)>>,
}

impl Faults {
    /// Notes how a call ended; how many have failed in a row, this one included.
    fn note(&self, release: &Digest, asked: Asked, failed: bool) -> u32 {
        let row = match asked {
            Asked::Mapping => &self.mapping,
            Asked::Reading => &self.reading,
        };
        let mut row = row.lock().unwrap_or_else(PoisonError::into_inner);
        let known = row.as_ref().filter(|(known, _)| known == release).map_or(0, |(_, count)| *count);
        match (failed, known) {
            // A success of a release that is no longer in force says nothing about the one that is.
            (false, 0) => 0,
            (false, _) => {
                *row = None;
                0
            }
            (true, before) => {
                let count = before.saturating_add(1);
                *row = Some((release.clone(), count));
                count
            }
        }
    }
}

/// A quarantine that begins with the next move of a pass.
#[derive(Clone)]
pub struct Beginning {
    /// What is recorded.
    pub new: NewQuarantine,
    /// The sentence for people.
    pub sentence: String,
}

impl Journey {
    /// Notes how a call of the plugin ended. If that was one failure too many, the next move of this pass begins the
    /// quarantine.
    pub fn note_call<T>(&mut self, release: &Digest, asked: Asked, called: &Called<T>) {
        let fault = match &called.result {
            // The machine's trouble, not the plugin's.
            Err(PluginFault::NotLoaded { .. }) => return,
            Err(fault) => Some(fault),
            Ok(_) => None,
        };
        let count = self.signals.faults.note(release, asked, fault.is_some());
        let after = self.parts.pace.quarantine_after;
        let Some(fault) = fault.filter(|_| after > 0 && count >= after) else { return };
        let record = &self.lane.record;
        // A pass may be pinned to an older release: that one's failures stop nobody.
        if *release != record.activation.release || record.quarantine.is_some() {
            return;
        }
        tracing::error!(connection = %record.name, %release, faults = count, "the plugin is put into quarantine");
        let sentence = format!(
            "The plugin failed {count} times in a row and is in quarantine: the orders of connection \"{name}\" wait until \
             another release is in force or somebody lifts it (`orderdock plugin unquarantine {name} --reason WHY`)",
            name = record.name
        );
        let new = NewQuarantine { release: release.clone(), faults: count, because: fault.to_string() };
        self.quarantine = Some(Beginning { new, sentence });
    }

    /// A move with which a quarantine begins tells of it: in its own mail if it has one, else in one about that alone.
    pub fn telling_of_quarantine(&self, mut settled: Settled) -> Settled {
        let Some(Beginning { sentence, .. }) = &self.quarantine else { return settled };
        settled.effects.retain(|effect| !matches!(effect, EffectBody::Mail { .. }));
        let what = match settled.timeline.first() {
            Some(first) => format!("{first}. {sentence}"),
            None => sentence.clone(),
        };
        settled.effects.extend(self.setting(|setting| setting.quarantined(what)));
        settled.timeline.push(sentence.clone());
        settled
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_failures_of_one_release_without_a_success_between_them_are_in_a_row() {
        let (faults, one, other) = (Faults::default(), Digest("1".to_owned()), Digest("2".to_owned()));
        let map = |release, failed| faults.note(release, Asked::Mapping, failed);
        assert_eq!([map(&one, true), map(&one, true)], [1, 2]);
        assert_eq!(map(&one, false), 0);
        assert_eq!(map(&one, true), 1);
        assert_eq!(map(&other, false), 0);
        assert_eq!(map(&one, true), 2, "another release's success says nothing");
        assert_eq!(map(&other, true), 1);
    }

    #[test]
    fn an_order_that_is_mapped_well_does_not_excuse_its_answer() {
        let (faults, one) = (Faults::default(), Digest("1".to_owned()));
        for count in 1..=3 {
            assert_eq!(faults.note(&one, Asked::Mapping, false), 0);
            assert_eq!(faults.note(&one, Asked::Reading, true), count);
        }
    }
}
