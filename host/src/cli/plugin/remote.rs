//! What `push` and `pull` share: a registry with the log-in for it.

use std::io::Read as _;

use clap::Args;
use secrecy::SecretString;

use super::super::{Failure, open::Beside};
use crate::registry::{Access, Registry, RegistryError};

/// Most bytes of a password.
const PASSWORD: u64 = 64 << 10;

/// A log-in for this once; else the one of `[registries."…"]` in the host's file.
#[derive(Debug, Args)]
pub struct Login {
    /// User at the registry; the password comes by standard input.
    #[arg(long, requires = "password_stdin")]
    user: Option<String>,
    /// Read the password or token from standard input, where neither history nor process list shows it.
    #[arg(long, requires = "user")]
    password_stdin: bool,
}

/// Opens a registry.
///
/// # Errors
/// A password or certificate that can't be read.
pub fn open(name: &str, login: &Login, beside: &Beside) -> Result<Registry, Failure> {
    let known = beside.settings.registries.get(name).cloned().unwrap_or_default();
    let ca_pem = match &known.ca_file {
        None => None,
        Some(path) => Some(std::fs::read(path).map_err(|error| {
            Failure::usage(format!("registries.\"{name}\".ca_file: {} can't be read: {error}", path.display()))
        })?),
    };
    let given = match &login.user {
        Some(user) => Some((user.clone(), password()?)),
        None => known.login,
    };
    Registry::open(name, Access { login: given, ca_pem }).map_err(failed)
}

fn password() -> Result<SecretString, Failure> {
    let mut text = String::new();
    std::io::stdin()
        .take(PASSWORD)
        .read_to_string(&mut text)
        .map_err(|error| Failure::usage(format!("the password can't be read from standard input: {error}")))?;
    let text = text.trim_end_matches(['\r', '\n']);
    if text.is_empty() {
        return Err(Failure::usage("standard input holds no password: `… --password-stdin < password-file`"));
    }
    Ok(SecretString::from(text.to_owned()))
}

/// What a registry's failure means for the command.
pub fn failed(error: RegistryError) -> Failure {
    match error {
        RegistryError::Reference { .. } | RegistryError::Client { .. } => Failure::usage(error.to_string()),
        RegistryError::NotFound { .. } => Failure::not_found(error.to_string()),
        _ => Failure::failed(error.to_string()),
    }
}
