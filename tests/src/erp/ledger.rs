//! What the fake ERP accepted: one JSON line per order, on disk before the answer leaves.

use std::{
    collections::BTreeMap,
    fs::{File, OpenOptions},
    io::Write as _,
    path::Path,
};

use anyhow::Context as _;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

/// An order that the ERP has.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Accepted {
    /// The ERP's id: `SO-1`, `SO-2`, …
    pub id: String,
    /// Business key, as found in the body.
    pub key: String,
    /// Idempotency key, if one came.
    pub idempotency_key: Option<String>,
    /// Path and query.
    pub target: String,
    /// sha256 of the body.
    pub sha256: String,
    /// The body as text.
    pub body: String,
    /// When, in milliseconds since 1970.
    pub at_ms: i64,
}

/// What the fake ERP saw and did; the answer of `GET /_control/state`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct State {
    /// Orders in the order of acceptance.
    pub orders: Vec<Accepted>,
    /// Connections, those of the control API left out. Since this start.
    pub connections: u64,
    /// Requests with an order. Since this start.
    pub requests: u64,
    /// Look-ups. Since this start.
    pub look_ups: u64,
    /// Requests with an order, by business key. Since this start.
    pub requests_by_key: BTreeMap<String, u64>,
}

impl State {
    /// Business keys that were accepted more than once: what must never happen.
    #[must_use]
    pub fn doubled(&self) -> Vec<&str> {
        let mut seen = BTreeMap::<&str, u32>::new();
        for order in &self.orders {
            *seen.entry(&order.key).or_default() += 1;
        }
        seen.into_iter().filter(|(_, times)| *times > 1).map(|(key, _)| key).collect()
    }
}

/// The open ledger.
pub(super) struct Ledger {
    pub(super) state: State,
    file: File,
    durable: bool,
}

impl Ledger {
    /// Opens, reading what earlier runs accepted. A last line cut by a kill was never answered and is dropped.
    pub(super) fn open(dir: &Path, durable: bool) -> anyhow::Result<Self> {
        std::fs::create_dir_all(dir).with_context(|| format!("{} can't be made", dir.display()))?;
        let path = dir.join("orders.jsonl");
        let text = std::fs::read_to_string(&path).unwrap_or_default();
        let whole = text.rfind('\n').map_or(0, |end| end + 1);
        let mut state = State::default();
        for line in text.get(..whole).unwrap_or_default().lines() {
            state.orders.push(serde_json::from_str(line).with_context(|| format!("{} is damaged", path.display()))?);
        }
        let file = OpenOptions::new().append(true).create(true).open(&path)?;
        file.set_len(whole as u64)?;
        Ok(Self { state, file, durable })
    }

    /// Accepts an order: written and flushed before this returns.
    pub(super) fn accept(
        &mut self,
        key: &str,
        idempotency_key: Option<String>,
        target: &str,
        body: &[u8],
        at_ms: i64,
    ) -> anyhow::Result<String> {
        let accepted = Accepted {
            id: format!("SO-{}", self.state.orders.len() + 1),
            key: key.to_owned(),
            idempotency_key,
            target: target.to_owned(),
            sha256: sha256(body),
            body: String::from_utf8_lossy(body).into_owned(),
            at_ms,
        };
        let mut line = serde_json::to_vec(&accepted)?;
        line.push(b'\n');
        self.file.write_all(&line)?;
        if self.durable {
            self.file.sync_data()?;
        }
        let id = accepted.id.clone();
        self.state.orders.push(accepted);
        Ok(id)
    }

    /// The first order with this key that is old enough to be seen.
    pub(super) fn find(&self, key: &str, accepted_before_ms: i64) -> Option<&Accepted> {
        self.state.orders.iter().find(|order| order.key == key && order.at_ms <= accepted_before_ms)
    }
}

/// In lower-case hex.
pub(super) fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}
