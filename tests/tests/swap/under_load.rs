//! Swaps while orders flow, judged by the fake ERP's book; the long form is `cargo xtask swaps`.

use std::time::Duration;

use orderdock_tests::{
    crash::cell::Database,
    swaps::{Options, run},
};

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_swaps_on_two_hosts_lose_double_and_confuse_nothing() {
    let options = Options {
        hosts: 2,
        database: Database::Postgres,
        swaps: 1_000,
        releases: 4,
        every: Duration::from_millis(10),
        orders: 3,
    };
    let verdict = run(&options).await;
    assert!(verdict.wrong.is_empty(), "{}", verdict.text());
    assert!(verdict.activations_met > 20 && verdict.orders > 300, "{}", verdict.text());
}

#[tokio::test(flavor = "multi_thread")]
async fn swaps_on_sqlite_lose_double_and_confuse_nothing() {
    let options = Options {
        hosts: 1,
        database: Database::Sqlite,
        swaps: 300,
        releases: 2,
        every: Duration::from_millis(10),
        orders: 5,
    };
    let verdict = run(&options).await;
    assert!(verdict.wrong.is_empty(), "{}", verdict.text());
    assert!(verdict.activations_met > 4, "{}", verdict.text());
}
