//! A registry, or somebody before it, that serves other bytes than were published.

use orderdock_tests::{
    registry::{Between, Fault, OciRegistry},
    rig::{Rig, component},
};

#[tokio::test(flavor = "multi_thread")]
async fn what_was_changed_is_refused_and_not_kept() {
    let registry = OciRegistry::start(false).await;
    let between = Between::start(&registry.address).await;
    let rig = Rig::bare().await;
    let file = component("json-post").display().to_string();
    let name = "plugins/json-post";
    let pushed = rig.ask(&["plugin", "push", &file, &format!("{}/{name}:0.1.0", registry.address)]).await;
    let digest = pushed["manifest"].as_str().unwrap();
    let by_tag = format!("{}/{name}:0.1.0", between.address);
    let by_digest = format!("{}/{name}@sha256:{digest}", between.address);
    let other = br#"{"schemaVersion":2,"layers":[]}"#.to_vec();
    let image = br#"{"schemaVersion":2,"config":{"mediaType":"application/vnd.oci.image.config.v1+json","digest":"sha256:00","size":2},"layers":[]}"#;
    for (fault, from, said) in [
        (Fault::Blob, &by_tag, "was changed on the way or in the registry"),
        (Fault::LongBlob, &by_tag, "was changed on the way or in the registry"),
        (Fault::Blob, &by_digest, "was changed on the way or in the registry"),
        // By tag, the registry's own word on what it sends is all that there is to check it by.
        (Fault::Manifest, &by_tag, "the manifest of"),
        (Fault::Manifest, &by_digest, "the manifest of"),
        (Fault::OtherManifest(other.clone()), &by_digest, "the manifest of"),
        (Fault::OtherManifest(other), &by_tag, "it is no single artifact"),
        (Fault::OtherManifest(image.to_vec()), &by_tag, "not a WebAssembly component"),
        (Fault::OtherManifest(b"<html>".to_vec()), &by_tag, "can't be read"),
    ] {
        between.set(fault.clone());
        let answer = rig.run(&["plugin", "pull", from]).await;
        assert_eq!(answer.code, 1, "{fault:?} {from}: {answer:?}");
        assert!(answer.err.contains(said), "{fault:?} {from}: {}", answer.err);
        assert_eq!(rig.ask(&["plugin", "list"]).await.as_array().map(Vec::len), Some(0), "{fault:?}");
    }
    // Nothing wrong: it is taken.
    between.set(Fault::None);
    assert_eq!(rig.ask(&["plugin", "pull", &by_digest]).await["added"], true);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_release_that_is_too_large_is_not_even_fetched() {
    let registry = OciRegistry::start(false).await;
    let between = Between::start(&registry.address).await;
    let rig = Rig::bare().await;
    let file = component("json-post").display().to_string();
    rig.ask(&["plugin", "push", &file, &format!("{}/plugins/json-post:0.1.0", registry.address)]).await;
    let host = std::fs::read_to_string(rig.dir().join("orderdock.toml")).unwrap();
    rig.write("orderdock.toml", &host.replace("[plugins]", "[plugins]\nrelease_bytes = \"100KiB\""));
    let said = rig.run(&["plugin", "pull", &format!("{}/plugins/json-post:0.1.0", between.address)]).await;
    assert_eq!(said.code, 1, "{said:?}");
    assert!(said.err.contains("at most 102400 are taken"), "{}", said.err);
    assert!(between.seen().iter().all(|seen| !seen.contains("/blobs/")), "{:?}", between.seen());
}
