//! The verdict on a release before it may be used: what was looked at, what was found, and what a person decided about it.
//!
//! An item that fails keeps a release from being used until an administrator overrides that very item with a reason. An
//! item without which nothing can run at all (a file that is no component, a missing function) can't be overridden.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use super::clock::Millis;

/// What is looked at, in the order in which it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Item {
    /// Not larger than is allowed.
    Size,
    /// A WebAssembly component, undamaged.
    File,
    /// Imports only what is offered.
    Imports,
    /// Compiles within the limits of time and memory.
    Compile,
    /// Exports the contract's functions with the contract's types.
    World,
    /// Fits the pool: memories, tables, memory to start with.
    Needs,
    /// Describes itself sanely.
    Description,
    /// The schema of its settings can be used by people: defaults fit, every setting is explained.
    SettingsSchema,
    /// Its own cases pass.
    Cases,
    /// Awkward orders end in deliveries or rejections, never in a trap, a limit or an invalid result.
    AwkwardOrders,
    /// Two runs give the same bytes for the same CPU units.
    SameBytes,
    /// File names come from the order.
    FileNames,
    /// Awkward answers of an ERP are read without a trap.
    AwkwardAnswers,
}

impl Item {
    /// All of them.
    pub const ALL: [Self; 13] = [
        Self::Size,
        Self::File,
        Self::Imports,
        Self::Compile,
        Self::World,
        Self::Needs,
        Self::Description,
        Self::SettingsSchema,
        Self::Cases,
        Self::AwkwardOrders,
        Self::SameBytes,
        Self::FileNames,
        Self::AwkwardAnswers,
    ];

    /// Its name, as people type it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Size => "size",
            Self::File => "file",
            Self::Imports => "imports",
            Self::Compile => "compile",
            Self::World => "world",
            Self::Needs => "needs",
            Self::Description => "description",
            Self::SettingsSchema => "settings-schema",
            Self::Cases => "cases",
            Self::AwkwardOrders => "awkward-orders",
            Self::SameBytes => "same-bytes",
            Self::FileNames => "file-names",
            Self::AwkwardAnswers => "awkward-answers",
        }
    }

    /// Whether the release can run at all while this fails, so that a person may take it nevertheless.
    #[must_use]
    pub fn can_be_overridden(self) -> bool {
        match self {
            Self::Size | Self::File | Self::Imports | Self::Compile | Self::World | Self::Needs | Self::Description => {
                false
            }
            Self::SettingsSchema
            | Self::Cases
            | Self::AwkwardOrders
            | Self::SameBytes
            | Self::FileNames
            | Self::AwkwardAnswers => true,
        }
    }
}

impl fmt::Display for Item {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// No item has that name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is no item `{0}`; there are: {all}", all = Item::ALL.map(Item::as_str).join(", "))]
pub struct NoSuchItem(String);

impl FromStr for Item {
    type Err = NoSuchItem;

    fn from_str(text: &str) -> Result<Self, NoSuchItem> {
        Self::ALL.into_iter().find(|item| item.as_str() == text).ok_or_else(|| NoSuchItem(text.to_owned()))
    }
}

/// What came of looking at an item.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// As it should be.
    Passed,
    /// Not as it should be.
    Failed,
    /// Something that is needed to judge it was missing; `found` says what.
    NotJudged,
}

impl Outcome {
    /// In words.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Self::Passed => "passed",
            Self::Failed => "FAILED",
            Self::NotJudged => "not judged",
        }
    }
}

/// An item and what was found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Judged {
    /// Which.
    pub item: Item,
    /// How it ended.
    pub outcome: Outcome,
    /// What was found, a sentence each: all problems at once; remarks where it passed.
    pub found: Vec<String>,
}

impl Judged {
    /// It is as it should be, with what else is to be said.
    #[must_use]
    pub fn passed(item: Item, found: Vec<String>) -> Self {
        Self { item, outcome: Outcome::Passed, found }
    }

