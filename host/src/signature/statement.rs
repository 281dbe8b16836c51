//! What is signed: the component itself, or cosign's text about a manifest ("simple signing"), which in turn names the
//! component. Either way the chain is followed down to the release's digest.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::PublicKey;
use crate::domain::{id::Digest, signature::ReleaseSignature};

/// What cosign calls the kind of text that it signs.
const KIND: &str = "cosign container image signature";

#[derive(Serialize, Deserialize)]
struct Payload {
    critical: Critical,
    #[serde(default)]
    optional: Option<serde_json::Value>,
}

#[derive(Serialize, Deserialize)]
struct Critical {
    identity: Identity,
    image: Image,
    #[serde(rename = "type")]
    kind: String,
}

#[derive(Serialize, Deserialize)]
struct Identity {
    #[serde(rename = "docker-reference")]
    reference: String,
}

#[derive(Serialize, Deserialize)]
struct Image {
    #[serde(rename = "docker-manifest-digest")]
    digest: String,
}

/// The text to sign for a manifest: `reference` is `registry/name`, `digest` in hexadecimal.
#[must_use]
pub fn payload(reference: &str, digest: &str) -> Vec<u8> {
    let payload = Payload {
        critical: Critical {
            identity: Identity { reference: reference.to_owned() },
            image: Image { digest: format!("sha256:{digest}") },
            kind: KIND.to_owned(),
        },
        optional: None,
    };
    // Plain texts: it can't fail, and an empty text would be signed for nothing.
    serde_json::to_vec(&payload).unwrap_or_default()
}

/// The manifest digest that a text is about, in hexadecimal.
#[must_use]
pub fn manifest_of(payload: &[u8]) -> Option<String> {
    let read: Payload = serde_json::from_slice(payload).ok()?;
    let digest = read.critical.image.digest.strip_prefix("sha256:")?.to_owned();
    (read.critical.kind == KIND).then_some(digest)
}

/// Whether the signature is `key`'s, whatever it is about.
pub(super) fn is_by(signature: &ReleaseSignature, key: &PublicKey, component: &[u8]) -> bool {
    let Ok(bytes) = STANDARD.decode(signature.signature.trim()) else { return false };
    let message = signature.payload.as_deref().map_or(component, str::as_bytes);
    key.verifies(message, &bytes)
}

/// Whether what was signed is this very release; else what it is about.
pub(super) fn is_about(signature: &ReleaseSignature, release: &Digest, component: &[u8]) -> Result<(), String> {
    if hex::encode(Sha256::digest(component)) != release.0 {
        return Err("the component's bytes are not those of the release".to_owned());
    }
    let Some(payload) = &signature.payload else { return Ok(()) };
    let named = manifest_of(payload.as_bytes()).ok_or("the signed text names no manifest")?;
    let manifest = signature.manifest.as_deref().ok_or("the manifest that was signed is not there")?;
    let found = hex::encode(Sha256::digest(manifest.as_bytes()));
    if found != named {
        return Err(format!("it signs the manifest sha256:{named}, not sha256:{found}"));
    }
    let wanted = format!("sha256:{release}");
    let manifest: Manifest =
        serde_json::from_str(manifest).map_err(|error| format!("the signed manifest can't be read: {error}"))?;
    match manifest.layers.as_slice() {
        [layer] if layer.digest == wanted => Ok(()),
        _ => Err(format!("the signed manifest is not about the release {release}")),
    }
}

#[derive(Deserialize)]
struct Manifest {
    layers: Vec<Layer>,
}

#[derive(Deserialize)]
struct Layer {
    digest: String,
}
