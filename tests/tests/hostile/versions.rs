//! Guests of several versions of the contract on one host, at once.

use orderdock::{
    domain::verdict::{DefaultVerdict, Response, Verdict},
    plugin::{LookUp, Mapper as _},
};

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

/// Three versions on one host: the oldest, the newest of its track, and the sample of what comes next, whose records differ.
#[tokio::test]
async fn three_versions_of_the_contract_are_served_at_once() {
    let (runtime, _dir) = runtime(settings());
    let mut releases = Vec::new();
    for name in ["hostile", "wasi-printer", "next"] {
        let (release, description) = runtime.admit(&guest(name)).await.unwrap();
        assert_eq!(description.name, name);
        releases.push(release);
    }
    for round in 0..3 {
        let calls = releases.iter().map(|release| runtime.map_order(release, order(2), context("good"), tables()));
        let mapped = futures_util::future::join_all(calls).await;
        assert_eq!(path(&mapped[0]), "good", "round {round}");
        assert_eq!(body(&mapped[1]), "good");
        assert_eq!(
            body(&mapped[2]),
            "WEB-10042 39.80 A-0 None High Street 1 1 1 [(\"colour\", \"blue\")]",
            "the order is whole in 0.2 too"
        );
        assert_eq!(mapped[2].log[0].message, "contract 0.2");
        assert_eq!((mapped[2].look_ups[0].table.as_str(), mapped[2].look_ups[0].key.as_str()), ("skus", "A-0"));
    }
    let next = &releases[2];
    let rejected = runtime.map_order(next, order(1), context("reject"), tables()).await;
    let missed = rejected.look_ups.iter().find_map(|asked| asked.missed.as_deref());
    assert_eq!(missed, Some("shipping method"));
    let rejection = rejected.result.unwrap().unwrap_err();
    assert_eq!(rejection.field.as_deref(), Some("lines[0].sku"));
    assert!(rejection.message.ends_with("add it to look-up table `shipping`"), "{rejection:?}");
    // The host's own sentence, which plugins of 0.1 have to make themselves.
    let answer = Response::Http { status: 422, headers: Vec::new(), body: Vec::new() };
    let state = b"kept".to_vec();
    let read = runtime
        .parse_response(next, order(1), context("good"), tables(), state, answer, DefaultVerdict::Rejected)
        .await;
    let Verdict::Rejected(refusal) = read.result.unwrap() else { panic!("not rejected") };
    assert_eq!(refusal.message, "the ERP refused it: HTTP status 422 (kept)");
}
