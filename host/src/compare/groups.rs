//! The changes of many orders, put together by place and kind.

use std::collections::BTreeMap;

use serde::Serialize;

use super::{Change, Kind};

/// Examples that are kept of each group.
const EXAMPLES: usize = 3;
/// Groups that are kept; a plugin that gives every order other field names makes any number of them.
const MOST_GROUPS: usize = 1_000;

/// One order in which a change was seen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Example {
    /// Its number.
    pub order: String,
    /// What it was.
    pub before: Option<String>,
    /// What it is.
    pub after: Option<String>,
}

/// One kind of change at one place.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Group {
    /// Where.
    pub place: String,
    /// What kind.
    pub kind: Kind,
    /// In how many orders.
    pub orders: u64,
    /// How often.
    pub times: u64,
    /// The first orders.
    pub examples: Vec<Example>,
}

/// All of them.
#[derive(Clone, Debug, Default)]
pub struct Groups {
    groups: BTreeMap<(String, Kind), Group>,
    /// Changes that found no room.
    dropped: u64,
}

impl Groups {
    /// Adds the changes of one order.
    pub fn add(&mut self, order: &str, changes: Vec<Change>) {
        let mut here: Vec<(String, Kind)> = Vec::new();
        for Change { place, kind, before, after } in changes {
            let key = (place, kind);
            if !self.groups.contains_key(&key) && self.groups.len() >= MOST_GROUPS {
                self.dropped = self.dropped.saturating_add(1);
                continue;
            }
            let group = self.groups.entry(key.clone()).or_insert_with(|| Group {
                place: key.0.clone(),
                kind,
                orders: 0,
                times: 0,
                examples: Vec::new(),
            });
            group.times = group.times.saturating_add(1);
            if here.contains(&key) {
                continue;
            }
            group.orders = group.orders.saturating_add(1);
            if group.examples.len() < EXAMPLES {
                group.examples.push(Example { order: order.to_owned(), before, after });
            }
            here.push(key);
        }
    }

    /// Takes over what was counted elsewhere.
    pub fn merge(&mut self, other: Self) {
        self.dropped = self.dropped.saturating_add(other.dropped);
        for (key, group) in other.groups {
            let full = self.groups.len() >= MOST_GROUPS;
            match self.groups.get_mut(&key) {
                None if full => self.dropped = self.dropped.saturating_add(group.times),
                None => {
                    self.groups.insert(key, group);
                }
                Some(mine) => {
                    mine.orders = mine.orders.saturating_add(group.orders);
                    mine.times = mine.times.saturating_add(group.times);
                    mine.examples.extend(group.examples);
                    mine.examples.sort_by(|one, other| one.order.cmp(&other.order));
                    mine.examples.truncate(EXAMPLES);
                }
            }
        }
    }

    /// Changes that belong to no group, because there are too many kinds of them.
    #[must_use]
    pub fn dropped(&self) -> u64 {
        self.dropped
    }

    /// The groups, those with most orders first.
    #[must_use]
    pub fn list(self) -> Vec<Group> {
        let mut all: Vec<Group> = self.groups.into_values().collect();
        all.sort_by(|one, other| other.orders.cmp(&one.orders).then_with(|| one.place.cmp(&other.place)));
        all
    }
}
