//! A fake shop: a real server that speaks EvolutionX below `/evo` and WooCommerce REST v3 below `/woo/wp-json/wc/v3`,
//! for any number of accounts (`evo-<account>`; `ck_<account>` with `cs_<account>`), with a durable ledger of its own
//! and a control API below `/control` that stands for buyers, staff and bad days.

pub mod control;
pub mod evolutionx;
pub mod fault;
pub mod ledger;
pub mod woocommerce;
pub mod world;

use std::{net::SocketAddr, path::Path, sync::Arc};

use axum::{Router, middleware::from_fn_with_state};
use serde_json::Value;
use tokio::{net::TcpListener, task::JoinHandle};

pub use fault::{Fault, Play};
pub use ledger::{Event, Key};
pub use world::{Actor, Order, ShopKind, World};

/// A running fake shop. Dropping it stops the server; its ledger stays and the next start goes on from there.
pub struct FakeShop {
    /// What it knows; control methods below are short ways to it.
    pub world: Arc<World>,
    address: SocketAddr,
    server: JoinHandle<()>,
}

/// How to start.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// Port of the loopback interface; 0 = a free one.
    pub port: u16,
    /// Each event is on the disk before it is answered. Without, a kill still loses nothing, a power cut does: for benchmarks,
    /// where the fake must not be the slowest part.
    pub flush: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self { port: 0, flush: true }
    }
}

impl FakeShop {
    /// Starts on a free port of the loopback interface.
    pub async fn start(dir: &Path) -> Self {
        Self::start_with(dir, Options::default()).await
    }

    /// Starts as told.
    pub async fn start_with(dir: &Path, options: Options) -> Self {
        let world = Arc::new(World::open(dir, options.flush));
        let listener = TcpListener::bind(("127.0.0.1", options.port)).await.expect("the fake shop's port is free");
        let address = listener.local_addr().expect("a bound socket has an address");
        let evo =
            evolutionx::router(world.clone()).layer(from_fn_with_state((world.clone(), ShopKind::Evo), fault::play));
        let woo =
            woocommerce::router(world.clone()).layer(from_fn_with_state((world.clone(), ShopKind::Woo), fault::play));
        let router = Router::new()
            .nest("/evo", evo)
            .nest("/woo/wp-json/wc/v3", woo)
            .nest("/control", control::router(world.clone()))
            .layer(axum::extract::DefaultBodyLimit::max(64 << 20));
        let server = tokio::spawn(async move {
            axum::serve(listener, router).await.expect("the fake shop serves");
        });
        Self { world, address, server }
    }

    /// `http://127.0.0.1:PORT`
    #[must_use]
    pub fn address(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Base address for an `evolutionx` connection.
    #[must_use]
    pub fn evo(&self) -> String {
        format!("{}/evo", self.address())
    }

    /// Base address for a `woocommerce` connection.
    #[must_use]
    pub fn woo(&self) -> String {
        format!("{}/woo", self.address())
    }

    /// Places an order as a buyer, in the shop's first status; gives its id.
    pub fn place(&self, shop: ShopKind, account: &str, body: Value) -> u64 {
        self.world.place(shop, account, body, None, None, Actor::buyer())
    }

    /// Plays a fault.
    pub fn fault(&self, fault: Fault) {
        self.world.lock().faults.push(fault);
    }

    /// Sets a status as somebody else than Orderdock.
    pub fn set_status(&self, key: &Key, status: &str, actor: Actor) {
        self.world.record(Event::Status { key: key.clone(), status: status.to_owned(), actor });
    }

    /// An order as it is now.
    #[must_use]
    pub fn order(&self, shop: ShopKind, account: &str, id: u64) -> Option<Order> {
        self.world.lock().orders.get(&Key { shop, account: account.to_owned(), id }).cloned()
    }

    /// How many requests came to a route, for example `evo PUT /orders/{id}`.
    #[must_use]
    pub fn requests(&self, route: &str) -> u64 {
        self.world.lock().counts.requests.get(route).copied().unwrap_or(0)
    }

    /// Waits until the server ends: never, unless it fails.
    pub async fn run(mut self) {
        let _ = (&mut self.server).await;
    }
}

impl Drop for FakeShop {
    fn drop(&mut self) {
        self.server.abort();
    }
}
