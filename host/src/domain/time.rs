//! Moments and durations as text.

use std::time::Duration;

use super::clock::Millis;

/// RFC 3339 in UTC with whole seconds: what plugins are given.
#[must_use]
pub fn rfc3339(at_ms: Millis) -> String {
    jiff::Timestamp::from_millisecond(at_ms)
        .map_or_else(|_| "1970-01-01T00:00:00Z".to_owned(), |moment| moment.strftime("%Y-%m-%dT%H:%M:%SZ").to_string())
}

/// The moment of an RFC 3339 text; `None` when it is none.
#[must_use]
pub fn millis_of(text: &str) -> Option<Millis> {
    text.parse::<jiff::Timestamp>().ok().map(jiff::Timestamp::as_millisecond)
}

/// A duration as people say it: `45 s`, `5 min`, `1 h`, `15 days`.
#[must_use]
pub fn words(duration: Duration) -> String {
    let seconds = duration.as_secs();
    match seconds {
        0..=119 => format!("{seconds} s"),
        120..=7_199 => format!("{} min", seconds / 60),
        7_200..=172_799 => format!("{} h", seconds / 3_600),
        _ => format!("{} days", seconds / 86_400),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_read_back() {
        let text = "2026-11-22T01:19:18Z";
        assert_eq!(millis_of(text).map(rfc3339).as_deref(), Some(text));
        assert_eq!(millis_of("yesterday"), None);
    }

    #[test]
    fn durations_are_said_as_people_say_them() {
        assert_eq!(words(Duration::from_secs(45)), "45 s");
        assert_eq!(words(Duration::from_secs(3_600)), "60 min");
        assert_eq!(words(Duration::from_secs(15 * 86_400)), "15 days");
    }
}
