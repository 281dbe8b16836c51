//! The push shop: it has no memory but ours, so its orders, statuses and "shop" live in the ledger.

use std::sync::Arc;

use async_trait::async_trait;

use crate::{
    domain::{
        Order,
        id::{ConnectionId, OrderKey, ShopId},
        problem::Problem,
        sight::{ListScope, Page, Sight},
    },
    ledger::{Ledger, LedgerError, orders::PushedOrder},
    shop::{Abilities, Shop, ShopError, push},
};

/// Orders in one page.
const PAGE: u32 = 100;

/// The shop of a push connection.
pub struct PushShop {
    /// Where its orders are.
    pub ledger: Arc<dyn Ledger>,
    /// Whose.
    pub connection: ConnectionId,
    /// Which.
    pub shop: ShopId,
}

impl PushShop {
    fn key(&self, shop_order_id: &str) -> OrderKey {
        OrderKey {
            connection: self.connection.clone(),
            shop: self.shop.clone(),
            shop_order_id: shop_order_id.to_owned(),
        }
    }
}

#[async_trait]
impl Shop for PushShop {
    fn abilities(&self) -> Abilities {
        Abilities {
            list_by_status: true,
            single_read: true,
            set_status: true,
            mark_processed: false,
            notes: false,
            notes_listed: false,
            erp_order_id: false,
            heartbeat: false,
            names_actors: false,
            read_lag_s: 0,
        }
    }

    async fn list(&self, scope: &ListScope, cursor: Option<&str>) -> Result<Page, ShopError> {
        let statuses = match scope {
            ListScope::InStatus(statuses) => statuses.clone(),
            ListScope::ModifiedSince(_) | ListScope::PlacedSince(_) => Vec::new(),
        };
        let orders =
            self.ledger.pushed_orders(&self.connection, &self.shop, &statuses, cursor, PAGE).await.map_err(unclear)?;
        let full = orders.len() >= usize::try_from(PAGE).unwrap_or(usize::MAX);
        let next = orders.last().filter(|_| full).map(|(id, _)| id.clone());
        Ok(Page { sights: orders.iter().map(|(id, order)| sight(id, order)).collect(), next })
    }

    async fn get(&self, shop_order_id: &str) -> Result<Sight, ShopError> {
        let order = self.ledger.pushed_order(&self.key(shop_order_id)).await.map_err(unclear)?;
        order.map(|order| sight(shop_order_id, &order)).ok_or_else(|| ShopError::NotFound(shop_order_id.to_owned()))
    }

    async fn set_status(&self, shop_order_id: &str, status: &str) -> Result<(), ShopError> {
        self.ledger.set_pushed_status(&self.key(shop_order_id), status).await.map_err(unclear)
    }

    async fn mark_processed(&self, _: &str) -> Result<(), ShopError> {
        Err(ShopError::Unsupported("stamp orders"))
    }

    async fn add_note(&self, _: &str, _: &str, _: &str) -> Result<(), ShopError> {
        Err(ShopError::Unsupported("keep notes"))
    }

    async fn has_note(&self, _: &str, _: &str) -> Result<bool, ShopError> {
        Err(ShopError::Unsupported("list notes"))
    }

    async fn set_erp_order_id(&self, _: &str, _: &str) -> Result<(), ShopError> {
        Err(ShopError::Unsupported("keep the ERP's order id; ask the API for it"))
    }

    async fn heartbeat(&self) -> Result<(), ShopError> {
        Err(ShopError::Unsupported("take a sign of life"))
    }

    async fn check(&self, _: &[String]) -> Vec<Problem> {
        Vec::new()
    }
}

/// The status that the host set last; before that, the sender's own.
fn sight(shop_order_id: &str, pushed: &PushedOrder) -> Sight {
    let read = serde_json::from_str::<Order>(&pushed.json).map(push::sight);
    let mut sight = read.unwrap_or_else(|error| Sight {
        shop_order_id: shop_order_id.to_owned(),
        order_number: shop_order_id.to_owned(),
        status: push::NEW.to_owned(),
        placed_ms: None,
        modified_ms: None,
        processed_stamp: None,
        shipped: false,
        cancelled: false,
        creator: None,
        status_actor: None,
        order: Err(vec![Problem::new("", error.to_string())]),
    });
    sight.modified_ms = Some(pushed.modified_ms);
    if !pushed.status.is_empty() {
        sight.status.clone_from(&pushed.status);
    }
    sight
}

fn unclear(error: LedgerError) -> ShopError {
    ShopError::Unclear(error.to_string())
}
