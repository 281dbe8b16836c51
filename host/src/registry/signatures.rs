//! Signatures in a registry, where cosign puts them and looks for them: beside the manifest `sha256:ab…` lies the tag
//! `sha256-ab….sig`, whose layers are the signed texts, each with its signature as an annotation
//! (sigstore/cosign, specs/SIGNATURE_SPEC.md).

use serde_json::json;

use super::{
    Registry, RegistryError,
    artifact::{Descriptor, IMAGE_MANIFEST, RawManifest},
    reference::Version,
};

/// Media type of a signed text.
const SIGNED: &str = "application/vnd.dev.cosign.simplesigning.v1+json";
/// Where its signature stands.
const SIGNATURE: &str = "dev.cosignproject.cosign/signature";
/// Largest signed text; ours have 250 bytes.
const SIGNED_BYTES: u64 = 64 << 10;
/// Most signatures that are looked at.
const SIGNATURES: usize = 32;

/// A signature that somebody attached to a manifest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attached {
    /// The text that is signed; it names the manifest's digest.
    pub payload: Vec<u8>,
    /// The signature, in base64.
    pub signature: String,
}

impl Registry {
    /// The signatures of a manifest.
    ///
    /// # Errors
    /// When the registry can't be asked, or serves other bytes than the digests name.
    pub async fn signatures(&self, repository: &str, digest: &str) -> Result<Vec<Attached>, RegistryError> {
        let mut found = Vec::new();
        for layer in self.signed(repository, digest).await? {
            let Some(signature) = layer.annotations.get(SIGNATURE).and_then(|text| text.as_str()) else { continue };
            let payload = self.blob(repository, &layer, SIGNED_BYTES).await?;
            found.push(Attached { payload, signature: signature.to_owned() });
        }
        Ok(found)
    }

    /// The layers of the signatures' manifest; none if there is none.
    async fn signed(&self, repository: &str, digest: &str) -> Result<Vec<Descriptor>, RegistryError> {
        let Some(manifest) = self.manifest(repository, &Version::Tag(tag(digest))).await? else {
            return Ok(Vec::new());
        };
        let raw: RawManifest = serde_json::from_slice(&manifest.bytes).map_err(|error| RegistryError::NotAPlugin {
            what: format!("{repository}:{}", tag(digest)),
            reason: format!("the signatures' manifest can't be read: {error}"),
        })?;
        Ok(raw.layers.into_iter().filter(|layer| layer.media_type == SIGNED).take(SIGNATURES).collect())
    }

    /// Adds a signature to a manifest, beside those that are there.
    ///
    /// # Errors
    /// Why it is not there.
    pub async fn attach(&self, repository: &str, digest: &str, signature: &Attached) -> Result<(), RegistryError> {
        let mut layers = self.signed(repository, digest).await?;
        let mut layer = Descriptor::of(SIGNED, &signature.payload);
        layer.annotations.insert(SIGNATURE.to_owned(), signature.signature.clone().into());
        if !layers.contains(&layer) {
            layers.push(layer);
        }
        let digests: Vec<_> = layers.iter().map(|layer| layer.digest.clone()).collect();
        // As cosign writes it: an image without a program in it.
        let config = json!({
            "architecture": "", "created": "0001-01-01T00:00:00Z", "history": [{ "created": "0001-01-01T00:00:00Z" }],
            "os": "", "rootfs": { "type": "layers", "diff_ids": digests }, "config": {},
        });
        let config = config.to_string().into_bytes();
        let manifest = json!({
            "schemaVersion": 2,
            "mediaType": IMAGE_MANIFEST,
            "config": Descriptor::of("application/vnd.oci.image.config.v1+json", &config),
            "layers": layers,
        });
        self.put_blob(repository, &config).await?;
        self.put_blob(repository, &signature.payload).await?;
        self.put_manifest(repository, &tag(digest), IMAGE_MANIFEST, manifest.to_string().as_bytes()).await
    }
}

/// `sha256-<hex>.sig`.
fn tag(digest: &str) -> String {
    format!("sha256-{digest}.sig")
}
