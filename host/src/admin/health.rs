//! `/healthz`: the process answers. `/readyz`: everything that should work does, connection by connection. `/metrics`: what the
//! host counts, for Prometheus.

use axum::{
    Json,
    extract::State,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};

use super::Api;
use crate::metrics::CONTENT_TYPE;

/// The process is alive.
pub async fn alive() -> &'static str {
    "alive\n"
}

/// 200 when ready, else 503; the body says why either way.
pub async fn ready(State(api): State<Api>) -> Response {
    let readiness = (api.health_check)().await;
    let status = if readiness.ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, Json(readiness)).into_response()
}

/// The text format of Prometheus. Like `/readyz` it says nothing of an order, and needs no token: only this machine can ask.
pub async fn metrics(State(api): State<Api>) -> Response {
    match (api.figures)().await {
        Ok(text) => ([(header::CONTENT_TYPE, CONTENT_TYPE)], text).into_response(),
        Err(why) => (StatusCode::INTERNAL_SERVER_ERROR, format!("{why}\n")).into_response(),
    }
}
