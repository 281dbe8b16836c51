//! A readable difference between what a case expects and what came.

use std::fmt::Write as _;

/// Unchanged lines shown around a difference.
const AROUND: usize = 2;
/// Most lines shown of either side.
const MOST: usize = 30;

/// The lines that differ: `-` expected, `+` actual.
#[must_use]
pub fn lines(expected: &str, actual: &str) -> String {
    let (old, new): (Vec<&str>, Vec<&str>) = (expected.split('\n').collect(), actual.split('\n').collect());
    let head = old.iter().zip(&new).take_while(|(a, b)| a == b).count();
    let rest = old.len().min(new.len()) - head;
    let tail = old.iter().rev().zip(new.iter().rev()).take(rest).take_while(|(a, b)| a == b).count();
    let mut text = format!("      line {}:\n", head + 1);
    let mut show = |sign: char, part: &[&str]| {
        for line in part.iter().take(MOST) {
            let _ = writeln!(
                text,
                "      {sign} {}",
                line.escape_debug().to_string().replace("\\\"", "\"").replace("\\'", "'")
            );
        }
        if part.len() > MOST {
            let _ = writeln!(text, "      {sign} … {} more lines", part.len() - MOST);
        }
    };
    show(' ', old.get(head.saturating_sub(AROUND)..head).unwrap_or_default());
    show('-', old.get(head..old.len() - tail).unwrap_or_default());
    show('+', new.get(head..new.len() - tail).unwrap_or_default());
    show(' ', old.get(old.len() - tail..old.len().min(old.len() - tail + AROUND)).unwrap_or_default());
    text
}

/// The same for bytes: as lines where both are text, else the place of the first difference.
#[must_use]
pub fn bytes(expected: &[u8], actual: &[u8]) -> String {
    if let (Ok(old), Ok(new)) = (std::str::from_utf8(expected), std::str::from_utf8(actual)) {
        return lines(old, new);
    }
    let at = expected.iter().zip(actual).take_while(|(a, b)| a == b).count();
    let near = |bytes: &[u8]| {
        let part = bytes.get(at.saturating_sub(16)..bytes.len().min(at + 16)).unwrap_or_default();
        part.escape_ascii().to_string()
    };
    format!(
        "      {} bytes expected, {} came; first difference at byte {at}\n      - {}\n      + {}\n",
        expected.len(),
        actual.len(),
        near(expected),
        near(actual)
    )
}
