//! Keystroke File Import of Attaché: writing primitives, and texts that can't press keys.
//!
//! A KFI file feeds a task screen as if an operator typed. In the positional formats fields are separated by commas and
//! keys are `<…>` tokens in the same stream (vendor help "Attaché: import data into Attaché with variable position
//! keystroke file import"; forms seen in published connectors). A general rule for quoting is not published, so a value
//! with a character that could steer the keyboard is replaced or refused, never quoted.

use std::borrow::Cow;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::place::BadText;
use crate::{Place, Report};

/// Where a text will stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// Standard or variable position: `,` `"` `<` `>` and control characters are unsafe.
    Positional,
    /// XML KFI: escaping protects the markup, but `&lt;F9&gt;` may still be read as a key after it (published
    /// connectors know `<BKSP>` as escaped text), so `<`, `>` and control characters are unsafe.
    Xml,
}

/// What becomes of unsafe characters.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Unsafe {
    /// The order is refused.
    #[default]
    Refuse,
    /// A comma becomes `;`, a quote `'`, `<` and `>` become `(` and `)`, line breaks and control characters a space; the
    /// order's timeline says so.
    Replace,
}

/// What to write instead of a character; none if it is safe.
fn instead(letter: char, form: Form) -> Option<char> {
    match letter {
        ',' if form == Form::Positional => Some(';'),
        '"' if form == Form::Positional => Some('\''),
        '<' => Some('('),
        '>' => Some(')'),
        // Line and paragraph separator: some readers end a line there.
        letter if letter.is_control() || matches!(letter, '\u{2028}' | '\u{2029}') => Some(' '),
        _ => None,
    }
}

/// Makes a text that can't press keys or begin a new field. A safe text is not copied.
///
/// # Errors
/// With [`Unsafe::Refuse`], when there is an unsafe character.
pub fn safe<'t, 'p>(
    text: &'t str,
    form: Form,
    policy: Unsafe,
    place: impl Into<Place<'p>>,
    report: &mut Report,
) -> Result<Cow<'t, str>, BadText> {
    let Some(first) = text.chars().find(|letter| instead(*letter, form).is_some()) else {
        return Ok(Cow::Borrowed(text));
    };
    let place = place.into();
    if policy == Unsafe::Refuse {
        let problem = format!("holds {}, which could steer Attaché's keyboard", name(first));
        return Err(BadText::new(place, problem));
    }
    let mut kinds: Vec<char> = Vec::new();
    for letter in text.chars() {
        if let Some(other) = instead(letter, form)
            && !kinds.contains(&letter)
        {
            kinds.push(letter);
            let other = if other == ' ' { "a space".to_owned() } else { format!("`{other}`") };
            report.at(format!("wrote {other} for {}, which could steer Attaché's keyboard, in", name(letter)), place);
        }
    }
    Ok(Cow::Owned(text.chars().map(|letter| instead(letter, form).unwrap_or(letter)).collect()))
}

fn name(letter: char) -> String {
    match letter {
        '\r' | '\n' => "a line break".to_owned(),
        ',' | '"' | '<' | '>' => format!("`{letter}`"),
        _ => format!("U+{:04X}", u32::from(letter)),
    }
}

/// A key or tag is not of the form `<letters, digits, _, =, .>`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a key or tag: expected for example `F9`, `HEADROW` or `Object_ID=107`")]
pub struct TokenError(String);

/// A field holds an unsafe character: pass it through [`safe`] before.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the field `{0}` holds a character that could steer Attaché's keyboard: make it safe before it is written")]
pub struct FieldError(String);

/// Writes the positional formats: fields, runs of commas, `<…>` tokens, lines.
///
/// ```
/// # use orderdock_plugin::kfi::KfiWriter;
/// let mut kfi = KfiWriter::new("\r\n");
/// kfi.token("KFI_version=1.0")?;
/// kfi.token("Object_ID=107")?;
/// kfi.end_line();
/// kfi.field("ACME01")?;
/// kfi.skip(2);
/// kfi.field("12.90")?;
/// kfi.token("F9")?;
/// kfi.end_line();
/// assert_eq!(kfi.finish(), "<KFI_version=1.0><Object_ID=107>\r\nACME01,,,12.90,<F9>\r\n");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct KfiWriter {
    line_end: &'static str,
    out: String,
}

