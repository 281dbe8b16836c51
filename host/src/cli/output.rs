//! What commands print: tables that fit the terminal for people, JSON for scripts. The one place that writes to standard
//! output and standard error.

use std::io::{IsTerminal as _, Write as _};

use comfy_table::{Attribute, Cell, Color, ContentArrangement, ContentLineStyle, LineStyle, Table, TableStyle};
use serde::Serialize;

use crate::domain::{pass::Colour, problem::Problem};

/// A line under the head and nothing else: rows are what people came for.
const LINES: TableStyle = TableStyle::new()
    .header_lines(ContentLineStyle::none())
    .header_separator(LineStyle::none().fill('─').junction('─'))
    .content_lines(ContentLineStyle::none());

/// Where a command's words go.
#[derive(Clone, Copy, Debug)]
pub struct Output {
    /// JSON instead of words.
    pub json: bool,
    colours: bool,
}

impl Output {
    /// Words or JSON; colours only on a terminal.
    #[must_use]
    pub fn new(json: bool) -> Self {
        Self { json, colours: std::io::stdout().is_terminal() }
    }

    /// A line of text. Broken pipes are the reader's choice.
    pub fn line(&self, text: impl AsRef<str>) {
        let _closed = writeln!(std::io::stdout(), "{}", text.as_ref());
    }

    /// Text as it is.
    pub fn text(&self, text: &str) {
        let _closed = write!(std::io::stdout(), "{text}");
    }

    /// A line for the person at the terminal that is not the result.
    pub fn remark(&self, text: impl AsRef<str>) {
        let _closed = writeln!(std::io::stderr(), "{}", text.as_ref());
    }

    /// A value as JSON.
    pub fn value<T: Serialize>(&self, value: &T) {
        match serde_json::to_string_pretty(value) {
            Ok(json) => self.line(json),
            Err(error) => self.remark(format!("error: the result has no JSON form: {error}")),
        }
    }

    /// JSON or words.
    pub fn either<T: Serialize>(&self, value: &T, words: impl FnOnce()) {
        if self.json { self.value(value) } else { words() }
    }

    /// A table.
    pub fn table(&self, head: &[&str], rows: Vec<Vec<Cell>>) {
        let mut table = Table::new();
        table.load_style(LINES).set_content_arrangement(ContentArrangement::Dynamic);
        if !std::io::stdout().is_terminal() {
            table.set_width(140);
        }
        table.set_header(head.iter().map(|title| Cell::new(title).add_attribute(Attribute::Bold)));
        for row in rows {
            table.add_row(row);
        }
        self.line(table.to_string());
    }

    /// A state with its colour. The word says it too.
    #[must_use]
    pub fn state(&self, words: &str, colour: Colour) -> Cell {
        let cell = Cell::new(words);
        let colour = match colour {
            _ if !self.colours => return cell,
            Colour::Green => Color::Green,
            Colour::Blue => Color::Blue,
            Colour::Red => Color::Red,
            Colour::Amber => Color::Yellow,
            Colour::None => return cell,
        };
        cell.fg(colour)
    }

    /// Problems, a line each.
    pub fn problems(&self, heading: &str, problems: &[Problem]) {
        if self.json {
            self.value(&serde_json::json!({ "error": heading, "problems": problems }));
            return;
        }
        self.remark(format!("error: {heading}"));
        for problem in problems {
            self.remark(format!("  - {problem}"));
        }
    }
}

/// Text in a cell; control characters of outside text never reach the terminal.
#[must_use]
pub fn cell(text: impl AsRef<str>) -> Cell {
    Cell::new(plain(text.as_ref()))
}

/// Text without control characters but line breaks.
#[must_use]
pub fn plain(text: &str) -> String {
    text.chars().map(|c| if c.is_control() && c != '\n' { '\u{fffd}' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_order_can_not_write_escape_codes_to_the_terminal() {
        assert_eq!(plain("a\u{1b}[31mb\nc"), "a\u{fffd}[31mb\nc");
    }
}
