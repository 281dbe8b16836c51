//! XML as a tree: attributes as `@name`, text between elements as `#text`. White space between elements says nothing.

use quick_xml::{
    Reader,
    events::{BytesStart, Event},
};

use super::tree::Node;

/// Deeper is not compared as XML.
const MOST_DEPTH: usize = 100;

/// An element that is not closed yet.
struct Open {
    name: String,
    parts: Vec<(String, Node)>,
    text: String,
}

/// Reads a text; none if it is not well-formed XML.
pub(super) fn read(_name: &str, bytes: &[u8]) -> Option<Node> {
    let text = std::str::from_utf8(bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes)).ok()?;
    if !text.trim_start().starts_with('<') {
        return None;
    }
    let mut reader = Reader::from_str(text);
    let mut open: Vec<Open> = Vec::new();
    let mut root = None;
    loop {
        match reader.read_event().ok()? {
            Event::Start(start) => {
                if open.len() >= MOST_DEPTH || root.is_some() {
                    return None;
                }
                open.push(begin(&start)?);
            }
            Event::Empty(start) => {
                let element = begin(&start)?;
                close(element, &mut open, &mut root)?;
            }
            Event::End(_) => {
                let element = open.pop()?;
                close(element, &mut open, &mut root)?;
            }
            Event::Text(text) => match open.last_mut() {
                Some(element) => element.text.push_str(&text.xml10_content()),
                None if text.trim().is_empty() => {}
                None => return None,
            },
            Event::CData(data) => open.last_mut()?.text.push_str(&data.xml10_content()),
            Event::GeneralRef(reference) => {
                let element = open.last_mut()?;
                match reference.resolve_char_ref().ok()? {
                    Some(c) => element.text.push(c),
                    None => element.text.push_str(quick_xml::escape::resolve_predefined_entity(&reference)?),
                }
            }
            Event::Decl(_) | Event::Comment(_) | Event::PI(_) => {}
            // What a document type defines could be anything.
            Event::DocType(_) => return None,
            Event::Eof => break,
        }
    }
    if open.is_empty() { root.map(|(name, node)| Node::Named(vec![(name, node)])) } else { None }
}

fn begin(start: &BytesStart<'_>) -> Option<Open> {
    let name = start.name().into_inner().to_owned();
    let mut parts = Vec::new();
    for attribute in start.attributes() {
        let attribute = attribute.ok()?;
        let value = quick_xml::escape::unescape(&attribute.value).ok()?;
        parts.push((format!("@{}", attribute.key.into_inner()), Node::text(&value)));
    }
    Some(Open { name, parts, text: String::new() })
}

fn close(element: Open, open: &mut [Open], root: &mut Option<(String, Node)>) -> Option<()> {
    let Open { name, mut parts, text } = element;
    let node = if parts.is_empty() {
        Node::text(&text)
    } else {
        if !text.trim().is_empty() {
            parts.push(("#text".to_owned(), Node::text(text.trim())));
        }
        Node::Named(parts)
    };
    match open.last_mut() {
        Some(parent) => parent.parts.push((name, node)),
        None if root.is_none() => *root = Some((name, node)),
        None => return None,
    }
    Some(())
}
