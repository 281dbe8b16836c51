//! A thousand releases on one host: loaded when an order wants them, dropped when others do, never more than fit.

use std::sync::Arc;

use orderdock::{
    domain::id::Digest,
    plugin::{Mapper as _, PluginFault, Settings, Source},
};
use orderdock_tests::tenants::{self, distinct};

use crate::bench::{context, guest, order, runtime, settings, tables};

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_releases_take_turns_in_room_for_fifty() {
    let room = 50;
    let (runtime, dir) = runtime(Settings { loaded_releases: room, ..settings() });
    let bytes = guest("wasi-printer");
    let (first, _) = runtime.admit(&bytes).await.unwrap();
    let releases: Vec<Digest> = (0..1_000).map(|number| tenants::digest(&distinct(&bytes, number))).collect();
    tenants::compiled_before(&dir.path().join("code"), &first, &bytes, &releases).unwrap();
    // Eight lines of calls through all of them at once: each finds its release, and a place among four.
    let releases = Arc::new(releases);
    let lines: Vec<_> = (0..8)
        .map(|line| {
            let (runtime, releases) = (Arc::clone(&runtime), Arc::clone(&releases));
            tokio::spawn(async move {
                for step in 0..releases.len() {
                    let release = &releases[(step + line * 131) % releases.len()];
                    let called = runtime.map_order(release, order(1), context("good"), tables()).await;
                    assert!(matches!(called.result, Ok(Ok(_))), "{:?}", called.result);
                    assert!(runtime.loaded() <= room);
                }
            })
        })
        .collect();
    for line in lines {
        line.await.unwrap();
    }
    assert_eq!(runtime.loaded(), room);
}

#[tokio::test(flavor = "multi_thread")]
async fn large_releases_leave_room_for_fewer() {
    let bytes = guest("wasi-printer");
    let (probe, _probe_dir) = runtime(settings());
    let (first, _) = probe.admit(&bytes).await.unwrap();
    let one = probe.loaded_bytes();
    assert!(one > 100_000, "{one} bytes of code");
    let (runtime, dir) = runtime(Settings { loaded_bytes: one * 5 / 2, ..settings() });
    assert_eq!(runtime.admit(&bytes).await.unwrap().0, first);
    let releases: Vec<Digest> = (0..4).map(|number| tenants::digest(&distinct(&bytes, number))).collect();
    tenants::compiled_before(&dir.path().join("code"), &first, &bytes, &releases).unwrap();
    for release in &releases {
        runtime.prepare(release).await.unwrap();
        assert_eq!((runtime.loaded(), runtime.loaded_bytes()), (2, 2 * one), "two fit, whichever they are");
    }
}

/// A ledger of sorts: one release, or something else in its place.
struct Has(Digest, Vec<u8>);

#[async_trait::async_trait]
impl Source for Has {
    async fn component(&self, release: &Digest) -> Result<Option<Vec<u8>>, String> {
        Ok((*release == self.0).then(|| self.1.clone()))
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_this_machine_never_had_is_fetched_by_the_first_call_and_held_against_its_digest() {
    let bytes = guest("wasi-printer");
    let digest = tenants::digest(&bytes);
    let (good, _dir) = runtime(settings());
    good.fetch_from(Arc::new(Has(digest.clone(), bytes.clone())));
    assert!(!good.knows(&digest));
    let called = good.map_order(&digest, order(1), context("good"), tables()).await;
    assert!(matches!(called.result, Ok(Ok(_))), "{:?}", called.result);
    assert!(good.knows(&digest));

    let (tampered, _dir) = runtime(settings());
    tampered.fetch_from(Arc::new(Has(digest.clone(), distinct(&bytes, 1))));
    for wanted in [digest, tenants::digest(b"nobody's")] {
        let called = tampered.map_order(&wanted, order(1), context("good"), tables()).await;
        assert!(matches!(called.result, Err(PluginFault::NotLoaded { .. })), "{:?}", called.result);
        assert!(!tampered.knows(&wanted));
    }
}
