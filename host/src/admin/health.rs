//! `/healthz`: the process answers. `/readyz`: everything that should work does, connection by connection.

use axum::{
    Json,
    extract::State,
    http::StatusCode,
    response::{IntoResponse, Response},
};

use super::Api;

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
