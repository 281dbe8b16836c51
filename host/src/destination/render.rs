//! Segments to bytes: secrets are put into their places here, and only here.
//!
//! Every rendering has two forms: the bytes that leave, and the form that is stored, where each secret is replaced by
//! `«secret slot»`. The stored form is made beside the real one and never by searching it.

use std::collections::BTreeMap;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::domain::{
    delivery::{SecretEncoding, Segment, base64_bytes},
    problem::Problem,
};

/// Slot → secret: the connection's credentials and its remembered logins.
pub type Secrets = BTreeMap<String, SecretString>;

/// Everything but RFC 3986's unreserved characters.
const NOT_UNRESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// Shorter secrets are not looked for in answers: they would hit ordinary text.
const LEAST_HIDDEN: usize = 6;

/// A header value, body or file with every secret in its place. No `Debug`: it may hold secrets.
pub struct Rendered {
    /// What leaves.
    pub bytes: Vec<u8>,
    /// What is stored, if that differs.
    redacted: Option<Vec<u8>>,
}

impl Rendered {
    /// What may be stored and shown.
    #[must_use]
    pub fn redacted(&self) -> &[u8] {
        self.redacted.as_deref().unwrap_or(&self.bytes)
    }

    /// Whether a secret was put in.
    #[must_use]
    pub fn has_secret(&self) -> bool {
        self.redacted.is_some()
    }
}

/// Puts every secret into its place.
///
/// # Errors
/// All slots that are missing or can't be written in the wanted encoding, each with `place`.
pub fn segments(place: &str, segments: &[Segment], secrets: &Secrets) -> Result<Rendered, Vec<Problem>> {
    let mut bytes = Vec::new();
    let mut redacted: Option<Vec<u8>> = None;
    let mut problems = Vec::new();
    for segment in segments {
        match segment {
            Segment::Bytes(literal) => {
                if let Some(redacted) = &mut redacted {
                    redacted.extend_from_slice(literal);
                }
                bytes.extend_from_slice(literal);
            }
            Segment::Secret { slot, encode } => {
                redacted.get_or_insert_with(|| bytes.clone()).extend_from_slice(mark(slot).as_bytes());
                match secrets.get(slot) {
                    None => problems.push(missing(place, slot)),
                    Some(secret) => match encoded(secret.expose_secret(), *encode) {
                        Some(text) => bytes.extend_from_slice(text.as_bytes()),
                        None => problems.push(
                            Problem::new(
                                place,
                                format!("the secret `{slot}` holds a character that XML 1.0 can't carry"),
                            )
                            .hint("set the secret again without control characters"),
                        ),
                    },
                }
            }
        }
    }
    if problems.is_empty() { Ok(Rendered { bytes, redacted }) } else { Err(problems) }
}

/// What stands for a secret in everything that is stored.
#[must_use]
pub fn mark(slot: &str) -> String {
    format!("«secret {slot}»")
}

/// The problem of a slot that has no secret.
pub(super) fn missing(place: &str, slot: &str) -> Problem {
    Problem::new(place, format!("the connection has no secret `{slot}`"))
        .hint(format!("set the secret `{slot}` of this connection"))
}

/// The secret as its place wants it; none if the encoding can't carry it.
fn encoded(secret: &str, encode: SecretEncoding) -> Option<String> {
    Some(match encode {
        SecretEncoding::None => secret.to_owned(),
        SecretEncoding::Json => json_inside(secret),
        SecretEncoding::Xml => return xml_text(secret),
        SecretEncoding::Url => utf8_percent_encode(secret, NOT_UNRESERVED).to_string(),
        SecretEncoding::Base64 => STANDARD.encode(secret),
    })
}

/// Inside a JSON string (RFC 8259 section 7), without the quotes.
fn json_inside(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if u32::from(c) < 0x20 => out.push_str(&format!("\\u{:04x}", u32::from(c))),
            c => out.push(c),
        }
    }
    out
}

/// XML text that is also good as an attribute's value; none if XML 1.0 forbids a character (section 2.2).
fn xml_text(text: &str) -> Option<String> {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&apos;"),
            // Attribute values are normalised: these would arrive as spaces.
            '\t' | '\n' | '\r' => out.push_str(&format!("&#{};", u32::from(c))),
            c if u32::from(c) < 0x20 || c == '\u{FFFE}' || c == '\u{FFFF}' => return None,
            c => out.push(c),
        }
    }
    Some(out)
}

/// Bytes that are kept for people: the beginning, the whole length and the hash of what really went over the wire.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredBody {
    /// The beginning, secrets replaced.
    #[serde(with = "base64_bytes")]
    pub bytes: Vec<u8>,
    /// Length of the real bytes.
    pub length: u64,
    /// sha256 of the real bytes, secrets in place, in lower-case hex.
    pub sha256: String,
    /// Says so when not everything is kept.
    pub note: Option<String>,
}

impl StoredBody {
    /// Keeps at most `cap` bytes of `redacted`.
    #[must_use]
    pub fn new(real: &[u8], redacted: &[u8], cap: usize) -> Self {
        let kept = redacted.get(..cap).unwrap_or(redacted);
        let note = (kept.len() < redacted.len()).then(|| {
            format!("only the first {} of {} bytes are kept (setting `stored_body_cap`)", kept.len(), redacted.len())
        });
        Self { bytes: kept.to_vec(), length: real.len() as u64, sha256: sha256_hex(real), note }
    }
}

