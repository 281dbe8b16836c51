//! `orderdock plugin sign`: a publisher's signature over a component, as `cosign sign-blob` makes it.

use std::path::{Path, PathBuf};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use clap::Args;
use serde_json::json;

use super::{
    super::{Failure, output::Output},
    read,
};
use crate::{
    config::HostSettings,
    domain::signature::ReleaseSignature,
    signature::{SigningKey, of_file},
};

/// What to sign.
#[derive(Debug, Args)]
pub struct Arguments {
    /// The component, a `.wasm` file.
    file: PathBuf,
    /// The private key (PEM, PKCS#8, not encrypted): `orderdock publisher new-key` makes one.
    #[arg(long)]
    key: PathBuf,
    /// Where the signature goes; else beside the component, with `.sig` at its end.
    #[arg(long)]
    out: Option<PathBuf>,
}

/// Runs the command.
///
/// # Errors
/// What went wrong.
pub fn run(arguments: &Arguments, settings: &HostSettings, output: Output) -> Result<(), Failure> {
    let bytes = read(&arguments.file, settings)?;
    let key = key(&arguments.key)?;
    let signature = key.sign(&bytes).map_err(|error| Failure::failed(format!("a signature {error}")))?;
    let out = arguments.out.clone().unwrap_or_else(|| format!("{}.sig", arguments.file.display()).into());
    std::fs::write(&out, format!("{}\n", STANDARD.encode(signature)))
        .map_err(|error| Failure::usage(format!("{} can't be written: {error}", out.display())))?;
    output.either(&json!({ "key_id": key.public().id(), "signature": out }), || {
        output.line(format!("Signed with key {}: {}", key.public().id(), out.display()));
    });
    Ok(())
}

/// Reads a private key.
///
/// # Errors
/// What it is instead.
pub fn key(file: &Path) -> Result<SigningKey, Failure> {
    let text = std::fs::read_to_string(file)
        .map_err(|error| Failure::usage(format!("{} can't be read: {error}", file.display())))?;
    SigningKey::read(&text).map_err(|error| Failure::usage(format!("{} {error}", file.display())))
}

/// Reads a signature over a component, as `plugin sign` and `cosign sign-blob` write it, with or without a bundle.
///
/// # Errors
/// When it can't be read.
pub fn signature(file: &Path) -> Result<ReleaseSignature, Failure> {
    let text = std::fs::read_to_string(file)
        .map_err(|error| Failure::usage(format!("{} can't be read: {error}", file.display())))?;
    of_file(&text).map_err(|error| Failure::usage(format!("{} {error}", file.display())))
}
