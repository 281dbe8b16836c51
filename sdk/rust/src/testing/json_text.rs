//! JSON laid out anew without touching its values: a number keeps the digits that somebody wrote (`12.90`, an id of 25 digits),
//! which a tree of values would lose.

/// Levels that are indented: a line's indent counts as its level does.
const DEEPEST: usize = 128;

/// On one line, texts in their shortest form: what a program would have sent. Text that is not JSON comes back as it is.
#[must_use]
pub fn compact(json: &str) -> String {
    laid_out(json, None).unwrap_or_else(|| json.to_owned())
}

/// A line for each value, indented by two blanks a level. Text that is not JSON, or deeper than
/// anybody reads, comes back as it is.
#[must_use]
pub fn pretty(json: &str) -> String {
    laid_out(json, Some(0)).unwrap_or_else(|| json.to_owned())
}

fn laid_out(json: &str, mut depth: Option<usize>) -> Option<String> {
    serde_json::from_str::<serde::de::IgnoredAny>(json).ok()?;
    let mut out = String::with_capacity(json.len());
    let mut rest = json.trim();
    while let Some(first) = rest.chars().next() {
        let (token, after) = rest.split_at_checked(token_length(rest, first))?;
        rest = after.trim_start();
        match (first, &mut depth) {
            ('{' | '[', Some(level)) if !rest.starts_with(['}', ']']) => {
                *level = level.saturating_add(1);
                if *level > DEEPEST {
                    return None;
                }
                out.push(first);
                new_line(&mut out, *level);
            }
            ('}' | ']', Some(level)) if !out.ends_with(['{', '[']) => {
                *level = level.saturating_sub(1);
                new_line(&mut out, *level);
                out.push(first);
            }
            (',', Some(level)) => {
                out.push(first);
                new_line(&mut out, *level);
            }
            (':', Some(_)) => out.push_str(": "),
            ('"', None) => out.push_str(&serde_json::to_string(&serde_json::from_str::<String>(token).ok()?).ok()?),
            _ => out.push_str(token),
        }
    }
    Some(out)
}

/// How long the token is that begins here, in text that is known to be JSON.
fn token_length(rest: &str, first: char) -> usize {
    match first {
        '"' => {
            let mut escaped = false;
            let ends = |(_, byte): &(usize, u8)| {
                let end = *byte == b'"' && !escaped;
                escaped = *byte == b'\\' && !escaped;
                end
            };
            rest.bytes().enumerate().skip(1).find(ends).map_or(rest.len(), |(at, _)| at.saturating_add(1))
        }
        '{' | '}' | '[' | ']' | ',' | ':' => 1,
        _ => rest.find([',', ':', '}', ']', ' ', '\t', '\r', '\n']).unwrap_or(rest.len()),
    }
}

fn new_line(out: &mut String, level: usize) {
    out.push('\n');
    out.extend(std::iter::repeat_n("  ", level));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_stay_as_they_were_written() {
        let given = "{ \"id\" : 900719925474099312345,\n \"sum\":[12.90, 1E3 ,true],\"text\":\"\\u00fc, \\\"a\\\\\" }";
        assert_eq!(compact(given), r#"{"id":900719925474099312345,"sum":[12.90,1E3,true],"text":"ü, \"a\\"}"#);
    }

    #[test]
    fn pretty_is_what_serde_makes_of_it() {
        for given in [r#"{"a":[1,{"b":"x: {y}"},[],{}],"c":null}"#, "[]", "{}", "7", r#""text""#, r#"[[["]"]]]"#] {
            let value: serde_json::Value = serde_json::from_str(given).unwrap();
            assert_eq!(pretty(given), format!("{value:#}"));
            assert_eq!(compact(&pretty(given)), given);
        }
    }

    #[test]
    fn what_is_no_json_comes_back() {
        for given in ["", "{", "<html>", "{\"a\":1} x", "\"\\ud800\""] {
            assert_eq!(compact(given), given);
        }
    }
}
