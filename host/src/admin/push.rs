//! The push door: `PUT` of an order in canonical JSON, idempotent by the shop's id of it.

use axum::{
    Json,
    body::Bytes,
    extract::{Path, State},
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde_json::{Value, json};

use super::{Api, answer::Refused};
use crate::{
    domain::{id::OrderKey, judge::content_hash},
    ledger::{
        connections::{ConnectionRecord, Intent},
        orders::Pushed,
    },
    shop::push::read_pushed,
};

/// Who leaves the intents of this room.
const BY: &str = "api";

/// The JSON Schema of a pushed order.
pub async fn schema() -> Json<Value> {
    Json(orderdock_order::order_schema())
}

/// Takes an order in: 201 for a new one, 200 for the same content again or a change in time, 409 with the state for a
/// change after it was sent, 422 with every problem for one that can't be read.
///
/// # Errors
/// As above.
pub async fn put_order(
    State(api): State<Api>,
    Path((connection, id)): Path<(String, String)>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, Refused> {
    let record = authorised(&api, &connection, &headers).await?;
    let order = read_pushed(&id, &body).map_err(Refused::Problems)?;
    let key = key(&record, &id);
    let json = serde_json::to_string(&order)
        .map_err(|error| Refused::Problems(vec![crate::domain::problem::Problem::new("", error.to_string())]))?;
    // The sender's status is content here: that is how it cancels.
    let content = format!("{}-{}", content_hash(&order), order.status);
    let pushed = api.ledger.push_order(&key, &json, &content, &order.order_number).await?;
    let (status, outcome) = match pushed {
        Pushed::Created => (StatusCode::CREATED, "created"),
        Pushed::Unchanged => (StatusCode::OK, "unchanged"),
        Pushed::Replaced => (StatusCode::OK, "replaced"),
        Pushed::Late { state } => {
            return Err(Refused::Late(json!({
                "error": "the order was sent already; this change is recorded and not sent",
                "state": state,
            })));
        }
    };
    // Also for unchanged content: the sender may repeat because our answer to the first try was lost.
    api.ledger.leave_intent(&record.id, Intent::Look { shop_order_id: id }, BY).await?;
    Ok((status, Json(json!({ "outcome": outcome }))).into_response())
}

/// What became of an order.
///
/// # Errors
/// 401, 404.
pub async fn get_order(
    State(api): State<Api>,
    Path((connection, id)): Path<(String, String)>,
    headers: HeaderMap,
) -> Result<Json<Value>, Refused> {
    let record = authorised(&api, &connection, &headers).await?;
    let detail = api
        .ledger
        .order(&key(&record, &id))
        .await?
        .ok_or_else(|| Refused::NotFound(format!("this connection has not seen order {id}")))?;
    let order = detail.order;
    Ok(Json(json!({
        "shop_order_id": id,
        "order_number": order.order_number,
        "state": order.state,
        "colour": order.colour,
        "because": order.because,
        "pass": order.pass,
        "erp_order_id": order.erp_order_id,
        "erp_order_number": order.erp_order_number,
        "timeline": detail.timeline,
    })))
}

/// A hint that one order changed: it is looked at now.
///
/// # Errors
/// 401.
pub async fn look(
    State(api): State<Api>,
    Path((connection, id)): Path<(String, String)>,
    headers: HeaderMap,
) -> Result<StatusCode, Refused> {
    let record = authorised(&api, &connection, &headers).await?;
    api.ledger.leave_intent(&record.id, Intent::Look { shop_order_id: id }, BY).await?;
    Ok(StatusCode::ACCEPTED)
}

/// A hint that something changed: the shop is looked at now.
///
/// # Errors
/// 401.
pub async fn sync(
    State(api): State<Api>,
    Path(connection): Path<String>,
    headers: HeaderMap,
) -> Result<StatusCode, Refused> {
    let record = authorised(&api, &connection, &headers).await?;
    api.ledger.leave_intent(&record.id, Intent::Sync, BY).await?;
    Ok(StatusCode::ACCEPTED)
}

/// The connection, if the token is its own. An unknown connection looks like a wrong token, so that names can't be guessed.
async fn authorised(api: &Api, connection: &str, headers: &HeaderMap) -> Result<ConnectionRecord, Refused> {
    let token = headers
        .get(header::AUTHORIZATION)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.strip_prefix("Bearer "))
        .map(str::trim)
        .filter(|token| !token.is_empty())
        .ok_or(Refused::Token)?;
    let record = api
        .ledger
        .connections(false)
        .await?
        .into_iter()
        .find(|known| known.name == connection)
        .ok_or(Refused::Token)?;
    if (api.token_check)(record.clone(), token.to_owned()).await { Ok(record) } else { Err(Refused::Token) }
}

fn key(record: &ConnectionRecord, id: &str) -> OrderKey {
    OrderKey { connection: record.id.clone(), shop: record.shop_id.clone(), shop_order_id: id.to_owned() }
}
