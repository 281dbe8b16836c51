//! Signatures made by openssl, by cosign and by ourselves, and every way in which one can be wrong.
//!
//! The vectors were made with OpenSSL 3.0 (`openssl genpkey`, `openssl dgst -sha256 -sign`, `openssl pkeyutl -sign -rawin`) and, in
//! `cosigns`, by cosign itself, which is not packaged where the tests run.

mod cosigns;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use sha2::{Digest as _, Sha256};

use super::{PublicKey, Refusal, Required, SigningKey, Standing, Trusted, judge, manifest_of, payload};
use crate::domain::{id::Digest, signature::ReleaseSignature};

const BLOB: &[u8] = b"orderdock component";
const P256_SECRET: &str = "-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgwP167CEtGPnw1MaR
gMyqK0sMAVEGETBWHf9W5OZS236hRANCAARFOWDqadSE5KliDCzGgMwCIT05I765
qAp9nw90sbNokqqdwduzSXMlGqxR44oUJz+qb2Wbk9S3saWtB6phHbWX
-----END PRIVATE KEY-----
";
const P256_PUBLIC: &str = "-----BEGIN PUBLIC KEY-----
MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAERTlg6mnUhOSpYgwsxoDMAiE9OSO+
uagKfZ8PdLGzaJKqncHbs0lzJRqsUeOKFCc/qm9lm5PUt7GlrQeqYR21lw==
-----END PUBLIC KEY-----
";
const P256_SIGNATURE: &str =
    "MEUCICiEjRc8bgAx11rgo8JkpU8/RJlI9OJYvlrpeigu5uEZAiEAsnJw0ojIPSXyzQXUVWPQCXqGRKslffVYs6QyhfdOMag=";
const ED25519_SECRET: &str = "-----BEGIN PRIVATE KEY-----
MC4CAQAwBQYDK2VwBCIEIIA5gUhBK9oFecVJT37pk4+uWF+c805AuEbAbff1DRGV
-----END PRIVATE KEY-----
";
const ED25519_PUBLIC: &str = "-----BEGIN PUBLIC KEY-----
MCowBQYDK2VwAyEAyozLE9K3yhnBbIr/dohDUw+So9KfHQwQg1l7t8Puy9Y=
-----END PUBLIC KEY-----
";
const ED25519_SIGNATURE: &str =
    "BzepKqlNHI4h2PjVgVOCxUSQruHFCF/yzPZ43qX7EJlVkzUmvgJrpIU/g1M6MiQdfCuPCJPNpQ//uUu/sb1MBQ==";

fn release(component: &[u8]) -> Digest {
    Digest(hex::encode(Sha256::digest(component)))
}

fn by_blob(signature: &str) -> ReleaseSignature {
    ReleaseSignature { signature: signature.to_owned(), payload: None, manifest: None }
}

fn trusted(publisher: &str, key: &PublicKey) -> Trusted {
    Trusted { publisher: publisher.to_owned(), key: key.clone() }
}

