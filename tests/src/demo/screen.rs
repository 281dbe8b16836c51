//! What the demo shows: headings, sentences, progress, tables. Colours only on a terminal, and never as the only sign.

use std::{
    io::{IsTerminal as _, Write as _},
    time::Duration,
};

use comfy_table::{Cell, ContentArrangement, Table, presets};
use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use tokio::time::Instant;

/// Without a terminal a line of progress is printed that often.
const TOLD_EVERY: Duration = Duration::from_secs(5);

/// Longer lines of prose are wrapped.
const PAGE: usize = 112;

/// Longer lines of a quoted table are cut: the command line makes its tables that wide where there is no terminal.
const WIDEST: usize = 140;

/// Where the demo's words go.
pub struct Screen {
    terminal: bool,
    chapter: u32,
}

impl Screen {
    /// Standard output.
    #[must_use]
    pub fn new() -> Self {
        Self { terminal: std::io::stdout().is_terminal(), chapter: 0 }
    }

    /// A line. A closed pipe is the reader's choice.
    pub fn line(&self, text: impl AsRef<str>) {
        let _closed = writeln!(std::io::stdout(), "{}", text.as_ref());
    }

    /// A chapter's heading and, below it, why it is shown.
    pub fn chapter(&mut self, title: &str, why: &str) {
        self.chapter += 1;
        self.line(format!("\n{}", self.paint("1", &format!("{}. {title}", self.chapter))));
        if !why.is_empty() {
            self.line(self.paint("2", &format!("   {why}")));
        }
    }

    /// A sentence of a chapter.
    pub fn say(&self, text: impl AsRef<str>) {
        for line in wrapped(text.as_ref()) {
            self.line(format!("   {line}"));
        }
    }

    /// What staff see of something: a word on the left, a text on the right.
    pub fn seen(&self, what: &str, text: &str) {
        self.say(format!("  {what:16} {text}"));
    }

    /// A smaller heading.
    pub fn title(&self, text: &str) {
        self.line(format!("\n   {}", self.paint("1", text)));
    }

    /// Quoted text, indented: at most `most` of its lines.
    pub fn quote(&self, text: &str, most: usize) {
        let bar = self.paint("2", "│");
        let lines: Vec<&str> = text.lines().collect();
        for line in lines.iter().take(most) {
            let shown: String = line.chars().map(visible).collect();
            for part in wrapped(&shown) {
                self.line(format!("   {bar} {part}"));
            }
        }
        if lines.len() > most {
            self.line(format!("   {bar} … and {} more lines", lines.len() - most));
        }
    }

    /// A table.
    pub fn table(&self, head: &[&str], rows: Vec<Vec<String>>) {
        let mut table = Table::new();
        table.load_style(presets::UTF8_HORIZONTAL_ONLY).set_content_arrangement(ContentArrangement::Dynamic);
        if !self.terminal {
            table.set_width(120);
        }
        table.set_header(head.iter().map(Cell::new));
        for row in rows {
            table.add_row(row);
        }
        for line in table.to_string().lines() {
            self.line(format!("   {line}"));
        }
    }

    /// A claim, and what is wrong with it.
    pub fn claim(&self, words: &str, wrong: &[String]) {
        if wrong.is_empty() {
            self.say(format!("{} {words}", self.paint("32", "✓")));
            return;
        }
        self.say(format!("{} {words}", self.paint("31", "✗")));
        for one in wrong.iter().take(5) {
            self.say(format!("    {one}"));
        }
        if wrong.len() > 5 {
            self.say(format!("    … and {} more", wrong.len() - 5));
        }
    }

