//! CSV as RFC 4180 describes it, with a choice of delimiter, quoting and line end.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Which fields are quoted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Quote {
    /// Those that hold the delimiter, a quote, a line break, or white space at an end.
    #[default]
    Needed,
    /// All.
    Always,
}

/// How a CSV file looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CsvStyle {
    /// Usually `,`, `;` or a tab.
    pub delimiter: char,
    /// Which fields are quoted.
    pub quote: Quote,
    /// `\r\n` (RFC 4180) or `\n`.
    pub line_end: &'static str,
}

impl Default for CsvStyle {
    fn default() -> Self {
        Self { delimiter: ',', quote: Quote::Needed, line_end: "\r\n" }
    }
}

/// Writes rows. Encode the result with [`crate::charset::Charset::encode_owned`].
///
/// ```
/// # use orderdock_plugin::csv::{CsvStyle, CsvWriter};
/// let mut csv = CsvWriter::new(CsvStyle { delimiter: ';', ..CsvStyle::default() });
/// csv.row(["sku", "name"]);
/// csv.row(["A1", "4\" pipe; blue"]);
/// assert_eq!(csv.finish(), "sku;name\r\nA1;\"4\"\" pipe; blue\"\r\n");
/// ```
#[derive(Clone, Debug)]
pub struct CsvWriter {
    style: CsvStyle,
    out: String,
}

impl CsvWriter {
    /// An empty file.
    #[must_use]
    pub fn new(style: CsvStyle) -> Self {
        Self { style, out: String::new() }
    }

    /// One row. Every row of a file should have as many fields as its head (RFC 4180 section 2, rule 4).
    pub fn row<T: AsRef<str>>(&mut self, fields: impl IntoIterator<Item = T>) {
        let start = self.out.len();
        let mut count = 0_usize;
        for field in fields {
            if count > 0 {
                self.out.push(self.style.delimiter);
            }
            count = count.saturating_add(1);
            self.field(field.as_ref());
        }
        // A single empty field would be a blank line, which most readers skip.
        if count == 1 && self.out.len() == start {
            self.out.push_str("\"\"");
        }
        self.out.push_str(self.style.line_end);
    }

    fn field(&mut self, field: &str) {
        let special = |letter: char| letter == self.style.delimiter || matches!(letter, '"' | '\r' | '\n');
        let needed = field.contains(special) || field.trim() != field;
        if self.style.quote == Quote::Needed && !needed {
            self.out.push_str(field);
            return;
        }
        self.out.push('"');
        for letter in field.chars() {
            if letter == '"' {
                self.out.push('"');
            }
            self.out.push(letter);
        }
        self.out.push('"');
    }

    /// The file.
    #[must_use]
    pub fn finish(self) -> String {
        self.out
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A reader by the book, for the round trip.
    fn read(text: &str, delimiter: char) -> Vec<Vec<String>> {
        let (mut rows, mut row, mut field, mut quoted) = (Vec::new(), Vec::new(), String::new(), false);
        let mut letters = text.chars().peekable();
        while let Some(letter) = letters.next() {
            match letter {
                '"' if quoted && letters.peek() == Some(&'"') => field.extend(letters.next()),
                '"' => quoted = !quoted,
                letter if letter == delimiter && !quoted => row.push(std::mem::take(&mut field)),
                '\r' if !quoted => {}
                '\n' if !quoted => {
                    row.push(std::mem::take(&mut field));
                    rows.push(std::mem::take(&mut row));
                }
                letter => field.push(letter),
            }
        }
        rows
    }

    proptest! {
        #[test]
        fn what_is_written_reads_back(
            rows in prop::collection::vec(prop::collection::vec("[a-c,;\"\r\n\té ]{0,6}", 1..5), 0..5),
            delimiter in prop::sample::select(vec![',', ';', '\t', '|']),
            always in any::<bool>(),
        ) {
            let quote = if always { Quote::Always } else { Quote::Needed };
            let mut csv = CsvWriter::new(CsvStyle { delimiter, quote, ..CsvStyle::default() });
            rows.iter().for_each(|row| csv.row(row));
            prop_assert_eq!(read(&csv.finish(), delimiter), rows);
        }
    }
}
