//! A small XML writer: elements, attributes, indentation. What it writes is always well-formed if the names are.

use super::clean::{Illegal, clean};
use crate::place::BadText;
use crate::{Place, Report};

/// How a document looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct XmlStyle {
    /// Spaces per level; none writes everything on one line.
    pub indent: Option<usize>,
    /// `\n` or `\r\n`.
    pub line_end: &'static str,
    /// Elements without text, attributes and children are left out.
    pub skip_empty: bool,
    /// What becomes of characters that XML can't hold.
    pub illegal: Illegal,
}

impl Default for XmlStyle {
    /// Two spaces, `\n`, empty elements kept, illegal characters dropped and reported.
    fn default() -> Self {
        Self { indent: Some(2), line_end: "\n", skip_empty: false, illegal: Illegal::Drop }
    }
}

#[derive(Debug)]
struct Open {
    name: String,
    /// Where its start tag begins, white space included.
    start: usize,
    /// Where its start tag ends.
    content: usize,
    attributes: bool,
}

/// Writes one document.
///
/// ```
/// # use orderdock_plugin::xml::{XmlStyle, XmlWriter};
/// let mut xml = XmlWriter::new(XmlStyle::default());
/// xml.declaration("UTF-8");
/// xml.open("order", &[("version", "1")]);
/// xml.element("company", &[], "Müller & Søn <Ltd>");
/// xml.close();
/// let (text, _report) = xml.finish()?;
/// assert_eq!(
///     text,
///     "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<order version=\"1\">\n  <company>Müller &amp; Søn &lt;Ltd&gt;</company>\n</order>\n"
/// );
/// # Ok::<(), orderdock_plugin::BadText>(())
/// ```
#[derive(Debug)]
pub struct XmlWriter {
    style: XmlStyle,
    out: String,
    open: Vec<Open>,
    report: Report,
    refused: Option<BadText>,
}

impl XmlWriter {
    /// An empty document.
    #[must_use]
    pub fn new(style: XmlStyle) -> Self {
        Self { style, out: String::with_capacity(4096), open: Vec::new(), report: Report::new(), refused: None }
    }

    /// The XML declaration. `encoding` is the name of the encoding in which the bytes are written afterwards.
    pub fn declaration(&mut self, encoding: &str) {
        self.out.push_str("<?xml version=\"1.0\" encoding=\"");
        self.out.push_str(encoding);
        self.out.push_str("\"?>");
    }

    /// Begins an element that has children.
    pub fn open(&mut self, name: &str, attributes: &[(&str, &str)]) {
        let start = self.out.len();
        self.line();
        self.start_tag(name, attributes);
        self.out.push('>');
        let content = self.out.len();
        self.open.push(Open { name: name.to_owned(), start, content, attributes: !attributes.is_empty() });
    }

    /// Ends the innermost open element. Without an open one nothing happens.
    pub fn close(&mut self) {
        let Some(Open { name, start, content, attributes }) = self.open.pop() else { return };
        if self.out.len() > content {
            self.line();
            self.end_tag(&name);
        } else if self.style.skip_empty && !attributes {
            self.out.truncate(start);
        } else {
            // `<a>` becomes `<a/>`.
            self.out.truncate(content.saturating_sub(1));
            self.out.push_str("/>");
        }
    }

    /// An element with text.
    pub fn element(&mut self, name: &str, attributes: &[(&str, &str)], text: &str) {
        if text.is_empty() {
            if !(self.style.skip_empty && attributes.is_empty()) {
                self.line();
                self.start_tag(name, attributes);
                self.out.push_str("/>");
            }
            return;
        }
        self.line();
        self.start_tag(name, attributes);
        self.out.push('>');
        self.escaped(name, text, false);
        self.end_tag(name);
    }

    /// An element with text, left out where there is none.
    pub fn optional(&mut self, name: &str, attributes: &[(&str, &str)], text: Option<&str>) {
        if let Some(text) = text.filter(|text| !text.is_empty()) {
            self.element(name, attributes, text);
        }
    }

    /// A comment; `--` inside becomes `- -`, which the standard asks for (production 15).
    pub fn comment(&mut self, text: &str) {
        self.line();
        self.out.push_str("<!-- ");
        let text = self.cleaned("comment", text).replace('-', "- ").replace("-  ", "- ");
        self.out.push_str(text.trim_end());
        self.out.push_str(" -->");
    }

    /// The document and what was cleaned in it. Elements still open are closed.
    ///
    /// # Errors
    /// With [`Illegal::Refuse`], the first text that XML can't hold.
    pub fn finish(mut self) -> Result<(String, Report), BadText> {
        while !self.open.is_empty() {
            self.close();
        }
        if self.style.indent.is_some() && !self.out.is_empty() {
            self.out.push_str(self.style.line_end);
        }
        match self.refused {
            Some(refused) => Err(refused),
            None => Ok((self.out, self.report)),
        }
    }

    fn line(&mut self) {
        let Some(indent) = self.style.indent else { return };
        if self.out.is_empty() {
            return;
        }
        self.out.push_str(self.style.line_end);
        for _ in 0..indent.saturating_mul(self.open.len()) {
            self.out.push(' ');
        }
    }

