//! The fake's WooCommerce face: REST v3 as recorded from version 7.9.0, down to its error texts.
#![expect(clippy::result_large_err, reason = "an answer in place of an error is as large as any answer")]

use std::{collections::HashMap, sync::Arc};

use axum::{
    Json, Router,
    extract::{Path, Query, Request, State},
    http::{HeaderMap, StatusCode},
    middleware::{Next, from_fn_with_state},
    response::{IntoResponse, Response},
    routing::get,
};
use base64::Engine;
use serde_json::{Value, json};

use super::{
    evolutionx::json_text,
    ledger::{Event, Key},
    world::{Actor, Order, ShopKind, World, now_ms},
};

/// The shop's clock is an hour ahead of UTC, so that whoever mixes both up is seen.
const LOCAL_AHEAD_MS: i64 = 3_600_000;

/// The account that a key opens: `ck_<account>` with `cs_<account>`.
#[derive(Clone)]
struct Account(String);

type Shared = State<Arc<World>>;
type Who = axum::Extension<Account>;
type Answer = Result<Response, Response>;

/// Routes below `/woo/wp-json/wc/v3`.
pub fn router(world: Arc<World>) -> Router {
    Router::new()
        .route("/orders", get(list))
        .route("/orders/{id}", get(one).put(change))
        .route("/orders/{id}/notes", get(notes).post(add_note))
        .fallback(|| async {
            error(404, "rest_no_route", "No route was found matching the URL and request method.", &[])
        })
        .layer(from_fn_with_state(world.clone(), admit))
        .with_state(world)
}

async fn admit(mut request: Request, next: Next) -> Response {
    let Some(account) = account(request.headers()) else {
        return error(401, "woocommerce_rest_cannot_view", "Sorry, you cannot list resources.", &[]);
    };
    request.extensions_mut().insert(Account(account));
    next.run(request).await
}

fn account(headers: &HeaderMap) -> Option<String> {
    let basic = headers.get("authorization")?.to_str().ok()?.strip_prefix("Basic ")?;
    let pair = String::from_utf8(base64::engine::general_purpose::STANDARD.decode(basic).ok()?).ok()?;
    let (key, secret) = pair.split_once(':')?;
    let account = key.strip_prefix("ck_")?;
    (secret.strip_prefix("cs_") == Some(account)).then(|| account.to_owned())
}

fn error(status: u16, code: &str, message: &str, params: &[(&str, String)]) -> Response {
    let params: serde_json::Map<String, Value> =
        params.iter().map(|(name, text)| ((*name).to_owned(), json!(text))).collect();
    let mut data = json!({"status": status});
    if !params.is_empty() {
        data["params"] = params.into();
    }
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    (status, Json(json!({"code": code, "message": message, "data": data}))).into_response()
}

fn invalid(name: &str, text: String) -> Response {
    error(400, "rest_invalid_param", &format!("Invalid parameter(s): {name}"), &[(name, text)])
}

fn one_of(statuses: &[String]) -> String {
    match statuses.split_last() {
        Some((last, rest)) => format!("{}, and {last}.", rest.join(", ")),
        None => String::new(),
    }
}

async fn list(State(world): Shared, who: Who, Query(query): Query<HashMap<String, String>>) -> Answer {
    let inner = world.lock();
    let text = |name: &str| query.get(name).map(String::as_str);
    let number = |name: &str, fallback: usize| {
        text(name).map_or(Ok(fallback), |text| {
            text.parse::<usize>().map_err(|_| invalid(name, format!("{name} is not of type integer.")))
        })
    };
    let per_page = number("per_page", 10)?;
    if !(1..=100).contains(&per_page) {
        return Err(invalid("per_page", "per_page must be between 1 (inclusive) and 100 (inclusive)".to_owned()));
    }
    let page = number("page", 1)?.max(1);
    let statuses: Option<Vec<&str>> =
        text("status").filter(|status| *status != "any").map(|list| list.split(',').collect());
    for (index, status) in statuses.iter().flatten().enumerate() {
        if !inner.switches.woo_statuses.iter().any(|known| known == status) {
            return Err(invalid(
                "status",
                format!("status[{index}] is not one of any, trash, {}", one_of(&inner.switches.woo_statuses)),
            ));
        }
    }
    let gmt = text("dates_are_gmt") == Some("true");
    let moment = |name: &str| -> Result<Option<i64>, Response> {
        let Some(text) = text(name) else { return Ok(None) };
        let parsed = format!("{}Z", text.trim_end_matches('Z')).parse::<jiff::Timestamp>();
        let at = parsed.map_err(|_| invalid(name, "Invalid date.".to_owned()))?.as_millisecond();
        Ok(Some(if gmt { at } else { at - LOCAL_AHEAD_MS }))
    };
    let (after, modified_after) = (moment("after")?, moment("modified_after")?);
    let excluded: Vec<u64> = text("exclude").unwrap_or_default().split(',').filter_map(|id| id.parse().ok()).collect();
    let seen_at = now_ms() - inner.switches.list_lag_ms;
    let whole_second = |ms: i64| ms.div_euclid(1000) * 1000;
    let mut found: Vec<&Order> = inner
        .of(ShopKind::Woo, &who.0.0)
        .filter(|order| {
            order
                .status_at(seen_at)
                .is_some_and(|status| statuses.as_ref().is_none_or(|wanted| wanted.contains(&status)))
        })
        .filter(|order| after.is_none_or(|after| whole_second(order.created_ms) > after))
        .filter(|order| modified_after.is_none_or(|after| whole_second(order.modified_ms) > after))
        .filter(|order| order.is_listed(statuses.is_some()))
        .filter(|order| !excluded.contains(&order.key.id))
        .collect();
    found.sort_by_key(|order| match text("orderby") {
        Some("id") => (0, order.key.id),
        Some("modified") => (whole_second(order.modified_ms), order.key.id),
        _ => (whole_second(order.created_ms), order.key.id),
    });
    if text("order") != Some("asc") {
        found.reverse();
    }
    let total = found.len();
    let only: Option<Vec<&str>> = text("_fields").map(|list| list.split(',').collect());
    let shown: Vec<String> = found
        .into_iter()
        .skip((page - 1) * per_page)
        .take(per_page)
        .map(|order| order_text(order, only.as_deref()))
        .collect();
    let mut answer = json_text(format!("[{}]", shown.join(",")));
    answer.headers_mut().insert("x-wp-total", total.into());
    answer.headers_mut().insert("x-wp-totalpages", total.div_ceil(per_page).into());
    Ok(answer)
}

