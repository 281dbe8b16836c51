//! `orderdock plugin pull`: a release out of an OCI registry, checked and kept like an uploaded one.

use clap::Args;
use serde_json::json;

use super::{
    super::{Failure, open::Beside, output::Output},
    add,
    remote::{self, Login},
};
use crate::{domain::signature::ReleaseSignature, registry::Reference};

/// What to fetch.
#[derive(Debug, Args)]
pub struct Arguments {
    /// `registry/name:tag`, or `registry/name@sha256:…` for these very bytes.
    from: String,
    #[command(flatten)]
    login: Login,
    #[command(flatten)]
    keeping: add::Keeping,
}

/// Runs the command.
///
/// # Errors
/// What went wrong.
pub async fn run(arguments: &Arguments, beside: &Beside, output: Output) -> Result<(), Failure> {
    let from = Reference::read(&arguments.from).map_err(remote::failed)?;
    let registry = remote::open(&from.registry, &arguments.login, beside)?;
    let most = beside.settings.plugins.release_bytes.0;
    let pulled = registry.pull(&from, most).await.map_err(remote::failed)?;
    let exact = format!("{}/{}@sha256:{}", from.registry, from.repository, pulled.digest);
    // What lies beside it may be anybody's; what it is worth is judged with the release.
    let manifest = String::from_utf8(pulled.manifest).unwrap_or_default();
    let attached = registry.signatures(&from.repository, &pulled.digest).await.map_err(remote::failed)?;
    let signatures: Vec<_> = attached
        .into_iter()
        .map(|attached| ReleaseSignature {
            signature: attached.signature,
            payload: Some(String::from_utf8(attached.payload).unwrap_or_default()),
            manifest: Some(manifest.clone()),
        })
        .collect();
    let more = json!({ "reference": exact });
    add::keep(&pulled.component, &exact, &signatures, &more, &arguments.keeping, beside, output).await
}
