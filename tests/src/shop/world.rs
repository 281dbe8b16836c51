//! What the fake shop knows: orders with their history, made from the ledger's events and from nothing else.

use std::{
    collections::BTreeMap,
    path::Path,
    sync::{Mutex, MutexGuard},
};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::{
    fault::Fault,
    ledger::{Entry, Event, Key, Ledger},
};

/// Which shop system.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ShopKind {
    /// EvolutionX.
    Evo,
    /// WooCommerce.
    Woo,
}

/// Who did something.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Actor {
    /// `storefront`, `staff` or `api`.
    pub kind: String,
    /// Name or id.
    pub id: String,
}

impl Actor {
    /// A buyer.
    #[must_use]
    pub fn buyer() -> Self {
        Self { kind: "storefront".to_owned(), id: "buyer-1".to_owned() }
    }
    /// Staff.
    #[must_use]
    pub fn staff() -> Self {
        Self { kind: "staff".to_owned(), id: "staff-1".to_owned() }
    }
    /// Another program.
    #[must_use]
    pub fn other_program() -> Self {
        Self { kind: "api".to_owned(), id: "api-other".to_owned() }
    }
    /// The program under test: whoever comes with the account's token.
    #[must_use]
    pub fn orderdock() -> Self {
        Self { kind: "api".to_owned(), id: "api-orderdock".to_owned() }
    }
}

/// A status with when and by whom it was set.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct StatusChange {
    /// Status.
    pub status: String,
    /// By whom.
    pub actor: Actor,
    /// When.
    pub at_ms: i64,
}

/// A timeline entry.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Note {
    /// Id.
    pub id: u64,
    /// Text.
    pub text: String,
    /// Whether the buyer was mailed.
    pub mailed_buyer: bool,
    /// By whom.
    pub actor: Actor,
    /// When.
    pub at_ms: i64,
}

/// An order.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Order {
    /// Which.
    pub key: Key,
    /// Fields in the shape that is served, without those below.
    pub body: Map<String, Value>,
    /// Served instead, for broken orders.
    pub raw: Option<String>,
    /// All statuses, oldest first; never empty.
    pub history: Vec<StatusChange>,
    /// Timeline, oldest first.
    pub notes: Vec<Note>,
    /// The "backoffice processed" stamp, seconds since 1970.
    pub stamp_s: Option<i64>,
    /// Stored references: `seller_reference`, or metadata keys.
    pub references: BTreeMap<String, String>,
    /// Who placed it.
    pub creator: Actor,
    /// When it was placed.
    pub created_ms: i64,
    /// When it was last changed.
    pub modified_ms: i64,
}

impl Order {
    /// The status now.
    #[must_use]
    pub fn status(&self) -> &str {
        self.history.last().map_or("", |change| &change.status)
    }

    /// Whether a list shows it: an order whose transaction commits late is visible from `_visible_ms` on, and one with
    /// `_unlisted` is left out of lists by status, as where a shop's index is behind.
    #[must_use]
    pub fn is_listed(&self, by_status: bool) -> bool {
        let visible_ms = self.body.get("_visible_ms").and_then(Value::as_i64).unwrap_or(0);
        let unlisted = self.body.get("_unlisted") == Some(&Value::Bool(true));
        visible_ms <= now_ms() && !(by_status && unlisted)
    }

    /// The status that a list shows which lags.
    #[must_use]
    pub fn status_at(&self, at_ms: i64) -> Option<&str> {
        self.history.iter().rev().find(|change| change.at_ms <= at_ms).map(|change| change.status.as_str())
    }
}

/// Switches.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default)]
pub struct Switches {
    /// Requests that an account may make in a minute.
    pub rate_limit: u32,
    /// Milliseconds by which lists lag behind.
    pub list_lag_ms: i64,
    /// A page shows its orders in no order, and the first of them twice (EvolutionX).
    pub list_disorder: bool,
    /// Statuses that WooCommerce knows.
    pub woo_statuses: Vec<String>,
    /// Statuses that EvolutionX knows.
    pub evo_statuses: Vec<String>,
}