impl KfiWriter {
    /// An empty file.
    #[must_use]
    pub fn new(line_end: &'static str) -> Self {
        Self { line_end, out: String::new() }
    }

    /// A key or tag, written as `<token>`.
    ///
    /// # Errors
    /// When it holds anything but letters, digits, `_`, `=` and `.`: a token never comes from an order.
    pub fn token(&mut self, token: &str) -> Result<(), TokenError> {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'=' | b'.');
        if token.is_empty() || !token.bytes().all(plain) {
            return Err(TokenError(token.chars().take(60).collect()));
        }
        self.out.push('<');
        self.out.push_str(token);
        self.out.push('>');
        Ok(())
    }

    /// A field and the comma after it. The comma after the last field matters to Attaché too.
    ///
    /// # Errors
    /// When it holds an unsafe character: pass it through [`safe`] before.
    pub fn field(&mut self, text: &str) -> Result<(), FieldError> {
        if text.chars().any(|letter| instead(letter, Form::Positional).is_some()) {
            return Err(FieldError(text.chars().take(60).collect()));
        }
        self.out.push_str(text);
        self.out.push(',');
        Ok(())
    }

    /// Skips fields: a run of commas.
    pub fn skip(&mut self, fields: usize) {
        self.out.extend(std::iter::repeat_n(',', fields));
    }

    /// Ends the line.
    pub fn end_line(&mut self) {
        self.out.push_str(self.line_end);
    }

    /// The file.
    #[must_use]
    pub fn finish(self) -> String {
        self.out
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn made_safe(text: &str, form: Form, policy: Unsafe) -> (Result<String, String>, Vec<String>) {
        let mut report = Report::new();
        let text = safe(text, form, policy, "buyer note", &mut report);
        (text.map(Cow::into_owned).map_err(|error| error.to_string()), report.into_notes())
    }

    #[test]
    fn keys_in_a_note_press_nothing() {
        let note = "<F9>, please \"now\"\r\n";
        let (text, notes) = made_safe(note, Form::Positional, Unsafe::Replace);
        assert_eq!(text.unwrap(), "(F9); please 'now'  ");
        assert_eq!(notes[0], "wrote `(` for `<`, which could steer Attaché's keyboard, in buyer note");
        assert_eq!(made_safe(note, Form::Xml, Unsafe::Replace).0.unwrap(), "(F9), please \"now\"  ");
        assert_eq!(
            made_safe(note, Form::Xml, Unsafe::Refuse).0.unwrap_err(),
            "buyer note holds `<`, which could steer Attaché's keyboard: correct it in the shop"
        );
    }

    #[test]
    fn the_writer_is_the_net_below() {
        let mut kfi = KfiWriter::new("\r\n");
        assert!(kfi.field("a,b").is_err() && kfi.field("<F9>").is_err() && kfi.field("a\tb").is_err());
        assert!(kfi.token("F9><F6").is_err() && kfi.token("").is_err());
        assert_eq!(kfi.finish(), "");
    }

    proptest! {
        #[test]
        fn a_safe_text_is_one_field(text in "[<>,\"\r\n\tF9a-c\u{2028}é🎁\u{0}]{0,12}|\\PC{0,12}") {
            let (made, notes) = made_safe(&text, Form::Positional, Unsafe::Replace);
            let made = made.unwrap();
            let mut kfi = KfiWriter::new("\r\n");
            kfi.field(&made).unwrap();
            prop_assert_eq!(kfi.finish(), format!("{made},"));
            prop_assert!(!made.contains([',', '"', '<', '>', '\r', '\n', '\t', '\0']));
            prop_assert_eq!(made.chars().count(), text.chars().count());
            prop_assert_eq!(notes.is_empty(), made == text);
        }
    }
}
