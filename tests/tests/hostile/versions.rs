//! Guests of several versions of the contract on one host, at once.

use orderdock::plugin::{LookUp, Mapper as _};

use crate::bench::{body, context, guest, order, path, runtime, settings, tables};

/// The hostile guest is built against the contract as it was first published, the printer against the newest of the track.
#[tokio::test]
async fn a_guest_of_the_first_version_and_one_that_uses_an_addition_run_side_by_side() {
    let (runtime, _dir) = runtime(settings());
    let (first, _) = runtime.admit(&guest("hostile")).await.unwrap();
    let (newer, _) = runtime.admit(&guest("wasi-printer")).await.unwrap();
    let (old, new) = tokio::join!(
        runtime.map_order(&first, order(1), context("look up"), tables()),
        runtime.map_order(&newer, order(1), context("missing"), tables()),
    );
    assert_eq!(path(&old), "4000-1/true");
    assert!(old.look_ups.iter().all(|asked| asked.missed.is_none()), "{:?}", old.look_ups);
    assert_eq!(
        body(&new),
        "false, no ERP code for shipping method `Express`: add it to look-up table `shipping`, \
         no ERP code for tax rate `19`: add it to look-up table `taxes`"
    );
    let missed = |table: &str, key: &str, what: &str| LookUp {
        table: table.to_owned(),
        key: key.to_owned(),
        value: None,
        missed: Some(what.to_owned()),
    };
    // The second was never asked for with `find`, and is recorded all the same.
    assert_eq!(new.look_ups, [missed("shipping", "Express", "shipping method"), missed("taxes", "19", "tax rate")]);
}