impl Default for Switches {
    fn default() -> Self {
        let list = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect();
        Self {
            rate_limit: 100_000,
            list_lag_ms: 0,
            list_disorder: false,
            woo_statuses: list(&[
                "auto-draft",
                "pending",
                "processing",
                "on-hold",
                "completed",
                "cancelled",
                "refunded",
                "failed",
                "checkout-draft",
                "erp-delivered",
                "erp-failed",
            ]),
            evo_statuses: list(&["New Order", "In Progress", "On Hold", "Shipped", "Completed", "Cancelled"]),
        }
    }
}

/// Numbers to check against.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Counts {
    /// Requests by `METHOD /path` with ids as `{id}`.
    pub requests: BTreeMap<String, u64>,
    /// Heartbeats by account.
    pub heartbeats: BTreeMap<String, u64>,
    /// When the last heartbeat of an account came.
    pub last_heartbeat_ms: BTreeMap<String, i64>,
}

/// Everything.
pub struct World {
    inner: Mutex<Inner>,
}

/// What is behind the lock.
pub struct Inner {
    ledger: Ledger,
    /// Orders.
    pub orders: BTreeMap<Key, Order>,
    /// Counts.
    pub counts: Counts,
    /// Switches.
    pub switches: Switches,
    /// Faults to play.
    pub faults: Vec<Fault>,
    /// Requests in the current window, and when it began, by account.
    pub windows: BTreeMap<String, (i64, u32)>,
    last_note: u64,
}

/// The machine's time: the fake is a shop of its own, with a clock of its own.
#[expect(
    clippy::disallowed_methods,
    reason = "the fake shop stands for another machine, whose time is not ours to set"
)]
#[must_use]
pub fn now_ms() -> i64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

impl World {
    /// Opens what a folder holds. `flush` = each event is on the disk before it is answered.
    #[must_use]
    pub fn open(dir: &Path, flush: bool) -> Self {
        let (ledger, entries) = Ledger::open(dir, flush);
        let mut inner = Inner {
            ledger,
            orders: BTreeMap::new(),
            counts: Counts::default(),
            switches: Switches::default(),
            faults: Vec::new(),
            windows: BTreeMap::new(),
            last_note: 0,
        };
        for entry in entries {
            inner.apply(entry);
        }
        Self { inner: Mutex::new(inner) }
    }

    /// The lock.
    pub fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    /// Writes an event down, then makes it true.
    pub fn record(&self, event: Event) {
        self.lock().record(event);
    }

    /// Places an order; gives its id.
    pub fn place(
        &self,
        shop: ShopKind,
        account: &str,
        body: Value,
        status: Option<&str>,
        raw: Option<String>,
        actor: Actor,
    ) -> u64 {
        let mut inner = self.lock();
        let first = if shop == ShopKind::Evo { 1001 } else { 11 };
        let last = inner.of(shop, account).next_back().map(|order| order.key.id);
        let key = Key { shop, account: account.to_owned(), id: last.map_or(first, |last| last + 1) };
        let id = key.id;
        let new = if shop == ShopKind::Evo { "New Order" } else { "processing" };
        inner.record(Event::Placed { key, status: status.unwrap_or(new).to_owned(), body, raw, actor });
        id
    }
}

impl Inner {
    /// Writes an event down, then makes it true.
    pub fn record(&mut self, event: Event) {
        let entry = self.ledger.append(now_ms(), event);
        self.apply(entry);
    }

    /// The orders of an account.
    pub fn of(&self, shop: ShopKind, account: &str) -> impl DoubleEndedIterator<Item = &Order> {
        let key = |id| Key { shop, account: account.to_owned(), id };
        self.orders.range(key(0)..=key(u64::MAX)).map(|(_, order)| order)
    }

