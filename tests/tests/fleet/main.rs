//! Hosts that share one PostgreSQL: real processes, a real server, judged by what the fakes wrote down.
#![expect(clippy::unwrap_used, reason = "tests")]

mod at_work;
mod network;
mod server;
mod slots;
mod tenants;
mod upgrade;

use orderdock_tests::{crash::scenario::LOOK_UP, rig::Rig};

/// A database of one's own.
async fn database() -> orderdock_postgres::Database {
    // Without a template: the first command of a test makes the tables, as in a new installation.
    tokio::task::spawn_blocking(|| orderdock_postgres::database("", |_| Ok(()))).await.unwrap().unwrap()
}

/// What holds whatever happened: each offered order has one line, the ERP has each exactly once, the ledger says so.
async fn judge(rig: &Rig, offered: &[u64]) {
    assert_eq!(rig.erp.state().doubled(), Vec::<&str>::new(), "the ERP has an order twice");
    for id in offered {
        assert_eq!(rig.accepted(*id), 1, "order {id} in the ERP");
        rig.until_state(*id, "delivered").await;
    }
    let listed = rig.ask(&["order", "list", "--limit", "100000"]).await;
    assert_eq!(listed.as_array().unwrap().len(), offered.len(), "each offered order has one line");
}
