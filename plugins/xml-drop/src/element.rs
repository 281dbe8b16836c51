//! Elements with the order's kinds of values.

use orderdock_plugin::xml::{XmlStyle, XmlWriter};
use orderdock_plugin::{Decimal, Instant, Rejection, Report};

/// Writes elements; those without content are left out.
#[derive(Debug)]
pub struct Element {
    /// The document so far.
    pub xml: XmlWriter,
    /// What a layout worked out or left out.
    pub report: Report,
}

impl Element {
    /// An empty document.
    #[must_use]
    pub fn new(style: XmlStyle) -> Self {
        Self { xml: XmlWriter::new(style), report: Report::new() }
    }

    /// An element with children.
    pub fn group(&mut self, name: &str, attributes: &[(&str, &str)], children: impl FnOnce(&mut Self)) {
        self.xml.open(name, attributes);
        children(self);
        self.xml.close();
    }

    /// An element with text; none where the text is empty.
    pub fn text(&mut self, name: &str, text: &str) {
        self.xml.optional(name, &[], Some(text));
    }

    /// An element with text that may be absent.
    pub fn optional(&mut self, name: &str, text: Option<&str>) {
        self.xml.optional(name, &[], text);
    }

    /// An amount or a quantity that may be absent.
    pub fn decimal(&mut self, name: &str, decimal: Option<&Decimal>) {
        self.xml.optional(name, &[], decimal.map(Decimal::as_str));
    }

    /// A moment that may be absent, as `xs:dateTime`.
    pub fn moment(&mut self, name: &str, instant: Option<&Instant>) {
        self.xml.optional(name, &[], instant.map(moment).as_deref());
    }

    /// The document; what the layout and the writer had to do joins the report.
    ///
    /// # Errors
    /// Where a policy says refuse.
    pub fn finish(self, report: &mut Report) -> Result<String, Rejection> {
        let (text, cleaned) = self.xml.finish()?;
        report.append(self.report);
        report.append(cleaned);
        Ok(text)
    }
}

/// RFC 3339 knows second 60, XML Schema does not (XML Schema part 2, section 3.2.7): the leap second is its minute's
/// last.
#[must_use]
pub fn moment(instant: &Instant) -> String {
    let text = instant.as_str();
    match (text.get(..17), text.get(17..19), text.get(19..)) {
        (Some(minute), Some("60"), Some(rest)) => format!("{minute}59{rest}"),
        _ => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_leap_second_is_the_last_of_its_minute() {
        let read = |text: &str| moment(&Instant::new(text).unwrap());
        assert_eq!(read("2016-12-31T23:59:60.5Z"), "2016-12-31T23:59:59.5Z");
        assert_eq!(read("2016-12-31T23:59:58Z"), "2016-12-31T23:59:58Z");
    }
}
