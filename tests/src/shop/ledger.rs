//! The fake shop's own ledger: one JSON line per event, never changed. It is the judge: what is not in it did not happen.

use std::{
    fs::{File, OpenOptions},
    io::{BufRead, BufReader, Write},
    path::Path,
};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::world::{Actor, ShopKind};

/// Which order.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Key {
    /// Which shop system.
    pub shop: ShopKind,
    /// Which account.
    pub account: String,
    /// The shop's key.
    pub id: u64,
}

/// What happened.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event {
    /// An order was placed.
    Placed {
        /// Which.
        key: Key,
        /// First status.
        status: String,
        /// Everything else, in the shape that the shop serves.
        body: Value,
        /// Served instead of everything, `{{id}}` and `{{status}}` filled in: for broken orders.
        raw: Option<String>,
        /// Who placed it.
        actor: Actor,
    },
    /// The status was set.
    Status {
        /// Which.
        key: Key,
        /// To what.
        status: String,
        /// By whom.
        actor: Actor,
    },
    /// Fields were changed.
    Edited {
        /// Which.
        key: Key,
        /// Merged into the order.
        patch: Value,
        /// By whom.
        actor: Actor,
    },
    /// A timeline entry was added.
    Note {
        /// Which.
        key: Key,
        /// Text.
        text: String,
        /// Whether the buyer was mailed: a test that sees this must fail.
        mailed_buyer: bool,
        /// By whom.
        actor: Actor,
    },
    /// The ERP order id was stored: seller reference, or metadata.
    Reference {
        /// Which.
        key: Key,
        /// Metadata key, or `seller_reference`.
        name: String,
        /// Value.
        value: String,
    },
    /// The "backoffice processed" stamp was set or cleared.
    Stamp {
        /// Which.
        key: Key,
        /// Seconds since 1970; none = cleared.
        at_s: Option<i64>,
        /// By whom.
        actor: Actor,
    },
    /// A sign of life.
    Heartbeat {
        /// Which account.
        account: String,
    },
    /// A request came, whatever became of it.
    Request {
        /// Which shop system.
        shop: ShopKind,
        /// Method.
        method: String,
        /// Path and query.
        target: String,
        /// The fault that was played, if any.
        fault: Option<String>,
    },
}

/// An event with its place in time.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Entry {
    /// Counts up.
    pub seq: u64,
    /// Milliseconds since 1970.
    pub at_ms: i64,
    /// What.
    #[serde(flatten)]
    pub event: Event,
}

/// The file.
pub struct Ledger {
    file: File,
    seq: u64,
    flush: bool,
}

impl Ledger {
    /// Opens the ledger in a folder and gives what it holds. A last line that a kill cut is dropped.
    pub fn open(dir: &Path, flush: bool) -> (Self, Vec<Entry>) {
        std::fs::create_dir_all(dir).expect("the fake shop's folder can be made");
        let path = dir.join("shop-ledger.jsonl");
        let mut entries = Vec::new();
        let mut good = 0_u64;
        if let Ok(file) = File::open(&path) {
            let mut reader = BufReader::new(file);
            let mut line = String::new();
            while reader.read_line(&mut line).is_ok_and(|read| read > 0) {
                match serde_json::from_str::<Entry>(&line) {
                    Ok(entry) if line.ends_with('\n') => entries.push(entry),
                    _ => break,
                }
                good += line.len() as u64;
                line.clear();
            }
        }
        let file = OpenOptions::new().create(true).append(true).open(&path).expect("the fake shop's ledger opens");
        file.set_len(good).expect("a cut line can be dropped");
        let seq = entries.last().map_or(0, |entry| entry.seq);
        (Self { file, seq, flush }, entries)
    }

    /// Appends an event; returns after it is on the disk. Requests are only written, not flushed: a kill can't lose them,
    /// and a flush for each would make the fake the slowest part of every test.
    pub fn append(&mut self, at_ms: i64, event: Event) -> Entry {
        self.seq += 1;
        let entry = Entry { seq: self.seq, at_ms, event };
        let mut line = serde_json::to_string(&entry).expect("events are JSON");
        line.push('\n');
        self.file.write_all(line.as_bytes()).expect("the fake shop's ledger can be written");
        if self.flush && !matches!(entry.event, Event::Request { .. }) {
            self.file.sync_data().expect("the fake shop's ledger can be flushed");
        }
        entry
    }
}
