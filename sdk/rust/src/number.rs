//! Exact arithmetic on the contract's decimals.
//!
//! Addition and subtraction are exact or an error. Multiplication and division keep up to 28 digits and round the rest
//! half to even; say with [`Number::round`] what you want to keep. Nothing panics, and every error names the values.

use std::fmt;
use std::str::FromStr;

use orderdock_order::Decimal;
use rust_decimal::RoundingStrategy;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::Rejection;

/// How a number loses its last digits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Rounding {
    /// To the nearest, a tie away from zero: 0.125 → 0.13, −0.125 → −0.13. What shops and tax offices usually mean.
    #[default]
    HalfUp,
    /// To the nearest, a tie to the even digit: 0.125 → 0.12, 0.135 → 0.14 (ISO 80000-1, "banker's").
    HalfEven,
    /// Towards zero: digits are cut off.
    Down,
    /// Away from zero.
    Up,
}

/// A number to compute with. At most 28 digits, at most 28 of them behind the point.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Number(rust_decimal::Decimal);

/// Why a computation has no result.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NumberError {
    /// The text is not a number that can be computed with.
    #[error("`{0}` can't be computed with: expected digits with an optional `-` and `.`, at most 28 of them")]
    Text(String),
    /// The result needs more than 28 digits.
    #[error("{left} {operation} {right} needs more than 28 digits")]
    TooLong {
        /// Left operand.
        left: String,
        /// `+`, `-`, `*` or `/`.
        operation: char,
        /// Right operand.
        right: String,
    },
    /// Division by zero.
    #[error("{0} can't be divided by zero")]
    ByZero(String),
}

impl From<NumberError> for Rejection {
    fn from(error: NumberError) -> Self {
        Self::data(error.to_string())
    }
}

#[expect(clippy::should_implement_trait, reason = "these can fail; the operators of those traits can't say so")]
impl Number {
    /// 0.
    pub const ZERO: Self = Self(rust_decimal::Decimal::ZERO);
    /// 1.
    pub const ONE: Self = Self(rust_decimal::Decimal::ONE);
    /// 100, for percents.
    pub const HUNDRED: Self = Self(rust_decimal::Decimal::ONE_HUNDRED);

    /// Takes a decimal of the contract.
    ///
    /// # Errors
    /// When it has more than 28 digits behind the point (`0.000…`), which no amount has.
    pub fn of(decimal: &Decimal) -> Result<Self, NumberError> {
        decimal.as_str().parse()
    }

    /// Takes a decimal that may be absent.
    ///
    /// # Errors
    /// As [`Number::of`].
    pub fn of_option(decimal: Option<&Decimal>) -> Result<Option<Self>, NumberError> {
        decimal.map(Self::of).transpose()
    }

    /// Adds exactly.
    ///
    /// # Errors
    /// When the sum needs more than 28 digits.
    pub fn add(self, other: Self) -> Result<Self, NumberError> {
        let exact = |sum: &rust_decimal::Decimal| sum.scale() >= self.0.scale().max(other.0.scale());
        self.0.checked_add(other.0).filter(exact).map(Self).ok_or_else(|| self.too_long('+', other))
    }

    /// Subtracts exactly.
    ///
    /// # Errors
    /// When the difference needs more than 28 digits.
    pub fn sub(self, other: Self) -> Result<Self, NumberError> {
        self.add(other.neg()).map_err(|_| self.too_long('-', other))
    }

    /// Multiplies. Digits beyond the 28th are rounded half to even.
    ///
    /// # Errors
    /// When the whole part needs more than 28 digits.
    pub fn mul(self, other: Self) -> Result<Self, NumberError> {
        self.0.checked_mul(other.0).map(Self).ok_or_else(|| self.too_long('*', other))
    }

    /// Divides. Digits beyond the 28th are rounded half to even; zeros at the end are dropped.
    ///
    /// # Errors
    /// When `other` is zero, or the whole part needs more than 28 digits.
    pub fn div(self, other: Self) -> Result<Self, NumberError> {
        if other.is_zero() {
            return Err(NumberError::ByZero(self.to_string()));
        }
        self.0.checked_div(other.0).map(|quotient| Self(quotient.normalize())).ok_or_else(|| self.too_long('/', other))
    }

    /// Adds all.
    ///
    /// # Errors
    /// When a sum needs more than 28 digits.
    pub fn sum(numbers: impl IntoIterator<Item = Self>) -> Result<Self, NumberError> {
        numbers.into_iter().try_fold(Self::ZERO, Self::add)
    }

    /// The same amount with the other sign.
    #[must_use]
    pub fn neg(self) -> Self {
        // `-0` would be written with its sign.
        if self.is_zero() { self } else { Self(-self.0) }
    }

    /// Without sign.
    #[must_use]
    pub fn abs(self) -> Self {
        Self(self.0.abs())
    }

    /// Whether it is zero.
    #[must_use]
    pub fn is_zero(self) -> bool {
        self.0.is_zero()
    }

    /// Whether it is below zero.
    #[must_use]
    pub fn is_negative(self) -> bool {
        self.0.is_sign_negative() && !self.0.is_zero()
    }

    /// At most `places` digits behind the point.
    #[must_use]
    pub fn round(self, places: u32, rounding: Rounding) -> Self {
        let strategy = match rounding {
            Rounding::HalfUp => RoundingStrategy::MidpointAwayFromZero,
            Rounding::HalfEven => RoundingStrategy::MidpointNearestEven,
            Rounding::Down => RoundingStrategy::ToZero,
            Rounding::Up => RoundingStrategy::AwayFromZero,
        };
        let rounded = self.0.round_dp_with_strategy(places, strategy);
        Self(if rounded.is_zero() { rounded.abs() } else { rounded })
    }

