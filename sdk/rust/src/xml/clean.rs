//! Takes out what XML 1.0 can't hold, and says so.

use std::borrow::Cow;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::place::BadText;
use crate::{Place, Report};

/// What becomes of characters that XML 1.0 can't hold.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Illegal {
    /// They are removed, and the order's timeline says so.
    #[default]
    Drop,
    /// Each becomes U+FFFD, the replacement character, and the order's timeline says so.
    Replace,
    /// The order is refused.
    Refuse,
}

/// Whether XML 1.0 can hold the character.
#[must_use]
pub fn holds(letter: char) -> bool {
    matches!(letter, '\t' | '\n' | '\r' | ' '..='\u{D7FF}' | '\u{E000}'..='\u{FFFD}' | '\u{10000}'..)
}

/// Removes, replaces or refuses what XML 1.0 can't hold. A clean text is not copied. Where a vertical tab or a form feed is
/// removed between two words, a space is left.
///
/// ```
/// # use orderdock_plugin::{Report, xml};
/// let mut report = Report::new();
/// let name = xml::clean("Müller\u{1} & Søn", xml::Illegal::Drop, "billing address company", &mut report)?;
/// assert_eq!(name, "Müller & Søn");
/// assert_eq!(
///     report.into_notes(),
///     ["removed 1 character that XML can't hold (U+0001) from billing address company"]
/// );
/// # Ok::<(), orderdock_plugin::BadText>(())
/// ```
///
/// # Errors
/// With [`Illegal::Refuse`], when there is such a character.
pub fn clean<'t, 'p>(
    text: &'t str,
    illegal: Illegal,
    place: impl Into<Place<'p>>,
    report: &mut Report,
) -> Result<Cow<'t, str>, BadText> {
    if is_clean(text) {
        return Ok(Cow::Borrowed(text));
    }
    let place = place.into();
    if illegal == Illegal::Drop
        && let Some(spaced) = without_breaks(text, place, report)
    {
        return Ok(Cow::Owned(clean(&spaced, illegal, place, report)?.into_owned()));
    }
    let bad: Vec<char> = text.chars().filter(|letter| !holds(*letter)).collect();
    let named = names(&bad);
    let characters = if bad.len() == 1 { "character" } else { "characters" };
    match illegal {
        Illegal::Refuse => Err(BadText::new(place, format!("holds {named}, which XML can't hold"))),
        Illegal::Drop => {
            report.at(format!("removed {} {characters} that XML can't hold ({named}) from", bad.len()), place);
            Ok(Cow::Owned(text.chars().filter(|letter| holds(*letter)).collect()))
        }
        Illegal::Replace => {
            report.at(format!("replaced {} {characters} that XML can't hold ({named}) in", bad.len()), place);
            Ok(Cow::Owned(text.chars().map(|letter| if holds(letter) { letter } else { '\u{FFFD}' }).collect()))
        }
    }
}

/// Vertical tabs and form feeds are line breaks of spreadsheets and old databases. Dropping one between two words would
/// join them (`Unit 5` + `Level 2`), so it becomes a space there.
fn without_breaks(text: &str, place: Place<'_>, report: &mut Report) -> Option<String> {
    const BREAKS: [char; 2] = ['\u{B}', '\u{C}'];
    let first = text.chars().find(|letter| BREAKS.contains(letter))?;
    let mut spaced = String::with_capacity(text.len());
    let (mut pending, mut joined) = (false, true);
    for letter in text.chars() {
        if BREAKS.contains(&letter) {
            pending = true;
            continue;
        }
        if pending && !letter.is_whitespace() && !spaced.ends_with(char::is_whitespace) && !spaced.is_empty() {
            spaced.push(' ');
            joined = false;
        }
        pending = false;
        spaced.push(letter);
    }
    let what = if joined { "removed" } else { "wrote a space for" };
    report.at(format!("{what} U+{:04X}, which XML can't hold, in", u32::from(first)), place);
    Some(spaced)
}

