//! Makes every value of an order harmless, fitting and short enough before it is written.
//!
//! A text may be changed, and the timeline says so. A code (product, customer, order number) may not: another code is
//! another product. It is good as it is, or it refuses the order.

use std::borrow::Cow;

use orderdock_plugin::charset::{self, Missing};
use orderdock_plugin::kfi::{self, Form, Unsafe};
use orderdock_plugin::xml::{self, Illegal};
use orderdock_plugin::{BadText, Decimal, Number, Place, Rejection, Report, fixed_width};

use crate::settings::{Settings, TooLong, XmlUnsafe};

/// Makes values and collects what was changed in them.
pub struct Texts<'s> {
    settings: &'s Settings,
    /// What was changed.
    pub report: Report,
}

impl<'s> Texts<'s> {
    /// Nothing changed yet.
    #[must_use]
    pub fn new(settings: &'s Settings) -> Self {
        Self { settings, report: Report::new() }
    }

    /// A text that people wrote, for this field.
    ///
    /// # Errors
    /// When the settings say that it refuses the order.
    pub fn text(&mut self, field: &str, place: Place<'_>, text: &str) -> Result<String, Rejection> {
        self.joined(field, &[(place, text)])
    }

    /// Several texts with a space between, for this field; empty ones are left out.
    ///
    /// # Errors
    /// As [`Texts::text`].
    pub fn joined(&mut self, field: &str, parts: &[(Place<'_>, &str)]) -> Result<String, Rejection> {
        let mut all = String::new();
        let mut last = None;
        for (place, text) in parts {
            let part = self.harmless(text, *place)?;
            let part = part.trim();
            if !part.is_empty() {
                if !all.is_empty() {
                    all.push(' ');
                }
                all.push_str(part);
                last = Some(*place);
            }
        }
        let (Some(width), Some(place)) = (self.width(field), last) else { return Ok(all) };
        let too_long = match self.settings.too_long {
            TooLong::Hold => fixed_width::TooLong::Refuse,
            TooLong::Cut => fixed_width::TooLong::Cut,
        };
        Ok(fixed_width::limit(&all, width, too_long, place, &mut self.report)?.into_owned())
    }

    /// A code from the order, for this field.
    ///
    /// # Errors
    /// When it would have to be changed, or is too long.
    pub fn code(&mut self, field: &str, place: Place<'_>, code: &str) -> Result<String, Rejection> {
        let code = code.trim();
        let none = &mut Report::new();
        xml::clean(code, Illegal::Refuse, place, none)?;
        charset::fit(code, self.settings.encoding, Missing::Refuse, place, none)?;
        if self.escapes() {
            if code.contains(presses) {
                return Err(BadText::new(place, "holds a control character".to_owned()).into());
            }
        } else {
            kfi::safe(&unmasked(code), self.settings.form(), Unsafe::Refuse, place, none)?;
        }
        self.fitting(field, place, code)?;
        Ok(code.to_owned())
    }

    /// A code from a look-up table or the settings, for this field. `place` is what staff look at.
    ///
    /// # Errors
    /// When it can't be written as it is; the administrator corrects it.
    pub fn known_code(&mut self, field: &str, place: &str, code: &str) -> Result<String, Rejection> {
        let too_long = || {
            let length = code.chars().count();
            let width = self.width(field).filter(|width| length > *width)?;
            Some(format!("has {length} characters, {width} are possible"))
        };
        match self.settings.problem(code).or_else(too_long) {
            Some(problem) => Err(Rejection::settings(format!("{place} {problem}: correct it"))),
            None => Ok(code.trim().to_owned()),
        }
    }

    /// An amount or a quantity, digit by digit as the shop wrote it, without a thousands separator.
    ///
    /// # Errors
    /// When it can't be computed with, or is too long.
    pub fn number(&mut self, field: &str, place: Place<'_>, decimal: &Decimal) -> Result<String, Rejection> {
        self.computed(field, place, number(place, decimal)?)
    }

    /// A number that was computed.
    ///
    /// # Errors
    /// When it is too long: a number is never cut.
    pub fn computed(&mut self, field: &str, place: Place<'_>, number: Number) -> Result<String, Rejection> {
        let text = number.to_string();
        self.fitting(field, place, &text)?;
        Ok(text)
    }

    fn fitting(&mut self, field: &str, place: Place<'_>, text: &str) -> Result<(), Rejection> {
        if let Some(width) = self.width(field) {
            fixed_width::limit(text, width, fixed_width::TooLong::Refuse, place, &mut Report::new())?;
        }
        Ok(())
    }

    fn width(&self, field: &str) -> Option<usize> {
        self.settings.width.get(field).map(|width| usize::from(*width))
    }

    /// Whether `<` and `>` may stay, because XML escapes them.
    fn escapes(&self) -> bool {
        self.settings.form() == Form::Xml && self.settings.xml_unsafe == XmlUnsafe::Escape
    }

    /// Characters first, then letters, then keys: what replaces a letter (`“` → `"`) must pass the last check too.
    fn harmless<'t>(&mut self, text: &'t str, place: Place<'_>) -> Result<Cow<'t, str>, Rejection> {
        let settings = self.settings;
        let clean = xml::clean(text, settings.illegal_characters, place, &mut self.report)?;
        let fitted = charset::fit(&clean, settings.encoding, settings.missing_letters, place, &mut self.report)?;
        // One line end, one space.
        let fitted = fitted.replace("\r\n", "\n");
        let policy = match (settings.form(), settings.xml_unsafe) {
            (Form::Positional, _) => settings.positional_unsafe,
            (Form::Xml, XmlUnsafe::Refuse) => Unsafe::Refuse,
            (Form::Xml, XmlUnsafe::Replace) => Unsafe::Replace,
            (Form::Xml, XmlUnsafe::Escape) => {
                if fitted.contains(presses) {
                    self.report.at("wrote a space for a line break or control character in", place);
                    return Ok(Cow::Owned(fitted.replace(presses, " ")));
                }
                return Ok(Cow::Owned(fitted));
            }
        };
        let unmasked = unmasked(&fitted);
        Ok(Cow::Owned(kfi::safe(&unmasked, settings.form(), policy, place, &mut self.report)?.into_owned()))
    }
}

/// What a screen may take for the Enter key or another key, even inside XML text.
fn presses(letter: char) -> bool {
    letter.is_control() || matches!(letter, '\u{2028}' | '\u{2029}')
}

/// Turns letters that Windows makes `<`, `>`, `,` or `"` of, when it squeezes Unicode into Windows-1252 (Unicode's table
/// bestfit1252.txt), into those, so that they are taken for what they may become: `＜F9＞` is a key too.
#[must_use]
pub fn unmasked(text: &str) -> Cow<'_, str> {
    let plain = |letter: char| match letter {
        '\u{FF1C}' | '\u{2329}' | '\u{3008}' => Some('<'),
        '\u{FF1E}' | '\u{232A}' | '\u{3009}' => Some('>'),
        '\u{FF0C}' => Some(','),
        '\u{FF02}' | '\u{2BA}' | '\u{30E}' => Some('"'),
        _ => None,
    };
    if text.is_ascii() || !text.chars().any(|letter| plain(letter).is_some()) {
        return Cow::Borrowed(text);
    }
    Cow::Owned(text.chars().map(|letter| plain(letter).unwrap_or(letter)).collect())
}

/// The decimal as a number to compute with.
///
/// # Errors
/// When it has too many digits; the rejection names the field.
pub fn number(place: Place<'_>, decimal: &Decimal) -> Result<Number, Rejection> {
    Number::of(decimal).map_err(|error| refused(place, &error.to_string()))
}

/// A rejection of class data for a field of the order.
#[must_use]
pub fn refused(place: Place<'_>, problem: &str) -> Rejection {
    let rejection = Rejection::data(format!("{place}: {problem}"));
    match place.path() {
        Some(path) => rejection.field(path),
        None => rejection,
    }
}
