//! The fake's EvolutionX face, in the shapes that the adapter's default settings expect. What the vendor publishes is as
//! published; the rest is our guess, said in the adapter's settings.

use std::sync::Arc;

use axum::{
    Json, Router,
    extract::{Path, Query, Request, State},
    http::{HeaderMap, StatusCode},
    middleware::{Next, from_fn_with_state},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    ledger::{Event, Key},
    world::{Actor, Inner, Order, ShopKind, World, message, now_ms},
};

/// The account that a token opens: `evo-<account>`.
#[derive(Clone)]
struct Account(String);

/// Routes below `/evo`.
pub fn router(world: Arc<World>) -> Router {
    Router::new()
        .route("/orders", get(list))
        .route("/orders/unprocessed", get(unprocessed))
        .route("/orders/{id}", get(one).put(change))
        .route("/orders/{id}/timeline", get(timeline).post(add_entry))
        .route("/heartbeat", post(heartbeat))
        .layer(from_fn_with_state(world.clone(), admit))
        .with_state(world)
}

/// Token and rate limit.
async fn admit(State(world): State<Arc<World>>, mut request: Request, next: Next) -> Response {
    let Some(account) = account(request.headers()) else {
        return (StatusCode::UNAUTHORIZED, Json(message("Unauthenticated."))).into_response();
    };
    let limit = world.lock().switches.rate_limit;
    let place = world.lock().take_place(&format!("evo/{account}"));
    request.extensions_mut().insert(Account(account));
    let (mut answer, left, reset) = match place {
        Ok((left, reset)) => (next.run(request).await, left, reset),
        Err(wait) => {
            let mut answer = (StatusCode::TOO_MANY_REQUESTS, Json(message("Too Many Attempts."))).into_response();
            answer.headers_mut().insert("retry-after", wait.into());
            (answer, 0, wait)
        }
    };
    let headers = answer.headers_mut();
    headers.insert("x-ratelimit-limit", limit.into());
    headers.insert("x-ratelimit-remaining", left.into());
    headers.insert("x-ratelimit-reset", reset.into());
    answer
}

fn account(headers: &HeaderMap) -> Option<String> {
    let token = headers.get("authorization")?.to_str().ok()?.strip_prefix("Bearer ")?;
    headers.get("accept")?.to_str().ok().filter(|accept| accept.contains("vnd.evolutionx.v1+json"))?;
    token.strip_prefix("evo-").filter(|account| !account.is_empty()).map(str::to_owned)
}

#[derive(Deserialize)]
struct ListQuery {
    status: Option<String>,
    limit: Option<usize>,
    from_id: Option<u64>,
}

type Shared = State<Arc<World>>;
type Who = axum::Extension<Account>;

async fn list(State(world): Shared, who: Who, Query(query): Query<ListQuery>) -> Response {
    let inner = world.lock();
    if let Some(status) = &query.status
        && !inner.switches.evo_statuses.contains(status)
    {
        return unknown_status(status);
    }
    let seen_at = now_ms() - inner.switches.list_lag_ms;
    let wanted = |order: &Order| match (order.status_at(seen_at), &query.status) {
        (None, _) => false,
        (Some(_), None) => order.is_listed(false),
        (Some(status), Some(wanted)) => status == wanted && order.is_listed(true),
    };
    page(&inner, &who, &query, wanted)
}

async fn unprocessed(State(world): Shared, who: Who, Query(query): Query<ListQuery>) -> Response {
    let inner = world.lock();
    let seen_at = now_ms() - inner.switches.list_lag_ms;
    page(&inner, &who, &query, |order| order.status_at(seen_at) == Some("New Order") && order.stamp_s.is_none())
}

/// Ids grow, and the cursor is the last id shown.
fn page(inner: &Inner, who: &Who, query: &ListQuery, wanted: impl Fn(&Order) -> bool) -> Response {
    let limit = query.limit.unwrap_or(25).clamp(1, 100);
    let from = query.from_id.unwrap_or(0);
    let mut found: Vec<&Order> = inner
        .of(ShopKind::Evo, &who.0.0)
        .filter(|order| order.key.id > from && wanted(order))
        .take(limit + 1)
        .collect();
    let more = found.len() > limit;
    found.truncate(limit);
    let cursor = if more { found.last().map(|order| order.key.id) } else { None };
    if inner.switches.list_disorder {
        found.reverse();
        found.extend(found.first().copied());
    }
    let orders: Vec<String> = found.into_iter().map(text).collect();
    json_text(format!(
        r#"{{"data":[{}],"meta":{{"cursor":{}}}}}"#,
        orders.join(","),
        cursor.map_or("null".to_owned(), |id| id.to_string())
    ))
}

