//! The API: health for machines, and the door by which any system pushes its orders. The only place with axum.
//!
//! This room records what somebody wants and never runs a step: the pipeline notices. It listens on loopback only; a reverse
//! proxy with TLS stands in front of it where orders come from outside.

mod answer;
mod health;
mod push;

use std::{future::Future, pin::Pin, sync::Arc};

use axum::{
    Router,
    extract::DefaultBodyLimit,
    routing::{get, post, put},
};
use tokio_util::sync::CancellationToken;

use crate::ledger::{Ledger, connections::ConnectionRecord};

/// Answers whether a token is the one of a push connection.
pub type TokenCheck = Arc<dyn Fn(ConnectionRecord, String) -> Pin<Box<dyn Future<Output = bool> + Send>> + Send + Sync>;

/// What the host says of itself.
#[derive(Clone, Debug, serde::Serialize)]
pub struct Readiness {
    /// Whether everything that should work does.
    pub ready: bool,
    /// Version of this program.
    pub version: &'static str,
    /// Which database, without its password.
    pub database: String,
    /// Why nothing can be taken or sent, if so.
    pub standstill: Option<String>,
    /// Why the ledger can't be asked just now, if so: then nothing is taken either, until it can.
    pub ledger: Option<String>,
    /// Why the whole host is paused, if it is.
    pub paused: Option<String>,
    /// Passes in hand.
    pub in_hand: usize,
    /// This host's name.
    pub host: String,
    /// It is being emptied: it takes nothing new.
    pub draining: bool,
    /// Every connection.
    pub connections: serde_json::Value,
}

/// Asks the host how it is.
pub type HealthCheck = Arc<dyn Fn() -> Pin<Box<dyn Future<Output = Readiness> + Send>> + Send + Sync>;

/// Writes what the host counts, for `/metrics`; the error is a sentence.
pub type FiguresText = Arc<dyn Fn() -> Pin<Box<dyn Future<Output = Result<String, String>> + Send>> + Send + Sync>;

/// What the API works with.
#[derive(Clone)]
pub struct Api {
    /// All state.
    pub ledger: Arc<dyn Ledger>,
    /// Who may push.
    pub token_check: TokenCheck,
    /// How we are.
    pub health_check: HealthCheck,
    /// What we count.
    pub figures: FiguresText,
    /// Most bytes of a pushed order.
    pub order_bytes: usize,
}

/// The routes.
pub fn router(api: Api) -> Router {
    let limit = api.order_bytes;
    Router::new()
        .route("/healthz", get(health::alive))
        .route("/readyz", get(health::ready))
        .route("/metrics", get(health::metrics))
        .route("/api/v1/schema/order.json", get(push::schema))
        .route("/api/v1/connections/{connection}/orders/{id}", put(push::put_order).get(push::get_order))
        .route("/api/v1/connections/{connection}/orders/{id}/look", post(push::look))
        .route("/api/v1/connections/{connection}/sync", post(push::sync))
        .layer(DefaultBodyLimit::max(limit))
        .with_state(api)
}

/// Serves until stopped.
///
/// # Errors
/// When the listener fails for good.
pub async fn serve(listener: tokio::net::TcpListener, api: Api, stop: CancellationToken) -> std::io::Result<()> {
    axum::serve(listener, router(api)).with_graceful_shutdown(async move { stop.cancelled().await }).await
}
