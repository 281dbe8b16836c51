//! When nothing more is sent to a destination for a while, and when it is tried again: a circuit breaker, as a pure rule.
//!
//! What is judged is the destination (an ERP's address with our credential), never one order: a refusal in the ERP's own words
//! is an answer like any other. After some failures in a row, or at once where the ERP says so itself, nothing is sent there;
//! then one order (or look-up) tries, and either everything goes on or the wait gets longer.

use serde::{Deserialize, Serialize};

use super::{backoff::Backoff, clock::Millis, time};

/// What is wrong with a destination.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TroubleKind {
    /// It can't be reached, does not answer in time, or answers with its server's errors.
    NoAnswer,
    /// It asks us to slow down (429 and its kin).
    SlowDown,
    /// It refuses our credential (401), or everything that we ask (403).
    NoAccess,
}

/// One failed contact.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trouble {
    /// What is wrong.
    pub kind: TroubleKind,
    /// In words.
    pub because: String,
    /// The ERP itself says that it is not about this one order: no need to see it several times.
    pub at_once: bool,
    /// How long the ERP asks to wait, in milliseconds.
    pub asked_ms: Option<Millis>,
    /// The rule of the connection that made the contact.
    pub rule: BreakerRule,
}

/// When a breaker opens, and how long it stays so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BreakerRule {
    /// After that many failures in a row.
    pub failures: u32,
    /// The wait before each try.
    pub backoff: Backoff,
}

/// How a destination is while something is, or may be, wrong with it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Health {
    /// Failures in a row.
    pub failures: u32,
    /// When the first of them was.
    pub since_ms: Millis,
    /// What is wrong.
    pub kind: TroubleKind,
    /// The last of them, in words.
    pub because: String,
    /// Since when nothing more is sent there, if so.
    pub opened_ms: Option<Millis>,
    /// How often in a row it was found to be in trouble since then: the wait grows with it.
    pub openings: u32,
    /// When the next try is due, while nothing is sent.
    pub next_try_ms: Millis,
    /// Until when somebody is trying; 0 for nobody.
    pub probe_until_ms: Millis,
}

impl Health {
    /// After a failed contact.
    #[must_use]
    pub fn after(before: Option<Self>, trouble: &Trouble, seed: u64, now_ms: Millis) -> Self {
        let mut health = before.unwrap_or_else(|| Self {
            failures: 0,
            since_ms: now_ms,
            kind: trouble.kind,
            because: String::new(),
            opened_ms: None,
            openings: 0,
            next_try_ms: 0,
            probe_until_ms: 0,
        });
        health.failures = health.failures.saturating_add(1);
        let wait = |openings| now_ms.saturating_add(trouble.rule.backoff.wait_ms(openings, seed, trouble.asked_ms));
        match health.opened_ms {
            None if trouble.at_once || health.failures >= trouble.rule.failures => {
                health.opened_ms = Some(now_ms);
                health.openings = 1;
                health.next_try_ms = wait(1);
            }
            None => {}
            // The try failed.
            Some(_) if health.next_try_ms <= now_ms => {
                health.openings = health.openings.saturating_add(1);
                health.next_try_ms = wait(health.openings);
                health.probe_until_ms = 0;
            }
            // It was on its way when nothing more was sent. What the ERP asks for only lengthens.
            Some(_) => {
                let asked = trouble.asked_ms.unwrap_or(0).min(trouble.rule.backoff.longest_ms);
                health.next_try_ms = health.next_try_ms.max(now_ms.saturating_add(asked));
                return health;
            }
        }
        health.kind = trouble.kind;
        health.because.clone_from(&trouble.because);
        health
    }

    /// Whether an answer shows that all is well again. While nothing is sent, only an answer that comes when the next try is
    /// due does: an earlier one was on its way before.
    #[must_use]
    pub fn is_over_with_an_answer(&self, now_ms: Millis) -> bool {
        self.opened_ms.is_none() || self.next_try_ms <= now_ms
    }

    /// Whether nothing is sent there, but for a try that is due.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.opened_ms.is_some()
    }

    /// Whether somebody may try now.
    #[must_use]
    pub fn is_due(&self, now_ms: Millis) -> bool {
        self.opened_ms.is_some() && self.next_try_ms <= now_ms && self.probe_until_ms < now_ms
    }

    /// What is wrong, as a part of a sentence.
    #[must_use]
    pub fn what(&self) -> String {
        let (since, because) = (time::rfc3339(self.since_ms), self.because.as_str());
        match self.kind {
            TroubleKind::NoAnswer => format!("the ERP has not answered since {since} ({because})"),
            TroubleKind::SlowDown => format!("the ERP has asked us since {since} to slow down ({because})"),
            TroubleKind::NoAccess => format!("the ERP has refused our access since {since} ({because})"),
        }
    }

    /// Why an order waits, as a part of a sentence.
    #[must_use]
    pub fn sentence(&self) -> String {
        format!("{}; next try at {}", self.what(), time::rfc3339(self.next_try_ms))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RULE: BreakerRule = BreakerRule { failures: 3, backoff: Backoff { first_ms: 10_000, longest_ms: 600_000 } };

    fn trouble() -> Trouble {
        let because = "connection refused".to_owned();
        Trouble { kind: TroubleKind::NoAnswer, because, at_once: false, asked_ms: None, rule: RULE }
    }

    fn failed(times: u32) -> Health {
        let mut health = None;
        for time in 0..times {
            health = Some(Health::after(health, &trouble(), 7, i64::from(time) * 1_000));
        }
        health.unwrap()
    }

    #[test]
    fn it_opens_after_some_failures_in_a_row() {
        assert!(!failed(2).is_open());
        let open = failed(3);
        assert_eq!((open.opened_ms, open.since_ms, open.openings), (Some(2_000), 0, 1));
        assert!((7_000..=12_000).contains(&open.next_try_ms), "{open:?}");
        assert!(!open.is_due(open.next_try_ms - 1) && open.is_due(open.next_try_ms));
        assert!(!open.is_over_with_an_answer(open.next_try_ms - 1), "an answer that was on its way says nothing");
        assert!(open.is_over_with_an_answer(open.next_try_ms));
    }

    #[test]
    fn it_opens_at_once_where_the_erp_says_so_and_keeps_the_wait_that_it_asks_for() {
        let told = Trouble { kind: TroubleKind::SlowDown, at_once: true, asked_ms: Some(90_000), ..trouble() };
        let open = Health::after(None, &told, 7, 5_000);
        assert_eq!((open.opened_ms, open.next_try_ms), (Some(5_000), 95_000));
        let more = Health::after(Some(open), &Trouble { asked_ms: Some(i64::MAX), ..told }, 7, 6_000);
        assert_eq!(more.next_try_ms, 606_000, "it only lengthens, and no further than our longest wait");
    }

    #[test]
    fn a_try_that_fails_makes_the_next_wait_longer_and_what_was_on_its_way_does_not() {
        let open = failed(3);
        let same = Health::after(Some(open.clone()), &trouble(), 7, 2_500);
        assert_eq!((same.openings, same.next_try_ms), (1, open.next_try_ms));
        let tried = Health { probe_until_ms: 99_000, ..open.clone() };
        assert!(!tried.is_due(open.next_try_ms), "somebody is at it");
        let again = Health::after(Some(tried), &trouble(), 7, open.next_try_ms);
        assert_eq!((again.openings, again.probe_until_ms, again.opened_ms), (2, 0, open.opened_ms));
        let wait = again.next_try_ms - open.next_try_ms;
        assert!((10_000..=20_000).contains(&wait), "{wait}");
    }
}