    /// It is not.
    #[must_use]
    pub fn failed(item: Item, found: Vec<String>) -> Self {
        Self { item, outcome: Outcome::Failed, found }
    }

    /// It could not be judged.
    #[must_use]
    pub fn not_judged(item: Item, why: impl Into<String>) -> Self {
        Self { item, outcome: Outcome::NotJudged, found: vec![why.into()] }
    }

    /// Failed if something is wrong, else passed.
    #[must_use]
    pub fn of(item: Item, problems: Vec<String>) -> Self {
        if problems.is_empty() { Self::passed(item, problems) } else { Self::failed(item, problems) }
    }
}

/// The most that a call needed, and which order that was.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Most {
    /// How much: CPU units or bytes.
    pub used: u64,
    /// Of how much.
    pub allowed: u64,
    /// The order's name in the set.
    pub order: String,
}

/// What mapping costs, at worst.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cost {
    /// How many orders were mapped.
    pub orders: u32,
    /// How many of them became deliveries.
    pub delivered: u32,
    /// How many were refused by the plugin.
    pub refused: u32,
    /// CPU units, nearest to what was allowed.
    pub cpu: Most,
    /// CPU units that one more line costs.
    pub cpu_per_line: u64,
    /// Bytes of all memories together.
    pub memory: Most,
    /// Bytes that one more line costs.
    pub memory_per_line: u64,
}

/// Stands with cases that were not run again.
const BEFORE: &str = "(as they ended before; they were not given again)";

/// The verdict.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Admission {
    /// Every item, in the order of [`Item::ALL`].
    pub items: Vec<Judged>,
    /// What mapping costs, where orders were mapped.
    pub cost: Option<Cost>,
    /// The settings that were used to judge.
    pub settings: Option<serde_json::Value>,
    /// The version of the program that judged: later ones look at more.
    pub judged_by: String,
}

impl Admission {
    /// The item, if it was looked at.
    #[must_use]
    pub fn item(&self, item: Item) -> Option<&Judged> {
        self.items.iter().find(|judged| judged.item == item)
    }

    /// Puts an item in its place; what was there before is replaced.
    pub fn put(&mut self, judged: Judged) {
        self.items.retain(|known| known.item != judged.item);
        self.items.push(judged);
        self.items.sort_by_key(|judged| judged.item);
    }

    /// Where no cases were run, takes over what they showed at an earlier verdict on the same release.
    pub fn remember_cases(&mut self, earlier: &Self) {
        let is_open = |admission: &Self| admission.item(Item::Cases).is_none_or(|it| it.outcome == Outcome::NotJudged);
        if !is_open(self) || is_open(earlier) {
            return;
        }
        if let Some(mut judged) = earlier.item(Item::Cases).cloned() {
            if judged.found.last().is_none_or(|last| last != BEFORE) {
                judged.found.push(BEFORE.to_owned());
            }
            self.put(judged);
        }
    }

    /// What failed.
    pub fn failed(&self) -> impl Iterator<Item = &Judged> {
        self.items.iter().filter(|judged| judged.outcome == Outcome::Failed)
    }

    /// What failed and can't be overridden: the release can't run.
    pub fn broken(&self) -> impl Iterator<Item = &Judged> {
        self.failed().filter(|judged| !judged.item.can_be_overridden())
    }
}

/// A person takes a release in spite of a failed item.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Override {
    /// Which item.
    pub item: Item,
    /// Why.
    pub reason: String,
    /// Who.
    pub by: String,
    /// When.
    pub at_ms: Millis,
}

/// A verdict as it is kept with its release.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Kept {
    /// The verdict.
    pub admission: Admission,
    /// Who had it judged.
    pub by: String,
    /// When.
    pub at_ms: Millis,
    /// What people decided about it.
    pub overrides: Vec<Override>,
}

impl Kept {
    /// What failed and nobody has overridden: while there is any, the release may not be used.
    #[must_use]
    pub fn standing(&self) -> Vec<Item> {
        let overridden = |item: Item| item.can_be_overridden() && self.overrides.iter().any(|over| over.item == item);
        self.admission.failed().map(|judged| judged.item).filter(|item| !overridden(*item)).collect()
    }

