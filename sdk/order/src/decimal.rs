//! Exact decimal numbers as text: `-?digits[.digits]`, no exponent, at most 28 significant digits.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Most significant digits that a decimal may have.
pub const MAX_DIGITS: usize = 28;

/// A decimal number in its text form, kept as the shop wrote it (`12.90` stays `12.90`).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Decimal(String);

/// Why a text is not a decimal.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DecimalError {
    /// The form is wrong.
    #[error("`{0}` is not a decimal number: expected digits with an optional leading `-` and one `.`, no exponent")]
    Form(String),
    /// Too many digits.
    #[error("`{text}` has {digits} significant digits; at most {MAX_DIGITS} are possible")]
    TooLong {
        /// The text.
        text: String,
        /// How many significant digits it has.
        digits: usize,
    },
}

impl Decimal {
    /// Reads a decimal.
    ///
    /// # Errors
    /// When the text is not of the form `-?digits[.digits]` or has more than [`MAX_DIGITS`] significant digits.
    pub fn new(text: impl Into<String>) -> Result<Self, DecimalError> {
        let text = text.into();
        check(&text)?;
        Ok(Self(text))
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
}

fn check(text: &str) -> Result<(), DecimalError> {
    let unsigned = text.strip_prefix('-').unwrap_or(text);
    let (whole, fraction) = match unsigned.split_once('.') {
        Some((whole, fraction)) => (whole, Some(fraction)),
        None => (unsigned, None),
    };
    let digits_only = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    if !digits_only(whole) || fraction.is_some_and(|part| !digits_only(part)) {
        return Err(DecimalError::Form(text.chars().take(60).collect()));
    }
    let all = whole.len() + fraction.map_or(0, str::len);
    let leading = unsigned.bytes().filter(|byte| *byte != b'.').take_while(|byte| *byte == b'0').count();
    let digits = all - leading;
    if digits > MAX_DIGITS {
        return Err(DecimalError::TooLong { text: text.chars().take(60).collect(), digits });
    }
    Ok(())
}

impl Default for Decimal {
    fn default() -> Self {
        Self("0".to_owned())
    }
}

impl fmt::Display for Decimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::str::FromStr for Decimal {
    type Err = DecimalError;
    fn from_str(text: &str) -> Result<Self, DecimalError> {
        Self::new(text)
    }
}

impl Serialize for Decimal {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Decimal {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::new(String::deserialize(deserializer)?).map_err(serde::de::Error::custom)
    }
}

#[cfg(feature = "schema")]
impl schemars::JsonSchema for Decimal {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Decimal".into()
    }
    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "type": "string",
            "pattern": "^-?[0-9]+(\\.[0-9]+)?$",
            "description": "Exact decimal number, no exponent, at most 28 significant digits. Example: \"12.90\"."
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
            ["0", "-0", "12.90", "-12.90", "0.001", "0012.5", &"9".repeat(28), &format!("0.{}1", "0".repeat(40))]
        {
            assert_eq!(Decimal::new(good).unwrap().as_str(), good);
        }
        for bad in ["", "-", "+1", ".5", "5.", "1e3", "1,5", " 1", "1 ", "--1", "1.2.3", "NaN", "0x1", "\u{663}", "1_0"]
        {
            assert_eq!(Decimal::new(bad), Err(DecimalError::Form(bad.to_owned())), "{bad}");
        }
        assert_eq!(Decimal::new("1".repeat(29)), Err(DecimalError::TooLong { text: "1".repeat(29), digits: 29 }));
    }

    #[test]
    fn json_numbers_are_refused_because_they_pass_through_floats() {
        assert!(serde_json::from_str::<Decimal>("12.9").is_err());
        assert_eq!(serde_json::from_str::<Decimal>("\"12.9\"").unwrap().as_str(), "12.9");
    }

    proptest! {
        /// The rule of the contract, told once more in another way.
        #[test]
        fn the_rule(text in "-?[0-9]{0,20}\\.?[0-9]{0,20}|\\PC{0,12}|[-+.0-9eE]{0,8}") {
            let unsigned = text.strip_prefix('-').unwrap_or(&text);
            let parts: Vec<&str> = unsigned.split('.').collect();
            let form = parts.len() <= 2
                && parts.iter().all(|part| !part.is_empty() && part.chars().all(|letter| letter.is_ascii_digit()));
            let digits = parts.concat().trim_start_matches('0').len();
            prop_assert_eq!(Decimal::new(text.clone()).is_ok(), form && digits <= MAX_DIGITS);
        }

        #[test]
        fn errors_stay_short(text in "[0-9a]{0,5000}") {
            if let Err(error) = Decimal::new(text) {
                prop_assert!(error.to_string().len() < 250);
            }
        }
    }
}
