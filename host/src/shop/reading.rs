//! Reading one order's fields with *all* problems collected, each with its field path in the shop's own words.

use orderdock_order::decimal::MAX_DIGITS;
use serde_json::value::RawValue;

use super::json::{self, Fields, Kind};
use crate::domain::{Decimal, Instant, Pair, clock::Millis, problem::Problem};

/// More problems of one order are counted, not listed.
const MOST_PROBLEMS: usize = 50;
/// Numbers at least this large are milliseconds since 1970, not seconds.
const MILLISECONDS_FROM: i64 = 100_000_000_000;

/// Collects problems.
#[derive(Debug, Default)]
pub(super) struct Problems {
    list: Vec<Problem>,
    more: usize,
}

impl Problems {
    /// Adds one.
    pub fn add(&mut self, place: impl Into<String>, message: impl Into<String>) {
        if self.list.len() < MOST_PROBLEMS {
            self.list.push(Problem::new(place, message));
        } else {
            self.more += 1;
        }
    }

    /// The result, if nothing was wrong; else all problems.
    pub fn finish<T>(mut self, value: T) -> Result<T, Vec<Problem>> {
        if self.more > 0 {
            self.list.push(Problem::new("", format!("and {} more problems", self.more)));
        }
        if self.list.is_empty() { Ok(value) } else { Err(self.list) }
    }
}

/// One JSON object with the place where it lies.
#[derive(Debug)]
pub(super) struct Object<'a> {
    fields: Fields<'a>,
    place: String,
}

impl<'a> Object<'a> {
    /// Reads an object.
    pub fn read(raw: &'a RawValue, place: impl Into<String>) -> Option<Self> {
        Some(Self { fields: Fields::of(raw)?, place: place.into() })
    }

    /// A field's place, for a problem.
    pub fn place(&self, path: &str) -> String {
        if self.place.is_empty() { path.to_owned() } else { format!("{}.{path}", self.place) }
    }

