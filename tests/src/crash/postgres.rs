//! The server of a run on PostgreSQL: one for the whole process, which flushes to the disk as a real one does, with a
//! database of its own for each cell.

use std::sync::{
    OnceLock,
    atomic::{AtomicU32, Ordering},
};

use orderdock_postgres::{Options, Server};

static SERVER: OnceLock<Server> = OnceLock::new();
static NEXT: AtomicU32 = AtomicU32::new(1);

/// The server, started by whoever asks first. Blocks.
///
/// # Panics
/// When PostgreSQL is not installed, or does not start.
pub fn server() -> &'static Server {
    SERVER.get_or_init(|| {
        let settings = vec!["max_connections=400".to_owned()];
        let options = Options { fsync: true, settings, ..Options::default() };
        Server::start(&options).unwrap_or_else(|error| panic!("no PostgreSQL: {error:#}"))
    })
}

/// The address of a new, empty database: the first host brings the tables.
///
/// # Panics
/// As [`server`].
pub async fn database() -> String {
    let made = tokio::task::spawn_blocking(|| {
        let name = format!("cell_{}", NEXT.fetch_add(1, Ordering::Relaxed));
        server().create(&name).unwrap_or_else(|error| panic!("no database: {error:#}"))
    });
    made.await.expect("a panic there is one here")
}
