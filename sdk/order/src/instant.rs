//! Moments in UTC as text: RFC 3339 with a final `Z`.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A moment, `YYYY-MM-DDThh:mm:ss[.fraction]Z`, in the text form in which it came.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Instant(String);

/// Why a text is not an instant.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not an instant: expected UTC as in `2026-11-22T01:19:18Z`")]
pub struct InstantError(String);

impl Instant {
    /// Reads an instant.
    ///
    /// # Errors
    /// When the text is not RFC 3339 in UTC with a final `Z`, or names a day or an hour that does not exist.
    pub fn new(text: impl Into<String>) -> Result<Self, InstantError> {
        let text = text.into();
        if valid(text.as_bytes()) { Ok(Self(text)) } else { Err(InstantError(text.chars().take(60).collect())) }
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The text, taken out.
    #[must_use]
    pub fn into_string(self) -> String {
        self.0
    }

    /// Wraps a text that the other side of the contract has checked already.
    #[must_use]
    pub fn trusted(text: String) -> Self {
        Self(text)
    }

    /// The date part, `YYYY-MM-DD`, in UTC.
    #[must_use]
    pub fn date(&self) -> &str {
        self.0.get(..10).unwrap_or(&self.0)
    }
}

fn valid(text: &[u8]) -> bool {
    let number = |from: usize, to: usize| -> Option<u32> {
        text.get(from..to)?
            .iter()
            .try_fold(0_u32, |sum, byte| byte.is_ascii_digit().then(|| sum * 10 + u32::from(byte - b'0')))
    };
    let at = |index: usize, byte: u8| text.get(index) == Some(&byte);
    let (Some(year), Some(month), Some(day), Some(hour), Some(minute), Some(second)) =
        (number(0, 4), number(5, 7), number(8, 10), number(11, 13), number(14, 16), number(17, 19))
    else {
        return false;
    };
    if !(at(4, b'-') && at(7, b'-') && at(10, b'T') && at(13, b':') && at(16, b':')) {
        return false;
    }
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let days = match month {
        4 | 6 | 9 | 11 => 30,
        2 if leap => 29,
        2 => 28,
        1..=12 => 31,
        _ => return false,
    };
    // RFC 3339 allows second 60 for leap seconds.
    if day == 0 || day > days || hour > 23 || minute > 59 || second > 60 {
        return false;
    }
    match text.get(19..) {
        Some([b'Z']) => true,
        Some([b'.', fraction @ .., b'Z']) => {
            (1..=9).contains(&fraction.len()) && fraction.iter().all(u8::is_ascii_digit)
        }
        _ => false,
    }
}

impl fmt::Display for Instant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::str::FromStr for Instant {
    type Err = InstantError;
    fn from_str(text: &str) -> Result<Self, InstantError> {
        Self::new(text)
    }
}

impl Serialize for Instant {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Instant {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::new(String::deserialize(deserializer)?).map_err(serde::de::Error::custom)
    }
}

#[cfg(feature = "schema")]
impl schemars::JsonSchema for Instant {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Instant".into()
    }
    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "type": "string",
            "pattern": "^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\\.[0-9]{1,9})?Z$",
            "description": "RFC 3339 in UTC. Example: \"2026-11-22T01:19:18Z\"."
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn forms() {
        for good in
            ["2026-11-22T01:19:18Z", "2024-02-29T00:00:00Z", "2000-02-29T23:59:59.123456789Z", "2016-12-31T23:59:60Z"]
        {
            assert_eq!(Instant::new(good).unwrap().as_str(), good);
        }
        let bad = [
            "",
            "2026-11-22",
            "2026-11-22T01:19:18",
            "2026-11-22T01:19:18+00:00",
            "2026-11-22t01:19:18Z",
            "2026-11-22T01:19:18z",
            "2026-11-22 01:19:18Z",
            "2026-13-01T00:00:00Z",
            "2026-00-01T00:00:00Z",
            "2026-02-29T00:00:00Z",
            "1900-02-29T00:00:00Z",
            "2026-04-31T00:00:00Z",
            "2026-11-00T00:00:00Z",
            "2026-11-22T24:00:00Z",
            "2026-11-22T01:60:00Z",
            "2026-11-22T01:19:61Z",
            "2026-11-22T01:19:18.Z",
            "2026-11-22T01:19:18.1234567890Z",
            "2026-11-22T01:19:18Z ",
            "+026-11-22T01:19:18Z",
            "2026-11-22T01:19:1éZ",
        ];
        for bad in bad {
            assert!(Instant::new(bad).is_err(), "{bad}");
        }
        assert_eq!(Instant::new("2026-11-22T01:19:18Z").unwrap().date(), "2026-11-22");
    }

    proptest! {
        #[test]
        fn every_real_moment_is_taken(
            year in 0_u32..10_000, month in 1_u32..13, day in 1_u32..29, hour in 0_u32..24, minute in 0_u32..60,
            second in 0_u32..60, fraction in "(\\.[0-9]{1,9})?",
        ) {
            let text = format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}{fraction}Z");
            prop_assert_eq!(Instant::new(text.clone()).unwrap().into_string(), text);
        }

        #[test]
        fn nothing_panics(text in "\\PC{0,40}|[-0-9T:.Zé]{0,32}") {
            if let Ok(instant) = Instant::new(text) {
                prop_assert_eq!(instant.date().len(), 10);
            }
        }
    }
}