fn find<'a>(inner: &'a super::world::Inner, who: &Who, id: u64) -> Result<&'a Order, Response> {
    let key = Key { shop: ShopKind::Woo, account: who.0.0.clone(), id };
    inner.orders.get(&key).ok_or_else(|| error(404, "woocommerce_rest_shop_order_invalid_id", "Invalid ID.", &[]))
}

async fn one(State(world): Shared, who: Who, Path(id): Path<u64>) -> Answer {
    Ok(json_text(order_text(find(&world.lock(), &who, id)?, None)))
}

async fn change(State(world): Shared, who: Who, Path(id): Path<u64>, Json(patch): Json<Value>) -> Answer {
    let mut inner = world.lock();
    let key = find(&inner, &who, id)?.key.clone();
    let Value::Object(patch) = patch else { return Err(invalid("body", "not an object".to_owned())) };
    if let Some(status) = patch.get("status").and_then(Value::as_str)
        && !inner.switches.woo_statuses.iter().any(|known| known == status)
    {
        return Err(invalid("status", format!("status is not one of {}", one_of(&inner.switches.woo_statuses))));
    }
    let mut rest = serde_json::Map::new();
    for (name, value) in patch {
        let key = key.clone();
        match (name.as_str(), value) {
            ("status", Value::String(status)) => inner.record(Event::Status { key, status, actor: Actor::orderdock() }),
            ("meta_data", Value::Array(items)) => {
                for item in items {
                    let text = |name: &str| item.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
                    inner.record(Event::Reference { key: key.clone(), name: text("key"), value: text("value") });
                }
            }
            (_, value) => drop(rest.insert(name, value)),
        }
    }
    if !rest.is_empty() {
        inner.record(Event::Edited { key: key.clone(), patch: rest.into(), actor: Actor::orderdock() });
    }
    Ok(json_text(order_text(&inner.orders[&key], None)))
}

fn note_value(note: &super::world::Note) -> Value {
    json!({
        "id": note.id, "author": "WooCommerce", "date_created": local(note.at_ms), "date_created_gmt": gmt(note.at_ms),
        "note": note.text, "customer_note": note.mailed_buyer,
    })
}

/// Newest first, as the original.
async fn notes(State(world): Shared, who: Who, Path(id): Path<u64>) -> Answer {
    let inner = world.lock();
    let notes: Vec<Value> = find(&inner, &who, id)?.notes.iter().rev().map(note_value).collect();
    Ok(Json(notes).into_response())
}

async fn add_note(State(world): Shared, who: Who, Path(id): Path<u64>, Json(body): Json<Value>) -> Answer {
    let mut inner = world.lock();
    let key = find(&inner, &who, id)?.key.clone();
    let Some(text) = body.get("note").and_then(Value::as_str).map(str::to_owned) else {
        return Err(error(400, "rest_missing_callback_param", "Missing parameter(s): note", &[]));
    };
    let mailed_buyer = body.get("customer_note").and_then(Value::as_bool).unwrap_or(false);
    inner.record(Event::Note { key: key.clone(), text, mailed_buyer, actor: Actor::orderdock() });
    let note = inner.orders[&key].notes.last().map(note_value);
    Ok((StatusCode::CREATED, Json(note)).into_response())
}

fn gmt(ms: i64) -> String {
    let stamp = jiff::Timestamp::from_millisecond(ms.div_euclid(1000) * 1000).expect("a moment of our own");
    stamp.to_string().trim_end_matches('Z').to_owned()
}

fn local(ms: i64) -> String {
    gmt(ms + LOCAL_AHEAD_MS)
}

/// An order as this shop serves it.
#[must_use]
pub fn order_text(order: &Order, only: Option<&[&str]>) -> String {
    if let Some(raw) = &order.raw {
        return raw.replace("{{id}}", &order.key.id.to_string()).replace("{{status}}", order.status());
    }
    let mut body = order.body.clone();
    body.retain(|name, _| !name.starts_with('_') || name == "_links");
    let id = order.key.id;
    body.insert("id".to_owned(), json!(id));
    body.entry("number").or_insert_with(|| json!(id.to_string()));
    body.insert("status".to_owned(), json!(order.status()));
    body.insert("date_created".to_owned(), json!(local(order.created_ms)));
    body.insert("date_created_gmt".to_owned(), json!(gmt(order.created_ms)));
    body.insert("date_modified".to_owned(), json!(local(order.modified_ms)));
    body.insert("date_modified_gmt".to_owned(), json!(gmt(order.modified_ms)));
    if let Value::Array(meta) = body.entry("meta_data").or_insert_with(|| json!([])) {
        meta.extend(
            order
                .references
                .iter()
                .enumerate()
                .map(|(index, (key, value))| json!({"id": 9000 + index, "key": key, "value": value})),
        );
    }
    if let Some(only) = only {
        body.retain(|name, _| only.contains(&name.as_str()));
    }
    Value::Object(body).to_string()
}