    fn apply(&mut self, entry: Entry) {
        let at_ms = entry.at_ms;
        match entry.event {
            Event::Placed { key, status, body, raw, actor } => {
                let Value::Object(body) = body else { panic!("an order's body is an object") };
                let created_ms = body.get("_created_ms").and_then(Value::as_i64).unwrap_or(at_ms);
                let change = StatusChange { status, actor: actor.clone(), at_ms: created_ms };
                self.orders.insert(
                    key.clone(),
                    Order {
                        key,
                        body,
                        raw,
                        history: vec![change],
                        notes: Vec::new(),
                        stamp_s: None,
                        references: BTreeMap::new(),
                        creator: actor,
                        created_ms,
                        modified_ms: created_ms,
                    },
                );
            }
            Event::Status { key, status, actor } => {
                self.last_note += 1;
                let id = self.last_note;
                let Some(order) = self.orders.get_mut(&key) else { return };
                if key.shop == ShopKind::Woo && order.status() != status {
                    let text = format!("Order status changed from {} to {status}.", order.status());
                    order.notes.push(Note { id, text, mailed_buyer: false, actor: actor.clone(), at_ms });
                }
                order.history.push(StatusChange { status, actor, at_ms });
                order.modified_ms = at_ms;
            }
            Event::Edited { key, patch, actor: _ } => {
                let Some(order) = self.orders.get_mut(&key) else { return };
                // A real shop's modified stamp does not move when an order is paid.
                let keeps_modified = patch.get("_keeps_modified") == Some(&Value::Bool(true));
                if let Value::Object(patch) = patch {
                    order.body.extend(patch);
                }
                if !keeps_modified {
                    order.modified_ms = at_ms;
                }
            }
            Event::Note { key, text, mailed_buyer, actor } => {
                self.last_note += 1;
                let note = Note { id: self.last_note, text, mailed_buyer, actor, at_ms };
                if let Some(order) = self.orders.get_mut(&key) {
                    order.notes.push(note);
                }
            }
            Event::Reference { key, name, value } => {
                let Some(order) = self.orders.get_mut(&key) else { return };
                order.references.insert(name, value);
                order.modified_ms = at_ms;
            }
            Event::Stamp { key, at_s, actor: _ } => {
                let Some(order) = self.orders.get_mut(&key) else { return };
                order.stamp_s = at_s;
                order.modified_ms = at_ms;
            }
            Event::Heartbeat { account } => {
                *self.counts.heartbeats.entry(account.clone()).or_default() += 1;
                self.counts.last_heartbeat_ms.insert(account, at_ms);
            }
            Event::Request { shop, method, target, .. } => {
                let path = target.split('?').next().unwrap_or_default();
                let name: Vec<&str> =
                    path.split('/')
                        .map(|part| {
                            if !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit()) {
                                "{id}"
                            } else {
                                part
                            }
                        })
                        .collect();
                let shop = if shop == ShopKind::Evo { "evo" } else { "woo" };
                *self.counts.requests.entry(format!("{shop} {method} {}", name.join("/"))).or_default() += 1;
            }
        }
    }

    /// Takes a place in an account's window: how many are left and seconds to its end, or the seconds to wait.
    pub fn take_place(&mut self, account: &str) -> Result<(u32, i64), i64> {
        let now = now_ms();
        let limit = self.switches.rate_limit;
        let (begun, used) = self.windows.entry(account.to_owned()).or_insert((now, 0));
        if now - *begun >= 60_000 {
            (*begun, *used) = (now, 0);
        }
        let reset_s = (60_000 - (now - *begun)).div_euclid(1000) + 1;
        if *used >= limit {
            return Err(reset_s);
        }
        *used += 1;
        Ok((limit - *used, reset_s))
    }
}

/// An error in the words of the shops' frameworks.
#[must_use]
pub fn message(text: &str) -> Value {
    json!({ "message": text })
}
