//! What the gate found, as items of the verdict.

use super::super::AdmissionError;
use crate::domain::admission::{Item, Judged};

fn item_of(problem: &AdmissionError) -> Item {
    match problem {
        AdmissionError::TooLarge { .. } => Item::Size,
        AdmissionError::NotWasm(_) | AdmissionError::CoreModule => Item::File,
        AdmissionError::ForbiddenImports { .. } => Item::Imports,
        AdmissionError::Compile(_) => Item::Compile,
        AdmissionError::WrongWorld(_) => Item::World,
        AdmissionError::TooDemanding(_) => Item::Needs,
        AdmissionError::BadDescription(_) | AdmissionError::Fault(_) => Item::Description,
    }
}

/// What was looked at before it could be run; what could not be reached because something else failed says so.
pub fn items(problems: &[AdmissionError]) -> Vec<Judged> {
    let items = [Item::Size, Item::File, Item::Imports, Item::Compile, Item::World, Item::Needs, Item::Description];
    let failed: Vec<Item> = problems.iter().map(item_of).collect();
    items
        .into_iter()
        .map(|item| {
            let found: Vec<String> = problems
                .iter()
                .filter(|problem| item_of(problem) == item)
                .flat_map(|problem| match problem {
                    AdmissionError::BadDescription(all) => all.clone(),
                    other => vec![other.to_string()],
                })
                .collect();
            if !found.is_empty() {
                return Judged::failed(item, found);
            }
            // Without a whole file that compiles nothing can be looked at; it is asked who it is only if all is well.
            let before = failed.iter().find(|failed| {
                **failed < item
                    && (item == Item::Description || matches!(failed, Item::Size | Item::File | Item::Compile))
            });
            match before {
                Some(before) => Judged::not_judged(item, format!("`{before}` failed before it")),
                None => Judged::passed(item, Vec::new()),
            }
        })
        .collect()
}
