//! What a call logged and printed: capped, the rest counted.

use super::LogLine;

/// Caps.
#[derive(Clone, Copy, Debug)]
pub(super) struct Caps {
    pub(super) lines: usize,
    pub(super) bytes: usize,
    pub(super) line_bytes: usize,
}

/// The log of one call.
#[derive(Debug)]
pub(super) struct Log {
    caps: Caps,
    lines: Vec<LogLine>,
    bytes: usize,
    dropped: u64,
    /// Kept whatever the caps say: it explains a trap.
    last_error: Option<String>,
    stderr_tail: String,
}

impl Log {
    pub(super) fn new(caps: Caps) -> Self {
        Self { caps, lines: Vec::new(), bytes: 0, dropped: 0, last_error: None, stderr_tail: String::new() }
    }

    /// One that keeps nothing: left behind when a log is taken away.
    pub(super) fn empty() -> Self {
        Self::new(Caps { lines: 0, bytes: 0, line_bytes: 0 })
    }

    /// Whether another line would be kept.
    pub(super) fn has_room(&self) -> bool {
        self.lines.len() < self.caps.lines && self.bytes < self.caps.bytes
    }

    /// Counts a line that was not even looked at.
    pub(super) fn drop_line(&mut self) {
        self.dropped = self.dropped.saturating_add(1);
    }

    /// Adds a line, or counts it.
    pub(super) fn push(&mut self, level: &str, message: &str) {
        let cut = cut(message, self.caps.line_bytes);
        if level == "error" {
            self.last_error = Some(cut.to_owned());
        }
        if !self.has_room() {
            self.drop_line();
            return;
        }
        let cut = self::cut(cut, self.caps.bytes.saturating_sub(self.bytes));
        self.bytes = self.bytes.saturating_add(cut.len());
        self.lines.push(LogLine { level: level.to_owned(), message: cut.to_owned() });
    }

    /// Adds what a guest wrote to a standard stream, line by line.
    pub(super) fn print(&mut self, stream: &str, text: &str) {
        for line in text.split('\n').map(|line| line.trim_end_matches('\r')) {
            if line.is_empty() {
                continue;
            }
            if stream == "stderr" && self.stderr_tail.len() < self.caps.line_bytes {
                if !self.stderr_tail.is_empty() {
                    self.stderr_tail.push_str(": ");
                }
                let room = self.caps.line_bytes.saturating_sub(self.stderr_tail.len());
                self.stderr_tail.push_str(cut(line, room));
            }
            self.push(stream, line);
        }
    }

    /// The guest's own words on why it failed, without the stack that many put behind them: the last error line, else what it
    /// wrote to stderr. Staff read them; the whole of it is in the log.
    pub(super) fn last_words(&self) -> Option<String> {
        let words = self.last_error.as_deref().unwrap_or(&self.stderr_tail);
        let words = headline(words);
        (!words.is_empty()).then_some(words)
    }

    /// The lines, and how many were over the caps.
    pub(super) fn finish(self) -> (Vec<LogLine>, u64) {
        (self.lines, self.dropped)
    }
}

/// What an error says of itself, of words that may go on with a stack. Python puts that last, the others first; a line that
/// ends in a colon leads to the next one.
fn headline(words: &str) -> String {
    let mut lines = words.lines().map(str::trim).filter(|line| !line.is_empty());
    let Some(first) = lines.next() else { return String::new() };
    if first.starts_with("Traceback (most recent call last)") {
        return lines.next_back().unwrap_or(first).to_owned();
    }
    match lines.next() {
        Some(second) if first.ends_with(':') => format!("{first} {second}"),
        _ => first.to_owned(),
    }
}

/// The longest start of `text` that has at most `bytes` bytes and ends between two characters.
pub(super) fn cut(text: &str, bytes: usize) -> &str {
    text.get(..text.floor_char_boundary(bytes.min(text.len()))).unwrap_or(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_is_counted_and_the_last_error_is_kept() {
        let mut log = Log::new(Caps { lines: 3, bytes: 100, line_bytes: 10 });
        for _ in 0..10 {
            log.push("info", "twelve bytes");
        }
        log.push("error", "why it failed, in length");
        assert_eq!(log.last_words().as_deref(), Some("why it fai"));
        let (lines, dropped) = log.finish();
        assert_eq!(lines.len(), 3);
        assert_eq!(lines[0].message, "twelve byt");
        assert_eq!(dropped, 8);
    }

    #[test]
    fn what_staff_read_is_a_sentence_and_no_stack() {
        for (words, sentence) in [
            ("panic: no such article\ngoroutine 1 [running]:\nmain.plugin.Map()", "panic: no such article"),
            ("TypeError: cannot read\n    at mapOrder (/plugin.js:28:7)\n", "TypeError: cannot read"),
            (
                "Traceback (most recent call last):\n  File \"/0/plugin.py\", line 4, in map\nKeyError: 'x'\n",
                "KeyError: 'x'",
            ),
            ("panicked at src/lib.rs:7:5:\nno price", "panicked at src/lib.rs:7:5: no price"),
            ("\n  one line\n", "one line"),
            ("Traceback (most recent call last):", "Traceback (most recent call last):"),
            ("", ""),
        ] {
            assert_eq!(headline(words), sentence);
        }
    }

    #[test]
    fn cutting_respects_characters() {
        assert_eq!(cut("aü", 2), "a");
        assert_eq!(cut("aü", 3), "aü");
        assert_eq!(cut("aü", 99), "aü");
    }
}
