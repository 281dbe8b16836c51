//! Publishers' signatures: keys, what they sign, and whether a release may be used. The only place with signatures; pure.
//!
//! The forms are cosign's, because that is what publishers already have in their pipelines and what registries show: a
//! signature over the component's bytes (`cosign sign-blob`), or over a text that names the digest of a manifest in a
//! registry (`cosign sign --key`). ECDSA P-256 with SHA-256, or Ed25519; keys as PEM.

mod file;
mod key;
mod policy;
mod statement;
#[cfg(test)]
mod tests;

pub use self::{
    file::{FileError, of_file},
    key::{KeyError, PublicKey, SigningKey},
    policy::{Refusal, Required, Standing, Trusted, judge},
    statement::{manifest_of, payload},
};
