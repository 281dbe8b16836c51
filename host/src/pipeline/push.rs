//! The push shop: it has no memory but ours, so its orders, statuses and "shop" live in the ledger.

use std::sync::Arc;

use async_trait::async_trait;

use crate::{
    domain::{
        Order,
        id::{ConnectionId, OrderKey, ShopId},
        problem::Problem,
        sight::{ListScope, Page, Sight},
        time,
    },
    ledger::{Ledger, LedgerError, orders::PushedOrder},
    shop::{Abilities, Shop, ShopError},
};

/// Orders in one page.
const PAGE: u32 = 100;

/// A pushed order's status before anybody changed it.
pub const NEW: &str = "new";

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

fn sight(shop_order_id: &str, pushed: &PushedOrder) -> Sight {
    let order: Result<Order, _> = serde_json::from_str(&pushed.json);
    let placed_ms = order.as_ref().ok().and_then(|order| time::millis_of(order.placed_at.as_str()));
    let status = if pushed.status.is_empty() { NEW.to_owned() } else { pushed.status.clone() };
    Sight {
        shop_order_id: shop_order_id.to_owned(),
        order_number: order.as_ref().map_or_else(|_| shop_order_id.to_owned(), |order| order.order_number.clone()),
        status,
        placed_ms,
        modified_ms: Some(pushed.modified_ms),
        processed_stamp: None,
        shipped: false,
        cancelled: false,
        creator: None,
        status_actor: None,
        order: order.map(Box::new).map_err(|error| vec![Problem::new("", error.to_string())]),
    }
}

fn unclear(error: LedgerError) -> ShopError {
    ShopError::Unclear(error.to_string())
}