    /// Progress with one bar each.
    #[must_use]
    pub fn progress(&self, bars: &[(String, u64)]) -> Progress {
        let all = MultiProgress::new();
        let style = ProgressStyle::with_template("   {prefix} {bar:32} {pos:>4}/{len}  {msg}");
        let style = style.unwrap_or_else(|_| ProgressStyle::default_bar());
        let widest = bars.iter().map(|(name, _)| name.len()).max().unwrap_or(0);
        let bars = bars
            .iter()
            .map(|(name, total)| {
                let bar = all.add(ProgressBar::new(*total).with_style(style.clone()));
                bar.set_prefix(format!("{name:widest$}"));
                bar
            })
            .collect();
        let quiet = all.is_hidden();
        Progress { bars, quiet, told: Instant::now() }
    }

    fn paint(&self, code: &str, text: &str) -> String {
        if self.terminal { format!("\u{1b}[{code}m{text}\u{1b}[0m") } else { text.to_owned() }
    }
}

impl Default for Screen {
    fn default() -> Self {
        Self::new()
    }
}

/// Prose in lines of a page's width, those after the first a little further in; a table's line is cut instead.
fn wrapped(line: &str) -> Vec<String> {
    if line.chars().count() <= PAGE {
        return vec![line.to_owned()];
    }
    if line.contains(['┆', '═', '╌', '─']) {
        return vec![line.chars().take(WIDEST).collect()];
    }
    let margin: String = line.chars().take_while(|c| *c == ' ').chain([' ', ' ']).take(20).collect();
    let mut lines = Vec::new();
    let mut now = String::new();
    for word in line.split_inclusive(' ') {
        if now.chars().count() + word.trim_end().chars().count() > PAGE && !now.trim().is_empty() {
            lines.push(now.trim_end().to_owned());
            now.clone_from(&margin);
        }
        now.push_str(word);
    }
    lines.push(now.trim_end().to_owned());
    lines
}

/// A control character never reaches the terminal; it is shown as what it is.
fn visible(letter: char) -> char {
    match letter {
        '\t' => ' ',
        '\u{7f}' => '\u{2421}',
        // Unicode has a picture of each control character.
        c if u32::from(c) < 0x20 => char::from_u32(0x2400 + u32::from(c)).unwrap_or('\u{fffd}'),
        c if c.is_control() => '\u{fffd}',
        c => c,
    }
}

/// Bars that move; without a terminal, a line now and then.
pub struct Progress {
    bars: Vec<ProgressBar>,
    quiet: bool,
    told: Instant,
}

impl Progress {
    /// Moves a bar.
    pub fn at(&self, index: usize, done: u64, words: String) {
        if let Some(bar) = self.bars.get(index) {
            bar.set_position(done);
            bar.set_message(words);
        }
    }

    /// Says in a line how far it is, where no bars can be drawn.
    pub fn tell(&mut self, screen: &Screen, last: bool) {
        if !self.quiet || !(last || self.told.elapsed() >= TOLD_EVERY) {
            return;
        }
        self.told = Instant::now();
        let parts = self
            .bars
            .iter()
            .map(|bar| format!("{} {}/{}", bar.prefix().trim_end(), bar.position(), bar.length().unwrap_or_default()));
        screen.say(parts.collect::<Vec<_>>().join("   "));
    }

    /// Leaves the bars as they are.
    pub fn end(&mut self, screen: &Screen) {
        self.tell(screen, true);
        for bar in &self.bars {
            bar.abandon();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prose_is_wrapped_and_no_word_is_lost() {
        let text = format!("    note: {}", "many words ".repeat(40));
        let lines = wrapped(&text);
        assert!(lines.len() > 3 && lines.iter().all(|line| line.chars().count() <= PAGE + 2), "{lines:?}");
        assert!(lines.iter().skip(1).all(|line| line.starts_with("      many") || line.starts_with("      words")));
        let words = |text: &str| text.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
        assert_eq!(words(&lines.join(" ")), words(&text));
    }

    #[test]
    fn an_order_can_not_write_escape_codes_to_the_terminal() {
        assert_eq!("a\u{1b}[31m\u{b}\u{9b}".chars().map(visible).collect::<String>(), "a␛[31m␋\u{fffd}");
    }
}