    /// The value by dot path; none where absent, null, or where no path is configured.
    pub fn at(&self, path: &str) -> Option<&'a RawValue> {
        if path.is_empty() { None } else { self.fields.at(path).filter(|raw| json::kind(raw) != Kind::Null) }
    }

    /// A text; empty where absent.
    pub fn text(&self, path: &str) -> String {
        self.at(path).map(json::text).unwrap_or_default()
    }

    /// A text; none where absent or empty.
    pub fn some_text(&self, path: &str) -> Option<String> {
        self.at(path).map(json::text).filter(|text| !text.is_empty())
    }

    /// A text that must be there.
    pub fn need_text(&self, path: &str, problems: &mut Problems) -> String {
        let text = self.text(path);
        if text.is_empty() {
            problems.add(self.place(path), "is missing or empty");
        }
        text
    }

    /// Whether a field says yes: `true`, `1`, `yes`.
    pub fn yes(&self, path: &str) -> bool {
        matches!(self.text(path).as_str(), "true" | "1" | "yes")
    }

    /// An exact decimal; none where absent or empty.
    pub fn decimal(&self, path: &str, problems: &mut Problems) -> Option<Decimal> {
        let raw = self.at(path)?;
        let kind = json::kind(raw);
        if !matches!(kind, Kind::Text | Kind::Number) {
            problems.add(self.place(path), format!("is {}, expected a decimal number", kind.name()));
            return None;
        }
        let text = json::text(raw);
        let text = text.trim();
        if text.is_empty() {
            return None;
        }
        let plain = if kind == Kind::Number { without_exponent(text) } else { None };
        match Decimal::new(plain.as_deref().unwrap_or(text)) {
            Ok(decimal) => Some(decimal),
            Err(error) => {
                problems.add(self.place(path), error.to_string());
                None
            }
        }
    }

    /// An exact decimal that must be there.
    pub fn need_decimal(&self, path: &str, problems: &mut Problems) -> Decimal {
        if self.some_text(path).is_none_or(|text| text.trim().is_empty()) {
            problems.add(self.place(path), "is missing, expected a decimal number");
            return Decimal::default();
        }
        self.decimal(path, problems).unwrap_or_default()
    }

    /// A moment: seconds or milliseconds since 1970, or RFC 3339, or (UTC is meant) the same without a zone.
    pub fn instant(&self, path: &str, problems: &mut Problems) -> Option<(Instant, Millis)> {
        let raw = self.at(path)?;
        let text = json::text(raw);
        // Shops that keep moments as numbers say "never" with 0.
        if matches!(text.trim(), "" | "0") {
            return None;
        }
        let found = moment(text.trim());
        if found.is_none() {
            let start: String = text.chars().take(60).collect();
            problems.add(
                self.place(path),
                format!("`{start}` is not a moment: expected seconds since 1970 or `2026-11-22T01:19:18Z`"),
            );
        }
        found
    }

    /// A moment that must be there.
    pub fn need_instant(&self, path: &str, problems: &mut Problems) -> Instant {
        if matches!(self.text(path).trim(), "" | "0") {
            problems.add(self.place(path), "is missing, expected a moment");
        }
        // Where nothing was found there is a problem, and the order is never handed on.
        self.instant(path, problems).map_or_else(|| Instant::trusted(String::new()), |(instant, _)| instant)
    }

    /// An inner object; none where absent.
    pub fn object(&self, path: &str, problems: &mut Problems) -> Option<Object<'a>> {
        let raw = self.at(path)?;
        let inner = Object::read(raw, self.place(path));
        // PHP serves an empty object as an empty list.
        if inner.is_none() && json::items(raw).is_none_or(|items| !items.is_empty()) && !json::text(raw).is_empty() {
            problems.add(self.place(path), format!("is {}, expected an object", json::kind(raw).name()));
        }
        inner
    }

    /// A list of objects; empty where absent.
    pub fn objects(&self, path: &str, problems: &mut Problems) -> Vec<Object<'a>> {
        let Some(raw) = self.at(path) else { return Vec::new() };
        let Some(items) = json::items(raw) else {
            problems.add(self.place(path), format!("is {}, expected a list", json::kind(raw).name()));
            return Vec::new();
        };
        let mut found = Vec::with_capacity(items.len());
        for (index, item) in items.into_iter().enumerate() {
            let place = format!("{}[{index}]", self.place(path));
            match Object::read(item, place.clone()) {
                Some(object) => found.push(object),
                None => problems.add(place, format!("is {}, expected an object", json::kind(item).name())),
            }
        }
        found
    }

    /// A currency code in the form of ISO 4217.
    pub fn need_currency(&self, path: &str, problems: &mut Problems) -> String {
        let code = self.need_text(path, problems).trim().to_uppercase();
        let is_code = code.len() == 3 && code.bytes().all(|byte| byte.is_ascii_uppercase());
        if !(code.is_empty() || is_code) {
            let start: String = code.chars().take(20).collect();
            problems
                .add(self.place(path), format!("`{start}` is not a currency code: expected three letters as in `EUR`"));
        }
        code
    }
}

/// A country code, or, where the shop gives a name, nothing and the name apart.
pub(super) fn country(text: String) -> (String, Option<Pair>) {
    let trimmed = text.trim();
    if trimmed.len() == 2 && trimmed.bytes().all(|byte| byte.is_ascii_alphabetic()) {
        (trimmed.to_ascii_uppercase(), None)
    } else if trimmed.is_empty() {
        (String::new(), None)
    } else {
        (String::new(), Some(("country_name".to_owned(), text)))
    }
}

/// Reads a moment from a number or a text.
pub(super) fn moment(text: &str) -> Option<(Instant, Millis)> {
    let is_number = text.strip_prefix('-').unwrap_or(text).bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    let stamp = if is_number {
        let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
        let whole: i64 = whole.parse().ok()?;
        if whole.checked_abs()? >= MILLISECONDS_FROM {
            jiff::Timestamp::from_millisecond(whole).ok()?
        } else {
            let millis: String = fraction.chars().chain("000".chars()).take(3).collect();
            jiff::Timestamp::from_millisecond(whole.checked_mul(1000)?.checked_add(millis.parse().ok()?)?).ok()?
        }
    } else {
        text.parse().or_else(|_| format!("{text}Z").parse::<jiff::Timestamp>()).ok()?
    };
    let instant = Instant::new(stamp.to_string()).ok()?;
    Some((instant, stamp.as_millisecond()))
}

