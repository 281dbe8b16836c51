//! The record as text of one of the three formats. Values are harmless already; the writers of the SDK are the net below.

mod positional;

use orderdock_plugin::Rejection;
use orderdock_plugin::xml::{Illegal, XmlStyle, XmlWriter};

use crate::record::{Field, Record};
use crate::settings::{EmptyElements, Format, Settings};

/// Writes the record.
///
/// # Errors
/// When the format can't carry a line of the order; the administrator has to decide.
pub fn write(record: &Record<'_>, settings: &Settings) -> Result<String, Rejection> {
    match settings.format {
        Format::Xml => xml(record, settings),
        Format::Standard => positional::standard(record, settings),
        Format::Variable => positional::variable(record, settings),
    }
}

fn xml(record: &Record<'_>, settings: &Settings) -> Result<String, Rejection> {
    let mut xml = XmlWriter::new(XmlStyle {
        indent: settings.indent.then_some(2),
        line_end: settings.line_end.as_str(),
        skip_empty: settings.empty_elements == EmptyElements::Dropped,
        illegal: Illegal::Refuse,
    });
    let element = |xml: &mut XmlWriter, name: &str, fields: &[Field<'_>]| {
        xml.open(name, &[]);
        for field in fields {
            xml.element(field.name, &[], &field.value);
        }
        xml.close();
    };
    xml.declaration(settings.encoding.name());
    xml.open("xmlkfi", &[("object_id", &settings.object_id.to_string())]);
    xml.open("record", &[]);
    element(&mut xml, "header", &record.header);
    for line in &record.lines {
        element(&mut xml, line.element, &line.fields);
    }
    xml.close();
    xml.close();
    let (text, _) = xml.finish()?;
    Ok(text)
}
