//! A plugin's fault for its author: what it was doing, for which order, how far it got, its own stack, its last words.

use std::{collections::BTreeMap, fmt::Write as _};

use crate::{
    domain::{
        Order,
        figures::{bytes, units},
    },
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
    if has_names(stack) && !tells_its_own_stack(log) {
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
            let _ = write!(text, "\n    {:<6} {}", line.level, line.message.trim_end().replace('\n', "\n           "));
        }
    }
    text
}

/// Where CPU units went: places and how often each was met, the largest first.
pub(super) fn profile(places: BTreeMap<String, usize>) -> String {
    let all: usize = places.values().sum();
    let mut places: Vec<_> = places.into_iter().collect();
    if places.iter().all(|(place, _)| place.starts_with("function ")) {
        return String::new();
    }
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

/// Whether the guest logged why it failed with a stack in its own language's terms: its engine's would only stand in the way.
fn tells_its_own_stack(log: &[LogLine]) -> bool {
    let last = log.iter().rfind(|line| line.level == "error");
    last.is_some_and(|line| line.message.trim().lines().count() > 2)
}

/// Whether a stack tells anything: an interpreter without names leaves the numbers of functions that no author knows.
fn has_names(stack: &[String]) -> bool {
    stack.iter().any(|frame| !frame.starts_with("function ") && !frame.starts_with("orderdock:plugin/"))
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

#[cfg(test)]
mod tests {
    use super::*;

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
    fn a_stack_of_numbers_is_left_out() {
        let frames = |all: &[&str]| all.iter().map(|frame| (*frame).to_owned()).collect::<Vec<_>>();
        assert!(!has_names(&frames(&["function 21", "function 62", "orderdock:plugin/mapper@0.1.1#map-order"])));
        assert!(has_names(&frames(&["function 21", "os_stat"])));
        assert_eq!(profile(BTreeMap::from([("function 645".to_owned(), 20)])), "");
    }

    #[test]
    fn a_recursion_takes_one_line() {
        let stack = ["leaf", "again", "again", "again", "map"].map(str::to_owned);
        assert_eq!(folded(&stack), ["leaf", "again  (× 3)", "map"]);
    }
}
