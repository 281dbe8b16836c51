//! Reads a TOML document key by key: every problem is noted with its file, line and key path, and reading goes on.

use std::{cell::RefCell, collections::BTreeSet, ops::Range, path::Path, str::FromStr};

use toml::de::{DeTable, DeValue};

use super::{Bytes, Opaque, Period};
use crate::domain::problem::Problem;

/// Above this, a file is not a configuration but a mistake.
const LARGEST: usize = 8 << 20;

/// One file being read.
pub(super) struct Document<'a> {
    name: String,
    text: &'a str,
    problems: RefCell<Vec<(usize, Problem)>>,
}

impl<'a> Document<'a> {
    pub(super) fn new(path: &Path, text: &'a str) -> Self {
        Self { name: path.display().to_string(), text, problems: RefCell::default() }
    }

    /// The root table; syntax errors are noted, and what could be read all the same is read.
    pub(super) fn root(&self) -> DeTable<'a> {
        if self.text.len() > LARGEST {
            self.note(&(0..0), "", "the file is larger than 8MiB, which no configuration is", None);
            return DeTable::new();
        }
        let (root, errors) = DeTable::parse_recoverable(self.text);
        for error in errors {
            let span = error.span().unwrap_or(0..0);
            self.note(&span, "", &format!("this is not TOML: {}", error.message().replace('\n', ", ")), None);
        }
        root.into_inner()
    }

    /// Notes a problem at a span.
    pub(super) fn note(&self, span: &Range<usize>, path: &str, message: &str, hint: Option<String>) {
        let mut problem = Problem::new(self.place(span, path), message);
        problem.hint = hint;
        self.problems.borrow_mut().push((span.start, problem));
    }

    /// `file:line:column: key path`.
    pub(super) fn place(&self, span: &Range<usize>, path: &str) -> String {
        let before = self.text.get(..span.start).unwrap_or(self.text);
        let line = before.matches('\n').count() + 1;
        let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
        let separator = if path.is_empty() { "" } else { ": " };
        format!("{}:{line}:{column}{separator}{path}", self.name)
    }

    /// All problems in the order of the file.
    pub(super) fn into_problems(self) -> Vec<Problem> {
        let mut problems = self.problems.into_inner();
        problems.sort_by_key(|(at, _)| *at);
        problems.into_iter().map(|(_, problem)| problem).collect()
    }
}

/// One table being read. Keys that nobody asked for are problems when it is closed.
pub(super) struct Section<'d, 'a> {
    pub(super) document: &'d Document<'a>,
    table: Option<&'d DeTable<'a>>,
    path: String,
    span: Range<usize>,
    known: RefCell<BTreeSet<String>>,
}

/// A value and where it stands.
pub(super) struct Found<'d, 'a> {
    pub(super) value: &'d DeValue<'a>,
    pub(super) span: Range<usize>,
    pub(super) path: String,
}

impl<'d, 'a> Section<'d, 'a> {
    pub(super) fn root(document: &'d Document<'a>, table: &'d DeTable<'a>) -> Self {
        Self { document, table: Some(table), path: String::new(), span: 0..0, known: RefCell::default() }
    }

    /// Whether the file has the table at all.
    pub(super) fn is_given(&self) -> bool {
        self.table.is_some()
    }

    /// Notes a problem about a key of this table.
    pub(super) fn note(&self, key: &str, message: &str, hint: Option<String>) {
        let span = self
            .table
            .and_then(|table| table.iter().find(|(name, _)| name.get_ref() == key))
            .map_or_else(|| self.span.clone(), |(_, value)| value.span());
        self.document.note(&span, &self.join(key), message, hint);
    }

    fn join(&self, key: &str) -> String {
        match (self.path.is_empty(), key.is_empty()) {
            (_, true) => self.path.clone(),
            (true, false) => key.to_owned(),
            (false, false) => format!("{}.{key}", self.path),
        }
    }

    pub(super) fn find(&self, key: &str) -> Option<Found<'d, 'a>> {
        self.known.borrow_mut().insert(key.to_owned());
        let (_, value) = self.table?.iter().find(|(name, _)| name.get_ref() == key)?;
        Some(Found { value: value.get_ref(), span: value.span(), path: self.join(key) })
    }

