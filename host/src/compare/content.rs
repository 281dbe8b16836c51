//! A body or a file read by itself, and what stands at a place in it. Places are those that comparisons print:
//! `/lines/*/sku`, `/Order/cac:OrderLine/*/@id`, `/rows/*/productline.price`.

use super::{READINGS, tree::Node};

/// A text that could be read as JSON, XML, a keystroke file or comma-separated.
#[derive(Clone, Debug)]
pub struct Content(Node);

/// What stands at a place: the whole, or a part of it.
#[derive(Clone, Copy, Debug)]
pub struct Piece<'a>(&'a Node);

impl Content {
    /// Reads bytes; the name may tell by its ending what they are. None for what no reader understands.
    #[must_use]
    pub fn read(name: &str, bytes: &[u8]) -> Option<Self> {
        READINGS.iter().find_map(|read| read(name, bytes)).map(Self)
    }

    /// All of it.
    #[must_use]
    pub fn whole(&self) -> Piece<'_> {
        Piece(&self.0)
    }
}

impl<'a> Piece<'a> {
    /// Everything at a place below. `*` may be written where a list is and need not be: whatever is in a list, or has the
    /// same name several times, is meant each by itself. An XML name may be written without its prefix.
    #[must_use]
    pub fn at(self, place: &str) -> Vec<Self> {
        let mut here = each(self.0);
        for part in place.split('/').filter(|part| !part.is_empty() && *part != "*") {
            here = here.into_iter().flat_map(|node| named(node, part)).flat_map(each).collect();
        }
        here.into_iter().map(Self).collect()
    }

    /// Its text: that of a value, or what an XML element with attributes holds. None for what has parts only.
    #[must_use]
    pub fn text(self) -> Option<&'a str> {
        match self.0 {
            Node::Leaf(_, text) => Some(text.trim()),
            Node::Named(parts) => parts.iter().find(|(name, _)| name == "#text").and_then(|(_, node)| match node {
                Node::Leaf(_, text) => Some(text.trim()),
                _ => None,
            }),
            Node::List(_) => None,
        }
    }
}

fn each(node: &Node) -> Vec<&Node> {
    match node {
        Node::List(parts) => parts.iter().collect(),
        other => vec![other],
    }
}

fn named<'a>(node: &'a Node, part: &str) -> Vec<&'a Node> {
    let Node::Named(parts) = node else { return Vec::new() };
    let all = |is: &dyn Fn(&str) -> bool| -> Vec<&'a Node> {
        parts.iter().filter(|(name, _)| is(name)).map(|(_, node)| node).collect()
    };
    let exactly = all(&|name| name == part);
    if !exactly.is_empty() || part.contains(':') {
        return exactly;
    }
    let attribute = |name: &str| name.starts_with('@');
    let local = part.trim_start_matches('@');
    all(&|name| attribute(name) == attribute(part) && name.rsplit_once(':').is_some_and(|(_, name)| name == local))
}
