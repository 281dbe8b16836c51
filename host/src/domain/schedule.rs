//! When a shop is asked: crontab in an IANA time zone. Where clocks change, schedules of one fixed time a day fire
//! once, and schedules of intervals go on by real time (Open Cron Pattern Specification 1.4).

use croner::Cron;
use jiff::{Timestamp, tz::TimeZone};

use super::clock::Millis;

/// Why a schedule can't be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ScheduleError {
    /// Not a crontab of five fields.
    #[error("`{pattern}` is not a crontab: {reason}")]
    Pattern {
        /// What was given.
        pattern: String,
        /// Why not.
        reason: String,
    },
    /// No such zone.
    #[error("`{0}` is not a time zone that this machine knows")]
    Zone(String),
    /// It is a crontab, but its moment never comes.
    #[error("`{0}` names a moment that never comes")]
    Never(String),
}

/// A checked schedule of one connection.
#[derive(Clone, Debug)]
pub struct Schedule {
    cron: Cron,
    zone: TimeZone,
    jitter_ms: Millis,
}

impl Schedule {
    /// `cron` has five fields; `jitter_s` is the width over which connections spread, and `seed` (the connection's id)
    /// says where in it this one stands, always the same.
    ///
    /// # Errors
    /// What is wrong with the pattern or the zone.
    pub fn new(cron: &str, time_zone: &str, jitter_s: u32, seed: &str) -> Result<Self, ScheduleError> {
        let bad = |reason: String| ScheduleError::Pattern { pattern: cron.to_owned(), reason };
        if cron.len() > 256 {
            return Err(bad("it is too long".to_owned()));
        }
        // The library also knows seconds and years; a shop is not asked every second by a slip.
        if !cron.trim().starts_with('@') && cron.split_whitespace().count() != 5 {
            return Err(bad("it must have five fields: minute, hour, day, month, weekday".to_owned()));
        }
        let pattern: Cron = cron.parse().map_err(|error: croner::errors::CronError| bad(error.to_string()))?;
        let zone = TimeZone::get(time_zone).map_err(|_| ScheduleError::Zone(time_zone.to_owned()))?;
        let width = u64::from(jitter_s) * 1_000;
        let jitter_ms = Millis::try_from(hash(seed) % (width + 1)).unwrap_or(0);
        let schedule = Self { cron: pattern, zone, jitter_ms };
        // 2024-01-01: from there every month and both kinds of year come by.
        schedule.next_after(1_704_067_200_000).ok_or_else(|| ScheduleError::Never(cron.to_owned()))?;
        Ok(schedule)
    }

    /// The first fire that is later than `moment`; none when the calendar ends before.
    #[must_use]
    pub fn next_after(&self, moment: Millis) -> Option<Millis> {
        // Jitter shifts the whole series: look for the slot of the unshifted one.
        let base = Timestamp::from_millisecond(moment.checked_sub(self.jitter_ms)?).ok()?;
        let next = self.cron.find_next_occurrence(&base.to_zoned(self.zone.clone()), false).ok()?;
        let slot = next.timestamp().as_millisecond();
        (slot > base.as_millisecond()).then(|| slot.checked_add(self.jitter_ms)).flatten()
    }

    /// Milliseconds between the fire after `moment` and the one after that: how old a good sweep may be is judged by it.
    #[must_use]
    pub fn interval_after(&self, moment: Millis) -> Option<Millis> {
        let first = self.next_after(moment)?;
        Some(self.next_after(first)? - first)
    }
}

/// FNV-1a, 64 bits: stable over releases, which the standard library's hasher does not promise.
fn hash(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn fires(cron: &str, zone: &str, from: &str, count: usize) -> Vec<String> {
        let schedule = Schedule::new(cron, zone, 0, "").unwrap();
        let mut at = from.parse::<Timestamp>().unwrap().as_millisecond();
        let mut out = Vec::new();
        for _ in 0..count {
            at = schedule.next_after(at).unwrap();
            out.push(Timestamp::from_millisecond(at).unwrap().to_string());
        }
        out
    }

    #[test]
    fn a_daily_time_that_is_skipped_or_repeated_fires_once() {
        // Berlin: 2026-03-29 02:00 becomes 03:00; 2026-10-25 03:00 becomes 02:00.
        let spring = fires("30 2 * * *", "Europe/Berlin", "2026-03-28T12:00:00Z", 2);
        assert_eq!(spring.len(), 2);
        assert!(spring[0].starts_with("2026-03-29T01:"), "{spring:?}");
        assert_eq!(spring[1], "2026-03-30T00:30:00Z");
        let autumn = fires("30 2 * * *", "Europe/Berlin", "2026-10-24T12:00:00Z", 2);
        assert_eq!(autumn, ["2026-10-25T00:30:00Z", "2026-10-26T01:30:00Z"]);
    }

    #[test]
    fn intervals_go_on_while_clocks_change() {
        for from in ["2026-03-29T00:30:00Z", "2026-10-25T00:00:00Z"] {
            let start = from.parse::<Timestamp>().unwrap().as_millisecond();
            let times: Vec<_> = fires("*/5 * * * *", "Europe/Berlin", from, 36)
                .iter()
                .map(|text| text.parse::<Timestamp>().unwrap().as_millisecond())
                .collect();
            let expected: Vec<_> = (1..=36).map(|n| start + n * 300_000).collect();
            assert_eq!(times, expected, "from {from}");
        }
    }

    #[test]
    fn bad_schedules_are_told() {
        assert!(matches!(Schedule::new("* * * * * *", "UTC", 0, ""), Err(ScheduleError::Pattern { .. })));
        assert!(matches!(Schedule::new("61 * * * *", "UTC", 0, ""), Err(ScheduleError::Pattern { .. })));
        assert!(Schedule::new("0 0 30 2 *", "UTC", 0, "").is_err());
        assert!(matches!(Schedule::new("* * * * *", "Mars/Olympus", 0, ""), Err(ScheduleError::Zone(_))));
    }

    proptest! {
        #[test]
        fn fires_are_later_and_jitter_only_shifts(
            minutes in 1_u32..60, moment in 0_i64..4_000_000_000_000, jitter in 0_u32..600, seed in "[a-z0-9]{1,20}",
            zone in prop::sample::select(vec!["UTC", "Europe/Berlin", "Australia/Lord_Howe", "America/St_Johns"]),
        ) {
            let cron = format!("*/{minutes} * * * *");
            let plain = Schedule::new(&cron, zone, 0, &seed).unwrap();
            let shifted = Schedule::new(&cron, zone, jitter, &seed).unwrap();
            let next = plain.next_after(moment).unwrap();
            prop_assert!(next > moment && next - moment <= 3_600_000);
            let later = shifted.next_after(moment).unwrap();
            prop_assert!(later > moment);
            prop_assert!(shifted.jitter_ms <= i64::from(jitter) * 1_000);
            prop_assert_eq!(plain.next_after(later - shifted.jitter_ms - 1), Some(later - shifted.jitter_ms));
        }

        #[test]
        fn no_text_makes_it_panic(cron in "[-0-9*/,@LW#? a-z]{0,40}") {
            let _ = Schedule::new(&cron, "UTC", 5, "x");
        }
    }
}
