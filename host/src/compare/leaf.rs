//! Two values without parts: what kind of change leads from one to the other.

use rust_decimal::Decimal;

use super::{Change, Kind};

/// Compares two texts at a place.
pub(super) fn compare(place: &str, before: &str, after: &str, changes: &mut Vec<Change>) {
    if before != after {
        changes.push(Change::new(place, kind(before, after), Some(before.to_owned()), Some(after.to_owned())));
    }
}

/// The most telling name for the change from one text to another, different one.
pub(super) fn kind(before: &str, after: &str) -> Kind {
    if before.is_empty() {
        return Kind::Filled;
    }
    if after.is_empty() {
        return Kind::Emptied;
    }
    if let (Some(old), Some(new)) = (number(before), number(after)) {
        return numbers(before, old, after, new);
    }
    if squeezed(before).eq(squeezed(after)) {
        return Kind::WhiteSpace;
    }
    if before.to_lowercase() == after.to_lowercase() {
        return Kind::Case;
    }
    if before.starts_with(after) {
        return Kind::Cut;
    }
    if after.starts_with(before) {
        return Kind::Extended;
    }
    Kind::TextChanged
}

fn numbers(before: &str, old: Decimal, after: &str, new: Decimal) -> Kind {
    if old == new {
        let bare = |text: &str| {
            if text.contains('.') {
                text.trim_end_matches('0').trim_end_matches('.').to_owned()
            } else {
                text.to_owned()
            }
        };
        return match bare(before) == bare(after) {
            true if after.len() < before.len() => Kind::ZerosDropped,
            true => Kind::ZerosAdded,
            false => Kind::NumberRewritten,
        };
    }
    if new.scale() < old.scale() && old.round_dp(new.scale()) == new {
        return Kind::Rounded;
    }
    let away = rust_decimal::RoundingStrategy::MidpointAwayFromZero;
    if new.scale() < old.scale() && old.round_dp_with_strategy(new.scale(), away) == new {
        return Kind::Rounded;
    }
    Kind::NumberChanged
}

/// A plain decimal: digits with at most one point and a minus before them. Anything else, such as a telephone number or a
/// date, is text.
fn number(text: &str) -> Option<Decimal> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let (whole, part) = digits.split_once('.').unwrap_or((digits, "0"));
    let plain = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    if !plain(whole) || !plain(part) {
        return None;
    }
    text.parse().ok()
}

/// The words of a text.
fn squeezed(text: &str) -> impl Iterator<Item = char> {
    text.chars().filter(|c| !c.is_whitespace())
}
