//! What a test does in the shop and what it sees in the fakes' ledgers; waiting has an end and says what it waited for.

use std::time::Duration;

use serde_json::Value;
use tokio::time::Instant;

use super::{ACCOUNT, CONNECTION, PATIENCE, Rig};
use crate::{
    orders,
    shop::{self, Key, ShopKind},
};

impl Rig {
    /// Asks for a sweep of `woo`, and waits until it was made.
    pub async fn sync_woo(&self) {
        let lists =
            |rig: &Self| rig.shop.requests("woo GET /wp-json/wc/v3/orders") + rig.shop.requests("woo GET /orders");
        let before = lists(self);
        self.ask(&["sync", "woo"]).await;
        self.until("the shop was asked for its list", |rig| lists(rig) > before).await;
    }

    /// Waits until `/readyz` says something.
    ///
    /// # Panics
    /// When it does not in time.
    pub async fn until_ready(&self, what: &str, seen: impl Fn(&Value) -> bool) {
        let end = Instant::now() + PATIENCE;
        loop {
            let (_, text) = self.http("GET", "/readyz", None, "").await;
            if serde_json::from_str(&text).is_ok_and(|ready| seen(&ready)) {
                return;
            }
            assert!(Instant::now() < end, "waited in vain until the host {what}: {text}\n{}", self.tail());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Waits for something in the fakes' ledgers.
    ///
    /// # Panics
    /// When it does not come true in time: with the log's end.
    pub async fn until(&self, what: &str, seen: impl FnMut(&Self) -> bool) {
        self.until_within(PATIENCE, what, seen).await;
    }

    /// The same for what a lease delays: with a time of its own.
    ///
    /// # Panics
    /// When it does not come true in time: with the log's end.
    pub async fn until_within(&self, time: Duration, what: &str, mut seen: impl FnMut(&Self) -> bool) {
        let end = Instant::now() + time;
        while !seen(self) {
            assert!(
                Instant::now() < end,
                "waited in vain until {what}; log:\n{}\nERP: {:?}",
                self.tail(),
                self.erp.state()
            );
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// Waits until the JSON of a command that must succeed shows something; gives it.
    ///
    /// # Panics
    /// When it does not in time.
    pub async fn until_asked(&self, arguments: &[&str], what: &str, seen: impl Fn(&Value) -> bool) -> Value {
        let end = Instant::now() + PATIENCE;
        loop {
            let told = self.ask(arguments).await;
            if seen(&told) {
                return told;
            }
            assert!(Instant::now() < end, "waited in vain until {what}: {told}\n{}", self.tail());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Waits until the host's log says this.
    ///
    /// # Panics
    /// When it does not in time.
    pub async fn until_logged(&self, words: &str) {
        self.until(&format!("{words:?} is logged"), |rig| rig.log().contains(words)).await;
    }

    /// Waits until `order why` says this of an order.
    ///
    /// # Panics
    /// When it does not in time.
    pub async fn until_why(&self, number: &str, words: &str) {
        let end = Instant::now() + PATIENCE;
        loop {
            let why = self.ask(&["order", "why", number]).await.to_string();
            if why.contains(words) {
                return;
            }
            assert!(Instant::now() < end, "waited in vain for {words:?}: {why}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Waits until an order is in this state, as the command line shows it; gives what it shows.
    ///
    /// # Panics
    /// When it does not get there in time.
    pub async fn until_state(&self, id: u64, state: &str) -> Value {
        self.until_shown(id, &format!("order {id} is {state}"), |shown| shown["order"]["state"] == state).await
    }

    /// Waits until the command line shows something of an order; gives what it shows.
    ///
    /// # Panics
    /// When it does not in time.
    pub async fn until_shown(&self, id: u64, what: &str, seen: impl Fn(&Value) -> bool) -> Value {
        let end = Instant::now() + PATIENCE;
        loop {
            let said = self.run(&["order", "show", &id.to_string(), "--json"]).await;
            if said.code == 0 && seen(&said.json()) {
                return said.json();
            }
            assert!(Instant::now() < end, "waited in vain until {what}: {said:?}\n{}", self.tail());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Waits until the shop shows this status of an order.
    pub async fn until_status(&self, id: u64, status: &str) {
        self.until(&format!("order {id} has the status {status:?} in the shop"), |rig| {
            rig.order(id).status() == status
        })
        .await;
    }

    /// Asks for a sweep, and waits until it was made.
    pub async fn sync(&self) {
        let lists = |rig: &Self| rig.shop.requests("evo GET /orders");
        let before = lists(self);
        self.ask(&["sync", CONNECTION]).await;
        self.until("the shop was asked for its list", |rig| lists(rig) > before).await;
    }

    /// What `order why` says.
    pub async fn why(&self, id: u64) -> String {
        let said = self.run(&["order", "why", &id.to_string()]).await;
        assert_eq!(said.code, 0, "{said:?}");
        said.out
    }

    /// Places an ordinary paid order; its id. In the ERP its key is `WEB-<id>`.
    #[must_use]
    pub fn place(&self) -> u64 {
        self.place_with(|_| {})
    }

    /// The same, changed before it is placed.
    pub fn place_with(&self, change: impl FnOnce(&mut Value)) -> u64 {
        let mut body = self.ordinary(self.shop.world.lock().orders.len() + 1);
        change(&mut body);
        self.shop.place(ShopKind::Evo, ACCOUNT, body)
    }

    /// The body of an ordinary paid order, the nth of its kind.
    ///
    /// # Panics
    /// Never for n above 0.
    #[must_use]
    pub fn ordinary(&self, nth: usize) -> Value {
        orders::generate(7, nth).pop().expect("one was made").body(ShopKind::Evo)
    }

    /// The key of an order at the fake shop.
    #[must_use]
    pub fn key(&self, id: u64) -> Key {
        Key { shop: ShopKind::Evo, account: ACCOUNT.to_owned(), id }
    }

    /// An order at the fake shop.
    ///
    /// # Panics
    /// When there is none.
    #[must_use]
    pub fn order(&self, id: u64) -> shop::Order {
        self.shop.order(ShopKind::Evo, ACCOUNT, id).unwrap_or_else(|| panic!("the shop has no order {id}"))
    }

    /// How many orders with this id the ERP accepted.
    #[must_use]
    pub fn accepted(&self, id: u64) -> usize {
        let key = format!("WEB-{id}");
        self.erp.state().orders.iter().filter(|order| order.key == key).count()
    }

    /// How often this order was sent to the ERP, accepted or not.
    #[must_use]
    pub fn sent(&self, id: u64) -> u64 {
        self.erp.state().requests_by_key.get(&format!("WEB-{id}")).copied().unwrap_or(0)
    }
}
