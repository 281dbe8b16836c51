//! What the fakes' own ledgers say, read from their files: the judge of every claim. The files are read while they grow.

use std::{
    collections::BTreeMap,
    fs::File,
    io::{Read as _, Seek as _, SeekFrom},
    path::{Path, PathBuf},
};

use anyhow::Context as _;
use serde_json::Value;

use crate::{
    erp::Accepted,
    shop::{
        Key,
        ledger::{Entry, Event},
        world::{Actor, ShopKind},
    },
};

/// A status of an order, and who set it.
#[derive(Clone, Debug)]
pub struct Status {
    /// The shop's word.
    pub word: String,
    /// Who.
    pub actor: Actor,
    /// When, in milliseconds since 1970.
    pub at_ms: i64,
}

/// A note at an order.
#[derive(Clone, Debug)]
pub struct Note {
    /// Text.
    pub text: String,
    /// The buyer was mailed.
    pub mailed_buyer: bool,
    /// Who wrote it.
    pub actor: Actor,
}

/// One order as the shop's ledger tells it.
#[derive(Clone, Debug)]
pub struct Booked {
    /// Which.
    pub key: Key,
    /// The number that people use.
    pub number: String,
    /// Statuses, oldest first; never empty.
    pub statuses: Vec<Status>,
    /// Notes, oldest first.
    pub notes: Vec<Note>,
    /// References (seller reference, metadata), every value that was ever written.
    pub references: Vec<(String, String)>,
    /// The "backoffice processed" stamp, as it is now.
    pub stamp_s: Option<i64>,
}

impl Booked {
    /// The status now.
    #[must_use]
    pub fn status(&self) -> &str {
        self.statuses.last().map_or("", |status| status.word.as_str())
    }

    /// The statuses that the program under test set, oldest first.
    #[must_use]
    pub fn our_statuses(&self) -> Vec<&str> {
        let ours = Actor::orderdock();
        self.statuses.iter().filter(|status| status.actor == ours).map(|status| status.word.as_str()).collect()
    }

    /// The notes that the program under test wrote, oldest first.
    pub fn our_notes(&self) -> impl Iterator<Item = &Note> {
        let ours = Actor::orderdock();
        self.notes.iter().filter(move |note| note.actor == ours)
    }
}

/// The fake shop's ledger, followed.
pub struct ShopBook {
    file: PathBuf,
    read_to: u64,
    rest: Vec<u8>,
    orders: BTreeMap<Key, Booked>,
    heartbeats: BTreeMap<String, u64>,
}

impl ShopBook {
    /// The ledger of a fake shop that runs in this folder.
    #[must_use]
    pub fn of(shop_folder: &Path) -> Self {
        Self {
            file: shop_folder.join("shop-ledger.jsonl"),
            read_to: 0,
            rest: Vec::new(),
            orders: BTreeMap::new(),
            heartbeats: BTreeMap::new(),
        }
    }

