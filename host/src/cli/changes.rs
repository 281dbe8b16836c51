//! How differences between runs of a plugin are shown on a terminal of 80 columns.

use super::output::{Output, plain};
use crate::compare::{Example, Group};

/// Columns of the narrowest terminal that is thought of.
const WIDTH: usize = 80;

/// A number with its thousands apart.
pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// How one cost became the other, for behind a number: nothing where they are the same.
pub fn ratio(before: u64, after: u64) -> String {
    if before == after || before == 0 {
        return String::new();
    }
    // Only shown: what is lost beyond 2^53 does not matter.
    #[expect(clippy::cast_precision_loss, reason = "a percentage for people")]
    let percent = (after as f64 / before as f64 - 1.0) * 100.0;
    format!(" ({percent:+.1} %)")
}

/// A line, cut where it would be wider than the terminal.
pub fn widest(line: &str) -> String {
    if line.chars().count() <= WIDTH {
        return line.to_owned();
    }
    line.chars().take(WIDTH - 1).chain(['…']).collect()
}

/// Words over as many lines as they need, each but the first with `indent` before it.
pub fn paragraph(text: &str, indent: &str, output: Output) {
    for line in wrapped(text, indent) {
        output.line(line);
    }
}

fn wrapped(text: &str, indent: &str) -> Vec<String> {
    let mut lines = Vec::new();
    let mut line = String::new();
    let mut empty = true;
    for word in text.split(' ') {
        if !empty && line.chars().count() + 1 + word.chars().count() > WIDTH {
            lines.push(std::mem::replace(&mut line, indent.to_owned()));
            line.push_str(word);
            continue;
        }
        if !empty {
            line.push(' ');
        }
        line.push_str(word);
        empty = false;
    }
    lines.push(line);
    lines.iter().map(|line| widest(line)).collect()
}

/// Groups of changes, with an example of each.
pub fn groups(groups: &[Group], output: Output) {
    for Group { place, kind, orders, times, examples } in groups {
        let often = if times > orders { format!(" ({} times)", grouped(*times)) } else { String::new() };
        let numbers: Vec<String> = examples.iter().map(|example| plain(&example.order)).collect();
        let text = format!(
            "{}: {} in {} {}{often}, e.g. {}",
            plain(place),
            kind.words(),
            grouped(*orders),
            noun(*orders),
            numbers.join(", ")
        );
        paragraph(&text, "    ", output);
        if let Some(Example { before, after, .. }) = examples.first() {
            for (sign, value) in [("-", before), ("+", after)] {
                if let Some(value) = value {
                    output.line(widest(&format!("    {sign} {}", plain(value).replace('\n', "⏎"))));
                }
            }
        }
    }
}

/// One order, two orders.
pub fn noun(orders: u64) -> &'static str {
    if orders == 1 { "order" } else { "orders" }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_wider_than_a_terminal() {
        let long = format!("a: {} in 3 orders {}", "word ".repeat(40), "x".repeat(100));
        let lines = wrapped(&long, "    ");
        assert!(lines.len() > 2 && lines.iter().all(|line| line.chars().count() <= 80), "{lines:#?}");
        assert!(lines.iter().skip(1).all(|line| line.starts_with("    ")), "{lines:#?}");
        assert_eq!(wrapped("one two", ""), ["one two"]);
        assert_eq!((grouped(0), grouped(999), grouped(1_234_567)), ("0".into(), "999".into(), "1,234,567".into()));
        assert_eq!((ratio(100, 100), ratio(100, 95)), (String::new(), " (-5.0 %)".into()));
    }
}
