//! Character sets of back offices, and what becomes of letters that they do not have.
//!
//! Two steps: [`fit`] every value before it is written into a document (it reports with the value's place), then
//! [`Charset::encode`] the finished document. Values first, because a replacement must still pass the escaping of XML,
//! CSV or KFI.
//!
//! Tables: Unicode's mapping files CP1252.TXT and CP437.TXT; ISO/IEC 8859-1 is U+0000–U+00FF. Note that web browsers
//! read "iso-8859-1" as Windows-1252; back offices do not, so here they are two.

mod spelling;

use std::borrow::Cow;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use spelling::spelling;

use crate::place::BadText;
use crate::{Place, Report};

/// A character set.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Charset {
    /// Unicode, UTF-8.
    #[default]
    #[serde(rename = "utf-8")]
    Utf8,
    /// Windows, Western Europe. U+0081, U+008D, U+008F, U+0090, U+009D are not in it.
    #[serde(rename = "windows-1252")]
    Windows1252,
    /// Latin-1 proper: no euro sign, no curly quotes.
    #[serde(rename = "iso-8859-1")]
    Iso8859_1,
    /// DOS, as old back offices and printers have it.
    #[serde(rename = "cp437")]
    Cp437,
    /// US-ASCII.
    #[serde(rename = "us-ascii")]
    Ascii,
}

/// What becomes of a letter that the character set does not have.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Missing {
    /// Its usual spelling (`ł` → `l`, `€` → `EUR`, `“` → `"`), else `?`; the order's timeline says so.
    #[default]
    Transliterate,
    /// `?`; the order's timeline says so.
    Replace,
    /// The order is refused.
    Refuse,
}

/// 0x80–0x9F of Windows-1252; U+0000 where it has nothing.
const WINDOWS_1252: [char; 32] = [
    '€', '\0', '‚', 'ƒ', '„', '…', '†', '‡', 'ˆ', '‰', 'Š', '‹', 'Œ', '\0', 'Ž', '\0', '\0', '‘', '’', '“', '”', '•',
    '–', '—', '˜', '™', 'š', '›', 'œ', '\0', 'ž', 'Ÿ',
];

/// 0x80–0xFF of CP437.
const CP437: &str = "ÇüéâäàåçêëèïîìÄÅÉæÆôöòûùÿÖÜ¢£¥₧ƒáíóúñÑªº¿⌐¬½¼¡«»░▒▓│┤╡╢╖╕╣║╗╝╜╛┐└┴┬├─┼╞╟╚╔╩╦╠═╬╧╨╤╥╙╘╒╓╫╪┘┌█▄▌▐▀\
αßΓπΣσµτΦΘΩδ∞φε∩≡±≥≤⌠⌡÷≈°∙·√ⁿ²■\u{a0}";

/// A document holds a letter that its character set does not have.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{charset} can't hold {letter:?} (U+{:04X}): fit every value before it is written", u32::from(*letter))]
pub struct NotInCharset {
    /// Name of the character set.
    pub charset: &'static str,
    /// The letter.
    pub letter: char,
}

