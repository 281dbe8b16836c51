//! Keystroke files and other delimited text as a tree: rows with columns. Variable position names its columns in a head
//! row, a comma-separated file in its first; where nothing names them they are numbered from 1.

use super::tree::Node;

/// Reads a text; none if it is neither a keystroke file nor comma-separated.
pub(super) fn read(name: &str, bytes: &[u8]) -> Option<Node> {
    let text = match std::str::from_utf8(bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes)) {
        Ok(text) => text.to_owned(),
        // Windows-1252 and its like: what matters is that the same bytes are the same characters.
        Err(_) => bytes.iter().map(|byte| char::from(*byte)).collect(),
    };
    let lower = name.to_ascii_lowercase();
    let keystrokes = ["<KFI_version", "<Object_ID", "<IgnoreCR", "<HEADROW"].iter().any(|tag| text.starts_with(tag));
    if keystrokes || lower.ends_with(".kfi") {
        return Some(keystroke(&text));
    }
    lower.ends_with(".csv").then(|| separated(&text))
}

fn keystroke(text: &str) -> Node {
    let mut rows: Vec<&str> = text.lines().collect();
    let mut parts = Vec::new();
    if rows.first().is_some_and(|row| row.starts_with('<') && !row.starts_with("<HEADROW")) {
        parts.push(("tags".to_owned(), Node::text(rows.remove(0).trim_end_matches(','))));
    }
    if rows.first().is_some_and(|row| row.starts_with("<HEADROW")) {
        let names = columns(rows.remove(0));
        parts.push(("columns".to_owned(), Node::List(names.iter().map(|name| Node::text(name)).collect())));
        parts.push(("rows".to_owned(), Node::List(rows.iter().map(|row| fields(row, &names)).collect())));
    } else if !rows.is_empty() {
        // Standard: the order's own fields, then its lines.
        parts.push(("header".to_owned(), fields(rows.remove(0), &[])));
        parts.push(("lines".to_owned(), Node::List(rows.iter().map(|row| fields(row, &[])).collect())));
    }
    Node::Named(parts)
}

/// The names of `<HEADROW><header>a,b,<productline>c,<ENDHEADROW>`: `a`, `b`, `productline.c`.
fn columns(row: &str) -> Vec<String> {
    let mut section = "";
    let mut names = Vec::new();
    for piece in row.split(',') {
        let mut name = piece;
        while let Some((tag, rest)) = name.strip_prefix('<').and_then(|it| it.split_once('>')) {
            section = if tag == "header" || tag == "HEADROW" { "" } else { tag };
            name = rest;
        }
        if !name.is_empty() {
            names.push(if section.is_empty() { name.to_owned() } else { format!("{section}.{name}") });
        }
    }
    names
}

fn separated(text: &str) -> Node {
    let mut rows = text.lines();
    let names = rows.next().map(split).unwrap_or_default();
    let rows = rows.map(|row| fields(row, &names)).collect();
    let columns = names.iter().map(|name| Node::text(name)).collect();
    Node::Named(vec![("columns".to_owned(), Node::List(columns)), ("rows".to_owned(), Node::List(rows))])
}

fn fields(row: &str, names: &[String]) -> Node {
    let named = |(at, value): (usize, String)| {
        let name = names.get(at).cloned().unwrap_or_else(|| format!("field {}", at + 1));
        (name, Node::text(&value))
    };
    Node::Named(split(row).into_iter().enumerate().map(named).collect())
}

/// Fields between commas; in double quotes a comma is none (RFC 4180).
fn split(row: &str) -> Vec<String> {
    let (mut fields, mut field, mut quoted) = (Vec::new(), String::new(), false);
    let mut chars = row.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '"' if quoted && chars.peek() == Some(&'"') => {
                chars.next();
                field.push('"');
            }
            '"' if quoted || field.is_empty() => quoted = !quoted,
            ',' if !quoted => fields.push(std::mem::take(&mut field)),
            c => field.push(c),
        }
    }
    fields.push(field);
    fields
}
