//! Dates as Attaché takes them, from the order's instants.

use std::fmt;

use orderdock_plugin::Instant;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Which moment gives the order's date.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum DateFrom {
    /// When the buyer placed the order.
    #[default]
    PlacedAt,
    /// When the order was mapped.
    MappedAt,
}

/// `DDMMYY`, `DD/MM/YYYY` and the like. Can stand in settings.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(with = "String")]
pub struct DateFormat(String);

/// Why a text is not a date form.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a date form: expected DD, MM and YY or YYYY, each once, with `/`, `.`, `-` or nothing between")]
pub struct DateFormatError(String);

impl DateFormat {
    /// Reads a form.
    ///
    /// # Errors
    /// When it has anything but day, month and year once and plain separators.
    pub fn new(text: impl Into<String>) -> Result<Self, DateFormatError> {
        let text = text.into();
        let rest = text.replacen("YYYY", "Y", 1).replacen("YY", "Y", 1).replacen("MM", "M", 1).replacen("DD", "D", 1);
        let mut letters: Vec<char> = rest.chars().filter(|letter| !matches!(letter, '/' | '.' | '-')).collect();
        letters.sort_unstable();
        let good = letters == ['D', 'M', 'Y']
            && text.contains("DD")
            && text.contains("MM")
            && text.contains("YY")
            && rest.len() <= 5;
        if good { Ok(Self(text)) } else { Err(DateFormatError(text.chars().take(40).collect())) }
    }

    /// The date of the instant, moved by the offset.
    #[must_use]
    pub fn write(&self, instant: &Instant, offset: &UtcOffset) -> String {
        let (year, month, day) = local(instant.as_str(), offset.minutes);
        let long = format!("{year:04}");
        let short = long.get(long.len().saturating_sub(2)..).unwrap_or_default();
        self.0
            .replace("YYYY", &long)
            .replace("YY", short)
            .replace("MM", &format!("{month:02}"))
            .replace("DD", &format!("{day:02}"))
    }
}

impl From<DateFormat> for String {
    fn from(format: DateFormat) -> Self {
        format.0
    }
}

impl TryFrom<String> for DateFormat {
    type Error = DateFormatError;
    fn try_from(text: String) -> Result<Self, DateFormatError> {
        Self::new(text)
    }
}

/// A fixed distance from UTC, `+10:00`. No time zone rules: a plugin has no table of them. Can stand in settings.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(with = "String")]
pub struct UtcOffset {
    text: String,
    minutes: i32,
}

/// Why a text is not an offset.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a distance from UTC: expected for example `+10:00`, at most 14 hours")]
pub struct UtcOffsetError(String);

impl UtcOffset {
    /// Reads an offset.
    ///
    /// # Errors
    /// When it is not of the form `±HH:MM` or beyond 14 hours.
    pub fn new(text: impl Into<String>) -> Result<Self, UtcOffsetError> {
        let text = text.into();
        match minutes(&text) {
            Some(minutes) => Ok(Self { text, minutes }),
            None => Err(UtcOffsetError(text.chars().take(40).collect())),
        }
    }
}

fn minutes(text: &str) -> Option<i32> {
    let (sign, rest) = match text.strip_prefix('-') {
        Some(rest) => (-1, rest),
        None => (1, text.strip_prefix('+')?),
    };
    let (hours, minutes) = rest.split_once(':')?;
    let two = |part: &str| -> Option<i32> {
        (part.len() == 2 && part.bytes().all(|byte| byte.is_ascii_digit())).then(|| part.parse().ok())?
    };
    let (hours, minutes) = (two(hours)?, two(minutes)?);
    let all = hours * 60 + minutes;
    (minutes < 60 && all <= 14 * 60).then_some(sign * all)
}

impl From<UtcOffset> for String {
    fn from(offset: UtcOffset) -> Self {
        offset.text
    }
}

impl TryFrom<String> for UtcOffset {
    type Error = UtcOffsetError;
    fn try_from(text: String) -> Result<Self, UtcOffsetError> {
        Self::new(text)
    }
}

impl fmt::Display for UtcOffset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// Year, month and day of an instant of the contract at this distance from UTC.
fn local(instant: &str, offset: i32) -> (i32, i32, i32) {
    let part = |from: usize, to: usize| instant.get(from..to).and_then(|part| part.parse::<i32>().ok()).unwrap_or(0);
    let (mut year, mut month, mut day) = (part(0, 4), part(5, 7), part(8, 10));
    let minute = part(11, 13) * 60 + part(14, 16) + offset;
    if minute >= 24 * 60 {
        day += 1;
        if day > days(year, month) {
            (month, day) = (month + 1, 1);
        }
        if month > 12 {
            (year, month) = (year + 1, 1);
        }
    } else if minute < 0 {
        day -= 1;
        if day < 1 {
            month -= 1;
            if month < 1 {
                (year, month) = (year - 1, 12);
            }
            day = days(year, month);
        }
    }
    (year, month, day)
}

fn days(year: i32, month: i32) -> i32 {
    match month {
        4 | 6 | 9 | 11 => 30,
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        _ => 31,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(form: &str, instant: &str, offset: &str) -> String {
        let instant = Instant::new(instant).unwrap();
        DateFormat::new(form).unwrap().write(&instant, &UtcOffset::new(offset).unwrap())
    }

    #[test]
    fn forms() {
        assert_eq!(written("DDMMYY", "2026-01-02T03:04:05Z", "+00:00"), "020126");
        assert_eq!(written("DD/MM/YYYY", "2026-01-02T03:04:05Z", "+00:00"), "02/01/2026");
        assert_eq!(written("YYYY-MM-DD", "2026-11-22T03:04:05Z", "+00:00"), "2026-11-22");
        for bad in ["", "DDMM", "DDMMYYY", "DD,MM,YY", "DDMMYYDD", "ddmmyy", "DMY", "<F9>DDMMYY", "DD//MM/YY"] {
            assert!(DateFormat::new(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn the_day_follows_the_offset() {
        for (instant, offset, date) in [
            ("2026-01-02T13:59:00Z", "+10:00", "020126"),
            ("2026-01-02T14:00:00Z", "+10:00", "030126"),
            ("2026-12-31T20:00:00Z", "+10:00", "010127"),
            ("2024-02-28T20:00:00Z", "+10:00", "290224"),
            ("2025-02-28T20:00:00Z", "+10:00", "010325"),
            ("2026-01-01T01:00:00Z", "-05:00", "311225"),
            ("2024-03-01T01:00:00Z", "-05:00", "290224"),
        ] {
            assert_eq!(written("DDMMYY", instant, offset), date, "{instant} {offset}");
        }
        for bad in ["10:00", "+1:00", "+10", "+15:00", "+10:60", "Z", "+٠١:00"] {
            assert!(UtcOffset::new(bad).is_err(), "{bad}");
        }
    }
}