fn manifest(component: &[u8]) -> String {
    format!(r#"{{"schemaVersion":2,"layers":[{{"digest":"sha256:{}"}}]}}"#, release(component))
}

fn by_manifest(key: &SigningKey, manifest: &str) -> ReleaseSignature {
    let text = payload("registry.example/acme/x", &hex::encode(Sha256::digest(manifest)));
    ReleaseSignature {
        signature: STANDARD.encode(key.sign(&text).unwrap()),
        payload: Some(String::from_utf8(text).unwrap()),
        manifest: Some(manifest.to_owned()),
    }
}

#[test]
fn keys_and_signatures_of_openssl_are_read() {
    for (secret, public, signature) in
        [(P256_SECRET, P256_PUBLIC, P256_SIGNATURE), (ED25519_SECRET, ED25519_PUBLIC, ED25519_SIGNATURE)]
    {
        let key = PublicKey::read(public).unwrap();
        assert_eq!(key.pem(), public);
        assert!(key.verifies(BLOB, &STANDARD.decode(signature).unwrap()));
        assert!(!key.verifies(b"another component", &STANDARD.decode(signature).unwrap()));
        let secret_key = SigningKey::read(secret).unwrap();
        assert_eq!(secret_key.public(), &key);
        assert!(key.verifies(BLOB, &secret_key.sign(BLOB).unwrap()));
    }
    // Ed25519 always makes the same one.
    let made = SigningKey::read(ED25519_SECRET).unwrap().sign(BLOB).unwrap();
    assert_eq!(STANDARD.encode(made), ED25519_SIGNATURE);
}

#[test]
fn what_is_no_key_is_told_apart() {
    for (text, said) in [
        ("", "no public key in PEM form"),
        ("-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n", "another kind"),
        (P256_SECRET, "no public key in PEM form"),
    ] {
        let error = PublicKey::read(text).unwrap_err().to_string();
        assert!(error.contains(said), "{error}");
    }
    let cosigns =
        "-----BEGIN ENCRYPTED SIGSTORE PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED SIGSTORE PRIVATE KEY-----\n";
    assert!(SigningKey::read(cosigns).err().unwrap().to_string().contains("cosign sign --key"));
    assert!(SigningKey::read(P256_PUBLIC).is_err());
}

#[test]
fn a_new_key_is_read_back() {
    let key = SigningKey::generate().unwrap();
    let read = SigningKey::read(&key.pem()).unwrap();
    assert_eq!(read.public().id(), key.public().id());
    assert_eq!(key.public().id().len(), 16);
    assert!(PublicKey::read(&key.public().pem()).unwrap().verifies(b"x", &read.sign(b"x").unwrap()));
}

#[test]
fn only_the_publishers_own_signature_of_this_very_release_counts() {
    let acme = SigningKey::read(P256_SECRET).unwrap();
    let other = SigningKey::generate().unwrap();
    let keys = [trusted("Acme", acme.public()), trusted("Other", other.public())];
    let signed = Standing::Signed { key_id: acme.public().id() };
    let verdict = |signatures: &[ReleaseSignature]| {
        judge(Required::Known, "Acme", &release(BLOB), BLOB, &keys, signatures).map_err(|refusal| refusal.to_string())
    };
    let good = by_manifest(&acme, &manifest(BLOB));
    assert_eq!(verdict(&[by_blob(P256_SIGNATURE)]), Ok(signed.clone()));
    assert_eq!(verdict(std::slice::from_ref(&good)), Ok(signed.clone()));
    // A bad one beside it does no harm.
    assert_eq!(verdict(&[by_blob("AAAA"), good.clone()]), Ok(signed));

    let tampered =
        ReleaseSignature { payload: good.payload.as_ref().map(|text| text.replace("acme", "evil")), ..good.clone() };
    let exchanged = ReleaseSignature { manifest: Some(manifest(b"another component")), ..good.clone() };
    let stranger = SigningKey::generate().unwrap();
    for (signatures, said) in [
        (vec![], "has no signature by that publisher's key"),
        (vec![by_blob("not base64")], "not known here"),
        (vec![by_blob(&STANDARD.encode(stranger.sign(BLOB).unwrap()))], "not known here"),
        (vec![by_blob(&STANDARD.encode(other.sign(BLOB).unwrap()))], "one is by `Other`"),
        (vec![by_blob(&STANDARD.encode(acme.sign(b"another component").unwrap()))], "not of this release"),
        (vec![by_manifest(&acme, &manifest(b"another component"))], "is not about the release"),
        (vec![tampered], "not known here"),
        (vec![exchanged], "it signs the manifest"),
        (vec![ReleaseSignature { manifest: None, ..good.clone() }], "is not there"),
        (vec![ReleaseSignature { payload: None, ..good }], "not of this release"),
    ] {
        let refused = verdict(&signatures).unwrap_err();
        assert!(refused.contains(said), "{refused}");
    }
}

#[test]
fn what_is_required_decides_about_the_rest() {
    let acme = SigningKey::read(P256_SECRET).unwrap();
    let keys = [trusted("Acme", acme.public())];
    let judged = |required, publisher: &str| judge(required, publisher, &release(BLOB), BLOB, &keys, &[]);
    assert_eq!(judged(Required::Off, "Acme"), Ok(Standing::Unsigned));
    assert_eq!(judged(Required::Known, "Somebody"), Ok(Standing::Unsigned));
    assert!(matches!(judged(Required::Known, "Acme"), Err(Refusal::Unsigned { .. })));
    assert!(matches!(judged(Required::All, "Acme"), Err(Refusal::Unsigned { .. })));
    let unknown = judged(Required::All, "Somebody").unwrap_err();
    assert!(unknown.to_string().contains("orderdock publisher add 'Somebody'"), "{unknown}");
}

#[test]
fn texts_are_read_as_cosign_writes_them() {
    let cosigns = r#"{"critical":{"identity":{"docker-reference":"ghcr.io/acme/x"},"image":{"docker-manifest-digest":"sha256:ab12"},"type":"cosign container image signature"},"optional":null}"#;
    assert_eq!(payload("ghcr.io/acme/x", "ab12"), cosigns.as_bytes());
    assert_eq!(manifest_of(cosigns.as_bytes()).as_deref(), Some("ab12"));
    let with_notes = cosigns.replace("null", r#"{"creator":"cosign","timestamp":1}"#);
    assert_eq!(manifest_of(with_notes.as_bytes()).as_deref(), Some("ab12"));
    assert_eq!(manifest_of(cosigns.replace("container image", "other").as_bytes()), None);
    assert_eq!(manifest_of(b"{}"), None);
}
