//! File names: which may be written, what temporaries are called, and what a pattern matches.

/// How our own files in a folder begin. No delivery may use it.
const OURS: &str = ".orderdock-";

/// Longest name in bytes.
const LONGEST: usize = 200;

/// Names that Windows keeps for devices: shared folders are read from there.
const DEVICES: [&str; 4] = ["con", "prn", "aux", "nul"];

/// Why a name may not be written. Letters, digits, `.`, `_`, `-` and inner spaces, as the contract says.
pub(super) fn refused(name: &str) -> Option<&'static str> {
    if name.is_empty() {
        return Some("it is empty");
    }
    if name.len() > LONGEST {
        return Some("it is longer than 200 bytes");
    }
    if !name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-' | ' ')) {
        return Some("only letters a to z, digits, `.`, `_`, `-` and inner spaces are allowed");
    }
    if name.starts_with('.') {
        return Some("it begins with a dot, as hidden and temporary files do");
    }
    if name.starts_with(' ') || name.ends_with(' ') || name.ends_with('.') {
        return Some("it begins with a space, or ends with a space or dot, which Windows drops");
    }
    let stem = name.split('.').next().unwrap_or_default().trim_end().to_ascii_lowercase();
    let numbered = stem
        .strip_prefix("com")
        .or_else(|| stem.strip_prefix("lpt"))
        .is_some_and(|rest| rest.len() == 1 && rest.bytes().all(|byte| byte.is_ascii_digit()));
    if DEVICES.contains(&stem.as_str()) || numbered {
        return Some("it is a device's name on Windows");
    }
    None
}

/// Whether a token can be part of a name.
pub(super) fn token_is_usable(token: &str) -> bool {
    (1..=80).contains(&token.len())
        && token.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
}

/// The temporary name of the file with this index: carries the token, so that only its owner can rename it.
pub(super) fn temporary(token: &str, index: usize) -> String {
    format!("{OURS}{token}-{index}.tmp")
}

/// What a recovery renames a temporary to: its former owner no longer finds it, and a recovery after this one still
/// sees that it was never in place.
pub(super) fn withdrawn(token: &str, index: usize) -> String {
    format!("{OURS}{token}-{index}.old")
}

/// The two names of a probe.
pub(super) fn probe(mark: &str) -> (String, String) {
    (format!("{OURS}probe-{mark}-a.tmp"), format!("{OURS}probe-{mark}-b.tmp"))
}

/// Whether a file is one of ours in the making.
pub(super) fn is_ours(name: &str) -> bool {
    name.starts_with(OURS)
}

/// The token in one of our own names; none in names that are not ours.
pub(super) fn token_of(name: &str) -> Option<&str> {
    let rest = name.strip_prefix(OURS)?;
    let stem = rest.strip_suffix(".tmp").or_else(|| rest.strip_suffix(".old"))?;
    let (token, _index) = stem.strip_prefix("probe-").unwrap_or(stem).rsplit_once('-')?;
    token_is_usable(token).then_some(token)
}

/// `*` matches any run of characters, `?` any one; everything else itself, letters of either case alike as on Windows.
#[must_use]
pub fn matches(pattern: &str, name: &str) -> bool {
    let pattern: Vec<char> = pattern.chars().flat_map(char::to_lowercase).collect();
    let name: Vec<char> = name.chars().flat_map(char::to_lowercase).collect();
    let (mut at, mut seen) = (0, 0);
    // Where the last star stood and how much it has swallowed: backtracking to the last star alone is enough.
    let mut star: Option<(usize, usize)> = None;
    while let Some(c) = name.get(seen) {
        match pattern.get(at) {
            Some('*') => {
                star = Some((at, seen));
                at += 1;
            }
            Some(p) if *p == '?' || p == c => {
                at += 1;
                seen += 1;
            }
            _ => {
                let Some((star_at, swallowed)) = star else { return false };
                star = Some((star_at, swallowed + 1));
                at = star_at + 1;
                seen = swallowed + 1;
            }
        }
    }
    pattern.iter().skip(at).all(|p| *p == '*')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_plain_names_are_written() {
        for name in ["order_1.xml", "WEB-1 (2)".trim_end_matches(" (2)"), "a b.kfi", "a..b", "console.xml", "com10.xml"]
        {
            assert_eq!(refused(name), None, "{name}");
        }
        let long = "x".repeat(201);
        for name in [
            "",
            ".",
            "..",
            "../x",
            "a/b",
            "a\\b",
            "/etc/passwd",
            "a\0b",
            "a\nb",
            ".hidden",
            ".orderdock-x-0.tmp",
            " a",
            "a ",
            "a.",
            "CON",
            "nul.xml",
            "com1.txt",
            "a:b",
            "ä.xml",
            "a*",
            &long,
        ] {
            assert!(refused(name).is_some(), "{name:?}");
        }
    }

    #[test]
    fn patterns_match_like_a_shells() {
        for (pattern, name, expected) in [
            ("*.err", "a.err", true),
            ("*.err", "a.ERR", true),
            ("*.err", "a.errx", false),
            ("order_*_1.kfi", "order_x_1_1.kfi", true),
            ("order_?.kfi", "order_1.kfi", true),
            ("order_?.kfi", "order_.kfi", false),
            ("*", "", true),
            ("", "", true),
            ("", "a", false),
            ("a*b*c", "aXbXbXc", true),
            ("a*b*c", "aXbXb", false),
            ("[a]", "a", false),
        ] {
            assert_eq!(matches(pattern, name), expected, "{pattern} {name}");
        }
        // No pattern may cost more than it is worth.
        assert!(!matches(&"*a".repeat(100), &"b".repeat(10_000)));
    }
}
