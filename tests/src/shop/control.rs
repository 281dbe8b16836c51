//! The control API: what buyers, staff, other programs and bad days do. For tests in another process and for the demo.

use std::sync::Arc;

use axum::{
    Json, Router,
    extract::{Path, Query, State},
    http::StatusCode,
    response::{IntoResponse, Response},
    routing::{get, post},
};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    fault::Fault,
    ledger::{Event, Key},
    world::{Actor, ShopKind, Switches, World, now_ms},
};
use crate::orders;

type Shared = State<Arc<World>>;

/// Routes below `/control`.
pub fn router(world: Arc<World>) -> Router {
    Router::new()
        .route("/orders", get(list).post(place))
        .route("/generate", post(generate))
        .route("/fixtures", post(fixtures))
        .route("/orders/{shop}/{account}/{id}", get(one))
        .route("/orders/{shop}/{account}/{id}/status", post(status))
        .route("/orders/{shop}/{account}/{id}/edit", post(edit))
        .route("/orders/{shop}/{account}/{id}/stamp", post(stamp))
        .route("/orders/{shop}/{account}/{id}/cancel", post(cancel))
        .route("/orders/{shop}/{account}/{id}/reset", post(reset))
        .route("/counts", get(counts))
        .route("/faults", get(list_faults).post(add_fault).delete(clear_faults))
        .route("/settings", get(settings).post(set_settings))
        .with_state(world)
}

fn actor(kind: Option<&str>) -> Actor {
    match kind {
        Some("storefront" | "buyer") => Actor::buyer(),
        Some("api") => Actor::other_program(),
        _ => Actor::staff(),
    }
}

#[derive(Deserialize)]
struct Place {
    shop: ShopKind,
    account: String,
    #[serde(default)]
    orders: Vec<Value>,
    /// A broken order, as text.
    raw: Option<String>,
    status: Option<String>,
    /// `storefront` (default), `staff`, `api`.
    creator: Option<String>,
}

async fn place(State(world): Shared, Json(ask): Json<Place>) -> Response {
    let creator = actor(ask.creator.as_deref().or(Some("storefront")));
    let mut ids = Vec::new();
    for body in ask.orders {
        if !body.is_object() {
            return (StatusCode::BAD_REQUEST, "an order is an object").into_response();
        }
        ids.push(world.place(ask.shop, &ask.account, body, ask.status.as_deref(), None, creator.clone()));
    }
    if let Some(raw) = ask.raw {
        ids.push(world.place(ask.shop, &ask.account, json!({}), ask.status.as_deref(), Some(raw), creator));
    }
    Json(json!({ "ids": ids })).into_response()
}

#[derive(Deserialize)]
struct Generate {
    shop: ShopKind,
    account: String,
    count: usize,
    #[serde(default)]
    seed: u64,
}

async fn generate(State(world): Shared, Json(ask): Json<Generate>) -> Response {
    let bodies = orders::generate(ask.seed, ask.count);
    let ids: Vec<u64> = bodies
        .iter()
        .map(|order| world.place(ask.shop, &ask.account, order.body(ask.shop), None, None, Actor::buyer()))
        .collect();
    Json(json!({ "ids": ids })).into_response()
}

#[derive(Deserialize)]
struct Where {
    shop: Option<ShopKind>,
    account: Option<String>,
}

async fn fixtures(State(world): Shared, Json(to): Json<Where>) -> Response {
    let (Some(shop), Some(account)) = (to.shop, to.account) else {
        return (StatusCode::BAD_REQUEST, "needs `shop` and `account`").into_response();
    };
    let ids: Vec<u64> = orders::captured(shop)
        .into_iter()
        .map(|body| world.place(shop, &account, body, None, None, Actor::buyer()))
        .collect();
    Json(json!({ "ids": ids })).into_response()
}

async fn list(State(world): Shared, Query(query): Query<Where>) -> Response {
    let inner = world.lock();
    let orders: Vec<_> = inner
        .orders
        .values()
        .filter(|order| query.shop.is_none_or(|shop| shop == order.key.shop))
        .filter(|order| query.account.as_ref().is_none_or(|account| *account == order.key.account))
        .collect();
    Json(json!({ "orders": orders })).into_response()
}

