//! OCI registries: where publishers put releases and administrators fetch them from. The layout is the one that wkg and
//! other tools read (CNCF TAG Runtime, "Wasm OCI Artifact layout"); signatures lie where cosign puts them.
//!
//! A registry is trusted with nothing: every byte is checked against a digest, and what a tag stands for is only as
//! good as a signature says.

mod artifact;
mod auth;
mod client;
mod failure;
mod reference;
mod signatures;
#[cfg(test)]
mod tests;

use secrecy::SecretString;

pub use self::{
    artifact::{About, Manifest},
    client::Registry,
    failure::RegistryError,
    reference::{Reference, Version},
    signatures::Attached,
};

/// How a registry is spoken to.
#[derive(Clone, Debug, Default)]
pub struct Access {
    /// User and password or token; none for what everybody may read.
    pub login: Option<(String, SecretString)>,
    /// Certificates of an authority of one's own, as PEM, beside the system's. With one, loopback is asked by TLS too.
    pub ca_pem: Option<Vec<u8>>,
}

/// A release as it lies in a registry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pulled {
    /// The component, whose digest is the one that the manifest names.
    pub component: Vec<u8>,
    /// The manifest, byte for byte: a signature is over its digest.
    pub manifest: Vec<u8>,
    /// The manifest's digest, in hexadecimal.
    pub digest: String,
}

impl Registry {
    /// Puts a release there and lets a tag point to it. Doing it again changes nothing: the same component and description
    /// always make the same manifest.
    ///
    /// # Errors
    /// Why it is not there.
    pub async fn push(&self, to: &Reference, component: &[u8], about: &About) -> Result<Pulled, RegistryError> {
        let artifact = artifact::of(component, about);
        self.put_blob(&to.repository, component).await?;
        self.put_blob(&to.repository, &artifact.config).await?;
        let digest = artifact::sha256(&artifact.manifest);
        let name = match &to.version {
            Version::Tag(tag) => tag.clone(),
            Version::Digest(wanted) if *wanted == digest => format!("sha256:{digest}"),
            Version::Digest(_) => {
                return Err(RegistryError::Reference {
                    text: to.to_string(),
                    reason: format!("this release's manifest is sha256:{digest}; push it by a tag"),
                });
            }
        };
        self.put_manifest(&to.repository, &name, artifact::IMAGE_MANIFEST, &artifact.manifest).await?;
        Ok(Pulled { component: component.to_vec(), manifest: artifact.manifest, digest })
    }

    /// Fetches a release of at most `most` bytes.
    ///
    /// # Errors
    /// Why there is none, or why what is there can't be trusted.
    pub async fn pull(&self, from: &Reference, most: u64) -> Result<Pulled, RegistryError> {
        let found = self.manifest(&from.repository, &from.version).await?;
        let found = found.ok_or_else(|| RegistryError::NotFound { what: from.to_string() })?;
        let manifest = Manifest::read(&found.bytes)
            .map_err(|reason| RegistryError::NotAPlugin { what: from.to_string(), reason })?;
        let component = self.blob(&from.repository, &manifest.layer, most).await?;
        Ok(Pulled { component, manifest: found.bytes, digest: found.digest })
    }
}
