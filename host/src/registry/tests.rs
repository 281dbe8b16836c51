//! Names, challenges and manifests, without a registry.

use super::{
    Reference, Version,
    artifact::{self, About, Manifest},
    auth::{Challenge, challenge},
};

#[test]
fn names_are_read_whole_or_refused_with_a_reason() {
    let read = |text: &str| Reference::read(text).map(|found| (found.registry, found.repository, found.version));
    let hex = "0123456789abcdef".repeat(4);
    let tag = |text: &str| Version::Tag(text.to_owned());
    assert_eq!(
        read("ghcr.io/acme/json-post:1.2.0").unwrap(),
        ("ghcr.io".to_owned(), "acme/json-post".to_owned(), tag("1.2.0"))
    );
    assert_eq!(read("LocalHost/a").unwrap(), ("localhost".to_owned(), "a".to_owned(), tag("latest")));
    assert_eq!(read("[::1]:5000/a").unwrap().0, "[::1]:5000");
    let both = format!("127.0.0.1:5000/a/b:old@sha256:{hex}");
    assert_eq!(read(&both).unwrap().2, Version::Digest(hex.clone()));
    for wrong in [
        "json-post",
        "acme/json-post",
        "https://ghcr.io/acme/json-post",
        "ghcr.io/",
        "ghcr.io/Acme/x",
        "ghcr.io/a/../b",
        "ghcr.io/a//b",
        "ghcr.io/a b",
        "ghcr.io/a:",
        "ghcr.io/a:-x",
        "ghcr.io/a@sha256:12",
        "ghcr.io/a@md5:12",
        "user@ghcr.io/a",
        "ghcr.io:0/a",
        "ghcr.io?x/a",
        "[::1/a",
        "",
    ] {
        assert!(read(wrong).is_err(), "{wrong}: {:?}", read(wrong));
    }
    let long = format!("ghcr.io/{}", "a".repeat(300));
    assert!(read(&long).is_err());
}

#[test]
fn challenges_are_read_with_commas_in_their_quotes() {
    let bearer =
        challenge(r#"Bearer realm="https://auth.example/token",service="reg",scope="repository:a/b:pull,push""#);
    assert_eq!(
        bearer,
        Some(Challenge::Bearer {
            realm: "https://auth.example/token".to_owned(),
            service: Some("reg".to_owned()),
            scope: Some("repository:a/b:pull,push".to_owned()),
        })
    );
    assert_eq!(challenge("Basic realm=\"x\""), Some(Challenge::Basic));
    assert_eq!(challenge("Bearer service=\"no realm\""), None);
    assert_eq!(challenge("Negotiate"), None);
    assert_eq!(
        challenge("Bearer realm=\"open"),
        Some(Challenge::Bearer { realm: "open".to_owned(), service: None, scope: None })
    );
}

#[test]
fn the_same_release_makes_the_same_manifest_and_others_are_told_apart() {
    let about = About { name: "json-post".to_owned(), version: "1.0.0".to_owned(), ..About::default() };
    let made = artifact::of(b"\0asm", &about);
    assert_eq!(made.manifest, artifact::of(b"\0asm", &about).manifest);
    let read = Manifest::read(&made.manifest).unwrap();
    assert_eq!(read.component(), artifact::sha256(b"\0asm"));
    let config: serde_json::Value = serde_json::from_slice(&made.config).unwrap();
    assert_eq!(config["layerDigests"][0], format!("sha256:{}", read.component()));
    let text = String::from_utf8(made.manifest).unwrap();
    for (from, to, said) in [
        (
            "application/vnd.wasm.config.v0+json",
            "application/vnd.oci.image.config.v1+json",
            "not a WebAssembly component",
        ),
        ("application/wasm", "application/gzip", "its layer is application/gzip"),
        ("\"digest\":\"sha256:", "\"digest\":\"sha512:", "not a SHA-256"),
        ("\"layers\":[", "\"layers\":[{\"mediaType\":\"a\",\"digest\":\"b\",\"size\":1},", "2 layers"),
        ("{", "[", "can't be read"),
    ] {
        let error = Manifest::read(text.replace(from, to).as_bytes()).unwrap_err();
        assert!(error.contains(said), "{error}");
    }
    let index = r#"{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[]}"#;
    assert!(Manifest::read(index.as_bytes()).unwrap_err().contains("image.index"));
}