    /// Whether rounding to `places` changes the amount.
    #[must_use]
    pub fn needs_rounding(self, places: u32) -> bool {
        self.round(places, Rounding::Down) != self
    }

    /// Rounded, with exactly `places` digits behind the point: `12.9` → `12.90`.
    #[must_use]
    pub fn fixed(self, places: u32, rounding: Rounding) -> String {
        // Not by the library's `{:.2}`: it panics where digits and zeros together pass its buffer.
        let rounded = self.round(places, rounding).0;
        let mut text = rounded.to_string();
        if rounded.scale() == 0 && places > 0 {
            text.push('.');
        }
        let missing = usize::try_from(places.saturating_sub(rounded.scale())).unwrap_or_default();
        text.extend(std::iter::repeat_n('0', missing));
        text
    }

    /// Without zeros at the end: `12.900` → `12.9`.
    #[must_use]
    pub fn shortest(self) -> String {
        self.0.normalize().to_string()
    }

    /// As a decimal of the contract.
    #[must_use]
    pub fn to_decimal(self) -> Decimal {
        Decimal::trusted(self.to_string())
    }

    fn too_long(self, operation: char, other: Self) -> NumberError {
        NumberError::TooLong { left: self.to_string(), operation, right: other.to_string() }
    }
}

impl FromStr for Number {
    type Err = NumberError;
    fn from_str(text: &str) -> Result<Self, NumberError> {
        let bad = || NumberError::Text(text.chars().take(60).collect());
        // The library also takes `+1`, `1_000` and `.5`; the contract does not.
        let form = text.strip_prefix('-').unwrap_or(text);
        let digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
        if !form.split_once('.').map_or_else(|| digits(form), |(whole, part)| digits(whole) && digits(part)) {
            return Err(bad());
        }
        let number = rust_decimal::Decimal::from_str_exact(text).map_err(|_| bad())?;
        Ok(Self(if number.is_zero() { number.abs() } else { number }))
    }
}

impl From<i64> for Number {
    fn from(number: i64) -> Self {
        Self(number.into())
    }
}

impl fmt::Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn number(text: &str) -> Number {
        text.parse().unwrap()
    }

    #[test]
    fn rounding_modes_differ_at_ties_and_by_sign() {
        let all = |text: &str| {
            [Rounding::HalfUp, Rounding::HalfEven, Rounding::Down, Rounding::Up].map(|mode| number(text).fixed(2, mode))
        };
        assert_eq!(all("0.125"), ["0.13", "0.12", "0.12", "0.13"]);
        assert_eq!(all("0.135"), ["0.14", "0.14", "0.13", "0.14"]);
        assert_eq!(all("-0.125"), ["-0.13", "-0.12", "-0.12", "-0.13"]);
        assert_eq!(all("0.1201"), ["0.12", "0.12", "0.12", "0.13"]);
        assert_eq!(all("-0.004"), ["0.00", "0.00", "0.00", "-0.01"]);
    }

    #[test]
    fn errors_name_the_values() {
        let most = number(&"9".repeat(28));
        assert_eq!(most.mul(most).unwrap_err().to_string(), format!("{most} * {most} needs more than 28 digits"));
        assert!(most.add(number("0.001")).unwrap_err().to_string().contains("+ 0.001 needs more than 28 digits"));
        assert_eq!(number("5").div(Number::ZERO).unwrap_err().to_string(), "5 can't be divided by zero");
        for text in ["", "-", "+1", ".5", "5.", "1e3", "1_000", "NaN", "1,5", "٣"] {
            assert!(text.parse::<Number>().is_err(), "{text}");
        }
    }

    #[test]
    fn zero_has_no_sign() {
        assert_eq!(number("-0.00").to_string(), "0.00");
        assert_eq!(Number::ZERO.neg().to_string(), "0");
    }

    proptest! {
        #[test]
        fn no_digit_is_lost_on_the_way_through(text in "-?[1-9][0-9]{0,20}(\\.[0-9]{1,7})?") {
            prop_assert_eq!(number(&text).to_string(), text);
        }

        #[test]
        fn cents_add_like_integers(a in -10_i64.pow(17)..10_i64.pow(17), b in -10_i64.pow(17)..10_i64.pow(17)) {
            let cents = |value: i64| number(&format!("{}{}.{:02}", if value < 0 { "-" } else { "" }, value.abs() / 100, value.abs() % 100));
            prop_assert_eq!(cents(a).add(cents(b)).unwrap(), cents(a + b));
            prop_assert_eq!(cents(a).sub(cents(b)).unwrap(), cents(a - b));
        }

        #[test]
        fn rounding_stays_within_one_unit_and_keeps_order(text in "-?[0-9]{1,12}\\.[0-9]{1,10}", places in 0_u32..6) {
            let exact = number(&text);
            let down = exact.round(places, Rounding::Down);
            let up = exact.round(places, Rounding::Up);
            prop_assert!(down.abs() <= exact.abs() && exact.abs() <= up.abs());
            for mode in [Rounding::HalfUp, Rounding::HalfEven] {
                let near = exact.round(places, mode);
                prop_assert!(near == down || near == up);
                prop_assert_eq!(near.fixed(places, Rounding::HalfUp), exact.fixed(places, mode));
            }
        }

        #[test]
        fn nothing_panics(a in "\\PC{0,40}|-?[0-9]{1,28}(\\.[0-9]{1,28})?", b in "-?[0-9]{1,28}(\\.[0-9]{1,28})?", places in 0_u32..100) {
            if let (Ok(a), Ok(b)) = (a.parse::<Number>(), b.parse::<Number>()) {
                let _ = (a.add(b), a.sub(b), a.mul(b), a.div(b), a.fixed(places, Rounding::HalfUp), a.shortest());
            }
        }
    }
}