/// Writes a JSON number out without its exponent, exactly; none where it has none or is absurd.
fn without_exponent(number: &str) -> Option<String> {
    let (mantissa, exponent) = number.split_once(['e', 'E'])?;
    let exponent: i32 = exponent.parse().ok()?;
    if exponent.unsigned_abs() > 2 * u32::try_from(MAX_DIGITS).ok()? {
        return None;
    }
    let (sign, digits) = mantissa.strip_prefix('-').map_or(("", mantissa), |rest| ("-", rest));
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let point = i32::try_from(whole.len()).ok()?.checked_add(exponent)?;
    let all = format!("{whole}{fraction}");
    let length = i32::try_from(all.len()).ok()?;
    let zeros = |count: i32| "0".repeat(usize::try_from(count).unwrap_or(0));
    Some(if point <= 0 {
        format!("{sign}0.{}{all}", zeros(-point))
    } else if point >= length {
        let whole = format!("{all}{}", zeros(point - length));
        let trimmed = whole.trim_start_matches('0');
        format!("{sign}{}", if trimmed.is_empty() { "0" } else { trimmed })
    } else {
        let (whole, fraction) = all.split_at_checked(usize::try_from(point).ok()?)?;
        format!("{sign}{whole}.{fraction}")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exponents_are_written_out_exactly() {
        for (from, to) in [
            ("1e3", "1000"),
            ("1.25E2", "125"),
            ("1.25e1", "12.5"),
            ("-1.5e-3", "-0.0015"),
            ("0e5", "0"),
            ("1.0e+1", "10"),
        ] {
            assert_eq!(without_exponent(from).as_deref(), Some(to), "{from}");
        }
        assert_eq!(without_exponent("12.99"), None);
        assert_eq!(without_exponent("1e999999999"), None);
    }

    #[test]
    fn moments_come_in_four_forms() {
        for text in ["1795310358", "1795310358000", "2026-11-22T01:19:18", "2026-11-22T02:19:18+01:00"] {
            let (instant, millis) = moment(text).unwrap();
            assert_eq!((instant.as_str(), millis), ("2026-11-22T01:19:18Z", 1_795_310_358_000), "{text}");
        }
        assert_eq!(moment("1795310358.25").unwrap().1, 1_795_310_358_250);
        for bad in
            ["", "yesterday", "0000-00-00 00:00:00", "99999999999999999999", "1.2.3", "-", "--", "2026-02-30T00:00:00"]
        {
            assert!(moment(bad).is_none(), "{bad}");
        }
    }

    #[test]
    fn all_problems_are_told_with_their_places() {
        let raw =
            json::whole(br#"{"a":"x","b":123456789012345678901234567890,"c":"EURO","d":[1],"e":"soon"}"#).unwrap();
        let object = Object::read(&raw, "order").unwrap();
        let mut problems = Problems::default();
        object.need_decimal("a", &mut problems);
        object.need_decimal("b", &mut problems);
        object.need_currency("c", &mut problems);
        object.objects("d", &mut problems);
        object.instant("e", &mut problems);
        object.need_text("f", &mut problems);
        let places: Vec<_> = problems.finish(()).unwrap_err().into_iter().map(|problem| problem.place).collect();
        assert_eq!(places, ["order.a", "order.b", "order.c", "order.d[0]", "order.e", "order.f"]);
    }

    proptest::proptest! {
        #[test]
        fn no_text_makes_the_readers_stop(text in ".*", bytes in proptest::collection::vec(proptest::num::u8::ANY, 0..200)) {
            moment(&text);
            without_exponent(&text);
            country(text.clone());
            if let Ok(raw) = json::whole(&bytes) {
                json::text(&raw);
                json::items(&raw);
            }
            let raw = json::whole(serde_json::json!({ "a": [text.clone()], text.clone(): 1 }).to_string().as_bytes()).unwrap();
            let object = Object::read(&raw, "").unwrap();
            let mut problems = Problems::default();
            for path in ["a", "a.0", text.as_str()] {
                object.decimal(path, &mut problems);
                object.instant(path, &mut problems);
                object.objects(path, &mut problems);
            }
            proptest::prop_assert_eq!(object.text("a.0"), text);
        }

        #[test]
        fn an_exponent_never_changes_the_value(whole in 0_u32..1000, fraction in 0_u32..1000, exponent in -6_i32..6) {
            let number = format!("{whole}.{fraction:03}e{exponent}");
            let plain = without_exponent(&number).unwrap();
            let (told, meant) = (plain.parse::<f64>().unwrap(), number.parse::<f64>().unwrap());
            proptest::prop_assert!((told - meant).abs() <= meant.abs() * 1e-12, "{} {}", plain, number);
            proptest::prop_assert!(Decimal::new(plain).is_ok());
        }
    }
}
