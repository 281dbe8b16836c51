//! The Wasm OCI artifact layout: a manifest with one layer of `application/wasm` and a small configuration.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::reference::is_sha256;

/// Media type of the manifest.
pub(super) const IMAGE_MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
/// Media type of the configuration: by it a manifest is known to hold a component.
const CONFIG: &str = "application/vnd.wasm.config.v0+json";
/// Media type of the component.
const LAYER: &str = "application/wasm";
/// The layout wants a time of creation. A constant, so that the same release always makes the same manifest, and a
/// signature over it stays good however often it is pushed.
const CREATED: &str = "1970-01-01T00:00:00Z";

/// The digest of bytes, in hexadecimal.
pub(super) fn sha256(bytes: &[u8]) -> String {
    hex::encode(Sha256::digest(bytes))
}

/// What a manifest says of a release beside its bytes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct About {
    /// The plugin's name.
    pub name: String,
    /// Its version.
    pub version: String,
    /// Who made it.
    pub publisher: String,
    /// One line of what it is.
    pub help: String,
    /// Interfaces that the component exports.
    pub exports: Vec<String>,
    /// Interfaces that it imports.
    pub imports: Vec<String>,
}

/// Where something lies, as OCI writes it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Descriptor {
    /// What it is.
    pub media_type: String,
    /// `sha256:…`.
    pub digest: String,
    /// Bytes.
    pub size: u64,
    /// Names and values beside it.
    #[serde(default, skip_serializing_if = "serde_json::Map::is_empty")]
    pub annotations: serde_json::Map<String, Value>,
}

impl Descriptor {
    /// Of bytes.
    pub(super) fn of(media_type: &str, bytes: &[u8]) -> Self {
        Self {
            media_type: media_type.to_owned(),
            digest: format!("sha256:{}", sha256(bytes)),
            size: bytes.len() as u64,
            annotations: serde_json::Map::new(),
        }
    }

    /// The digest in hexadecimal, if it is one that we know.
    pub(super) fn sha256(&self) -> Option<&str> {
        self.digest.strip_prefix("sha256:").filter(|hex| is_sha256(hex))
    }
}

/// What is pushed beside the component.
pub(super) struct Artifact {
    pub(super) config: Vec<u8>,
    pub(super) manifest: Vec<u8>,
}

/// Describes a component.
pub(super) fn of(component: &[u8], about: &About) -> Artifact {
    let layer = Descriptor::of(LAYER, component);
    let config = json!({
        "created": CREATED,
        "author": about.publisher,
        "architecture": "wasm",
        "os": "wasip2",
        "layerDigests": [layer.digest],
        "component": { "exports": about.exports, "imports": about.imports, "target": null },
    });
    let config = config.to_string().into_bytes();
    let help = about.help.lines().next().unwrap_or_default();
    let manifest = json!({
        "schemaVersion": 2,
        "mediaType": IMAGE_MANIFEST,
        "config": Descriptor::of(CONFIG, &config),
        "layers": [layer],
        "annotations": {
            "org.opencontainers.image.title": about.name,
            "org.opencontainers.image.version": about.version,
            "org.opencontainers.image.vendor": about.publisher,
            "org.opencontainers.image.description": help,
        },
    });
    Artifact { config, manifest: manifest.to_string().into_bytes() }
}

/// A manifest that holds a component.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Manifest {
    /// The component.
    pub(super) layer: Descriptor,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct RawManifest {
    #[serde(default)]
    pub(super) media_type: Option<String>,
    pub(super) config: Option<Descriptor>,
    #[serde(default)]
    pub(super) layers: Vec<Descriptor>,
}

impl Manifest {
    /// Reads a manifest.
    ///
    /// # Errors
    /// What it is instead, in words.
    pub fn read(bytes: &[u8]) -> Result<Self, String> {
        let raw: RawManifest =
            serde_json::from_slice(bytes).map_err(|error| format!("its manifest can't be read: {error}"))?;
        let Some(config) = raw.config else {
            let kind = raw.media_type.unwrap_or_else(|| "no media type".to_owned());
            return Err(format!("it is no single artifact but {kind}"));
        };
        if config.media_type != CONFIG {
            return Err(format!("it holds {}, not a WebAssembly component ({CONFIG})", config.media_type));
        }
        match <[Descriptor; 1]>::try_from(raw.layers) {
            Ok([layer]) if layer.media_type != LAYER => Err(format!("its layer is {}, not {LAYER}", layer.media_type)),
            Ok([layer]) if layer.sha256().is_none() => {
                Err(format!("its layer has the digest `{}`, not a SHA-256", layer.digest))
            }
            Ok([layer]) => Ok(Self { layer }),
            Err(layers) => Err(format!("it has {} layers; a component is one", layers.len())),
        }
    }

    /// The component's digest, in hexadecimal.
    #[must_use]
    pub fn component(&self) -> &str {
        self.layer.sha256().unwrap_or_default()
    }
}
