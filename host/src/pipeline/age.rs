//! How old something in doubt is, where the ledger's clock can't be believed alone.
//!
//! The ledger keeps moments by a wall clock, and somebody may set that: an hour on, and "not found" would count before the ERP
//! has had its time; an hour back, and a key that is dead would look alive. So the ledger's time is held against the clock that
//! never jumps. What was recorded since this host began and since the last jump is as old as the ledger says. Of anything else
//! it is only known how long this host has known of it.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use super::parts::millis;
use crate::domain::clock::Millis;

/// Doubts that are remembered; past that all are forgotten, and count anew when they come up again.
const MOST: usize = 8_192;

/// A difference that slow answers of a busy database make.
const SLOW: Millis = 5_000;

/// What one connection's workers know of time.
#[derive(Debug, Default)]
pub struct Ages(Mutex<Known>);

#[derive(Debug, Default)]
struct Known {
    /// The ledger's time minus the time since boot, when that was looked at last.
    ahead_ms: Option<Millis>,
    /// The ledger's time when this host began.
    began_ms: Millis,
    /// What was recorded before this host began was looked at.
    looked_back: bool,
    /// From this moment on the ledger's time has not jumped; none: it never has.
    jumped_ms: Option<Millis>,
    /// What was recorded before: since when it is known, by the clock that counts suspend.
    doubts: HashMap<String, Duration>,
}

impl Ages {
    /// The ledger said that it is `now`, and the time since boot is `boot`.
    pub fn observe(&self, now: Millis, boot: Duration) {
        let (mut known, boot_ms) = (self.lock(), millis(boot));
        match known.ahead_ms {
            None => known.began_ms = now,
            Some(ahead_ms) => {
                let expected = boot_ms.saturating_add(ahead_ms);
                if now.abs_diff(expected) > SLOW.unsigned_abs() {
                    // Set back, moments up to the old time come by twice.
                    known.jumped_ms = known.jumped_ms.max(Some(now.max(expected)));
                }
            }
        }
        known.ahead_ms = Some(now.saturating_sub(boot_ms));
    }

    /// Whether [`Ages::look_back`] is still to come.
    pub fn has_to_look_back(&self) -> bool {
        !self.lock().looked_back
    }

    /// The newest moment that was recorded before this host began. If it is still to come, the clock was set back while nobody
    /// looked: such moments come by twice, and what was recorded up to then is older than it seems.
    pub fn look_back(&self, newest: Option<Millis>, now: Millis, boot: Duration) {
        self.observe(now, boot);
        let mut known = self.lock();
        known.looked_back = true;
        if let Some(newest) = newest.filter(|newest| newest.saturating_sub(now) > SLOW) {
            known.jumped_ms = known.jumped_ms.max(Some(newest.saturating_add(1)));
        }
    }

    /// Whether the ledger's clock was set since a moment of it.
    pub fn has_jumped_since(&self, moment: Millis) -> bool {
        self.lock().jumped_ms.is_some_and(|jumped_ms| moment < jumped_ms)
    }

    /// For how long something is known that was recorded at a moment of the ledger's; from now on, if it was not. None: it is
    /// as old as the ledger says.
    pub fn known_for(&self, what: &str, recorded: Millis, boot: Duration) -> Option<Duration> {
        let mut known = self.lock();
        if recorded >= known.jumped_ms.unwrap_or(known.began_ms).max(known.began_ms) {
            return None;
        }
        if known.doubts.len() >= MOST {
            known.doubts.clear();
        }
        let since = *known.doubts.entry(what.to_owned()).or_insert(boot);
        Some(boot.saturating_sub(since))
    }

    fn lock(&self) -> MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const AT: fn(u64) -> Duration = Duration::from_secs;
    const HOUR: Millis = 3_600_000;

    #[test]
    fn what_was_recorded_under_our_eyes_is_as_old_as_the_ledger_says() {
        let ages = Ages::default();
        ages.observe(HOUR, AT(100));
        assert_eq!(ages.known_for("new", HOUR + 1, AT(100)), None);
        assert_eq!(ages.known_for("old", HOUR - 1, AT(100)), Some(AT(0)), "recorded before we began");
        assert_eq!(ages.known_for("old", HOUR - 1, AT(107)), Some(AT(7)));
        ages.observe(HOUR + 54_000, AT(150));
        assert!(!ages.has_jumped_since(0), "an answer may be slow");
    }

    #[test]
    fn a_clock_that_was_set_back_before_we_began_shows_by_moments_still_to_come() {
        let ages = Ages::default();
        assert!(ages.has_to_look_back());
        ages.look_back(Some(10 * HOUR), 9 * HOUR, AT(100));
        assert!(!ages.has_to_look_back());
        assert!(ages.has_jumped_since(10 * HOUR), "nobody knows how old that is");
        assert_eq!(ages.known_for("a", 10 * HOUR, AT(100)), Some(AT(0)));
        assert!(!ages.has_jumped_since(10 * HOUR + 1));
        let ages = Ages::default();
        ages.look_back(Some(10 * HOUR + 900), 10 * HOUR, AT(100));
        assert!(!ages.has_jumped_since(10 * HOUR), "another host has just written it");
    }

    #[test]
    fn after_a_jump_only_what_is_recorded_later_is() {
        for jump in [HOUR, -HOUR] {
            let (ages, start) = (Ages::default(), 10 * HOUR);
            ages.observe(start, AT(100));
            ages.observe(start + 50_000 + jump, AT(150));
            assert!(ages.has_jumped_since(start + 20_000), "{jump}");
            assert_eq!(ages.known_for("a", start + 20_000, AT(150)), Some(AT(0)), "{jump}");
            ages.observe(start + 80_000 + jump, AT(180));
            assert_eq!(ages.known_for("a", start + 20_000, AT(180)), Some(AT(30)), "{jump}");
            let later = (start + 50_000).max(start + 50_000 + jump);
            assert_eq!(ages.known_for("b", later, AT(180)), None, "{jump}");
        }
    }
}
