//! Fields of fixed width, counted in characters, and what becomes of texts that are too long.

use std::borrow::Cow;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::place::BadText;
use crate::{Place, Report};

/// What becomes of a text that is too long.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum TooLong {
    /// It is cut, and the order's timeline says so.
    #[default]
    Cut,
    /// The order is refused.
    Refuse,
}

/// On which side the text stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Align {
    /// Text, then filling.
    #[default]
    Left,
    /// Filling, then text; usual for numbers.
    Right,
}

/// At most `width` characters.
///
/// Characters are Unicode scalar values: a field of a character set with one byte per letter has as many bytes. A cut
/// leaves no joiner and no white space at the end.
///
/// # Errors
/// With [`TooLong::Refuse`], when the text is longer.
pub fn limit<'t, 'p>(
    text: &'t str,
    width: usize,
    too_long: TooLong,
    place: impl Into<Place<'p>>,
    report: &mut Report,
) -> Result<Cow<'t, str>, BadText> {
    if text.len() <= width {
        return Ok(Cow::Borrowed(text));
    }
    let Some((end, _)) = text.char_indices().nth(width) else { return Ok(Cow::Borrowed(text)) };
    let place = place.into();
    let length = text.chars().count();
    if too_long == TooLong::Refuse {
        return Err(BadText::new(place, format!("has {length} characters, {width} are possible")));
    }
    report.at(format!("cut from {length} to {width} characters:"), place);
    let kept = text.get(..end).unwrap_or(text);
    Ok(Cow::Borrowed(kept.trim_end_matches(|letter: char| letter == '\u{200D}' || letter.is_whitespace())))
}

/// Exactly `width` characters, filled up with `fill`.
///
/// # Errors
/// With [`TooLong::Refuse`], when the text is longer.
pub fn field<'p>(
    text: &str,
    width: usize,
    align: Align,
    fill: char,
    too_long: TooLong,
    place: impl Into<Place<'p>>,
    report: &mut Report,
) -> Result<String, BadText> {
    let text = limit(text, width, too_long, place, report)?;
    let filling = std::iter::repeat_n(fill, width.saturating_sub(text.chars().count()));
    Ok(match align {
        Align::Left => text.chars().chain(filling).collect(),
        Align::Right => filling.chain(text.chars()).collect(),
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn cuts_are_told() {
        let mut report = Report::new();
        let long = "x".repeat(60);
        let place = Place::new(crate::Part::DeliveryAddress(0), "company");
        assert_eq!(limit(&long, 30, TooLong::Cut, place, &mut report).unwrap().len(), 30);
        assert_eq!(report.into_notes(), ["cut from 60 to 30 characters: delivery address company"]);
        let refused = limit(&long, 30, TooLong::Refuse, place, &mut Report::new()).unwrap_err();
        assert_eq!(
            refused.to_string(),
            "delivery address company has 60 characters, 30 are possible: correct it in the shop"
        );
    }

    #[test]
    fn characters_count_not_bytes() {
        let mut report = Report::new();
        assert_eq!(limit("Müller", 6, TooLong::Refuse, "name", &mut report).unwrap(), "Müller");
        assert_eq!(field("Mü", 4, Align::Right, '0', TooLong::Cut, "name", &mut report).unwrap(), "00Mü");
        assert!(report.is_empty());
        assert_eq!(limit("ab cd", 3, TooLong::Cut, "name", &mut report).unwrap(), "ab");
    }

    proptest! {
        #[test]
        fn a_field_has_its_width(text in "\\PC{0,20}", width in 0_usize..25, right in any::<bool>()) {
            let align = if right { Align::Right } else { Align::Left };
            let mut report = Report::new();
            let field = field(&text, width, align, ' ', TooLong::Cut, "name", &mut report).unwrap();
            prop_assert_eq!(field.chars().count(), width);
            prop_assert_eq!(report.is_empty(), text.chars().count() <= width);
        }
    }
}
