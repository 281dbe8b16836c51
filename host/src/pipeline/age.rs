//! How long this host has known of what is in doubt, by the clock that never jumps.
//!
//! The ledger keeps moments by a wall clock, and somebody may set that: an hour on, and "not found" would count before the ERP
//! has had its time; an hour back, and a key that is dead would look alive. So both are asked: the ledger's moments, and what
//! this host has seen go by itself. Who has just learned of a doubt (after a start, after a takeover) counts from then.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::Duration,
};

/// Doubts that are remembered; past that the older half is forgotten, and counts anew if it comes up again.
const MOST: usize = 8_192;

/// Since when each is known, by the clock that counts suspend.
#[derive(Debug, Default)]
pub struct Ages(Mutex<HashMap<String, Duration>>);

impl Ages {
    /// It is known since then. What is known since longer stays so.
    pub fn note(&self, what: String, since: Duration) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= MOST && !known.contains_key(&what) {
            let mut all: Vec<Duration> = known.values().copied().collect();
            let (_, middle, _) = all.select_nth_unstable(MOST / 2);
            let middle = *middle;
            known.retain(|_, since| *since > middle);
        }
        let entry = known.entry(what).or_insert(since);
        *entry = since.min(*entry);
    }

    /// For how long it is known, now being `now`; from now on, if it was not.
    pub fn of(&self, what: String, now: Duration) -> Duration {
        self.note(what.clone(), now);
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        now.saturating_sub(known.get(&what).copied().unwrap_or(now))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_counts_from_the_first_time_and_forgets_the_oldest() {
        let (ages, at) = (Ages::default(), Duration::from_secs);
        assert_eq!(ages.of("a".into(), at(100)), at(0));
        ages.note("a".into(), at(90));
        ages.note("a".into(), at(105));
        assert_eq!(ages.of("a".into(), at(110)), at(20));
        for number in 0..20_000 {
            ages.note(number.to_string(), at(200 + number));
        }
        assert!(ages.0.lock().unwrap().len() <= MOST);
        assert_eq!(ages.of("19999".into(), at(30_000)), at(30_000 - 20_199));
        assert_eq!(ages.of("a".into(), at(30_000)), at(0), "forgotten: it counts anew");
    }
}