async fn one(State(world): Shared, who: Who, Path(id): Path<u64>) -> Response {
    let inner = world.lock();
    match inner.orders.get(&key(&who, id)) {
        Some(order) => json_text(format!(r#"{{"data":{}}}"#, text(order))),
        None => missing(),
    }
}

async fn change(State(world): Shared, who: Who, Path(id): Path<u64>, Json(patch): Json<Value>) -> Response {
    let mut inner = world.lock();
    let key = key(&who, id);
    if !inner.orders.contains_key(&key) {
        return missing();
    }
    let Value::Object(patch) = patch else {
        return (StatusCode::BAD_REQUEST, Json(message("Bad body"))).into_response();
    };
    if let Some(status) = patch.get("status").and_then(Value::as_str)
        && !inner.switches.evo_statuses.iter().any(|known| known == status)
    {
        return unknown_status(status);
    }
    let actor = Actor::orderdock();
    let mut rest = serde_json::Map::new();
    for (name, value) in patch {
        let key = key.clone();
        match (name.as_str(), value) {
            ("status", Value::String(status)) => inner.record(Event::Status { key, status, actor: actor.clone() }),
            ("seller_reference", Value::String(value)) => inner.record(Event::Reference { key, name, value }),
            ("backoffice_processed_at", value) => {
                inner.record(Event::Stamp { key, at_s: value.as_i64(), actor: actor.clone() })
            }
            (_, value) => drop(rest.insert(name, value)),
        }
    }
    if !rest.is_empty() {
        inner.record(Event::Edited { key: key.clone(), patch: rest.into(), actor });
    }
    json_text(format!(r#"{{"data":{}}}"#, text(&inner.orders[&key])))
}

async fn timeline(State(world): Shared, who: Who, Path(id): Path<u64>) -> Response {
    let inner = world.lock();
    let Some(order) = inner.orders.get(&key(&who, id)) else { return missing() };
    let entries: Vec<Value> = order
        .notes
        .iter()
        .map(|note| json!({"id": note.id, "message": note.text, "user_type": note.actor.kind, "created_at": note.at_ms / 1000}))
        .collect();
    Json(json!({ "data": entries })).into_response()
}

async fn add_entry(State(world): Shared, who: Who, Path(id): Path<u64>, Json(body): Json<Value>) -> Response {
    let key = key(&who, id);
    let mut inner = world.lock();
    if !inner.orders.contains_key(&key) {
        return missing();
    }
    let Some(text) = body.get("message").and_then(Value::as_str).map(str::to_owned) else {
        return (StatusCode::UNPROCESSABLE_ENTITY, Json(message("The message field is required."))).into_response();
    };
    inner.record(Event::Note { key, text, mailed_buyer: false, actor: Actor::orderdock() });
    (StatusCode::CREATED, Json(json!({"data": {"ok": true}}))).into_response()
}

async fn heartbeat(State(world): Shared, who: Who) -> Response {
    world.record(Event::Heartbeat { account: who.0.0.clone() });
    Json(json!({"data": {"ok": true}})).into_response()
}

fn key(who: &Who, id: u64) -> Key {
    Key { shop: ShopKind::Evo, account: who.0.0.clone(), id }
}

fn missing() -> Response {
    (StatusCode::NOT_FOUND, Json(message("Order not found."))).into_response()
}

fn unknown_status(status: &str) -> Response {
    let body = json!({"message": "The given data was invalid.", "errors": {"status": [format!("The status {status} is invalid.")]}});
    (StatusCode::UNPROCESSABLE_ENTITY, Json(body)).into_response()
}

pub(super) fn json_text(text: String) -> Response {
    ([("content-type", "application/json")], text).into_response()
}

/// An order as this shop serves it.
#[must_use]
pub fn text(order: &Order) -> String {
    if let Some(raw) = &order.raw {
        return raw.replace("{{id}}", &order.key.id.to_string()).replace("{{status}}", order.status());
    }
    let mut body = order.body.clone();
    body.retain(|name, _| !name.starts_with('_'));
    let last = order.history.last().unwrap();
    let id = order.key.id;
    body.insert("id".to_owned(), json!(id));
    body.entry("order_number").or_insert_with(|| json!(format!("WEB-{id}")));
    body.insert("status".to_owned(), json!(order.status()));
    body.insert("created_at".to_owned(), json!(order.created_ms / 1000));
    body.insert("updated_at".to_owned(), json!(order.modified_ms / 1000));
    body.insert("backoffice_processed_at".to_owned(), order.stamp_s.map_or(json!(""), |at| json!(at)));
    body.insert(
        "seller_reference".to_owned(),
        json!(order.references.get("seller_reference").map_or("", String::as_str)),
    );
    body.insert("source_user_type".to_owned(), json!(order.creator.kind));
    body.insert("source_user_id".to_owned(), json!(order.creator.id));
    body.insert("status_user_type".to_owned(), json!(last.actor.kind));
    body.insert("status_user_id".to_owned(), json!(last.actor.id));
    Value::Object(body).to_string()
}
