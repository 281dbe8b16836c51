//! What cosign 2.5.0 made (Debian's package), with a key that was made for this (`cosign generate-key-pair`), without a transparency
//! log (`--tlog-upload=false`): `sign-blob` over [`BLOB`], plain and with both kinds of bundle; `sign -a` over the manifest of an
//! artifact of that one layer in a registry of Debian's. The other way round, `cosign verify` and `verify-blob` took what
//! `plugin push --sign` and `plugin sign` had made, ECDSA and Ed25519, beside cosign's own and alone.

use super::{super::of_file, *};
use crate::signature::FileError;

const PUBLIC: &str = "-----BEGIN PUBLIC KEY-----
MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAElsrXj71PWjlW5+dTu5P/MxgXaCb4
uu1drg7b6nJ/zibM+RkvIOSd1O97MZE5nWuz4o5nEP6+ILZ3XN8XbbNiQA==
-----END PUBLIC KEY-----
";
const PLAIN: &str =
    "MEYCIQDCOEBz7wfdqecoRKtXnMUguEtO/mDOr4esPnc9e6oR9gIhAOoBnlYuNHaDiGilyod12d4JZ1/SAJxJ4ir7+fpgwoRR\n";
const OLDER_BUNDLE: &str = r#"{"base64Signature":"MEYCIQDsJWEWMCgRql7h0+w7IqCtqxRiRVGRtRnwPF5MOcdHswIhAL8Q7sc0ycbt1kGXv5LPu0f7FByjmq8QYQrvaZ7VTMoR"}"#;
const NEWER_BUNDLE: &str = r#"{"mediaType":"application/vnd.dev.sigstore.bundle.v0.3+json", "verificationMaterial":{"publicKey":{"hint":"eZUjpNEgI+EfVFSHtzSqZbCskzur7VnJvmZ4c+DGJxk="}}, "messageSignature":{"messageDigest":{"algorithm":"SHA2_256", "digest":"GHcAM3AQeD8YTcmFGWMn3Xq2WfjMCiAvZFtXF83EgII="}, "signature":"MEQCIAbCJR+Ref2AiiFblm9BY0QUWLACjNjCrf4Oz6fhyHSRAiBs8upfm1kEutVuiM1aZnM4sZh1B34mQPDzb4ExyD/xFQ=="}}"#;
const MANIFEST: &str = r#"{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","config":{"mediaType":"application/vnd.wasm.config.v0+json","digest":"sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a","size":2},"layers":[{"mediaType":"application/wasm","digest":"sha256:187700337010783f184dc985196327dd7ab659f8cc0a202f645b5717cdc48082","size":19}]}"#;
/// The text that was signed, with an annotation of which Go escapes what HTML would.
const PAYLOAD: &str = r#"{"critical":{"identity":{"docker-reference":"127.0.0.1:5099/fix/x"},"image":{"docker-manifest-digest":"sha256:c12a0019a7a3b9a4f9eff1071ec43323e2fbe4e59464333b3326850e73127c81"},"type":"cosign container image signature"},"optional":{"by":"Zoë \u0026 \u003cco\u003e"}}"#;
/// What stands in the annotation `dev.cosignproject.cosign/signature` of its layer.
const OVER_MANIFEST: &str =
    "MEUCIFnWQbnlPQYsvMS5w8fRoyW22vtJ1RUlAgf0+mIzwO4iAiEA3kxUW58p/taqN1tZtWuH5MxhOu+YUQq4/+yh1nACJwI=";

fn judged(signature: ReleaseSignature) -> Result<Standing, Refusal> {
    let known = [trusted("Acme", &PublicKey::read(PUBLIC).unwrap())];
    judge(Required::All, "Acme", &release(BLOB), BLOB, &known, &[signature])
}

#[test]
fn a_file_is_signed_by_cosign_with_and_without_a_bundle() {
    let key_id = PublicKey::read(PUBLIC).unwrap().id();
    for text in [PLAIN, OLDER_BUNDLE, NEWER_BUNDLE] {
        let signature = of_file(text).unwrap();
        assert_eq!(judged(signature), Ok(Standing::Signed { key_id: key_id.clone() }), "{text}");
    }
    let (one, other) = (of_file(PLAIN).unwrap().signature, of_file(NEWER_BUNDLE).unwrap().signature);
    assert_ne!(one, other, "each is another one: ECDSA signs anew each time");
}

#[test]
fn a_manifest_in_a_registry_is_signed_by_cosign() {
    let attached = |payload: &str, manifest: &str| ReleaseSignature {
        signature: OVER_MANIFEST.to_owned(),
        payload: Some(payload.to_owned()),
        manifest: Some(manifest.to_owned()),
    };
    assert!(matches!(judged(attached(PAYLOAD, MANIFEST)), Ok(Standing::Signed { .. })));
    assert!(judged(attached(&PAYLOAD.replace("fix/x", "fix/y"), MANIFEST)).is_err(), "the text was changed");
    assert!(judged(attached(PAYLOAD, &MANIFEST.replace("19", "20"))).is_err(), "the manifest was changed");
    let digest = manifest_of(PAYLOAD.as_bytes()).unwrap();
    assert_eq!(digest, hex::encode(Sha256::digest(MANIFEST)));
}

#[test]
fn a_file_that_holds_no_signature_says_what_it_is() {
    let attested = r#"{"mediaType":"application/vnd.dev.sigstore.bundle.v0.3+json","dsseEnvelope":{"payload":"e30="}}"#;
    assert_eq!(of_file(attested), Err(FileError::NotOfAFile));
    for text in ["", "\n", PUBLIC, "{", r#"{"base64Signature":""}"#, r#"{"messageSignature":{"signature":"?"}}"#, "a b"]
    {
        assert_eq!(of_file(text), Err(FileError::NoSignature), "{text:?}");
    }
}
