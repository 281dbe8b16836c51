//! The shop: orders, their statuses with who set them and when, notes. Its history is the judge of what was overwritten.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use orderdock::{
    domain::{
        clock::Millis,
        pass::PassState,
        problem::Problem,
        sight::{Actor, ListScope, Page, Sight},
    },
    shop::{Abilities, Shop, ShopError},
};
use serde_json::json;
use tokio::time::{Instant, sleep};

use super::{
    run::Scene,
    world::{Away, EPOCH_MS, Fate},
};

/// The shop's words.
pub const NEW: &str = "New Order";
/// Written when the ERP has it.
pub const SUCCESS: &str = "In Progress";
/// Written when a person must look.
pub const FAILURE: &str = "On Hold";
/// Known, and never taken: staff put an order there for good.
pub const ARCHIVED: &str = "Archived";

/// A change of status.
#[derive(Clone, Debug)]
pub struct Change {
    /// When.
    pub at: Instant,
    /// To what.
    pub status: &'static str,
    /// By whom.
    pub by: Actor,
}

impl std::fmt::Display for Change {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "\"{}\" by {:?}", self.status, self.by)
    }
}

/// An order as the shop has it.
#[derive(Clone, Debug)]
pub struct ShopOrder {
    /// The first is its making.
    pub history: Vec<Change>,
    /// When anything of it changed last.
    modified: Instant,
    /// What was ordered; only staff and buyers change that.
    pub content: u32,
    /// It can't be mapped.
    pub bad: bool,
    /// Marker of each note.
    pub notes: Vec<String>,
    /// The ERP's id.
    pub erp_order_id: Option<String>,
}

impl ShopOrder {
    /// The last change.
    pub fn last(&self) -> &Change {
        self.history.last().expect("the first change is its making")
    }
}

/// The shop's own books.
#[derive(Default)]
pub struct Books {
    orders: Mutex<BTreeMap<String, ShopOrder>>,
    wrong: Mutex<Vec<String>>,
}

impl Books {
    /// A new order.
    pub fn offer(&self, id: &str, bad: bool) {
        let now = Instant::now();
        let history = vec![Change { at: now, status: NEW, by: Actor::Buyer }];
        let order = ShopOrder { history, modified: now, content: 1, bad, notes: Vec::new(), erp_order_id: None };
        self.lock().insert(id.to_owned(), order);
    }

    /// All orders.
    pub fn all(&self) -> BTreeMap<String, ShopOrder> {
        self.lock().clone()
    }

    /// Staff set a status.
    pub fn staff_set(&self, id: &str, status: &'static str) {
        self.change(id, |order, now| order.history.push(Change { at: now, status, by: Actor::Staff }));
    }

    /// Staff correct what was ordered.
    pub fn staff_correct(&self, id: &str) {
        self.change(id, |order, _| {
            order.content += 1;
            order.bad = false;
        });
    }

