//! A component of a compiled core module.

use std::path::Path;

use wit_parser::{PackageId, Resolve};

use crate::BuildError;

fn failed(what: &str, error: impl std::fmt::Display) -> BuildError {
    BuildError::Project(format!("{what}: {error:#}"))
}

/// The contract in a folder.
///
/// # Errors
/// When it does not read.
pub fn contract(folder: &Path) -> Result<(Resolve, PackageId), BuildError> {
    let mut contract = Resolve::default();
    let (package, _) = contract.push_dir(folder).map_err(|error| failed("the contract does not read", error))?;
    Ok((contract, package))
}

/// A component of a core module that carries the contract's types already, as Rust's do.
///
/// # Errors
/// When the module is not the core of a plugin.
pub fn of_typed(core: &[u8]) -> Result<Vec<u8>, BuildError> {
    wit_component::ComponentEncoder::default().validate(true).module(core).and_then(|encoder| encoder.encode()).map_err(
        |error| {
            failed("the compiled module is not the core of a plugin; does it export the contract's functions?", error)
        },
    )
}

/// A component of a core module: the contract's types are added, and what the module imports from WASI comes from `adapter`.
///
/// # Errors
/// When the contract does not read or the module is not the core of a plugin.
pub fn of_plain(wit: &Path, core: &[u8], adapter: Option<&[u8]>) -> Result<Vec<u8>, BuildError> {
    let (contract, package) = contract(wit)?;
    let world = contract
        .select_world(&[package], Some("plugin"))
        .map_err(|error| failed("the contract has no world `plugin`", error))?;
    let mut core = core.to_vec();
    wit_component::embed_component_metadata(&mut core, &contract, world, wit_component::StringEncoding::UTF8, false)
        .map_err(|error| failed("the contract's types could not be added", error))?;
    let mut encoder = wit_component::ComponentEncoder::default();
    encoder.validate(true).module(&core).map_err(|error| failed("the compiled module does not read", error))?;
    if let Some(adapter) = adapter {
        encoder
            .adapter("wasi_snapshot_preview1", adapter)
            .map_err(|error| failed("what stands in for WASI does not fit", error))?;
    }
    encoder.encode().map_err(|error| failed("the compiled module is not the core of a plugin", error))
}
