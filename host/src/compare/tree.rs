//! What every format is read into, and the comparison of two of them.

use std::collections::BTreeSet;

use super::{Change, Kind, leaf, list};

/// A piece of structured content.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Node {
    /// A value without parts.
    Leaf(Type, String),
    /// Parts with names, in order; a name may come again, as in XML.
    Named(Vec<(String, Node)>),
    /// Parts without names.
    List(Vec<Node>),
}

/// Types of values without parts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Type {
    /// Text.
    Text,
    /// A number as it is written.
    Number,
    /// True, false, or nothing.
    Word,
}

impl Node {
    pub(super) fn text(text: &str) -> Self {
        Self::Leaf(Type::Text, text.to_owned())
    }

    /// For people, on one line.
    fn shown(&self) -> String {
        const MOST: usize = 200;
        let mut text = String::new();
        self.write(&mut text, MOST);
        text
    }

    fn write(&self, text: &mut String, most: usize) {
        if text.len() > most {
            return;
        }
        match self {
            Self::Leaf(_, value) => text.push_str(value),
            Self::Named(parts) => {
                text.push('{');
                for (at, (name, part)) in parts.iter().enumerate() {
                    text.push_str(if at == 0 { "" } else { ", " });
                    text.push_str(name);
                    text.push_str(": ");
                    part.write(text, most);
                }
                text.push('}');
            }
            Self::List(parts) => {
                text.push('[');
                for (at, part) in parts.iter().enumerate() {
                    text.push_str(if at == 0 { "" } else { ", " });
                    part.write(text, most);
                }
                text.push(']');
            }
        }
    }
}

/// Everything that differs, with `place` before every path. A place that ends with a space or is empty is the root.
pub(super) fn compare(place: &str, before: &Node, after: &Node, changes: &mut Vec<Change>) {
    if before == after {
        return;
    }
    match (before, after) {
        (Node::Leaf(old_type, old), Node::Leaf(new_type, new)) => {
            let kind = if old_type == new_type { leaf::kind(old, new) } else { Kind::TypeChanged };
            changes.push(Change::new(named(place), kind, Some(old.clone()), Some(new.clone())));
        }
        (Node::Named(old), Node::Named(new)) => parts(place, old, new, changes),
        (Node::List(old), Node::List(new)) => {
            let (old, new): (Vec<_>, Vec<_>) = (old.iter().collect(), new.iter().collect());
            elements(&below(place, "*"), &old, &new, changes);
        }
        (old, new) => {
            changes.push(Change::new(named(place), Kind::TypeChanged, Some(old.shown()), Some(new.shown())));
        }
    }
}

/// Parts by their names.
fn parts(place: &str, before: &[(String, Node)], after: &[(String, Node)], changes: &mut Vec<Change>) {
    let mut seen = BTreeSet::new();
    for (name, _) in before.iter().chain(after) {
        if !seen.insert(name.as_str()) {
            continue;
        }
        let of = |parts: &'_ [(String, Node)]| -> Vec<usize> {
            parts.iter().enumerate().filter(|(_, (it, _))| it == name).map(|(at, _)| at).collect()
        };
        let pick = |parts: &'_ [(String, Node)], at: &[usize]| -> Vec<Node> {
            at.iter().filter_map(|at| parts.get(*at)).map(|(_, node)| node.clone()).collect()
        };
        let (old, new) = (pick(before, &of(before)), pick(after, &of(after)));
        let path = below(place, name);
        match (old.as_slice(), new.as_slice()) {
            ([old], [new]) => compare(&path, old, new, changes),
            ([], [new]) => changes.push(Change::new(path, Kind::Added, None, Some(new.shown()))),
            ([old], []) => changes.push(Change::new(path, Kind::Removed, Some(old.shown()), None)),
            (old, new) => {
                elements(&below(&path, "*"), &old.iter().collect::<Vec<_>>(), &new.iter().collect::<Vec<_>>(), changes);
            }
        }
    }
    let order = |parts: &[(String, Node)], others: &[(String, Node)]| -> Vec<String> {
        let shared = |name: &String| others.iter().any(|(other, _)| other == name);
        let mut once = BTreeSet::new();
        parts
            .iter()
            .map(|(name, _)| name)
            .filter(|name| shared(name) && once.insert((*name).clone()))
            .cloned()
            .collect()
    };
    let (old, new) = (order(before, after), order(after, before));
    if old != new {
        changes.push(Change::new(named(place), Kind::Reordered, Some(old.join(", ")), Some(new.join(", "))));
    }
}

/// Parts by their position.
fn elements(place: &str, before: &[&Node], after: &[&Node], changes: &mut Vec<Change>) {
    if before.len() == after.len() && before != after && is_permutation(before, after) {
        let shown = |all: &[&Node]| Node::List(all.iter().map(|node| (*node).clone()).collect()).shown();
        changes.push(Change::new(place, Kind::Reordered, Some(shown(before)), Some(shown(after))));
        return;
    }
    for (old, new) in list::pair(before, after) {
        match (old.and_then(|at| before.get(at)), new.and_then(|at| after.get(at))) {
            (Some(old), Some(new)) => compare(place, old, new, changes),
            (Some(old), None) => changes.push(Change::new(place, Kind::Removed, Some(old.shown()), None)),
            (None, Some(new)) => changes.push(Change::new(place, Kind::Added, None, Some(new.shown()))),
            (None, None) => {}
        }
    }
}

fn is_permutation(before: &[&Node], after: &[&Node]) -> bool {
    /// A longer list is compared by position.
    const MOST: usize = 2_000;
    if before.len() > MOST {
        return false;
    }
    let mut left: Vec<&&Node> = after.iter().collect();
    before.iter().all(|node| {
        let found = left.iter().position(|other| *other == node);
        found.map(|at| left.swap_remove(at)).is_some()
    })
}

/// The path of a part.
fn below(place: &str, name: &str) -> String {
    match place {
        "" => format!("/{name}"),
        // The heads of parts that stand by themselves: `header x-key`, `query page`.
        "header " | "query " => format!("{place}{name}"),
        root if root.ends_with(' ') => format!("{root}/{name}"),
        path => format!("{path}/{name}"),
    }
}

fn named(place: &str) -> String {
    match place.trim_end() {
        "" => "body".to_owned(),
        place => place.to_owned(),
    }
}
