//! Reads what `plugin activate` takes from files beside the connection's own: plugin settings, look-up tables.

use std::{collections::BTreeMap, path::Path};

use super::{
    Opaque,
    connection_file::table_of_tables,
    reader::{Document, Section},
};
use crate::domain::problem::Problem;

/// A file that holds a plugin's settings and nothing else: what stands under `[plugin.settings]` of a connection's file.
///
/// # Errors
/// Every problem at once.
pub fn read_plugin_settings(path: &Path, text: &str) -> Result<Opaque, Vec<Problem>> {
    let document = Document::new(path, text);
    let settings = Opaque::read(&document, Some(&document.root()), "", &(0..0));
    checked(document, settings)
}

/// A file of look-up tables: what stands under `[tables]` of a connection's file.
///
/// # Errors
/// Every problem at once.
pub fn read_tables(path: &Path, text: &str) -> Result<BTreeMap<String, BTreeMap<String, String>>, Vec<Problem>> {
    let document = Document::new(path, text);
    let table = document.root();
    let tables = table_of_tables(&Section::root(&document, &table));
    checked(document, tables)
}

fn checked<T>(document: Document<'_>, read: T) -> Result<T, Vec<Problem>> {
    let problems = document.into_problems();
    if problems.is_empty() { Ok(read) } else { Err(problems) }
}