    /// A table below; empty when it is not there.
    pub(super) fn section(&self, key: &str) -> Section<'d, 'a> {
        let found = self.find(key);
        let mut section = Section {
            document: self.document,
            table: None,
            path: self.join(key),
            span: self.span.clone(),
            known: RefCell::default(),
        };
        if let Some(found) = found {
            section.span = found.span.clone();
            match found.value {
                DeValue::Table(table) => section.table = Some(table),
                other => self.wrong(&found.span, &found.path, other, "a table"),
            }
        }
        section
    }

    /// Every key of this table, each now known.
    pub(super) fn entries(&self) -> Vec<(String, Found<'d, 'a>)> {
        let mut entries = Vec::new();
        for (name, value) in self.table.into_iter().flat_map(|table| table.iter()) {
            let key = name.get_ref().to_string();
            self.known.borrow_mut().insert(key.clone());
            let path = self.join(&key);
            entries.push((key, Found { value: value.get_ref(), span: value.span(), path }));
        }
        entries
    }

    fn wrong(&self, span: &Range<usize>, path: &str, value: &DeValue<'_>, wanted: &str) {
        self.document.note(span, path, &format!("must be {wanted}, not {}", kind(value)), None);
    }

    /// Text of a found value.
    pub(super) fn as_text(&self, found: &Found<'d, 'a>) -> Option<String> {
        match found.value {
            DeValue::String(text) => Some(text.to_string()),
            other => {
                self.wrong(&found.span, &found.path, other, "text in quotes");
                None
            }
        }
    }

    /// Text; absent or not text gives none.
    pub(super) fn text(&self, key: &str) -> Option<String> {
        let found = self.find(key)?;
        let text = self.as_text(&found)?;
        if text.trim().is_empty() {
            self.document.note(&found.span, &found.path, "is empty", Some("give a value or leave the key out".into()));
            return None;
        }
        Some(text)
    }

    /// Text that must be there.
    pub(super) fn required(&self, key: &str, example: &str) -> String {
        if self.table.is_none() || self.find(key).is_none() {
            self.note(key, "is missing", Some(format!("write `{} = {example}`", self.join(key))));
        }
        self.text(key).unwrap_or_default()
    }

    /// One of several words.
    pub(super) fn choice<T: Copy>(&self, key: &str, choices: &[(&str, T)]) -> Option<T> {
        let text = self.text(key)?;
        let found = choices.iter().find(|(word, _)| *word == text).map(|(_, value)| *value);
        if found.is_none() {
            let words: Vec<_> = choices.iter().map(|(word, _)| *word).collect();
            let message = format!("`{text}` is not known; it can be {}", words.join(", "));
            self.note(key, &message, nearest(&text, words.iter().copied()).map(did_you_mean));
        }
        found
    }

    /// `true` or `false`.
    pub(super) fn flag(&self, key: &str) -> Option<bool> {
        let found = self.find(key)?;
        let flag = found.value.as_bool();
        if flag.is_none() {
            self.wrong(&found.span, &found.path, found.value, "true or false");
        }
        flag
    }

    /// A whole number between two bounds.
    pub(super) fn number(&self, key: &str, bounds: std::ops::RangeInclusive<u64>) -> Option<u64> {
        let found = self.find(key)?;
        let Some(number) = found.value.as_integer().map(integer) else {
            self.wrong(&found.span, &found.path, found.value, "a whole number");
            return None;
        };
        let number = number.and_then(|number| u64::try_from(number).ok()).filter(|number| bounds.contains(number));
        if number.is_none() {
            let message = format!("must be from {} to {}", bounds.start(), bounds.end());
            self.document.note(&found.span, &found.path, &message, None);
        }
        number
    }

    /// A duration, as text with a unit or as whole seconds.
    pub(super) fn period(&self, key: &str) -> Option<Period> {
        self.quantity(key, "a duration such as \"5m\", or whole seconds")
    }

    /// A duration that must not be zero: for a limit, zero would refuse everything.
    pub(super) fn limit(&self, key: &str) -> Option<Period> {
        let period = self.period(key)?;
        if period.0 == 0 {
            self.note(key, "must be longer than zero", None);
            return None;
        }
        Some(period)
    }

    /// A size, as text with a unit or as whole bytes.
    pub(super) fn bytes(&self, key: &str) -> Option<Bytes> {
        self.quantity(key, "a size such as \"64MiB\", or whole bytes")
    }