impl Charset {
    /// The name that IANA registered, as XML declarations and content types use it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Utf8 => "UTF-8",
            Self::Windows1252 => "windows-1252",
            Self::Iso8859_1 => "ISO-8859-1",
            Self::Cp437 => "IBM437",
            Self::Ascii => "US-ASCII",
        }
    }

    /// Whether it has the letter.
    #[must_use]
    pub fn has(self, letter: char) -> bool {
        match self {
            Self::Utf8 => true,
            _ => self.byte(letter).is_some(),
        }
    }

    /// The letter's byte in a character set of one byte per letter; none in UTF-8 beyond ASCII.
    fn byte(self, letter: char) -> Option<u8> {
        if letter.is_ascii() {
            return u8::try_from(letter).ok();
        }
        // Both tables have fewer than 128 entries, so the sums fit.
        let at = |index: Option<usize>| index.and_then(|index| u8::try_from(index + 0x80).ok());
        match self {
            Self::Utf8 | Self::Ascii => None,
            Self::Iso8859_1 => u8::try_from(letter).ok(),
            Self::Windows1252 if ('\u{A0}'..='\u{FF}').contains(&letter) => u8::try_from(letter).ok(),
            Self::Windows1252 => at(WINDOWS_1252.iter().position(|known| *known == letter)),
            Self::Cp437 => at(CP437.chars().position(|known| known == letter)),
        }
    }

    /// The bytes of a finished document.
    ///
    /// # Errors
    /// When it holds a letter that the character set does not have: values must be [`fit`] before.
    pub fn encode(self, document: &str) -> Result<Vec<u8>, NotInCharset> {
        if self == Self::Utf8 {
            return Ok(document.as_bytes().to_vec());
        }
        let byte = |letter| self.byte(letter).ok_or(NotInCharset { charset: self.name(), letter });
        document.chars().map(byte).collect()
    }

    /// The bytes of a finished document, moved where nothing changes, after a byte order mark if asked for. Only UTF-8
    /// has one (`EF BB BF`, Unicode standard section 23.8).
    ///
    /// # Errors
    /// As [`Charset::encode`].
    pub fn encode_owned(self, document: String, byte_order_mark: bool) -> Result<Vec<u8>, NotInCharset> {
        match (self, byte_order_mark) {
            (Self::Utf8, false) => Ok(document.into_bytes()),
            (Self::Utf8, true) => Ok([b"\xEF\xBB\xBF".as_slice(), document.as_bytes()].concat()),
            _ => self.encode(&document),
        }
    }

    /// The bytes of a finished XML document. What the character set does not have becomes a character reference
    /// (`&#322;`), which loses nothing. Only for documents whose names and comments are in the character set.
    #[must_use]
    pub fn encode_xml(self, document: String) -> Vec<u8> {
        if self == Self::Utf8 {
            return document.into_bytes();
        }
        let mut bytes = Vec::with_capacity(document.len());
        for letter in document.chars() {
            match self.byte(letter) {
                Some(byte) => bytes.push(byte),
                None => bytes.extend_from_slice(format!("&#{};", u32::from(letter)).as_bytes()),
            }
        }
        bytes
    }

    /// Reads bytes, for answers of the ERP: U+FFFD where a byte means nothing.
    #[must_use]
    pub fn decode(self, bytes: &[u8]) -> String {
        let letter = |byte: &u8| match (self, byte) {
            (_, 0..=0x7F) | (Self::Iso8859_1, _) | (Self::Windows1252, 0xA0..) => char::from(*byte),
            (Self::Windows1252, byte) => WINDOWS_1252
                .get(usize::from(byte - 0x80))
                .copied()
                .filter(|letter| *letter != '\0')
                .unwrap_or('\u{FFFD}'),
            (Self::Cp437, byte) => CP437.chars().nth(usize::from(byte - 0x80)).unwrap_or('\u{FFFD}'),
            _ => '\u{FFFD}',
        };
        match self {
            Self::Utf8 => String::from_utf8_lossy(bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes)).into_owned(),
            _ => bytes.iter().map(letter).collect(),
        }
    }
}

/// Makes a value fit the character set. A value that fits is not copied.
///
/// # Errors
/// With [`Missing::Refuse`], when it holds a letter that the character set does not have.
pub fn fit<'t, 'p>(
    text: &'t str,
    charset: Charset,
    missing: Missing,
    place: impl Into<Place<'p>>,
    report: &mut Report,
) -> Result<Cow<'t, str>, BadText> {
    if charset == Charset::Utf8 || text.is_ascii() || text.chars().all(|letter| charset.has(letter)) {
        return Ok(Cow::Borrowed(text));
    }
    let place = place.into();
    let name = charset.name();
    let mut fitted = String::with_capacity(text.len());
    for letter in text.chars() {
        if charset.has(letter) {
            fitted.push(letter);
            continue;
        }
        if missing == Missing::Refuse {
            let problem = format!("holds `{letter}` (U+{:04X}), which {name} can't hold", u32::from(letter));
            return Err(BadText::new(place, problem));
        }
        let spelt = if missing == Missing::Transliterate { spelling(letter) } else { None };
        let spelt = spelt.unwrap_or("?");
        let shown = shown(letter);
        match spelt {
            "" => report.at(format!("left out {shown}, which {name} can't hold, in"), place),
            _ => report.at(format!("wrote `{spelt}` for {shown}, which {name} can't hold, in"), place),
        }
        fitted.push_str(spelt);
    }
    Ok(Cow::Owned(fitted))
}

