//! A signature over a component as it lies in a file: its text, as `plugin sign` and `cosign sign-blob` write it, or one of the two
//! kinds of bundle that `cosign sign-blob --bundle` writes (the newer one is `dev.sigstore.bundle`, sigstore/protobuf-specs).

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde::Deserialize;

use crate::domain::signature::ReleaseSignature;

/// Why a file holds no signature.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FileError {
    /// Neither of the texts.
    #[error(
        "holds no signature: that is a text in base64, as `orderdock plugin sign` and `cosign sign-blob` write it, or a bundle of cosign's"
    )]
    NoSignature,
    /// A bundle of something else: of an attestation, for example.
    #[error("is a bundle without a signature over a file: `cosign sign-blob` makes one, `cosign attest-blob` does not")]
    NotOfAFile,
}

#[derive(Deserialize)]
struct Bundle {
    #[serde(rename = "messageSignature")]
    newer: Option<MessageSignature>,
    #[serde(rename = "base64Signature")]
    older: Option<String>,
}

#[derive(Deserialize)]
struct MessageSignature {
    signature: String,
}

/// Reads a file's text. Whose signature it is, and whether it is right, is judged with the release.
///
/// # Errors
/// What it is instead.
pub fn of_file(text: &str) -> Result<ReleaseSignature, FileError> {
    let text = text.trim();
    let signature = if text.starts_with('{') {
        let bundle: Bundle = serde_json::from_str(text).map_err(|_| FileError::NoSignature)?;
        bundle.newer.map(|newer| newer.signature).or(bundle.older).ok_or(FileError::NotOfAFile)?
    } else {
        text.to_owned()
    };
    match STANDARD.decode(&signature) {
        Ok(bytes) if !bytes.is_empty() => Ok(ReleaseSignature { signature, payload: None, manifest: None }),
        _ => Err(FileError::NoSignature),
    }
}