/// sha256 in lower-case hex.
#[must_use]
pub fn sha256_hex(bytes: &[u8]) -> String {
    hex::encode(Sha256::digest(bytes))
}

/// Takes our secrets out of something that came back: ERPs echo requests in their error pages. Looks for each secret as
/// it is and in every encoding that we write; secrets under six bytes are left alone.
#[must_use]
pub fn hide(bytes: &[u8], secrets: &Secrets) -> Vec<u8> {
    let mut needles: Vec<(Vec<u8>, &str)> = Vec::new();
    for (slot, secret) in secrets {
        let text = secret.expose_secret();
        if text.len() < LEAST_HIDDEN {
            continue;
        }
        for encode in [
            SecretEncoding::None,
            SecretEncoding::Json,
            SecretEncoding::Xml,
            SecretEncoding::Url,
            SecretEncoding::Base64,
        ] {
            if let Some(needle) = encoded(text, encode)
                && !needles.iter().any(|(known, _)| known == needle.as_bytes())
            {
                needles.push((needle.into_bytes(), slot));
            }
        }
    }
    // Longest first, so that a secret that contains another is not left half visible.
    needles.sort_by_key(|(needle, _)| std::cmp::Reverse(needle.len()));
    let mut out = Vec::with_capacity(bytes.len());
    let mut rest = bytes;
    while let Some((first, tail)) = rest.split_first() {
        if let Some((needle, slot)) = needles.iter().find(|(needle, _)| rest.starts_with(needle)) {
            out.extend_from_slice(mark(slot).as_bytes());
            rest = rest.get(needle.len()..).unwrap_or_default();
        } else {
            out.push(*first);
            rest = tail;
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secrets() -> Secrets {
        [("token".to_owned(), SecretString::from("a\"b<&\u{e4} c/+"))].into()
    }

    fn render(encode: SecretEncoding) -> Rendered {
        segments(
            "body",
            &[
                Segment::Bytes(b"[".to_vec()),
                Segment::Secret { slot: "token".into(), encode },
                Segment::Bytes(b"]".to_vec()),
            ],
            &secrets(),
        )
        .ok()
        .unwrap()
    }

    #[test]
    fn each_encoding_writes_the_secret_as_its_place_wants_it() {
        for (encode, expected) in [
            (SecretEncoding::None, "[a\"b<&ä c/+]"),
            (SecretEncoding::Json, "[a\\\"b<&ä c/+]"),
            (SecretEncoding::Xml, "[a&quot;b&lt;&amp;ä c/+]"),
            (SecretEncoding::Url, "[a%22b%3C%26%C3%A4%20c%2F%2B]"),
            (SecretEncoding::Base64, "[YSJiPCbDpCBjLys=]"),
        ] {
            let rendered = render(encode);
            assert_eq!(String::from_utf8_lossy(&rendered.bytes), expected);
            assert_eq!(String::from_utf8_lossy(rendered.redacted()), "[«secret token»]");
            assert!(rendered.has_secret());
        }
    }

    #[test]
    fn every_missing_slot_is_named_at_once() {
        let wanted = |slot: &str| Segment::Secret { slot: slot.into(), encode: SecretEncoding::None };
        let problems = segments("header `x`", &[wanted("one"), wanted("two")], &Secrets::new()).err().unwrap();
        assert_eq!(problems.len(), 2);
        assert!(problems[0].to_string().contains("`one`") && problems[1].to_string().contains("`two`"));
    }

    #[test]
    fn a_secret_that_xml_cannot_carry_is_a_problem_and_not_a_broken_file() {
        let secrets = [("s".to_owned(), SecretString::from("a\u{b}b"))].into();
        let wanted = [Segment::Secret { slot: "s".into(), encode: SecretEncoding::Xml }];
        let problems = segments("body", &wanted, &secrets).err().unwrap();
        assert!(problems[0].message.contains("XML"), "{problems:?}");
        assert!(!problems[0].to_string().contains('\u{b}'), "the value must not be shown");
    }

    #[test]
    fn text_that_looks_like_a_place_stays_text() {
        let rendered = segments("body", &[Segment::Bytes("«secret token»{{token}}".into())], &secrets()).ok().unwrap();
        assert_eq!(rendered.bytes, "«secret token»{{token}}".as_bytes());
        assert!(!rendered.has_secret());
    }

    #[test]
    fn echoed_secrets_are_hidden_in_every_encoding() {
        let secrets: Secrets = [("key".to_owned(), SecretString::from("s3cr<et+"))].into();
        let echoed = b"raw s3cr<et+ xml s3cr&lt;et+ url s3cr%3Cet%2B b64 czNjcjxldCs= end";
        let hidden = String::from_utf8(hide(echoed, &secrets)).unwrap();
        assert_eq!(hidden, "raw «secret key» xml «secret key» url «secret key» b64 «secret key» end");
    }

    #[test]
    fn a_long_body_is_cut_with_a_note_and_hashed_whole() {
        let stored = StoredBody::new(b"0123456789", b"0123456789", 4);
        assert_eq!(stored.bytes, b"0123");
        assert_eq!(stored.length, 10);
        assert_eq!(stored.sha256, sha256_hex(b"0123456789"));
        assert!(stored.note.unwrap().contains("4 of 10"));
    }
}
