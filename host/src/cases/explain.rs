//! A plugin's fault for its author: what it was doing, for which order, how far it got, its own stack, its last words.

use std::{collections::BTreeMap, fmt::Write as _};

use crate::{
    domain::Order,
    plugin::{LogLine, PluginFault, Usage},
};

/// Log lines that are shown.
const LINES: usize = 8;

/// The fault in words, over several lines.
#[must_use]
pub fn explain(fault: &PluginFault, order: &Order, usage: &Usage, log: &[LogLine]) -> String {
    let mut text = fault.to_string();
    let lines = order.lines.len();
    let _ = write!(text, "\n  order {} with {lines} line{}", order.order_number, if lines == 1 { "" } else { "s" });
    if let Some(share) = usage.cpu_used.saturating_mul(100).checked_div(usage.cpu_allowed) {
        let (used, allowed) = (units(usage.cpu_used), units(usage.cpu_allowed));
        let (peak, memory) = (bytes(usage.memory_peak), bytes(usage.memory_allowed));
        let _ = write!(text, "; {} ms\n  {used} of {allowed} CPU units ({share} %)", usage.wall_us / 1_000);
        let _ = write!(text, ", {peak} of {memory} of memory");
    }
    let stack = match fault {
        PluginFault::Trap { stack, .. } | PluginFault::OverLimit { stack, .. } => stack.as_slice(),
        _ => &[],
    };
    if !stack.is_empty() {
        text.push_str("\n  its stack, innermost first:");
        for (number, frame) in folded(authors(stack)).iter().enumerate() {
            let _ = write!(text, "\n    {number:>2}  {frame}");
        }
    }
    if log.is_empty() {
        text.push_str("\n  it logged nothing before");
    } else {
        text.push_str("\n  its last log lines:");
        for line in log.iter().skip(log.len().saturating_sub(LINES)) {
            let _ = write!(text, "\n    {:<6} {}", line.level, line.message.replace('\n', "\n           "));
        }
    }
    text
}

/// Where CPU units went: places and how often each was met, the largest first.
pub(super) fn profile(places: BTreeMap<String, usize>) -> String {
    let all: usize = places.values().sum();
    let mut places: Vec<_> = places.into_iter().collect();
    places.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    let mut text = String::new();
    for (number, (place, count)) in places.iter().take(5).enumerate() {
        if number == 0 {
            text.push_str("\n  where its CPU units went, the largest part first:");
        }
        let share = count.saturating_mul(100).checked_div(all).unwrap_or_default();
        let _ = write!(text, "\n    {share:>3} %  {place}");
    }
    text
}

/// What stands before the author's own function where a Rust guest panics.
const PANIC: [&str; 6] =
    ["__rustc::", "std::panicking", "std::sys::backtrace", "core::panicking", "rust_panic", "rust_begin_unwind"];

/// A stack without the machinery of a panic: its text is told already.
fn authors(stack: &[String]) -> &[String] {
    let of_panic = |frame: &String| {
        let bare = frame.trim_start_matches('<');
        PANIC.iter().any(|start| bare.starts_with(start)) || frame.contains("std[") || frame.contains("__rust_")
    };
    let own = stack.iter().position(|frame| !of_panic(frame)).unwrap_or(0);
    stack.get(own..).unwrap_or(stack)
}

/// A stack with repeats of one function on one line.
fn folded(stack: &[String]) -> Vec<String> {
    let mut all: Vec<(String, usize)> = Vec::new();
    for frame in stack {
        match all.last_mut() {
            Some((last, times)) if last == frame => *times = times.saturating_add(1),
            _ => all.push((frame.clone(), 1)),
        }
    }
    all.into_iter().map(|(frame, times)| if times > 1 { format!("{frame}  (× {times})") } else { frame }).collect()
}

/// A count as people read it: `950`, `12.3 k`, `4.5 M`.
#[must_use]
pub fn units(count: u64) -> String {
    scaled(count, &["", " k", " M", " G"])
}

/// Bytes as people read them.
#[must_use]
pub fn bytes(count: u64) -> String {
    scaled(count, &[" B", " kB", " MB", " GB"])
}

fn scaled(count: u64, names: &[&str]) -> String {
    let mut whole = count;
    let mut rest = 0;
    let mut names = names.iter();
    let mut name = names.next();
    for next in names {
        if whole < 1_000 {
            break;
        }
        (whole, rest) = (whole / 1_000, whole % 1_000);
        name = Some(next);
    }
    let name = name.copied().unwrap_or_default();
    if count < 1_000 || whole >= 100 { format!("{whole}{name}") } else { format!("{whole}.{}{name}", rest / 100) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_are_readable() {
        assert_eq!(units(950), "950");
        assert_eq!(units(12_345), "12.3 k");
        assert_eq!(bytes(128 * 1_000_000), "128 MB");
        assert_eq!(bytes(1_500), "1.5 kB");
    }

    #[test]
    fn the_machinery_of_a_panic_is_left_out() {
        let stack = [
            "__rustc::__rust_abort",
            "std::panicking::panic_with_hook",
            "core::panicking::panic_fmt",
            "acme::price",
            "core::panicking",
        ];
        assert_eq!(authors(&stack.map(str::to_owned)), ["acme::price", "core::panicking"]);
    }

    #[test]
    fn a_recursion_takes_one_line() {
        let stack = ["leaf", "again", "again", "again", "map"].map(str::to_owned);
        assert_eq!(folded(&stack), ["leaf", "again  (× 3)", "map"]);
    }
}
