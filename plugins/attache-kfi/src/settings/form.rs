//! Settings of the file: its format, its characters, its tags and keys.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Which of the vendor's three formats is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Format {
    /// XML: every field is named, nothing depends on the layout of the screen.
    #[default]
    Xml,
    /// Standard (positional): fields in the order of the screen, keys between them. The file must match the screen
    /// exactly, so `field_order` must be the screen's own.
    Standard,
    /// Variable position: a head row names the fields.
    Variable,
}

/// What ends a line of the file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum LineEnd {
    /// Carriage return and line feed.
    #[default]
    Crlf,
    /// Line feed.
    Lf,
}

impl LineEnd {
    /// The characters.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Crlf => "\r\n",
            Self::Lf => "\n",
        }
    }
}

/// What becomes of XML elements without a value.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum EmptyElements {
    /// They are left out: an empty element may clear a default of the screen.
    #[default]
    Dropped,
    /// They are written as empty elements.
    Written,
}

/// What becomes of `<`, `>` and line breaks in texts of the XML format. They are escaped in any case; this is about a
/// reader that takes `<F9>` for a key after it has undone the escaping.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum XmlUnsafe {
    /// `<` and `>` become `(` and `)`, line breaks and control characters a space; the order's timeline says so. A code
    /// with such a character refuses the order.
    #[default]
    Replace,
    /// The order is refused.
    Refuse,
    /// `<` and `>` stay, escaped; line breaks and control characters become a space. Only for a site where a test
    /// showed that an escaped `<F9>` presses nothing.
    Escape,
}

/// What becomes of a text that is longer than its width. A code or a number is never cut: it refuses the order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum TooLong {
    /// The order is held: refused with a sentence that names the field.
    #[default]
    Hold,
    /// The text is cut; the order's timeline says so.
    Cut,
}

/// Rows of the variable position format, of an order with several lines.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum VariableRows {
    /// Every row has the header's values.
    #[default]
    RepeatHeader,
    /// Only the first row has them; they are empty in the others.
    HeaderOnce,
}

/// Tags and keys of the standard format, without `<` and `>`. Example: `F9`. A key never comes from an order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Tokens {
    /// Tags of the first line; {object_id} is filled in. Empty: no such line. A site whose screen takes carriage
    /// returns for keys begins with `IgnoreCR`.
    pub file: Vec<String>,
    /// Keys behind the header's fields.
    pub after_header: Vec<String>,
    /// Keys before a product line.
    pub before_productline: Vec<String>,
    /// Keys that lead to a service line. Without them an order with such a line is held.
    pub before_serviceline: Vec<String>,
    /// Keys that lead to a sundry line. Without them an order with such a line is held.
    pub before_sundryline: Vec<String>,
    /// Keys that lead to a comment line. Without them an order with such a line is held.
    pub before_comment_line: Vec<String>,
    /// Keys behind each line.
    pub after_line: Vec<String>,
    /// Keys behind the whole order.
    pub after_record: Vec<String>,
}

impl Default for Tokens {
    fn default() -> Self {
        let list = |tokens: &[&str]| tokens.iter().map(|token| (*token).to_owned()).collect();
        Self {
            // The first line of the one positional file that could be read whole.
            file: list(&["KFI_version=1.0", "Object_ID={object_id}", "Speed=10"]),
            after_header: Vec::new(),
            before_productline: Vec::new(),
            before_serviceline: Vec::new(),
            before_sundryline: Vec::new(),
            before_comment_line: Vec::new(),
            after_line: list(&["F9"]),
            after_record: list(&["F9"]),
        }
    }
}

impl Tokens {
    /// Every list with its name.
    #[must_use]
    pub fn all(&self) -> [(&'static str, &[String]); 8] {
        [
            ("file", &self.file),
            ("after_header", &self.after_header),
            ("before_productline", &self.before_productline),
            ("before_serviceline", &self.before_serviceline),
            ("before_sundryline", &self.before_sundryline),
            ("before_comment_line", &self.before_comment_line),
            ("after_line", &self.after_line),
            ("after_record", &self.after_record),
        ]
    }
}
