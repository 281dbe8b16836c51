//! Makes every text of the order fit for XML and for the file's encoding, and reports what was changed where.

use std::borrow::Cow;

use orderdock_plugin::charset::{self, Charset};
use orderdock_plugin::place::{self, BadText};
use orderdock_plugin::xml::{self, Illegal};
use orderdock_plugin::{Order, Part, Place, Rejection, Report};

use crate::Settings;

/// Cleans all texts by the settings.
///
/// # Errors
/// A rejection of class data that names the field, where a policy says refuse.
pub fn fit_all(order: &mut Order, settings: &Settings, report: &mut Report) -> Result<(), Rejection> {
    let charset = settings.encoding.charset();
    place::each_text(order, |place, text| {
        if let Some(changed) = fit(text, charset, settings, place, report)? {
            *text = changed;
        }
        Ok::<(), BadText>(())
    })?;
    // Their names are data too; the visit above shows the values only.
    for (index, (name, _)) in order.custom_fields.iter_mut().enumerate() {
        let place = Place::new(Part::CustomField(index), "name");
        if let Some(changed) = fit(name, charset, settings, place, report)? {
            *name = changed;
        }
    }
    Ok(())
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

/// The text in its new form; none where nothing had to change.
fn fit(
    text: &str,
    charset: Charset,
    settings: &Settings,
    place: Place<'_>,
    report: &mut Report,
) -> Result<Option<String>, BadText> {
    let spaced = match settings.illegal_characters {
        Illegal::Drop => without_breaks(text, place, report),
        Illegal::Replace | Illegal::Refuse => None,
    };
    let cleaned = match spaced {
        Some(spaced) => Cow::Owned(xml::clean(&spaced, settings.illegal_characters, place, report)?.into_owned()),
        None => xml::clean(text, settings.illegal_characters, place, report)?,
    };
    let fitted = match settings.missing_letters.before_writing() {
        Some(missing) => match charset::fit(&cleaned, charset, missing, place, report)? {
            Cow::Owned(fitted) => Some(fitted),
            Cow::Borrowed(_) => None,
        },
        None => None,
    };
    Ok(match (fitted, cleaned) {
        (Some(fitted), _) => Some(fitted),
        (None, Cow::Owned(cleaned)) => Some(cleaned),
        (None, Cow::Borrowed(_)) => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

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