    fn quantity<T>(&self, key: &str, wanted: &str) -> Option<T>
    where
        T: FromStr<Err = String> + TryFrom<u64, Error = String>,
    {
        let found = self.find(key)?;
        let result = match found.value {
            DeValue::String(text) => text.parse(),
            DeValue::Integer(number) => match integer(number).and_then(|number| u64::try_from(number).ok()) {
                Some(number) => T::try_from(number),
                None => Err("must not be negative".to_owned()),
            },
            other => {
                self.wrong(&found.span, &found.path, other, wanted);
                return None;
            }
        };
        result.map_err(|message| self.document.note(&found.span, &found.path, &message, None)).ok()
    }

    /// A list of texts; one text alone counts as a list of one.
    pub(super) fn texts(&self, key: &str) -> Option<Vec<String>> {
        let found = self.find(key)?;
        match found.value {
            DeValue::Array(items) => {
                let texts = items.iter().enumerate().filter_map(|(at, item)| {
                    let path = format!("{}[{at}]", found.path);
                    let text = self.as_text(&Found { value: item.get_ref(), span: item.span(), path: path.clone() })?;
                    if text.trim().is_empty() {
                        self.document.note(&item.span(), &path, "is empty", None);
                        return None;
                    }
                    Some(text)
                });
                Some(texts.collect())
            }
            DeValue::String(_) => self.text(key).map(|text| vec![text]),
            other => {
                self.wrong(&found.span, &found.path, other, "a list of texts");
                None
            }
        }
    }

    /// A table that another room reads; see [`Opaque`].
    pub(super) fn opaque(&self, key: &str) -> Opaque {
        let section = self.section(key);
        Opaque::read(self.document, section.table, &section.path, &section.span)
    }

    /// Ends the reading of this table: whatever nobody asked for is a problem.
    pub(super) fn close(self) {
        let known = self.known.borrow();
        for (name, _) in self.table.into_iter().flat_map(|table| table.iter()) {
            let key = name.get_ref();
            if !known.contains(key.as_ref()) {
                let hint = nearest(key, known.iter().map(String::as_str)).map(did_you_mean).unwrap_or_else(|| {
                    format!("known here: {}", known.iter().map(String::as_str).collect::<Vec<_>>().join(", "))
                });
                self.document.note(&name.span(), &self.join(key), "there is no such setting", Some(hint));
            }
        }
    }
}

/// What a value is, in words.
fn kind(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "text",
        DeValue::Integer(_) => "a whole number",
        DeValue::Float(_) => "a number with a fraction",
        DeValue::Boolean(_) => "true or false",
        DeValue::Datetime(_) => "a date without quotes",
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a table",
    }
}

/// A TOML integer's value, if it fits.
pub(super) fn integer(number: &toml::de::DeInteger<'_>) -> Option<i64> {
    i64::from_str_radix(number.as_str(), number.radix()).ok()
}

fn did_you_mean(word: &str) -> String {
    format!("did you mean `{word}`?")
}

/// The candidate that a slip of the fingers away from `word`, if there is one.
pub(super) fn nearest<'w>(word: &str, candidates: impl Iterator<Item = &'w str>) -> Option<&'w str> {
    let most = (word.chars().count() / 3).clamp(1, 3);
    candidates
        .map(|candidate| (distance(&word.to_lowercase(), candidate), candidate))
        .filter(|(distance, _)| *distance <= most)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// Levenshtein's distance. Long words are never near anything: nobody may make us work for them.
fn distance(left: &str, right: &str) -> usize {
    if left.len() > 64 || right.len() > 64 {
        return usize::MAX;
    }
    let mut row: Vec<usize> = (0..=right.chars().count()).collect();
    for (i, a) in left.chars().enumerate() {
        let mut previous = i;
        let mut last = i + 1;
        for (cell, b) in row.iter_mut().skip(1).zip(right.chars()) {
            let cost = (previous + usize::from(a != b)).min(*cell + 1).min(last + 1);
            previous = std::mem::replace(cell, cost);
            last = cost;
        }
        if let Some(first) = row.first_mut() {
            *first = i + 1;
        }
    }
    row.last().copied().unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slips_are_seen() {
        let keys = ["data_dir", "database", "listen", "key_file"];
        for (word, meant) in
            [("lisen", "listen"), ("datadir", "data_dir"), ("Databse", "database"), ("keyfile", "key_file")]
        {
            assert_eq!(nearest(word, keys.into_iter()), Some(meant));
        }
        assert_eq!(nearest("colour", keys.into_iter()), None);
        assert_eq!(distance("kitten", "sitting"), 3);
        assert_eq!(distance("", "abc"), 3);
    }
}