    /// In a few words, for lists.
    #[must_use]
    pub fn words(&self) -> String {
        let names = |items: &[Item]| items.iter().map(|item| item.as_str()).collect::<Vec<_>>().join(", ");
        let standing = self.standing();
        if !standing.is_empty() {
            return format!("held: {}", names(&standing));
        }
        let overridden: Vec<_> = self.admission.failed().map(|judged| judged.item).collect();
        let open = self.admission.items.iter().filter(|judged| judged.outcome == Outcome::NotJudged).count();
        match (overridden.as_slice(), open) {
            ([], 0) => "passed".to_owned(),
            ([], open) => format!("passed, {open} not judged"),
            (items, _) => format!("overridden: {}", names(items)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kept(judged: Vec<Judged>, overridden: &[Item]) -> Kept {
        let admission = Admission { items: judged, cost: None, settings: None, judged_by: "1".to_owned() };
        let over = |item: &Item| Override { item: *item, reason: "r".to_owned(), by: "b".to_owned(), at_ms: 1 };
        Kept { admission, by: "b".to_owned(), at_ms: 1, overrides: overridden.iter().map(over).collect() }
    }

    #[test]
    fn names_are_read_as_they_are_written() {
        for item in Item::ALL {
            assert_eq!(item.as_str().parse(), Ok(item));
            assert_eq!(serde_json::to_value(item).unwrap(), item.as_str());
        }
        let said = "colour".parse::<Item>().unwrap_err().to_string();
        assert!(said.contains("`colour`") && said.contains("awkward-orders"), "{said}");
    }

    #[test]
    fn a_failed_item_holds_until_a_person_overrides_that_very_item() {
        let failed = |item| Judged::failed(item, vec!["bad".to_owned()]);
        let both = vec![failed(Item::Cases), failed(Item::SameBytes)];
        assert_eq!(kept(both.clone(), &[]).standing(), [Item::Cases, Item::SameBytes]);
        let one = kept(both.clone(), &[Item::Cases]);
        assert_eq!((one.standing(), one.words()), (vec![Item::SameBytes], "held: same-bytes".to_owned()));
        let all = kept(both, &[Item::Cases, Item::SameBytes]);
        assert_eq!((all.standing(), all.words()), (vec![], "overridden: cases, same-bytes".to_owned()));
    }

    #[test]
    fn cases_that_are_not_at_hand_any_more_count_as_they_ended() {
        let open = || kept(vec![Judged::not_judged(Item::Cases, "none were given")], &[]).admission;
        let failed = kept(vec![Judged::failed(Item::Cases, vec!["case a: no".to_owned()])], &[]).admission;
        let passed = kept(vec![Judged::passed(Item::Cases, vec!["2 cases passed".to_owned()])], &[]).admission;
        let mut now = open();
        now.remember_cases(&open());
        assert_eq!(now, open());
        now.remember_cases(&failed);
        assert_eq!(now.item(Item::Cases).unwrap().found, ["case a: no", BEFORE]);
        let mut again = open();
        again.remember_cases(&now);
        assert_eq!(again, now, "said once");
        let mut given = passed.clone();
        given.remember_cases(&failed);
        assert_eq!(given, passed, "cases that were given count");
    }

    #[test]
    fn what_can_not_run_can_not_be_overridden() {
        let broken = kept(vec![Judged::failed(Item::World, vec!["no `describe`".to_owned()])], &[Item::World]);
        assert_eq!(broken.standing(), [Item::World]);
        assert_eq!(broken.admission.broken().count(), 1);
    }

    #[test]
    fn what_could_not_be_judged_is_said_and_holds_nothing() {
        let open = kept(vec![Judged::not_judged(Item::Cases, "no cases were given")], &[]);
        assert_eq!((open.standing(), open.words()), (vec![], "passed, 1 not judged".to_owned()));
    }
}