/// A letter as staff can read it; marks and invisible ones by number only.
fn shown(letter: char) -> String {
    let number = u32::from(letter);
    if letter.is_alphanumeric() || number >= 0x1F000 || matches!(letter, '‘'..='⁞' | '₠'..='⃀' | '←'..='⯿')
    {
        format!("`{letter}` (U+{number:04X})")
    } else {
        format!("U+{number:04X}")
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const ALL: [Charset; 5] = [Charset::Utf8, Charset::Windows1252, Charset::Iso8859_1, Charset::Cp437, Charset::Ascii];

    fn fitted(text: &str, charset: Charset, missing: Missing) -> (Result<String, String>, Vec<String>) {
        let mut report = Report::new();
        let text = fit(text, charset, missing, "buyer company", &mut report);
        (text.map(Cow::into_owned).map_err(|error| error.to_string()), report.into_notes())
    }

    #[test]
    fn known_bytes() {
        assert_eq!(Charset::Windows1252.encode("€„ü’Ÿ").unwrap(), b"\x80\x84\xFC\x92\x9F");
        assert_eq!(Charset::Iso8859_1.encode("ü\u{85}ÿ").unwrap(), b"\xFC\x85\xFF");
        assert_eq!(Charset::Cp437.encode("Çüß≥\u{a0}µ").unwrap(), b"\x80\x81\xE1\xF2\xFF\xE6");
        assert!(Charset::Iso8859_1.encode("€").is_err());
        assert!(Charset::Windows1252.encode("\u{81}").is_err());
        assert_eq!(
            Charset::Cp437.encode("ø").unwrap_err().to_string(),
            "IBM437 can't hold 'ø' (U+00F8): fit every value before it is written"
        );
        assert_eq!(Charset::Utf8.encode_owned("ü".to_owned(), true).unwrap(), b"\xEF\xBB\xBF\xC3\xBC");
        assert_eq!(Charset::Iso8859_1.encode_xml("ł€ü".to_owned()), b"&#322;&#8364;\xFC");
        assert_eq!(CP437.chars().count(), 128);
    }

    #[test]
    fn each_policy() {
        let text = "Søn “Łódź” 5 € 🎁";
        assert_eq!(fitted(text, Charset::Cp437, Missing::Transliterate).0.unwrap(), "Son \"Lódz\" 5 EUR ?");
        assert_eq!(fitted(text, Charset::Iso8859_1, Missing::Replace).0.unwrap(), "Søn ??ód?? 5 ? ?");
        assert_eq!(
            fitted(text, Charset::Windows1252, Missing::Refuse).0.unwrap_err(),
            "buyer company holds `Ł` (U+0141), which windows-1252 can't hold: correct it in the shop"
        );
        assert_eq!(
            fitted("ł ł 🎁", Charset::Windows1252, Missing::Transliterate).1,
            [
                "wrote `l` for `ł` (U+0142), which windows-1252 can't hold, in buyer company",
                "wrote `?` for `🎁` (U+1F381), which windows-1252 can't hold, in buyer company"
            ]
        );
    }

    proptest! {
        #[test]
        fn a_fitted_text_encodes_and_reads_back(text in "\\PC{0,30}|[a-zÀ-ſ₠-₿]{0,30}") {
            for charset in ALL {
                for missing in [Missing::Transliterate, Missing::Replace] {
                    let (fitted, notes) = fitted(&text, charset, missing);
                    let fitted = fitted.unwrap();
                    prop_assert_eq!(notes.is_empty(), fitted == text);
                    let bytes = charset.encode(&fitted).unwrap();
                    // A leading U+FEFF is a byte order mark when read.
                    prop_assert_eq!(charset.decode(&bytes), fitted.strip_prefix('\u{FEFF}').unwrap_or(&fitted));
                }
            }
        }

        #[test]
        fn every_byte_reads_back_or_is_marked(byte in any::<u8>()) {
            for charset in [Charset::Windows1252, Charset::Iso8859_1, Charset::Cp437] {
                let text = charset.decode(&[byte]);
                if text != "\u{FFFD}" {
                    prop_assert_eq!(charset.encode(&text).unwrap(), vec![byte]);
                }
            }
        }
    }
}
