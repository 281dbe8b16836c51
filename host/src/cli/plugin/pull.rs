//! `orderdock plugin pull`: a release out of an OCI registry, checked and kept like an uploaded one.

use clap::Args;
use serde_json::json;

use super::{
    super::{Failure, open::Beside, output::Output},
    remote::{self, Login},
};
use crate::registry::Reference;

/// What to fetch.
#[derive(Debug, Args)]
pub struct Arguments {
    /// `registry/name:tag`, or `registry/name@sha256:…` for these very bytes.
    from: String,
    #[command(flatten)]
    login: Login,
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
    super::add(&pulled.component, &exact, &json!({ "reference": exact }), beside, output).await
}
