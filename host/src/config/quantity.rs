//! Durations and sizes as people write them: `30s`, `5m`, `1h`, `15d`; `64MiB`, `20MB`.

use std::{fmt, str::FromStr, time::Duration};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// A length of time in whole seconds. Text in files and in stored settings: the largest unit that divides it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Period(pub u64);

const PERIOD_UNITS: &[(&str, u64)] = &[("d", 86_400), ("h", 3_600), ("m", 60), ("s", 1)];

/// A hundred years: beyond it arithmetic on moments could overflow.
const LONGEST: u64 = 36_525 * 86_400;

impl Period {
    /// Seconds.
    #[must_use]
    pub const fn seconds(self) -> u64 {
        self.0
    }

    /// Milliseconds, as the ledger counts. Fits: [`Period`]s that were read are at most a hundred years.
    #[must_use]
    pub fn millis(self) -> i64 {
        i64::try_from(self.0.saturating_mul(1_000)).unwrap_or(i64::MAX)
    }

    /// For timers.
    #[must_use]
    pub const fn duration(self) -> Duration {
        Duration::from_secs(self.0)
    }
}

impl FromStr for Period {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let seconds = scaled(text, PERIOD_UNITS)
            .ok_or_else(|| format!("`{text}` is not a duration; write for example 30s, 5m, 1h or 15d"))?;
        Self::try_from(seconds)
    }
}

impl TryFrom<u64> for Period {
    type Error = String;

    fn try_from(seconds: u64) -> Result<Self, String> {
        if seconds > LONGEST { Err("is longer than a hundred years".to_owned()) } else { Ok(Self(seconds)) }
    }
}

impl fmt::Display for Period {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_scaled(f, self.0, PERIOD_UNITS)
    }
}

/// A number of bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Bytes(pub u64);

const BYTE_UNITS: &[(&str, u64)] = &[
    ("GiB", 1 << 30),
    ("MiB", 1 << 20),
    ("KiB", 1 << 10),
    ("GB", 1_000_000_000),
    ("MB", 1_000_000),
    ("kB", 1_000),
    ("B", 1),
];

impl FromStr for Bytes {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let bytes = scaled(text, BYTE_UNITS)
            .ok_or_else(|| format!("`{text}` is not a size; write for example 64MiB or 20MB"))?;
        Self::try_from(bytes)
    }
}

impl TryFrom<u64> for Bytes {
    type Error = String;

    fn try_from(bytes: u64) -> Result<Self, String> {
        if bytes > 1 << 40 { Err("is more than 1024GiB".to_owned()) } else { Ok(Self(bytes)) }
    }
}

impl fmt::Display for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_scaled(f, self.0, BYTE_UNITS)
    }
}

/// `<digits><unit>`, spaces around the unit allowed.
fn scaled(text: &str, units: &[(&str, u64)]) -> Option<u64> {
    let text = text.trim();
    let digits = text.len() - text.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    let (number, unit) = text.split_at_checked(digits)?;
    let (_, scale) = units.iter().find(|(name, _)| *name == unit.trim())?;
    number.parse::<u64>().ok()?.checked_mul(*scale)
}

fn write_scaled(f: &mut fmt::Formatter<'_>, value: u64, units: &[(&str, u64)]) -> fmt::Result {
    let unit = units.iter().find(|(_, scale)| value != 0 && value.is_multiple_of(*scale)).or(units.last());
    match unit {
        Some((name, scale)) => write!(f, "{}{name}", value / scale),
        None => write!(f, "{value}"),
    }
}

macro_rules! text_or_number {
    ($name:ident) => {
        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                #[derive(Deserialize)]
                #[serde(untagged)]
                enum Form {
                    Number(u64),
                    Text(String),
                }
                match Form::deserialize(deserializer)? {
                    Form::Number(number) => Self::try_from(number),
                    Form::Text(text) => text.parse(),
                }
                .map_err(de::Error::custom)
            }
        }
    };
}

text_or_number!(Period);
text_or_number!(Bytes);

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn people_write_units() {
        for (text, seconds) in [("30s", 30), ("5m", 300), ("1h", 3_600), ("15d", 1_296_000), (" 2 h ", 7_200)] {
            assert_eq!(text.parse::<Period>(), Ok(Period(seconds)), "{text}");
        }
        for text in ["", "5", "m", "-5m", "1.5h", "5 weeks", "99999999999999999999s", "36526d", "५m"] {
            assert!(text.parse::<Period>().is_err(), "{text}");
        }
        assert_eq!("64MiB".parse::<Bytes>(), Ok(Bytes(67_108_864)));
        assert_eq!(Bytes(67_108_864).to_string(), "64MiB");
        assert_eq!(Period(90).to_string(), "90s");
        assert_eq!(Period(0).to_string(), "0s");
    }

    proptest! {
        #[test]
        fn what_is_printed_is_read_back(seconds in 0..=LONGEST, bytes in 0..=(1_u64 << 40)) {
            prop_assert_eq!(Period(seconds).to_string().parse::<Period>(), Ok(Period(seconds)));
            prop_assert_eq!(Bytes(bytes).to_string().parse::<Bytes>(), Ok(Bytes(bytes)));
        }
    }
}