    /// What should not have happened.
    pub fn wrong(&self) -> Vec<String> {
        self.wrong.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn complain(&self, what: String) {
        self.wrong.lock().unwrap_or_else(PoisonError::into_inner).push(what);
    }

    fn change<T>(&self, id: &str, change: impl FnOnce(&mut ShopOrder, Instant) -> T) -> Option<T> {
        let now = Instant::now();
        let mut all = self.lock();
        let order = all.get_mut(id)?;
        order.modified = now;
        Some(change(order, now))
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, BTreeMap<String, ShopOrder>> {
        self.orders.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One host's way to the shop.
pub struct ShopSeam {
    /// Where it leads.
    pub scene: Arc<Scene>,
    /// Whose way it is.
    pub fate: Arc<Fate>,
    /// Its name in the trace.
    pub host: String,
    /// Which connection's shop it is.
    pub line: usize,
}

/// What goes wrong with a call.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Trouble {
    None,
    NotReached,
    Slow,
    FailsBefore,
    FailsAfter,
}

impl ShopSeam {
    fn draw(&self) -> Trouble {
        let (dice, plan) = (&self.scene.dice, &self.scene.plan);
        if self.scene.is_away(Away::Shop) {
            return Trouble::NotReached;
        }
        if !self.scene.in_trouble() || plan.shop == 0 || !dice.chance(plan.shop) {
            return Trouble::None;
        }
        dice.pick(&[Trouble::NotReached, Trouble::Slow, Trouble::FailsBefore, Trouble::FailsAfter, Trouble::FailsAfter])
    }

    async fn travel(&self) {
        let dice = &self.scene.dice;
        let most = if self.scene.in_trouble() && dice.chance(300) { self.scene.plan.shop_slow_ms } else { 50 };
        sleep(dice.time(1, most)).await;
    }

    /// A call: what is done is done at one moment, and who asked may not hear of it.
    async fn call<T>(&self, work: impl FnOnce() -> Result<T, ShopError> + Send) -> Result<T, ShopError> {
        self.fate.alive().await;
        let trouble = self.draw();
        self.scene.strike(&self.fate, &self.host);
        self.travel().await;
        let result = match trouble {
            Trouble::NotReached => Err(ShopError::Unreachable { address: "shop".into(), reason: "refused".into() }),
            Trouble::Slow => Err(ShopError::Throttled { after_ms: self.scene.dice.between(100, 5_000) }),
            Trouble::FailsBefore => Err(ShopError::Unclear("it answered 500".into())),
            Trouble::None => work(),
            Trouble::FailsAfter => work().and_then(|_| Err(ShopError::Unclear("the answer was lost".into()))),
        };
        self.travel().await;
        self.fate.alive().await;
        result
    }

    fn write<T>(&self, id: &str, change: impl FnOnce(&mut ShopOrder, Instant) -> T) -> Result<T, ShopError> {
        self.scene.shop.change(id, change).ok_or_else(|| ShopError::NotFound(id.to_owned()))
    }

    /// How the order looked at that moment.
    fn sight(&self, id: &str, order: &ShopOrder, then: Instant) -> Option<Sight> {
        let change = order.history.iter().rev().find(|change| change.at <= then)?;
        let names = self.scene.plan.names_actors;
        Some(Sight {
            shop_order_id: id.to_owned(),
            order_number: format!("W-{id}"),
            status: change.status.to_owned(),
            placed_ms: order.history.first().map(|change| self.ms(change.at)),
            modified_ms: Some(self.ms(order.modified.min(then))),
            processed_stamp: None,
            shipped: false,
            cancelled: false,
            creator: Some(Actor::Buyer),
            status_actor: Some(change.by).filter(|_| names),
            order: serde_json::from_value(json!({
                "shop_order_id": id, "order_number": format!("W-{id}"), "placed_at": "2026-01-01T00:00:00Z",
                "currency": "EUR", "lines": [], "payment_state": "paid",
                "totals": { "gross": format!("{}.{}", order.content, if order.bad { "13" } else { "00" }) },
            }))
            .map(Box::new)
            .map_err(|error| vec![Problem::new("order", error.to_string())]),
        })
    }

    fn ms(&self, at: Instant) -> Millis {
        EPOCH_MS + at.duration_since(self.scene.start).as_millis() as Millis
    }

    /// Judges a status that is about to be written, by what the shop and the ledger know at this moment. What was so
    /// already when the call began, the caller could have known.
    fn judge_write(&self, id: &str, order: &ShopOrder, status: &str, began: Instant, open_at_begin: Option<u32>) {
        let last = order.last();
        // Between our read and our write nobody can keep staff out; but that gap is a lease at most.
        let old = began.saturating_duration_since(last.at) > Duration::from_secs(45);
        if last.by == Actor::Staff && last.status != NEW && last.status != status && status != NEW && old {
            let since = began.saturating_duration_since(last.at).as_secs();
            self.scene.shop.complain(format!(
                "order {id}: \"{}\", set by staff {since} s before, was overwritten with \"{status}\"",
                last.status
            ));
        }
        if let (Some(pass), true) = (open_at_begin, status != NEW) {
            self.scene
                .shop
                .complain(format!("order {id}: \"{status}\" of an earlier pass was written over pass {pass}"));
        }
    }

    /// The order's pass, if it is one that owes the shop no status yet.
    async fn open_pass(&self, id: &str) -> Option<u32> {
        let detail = self.scene.detail(id).await?;
        let last = detail.passes.last()?;
        let owes_nothing = matches!(
            last.state,
            PassState::Waiting | PassState::Claimed | PassState::Mapped | PassState::Sending | PassState::Unknown
        );
        let has_status = detail.effects.iter().any(|it| it.pass == last.pass && it.body["effect"] == "status");
        (owes_nothing && !has_status).then_some(last.pass)
    }
}

#[async_trait]
impl Shop for ShopSeam {
    fn abilities(&self) -> Abilities {
        let plan = &self.scene.plan;
        Abilities {
            list_by_status: plan.list_by_status,
            single_read: true,
            set_status: true,
            mark_processed: false,
            notes: true,
            notes_listed: plan.notes_listed,
            erp_order_id: true,
            heartbeat: false,
            names_actors: plan.names_actors,
            read_lag_s: 60,
        }
    }

    async fn list(&self, scope: &ListScope, _: Option<&str>) -> Result<Page, ShopError> {
        let lag = self.scene.dice.time(0, self.scene.plan.list_lag_ms);
        self.call(|| {
            let then = Instant::now().checked_sub(lag).unwrap_or(self.scene.start);
            let all = self.scene.shop.lock();
            let own = all.iter().filter(|(id, _)| self.scene.line_of(id) == self.line);
            let sights = own.filter_map(|(id, order)| self.sight(id, order, then));
            let sights = sights.filter(|sight| match scope {
                ListScope::InStatus(statuses) => statuses.contains(&sight.status),
                ListScope::ModifiedSince(since) => sight.modified_ms >= Some(*since),
                ListScope::PlacedSince(since) => sight.placed_ms >= Some(*since),
            });
            Ok(Page { sights: sights.collect(), next: None })
        })
        .await
    }

    async fn get(&self, id: &str) -> Result<Sight, ShopError> {
        self.call(|| {
            let all = self.scene.shop.lock();
            let sight = all.get(id).and_then(|order| self.sight(id, order, Instant::now()));
            sight.ok_or_else(|| ShopError::NotFound(id.to_owned()))
        })
        .await
    }

    async fn set_status(&self, id: &str, status: &str) -> Result<(), ShopError> {
        self.fate.alive().await;
        let (began, open) = (Instant::now(), self.open_pass(id).await);
        let known = [NEW, SUCCESS, FAILURE, ARCHIVED].into_iter().find(|known| *known == status);
        let Some(status) = known else {
            return Err(ShopError::Refused { status: 400, message: format!("no status {status}") });
        };
        self.call(|| {
            self.write(id, |order, now| {
                self.judge_write(id, order, status, began, open);
                self.scene.trace.note(format_args!("{} shop {id} \"{status}\" over {}", self.host, order.last()));
                order.history.push(Change { at: now, status, by: Actor::Us });
            })
        })
        .await
    }

    async fn mark_processed(&self, _: &str) -> Result<(), ShopError> {
        Err(ShopError::Unsupported("stamp orders"))
    }

    async fn add_note(&self, id: &str, _: &str, marker: &str) -> Result<(), ShopError> {
        self.call(|| {
            self.write(id, |order, _| {
                self.scene.trace.note(format_args!("{} shop {id} note {marker}", self.host));
                if order.notes.iter().any(|known| known == marker) && !self.scene.leases_were_cut() {
                    self.scene.shop.complain(format!("order {id}: the note {marker} was written twice"));
                }
                order.notes.push(marker.to_owned());
            })
        })
        .await
    }

    async fn has_note(&self, id: &str, marker: &str) -> Result<bool, ShopError> {
        if !self.scene.plan.notes_listed {
            return Err(ShopError::Unsupported("list notes"));
        }
        self.call(|| Ok(self.scene.shop.lock().get(id).is_some_and(|it| it.notes.iter().any(|known| known == marker))))
            .await
    }

    async fn set_erp_order_id(&self, id: &str, erp_order_id: &str) -> Result<(), ShopError> {
        self.call(|| self.write(id, |order, _| order.erp_order_id = Some(erp_order_id.to_owned()))).await
    }

    async fn heartbeat(&self) -> Result<(), ShopError> {
        Err(ShopError::Unsupported("take a sign of life"))
    }

    async fn check(&self, _: &[String]) -> Vec<Problem> {
        Vec::new()
    }
}