    /// Reads what was written since. A last line that is not whole yet waits for the next time.
    ///
    /// # Errors
    /// When the file can't be read or holds something else.
    pub fn read(&mut self) -> anyhow::Result<()> {
        let mut file = File::open(&self.file).with_context(|| format!("{} can't be read", self.file.display()))?;
        file.seek(SeekFrom::Start(self.read_to))?;
        let read = file.read_to_end(&mut self.rest)?;
        self.read_to += read as u64;
        let whole = self.rest.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1);
        let lines: Vec<u8> = self.rest.drain(..whole).collect();
        for line in lines.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
            let entry: Entry = serde_json::from_slice(line).context("the fake shop's ledger is damaged")?;
            self.apply(entry);
        }
        Ok(())
    }

    /// The orders of an account, in the order of their ids.
    pub fn of_account(&self, shop: ShopKind, account: &str) -> impl Iterator<Item = &Booked> {
        let key = |id| Key { shop, account: account.to_owned(), id };
        self.orders.range(key(0)..=key(u64::MAX)).map(|(_, booked)| booked)
    }

    /// One order, by the number that people use.
    #[must_use]
    pub fn numbered(&self, shop: ShopKind, account: &str, number: &str) -> Option<&Booked> {
        self.of_account(shop, account).find(|booked| booked.number == number)
    }

    /// Signs of life of an account.
    #[must_use]
    pub fn heartbeats(&self, account: &str) -> u64 {
        self.heartbeats.get(account).copied().unwrap_or(0)
    }

    fn apply(&mut self, entry: Entry) {
        let at_ms = entry.at_ms;
        match entry.event {
            Event::Placed { key, status, body, actor, .. } => {
                let given = |name: &str| body.get(name).and_then(Value::as_str).map(str::to_owned);
                let number = match key.shop {
                    ShopKind::Evo => given("order_number").unwrap_or_else(|| format!("WEB-{}", key.id)),
                    ShopKind::Woo => given("number").unwrap_or_else(|| key.id.to_string()),
                };
                let statuses = vec![Status { word: status, actor, at_ms }];
                let (notes, references) = (Vec::new(), Vec::new());
                let booked = Booked { key: key.clone(), number, statuses, notes, references, stamp_s: None };
                self.orders.insert(key, booked);
            }
            Event::Status { key, status, actor } => {
                if let Some(booked) = self.orders.get_mut(&key) {
                    booked.statuses.push(Status { word: status, actor, at_ms });
                }
            }
            Event::Note { key, text, mailed_buyer, actor } => {
                if let Some(booked) = self.orders.get_mut(&key) {
                    booked.notes.push(Note { text, mailed_buyer, actor });
                }
            }
            Event::Reference { key, name, value } => {
                if let Some(booked) = self.orders.get_mut(&key) {
                    booked.references.push((name, value));
                }
            }
            Event::Stamp { key, at_s, .. } => {
                if let Some(booked) = self.orders.get_mut(&key) {
                    booked.stamp_s = at_s;
                }
            }
            Event::Heartbeat { account } => *self.heartbeats.entry(account).or_default() += 1,
            Event::Edited { .. } | Event::Request { .. } => {}
        }
    }
}

/// What the fake ERP that runs in this folder has accepted, in the order of acceptance.
///
/// # Errors
/// When the file can't be read or holds something else.
pub fn erp_book(erp_folder: &Path) -> anyhow::Result<Vec<Accepted>> {
    let file = erp_folder.join("orders.jsonl");
    let text = std::fs::read_to_string(&file).with_context(|| format!("{} can't be read", file.display()))?;
    let whole = text.rfind('\n').map_or(0, |end| end + 1);
    let lines = text.get(..whole).unwrap_or_default().lines();
    lines.map(|line| serde_json::from_str(line).context("the fake ERP's ledger is damaged")).collect()
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;
    use crate::shop::ledger::Ledger;

    #[test]
    fn a_ledger_is_read_while_it_grows() {
        let folder = tempfile::tempdir().unwrap();
        let (mut ledger, _) = Ledger::open(folder.path(), false);
        let key = Key { shop: ShopKind::Evo, account: "acme".to_owned(), id: 1001 };
        let placed = Event::Placed {
            key: key.clone(),
            status: "New Order".to_owned(),
            body: serde_json::json!({}),
            raw: None,
            actor: Actor::buyer(),
        };
        ledger.append(1, placed);
        let mut book = ShopBook::of(folder.path());
        book.read().unwrap();
        assert_eq!(book.numbered(ShopKind::Evo, "acme", "WEB-1001").unwrap().status(), "New Order");

        ledger.append(2, Event::Status { key: key.clone(), status: "On Hold".to_owned(), actor: Actor::orderdock() });
        let file = folder.path().join("shop-ledger.jsonl");
        let mut half = std::fs::OpenOptions::new().append(true).open(file).unwrap();
        half.write_all(b"{\"seq\":3,\"at_ms\":3,").unwrap();
        book.read().unwrap();
        let told = |book: &ShopBook| book.numbered(ShopKind::Evo, "acme", "WEB-1001").unwrap().our_statuses().len();
        assert_eq!(told(&book), 1, "half a line waits");
        half.write_all(b"\"event\":\"heartbeat\",\"account\":\"acme\"}\n").unwrap();
        book.read().unwrap();
        assert_eq!((told(&book), book.heartbeats("acme")), (1, 1));
    }
}