    fn start_tag(&mut self, name: &str, attributes: &[(&str, &str)]) {
        self.out.push('<');
        self.out.push_str(name);
        for (attribute, value) in attributes {
            self.out.push(' ');
            self.out.push_str(attribute);
            self.out.push_str("=\"");
            self.escaped(name, value, true);
            self.out.push('"');
        }
    }

    fn end_tag(&mut self, name: &str) {
        self.out.push_str("</");
        self.out.push_str(name);
        self.out.push('>');
    }

    /// Texts of the order should be cleaned before, by [`clean`] with their own place. This is the net below: its
    /// place is the element.
    fn cleaned<'t>(&mut self, name: &str, text: &'t str) -> std::borrow::Cow<'t, str> {
        let place = format!("element {name}");
        clean(text, self.style.illegal, Place::from(&place), &mut self.report).unwrap_or_else(|refused| {
            self.refused.get_or_insert(refused);
            std::borrow::Cow::Borrowed("")
        })
    }

    fn escaped(&mut self, name: &str, text: &str, attribute: bool) {
        let cleaned;
        let mut rest = if super::clean::is_clean(text) {
            text
        } else {
            cleaned = self.cleaned(name, text);
            &cleaned
        };
        // `>` so that `]]>` can't arise; `\r` because a reader turns it into `\n` (section 2.11); in attributes white
        // space, because a reader turns it into spaces (section 3.3.3).
        while let Some(at) = rest.find(|letter| match letter {
            '&' | '<' | '>' | '\r' => true,
            '"' | '\t' | '\n' => attribute,
            _ => false,
        }) {
            let (plain, after) = rest.split_at(at);
            self.out.push_str(plain);
            let mut letters = after.chars();
            self.out.push_str(match letters.next() {
                Some('&') => "&amp;",
                Some('<') => "&lt;",
                Some('>') => "&gt;",
                Some('"') => "&quot;",
                Some('\r') => "&#13;",
                Some('\t') => "&#9;",
                _ => "&#10;",
            });
            rest = letters.as_str();
        }
        self.out.push_str(rest);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const COMPACT: XmlStyle = XmlStyle { indent: None, line_end: "\n", skip_empty: true, illegal: Illegal::Drop };

    fn written(style: XmlStyle, write: impl FnOnce(&mut XmlWriter)) -> String {
        let mut xml = XmlWriter::new(style);
        write(&mut xml);
        xml.finish().unwrap().0
    }

    #[test]
    fn empty_elements_vanish_or_stay() {
        let write = |xml: &mut XmlWriter| {
            xml.open("a", &[]);
            xml.open("b", &[]);
            xml.element("c", &[], "");
            xml.close();
            xml.element("d", &[("id", "")], "");
            xml.close();
        };
        assert_eq!(written(COMPACT, write), "<a><d id=\"\"/></a>");
        assert_eq!(written(XmlStyle { skip_empty: false, ..COMPACT }, write), "<a><b><c/></b><d id=\"\"/></a>");
        assert_eq!(written(XmlStyle { skip_empty: true, ..XmlStyle::default() }, write), "<a>\n  <d id=\"\"/>\n</a>\n");
        assert_eq!(written(XmlStyle { line_end: "\r\n", ..XmlStyle::default() }, |xml| xml.open("a", &[])), "<a/>\r\n");
    }

    #[test]
    fn a_refused_text_makes_no_document() {
        let mut xml = XmlWriter::new(XmlStyle { illegal: Illegal::Refuse, ..COMPACT });
        xml.element("Note", &[], "bell \u{7}");
        let refused = xml.finish().unwrap_err();
        assert_eq!(refused.to_string(), "element Note holds U+0007, which XML can't hold: correct it in the shop");
    }

    #[test]
    fn comments_hold_no_double_hyphen() {
        let text = written(COMPACT, |xml| xml.comment("a--b---"));
        assert!(!text["<!--".len()..text.len() - "-->".len()].contains("--"), "{text}");
    }

    /// Undoes the five escapes and the references that the writer makes.
    fn read(text: &str) -> String {
        let mut text = text.to_owned();
        for (escape, letter) in [
            ("&lt;", "<"),
            ("&gt;", ">"),
            ("&quot;", "\""),
            ("&#13;", "\r"),
            ("&#9;", "\t"),
            ("&#10;", "\n"),
            ("&amp;", "&"),
        ] {
            text = text.replace(escape, letter);
        }
        text
    }

    proptest! {
        #[test]
        fn what_goes_in_comes_out(text in any::<String>(), value in "[<>&\"'\r\n\ta-c]{0,8}") {
            let xml = written(XmlStyle { skip_empty: false, ..COMPACT }, |xml| xml.element("t", &[("v", &value)], &format!("x{text}")));
            let inner = xml.strip_prefix("<t v=\"").and_then(|rest| rest.strip_suffix("</t>")).unwrap();
            let (found_value, found) = inner.split_once("\">").unwrap();
            prop_assert!(!found.contains(['<', '>', '\r']) && !found_value.contains(['<', '>', '"', '\n', '\r', '\t']));
            prop_assert_eq!(read(found_value), value);
            let kept: String = text.chars().filter(|letter| super::super::holds(*letter)).collect();
            prop_assert_eq!(read(found), format!("x{kept}"));
        }
    }
}