type Which = Path<(ShopKind, String, u64)>;

fn key(Path((shop, account, id)): Which) -> Key {
    Key { shop, account, id }
}

async fn one(State(world): Shared, which: Which) -> Response {
    match world.lock().orders.get(&key(which)) {
        Some(order) => Json(order).into_response(),
        None => StatusCode::NOT_FOUND.into_response(),
    }
}

/// Records events about an order that must be there.
fn act(world: &World, key: &Key, events: Vec<Event>) -> Response {
    let mut inner = world.lock();
    if !inner.orders.contains_key(key) {
        return StatusCode::NOT_FOUND.into_response();
    }
    for event in events {
        inner.record(event);
    }
    Json(&inner.orders[key]).into_response()
}

#[derive(Deserialize)]
struct Status {
    status: String,
    actor: Option<String>,
}

async fn status(State(world): Shared, which: Which, Json(ask): Json<Status>) -> Response {
    let key = key(which);
    act(&world, &key, vec![Event::Status { key: key.clone(), status: ask.status, actor: actor(ask.actor.as_deref()) }])
}

#[derive(Deserialize)]
struct Edit {
    patch: Value,
    actor: Option<String>,
}

async fn edit(State(world): Shared, which: Which, Json(ask): Json<Edit>) -> Response {
    let key = key(which);
    act(&world, &key, vec![Event::Edited { key: key.clone(), patch: ask.patch, actor: actor(ask.actor.as_deref()) }])
}

#[derive(Deserialize)]
struct Stamp {
    /// Seconds since 1970; null clears.
    at_s: Option<i64>,
}

async fn stamp(State(world): Shared, which: Which, Json(ask): Json<Stamp>) -> Response {
    let key = key(which);
    act(&world, &key, vec![Event::Stamp { key: key.clone(), at_s: ask.at_s, actor: Actor::staff() }])
}

async fn cancel(State(world): Shared, which: Which) -> Response {
    let key = key(which);
    let status = if key.shop == ShopKind::Evo { "Cancelled" } else { "cancelled" }.to_owned();
    act(&world, &key, vec![Event::Status { key: key.clone(), status, actor: Actor::buyer() }])
}

/// Staff send an order again: the stamp goes, and the status is the first one.
async fn reset(State(world): Shared, which: Which) -> Response {
    let key = key(which);
    let status = if key.shop == ShopKind::Evo { "New Order" } else { "processing" }.to_owned();
    let stamp = Event::Stamp { key: key.clone(), at_s: None, actor: Actor::staff() };
    act(&world, &key, vec![stamp, Event::Status { key: key.clone(), status, actor: Actor::staff() }])
}

async fn counts(State(world): Shared) -> Response {
    let inner = world.lock();
    Json(json!({"now_ms": now_ms(), "counts": inner.counts, "orders": inner.orders.len()})).into_response()
}

async fn list_faults(State(world): Shared) -> Response {
    Json(json!({"faults": world.lock().faults})).into_response()
}

async fn add_fault(State(world): Shared, Json(fault): Json<Fault>) -> Response {
    world.lock().faults.push(fault);
    StatusCode::NO_CONTENT.into_response()
}

async fn clear_faults(State(world): Shared) -> Response {
    world.lock().faults.clear();
    StatusCode::NO_CONTENT.into_response()
}

async fn settings(State(world): Shared) -> Response {
    Json(&world.lock().switches).into_response()
}

/// Only the switches that are named change.
async fn set_settings(State(world): Shared, Json(patch): Json<Value>) -> Response {
    let mut inner = world.lock();
    let mut all = serde_json::to_value(&inner.switches).expect("switches are JSON");
    if let (Value::Object(all), Value::Object(patch)) = (&mut all, patch) {
        all.extend(patch);
    }
    match serde_json::from_value::<Switches>(all) {
        Ok(switches) => {
            inner.switches = switches;
            Json(&inner.switches).into_response()
        }
        Err(error) => (StatusCode::BAD_REQUEST, error.to_string()).into_response(),
    }
}
