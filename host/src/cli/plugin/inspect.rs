//! `orderdock plugin inspect`: what a file says of itself.

use std::path::Path;

use serde_json::json;

use super::{read, refused, show};
use crate::{
    cli::{
        Failure,
        open::{Beside, runtime},
        output::Output,
    },
    plugin::Mapper as _,
};

/// Asks the component who it is.
///
/// # Errors
/// Why it is not a plugin that can be used.
pub async fn run(file: &Path, beside: &Beside, output: Output) -> Result<(), Failure> {
    let bytes = read(file, &beside.settings)?;
    let runtime = runtime(&beside.settings)?;
    let (digest, description) =
        runtime.admit(&bytes).await.map_err(|error| refused(&file.display().to_string(), &error))?;
    let result = json!({ "digest": digest, "size": bytes.len(), "description": description });
    output.either(&result, || show::describe(digest.as_str(), bytes.len() as u64, &description, output));
    Ok(())
}