/// Byte by byte: the forbidden ones are below U+0020, or U+FFFE and U+FFFF (`EF BF BE`, `EF BF BF`).
pub(crate) fn is_clean(text: &str) -> bool {
    let bytes = text.as_bytes();
    let suspicious = |byte: &u8| (*byte < 0x20 && !matches!(*byte, b'\t' | b'\n' | b'\r')) || *byte == 0xEF;
    !bytes.iter().any(suspicious) || text.chars().all(holds)
}

/// `U+000B, U+FFFE and 3 others`: each kind once, at most three.
pub(crate) fn names(bad: &[char]) -> String {
    let mut kinds: Vec<char> = Vec::new();
    for letter in bad {
        if !kinds.contains(letter) {
            kinds.push(*letter);
        }
    }
    let shown: Vec<String> = kinds.iter().take(3).map(|letter| format!("U+{:04X}", u32::from(*letter))).collect();
    match kinds.len().saturating_sub(3) {
        0 => shown.join(", "),
        1 => format!("{} and 1 other", shown.join(", ")),
        more => format!("{} and {more} others", shown.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn cleaned(text: &str, illegal: Illegal) -> (Result<String, String>, Vec<String>) {
        let mut report = Report::new();
        let text = clean(text, illegal, Place::line(2, "description"), &mut report);
        (text.map(Cow::into_owned).map_err(|error| error.to_string()), report.into_notes())
    }

    #[test]
    fn each_policy() {
        let text = "a\u{1}b\u{0}\u{FFFE}é🎁";
        assert_eq!(cleaned(text, Illegal::Drop).0.unwrap(), "abé🎁");
        assert_eq!(cleaned(text, Illegal::Replace).0.unwrap(), "a\u{FFFD}b\u{FFFD}\u{FFFD}é🎁");
        assert_eq!(
            cleaned(text, Illegal::Drop).1,
            ["removed 3 characters that XML can't hold (U+0001, U+0000, U+FFFE) from line 3 description"]
        );
        assert_eq!(
            cleaned(text, Illegal::Refuse).0.unwrap_err(),
            "line 3 description holds U+0001, U+0000, U+FFFE, which XML can't hold: correct it in the shop"
        );
        assert_eq!(cleaned("tab\tline\r\n\u{85}\u{FEFF}", Illegal::Refuse).0.unwrap(), "tab\tline\r\n\u{85}\u{FEFF}");
    }

    proptest! {
        #[test]
        fn the_result_is_clean_and_keeps_the_rest(text in any::<String>()) {
            let (dropped, notes) = cleaned(&text, Illegal::Drop);
            let dropped = dropped.unwrap();
            prop_assert!(dropped.chars().all(holds));
            prop_assert_eq!(notes.is_empty(), dropped == text);
            prop_assert_eq!(cleaned(&text, Illegal::Replace).0.unwrap().chars().count(), text.chars().count());
            prop_assert_eq!(cleaned(&text, Illegal::Refuse).0.is_ok(), dropped == text);
        }

        /// The fast look at bytes and the rule on characters are the same.
        #[test]
        fn the_fast_look_is_right(text in "[\u{0}-\u{20}\u{FFF0}-\u{FFFF}a\u{10FFFF}]{0,6}") {
            prop_assert_eq!(is_clean(&text), text.chars().all(holds));
        }
    }

    fn spaced(text: &str) -> (Option<String>, Vec<String>) {
        let mut report = Report::new();
        let text = without_breaks(text, Place::from("street"), &mut report);
        (text, report.into_notes())
    }

    #[test]
    fn a_break_between_words_is_a_space_and_elsewhere_nothing() {
        for (text, expected) in [
            ("Unit 5\u{B}Level 2", "Unit 5 Level 2"),
            ("a\u{B}\u{C}\u{B}b", "a b"),
            ("a \u{B}b\u{B} c", "a b c"),
            ("\u{B}a\u{C}", "a"),
            ("\u{B}", ""),
        ] {
            assert_eq!(spaced(text).0.as_deref(), Some(expected), "{text:?}");
        }
        assert_eq!(spaced("a b"), (None, Vec::new()));
        assert_eq!(spaced("a\u{B}b").1, ["wrote a space for U+000B, which XML can't hold, in street"]);
        assert_eq!(spaced("\u{C}a").1, ["removed U+000C, which XML can't hold, in street"]);
    }
}
